//! CBOR byte strings of one fixed length, in shortest form only.
//!
//! Usable on fields: `#[cbor(with = "zeni_crypto::fixed")]`.

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};

/// Writes the bytes as a CBOR byte string.
///
/// # Errors
/// Those of the writer.
pub fn encode<const N: usize, C, W: Write>(
    bytes: &[u8; N],
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), encode::Error<W::Error>> {
    e.bytes(bytes)?.ok()
}

/// Reads a definite-length CBOR byte string of exactly `N` bytes whose length is in shortest form.
///
/// # Errors
/// Another type, length or form.
pub fn decode<const N: usize, C>(d: &mut Decoder<'_>, _: &mut C) -> Result<[u8; N], decode::Error> {
    let start = d.position();
    let bytes = <[u8; N]>::try_from(d.bytes()?)
        .map_err(|_| decode::Error::message("byte string of another length").at(start))?;
    if d.position() - start != const { head_len(N) } + N {
        return Err(decode::Error::message("byte string length not in shortest form").at(start));
    }
    Ok(bytes)
}

/// Bytes of the shortest head of a byte string (RFC 8949 §4.2.1).
const fn head_len(len: usize) -> usize {
    match len {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    }
}

/// `Encode` and `Decode` for a tuple struct of one byte array.
macro_rules! fixed_cbor {
    ($type:ident) => {
        impl<C> minicbor::Encode<C> for $type {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                ctx: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                $crate::fixed::encode(&self.0, e, ctx)
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $type {
            fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
                $crate::fixed::decode(d, ctx).map($type)
            }
        }
    };
}
pub(crate) use fixed_cbor;

/// `from_slice`, full `Display` and short `Debug` in hexadecimal for a tuple struct of one byte array.
macro_rules! fixed_hex {
    ($type:ident, $len:literal) => {
        impl $type {
            /// Takes a slice of exactly the right length; `None` otherwise.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<$type> {
                bytes.try_into().ok().map($type)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $type {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        /// All bytes in lower-case hexadecimal.
        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        /// The first bytes in hexadecimal.
        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($type), "("))?;
                self.0[..$crate::fixed::SHOWN_LEN].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("…)")
            }
        }
    };
}
pub(crate) use fixed_hex;

/// Bytes that the short form shows.
pub(crate) const SHOWN_LEN: usize = 4;
