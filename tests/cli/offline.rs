//! Paying from hand to hand with no server anywhere.

use std::fs;

use super::stage::{Stage, yen};

/// RN-P8, P3, P17, P9, F4.1, F4.4, F4.6, F4.7: exact amounts, several holdings in one payment, paid on at once; all servers are down.
#[test]
fn money_goes_from_hand_to_hand_without_servers() {
    let stage = Stage::new();
    stage.pay("wallet --home hanako", "wallet --home taro", 11_234, "first");
    let paid = stage.ok("wallet --home hanako pay first.request");
    assert!(paid["holdings"].as_u64() > Some(1), "several holdings answer one request: {paid}");
    assert_eq!(stage.holds("wallet --home hanako"), 12_300 - 11_234);
    assert_eq!(stage.holds("wallet --home taro"), 11_234);
    stage.pay("wallet --home taro", "wallet --home yuki", 10_001, "second");
    stage.pay("wallet --home yuki", "shop --home cafe", 1, "third");
    assert_eq!(stage.holds("wallet --home taro"), 1_233);
    assert_eq!(stage.holds("wallet --home yuki"), 10_000);
    assert_eq!(stage.holds("shop --home cafe"), 1);
    let history = stage.ok("wallet --home yuki history");
    let kinds: Vec<&str> = history["entries"].as_array().unwrap().iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds, ["receipt", "payment"], "{history}");
}

/// RN-X18, P4: through pipes as through files, and the same request gives the same bytes as often as it is asked.
#[test]
fn pipes_carry_the_same_bytes() {
    let stage = Stage::new();
    let request = stage.run("wallet --home yuki request 300_JPY --memo tea");
    assert_eq!(request.exit, 0, "{request:?}");
    assert!(request.stdout.starts_with("-----BEGIN ZENI PAYMENT REQUEST-----"), "{request:?}");
    let paid = stage.piped("wallet --home hanako pay -", request.stdout.as_bytes());
    assert_eq!(paid.exit, 0, "{paid:?}");
    assert!(paid.stderr.contains("300 JPY") && paid.stderr.contains("'tea'"), "the payer sees it: {paid:?}");
    stage.write("same.request", &request.stdout);
    let again = stage.run("wallet --home hanako pay same.request --out same.payment");
    assert_eq!((again.exit, again.stdout.as_str()), (0, ""), "{again:?}");
    assert_eq!(stage.text("same.payment"), paid.stdout, "byte for byte");
    assert_eq!(stage.holds("wallet --home hanako"), 12_000, "paid once");
    let received = stage.piped("wallet --home yuki receive - --json", paid.stdout.as_bytes());
    assert_eq!(received.exit, 0, "{received:?}");
    assert_eq!(received.json()["outcome"], "fulfilled");
    assert_eq!(received.json()["money"], "JPY:300");
}

/// RN-V10: a document too large for one QR code is shown as several, and scanned frames in any order are the document.
#[test]
fn qr_frames_carry_a_payment() {
    let stage = Stage::new();
    stage.ok("wallet --home taro request 12300_JPY --out big.request");
    let paid = stage.run("wallet --home hanako pay big.request --qr --json");
    assert_eq!(paid.exit, 0, "{paid:?}");
    let document = paid.json()["document"].as_str().unwrap().to_owned();
    // a code's three large squares: the upper edge of two of them stands in its first line
    let codes = paid.stderr.lines().filter(|line| line.trim().starts_with("█▀▀▀▀▀█")).count() / 2;
    let frames = frames(&document);
    assert!(frames.len() > 1 && codes >= frames.len(), "{} frames, {codes} codes", frames.len());
    let scanned: String = frames.iter().rev().map(|frame| format!("{frame}\n")).collect();
    stage.write("scanned", &scanned);
    let incomplete: String = frames[1..].concat();
    stage.write("incomplete", &incomplete);
    let refused = stage.run("wallet --home taro receive incomplete --json");
    assert_eq!(refused.exit, 1, "a frame is missing: {refused:?}");
    let received = stage.ok("wallet --home taro receive scanned");
    assert_eq!((&received["outcome"], &received["money"]), (&"fulfilled".into(), &"JPY:12300".into()));
}

/// Frames as the terminal's codes hold them.
fn frames(document: &str) -> Vec<String> {
    let pieces: Vec<&[u8]> = document.as_bytes().chunks(800).collect();
    let text = |piece: &[u8]| String::from_utf8_lossy(piece).into_owned();
    pieces
        .iter()
        .enumerate()
        .map(|(at, piece)| format!("ZENI-FRAME {}/{} {}", at + 1, pieces.len(), text(piece)))
        .collect()
}

/// RN-X18, X21: a payment that comes after the last time to sign, twice from two payers, is stored as owed back, sent
/// back, and the payer has it again.
#[test]
fn what_is_owed_goes_back() {
    let stage = Stage::new();
    stage.ok("wallet --home yuki request 300_JPY --out two.request");
    stage.ok("wallet --home hanako pay two.request --out hanako.payment");
    stage.ok("wallet --home jiro pay two.request --out jiro.payment");
    assert_eq!(stage.ok("wallet --home yuki receive hanako.payment")["outcome"], "fulfilled");
    assert_eq!(stage.ok("wallet --home yuki receive jiro.payment")["outcome"], "repeated");
    assert_eq!(stage.holds("wallet --home yuki"), 300);
    assert_eq!(stage.balance("wallet --home yuki", "owed_back"), 300);
    let history = stage.ok("wallet --home yuki history").to_string();
    assert!(history.contains("owed_back"), "{history}");

    let back = stage.ok("wallet --home yuki give-back --out back.payment");
    assert_eq!(back["given_back"].as_array().map(Vec::len), Some(1), "{back}");
    assert_eq!(stage.balance("wallet --home yuki", "owed_back"), 0);
    stage.refused("wallet --home hanako receive back.payment", "unknown_request");
    let returned = stage.ok("wallet --home jiro receive back.payment");
    assert_eq!((&returned["outcome"], &returned["money"]), (&"given_back".into(), &"JPY:300".into()));
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
    stage.pay("wallet --home jiro", "wallet --home taro", 1_000, "all");
    assert_eq!(stage.holds("wallet --home taro"), 1_000, "what came back is as good as before");
}

