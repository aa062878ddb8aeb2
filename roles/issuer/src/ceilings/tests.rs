use futures::executor::block_on;
use zeni_money::Amount;
use zeni_note::{
    messages::issuer::{SealedAnswer, SealedRefusal},
    testing::{World, amount, jpy},
};
use zeni_store::{Options, Store};

use crate::{
    BankCirculation, CeilingError, Policy, SCHEMA,
    testing::{BANKS, Setup, config},
    tests::dump,
};

const AOBA: &str = BANKS[0];
const MIDORI: &str = BANKS[1];

/// A world in which aoba may owe and hold so much.
fn setup(ceiling: u64) -> Setup {
    let world = World::new("issuer tests");
    let mut config = config(&world, Policy::Refuse);
    config.banks[0].ceilings[0].1 = amount(ceiling);
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
    block_on(Setup::with(world, store, config))
}

fn issue(setup: &Setup, bank: &str, seed: &str, face: u64) -> SealedAnswer {
    let purse = block_on(setup.purse(bank, "taro", seed, face));
    block_on(setup.forward_one(bank, &purse))
}

fn is_issued(answer: &SealedAnswer) -> bool {
    matches!(answer, SealedAnswer::Issued(_))
}

const CEILING: SealedAnswer = SealedAnswer::Refused(SealedRefusal::Ceiling);

fn figures(setup: &Setup) -> BankCirculation {
    block_on(setup.issuer.circulation()).unwrap()[0].banks[0].clone()
}

