//! Every command of wallets and shops with cards in readers.

use std::fs;

use super::{
    bench::{Bench, PIN, READERS, Stranger, home},
    refusal,
    several::exchange,
    with,
};
use crate::cli::stage::{ALL_DUE_S, until};

/// RN-R7, FX-R4: two wallets whose keys are on cards withdraw both ways, pay, receive, give back, deposit, renew, go on after
/// interruptions, are backed up and reported lost, as wallets with software cards do.
#[test]
fn every_wallet_command_with_a_card_in_a_reader() {
    let bench = Bench::new();
    let told = bench.joined();
    let names: Vec<&str> = told.iter().map(|told| told["card"].as_str().expect("a name")).collect();
    assert_ne!(names[0], names[1]);
    assert!(told.iter().all(|told| told["puk"].as_str().is_some_and(|puk| puk.len() == 8)), "{told:?}");
    for (bank, account) in [("aoba", "A-3001"), ("kita", "K-3001")] {
        let cards = bench.stage.ok(&format!("bank --dir net --bank {bank} cards {account}"));
        assert_eq!(cards["cards"].as_array().map(Vec::len), Some(1), "joining ended with the first contact: {cards}");
    }
    let (stage, ren, aya) = (&bench.stage, home("wallet", "ren", 0), home("wallet", "aya", 1));

    stage.ok(&format!("{ren} withdraw 2300_JPY --via registered --now"));
    assert_eq!(stage.holds(&ren), 2_300);
    stage.ok(&format!("{aya} withdraw 1000_JPY --via sealed"));
    stage.resumed(&format!("{aya} resume"));
    until("the sealed note is there", || stage.ok(&format!("{aya} resume")).is_object() && stage.holds(&aya) == 1_000);
    let orders = stage.ok(&format!("{aya} orders --export orders"));
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1), "{orders}");
    stage.ok(&format!("{ren} withdraw 100_JPY"));
    stage.ok(&format!("--clock-offset {ALL_DUE_S} {ren} run --until-idle"));
    assert_eq!(stage.holds(&ren), 2_400);

    stage.pay(&ren, &aya, 1_700, "rent");
    stage.pay(&aya, &ren, 200, "tea");
    let again = stage.ok(&format!("{ren} pay rent.request"));
    assert_eq!(again["document"].as_str(), Some(&*stage.text("rent.payment")), "the same bytes again");
    let payments = stage.ok(&format!("{ren} payments"));
    assert_eq!(payments["payments"].as_array().map(Vec::len), Some(1), "{payments}");
    assert_eq!((stage.holds(&ren), stage.holds(&aya)), (900, 2_500));
    stage.ok(&format!("{ren} request 50_JPY --out late.request"));
    stage.ok(&format!("{aya} pay late.request --out late.payment"));
    let late = stage.ok(&format!("--clock-offset 1000000 {ren} receive late.payment"));
    assert_eq!(late["outcome"], "late", "{late}");
    stage.ok(&format!("{ren} give-back --out back.payment"));
    stage.ok(&format!("{aya} receive back.payment"));
    assert_eq!((stage.holds(&ren), stage.holds(&aya)), (900, 2_500));

    stage.ok(&format!("{aya} deposit 500_JPY"));
    stage.settled("kita", "K-3001", 99_500);
    let renewed = stage.ok(&format!("{aya} renew"));
    assert!(renewed["renewed"].is_array(), "{renewed}");
    let history = stage.ok(&format!("{ren} history"));
    assert!(history["entries"].as_array().is_some_and(|entries| entries.len() >= 4), "{history}");
    stage.resumed(&format!("{ren} resume"));

    // the records can be backed up, the money cannot: it is where the card is
    let backup = stage.ok(&format!("{ren} backup ren.backup"));
    assert_eq!(backup["money"], false, "{backup}");
    stage.refused(&format!("{ren} backup ren.move --move"), "card_unsupported");
    fs::remove_dir_all(stage.path("ren")).unwrap();
    let soft = stage.run("wallet --home ren --card soft restore ren.backup --json");
    assert_eq!(refusal(&soft), (2, "usage".into()), "{soft:?}");
    stage.ok(&format!("{ren} restore ren.backup"));
    assert_eq!(stage.holds(&ren), 900, "with its card the wallet is whole again");
    stage.pay(&ren, &aya, 900, "rest");
    stage.ok(&format!("{aya} deposit 2900_JPY"));
    stage.settled("kita", "K-3001", 102_400);

    stage.ok(&format!("{ren} report-lost"));
    stage.refused(&format!("{ren} withdraw 100_JPY"), "licence_revoked");
    stage.audits();
}

