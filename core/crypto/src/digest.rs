use core::str::FromStr;

use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::fixed::{fixed_cbor, fixed_hex};

/// A SHA-256 digest. In CBOR a byte string of 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

fixed_cbor!(Digest);
fixed_hex!(Digest, 32);

impl Digest {
    /// Reads 64 hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`HexError`] for anything else.
    pub fn from_hex(text: &str) -> Result<Digest, HexError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(HexError::Length { found: digits.len() });
        }
        let mut bytes = [0; 32];
        for (at, (byte, pair)) in bytes.iter_mut().zip(digits.chunks_exact(2)).enumerate() {
            let high = nibble(pair[0]).ok_or(HexError::Digit { at: 2 * at })?;
            let low = nibble(pair[1]).ok_or(HexError::Digit { at: 2 * at + 1 })?;
            *byte = high << 4 | low;
        }
        Ok(Digest(bytes))
    }
}

impl FromStr for Digest {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Digest, HexError> {
        Digest::from_hex(text)
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HexError {
    /// Not 64 bytes of text.
    #[error("a digest is 64 hexadecimal digits, not {found}")]
    Length {
        /// Bytes of the text.
        found: usize,
    },
    /// Not a hexadecimal digit.
    #[error("no hexadecimal digit at position {at}")]
    Digit {
        /// Position of the first such byte, from 0.
        at: usize,
    },
}

/// SHA-256 of the parts one after the other. The borders between parts leave no trace: use
/// [`tagged`] where they matter.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Digest(hash.finalize().into())
}

/// SHA-256 of a domain and any number of parts, each led by its length, so that no two different
/// inputs give the same bytes to hash:
///
/// `SHA-256( len(domain) ‖ domain ‖ len(part₁) ‖ part₁ ‖ … )`, lengths as 8 bytes, big-endian.
#[must_use]
pub fn tagged(domain: &str, parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in core::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Digest(hash.finalize().into())
}

/// 32 bytes of HKDF-SHA256 (RFC 5869), extract and expand.
#[must_use]
pub fn hkdf_sha256(ikm: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut okm = [0; 32];
    Hkdf::<Sha256>::new(Some(salt), ikm)
        .expand(info, &mut okm)
        .expect("32 bytes are below the limit of 255 hash lengths");
    okm
}

/// Whether the two are equal, in a time that depends on their lengths alone.
#[must_use]
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
