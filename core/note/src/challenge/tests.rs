use alloc::{string::ToString, vec};

use super::*;
use crate::testing::{START, World, amount, key, nonce};

/// RN-D11, DESIGN §5: `W` commits to every field of a challenge but TIME, and `e` to TIME as well.
#[test]
fn every_field_changes_the_answer() {
    let world = World::new("w");
    let one = world.challenge(&key("p"), 300, "c", START);
    let variants = [
        Challenge { time: one.time.plus(1), ..one.clone() },
        Challenge { payee: key("q").public(), ..one.clone() },
        Challenge { key_salt: nonce("x"), ..one.clone() },
        Challenge { name: "Taro".to_string(), ..one.clone() },
        Challenge { name_salt: nonce("x"), ..one.clone() },
        Challenge { nonce: nonce("x"), ..one.clone() },
        Challenge { currency: Currency::from_code("USD").unwrap(), ..one.clone() },
        Challenge { total: amount(301), ..one.clone() },
        Challenge { sign_until: one.sign_until.plus(1), ..one.clone() },
        Challenge { memo: "coffee".to_string(), ..one.clone() },
        Challenge { series: vec![1], ..one.clone() },
        Challenge { epoch: 2, ..one.clone() },
        Challenge { key_list: Digest([1; 32]), ..one.clone() },
    ];
    let answer = one.answer(world.network());
    let mut seen = vec![answer, one.answer(World::new("other").network())];
    assert_ne!(seen[0], seen[1], "another network");
    for (index, variant) in variants.iter().enumerate() {
        let other = variant.answer(world.network());
        assert!(!seen.contains(&other), "variant {index}");
        seen.push(other);
    }
    let same = Challenge { right: world.licence(key("q").public()).into(), ..one.clone() };
    assert_eq!(same.answer(world.network()), answer, "the licence is evidence, not content");
}

/// RN-O8: what a chain shows of a challenge holds neither the payee's name nor his key.
#[test]
fn the_opening_shows_neither_name_nor_key() {
    let world = World::new("w");
    let one = world.challenge(&key("p"), 300, "c", START);
    let shown = encode(&one.opening(world.network()));
    assert!(!shown.windows(6).any(|w| w == b"Hanako"));
    assert!(!shown.windows(32).any(|w| w == one.payee.0));
    let asked = encode(&one);
    assert!(asked.windows(6).any(|w| w == b"Hanako"), "control: the search would find it");
    assert!(asked.windows(32).any(|w| w == one.payee.0), "control: the search would find it");
}

/// A give-back is bound to the endorsement given back.
#[test]
fn give_backs_of_two_endorsements_differ() {
    let one = give_back_opening(START, &Digest([1; 32]));
    let two = give_back_opening(START, &Digest([2; 32]));
    assert_ne!(one.rest, two.rest);
    assert_ne!(one.salt, two.salt);
}
