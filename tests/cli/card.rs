//! Cards: the software card's file, PIN and PUK, cards of earlier versions; with the feature `pcsc` cards in readers.

#[cfg(feature = "pcsc")]
mod bench;
mod earlier;
#[cfg(feature = "pcsc")]
mod interrupted;
mod older;
#[cfg(feature = "pcsc")]
mod readers;
#[cfg(feature = "pcsc")]
mod refunds;
mod several;

use std::fs;

use super::stage::{Ended, Stage};

/// Runs a command with these variables.
fn with(stage: &Stage, variables: &[(&str, &str)], line: &str) -> Ended {
    let words: Vec<String> = line.split_whitespace().map(|word| word.replace('_', " ")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = stage.command(&words);
    command.envs(variables.iter().copied()).stdin(std::process::Stdio::null());
    Ended::of(&command.output().expect("the program"))
}

/// The code of a refusal and the exit of its command.
fn refusal(ended: &Ended) -> (i32, String) {
    (ended.exit, ended.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// A wallet's card is one file that only the wallet opens; what is wrong with it is told, and it is left as it is.
#[test]
fn the_software_card_is_one_encrypted_file() {
    let stage = Stage::new();
    let path = stage.path("jiro/card.zeni");
    let whole = fs::read(&path).unwrap();
    assert!(whole.starts_with(b"zenicard"));
    for damaged in [&whole[..whole.len() / 2], &b"a letter"[..], &[&whole[..], &b"x"[..]].concat()[..]] {
        fs::write(&path, damaged).unwrap();
        stage.refused("wallet --home jiro balance", "damaged");
        assert_eq!(fs::read(&path).unwrap(), damaged, "left as it was");
    }
    // cut while it was replaced: the old file counts, what was begun is gone
    fs::write(&path, &whole).unwrap();
    stage.write("jiro/card.zeni.new", &whole[..whole.len() / 3]);
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
    assert!(!stage.path("jiro/card.zeni.new").exists());
    let status = stage.ok("wallet --home jiro card status");
    assert_eq!((&status["life"], &status["card"]), (&"operational".into(), &"soft".into()), "{status}");
    assert_eq!((&status["pin_tries"], &status["puk_tries"]), (&3.into(), &serde_json::Value::Null), "{status}");
    stage.pay("wallet --home jiro", "shop --home cafe", 400, "tea");
    assert_eq!(stage.holds("wallet --home jiro"), 600);
    assert_eq!(stage.ok("shop --home cafe card status")["life"], "operational");
}

/// The wallet keeps its card's PIN until its owner sets one; wrong ones run out, the kept PUK lifts that.
#[test]
fn an_owner_sets_a_pin_of_his_own() {
    let stage = Stage::new();
    let jiro = |variables: &[(&str, &str)], rest: &str| {
        let ended = with(&stage, variables, &format!("wallet --home jiro {rest} --json"));
        assert!(ended.exit == 0 || !ended.stderr.is_empty(), "{ended:?}");
        ended
    };
    let short = jiro(&[("ZENI_NEW_PIN", "12")], "card pin");
    assert_eq!(refusal(&short), (2, "usage".into()), "{short:?}");
    assert_eq!(stage.holds("wallet --home jiro"), 1_000, "nothing changed");
    assert_eq!(jiro(&[("ZENI_NEW_PIN", "2468")], "card pin").exit, 0);
    let asked = jiro(&[], "balance");
    assert_eq!(refusal(&asked), (2, "usage".into()), "{asked:?}");
    assert!(asked.stderr.contains("--pin-file"), "{asked:?}");
    assert_eq!(jiro(&[("ZENI_PIN", "2468")], "balance").exit, 0);
    stage.write("pin", "2468\n");
    assert_eq!(jiro(&[], "--pin-file pin balance").exit, 0);
    for tries in [2, 1] {
        let wrong = jiro(&[("ZENI_PIN", "1111")], "balance");
        assert_eq!(refusal(&wrong), (1, "card_pin".into()), "{wrong:?}");
        assert!(wrong.stderr.contains(&format!("{tries} tries")), "{wrong:?}");
    }
    assert_eq!(jiro(&[("ZENI_PIN", "2468")], "balance").exit, 0, "a right one in between restores the tries");
    for _ in 0..3 {
        jiro(&[("ZENI_PIN", "1111")], "balance");
    }
    let locked = jiro(&[("ZENI_PIN", "2468")], "balance");
    assert_eq!(refusal(&locked), (1, "card_locked".into()), "the right PIN helps no more: {locked:?}");
    assert_eq!(stage.ok("wallet --home jiro card status")["life"], "locked");
    assert_eq!(jiro(&[("ZENI_NEW_PIN", "1357")], "card unblock").exit, 0);
    let held = jiro(&[("ZENI_PIN", "1357")], "balance").json();
    assert_eq!(held["balances"][0]["available"], "JPY:1000", "{held}");
    // a backup makes a card of its own, whose PIN its wallet keeps
    assert_eq!(jiro(&[("ZENI_PIN", "1357")], "backup jiro.backup").exit, 0);
    stage.ok("wallet --home jiro2 restore jiro.backup");
    assert_eq!(stage.balance("wallet --home jiro2", "restored"), 1_000);
}

/// A wallet remembers its kind of card; a kind that is none, or not its own, is told before anything happens.
#[test]
fn a_wallet_keeps_to_its_kind_of_card() {
    let stage = Stage::new();
    assert_eq!(stage.holds("wallet --home jiro --card soft"), 1_000);
    for line in ["wallet --home jiro --card pcsc balance", "wallet --home jiro --card chip balance"] {
        let ended = stage.run(&format!("{line} --json"));
        assert_eq!(refusal(&ended), (2, "usage".into()), "{ended:?}");
    }
    let ended = with(&stage, &[("ZENI_CARD", "pcsc")], "wallet --home jiro balance --json");
    assert_eq!(refusal(&ended), (2, "usage".into()), "{ended:?}");
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
}

/// What was built without readers says how to get them, and leaves nothing behind.
#[cfg(not(feature = "pcsc"))]
#[test]
fn without_readers_it_says_so() {
    let stage = Stage::new();
    let line = stage.enrolment("aoba", "A-1003");
    let mut args = vec!["wallet", "--home", "mei", "--card", "pcsc", "join", "--network", "net/network.toml", "--json"];
    args.extend(["--bank", "aoba", "--account", "A-1003", "--code", &line[3], "--identity", &line[4]]);
    let ended = stage.raw(&args);
    assert_eq!(refusal(&ended), (1, "no_card_readers".into()), "{ended:?}");
    assert!(ended.stderr.contains("--features pcsc"), "{ended:?}");
    assert!(!stage.path("mei/keys.age").exists());
}

/// A card of its own: blank, under a passphrase, never made over another.
#[test]
fn a_card_of_its_own() {
    let stage = Stage::new();
    stage.ok("card --file card.zeni new");
    let status = stage.ok("card --file card.zeni status");
    assert_eq!(status["life"], "manufactured", "{status}");
    assert_eq!(stage.run("card --file card.zeni new").exit, 2, "there is one");
    assert_eq!(stage.run("card --file other.zeni status").exit, 2, "there is none");
    let wrong = with(&stage, &[("ZENI_PASSPHRASE", "another")], "card --file card.zeni status --json");
    assert_eq!(wrong.exit, 1, "{wrong:?}");
    let ended = stage.run("card --file card.zeni serve --port 1 --json");
    assert_eq!(refusal(&ended), (3, "no_virtual_reader".into()), "{ended:?}");
    // the card of a wallet is under another key
    fs::copy(stage.path("jiro/card.zeni"), stage.path("card.zeni")).unwrap();
    stage.refused("card --file card.zeni status", "damaged");
}
