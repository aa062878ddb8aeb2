use hpke::kem::X25519HkdfSha256;

use super::*;
use crate::SeededEntropy;
use crate::testing::{array, hex, vectors};

const INFO: &[u8] = b"zeni/test";

fn pair() -> SealKeyPair {
    SealKeyPair::from_seed([3; 32])
}

/// RFC 9180 appendix A.2.1, through the same key schedule and AEAD as ours.
#[test]
fn rfc_9180_base_mode() {
    let case = vectors(include_str!("../../vectors/rfc9180-a2.json"));
    let field = |name: &str| hex(case[name].as_str().unwrap());
    let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &<X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&field("skRm")).unwrap(),
        &<X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&field("enc")).unwrap(),
        &field("info"),
        &field("ct"),
        &field("aad"),
    );
    assert_eq!(opened.unwrap(), field("pt"));
}

/// The vectors of the X-Wing draft: key from seed, and the encapsulation that our sealing carries.
#[test]
fn x_wing_draft_vectors() {
    for case in vectors(include_str!("../../vectors/xwing.json")).as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let pair = SealKeyPair::from_seed(array(text("seed")));
        assert_eq!(pair.public().as_bytes()[..], hex(text("pk")));
        let coins = &mut OneDraw(Some(Zeroizing::new(array(text("eseed")))));
        let sealed = pair.public().seal(INFO, b"", b"plaintext", coins);
        assert_eq!(sealed[SUITE_ID.len()..][..ENCAPSULATED_LEN], hex(text("ct")));
        assert_eq!(&pair.open(INFO, b"", &sealed).unwrap()[..], b"plaintext");
    }
}

/// What was sealed by earlier versions must open for as long as it is stored.
#[test]
fn golden_vector() {
    let sealed = pair().public().seal_with_coins_of(&[5; 32], INFO, b"aad", &[7; 48]);
    assert_eq!(sealed.len(), OVERHEAD_LEN + 48);
    assert_eq!(
        pair().public().digest().to_string(),
        "5b8e64e6709228bd7e4ed2942858a210fa08a85e83ee31c65ef17e119f77755c"
    );
    let stored = hex(&include_str!("../../vectors/sealed.hex").replace('\n', ""));
    assert_eq!(stored, sealed);
    assert_eq!(&pair().open(INFO, b"aad", &stored).unwrap()[..], [7; 48]);
}

#[test]
fn sealing_is_randomized() {
    let source = &mut SeededEntropy::from_number(1);
    let mut seal = || pair().public().seal(INFO, b"", b"same", source);
    assert_ne!(seal(), seal());
}

/// HC-O2: who knows k seals again and compares; another k, key or plaintext gives other coins.
#[test]
fn coins_let_a_third_party_check() {
    let (one, other) = (pair(), SealKeyPair::from_seed([4; 32]));
    let seal = |k: u8, to: &SealKeyPair, text: &[u8]| to.public().seal_with_coins_of(&[k; 32], INFO, b"", text);
    assert_eq!(seal(1, &one, b"text"), seal(1, &one, b"text"));
    let base = coins(&[1; 32], one.public(), b"text");
    assert_ne!(*base, *coins(&[2; 32], one.public(), b"text"));
    assert_ne!(*base, *coins(&[1; 32], other.public(), b"text"));
    assert_ne!(*base, *coins(&[1; 32], one.public(), b"texu"));
    assert_ne!(reply_key(&[1; 32])[..], base[..32]);
}

#[test]
#[should_panic(expected = "sealing draws its coins once")]
fn coins_are_not_served_twice() {
    let mut source = OneDraw(Some(Zeroizing::new([1; COINS_LEN])));
    let mut out = [0; COINS_LEN];
    source.fill(&mut out);
    source.fill(&mut out);
}

#[test]
fn only_the_right_key_and_context_open() {
    let sealed = pair().public().seal(INFO, b"aad", b"text", &mut SeededEntropy::from_number(1));
    assert!(pair().open(INFO, b"aad", &sealed).is_ok());
    assert_eq!(pair().open(b"zeni/other", b"aad", &sealed), Err(OpenError::Authentication));
    assert_eq!(pair().open(INFO, b"", &sealed), Err(OpenError::Authentication));
    let other = SealKeyPair::from_seed([4; 32]);
    assert_eq!(other.open(INFO, b"aad", &sealed), Err(OpenError::Authentication));
}

#[test]
fn cut_or_altered_messages_do_not_open() {
    let sealed = pair().public().seal(INFO, b"aad", b"text", &mut SeededEntropy::from_number(1));
    for at in (0..sealed.len()).step_by(41).chain([0, 5, 6, sealed.len() - 1]) {
        assert!(pair().open(INFO, b"aad", &sealed[..at]).is_err(), "cut at {at}");
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        let expected = if at < SUITE_ID.len() { OpenError::Suite } else { OpenError::Authentication };
        assert_eq!(pair().open(INFO, b"aad", &altered), Err(expected), "altered at {at}");
    }
    assert_eq!(pair().open(INFO, b"aad", &sealed[..OVERHEAD_LEN - 1]), Err(OpenError::Length));
}

#[test]
fn public_keys_are_checked_and_round_trip() {
    let key = pair().public().clone();
    let bytes = minicbor::to_vec(&key).unwrap();
    assert_eq!(minicbor::decode::<SealPublicKey>(&bytes).unwrap(), key);
    assert_eq!(SealPublicKey::from_bytes(&[0; 10]), Err(InvalidSealKey));
    // a coefficient of the ML-KEM key that is not reduced (FIPS 203 §7.2)
    assert_eq!(SealPublicKey::from_bytes(&[0xff; PUBLIC_KEY_LEN]), Err(InvalidSealKey));
}
