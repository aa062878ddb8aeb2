//! Wallets with several cards, one per currency.

use super::{refusal, with};
use crate::cli::stage::{Stage, terminate, until};

/// Two persons with an account in yen and one in dollars each, at two banks.
pub(super) const CUSTOMERS: &str = "\
bank,account,name,balance
aoba,A-1,Ren Mori,100000
aoba,A-2,Ren Mori,1000.00 USD
kita,K-1,Aya Ono,100000
kita,K-2,Aya Ono,50.00 USD
";

/// A network in two currencies, with nobody in it.
pub(super) fn exchange() -> Stage {
    let mut stage = Stage::empty();
    stage.write("customers.csv", CUSTOMERS);
    stage.serve_with(&["--customers", "customers.csv"]);
    stage
}

/// The words that add a card `usd` to a home.
fn adds(stage: &Stage, bank: &str, account: &str) -> String {
    let line = stage.enrolment(bank, account);
    format!("card add usd --currency USD --bank {bank} --account {account} --code {}", line[3])
}

/// What the wallet's own card holds, and what its card for dollars does.
fn holds(stage: &Stage, home: &str) -> (String, String) {
    let told = stage.ok(&format!("{home} balance"));
    let available =
        |balance: &serde_json::Value| balance["balances"][0]["available"].as_str().unwrap_or("nothing").to_owned();
    assert_eq!((&told["cards"][0]["name"], &told["cards"][0]["currency"]), (&"usd".into(), &"USD".into()), "{told}");
    (available(&told), available(&told["cards"][0]))
}

/// FX-R4, FX-O29: each currency has its card; amounts and documents find it, what is asked of all goes over both.
#[test]
fn each_currency_has_its_card() {
    let stage = exchange();
    for (home, bank, yen, dollars) in [("ren", "aoba", "A-1", "A-2"), ("aya", "kita", "K-1", "K-2")] {
        let joined = stage.join("wallet", home, bank, yen, None);
        assert_eq!(joined.exit, 0, "{joined:?}");
        let added = stage.ok(&format!("wallet --home {home} {}", adds(&stage, bank, dollars)));
        assert_eq!(added["on"], "usd", "{added}");
        // the same again goes on where it was, and changes nothing
        stage.ok(&format!("wallet --home {home} {}", adds(&stage, bank, dollars)));
    }
    let (ren, aya) = ("wallet --home ren", "wallet --home aya");
    stage.ok(&format!("{ren} withdraw 1000_JPY --now"));
    stage.ok(&format!("{ren} withdraw 20.00_USD --now"));
    stage.ok(&format!("{ren} withdraw 5.00_USD --via sealed"));
    let ran = stage.ok(&format!("{ren} run --until-idle"));
    assert_eq!(ran["cards"][0]["balances"][0]["available"], "USD:25.00", "{ran}");
    assert_eq!(holds(&stage, ren), ("JPY:1000".into(), "USD:25.00".into()));

    for (amount, name) in [("300_JPY", "tea"), ("7.00_USD", "book")] {
        stage.ok(&format!("{aya} request {amount} --out {name}.request"));
        stage.ok(&format!("{ren} pay {name}.request --out {name}.payment"));
        let piped = stage.piped(&format!("{aya} receive - --json"), stage.text(&format!("{name}.payment")).as_bytes());
        assert_eq!(piped.exit, 0, "{piped:?}");
    }
    assert_eq!(holds(&stage, ren), ("JPY:700".into(), "USD:18.00".into()));
    assert_eq!(holds(&stage, aya), ("JPY:300".into(), "USD:7.00".into()));
    let history = stage.ok(&format!("{ren} history"));
    for (entries, currency) in [(&history["entries"], "JPY:"), (&history["cards"][0]["entries"], "USD:")] {
        let entries = entries.as_array().expect("a list");
        let is_of =
            |entry: &serde_json::Value| entry["money"].as_str().is_some_and(|money| money.starts_with(currency));
        assert!(entries.len() >= 3 && entries.iter().all(is_of), "{history}");
    }
    stage.ok(&format!("{aya} deposit 7.00_USD"));
    stage.ok(&format!("{aya} deposit 300_JPY"));
    until("the dollars are on their account", || {
        stage.ok("bank --dir net --bank kita statement K-2")["balance"] == "USD:57.00"
    });
    stage.settled("kita", "K-1", 100_300);

    // a card of its own: status, backup, a wallet made of it
    assert_eq!(stage.ok(&format!("{ren} --on usd card status"))["life"], "operational");
    stage.ok(&format!("{ren} --on usd backup usd.backup"));
    stage.ok("wallet --home dollars restore usd.backup");
    assert_eq!(stage.ok("wallet --home dollars balance")["balances"][0]["restored"], "USD:18.00");
    stage.audits();
}

