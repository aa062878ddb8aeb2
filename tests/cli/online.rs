//! Withdrawal, redemption, deposit, hand-in, renewal, revocation over real servers.

use super::stage::{ALL_DUE_S, Stage, terminate, until};

/// RN-F2, F3, O6: without `--now` requests wait for their random time; `resume` and `run` redeem what is due.
#[test]
fn requests_are_redeemed_when_they_are_due() {
    let stage = Stage::running();
    let withdrawn = stage.ok("wallet --home yuki withdraw 12300_JPY");
    assert_eq!((&withdrawn["requests"], &withdrawn["redeemed"]), (&6.into(), &0.into()), "{withdrawn}");
    assert!(withdrawn["next_due"].as_u64().is_some());
    assert_eq!(stage.balance("wallet --home yuki", "pending"), 12_300);
    assert_eq!(stage.account("kita", "K-1002"), (87_700, 0));
    let early = stage.resumed("wallet --home yuki resume");
    assert_eq!(early["ok"], true, "{early}");
    // each request has its own time: some may be due at once, not all
    assert!(stage.balance("wallet --home yuki", "pending") > 0, "not all are due at once");
    let mut last = 0;
    for hours in [1, 6, 24, 48] {
        stage.resumed(&format!("--clock-offset {} wallet --home yuki resume", hours * 3_600));
        let now = stage.holds("wallet --home yuki");
        assert!(now >= last);
        last = now;
    }
    let idle = stage.ok(&format!("--clock-offset {ALL_DUE_S} wallet --home yuki run --until-idle"));
    assert_eq!(idle["balances"][0]["available"], "JPY:12300", "{idle}");
    assert_eq!(stage.balance("wallet --home yuki", "pending"), 0);
    stage.audits();
}

/// `run` stays until it is told to stop, and redeems in the meantime.
#[test]
fn run_redeems_in_the_background() {
    let stage = Stage::running();
    stage.ok("wallet --home yuki withdraw 1000_JPY");
    let mut running = stage.start(&["--clock-offset", ALL_DUE_S, "wallet", "--home", "yuki", "run", "--json"], "run");
    let issued = || stage.ok("issuer --dir net circulation")["circulation"][0]["issued"][1][1].as_u64();
    until("the request is redeemed", || issued() == Some(2_000));
    assert!(running.child.try_wait().unwrap().is_none(), "it stays");
    let second = stage.run("wallet --home yuki balance --json");
    assert_eq!((second.exit, second.json()["code"].as_str()), (3, Some("wallet_in_use")), "{second:?}");
    terminate(&mut running);
    assert!(stage.text("run.out").contains("JPY:1000"), "it tells the balance at the end");
}

/// RN-F5, F6, F7.4, F7.5, F9, P11, X22: a part, the rest, other people's money and a shop's takings come back;
/// all books balance.
#[test]
fn money_comes_back() {
    let stage = Stage::running();
    let own = stage.ok("wallet --home hanako deposit 500_JPY");
    assert_eq!((&own["money"], &own["refused"]), (&"JPY:500".into(), &serde_json::json!([])), "{own}");
    stage.settled("aoba", "A-1001", 88_200);
    stage.pay("wallet --home hanako", "wallet --home yuki", 800, "yuki");
    stage.pay("wallet --home hanako", "shop --home cafe", 120, "tea");
    stage.pay("wallet --home yuki", "shop --home cafe", 80, "cake");
    stage.ok("wallet --home yuki deposit 720_JPY");
    stage.settled("kita", "K-1002", 100_720);
    let handed_in = stage.ok("shop --home cafe deposit");
    assert_eq!(handed_in["deposits"].as_array().map(Vec::len), Some(1), "{handed_in}");
    stage.settled("aoba", "A-2001", 200);
    assert_eq!(stage.resumed("shop --home cafe resume")["ok"], true);
    assert_eq!(stage.holds("shop --home cafe"), 0);
    stage.resumed("wallet --home hanako resume");
    let rest = stage.holds("wallet --home hanako");
    assert_eq!(rest, 12_300 - 500 - 800 - 120);
    stage.ok(&format!("wallet --home hanako deposit {rest}_JPY"));
    stage.settled("aoba", "A-1001", 88_200 + rest);
    let yen = &stage.ok("issuer --dir net circulation")["circulation"][0];
    assert_eq!(yen["outstanding"], 1_000, "only Jiro's note is left: {yen}");
    stage.refused("wallet --home hanako deposit 1_JPY", "insufficient_funds");
    let nothing = stage.run("shop --home cafe deposit --json");
    assert!(nothing.exit == 1 || nothing.json()["deposits"] == serde_json::json!([]), "{nothing:?}");
    stage.audits();
}

