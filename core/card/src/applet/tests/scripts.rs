//! Scripts of commands and the replies they must get: `core/card/scripts`, for whoever writes the applet for another platform.
//!
//! `core/card/scripts/README.md` says how they are written. With `ZENI_BLESS=1` replies are written down as they are.

mod values;

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};
use std::{env, fs, path::PathBuf};

use zeni_crypto::SeededEntropy;
use zeroize::Zeroizing;

use super::super::*;
use crate::{
    apdu::{SHORT_DATA_MAX, SHORT_REPLY_MAX},
    element::testing::{Cut, TestMemory},
};
use values::Values;

/// Bytes of a line of literals that is written down.
const LITERALS_PER_GROUP: usize = 32;

/// A script being run: the card, and what its lines have named.
struct Run {
    memory: TestMemory,
    applet: Applet<TestMemory>,
    values: Values,
    /// The last reply, its word apart, until the script has compared it.
    reply: Option<(Vec<u8>, [u8; 2])>,
    seed: u64,
}

impl Run {
    fn new() -> Run {
        let memory = TestMemory::new();
        let applet = applet(&memory, 1);
        Run { memory, applet, values: Values::new(), reply: None, seed: 1 }
    }

    /// Carries out a line; tells how it is written if its reply is as the card's.
    fn line(&mut self, line: &str) -> Result<String, String> {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        match head {
            "" | "#" => return Ok(line.into()),
            "<" => return self.compare(rest),
            _ if self.reply.is_some() => return Err("the reply before was not compared".into()),
            "let" => {
                let (name, call) = rest.split_once(" = ").ok_or("let $name = function(…)")?;
                self.values.define(name, call)?;
            }
            ">" => {
                let command = self.command(rest)?;
                self.send(&command);
            }
            ">>" => {
                let command = self.values.bytes(rest)?;
                self.send(&command);
            }
            "reset" => self.applet.reset(),
            "cut" => self.memory.cut(0, if rest == "before" { Cut::BeforeCommit } else { Cut::AfterCommit }),
            "power" => {
                self.memory.power_on();
                self.seed += 1;
                self.applet = applet(&self.memory, self.seed);
            }
            other => return Err(format!("{other} is no line of a script")),
        }
        Ok(line.into())
    }

    fn send(&mut self, command: &[u8]) {
        let (data, word) = self.applet.process(command).split_last_chunk().unwrap();
        self.reply = Some((data.to_vec(), *word));
    }

    /// A header, data in brackets, Le; Lc is counted.
    fn command(&self, text: &str) -> Result<Vec<u8>, String> {
        let (head, rest) = text.split_once('[').unwrap_or((text, ""));
        let (data, le) = rest.split_once(']').unwrap_or((rest, ""));
        let (mut command, data) = (self.values.bytes(head)?, self.values.bytes(data)?);
        let le = self.values.bytes(le)?;
        let long = data.len() > SHORT_DATA_MAX;
        if !data.is_empty() {
            let len = u16::try_from(data.len()).unwrap().to_be_bytes();
            command.extend_from_slice(if long { &[0] } else { &[] });
            command.extend_from_slice(if long { &len } else { &len[1..] });
            command.extend_from_slice(&data);
        }
        command.extend_from_slice(if long && !le.is_empty() { &[0] } else { &[] });
        command.extend_from_slice(&le);
        Ok(command)
    }

    /// The reply line as it is written for the reply that came; an error if it is not this one and nothing is blessed.
    fn compare(&mut self, expected: &str) -> Result<String, String> {
        let (data, word) = self.reply.take().ok_or("there is no reply to compare")?;
        let mut rest = &data[..];
        let mut written = vec![String::from("<")];
        for token in expected.split_whitespace().filter(|token| token.starts_with('$')) {
            // what stands before a name is as long as it is written
            let before = self.literal_before(expected, token)?;
            written.extend(groups(take(&mut rest, before)?));
            let (name, len) = token.split_once(':').map_or((token, None), |(name, len)| (name, Some(len)));
            let value = match len {
                Some(len) => take(&mut rest, len.parse().map_err(|_| "a length is a number")?)?.to_vec(),
                None => self.values.bytes(name)?,
            };
            if len.is_some() {
                self.values.set(name, &value);
            } else if take(&mut rest, value.len())? != value {
                return Err(format!("{name} was expected in {}", hex(&data)));
            }
            written.push(token.into());
        }
        written.extend(groups(rest));
        written.push(hex(&word));
        let written = written.join(" ");
        let same = written.replace(' ', "") == format!("<{}", expected.replace(' ', ""));
        if same || bless() { Ok(written) } else { Err(format!("the card answers {written}")) }
    }

