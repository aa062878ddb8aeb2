//! Commits that fail, a full disk, many at once, and what the bank must never learn.

use zeni_message::{peer::SendError, route::Caller};
use zeni_note::{
    messages::bank::{ClaimRequest, WithdrawRefusal},
    request::RequestClaim,
    testing::{nonce, terms},
};
use zeni_store::{Options, Value, testing::block_on};

use crate::testing::{BANK, OPENING, Town};

/// RN-X7: a commit that does not happen debits nothing and gives no signature away; the same order succeeds later.
#[test]
fn a_failed_commit_leaves_nothing() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[1_000]);
    let deposit = town.deposit_message("A-1", "two", &[100]);
    let before = town.dump();
    town.bank.store.stop();
    assert!(matches!(town.withdraw("A-1", &order), Err(SendError::Busy { .. })));
    assert!(matches!(town.send("A-1", &deposit), Err(SendError::Busy { .. })));
    assert!(town.tick().is_err());
    town.restart();
    assert_eq!(town.dump(), before);
    town.withdraw("A-1", &order).expect("the same order");
    town.send("A-1", &deposit).expect("the same deposit");
    assert_eq!(town.balances("A-1"), (OPENING - 1_000, 100));
    town.sound();
}

/// RN-X7, RN-F5.2: on a full disk messages fail, money is conserved, and with room again the same messages succeed.
#[test]
fn a_full_disk_loses_nothing() {
    let mut town = Town::new();
    let orders: Vec<_> = (0..8).map(|n| town.order(&format!("order {n}"), &[100; 8]).0).collect();
    let deposits: Vec<_> = (0..8).map(|n| town.deposit_message("A-2", &format!("deposit {n}"), &[100; 4])).collect();
    town.restart_with(Options { sqlite_page_max: Some(1), ..Options::inline() });
    let mut failed = 0;
    for (order, deposit) in orders.iter().zip(&deposits) {
        failed += usize::from(town.withdraw("A-1", order).is_err());
        failed += usize::from(town.send("A-2", deposit).is_err());
        town.sound();
    }
    assert!(failed > 0, "control: the disk was full");
    town.restart();
    for (order, deposit) in orders.iter().zip(&deposits) {
        town.withdraw("A-1", order).expect("with room");
        town.send("A-2", deposit).expect("with room");
    }
    town.settle();
    assert_eq!(town.balances("A-1"), (OPENING - 6_400, 0));
    assert_eq!(town.balances("A-2"), (OPENING + 3_200, 0));
    town.sound();
}

/// RN-X5, RN-X7, RN-D18: the same order many times at once is one debit with one answer, and orders that together exceed
/// the balance do not overdraw it.
#[test]
fn many_at_once_do_not_overdraw() {
    let mut town = Town::new();
    let (same, _) = town.order("same", &[1_000]);
    let orders: Vec<_> = (0..6).map(|n| town.order(&format!("order {n}"), &[1_000, 1_000]).0).collect();
    town.restart_with(Options::default());
    let caller = || Some(Caller { role: zeni_message::Role::Wallet, name: format!("{BANK}/A-1") });
    let peers: Vec<_> = (0..10).map(|_| town.as_caller(caller())).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let all = std::iter::repeat_n(&same, 4).chain(&orders);
        let threads: Vec<_> =
            peers.iter().zip(all).map(|(peer, order)| scope.spawn(|| block_on(peer.send(order)))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    town.restart();
    assert!(answers[..4].iter().all(|answer| *answer == answers[0]), "one order, one answer");
    // 1,000 and four times 2,000 of 10,000; or, where five others came first, nothing is left for it
    let (done, left) = if answers[0].is_ok() { (4, 1_000) } else { (5, 0) };
    assert_eq!(answers[4..].iter().filter(|answer| answer.is_ok()).count(), done);
    let poor = SendError::Refused(WithdrawRefusal::InsufficientFunds { available: left });
    assert!(answers.iter().filter(|answer| answer.is_err()).all(|answer| *answer == Err(poor.clone())));
    assert_eq!(town.balances("A-1"), (left, 0));
    town.sound();
}

fn holds(town: &Town, needle: &[u8]) -> bool {
    let has = |value: &Value| match value {
        Value::Blob(bytes) => bytes.windows(needle.len()).any(|window| window == needle),
        _ => false,
    };
    ["signature", "withdrawal", "tally", "report", "request_claim"]
        .iter()
        .any(|table| town.table(table).iter().flatten().any(has))
}

/// RN-R3, RN-P6: the bank stores nothing of the key or the finished signature that it signed blindly; once the customer
/// claims the request back it does (control), and he was told.
#[test]
fn a_blind_signature_shows_nothing() {
    let town = Town::new();
    let (request, user) = town.request("A-1", "one", 1_000);
    assert!(!holds(&town, &request.key.0));
    assert!(!holds(&town, &request.signature[..]));
    assert!(!holds(&town, &request.randomizer[..]));
    town.set_time(terms().redeem_until.plus(1));
    let record = RequestClaim {
        request: request.content_id(),
        bank: BANK.into(),
        account: town.account_digest("A-1", "claim"),
        id: nonce("claim"),
    };
    let claim = zeni_message::Signed::sign(town.world.network(), record, &user);
    let needle = request.key.0;
    town.send("A-1", &ClaimRequest { request, claim }).expect("heard");
    assert!(holds(&town, &needle));
}
