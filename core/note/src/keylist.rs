//! The key list: one per epoch for all banks, signed by issuer and authority, with the terms of every series.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, SecretKey, Signature};
use zeni_message::{Network, NotVerified, Record, Signed, Time, encode};
use zeni_money::{Amount, Currency};

/// A bank's published key that stands for exactly one face value of one currency in one epoch (RN-D5, RN-O1).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct KeyEntry {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// Series whose notes it buys.
    #[n(1)]
    pub series: u32,
    /// Epoch in which it signs.
    #[n(2)]
    pub epoch: u32,
    /// Currency.
    #[n(3)]
    pub currency: Currency,
    /// Face value.
    #[n(4)]
    pub face: Amount,
    /// RSA modulus, 2048 bits, big-endian; the exponent is 65537.
    #[n(5)]
    pub modulus: minicbor::bytes::ByteArray<256>,
}

impl KeyEntry {
    /// The digest by which requests name the entry.
    pub fn digest(&self) -> Digest {
        zeni_crypto::tagged("zeni/key-entry", &[&encode(self)])
    }
}

/// The terms of all notes of one series and epoch; a note says only which (DESIGN §5).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SeriesTerms {
    /// Series.
    #[n(0)]
    pub series: u32,
    /// Currency.
    #[n(1)]
    pub currency: Currency,
    /// Banks sign requests until then (from the start of the epoch).
    #[n(2)]
    pub withdraw_until: Time,
    /// T1: the issuer redeems requests until then.
    #[n(3)]
    pub redeem_until: Time,
    /// T2: unredeemed requests are claimed back from T1 until then (RN-X14).
    #[n(4)]
    pub claim_until: Time,
    /// Payments are signed until then.
    #[n(5)]
    pub valid_until: Time,
    /// Returns reach the issuer until then.
    #[n(6)]
    pub deposit_until: Time,
    /// Refunds of rests are paid from then on: end of the dispute term.
    #[n(7)]
    pub refund_from: Time,
    /// Records are kept until then at least (RN-O21).
    #[n(8)]
    pub retain_until: Time,
    /// Payments between persons in one chain, at most [`PAYMENTS_IN_CHAIN_MAX`](zeni_message::limits::PAYMENTS_IN_CHAIN_MAX).
    #[n(9)]
    pub payments_max: u8,
    /// Seconds after which a revocation list is stale for a payee (RN-X33).
    #[n(10)]
    pub list_fresh_s: u32,
    /// Largest payment a payee accepts with a stale list (RN-X33, RN-V4).
    #[n(11)]
    pub stale_limit: Amount,
    /// How notes of the series are issued, and so who can name their first holders.
    #[n(12)]
    pub way: Way,
}

/// How notes of a series are issued and traced: the operator's choice (DESIGN §5 "Right to hold").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Way {
    /// Against blindly signed requests, to keys that the authority has licensed and can name (RN-F2, RN-F3).
    #[n(0)]
    Registered,
    /// Through the bank under seal, to keys that the bank can name with the issuer's evidence; the note shows the key
    /// (HC-F2, HC-V1).
    #[n(1)]
    Sealed,
    /// As [`Way::Sealed`], the note shows `g` of face value and key (HC-V2, HC-V3).
    #[n(2)]
    SealedHidden,
}

impl Way {
    /// Whether the way leads through the bank under seal.
    pub fn is_sealed(self) -> bool {
        self != Way::Registered
    }

    /// Stable word: `registered` or `sealed`.
    pub fn word(self) -> &'static str {
        if self.is_sealed() { "sealed" } else { "registered" }
    }
}

/// A bank through which the issuer issues notes of a sealed series.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SealedEntry {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// The series.
    #[n(1)]
    pub series: u32,
    /// Face values, ascending.
    #[n(2)]
    pub faces: Vec<Amount>,
    /// PS_B: the bank's document key, which signs its issuance orders, the customers' receipts (HC-F1.3).
    #[n(3)]
    pub key: PublicKey,
}

