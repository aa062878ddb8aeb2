//! Scripts of commands and the replies they must get: `core/card/scripts`, for whoever writes the applet for another platform.
//!
//! `core/card/scripts/README.md` says how they are written. With `ZENI_BLESS=1` replies are written down as they are.

mod values;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec,
    vec::Vec,
};
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
    /// The last word by which a command was refused.
    refused: [u8; 2],
    /// The reasons that the card told, each after the word of its refusal.
    reasons: BTreeSet<(u8, [u8; 2])>,
}

impl Run {
    fn new() -> Run {
        let memory = TestMemory::new();
        let applet = applet(&memory, 1);
        let (values, reasons) = (Values::new(), BTreeSet::new());
        Run { memory, applet, values, reply: None, seed: 1, refused: [0; 2], reasons }
    }

    /// Carries out a script; tells how it is written, or its first wrong line.
    fn play(&mut self, script: &str) -> Result<String, String> {
        let (mut written, mut rest) = (String::new(), script);
        while let Some((line, after)) = rest.split_once('\n') {
            let number = script.lines().count() - rest.lines().count() + 1;
            let said = |wrong: String| format!("{number}: {wrong}\n  {line}");
            let Some(times) = line.strip_prefix("repeat ") else {
                written.push_str(&self.line(line).map_err(said)?);
                written.push('\n');
                rest = after;
                continue;
            };
            let (block, next) = after.split_once("\nend\n").ok_or_else(|| said("it has no end".into()))?;
            self.repeat(times, block).map_err(said)?;
            written.push_str(&format!("{line}\n{block}\nend\n"));
            rest = next;
        }
        match self.reply {
            Some(_) => Err("the last reply was not compared".into()),
            None => Ok(written),
        }
    }

    /// Carries out the lines of a block, so many times. What differs from round to round in a reply is named, never blessed.
    fn repeat(&mut self, times: &str, block: &str) -> Result<(), String> {
        let times: usize = times.parse().map_err(|_| "a number is missing")?;
        for round in 1..=times {
            for line in block.lines() {
                let line = line.replace('%', &round.to_string());
                let written = self.line(&line).map_err(|wrong| format!("round {round}, {line}: {wrong}"))?;
                if written != line {
                    return Err(format!("round {round}, {line}: the card answers {written}"));
                }
            }
        }
        Ok(())
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
            "cut" => self.memory.cut(0, cut(rest)?),
            "power" => {
                self.memory.power_on();
                self.start();
            }
            "blank" => {
                self.memory = TestMemory::new();
                self.start();
            }
            other => return Err(format!("{other} is no line of a script")),
        }
        Ok(line.into())
    }

    /// The card begins anew over its memory.
    fn start(&mut self) {
        self.seed += 1;
        self.applet = applet(&self.memory, self.seed);
    }

    fn send(&mut self, command: &[u8]) {
        let (data, word) = self.applet.process(command).split_last_chunk().unwrap();
        let (data, word) = (data.to_vec(), *word);
        match (word, data.first()) {
            ([0x90, 0], Some(reason)) if command.starts_with(&[0x80, 0x2a, 0x01]) => {
                self.reasons.insert((*reason, self.refused));
            }
            ([0x90 | 0x61, _], _) => {}
            (word, _) => self.refused = word,
        }
        self.reply = Some((data, word));
    }

    /// A header, data in brackets, Le; Lc is counted.
    fn command(&self, text: &str) -> Result<Vec<u8>, String> {
        let (head, rest) = text.split_once('[').unwrap_or((text, ""));
        let (data, le) = rest.split_once(']').unwrap_or((rest, ""));
        let (mut command, data) = (self.values.bytes(head)?, self.values.bytes(data)?);
        let le = self.values.bytes(le)?;
        let long = data.len() > SHORT_DATA_MAX || le.len() > 1;
        if !data.is_empty() {
            let len = u16::try_from(data.len()).unwrap().to_be_bytes();
            command.extend_from_slice(if long { &[0] } else { &[] });
            command.extend_from_slice(if long { &len } else { &len[1..] });
            command.extend_from_slice(&data);
        }
        // an extended Le has two bytes, and a third before them where there is no data
        let zeros = match (long, data.is_empty(), le.len()) {
            (true, false, 1) | (true, true, 2) => 1,
            _ => 0,
        };
        command.extend(core::iter::repeat_n(0, zeros));
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
    let short = || format!("{len} bytes are named where {} are left", rest.len());
    let (taken, after) = rest.split_at_checked(len).ok_or_else(short)?;
    *rest = after;
    Ok(taken)
}