/// HC-P23, HC-X12, HC-F2.12, HC-F7.2, HC-F7.4, HC-V24: issue up to the ceiling goes; one minor unit's worth of notes more does not
/// and leaves nothing behind; after a return is settled it goes again; another bank is not affected.
#[test]
fn a_bank_stays_below_its_ceiling() {
    let setup = setup(1_200);
    let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", "one", 1_000));
    assert!(is_issued(&issue(&setup, AOBA, "two", 100)));
    assert!(is_issued(&issue(&setup, AOBA, "three", 100)));
    assert_eq!(issue(&setup, AOBA, "four", 100), CEILING);
    assert_eq!((figures(&setup).outstanding, figures(&setup).ceiling), (1_200, 1_200));
    assert!(is_issued(&issue(&setup, MIDORI, "theirs", 1_000)));

    // what came back is owed until it is settled
    let item = setup.deposit(&chain, &user, MIDORI, "d");
    block_on(setup.give_back(MIDORI, "b", vec![item])).unwrap();
    assert_eq!(issue(&setup, AOBA, "five", 100), CEILING);
    block_on(setup.issuer.settle()).unwrap();
    assert!(is_issued(&issue(&setup, AOBA, "six", 1_000)));
    assert_eq!(issue(&setup, AOBA, "seven", 100), CEILING);
    // a refusal is final for its request: the customer's money is free again
    let (seven, repeated) = ("seven", SealedAnswer::Refused(SealedRefusal::Void));
    assert_eq!(issue(&setup, AOBA, seven, 100), repeated);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-P23, RN-X21: both ways draw from one ceiling: neither notes against requests nor notes under seal, one by one or many in
/// one message, bring a bank above it.
#[test]
fn both_ways_share_one_ceiling() {
    let setup = setup(1_000);
    let hanako = setup.person("hanako");
    block_on(setup.report(AOBA, 1, 9, None));
    block_on(setup.redeem(setup.request(AOBA, 500, &hanako, 1), &hanako, "s1")).unwrap();
    let purses: Vec<_> = (0..8).map(|at| block_on(setup.purse(AOBA, "taro", &format!("p{at}"), 100))).collect();
    let answers = block_on(setup.forward(AOBA, &purses)).unwrap();
    assert_eq!(answers.iter().filter(|answer| is_issued(answer)).count(), 5);
    assert!(answers[5..].iter().all(|answer| *answer == CEILING));
    let refused = block_on(setup.redeem(setup.request(AOBA, 500, &hanako, 2), &hanako, "s2"));
    assert!(matches!(refused, Err(zeni_message::peer::SendError::Refused(_))));
    let figures = figures(&setup);
    assert_eq!(u64::try_from(figures.owes).unwrap() + figures.outstanding, 1_000);
}

/// HC-P23: what one way has drawn and not used goes to the other when it needs it.
#[test]
fn unused_slices_are_taken_back() {
    let setup = setup(2_000);
    // a slice for notes under seal takes in all that is left
    assert!(is_issued(&issue(&setup, AOBA, "one", 100)));
    let hanako = setup.person("hanako");
    block_on(setup.report(AOBA, 1, 9, None));
    block_on(setup.redeem(setup.request(AOBA, 500, &hanako, 1), &hanako, "s1")).unwrap();
    assert!(is_issued(&issue(&setup, AOBA, "two", 1_000)));
    assert_eq!(issue(&setup, AOBA, "three", 500), CEILING);
    assert!(is_issued(&issue(&setup, AOBA, "four", 100)));
    let figures = figures(&setup);
    assert_eq!((figures.owes, figures.outstanding), (500, 1_200));
}

/// HC-O14, HC-F7.4, HC-V24: the figure is the issuer's to set at any time: lower than what is out it stops issues at once, nil
/// stops all, the highest amount switches it off. An unknown bank has none, and a currency that is not issued either.
#[test]
fn a_ceiling_is_set_at_run_time() {
    let setup = setup(10_000);
    assert!(is_issued(&issue(&setup, AOBA, "one", 1_000)));
    let set = |amount| block_on(setup.issuer.set_ceiling(AOBA, jpy(), amount)).unwrap();
    set(amount(1_000));
    assert_eq!(issue(&setup, AOBA, "two", 100), CEILING);
    set(amount(1_100));
    assert!(is_issued(&issue(&setup, AOBA, "three", 100)));
    set(Amount::ZERO);
    assert_eq!(issue(&setup, AOBA, "four", 100), CEILING);
    set(Amount::MAX);
    assert!(is_issued(&issue(&setup, AOBA, "five", 1_000)));
    assert_eq!(figures(&setup).ceiling, Amount::MAX.minor());
    let before = dump(&setup.store);
    let refused = |bank, code| {
        let currency = zeni_money::Currency::from_code(code).unwrap();
        block_on(setup.issuer.set_ceiling(bank, currency, amount(1))).unwrap_err()
    };
    assert_eq!(refused("nobody", "USD"), CeilingError::UnknownBank { bank: "nobody".into() });
    assert_eq!(refused(AOBA, "USD"), CeilingError::NotIssued { currency: "USD".into() });
    assert_eq!(dump(&setup.store), before);
}

/// HC-X12: with the ceiling off (control) the very order that was refused would have been issued; on, it changes nothing but the
/// mark that makes the refusal final.
#[test]
fn a_refusal_at_the_ceiling_changes_nothing() {
    let without = setup(1_000_000);
    let with = setup(50);
    assert!(is_issued(&issue(&without, AOBA, "one", 100)));
    let before = dump(&with.store);
    assert_eq!(issue(&with, AOBA, "one", 100), CEILING);
    let after = dump(&with.store);
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(table, _)| table.0.as_str())
        .collect();
    assert_eq!(changed, ["request", "sealed_room"]);
}

/// HC-P23: requests in parallel cannot slip past the ceiling together, on any engine.
#[test]
fn parallel_requests_stay_below_the_ceiling() {
    for store in zeni_store::testing::engines(&SCHEMA) {
        let world = World::new("issuer tests");
        let mut config = config(&world, Policy::Refuse);
        config.banks[0].ceilings[0].1 = amount(500);
        config.limits.slice = 2;
        let setup = block_on(Setup::with(world, store, config));
        let purses: Vec<_> = (0..12).map(|at| block_on(setup.purse(AOBA, "taro", &format!("p{at}"), 100))).collect();
        let calls = purses.iter().map(|purse| setup.forward_one(AOBA, purse));
        let answers = block_on(futures::future::join_all(calls));
        assert_eq!(answers.iter().filter(|answer| is_issued(answer)).count(), 5);
        assert_eq!(figures(&setup).outstanding, 500);
    }
}
