//! Backups and moves of a software card.
//!
//! A *copy* ([`Element::export`]) leaves the card at work, so nothing in it can be spent: what it brings back is
//! restored, never live. From a copy come back
//!
//! - keys, which sign statements, but no new challenge: whoever has the copy could sign the same one elsewhere;
//! - signed challenges, so that payments that come late are received, as restored money;
//! - open load slots, as restored ones: the note may have been loaded and spent before the loss. A slot opened after the
//!   restore has a nonce of its own and loads live money, under a key that came back too;
//! - holdings with what was left of them, for refunds, and every node ever loaded, so that none loads again;
//! - signatures, so that the same bytes can be sent again.
//!
//! A refund signs away what was left *at the time of the copy*. Whoever passed money on after it and then claims the old
//! rest signs more than he held: the wallet makes a copy after each payment, or asks before it claims.
//!
//! A *move* ([`Element::export_move`]) retires the card first, then tells everything, and live holdings stay live.
//! Restoring one move into two cards is copying a card: software cannot prevent it, tracing names who spends twice.
//!
//! Both hold secret keys in the clear; whoever writes one to a file encrypts it.

mod image;

use alloc::vec::Vec;
use core::fmt;

use zeni_crypto::{Digest, PublicKey, SecretKey};
use zeni_message::{Malformed, Network};
use zeni_note::CardRules;
use zeroize::Zeroizing;

use super::{
    Element, keys,
    memory::{Memory, MemoryFault},
    operator::Orders,
    record::{CARD, CardRecord, KEYS, KeyRecord, LEFT, MOVED, OPERATOR, Origin, RULES, Restoring, Writes, open},
};
use crate::{CardError, KeyPolicy};

use image::{EXPORTED, Entry, KEY_BYTES, KeyCopy, exported};
pub(crate) use image::{ExportPart, Image, follows};

/// Bytes of the longest backup that is read.
pub const BACKUP_BYTES_MAX: usize = 512 * 1_024 * 1_024;

/// What a backup is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum BackupKind {
    /// Of a card that stays at work: brings back no spendable money.
    #[n(0)]
    Copy,
    /// Of a card that was retired for it: brings everything.
    #[n(1)]
    Move,
}

/// Whether a part of a restoration is its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The first: what was begun before is forgotten.
    First,
    /// A later one.
    Further,
}

/// Everything a card holds, secret keys included. Wiped when dropped.
pub struct Backup {
    image: Image,
}

/// Why bytes are not a backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupFault {
    /// Not the encoding of a backup.
    #[error("not a backup of a card: {0}")]
    Malformed(#[from] Malformed),
    /// Made by a later program.
    #[error("the backup is of version {found}, this program reads {known}")]
    Version {
        /// Found.
        found: u16,
        /// Known.
        known: u16,
    },
}

/// Why a backup is not restored; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreFault {
    /// The card does not work.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The backup is of another network.
    #[error("the backup is of another network")]
    OtherNetwork,
    /// The card holds keys already.
    #[error("a backup is restored into an empty card only")]
    NotEmpty,
    /// The parts are not the backup that was announced: the card is blank as before.
    #[error("the parts are not the backup that was announced: restore it again")]
    Parts,
    /// A record of the backup is damaged.
    #[error("record {index} of the backup is damaged")]
    Damaged {
        /// Its place.
        index: usize,
    },
}

impl Backup {
    /// What it is for.
    pub fn kind(&self) -> BackupKind {
        self.image.kind
    }

    /// Network of the card.
    pub fn network(&self) -> Network {
        self.image.network
    }

    /// The encoding, secret keys in the clear.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.image.to_bytes()
    }

    /// Reads an encoding back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Backup, BackupFault> {
        if bytes.len() > BACKUP_BYTES_MAX {
            return Err(Malformed::TooLong { len: bytes.len(), max: BACKUP_BYTES_MAX }.into());
        }
        Ok(Backup { image: Image::from_bytes(bytes)? })
    }

    /// The parts in which it is sent to a card, each with at most `bytes_max` bytes of keys and records, at least one.
    pub(crate) fn parts(&self, bytes_max: usize) -> Vec<Zeroizing<Vec<u8>>> {
        let mut parts = Vec::new();
        let mut part = self.image.empty();
        let mut len = 0;
        for copy in &self.image.keys {
            self.image.flush(&mut part, &mut len, KEY_BYTES, bytes_max, &mut parts);
            part.keys.push(KeyCopy { seed: copy.seed.clone(), origin: copy.origin });
        }
        for entry in &self.image.entries {
            self.image.flush(&mut part, &mut len, entry.len(), bytes_max, &mut parts);
            part.entries.push(Entry { place: entry.place.clone(), value: entry.value.clone() });
        }
        parts.push(part.to_bytes());
        parts
    }

    /// The backup that the parts of an export are together; none if they are not of one export.
    pub(crate) fn from_parts(parts: Vec<ExportPart>) -> Option<Backup> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next()?.image;
        for ExportPart { image, .. } in parts {
            if (image.kind, image.network) != (whole.kind, whole.network) {
                return None;
            }
            whole.floor = whole.floor.max(image.floor);
            whole.keys.extend(image.keys);
            whole.entries.extend(image.entries);
        }
        Some(Backup { image: whole })
    }

    /// Of all records one after the other, so that it is the same however they come in parts.
    pub(crate) fn digest(&self) -> Digest {
        self.image.roll(self.image.head())
    }
}

