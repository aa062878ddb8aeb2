use alloc::{vec, vec::Vec};

use proptest::prelude::*;
use zeni_message::Signed;

use super::*;
use crate::keylist::Way;
use crate::licence::key_digest;
use crate::testing::{DAY, START, World, amount, key, terms};
use crate::{KeyList, Licence, Right, SeriesTerms};

struct Payee {
    world: World,
    lists: Vec<KeyList>,
    revocations: RevocationList,
    challenge: Challenge,
    now: Time,
}

impl Payee {
    fn new(total: u64) -> Payee {
        let world = World::new("w");
        let challenge = world.challenge(&key("payee"), total, "order", START.plus(DAY));
        Payee {
            lists: vec![world.key_list()],
            revocations: world.revocations(START),
            now: START.plus(DAY),
            world,
            challenge,
        }
    }

    fn check(&self, payment: &Payment) -> Result<Checked, PaymentFault> {
        let known =
            Knowledge { roots: &self.world.roots, terms: &self.lists, revocations: &self.revocations, now: self.now };
        payment.check(&self.challenge, &known)
    }

    fn note(&self, face: u64) -> Chain {
        self.world.note(&key("payer"), face, "n1")
    }

    fn pay(&self, value: u64) -> Payment {
        self.world.payment(&self.note(1_000), &key("payer"), value, &self.challenge)
    }
}

/// RN-V1, RN-V11, RN-F4.6, F4.7, RN-P8: the payee checks everything alone, offline, and holds note and history afterwards.
#[test]
fn a_payment_is_checked_offline_and_can_be_paid_on() {
    let payee = Payee::new(300);
    let checked = payee.check(&payee.pay(300)).unwrap();
    assert_eq!(checked.total, amount(300));
    let [one] = &checked.received[..] else { panic!("one holding") };
    assert_eq!((one.amount, one.hops_left), (amount(300), 15));
    assert_eq!(one.valid_until, terms().valid_until);
    assert_eq!(one.identity, payee.world.leaf(&one.chain));
    let onward = payee.world.pay(&one.chain, &key("payee"), &key("third"), 300, "onward");
    assert!(onward.verify(&payee.world.roots, &payee.lists).is_ok());
}

/// RN-V12, RN-P3, P17: any part can be paid, down to one minor unit, and no more than all.
#[test]
fn any_part_can_be_paid() {
    let payee = Payee::new(300);
    for value in [1, 299, 300, 1_000] {
        assert_eq!(payee.check(&payee.pay(value)).unwrap().total, amount(value));
    }
    for value in [0, 1_001] {
        assert_eq!(payee.check(&payee.pay(value)).unwrap_err(), PaymentFault::Amount { holding: 0 });
    }
}

/// RN-X21, RN-P20: an answer to another challenge, or the same bytes to another payee, are refused.
#[test]
fn an_answer_to_another_challenge_is_refused() {
    let payee = Payee::new(300);
    let payment = payee.pay(300);
    let other = payee.world.challenge(&key("payee"), 300, "another order", START.plus(DAY));
    let thief = payee.world.challenge(&key("thief"), 300, "order", START.plus(DAY));
    for challenge in [other, thief] {
        let known = Payee { challenge: challenge.clone(), ..Payee::new(300) };
        assert_eq!(known.check(&payment).unwrap_err(), PaymentFault::UnknownChallenge);
        let relabelled = Payment { answer: challenge.answer(payee.world.network()), ..payment.clone() };
        assert_eq!(known.check(&relabelled).unwrap_err(), PaymentFault::Signature { holding: 0 });
    }
}

/// Another network's payment is told apart from a damaged one.
#[test]
fn another_networks_payment_is_refused() {
    let payee = Payee::new(300);
    let payment = Payment { network: World::new("other").network(), ..payee.pay(300) };
    assert_eq!(payee.check(&payment).unwrap_err(), PaymentFault::OtherNetwork);
}

/// RN-F4.6: only the holder's key can pass the money on.
#[test]
fn a_thiefs_signature_is_refused() {
    let payee = Payee::new(300);
    let payment = payee.world.payment(&payee.note(1_000), &key("thief"), 300, &payee.challenge);
    assert_eq!(payee.check(&payment).unwrap_err(), PaymentFault::Signature { holding: 0 });
}

