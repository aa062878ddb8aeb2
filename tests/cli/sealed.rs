//! The way under seal on the command line: joining without an identity, orders and their documents, ceilings, cases of a bank.

use std::{fs, os::unix::fs::PermissionsExt};

use zeni_crypto::PublicKey;
use zeni_identity::Trust;
use zeni_message::Time;
use zeni_note::sealed::account_key_digest;
use zeni_store::{Caller, Options, Store};

use super::stage::{Stage, until};

/// Joins a customer of a bank without an identity at the authority.
fn join(stage: &Stage, kind: &str, home: &str, bank: &str, account: &str) {
    let line = stage.enrolment(bank, account);
    let args = [kind, "--home", home, "join", "--network", "net/network.toml", "--json", "--bank", bank];
    let joined = stage.raw(&[&args[..], &["--account", account, "--code", &line[3]]].concat());
    assert_eq!(joined.exit, 0, "{joined:?}");
    assert_eq!(joined.json()["licences"], 0);
}

/// A key in hexadecimal.
fn bytes(hex: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal"))
}

/// HC-F2, HC-F3, HC-X10, HC-X11, HC-D5, HC-D6, HC-A12: who joins without an identity withdraws under seal, sees it in balance and history, pays a shop that it is told is terminal, and exports
/// signed order, sealed request and receipt, which `inspect` verifies. Controls: another key or an altered document does not verify; registered withdrawals need a licence.
#[test]
fn orders_and_their_documents() {
    let stage = Stage::running();
    join(&stage, "wallet", "mei", "aoba", "A-1003");
    join(&stage, "shop", "books", "kita", "K-2001");
    stage.refused("wallet --home mei withdraw 100_JPY --via registered", "no_licence");
    let done = stage.ok("wallet --home mei withdraw 200_JPY --via sealed");
    assert_eq!(
        (&done["via"], &done["requests"], &done["redeemed"]),
        (&"sealed".into(), &2.into(), &2.into()),
        "{done}"
    );
    let balance = stage.ok("wallet --home mei balance");
    assert_eq!(balance["balances"][0]["ways"]["sealed"], "JPY:200");
    assert_eq!(stage.ok("wallet --home mei history")["entries"][0]["via"], "sealed");

    stage.ok("shop --home books request 50_JPY --out r.txt");
    let paid = stage.ok("wallet --home mei pay r.txt --yes --out p.txt");
    assert_eq!((&paid["terminal"], &paid["held_before"]), (&true.into(), &"JPY:200".into()), "{paid}");
    let payee = serde_json::json!({"kind": "certified", "name": "Kita Books", "bank": "kita"});
    assert_eq!(paid["payee"], payee, "its bank vouches for its name: {paid}");
    stage.ok("shop --home books receive p.txt");
    assert_eq!(stage.ok("shop --home books balance")["balances"][0]["deposit_only"], "JPY:50");

    let orders = stage.ok("wallet --home mei orders --export orders");
    let key = orders["orders"][0]["account_key"].as_str().expect("a key").to_owned();
    assert_eq!((&orders["orders"][1]["state"], &orders["orders"][1]["receipt"]), (&"issued".into(), &true.into()));
    let network = "--network net/network.toml";
    let inspected = stage.ok(&format!("inspect orders/1-order.txt {network} --key {key}"));
    let told = stage.run(&format!("inspect orders/1-order.txt {network} --key {key}"));
    let signed = inspected["findings"].as_array().and_then(|all| all.iter().find(|it| it["what"] == "signed at"));
    let second: u64 = signed.and_then(|it| it["detail"].as_str()?.parse().ok()).expect("seconds");
    assert!(told.stdout.contains(&format!("signed at: {}", Time(second))), "{told:?}");
    stage.ok(&format!("inspect orders/1-receipt.txt {network}"));
    let sealed = stage.ok("inspect orders/1-request.bin");
    assert_eq!(sealed["kind"], "sealed request");
    assert_eq!(sealed["findings"][1]["detail"], orders["orders"][0]["request"], "{sealed}");
    let certificate = stage.ok(&format!("inspect orders/certificate.pem {network}"));
    assert_eq!(certificate["kind"], "certificate of a customer");
    assert!(certificate["findings"][0]["detail"].as_str().is_some_and(|name| name.ends_with("aoba/A-1003")));
    let cut =
        stage.text("orders/certificate.pem").split_inclusive("-----END CERTIFICATE-----").next().map(str::to_owned);
    stage.write("alone.pem", cut.expect("the first"));
    let alone = stage.run(&format!("inspect alone.pem {network} --json"));
    assert_eq!(alone.json()["code"], "does_not_hold", "control: nothing leads to the root: {alone:?}");
    let root = toml::from_str::<toml::Value>(&stage.text("net/network.toml")).expect("the network's file");
    let trust = Trust::from_pem(root["root_certificate"].as_str().expect("the root's certificate")).expect("a root");
    let now = Time(orders["orders"][0]["time"].as_u64().expect("a time"));
    let identity = trust.verify_chain(&stage.text("orders/certificate.pem"), now).expect("a good certificate");
    assert_eq!(identity.party().customer(), Some(("aoba", "A-1003")));
    let digest = account_key_digest(&PublicKey(bytes(&key))).0;
    assert_eq!(identity.account_key().map(|it| *it.digest()), Some(digest), "it names the key of the orders");
    let other = orders["orders"][0]["request"].as_str().expect("a digest");
    assert_ne!(stage.run(&format!("inspect orders/1-order.txt {network} --key {other} --json")).exit, 0, "control");
    let forged = stage.run(&format!("inspect orders/1-receipt.txt {network} --key {key} --json"));
    assert_eq!(forged.json()["code"], "does_not_hold", "control: {forged:?}");
}