/// Shows neither keys nor holdings.
impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backup({:?} of network {:?})", self.image.kind, self.image.network.0)
    }
}

impl<M: Memory> Element<M> {
    /// A copy of the card, for the loss of it. The card goes on.
    pub fn export(&mut self) -> Result<Backup, CardError> {
        self.backup(BackupKind::Copy)
    }

    /// Retires the card, durably, then tells everything it holds. Again gives the same again, so that a move whose file was
    /// not written yet can be finished.
    pub fn export_move(&mut self) -> Result<Backup, CardError> {
        self.retire()?;
        self.backup(BackupKind::Move)
    }

    /// Takes over what a backup holds, into a card without keys. The same backup again changes nothing.
    ///
    /// # Errors
    /// The first [`RestoreFault`] that applies.
    pub fn restore(&mut self, backup: &Backup) -> Result<(), RestoreFault> {
        let digest = backup.digest();
        self.import_part(digest, &backup.image, Turn::First)?;
        self.import_end(digest)
    }

    /// Takes over a part of the backup of this digest; until [`Element::import_end`] the card does nothing else. The first part
    /// forgets what came of a backup that was broken off; the same part again changes nothing.
    pub(crate) fn import_part(&mut self, backup: Digest, image: &Image, turn: Turn) -> Result<(), RestoreFault> {
        let card = self.importing()?;
        if card.restored == Some(backup) {
            return Ok(());
        }
        self.may_restore(&card)?;
        if image.network != card.identity.network {
            return Err(RestoreFault::OtherNetwork);
        }
        let head = image.head();
        let mut writes = Writes::default();
        self.write_image(image, &mut writes)?;
        let (last, floor) = (image.roll(head), image.floor);
        let rolled = match (turn, card.restoring.clone()) {
            (Turn::First, _) => {
                self.forget_import()?;
                last
            }
            (Turn::Further, Some(begun)) if (begun.backup, begun.head) == (backup, head) => {
                if begun.last == last {
                    return Ok(());
                }
                image.roll(begun.rolled)
            }
            (Turn::Further, _) => return Err(RestoreFault::Parts),
        };
        let restoring = Some(Restoring { backup, head, rolled, last, floor });
        writes.put(CARD, &[], &CardRecord { restoring, ..card });
        Ok(self.commit(writes)?)
    }

    /// All parts came: the card works from now on, if together they are the backup that was announced, and is blank again if not.
    pub(crate) fn import_end(&mut self, backup: Digest) -> Result<(), RestoreFault> {
        let card = self.importing()?;
        if card.restored == Some(backup) {
            return Ok(());
        }
        self.may_restore(&card)?;
        let Some(begun) = card.restoring.clone().filter(|begun| begun.backup == backup && begun.rolled == backup)
        else {
            self.forget_import()?;
            return Err(RestoreFault::Parts);
        };
        let mut writes = Writes::default();
        self.take_over_orders(&mut writes)?;
        let floor = card.floor.max(begun.floor);
        writes.put(CARD, &[], &CardRecord { floor, restored: Some(backup), restoring: None, ..card });
        Ok(self.commit(writes)?)
    }

    /// The card, if backups are restored into it at all.
    fn importing(&mut self) -> Result<CardRecord, RestoreFault> {
        let card = match self.operational() {
            Err(CardError::HalfRestored) => self.card()?,
            card => card?,
        };
        if card.identity.keys == KeyPolicy::Stay {
            return Err(CardError::Unsupported.into());
        }
        Ok(card)
    }

    fn may_restore(&mut self, card: &CardRecord) -> Result<(), RestoreFault> {
        if card.restored.is_some() || card.restoring.is_none() && self.has_keys()? {
            return Err(RestoreFault::NotEmpty);
        }
        Ok(())
    }

    /// Makes a card blank again into which parts of a backup came, a few records at once. From the first write on what came does
    /// not count as the backup.
    fn forget_import(&mut self) -> Result<(), CardError> {
        let card = self.card()?;
        let Some(begun) = card.restoring.clone() else { return Ok(()) };
        let nothing = Digest([0; 32]);
        let mut writes = Writes::default();
        let restoring = Some(Restoring { rolled: nothing, last: nothing, ..begun });
        writes.put(CARD, &[], &CardRecord { restoring, ..card.clone() });
        self.commit(writes)?;
        for table in EXPORTED.into_iter().filter(|table| ![RULES, OPERATOR].contains(table)).chain([LEFT, MOVED]) {
            loop {
                let places = self.memory.scan_after(&[table], &[], super::SCANNED)?;
                if places.is_empty() {
                    break;
                }
                self.commit(Writes(places.into_iter().map(|(place, _)| (place, None)).collect()))?;
            }
        }
        let mut writes = Writes::default();
        writes.put(CARD, &[], &CardRecord { restoring: None, ..card });
        self.commit(writes)
    }