/// A shop with a card takes payments and hands them in.
#[test]
fn a_shop_with_a_card_in_a_reader() {
    let bench = Bench::new();
    let joined = bench.join("shop", "books", 0, "kita", "K-2001");
    assert_eq!(joined.exit, 0, "{joined:?}");
    let (stage, books) = (&bench.stage, home("shop", "books", 0));
    stage.pay("wallet --home hanako", &books, 300, "novel");
    stage.pay("wallet --home jiro", &books, 200, "poems");
    assert_eq!(stage.holds(&books), 500);
    assert_eq!(stage.ok(&format!("{books} history"))["entries"].as_array().map(Vec::len), Some(2));
    stage.ok(&format!("{books} deposit"));
    stage.settled("kita", "K-2001", 500);
    stage.resumed(&format!("{books} resume"));
    assert_eq!(stage.ok(&format!("{books} card status"))["card"], "pcsc");
    stage.audits();
}

/// Another card in the reader is told by the name of the right one, and never sees the PIN; so are no card, no such reader,
/// and a card that has an owner already.
#[test]
fn the_right_card_is_asked_for_by_name() {
    let mut bench = Bench::new();
    let [ren, _] = bench.joined();
    let name = ren["card"].as_str().unwrap().to_owned();
    // a card with an owner is not made over
    let all = bench.stage.run(
        "wallet --home mei --card pcsc join --network net/network.toml --bank aoba --account A-1003 --code x --json",
    );
    assert_eq!(refusal(&all), (1, "card_taken".into()), "{all:?}");
    let taken = bench.join("wallet", "mei", 0, "aoba", "A-1003");
    assert_eq!(refusal(&taken), (1, "card_taken".into()), "{taken:?}");
    assert!(!bench.stage.path("mei/keys.age").exists());
    // without a reader's name the card is found wherever it is
    assert_eq!(bench.stage.holds("wallet --home ren --pin-file pin"), 0);
    let elsewhere = format!("wallet --home ren --card pcsc:{} --pin-file pin", READERS[1]);
    let line = format!("{elsewhere} balance --json");
    let ended = with(&bench.stage, &[("ZENI_PIN", "1111")], &line);
    assert_eq!(refusal(&ended), (3, "other_card".into()), "{ended:?}");
    assert!(ended.stderr.contains(&format!("insert the card {name}")), "{ended:?}");
    let aya = bench.stage.ok(&format!("{} card status", home("wallet", "aya", 1)));
    assert_eq!(aya["pin_tries"], 3, "no PIN was shown to the other card: {aya}");
    let unknown = bench.stage.run("wallet --home ren --card pcsc:Nothing --pin-file pin balance --json");
    assert_eq!(refusal(&unknown), (1, "unknown_reader".into()), "{unknown:?}");
    assert!(unknown.stderr.contains("'Virtual PCD 00 01'"), "those that are there are named: {unknown:?}");
    bench.remove(0);
    until("the reader is empty", || {
        let line = format!("wallet --home ren --card pcsc:{} --pin-file pin balance --json", READERS[0]);
        refusal(&bench.stage.run(&line)) == (3, "no_card".into())
    });
    // the card goes into the other reader, and is found there
    bench.remove(1);
    bench.insert("one", 1);
    assert_eq!(bench.stage.holds("wallet --home ren --wait 20 --pin-file pin"), 0);
}

/// A card of another make in the other reader hides nobody's card: one without the applet, one that says yes to SELECT and knows
/// nothing after it, one that breaks off, one that tells nonsense. Alone in its reader each is an error of its own, and sees no PIN.
#[test]
fn strange_cards_hide_no_other() {
    let mut bench = Bench::new();
    bench.joined();
    bench.remove(0);
    bench.remove(1);
    bench.insert("one", 1);
    let selected = &[1, 7, 1, 0, 0, 0x90, 0, 3, 10, 0x90, 0x00];
    let strangers = [
        (Stranger { select: &[0x6A, 0x82], others: &[0x6D, 0x00] }, "not_a_zeni_card"),
        (Stranger { select: selected, others: &[0x6D, 0x00] }, "card_strange"),
        (Stranger { select: selected, others: &[0x90] }, "card_link"),
        (Stranger { select: selected, others: &[7, 7, 7, 0x90, 0x00] }, "other_card"),
    ];
    for (stranger, code) in strangers {
        let (found, alone) = bench.beside(0, stranger, |stage| {
            let found = stage.run("wallet --home ren --pin-file pin balance --json");
            let line = format!("wallet --home ren --card pcsc:{} --pin-file pin balance --json", READERS[0]);
            (found, stage.run(&line))
        });
        assert_eq!(found.exit, 0, "{stranger:?}: {found:?}");
        assert_eq!(refusal(&alone).1, code, "{stranger:?}: {alone:?}");
    }
}

