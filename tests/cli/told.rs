//! What commands tell of things that are neither done nor refused as people expect.

use super::stage::{Stage, terminate, until};

/// DESIGN §7, RN-X7: a withdrawal whose requests nobody redeems is done all the same: it ends with 0, since the same again
/// would withdraw once more, says why it waits, and `resume` finishes it. With the issuer there, nothing waits.
#[test]
fn a_withdrawal_without_an_issuer_is_told() {
    let mut stage = Stage::running();
    let quick = stage.ok("wallet --home yuki withdraw 100_JPY --now");
    assert_eq!((quick["redeemed"].as_u64(), &quick["waiting"]), (Some(1), &serde_json::Value::Null), "{quick}");
    stage.stop();
    let config = stage.text("net/zeni.toml");
    let (before, rest) = config.split_once("[issuer]").expect("an issuer");
    let (_, banks) = rest.split_once("[[bank]]").expect("a bank");
    stage.write("net/lonely.toml", format!("{before}[[bank]]{banks}"));
    let mut lonely = stage.start(&["serve", "net/lonely.toml"], "lonely");
    until("it is ready", || stage.text("lonely.out").contains("ready"));
    let ended = stage.run("wallet --home yuki withdraw 600_JPY --now --json");
    assert_eq!(ended.exit, 0, "{ended:?}");
    let told = ended.json();
    assert_eq!((told["requests"].as_u64(), told["redeemed"].as_u64()), (Some(2), Some(0)), "{told}");
    assert_eq!(told["waiting"], "unreachable", "{told}");
    let text = stage.run("wallet --home yuki withdraw 100_JPY --now");
    assert!(text.exit == 0 && text.stdout.contains("nothing is lost") && text.stdout.contains("resume"), "{text:?}");
    assert_eq!(stage.account("kita", "K-1002"), (99_200, 0), "each withdrawal was debited once");
    assert_eq!(stage.balance("wallet --home yuki", "pending"), 700);
    terminate(&mut lonely);
    stage.serve();
    until("all is redeemed", || {
        stage.run("wallet --home yuki resume");
        stage.holds("wallet --home yuki") == 800
    });
    stage.audits();
}

/// RN-F1: who tried the wrong network first joins the right one in the same directory; one that is joined stays where it is.
#[test]
fn a_refused_join_binds_to_no_network() {
    let stage = Stage::running();
    let right = stage.text("net/network.toml");
    let address = stage.address("listen", 0);
    let wrong = right.replace(&format!("\"{address}\""), "\"127.0.0.1:9\"");
    assert_ne!(wrong, right);
    stage.write("net/network.toml", &wrong);
    let refused = stage.join("wallet", "mei", "aoba", "A-1003", None);
    assert_eq!(refused.exit, 3, "{refused:?}");
    assert!(stage.text("mei/network.toml").contains("127.0.0.1:9"));
    stage.write("net/network.toml", &right);
    let joined = stage.join("wallet", "mei", "aoba", "A-1003", None);
    assert_eq!(joined.exit, 0, "{joined:?}");
    stage.ok("wallet --home mei withdraw 100_JPY --now");
    stage.write("net/network.toml", &wrong);
    let again = stage.join("wallet", "mei", "aoba", "A-1003", None);
    assert_eq!((again.exit, again.json()["code"].as_str()), (1, Some("already_joined")), "{again:?}");
    assert_eq!((stage.holds("wallet --home mei"), stage.text("mei/network.toml") == wrong), (100, false));
}

/// DESIGN §7: what people mistype or ask in vain has a word of its own for scripts.
#[test]
fn what_is_not_there_has_a_code() {
    let stage = Stage::new();
    stage.refused("bank --dir net --bank umi statement A-1001", "unknown_bank");
    stage.refused("bank --dir net --bank aoba statement A-9999", "unknown_account");
    stage.refused("issuer --dir net cases --export proof.cose", "no_case");
    assert!(!stage.path("proof.cose").exists());
    let file = stage.text("net/network.toml");
    stage.write("net/network.toml", file.replace("counts_every_s = 1\n", "counts_every_s = 0\n"));
    let refused = stage.run("serve net/zeni.toml --check --json");
    assert_eq!((refused.exit, refused.stderr.contains("counts_every_s")), (2, true), "{refused:?}");
}

/// RN-X22, DESIGN §5 "Lost money": no program can tell that a moved wallet is restored a second time; the command says so,
/// and who spends from both is named.
#[test]
fn a_move_restored_twice_names_its_owner() {
    let stage = Stage::running();
    let moved = stage.run("wallet --home jiro backup jiro.move --move");
    assert!(moved.exit == 0 && moved.stdout.contains("once"), "{moved:?}");
    for (home, payee, name) in [("one", "shop --home cafe", "a"), ("two", "wallet --home yuki", "b")] {
        stage.ok(&format!("wallet --home {home} restore jiro.move"));
        assert_eq!(stage.holds(&format!("wallet --home {home}")), 1_000);
        stage.pay(&format!("wallet --home {home}"), payee, 1_000, name);
    }
    stage.ok("shop --home cafe deposit");
    stage.settled("aoba", "A-2001", 1_000);
    assert_eq!(stage.ok("issuer --dir net cases")["cases"], serde_json::json!([]), "one of them alone is no case");
    stage.ok("wallet --home yuki deposit 1000_JPY");
    until("the case has a name", || stage.ok("issuer --dir net cases")["cases"][0]["name"] == "Jiro Tanaka");
    stage.audits();
}
