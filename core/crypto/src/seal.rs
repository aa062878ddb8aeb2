//! Sealing to an institution: HPKE base mode (RFC 9180) with X-Wing (X25519 + ML-KEM-768),
//! HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! A sealed message is `suite id (6) ‖ encapsulated key (1,120) ‖ ciphertext (plaintext + 16)`. It
//! tells the length of its plaintext: callers seal plaintexts of fixed width.

use std::fmt;
use std::vec::Vec;

use chacha20poly1305::{
    KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng};
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::{Digest, Entropy, EntropyRng, fixed, hkdf_sha256, sha256, tagged};

/// The suite: KEM 0x647a (X-Wing), KDF 0x0001 (HKDF-SHA256), AEAD 0x0003 (ChaCha20-Poly1305).
pub const SUITE_ID: [u8; 6] = [0x64, 0x7a, 0x00, 0x01, 0x00, 0x03];

/// Bytes of a public key.
pub const PUBLIC_KEY_LEN: usize = 1216;

/// Bytes of an encapsulated key.
pub const ENCAPSULATED_LEN: usize = 1120;

/// Bytes that sealing adds to a plaintext.
pub const OVERHEAD_LEN: usize = SUITE_ID.len() + ENCAPSULATED_LEN + TAG_LEN;

/// Bytes of randomness that one sealing draws.
pub const COINS_LEN: usize = 64;

/// An institution's key pair: kept as its 32-byte seed, wiped when dropped, never shown.
pub struct SealKeyPair {
    seed: Zeroizing<[u8; 32]>,
    public: SealPublicKey,
}

impl SealKeyPair {
    /// The pair of that seed. The caller wipes his own copy.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> SealKeyPair {
        let seed = Zeroizing::new(seed);
        let public = XWing::sk_to_pk(&private_key(&seed));
        let mut bytes = Box::new([0; PUBLIC_KEY_LEN]);
        public.write_exact(&mut bytes[..]);
        SealKeyPair { seed, public: SealPublicKey(bytes) }
    }

    /// A fresh pair.
    pub fn generate(entropy: &mut dyn Entropy) -> SealKeyPair {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed);
        SealKeyPair::from_seed(*seed)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &SealPublicKey {
        &self.public
    }

    /// The seed, which is the whole secret: only for storing it encrypted.
    #[must_use]
    pub fn dangerous_seed(&self) -> &Zeroizing<[u8; 32]> {
        &self.seed
    }

    /// Opens what was sealed to this key with the same `info` and `aad`.
    ///
    /// # Errors
    /// The first [`OpenError`] that applies.
    pub fn open(&self, info: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (suite, rest) = sealed.split_at_checked(SUITE_ID.len()).ok_or(OpenError::Length)?;
        if suite != SUITE_ID {
            return Err(OpenError::Suite);
        }
        let (encapsulated, ciphertext) = rest.split_at_checked(ENCAPSULATED_LEN).ok_or(OpenError::Length)?;
        if ciphertext.len() < TAG_LEN {
            return Err(OpenError::Length);
        }
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| OpenError::Length)?;
        check_info(info);
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &private_key(&self.seed),
            &encapsulated,
            info,
            ciphertext,
            aad,
        )
        .map(Zeroizing::new)
        .map_err(|_| OpenError::Authentication)
    }
}

/// Shows the public half only.
impl fmt::Debug for SealKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKeyPair(of {:?})", self.public)
    }
}

/// The key one seals to. In CBOR a byte string of 1,216.
#[derive(Clone, PartialEq, Eq)]
pub struct SealPublicKey(Box<[u8; PUBLIC_KEY_LEN]>);

impl SealPublicKey {
    /// Takes the bytes of a key.
    ///
    /// # Errors
    /// [`InvalidSealKey`] unless they are a valid X-Wing encapsulation key.
    pub fn from_bytes(bytes: &[u8]) -> Result<SealPublicKey, InvalidSealKey> {
        let array: [u8; PUBLIC_KEY_LEN] = bytes.try_into().map_err(|_| InvalidSealKey)?;
        <XWing as Kem>::PublicKey::from_bytes(&array).map_err(|_| InvalidSealKey)?;
        Ok(SealPublicKey(Box::new(array)))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.0
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.0[..]])
    }

    /// Seals a plaintext. `info` names the purpose, `aad` what the message belongs to; both have to be
    /// the same at opening.
    ///
    /// # Panics
    /// When `info` is longer than [`INFO_LEN_MAX`]: it is a constant of the caller.
    #[must_use]
    pub fn seal(&self, info: &[u8], aad: &[u8], plaintext: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
        check_info(info);
        let key = <XWing as Kem>::PublicKey::from_bytes(&self.0[..]).expect("checked by every constructor");
        let (encapsulated, ciphertext) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &key,
            info,
            plaintext,
            aad,
            &mut EntropyRng(entropy),
        )
        .expect("X-Wing encapsulates to every valid key, and one message exhausts no counter");
        let mut sealed = Vec::with_capacity(OVERHEAD_LEN + plaintext.len());
        sealed.extend_from_slice(&SUITE_ID);
        sealed.extend_from_slice(&encapsulated.to_bytes());
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Seals with the coins of [`coins`], so that who knows `k` can seal again and compare. Secure
    /// only as long as `k` is fresh, secret and of 256 bits.
    ///
    /// # Panics
    /// As [`SealPublicKey::seal`].
    #[must_use]
    pub fn seal_with_coins_of(&self, k: &[u8; 32], info: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.seal(info, aad, plaintext, &mut OneDraw(Some(coins(k, self, plaintext))))
    }
}

