//! Orders under seal: what is reserved, debited, released, refused, and what is sent.

use zeni_note::messages::{
    bank::{SealedOutcome, WithdrawSealedRefusal as Refusal},
    issuer::{IssueSealed, SealedRefusal},
};

use crate::testing::{Cut, OPENING, Town, refusal};

/// HC-F2.4, F2.5, F2.6, F2.7, F2.8, F2.16, F2.17, HC-A14…A19, HC-V9, V10, V11, V19: an order under seal is reserved, sent, debited
/// when the note is there; the customer gets E_K as the issuer made it and opens his note.
#[test]
fn an_order_under_seal_gives_a_note() {
    let mut town = Town::new();
    let purses = [town.purse("A-1", "one", 100), town.purse("A-1", "two", 1_000)];
    let states = town.withdraw_sealed("A-1", &purses).expect("a withdrawal");
    for (purse, state) in purses.iter().zip(&states) {
        let note = town.opened(purse, state).expect("a note");
        assert_eq!((note.record.face, note.record.holder), (purse.content.face, purse.user().public()));
        assert!(note.record.sealed);
        assert!(state.receipt.verify(town.world.network(), &town.issuer.document()).is_ok());
        assert_eq!(state.receipt.record.of, purse.item.order.record.of);
    }
    assert_eq!(town.balances("A-1"), (OPENING - 1_100, 0));
    assert_eq!((town.reserved("A-1"), town.outstanding()), (0, 1_100));
    assert_eq!(town.sent::<IssueSealed>().len(), 1);
    town.restart();
    assert_eq!(town.withdraw_sealed("A-1", &purses).expect("the same"), states);
    assert_eq!(town.sent::<IssueSealed>().len(), 1, "what was answered is not sent again");
    town.sound();
}

/// HC-X8, HC-X9, HC-X5: whatever leg is lost or wherever the bank dies, the order is debited once and gives one note.
#[test]
fn every_leg_may_be_lost() {
    for cut in [Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::new();
        let purses = [town.purse("A-1", "one", 100)];
        town.cut(&[cut]);
        let first = town.withdraw_sealed("A-1", &purses);
        town.restart();
        if let Ok(states) = &first {
            assert_eq!(states[0].outcome, SealedOutcome::Pending, "{cut:?}");
        }
        assert_eq!((town.balances("A-1"), town.reserved("A-1")), ((OPENING - 100, 0), 100), "{cut:?}");
        town.sound();
        town.settle();
        assert_eq!((town.reserved("A-1"), town.outstanding()), (0, 100), "{cut:?}");
        let states = town.withdraw_sealed("A-1", &purses).expect("the same");
        town.opened(&purses[0], &states[0]).expect("a note");
        assert_eq!(town.balances("A-1"), (OPENING - 100, 0), "{cut:?}");
        let sent = town.sent::<IssueSealed>();
        assert!(sent.iter().all(|body| *body == sent[0]), "the same bytes");
        town.sound();
    }
}

/// HC-X1, HC-F2.5: a balance too low: nothing is reserved, stored or sent.
#[test]
fn a_poor_account_orders_nothing() {
    let town = Town::new();
    let purses: Vec<_> = (0..11).map(|n| town.purse("A-1", &format!("purse {n}"), 1_000)).collect();
    let before = town.dump();
    let refused = refusal(town.withdraw_sealed("A-1", &purses));
    assert_eq!(refused, Refusal::InsufficientFunds { available: OPENING });
    assert_eq!(town.dump(), before);
    assert!(town.sent::<IssueSealed>().is_empty());
    town.withdraw_sealed("A-1", &purses[1..]).expect("control: what he has");
    assert_eq!(town.balances("A-1"), (0, 0));
}

/// HC-X2, HC-X12, HC-O15: what the issuer refuses is released, and told by its word, for good.
#[test]
fn what_is_refused_is_released() {
    for refused in [SealedRefusal::Ceiling, SealedRefusal::BadOrder, SealedRefusal::OtherAmount] {
        let town = Town::new();
        town.desk().refuse = Some(refused.clone());
        let purses = [town.purse("A-1", "one", 1_000)];
        let states = town.withdraw_sealed("A-1", &purses).expect("heard");
        let word = zeni_message::Refusal::code(&refused).to_owned();
        assert_eq!(states[0].outcome, SealedOutcome::Refused(word));
        assert_eq!((town.balances("A-1"), town.reserved("A-1"), town.outstanding()), ((OPENING, 0), 0, 0));
        town.desk().refuse = None;
        assert_eq!(town.withdraw_sealed("A-1", &purses).expect("the same"), states);
        town.sound();
    }
}
