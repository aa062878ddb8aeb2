use alloc::{vec, vec::Vec};

use zeni_message::limits::ENDORSEMENTS_IN_CHAIN_MAX;

use super::*;
use crate::testing::{World, amount, key, terms};
use crate::{KeyList, Licence, SeriesTerms};

fn lists(world: &World) -> Vec<KeyList> {
    vec![world.key_list()]
}

fn three_hops(world: &World) -> Chain {
    let (a, b, c, d) = (key("a"), key("b"), key("c"), key("d"));
    let chain = world.note(&a, 1_000, "n1");
    let chain = world.pay(&chain, &a, &b, 700, "r1");
    let chain = world.pay(&chain, &b, &c, 700, "r2");
    world.pay(&chain, &c, &d, 1, "r3")
}

/// RN-F4.3, RN-P9: a chain of several hops with splits on the way verifies offline and names its holder and amount.
#[test]
fn a_chain_verifies_and_names_its_holder() {
    let world = World::new("w");
    let checked = three_hops(&world).verify(&world.roots, &lists(&world)).unwrap();
    assert_eq!(checked.leaf().holder, key("d").public());
    let values: Vec<u64> = checked.nodes().iter().map(|node| node.value.minor()).collect();
    assert_eq!(values, [1_000, 700, 700, 1]);
    assert_eq!(checked.terms(), &terms());
}

/// RN-X3: number, amount and key of the note stand under the issuer's signature.
#[test]
fn an_altered_note_is_refused() {
    let world = World::new("w");
    let a = key("a");
    let chain = world.note(&a, 1_000, "n1");
    let mut more = chain.clone();
    more.note.record.face = amount(1_001);
    let mut other = chain.clone();
    other.note.record.serial = [7; 16].into();
    let mut stolen = chain.clone();
    stolen.note.record.holder = key("thief").public();
    stolen.holder = world.licence(key("thief").public()).into();
    for altered in [more, other, stolen] {
        assert_eq!(altered.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Note);
    }
    assert!(chain.verify(&world.roots, &lists(&world)).is_ok(), "control: unaltered");
}

/// RN-X2: the first licence must be for the key in the note.
#[test]
fn another_first_holder_is_refused() {
    let world = World::new("w");
    let mut chain = world.note(&key("a"), 1_000, "n1");
    chain.holder = world.licence(key("b").public()).into();
    assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::OtherHolder);
}

/// RN-X1: a licence of an unknown authority, an altered one, one for another key.
#[test]
fn a_forged_licence_is_refused() {
    let (world, other) = (World::new("w"), World::new("other"));
    let mut chain = world.note(&key("a"), 1_000, "n1");
    chain.holder = other.licence(key("a").public()).into();
    assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Licence { hop: 0 });
    let mut chain = three_hops(&world);
    let mut longer = chain.hops[1].payee.licence().expect("a licensed payee").clone();
    longer.record.until = longer.record.until.plus(1);
    chain.hops[1].payee = longer.into();
    assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Licence { hop: 2 });
    let mut chain = three_hops(&world);
    chain.hops[1].payee = world.licence(key("thief").public()).into();
    assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Endorsement { hop: 1 });
}

/// RN-X4: a hop missing, reordered, altered, or an amount raised along the chain.
#[test]
fn a_tampered_history_is_refused() {
    let world = World::new("w");
    let chain = three_hops(&world);
    for missing in 0..2 {
        let mut cut = chain.clone();
        cut.hops.remove(missing);
        assert!(cut.verify(&world.roots, &lists(&world)).is_err(), "hop {missing} removed");
    }
    let mut swapped = chain.clone();
    swapped.hops.swap(0, 1);
    assert_eq!(swapped.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Endorsement { hop: 0 });
    let mut raised = chain.clone();
    raised.hops[2].amount = amount(2);
    assert_eq!(raised.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Endorsement { hop: 2 });
    let mut late = chain.clone();
    late.hops[0].opening.time = late.hops[0].opening.time.plus(1);
    assert_eq!(late.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Endorsement { hop: 0 });
}

