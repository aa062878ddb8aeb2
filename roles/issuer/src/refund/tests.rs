use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_money::Amount;
use zeni_note::{
    Chain, Closing, ClosingPurpose,
    closing::ToAccount,
    messages::issuer::{GetDecisions, Outcome, ReturnItem},
    testing::{DAY, START, amount},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];

fn refund(setup: &Setup, chain: &Chain, holder: &SecretKey, rest: u64, id: &str) -> ReturnItem {
    let purpose = ClosingPurpose::Refund(setup.world.account(AOBA, "A-1", id));
    ReturnItem { chain: chain.clone(), closing: setup.world.close(chain, holder, rest, purpose) }
}

fn outcome(setup: &Setup, batch: &str, item: ReturnItem) -> Outcome {
    let outcome = block_on(setup.give_back(AOBA, batch, vec![item])).unwrap().record.outcomes[0];
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    outcome
}

fn decided(setup: &Setup) -> Vec<Amount> {
    let told = block_on(setup.member(AOBA, GetDecisions { after: 0 })).unwrap();
    told.iter().map(|decision| decision.paid).collect()
}

/// RN-X31, DESIGN §5 "Lost money": too early before the deposit limit, waiting until the dispute term is over, then paid.
#[test]
fn a_rest_is_refunded_after_the_dispute_term() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 200, "tea");
    assert_eq!(outcome(&setup, "b1", setup.deposit(&paid, &shop, AOBA, "d1")), Outcome::Paid);
    let item = refund(&setup, &chain, &hanako, 300, "r1");
    assert_eq!(outcome(&setup, "b2", item.clone()), Outcome::TooEarly);
    setup.clock.put(START.plus(211 * DAY));
    let until = START.plus(240 * DAY);
    assert_eq!(outcome(&setup, "b3", item.clone()), Outcome::Waiting { until });
    assert_eq!(decided(&setup), []);
    setup.clock.put(until);
    block_on(setup.settle_down());
    assert_eq!(decided(&setup), [amount(300)]);
    assert_eq!(outcome(&setup, "b4", item), Outcome::Paid);
    assert_eq!(decided(&setup), [amount(300)]);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().archive, 1);
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// A refund of more than the rest convicts its claimant, by what he had signed away before or by what comes later.
#[test]
fn a_false_refund_convicts_its_claimant() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let paid = setup.world.pay(&chain, &ueda, &shop, 200, "tea");
    assert_eq!(outcome(&setup, "b1", setup.deposit(&paid, &shop, AOBA, "d1")), Outcome::Paid);
    setup.clock.put(START.plus(211 * DAY));
    outcome(&setup, "b2", refund(&setup, &chain, &ueda, 500, "r1"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
    setup.clock.put(START.plus(241 * DAY));
    block_on(setup.settle_down());
    // what was left is paid, the excess is his own claim
    assert_eq!(decided(&setup), [amount(300), Amount::ZERO]);
}

/// A later chain through the refunded node by the same key is proof against him: the refund is a child.
#[test]
fn a_chain_that_shows_up_after_a_refund_is_proof() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, taro) = (setup.person("ueda"), setup.person("taro"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    setup.clock.put(START.plus(211 * DAY));
    outcome(&setup, "b1", refund(&setup, &chain, &ueda, 500, "r1"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
    let onward = setup.world.pay(&chain, &ueda, &taro, 100, "onward");
    outcome(&setup, "b2", refund(&setup, &onward, &taro, 100, "r2"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
}

fn backup_refund(setup: &Setup, chain: &Chain, holder: &SecretKey, at_most: u64, id: &str) -> ReturnItem {
    let purpose = ClosingPurpose::BackupRefund(setup.world.account(AOBA, "A-1", id));
    ReturnItem { chain: chain.clone(), closing: setup.world.close(chain, holder, at_most, purpose) }
}

/// A note of 1,000 of which a backup was made; then 300 were passed on and have come back. `claim` is made out of the backup.
/// Answers what was decided, in minor units, and who was named.
fn out_of_an_old_backup(
    claim: impl Fn(&Setup, &Chain, &SecretKey, u64, &str) -> ReturnItem,
) -> (Vec<u64>, Vec<Option<String>>) {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 1_000, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 300, "after the backup");
    assert_eq!(outcome(&setup, "b1", setup.deposit(&paid, &shop, AOBA, "d1")), Outcome::Paid);
    let item = claim(&setup, &chain, &hanako, 1_000, "r1");
    assert_eq!(outcome(&setup, "b2", item.clone()), Outcome::TooEarly);
    setup.clock.put(START.plus(211 * DAY));
    let until = START.plus(240 * DAY);
    assert_eq!(outcome(&setup, "b3", item.clone()), Outcome::Waiting { until });
    assert_eq!(outcome(&setup, "b4", item.clone()), Outcome::Waiting { until });
    setup.clock.put(until);
    block_on(setup.settle_down());
    assert_eq!(outcome(&setup, "b5", item), Outcome::Partly { paid: amount(700) });
    assert_eq!(block_on(setup.issuer.audit()).unwrap().archive, 1);
    let named = block_on(setup.issuer.cases()).unwrap().into_iter().map(|case| case.name).collect();
    (decided(&setup).iter().map(|paid| paid.minor()).collect(), named)
}

/// RN-P19, RN-X31: an honest holder who claims out of an old backup what he has since passed on gets what is left and is
/// accused of nothing. Control: the exact statement "rest 1,000" in the same place names him.
#[test]
fn an_old_backup_accuses_nobody() {
    assert_eq!(out_of_an_old_backup(backup_refund), (vec![700, 0], vec![]));
    assert_eq!(out_of_an_old_backup(refund), (vec![700, 0], vec![Some("hanako".to_owned())]));
}

/// RN-X31: at the end of the dispute term exact refunds come first, whatever came in first; what comes later finds nothing
/// left, which is nobody's offence and is not honoured above the face value.
#[test]
fn exact_refunds_come_before_a_backup() {
    let cap = amount(1 << 40);
    let policy = Policy::Capped { per_key: cap, per_person: cap, per_issuer_day: cap, cutoff: DAY };
    let setup = block_on(Setup::new(policy));
    let hanako = setup.person("hanako");
    let until = START.plus(240 * DAY);
    setup.clock.put(START.plus(211 * DAY));
    let notes: Vec<Chain> = (0..8).map(|at| block_on(setup.note(&hanako, 1_000, &format!("n{at}")))).collect();
    let onward = |chain: &Chain, name: &str| {
        let payee = setup.person(name);
        let paid = setup.world.pay(chain, &hanako, &payee, 300, name);
        refund(&setup, &paid, &payee, 300, name)
    };
    for (chain, at) in notes.iter().zip(0..) {
        let item = backup_refund(&setup, chain, &hanako, 1_000, &format!("r{at}"));
        assert_eq!(outcome(&setup, &format!("b{at}"), item), Outcome::Waiting { until });
        assert_eq!(outcome(&setup, &format!("c{at}"), onward(chain, &format!("p{at}"))), Outcome::Waiting { until });
    }
    setup.clock.put(until);
    block_on(setup.settle_down());
    let paid: Vec<u64> = decided(&setup).iter().map(|paid| paid.minor()).collect();
    assert_eq!(paid, [[300; 8], [700, 0, 700, 0, 700, 0, 700, 0], [700, 0, 700, 0, 700, 0, 700, 0]].concat());
    assert_eq!(outcome(&setup, "late", onward(&notes[0], "late")), Outcome::Waiting { until });
    assert_eq!(decided(&setup)[24..], [Amount::ZERO, Amount::ZERO]);
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!((report.currencies[0].returned, report.currencies[0].honoured), (8_000, 0));
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// RN-X31: a backup's refund closes its leaf like any other closing, a leaf that is closed is a duplicate, and its signature
/// is no exact refund's, nor the other way round.
#[test]
fn a_backup_refund_is_a_record_of_its_own() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    let (one, two) = (block_on(setup.note(&hanako, 500, "n1")), block_on(setup.note(&hanako, 500, "n2")));
    assert_eq!(outcome(&setup, "b1", setup.deposit(&one, &hanako, AOBA, "d1")), Outcome::Paid);
    setup.clock.put(START.plus(211 * DAY));
    assert_eq!(outcome(&setup, "b2", backup_refund(&setup, &one, &hanako, 500, "r1")), Outcome::Duplicate);
    let exact = refund(&setup, &two, &hanako, 400, "r2");
    let backup = backup_refund(&setup, &two, &hanako, 400, "r2");
    let relabelled = |item: &ReturnItem, into: fn(ToAccount) -> ClosingPurpose| {
        let Closing::Single { amount, purpose, signature } = item.closing.clone() else { panic!("a single closing") };
        let purpose = into(purpose.account().unwrap().clone());
        ReturnItem { chain: item.chain.clone(), closing: Closing::Single { amount, purpose, signature } }
    };
    assert_eq!(outcome(&setup, "b3", relabelled(&backup, ClosingPurpose::Refund)), Outcome::Malformed);
    assert_eq!(outcome(&setup, "b4", relabelled(&exact, ClosingPurpose::BackupRefund)), Outcome::Malformed);
    let until = START.plus(240 * DAY);
    assert_eq!(outcome(&setup, "b5", backup), Outcome::Waiting { until });
    assert_eq!(outcome(&setup, "b6", exact), Outcome::Duplicate);
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// RN-F8.2: a backup's refund covers no overspender: what he signed besides convicts him, and the proof does not show it.
#[test]
fn a_backup_refund_shields_no_overspender() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop, taro) = (setup.person("ueda"), setup.person("shop"), setup.person("taro"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let item = setup.deposit(&setup.world.pay(&chain, &ueda, &shop, 400, "one"), &shop, AOBA, "d1");
    assert_eq!(outcome(&setup, "b1", item), Outcome::Paid);
    let second = setup.world.pay(&chain, &ueda, &taro, 300, "two");
    setup.clock.put(START.plus(211 * DAY));
    outcome(&setup, "b2", backup_refund(&setup, &chain, &ueda, 500, "r1"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
    outcome(&setup, "b3", refund(&setup, &second, &taro, 300, "r2"));
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
    setup.clock.put(START.plus(240 * DAY));
    block_on(setup.settle_down());
    // taro's exact refund takes what is left, his claim and the backup get nothing
    assert_eq!(decided(&setup), [100, 0, 0, 0].map(amount));
}

/// RN-X31: a round says how many refunds it decided, so that whoever runs rounds knows when all is done.
#[test]
fn a_round_counts_its_refunds() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    setup.clock.put(START.plus(211 * DAY));
    for serial in ["n1", "n2", "n3"] {
        let chain = block_on(setup.note(&hanako, 500, serial));
        outcome(&setup, serial, refund(&setup, &chain, &hanako, 500, serial));
    }
    setup.clock.put(START.plus(240 * DAY));
    let rounds = [0, 1].map(|_| block_on(setup.issuer.tick()).unwrap());
    assert_eq!(rounds.map(|round| (round.decisions, round.more)), [(3, true), (0, false)]);
}
