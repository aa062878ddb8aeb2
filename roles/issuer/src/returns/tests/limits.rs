//! The edges of what a batch, a hand-in and a closing may be, and of when they may come.

use zeni_message::limits::BATCH_ITEMS_MAX;
use zeni_money::Currency;
use zeni_note::ClosingPurpose;

use super::*;

fn refund(setup: &Setup, chain: &Chain, holder: &zeni_crypto::SecretKey, rest: u64, id: &str) -> ReturnItem {
    let purpose = ClosingPurpose::Refund(setup.world.account(AOBA, "A-1", id));
    ReturnItem { chain: chain.clone(), closing: setup.world.close(chain, holder, rest, purpose) }
}

/// DESIGN §4: a batch has 1 to 1,024 items and at most as many hand-ins; the next one is refused whole.
#[test]
fn a_batch_has_at_most_its_size() {
    let setup = setup();
    let (hanako, thief) = (setup.person("hanako"), setup.person("thief"));
    let chain = block_on(setup.note(&hanako, 100, "n1"));
    let mut shapeless = setup.deposit(&chain, &hanako, AOBA, "d1");
    shapeless.chain.holder = setup.world.licence(thief.public()).into();
    let found = outcomes(&setup, AOBA, "full", vec![shapeless.clone(); BATCH_ITEMS_MAX]);
    assert_eq!(found, [Outcome::Malformed; BATCH_ITEMS_MAX]);
    let too_many = block_on(setup.give_back(AOBA, "more", vec![shapeless; BATCH_ITEMS_MAX + 1]));
    let refusal = ReturnRefusal::BatchSize { found: 1_025, max: 1_024 };
    assert_eq!(too_many, Err(SendError::Refused(refusal.clone())));

    let one = hand_in(&setup, std::slice::from_ref(&chain), &hanako, AOBA, "h1");
    let many = |count| Return { hand_ins: vec![one.hand_ins[0].clone(); count], ..one.clone() };
    let refused = block_on(setup.member(AOBA, many(BATCH_ITEMS_MAX)));
    assert_eq!(refused, Err(SendError::Refused(ReturnRefusal::HandIn { hand_in: 1 })), "the second covers nothing");
    let refused = block_on(setup.member(AOBA, many(BATCH_ITEMS_MAX + 1)));
    assert_eq!(refused, Err(SendError::Refused(refusal)));
    assert_eq!(sound(&setup).currencies[0].returned, 0);
}

/// DESIGN §5 "Deposit": a hand-in covers as many leaves as a batch has items; one that an item names must be in the batch.
#[test]
fn a_hand_in_is_as_large_as_a_batch() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 100, "n1"));
    let full = hand_in(&setup, &vec![chain.clone(); BATCH_ITEMS_MAX], &hanako, AOBA, "full");
    let found = block_on(setup.member(AOBA, full)).unwrap().record.outcomes;
    assert_eq!((found[0], found[1], found.len()), (Outcome::Paid, Outcome::Duplicate, BATCH_ITEMS_MAX));

    let mut elsewhere = hand_in(&setup, &[chain], &hanako, AOBA, "elsewhere");
    elsewhere.items[0].closing = Closing::Taking { hand_in: 1, index: 0 };
    let refused = block_on(setup.member(AOBA, elsewhere));
    assert_eq!(refused, Err(SendError::Refused(ReturnRefusal::HandIn { hand_in: 1 })));
    assert_eq!(sound(&setup).currencies[0].returned, 100);
}

/// RN-X1: a forged licence is checked anew in every batch, a true one that was checked before stays good.
#[test]
fn a_forged_licence_is_never_remembered() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 100, "tea");
    let mut forged = setup.deposit(&paid, &shop, AOBA, "d1");
    forged.chain.hops[0].payee = setup.forged_licence(shop.public()).into();
    for batch in ["b1", "b2", "b3"] {
        assert_eq!(outcomes(&setup, AOBA, batch, vec![forged.clone()]), [Outcome::Malformed]);
    }
    let good = setup.deposit(&paid, &shop, AOBA, "d1");
    assert_eq!(outcomes(&setup, AOBA, "b4", vec![forged, good]), [Outcome::Malformed, Outcome::Paid]);
}

