//! Secret keys under the master key: ChaCha20-Poly1305, a fresh nonce each time, the public half as associated data.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use zeni_crypto::{Entropy, PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::{
    memory::MemoryFault,
    record::{KeyRecord, Origin},
};

/// Encrypts `secret`.
pub(super) fn seal(master: &[u8; 32], secret: &SecretKey, origin: Origin, entropy: &mut dyn Entropy) -> KeyRecord {
    let mut nonce = [0; 12];
    entropy.fill(&mut nonce);
    let seed = secret.dangerous_seed();
    let sealed = ChaCha20Poly1305::new(master.into())
        .encrypt(&nonce.into(), Payload { msg: &seed[..], aad: &secret.public().0 })
        .expect("the cipher takes messages far longer than a seed");
    let sealed: [u8; 48] = sealed.try_into().expect("a seed of 32 bytes and a tag of 16");
    KeyRecord { nonce: nonce.into(), sealed: sealed.into(), origin }
}

/// Decrypts the secret key of `public`.
pub(super) fn unseal(master: &[u8; 32], public: &PublicKey, record: &KeyRecord) -> Result<SecretKey, MemoryFault> {
    let closed = || MemoryFault::new("a key cannot be decrypted: another master key, or altered");
    let nonce: [u8; 12] = *record.nonce;
    let seed = ChaCha20Poly1305::new(master.into())
        .decrypt(&nonce.into(), Payload { msg: &record.sealed[..], aad: &public.0 })
        .map(Zeroizing::new)
        .map_err(|_| closed())?;
    let seed = Zeroizing::new(<[u8; 32]>::try_from(&seed[..]).map_err(|_| closed())?);
    let secret = SecretKey::from_seed(*seed);
    if secret.public() == *public { Ok(secret) } else { Err(closed()) }
}
