use std::sync::LazyLock;

use super::*;
use crate::SeededEntropy;
use crate::raw_rsa::BlindSigner;
use crate::testing::{hex, vectors};

static KEY: LazyLock<RsaSecretKey> = LazyLock::new(|| generate_key().unwrap());

fn entropy() -> SeededEntropy {
    SeededEntropy::from_number(1)
}

fn signer() -> BlindSigner {
    BlindSigner::from_pkcs8(KEY.dangerous_pkcs8()).unwrap()
}

/// Serves the draws of a vector one after the other.
struct Draws(Vec<Vec<u8>>);

impl Entropy for Draws {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.remove(0));
    }
}

/// RFC 9474 appendix A.1 (4096 bits): blinding and finalizing as the wallet does them, and the
/// verification that the issuer uses.
#[test]
fn rfc_9474_vector() {
    let case = vectors(include_str!("../../vectors/rfc9474-a1.json"));
    let field = |name: &str| hex(case[name].as_str().unwrap());
    let n = rsa::BoxedUint::from_be_slice_vartime(&field("n"));
    let e = rsa::BoxedUint::from_be_slice_vartime(&EXPONENT);
    let inverse = rsa::BoxedUint::from_be_slice(&field("inv"), n.bits_precision()).unwrap();
    let r = inverse.invert_mod(&n.to_nz().unwrap()).unwrap().to_le_bytes().to_vec();
    let key = PublicKeySha384PSSRandomized::new(rsa::RsaPublicKey::new(n, e).unwrap());

    let mut draws = Draws(vec![field("msg_prefix"), field("salt"), r]);
    let result = key.blind(&mut EntropyRng(&mut draws), field("msg")).unwrap();
    assert_eq!(result.blind_message.0, field("blinded_msg"));
    let signature = key.finalize(&LibraryBlindSignature(field("blind_sig")), &result, field("msg")).unwrap();
    assert_eq!(signature.0, field("sig"));

    let components = PublicKeyComponents { n: field("n"), e: EXPONENT.to_vec() };
    let verifier = components.to_parsed_public_key(&RSA_PSS_2048_8192_SHA384).unwrap();
    let prepared = [field("msg_prefix"), field("msg")].concat();
    assert!(verifier.verify_sig(&prepared, &signature.0).is_ok());
    assert!(verifier.verify_sig(&field("msg"), &signature.0).is_err());
}

#[test]
fn a_wallet_finalizes_after_a_restart() {
    let key = KEY.public();
    let blinding = key.blind(b"message", &mut entropy()).unwrap();
    let stored = minicbor::to_vec(&blinding).unwrap();
    let answer = signer().sign_blinded(blinding.blinded()).unwrap();
    let restored: Blinding = minicbor::decode(&stored).unwrap();
    assert_eq!(restored.message(), b"message");
    let signature = restored.finalize(key, &answer).unwrap();
    assert_eq!(restored.finalize(key, &answer).unwrap(), signature, "again, the same");
    assert_eq!(key.verify(b"message", &signature), Ok(()));
    let stored = minicbor::to_vec(&signature).unwrap();
    assert_eq!(minicbor::decode::<BlindSignature>(&stored).unwrap(), signature);
}

#[test]
fn the_bank_sees_nothing_of_message_or_signature() {
    let key = KEY.public();
    let source = &mut entropy();
    let (one, two) = (key.blind(b"message", source).unwrap(), key.blind(b"message", source).unwrap());
    assert_ne!(one.blinded(), two.blinded());
    let answer = signer().sign_blinded(one.blinded()).unwrap();
    let signature = one.finalize(key, &answer).unwrap();
    assert_ne!(signature.signature, answer);
    assert_eq!(format!("{one:?}"), "Blinding(…)");
}

/// A bank answers with something else; the control is its honest answer.
#[test]
fn wrong_answers_are_found() {
    let key = KEY.public();
    let source = &mut entropy();
    let (one, two) = (key.blind(b"one", source).unwrap(), key.blind(b"two", source).unwrap());
    let answer = signer().sign_blinded(one.blinded()).unwrap();
    assert!(one.finalize(key, &answer).is_ok());
    assert_eq!(two.finalize(key, &answer), Err(BlindError::Answer));
    for wrong in [[0; RSA_LEN], [0xff; RSA_LEN], *one.blinded()] {
        assert_eq!(one.finalize(key, &wrong), Err(BlindError::Answer));
    }
    let other = generate_key().unwrap();
    assert_eq!(one.finalize(other.public(), &answer), Err(BlindError::Answer));
}

#[test]
fn altered_signatures_do_not_verify() {
    let key = KEY.public();
    let blinding = key.blind(b"message", &mut entropy()).unwrap();
    let answer = signer().sign_blinded(blinding.blinded()).unwrap();
    let signature = blinding.finalize(key, &answer).unwrap();
    assert_eq!(key.verify(b"messagf", &signature), Err(BadSignature));
    for at in 0..RSA_LEN {
        let mut altered = signature.clone();
        altered.signature[at] ^= 1;
        assert_eq!(key.verify(b"message", &altered), Err(BadSignature));
        let mut altered = signature.clone();
        altered.randomizer[at % RANDOMIZER_LEN] ^= 1;
        assert_eq!(key.verify(b"message", &altered), Err(BadSignature));
    }
}

#[test]
fn public_keys_have_one_encoding() {
    let key = KEY.public();
    let spki = key.to_spki();
    assert_eq!(RsaPublicKey::from_spki(&spki).unwrap(), *key);
    assert_eq!(spki[SPKI_HEAD.len()..][..RSA_LEN], key.modulus()[..]);
    assert_eq!(RsaPublicKey::from_spki(&[&spki[..], &[0]].concat()), Err(RsaKeyError::Encoding));
    let mut exponent = spki;
    exponent[SPKI_HEAD.len() + RSA_LEN + 4] = 3;
    assert_eq!(RsaPublicKey::from_spki(&exponent), Err(RsaKeyError::Encoding));
    let bytes = minicbor::to_vec(key).unwrap();
    assert_eq!(minicbor::decode::<RsaPublicKey>(&bytes).unwrap(), *key);
}

#[test]
fn unfit_keys_are_refused() {
    let mut modulus = *KEY.public().modulus();
    modulus[0] = 0x7f;
    assert_eq!(RsaPublicKey::from_modulus(modulus), Err(RsaKeyError::Size));
    modulus[0] = 0xff;
    modulus[RSA_LEN - 1] = 2;
    assert_eq!(RsaPublicKey::from_modulus(modulus), Err(RsaKeyError::Even));
    let large = KeyPair::generate(KeySize::Rsa3072).unwrap();
    let large: aws_lc_rs::encoding::Pkcs8V1Der<'static> = large.as_der().unwrap();
    assert_eq!(RsaSecretKey::from_pkcs8(large.as_ref()).err(), Some(RsaKeyError::Encoding));
    assert_eq!(RsaSecretKey::from_pkcs8(b"").err(), Some(RsaKeyError::Encoding));
}