/// HC-F6.1, HC-F6.2, HC-F6.3, HC-F6.4, HC-F6.5, HC-F6.6, HC-F6.7, HC-F6.8, HC-F6.9, HC-V4, HC-O6: the operator lets the issuer make keys for one bank: both servers tell at their start what
/// that weakens, the wallet tells it when it orders; the notes are withdrawn, paid, deposited and, when a purse was copied, named by the bank; its case
/// convinces nobody who does not trust the issuer with such keys. Controls: at first it is off, nothing is told, and such an order gives the money back;
/// and for the other bank, for which it is not switched on, it stays so.
#[test]
fn the_issuer_makes_keys() {
    let mut stage = Stage::running();
    join(&stage, "wallet", "mei", "aoba", "A-1003");
    stage.refused("wallet --home mei withdraw 100_JPY --issuer-made-keys", "sealed_refused");
    let warned = |stage: &Stage| {
        let log = stage.text("servers.err");
        (log.contains("it could sign in their places"), log.contains("could make this bank name any customer"))
    };
    assert_eq!(warned(&stage), (false, false), "control");
    stage.stop();
    let config = stage.text("net/zeni.toml");
    let on = config.replacen("[issuer]\n", "[issuer]\nmakes_keys = [\"aoba\"]\n", 1);
    let on = on.replacen(
        "name = \"aoba\"\naccepts_issuer_made_keys = false",
        "name = \"aoba\"\naccepts_issuer_made_keys = true",
        1,
    );
    assert_eq!(on.len(), config.len() + "makes_keys = [\"aoba\"]\n".len() - 1, "{config}");
    stage.write("net/zeni.toml", on);
    stage.serve();
    assert_eq!(warned(&stage), (true, true), "{}", stage.text("servers.err"));
    stage.refused("wallet --home yuki withdraw 100_JPY --issuer-made-keys", "sealed_refused");

    let done = stage.run("wallet --home mei withdraw 200_JPY --issuer-made-keys --json");
    assert!(done.exit == 0 && done.stderr.contains("it could sign in your place"), "{done:?}");
    assert_eq!((&done.json()["via"], &done.json()["redeemed"]), (&"sealed".into(), &2.into()));
    stage.pay("wallet --home mei", "shop --home cafe", 50, "tea");
    stage.copy("mei", "twin");
    for (payer, payee) in [("mei", "wallet --home taro"), ("twin", "shop --home cafe")] {
        stage.pay(&format!("wallet --home {payer}"), payee, 150, payer);
    }
    stage.ok("wallet --home taro deposit 150_JPY");
    stage.ok("shop --home cafe deposit");
    let identified = |case: &serde_json::Value| case["state"] == "identified";
    until("the bank has identified its customer", || {
        let cases = stage.ok("issuer --dir net cases");
        cases["cases"].as_array().is_some_and(|cases| !cases.is_empty() && cases.iter().all(identified))
    });
    let cases = stage.ok("bank --dir net --bank aoba cases --export case");
    assert_eq!(cases["cases"][0]["name"], "Mei Kato", "{cases}");
    let named = Time(cases["cases"][0]["time"].as_u64().expect("seconds"));
    let told = stage.run("bank --dir net --bank aoba cases");
    assert!(told.stdout.contains(&format!("\"time\": \"{named}\"")), "{told:?}");
    let inspected = stage.run("inspect case --network net/network.toml --fetch-key-lists --json");
    assert_eq!(inspected.json()["code"], "does_not_hold", "{inspected:?}");
    stage.audits();
}

