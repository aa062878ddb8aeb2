//! Signed objects: COSE_Sign1 (RFC 9052) with EdDSA over a payload, deterministic CBOR throughout.
//!
//! What is signed is the `Sig_structure`
//! `["Signature1", protected, external_aad, payload]` with
//!
//! - `protected` = `{1: -8, 3: content type}`,
//! - `external_aad` = `[domain, version, network digest]`, which no document carries: a document of
//!   another network or version does not verify.
//!
//! The *identity* of a signed thing is the SHA-256 of its `Sig_structure`: neither the signature
//! bytes nor the envelope are part of it. The *document* form is the tagged COSE_Sign1 with the
//! payload attached and an empty unprotected header. This module does not look into payloads.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::Encoder;
use minicbor::data::Tag;
use minicbor::decode::{self, Decoder};
use thiserror::Error;

use crate::{BadSignature, Digest, PublicKey, SecretKey, Signature, sha256};

/// What a signature is made for, besides the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The content type of the payload (COSE header 3), shown in documents.
    pub content_type: &'a str,
    /// The domain that separates this kind of signature from all others; may equal the content type.
    pub domain: &'a str,
    /// The version of the payload's format.
    pub version: u32,
    /// The digest that names the network.
    pub network: Digest,
}

/// The bytes that are signed (RFC 9052 §4.4, "Signature1").
#[must_use]
pub fn sig_structure(ctx: &Context<'_>, payload: &[u8]) -> Vec<u8> {
    let protected = protected(ctx.content_type);
    let external_aad = external_aad(ctx);
    let framing = SIG_STRUCTURE_FRAMING_LEN + protected.len() + external_aad.len();
    cbor(framing + payload.len(), |e| {
        e.array(4)?.str("Signature1")?.bytes(&protected)?.bytes(&external_aad)?.bytes(payload)?.ok()
    })
}

/// The identity of a signed thing: the SHA-256 of its [`sig_structure`].
#[must_use]
pub fn identity(ctx: &Context<'_>, payload: &[u8]) -> Digest {
    sha256(&[&sig_structure(ctx, payload)])
}

/// Signs the payload.
#[must_use]
pub fn sign(ctx: &Context<'_>, payload: &[u8], key: &SecretKey) -> Signature {
    key.sign(&sig_structure(ctx, payload))
}

/// Checks a signature with [`PublicKey::verify`].
///
/// # Errors
/// [`BadSignature`] also when payload, context or key is another.
pub fn verify(ctx: &Context<'_>, payload: &[u8], key: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
    key.verify(&sig_structure(ctx, payload), signature)
}

/// The document: a COSE_Sign1 with tag 18 and the payload attached.
#[must_use]
pub fn document(ctx: &Context<'_>, payload: &[u8], signature: &Signature) -> Vec<u8> {
    encode_document(ctx.content_type, payload, signature)
}

/// The parts of a document. Nothing about it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The content type of the payload.
    pub content_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

impl Parsed {
    /// The document these parts are of, byte for byte.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        encode_document(&self.content_type, &self.payload, &self.signature)
    }
}

/// Why bytes are not a document, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CoseError {
    /// Not the CBOR of a tagged COSE_Sign1 with attached payload and a 64-byte signature, at the
    /// byte given where it is known.
    #[error("not a COSE_Sign1 document")]
    Malformed {
        /// Offset of the first byte in error.
        at: Option<usize>,
    },
    /// A protected header other than `{1: -8, 3: text}`: another algorithm or other entries.
    #[error("the protected header is not that of a Zeni document")]
    Protected,
    /// The unprotected header is not empty.
    #[error("the unprotected header is not empty")]
    Unprotected,
    /// Bytes follow the document.
    #[error("{count} bytes follow the document")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// Not the deterministic encoding of what was read.
    #[error("the document is not in deterministic encoding")]
    NotDeterministic,
}

