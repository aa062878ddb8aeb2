//! Issuance requests (発行依頼書): a bank's unblinded signature over a user's key, worth one face value.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, tagged};
use zeni_message::{Record, encode};

use crate::Nonce;

/// The bank's order to the issuer, carried by the user (RN-D8).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct IssuanceRequest {
    /// PK_U: the key that will hold the note.
    #[n(0)]
    pub key: PublicKey,
    /// Digest of the bank's key entry: it implies bank, currency, face value, series and epoch.
    #[n(1)]
    pub entry: Digest,
    /// Randomiser of the message (RFC 9474 §4.1, RN-O3).
    #[n(2)]
    pub randomizer: minicbor::bytes::ByteArray<32>,
    /// The unblinded RSA signature.
    #[n(3)]
    pub signature: minicbor::bytes::ByteArray<256>,
}

/// The message that the bank signs blindly: CBOR `[domain, digest of the key entry, PK_U]` (DESIGN §4).
pub fn blind_message(entry: &Digest, key: &PublicKey) -> Vec<u8> {
    encode(&("zeni/request", entry, key))
}

impl IssuanceRequest {
    /// The message under the signature.
    pub fn message(&self) -> Vec<u8> {
        blind_message(&self.entry, &self.key)
    }

    /// What makes two requests the same: randomiser, key and entry, not the signature bytes.
    pub fn content_id(&self) -> Digest {
        tagged("zeni/request-id", &[&self.entry.0, &self.key.0, &self.randomizer[..]])
    }
}

/// Proof that the sender of a message holds the key it speaks for: signs {content id, server nonce} (DESIGN §1.3, RN-O5).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Possession {
    /// Content id of the message.
    #[n(0)]
    pub content: Digest,
    /// The nonce of the server's preceding reply.
    #[n(1)]
    pub nonce: minicbor::bytes::ByteArray<32>,
}

impl Record for Possession {
    const KIND: &'static str = "zeni/possession";
    const MAX: usize = 128;
}

/// "Give the money of this unredeemed request back to that account", signed by the request's key (RN-X14).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct RequestClaim {
    /// Content id of the request.
    #[n(0)]
    pub request: Digest,
    /// Bank that signed the request and keeps the account.
    #[n(1)]
    pub bank: String,
    /// The account.
    #[n(2)]
    pub account: Digest,
    /// Id of the claim.
    #[n(3)]
    pub id: Nonce,
}

impl Record for RequestClaim {
    const KIND: &'static str = "zeni/request-claim";
    const MAX: usize = 512;
}

#[cfg(test)]
mod tests;
