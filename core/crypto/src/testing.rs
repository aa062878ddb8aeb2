//! What the tests of this crate share.

#![cfg(feature = "std")]

use std::vec::Vec;

/// Bytes of a hexadecimal text.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The same as an array.
pub(crate) fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

/// One of the vector files beside the sources.
pub(crate) fn vectors(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}
