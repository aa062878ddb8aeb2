use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_message::Time;
use zeni_money::Amount;
use zeni_note::{
    Chain,
    messages::issuer::{Decision, GetDecisions, Outcome},
    testing::{DAY, START, amount},
};

use crate::{
    Policy,
    testing::{BANKS, Setup, total},
};

const AOBA: &str = BANKS[0];

fn capped(per_key: u64, per_person: u64, per_issuer_day: u64) -> Policy {
    Policy::Capped {
        per_key: amount(per_key),
        per_person: amount(per_person),
        per_issuer_day: amount(per_issuer_day),
        cutoff: 86_400,
    }
}

fn decisions(setup: &Setup) -> Vec<Decision> {
    block_on(setup.settle_down());
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    block_on(setup.member(AOBA, GetDecisions { after: 0 })).unwrap()
}

/// `count` colluders each get the whole note of one overspender and deposit it; answers what they gained in all.
fn ring_gain(policy: Policy, count: usize) -> u64 {
    let setup = block_on(Setup::new(policy));
    let ueda = setup.person("ueda");
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let mut paid = 0;
    for colluder in 0..count {
        let friend = setup.person(&format!("colluder {colluder}"));
        let chain = setup.world.pay(&chain, &ueda, &friend, 500, &format!("pay {colluder}"));
        let item = setup.deposit(&chain, &friend, AOBA, &format!("d{colluder}"));
        let answer = block_on(setup.give_back(AOBA, &format!("b{colluder}"), vec![item])).unwrap();
        paid += match answer.record.outcomes[0] {
            Outcome::Paid => 500,
            Outcome::Partly { paid } => paid.minor(),
            _ => 0,
        };
    }
    let honoured = total(decisions(&setup).iter().map(|decision| decision.paid));
    assert!(paid <= 500);
    paid + honoured - 500
}

/// DESIGN §5 "Excess": what a ring of N colluders gains is flat at the cap; the control without a cap grows with N.
#[test]
fn a_ring_gains_no_more_than_the_cap() {
    let gains = [2, 4, 9].map(|count| ring_gain(capped(700, 10_000, 10_000), count));
    assert_eq!(gains, [500, 700, 700]);
    let by_person = [2, 4, 9].map(|count| ring_gain(capped(10_000, 800, 10_000), count));
    assert_eq!(by_person, [500, 800, 800]);
    let by_day = [2, 4, 9].map(|count| ring_gain(capped(10_000, 10_000, 600), count));
    assert_eq!(by_day, [500, 600, 600]);
    let uncapped = [2, 4, 9].map(|count| ring_gain(capped(1 << 40, 1 << 40, 1 << 40), count));
    assert_eq!(uncapped, [500, 1_500, 4_000]);
}

/// `keys` keys of one overspender each spend a note of their own twice; answers what his friends gained in all.
fn keys_gain(policy: Policy, keys: usize) -> u64 {
    let setup = block_on(Setup::new(policy));
    for at in 0..keys {
        let copied = zeni_note::testing::key(&format!("key {at}"));
        setup.registrar.enrol(copied.public(), "ueda");
        let chain = block_on(setup.note(&copied, 500, &format!("n{at}")));
        for friend in ["one", "two"] {
            let (payee, word) = (setup.person(&format!("{friend} {at}")), format!("{friend} {at}"));
            let paid = setup.world.pay(&chain, &copied, &payee, 500, &word);
            let item = setup.deposit(&paid, &payee, AOBA, &word);
            block_on(setup.give_back(AOBA, &word, vec![item])).unwrap();
        }
    }
    total(decisions(&setup).iter().map(|decision| decision.paid))
}

/// DESIGN §5 "Excess": many keys of one person gain no more than the cap of the person; the control without it grows.
#[test]
fn many_keys_of_a_person_gain_no_more_than_the_cap() {
    let gains = [1, 3, 6].map(|keys| keys_gain(capped(700, 800, 10_000), keys));
    assert_eq!(gains, [500, 800, 800]);
    let uncapped = [1, 3, 6].map(|keys| keys_gain(capped(700, 1 << 40, 1 << 40), keys));
    assert_eq!(uncapped, [500, 1_500, 3_000]);
}

