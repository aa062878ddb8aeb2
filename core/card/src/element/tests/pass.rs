//! What the card lets out.

use zeni_message::limits::BATCH_ITEMS_MAX;
use zeni_note::merkle;

use super::*;
use crate::CardError::{Closed as AlreadyClosed, Insufficient, NotWhole, OtherAmount, Retired, UnknownHolding};

/// RN-F4.5: the counter falls by the amount, and the signature is the holder key's over parent, amount and answer.
#[test]
fn endorse() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let signature = desk.endorse(&money.node, amount(300), &answer("a")).unwrap();
    let endorsement = Endorsement { parent: money.node, amount: amount(300), answer: answer("a") };
    assert!(desk.signed_by(&money.key, &endorsement, &signature));
    assert_eq!(desk.status(&money.node), (500, 200, HoldingState::Live));
    assert_eq!(desk.endorse(&answer("none"), amount(1), &answer("a")), Err(UnknownHolding));
}

/// RN-X17, RN-X18: the identical command gives identical bytes and takes nothing more; another amount is told apart.
#[test]
fn endorse_again() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    assert_eq!(desk.card.endorsed(&money.node, &answer("a")), Ok(None));
    let signature = desk.endorse(&money.node, amount(300), &answer("a")).unwrap();
    assert_eq!(desk.endorse(&money.node, amount(300), &answer("a")), Ok(signature));
    assert_eq!(desk.card.endorsed(&money.node, &answer("a")), Ok(Some((amount(300), signature))));
    let other = OtherAmount { signed: amount(300) };
    assert_eq!(desk.endorse(&money.node, amount(299), &answer("a")), Err(other.clone()));
    assert_eq!(desk.endorse(&money.node, Amount::ZERO, &answer("a")), Err(other));
    assert_eq!(desk.status(&money.node), (500, 200, HoldingState::Live));
    desk.endorse(&money.node, amount(200), &answer("b")).unwrap();
    assert_eq!(desk.endorse(&money.node, amount(300), &answer("a")), Ok(signature), "with nothing left");
    assert_eq!(desk.card.holdings(), Ok(Vec::new()));
}

/// RN-V2, RN-X20: nothing, more than is left, the largest amount: refused, and the counter stays.
#[test]
fn amounts() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let before = desk.memory.dump();
    for refused in [Amount::ZERO, amount(501), Amount::MAX] {
        let left = Insufficient { remaining: amount(500) };
        assert_eq!(desk.endorse(&money.node, refused, &answer("a")), Err(left));
    }
    assert_eq!(desk.memory.dump(), before);
    desk.endorse(&money.node, amount(499), &answer("a")).unwrap();
    assert_eq!(desk.endorse(&money.node, amount(2), &answer("b")), Err(Insufficient { remaining: amount(1) }));
    assert!(desk.endorse(&money.node, amount(1), &answer("b")).is_ok());
}

/// Deposits and renewals close the whole leaf, once, with the same bytes again.
#[test]
fn close_whole() {
    let mut desk = Desk::new();
    for (serial, purpose) in [("1", ClosingPurpose::Deposit(account("d"))), ("2", renewal(&World::new("w")))] {
        let money = desk.note(500, serial);
        let closed = desk.card.close(&money.node, &purpose).unwrap();
        let digest = purpose.digest(desk.world.network());
        let record = ClosingRecord { parent: money.node, amount: amount(500), purpose: digest };
        assert_eq!(closed.0, amount(500));
        assert!(desk.signed_by(&money.key, &record, &closed.1));
        assert_eq!(desk.card.close(&money.node, &purpose), Ok(closed));
        assert_eq!(desk.status(&money.node), (500, 0, HoldingState::Closed));
        assert_eq!(desk.endorse(&money.node, amount(1), &answer("a")), Err(AlreadyClosed));
        let part = desk.note(500, &(serial.to_string() + "part"));
        desk.endorse(&part.node, amount(1), &answer("a")).unwrap();
        assert_eq!(desk.card.close(&part.node, &purpose), Err(NotWhole));
        assert_eq!(desk.status(&part.node), (500, 499, HoldingState::Live));
    }
    assert_eq!(desk.card.close(&answer("none"), &ClosingPurpose::Refund(account("r"))), Err(UnknownHolding));
    assert_conserved(&desk.memory);
}

