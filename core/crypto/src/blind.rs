//! Blind signatures: RSABSSA-SHA384-PSS-Randomized (RFC 9474) with 2048-bit keys and e = 65537.
//!
//! ```text
//!  wallet                                        bank
//!  RsaPublicKey::blind ──── Blinding.blinded ──▶ BlindSigner::sign_blinded
//!  (Blinding is stored)
//!  Blinding::finalize  ◀──── 256 bytes ─────────
//!  BlindSignature ── with the message ─────────▶ issuer: RsaPublicKey::verify
//! ```
//!
//! The wallet's arithmetic is that of `blind-rsa-signatures`; verification and key generation that
//! of AWS-LC, whose PSS salt length (the digest's, 48 bytes) is the one RFC 9474 prescribes.

use std::fmt;
use std::sync::Arc;
use std::vec::Vec;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PSS_2048_8192_SHA384};
use blind_rsa_signatures::{
    BlindMessage, BlindSignature as LibraryBlindSignature, BlindingResult, MessageRandomizer,
    PublicKeySha384PSSRandomized, Secret,
};
use minicbor::{Decode, Encode};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{BadSignature, Digest, Entropy, EntropyRng, fixed, sha256};

/// Bytes of a modulus, a blinded message and a signature.
pub const RSA_LEN: usize = 256;

/// Bytes of the random prefix of a message (RFC 9474 §4.1).
pub const RANDOMIZER_LEN: usize = 32;

/// An RSA public key of exactly 2048 bits with e = 65537. In CBOR its modulus, a byte string of 256.
#[derive(Clone)]
pub struct RsaPublicKey {
    modulus: [u8; RSA_LEN],
    parsed: Arc<ParsedPublicKey>,
}

impl RsaPublicKey {
    /// The key with that modulus, big-endian.
    ///
    /// # Errors
    /// [`RsaKeyError`] unless it is odd and of exactly 2048 bits. That it is the product of two
    /// primes cannot be seen.
    pub fn from_modulus(modulus: [u8; RSA_LEN]) -> Result<RsaPublicKey, RsaKeyError> {
        if modulus[0] & 0x80 == 0 {
            return Err(RsaKeyError::Size);
        }
        if modulus[RSA_LEN - 1] & 1 == 0 {
            return Err(RsaKeyError::Even);
        }
        let components = PublicKeyComponents { n: &modulus[..], e: &EXPONENT[..] };
        let parsed = components.to_parsed_public_key(&RSA_PSS_2048_8192_SHA384).map_err(|_| RsaKeyError::Rejected)?;
        Ok(RsaPublicKey { modulus, parsed: Arc::new(parsed) })
    }

    /// Reads a DER SubjectPublicKeyInfo with the algorithm rsaEncryption.
    ///
    /// # Errors
    /// [`RsaKeyError::Encoding`] for any other algorithm, size, exponent or encoding.
    pub fn from_spki(der: &[u8]) -> Result<RsaPublicKey, RsaKeyError> {
        let modulus = public_key_modulus(der, &SPKI_HEAD)?;
        RsaPublicKey::from_modulus(modulus)
    }

    /// The DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn to_spki(&self) -> Vec<u8> {
        [&SPKI_HEAD[..], &self.modulus, &SPKI_TAIL].concat()
    }

    /// The modulus, big-endian.
    #[must_use]
    pub fn modulus(&self) -> &[u8; RSA_LEN] {
        &self.modulus
    }

    /// SHA-256 of the modulus.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.modulus])
    }

    /// Prepares and blinds a message (RFC 9474 §4.1, §4.2).
    ///
    /// # Errors
    /// [`BlindError::Key`] when the key is unfit: its modulus has a factor in common with the message.
    pub fn blind(&self, msg: &[u8], entropy: &mut dyn Entropy) -> Result<Blinding, BlindError> {
        let mut result = self.library()?.blind(&mut EntropyRng(entropy), msg).map_err(|_| BlindError::Key)?;
        let inverse = array(&result.secret.0);
        result.secret.0.zeroize();
        let randomizer = result.msg_randomizer.ok_or(BlindError::Key)?;
        Ok(Blinding {
            message: msg.to_vec(),
            randomizer: randomizer.0,
            inverse: inverse?,
            blinded: array(&result.blind_message.0)?,
        })
    }

    /// Checks a finished signature over a message (RFC 9474 §4.5), fast.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, msg: &[u8], signature: &BlindSignature) -> Result<(), BadSignature> {
        let prepared = [&signature.randomizer[..], msg].concat();
        self.parsed.verify_sig(&prepared, &signature.signature).map_err(|_| BadSignature)
    }

    fn library(&self) -> Result<PublicKeySha384PSSRandomized, BlindError> {
        PublicKeySha384PSSRandomized::from_der(&self.to_spki()).map_err(|_| BlindError::Key)
    }
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &RsaPublicKey) -> bool {
        self.modulus == other.modulus
    }
}

impl Eq for RsaPublicKey {}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({:?})", self.digest())
    }
}

impl<C> Encode<C> for RsaPublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        fixed::encode(&self.modulus, e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for RsaPublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let start = d.position();
        RsaPublicKey::from_modulus(fixed::decode(d, ctx)?)
            .map_err(|_| minicbor::decode::Error::message("unfit RSA modulus").at(start))
    }
}