/// DESIGN §5 "Excess": of payees that the authority no longer compares none is paid, whatever the caps; every claim is decided.
#[test]
fn payees_that_are_not_compared_are_not_paid() {
    let setup = block_on(Setup::new(capped(1 << 40, 1 << 40, 1 << 40)));
    setup.registrar.comparisons.store(2, std::sync::atomic::Ordering::Relaxed);
    let ueda = setup.person("ueda");
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    for at in 0..6 {
        let (payee, word) = (setup.person(&format!("payee {at}")), format!("pay {at}"));
        let paid = setup.world.pay(&chain, &ueda, &payee, 500, &word);
        let item = setup.deposit(&paid, &payee, AOBA, &word);
        block_on(setup.give_back(AOBA, &word, vec![item])).unwrap();
    }
    let mut paid: Vec<u64> = decisions(&setup).iter().map(|decision| decision.paid.minor()).collect();
    paid.sort_unstable();
    assert_eq!(paid, [0, 0, 0, 500, 500]);
}

/// Policy `refuse`: first come up to the face value, never more.
#[test]
fn refuse_pays_no_excess() {
    assert_eq!([2, 5].map(|count| ring_gain(Policy::Refuse, count)), [0, 0]);
}

/// RN-X22, RN-O17: an honest payee of an overspent note is made whole, and the bank is told once, in numbered order.
#[test]
fn an_honest_payee_is_made_whole() {
    let setup = block_on(Setup::new(capped(1_000, 1_000, 10_000)));
    let (ueda, one, two) = (setup.person("ueda"), setup.person("one"), setup.person("two"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    for (payee, word) in [(&one, "one"), (&two, "two")] {
        let paid = setup.world.pay(&chain, &ueda, payee, 400, word);
        let item = setup.deposit(&paid, payee, AOBA, word);
        block_on(setup.give_back(AOBA, word, vec![item])).unwrap();
    }
    let told = decisions(&setup);
    assert_eq!(told.iter().map(|decision| (decision.number, decision.paid)).collect::<Vec<_>>(), [(1, amount(300))]);
    assert_eq!(decisions(&setup), told);
    assert_eq!(block_on(setup.member(AOBA, GetDecisions { after: 1 })).unwrap(), []);
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!((report.currencies[0].returned, report.currencies[0].honoured), (500, 300));
}

/// Never to the guilty: neither the same key nor another key of the same person, whatever the caps.
#[test]
fn the_guilty_get_nothing() {
    for claimant in ["ueda", "second key of ueda"] {
        let setup = block_on(Setup::new(capped(1 << 40, 1 << 40, 1 << 40)));
        let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
        let payee = setup.person(claimant);
        setup.registrar.enrol(payee.public(), "ueda");
        let chain = block_on(setup.note(&ueda, 500, "n1"));
        for (payee, word) in [(&shop, "shop"), (&payee, "self")] {
            let paid = setup.world.pay(&chain, &ueda, payee, 500, word);
            let item = setup.deposit(&paid, payee, AOBA, word);
            block_on(setup.give_back(AOBA, word, vec![item])).unwrap();
        }
        assert_eq!(decisions(&setup).iter().map(|decision| decision.paid).collect::<Vec<_>>(), [Amount::ZERO]);
    }
}

/// At that time `payer` has passed on the whole of his note to somebody new, and it comes back.
fn give_at(setup: &Setup, chain: &Chain, payer: &SecretKey, word: &str, at: Time) {
    setup.clock.put(at);
    let payee = setup.person(word);
    let paid = setup.world.pay(chain, payer, &payee, 500, word);
    let item = setup.deposit(&paid, &payee, AOBA, word);
    block_on(setup.give_back(AOBA, word, vec![item])).unwrap();
}

/// Only claims that arrived before the cut-off after the disclosure are paid.
#[test]
fn a_claim_after_the_cut_off_is_refused() {
    let setup = block_on(Setup::new(capped(1 << 40, 1 << 40, 1 << 40)));
    let ueda = setup.person("ueda");
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let give = |word: &str, at: Time| {
        give_at(&setup, &chain, &ueda, word, at);
        decisions(&setup).len()
    };
    assert_eq!(give("one", START.plus(2 * DAY)), 0);
    assert_eq!(give("two", START.plus(2 * DAY)), 1);
    assert_eq!(give("in time", START.plus(3 * DAY)), 2);
    assert_eq!(give("too late", START.plus(3 * DAY + 1)), 3);
    let paid: Vec<u64> = decisions(&setup).iter().map(|decision| decision.paid.minor()).collect();
    assert_eq!(paid, [500, 500, 0]);
}

/// DESIGN §5 "Excess": the cap of a day counts from midnight to midnight (UTC), and a new day has a new one.
#[test]
fn the_cap_of_a_day_counts_that_day() {
    let setup = block_on(Setup::new(Policy::Capped {
        per_key: amount(1 << 40),
        per_person: amount(1 << 40),
        per_issuer_day: amount(600),
        cutoff: 100 * DAY,
    }));
    let ueda = setup.person("ueda");
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let give = |word: &str, at: Time| {
        give_at(&setup, &chain, &ueda, word, at);
        decisions(&setup).last().map(|decision| decision.paid.minor())
    };
    assert_eq!(give("as of right", START.plus(2 * DAY)), None);
    assert_eq!(give("first of the day", START.plus(2 * DAY + 1)), Some(500));
    assert_eq!(give("last of the day", START.plus(3 * DAY).minus(1)), Some(100));
    assert_eq!(give("next day", START.plus(3 * DAY)), Some(500));
    assert_eq!(give("next day, same second", START.plus(3 * DAY + 1)), Some(100));
}

/// DESIGN §5 "Excess": a payee that the authority cannot name yet is neither paid nor refused: the claim waits for its answer.
#[test]
fn a_claim_waits_for_the_authoritys_answer() {
    let setup = block_on(Setup::new(capped(1 << 40, 1 << 40, 1 << 40)));
    let (ueda, shop, ghost) = (setup.person("ueda"), setup.person("shop"), zeni_note::testing::key("ghost"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    for (payee, word) in [(&shop, "shop"), (&ghost, "ghost")] {
        let paid = setup.world.pay(&chain, &ueda, payee, 500, word);
        let item = setup.deposit(&paid, payee, AOBA, word);
        block_on(setup.give_back(AOBA, word, vec![item])).unwrap();
    }
    assert_eq!(decisions(&setup), []);
    setup.registrar.enrol(ghost.public(), "ghost");
    assert_eq!(decisions(&setup).iter().map(|decision| decision.paid).collect::<Vec<_>>(), [amount(500)]);
}

/// RN-F8: claims that the authority cannot decide on keep no other waiting, however many there are.
#[test]
fn claims_that_wait_starve_no_other() {
    let setup = block_on(Setup::new(capped(10_000, 10_000, 10_000)));
    let (ueda, first) = (setup.person("ueda"), setup.person("first"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let paid = setup.world.pay(&chain, &ueda, &first, 500, "first");
    block_on(setup.give_back(AOBA, "b1", vec![setup.deposit(&paid, &first, AOBA, "d1")])).unwrap();
    let node = setup.world.leaf(&chain).0;
    let holder = ueda.public().0;
    let job = move |tx: &mut zeni_store::Tx<'_>| -> crate::Done<()> {
        for number in 0..2 * super::CLAIMS_OF_ROUND {
            let mut leaf = [0; 32];
            leaf[..4].copy_from_slice(&number.to_be_bytes());
            tx.execute(
                super::schema::INSERT_CLAIM,
                zeni_store::params![leaf, AOBA, "JPY", amount(1), [9; 32], 0u32, 1u32],
            )?;
            tx.execute(super::schema::INSERT_CLAIM_CASE, zeni_store::params![leaf, node, holder])?;
        }
        Ok(())
    };
    block_on(setup.store.write(zeni_store::Caller::default(), job)).unwrap();
    let second = setup.person("second");
    let paid = setup.world.pay(&chain, &ueda, &second, 500, "second");
    block_on(setup.give_back(AOBA, "b2", vec![setup.deposit(&paid, &second, AOBA, "d2")])).unwrap();
    for _ in 0..6 {
        block_on(setup.issuer.tick()).unwrap();
    }
    let told = block_on(setup.member(AOBA, GetDecisions { after: 0 })).unwrap();
    assert_eq!(total(told.iter().map(|decision| decision.paid)), 500);
}

/// DESIGN §5 "Excess": never to the key that overspent, whatever the authority answers about persons. Control: another
/// payee gets what the same answer allows.
#[test]
fn the_guilty_key_gets_nothing_though_the_authority_calls_it_another_person() {
    for (claimant, paid) in [("ueda", 0), ("other", 500)] {
        let setup = block_on(Setup::new(capped(1 << 40, 1 << 40, 1 << 40)));
        setup.registrar.says_different.store(true, std::sync::atomic::Ordering::Relaxed);
        let (ueda, shop, payee) = (setup.person("ueda"), setup.person("shop"), setup.person(claimant));
        let chain = block_on(setup.note(&ueda, 500, "n1"));
        for (payee, word) in [(&shop, "shop"), (&payee, "claimant")] {
            let paid = setup.world.pay(&chain, &ueda, payee, 500, word);
            let item = setup.deposit(&paid, payee, AOBA, word);
            block_on(setup.give_back(AOBA, word, vec![item])).unwrap();
        }
        assert_eq!(decisions(&setup).iter().map(|decision| decision.paid).collect::<Vec<_>>(), [amount(paid)]);
    }
}
