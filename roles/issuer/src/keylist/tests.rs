use std::sync::Arc;
use zeni_note::KeyEntry;

use futures::executor::block_on;
use zeni_crypto::SharedEntropy;
use zeni_message::{
    Role,
    peer::{Peer, SendError},
    route::{MemoryTransport, Routes},
};
use zeni_note::{
    messages::issuer::{GetKeyLists, SubmitKeys, SubmitKeysRefusal},
    testing::{DAY, START, World, amount, key},
};
use zeni_store::{Options, Store};

use crate::{
    Issuer, Keys, Policy, SCHEMA,
    testing::{BANKS, FACES, Setup, StandingClock, config},
};

fn setup() -> Setup {
    block_on(Setup::new(Policy::Refuse))
}

/// DESIGN §4, RN-O1: at first start the lists of this epoch and the next are made; each continues the one before, both sign.
#[test]
fn lists_are_made_an_epoch_ahead() {
    let setup = setup();
    let lists = block_on(setup.public(GetKeyLists { from_epoch: 0 })).unwrap();
    assert_eq!(lists.iter().map(|list| list.record.epoch).collect::<Vec<_>>(), [1, 2]);
    lists[0].check(&setup.world.roots).unwrap();
    lists[1].check_after(&lists[0], &setup.world.roots).unwrap();
    assert_eq!(lists[0].record.entries.len(), BANKS.len() * FACES.len());
    assert_eq!(block_on(setup.public(GetKeyLists { from_epoch: 2 })).unwrap().len(), 1);
}

/// RN-X9, RN-O2: what is published stays; the same keys again are no change, others are refused, another bank's too.
#[test]
fn a_published_list_stays() {
    let setup = setup();
    let own: Vec<_> = setup.banks[0].signers.iter().map(|(entry, _)| entry.clone()).collect();
    let submit = |entries: Vec<KeyEntry>| block_on(setup.member(BANKS[0], SubmitKeys { entries }));
    let refused = |refusal| Err(SendError::Refused(refusal));
    assert_eq!(submit(own.clone()), Ok(6));
    let mut other = own[0].clone();
    other.modulus[100] ^= 1;
    assert_eq!(submit(vec![other]), refused(SubmitKeysRefusal::Published { epoch: 1 }));
    let theirs = setup.banks[1].signers[0].0.clone();
    assert_eq!(submit(vec![theirs]), refused(SubmitKeysRefusal::OtherBank));
    let mut odd = own[0].clone();
    odd.face = amount(123);
    assert_eq!(submit(vec![own[1].clone(), odd]), refused(SubmitKeysRefusal::Content { entry: 1 }));
    let mut even = own[0].clone();
    even.modulus[255] &= 0xfe;
    assert_eq!(submit(vec![even]), refused(SubmitKeysRefusal::Content { entry: 0 }));
}

/// A modulus stands for one thing in an epoch, and a face value has one key.
#[test]
fn keys_are_unique() {
    let setup = setup();
    let next = |face: usize, modulus: usize| {
        let signers = &setup.banks[0].signers;
        KeyEntry { epoch: 3, modulus: signers[modulus].0.modulus, ..signers[face].0.clone() }
    };
    let submit = |entries: Vec<KeyEntry>| block_on(setup.member(BANKS[0], SubmitKeys { entries }));
    assert_eq!(submit(vec![next(0, 0)]), Ok(1));
    let before = crate::tests::dump(&setup.store);
    let twice = submit(vec![next(1, 1), next(2, 0)]);
    assert_eq!(twice, Err(SendError::Refused(SubmitKeysRefusal::Content { entry: 1 })));
    let other = submit(vec![next(0, 1)]);
    assert_eq!(other, Err(SendError::Refused(SubmitKeysRefusal::Content { entry: 0 })));
    assert_eq!(crate::tests::dump(&setup.store), before);
}

/// A list closes with whatever was submitted when its time has come, and not before.
#[test]
fn a_list_closes_at_its_deadline() {
    let setup = setup();
    let entry = KeyEntry { epoch: 3, ..setup.banks[0].signers[0].0.clone() };
    setup.clock.put(START.plus(31 * DAY));
    block_on(setup.member(BANKS[0], SubmitKeys { entries: vec![entry] })).unwrap();
    block_on(setup.settle_down());
    let lists = || block_on(setup.public(GetKeyLists { from_epoch: 3 })).unwrap();
    assert_eq!(lists().len(), 0);
    setup.clock.put(START.plus(59 * DAY));
    block_on(setup.settle_down());
    assert_eq!(lists().len(), 1);
    assert_eq!(lists()[0].record.entries.len(), 1);
}

/// While the authority does not answer a closed list waits; after a restart the same list is finished.
#[test]
fn a_closed_list_waits_for_the_authority() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open_sqlite(directory.path().join("issuer.db"), &SCHEMA, Options::inline()).unwrap();
    let world = World::new("issuer tests");
    let clock = Arc::new(StandingClock::default());
    clock.put(START.plus(DAY));
    let nobody = Routes::new(Role::Authority);
    let transport = MemoryTransport::new(Arc::new(nobody), clock.clone(), None);
    let keys = Keys {
        signing: key("issuer tests issuer"),
        sealing: zeroize::Zeroizing::new(zeni_crypto::sha256(&[b"issuer tests sealing"]).0),
    };
    let config = config(&world, Policy::Refuse);
    let alone = Issuer::new(
        config.clone(),
        keys,
        open(),
        SharedEntropy::seeded([1; 32]),
        clock,
        Peer::new(Arc::new(transport)),
        std::collections::BTreeMap::new(),
    )
    .unwrap();
    let model = setup();
    for bank in &model.banks {
        let entries = bank.signers.iter().map(|(entry, _)| entry.clone()).collect();
        let ctx = zeni_message::route::Ctx {
            now: START.plus(DAY),
            caller: Some(zeni_message::route::Caller { role: Role::Bank, name: bank.name.to_owned() }),
        };
        block_on(alone.submit_keys(&ctx, SubmitKeys { entries })).unwrap();
    }
    assert!(!block_on(alone.tick()).unwrap().more);
    assert_eq!(block_on(alone.lists()).unwrap().lists.len(), 0);
    drop(alone);
    let resumed = block_on(Setup::with(world, open(), config));
    let lists = block_on(resumed.public(GetKeyLists { from_epoch: 0 })).unwrap();
    assert_eq!(lists.len(), 2);
    assert_eq!(lists[0].record, block_on(model.public(GetKeyLists { from_epoch: 0 })).unwrap()[0].record);
}