/// FX-X41: a card that was made for one currency refuses other money, and what has no card of its own stays with the wallet's own.
#[test]
fn a_card_refuses_other_money() {
    let stage = exchange();
    let ren = "wallet --home ren";
    let early = stage.run(&format!("{ren} {} --json", adds(&stage, "aoba", "A-2")));
    assert_eq!(refusal(&early), (1, "not_joined".into()), "{early:?}");
    assert_eq!(stage.join("wallet", "ren", "aoba", "A-1", None).exit, 0);
    // with the wrong code nobody has joined: there is no card
    let wrong = format!("{ren} card add usd --currency USD --account A-2 --code wrong");
    assert_eq!(stage.run(&wrong).exit, 1);
    assert_eq!(stage.ok(&format!("{ren} balance"))["cards"], serde_json::Value::Null);
    stage.ok(&format!("{ren} {}", adds(&stage, "aoba", "A-2")));

    for line in ["request 100_JPY", "withdraw 100_JPY --now", "withdraw 100_JPY --via sealed"] {
        stage.refused(&format!("{ren} --on usd {line}"), "card_currency");
    }
    assert_eq!(holds(&stage, ren), ("nothing".into(), "nothing".into()));
    stage.ok(&format!("{ren} withdraw 100_JPY --now"));
    assert_eq!(holds(&stage, ren).0, "JPY:100");

    let again = adds(&stage, "aoba", "A-2");
    for line in [
        "--on eur balance".to_owned(),
        "--on usd join --network net/network.toml --bank aoba --account A-1 --code x".to_owned(),
        again.replace("add usd", "add own"),
        again.replace("add usd", "add US/D"),
        again.replace("add usd", "add dollars"),
        again.replace("USD", "XQZ"),
        again.replace("--currency USD", "--currency EUR"),
    ] {
        let ended = stage.run(&format!("{ren} {line} --json"));
        assert_eq!(refusal(&ended), (2, "usage".into()), "{line}: {ended:?}");
    }
    assert!(!stage.path("ren/cards/dollars").exists());
    let inner = stage.run(&format!("wallet --home ren/cards/usd {} --json", again.replace("add usd", "add usd2")));
    assert_eq!(refusal(&inner), (2, "usage".into()), "{inner:?}");
}

