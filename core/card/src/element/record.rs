//! What a software card remembers: one table per kind of fact, each record strict CBOR `[version, record]`.
//!
//! | table | id | record |
//! |---|---|---|
//! | [`CARD`] | – | [`CardRecord`] |
//! | [`PINS`] | – | [`PinRecord`] |
//! | [`KEYS`] | public key | [`KeyRecord`] |
//! | [`CHALLENGES`] | `e` of the challenge | [`ChallengeSlot`] |
//! | [`SLOTS`] | nonce | [`LoadSlot`] |
//! | [`LATEST`] | public key | nonce of the key's latest load slot |
//! | [`LOADING`] | – | how far the load that was begun has come |
//! | [`HOLDINGS`] | node | [`Holding`], kept for good: what was loaded once never loads again |
//! | [`LEFT`] | node | nothing: the holdings with something left |
//! | [`ENDORSED`] | node, `e` | [`Endorsed`] |
//! | [`GIVEN_BACK`] | endorsement | node that gave it back |
//! | [`CLOSED`] | node | [`Closed`] |
//! | [`HAND_INS`] | digest of account and leaves | signature |
//! | [`ADOPTED`] | public key | nonce of the slot for which it was made elsewhere |
//! | [`OPEN`] | – | `e` of the open payment |
//! | [`PART`] | node | nothing: the parts of the open payment |
//! | [`OPERATOR`] | – | [`Orders`](super::operator::Orders) |
//! | [`RULES`] | currency | rules of payments |
//! | [`COUNTS`] | currency | [`Counts`](crate::Counts) |
//! | [`PAID`] | `e` | [`Paid`] |
//! | [`FILTER`] | – | filter of revoked keys |
//! | [`MOVED`] | place of another table | orders of a card that moves here, until its end came |
//! | [`CLEARED`] | digest of a key | number of the filter that names it falsely |

use alloc::{format, vec, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Time, Wire, decode, encode, limits::DOCUMENT_BYTES_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::Nonce;

use super::memory::{MemoryFault, Write};
use crate::{HoldingState, HoldingStatus, Identity, Life};

/// Version of the records.
pub(super) const VERSION: u16 = 1;

pub(super) const CARD: u8 = b'i';
pub(super) const PINS: u8 = b'p';
pub(super) const KEYS: u8 = b'k';
pub(super) const CHALLENGES: u8 = b'q';
pub(super) const SLOTS: u8 = b's';
pub(super) const LATEST: u8 = b'l';
pub(super) const LOADING: u8 = b'w';
pub(super) const HOLDINGS: u8 = b'n';
pub(super) const LEFT: u8 = b'r';
pub(super) const ENDORSED: u8 = b'e';
pub(super) const GIVEN_BACK: u8 = b'g';
pub(super) const CLOSED: u8 = b'c';
pub(super) const HAND_INS: u8 = b'h';
pub(super) const ADOPTED: u8 = b'A';
pub(super) const OPEN: u8 = b'o';
pub(super) const PART: u8 = b'm';
pub(super) const OPERATOR: u8 = b'O';
pub(super) const RULES: u8 = b'R';
pub(super) const COUNTS: u8 = b'C';
pub(super) const PAID: u8 = b'P';
pub(super) const FILTER: u8 = b'F';
pub(super) const MOVED: u8 = b'M';
pub(super) const CLEARED: u8 = b'X';

#[derive(minicbor::Encode, minicbor::Decode)]
struct Versioned<T> {
    #[n(0)]
    version: u16,
    #[n(1)]
    record: T,
}

/// The card itself.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct CardRecord {
    #[n(0)]
    pub(super) identity: Identity,
    /// Number of the card, drawn when it was personalised: its operator and its owner know it.
    #[n(1)]
    pub(super) number: Nonce,
    /// Personalised, operational or retired; locked is a card whose tries ran out.
    #[n(2)]
    pub(super) life: Life,
    #[n(3)]
    pub(super) floor: Time,
    /// Digest of the backup that was restored into this card.
    #[n(4)]
    pub(super) restored: Option<Digest>,
    /// The backup that is being restored, part by part: until its end came the card does nothing else.
    #[n(5)]
    pub(super) restoring: Option<Restoring>,
}

/// How far a restoration has come.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Restoring {
    /// Digest of the backup.
    #[n(0)]
    pub(super) backup: Digest,
    /// Digest of what all its parts have in common.
    #[n(1)]
    pub(super) head: Digest,
    /// Digest of what came so far.
    #[n(2)]
    pub(super) rolled: Digest,
    /// Digest of the last part alone, by which one that comes again is known.
    #[n(3)]
    pub(super) last: Digest,
    /// Time floor of the card that was backed up.
    #[n(4)]
    pub(super) floor: Time,
}

