use alloc::vec;

use super::*;
use crate::testing::{START, World, key};

/// RN-F4.2, RN-X1: a licence holds for its own key, under its authority's signature, up to and with its last second.
#[test]
fn a_licence_holds_for_its_key_until_its_end() {
    let (world, other) = (World::new("w"), World::new("other"));
    let holder = key("a").public();
    let licence = world.licence(holder);
    let check = |licence: &Signed<Licence>, key: &PublicKey, now: Time| {
        check_licence(licence, key, world.network(), &world.roots.authority, now)
    };
    let until = licence.record.until;
    assert_eq!(check(&licence, &holder, START), Ok(()));
    assert_eq!(check(&licence, &holder, until), Ok(()));
    assert_eq!(check(&licence, &holder, until.plus(1)), Err(LicenceFault::Expired));
    assert_eq!(check(&licence, &key("b").public(), START), Err(LicenceFault::OtherKey));
    assert_eq!(check(&other.licence(holder), &holder, START), Err(LicenceFault::Forged));
    let mut longer = licence.clone();
    longer.record.until = until.plus(1);
    assert_eq!(check(&longer, &holder, START), Err(LicenceFault::Forged));
}

/// RN-D22, RN-X32: a list revokes the keys whose digests stand on it and no other.
#[test]
fn a_list_revokes_what_stands_on_it() {
    let world = World::new("w");
    let keys = ["a", "b", "c"].map(|seed| key(seed).public());
    let mut list = world.revocations(START);
    assert!(!list.revokes(&keys[0]));
    list.revoked = vec![key_digest(&keys[0]), key_digest(&keys[1])];
    list.revoked.sort_unstable();
    assert_eq!(keys.each_ref().map(|key| list.revokes(key)), [true, true, false]);
}

/// RN-D3: what is stored of a person's secret tells persons apart and is not the secret.
#[test]
fn persons_are_told_apart() {
    let (one, two) = (person_digest("one secret"), person_digest("another secret"));
    assert_ne!(one, two);
    assert_eq!(one, person_digest("one secret"));
    assert_ne!(one, zeni_crypto::sha256(&[b"one secret"]), "it has a domain of its own");
}
