//! Ed25519 keys and signatures (RFC 8032).

use core::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Entropy;
use crate::fixed::{fixed_cbor, fixed_hex};

/// The 32 bytes of an Ed25519 public key, not known to be a point of the curve.
///
/// Making one costs nothing; whoever licenses or seals a key calls [`PublicKey::check`] once.
/// In CBOR a byte string of 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

fixed_cbor!(PublicKey);
fixed_hex!(PublicKey, 32);

impl PublicKey {
    /// Checks that this is the canonical encoding of a point A of prime order: `[L]A = 0`, `A ≠ 0`.
    ///
    /// # Errors
    /// The first [`KeyError`] that applies.
    pub fn check(&self) -> Result<(), KeyError> {
        let point = CompressedEdwardsY(self.0).decompress().ok_or(KeyError::NotOnCurve)?;
        if point.compress().0 != self.0 {
            return Err(KeyError::NotCanonical);
        }
        if point.is_identity() {
            return Err(KeyError::Identity);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::NotPrimeOrder);
        }
        Ok(())
    }

    /// Checks a signature by the strict equation of RFC 8032 §5.1.7: `s` below the group order,
    /// `R` canonical, neither `R` nor the key of small order, no cofactor.
    ///
    /// # Errors
    /// [`BadSignature`], which says no more on purpose.
    pub fn verify(&self, msg: &[u8], sig: &Signature) -> Result<(), BadSignature> {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(msg, &ed25519_dalek::Signature::from_bytes(&sig.0)))
            .map_err(|_| BadSignature)
    }
}

/// Why 32 bytes are refused as a public key, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No point of the curve has this encoding.
    #[error("the public key is not a point of the curve")]
    NotOnCurve,
    /// The point has another encoding.
    #[error("the public key is not in its canonical encoding")]
    NotCanonical,
    /// The neutral element.
    #[error("the public key is the neutral element")]
    Identity,
    /// The point has a component of small order.
    #[error("the public key is not of prime order")]
    NotPrimeOrder,
}

/// A signature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// The 64 bytes `R ‖ s` of an Ed25519 signature. In CBOR a byte string of 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

fixed_cbor!(Signature);
fixed_hex!(Signature, 64);

/// An Ed25519 secret key: wiped when dropped, never shown, not to be copied.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of a 32-byte seed (RFC 8032 §5.1.5). The caller wipes his own copy of the seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> SecretKey {
        let seed = Zeroizing::new(seed);
        SecretKey(SigningKey::from_bytes(&seed))
    }

    /// A fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> SecretKey {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed);
        SecretKey(SigningKey::from_bytes(&seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs; the same message always gives the same signature.
    #[must_use]
    pub fn sign(&self, msg: &[u8]) -> Signature {
        Signature(self.0.sign(msg).to_bytes())
    }

    /// The seed, which is the whole secret: only for storing it encrypted.
    #[must_use]
    pub fn dangerous_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
}

/// Shows the public half only.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public())
    }
}

#[cfg(test)]
mod tests;
