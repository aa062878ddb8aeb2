//! Joining: who may, under which secrets, once.

use std::{fs, os::unix::fs::PermissionsExt};

use super::stage::Stage;

/// RN-F1.2, X6: another's code, another's identity, an account or bank that is not there: refused, and the same
/// directory still joins with the right ones.
#[test]
fn joining_takes_both_secrets() {
    let stage = Stage::running();
    let mei = stage.enrolment("aoba", "A-1003");
    let taro = stage.enrolment("aoba", "A-1002");
    let join = |bank: &str, account: &str, code: &str, identity: &str| {
        let args = [
            "wallet",
            "--home",
            "mei",
            "join",
            "--network",
            "net/network.toml",
            "--privacy",
            "unlinkable",
            "--json",
            "--bank",
            bank,
        ];
        stage.raw(&[&args[..], &["--account", account, "--code", code, "--identity", identity]].concat())
    };
    let wrong = [
        ("a wrong identity", join("aoba", "A-1003", &mei[3], "NOBODY"), 1),
        ("a wrong code", join("aoba", "A-1003", "WRONG-CODE", &mei[4]), 1),
        ("another's code", join("aoba", "A-1003", &taro[3], &mei[4]), 1),
        ("no such account", join("aoba", "A-9999", &mei[3], &mei[4]), 1),
        ("no such bank", join("umi", "A-1003", &mei[3], &mei[4]), 2),
        ("the other bank", join("kita", "A-1003", &mei[3], &mei[4]), 1),
    ];
    for (what, ended, exit) in &wrong {
        assert_eq!(ended.exit, *exit, "{what}: {ended:?}");
        let told = ended.json();
        assert_eq!(told["ok"], false, "{what}");
        assert!(told["code"].is_string() && told["error"].is_string(), "{what}: {told}");
        assert!(!ended.stderr.contains(&mei[3]) && !ended.stderr.contains(&mei[4]), "{what}: no secret is told");
    }
    let joined = join("aoba", "A-1003", &mei[3], &mei[4]);
    assert_eq!((joined.exit, joined.json()["name"].as_str()), (0, Some("Mei Kato")), "{joined:?}");
    let again = join("aoba", "A-1003", &mei[3], &mei[4]);
    assert_eq!((again.exit, again.json()["code"].as_str()), (1, Some("already_joined")), "{again:?}");
    let mode = |name: &str| fs::metadata(stage.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("mei"), mode("mei/keys.age")), (0o700, 0o600), "only its owner looks into a wallet");
    assert_eq!(mode("net/enrolment.csv"), 0o600, "secrets are its owner's");
    stage.refused("wallet --home nobody balance", "not_joined");
    stage.refused("wallet --home mei withdraw 300_JPY --now", "insufficient_funds");
    stage.ok("wallet --home mei withdraw 200_JPY --now");
    assert_eq!(stage.account("aoba", "A-1003"), (50, 0));
    // the wallet draws more licences with the right secret, not with the one tried first
    stage.ok("wallet --home mei deposit 100_JPY");
    stage.settled("aoba", "A-1003", 150);
}

/// A person who joins under another's name: with his own account and her identity it is refused.
#[test]
fn nobody_joins_under_anothers_name() {
    let stage = Stage::running();
    let mei = stage.enrolment("aoba", "A-1003");
    let books = stage.enrolment("kita", "K-2001");
    let args = ["wallet", "--home", "thief", "join", "--network", "net/network.toml", "--json", "--bank", "kita"];
    let thief = stage.raw(&[&args[..], &["--account", "K-2001", "--code", &books[3], "--identity", &mei[4]]].concat());
    if thief.exit == 0 {
        // the authority gives the name of the secret, never one from the command line
        assert_eq!(thief.json()["name"], "Mei Kato", "{thief:?}");
    } else {
        assert_eq!(thief.exit, 1, "{thief:?}");
    }
    let honest = stage.join("shop", "books", "kita", "K-2001", None);
    assert_eq!((honest.exit, honest.json()["name"].as_str()), (0, Some("Kita Books")), "{honest:?}");
}