/// Reads a document: tag 18, EdDSA, empty unprotected header, deterministic encoding, nothing after
/// it. The caller bounds the size of `bytes`.
///
/// # Errors
/// The first [`CoseError`] that applies.
pub fn parse_document(bytes: &[u8]) -> Result<Parsed, CoseError> {
    let d = &mut Decoder::new(bytes);
    if d.tag()? != COSE_SIGN1 || d.array()? != Some(4) {
        return Err(CoseError::Malformed { at: None });
    }
    let content_type = content_type(d.bytes()?).ok_or(CoseError::Protected)?;
    if d.map()? != Some(0) {
        return Err(CoseError::Unprotected);
    }
    let payload = d.bytes()?;
    let at = d.position();
    let signature = Signature::from_slice(d.bytes()?).ok_or(CoseError::Malformed { at: Some(at) })?;
    let count = bytes.len() - d.position();
    if count != 0 {
        return Err(CoseError::Trailing { count });
    }
    let parsed = Parsed { content_type: content_type.into(), payload: payload.into(), signature };
    if parsed.document() != bytes {
        return Err(CoseError::NotDeterministic);
    }
    Ok(parsed)
}

impl From<decode::Error> for CoseError {
    fn from(error: decode::Error) -> CoseError {
        CoseError::Malformed { at: error.position() }
    }
}

fn encode_document(content_type: &str, payload: &[u8], signature: &Signature) -> Vec<u8> {
    let protected = protected(content_type);
    cbor(DOCUMENT_FRAMING_LEN + protected.len() + payload.len(), |e| {
        e.tag(COSE_SIGN1)?.array(4)?.bytes(&protected)?.map(0)?.bytes(payload)?.bytes(&signature.0)?.ok()
    })
}

fn protected(content_type: &str) -> Vec<u8> {
    cbor(PROTECTED_FRAMING_LEN + content_type.len(), |e| {
        e.map(2)?.u8(HEADER_ALG)?.i8(ALG_EDDSA)?.u8(HEADER_CONTENT_TYPE)?.str(content_type)?.ok()
    })
}

fn content_type(protected: &[u8]) -> Option<&str> {
    let d = &mut Decoder::new(protected);
    let alg = d.map().ok()? == Some(2) && d.u8().ok()? == HEADER_ALG && d.i8().ok()? == ALG_EDDSA;
    let text = (alg && d.u8().ok()? == HEADER_CONTENT_TYPE).then(|| d.str().ok())??;
    (d.position() == protected.len()).then_some(text)
}

fn external_aad(ctx: &Context<'_>) -> Vec<u8> {
    cbor(EXTERNAL_AAD_FRAMING_LEN + ctx.domain.len(), |e| {
        e.array(3)?.str(ctx.domain)?.u32(ctx.version)?.bytes(&ctx.network.0)?.ok()
    })
}

type Out = Encoder<Vec<u8>>;
type OutError = minicbor::encode::Error<core::convert::Infallible>;

fn cbor(capacity: usize, write: impl FnOnce(&mut Out) -> Result<(), OutError>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(capacity));
    write(&mut encoder).expect("writing to a Vec cannot fail");
    encoder.into_writer()
}

/// The CBOR tag of COSE_Sign1.
const COSE_SIGN1: Tag = Tag::new(18);
/// COSE header parameter `alg`.
const HEADER_ALG: u8 = 1;
/// COSE header parameter `content type`.
const HEADER_CONTENT_TYPE: u8 = 3;
/// COSE algorithm `EdDSA`.
const ALG_EDDSA: i8 = -8;

// Upper bounds of what surrounds the variable parts, to allocate once.
const SIG_STRUCTURE_FRAMING_LEN: usize = 27;
const DOCUMENT_FRAMING_LEN: usize = 80;
const PROTECTED_FRAMING_LEN: usize = 9;
const EXTERNAL_AAD_FRAMING_LEN: usize = 45;

#[cfg(test)]
mod tests;