/// HC-P15, HC-X46: a key under seal that is on the list pays nothing, as its note is worth nothing to a payee who knows. Control: with a
/// list that does not name it the payment is good.
#[test]
fn a_listed_key_under_seal_is_refused() {
    let mut payee = Payee::new(300);
    payee.lists[0].record.series[0].way = Way::Sealed;
    payee.lists = vec![payee.world.sign_key_list(payee.lists[0].record.clone())];
    payee.challenge.key_list = payee.lists[0].record.identity(payee.world.network());
    let chain = payee.world.sealed_note(&key("payer"), 1_000, "n1");
    let payment = payee.world.payment(&chain, &key("payer"), 300, &payee.challenge);
    assert!(payee.check(&payment).is_ok(), "control");
    payee.revocations.revoked = vec![key_digest(&key("payer").public())];
    assert_eq!(payee.check(&payment).unwrap_err(), PaymentFault::Revoked { holding: 0 });
}

/// RN-F4.2, RN-X32: a revoked or ended licence pays nothing.
#[test]
fn a_revoked_or_ended_licence_is_refused() {
    let mut payee = Payee::new(300);
    payee.revocations.revoked = vec![key_digest(&key("payer").public())];
    assert_eq!(payee.check(&payee.pay(300)).unwrap_err(), PaymentFault::Revoked { holding: 0 });
    let payee = Payee::new(300);
    let mut payment = payee.pay(300);
    let ended = Licence { until: payee.challenge.time.minus(1), ..payee.world.licence(key("payer").public()).record };
    payment.answers[0].chain.holder = Signed::sign(payee.world.network(), ended, &payee.world.authority).into();
    assert_eq!(payee.check(&payment).unwrap_err(), PaymentFault::LicenceEnded { holding: 0 });
    let last = Licence { until: payee.challenge.time, ..payee.world.licence(key("payer").public()).record };
    payment.answers[0].chain.holder = Signed::sign(payee.world.network(), last, &payee.world.authority).into();
    assert!(payee.check(&payment).is_ok(), "control: in its last second");
}

/// DESIGN §5 "Right to hold", HC-R3: a key that was sealed for one note, or a shop's, is no payer of anything else; offline, by
/// the next payee.
#[test]
fn a_sealed_key_is_no_second_holder() {
    let payee = Payee::new(300);
    let (first, sealed) = (key("first"), key("payer"));
    let mut chain = payee.world.pay(&payee.world.note(&first, 1_000, "n1"), &first, &sealed, 500, "r1");
    let licensed = payee.world.payment(&chain, &sealed, 300, &payee.challenge);
    assert!(payee.check(&licensed).is_ok(), "control: with a licence");
    chain.hops[0].payee = Right::Unlicensed(sealed.public());
    let payment = payee.world.payment(&chain, &sealed, 300, &payee.challenge);
    assert_eq!(payee.check(&payment).unwrap_err(), PaymentFault::Unlicensed { holding: 0 });
    let own = payee.world.payment(&payee.world.sealed_note(&sealed, 500, "n2"), &sealed, 300, &payee.challenge);
    assert!(payee.check(&own).is_ok(), "control: its own note");
}

/// DESIGN §5 "Right to hold": what a payee without a licence takes goes no further.
#[test]
fn a_payee_without_a_licence_is_terminal() {
    let payee = Payee::new(300);
    let challenge = Challenge { right: Right::Unlicensed(key("payee").public()), ..payee.challenge.clone() };
    let payee = Payee { challenge, ..payee };
    let checked = payee.check(&payee.pay(300)).unwrap();
    assert_eq!(checked.received[0].hops_left, 0);
    let onward = payee.world.pay(&checked.received[0].chain, &key("payee"), &key("third"), 300, "onward");
    let fault = onward.verify(&payee.world.roots, &payee.lists).unwrap_err();
    assert_eq!(fault, ChainFault::Unlicensed { hop: 1 });
}

/// RN-V4, RN-X33: with a stale list the payee accepts within the limit only.
#[test]
fn a_stale_list_limits_what_is_accepted() {
    let limit = terms().stale_limit.minor();
    let payee = Payee { now: START.plus(8 * DAY), ..Payee::new(limit) };
    let pay = |value| payee.world.payment(&payee.note(5_000), &key("payer"), value, &payee.challenge);
    assert!(payee.check(&pay(limit)).is_ok());
    let fault = payee.check(&pay(limit + 1)).unwrap_err();
    assert_eq!(fault, PaymentFault::StaleList { age_s: 8 * DAY, limit: amount(limit) });
    let fresh = Payee { revocations: payee.world.revocations(START.plus(DAY)), ..payee };
    let pay = fresh.world.payment(&fresh.note(5_000), &key("payer"), limit + 1, &fresh.challenge);
    assert!(fresh.check(&pay).is_ok(), "control: seven days old is fresh");
}

