//! Money that comes back without being spent: unredeemed requests, restored wallets, lost ones.

use super::stage::{Stage, until};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Stops the sandbox and starts it with its clock moved so many days.
fn days_later(stage: &mut Stage, days: u64) -> String {
    stage.stop();
    let offset = (days * DAY).to_string();
    stage.serve_with(&["--clock-offset", &offset]);
    format!("--clock-offset {offset}")
}

/// RN-X14: requests that nobody redeemed in time are claimed back at the bank, once; before the term they are not.
#[test]
fn unredeemed_requests_are_claimed_back() {
    let mut stage = Stage::running();
    stage.ok("wallet --home yuki withdraw 700_JPY");
    let early = stage.run("wallet --home yuki refund --json");
    assert_eq!((early.exit, early.json()["code"].as_str()), (3, Some("too_early")), "{early:?}");
    assert_eq!(stage.account("kita", "K-1002"), (99_300, 0));
    stage.stop();
    // the wallet sleeps until the term for redeeming is over, so that nothing is redeemed on the way
    stage.serve_with(&["--clock-offset", &(61 * DAY).to_string()]);
    let offset = format!("--clock-offset {}", 61 * DAY);
    let claimed = stage.run(&format!("{offset} wallet --home yuki refund --json"));
    assert!(matches!(claimed.exit, 0 | 3), "{claimed:?}");
    until("the claim is credited", || {
        let resumed = stage.run(&format!("{offset} wallet --home yuki resume --json"));
        assert!(matches!(resumed.exit, 0 | 3), "{resumed:?}");
        stage.account("kita", "K-1002") == (100_000, 0)
    });
    let again = stage.run(&format!("{offset} wallet --home yuki refund --json"));
    assert_eq!(again.exit, 1, "once: {again:?}");
    assert_eq!(stage.account("kita", "K-1002"), (100_000, 0));
    assert_eq!((stage.holds("wallet --home yuki"), stage.balance("wallet --home yuki", "pending")), (0, 0));
    stage.audits();
}

/// RN-X31, DESIGN §5 "Lost money": what a restored wallet cannot spend is refunded when nothing can come back any more.
#[test]
fn restored_money_is_refunded_late() {
    let mut stage = Stage::running();
    stage.ok("wallet --home jiro backup jiro.backup");
    stage.ok("wallet --home jiro2 restore jiro.backup");
    let early = stage.run("wallet --home jiro2 refund --json");
    assert_ne!(early.exit, 0, "{early:?}");
    let offset = days_later(&mut stage, 430);
    let asked = stage.run(&format!("{offset} wallet --home jiro2 refund --json"));
    assert_eq!(asked.exit, 0, "{asked:?}");
    until("the refund waits", || {
        let resumed = stage.run(&format!("{offset} wallet --home jiro2 resume --json"));
        assert!(matches!(resumed.exit, 0 | 3), "{resumed:?}");
        // the issuer has it; before that the bank has it alone, and may bring it too late
        // what only waits for its term is no failure
        resumed.stdout.contains("\"waiting\"") && resumed.exit == 0
    });
    assert_ne!(stage.account("kita", "K-1001").0, 100_000);
    let offset = days_later(&mut stage, 731);
    until("the refund is paid", || {
        let resumed = stage.run(&format!("{offset} wallet --home jiro2 resume --json"));
        assert!(matches!(resumed.exit, 0 | 3), "{resumed:?}");
        stage.account("kita", "K-1001") == (100_000, 0)
    });
    stage.audits();
}

