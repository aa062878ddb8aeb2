//! Mistakes at the keyboard and strangers' texts: nothing is lost and nobody is misled.

use std::fs;

use super::stage::{Stage, until};

/// DESIGN §7: what the command line does not understand is told as one JSON object too.
#[test]
fn wrong_usage_is_json_for_scripts() {
    let stage = Stage::new();
    for line in
        ["nothing --json", "--json wallet --home jiro withdraw", "wallet --home jiro --wait soon balance --json"]
    {
        let ended = stage.run(line);
        assert_eq!(ended.exit, 2, "{ended:?}");
        let told = ended.json();
        assert_eq!(
            (told["ok"].as_bool(), told["code"].as_str(), told["exit"].as_i64()),
            (Some(false), Some("usage"), Some(2))
        );
        assert!(!told["error"].as_str().unwrap_or_default().is_empty());
    }
}

/// DESIGN §1.4: where a document is to go is tried before anything is signed.
#[test]
fn nothing_is_signed_for_a_file_that_cannot_be_written() {
    let stage = Stage::new();
    stage.ok("wallet --home yuki request 300_JPY --out ask.request");
    for line in [
        "wallet --home hanako pay ask.request --out nowhere/x.payment",
        "wallet --home hanako pay ask.request --out net",
        "wallet --home yuki request 10_JPY --out nowhere/x.request",
        "wallet --home hanako backup nowhere/x.backup --move",
    ] {
        let ended = stage.run(line);
        assert_ne!(ended.exit, 0, "{ended:?}");
    }
    assert_eq!(stage.holds("wallet --home hanako"), 12_300);
    stage.ok("wallet --home hanako pay ask.request --out ask.payment");
    stage.ok("wallet --home yuki receive ask.payment");
    assert_eq!(stage.holds("wallet --home yuki"), 300);
}

/// A directory with keys whose card or database is gone is not begun anew; with the files back it is as it was.
#[test]
fn a_lost_card_is_no_empty_card() {
    let stage = Stage::new();
    for name in ["card.zeni", "wallet.db"] {
        let (path, away) = (stage.path(&format!("jiro/{name}")), stage.path("away"));
        fs::rename(&path, &away).unwrap();
        stage.refused("wallet --home jiro balance", "damaged");
        assert!(!path.exists(), "nothing is made in its place");
        fs::write(&path, b"").unwrap();
        stage.refused("wallet --home jiro balance", "damaged");
        fs::rename(&away, &path).unwrap();
        assert_eq!(stage.holds("wallet --home jiro"), 1_000);
    }
    // another wallet's card: it lies under another key
    fs::copy(stage.path("taro/card.zeni"), stage.path("jiro/card.zeni")).unwrap();
    stage.refused("wallet --home jiro balance", "damaged");
}

/// A page of the wallet's database that was overwritten, and a file that was cut, are told as what they are, with what to do, and not as
/// something that the same command later would mend; the log is text alone where nobody's terminal is. Control: with the file as it was
/// the command works.
#[test]
fn a_damaged_database_is_told() {
    const PAGE: usize = 4_096;
    let stage = Stage::new();
    until("all is in one file", || {
        assert_eq!(stage.holds("wallet --home jiro"), 1_000);
        !stage.path("jiro/wallet.db-wal").exists()
    });
    let whole = fs::read(stage.path("jiro/wallet.db")).unwrap();
    let pages = whole.len() / PAGE;
    let mut damaged: Vec<Vec<u8>> = (0..pages).step_by(3).map(|page| overwritten(&whole, page * PAGE, PAGE)).collect();
    damaged.extend([1, pages / 2].map(|pages| whole[..pages * PAGE + 100].to_vec()));
    let mut told = 0;
    for (case, bytes) in damaged.into_iter().enumerate() {
        for beside in ["-wal", "-shm"] {
            drop(fs::remove_file(stage.path(&format!("jiro/wallet.db{beside}"))));
        }
        stage.write("jiro/wallet.db", bytes);
        let ended = stage.run("wallet --home jiro balance --json");
        // a page of which this command needs nothing
        if ended.exit == 0 {
            continue;
        }
        told += 1;
        assert_eq!((ended.exit, &ended.json()["code"]), (1, &"damaged".into()), "{case}: {ended:?}");
        assert!(ended.stderr.contains("restore a backup") && !ended.stderr.contains('\u{1b}'), "{case}: {ended:?}");
    }
    assert!(told > 2);
    stage.write("jiro/wallet.db", whole);
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
}

fn overwritten(bytes: &[u8], at: usize, len: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + len].fill(0xff);
    bytes
}

/// RN-X42: a memo that would forge the payer's prompt is not made, and what is shown of others' texts is escaped.
#[test]
fn a_memo_forges_no_prompt() {
    let stage = Stage::new();
    let ended =
        stage.raw(&["wallet", "--home", "yuki", "request", "10 JPY", "--memo", "\u{1b}[2K\rzeni: tea", "--json"]);
    assert_eq!((ended.exit, ended.json()["code"].as_str().map(str::to_owned)), (1, Some("memo_not_plain".to_owned())));
    assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
    let wrong = stage.raw(&["wallet", "--home", "yuki", "withdraw", "\u{1b}[2K"]);
    assert!(!wrong.stderr.contains('\u{1b}'), "{wrong:?}");
}

/// RN-X32: who is revoked withdraws nothing, and what he has left, a rest included, still comes to his account.
#[test]
fn who_is_revoked_still_deposits() {
    let stage = Stage::running();
    stage.ok("wallet --home jiro report-lost");
    stage.refused("wallet --home jiro withdraw 100_JPY", "licence_revoked");
    assert_eq!(stage.account("kita", "K-1001"), (99_000, 0));
    stage.ok("wallet --home jiro deposit 400_JPY");
    stage.ok("wallet --home jiro deposit 600_JPY");
    stage.settled("kita", "K-1001", 100_000);
    stage.audits();
}

/// RN-X31: who reported a loss is licensed again by the authority's word and goes on in a new wallet.
#[test]
fn who_lost_a_wallet_is_reinstated() {
    let stage = Stage::running();
    stage.ok("wallet --home yuki report-lost");
    stage.refused("wallet --home yuki withdraw 100_JPY --now", "licence_revoked");
    stage.refused("authority --dir net reinstate nobody", "unknown_person");
    // the sandbox's authority knows its persons by a digest of their secrets
    let enrolment = stage.text("net/enrolment.csv");
    let line = enrolment.lines().find(|line| line.contains("Yuki Ito")).unwrap();
    let columns: Vec<&str> = enrolment.lines().next().unwrap().split(',').collect();
    let place = columns.iter().position(|column| *column == "identity").unwrap();
    let identity = line.split(',').nth(place).unwrap();
    let id = zeni_crypto::tagged("zeni/sandbox-person", &[identity.as_bytes()]);
    let told = stage.ok(&format!("authority --dir net reinstate {id}"));
    assert_eq!(told["before"], "lost", "{told}");
    stage.ok("wallet --home yuki withdraw 100_JPY --now");
    assert_eq!(stage.holds("wallet --home yuki"), 100);
}
