use alloc::vec;

use zeni_message::sig_structure;

use super::*;
use crate::testing::{World, amount, key, nonce};

fn purposes(world: &World) -> [ClosingPurpose; 4] {
    let to = world.account("aoba", "A-1", "d1");
    [
        ClosingPurpose::Deposit(to.clone()),
        ClosingPurpose::Renewal { nonce: nonce("n"), licence: world.licence(key("fresh").public()) },
        ClosingPurpose::Refund(to.clone()),
        ClosingPurpose::BackupRefund(to),
    ]
}

/// RN-O14, RN-X34, RN-X31: all but a renewal name an account; refunds alone ask for a rest.
#[test]
fn a_purpose_says_where_to_and_how_much() {
    let world = World::new("w");
    let to = world.account("aoba", "A-1", "d1");
    let [deposit, renewal, refund, backup] = purposes(&world);
    for named in [&deposit, &refund, &backup] {
        assert_eq!(named.account(), Some(&to));
    }
    assert_eq!(renewal.account(), None);
    assert_eq!([&deposit, &renewal, &refund, &backup].map(ClosingPurpose::is_refund), [false, false, true, true]);
}

/// RN-X31, RN-P19: each purpose is signed as a closing but a backup's refund, which is a record of its own, and no two
/// purposes, nodes or amounts share their bytes.
#[test]
fn a_closing_signs_node_amount_and_purpose() {
    let world = World::new("w");
    let network = world.network();
    let (parent, other) = (Digest([1; 32]), Digest([2; 32]));
    let mut seen = vec![];
    for (index, purpose) in purposes(&world).into_iter().enumerate() {
        let digest = purpose.digest(network);
        let message = purpose.message(network, parent, amount(5));
        let closing = sig_structure(network, &ClosingRecord { parent, amount: amount(5), purpose: digest });
        let backup = sig_structure(network, &BackupRefund { parent, amount: amount(5), purpose: digest });
        assert_ne!(closing, backup);
        assert_eq!(message, if index == 3 { backup } else { closing });
        for one in [message, purpose.message(network, other, amount(5)), purpose.message(network, parent, amount(6))] {
            assert!(!seen.contains(&one), "purpose {index}");
            seen.push(one);
        }
    }
}

/// DESIGN §4: a purpose is bound to its network.
#[test]
fn a_purpose_is_of_one_network() {
    let (world, other) = (World::new("w"), World::new("other"));
    for purpose in purposes(&world) {
        assert_ne!(purpose.digest(world.network()), purpose.digest(other.network()));
    }
}

/// One hand-in closes each of its leaves under another identity.
#[test]
fn a_taking_has_an_identity_of_its_own() {
    let (hand_in, other) = (Digest([1; 32]), Digest([2; 32]));
    let identities = [(hand_in, hand_in), (hand_in, other), (other, hand_in)].map(|(a, b)| taking_identity(&a, &b));
    assert_ne!(identities[0], identities[1]);
    assert_ne!(identities[1], identities[2]);
}