/// PIN and PUK, as digests under the master key, and how often each may still be wrong.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct PinRecord {
    #[n(0)]
    pub(super) pin: Digest,
    #[n(1)]
    pub(super) pin_tries: u8,
    #[n(2)]
    pub(super) puk: Digest,
    #[n(3)]
    pub(super) puk_tries: u8,
    /// Makes the digests differ from card to card.
    #[n(4)]
    pub(super) salt: Nonce,
}

/// Where a key or a slot came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum Origin {
    /// On this card, or on the one that moved here.
    #[n(0)]
    Own,
    /// In a backup, of which other copies may be at work.
    #[n(1)]
    Restored,
}

impl Origin {
    /// The state of what is loaded under this origin.
    pub(super) fn state(self) -> HoldingState {
        match self {
            Origin::Own => HoldingState::Live,
            Origin::Restored => HoldingState::Restored,
        }
    }
}

/// A secret key under the master key.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct KeyRecord {
    #[n(0)]
    pub(super) nonce: minicbor::bytes::ByteArray<12>,
    #[n(1)]
    pub(super) sealed: minicbor::bytes::ByteArray<48>,
    #[n(2)]
    pub(super) origin: Origin,
}

/// A challenge that was signed here.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct ChallengeSlot {
    #[n(0)]
    pub(super) key: PublicKey,
}

/// A slot for one note.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct LoadSlot {
    /// Key of the note; none while its issuer is to make it.
    #[n(0)]
    pub(super) key: Option<PublicKey>,
    /// The note that used it up.
    #[n(1)]
    pub(super) loaded: Option<Digest>,
    #[n(2)]
    pub(super) origin: Origin,
}

/// A holding.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Holding {
    #[n(0)]
    pub(super) key: PublicKey,
    #[n(1)]
    pub(super) currency: Currency,
    #[n(2)]
    pub(super) value: Amount,
    #[n(3)]
    pub(super) remaining: Amount,
    #[n(4)]
    pub(super) state: HoldingState,
}

impl Holding {
    /// The status of a holding that no closing took.
    pub(super) fn status(&self, node: &Digest) -> HoldingStatus {
        HoldingStatus {
            node: *node,
            key: self.key,
            currency: self.currency,
            value: self.value,
            remaining: self.remaining,
            closed: Amount::ZERO,
            state: self.state,
        }
    }
}

/// An endorsement that was signed.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Endorsed {
    #[n(0)]
    pub(super) amount: Amount,
    #[n(1)]
    pub(super) signature: Signature,
}

/// What was paid to others in answer to one challenge.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Paid {
    #[n(0)]
    pub(super) amount: Amount,
    /// The nonce of the last ticket before: with another one the counts have begun anew.
    #[n(1)]
    pub(super) since: Option<Nonce>,
}

/// A closing that was signed.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Closed {
    #[n(0)]
    pub(super) purpose: Digest,
    #[n(1)]
    pub(super) amount: Amount,
    #[n(2)]
    pub(super) signature: Signature,
}

/// The place of a record in the memory.
pub(super) fn place(table: u8, id: &[&[u8]]) -> Vec<u8> {
    let mut place = vec![table];
    id.iter().for_each(|part| place.extend_from_slice(part));
    place
}

/// Reads a record that this program wrote.
pub(super) fn open<T: Wire>(place: &[u8], bytes: &[u8]) -> Result<T, MemoryFault> {
    let table = place.first().copied().map_or('?', char::from);
    let damaged = |what: &str| MemoryFault::new(format!("a record of table '{table}' {what}"));
    let stored: Versioned<T> = decode(bytes, DOCUMENT_BYTES_MAX).map_err(|_| damaged("is damaged"))?;
    if stored.version != VERSION {
        return Err(damaged("is of another version"));
    }
    Ok(stored.record)
}

/// What one command changes, all or nothing.
#[derive(Default)]
pub(super) struct Writes(pub(super) Vec<Write>);

impl Writes {
    /// With room for so many.
    pub(super) fn with_room(writes: usize) -> Writes {
        Writes(Vec::with_capacity(writes))
    }

    pub(super) fn put<T: minicbor::Encode<()>>(&mut self, table: u8, id: &[&[u8]], record: &T) {
        let mut value = encode(&Versioned { version: VERSION, record });
        // many may wait for one commit
        value.shrink_to_fit();
        self.0.push((place(table, id), Some(value)));
    }

    pub(super) fn remove(&mut self, table: u8, id: &[&[u8]]) {
        self.0.push((place(table, id), None));
    }

    /// Stores a holding and keeps the index of holdings with something left.
    pub(super) fn put_holding(&mut self, node: &Digest, holding: &Holding) {
        self.put(HOLDINGS, &[&node.0], holding);
        let left = if holding.remaining.is_zero() { None } else { Some(Vec::new()) };
        self.0.push((place(LEFT, &[&node.0]), left));
    }
}