/// PE_I: the issuer's X-Wing public key to which wallets seal requests (HC-D1), 1,216 bytes.
pub type SealingKey = minicbor::bytes::ByteArray<1216>;

impl SeriesTerms {
    /// Whether the dates are in the order of RN-O20 and retention covers every way back (DESIGN §5).
    pub fn in_order(&self) -> bool {
        self.withdraw_until <= self.redeem_until
            && self.redeem_until <= self.claim_until
            && self.claim_until <= self.valid_until
            && self.valid_until <= self.deposit_until
            && self.deposit_until <= self.refund_from
            && self.refund_from <= self.retain_until
            && usize::from(self.payments_max) <= zeni_message::limits::PAYMENTS_IN_CHAIN_MAX
    }
}

/// The content of a key list.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct KeyListRecord {
    /// Epoch.
    #[n(0)]
    pub epoch: u32,
    /// Identity of the list of the epoch before; none for the first.
    #[n(1)]
    pub previous: Option<Digest>,
    /// Start of the epoch.
    #[n(2)]
    pub from: Time,
    /// End of the epoch.
    #[n(3)]
    pub until: Time,
    /// The keys of all banks, in the order of bank, series, face value.
    #[n(4)]
    pub entries: Vec<KeyEntry>,
    /// The terms of all series, in order.
    #[n(5)]
    pub series: Vec<SeriesTerms>,
    /// The key to which requests for notes of sealed series are sealed in this epoch; none if there is no such series.
    #[n(6)]
    pub sealing: Option<SealingKey>,
    /// Banks with the sealed series that they take part in, in the order of bank and series.
    #[n(7)]
    pub sealed: Vec<SealedEntry>,
}

impl Record for KeyListRecord {
    const KIND: &'static str = "zeni/key-list";
}

/// A key list with the signatures of issuer **and** authority.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct KeyList {
    /// The list.
    #[n(0)]
    pub record: KeyListRecord,
    /// The issuer's signature.
    #[n(1)]
    pub issuer: Signature,
    /// The authority's signature.
    #[n(2)]
    pub authority: Signature,
}

/// Why a key list is not to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyListFault {
    /// Not signed by both.
    #[error("the key list is not signed by both issuer and authority")]
    Forged,
    /// Two entries share a modulus, stand for the same thing, or stand for another epoch.
    #[error("entry {index} of the key list repeats another or is for another epoch")]
    Entry {
        /// Place of the entry.
        index: usize,
    },
    /// A sealed entry repeats another, names no sealed series, has no rising face values, or there is no key to seal to.
    #[error("sealed entry {index} of the key list repeats another or does not fit its series")]
    Sealed {
        /// Place of the entry.
        index: usize,
    },
    /// Terms contradict one another.
    #[error("the terms of series {series} contradict one another")]
    Terms {
        /// The series.
        series: u32,
    },
    /// It does not continue the list before it.
    #[error("the key list does not continue the one before it")]
    Broken,
}

/// What all wallets know of a network: its identity and the two keys everything is checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots {
    /// Network digest.
    pub network: Network,
    /// The issuer's key.
    pub issuer: PublicKey,
    /// The authority's key.
    pub authority: PublicKey,
}

impl KeyListRecord {
    /// Signs as the issuer or as the authority.
    pub fn sign(&self, network: Network, key: &SecretKey) -> Signature {
        Signed::sign(network, self.clone(), key).signature
    }

    /// Identity of the list.
    pub fn identity(&self, network: Network) -> Digest {
        zeni_message::identity(network, self)
    }