/// RN-X21: late by the payee's clock: nothing is lost, nothing counts.
#[test]
fn a_late_payment_is_owed_back() {
    let stage = Stage::new();
    let request = stage.ok("wallet --home yuki request 200_JPY --out late.request");
    stage.ok("wallet --home jiro pay late.request --out late.payment");
    assert!(request["sign_until"].as_u64().is_some());
    let received = stage.ok("--clock-offset 1000000 wallet --home yuki receive late.payment");
    assert_eq!(received["outcome"], "late", "{received}");
    assert_eq!(stage.balance("wallet --home yuki", "owed_back"), 200);
    let again = stage.ok("--clock-offset 1000000 wallet --home jiro pay late.request");
    assert_eq!(again["again"], true, "what was signed is shown again at any time: {again}");
}

/// RN-F4.5, X20: more than there is, nothing, another currency, an own request, an ended one: refused, nothing signed.
#[test]
fn payments_that_cannot_be() {
    let stage = Stage::new();
    stage.ok("wallet --home yuki request 1001_JPY --out much.request");
    stage.refused("wallet --home jiro pay much.request", "insufficient_funds");
    stage.refused("wallet --home yuki request 0_JPY", "zero");
    stage.refused("wallet --home yuki request 1_USD", "unknown_currency");
    assert_eq!(stage.run("wallet --home yuki request -1_JPY").exit, 2);
    assert_eq!(stage.run("wallet --home yuki request 99999999999999999999_JPY").exit, 2);
    assert_eq!(stage.run("wallet --home yuki request 1.5_JPY").exit, 2);
    stage.ok("wallet --home jiro request 10_JPY --out own.request");
    stage.refused("wallet --home jiro pay own.request", "own_request");
    stage.refused("--clock-offset 1000000 wallet --home jiro pay own.request", "request_ended");
    let memo = "m".repeat(3_000);
    stage.refused(&format!("wallet --home yuki request 10_JPY --memo {memo}"), "memo_too_long");
    assert_eq!(yen(&stage.ok("wallet --home jiro balance")["balances"][0]["available"]), 1_000);
    assert!(fs::metadata(stage.path("jiro/card.zeni")).is_ok());
}

/// DESIGN §5 "Lost money": a restored copy receives and resends but does not spend; the original goes on.
#[test]
fn a_backup_cannot_spend() {
    let stage = Stage::new();
    stage.pay("wallet --home jiro", "wallet --home taro", 100, "before");
    stage.ok("wallet --home jiro request 50_JPY --out open.request");
    stage.ok("wallet --home jiro backup jiro.backup");
    stage.ok("wallet --home jiro2 restore jiro.backup");
    assert_eq!(stage.holds("wallet --home jiro2"), 0);
    assert_eq!(stage.balance("wallet --home jiro2", "restored"), 900);
    stage.ok("wallet --home yuki request 100_JPY --out ask.request");
    stage.refused("wallet --home jiro2 pay ask.request", "restored");
    let again = stage.ok("wallet --home jiro2 pay before.request");
    assert_eq!(again["again"], true, "it resends what was signed before: {again}");
    assert_eq!(again["document"].as_str(), Some(stage.text("before.payment").as_str()));
    stage.ok("wallet --home hanako pay open.request --out open.payment");
    assert_eq!(stage.ok("wallet --home jiro2 receive open.payment")["outcome"], "fulfilled");
    stage.ok("wallet --home jiro pay ask.request --out ask.payment");
    assert_eq!(stage.holds("wallet --home jiro"), 800, "control: the original spends");
    // what cannot be: over a wallet, twice into one file, under another passphrase, from a damaged file
    assert_eq!(stage.run("wallet --home jiro restore jiro.backup").exit, 2);
    assert_eq!(stage.run("wallet --home jiro backup jiro.backup").exit, 2);
    stage.write("wrong", "another passphrase\n");
    let wrong = stage.run("wallet --home jiro3 --passphrase-file wrong restore jiro.backup");
    assert_eq!(wrong.exit, 1, "{wrong:?}");
    let backup = fs::read(stage.path("jiro.backup")).unwrap();
    stage.write("cut.backup", &backup[..backup.len() / 2]);
    let cut = stage.run("wallet --home jiro3 restore cut.backup");
    assert_eq!(cut.exit, 1, "{cut:?}");
    stage.ok("wallet --home jiro3 restore jiro.backup");
}

/// DESIGN §5 "Lost money": a move locks the source first; the other may spend.
#[test]
fn a_moved_wallet_spends_elsewhere() {
    let stage = Stage::new();
    let moved = stage.ok("wallet --home jiro backup jiro.move --move");
    assert_eq!(moved["moved"], true);
    stage.ok("wallet --home yuki request 600_JPY --out ask.request");
    stage.refused("wallet --home jiro pay ask.request", "card_retired");
    stage.ok("wallet --home jiro2 restore jiro.move");
    assert_eq!(stage.holds("wallet --home jiro2"), 1_000);
    stage.pay("wallet --home jiro2", "wallet --home yuki", 600, "there");
    assert_eq!(stage.holds("wallet --home yuki"), 600);
}
