use super::*;

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
struct Pair(#[n(0)] u64, #[n(1)] u64);

#[test]
fn round_trip() {
    assert_eq!(decode::<Pair>(&encode(&Pair(1, 1_000_000)), 64), Ok(Pair(1, 1_000_000)));
}

#[test]
fn refuses_too_long() {
    let bytes = encode(&Pair(1, 2));
    assert_eq!(decode::<Pair>(&bytes, 2), Err(Malformed::TooLong { len: 3, max: 2 }));
}

#[test]
fn refuses_trailing_long_and_surplus() {
    for bytes in [&[0x82, 1, 2, 0][..], &[0x82, 0x18, 1, 2], &[0x83, 1, 2, 3], &[0x9f, 1, 2, 0xff]] {
        assert_eq!(decode::<Pair>(bytes, 64), Err(Malformed::NotCanonical), "{bytes:x?}");
    }
}

#[test]
fn refuses_every_truncation() {
    let bytes = encode(&Pair(300, 70_000));
    for end in 0..bytes.len() {
        assert!(matches!(decode::<Pair>(&bytes[..end], 64), Err(Malformed::Shape { .. })), "cut at {end}");
    }
}
