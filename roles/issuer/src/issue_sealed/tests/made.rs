//! Keys that the issuer makes (HC-F6).

use std::sync::atomic::Ordering;

use zeni_crypto::{SecretKey, tagged};
use zeni_store::Value;

use super::*;

fn made(setup: &Setup, bank: &str, seed: &str) -> Purse {
    let (user, mut content) = setup.content(seed, 500);
    content.holder = KeyMaker::Issuer;
    block_on(setup.sealed(bank, user, content))
}

/// Issuer and bank both as they say about keys that the issuer makes.
fn agreed(issuer: bool, bank: bool) -> Setup {
    let setup = setup_with(|config| config.banks[0].makes_keys = issuer);
    setup.desk(AOBA).believes.store(bank, Ordering::Relaxed);
    setup
}

/// HC-F6.1, HC-F6.2, HC-F6.3, HC-F6.4, HC-F6.5, HC-F6.6, HC-F6.7, HC-F6.8, HC-F6.9, HC-A38, HC-V4, HC-P26, HC-O6: the issuer makes key pairs only where its operator and the bank said so; then the wallet finds SS_U
/// beside its note, the same again when it asks again, and the issuer's database does not hold it.
#[test]
fn the_issuer_makes_keys_if_it_is_told_to() {
    let setup = agreed(true, true);
    let purse = made(&setup, AOBA, "one");
    let first = forward(&setup, AOBA, &purse);
    assert_eq!(forward(&setup, AOBA, &purse), first);
    let (user, issued) = setup.opened(&purse, &first).unwrap();
    assert_eq!(issued.note.record.holder, user.public());
    assert_ne!(user.public(), purse.user.public());
    assert!(!crate::tests::holds(&dump(&setup.store), &user.dangerous_seed()[..]));
    let chain = Chain { note: issued.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
    let item = setup.deposit(&chain, &user, AOBA, "d");
    let answer = block_on(setup.give_back(AOBA, "b", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [zeni_note::messages::issuer::Outcome::Paid]);
}

/// HC-O6, HC-P15, HC-F2.13: a customer asks for a key that the issuer makes through a bank that would not name him by it, or one for which
/// the issuer makes none: no note, now or later, and nobody escapes his bank. Control: where both say so there is one.
#[test]
fn no_key_is_made_that_the_bank_would_not_answer_for() {
    for (issuer, bank) in [(false, false), (false, true), (true, false)] {
        let setup = agreed(issuer, bank);
        let purse = made(&setup, AOBA, "one");
        assert_eq!(forward(&setup, AOBA, &purse), refused(SealedRefusal::KeyMaker), "{issuer} {bank}");
        assert_eq!(forward(&setup, AOBA, &purse), refused(SealedRefusal::Void));
        assert_eq!(issued(&setup), [0; 4]);
    }
    let setup = agreed(true, true);
    let purse = made(&setup, AOBA, "one");
    assert!(setup.opened(&purse, &forward(&setup, AOBA, &purse)).is_some());
    // what holds for one bank holds for no other, whatever that one says
    setup.desk(MIDORI).believes.store(true, Ordering::Relaxed);
    let theirs = made(&setup, MIDORI, "two");
    assert_eq!(forward(&setup, MIDORI, &theirs), refused(SealedRefusal::KeyMaker));
    // an acceptance that the bank did not sign is none
    setup.desk(AOBA).believes.store(false, Ordering::Relaxed);
    let mut claimed = made(&setup, AOBA, "three");
    claimed.item.order.record.issuer_made = Some(zeni_note::sealed::IssuerMadeKeys::Accepted);
    assert_eq!(forward(&setup, AOBA, &claimed), refused(SealedRefusal::BadOrder));
}

/// HC-O6, HC-P16, HC-R1: whoever has the issuer's key file and its database makes SS_U of any such request again, until T2 of the
/// epoch; afterwards nobody does, whatever he finds. A bank that lost the answer gets it until then with the key, afterwards without;
/// no second note is ever made for the request.
#[test]
fn made_keys_cannot_be_made_again_after_their_term() {
    let setup = agreed(true, true);
    let purse = made(&setup, AOBA, "one");
    let first = forward(&setup, AOBA, &purse);
    let (user, _) = setup.opened(&purse, &first).unwrap();
    let thief = |setup: &Setup| {
        let sealing = zeni_crypto::sha256(&[b"issuer tests sealing"]).0;
        let rows = dump(&setup.store);
        let values = rows.iter().flat_map(|(_, rows)| rows).flat_map(zeni_store::Row::values);
        let found: Vec<Vec<u8>> = values
            .filter_map(|value| if let Value::Blob(bytes) = value { Some(bytes.clone()) } else { None })
            .chain([Vec::new(), vec![0; 32]])
            .collect();
        found.iter().any(|secret| {
            let seed = tagged("zeni/made-key", &[&sealing, secret, &purse.request().0]).0;
            let bare = tagged("zeni/made-key", &[&sealing, &purse.request().0]).0;
            [seed, bare].into_iter().any(|seed| SecretKey::from_seed(seed).public() == user.public())
        })
    };
    setup.clock.put(START.plus(60 * DAY));
    block_on(setup.settle_down());
    assert_eq!(forward(&setup, AOBA, &purse), first);
    assert!(thief(&setup), "control: the secret is still there");
    let late = made(&setup, AOBA, "late");
    assert_eq!(forward(&setup, AOBA, &late), refused(SealedRefusal::Closed));

    setup.clock.put(START.plus(60 * DAY + 1));
    block_on(setup.settle_down());
    assert!(!thief(&setup));
    let again = forward(&setup, AOBA, &purse);
    let SealedAnswer::Issued(reply) = &again else { panic!("a stored answer: {again:?}") };
    let opened = zeni_note::sealed::Reply::decipher(&purse.content.k, &purse.request(), &reply[..]).unwrap();
    assert!(opened.key.is_none());
    // a clock that was set back makes a secret, and no other key of the same request
    setup.clock.put(START.plus(DAY));
    let fresh = made(&setup, AOBA, "fresh");
    assert!(setup.opened(&fresh, &forward(&setup, AOBA, &fresh)).is_some());
    assert!(block_on(setup.forward(AOBA, std::slice::from_ref(&purse))).is_err());
    assert_eq!(issued(&setup)[0], 1_000);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-O6: the secret of an epoch is not only out of the table when T2 is over: the database file holds it no more, where a row that was only
/// deleted would still lie. Control: before that the file holds it.
#[test]
fn an_erased_secret_is_in_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("issuer.db");
    let holds = |secret: &[u8]| {
        let files = std::fs::read_dir(directory.path()).unwrap();
        files.into_iter().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(secret.len()).any(|found| found == secret)
        })
    };
    // a store that is closed leaves nothing beside its file
    let open = |day: u64, work: &dyn Fn(&Setup)| {
        let world = World::new("issuer tests");
        let mut config = config(&world, Policy::Refuse);
        config.banks[0].makes_keys = true;
        let store = Store::open_sqlite(&path, &SCHEMA, Options::inline()).unwrap();
        let setup = block_on(Setup::with(world, store, config));
        setup.clock.put(START.plus(day));
        work(&setup);
        setup.store.stop();
    };
    let found = std::cell::RefCell::new(Vec::new());
    open(DAY, &|setup| {
        setup.desk(AOBA).believes.store(true, Ordering::Relaxed);
        let purse = made(setup, AOBA, "one");
        forward(setup, AOBA, &purse);
        let dump = dump(&setup.store);
        let (_, rows) = dump.iter().find(|(table, _)| table == "made_key").unwrap();
        found.borrow_mut().extend_from_slice(rows[0].blob(1).unwrap());
    });
    let secret = found.into_inner();
    assert!(secret.len() == 32 && holds(&secret), "control");
    open(60 * DAY + 1, &|setup| block_on(setup.settle_down()));
    assert!(!holds(&secret));
}
