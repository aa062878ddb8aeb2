use std::sync::Arc;

use futures::executor::block_on;
use zeni_note::testing::{START, key};

use super::*;
use crate::{
    Policy,
    testing::{BANKS, Setup},
};

fn setup() -> Setup {
    block_on(Setup::new(Policy::Refuse))
}

/// What is done at intervals is done at once after a start, then when the interval is over and not before.
#[test]
fn an_interval_is_over_when_it_has_passed() {
    let interval = Interval::default();
    let at = |second| interval.is_over(START.plus(second), 60);
    assert_eq!([0, 59, 60, 61, 119, 120].map(at), [true, false, true, false, false, true]);
}

/// RN-D22, RN-X32: a list is fetched again when it has grown old, also one that says the same; not before.
#[test]
fn the_list_of_revoked_keys_is_kept_fresh() {
    let setup = setup();
    let every = setup.issuer.config.limits.revocations_every_s;
    let known = || setup.issuer.revocations().map(|list| (list.number, list.time)).unwrap();
    let (number, time) = known();
    for (passed, expected) in [(every - 1, (number, time)), (every, (number, time.plus(every)))] {
        setup.clock.put(time.plus(passed));
        block_on(setup.issuer.tick()).unwrap();
        assert_eq!(known(), expected, "{passed}");
    }
    setup.registrar.revoke(&key("lost").public());
    setup.clock.put(time.plus(2 * every));
    block_on(setup.issuer.tick()).unwrap();
    assert_eq!(known(), (number + 1, time.plus(2 * every)));
}

/// RN-X32: neither an older list nor one that another signed takes the place of the list at hand.
#[test]
fn an_older_or_forged_list_is_not_taken() {
    for forged in [false, true] {
        let mut setup = setup();
        let issuer = Arc::get_mut(&mut setup.issuer).unwrap();
        let mut list = RevocationList::clone(&issuer.revocations().unwrap());
        if forged {
            issuer.roots.authority = key("another authority").public();
        } else {
            list.number += 1;
        }
        issuer.keep_revocations(list.clone());
        setup.clock.put(list.time.plus(2 * setup.issuer.config.limits.revocations_every_s));
        block_on(setup.issuer.tick()).unwrap();
        assert_eq!(*setup.issuer.revocations().unwrap(), list, "forged: {forged}");
    }
}

/// DESIGN §6 "Hot rows": a round folds every account that was posted to.
#[test]
fn a_round_folds_the_books() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let unfolded = || {
        let read = |tx: &mut Tx<'_>| -> Done<u64> {
            Ok(tx.row("SELECT COUNT(*) FROM ledger_entry WHERE folded = 0", &[])?.map_or(Ok(0), |row| row.u64(0))?)
        };
        setup.store.read_blocking(read).unwrap()
    };
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let item = setup.deposit(&chain, &hanako, BANKS[0], "d1");
    block_on(setup.give_back(BANKS[0], "b1", vec![item])).unwrap();
    assert_eq!(unfolded(), 4, "two postings, two entries each");
    block_on(setup.settle_down());
    assert_eq!(unfolded(), 0);
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}
