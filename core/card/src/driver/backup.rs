//! Backups and moves through commands: EXPORT and IMPORT, part by part.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{ApduCard, Fault, Transmit, strange};
use crate::{
    Backup, BackupKind, CardError, RestoreFault,
    apdu::instruction::Instruction,
    element::backup::{BACKUP_BYTES_MAX, ExportPart, follows},
};

/// Bytes around keys and records in one part of a restoration: digest, version, kind, network, time, heads.
const IMPORT_FRAMING: usize = 128;
/// Bytes of keys and records in one part of a restoration.
const IMPORT_BYTES_MAX: usize = 8_192;

/// What an export may grow to, whatever a card goes on telling.
pub(super) struct ExportBounds {
    pub(super) parts: usize,
    pub(super) bytes: usize,
}

/// As many parts as the longest backup has.
pub(super) const EXPORT_MAX: ExportBounds = ExportBounds { parts: 1 << 18, bytes: BACKUP_BYTES_MAX };

impl<T: Transmit> ApduCard<T> {
    /// A copy of the card, for the loss of it, from a card whose keys may leave it. The card goes on.
    pub fn export(&mut self) -> Result<Backup, CardError> {
        self.exported(BackupKind::Copy, &EXPORT_MAX)
    }

    /// Retires the card, durably, then tells everything it holds. Again gives the same again.
    pub fn export_move(&mut self) -> Result<Backup, CardError> {
        self.exported(BackupKind::Move, &EXPORT_MAX)
    }

    /// Takes over what a backup holds, into a card without keys. The same backup again changes nothing; broken off, it is
    /// finished by the same again, and the card does nothing else until then.
    ///
    /// # Errors
    /// The first [`RestoreFault`] that applies.
    pub fn restore(&mut self, backup: &Backup) -> Result<(), RestoreFault> {
        let digest = backup.digest();
        let taken = self.taken()?;
        let parts = backup.parts(taken.saturating_sub(IMPORT_FRAMING).min(IMPORT_BYTES_MAX));
        for (index, part) in parts.iter().enumerate() {
            let data = Zeroizing::new([&digest.0[..], part].concat());
            self.import(0, u8::from(index > 0), &data)?;
        }
        self.import(1, 0, &digest.0)
    }

    fn import(&mut self, step: u8, further: u8, data: &[u8]) -> Result<(), RestoreFault> {
        match self.command(Instruction::Import, step, further, data) {
            Ok(_) => Ok(()),
            Err(Fault::Card(refusal)) => Err(refusal.restore_fault()),
            Err(Fault::Other(error)) => Err(error.into()),
        }
    }

    /// An export, part by part. A card that goes back, or goes on without end, is not asked for ever.
    pub(super) fn exported(&mut self, kind: BackupKind, most: &ExportBounds) -> Result<Backup, CardError> {
        let p1 = match kind {
            BackupKind::Move => 1,
            BackupKind::Copy => 2,
        };
        let mut parts: Vec<ExportPart> = Vec::new();
        let (mut after, mut len) = (Vec::new(), 0);
        loop {
            let told = Zeroizing::new(self.working(Instruction::Export, p1, 0, &after)?);
            let part = ExportPart::from_bytes(&told).ok_or_else(strange)?;
            len += told.len();
            if len > most.bytes || parts.len() == most.parts {
                return Err(strange());
            }
            let next = part.after.to_vec();
            parts.push(part);
            if next.is_empty() {
                return Backup::from_parts(parts).ok_or_else(strange);
            }
            if !follows(&next, &after) {
                return Err(strange());
            }
            after = next;
        }
    }
}
