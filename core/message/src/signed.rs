//! Records that somebody signs.

use alloc::vec::Vec;
use core::fmt;

use zeni_crypto::{Digest, PublicKey, SecretKey, Signature, cose};

use crate::{Malformed, Wire, decode, encode};

/// Digest of what makes a network the same network: its name and the keys of its issuer and authority.
///
/// Part of everything that is signed, so that nothing of one network means anything in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Network(#[n(0)] pub Digest);

/// The content of something signed: a COSE payload.
pub trait Record: Wire + Clone {
    /// Content type and domain of the signature, e.g. `zeni/note`.
    const KIND: &'static str;
    /// Format version, part of what is signed.
    const VERSION: u32 = 1;
    /// Bytes of the longest acceptable payload.
    const MAX: usize = crate::limits::DOCUMENT_BYTES_MAX;
}

/// A record and the signature over it, not yet checked.
///
/// Encoded as `[record, signature]`; the *document* form is a COSE_Sign1 with the record as attached payload.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Signed<T> {
    /// What is signed.
    #[n(0)]
    pub record: T,
    /// By whom, the context tells.
    #[n(1)]
    pub signature: Signature,
}

/// A signature does not belong to a record and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct NotVerified;

/// A record whose signature was checked; can only be made by checking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    record: T,
    identity: Digest,
}

impl<T> Verified<T> {
    /// The record.
    pub fn record(&self) -> &T {
        &self.record
    }
    /// SHA-256 of its Sig_structure.
    pub fn identity(&self) -> Digest {
        self.identity
    }
}

fn context<T: Record>(network: Network) -> cose::Context<'static> {
    cose::Context { content_type: T::KIND, domain: T::KIND, version: T::VERSION, network: network.0 }
}

/// The bytes that are signed for `record` (RFC 9052 §4.4).
pub fn sig_structure<T: Record>(network: Network, record: &T) -> Vec<u8> {
    cose::sig_structure(&context::<T>(network), &encode(record))
}

/// Identity of a signed record: SHA-256 of its Sig_structure, whatever signature or envelope it came in (DESIGN §4).
pub fn identity<T: Record>(network: Network, record: &T) -> Digest {
    cose::identity(&context::<T>(network), &encode(record))
}

impl<T: Record> Signed<T> {
    /// Signs `record`.
    pub fn sign(network: Network, record: T, key: &SecretKey) -> Self {
        let signature = key.sign(&sig_structure(network, &record));
        Signed { record, signature }
    }

    /// SHA-256 of the Sig_structure.
    pub fn identity(&self, network: Network) -> Digest {
        identity(network, &self.record)
    }

    /// Checks the signature by the strict equation (DESIGN §4).
    pub fn verify(&self, network: Network, key: &PublicKey) -> Result<Verified<T>, NotVerified> {
        let signed = sig_structure(network, &self.record);
        key.verify(&signed, &self.signature).map_err(|_| NotVerified)?;
        Ok(Verified { record: self.record.clone(), identity: zeni_crypto::sha256(&[&signed]) })
    }

    /// The self-contained COSE_Sign1 form, for exports and third parties.
    pub fn to_document(&self, network: Network) -> Vec<u8> {
        cose::document(&context::<T>(network), &encode(&self.record), &self.signature)
    }

    /// Reads the COSE_Sign1 form back. Neither signature nor network are checked.
    pub fn from_document(bytes: &[u8]) -> Result<Self, DocumentError> {
        let parsed = cose::parse_document(bytes)?;
        if parsed.content_type != T::KIND {
            return Err(DocumentError::OtherKind { expected: T::KIND });
        }
        Ok(Signed { record: decode(&parsed.payload, T::MAX)?, signature: parsed.signature })
    }
}

/// Why bytes are not a document of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not a COSE_Sign1 as Zeni writes it.
    #[error("not a signed document: {0}")]
    Envelope(#[from] cose::CoseError),
    /// Another kind of document.
    #[error("another kind of document, {expected} was expected")]
    OtherKind {
        /// The kind that was expected.
        expected: &'static str,
    },
    /// The payload is malformed.
    #[error("malformed content: {0}")]
    Payload(#[from] Malformed),
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
