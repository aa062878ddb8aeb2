//! Laws of the balance over random transfer trees, through the issuer's own door.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, VecDeque};

use futures::executor::block_on;
use proptest::prelude::*;
use zeni_crypto::{Entropy, SecretKey, SeededEntropy};
use zeni_issuer::{
    Policy,
    testing::{BANKS, Setup},
};
use zeni_note::{
    Chain, Closing, ClosingPurpose,
    closing::ToAccount,
    messages::issuer::{GetDecisions, Outcome, ReturnItem},
    testing::{DAY, START, amount},
};

const PERSONS: usize = 6;
const FACE: u64 = 1_000;
const DEPTH_MAX: usize = 4;
const LEAVES_MAX: usize = 40;

struct Dice(SeededEntropy);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % sides
    }

    fn pick(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll(sides as u64)).unwrap()
    }
}

struct Holding {
    chain: Chain,
    key: SecretKey,
    person: usize,
    value: u64,
}

struct Forest {
    deposits: Vec<ReturnItem>,
    /// What was closed, as its holder had it.
    leaves: Vec<Holding>,
    /// What was passed on, as a backup knew it.
    passed_on: Vec<Holding>,
    guilty: BTreeSet<String>,
}

/// How a holder splits what he holds: an honest one into what it is worth, a cheat into more.
fn split(dice: &mut Dice, value: u64, cheats: bool) -> Vec<u64> {
    let mut parts = Vec::new();
    let mut rest = value;
    while rest > 0 && parts.len() < 3 {
        let part = 1 + dice.roll(rest);
        parts.push(part);
        rest -= part;
    }
    if rest > 0 {
        parts.push(rest);
    }
    if cheats {
        parts.push(1 + dice.roll(value));
    }
    parts
}

/// Lets one note wander at random until everything stands before a bank's counter.
fn wander(setup: &Setup, dice: &mut Dice, cheats: &BTreeSet<usize>) -> Forest {
    let mut forest =
        Forest { deposits: Vec::new(), leaves: Vec::new(), passed_on: Vec::new(), guilty: BTreeSet::new() };
    let person = dice.pick(PERSONS);
    let key = licensed(setup, person, "0");
    let chain = block_on(setup.note(&key, FACE, &format!("note {}", dice.roll(u64::MAX))));
    let mut holdings = VecDeque::from([Holding { chain, key, person, value: FACE }]);
    let mut made = 0;
    while let Some(holding) = holdings.pop_front() {
        let leaf = holding.chain.hops.len() >= DEPTH_MAX || made > LEAVES_MAX || dice.roll(3) == 0;
        if leaf {
            let bank = BANKS[dice.pick(BANKS.len())];
            let id = format!("deposit {}", forest.deposits.len());
            forest.deposits.push(setup.deposit(&holding.chain, &holding.key, bank, &id));
            forest.leaves.push(holding);
            continue;
        }
        let cheat = cheats.contains(&holding.person);
        let parts = split(dice, holding.value, cheat);
        if cheat {
            forest.guilty.insert(name(holding.person));
        }
        for part in parts {
            made += 1;
            let person = dice.pick(PERSONS);
            let key = licensed(setup, person, &made.to_string());
            let chain = setup.world.pay(&holding.chain, &holding.key, &key, part, &made.to_string());
            holdings.push_back(Holding { chain, key, person, value: part });
        }
        forest.passed_on.push(holding);
    }
    forest
}

fn name(person: usize) -> String {
    format!("person {person}")
}

/// A fresh key for every holding, all known to the registrar as one person's.
fn licensed(setup: &Setup, person: usize, holding: &str) -> SecretKey {
    let key = setup.person(&format!("{} holds {holding}", name(person)));
    setup.registrar.enrol(key.public(), &name(person));
    key
}

/// Brings deposits back in random order and batches; answers what was paid as of right.
fn give_back(setup: &Setup, dice: &mut Dice, mut deposits: Vec<ReturnItem>) -> u64 {
    let mut paid = 0;
    let mut batch = 0;
    while !deposits.is_empty() {
        let bank = BANKS[batch % BANKS.len()];
        let mut items = Vec::new();
        for _ in 0..=dice.roll(4) {
            if !deposits.is_empty() {
                let item = deposits.swap_remove(dice.pick(deposits.len()));
                items.push(item);
            }
        }
        let (ours, others): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| is_at(item, bank));
        deposits.extend(others);
        batch += 1;
        if ours.is_empty() {
            continue;
        }
        let amounts: Vec<u64> = ours.iter().map(value).collect();
        let answer = block_on(setup.give_back(bank, &format!("batch {batch}"), ours)).unwrap();
        for (outcome, value) in answer.record.outcomes.iter().zip(amounts) {
            paid += match outcome {
                Outcome::Paid => value,
                Outcome::Partly { paid } => paid.minor(),
                other => panic!("an honest closing came to {other:?}"),
            };
        }
        let report = block_on(setup.issuer.audit()).unwrap();
        assert_eq!(report.violations, Vec::<String>::new());
    }
    paid
}

fn is_at(item: &ReturnItem, bank: &str) -> bool {
    match &item.closing {
        Closing::Single { purpose: ClosingPurpose::Deposit(to), .. } => to.bank == bank,
        _ => false,
    }
}

fn value(item: &ReturnItem) -> u64 {
    item.chain.hops.last().map_or(item.chain.note.record.face, |hop| hop.amount).minor()
}

/// What a refund is claimed as: an exact rest, or out of a backup.
type Refund = fn(ToAccount) -> ClosingPurpose;