/// RN-X20: nothing, and more than was held, cannot be passed on even with a genuine signature.
#[test]
fn amounts_outside_what_was_held_are_refused() {
    let world = World::new("w");
    let (a, b) = (key("a"), key("b"));
    let note = world.note(&a, 1_000, "n1");
    for wrong in [0, 1_001, u64::MAX >> 1] {
        let chain = pay_unchecked(&world, &note, wrong);
        assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Amount { hop: 0 }, "{wrong}");
    }
    for right in [1, 999, 1_000] {
        assert!(world.pay(&note, &a, &b, right, "r").verify(&world.roots, &lists(&world)).is_ok(), "{right}");
    }
}

fn pay_unchecked(world: &World, note: &Chain, value: u64) -> Chain {
    world.pay(note, &key("a"), &key("b"), value, "r")
}

/// RN-X34: no chain is longer than the limit, whatever its signatures.
#[test]
fn too_long_a_chain_is_refused() {
    let world = World::new("w");
    let a = key("a");
    let mut chain = world.note(&a, 1_000, "n1");
    for hop in 0..ENDORSEMENTS_IN_CHAIN_MAX {
        assert!(chain.verify(&world.roots, &lists(&world)).is_ok(), "{hop} hops");
        let seed = alloc::format!("r{hop}");
        let challenge = world.challenge(&a, 1_000, &seed, crate::testing::START);
        if chain.hops.len() + 1 == ENDORSEMENTS_IN_CHAIN_MAX {
            let hop = chain.hops[0].clone();
            chain.hops.push(hop);
        } else {
            let answer = world.answer(&chain, &a, 1_000, &challenge);
            chain.hops.push(Hop {
                opening: challenge.opening(world.network()),
                amount: answer.amount,
                signature: answer.signature,
                payee: challenge.right,
            });
        }
    }
    let fault = chain.verify(&world.roots, &lists(&world)).unwrap_err();
    assert_eq!(fault, ChainFault::TooLong { hops: ENDORSEMENTS_IN_CHAIN_MAX });
}

/// A licence that had ended when its holder signed does not carry money on; it need not last longer than that.
#[test]
fn a_licence_must_last_until_its_holder_signs() {
    let world = World::new("w");
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let mut chain = world.note(&a, 1_000, "n1");
    let signed_at = crate::testing::START.plus(crate::testing::DAY);
    let ended = Licence { until: signed_at.minus(1), ..world.licence(a.public()).record };
    chain.holder = Signed::sign(world.network(), ended.clone(), &world.authority).into();
    let paid = world.pay(&chain, &a, &b, 10, "r1");
    assert_eq!(paid.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::LicenceEnded { hop: 0 });
    chain.holder = Signed::sign(world.network(), Licence { until: signed_at, ..ended }, &world.authority).into();
    let paid = world.pay(&world.pay(&chain, &a, &b, 10, "r1"), &b, &c, 10, "r2");
    assert!(paid.verify(&world.roots, &lists(&world)).is_ok());
}

/// Terms must be at hand, and the note's currency must be theirs.
#[test]
fn terms_must_be_known_and_fit() {
    let world = World::new("w");
    let chain = world.note(&key("a"), 1_000, "n1");
    let none: Vec<KeyList> = Vec::new();
    assert_eq!(
        chain.verify(&world.roots, &none).unwrap_err(),
        ChainFault::UnknownTerms { series: crate::testing::SERIES, epoch: crate::testing::EPOCH }
    );
    let mut list = world.key_list().record;
    list.series[0] = SeriesTerms { currency: Currency::from_code("USD").unwrap(), ..terms() };
    let lists = vec![world.sign_key_list(list)];
    let fault = chain.verify(&world.roots, &lists).unwrap_err();
    assert_eq!(fault, ChainFault::Currency { found: crate::testing::jpy() });
}

/// DESIGN §4: a note of another network means nothing here.
#[test]
fn another_networks_note_is_refused() {
    let (world, other) = (World::new("w"), World::new("other"));
    let chain = other.note(&key("a"), 1_000, "n1");
    assert!(chain.verify(&world.roots, &lists(&world)).is_err());
    assert!(chain.verify(&other.roots, &lists(&other)).is_ok(), "control");
}