    /// Bytes of the literals between the name before `token` and `token`.
    fn literal_before(&self, line: &str, token: &str) -> Result<usize, String> {
        let before: Vec<&str> = line.split_whitespace().take_while(|it| *it != token).collect();
        let literals: String = before.iter().rev().take_while(|it| !it.starts_with('$')).copied().collect();
        Ok(self.values.bytes(&literals)?.len())
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], String> {
    let (taken, after) = rest.split_at_checked(len).ok_or_else(|| format!("the reply ends before: {}", hex(rest)))?;
    *rest = after;
    Ok(taken)
}

fn groups(bytes: &[u8]) -> Vec<String> {
    bytes.chunks(LITERALS_PER_GROUP).map(hex).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn bless() -> bool {
    env::var_os("ZENI_BLESS").is_some()
}

fn applet(memory: &TestMemory, seed: u64) -> Applet<TestMemory> {
    Applet::new(memory.clone(), Zeroizing::new([0x4d; 32]), SeededEntropy::from_number(seed))
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

fn scripts() -> BTreeMap<String, String> {
    let files = fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|it| it == "apdu"));
    scripts
        .map(|path| (path.file_name().unwrap().to_str().unwrap().into(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// Each line of each script gets its reply.
#[test]
fn all_scripts() {
    let scripts = scripts();
    assert!(scripts.len() >= 8, "scripts are missing");
    for (name, script) in scripts {
        let mut run = Run::new();
        let mut written = String::new();
        for (number, line) in script.lines().enumerate() {
            let line = run.line(line).unwrap_or_else(|wrong| panic!("{name}:{}: {wrong}\n  {line}", number + 1));
            written.push_str(&line);
            written.push('\n');
        }
        assert!(run.reply.is_none(), "{name}: the last reply was not compared");
        if bless() && written != script {
            fs::write(directory().join(&name), written).unwrap();
        }
    }
}

/// The scripts send every instruction at least once, and get every status word but those of the classes that no card knows.
#[test]
fn scripts_cover_the_page() {
    let all: String = scripts().into_values().collect();
    let lines = |head: &'static str| all.lines().filter_map(move |line| line.strip_prefix(head)).map(str::trim);
    for instruction in Instruction::ALL {
        let (class, code) = instruction.codes();
        let class = if class == Class::Zeni { "80" } else { "00" };
        assert!(
            lines("> ").any(|it| it.starts_with(&format!("{class} {code:02X}"))),
            "{instruction:?} is in no script"
        );
    }
    let words = [
        "9000", "6581", "6700", "6881", "6882", "6884", "6982", "6983", "6985", "6A80", "6A81", "6A82", "6A83", "6A86",
        "6A88", "6D00", "6E00", "63C2", "6100",
    ];
    for word in words {
        assert!(lines("<").any(|it| it.ends_with(word)), "no reply ends with {word}");
    }
}

/// The control: one wrong byte of a reply is seen.
#[test]
fn a_wrong_reply_is_seen() {
    let mut run = Run::new();
    run.line("> 00 A4 04 00 [F05A454E490001] 00").unwrap();
    let data = run.reply.clone().unwrap().0;
    let right = format!("< {} 9000", hex(&data));
    for at in 2..right.len() {
        let mut wrong = right.clone().into_bytes();
        if wrong[at] == b' ' {
            continue;
        }
        wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
        run.reply = Some((data.clone(), [0x90, 0]));
        assert!(bless() || run.line(core::str::from_utf8(&wrong).unwrap()).is_err(), "{at}");
    }
    run.reply = Some((data, [0x90, 0]));
    run.line(&right).unwrap();
    const { assert!(SHORT_REPLY_MAX == 256) };
}
