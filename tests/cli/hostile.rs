//! Documents and files that were damaged, made up, replayed or taken from elsewhere.

use std::fs;

use super::stage::Stage;

/// Positions that are cut or altered in a payment.
const SAMPLES: usize = 60;

/// A payment to Yuki that nobody has received yet; the balances that must stay.
fn unreceived(stage: &Stage) -> Vec<u8> {
    stage.ok("wallet --home yuki request 300_JPY --out ask.request");
    stage.ok("wallet --home hanako pay ask.request --out ask.payment");
    fs::read(stage.path("ask.payment")).unwrap()
}

/// That the receipt of `bytes` is refused with exit 1 and a reason.
fn refuses(stage: &Stage, home: &str, bytes: &[u8], what: &str) {
    stage.write("bad.payment", bytes);
    let ended = stage.run(&format!("wallet --home {home} receive bad.payment --json"));
    assert_eq!(ended.exit, 1, "{what}: {ended:?}");
    let told = ended.json();
    assert!(told["code"].as_str().is_some_and(|code| !code.is_empty() && code != "failed"), "{what}: {ended:?}");
    assert!(ended.stderr.starts_with("zeni: ") && ended.stderr.len() > 10, "{what}: {ended:?}");
}

fn balances(stage: &Stage) -> [u64; 4] {
    let payee = ["available", "owed_back", "pending"].map(|figure| stage.balance("wallet --home yuki", figure));
    [stage.holds("wallet --home hanako"), payee[0], payee[1], payee[2]]
}

/// RN-P18, X4: a payment cut anywhere is refused with a reason and both balances stay; whole, it is taken.
#[test]
fn a_cut_payment_is_refused() {
    let stage = Stage::new();
    let payment = unreceived(&stage);
    let before = balances(&stage);
    assert_eq!(before, [12_000, 0, 0, 0]);
    for sample in 0..SAMPLES {
        let cut = payment.len() * sample / SAMPLES;
        refuses(&stage, "yuki", &payment[..cut], &format!("cut at {cut}"));
    }
    // a line end more or less is no damage: what is cut are the armour's last signs
    refuses(&stage, "yuki", &payment[..payment.len() - 2], "cut before the end");
    assert_eq!(balances(&stage), before);
    stage.ok("wallet --home yuki receive ask.payment");
    assert_eq!(balances(&stage), [12_000, 300, 0, 0]);
}

/// RN-P18: any byte flipped is refused with a reason and both balances stay; unaltered, it is taken.
#[test]
fn an_altered_payment_is_refused() {
    let stage = Stage::new();
    let payment = unreceived(&stage);
    let before = balances(&stage);
    for sample in 0..SAMPLES {
        // an odd step meets all parts of the document, and a bit that leaves text text as well as one that does not
        let at = (sample * 9_973 + 5) % (payment.len() - 1);
        let mut altered = payment.clone();
        altered[at] ^= if sample % 2 == 0 { 0x01 } else { 0x80 };
        refuses(&stage, "yuki", &altered, &format!("byte {at} of {}", payment.len()));
    }
    assert_eq!(balances(&stage), before);
    stage.ok("wallet --home yuki receive ask.payment");
    assert_eq!(balances(&stage), [12_000, 300, 0, 0]);
}

/// RN-X21, X25, P20: a payment is good once, for its payee, in its network.
#[test]
fn a_payment_is_good_once_for_its_payee() {
    let stage = Stage::new();
    unreceived(&stage);
    stage.refused("wallet --home taro receive ask.payment", "unknown_request");
    stage.refused("wallet --home hanako receive ask.payment", "unknown_request");
    stage.refused("shop --home cafe receive ask.payment", "unknown_request");
    stage.ok("wallet --home yuki receive ask.payment");
    stage.refused("wallet --home yuki receive ask.payment", "already_received");
    assert_eq!(balances(&stage), [12_000, 300, 0, 0]);
    assert_eq!(stage.holds("wallet --home taro"), 0);
    assert_eq!(stage.holds("shop --home cafe"), 0);
    let cases = stage.ok("issuer --dir net cases");
    assert_eq!(cases["cases"], serde_json::json!([]));
}

/// Too large, empty, no document, another kind of document.
#[test]
fn what_is_no_payment_is_refused() {
    let stage = Stage::new();
    let payment = unreceived(&stage);
    let before = balances(&stage);
    refuses(&stage, "yuki", &payment.repeat(20_000), "oversized");
    refuses(&stage, "yuki", &vec![b'A'; 9_000_000], "oversized and nothing");
    refuses(&stage, "yuki", b"", "empty");
    refuses(&stage, "yuki", b"300 JPY", "words");
    refuses(&stage, "yuki", &[0xff; 500], "bytes");
    refuses(&stage, "yuki", stage.text("ask.request").as_bytes(), "a request");
    let relabelled = stage.text("ask.request").replace("PAYMENT REQUEST", "PAYMENT");
    refuses(&stage, "yuki", relabelled.as_bytes(), "a request that says it is a payment");
    let piped = stage.piped("wallet --home yuki receive - --json", &payment[..payment.len() / 2]);
    assert_eq!(piped.exit, 1, "{piped:?}");
    stage.refused("wallet --home hanako pay ask.payment", "other_document");
    assert_eq!(balances(&stage), before);
}

