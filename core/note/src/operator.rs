//! What the operator of a card, its owner's bank, signs for it: rules, a filter of revoked keys, clearances, tickets.
//!
//! All of it is signed by the bank's document key and carried by the wallet, which can hold it back and change nothing in
//! it. Numbers only go forward: what is older than what the card has is refused.

use alloc::{vec, vec::Vec};

use minicbor::bytes::ByteVec;
use zeni_crypto::{Digest, PublicKey, tagged};
use zeni_message::{Record, Time};
use zeni_money::{Amount, Currency};

use crate::{Nonce, licence::key_digest};

/// What a card may pay to others without its operator. What is not said is not limited.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct CardRules {
    /// Counts up over all rules of the operator; the card holds one number for each currency.
    #[n(0)]
    pub number: u64,
    /// For one card; none for all cards of the operator.
    #[n(1)]
    pub card: Option<Nonce>,
    /// Payments in this currency.
    #[n(2)]
    pub currency: Currency,
    /// Most in one payment.
    #[n(3)]
    pub payment_max: Option<Amount>,
    /// Most in one day of the operator's time.
    #[n(4)]
    pub day_max: Option<Amount>,
    /// Most payments in a row since the last contact.
    #[n(5)]
    pub payments_max: Option<u32>,
    /// Most in all since the last contact.
    #[n(6)]
    pub total_max: Option<Amount>,
    /// The last second of the operator's time at which the card pays.
    #[n(7)]
    pub until: Option<Time>,
}

impl Record for CardRules {
    const KIND: &'static str = "zeni/card-rules";
    const MAX: usize = 128;
}

/// Bytes of the largest filter.
pub const FILTER_BYTES_MAX: usize = 4_096;
/// Bytes of the smallest filter.
const FILTER_BYTES_MIN: usize = 16;
/// Most places of one key in a filter.
const PLACES_MAX: usize = 16;
/// Bits per key at which one key in a thousand is named falsely, with [`PLACES`] places each.
const BITS_PER_KEY: usize = 15;
/// Places of a key in a filter that is not full.
const PLACES: usize = 10;

/// A Bloom filter of the authority's revocation list: it names every revoked key, and some that are not.
///
/// Bit `i` is bit `i mod 8` of byte `i / 8`. The places of a key are `(a + j·b) mod bits` for `j` in `0 … k − 1`, where `a` and
/// `b` are the first and the second 8 bytes, big-endian, of the tagged digest of filter number and key digest, `b` made odd.
/// The number makes each filter name other keys falsely.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct RevocationFilter {
    /// Number of the revocation list.
    #[n(0)]
    pub number: u64,
    /// When that list was made.
    #[n(1)]
    pub time: Time,
    /// Places of a key, 1 to 16.
    #[n(2)]
    pub k: u8,
    /// At most [`FILTER_BYTES_MAX`] bytes.
    #[n(3)]
    pub bits: ByteVec,
}

impl Record for RevocationFilter {
    const KIND: &'static str = "zeni/revocation-filter";
    const MAX: usize = FILTER_BYTES_MAX + 64;
}

impl RevocationFilter {
    /// The filter of a list: as many bits as one false name in a thousand needs, up to [`FILTER_BYTES_MAX`]; beyond, longer
    /// lists are named with more false ones, and never with a missing one.
    pub fn of(number: u64, time: Time, revoked: &[Digest]) -> RevocationFilter {
        let wanted = revoked.len().saturating_mul(BITS_PER_KEY).div_ceil(8);
        let bytes = wanted.clamp(FILTER_BYTES_MIN, FILTER_BYTES_MAX);
        // the best k is bits per key times ln 2
        let per_key = (bytes * 8).checked_div(revoked.len()).unwrap_or(BITS_PER_KEY);
        let k = (per_key * 7 / 10).clamp(1, PLACES);
        let mut bits = vec![0u8; bytes];
        for digest in revoked {
            for place in places(number, digest, k, bytes) {
                bits[place / 8] |= 1 << (place % 8);
            }
        }
        let k = u8::try_from(k).unwrap_or(u8::MAX);
        RevocationFilter { number, time, k, bits: bits.into() }
    }

    /// Whether it is one that can be used.
    pub fn is_well_formed(&self) -> bool {
        (1..=PLACES_MAX).contains(&usize::from(self.k)) && (1..=FILTER_BYTES_MAX).contains(&self.bits.len())
    }

    /// Whether it names `key`. One that is not well formed names every key.
    pub fn names(&self, key: &PublicKey) -> bool {
        self.names_digest(&key_digest(key))
    }

    /// As [`RevocationFilter::names`], of a key's digest.
    pub fn names_digest(&self, digest: &Digest) -> bool {
        !self.is_well_formed()
            || places(self.number, digest, usize::from(self.k), self.bits.len())
                .all(|place| self.bits[place / 8] & (1 << (place % 8)) != 0)
    }
}

/// The places of a key in a filter of `bytes` bytes.
fn places(number: u64, digest: &Digest, k: usize, bytes: usize) -> impl Iterator<Item = usize> {
    let mixed = tagged("zeni/filter-place", &[&number.to_be_bytes(), &digest.0]);
    let word = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&mixed.0[from..from + 8]);
        u64::from_be_bytes(word)
    };
    let (start, step, bits) = (word(0), word(8) | 1, bytes as u64 * 8);
    (0..k as u64).map(move |j| {
        let place = start.wrapping_add(j.wrapping_mul(step)) % bits;
        usize::try_from(place).unwrap_or_default()
    })
}

/// Keys that a filter names falsely: the operator has looked for them in the full list.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Clearance {
    /// Number of the filter; for another one it means nothing.
    #[n(0)]
    pub filter: u64,
    /// Digests of the keys ([`key_digest`]), at most [`CLEARED_MAX`].
    #[n(1)]
    pub keys: Vec<Digest>,
}

/// Keys in one clearance.
pub const CLEARED_MAX: usize = 64;

impl Record for Clearance {
    const KIND: &'static str = "zeni/clearance";
    const MAX: usize = CLEARED_MAX * 34 + 64;
}

/// The operator's answer to a card that showed its token: the next one (docs/card.md "CONTACT").
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ContactTicket {
    /// Number of the card.
    #[n(0)]
    pub card: Nonce,
    /// The nonce that the card drew.
    #[n(1)]
    pub nonce: Nonce,
    /// What the card shows at the next contact.
    #[n(2)]
    pub token: Nonce,
    /// The operator's time.
    #[n(3)]
    pub time: Time,
    /// The newest rules for the card, which it must have taken before: at most [`RULES_MAX`], one of a currency, in ascending
    /// order of numbers.
    #[n(4)]
    pub rules: Vec<RulesNumber>,
    /// The card showed a token that is not its newest: it is a copy or an older state of itself, and what it holds can be
    /// refunded only.
    #[n(5)]
    pub frozen: bool,
}

/// Currencies in which an operator sets rules.
pub const RULES_MAX: usize = 16;

/// Which rules are the newest in a currency.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct RulesNumber {
    /// The currency.
    #[n(0)]
    pub currency: Currency,
    /// Their number.
    #[n(1)]
    pub number: u64,
}

impl Record for ContactTicket {
    const KIND: &'static str = "zeni/contact-ticket";
    const MAX: usize = 128 + 16 * RULES_MAX;
}

#[cfg(test)]
mod tests;
