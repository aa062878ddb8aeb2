//! What backups, moves and parts of exports are made of.

use alloc::vec::Vec;

use minicbor::bytes::ByteVec;
use zeni_crypto::{Digest, Signature, sha256};
use zeni_message::{Malformed, Network, Time};
use zeni_note::{CardRules, Nonce};
use zeroize::Zeroizing;

use super::{
    super::{
        memory::{MemoryFault, Write},
        operator::Orders,
        record::{
            ADOPTED, CHALLENGES, CLOSED, COUNTS, CardRecord, ChallengeSlot, Closed, ENDORSED, Endorsed, GIVEN_BACK,
            HAND_INS, HOLDINGS, Holding, KEYS, LATEST, LoadSlot, MOVED, OPERATOR, Origin, PAID, Paid, RULES, SLOTS,
            VERSION, Writes, open, place,
        },
    },
    BackupFault, BackupKind,
};
use crate::{CardError, Counts, HoldingState};

/// Keys and records of a card, all or some of them.
#[derive(minicbor::Encode, minicbor::Decode)]
pub(crate) struct Image {
    #[n(0)]
    pub(super) version: u16,
    #[n(1)]
    pub(super) kind: BackupKind,
    #[n(2)]
    pub(super) network: Network,
    #[n(3)]
    pub(super) floor: Time,
    #[n(4)]
    pub(super) keys: Vec<KeyCopy>,
    #[n(5)]
    pub(super) entries: Vec<Entry>,
}

#[derive(minicbor::Encode, minicbor::Decode)]
pub(super) struct KeyCopy {
    #[cbor(n(0), with = "seed")]
    pub(super) seed: Zeroizing<[u8; 32]>,
    #[n(1)]
    pub(super) origin: Origin,
}

/// One record of the memory as it is.
#[derive(minicbor::Encode, minicbor::Decode)]
pub(super) struct Entry {
    #[n(0)]
    pub(super) place: ByteVec,
    #[n(1)]
    pub(super) value: ByteVec,
}

/// A part of an export, and where the next one begins.
#[derive(minicbor::Encode, minicbor::Decode)]
pub(crate) struct ExportPart {
    #[n(0)]
    pub(super) image: Image,
    /// The last place told; empty at the end.
    #[n(1)]
    pub(crate) after: ByteVec,
}

impl ExportPart {
    /// Reads a part of a version that this program knows, and nothing after it.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<ExportPart> {
        let part: ExportPart = minicbor::decode(bytes).ok()?;
        (part.image.version == VERSION && part.to_bytes()[..] == *bytes).then_some(part)
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let bytes = Vec::with_capacity(self.image.len() + self.after.len() + ENTRY_FRAMING);
        let mut encoder = minicbor::Encoder::new(bytes);
        encoder.encode(self).expect("writing to a vector cannot fail");
        Zeroizing::new(encoder.into_writer())
    }
}