/// RN-X1: a request and a payment of another network mean nothing here.
#[test]
fn another_network_is_refused() {
    let stage = Stage::new();
    let payment = unreceived(&stage);
    // the prepared network is the same in all copies: another one is a sandbox of its own
    let mut elsewhere = Stage::empty();
    elsewhere.serve_with(&["--customers", "customers.csv"]);
    assert_eq!(elsewhere.join("wallet", "yuki", "kita", "K-1002", None).exit, 0);
    elsewhere.ok("wallet --home yuki request 300_JPY --out foreign.request");
    elsewhere.stop();
    stage.write("foreign.request", elsewhere.text("foreign.request"));
    let paid = stage.run("wallet --home hanako pay foreign.request --json");
    assert_eq!(paid.exit, 1, "{paid:?}");
    assert_eq!(stage.holds("wallet --home hanako"), 12_000);
    refuses(&elsewhere, "yuki", &payment, "of another network");
    assert_eq!(elsewhere.holds("wallet --home yuki"), 0);
    let inspected = elsewhere.run("inspect bad.payment --network net/network.toml --json");
    assert_eq!(inspected.exit, 1, "{inspected:?}");
    assert_eq!(inspected.json()["findings"][0]["holds"], false, "{inspected:?}");
}

/// A wallet trusts what its network file says: with another root or another key nothing is done, and it says so.
#[test]
fn an_altered_network_file_is_noticed() {
    let stage = Stage::running();
    let whole = stage.text("jiro/network.toml");
    let root_of = |text: &str| text.split("-----").nth(2).unwrap().to_owned();
    let authority_key = whole.split("authority_key = \"").nth(1).unwrap()[..64].to_owned();
    let issuer_key = whole.split("issuer_key = \"").nth(1).unwrap()[..64].to_owned();
    let bank_certificate = stage.text("net/bank-kita/certificate.pem").replace('\n', "\\r\n");
    for (what, altered) in [
        ("cut", whole[..whole.len() / 2].to_owned()),
        ("a bank's certificate as root", whole.replace(&root_of(&whole), &root_of(&bank_certificate))),
        (
            "the keys exchanged",
            whole
                .replace(&issuer_key, "x")
                .replace(&authority_key, &issuer_key)
                .replace("\"x\"", &format!("\"{authority_key}\"")),
        ),
        ("no key at all", whole.replace(&issuer_key, &"0".repeat(64))),
        ("another name", whole.replace("name = \"sandbox\"", "name = \"other\"")),
        ("an unknown word", format!("unknown = 1\n{whole}")),
    ] {
        assert_ne!(altered, whole, "{what}");
        stage.write("jiro/network.toml", &altered);
        let ended = stage.run("wallet --home jiro withdraw 100_JPY --now --json");
        assert_eq!(ended.exit, 1, "{what}: {ended:?}");
        assert_eq!(stage.account("kita", "K-1001"), (99_000, 0), "{what}: nothing was debited");
    }
    stage.write("jiro/network.toml", &whole);
    stage.ok("wallet --home jiro withdraw 100_JPY --now");
    assert_eq!(stage.holds("wallet --home jiro"), 1_100, "control");
}

/// DESIGN §1.7: each kind of document says what it is and what holds of it; damaged ones do not hold.
#[test]
fn inspect_tells_what_a_document_is() {
    let stage = Stage::new();
    unreceived(&stage);
    let request = stage.ok("inspect ask.request --network net/network.toml");
    assert_eq!((&request["kind"], &request["ok"]), (&"payment request".into(), &true.into()), "{request}");
    let detail = |what: &str| {
        let found = request["findings"].as_array().and_then(|all| all.iter().find(|it| it["what"] == what));
        found.and_then(|it| it["detail"].as_str()?.parse().ok()).map(zeni_message::Time)
    };
    let text = stage.run("inspect ask.request --network net/network.toml");
    let until = format!("sign until: {}", detail("sign until").expect("seconds"));
    assert!(until.ends_with('Z') && text.stdout.contains(&until), "{text:?}");
    let payment = stage.ok("inspect ask.payment --network net/network.toml");
    assert_eq!((&payment["kind"], &payment["ok"]), (&"payment".into(), &true.into()), "{payment}");
    let text = stage.run("inspect ask.payment --network net/network.toml");
    assert!(text.stdout.contains("✓") && text.stdout.contains("300 JPY"), "{text:?}");
    stage.ok("wallet --home jiro backup jiro.backup");
    for file in ["jiro.backup", "jiro/keys.age", "net/issuer/keys.age"] {
        let keys = stage.run(&format!("inspect {file} --json"));
        assert_eq!(keys.exit, 1, "fast keys do not hold: {keys:?}");
        let told = keys.json();
        assert_eq!(told["findings"][0]["holds"], false, "{told}");
        assert!(told["findings"][0]["detail"].as_str().unwrap().contains("fast keys"), "{told}");
        assert_eq!(keys.stdout.lines().count(), 1, "one object: {keys:?}");
    }
    let armour = stage.text("ask.payment");
    for (what, damaged) in [
        ("cut", armour[..armour.len() / 2].to_owned()),
        ("relabelled", armour.replace("ZENI PAYMENT", "ZENI LICENCE")),
        ("unknown", armour.replace("ZENI PAYMENT", "ZENI POEM")),
        ("empty", String::new()),
    ] {
        stage.write("damaged", damaged);
        let ended = stage.run("inspect damaged --network net/network.toml --json");
        assert_eq!(ended.exit, 1, "{what}: {ended:?}");
        assert_eq!(ended.json()["ok"], false, "{what}");
    }
    assert_eq!(stage.run("inspect ask.payment").exit, 2, "which network is not said");
}
