//! The demo, whole; and what an overspender leaves behind.

use super::stage::Stage;

/// RN-F1 … F9, P1, P2: the demo runs from nothing to a disclosed overspender and balanced books.
#[test]
fn the_demo_ends_well() {
    let stage = Stage::empty();
    let ended = stage.run("demo --json --keep kept");
    assert_eq!(ended.exit, 0, "{ended:?}");
    let told = ended.json();
    assert_eq!(told["ok"], true, "{told}");
    for scene in [
        "withdrawal",
        "offline_payment",
        "onward_payment",
        "deposit",
        "return",
        "overspending_named",
        "honest_replay_not_accused",
        "audit_balanced",
    ] {
        assert!(told["scenes"][scene].is_object(), "{scene}: {told}");
    }
    assert_eq!(told["scenes"]["audit_balanced"]["balanced"], true, "{told}");
    assert_eq!(told["scenes"]["honest_replay_not_accused"]["cases"], 0, "{told}");
    assert_eq!(told["scenes"]["overspending_named"]["name"], "Jiro Tanaka", "{told}");
    assert!(stage.path("kept/net/network.toml").exists(), "kept as asked");
}

/// RN-X22, F8, P2, P19: who spends a copied wallet twice is named by an exported proof; nobody else ever is.
#[test]
fn a_copied_wallet_names_its_owner() {
    let mut stage = Stage::running();
    stage.copy("jiro", "copy");
    stage.pay("wallet --home jiro", "shop --home cafe", 1_000, "once");
    stage.pay("wallet --home copy", "wallet --home yuki", 1_000, "twice");
    stage.ok("shop --home cafe deposit");
    stage.settled("aoba", "A-2001", 1_000);
    stage.ok("wallet --home yuki deposit 1000_JPY");
    super::stage::until("the case has a name", || {
        stage.ok("issuer --dir net cases")["cases"][0]["name"] == "Jiro Tanaka"
    });
    let cases = stage.ok("issuer --dir net cases --export proof.cose");
    assert_eq!(cases["cases"].as_array().map(Vec::len), Some(1), "one person, one case: {cases}");
    let proof = stage.ok("inspect proof.cose --network net/network.toml");
    assert_eq!((&proof["kind"], &proof["ok"]), (&"overspending proof".into(), &true.into()), "{proof}");
    assert!(!proof.to_string().contains("Jiro"), "a proof holds no name");
    let mut altered = std::fs::read(stage.path("proof.cose")).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    stage.write("altered.cose", &altered);
    assert_eq!(stage.run("inspect altered.cose --network net/network.toml").exit, 1);
    let disclosures = stage.ok("authority --dir net disclosures");
    // besides, the log holds the question whether payee and overspender are one person, answered without a name
    let entries = disclosures["entries"].as_array().unwrap();
    let names: Vec<&str> = entries.iter().filter_map(|entry| entry["name"].as_str()).collect();
    assert_eq!(names, ["Jiro Tanaka"], "{disclosures}");
    for other in ["Yuki", "Cafe", "Hanako", "Taro"] {
        assert!(!disclosures.to_string().contains(other) && !cases.to_string().contains(other), "{other}");
    }
    stage.audits();
    stage.stop();
    stage.audits();
}