/// RN-F6.2, RN-X26: what was closed whole is closed again for whatever purpose, a hand-in among them, over the same amount,
/// so that a closing without credit loses nothing; each purpose keeps its bytes, and nothing is ever endorsed again.
#[test]
fn close_again() {
    let mut desk = Desk::new();
    let till = desk.card.generate_key().unwrap();
    let purposes = [
        ClosingPurpose::Deposit(account("d")),
        renewal(&World::new("w")),
        ClosingPurpose::Deposit(account("other")),
        ClosingPurpose::Refund(account("r")),
    ];
    for first in 0..=purposes.len() {
        let node = desk.note_for(till, 500, &format!("{first}")).node;
        match purposes.get(first) {
            Some(purpose) => drop(desk.card.close(&node, purpose).unwrap()),
            None => drop(desk.card.hand_in(&account("h"), &[node]).unwrap()),
        }
        let mut signed = Vec::new();
        for purpose in &purposes {
            let (taken, signature) = desk.card.close(&node, purpose).unwrap();
            let digest = purpose.digest(desk.world.network());
            let record = ClosingRecord { parent: node, amount: amount(500), purpose: digest };
            assert_eq!(taken, amount(500));
            assert!(desk.signed_by(&till, &record, &signature));
            signed.push(signature);
        }
        let handed_in = desk.card.hand_in(&account("h"), &[node]).unwrap();
        assert_eq!(desk.card.hand_in(&account("h"), &[node]), Ok(handed_in));
        for (purpose, signature) in purposes.iter().zip(signed) {
            assert_eq!(desk.card.close(&node, purpose), Ok((amount(500), signature)));
        }
        assert_eq!(desk.endorse(&node, amount(1), &answer("a")), Err(AlreadyClosed));
        assert_eq!(desk.card.holding(&node).unwrap().unwrap().closed, amount(500));
        assert_eq!(desk.status(&node), (500, 0, HoldingState::Closed));
        assert_conserved(&desk.memory);
    }
}

/// RN-X31: the refund of a rest may be signed again for another deposit, over the same rest; the whole is never closed.
#[test]
fn refund_again() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    desk.endorse(&money.node, amount(120), &answer("a")).unwrap();
    let (one, two) = (ClosingPurpose::Refund(account("r1")), ClosingPurpose::Refund(account("r2")));
    let first = desk.card.close(&money.node, &one).unwrap();
    let second = desk.card.close(&money.node, &two).unwrap();
    assert_eq!((first.0, second.0), (amount(380), amount(380)));
    assert_ne!(first.1, second.1);
    assert_eq!(desk.card.close(&money.node, &one), Ok(first));
    assert_eq!(desk.card.close(&money.node, &ClosingPurpose::Deposit(account("d"))), Err(AlreadyClosed));
    assert_eq!(desk.card.close(&money.node, &renewal(&World::new("w"))), Err(AlreadyClosed));
    assert_eq!(desk.card.hand_in(&account("d"), &[money.node]), Err(AlreadyClosed));
    assert_eq!(desk.endorse(&money.node, amount(1), &answer("b")), Err(AlreadyClosed));
    assert_conserved(&desk.memory);
}

/// A refund takes what is left, and nothing follows it but what was signed before.
#[test]
fn close_rest() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let endorsed = desk.endorse(&money.node, amount(120), &answer("a")).unwrap();
    let refund = ClosingPurpose::Refund(account("r"));
    let (rest, signature) = desk.card.close(&money.node, &refund).unwrap();
    assert_eq!(rest, amount(380));
    let digest = refund.digest(desk.world.network());
    let record = ClosingRecord { parent: money.node, amount: amount(380), purpose: digest };
    assert!(desk.signed_by(&money.key, &record, &signature));
    assert_eq!(desk.card.close(&money.node, &refund), Ok((rest, signature)));
    assert_eq!(desk.endorse(&money.node, amount(120), &answer("a")), Ok(endorsed));
    assert_eq!(desk.endorse(&money.node, amount(1), &answer("b")), Err(AlreadyClosed));
    let spent = desk.note(500, "2");
    desk.endorse(&spent.node, amount(500), &answer("a")).unwrap();
    assert_eq!(desk.card.close(&spent.node, &refund), Err(Insufficient { remaining: Amount::ZERO }));
    assert_conserved(&desk.memory);
}