/// HC-P23, HC-F7.2, HC-F7.4, HC-O14, HC-X12: at its ceiling a bank issues nothing more, and nothing is debited; its customer pays, the shop hands in, the issuer
/// closes a cycle: the customer withdraws again as much as came back, and no more.
#[test]
fn a_ceiling_makes_room_when_notes_have_come_back() {
    let stage = Stage::running();
    join(&stage, "wallet", "mei", "aoba", "A-1003");
    join(&stage, "shop", "books", "kita", "K-2001");
    stage.ok("issuer --dir net settle");
    let owes = |stage: &Stage| {
        let circulation = stage.ok("issuer --dir net circulation");
        circulation["circulation"][0]["banks"][0].clone()
    };
    assert_eq!(owes(&stage)["owes"], 0, "what was issued before is settled");
    stage.ok("issuer --dir net ceiling aoba 100_JPY");
    stage.ok("wallet --home mei withdraw 100_JPY");
    let full = |stage: &Stage| {
        let before = stage.account("aoba", "A-1002");
        stage.refused("wallet --home taro withdraw 100_JPY --via sealed", "sealed_refused");
        assert_eq!(stage.account("aoba", "A-1002"), before);
    };
    full(&stage);
    stage.pay("wallet --home mei", "shop --home books", 100, "book");
    stage.ok("shop --home books deposit");
    stage.settled("kita", "K-2001", 100);
    full(&stage);
    let cycle = stage.ok("issuer --dir net settle");
    assert_eq!(cycle["positions"][0]["owes"], 100, "{cycle}");
    stage.ok("wallet --home mei withdraw 100_JPY");
    full(&stage);
    stage.audits();
}