impl Image {
    /// Reads an encoding back.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Image, BackupFault> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let image: Image = decoder
            .decode()
            .map_err(|error| Malformed::Shape { at: error.position().unwrap_or(decoder.position()) })?;
        if image.version != VERSION {
            return Err(BackupFault::Version { found: image.version, known: VERSION });
        }
        if image.to_bytes()[..] != *bytes {
            return Err(Malformed::NotCanonical.into());
        }
        Ok(image)
    }

    pub(super) fn of(kind: BackupKind, card: &CardRecord) -> Image {
        let network = card.identity.network;
        Image { version: VERSION, kind, network, floor: card.floor, keys: Vec::new(), entries: Vec::new() }
    }

    /// Of what every part tells: version, kind, network, time floor.
    pub(super) fn head(&self) -> Digest {
        sha256(&[b"zeni/card-backup", &self.empty().to_bytes()])
    }

    /// The digest `before`, and every key and record of this part after it.
    pub(super) fn roll(&self, before: Digest) -> Digest {
        let keys = self.keys.iter().fold(before, |so_far, key| {
            let origin = if key.origin == Origin::Own { 0 } else { 1 };
            sha256(&[b"k", &so_far.0, &*key.seed, &[origin]])
        });
        self.entries.iter().fold(keys, |so_far, entry| {
            let len = (entry.place.len() as u64).to_be_bytes();
            sha256(&[b"e", &so_far.0, &len, &entry.place, &entry.value])
        })
    }

    /// The same card without anything in it.
    pub(super) fn empty(&self) -> Image {
        Image { keys: Vec::new(), entries: Vec::new(), ..*self }
    }

    /// Ends the part that has no room for `more` bytes.
    pub(super) fn flush(
        &self,
        part: &mut Image,
        len: &mut usize,
        more: usize,
        max: usize,
        parts: &mut Vec<Zeroizing<Vec<u8>>>,
    ) {
        if *len > 0 && *len + more > max {
            parts.push(core::mem::replace(part, self.empty()).to_bytes());
            *len = 0;
        }
        *len += more;
    }

    /// Bytes that the encoding takes at most.
    pub(super) fn len(&self) -> usize {
        IMAGE_FRAMING + self.keys.len() * KEY_BYTES + self.entries.iter().map(Entry::len).sum::<usize>()
    }

    /// Encodes into a buffer that never moves, so that no copy of a key stays behind unwiped.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let bytes = Vec::with_capacity(self.len());
        let mut encoder = minicbor::Encoder::new(bytes);
        encoder.encode(self).expect("writing to a vector cannot fail");
        Zeroizing::new(encoder.into_writer())
    }
}

/// Bytes around keys and entries: heads, version, kind, network and time.
pub(super) const IMAGE_FRAMING: usize = 80;
/// Bytes of one key: heads, seed, origin.
pub(super) const KEY_BYTES: usize = 36;
/// Bytes around the place and the value of an entry.
pub(super) const ENTRY_FRAMING: usize = 11;

/// Whether an export tells the place `next` after the place `after`; an empty one is before all.
pub(crate) fn follows(next: &[u8], after: &[u8]) -> bool {
    let table = |place: &[u8]| EXPORTED.iter().position(|table| place.first() == Some(table));
    table(next).is_some() && (table(next), next) > (table(after), after)
}

/// Tables in the order in which an export tells them; the card's own record stands apart, the index is made anew. The last
/// ones, limits and what is held against them, are of a move alone: a copy brings back nothing that they would limit.
pub(super) const EXPORTED: [u8; 14] = [
    KEYS, CHALLENGES, SLOTS, LATEST, ADOPTED, HOLDINGS, ENDORSED, GIVEN_BACK, CLOSED, HAND_INS, RULES, COUNTS, PAID,
    OPERATOR,
];
/// How many of them a copy has.
const COPIED: usize = 10;

/// The tables of an export.
pub(super) fn exported(kind: BackupKind) -> impl Iterator<Item = u8> {
    let tables = match kind {
        BackupKind::Copy => COPIED,
        BackupKind::Move => EXPORTED.len(),
    };
    EXPORTED.into_iter().take(tables)
}

impl Entry {
    /// The record at a place; that of a frozen card as it comes back.
    pub(super) fn of(place: Vec<u8>, value: Vec<u8>, frozen: bool) -> Result<Entry, CardError> {
        let entry = Entry { place: place.into(), value: value.into() };
        match entry.place.first() {
            Some(&(RULES | COUNTS | PAID)) => return Ok(entry),
            Some(&OPERATOR) => return entry.without_tokens(),
            _ => {}
        }
        Ok(if frozen { entry.restored()? } else { entry })
    }

    /// The operator's orders without what identifies this card alone to him.
    pub(super) fn without_tokens(&self) -> Result<Entry, CardError> {
        let Orders { rules, answered, time, .. } = open(&self.place, &self.value)?;
        let mut writes = Writes::default();
        writes.put(OPERATOR, &[], &Orders { rules, answered, time, ..Orders::default() });
        let (place, value) = writes.0.remove(0);
        Ok(Entry { place: place.into(), value: value.unwrap_or_default().into() })
    }