/// FX-O29: a card that is not at hand is asked for by its name, exit 3, and does not stop the others.
#[test]
fn a_card_that_is_not_at_hand_stops_no_other() {
    let stage = exchange();
    let ren = "wallet --home ren";
    assert_eq!(stage.join("wallet", "ren", "aoba", "A-1", None).exit, 0);
    stage.ok(&format!("{ren} {}", adds(&stage, "aoba", "A-2")));
    stage.ok(&format!("{ren} withdraw 500_JPY --now"));
    let mut other = stage.start(&["wallet", "--home", "ren", "--wait", "20", "--on", "usd", "run"], "other");
    for command in ["balance", "history", "resume"] {
        until("the other process has the card", || stage.run(&format!("{ren} {command}")).exit == 3);
        let ended = stage.run(&format!("{ren} {command} --json"));
        assert_eq!(refusal(&ended), (3, "wallet_in_use".into()), "{ended:?}");
        assert!(ended.stderr.contains("'usd'"), "{ended:?}");
        let told = ended.json();
        assert_eq!(told["cards"][0]["code"], "wallet_in_use", "{told}");
        assert!(told["balances"].is_array() || told["entries"].is_array() || told["resumed"].is_array(), "{told}");
    }
    stage.ok(&format!("{ren} withdraw 100_JPY --now"));
    let ended = stage.run(&format!("{ren} withdraw 1.00_USD --json"));
    assert_eq!(refusal(&ended), (3, "wallet_in_use".into()), "{ended:?}");
    terminate(&mut other);
    assert_eq!(holds(&stage, ren), ("JPY:600".into(), "nothing".into()));

    // a PIN of its own is asked for by the card's name and shown to no other card
    let changed = with(&stage, &[("ZENI_NEW_PIN", "2468")], &format!("{ren} --on usd card pin --json"));
    assert_eq!(changed.exit, 0, "{changed:?}");
    let asked = with(&stage, &[("ZENI_PIN", "1111")], &format!("{ren} balance --json"));
    assert_eq!(refusal(&asked), (2, "usage".into()), "{asked:?}");
    assert!(asked.stderr.contains("'usd'") && asked.stderr.contains("ZENI_PIN_USD"), "{asked:?}");
    assert_eq!(asked.json()["balances"][0]["available"], "JPY:600", "{asked:?}");
    assert_eq!(with(&stage, &[("ZENI_PIN_USD", "2468")], &format!("{ren} balance --json")).exit, 0);
    // without its file one card is refused, the other not
    std::fs::remove_file(stage.path("ren/cards/usd/card.zeni")).unwrap();
    let lost = stage.run(&format!("{ren} balance --json"));
    assert_eq!(refusal(&lost), (1, "damaged".into()), "{lost:?}");
    assert_eq!(lost.json()["balances"][0]["available"], "JPY:600", "{lost:?}");
}

/// FX-O29: what the wallet's own card has to do with stays its own after a card for that currency came: a request that it paid
/// is shown again in the same bytes and not paid twice, and what answers its request, or gives its money back, comes to it. Control: a
/// request that nobody has paid goes to the card of its currency.
#[test]
fn a_document_finds_the_card_that_knows_it() {
    let stage = exchange();
    assert_eq!(stage.join("wallet", "ren", "aoba", "A-2", None).exit, 0);
    assert_eq!(stage.join("wallet", "aya", "kita", "K-2", None).exit, 0);
    let (ren, aya) = ("wallet --home ren", "wallet --home aya");
    stage.ok(&format!("{ren} withdraw 30.00_USD --now"));
    stage.ok(&format!("{aya} withdraw 10.00_USD --now"));
    for (home, amount, name) in [(aya, "5.00_USD", "book"), (aya, "1.00_USD", "late"), (ren, "2.00_USD", "answered")] {
        stage.ok(&format!("{home} request {amount} --out {name}.request"));
    }
    stage.ok(&format!("{ren} pay book.request --out book.payment"));
    stage.ok(&format!("{aya} pay answered.request --out answered.payment"));
    stage.ok(&format!("{ren} {}", adds(&stage, "aoba", "A-2")));
    stage.ok(&format!("{ren} withdraw 20.00_USD --now"));
    assert_eq!(holds(&stage, ren), ("USD:25.00".into(), "USD:20.00".into()));

    let again = stage.ok(&format!("{ren} pay book.request"));
    assert_eq!(
        (again["again"].as_bool(), again["document"].as_str()),
        (Some(true), Some(&*stage.text("book.payment")))
    );
    stage.ok(&format!("{ren} receive answered.payment"));
    assert_eq!(holds(&stage, ren), ("USD:27.00".into(), "USD:20.00".into()));
    // nobody paid this one
    stage.ok(&format!("{ren} pay late.request --out late.payment"));
    assert_eq!(holds(&stage, ren), ("USD:27.00".into(), "USD:19.00".into()));

    // paid twice, by hand: the second is given back to the card that paid it
    stage.ok(&format!("{ren} --on usd pay book.request --out twice.payment"));
    stage.ok(&format!("{aya} receive twice.payment"));
    stage.ok(&format!("{aya} receive book.payment"));
    stage.ok(&format!("{aya} give-back --out back.payment"));
    stage.ok(&format!("{ren} receive back.payment"));
    assert_eq!(holds(&stage, ren), ("USD:32.00".into(), "USD:14.00".into()));
}
