//! Deterministic CBOR with one way in.
//!
//! Everything that comes from outside goes through [`decode`]: size limit, decode, no bytes left, encode again and compare.
//! What differs is malformed: minicbor alone accepts trailing bytes, long integers and surplus array elements (DESIGN §4).

use alloc::vec::Vec;

/// A type with exactly one CBOR encoding.
pub trait Wire: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> {}
impl<T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>> Wire for T {}

/// Why bytes are not the encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than the limit of the type.
    #[error("{len} bytes are more than the {max} allowed")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not CBOR of the expected shape, or a value outside its range.
    #[error("not a valid encoding (near byte {at})")]
    Shape {
        /// Byte offset at which decoding stopped, as far as known.
        at: usize,
    },
    /// A second encoding of a value that has a shorter or other canonical one, or bytes after its end.
    #[error("not the canonical encoding")]
    NotCanonical,
}

/// The canonical encoding of `value`.
pub fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    encode_into(value, Vec::with_capacity(ROOM))
}

/// Bytes that most records stay within, so that one allocation does.
const ROOM: usize = 256;

fn encode_into<T: minicbor::Encode<()>>(value: &T, mut out: Vec<u8>) -> Vec<u8> {
    minicbor::encode(value, &mut out).expect("writing to a vector cannot fail and no encoder here refuses a value");
    out
}

/// Decodes `bytes` of at most `max` bytes, all of them, in canonical form only.
pub fn decode<T: Wire>(bytes: &[u8], max: usize) -> Result<T, Malformed> {
    if bytes.len() > max {
        return Err(Malformed::TooLong { len: bytes.len(), max });
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let value: T =
        decoder.decode().map_err(|error| Malformed::Shape { at: error.position().unwrap_or(decoder.position()) })?;
    if decoder.position() != bytes.len() || encode_into(&value, Vec::with_capacity(bytes.len())) != bytes {
        return Err(Malformed::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
