//! Licences (登録書), names bound to keys, and the list of what is revoked.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Network, NotVerified, Record, Signed, Time};

/// What the authority says of one public key: it belongs to somebody registered. No name in it (RN-D3).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Licence {
    /// The licensed key, canonical and of prime order.
    #[n(0)]
    pub key: PublicKey,
    /// End of validity, the end of an epoch for all alike, so that it marks nobody.
    #[n(1)]
    pub until: Time,
    /// Where the key lives.
    #[n(2)]
    pub keeper: Keeper,
}

/// Where a licensed key lives (the one bit of RN-O9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Keeper {
    /// In software.
    #[n(0)]
    Software,
    /// In a card that the authority has attested.
    #[n(1)]
    Card,
}

impl Record for Licence {
    const KIND: &'static str = "zeni/licence";
    const MAX: usize = 64;
}

/// Why a licence does not hold (RN-F4.2, RN-X1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LicenceFault {
    /// Not signed by the authority of this network, or altered.
    #[error("the licence is not signed by this network's authority")]
    Forged,
    /// Its end has passed.
    #[error("the licence ended")]
    Expired,
    /// It is for another key.
    #[error("the licence is for another key")]
    OtherKey,
    /// It stands on the revocation list.
    #[error("the licence is revoked")]
    Revoked,
}

/// Checks a licence for `key` at `now`.
pub fn check_licence(
    licence: &Signed<Licence>,
    key: &PublicKey,
    network: Network,
    authority: &PublicKey,
    now: Time,
) -> Result<(), LicenceFault> {
    if licence.record.key != *key {
        return Err(LicenceFault::OtherKey);
    }
    licence.verify(network, authority).map_err(|NotVerified| LicenceFault::Forged)?;
    if now > licence.record.until {
        return Err(LicenceFault::Expired);
    }
    Ok(())
}

/// A request for a licence, signed by the key that asks (proof of possession, RN-O9).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct LicenceRequest {
    /// The key to be licensed.
    #[n(0)]
    pub key: PublicKey,
    /// Digest of the person's secret: the request can serve no other person.
    #[n(1)]
    pub person: Digest,
    /// Epoch of the key list that the wallet holds.
    #[n(2)]
    pub epoch: u32,
    /// Identity of that key list: two for one epoch stop everything (RN-X9).
    #[n(3)]
    pub key_list: Digest,
}

impl Record for LicenceRequest {
    const KIND: &'static str = "zeni/licence-request";
    const MAX: usize = 128;
}

/// The authority's word that a name belongs to a key; shops show it (RN-O8, RN-X42).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct NameCertificate {
    /// The public name.
    #[n(0)]
    pub name: String,
    /// The key it belongs to.
    #[n(1)]
    pub key: PublicKey,
    /// End of validity.
    #[n(2)]
    pub until: Time,
}

impl Record for NameCertificate {
    const KIND: &'static str = "zeni/name";
    const MAX: usize = 512;
}

/// Keys whose licences ended before their time, and keys under seal that overspent while their notes can be accepted; in order of
/// number (RN-D22).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct RevocationList {
    /// Counts up by one.
    #[n(0)]
    pub number: u64,
    /// When it was made.
    #[n(1)]
    pub time: Time,
    /// Head of the authority's hash-chained log of disclosures.
    #[n(2)]
    pub log_head: Digest,
    /// Digests of the revoked keys ([`key_digest`]), ascending.
    #[n(3)]
    pub revoked: Vec<Digest>,
}

impl Record for RevocationList {
    const KIND: &'static str = "zeni/revocations";
}

impl RevocationList {
    /// Whether `key` is on the list.
    pub fn revokes(&self, key: &PublicKey) -> bool {
        self.revoked.binary_search(&key_digest(key)).is_ok()
    }
}

/// A key as revocation lists name it.
pub fn key_digest(key: &PublicKey) -> Digest {
    zeni_crypto::tagged("zeni/revoked-key", &[&key.0])
}

/// A person's secret as the authority stores and compares it.
pub fn person_digest(secret: &str) -> Digest {
    zeni_crypto::tagged("zeni/person", &[secret.as_bytes()])
}

#[cfg(test)]
mod tests;