/// Wrong PINs run out and the PUK, told once at joining, lifts that; while one command has the card another waits.
#[test]
fn pin_and_puk_of_a_card_in_a_reader() {
    let bench = Bench::new();
    let [ren, _] = bench.joined();
    let puk = ren["puk"].as_str().unwrap().to_owned();
    let stage = &bench.stage;
    let line = |rest: &str| format!("wallet --home ren --wait 20 {rest} --json");
    let none = stage.run(&line("balance"));
    assert_eq!(refusal(&none), (2, "usage".into()), "no terminal, no PIN: {none:?}");
    for tries in ["2 tries", "1 tries"] {
        let wrong = with(stage, &[("ZENI_PIN", "1111")], &line("balance"));
        assert_eq!(refusal(&wrong), (1, "card_pin".into()), "{wrong:?}");
        assert!(wrong.stderr.contains(tries), "{wrong:?}");
    }
    let locked = with(stage, &[("ZENI_PIN", "1111")], &line("balance"));
    assert_eq!(refusal(&locked), (1, "card_locked".into()), "{locked:?}");
    let locked = with(stage, &[("ZENI_PIN", PIN)], &line("balance"));
    assert_eq!(refusal(&locked), (1, "card_locked".into()), "{locked:?}");
    let wrong = with(stage, &[("ZENI_PUK", "00000000"), ("ZENI_NEW_PIN", "1357")], &line("card unblock"));
    assert_eq!(wrong.exit, 1, "{wrong:?}");
    let unblocked = with(stage, &[("ZENI_PUK", &puk), ("ZENI_NEW_PIN", "1357")], &line("card unblock"));
    assert_eq!(unblocked.exit, 0, "{unblocked:?}");
    assert_eq!(with(stage, &[("ZENI_PIN", "1357")], &line("balance")).exit, 0);
    let changed = with(stage, &[("ZENI_PIN", "1357"), ("ZENI_NEW_PIN", PIN)], &line("card pin"));
    assert_eq!(changed.exit, 0, "{changed:?}");
    assert_eq!(with(stage, &[("ZENI_PIN", PIN)], &line("balance")).exit, 0);
    // joining again tells no PUK any more
    let again = bench.join("wallet", "ren", 0, "aoba", "A-3001");
    assert!(!again.stdout.contains(&puk) && !again.stderr.contains(&puk), "{again:?}");
}

/// FX-R4, FX-O29, FX-X41: a wallet with a card for yen and one for dollars, in two readers and in turn in one: what is missing is
/// asked for by its name, the other is used meanwhile, and each sees its own PIN alone.
#[test]
fn two_cards_in_one_wallet() {
    let mut bench = Bench::over(exchange());
    let joined = bench.join("wallet", "ren", 0, "aoba", "A-1");
    assert_eq!(joined.exit, 0, "{joined:?}");
    let own = joined.json()["card"].as_str().expect("a name").to_owned();
    let code = bench.stage.enrolment("aoba", "A-2")[3].clone();
    let ren = |stage: &crate::cli::stage::Stage, rest: &str| {
        let line = format!("wallet --home ren --wait 1 {rest} --json");
        with(stage, &[("ZENI_PIN", PIN), ("ZENI_PIN_USD", "1357")], &line)
    };
    let add = format!("card add usd --currency USD --account A-2 --code {code} --card pcsc:{}", READERS[1]);
    let added = ren(&bench.stage, &add);
    assert_eq!(added.exit, 0, "{added:?}");
    assert!(added.json()["puk"].is_string(), "{added:?}");
    for line in ["withdraw 1000_JPY --now", "withdraw 20.00_USD --now", "balance"] {
        let ended = ren(&bench.stage, line);
        assert_eq!(ended.exit, 0, "{line}: {ended:?}");
    }

    // the card for dollars is out
    bench.remove(1);
    let ended = ren(&bench.stage, "balance");
    assert_eq!(refusal(&ended), (3, "other_card".into()), "{ended:?}");
    assert!(ended.stderr.contains("insert the card 'usd'"), "{ended:?}");
    assert_eq!(ended.json()["balances"][0]["available"], "JPY:1000", "{ended:?}");
    let ended = ren(&bench.stage, "request 5.00_USD --out late.request");
    assert_eq!(refusal(&ended), (3, "other_card".into()), "{ended:?}");
    let ended = ren(&bench.stage, "request 500_JPY --out yen.request");
    assert_eq!(ended.exit, 0, "{ended:?}");

    // one reader: the other card goes into it
    bench.remove(0);
    let ended = ren(&bench.stage, "request 5.00_USD --out late.request");
    assert_eq!(refusal(&ended), (3, "no_card".into()), "{ended:?}");
    assert!(ended.stderr.contains("insert the card 'usd'"), "{ended:?}");
    bench.insert("two", 0);
    let ended = ren(&bench.stage, "request 5.00_USD --out dollars.request");
    assert_eq!(ended.exit, 0, "{ended:?}");
    let ended = ren(&bench.stage, "balance");
    assert_eq!(refusal(&ended), (3, "other_card".into()), "{ended:?}");
    assert!(ended.stderr.contains(&format!("insert the card {own}")), "{ended:?}");
    assert_eq!(ended.json()["cards"][0]["balances"][0]["available"], "USD:20.00", "{ended:?}");
    let ended = ren(&bench.stage, "--on usd request 500_JPY");
    assert_eq!(refusal(&ended), (1, "card_currency".into()), "{ended:?}");
    let status = ren(&bench.stage, "--on usd card status");
    assert_eq!((&status.json()["card"], &status.json()["pin_tries"]), (&"pcsc".into(), &3.into()), "{status:?}");
}