/// RN-O20: nothing is accepted on a request made after the end of validity, nor after the deposit limit; what was asked in
/// time and comes late is taken, to be deposited.
#[test]
fn an_expired_note_is_refused() {
    let end = terms().valid_until;
    let asked_at = |time: Time| {
        let payee = Payee::new(300);
        let challenge = payee.world.challenge(&key("payee"), 300, "order", time);
        Payee { challenge, now: time, revocations: payee.world.revocations(time), ..payee }
    };
    let payee = asked_at(end);
    assert!(payee.check(&payee.pay(300)).is_ok());
    let late = Payee { now: terms().deposit_until, ..asked_at(end) };
    assert_eq!(late.check(&late.pay(300)).unwrap().received[0].valid_until, end);
    let payee = asked_at(end.plus(1));
    assert_eq!(payee.check(&payee.pay(300)).unwrap_err(), PaymentFault::Expired { holding: 0 });
    let payee = Payee { now: terms().deposit_until.plus(1), ..asked_at(end) };
    assert_eq!(payee.check(&payee.pay(300)).unwrap_err(), PaymentFault::Expired { holding: 0 });
}

/// RN-X20, F4.3: two parts of one note that are together worth more than it are an overspending in plain sight, also when
/// they share only an endorsement further back.
#[test]
fn an_overspending_in_plain_sight_is_refused() {
    let payee = Payee::new(1_500);
    let note = payee.note(1_000);
    let answer = |chain: &Chain, payer: &str, value| payee.world.answer(chain, &key(payer), value, &payee.challenge);
    let pay = |answers: Vec<Answer>| payee.check(&Payment { answers, ..payee.pay(1) });
    let split = vec![answer(&note, "payer", 600), answer(&note, "payer", 400)];
    assert_eq!(pay(split).unwrap_err(), PaymentFault::Repeated { holding: 1 });
    let branch = |seed: &str, value| payee.world.pay(&note, &key("payer"), &key(seed), value, seed);
    let over = vec![answer(&branch("b", 600), "b", 600), answer(&branch("c", 401), "c", 401)];
    assert_eq!(pay(over).unwrap_err(), PaymentFault::Overspent { holding: 1 });
    let exact = vec![answer(&branch("b", 600), "b", 600), answer(&branch("c", 400), "c", 400)];
    assert_eq!(pay(exact).unwrap().total, amount(1_000), "control: what there was");
}

/// RN-X34: the sixteenth payment is accepted, the seventeenth is not.
#[test]
fn the_cap_of_payments_holds() {
    let payee = Payee::new(300);
    let mut chain = payee.note(300);
    let payer = key("payer");
    for hop in 0..15 {
        chain = payee.world.pay(&chain, &payer, &payer, 300, &alloc::format!("hop {hop}"));
    }
    let last = payee.world.payment(&chain, &payer, 300, &payee.challenge);
    assert_eq!(payee.check(&last).unwrap().received[0].hops_left, 0);
    let chain = payee.world.pay(&chain, &payer, &payer, 300, "hop 15");
    let beyond = payee.world.payment(&chain, &payer, 300, &payee.challenge);
    assert_eq!(payee.check(&beyond).unwrap_err(), PaymentFault::Cap { holding: 0, hops: 16 });
}

/// RN-X20: other currency; other series than the payee accepts.
#[test]
fn other_currencies_and_series_are_refused() {
    let payee = Payee::new(300);
    let usd = zeni_money::Currency::from_code("USD").unwrap();
    let asked = Payee { challenge: Challenge { currency: usd, ..payee.challenge.clone() }, ..Payee::new(300) };
    let payment = asked.world.payment(&asked.note(1_000), &key("payer"), 300, &asked.challenge);
    assert_eq!(asked.check(&payment).unwrap_err(), PaymentFault::Currency { holding: 0 });
    let asked = Payee { challenge: Challenge { series: vec![2], ..payee.challenge.clone() }, ..Payee::new(300) };
    let payment = asked.world.payment(&asked.note(1_000), &key("payer"), 300, &asked.challenge);
    assert_eq!(asked.check(&payment).unwrap_err(), PaymentFault::Series { holding: 0, series: 1 });
    let asked = Payee { challenge: Challenge { series: vec![2, 1], ..payee.challenge }, ..Payee::new(300) };
    let payment = asked.world.payment(&asked.note(1_000), &key("payer"), 300, &asked.challenge);
    assert!(asked.check(&payment).is_ok());
}