fn groups(bytes: &[u8]) -> Vec<String> {
    bytes.chunks(LITERALS_PER_GROUP).map(hex).collect()
}

fn hex(bytes: &[u8]) -> String {
    zeni_crypto::hex(bytes).to_uppercase()
}

fn cut(what: &str) -> Result<Cut, String> {
    Ok(match what {
        "before" => Cut::BeforeCommit,
        "after" => Cut::AfterCommit,
        "fault" => Cut::Fault,
        "full" => Cut::Full,
        _ => return Err(format!("{what} befalls no write")),
    })
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
    assert!(scripts.len() >= 14, "scripts are missing");
    for (name, script) in scripts {
        let written = Run::new().play(&script).unwrap_or_else(|wrong| panic!("{name}:{wrong}"));
        if bless() && written != script {
            fs::write(directory().join(&name), written).unwrap();
        }
    }
}

/// Each reason of the page is told in some script, after a refusal by its word.
#[test]
fn scripts_meet_every_reason() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/card.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| reason | word |")).skip(3);
    let mut wanted = Vec::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<Vec<&str>> =
            row.split('|').skip(1).take(2).map(|cell| cell.split(',').map(str::trim).collect()).collect();
        let [reasons, words] = &cells[..] else { panic!("{row}") };
        for (place, reason) in reasons.iter().enumerate() {
            wanted.push(format!("{reason} {}", words.get(place).unwrap_or(&words[0])));
        }
    }
    assert!(wanted.len() > 40, "the table of reasons is missing");
    let mut told = BTreeSet::new();
    for script in scripts().into_values() {
        let mut run = Run::new();
        run.play(&script).unwrap();
        let word = |[first, second]: [u8; 2]| match first {
            0x63 => String::from("63Cx"),
            _ => format!("{first:02X}{second:02X}"),
        };
        told.extend(run.reasons.into_iter().map(|(reason, refused)| format!("{reason:02X} {}", word(refused))));
    }
    let missing: Vec<_> = wanted.iter().filter(|it| !told.contains(*it)).collect();
    assert!(missing.is_empty(), "in no script: {missing:?}");
    let unknown: Vec<_> = told.iter().filter(|it| !it.starts_with("00 ") && !wanted.contains(it)).collect();
    assert!(unknown.is_empty(), "not on the page: {unknown:?}");
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

/// The control: a wrong reply is seen in whichever round of a block, and so is a block without an end.
#[test]
fn a_wrong_round_is_seen() {
    let select = "> 00 A4 04 00 [F05A454E490001] 00\n< 0101010000900003FF 9000\n";
    let block = |lines: &str| format!("{select}repeat 3\n{lines}end\n");
    let tries = "> 00 20 00 01\n< 6985\n";
    Run::new().play(&block(tries)).expect("the control: a blank card has no PIN");
    let second = block("> 80 2A 0% 00 00\n< $told:33 9000\n");
    let wrong = Run::new().play(&second).expect_err("what a blank card does not tell");
    assert!(wrong.contains("round 2"), "{wrong}");
    assert!(Run::new().play(&format!("{select}repeat 3\n{tries}")).is_err(), "no end");
    assert!(Run::new().play(&format!("{select}> 00 20 00 01\n")).is_err(), "no reply");
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
