//! What the logs never hold.

use std::process::Stdio;

use super::stage::Stage;

/// DESIGN §8, issue "Services": at the level `debug` neither servers nor wallets log an account, a name, a secret, a
/// key, a serial or an amount; the control finds them where they belong, and the log is not empty.
#[test]
fn logs_hold_nothing_that_links() {
    let mut stage = Stage::running();
    let mut logged = String::new();
    let mut told = String::new();
    let mut run = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(|word| word.replace('_', " ")).collect();
        let mut command = stage.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let output = command.env("ZENI_LOG", "debug").stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "zeni {line}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // lines for people begin with the program's name; all others are log
        for line in said.lines().filter(|line| !line.starts_with("zeni:")) {
            logged.push_str(line);
            logged.push('\n');
        }
        told.push_str(&said);
        told.push_str(&String::from_utf8_lossy(&output.stdout));
    };
    run("wallet --home yuki withdraw 7300_JPY --now");
    run("wallet --home taro request 4321_JPY --memo sesame --out ask.request");
    run("wallet --home yuki pay ask.request --out ask.payment");
    run("wallet --home taro receive ask.payment");
    run("wallet --home taro deposit 1234_JPY");
    run("shop --home cafe request 567_JPY --out till.request");
    run("wallet --home taro pay till.request --out till.payment");
    run("shop --home cafe receive till.payment");
    run("shop --home cafe deposit");
    run("inspect ask.request --network net/network.toml");
    run("bank --dir net --bank aoba statement A-1002");
    run("wallet --home yuki history");
    stage.settled("aoba", "A-2001", 567);
    stage.stop();
    logged.push_str(&stage.text("servers.err"));
    let key = told.split("payee's key: ").nth(1).expect("inspect tells the key")[..64].to_owned();
    let mut linkable: Vec<String> =
        ["A-1002", "A-2001", "K-1002", "Yuki", "Taro", "Cafe", "7300", "4321", "1234", "567 JPY", "JPY:567", "sesame"]
            .map(str::to_owned)
            .to_vec();
    for (bank, account) in [("aoba", "A-1002"), ("kita", "K-1002"), ("aoba", "A-2001")] {
        linkable.extend_from_slice(&stage.enrolment(bank, account)[3..5]);
    }
    linkable.push(key.clone());
    linkable.push(key[..12].to_owned());
    // how long a request took may be any number
    let untimed: Vec<&str> = logged.split_whitespace().filter(|word| !word.starts_with("micros=")).collect();
    for word in &linkable {
        // times and ports are numbers as well: an amount stands by itself
        let found = untimed.windows(3).find(|words| stands_in(&words.join(" "), word));
        assert!(found.is_none(), "'{word}' is in the log: {found:?}");
    }
    for word in ["A-1002", "4321", "7300", key.as_str()] {
        assert!(stands_in(&told, word), "control: '{word}' is found where it is told");
    }
    assert!(logged.contains("/v1/redeem") && logged.lines().count() > 20, "the log is there: {logged}");
    for loud in [" WARN ", " ERROR "] {
        let line = logged.lines().find(|line| line.contains(loud));
        assert!(line.is_none(), "a healthy run warns of nothing: {line:?}");
    }
}

/// Whether `word` stands in `text` and is not part of a longer number.
fn stands_in(text: &str, word: &str) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || c == '.');
    let number = word.bytes().all(|byte| byte.is_ascii_digit());
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !number || !(digit(before) || digit(after) || before == Some(':'))
    })
}
