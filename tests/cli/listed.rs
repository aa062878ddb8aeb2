//! A key under seal that overspent, from the case to the payee who refuses it.

use super::stage::{Stage, until};

/// HC-P15, HC-X46, HC-F5.6, DESIGN §5 "Trace": a purse under seal is copied and spent twice; once the bank has named its customer, the
/// authority's list names the key, without a name, and a payee who has the list refuses what is left in the copy. Control: a payee
/// without the new list takes it, and an honest customer's money under seal is taken by both.
#[test]
fn an_identified_key_pays_nobody() {
    let stage = Stage::running();
    let line = stage.enrolment("aoba", "A-1003");
    let args = ["wallet", "--home", "mei", "join", "--network", "net/network.toml", "--json", "--bank", "aoba"];
    let joined = stage.raw(&[&args[..], &["--account", "A-1003", "--code", &line[3]]].concat());
    assert_eq!(joined.exit, 0, "{joined:?}");
    stage.ok("wallet --home mei withdraw 100_JPY --via sealed");
    stage.copy("mei", "twin");
    stage.pay("wallet --home mei", "wallet --home taro", 60, "once");
    stage.pay("wallet --home twin", "shop --home cafe", 60, "twice");
    let before = stage.ok("authority --dir net disclosures");
    stage.ok("wallet --home taro deposit 60_JPY");
    stage.ok("shop --home cafe deposit");
    until("the key is listed", || stage.ok("issuer --dir net cases")["cases"][0]["revoked"] == 1);
    assert_eq!(stage.ok("issuer --dir net cases")["cases"][0]["state"], "identified");
    let after = stage.ok("authority --dir net disclosures");
    assert_ne!((&before["list"], &before["head"]), (&after["list"], &after["head"]));
    let entry = &after["entries"][0];
    assert_eq!((&entry["outcome"], &entry["name"]), (&"sealed_revoked".into(), &serde_json::Value::Null), "{after}");
    assert_eq!((&after["broken_at"], &after["list_head_found"]), (&serde_json::Value::Null, &true.into()));

    stage.pay("wallet --home mei", "wallet --home jiro", 10, "control");
    stage.ok("wallet --home yuki request 20_JPY --out r.request");
    stage.ok("wallet --home twin pay r.request --yes --out r.payment");
    stage.resumed("--clock-offset 90000 wallet --home yuki resume");
    let refused = stage.run("wallet --home yuki receive r.payment --json");
    assert_eq!((refused.exit, &refused.json()["code"]), (1, &"revoked".into()), "{refused:?}");
    assert_eq!(stage.holds("wallet --home yuki"), 0);
    stage.audits();
}
