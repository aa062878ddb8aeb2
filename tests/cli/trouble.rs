//! Processes that are killed in the middle, and processes that come at once.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use super::stage::{ALL_DUE_S, Server, Stage, terminate, until};

/// Moments at which a process is killed: after so many changes of its database files.
const MOMENTS: [u32; 6] = [0, 1, 2, 4, 7, 12];

/// Length and time of each database file of some directories.
fn databases(stage: &Stage, dirs: &[&str]) -> Vec<(String, u64, SystemTime)> {
    let mut seen = Vec::new();
    for dir in dirs {
        for entry in fs::read_dir(stage.path(dir)).unwrap() {
            let path = entry.unwrap().path();
            let database = path.to_string_lossy().contains(".db");
            // a file may go while it is looked at
            if let (true, Ok(about)) = (database, fs::metadata(&path)) {
                seen.push((path.to_string_lossy().into_owned(), about.len(), about.modified().unwrap()));
            }
        }
    }
    seen.sort();
    seen
}

/// Waits until the databases have changed so many times, or the process has ended.
fn watch(stage: &Stage, dirs: &[&str], changes: u32, process: &mut Server) {
    let (mut last, mut left, began) = (databases(stage, dirs), changes, Instant::now());
    while left > 0 && process.child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(30) {
        let now = databases(stage, dirs);
        if now != last {
            (last, left) = (now, left - 1);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

const SERVERS: [&str; 4] = ["net/issuer", "net/bank-aoba", "net/bank-kita", "net/authority"];

/// Runs a command, kills the servers after some changes, starts them again and finishes what was interrupted.
fn servers_die_during(stage: &mut Stage, args: &[&str], changes: u32) {
    let mut process = stage.start(args, "command");
    watch(stage, &SERVERS, changes, &mut process);
    stage.kill();
    stage.serve();
    let status = process.child.wait().unwrap();
    // done before or after, or to be tried again: nothing is ever refused because a server died
    let said = stage.text("command.err");
    assert!(matches!(status.code(), Some(0 | 3)), "{args:?} after {changes} changes: {status} {said}");
    finish(stage, &args[..3].join(" "));
}

/// Resumes until nothing is left; a request that the issuer did not take yet waits a second for its next try.
fn finish(stage: &Stage, kind_home: &str) {
    let line = format!("--clock-offset {ALL_DUE_S} {kind_home} resume --json");
    until(&format!("{line} is done"), || {
        let ended = stage.run(&line);
        assert!(matches!(ended.exit, 0 | 3), "{ended:?}");
        ended.exit == 0 && stage.balance(kind_home, "pending") == 0
    });
}

/// RN-X7, X12, X15, P21, P22: the servers are killed at any moment of a withdrawal: after a restart it finishes, one
/// debit, every yen there.
#[test]
fn a_withdrawal_survives_killed_servers() {
    let mut stage = Stage::running();
    for changes in MOMENTS {
        servers_die_during(&mut stage, &["wallet", "--home", "yuki", "withdraw", "700 JPY", "--now"], changes);
        let (account, held) = stage.account("kita", "K-1002");
        let wallet = stage.holds("wallet --home yuki");
        assert_eq!((account + wallet, held), (100_000, 0), "after {changes} changes");
        assert_eq!(wallet % 700, 0, "a withdrawal happens whole or not at all");
        stage.audits();
    }
    stage.ok("wallet --home yuki withdraw 700_JPY --now");
    assert!(stage.holds("wallet --home yuki") >= 700);
}

/// RN-X25, X27, P22: the servers are killed at any moment of a deposit: it is credited once, no case is opened.
#[test]
fn a_deposit_survives_killed_servers() {
    let mut stage = Stage::running();
    for changes in MOMENTS {
        servers_die_during(&mut stage, &["wallet", "--home", "hanako", "deposit", "123 JPY"], changes);
        let (account, held) = stage.account("aoba", "A-1001");
        assert_eq!((account + stage.holds("wallet --home hanako"), held), (100_000, 0), "after {changes} changes");
        stage.audits();
    }
    assert_eq!(stage.ok("issuer --dir net cases")["cases"], serde_json::json!([]));
}

/// RN-X25, X27: the servers are killed at any moment of a shop's hand-in: it is credited once, no case is opened.
#[test]
fn a_hand_in_survives_killed_servers() {
    let mut stage = Stage::running();
    for (place, changes) in MOMENTS.into_iter().enumerate() {
        for part in ["a", "b"] {
            stage.pay("wallet --home hanako", "shop --home cafe", 37, &format!("tea{changes}{part}"));
        }
        servers_die_during(&mut stage, &["shop", "--home", "cafe", "deposit"], changes);
        let (account, held) = stage.account("aoba", "A-2001");
        let takings = 74 * (place as u64 + 1);
        assert_eq!((account + stage.holds("shop --home cafe"), held), (takings, 0), "after {changes} changes");
    }
    stage.audits();
    assert_eq!(stage.ok("issuer --dir net cases")["cases"], serde_json::json!([]));
}

/// Starts a command of a wallet and kills it after some changes of the wallet's databases.
fn wallet_dies(stage: &Stage, args: &[&str], changes: u32) {
    let mut process = stage.start(args, "command");
    watch(stage, &[args[2]], changes, &mut process);
    drop(process);
}

/// RN-P22, X7, X18: the wallet's process is killed at any moment of withdrawal, payment, receipt and deposit: resumed,
/// every yen is there.
#[test]
fn a_killed_wallet_loses_nothing() {
    let stage = Stage::running();
    let mut paid = 0;
    for changes in MOMENTS {
        wallet_dies(&stage, &["wallet", "--home", "yuki", "withdraw", "700 JPY", "--now"], changes);
        finish(&stage, "wallet --home yuki");
        let (account, held) = stage.account("kita", "K-1002");
        assert_eq!(account + held + stage.holds("wallet --home yuki"), 100_000, "withdrawal, {changes} changes");

        let (request, payment) = (format!("r{changes}"), format!("p{changes}"));
        stage.ok(&format!("wallet --home taro request 111_JPY --out {request}"));
        wallet_dies(&stage, &["wallet", "--home", "hanako", "pay", &request, "--out", &payment], changes);
        stage.ok(&format!("wallet --home hanako pay {request} --out {payment}"));
        wallet_dies(&stage, &["wallet", "--home", "taro", "receive", &payment], changes);
        let received = stage.run(&format!("wallet --home taro receive {payment} --json"));
        assert!(received.exit == 0 || received.json()["code"] == "already_received", "{received:?}");
        paid += 111;
        assert_eq!(stage.holds("wallet --home hanako"), 12_300 - paid, "payment, {changes} changes");
        assert_eq!(stage.holds("wallet --home taro"), paid, "receipt, {changes} changes");
    }
    for changes in MOMENTS {
        wallet_dies(&stage, &["wallet", "--home", "taro", "deposit", "50 JPY"], changes);
        finish(&stage, "wallet --home taro");
        let (account, held) = stage.account("aoba", "A-1002");
        assert_eq!((account + stage.holds("wallet --home taro"), held), (100_000 + paid, 0), "deposit, {changes}");
    }
    stage.audits();
    assert_eq!(stage.ok("issuer --dir net cases")["cases"], serde_json::json!([]));
}

/// A person whose joining was killed joins with the same command again.
#[test]
fn a_killed_join_goes_on() {
    let stage = Stage::running();
    let mei = stage.enrolment("aoba", "A-1003");
    fs::create_dir(stage.path("mei")).unwrap();
    let args = ["wallet", "--home", "mei", "join", "--network", "net/network.toml", "--bank", "aoba", "--account"];
    let args = [&args[..], &["A-1003", "--code", &mei[3], "--identity", &mei[4], "--privacy", "unlinkable"]].concat();
    for changes in MOMENTS {
        wallet_dies(&stage, &args, changes);
    }
    let last = stage.raw(&args);
    assert!(last.exit == 0 || last.stderr.contains("belongs to Mei Kato already"), "{last:?}");
    stage.ok("wallet --home mei withdraw 100_JPY --now");
    stage.ok("wallet --home mei deposit 100_JPY");
    stage.settled("aoba", "A-1003", 250);
    assert!(Path::new(&stage.path("mei/keys.age")).exists());
}

/// Two processes on one wallet: the second is refused with 3, or waits as long as it is told; many at once take turns.
#[test]
fn one_process_at_a_time() {
    let stage = Stage::running();
    let mut first = stage.start(&["wallet", "--home", "jiro", "--wait", "60", "run"], "first");
    until("the first has the lock", || stage.run("wallet --home jiro balance").exit == 3);
    let refused = stage.run("wallet --home jiro balance --json");
    assert_eq!(refused.json()["code"], "wallet_in_use", "{refused:?}");
    let mut second = stage.start(&["wallet", "--home", "jiro", "--wait", "60", "balance", "--json"], "second");
    assert_eq!(stage.run("wallet --home jiro --wait 1 balance").exit, 3, "waited in vain");
    assert!(second.child.try_wait().unwrap().is_none(), "it still waits");
    terminate(&mut first);
    assert!(second.child.wait().unwrap().success());
    assert!(stage.text("second.out").contains("JPY:1000"));

    for number in 0..6 {
        stage.ok(&format!("wallet --home yuki request 10_JPY --out r{number}"));
    }
    let names: Vec<(String, String)> = (0..6).map(|number| (format!("r{number}"), format!("p{number}"))).collect();
    let mut many: Vec<Server> = names
        .iter()
        .map(|(request, out)| {
            let args = ["wallet", "--home", "jiro", "--wait", "60", "pay", request, "--out", out];
            stage.start(&args, out)
        })
        .collect();
    for process in &mut many {
        assert!(process.child.wait().unwrap().success());
    }
    assert_eq!(stage.holds("wallet --home jiro"), 940);
    for (_, payment) in &names {
        stage.ok(&format!("wallet --home yuki receive {payment}"));
    }
    assert_eq!(stage.holds("wallet --home yuki"), 60);
}
