//! What several tests need.

use curve25519_dalek::{constants::ED25519_BASEPOINT_TABLE, scalar::Scalar};
use sha2::{Digest as _, Sha512};
use zeni_crypto::{SecretKey, Signature};

/// RFC 8032 with another nonce: a second valid signature over the same message by the same key.
pub(crate) fn sign_with_other_nonce(key: &SecretKey, message: &[u8]) -> Signature {
    let expanded = Sha512::digest(*key.dangerous_seed());
    let mut secret: [u8; 32] = expanded[..32].try_into().unwrap();
    secret[0] &= 248;
    secret[31] &= 127;
    secret[31] |= 64;
    let secret = Scalar::from_bytes_mod_order(secret);
    let nonce = Scalar::from_bytes_mod_order_wide(&Sha512::digest([b"other nonce", message].concat()).into());
    let commitment = (&nonce * ED25519_BASEPOINT_TABLE).compress();
    let challenge = Sha512::new()
        .chain_update(commitment.as_bytes())
        .chain_update(key.public().0)
        .chain_update(message)
        .finalize();
    let challenge = Scalar::from_bytes_mod_order_wide(&challenge.into());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(commitment.as_bytes());
    signature[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
    Signature(signature)
}
