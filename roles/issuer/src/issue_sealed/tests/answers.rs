//! The same request again, and what is refused for good.

use super::*;

/// HC-X5, HC-X9, HC-P7: the same request again, also beside others in one message, after the note has come back and after the
/// rows of requests are pruned, gives the same bytes; nothing is counted twice.
#[test]
fn the_same_request_is_answered_again() {
    let setup = setup();
    let one = purse(&setup, "one", 500);
    let first = forward(&setup, AOBA, &one);
    let after_first = dump(&setup.store);
    let again = block_on(setup.forward(AOBA, &[one_of(&one), one_of(&one)])).unwrap();
    assert_eq!(again, [first.clone(), first.clone()]);
    assert_eq!(dump(&setup.store), after_first);

    let (user, issued_note) = setup.opened(&one, &first).unwrap();
    let chain = Chain { note: issued_note.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
    let item = setup.deposit(&chain, &user, MIDORI, "d");
    block_on(setup.give_back(MIDORI, "b", vec![item])).unwrap();
    setup.clock.put(START.plus(61 * DAY));
    block_on(setup.settle_down());
    let before = dump(&setup.store);
    assert_eq!(forward(&setup, AOBA, &one), first);
    assert_eq!(dump(&setup.store), before);
    assert_eq!(issued(&setup), [500, 0, 0, 0]);
}

fn one_of(purse: &Purse) -> Purse {
    purse.clone()
}

/// The issuer after a restart under another configuration. Randomness of tests is seeded: a second one must not draw what the
/// first has drawn.
pub(super) fn restarted(setup: &Setup, change: impl FnOnce(&mut Config)) -> Setup {
    let mut config = setup.issuer.config().clone();
    change(&mut config);
    let setup = block_on(Setup::with(World::new("issuer tests"), setup.store.clone(), config));
    (0..64).for_each(|_| setup.issuer.entropy.bytes::<32>().fill(0));
    setup
}

/// HC-X5, HC-X8, HC-X9, HC-X45: a bank that lost the answer asks again after its key was changed, after it was taken out of the
/// series, and after the note came back: it gets the answer that it lost, the same bytes, and no leave to release the money. Another
/// bank with the same request gets nothing. Control: a request that has no note is refused, and for good.
#[test]
fn a_stored_answer_outlives_keys_and_configuration() {
    let setup = setup();
    let (lost, unknown) = (purse(&setup, "lost", 500), purse(&setup, "unknown", 500));
    let first = forward(&setup, AOBA, &lost);
    let changed = restarted(&setup, |config| {
        config.banks[0].key = key("aoba's next documents").public();
        config.banks[0].sealed.clear();
    });
    let before = dump(&setup.store);
    for _ in 0..2 {
        assert_eq!(forward(&changed, AOBA, &lost), first);
    }
    // the order may be anything that names the request: what counts is the bank on the line and the request
    let mut dearer = lost.clone();
    dearer.item.order.record.of.face = amount(1_000);
    assert_eq!(forward(&changed, AOBA, &dearer), first);
    assert_eq!(forward(&changed, MIDORI, &lost), refused(SealedRefusal::BadOrder));
    assert_eq!(dump(&setup.store), before);
    assert_eq!(forward(&changed, AOBA, &unknown), refused(SealedRefusal::BadOrder));
    let back = restarted(&setup, |_| {});
    assert_eq!(forward(&back, AOBA, &unknown), refused(SealedRefusal::Void), "the bank has released the money");

    let (user, issued) = setup.opened(&lost, &first).unwrap();
    let chain = Chain { note: issued.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
    let item = back.deposit(&chain, &user, MIDORI, "d");
    block_on(back.give_back(MIDORI, "b", vec![item])).unwrap();
    let changed = restarted(&back, |config| config.banks[0].key = key("aoba's next documents").public());
    assert_eq!(forward(&changed, AOBA, &lost), first);
    assert_eq!(block_on(changed.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-F1.1: each epoch has a sealing key of its own. After the term of an epoch nothing more is issued in it, what was issued is
/// still answered; a refusal for the time being is final for its request, so that no delayed copy is issued after the bank has
/// released the money.
#[test]
fn what_is_refused_stays_refused() {
    let setup = setup();
    let lists = block_on(setup.issuer.lists()).unwrap();
    assert_ne!(lists.list(1).unwrap().sealing, lists.list(2).unwrap().sealing);
    let (early, late) = (purse(&setup, "early", 500), purse(&setup, "late", 500));
    let first = forward(&setup, AOBA, &early);
    setup.clock.put(START.plus(40 * DAY + 1));
    assert_eq!(forward(&setup, AOBA, &late), refused(SealedRefusal::Closed));
    assert_eq!(forward(&setup, AOBA, &early), first);
    setup.clock.put(START.plus(DAY));
    assert_eq!(forward(&setup, AOBA, &late), refused(SealedRefusal::Void));
    assert_eq!(issued(&setup), [500, 500, 0, 1]);

    let (before, after) = (purse(&setup, "before", 100), purse(&setup, "after", 100));
    stop(&setup);
    assert_eq!(forward(&setup, AOBA, &before), refused(SealedRefusal::Stopped));
    assert!(block_on(setup.issuer.lift_stop(SEALED)).unwrap());
    assert_eq!(forward(&setup, AOBA, &before), refused(SealedRefusal::Void));
    assert!(setup.opened(&after, &forward(&setup, AOBA, &after)).is_some());
}

fn stop(setup: &Setup) {
    let job = |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> {
        Ok(tx.execute(crate::schema::STOP_SERIES, zeni_store::params![SEALED, 0])?)
    };
    setup.store.write_blocking(zeni_store::Caller::default(), job).unwrap();
}

/// HC-F2.15, HC-X9: an issuer that stops before or after the commit has issued nothing or everything: started again, it answers
/// the same request with the one note.
#[test]
fn a_restart_finds_the_note() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open_sqlite(directory.path().join("issuer.db"), &SCHEMA, Options::inline()).unwrap();
    let start = || {
        let world = World::new("issuer tests");
        let config = config(&world, Policy::Refuse);
        block_on(Setup::with(world, open(), config))
    };
    let setup = start();
    let one = purse(&setup, "one", 500);
    // cut before the commit: what was prepared is forgotten
    let bank = setup.issuer.config().bank(AOBA).unwrap();
    let prepared = block_on(setup.issuer.prepare_sealed(START.plus(DAY), bank, std::slice::from_ref(&one.item)));
    assert!(prepared.is_ok());
    drop(setup);
    let setup = start();
    assert_eq!(issued(&setup), [0, 0, 0, 0]);
    let first = forward(&setup, AOBA, &one);
    drop(setup);
    let setup = start();
    assert_eq!(forward(&setup, AOBA, &one), first);
    assert_eq!(issued(&setup), [500, 500, 0, 1]);
}