/// RN-X31: a backup of a lost wallet under another passphrase is opened with that one; the refusal names the way.
#[test]
fn a_backup_under_another_passphrase_is_opened() {
    let stage = Stage::running();
    stage.write("lost.passphrase", "of the lost wallet\n");
    let secrets = stage.enrolment("kita", "K-1002");
    let join = ["--bank", "kita", "--account", "K-1002", "--code", &secrets[3], "--identity", &secrets[4]];
    let lost = ["wallet", "--home", "lost", "--passphrase-file", "lost.passphrase"];
    let joined = stage.raw(&[&lost[..], &["join", "--network", "net/network.toml", "--json"], &join[..]].concat());
    assert_eq!(joined.exit, 0, "{joined:?}");
    assert_eq!(stage.raw(&[&lost[..], &["backup", "lost.backup"]].concat()).exit, 0);
    let refused = stage.run("wallet --home jiro claim-refunds lost.backup --json");
    assert_eq!((refused.exit, refused.json()["code"].as_str()), (1, Some("wrong_passphrase")), "{refused:?}");
    assert!(refused.stderr.contains("--backup-passphrase-file"), "{refused:?}");
    // a software card's backup: it is opened, and holds the card itself instead of refunds
    let named = "wallet --home jiro claim-refunds lost.backup --backup-passphrase-file lost.passphrase";
    stage.refused(named, "no_refunds");
    stage.write("wrong.passphrase", "another one\n");
    let wrong = stage.run(&named.replace("lost.passphrase", "wrong.passphrase"));
    assert_eq!(wrong.exit, 1, "{wrong:?}");
    assert!(!wrong.stderr.contains("--backup-passphrase-file"), "it was named: {wrong:?}");
}

/// RN-X31, X32: after a loss is reported, who has the wallet can pay nobody who asks for the present list.
#[test]
fn a_lost_wallet_is_of_no_use() {
    let stage = Stage::running();
    stage.copy("jiro", "thief");
    let told = stage.ok("wallet --home jiro report-lost");
    assert!(told["revoked"].as_u64() > Some(0), "{told}");
    stage.resumed("--clock-offset 90000 wallet --home yuki resume");
    stage.ok("wallet --home yuki request 100_JPY --out ask.request");
    stage.ok("wallet --home thief pay ask.request --out ask.payment");
    stage.refused("wallet --home yuki receive ask.payment", "revoked");
    assert_eq!(stage.holds("wallet --home yuki"), 0);
}

/// DESIGN §5 "Lost money": a wallet that was moved away holds nothing, and its account pays for nothing it cannot load.
#[test]
fn a_moved_wallet_withdraws_nothing() {
    let stage = Stage::running();
    stage.ok("wallet --home jiro backup jiro.move --move");
    assert_eq!(stage.ok("wallet --home jiro balance"), serde_json::json!({"balances": []}));
    for line in ["withdraw 100_JPY --now", "withdraw 100_JPY", "deposit 100_JPY", "request 100_JPY"] {
        stage.refused(&format!("wallet --home jiro {line}"), "card_retired");
    }
    assert_eq!(stage.account("kita", "K-1001"), (99_000, 0), "nothing was debited");
    stage.ok("wallet --home there restore jiro.move");
    stage.ok("wallet --home there withdraw 100_JPY --now");
    stage.ok("wallet --home there deposit 1100_JPY");
    stage.settled("kita", "K-1001", 100_000);
    stage.audits();
}

/// `serve` runs the roles of a configuration as the sandbox does, and ends with 0 when asked.
#[test]
fn serve_runs_a_configuration() {
    let stage = Stage::new();
    let mut served = stage.start(&["serve", "net/zeni.toml"], "served");
    until("it is ready", || stage.text("served.out").contains("ready"));
    until("it sells notes", || stage.run("wallet --home yuki withdraw 100_JPY --now").exit == 0);
    super::stage::terminate(&mut served);
    assert_eq!(stage.holds("wallet --home yuki"), 100);
    stage.audits();
}

/// A sandbox that was killed while it was made is made anew; any other directory with something in it stays as it is.
#[test]
fn a_sandbox_that_was_cut_is_made_anew() {
    let mut stage = Stage::empty();
    std::fs::create_dir(stage.path("net")).expect("a directory");
    stage.write("net/zeni.toml", "cut in the mid");
    let refused = stage.raw(&["sandbox", "--dir", "net"]);
    assert_ne!(refused.exit, 0, "{refused:?}");
    assert_eq!(stage.text("net/zeni.toml"), "cut in the mid");
    stage.write("net/.unfinished", "");
    stage.serve();
    assert_eq!(stage.join("wallet", "taro", "aoba", "A-1002", None).exit, 0);
    stage.stop();
}
