use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::testing::{array, hex, vectors};
use crate::{SecretKey, SeededEntropy};

fn signed(number: u32) -> (PublicKey, Signature, [u8; 4]) {
    let key = SecretKey::generate(&mut SeededEntropy::from_number(u64::from(number % 50)));
    let msg = number.to_be_bytes();
    (key.public(), key.sign(&msg), msg)
}

fn batch(len: u32, bad: &[usize]) -> Batch {
    let mut batch = Batch::with_capacity(len as usize);
    for number in 0..len {
        let (key, mut signature, msg) = signed(number);
        if bad.contains(&(number as usize)) {
            signature.0[40] ^= 1;
        }
        batch.add(key, signature, &msg);
    }
    batch
}

/// As [`batch`], by known keys.
fn known_batch(len: u32, bad: &[usize]) -> Batch {
    let mut batch = Batch::new();
    for number in 0..len {
        let (key, mut signature, msg) = signed(number);
        if bad.contains(&(number as usize)) {
            signature.0[40] ^= 1;
        }
        batch.add_known(&KnownKey::new(&key).unwrap(), signature, msg.to_vec());
    }
    batch
}

/// Counts what is drawn: a batch of n draws n times 16 bytes.
struct Counting<'a>(SeededEntropy, &'a Cell<usize>);

impl Entropy for Counting<'_> {
    fn fill(&mut self, out: &mut [u8]) {
        self.1.set(self.1.get() + out.len());
        self.0.fill(out);
    }
}

/// "Taming the many EdDSAs", Table 6, by the rules of ZIP 215, alone and among honest signatures.
#[test]
fn speccheck_zip_215() {
    let accepted = [true, true, true, true, true, true, false, false, false, true, true, true];
    let cases = vectors(include_str!("../../vectors/speccheck.json"));
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), accepted.len());
    for (number, (case, expected)) in cases.iter().zip(accepted).enumerate() {
        let text = |name: &str| case[name].as_str().unwrap();
        let key = PublicKey(array(text("public")));
        let signature = Signature(array(text("signature")));
        let message = hex(text("message"));
        assert_eq!(verify_single(key, &signature, &message).is_ok(), expected, "case {number}");
        let mut batch = batch(20, &[]);
        batch.add(key, signature, &message);
        let result = batch.verify(&mut SeededEntropy::from_number(0));
        assert_eq!(result.is_ok(), expected, "case {number} in a batch");
        if let Some(known) = KnownKey::new(&key) {
            let mut batch = known_batch(20, &[]);
            batch.add_known(&known, signature, message.clone());
            let result = batch.verify(&mut SeededEntropy::from_number(0));
            assert_eq!(result.is_ok(), expected, "case {number} by a known key");
        }
        let strict = key.verify(&message, &signature).is_ok();
        assert!(expected || !strict, "strict accepts, the batch refuses: {number}");
    }
}

#[test]
fn an_empty_batch_is_good() {
    assert!(Batch::new().is_empty());
    assert_eq!(Batch::new().verify(&mut SeededEntropy::from_number(0)), Ok(()));
}

#[test]
fn one_bad_item_in_1024_is_found_cheaply() {
    for bad in [0, 511, 512, 700, 1023] {
        let drawn = Cell::new(0);
        let source = &mut Counting(SeededEntropy::from_number(0), &drawn);
        let result = batch(1024, &[bad]).verify(source);
        assert_eq!(result, Err(BadItems { items: vec![bad] }));
        assert!(drawn.get() <= 3 * 1024 * 16, "{} items verified for {bad}", drawn.get() / 16);
    }
}

/// Without a bad item all are verified at once, and none alone.
#[test]
fn a_good_batch_is_verified_at_once() {
    let drawn = Cell::new(0);
    let source = &mut Counting(SeededEntropy::from_number(0), &drawn);
    assert_eq!(batch(1024, &[]).verify(source), Ok(()));
    assert_eq!(drawn.get(), 1024 * 16);
}

