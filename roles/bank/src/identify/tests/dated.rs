//! The time of an order decides whether its evidence holds: a customer who may choose it freely overspends for nothing.

use zeni_crypto::PublicKey;
use zeni_message::{Signed, Time};
use zeni_note::{
    messages::bank::{Identification, SealedOutcome, WithdrawSealed, WithdrawSealedRefusal as Refusal},
    sealed::{Identified, IdentifiedFault},
    testing::{DAY, START},
};

use super::checked;
use crate::testing::{Purse, Town, account_key, refusal};

/// An order that is dated otherwise.
fn dated(town: &Town, seed: &str, time: Time) -> Purse {
    let mut purse = town.purse("A-2", seed, 1_000);
    let mut record = purse.item.order.record.clone();
    record.time = time;
    purse.item.order = town.signed(record, "A-2");
    purse
}

/// The case that comes of a note which was overspent.
fn case(town: &Town, cheat: &Purse, account_key: PublicKey) -> Identified {
    let states = town.withdraw_sealed("A-2", std::slice::from_ref(cheat)).expect("told");
    let chain = town.chain(cheat, &states[0]);
    assert_eq!(town.identify(&town.question(cheat, &chain, &[600, 600])), Ok(Identification::Identified));
    let cases = town.cases().cases;
    let document = &cases.last().expect("a case").document;
    let case = Signed::<Identified>::from_document(document).expect("a document").record;
    assert_eq!(case.account_key, account_key);
    case
}

/// HC-P15, HC-D19, HC-O3: who dates his order outside of his certificate, that his bank's case against him may be nothing for third
/// parties, gets no note: nothing is stored or reserved. Within the tolerance the case holds, and what was taken in time is told at any time.
/// Control: the same case with another time in the order shows nothing.
#[test]
fn an_order_is_of_about_now() {
    let town = Town::new();
    town.set_time(START.plus(5 * DAY));
    let now = town.bank.clock.now();
    let before = town.dump();
    for time in [Time(0), START.plus(4_000 * DAY), now.minus(DAY + 1), now.plus(DAY + 1)] {
        let items = vec![town.purse("A-2", "good", 100).item, dated(&town, "cheat", time).item];
        let refused = refusal(town.send("A-2", &WithdrawSealed { items }));
        assert_eq!(refused, Refusal::OtherTime { item: 1, now });
        assert_eq!(town.dump(), before);
    }
    for (seed, time) in [("early", now.minus(DAY)), ("late", now.plus(DAY))] {
        let cheat = dated(&town, seed, time);
        if town.cases().suspended.is_empty() {
            town.withdraw_sealed("A-2", std::slice::from_ref(&cheat)).expect("taken");
        } else {
            zeni_store::testing::block_on(town.bank.lift("A-2")).expect("lifted");
        }
        let case = case(&town, &cheat, account_key("A-2"));
        assert_eq!(checked(&town, &case), Ok(()));
        for time in [Time(0), START.plus(4_000 * DAY)] {
            let mut escaped = case.clone();
            escaped.order.record.time = time;
            assert_eq!(checked(&town, &escaped), Err(IdentifiedFault::Certificate), "control");
        }
    }
    town.set_time(START.plus(20 * DAY));
    let stored = dated(&town, "early", now.minus(DAY));
    let states = town.withdraw_sealed("A-2", std::slice::from_ref(&stored)).expect("what was taken is told");
    assert!(matches!(states[0].outcome, SealedOutcome::Issued(_)));
    town.sound();
}

/// HC-P15, HC-O3: a wallet whose clock is behind dates its order on the day before its certificate was made, also on a network's
/// first day: it gets its note, and a case over it holds. Control: with a certificate that begins with its day the order is not taken.
#[test]
fn a_clock_behind_dates_within_the_certificate() {
    let town = Town::new();
    for (seed, now, behind) in [("first day", START.plus(DAY), DAY), ("midnight", START.plus(5 * DAY + 2), 5)] {
        town.set_time(now);
        assert_eq!(town.sabotage("DELETE FROM certificate WHERE account = 'A-2'", vec![]), 1);
        town.enrol("A-2", account_key("A-2"));
        let cheat = dated(&town, seed, now.minus(behind));
        town.withdraw_sealed("A-2", std::slice::from_ref(&cheat)).expect("taken");
        assert_eq!(checked(&town, &case(&town, &cheat, account_key("A-2"))), Ok(()));
        zeni_store::testing::block_on(town.bank.lift("A-2")).expect("lifted");
        let today = Time(now.0 / DAY * DAY);
        town.sabotage("UPDATE certificate SET since = ?1 WHERE account = 'A-2'", vec![crate::schema::int(today.0)]);
        let refused = refusal(town.withdraw_sealed("A-2", &[dated(&town, &format!("{seed} again"), today.minus(1))]));
        assert_eq!(refused, Refusal::NotCertified { item: 0 }, "control");
    }
}

/// HC-P15, HC-D19: a key that is enrolled again under a newer certificate signs with the one that holds at the time of the order; the
/// case shows that one, also when another came afterwards. Without one that holds, no order is taken.
#[test]
fn a_case_shows_the_certificate_of_the_order() {
    let mut town = Town::new();
    let (first, _) = town.issued("A-2", "first", 1_000);
    let ended = town.sabotage("UPDATE certificate SET since = 1, until = 2 WHERE account = 'A-2'", vec![]);
    assert_eq!(ended, 1);
    let late = town.purse("A-2", "late", 1_000);
    let before = town.dump();
    let refused = refusal(town.withdraw_sealed("A-2", std::slice::from_ref(&late)));
    assert_eq!(refused, Refusal::NotCertified { item: 0 });
    assert_eq!(town.dump(), before);
    let second = town.enrol("A-2", account_key("A-2"));
    town.withdraw_sealed("A-2", std::slice::from_ref(&late)).expect("certified anew");
    town.advance(3_600);
    let third = town.enrol("A-2", account_key("A-2"));
    town.restart();
    assert_eq!(
        town.table("certificate").iter().filter(|row| row[0] == "A-2".into()).count(),
        3,
        "the first is of an order"
    );
    let shown = case(&town, &late, account_key("A-2")).certificate;
    assert!(shown == second.chain && shown != third.chain);
    zeni_store::testing::block_on(town.bank.lift("A-2")).expect("lifted");
    let shown = case(&town, &first, account_key("A-2")).certificate;
    assert!(shown != second.chain && shown != third.chain);
    town.sound();
}
