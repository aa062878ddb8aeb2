//! Locked key files.

use std::sync::LazyLock;

use zeni_crypto::keyfile::{WorkFactor, lock, locked_work_factor, unlock};

use super::samples::sample_or_wild;

const SECRET: &[u8] = b"thirty-two bytes of a secret key";
const PASSPHRASE: &str = "correct horse";

/// A key file opens to the secret that was locked, or not at all; another passphrase opens nothing.
pub fn key_file(data: &[u8]) {
    let bytes = sample_or_wild(&SAMPLES, data);
    // a larger factor is only slower
    if locked_work_factor(&bytes).is_some_and(|log2| log2 > WorkFactor::InsecureFast.log2()) {
        return;
    }
    if let Ok(secret) = unlock(&bytes, PASSPHRASE) {
        assert_eq!(&secret[..], SECRET, "an altered key file was opened");
    }
    assert!(unlock(&bytes, "wrong").is_err(), "any passphrase opens the key file");
}

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| vec![lock(SECRET, PASSPHRASE, WorkFactor::InsecureFast)]);