/// RN-D9: the issuer signs number, amount and key (and where the terms stand); there is no bank in a note.
#[test]
fn a_note_has_no_field_for_a_bank() {
    let world = World::new("w");
    let note = world.note(&key("a"), 1_000, "n1").note.record;
    let Note { serial: _, series: _, epoch: _, currency: _, face: _, holder: _, way: _ } = note.clone();
    assert_eq!(zeni_message::encode(&note)[0], 0x87, "an array of seven fields");
}

/// RN-P10 and the size target: an endorsement adds at most 330 bytes to a chain, licence included.
#[test]
fn an_endorsement_is_small() {
    let world = World::new("w");
    let (a, b) = (key("a"), key("b"));
    let note = world.note(&a, 10_000, "n1");
    let paid = world.pay(&note, &a, &b, 10_000, "r");
    let grown = zeni_message::encode(&paid).len() - zeni_message::encode(&note).len();
    assert!(grown <= 330, "{grown} bytes");
}

/// HC-F3.3, HC-P6: a note that was issued to a sealed key shows no licence, and its holder passes it on to licensed holders who
/// carry it further; DESIGN §5 "Right to hold": mixed chains.
#[test]
fn a_sealed_note_goes_from_hand_to_hand() {
    let world = World::new("w");
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let note = world.sealed_note(&a, 1_000, "n1");
    let chain = world.pay(&world.pay(&note, &a, &b, 600, "r1"), &b, &c, 600, "r2");
    assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap().leaf().holder, c.public());
    let mut forged = note.clone();
    forged.note.record.holder = b.public();
    forged.holder = Right::Unlicensed(b.public());
    assert_eq!(
        forged.verify(&world.roots, &lists(&world)).unwrap_err(),
        ChainFault::Note,
        "only the issuer makes notes"
    );
}

/// DESIGN §5 "Right to hold": no licence where one is needed, and none shown beside a sealed key, so that each key has one door.
#[test]
fn rights_are_those_of_the_note() {
    let world = World::new("w");
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let refused = |chain: &Chain, hop| {
        assert_eq!(chain.verify(&world.roots, &lists(&world)).unwrap_err(), ChainFault::Unlicensed { hop });
    };
    let mut hidden = world.note(&a, 1_000, "n1");
    hidden.holder = Right::Unlicensed(a.public());
    refused(&hidden, 0);
    let mut shown = world.sealed_note(&a, 1_000, "n1");
    shown.holder = world.licence(a.public()).into();
    refused(&shown, 0);
    let mut terminal = world.pay(&world.note(&a, 1_000, "n1"), &a, &b, 600, "r1");
    terminal.hops[0].payee = Right::Unlicensed(b.public());
    assert!(terminal.verify(&world.roots, &lists(&world)).is_ok(), "control: it may end there");
    refused(&world.pay(&terminal, &b, &c, 600, "r2"), 1);
}

/// RN-F4.3: link by link, as a card follows a chain, the same holders, and the same faults wherever one byte was changed.
#[test]
fn link_by_link() {
    let world = World::new("w");
    let by_links = |chain: &Chain| {
        let mut place = Place::start_verified(&chain.note, &chain.holder, &world.roots)?;
        for hop in &chain.hops {
            // as it is stored between two commands
            place = zeni_message::decode(&zeni_message::encode(&place), 512).unwrap();
            place = place.link_verified(hop, &world.roots)?;
        }
        Ok(place)
    };
    let chain = three_hops(&world);
    let place = by_links(&chain).unwrap();
    let nodes = chain.verify_form(&world.roots).unwrap();
    assert_eq!((place.links, place.node), (3, nodes[3]));
    assert_eq!((place.note, place.currency), (nodes[0].identity, chain.currency()));
    let bytes = zeni_message::encode(&chain);
    for at in (0..bytes.len()).step_by(7) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let Ok(altered) = zeni_message::decode::<Chain>(&altered, bytes.len()) else { continue };
        let whole = altered.verify_form(&world.roots).map(|nodes| nodes[nodes.len() - 1]);
        assert_eq!(by_links(&altered).map(|place| place.node), whole, "byte {at}");
        assert!(whole.is_err(), "byte {at}");
    }
}
