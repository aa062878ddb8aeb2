//! The bank's raw RSA private operation on a blinded value (RFC 9474 §4.3, BlindSign).
//!
//! The one module of the workspace with `unsafe` code: no safe library offers the operation without
//! padding at the speed of AWS-LC.

use std::fmt;
use std::ptr::NonNull;

use aws_lc_sys::{
    CBS, CBS_init, CBS_len, EVP_PKEY_free, EVP_PKEY_get1_RSA, EVP_parse_private_key, RSA, RSA_NO_PADDING, RSA_decrypt,
    RSA_encrypt, RSA_free,
};
use thiserror::Error;

use crate::blind::{RSA_LEN, RsaKeyError, RsaPublicKey, RsaSecretKey};

/// Signs blinded values with one key; many threads may use it at once.
pub struct BlindSigner {
    key: RawKey,
    public: RsaPublicKey,
}

impl BlindSigner {
    /// Loads a PKCS#8 key of 2048 bits with e = 65537.
    ///
    /// # Errors
    /// Those of [`RsaSecretKey::from_pkcs8`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<BlindSigner, RsaKeyError> {
        let public = RsaSecretKey::from_pkcs8(pkcs8)?.public().clone();
        let key = RawKey::from_pkcs8(pkcs8).ok_or(RsaKeyError::Rejected)?;
        Ok(BlindSigner { key, public })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &RsaPublicKey {
        &self.public
    }

    /// The signature `s = m^d mod n` of a blinded value m, checked by `s^e = m` so that no fault of
    /// the machine can leak the key.
    ///
    /// # Errors
    /// [`SignError`]; nothing of a wrong result is returned.
    pub fn sign_blinded(&self, blinded: &[u8; RSA_LEN]) -> Result<[u8; RSA_LEN], SignError> {
        if !in_range(blinded, self.public.modulus()) {
            return Err(SignError::OutOfRange);
        }
        let mut signature = [0; RSA_LEN];
        let mut check = [0; RSA_LEN];
        if !self.key.apply(Operation::Private, blinded, &mut signature)
            || !self.key.apply(Operation::Public, &signature, &mut check)
        {
            return Err(SignError::Library);
        }
        if check != *blinded {
            return Err(SignError::WrongResult);
        }
        Ok(signature)
    }
}

impl fmt::Debug for BlindSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlindSigner(of {:?})", self.public)
    }
}

/// Why a blinded value was not signed, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignError {
    /// The value is not within `2 ..= n − 2`: the caller's fault. Blinding gives 0, 1 and n − 1 with
    /// negligible probability, and their signatures are known to everybody.
    #[error("the blinded value is not between 2 and the modulus less 2")]
    OutOfRange,
    /// AWS-LC refused or ran out of memory.
    #[error("AWS-LC failed")]
    Library,
    /// The result does not verify: a fault of this machine.
    #[error("the private operation gave a wrong result")]
    WrongResult,
}

/// Whether `1 < value < n − 1`; n is odd.
fn in_range(value: &[u8; RSA_LEN], modulus: &[u8; RSA_LEN]) -> bool {
    let mut one = [0; RSA_LEN];
    one[RSA_LEN - 1] = 1;
    let mut largest = *modulus;
    largest[RSA_LEN - 1] &= !1;
    *value > one && *value < largest
}

#[derive(Clone, Copy)]
enum Operation {
    Private,
    Public,
}

/// Owns one reference to an AWS-LC RSA key.
struct RawKey(NonNull<RSA>);

#[allow(unsafe_code, reason = "the RSA operation without padding exists only in AWS-LC's C interface")]
mod ffi {
    use super::*;

    // SAFETY: no reference to the key is tied to a thread, and after `from_pkcs8` only RSA_decrypt and
    // RSA_encrypt are called, which openssl/rsa.h declares non-mutating and safe to use concurrently:
    // the Montgomery and blinding caches of the key are guarded by its own lock (rsa_impl.c,
    // rsa_blinding_get), and each blinding factor is in use by one thread at a time.
    unsafe impl Send for RawKey {}
    unsafe impl Sync for RawKey {}

    impl RawKey {
        pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<RawKey> {
            let mut input = CBS { data: std::ptr::null(), len: 0 };
            // SAFETY: `input` borrows `pkcs8` for this block only; each owning pointer that is not null
            // is freed once: `pkey` here, `rsa` (a reference of its own) by `Drop`.
            unsafe {
                CBS_init(&raw mut input, pkcs8.as_ptr(), pkcs8.len());
                let pkey = NonNull::new(EVP_parse_private_key(&raw mut input))?;
                let rsa = EVP_PKEY_get1_RSA(pkey.as_ptr());
                EVP_PKEY_free(pkey.as_ptr());
                let key = NonNull::new(rsa).map(RawKey)?;
                (CBS_len(&raw const input) == 0).then_some(key)
            }
        }

        /// Whether AWS-LC filled the whole output; both slices are as long as the modulus.
        pub(super) fn apply(&self, operation: Operation, input: &[u8], out: &mut [u8]) -> bool {
            let apply = match operation {
                Operation::Private => RSA_decrypt,
                Operation::Public => RSA_encrypt,
            };
            let mut written = 0;
            // SAFETY: the key lives as long as `self`; AWS-LC reads `input.len()` bytes and writes at
            // most `out.len()`, having checked that this is at least the length of the modulus.
            let done = unsafe {
                apply(
                    self.0.as_ptr(),
                    &raw mut written,
                    out.as_mut_ptr(),
                    out.len(),
                    input.as_ptr(),
                    input.len(),
                    RSA_NO_PADDING,
                )
            };
            done == 1 && written == out.len()
        }
    }

    impl Drop for RawKey {
        fn drop(&mut self) {
            // SAFETY: this is the one reference that `from_pkcs8` took.
            unsafe { RSA_free(self.0.as_ptr()) }
        }
    }
}

#[cfg(test)]
mod tests;