impl fmt::Debug for SealPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealPublicKey({:?})", self.digest())
    }
}

impl<C> minicbor::Encode<C> for SealPublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        fixed::encode(&self.0, e, ctx)
    }
}

impl<'b, C> minicbor::Decode<'b, C> for SealPublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let start = d.position();
        SealPublicKey::from_bytes(&fixed::decode::<PUBLIC_KEY_LEN, C>(d, ctx)?)
            .map_err(|_| minicbor::decode::Error::message("unfit sealing key").at(start))
    }
}

/// Bytes that are no valid key to seal to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an X-Wing public key")]
pub struct InvalidSealKey;

/// Why a sealed message does not open, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Too short to be sealed.
    #[error("the sealed message is too short")]
    Length,
    /// Sealed with another suite.
    #[error("the message is sealed with another suite")]
    Suite,
    /// Altered, sealed to another key, or with other `info` or `aad`.
    #[error("the sealed message does not open")]
    Authentication,
}

/// The coins of a sealing that a third party can check by doing it again:
/// `HKDF-SHA256(ikm = k, info = "coins" ‖ digest)`, 64 bytes, where digest is
/// `tagged("zeni/seal/coins", [recipient key, whole plaintext])`. Catalogue HC-O2.
#[must_use]
pub fn coins(k: &[u8; 32], recipient: &SealPublicKey, plaintext: &[u8]) -> Zeroizing<[u8; COINS_LEN]> {
    let digest = tagged("zeni/seal/coins", &[&recipient.0[..], plaintext]);
    let mut coins = Zeroizing::new([0; COINS_LEN]);
    Hkdf::<Sha256>::new(None, k)
        .expand_multi_info(&[b"coins", &digest.0], &mut *coins)
        .expect("64 bytes are below the limit of 255 hash lengths");
    coins
}

/// The key of the reply to a sealed message that carries `k`: `HKDF-SHA256(ikm = k, info = "reply")`.
#[must_use]
pub fn reply_key(k: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hkdf_sha256(k, &[], b"reply"))
}

/// Enciphers the one reply to a sealed message that carries `k`, under [`reply_key`] with ChaCha20-Poly1305. The nonce is zero:
/// the key serves this one reply, and a repeat is the same bytes.
///
/// # Panics
/// Never for replies that fit a message: the cipher takes 256 GiB.
#[must_use]
pub fn seal_reply(k: &[u8; 32], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    reply_cipher(k)
        .encrypt(&chacha20poly1305::Nonce::default(), Payload { msg: plaintext, aad })
        .expect("a reply is far shorter than the cipher's limit")
}

/// Opens what [`seal_reply`] enciphered; nothing if it was altered or is for another `k` or `aad`.
#[must_use]
pub fn open_reply(k: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let payload = Payload { msg: sealed, aad };
    reply_cipher(k).decrypt(&chacha20poly1305::Nonce::default(), payload).ok().map(Zeroizing::new)
}

fn reply_cipher(k: &[u8; 32]) -> chacha20poly1305::ChaCha20Poly1305 {
    chacha20poly1305::ChaCha20Poly1305::new(&chacha20poly1305::Key::from(*reply_key(k)))
}

/// Serves its coins to one draw of exactly their length; any other draw would mean that the library
/// no longer seals as it did when the coins were laid down, and must not go unnoticed.
struct OneDraw(Option<Zeroizing<[u8; COINS_LEN]>>);

impl Entropy for OneDraw {
    fn fill(&mut self, out: &mut [u8]) {
        assert_eq!(out.len(), COINS_LEN, "sealing draws its coins at once");
        let coins = self.0.take().expect("sealing draws its coins once");
        out.copy_from_slice(&*coins);
    }
}

fn private_key(seed: &[u8; 32]) -> <XWing as Kem>::PrivateKey {
    let mut copy = *seed;
    let key = <XWing as Kem>::PrivateKey::from_bytes(&copy).expect("every 32-byte seed is a key");
    copy.zeroize();
    key
}

fn check_info(info: &[u8]) {
    assert!(info.len() <= INFO_LEN_MAX, "info is a short constant");
}

/// Longest `info`.
pub const INFO_LEN_MAX: usize = 1024;

/// Bytes of the Poly1305 tag.
const TAG_LEN: usize = 16;

#[cfg(test)]
mod tests;
