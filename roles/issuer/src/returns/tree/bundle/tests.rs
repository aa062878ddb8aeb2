use futures::executor::block_on;
use zeni_note::{
    messages::issuer::{Outcome, ReturnItem},
    testing::{DAY, START, amount},
};
use zeni_store::{Caller, JobError, Tx};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];
const MIDORI: &str = BANKS[1];

fn outcomes(setup: &Setup, bank: &str, batch: &str, items: Vec<ReturnItem>) -> Vec<Outcome> {
    block_on(setup.give_back(bank, batch, items)).unwrap().record.outcomes
}

fn count(setup: &Setup, statement: &'static str) -> u64 {
    let read = move |tx: &mut Tx<'_>| -> Result<u64, JobError<()>> { Ok(tx.row(statement, &[])?.unwrap().u64(0)?) };
    setup.store.read_blocking(read).unwrap()
}

fn bundles(setup: &Setup) -> u64 {
    count(setup, "SELECT COUNT(*) FROM archive_note WHERE lot IS NOT NULL AND evidence IS NULL")
}

/// Notes that went from hand to hand whole and came back in one batch.
fn returned(setup: &Setup, notes: usize) -> Vec<ReturnItem> {
    let (hanako, taro, shop) = (setup.person("hanako"), setup.person("taro"), setup.person("shop"));
    let item = |number: usize| {
        let chain = block_on(setup.note(&hanako, 500, &format!("n{number}")));
        let onward = setup.world.pay(&chain, &hanako, &taro, 500, "first");
        let paid = setup.world.pay(&onward, &taro, &shop, 500, "second");
        setup.deposit(&paid, &shop, AOBA, &format!("d{number}"))
    };
    let items: Vec<ReturnItem> = (0..notes).map(item).collect();
    assert_eq!(outcomes(setup, AOBA, "whole", items.clone()), vec![Outcome::Paid; notes]);
    items
}

fn settle(setup: &Setup) {
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// RN-X25, RN-X27, RN-F6: a note that lies in a bundle answers retries and repetitions as one that lies in rows. So many are
/// returned that they take more than one lot.
#[test]
fn bundled_notes_answer_as_others_do() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let items = returned(&setup, 60);
    settle(&setup);
    assert_eq!(bundles(&setup), 60);
    assert!(count(&setup, "SELECT COUNT(*) FROM lot") > 1);
    assert_eq!(count(&setup, "SELECT COUNT(*) FROM archive_node"), 0);
    let before = crate::tests::dump(&setup.store);
    assert_eq!(outcomes(&setup, AOBA, "again", items.clone()), vec![Outcome::Paid; 60]);
    assert_eq!(outcomes(&setup, MIDORI, "elsewhere", items), vec![Outcome::Duplicate; 60]);
    let after = crate::tests::dump(&setup.store);
    for ((table, before), (_, after)) in before.iter().zip(&after).filter(|((table, _), _)| table != "batch") {
        assert_eq!(before, after, "{table}");
    }
    assert_eq!(bundles(&setup), 60);
}

/// RN-F7.7, RN-F8.1, RN-X28: what comes later through a bundled note is weighed against it, and convicts whoever in the chain
/// signed twice; nobody else, and no more is paid.
#[test]
fn a_bundle_is_evidence() {
    for (cheat, hops) in [("hanako", 0), ("taro", 1), ("shop", 2)] {
        let setup = block_on(Setup::new(Policy::Refuse));
        let items = returned(&setup, 3);
        let mut chain = items[1].chain.clone();
        chain.hops.truncate(hops);
        let (payer, other) = (setup.person(cheat), setup.person("other shop"));
        let again = setup.world.pay(&chain, &payer, &other, 70, "again");
        let item = setup.deposit(&again, &other, MIDORI, "again");
        assert_eq!(outcomes(&setup, MIDORI, "later", vec![item]), [Outcome::Partly { paid: amount(0) }]);
        settle(&setup);
        let names: Vec<Option<String>> =
            block_on(setup.issuer.cases()).unwrap().into_iter().map(|case| case.name).collect();
        assert_eq!(names, [Some(cheat.to_owned())]);
        // the note concerned has rows now, its neighbours in the lot have not
        assert_eq!((bundles(&setup), count(&setup, "SELECT COUNT(*) FROM archive_node")), (2, 3));
        assert_eq!(outcomes(&setup, AOBA, "retry", items), [Outcome::Paid, Outcome::Paid, Outcome::Paid]);
        settle(&setup);
    }
}

/// RN-P22: the audit reads bundles, and finds each way of falsifying them (control).
#[test]
fn falsified_bundles_are_found() {
    let falsifications = [
        "DELETE FROM lot",
        "UPDATE lot SET bytes = SUBSTR(bytes, 1, 100)",
        "UPDATE lot SET bytes = SUBSTR(bytes, 2)",
        "UPDATE archive_note SET start = start + 1",
        "UPDATE archive_note SET lot = NULL",
        "UPDATE archive_note SET returned = returned - 1",
        "UPDATE archive_note SET identity = holder",
    ];
    for statement in falsifications {
        let setup = block_on(Setup::new(Policy::Refuse));
        returned(&setup, 2);
        settle(&setup);
        let falsify = move |tx: &mut Tx<'_>| -> Result<u64, JobError<()>> { Ok(tx.execute(statement, &[])?) };
        assert!(setup.store.write_blocking(Caller::default(), falsify).unwrap() > 0, "{statement} changed nothing");
        assert!(!block_on(setup.issuer.audit()).unwrap().is_sound(), "{statement} was not found");
    }
}

/// RN-X35: lots go with the last of their notes.
#[test]
fn lots_go_after_their_retention() {
    let setup = block_on(Setup::new(Policy::Refuse));
    returned(&setup, 60);
    setup.clock.put(START.plus(400 * DAY));
    settle(&setup);
    assert_eq!(bundles(&setup), 60);
    setup.clock.put(START.plus(400 * DAY + 1));
    settle(&setup);
    for statement in ["SELECT COUNT(*) FROM lot", "SELECT COUNT(*) FROM archive_note"] {
        assert_eq!(count(&setup, statement), 0, "{statement}");
    }
}
