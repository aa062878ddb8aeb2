#![cfg(feature = "std")]

use coset::iana::Algorithm;
use coset::{CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable};
use proptest::prelude::*;

use super::*;

const CTX: Context<'static> =
    Context { content_type: "application/zeni-test", domain: "zeni/test", version: 1, network: Digest([9; 32]) };

fn key() -> SecretKey {
    SecretKey::from_seed([1; 32])
}

fn signed(payload: &[u8]) -> Vec<u8> {
    document(&CTX, payload, &sign(&CTX, payload, &key()))
}

/// RFC 9052 §4.4: another implementation makes the same bytes and the same Sig_structure.
#[test]
fn coset_makes_the_same_document() {
    let payload = b"\x83\x01\x02\x03";
    let header = HeaderBuilder::new().algorithm(Algorithm::EdDSA).content_type(CTX.content_type.into()).build();
    let theirs = CoseSign1Builder::new()
        .protected(header)
        .payload(payload.to_vec())
        .create_signature(&external_aad(&CTX), |tbs| {
            assert_eq!(tbs, sig_structure(&CTX, payload));
            key().sign(tbs).0.to_vec()
        })
        .build()
        .to_tagged_vec()
        .unwrap();
    assert_eq!(theirs, signed(payload));
}

#[test]
fn coset_verifies_our_document() {
    let document = CoseSign1::from_tagged_slice(&signed(b"payload")).unwrap();
    let checked = document.verify_signature(&external_aad(&CTX), |signature, tbs| {
        key().public().verify(tbs, &Signature::from_slice(signature).unwrap())
    });
    assert_eq!(checked, Ok(()));
    assert!(document.unprotected.is_empty());
}

#[test]
fn the_signed_bytes_are_laid_down() {
    let expected = [
        &b"\x84\x6aSignature1\x58\x1a\xa2\x01\x27\x03\x75application/zeni-test\x58\x2e\x83\x69zeni/test\x01\x58\x20"[..],
        &[9; 32],
        b"\x47payload",
    ]
    .concat();
    assert_eq!(external_aad(&CTX).len(), 0x2e);
    assert_eq!(sig_structure(&CTX, b"payload"), expected);
    assert_eq!(identity(&CTX, b"payload"), sha256(&[&expected]));
}

#[test]
fn documents_round_trip() {
    let bytes = signed(b"payload");
    let parsed = parse_document(&bytes).unwrap();
    assert_eq!(parsed.content_type, CTX.content_type);
    assert_eq!(parsed.payload, b"payload");
    assert_eq!(verify(&CTX, &parsed.payload, &key().public(), &parsed.signature), Ok(()));
    assert_eq!(parsed.document(), bytes);
}

/// A signature made for another purpose, version or network; the control is its own context.
#[test]
fn signatures_do_not_cross_contexts() {
    let signature = sign(&CTX, b"payload", &key());
    assert_eq!(verify(&CTX, b"payload", &key().public(), &signature), Ok(()));
    for other in [
        Context { content_type: "application/zeni-other", ..CTX },
        Context { domain: "zeni/other", ..CTX },
        Context { version: 2, ..CTX },
        Context { network: Digest([8; 32]), ..CTX },
    ] {
        assert_eq!(verify(&other, b"payload", &key().public(), &signature), Err(BadSignature));
        assert_ne!(identity(&other, b"payload"), identity(&CTX, b"payload"));
    }
}

fn altered(change: impl FnOnce(&mut CoseSign1)) -> Vec<u8> {
    let mut document = CoseSign1::from_tagged_slice(&signed(b"payload")).unwrap();
    change(&mut document);
    document.protected.original_data = None;
    document.to_tagged_vec().unwrap()
}

/// Altered envelopes around an untouched signature.
#[test]
fn other_envelopes_are_refused() {
    let good = signed(b"payload");
    let malformed = |bytes: &[u8]| matches!(parse_document(bytes), Err(CoseError::Malformed { .. }));
    assert!(malformed(&good[1..]), "no tag");
    assert!(malformed(&[&[0xd1][..], &good[1..]].concat()), "another tag");
    assert!(malformed(&altered(|document| document.payload = None)), "detached payload");
    assert!(malformed(&altered(|document| document.signature.push(0))), "long signature");
    assert_eq!(parse_document(&[&good[..], &[0, 0]].concat()), Err(CoseError::Trailing { count: 2 }));
    assert_eq!(parse_document(&altered(|document| document.unprotected.key_id = vec![1])), Err(CoseError::Unprotected));
    for protected in [
        HeaderBuilder::new().algorithm(Algorithm::ES256).content_type(CTX.content_type.into()).build(),
        HeaderBuilder::new().algorithm(Algorithm::EdDSA).build(),
        HeaderBuilder::new().algorithm(Algorithm::EdDSA).content_format(coset::iana::CoapContentFormat::Cbor).build(),
        HeaderBuilder::new().algorithm(Algorithm::EdDSA).content_type(CTX.content_type.into()).key_id(vec![1]).build(),
    ] {
        let bytes = altered(|document| document.protected.header = protected);
        assert_eq!(parse_document(&bytes), Err(CoseError::Protected));
    }
}

#[test]
fn other_encodings_of_the_same_document_are_refused() {
    let good = signed(b"payload");
    let long_tag = [&[0xd8, 18][..], &good[1..]].concat();
    let long_array = [&[0xd2, 0x98, 4][..], &good[2..]].concat();
    for bytes in [long_tag, long_array] {
        assert_eq!(parse_document(&bytes), Err(CoseError::NotDeterministic));
    }
    let streamed = [&[0xd2, 0x9f][..], &good[2..], &[0xff]].concat();
    assert!(parse_document(&streamed).is_err());
}

#[test]
fn a_cut_document_is_refused_at_every_byte() {
    let good = signed(b"payload");
    for len in 0..good.len() {
        assert!(parse_document(&good[..len]).is_err(), "{len}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(parsed) = parse_document(&bytes) {
            prop_assert_eq!(parsed.document(), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_never_verifies(payload in prop::collection::vec(any::<u8>(), 0..300), bit in any::<prop::sample::Index>()) {
        let mut bytes = signed(&payload);
        let bit = bit.index(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(parsed) = parse_document(&bytes) {
            prop_assert_eq!(parsed.document(), bytes);
            let ctx = Context { content_type: &parsed.content_type, ..CTX };
            prop_assert_eq!(verify(&ctx, &parsed.payload, &key().public(), &parsed.signature), Err(BadSignature));
        }
    }
}