    /// Checks the content alone: unique moduli, one key for one purpose, terms in order.
    pub fn check(&self) -> Result<(), KeyListFault> {
        for (index, entry) in self.entries.iter().enumerate() {
            let repeats = |other: &KeyEntry| {
                other.modulus == entry.modulus
                    || (&other.bank, other.series, other.face) == (&entry.bank, entry.series, entry.face)
            };
            let fits = |terms: &SeriesTerms| terms.currency == entry.currency && terms.way == Way::Registered;
            let known = self.terms(entry.series).is_some_and(fits);
            if entry.epoch != self.epoch || !known || self.entries[..index].iter().any(repeats) {
                return Err(KeyListFault::Entry { index });
            }
        }
        for (index, entry) in self.sealed.iter().enumerate() {
            let known = self.terms(entry.series).is_some_and(|terms| terms.way.is_sealed());
            let rising =
                entry.faces.first().is_some_and(|face| !face.is_zero()) && entry.faces.is_sorted_by(|a, b| a < b);
            let repeats = |other: &SealedEntry| (&other.bank, other.series) == (&entry.bank, entry.series);
            let ok = known && rising && self.sealing.is_some() && !self.sealed[..index].iter().any(repeats);
            if !ok {
                return Err(KeyListFault::Sealed { index });
            }
        }
        for (index, terms) in self.series.iter().enumerate() {
            if !terms.in_order() || self.series[..index].iter().any(|other| other.series == terms.series) {
                return Err(KeyListFault::Terms { series: terms.series });
            }
        }
        Ok(())
    }

    /// The terms of a series.
    pub fn terms(&self, series: u32) -> Option<&SeriesTerms> {
        self.series.iter().find(|terms| terms.series == series)
    }

    /// What a bank takes part in of a sealed series.
    pub fn sealed_entry(&self, bank: &str, series: u32) -> Option<&SealedEntry> {
        self.sealed.iter().find(|entry| entry.bank == bank && entry.series == series)
    }

    /// The entry with that digest.
    pub fn entry(&self, digest: &Digest) -> Option<&KeyEntry> {
        self.entries.iter().find(|entry| entry.digest() == *digest)
    }
}

impl KeyList {
    /// Checks both signatures and the content.
    pub fn check(&self, roots: &Roots) -> Result<(), KeyListFault> {
        for (key, signature) in [(&roots.issuer, &self.issuer), (&roots.authority, &self.authority)] {
            Signed { record: self.record.clone(), signature: *signature }
                .verify(roots.network, key)
                .map_err(|NotVerified| KeyListFault::Forged)?;
        }
        self.record.check()
    }

    /// Checks as [`KeyList::check`], and that it continues `before`.
    pub fn check_after(&self, before: &KeyList, roots: &Roots) -> Result<(), KeyListFault> {
        self.check(roots)?;
        let follows = self.record.previous == Some(before.record.identity(roots.network))
            && self.record.epoch == before.record.epoch + 1
            && self.record.from == before.record.until;
        if follows { Ok(()) } else { Err(KeyListFault::Broken) }
    }
}

/// Two signed lists for one epoch: issuer and authority showed different people different keys (RN-X9).
///
/// Anyone can check it; wallets that hold one stop withdrawing.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct TwoKeyLists {
    /// One list.
    #[n(0)]
    pub one: KeyList,
    /// Another list of the same epoch.
    #[n(1)]
    pub other: KeyList,
}

impl TwoKeyLists {
    /// Whether this proves what it claims.
    pub fn holds(&self, roots: &Roots) -> bool {
        let signed = |list: &KeyList| !matches!(list.check(roots), Err(KeyListFault::Forged));
        self.one.record.epoch == self.other.record.epoch
            && self.one.record != self.other.record
            && signed(&self.one)
            && signed(&self.other)
    }
}

/// Where the terms of notes are looked up: the key lists that somebody holds.
pub trait Terms {
    /// Terms of a series in an epoch, if the list is at hand.
    fn terms(&self, series: u32, epoch: u32) -> Option<&SeriesTerms>;
}

impl Terms for [KeyList] {
    fn terms(&self, series: u32, epoch: u32) -> Option<&SeriesTerms> {
        self.iter().find(|list| list.record.epoch == epoch)?.record.terms(series)
    }
}

impl Terms for Vec<KeyList> {
    fn terms(&self, series: u32, epoch: u32) -> Option<&SeriesTerms> {
        self.as_slice().terms(series, epoch)
    }
}

#[cfg(test)]
mod tests;