/// What the wallet keeps between blinding and finalizing. It links the signature to the request:
/// stored as carefully as a secret key, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(array)]
pub struct Blinding {
    #[cbor(n(0), with = "minicbor::bytes")]
    message: Vec<u8>,
    #[cbor(n(1), with = "fixed")]
    randomizer: [u8; RANDOMIZER_LEN],
    #[cbor(n(2), with = "fixed")]
    inverse: [u8; RSA_LEN],
    #[cbor(n(3), with = "fixed")]
    blinded: [u8; RSA_LEN],
}

impl Blinding {
    /// The message as it was before blinding.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The blinded message: what the bank signs and learns.
    #[must_use]
    pub fn blinded(&self) -> &[u8; RSA_LEN] {
        &self.blinded
    }

    /// Turns the bank's answer into a signature over the message, and verifies it (RFC 9474 §4.4).
    /// May be repeated, also after a restart.
    ///
    /// # Errors
    /// [`BlindError::Answer`] when the bank did not sign this blinded message with this key.
    pub fn finalize(&self, key: &RsaPublicKey, answer: &[u8; RSA_LEN]) -> Result<BlindSignature, BlindError> {
        let mut result = BlindingResult {
            blind_message: BlindMessage(self.blinded.to_vec()),
            secret: Secret(self.inverse.to_vec()),
            msg_randomizer: Some(MessageRandomizer(self.randomizer)),
        };
        let answer = LibraryBlindSignature(answer.to_vec());
        let signature = key.library()?.finalize(&answer, &result, &self.message);
        result.secret.0.zeroize();
        let signature = signature.map_err(|_| BlindError::Answer)?;
        let finished = BlindSignature { randomizer: self.randomizer, signature: array(&signature.0)? };
        // what the issuer will say is what counts
        key.verify(&self.message, &finished).map_err(|_| BlindError::Answer)?;
        Ok(finished)
    }
}

/// Shows nothing: every field links the request to the signature.
impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding(…)")
    }
}

/// A finished signature over a message; it cannot be linked to the blinded message signed.
#[derive(Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(array)]
pub struct BlindSignature {
    /// The random prefix of the message.
    #[cbor(n(0), with = "fixed")]
    pub randomizer: [u8; RANDOMIZER_LEN],
    /// The RSA-PSS signature over prefix and message.
    #[cbor(n(1), with = "fixed")]
    pub signature: [u8; RSA_LEN],
}

impl fmt::Debug for BlindSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlindSignature({:?})", sha256(&[&self.signature]))
    }
}

/// Makes a new key, in some hundredths of a second to seconds, from AWS-LC's own randomness.
///
/// # Errors
/// [`RsaKeyError::Rejected`] when AWS-LC fails.
pub fn generate_key() -> Result<RsaSecretKey, RsaKeyError> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| RsaKeyError::Rejected)?;
    let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'static>>::as_der(&pair).map_err(|_| RsaKeyError::Rejected)?;
    RsaSecretKey::from_pkcs8(pkcs8.as_ref())
}

/// An RSA secret key as PKCS#8 DER: wiped when dropped, never shown.
pub struct RsaSecretKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: RsaPublicKey,
}

impl RsaSecretKey {
    /// Reads and checks a PKCS#8 key.
    ///
    /// # Errors
    /// [`RsaKeyError::Encoding`] also for a key of another size or exponent.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<RsaSecretKey, RsaKeyError> {
        let pair = KeyPair::from_pkcs8(pkcs8).map_err(|_| RsaKeyError::Encoding)?;
        let modulus = public_key_modulus(pair.public_key().as_ref(), &SPKI_HEAD[PKCS1_AT..])?;
        let public = RsaPublicKey::from_modulus(modulus)?;
        Ok(RsaSecretKey { pkcs8: Zeroizing::new(pkcs8.to_vec()), public })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &RsaPublicKey {
        &self.public
    }

    /// The whole secret as PKCS#8 DER: only for storing it encrypted and for the signer.
    #[must_use]
    pub fn dangerous_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

/// Shows the public half only.
impl fmt::Debug for RsaSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaSecretKey(of {:?})", self.public)
    }
}

/// Why an RSA key is refused, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RsaKeyError {
    /// Not the one DER encoding of such a key.
    #[error("not the DER encoding of an RSA key with 2048 bits and exponent 65537")]
    Encoding,
    /// Not exactly 2048 bits.
    #[error("the modulus has not exactly 2048 bits")]
    Size,
    /// An even modulus.
    #[error("the modulus is even")]
    Even,
    /// The library refuses.
    #[error("AWS-LC refused the key")]
    Rejected,
}

/// Why blinding or finalizing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BlindError {
    /// The key is unfit: its owner's fault.
    #[error("the bank's key is unfit for blind signatures")]
    Key,
    /// The answer is no signature of this blinding by this key: the signer's fault.
    #[error("the bank's answer is not a signature of the blinded message")]
    Answer,
}

/// The modulus of a DER public key that starts with `head`.
fn public_key_modulus(der: &[u8], head: &[u8]) -> Result<[u8; RSA_LEN], RsaKeyError> {
    der.strip_prefix(head)
        .and_then(|rest| rest.strip_suffix(&SPKI_TAIL))
        .and_then(|modulus| modulus.try_into().ok())
        .ok_or(RsaKeyError::Encoding)
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], BlindError> {
    bytes.try_into().map_err(|_| BlindError::Key)
}

/// 65537, big-endian.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// DER of a SubjectPublicKeyInfo with rsaEncryption up to the 256 bytes of the modulus (RFC 3279 §2.3.1).
const SPKI_HEAD: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
];

/// Where in it the RSAPublicKey of PKCS#1 begins.
const PKCS1_AT: usize = 24;

/// What follows the modulus: INTEGER 65537.
const SPKI_TAIL: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

#[cfg(test)]
mod tests;