/// Claims refunds of holdings in random order and one batch; answers the items.
fn refund(setup: &Setup, dice: &mut Dice, batch: &str, mut claims: Vec<(&Holding, u64, Refund)>) -> Vec<ReturnItem> {
    let mut items = Vec::new();
    while !claims.is_empty() {
        let (holding, rest, purpose) = claims.swap_remove(dice.pick(claims.len()));
        let to = setup.world.account(BANKS[0], "A-1", &format!("{batch} {}", items.len()));
        let closing = setup.world.close(&holding.chain, &holding.key, rest, purpose(to));
        items.push(ReturnItem { chain: holding.chain.clone(), closing });
    }
    if !items.is_empty() {
        let answer = block_on(setup.give_back(BANKS[0], batch, items.clone())).unwrap();
        assert!(answer.record.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Waiting { .. })));
    }
    block_on(setup.settle_down());
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    items
}

fn run(seed: u64, cheats: &BTreeSet<usize>) -> (Forest, Setup, u64, u64) {
    let cap = amount(1 << 40);
    let policy = Policy::Capped { per_key: cap, per_person: cap, per_issuer_day: cap, cutoff: 1 << 40 };
    let setup = block_on(Setup::new(policy));
    let mut dice = Dice(SeededEntropy::from_number(seed));
    let forest = wander(&setup, &mut dice, cheats);
    let paid = give_back(&setup, &mut dice, forest.deposits.clone());
    block_on(setup.settle_down());
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    let honoured = report.currencies[0].honoured;
    (forest, setup, paid, honoured)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// RN-P2, RN-P19, RN-O12, RN-X28, RN-X29: whoever passed on more than he held is named once everything has come back,
    /// and nobody else ever is; no more is paid as of right than the face value; the books balance after every batch.
    #[test]
    fn cheats_are_named_and_nobody_else(seed: u64, cheats in prop::collection::btree_set(0..PERSONS, 0..4)) {
        let (forest, setup, paid, honoured) = run(seed, &cheats);
        let cases = block_on(setup.issuer.cases()).unwrap();
        let named: BTreeSet<String> = cases.iter().filter_map(|case| case.name.clone()).collect();
        prop_assert!(cases.iter().all(|case| case.state == "disclosed"));
        prop_assert_eq!(named, forest.guilty);
        prop_assert!(paid <= FACE);
        let asked: u64 = forest.deposits.iter().map(value).sum();
        prop_assert!(paid + honoured <= asked);
    }

    /// RN-P19, RN-X31: of a note whose parts came back in time, as exact refunds or not at all, every holder who passed
    /// something on claims any of it out of a backup. Exact parts are paid in full, no more than the face value is paid, and
    /// whoever passed on more than he held is named, and nobody else ever is.
    #[test]
    fn backups_take_what_is_left_and_accuse_nobody(
        seed: u64,
        cheats in prop_oneof![Just(BTreeSet::new()), prop::collection::btree_set(0..PERSONS, 1..3)],
    ) {
        let setup = block_on(Setup::new(Policy::Refuse));
        let mut dice = Dice(SeededEntropy::from_number(seed));
        let forest = wander(&setup, &mut dice, &cheats);
        let fate: Vec<u64> = forest.leaves.iter().map(|_| dice.roll(3)).collect();
        let of_fate = |wanted: u64| forest.leaves.iter().zip(&fate).filter(move |(_, fate)| **fate == wanted);
        let in_time = forest.deposits.iter().zip(&fate).filter(|(_, fate)| **fate == 0);
        give_back(&setup, &mut dice, in_time.map(|(item, _)| item.clone()).collect());
        setup.clock.put(START.plus(211 * DAY));
        let exact: Refund = ClosingPurpose::Refund;
        let mut claims: Vec<_> = of_fate(1).map(|(leaf, _)| (leaf, leaf.value, exact)).collect();
        for holding in &forest.passed_on {
            claims.push((holding, 1 + dice.roll(holding.value), ClosingPurpose::BackupRefund));
        }
        let mut items = refund(&setup, &mut dice, "refunds", claims);
        setup.clock.put(START.plus(240 * DAY));
        block_on(setup.settle_down());
        let late = of_fate(2).map(|(leaf, _)| (leaf, leaf.value, exact)).collect();
        items.extend(refund(&setup, &mut dice, "late, and before any backup", late));
        if cheats.is_empty() {
            let decided = block_on(setup.member(BANKS[0], GetDecisions { after: 0 })).unwrap();
            for item in &items {
                let Closing::Single { amount, purpose: ClosingPurpose::Refund(_), .. } = &item.closing else { continue };
                let leaf = setup.world.leaf(&item.chain);
                prop_assert!(decided.iter().any(|it| it.leaf == leaf && it.paid == *amount));
            }
        }
        setup.clock.put(START.plus(400 * DAY + 1));
        block_on(setup.settle_down());
        let report = block_on(setup.issuer.audit()).unwrap();
        prop_assert!(report.currencies[0].returned <= FACE);
        // by now everything has come back
        let cases = block_on(setup.issuer.cases()).unwrap();
        let named: BTreeSet<String> = cases.iter().filter_map(|case| case.name.clone()).collect();
        prop_assert_eq!(named, forest.guilty);
    }

    /// RN-F7.5: what honest holders bring back is paid in full in any order, and the note is matched off.
    #[test]
    fn honest_trees_come_back_in_full(seed: u64) {
        let (_, setup, paid, honoured) = run(seed, &BTreeSet::new());
        prop_assert_eq!((paid, honoured), (FACE, 0));
        prop_assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
        let report = block_on(setup.issuer.audit()).unwrap();
        prop_assert_eq!((report.register, report.archive), (0, 1));
    }
}
