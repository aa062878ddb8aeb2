#![cfg(feature = "std")]

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::traits::Identity;
use ed25519_dalek::Verifier;
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};

use super::*;
use crate::testing::{array, hex, vectors};

/// RFC 8032 §7.1.
#[test]
fn rfc_8032_vectors() {
    for case in vectors(include_str!("../../vectors/rfc8032.json")).as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let key = SecretKey::from_seed(array(text("seed")));
        let message = hex(text("message"));
        assert_eq!(key.public(), PublicKey(array(text("public"))));
        assert_eq!(key.public().check(), Ok(()));
        assert_eq!(key.sign(&message), Signature(array(text("signature"))));
        assert_eq!(key.public().verify(&message, &key.sign(&message)), Ok(()));
        assert_eq!(*key.dangerous_seed(), array::<32>(text("seed")));
    }
}

/// "Taming the many EdDSAs", Table 6: the strict equation accepts case 3 alone, whose key of mixed
/// order is refused where keys are licensed.
#[test]
fn speccheck_strict() {
    let cases = vectors(include_str!("../../vectors/speccheck.json"));
    for (number, case) in cases.as_array().unwrap().iter().enumerate() {
        let text = |name: &str| case[name].as_str().unwrap();
        let key = PublicKey(array(text("public")));
        let accepted = key.verify(&hex(text("message")), &Signature(array(text("signature")))).is_ok();
        assert_eq!(accepted, number == 3, "case {number}");
        // cases 6 and 7 have an honest key and an s that is not reduced
        assert_eq!(key.check().is_ok(), matches!(number, 6 | 7), "case {number}");
    }
}

/// A signer who picks R = 0: plain verification and AWS-LC, the control, accept; we do not.
#[test]
fn neutral_r_is_refused() {
    let message = b"note";
    let seed = [7; 32];
    let public = SecretKey::from_seed(seed).public();
    let neutral = EdwardsPoint::identity().compress().0;
    let secret: [u8; 32] = Sha512::digest(seed)[..32].try_into().unwrap();
    let a = Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(secret));
    let hash = Sha512::new().chain_update(neutral).chain_update(public.0).chain_update(message);
    let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let signature: [u8; 64] = [neutral, (k * a).to_bytes()].concat().try_into().unwrap();

    let plain = VerifyingKey::from_bytes(&public.0).unwrap();
    assert!(plain.verify(message, &ed25519_dalek::Signature::from_bytes(&signature)).is_ok());
    let aws = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public.0);
    assert!(aws.verify(message, &signature).is_ok());

    // the issuer's batches take it too, which is why a return that only they accept is marked so
    assert_eq!(crate::batch::verify_single(public, &Signature(signature), message), Ok(()));

    assert_eq!(public.verify(message, &Signature(signature)), Err(BadSignature));
}

/// Keys with a component of small order; the control is the same key without it.
#[test]
fn keys_off_the_prime_order_group_are_refused() {
    let honest = ED25519_BASEPOINT_POINT * Scalar::from(5u8);
    let key = |point: EdwardsPoint| PublicKey(point.compress().0);
    assert_eq!(key(honest).check(), Ok(()));
    assert_eq!(key(EdwardsPoint::identity()).check(), Err(KeyError::Identity));
    for torsion in &EIGHT_TORSION[1..] {
        assert_eq!(key(*torsion).check(), Err(KeyError::NotPrimeOrder));
        assert_eq!(key(honest + torsion).check(), Err(KeyError::NotPrimeOrder));
    }
}

#[test]
fn keys_not_in_canonical_form_are_refused() {
    // y = p + 1, the neutral element again; y = 1 with the sign of x set although x = 0
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xee, 0x7f);
    assert_eq!(PublicKey(above).check(), Err(KeyError::NotCanonical));
    let mut signed = EdwardsPoint::identity().compress().0;
    signed[31] |= 0x80;
    assert!(matches!(PublicKey(signed).check(), Err(KeyError::NotCanonical | KeyError::NotOnCurve)));
    let off = (2..=255).map(|y| {
        let mut bytes = [0; 32];
        bytes[0] = y;
        PublicKey(bytes)
    });
    assert!(off.into_iter().any(|key| key.check() == Err(KeyError::NotOnCurve)));
}

#[test]
fn secrets_are_not_shown() {
    let key = SecretKey::from_seed([0x5a; 32]);
    assert!(!format!("{key:?}").contains("5a5a"));
    assert!(format!("{key:?}").contains(&format!("{:?}", key.public())));
}

#[test]
fn fresh_keys_differ_and_follow_their_source() {
    let source = &mut crate::SeededEntropy::from_number(1);
    let (one, two) = (SecretKey::generate(source), SecretKey::generate(source));
    assert_ne!(one.public(), two.public());
    let again = SecretKey::generate(&mut crate::SeededEntropy::from_number(1));
    assert_eq!(again.public(), one.public());
}

proptest! {
    #[test]
    fn a_flipped_bit_never_verifies(
        seed: [u8; 32], message in prop::collection::vec(any::<u8>(), 1..80), bit in any::<prop::sample::Index>(),
    ) {
        let key = SecretKey::from_seed(seed);
        let (public, signature) = (key.public(), key.sign(&message));
        prop_assert_eq!(public.verify(&message, &signature), Ok(()));
        let mut all = [&public.0[..], &signature.0, &message].concat();
        let bit = bit.index(8 * all.len());
        all[bit / 8] ^= 1 << (bit % 8);
        let public = PublicKey::from_slice(&all[..32]).unwrap();
        let signature = Signature::from_slice(&all[32..96]).unwrap();
        prop_assert_eq!(public.verify(&all[96..], &signature), Err(BadSignature));
    }
}
