mod advance;

use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_message::Time;
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

/// When refunds out of backups are decided: the first second in which nothing is taken back.
const END: Time = Time(START.0 + 400 * DAY + 1);

fn repeat(setup: &Setup, batch: &str, item: ReturnItem) -> Outcome {
    block_on(setup.give_back(AOBA, batch, vec![item])).unwrap().record.outcomes[0]
}

fn outcome(setup: &Setup, batch: &str, item: ReturnItem) -> Outcome {
    let outcome = repeat(setup, batch, item);
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
    // the answer that it got first, so that the decision is not booked twice
    assert_eq!(outcome(&setup, "b4", item), Outcome::Waiting { until });
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

/// A note of 1,000 of which a backup was made; then 300 were passed on and have come back. All of it is claimed, as out of a
/// backup or as an exact rest.
/// Answers what was decided, in minor units, and who was named.
fn out_of_an_old_backup(backup: bool) -> (Vec<u64>, Vec<Option<String>>) {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 1_000, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 300, "after the backup");
    assert_eq!(outcome(&setup, "b1", setup.deposit(&paid, &shop, AOBA, "d1")), Outcome::Paid);
    let claim = if backup { backup_refund } else { refund };
    let item = claim(&setup, &chain, &hanako, 1_000, "r1");
    assert_eq!(outcome(&setup, "b2", item.clone()), Outcome::TooEarly);
    setup.clock.put(START.plus(211 * DAY));
    let until = if backup { END } else { START.plus(240 * DAY) };
    assert_eq!(outcome(&setup, "b3", item.clone()), Outcome::Waiting { until });
    assert_eq!(outcome(&setup, "b4", item.clone()), Outcome::Waiting { until });
    setup.clock.put(until);
    block_on(setup.issuer.tick_refunds()).unwrap();
    assert_eq!(block_on(setup.issuer.audit()).unwrap().archive, 1);
    // a repeat gets the answer it got first: the decision alone tells what was paid
    assert_eq!(repeat(&setup, "b5", item), Outcome::Waiting { until });
    block_on(setup.settle_down());
    let named = block_on(setup.issuer.cases()).unwrap().into_iter().map(|case| case.name).collect();
    (decided(&setup).iter().map(|paid| paid.minor()).collect(), named)
}

/// RN-P19, RN-X31: an honest holder who claims out of an old backup what he has since passed on gets what is left and is
/// accused of nothing. Control: the exact statement "rest 1,000" in the same place names him.
#[test]
fn an_old_backup_accuses_nobody() {
    assert_eq!(out_of_an_old_backup(true), (vec![700], vec![]));
    assert_eq!(out_of_an_old_backup(false), (vec![700, 0], vec![Some("hanako".to_owned())]));
}

/// RN-X31: exact refunds come first, whatever came in first, also in the last second in which anything is taken; what the
/// backup asked above the rest is nobody's offence and no claim.
#[test]
fn all_that_lawfully_comes_back_comes_before_a_backup() {
    let cap = amount(1 << 40);
    let policy = Policy::Capped { per_key: cap, per_person: cap, per_issuer_day: cap, cutoff: DAY };
    let setup = block_on(Setup::new(policy));
    let hanako = setup.person("hanako");
    let term = START.plus(240 * DAY);
    setup.clock.put(START.plus(211 * DAY));
    let notes: Vec<Chain> = (0..4).map(|at| block_on(setup.note(&hanako, 1_000, &format!("n{at}")))).collect();
    let onward = |chain: &Chain, name: &str| {
        let payee = setup.person(name);
        let paid = setup.world.pay(chain, &hanako, &payee, 300, name);
        outcome(&setup, name, refund(&setup, &paid, &payee, 300, name))
    };
    for (chain, at) in notes.iter().zip(0..) {
        let item = backup_refund(&setup, chain, &hanako, 1_000, &format!("r{at}"));
        assert_eq!(outcome(&setup, &format!("b{at}"), item), Outcome::Waiting { until: END });
        assert_eq!(onward(chain, &format!("p{at}")), Outcome::Waiting { until: term });
    }
    setup.clock.put(term);
    block_on(setup.settle_down());
    assert_eq!(decided(&setup), [amount(300); 4]);
    // long after the dispute term, in the last second of retention
    setup.clock.put(END.minus(1));
    assert_eq!(onward(&notes[0], "late"), Outcome::Waiting { until: term });
    assert_eq!(decided(&setup), [amount(300); 5]);
    setup.clock.put(END);
    block_on(setup.settle_down());
    let mut rests: Vec<u64> = decided(&setup)[5..].iter().map(|paid| paid.minor()).collect();
    rests.sort_unstable();
    assert_eq!(rests, [400, 700, 700, 700]);
    assert_eq!(onward(&notes[1], "too late"), Outcome::Late);
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!((report.currencies[0].returned, report.currencies[0].honoured), (4_000, 0));
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// RN-X31, RN-X35: the notes that a waiting refund is paid from are not pruned before it is decided, also when the first
/// round after the retention prunes first.
#[test]
fn nothing_is_pruned_before_its_refund() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 1_000, "n1"));
    let other = block_on(setup.note(&hanako, 500, "n2"));
    setup.clock.put(START.plus(211 * DAY));
    outcome(&setup, "b1", backup_refund(&setup, &chain, &hanako, 1_000, "r1"));
    setup.clock.put(END);
    block_on(setup.issuer.prune()).unwrap();
    assert_eq!(block_on(setup.issuer.circulation()).unwrap()[0].rows[0], 2);
    block_on(setup.settle_down());
    assert_eq!(decided(&setup), [amount(1_000)]);
    let circulation = block_on(setup.issuer.circulation()).unwrap();
    assert_eq!((circulation[0].rows[..2].to_vec(), circulation[0].dormant), (vec![0, 0], 500));
    assert_eq!(repeat(&setup, "b2", setup.deposit(&other, &hanako, AOBA, "d1")), Outcome::Late);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
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
    assert_eq!(outcome(&setup, "b5", backup), Outcome::Waiting { until: END });
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
    for time in [START.plus(240 * DAY), END] {
        setup.clock.put(time);
        block_on(setup.settle_down());
    }
    // taro's exact refund takes what is left, his claim and the backup get nothing
    assert_eq!(decided(&setup), [100, 0, 0].map(amount));
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