#[test]
fn all_bad_items_are_found() {
    let bad = vec![0, 1, 63, 64, 99];
    let result = batch(100, &bad).verify(&mut SeededEntropy::from_number(0));
    assert_eq!(result, Err(BadItems { items: bad }));
}

/// By known keys and by bytes, in one batch: numbers are those of the order added.
#[test]
fn known_and_other_keys_stand_in_one_batch() {
    let mut batch = Batch::new();
    for number in 0..60 {
        let (key, mut signature, msg) = signed(number);
        if [7, 8, 30, 59].contains(&number) {
            signature.0[3] ^= 1;
        }
        match number % 2 {
            0 => batch.add(key, signature, &msg),
            _ => batch.add_known(&KnownKey::new(&key).unwrap(), signature, msg.to_vec()),
        }
    }
    let result = batch.verify(&mut SeededEntropy::from_number(0));
    assert_eq!(result, Err(BadItems { items: vec![7, 8, 30, 59] }));
}

/// Signatures that only ZIP 215 accepts (`R` and key of small order, case 0 of the vectors) make the quick equation fail by
/// chance: they hide no bad one and are not called bad.
#[test]
fn points_of_small_order_hide_nothing() {
    let cases = vectors(include_str!("../../vectors/speccheck.json"));
    let text = |name: &str| cases[1][name].as_str().unwrap();
    let key = KnownKey::new(&PublicKey(array(text("public")))).unwrap();
    for bad in [vec![], vec![0], vec![5, 99]] {
        let mut batch = known_batch(100, &bad);
        for _ in 0..20 {
            batch.add_known(&key, Signature(array(text("signature"))), hex(text("message")));
        }
        let result = batch.verify(&mut SeededEntropy::from_number(0));
        assert_eq!(result.err().map_or(vec![], |bad| bad.items), bad);
    }
}

/// Two wrong signatures whose errors cancel in an unweighted sum: the random weights catch them.
#[test]
fn errors_that_cancel_out_are_found() {
    use curve25519_dalek::Scalar;

    let mut batch = batch(20, &[]);
    let shifted = |number: u32, by: Scalar| {
        let (key, mut signature, msg) = signed(number);
        let s = Scalar::from_canonical_bytes(signature.0[32..].try_into().unwrap()).unwrap();
        signature.0[32..].copy_from_slice(&(s + by).to_bytes());
        (key, signature, msg)
    };
    for (key, signature, msg) in [shifted(100, Scalar::ONE), shifted(101, -Scalar::ONE)] {
        batch.add(key, signature, &msg);
    }
    let result = batch.verify(&mut SeededEntropy::from_number(0));
    assert_eq!(result, Err(BadItems { items: vec![20, 21] }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batch_and_strict_agree_on_honest_keys(len in 1..60u32, bad in prop::collection::btree_set(0..60usize, 0..4)) {
        let bad: Vec<usize> = bad.into_iter().filter(|at| *at < len as usize).collect();
        let strict: Vec<usize> = (0..len)
            .filter(|number| {
                let (key, mut signature, msg) = signed(*number);
                if bad.contains(&(*number as usize)) {
                    signature.0[40] ^= 1;
                }
                key.verify(&msg, &signature).is_err()
            })
            .map(|number| number as usize)
            .collect();
        let found = match batch(len, &bad).verify(&mut SeededEntropy::from_number(1)) {
            Ok(()) => vec![],
            Err(BadItems { items }) => items,
        };
        prop_assert_eq!(&found, &strict);
        prop_assert_eq!(&found, &bad);
        let known = known_batch(len, &bad).verify(&mut SeededEntropy::from_number(1));
        prop_assert_eq!(known.err().map_or(vec![], |bad| bad.items), bad);
    }
}

/// A batch knows how much it holds, whichever way it was added.
#[test]
fn a_batch_counts_its_items() {
    assert!(Batch::new().is_empty());
    let (key, signature, msg) = signed(1);
    let mut mixed = batch(2, &[]);
    mixed.add_known(&KnownKey::new(&key).unwrap(), signature, msg.to_vec());
    assert_eq!((mixed.len(), mixed.is_empty()), (3, false));
}
