use zeni_note::{
    messages::bank::{DisputeOutcome, DisputeRefusal, DisputeSignature},
    testing::{amount, nonce},
};
use zeni_store::{Caller, JobError, Tx};

use crate::testing::{OPENING, Town, refusal};

fn damage(town: &Town, sql: &'static str) {
    let job = move |tx: &mut Tx<'_>| Ok::<_, JobError<()>>(tx.execute(sql, &[])?);
    assert!(town.bank.store.write_blocking(Caller::default(), job).expect("damage") > 0);
}

/// RN-X8: the bank signs the stored blinded value again and gives the right signature, whatever became of the stored one.
#[test]
fn a_damaged_signature_is_made_again() {
    let town = Town::new();
    let (order, _) = town.order("one", &[100, 1_000]);
    let signed = town.withdraw("A-1", &order).expect("a withdrawal");
    let dispute = DisputeSignature { order: nonce("one"), item: 1 };
    let right = DisputeOutcome::Signature(signed.signatures[1]);
    assert_eq!(town.send("A-1", &dispute).expect("heard"), right);
    damage(&town, "UPDATE signature SET signature = blinded WHERE place = 1");
    assert_ne!(town.withdraw("A-1", &order).expect("control: the damage is real"), signed);
    assert_eq!(town.send("A-1", &dispute).expect("heard"), right);
    assert_eq!(town.withdraw("A-1", &order).expect("repaired"), signed);
    assert_eq!(town.balances("A-1"), (OPENING - 1_100, 0));
    town.sound();
}

/// RN-X8: where the key is lost the amount goes back to the account, once.
#[test]
fn a_lost_key_credits_back_once() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[1_000]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    damage(&town, "UPDATE signing_key SET sealed = content");
    town.restart();
    let dispute = DisputeSignature { order: nonce("one"), item: 0 };
    for _ in 0..2 {
        assert_eq!(town.send("A-1", &dispute).expect("heard"), DisputeOutcome::Credited(amount(1_000)));
        assert_eq!(town.balances("A-1"), (OPENING, 0));
    }
    let report = town.sound();
    assert_eq!(report.currencies[0].corrected, "JPY:1000");
}

/// RN-X8: only the account's own orders are disputed, and a refusal changes nothing.
#[test]
fn a_stranger_disputes_nothing() {
    let town = Town::new();
    let (order, _) = town.order("one", &[100]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    let before = town.dump();
    let dispute = DisputeSignature { order: nonce("one"), item: 0 };
    assert_eq!(refusal(town.send("A-2", &dispute)), DisputeRefusal::UnknownOrder);
    let beyond = DisputeSignature { order: nonce("one"), item: 1 };
    assert_eq!(refusal(town.send("A-1", &beyond)), DisputeRefusal::UnknownOrder);
    assert_eq!(town.dump(), before);
}