/// RN-X5: more than the account holds, no multiple of the smallest face, another currency: refused, nothing debited.
#[test]
fn withdrawals_that_cannot_be() {
    let stage = Stage::running();
    stage.refused("wallet --home yuki withdraw 100100_JPY --now", "insufficient_funds");
    stage.refused("wallet --home yuki withdraw 150_JPY", "not_divisible");
    stage.refused("wallet --home yuki withdraw 100_USD", "no_keys");
    stage.refused("wallet --home yuki withdraw 0_JPY", "zero");
    assert_eq!(stage.account("kita", "K-1002"), (100_000, 0));
    assert_eq!(stage.balance("wallet --home yuki", "pending"), 0);
}

/// RN-X34, P9: sixteen payments from hand to hand, the seventeenth is refused; renewed at the issuer it goes on.
#[test]
fn a_long_chain_is_renewed() {
    let stage = Stage::running();
    let people = ["wallet --home jiro", "wallet --home yuki"];
    for hop in 0..16 {
        stage.pay(people[hop % 2], people[(hop + 1) % 2], 1_000, &format!("hop{hop}"));
    }
    assert_eq!(stage.holds(people[0]), 1_000);
    stage.ok("wallet --home yuki request 1000_JPY --out more.request");
    stage.refused("wallet --home jiro pay more.request", "needs_renewal");
    // also what catching up renewed before the command itself is told
    let renewed = stage.ok("wallet --home jiro renew");
    assert_eq!(renewed, serde_json::json!({"renewed": [{"money": "JPY:1000"}]}));
    assert_eq!(stage.ok("wallet --home jiro renew"), serde_json::json!({"renewed": []}));
    let history = stage.ok("wallet --home jiro history").to_string();
    assert!(history.contains("\"renewal\""), "{history}");
    stage.ok("wallet --home jiro pay more.request --out more.payment");
    stage.ok("wallet --home yuki receive more.payment");
    stage.ok("wallet --home yuki deposit 1000_JPY");
    stage.settled("kita", "K-1002", 101_000);
    stage.audits();
}

/// RN-X32, F4.2: a revoked licence pays nobody who has the new list; control: before the revocation it does.
#[test]
fn a_revoked_licence_pays_nobody() {
    let stage = Stage::running();
    stage.pay("wallet --home jiro", "wallet --home yuki", 100, "before");
    stage.ok("wallet --home yuki request 100_JPY --out after.request");
    // the payer's key stands in the request that he makes himself
    stage.ok("wallet --home jiro request 1_JPY --out own.request");
    let told = stage.ok("inspect own.request --network net/network.toml");
    let finding = |what: &str| {
        let findings = told["findings"].as_array().unwrap();
        findings.iter().find(|one| one["what"] == what).unwrap()["detail"].as_str().unwrap().to_owned()
    };
    let key = finding("payee's key");
    let revoked = stage.ok(&format!("authority --dir net revoke {key}"));
    assert!(revoked.is_object(), "{revoked}");
    stage.refused(&format!("authority --dir net revoke {}", "ab".repeat(32)), "not_revoked");
    let disclosures = stage.ok("authority --dir net disclosures");
    assert_eq!(disclosures["broken_at"], serde_json::Value::Null, "{disclosures}");
    stage.ok("wallet --home jiro pay after.request --out after.payment");
    stage.resumed("--clock-offset 90000 wallet --home yuki resume");
    let refused = stage.run("wallet --home yuki receive after.payment --json");
    assert_eq!(refused.exit, 1, "{refused:?}");
    assert_eq!(refused.json()["code"], "revoked", "{refused:?}");
    assert_eq!(stage.holds("wallet --home yuki"), 100);
}
