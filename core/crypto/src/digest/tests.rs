#![cfg(feature = "std")]

use super::*;
use crate::testing::array;

#[test]
fn sha256_of_parts_is_that_of_the_whole() {
    // FIPS 180-4, example "abc"
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(&[b"a", b"", b"bc"]).0, array::<32>(abc));
    assert_eq!(sha256(&[b"abc"]).to_string(), abc);
    assert_eq!(Digest::from_hex(abc), Ok(sha256(&[b"abc"])));
    assert_eq!(abc.to_uppercase().parse(), Ok(sha256(&[b"abc"])));
    assert_eq!(format!("{:?}", sha256(&[b"abc"])), "Digest(ba7816bf…)");
}

#[test]
fn tagged_has_the_documented_form() {
    let expected = sha256(&[&[0, 0, 0, 0, 0, 0, 0, 1], b"d", &[0, 0, 0, 0, 0, 0, 0, 2], b"xy", &[0; 8]]);
    assert_eq!(tagged("d", &[b"xy", b""]), expected);
}

/// The adversary moves a border between parts; with the plain hash, the control, he succeeds.
#[test]
fn tagged_tells_parts_apart() {
    assert_eq!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
    let all = [
        tagged("d", &[b"ab", b"c"]),
        tagged("d", &[b"a", b"bc"]),
        tagged("d", &[b"abc"]),
        tagged("d", &[b"abc", b""]),
        tagged("da", &[b"b", b"c"]),
        tagged("", &[b"d", b"ab", b"c"]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}

/// Bytes are shown as a digest of the same bytes is.
#[test]
fn bytes_as_hexadecimal() {
    let digest = sha256(&[b"abc"]);
    assert_eq!(crate::hex(&digest.0), digest.to_string());
    assert_eq!((crate::hex(&[]), crate::hex(&[0x00, 0x0a, 0xff])), (String::new(), "000aff".into()));
}

#[test]
fn hex_refusals_say_where() {
    assert_eq!(Digest::from_hex("00"), Err(HexError::Length { found: 2 }));
    let mut text = "0".repeat(64);
    text.replace_range(63..64, "g");
    assert_eq!(Digest::from_hex(&text), Err(HexError::Digit { at: 63 }));
}

#[test]
fn encoding_is_one_byte_string() {
    let digest = sha256(&[b"abc"]);
    let bytes = minicbor::to_vec(digest).unwrap();
    assert_eq!(bytes[..2], [0x58, 32]);
    assert_eq!(minicbor::decode::<Digest>(&bytes).unwrap(), digest);
    let long_form = [&[0x59, 0, 32][..], &digest.0].concat();
    let shorter = [&[0x58, 31][..], &digest.0[1..]].concat();
    let pieces = [&[0x5f, 0x58, 32][..], &digest.0, &[0xff]].concat();
    for bytes in [long_form, shorter, pieces] {
        assert!(minicbor::decode::<Digest>(&bytes).is_err());
    }
}

/// RFC 5869 appendix A.3, first 32 bytes.
#[test]
fn hkdf_gives_the_published_key() {
    assert_eq!(
        hkdf_sha256(&[0x0b; 22], &[], &[]),
        array::<32>("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
    );
}

#[test]
fn equality_compares_all_bytes_and_lengths() {
    assert!(ct_eq(b"ab", b"ab") && ct_eq(b"", b""));
    assert!(!ct_eq(b"ab", b"ac") && !ct_eq(b"ab", b"a") && !ct_eq(b"", b"a"));
}