/// A shop's takings under one signature: count, root and key are those of the leaves, all close, the same again is the same.
#[test]
fn hand_in() {
    let mut desk = Desk::new();
    let till = desk.card.generate_key().unwrap();
    let leaves: Vec<Digest> = (0..5).map(|n| desk.note_for(till, 100 + n, &format!("{n}")).node).collect();
    let signed = desk.card.hand_in(&account("d"), &leaves).unwrap();
    assert_eq!(signed.record, HandIn { to: account("d"), count: 5, root: merkle::root(&leaves) });
    assert!(desk.signed_by(&till, &signed.record, &signed.signature));
    assert_eq!(desk.card.hand_in(&account("d"), &leaves), Ok(signed));
    for leaf in &leaves {
        assert_eq!((desk.status(leaf).1, desk.status(leaf).2), (0, HoldingState::Closed));
        assert_eq!(desk.endorse(leaf, amount(1), &answer("a")), Err(AlreadyClosed));
    }
    // a leaf that brought no credit is handed in again, with the others or without them
    assert_eq!(desk.card.hand_in(&account("other"), &leaves[1..]).unwrap().record.count, 4);
    assert_eq!(desk.card.holdings(), Ok(Vec::new()));
    assert_conserved(&desk.memory);
}

/// A hand-in of nothing, of too many, of a part, of a leaf twice, of two keys, of unknown money changes nothing.
#[test]
fn hand_in_refused() {
    let mut desk = Desk::new();
    let till = desk.card.generate_key().unwrap();
    let whole = desk.note_for(till, 100, "1").node;
    let part = desk.note_for(till, 100, "2").node;
    let other_key = desk.note(100, "3").node;
    desk.endorse(&part, amount(1), &answer("a")).unwrap();
    let before = desk.memory.dump();
    let refused = CardError::HandIn { max: BATCH_ITEMS_MAX };
    let to = account("d");
    assert_eq!(desk.card.hand_in(&to, &[]), Err(refused.clone()));
    assert_eq!(desk.card.hand_in(&to, &vec![whole; BATCH_ITEMS_MAX + 1]), Err(refused.clone()));
    // the count is looked at before any leaf is
    let unknown: Vec<Digest> = (0..=BATCH_ITEMS_MAX).map(|n| answer(&n.to_string())).collect();
    assert_eq!(desk.card.hand_in(&to, &unknown), Err(refused.clone()));
    assert_eq!(desk.card.hand_in(&to, &unknown[1..]), Err(UnknownHolding));
    assert_eq!(desk.card.hand_in(&to, &[whole, whole]), Err(refused.clone()));
    assert_eq!(desk.card.hand_in(&to, &[whole, other_key]), Err(refused.clone()));
    assert_eq!(desk.card.hand_in(&to, &[whole, part]), Err(NotWhole));
    assert_eq!(desk.card.hand_in(&to, &[whole, answer("none")]), Err(UnknownHolding));
    assert_eq!(desk.memory.dump(), before);
    assert!(desk.card.hand_in(&to, &[whole]).is_ok());
}

/// A hand-in may be as large as a batch.
#[test]
fn hand_in_of_a_full_batch() {
    let mut desk = Desk::new();
    let payee = desk.card.generate_key().unwrap();
    let challenge = desk.challenge(payee, 5, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let load = |n| desk.card.load_payment(&Desk::new().paid(&challenge, 5, &format!("n{n}"))).unwrap().node;
    let leaves: Vec<Digest> = (0..BATCH_ITEMS_MAX).map(load).collect();
    assert_eq!(desk.card.hand_in(&account("d"), &leaves).unwrap().record.count, 1_024);
}

/// A retired card signs nothing; what it signed can still be read.
#[test]
fn retired() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let signature = desk.endorse(&money.node, amount(1), &answer("a")).unwrap();
    assert_eq!(desk.card.life(), Ok(Life::Operational));
    desk.card.retire().unwrap();
    assert_eq!(desk.card.retire(), Ok(()));
    assert_eq!(desk.card.life(), Ok(Life::Retired));
    assert_eq!(desk.endorse(&money.node, amount(1), &answer("b")), Err(Retired));
    assert_eq!(desk.card.close(&money.node, &ClosingPurpose::Refund(account("r"))), Err(Retired));
    assert_eq!(desk.card.hand_in(&account("d"), &[money.node]), Err(Retired));
    assert_eq!(desk.card.endorsed(&money.node, &answer("a")), Ok(Some((amount(1), signature))));
    assert_eq!(desk.status(&money.node), (500, 499, HoldingState::Live));
    desk.reinsert(9);
    assert_eq!(desk.card.life(), Ok(Life::Retired));
}