    /// Rules and operator's time of the card that moved here: the newer of its and this card's.
    fn take_over_orders(&mut self, writes: &mut Writes) -> Result<(), CardError> {
        for (staged, value) in self.memory.scan(&[MOVED])? {
            let place = &staged[1..];
            if place.first() == Some(&RULES) {
                let rules: CardRules = open(place, &value)?;
                let held: Option<CardRules> = self.read(RULES, &[&place[1..]])?;
                if held.is_none_or(|held| held.number < rules.number) {
                    writes.put(RULES, &[&place[1..]], &rules);
                }
            } else {
                let (moved, own): (Orders, Orders) = (open(place, &value)?, self.orders()?);
                let (rules, time) = (own.rules.max(moved.rules), own.time.max(moved.time));
                let answered = own.answered.or(moved.answered);
                writes.put(OPERATOR, &[], &Orders { rules, time, answered, ..own });
            }
            writes.0.push((staged, None));
        }
        Ok(())
    }

    fn has_keys(&mut self) -> Result<bool, CardError> {
        Ok(!self.memory.scan_after(&[KEYS], &[], 1)?.is_empty())
    }

    fn write_image(&mut self, image: &Image, writes: &mut Writes) -> Result<(), RestoreFault> {
        for copy in &image.keys {
            let secret = SecretKey::from_seed(*copy.seed);
            let origin = if image.kind == BackupKind::Move { copy.origin } else { Origin::Restored };
            writes.put(KEYS, &[&secret.public().0], &keys::seal(&self.master, &secret, origin, &mut *self.entropy));
        }
        for (index, entry) in image.entries.iter().enumerate() {
            entry.restore(image.kind, writes).map_err(|MemoryFault { .. }| RestoreFault::Damaged { index })?;
        }
        Ok(())
    }

    fn backup(&mut self, kind: BackupKind) -> Result<Backup, CardError> {
        let card = self.card()?;
        self.nothing_open()?;
        // a frozen card brings back nothing that could be spent, whatever the backup is for
        let frozen = self.is_frozen()?;
        let mut keys = Vec::new();
        for (place, value) in self.memory.scan(&[KEYS])? {
            keys.push(self.key_copy(&place, &value, frozen)?);
        }
        let mut entries = Vec::new();
        for table in exported(kind).filter(|table| *table != KEYS) {
            for (place, value) in self.memory.scan(&[table])? {
                entries.push(Entry::of(place, value, frozen)?);
            }
        }
        Ok(Backup { image: Image { keys, entries, ..Image::of(kind, &card) } })
    }

    fn key_copy(&self, place: &[u8], value: &[u8], frozen: bool) -> Result<KeyCopy, CardError> {
        let record: KeyRecord = open(place, value)?;
        let key = PublicKey::from_slice(&place[1..]).ok_or_else(|| super::fault("its table of keys is damaged"))?;
        let seed = keys::unseal(&self.master, &key, &record)?.dangerous_seed();
        Ok(KeyCopy { seed, origin: if frozen { Origin::Restored } else { record.origin } })
    }

    /// The records after a place, about `bytes_max` bytes of them, encoded as an [`ExportPart`]. For a move the card is
    /// retired first, durably.
    pub(crate) fn export_part(
        &mut self,
        kind: BackupKind,
        after: &[u8],
        bytes_max: usize,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let card = self.card()?;
        if card.identity.keys == KeyPolicy::Stay {
            return Err(CardError::Unsupported);
        }
        if kind == BackupKind::Move {
            self.retire()?;
        }
        self.nothing_open()?;
        let frozen = self.is_frozen()?;
        let mut part = ExportPart { image: Image::of(kind, &card), after: Vec::new().into() };
        let begun = after.first().and_then(|table| EXPORTED.iter().position(|it| it == table));
        for table in &exported(kind).skip(begun.unwrap_or(0)).collect::<Vec<u8>>() {
            let mut from = if after.first() == Some(table) { after.to_vec() } else { Vec::new() };
            while let Some((place, value)) = self.memory.scan_after(&[*table], &from, 1)?.pop() {
                from.clone_from(&place);
                if part.image.len() + place.len() + value.len() > bytes_max && !part.after.is_empty() {
                    return Ok(part.to_bytes());
                }
                part.after = place.clone().into();
                if *table == KEYS {
                    part.image.keys.push(self.key_copy(&place, &value, frozen)?);
                } else {
                    part.image.entries.push(Entry::of(place, value, frozen)?);
                }
            }
        }
        part.after = Vec::new().into();
        Ok(part.to_bytes())
    }
}

#[cfg(test)]
mod tests;