/// RN-X2, X20: a chain through a licence that had ended, a genuine note in a currency that its series does not have, a refund
/// of nothing or of more than came in are malformed: no alarm, no case.
#[test]
fn what_signatures_cannot_mend_is_malformed() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let mut chain = block_on(setup.note(&hanako, 500, "n1"));
    let signed_at = START.plus(DAY);
    for (until, expected) in [(signed_at.minus(1), Outcome::Malformed), (signed_at, Outcome::Paid)] {
        let licence = zeni_note::Licence { until, ..setup.world.licence(hanako.public()).record };
        chain.holder = Signed::sign(setup.world.network(), licence, &setup.world.authority).into();
        let paid = setup.world.pay(&chain, &hanako, &shop, 100, "tea");
        let item = setup.deposit(&paid, &shop, AOBA, "d1");
        assert_eq!(outcomes(&setup, AOBA, &format!("until {until:?}"), vec![item]), [expected]);
    }
    let mut foreign = setup.world.note(&hanako, 500, "dollars");
    foreign.note.record.currency = Currency::from_code("USD").unwrap();
    foreign.note = Signed::sign(setup.world.network(), foreign.note.record, &setup.world.issuer);
    let item = setup.deposit(&foreign, &hanako, AOBA, "d2");
    assert_eq!(outcomes(&setup, AOBA, "dollars", vec![item]), [Outcome::Malformed]);
    assert_eq!(block_on(setup.issuer.alarms()).unwrap(), []);

    setup.clock.put(START.plus(211 * DAY));
    for (rest, expected) in [(0, Outcome::Malformed), (501, Outcome::Malformed)] {
        let item = refund(&setup, &chain, &hanako, rest, "r1");
        assert_eq!(outcomes(&setup, AOBA, &format!("rest {rest}"), vec![item]), [expected]);
    }
    let until = START.plus(240 * DAY);
    let exact = refund(&setup, &chain, &hanako, 400, "r1");
    assert_eq!(outcomes(&setup, AOBA, "rest 400", vec![exact]), [Outcome::Waiting { until }]);
    assert_eq!(cases(&setup), []);
}

/// DESIGN §5 "Return", RN-O20, RN-O21: deposits come up to and with the last second of their term, refunds after it and as
/// long as records are kept.
#[test]
fn terms_end_with_their_last_second() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let notes: Vec<Chain> = (0..4).map(|n| block_on(setup.note(&hanako, 100, &format!("n{n}")))).collect();
    let deposit = |note: usize| vec![setup.deposit(&notes[note], &hanako, AOBA, &format!("d{note}"))];
    let refund = |note: usize| vec![refund(&setup, &notes[note], &hanako, 100, &format!("r{note}"))];
    let until = START.plus(240 * DAY);
    let deposit_until = START.plus(210 * DAY);
    setup.clock.put(deposit_until);
    assert_eq!(outcomes(&setup, AOBA, "b1", deposit(0)), [Outcome::Paid]);
    assert_eq!(outcomes(&setup, AOBA, "b2", refund(1)), [Outcome::TooEarly]);
    setup.clock.put(deposit_until.plus(1));
    assert_eq!(outcomes(&setup, AOBA, "b3", deposit(1)), [Outcome::Late]);
    assert_eq!(outcomes(&setup, AOBA, "b4", refund(1)), [Outcome::Waiting { until }]);
    let retain_until = START.plus(400 * DAY);
    setup.clock.put(retain_until);
    assert_eq!(outcomes(&setup, AOBA, "b5", refund(2)), [Outcome::Waiting { until }]);
    setup.clock.put(retain_until.plus(1));
    assert_eq!(outcomes(&setup, AOBA, "b6", refund(3)), [Outcome::Late]);
}