/// HC-F7.4, HC-X12, HC-A21, HC-P15: a ceiling set on the command line refuses and gives the money back; a purse that was copied is found in the bank's cases, by name there alone,
/// with a document that `inspect` verifies; the suspension is lifted by hand.
#[test]
fn ceilings_and_cases() {
    let stage = Stage::running();
    join(&stage, "wallet", "mei", "aoba", "A-1003");
    stage.ok("issuer --dir net ceiling aoba 100_JPY");
    stage.refused("wallet --home mei withdraw 100_JPY", "sealed_refused");
    assert_eq!(stage.account("aoba", "A-1003"), (250, 0));
    let order = stage.ok("wallet --home mei orders")["orders"][0].clone();
    assert_eq!((&order["state"], &order["reason"]), (&"refused".into(), &"ceiling".into()), "{order}");
    assert!(order["asked_until"].is_u64(), "the bank's word is doubted: {order}");
    let told = stage.run("wallet --home mei orders").stdout;
    assert!(
        told.contains("the bank says: refused, ceiling; 'resume' asks again until 2") && told.contains("T"),
        "{told}"
    );
    stage.refused("issuer --dir net ceiling nowhere 100_JPY", "unknown_bank");
    stage.refused("issuer --dir net ceiling aoba 100_CHF", "not_issued");
    stage.ok("issuer --dir net ceiling aoba 1000000_JPY");
    let circulation = stage.ok("issuer --dir net circulation");
    assert_eq!(circulation["circulation"][0]["banks"][0]["ceiling"], 1_000_000, "{circulation}");
    stage.ok("wallet --home mei withdraw 100_JPY");
    stage.copy("mei", "twin");
    for (payer, kind_payee) in [("mei", "wallet --home taro"), ("twin", "shop --home cafe")] {
        stage.ok(&format!("{kind_payee} request 100_JPY --out {payer}.r"));
        stage.ok(&format!("wallet --home {payer} pay {payer}.r --yes --out {payer}.p"));
        stage.ok(&format!("{kind_payee} receive {payer}.p"));
    }
    stage.ok("wallet --home taro deposit 100_JPY");
    stage.ok("shop --home cafe deposit");
    until("the bank has identified its customer", || {
        stage.ok("issuer --dir net cases")["cases"][0]["state"] == "identified"
    });
    assert!(stage.ok("issuer --dir net cases")["cases"][0]["name"].is_null());
    let cases = stage.ok("bank --dir net --bank aoba cases --export case");
    assert_eq!(cases["cases"][0]["name"], "Mei Kato", "{cases}");
    let mode = fs::metadata(stage.path("case")).expect("the case").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it names a person");
    let case = stage.ok("inspect case --network net/network.toml --fetch-key-lists");
    let enrolled =
        |it: &serde_json::Value| it["what"] == "the customer enrolled with this account key" && it["holds"] == true;
    assert!(case["findings"].as_array().is_some_and(|findings| findings.iter().any(enrolled)), "{case}");
    let mut bytes = fs::read(stage.path("case")).expect("the case");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    stage.write("altered", bytes);
    assert_eq!(stage.run("inspect altered --network net/network.toml --fetch-key-lists --json").exit, 1, "control");
    stage.refused("wallet --home mei withdraw 100_JPY", "suspended");
    stage.ok("bank --dir net --bank aoba lift A-1003");
    stage.refused("bank --dir net --bank aoba lift A-1003", "not_suspended");
    stage.refused("bank --dir net --bank aoba lift A-9999", "unknown_account");
    stage.ok("wallet --home mei withdraw 100_JPY");
    // an honest bank's log of identifications has no break to accept
    stage.refused("issuer --dir net accept-log nowhere", "unknown_bank");
    assert_eq!(stage.ok("issuer --dir net accept-log aoba")["accepted"], 0);
    assert_eq!(stage.ok("bank --dir net --bank aoba accept-log")["accepted"], 0);
    assert_eq!(stage.ok("issuer --dir net audit")["report"]["alarms"], serde_json::json!([]));
    stage.audits();
    cut_the_log(&stage);
    stage.refused("bank --dir net --bank aoba audit", "log_broken");
    let said = stage.run("bank --dir net --bank aoba audit").stderr;
    assert!(said.contains("the log of identifications of aoba is broken") && said.contains("accept-log"), "{said}");
    let accepted = stage.ok("bank --dir net --bank aoba accept-log");
    let findings = accepted["findings"].as_array().expect("what was accepted");
    assert!(!findings.is_empty() && accepted["accepted"] == findings.len(), "{accepted}");
    let is_told = |it: &serde_json::Value| it["detail"].as_str().is_some_and(|told| told.contains("has no entry"));
    assert!(findings.iter().any(is_told), "{accepted}");
    stage.ok("bank --dir net --bank aoba audit");
}

/// Deletes the bank's log of identifications behind its back.
fn cut_the_log(stage: &Stage) {
    let store = Store::open_sqlite(stage.path("net/bank-aoba/bank-aoba.db"), &zeni_bank::SCHEMA, Options::inline());
    let delete = |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> {
        Ok(tx.execute("DELETE FROM identification", &[])?)
    };
    assert!(store.expect("the bank's store").write_blocking(Caller::default(), delete).expect("deleted") > 0);
}