    /// Bytes that the encoding takes at most.
    pub(super) fn len(&self) -> usize {
        self.place.len() + self.value.len() + ENTRY_FRAMING
    }

    /// Checks the record and writes it as it comes back.
    pub(super) fn restore(&self, kind: BackupKind, writes: &mut Writes) -> Result<(), MemoryFault> {
        let table = self.place.first().copied();
        let id = self.place.get(1..).unwrap_or_default();
        let ids = |n: usize| if id.len() == 32 * n { Ok(()) } else { Err(damaged()) };
        match table {
            Some(CHALLENGES) => ids(1).and(self.keep::<ChallengeSlot>(writes)),
            Some(LATEST | ADOPTED) => ids(1).and(self.keep::<Nonce>(writes)),
            Some(ENDORSED) => ids(2).and(self.keep::<Endorsed>(writes)),
            Some(GIVEN_BACK) => ids(1).and(self.keep::<Digest>(writes)),
            Some(CLOSED) => ids(1).and(self.keep::<Closed>(writes)),
            Some(HAND_INS) => ids(1).and(self.keep::<Signature>(writes)),
            Some(PAID) => ids(1).and(self.keep::<Paid>(writes)),
            Some(COUNTS) if id.len() == 3 => self.keep::<Counts>(writes),
            // this card may have newer ones
            Some(RULES) if id.len() == 3 => self.stage::<CardRules>(writes),
            Some(OPERATOR) if id.is_empty() => self.stage::<Orders>(writes),
            Some(SLOTS) => {
                if id.len() != size_of::<Nonce>() {
                    return Err(damaged());
                }
                let mut slot: LoadSlot = open(&self.place, &self.value)?;
                if kind == BackupKind::Copy {
                    slot.origin = Origin::Restored;
                }
                writes.put(SLOTS, &[id], &slot);
                Ok(())
            }
            Some(HOLDINGS) => {
                let node = Digest::from_slice(id).ok_or_else(damaged)?;
                let mut holding: Holding = open(&self.place, &self.value)?;
                if kind == BackupKind::Copy && holding.state == HoldingState::Live {
                    holding.state = HoldingState::Restored;
                }
                writes.put_holding(&node, &holding);
                Ok(())
            }
            _ => Err(damaged()),
        }
    }

    /// The record as a copy brings it back.
    pub(super) fn restored(self) -> Result<Entry, CardError> {
        let mut writes = Writes::default();
        self.restore(BackupKind::Copy, &mut writes)?;
        match writes.0.into_iter().next() {
            Some((place, Some(value))) => Ok(Entry { place: place.into(), value: value.into() }),
            _ => Ok(self),
        }
    }

    /// Keeps the record aside until the end of the restoration.
    pub(super) fn stage<T: zeni_message::Wire>(&self, writes: &mut Writes) -> Result<(), MemoryFault> {
        open::<T>(&self.place, &self.value)?;
        writes.0.push((place(MOVED, &[&self.place]), Some(self.value.to_vec())));
        Ok(())
    }

    pub(super) fn keep<T: zeni_message::Wire>(&self, writes: &mut Writes) -> Result<(), MemoryFault> {
        open::<T>(&self.place, &self.value)?;
        let write: Write = (self.place.to_vec(), Some(self.value.to_vec()));
        writes.0.push(write);
        Ok(())
    }
}

/// A seed as a CBOR byte string, wiped when dropped.
mod seed {
    use minicbor::{Decoder, Encoder, decode::Error as DecodeError, encode::Error as EncodeError, encode::Write};
    use zeni_crypto::fixed;
    use zeroize::Zeroizing;

    pub(super) fn encode<C, W: Write>(
        seed: &Zeroizing<[u8; 32]>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        fixed::encode(seed, e, ctx)
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Zeroizing<[u8; 32]>, DecodeError> {
        fixed::decode(d, ctx).map(Zeroizing::new)
    }
}

pub(super) fn damaged() -> MemoryFault {
    MemoryFault::new("")
}
