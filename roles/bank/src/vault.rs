//! The blind-signing keys: encrypted in the store, opened into memory when first used.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use zeni_crypto::{Digest, raw_rsa::BlindSigner};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 12;

/// Seals and opens signing keys under the bank's master key; holds those in use.
pub(crate) struct Vault {
    cipher: ChaCha20Poly1305,
    open: Mutex<BTreeMap<Digest, Arc<BlindSigner>>>,
}

impl Vault {
    pub(crate) fn new(master: &[u8; 32]) -> Self {
        Vault { cipher: ChaCha20Poly1305::new(&Key::from(*master)), open: Mutex::default() }
    }

    /// PKCS#8 encrypted for the key `entry`: nonce, then ciphertext. Random nonces: a bank makes a few keys per epoch.
    pub(crate) fn seal(&self, entry: &Digest, pkcs8: &[u8], nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        let payload = Payload { msg: pkcs8, aad: &entry.0 };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.expect("a key is far below the cipher's limit of 256 GiB");
        [&nonce[..], &sealed].concat()
    }

    /// The signer of `entry` if it is open already.
    pub(crate) fn find(&self, entry: &Digest) -> Option<Arc<BlindSigner>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(entry).cloned()
    }

    /// Opens the signer of `entry`; none if the bytes were altered, belong to another entry or another master key, or are
    /// not the key with `modulus`.
    pub(crate) fn open(&self, entry: &Digest, modulus: &[u8; 256], sealed: &[u8]) -> Option<Arc<BlindSigner>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let payload = Payload { msg: sealed, aad: &entry.0 };
        let pkcs8 = Zeroizing::new(self.cipher.decrypt(&Nonce::from(nonce), payload).ok()?);
        let signer = Arc::new(BlindSigner::from_pkcs8(&pkcs8).ok()?);
        if signer.public().modulus() != modulus {
            return None;
        }
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(*entry, signer.clone());
        Some(signer)
    }
}

#[cfg(test)]
mod tests;