/// RN-O11: several holdings answer one challenge; the same one twice is refused.
#[test]
fn several_holdings_answer_one_challenge() {
    let payee = Payee::new(1_500);
    let (a, b) = (payee.note(1_000), payee.world.note(&key("payer"), 500, "n2"));
    let answers: Vec<Answer> =
        [(&a, 1_000), (&b, 500)].map(|(n, v)| payee.world.answer(n, &key("payer"), v, &payee.challenge)).into();
    let payment = Payment { answers: answers.clone(), ..payee.pay(1) };
    assert_eq!(payee.check(&payment).unwrap().total, amount(1_500));
    let twice =
        Payment { answers: vec![answers[0].clone(), answers[1].clone(), answers[0].clone()], ..payment.clone() };
    assert_eq!(payee.check(&twice).unwrap_err(), PaymentFault::Repeated { holding: 2 });
    let none = Payment { answers: vec![], ..payment.clone() };
    assert_eq!(payee.check(&none).unwrap_err(), PaymentFault::Holdings { found: 0, max: HOLDINGS_IN_PAYMENT_MAX });
    let many = Payment { answers: vec![answers[0].clone(); HOLDINGS_IN_PAYMENT_MAX + 1], ..payment };
    let found = HOLDINGS_IN_PAYMENT_MAX + 1;
    assert_eq!(payee.check(&many).unwrap_err(), PaymentFault::Holdings { found, max: HOLDINGS_IN_PAYMENT_MAX });
    let note = |n: usize| payee.world.note(&key("payer"), 1, &alloc::format!("small {n}"));
    let small = |n: usize| payee.world.answer(&note(n), &key("payer"), 1, &payee.challenge);
    let most = Payment { answers: (0..HOLDINGS_IN_PAYMENT_MAX).map(small).collect(), ..payee.pay(1) };
    assert_eq!(payee.check(&most).unwrap().received.len(), HOLDINGS_IN_PAYMENT_MAX);
}

/// The terms of the note's epoch must be at hand.
#[test]
fn unknown_terms_are_refused() {
    let payee = Payee { lists: vec![], ..Payee::new(300) };
    let fault = payee.check(&payee.pay(300)).unwrap_err();
    assert!(matches!(fault, PaymentFault::Chain { holding: 0, fault: ChainFault::UnknownTerms { .. } }));
    let mut list = payee.world.key_list().record;
    list.series = vec![SeriesTerms { payments_max: 0, ..terms() }];
    let payee = Payee { lists: vec![payee.world.sign_key_list(list)], ..payee };
    assert_eq!(payee.check(&payee.pay(300)).unwrap_err(), PaymentFault::Cap { holding: 0, hops: 0 });
}

/// Size target: what an answer adds beside the chain is at most 150 bytes (1,200 bits, HC-N8).
#[test]
fn an_answer_is_small() {
    let payee = Payee::new(300);
    let payment = payee.pay(300);
    let chain = zeni_message::encode(&payment.answers[0].chain).len();
    let answer = zeni_message::encode(&payment.answers[0]).len();
    assert!(answer - chain <= 150, "{}", answer - chain);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// RN-P18: one bit flipped anywhere in what the payer hands over, and the payee refuses.
    #[test]
    fn one_flipped_bit_is_refused(at in 0usize..4_000, bit in 0u8..8) {
        let payee = Payee::new(300);
        let chain = payee.world.pay(&payee.note(1_000), &key("payer"), &key("second"), 500, "first");
        let payment = payee.world.payment(&chain, &key("second"), 300, &payee.challenge);
        let mut bytes = zeni_message::encode(&payment);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(altered) = zeni_message::decode::<Payment>(&bytes, 1 << 20) {
            prop_assert!(payee.check(&altered).is_err(), "byte {} bit {}", at, bit);
        }
    }

    /// Bytes from anywhere never panic and never pass.
    #[test]
    fn wild_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(payment) = zeni_message::decode::<Payment>(&bytes, 1 << 20) {
            prop_assert!(Payee::new(300).check(&payment).is_err());
        }
    }
}
