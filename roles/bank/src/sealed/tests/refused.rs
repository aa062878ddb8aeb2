//! Orders that are refused: they cost the customer nothing, and the bank little.

use zeni_crypto::sha256;
use zeni_message::peer::SendError;
use zeni_note::{
    messages::{
        bank::{
            SEALED_ITEMS_MAX, SealedItem, SealedOutcome, SealedState, WithdrawSealed, WithdrawSealedRefusal as Refusal,
        },
        issuer::SealedRefusal,
    },
    sealed::{Envelope, Ordered, WithdrawalOrder},
    testing::{DAY, EPOCH, amount, jpy, nonce},
};

use super::super::{UNISSUED_OF_DAY_MAX, forward::REFUSED_KEPT_S};
use crate::testing::{OPENING, SEALED, Town, refusal};

/// Signed orders over what no issuer can open.
fn junk(town: &Town, account: &str, from: usize, count: usize) -> Vec<SealedItem> {
    let item = |number: usize| {
        let request: Vec<u8> =
            sha256(&[account.as_bytes(), &number.to_be_bytes()]).0.into_iter().cycle().take(Envelope::LEN).collect();
        let digest = Envelope::digest(&request);
        let of = Ordered { series: SEALED, epoch: EPOCH, currency: jpy(), face: amount(100), request: digest };
        let order = nonce(&format!("{account} junk {number}"));
        let time = town.bank.clock.now();
        let order = WithdrawalOrder { bank: crate::testing::BANK.into(), account: account.into(), order, time, of };
        SealedItem { order: town.signed(order, account), request }
    };
    (from..from + count).map(item).collect()
}

fn order(town: &Town, items: Vec<SealedItem>) -> Result<Vec<SealedState>, SendError<Refusal>> {
    let account = items[0].order.record.account.clone();
    town.send(&account, &WithdrawSealed { items })
}

/// HC-X1, HC-X4, HC-O9: a customer who orders what the issuer refuses, over and over, with the same money each time, gets so far in a
/// day and no further; other customers are served, and he again the next day. What he left behind is gone within the week. Control:
/// without the bound each message would have left its rows.
#[test]
fn refused_orders_fill_no_database() {
    let town = Town::new();
    let max = usize::try_from(UNISSUED_OF_DAY_MAX).unwrap();
    let (mut rows, mut ordered) = (0, 0);
    while rows < max {
        let count = SEALED_ITEMS_MAX.min(64).min(max - rows);
        let states = order(&town, junk(&town, "A-1", rows, count)).expect("heard");
        assert!(states.iter().all(|state| matches!(state.outcome, SealedOutcome::Refused(_))));
        rows += count;
        ordered += count * 100;
        assert_eq!(town.table("sealed_order").len(), rows, "control: each order leaves a row");
    }
    assert!(u64::try_from(ordered).unwrap() > OPENING, "the same money, again and again");
    let before = town.dump();
    for count in [1, 64] {
        let refused = refusal(order(&town, junk(&town, "A-1", max, count)));
        assert_eq!(refused, Refusal::TooManyRefused { max: UNISSUED_OF_DAY_MAX });
    }
    assert_eq!(town.dump(), before);
    assert_eq!(order(&town, junk(&town, "A-1", 0, 3)).expect("what was ordered before is told").len(), 3);
    assert_eq!(town.balances("A-1"), (OPENING, 0));
    town.issued("A-2", "another customer", 1_000);
    town.sound();

    town.advance(DAY);
    town.issued("A-1", "the next day", 1_000);
    town.advance(REFUSED_KEPT_S + 1);
    while town.table("sealed_order").len() > 2 {
        assert_eq!(town.tick().expect("a round"), crate::Progress::More);
    }
    assert_eq!(town.balances("A-1"), (OPENING - 1_000, 0));
    town.sound();
}

/// HC-X8: an order that was refused and forgotten, brought again by its customer, is refused by the bank itself, which takes no order
/// so old: nothing is stored, reserved or sent. Control: while it is kept, it is told.
#[test]
fn a_forgotten_refusal_stays_one() {
    let mut town = Town::new();
    town.desk().refuse = Some(SealedRefusal::Ceiling);
    let purse = town.purse("A-1", "one", 1_000);
    let told = town.withdraw_sealed("A-1", std::slice::from_ref(&purse)).expect("heard");
    // an issuer that would issue it now
    town.desk().refuse = None;
    town.desk().sealed.clear();
    town.advance(REFUSED_KEPT_S - 1);
    assert_eq!(town.withdraw_sealed("A-1", std::slice::from_ref(&purse)).expect("told"), told, "control");
    town.advance(2);
    town.settle();
    assert!(town.table("sealed_order").is_empty());
    let (before, sent) = (town.dump(), town.sent::<zeni_note::messages::issuer::IssueSealed>().len());
    let again = refusal(town.withdraw_sealed("A-1", std::slice::from_ref(&purse)));
    assert!(matches!(again, Refusal::OtherTime { item: 0, .. }));
    assert_eq!((town.dump(), town.sent::<zeni_note::messages::issuer::IssueSealed>().len()), (before, sent));
    assert_eq!(town.balances("A-1"), (OPENING, 0));
    town.sound();
}
