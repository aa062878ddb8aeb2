//! What the card does in which state of its life, and what asks for the PIN.

use super::{
    Applet,
    command::{Command, Status},
};
use crate::{BackupKind, Card, CardError, Life, Memory, apdu::refusal::Refusal};

/// What a command asks of the state of the card.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: also in a blank or a locked card.
    Nothing,
    /// A card without an owner.
    Unowned,
    /// An owner's PIN to be chosen: personalised or operational.
    Owner,
    /// PINs: not a blank card.
    Pins,
    /// The PIN shown; also in a retired card.
    Reading,
    /// The PIN shown in an operational card.
    Working,
}

impl<M: Memory> Applet<M> {
    /// Refuses what the state of the card does not allow.
    pub(super) fn admit(&mut self, command: &Command<'_>) -> Result<(), Refusal> {
        let need = need(command);
        if need == Need::Nothing {
            return Ok(());
        }
        let life = self.element.life()?;
        let allowed = match life {
            Life::Manufactured => need == Need::Unowned,
            Life::Personalised => matches!(need, Need::Unowned | Need::Owner),
            Life::Operational => need != Need::Unowned,
            Life::Locked => matches!(command, Command::Unblock { .. }),
            Life::Retired => matches!(need, Need::Pins | Need::Reading),
        };
        if !allowed {
            return Err(match life {
                Life::Locked => CardError::Locked,
                Life::Retired => CardError::Retired,
                life => CardError::Life { life },
            }
            .into());
        }
        if matches!(need, Need::Reading | Need::Working) && !self.session.verified {
            return Err(CardError::PinMissing.into());
        }
        Ok(())
    }
}

fn need(command: &Command<'_>) -> Need {
    match command {
        Command::Select(_) | Command::Status(Status::Card | Status::Refusal | Status::Number(_)) => Need::Nothing,
        Command::Personalise { .. } => Need::Unowned,
        Command::ChangePin { .. } => Need::Owner,
        Command::Verify(_) | Command::Unblock { .. } => Need::Pins,
        Command::Status(_) | Command::Export { kind: BackupKind::Move, .. } => Need::Reading,
        Command::GenerateKey
        | Command::GetPublicKey(_)
        | Command::SignStatement { .. }
        | Command::SignChallenge(_)
        | Command::OpenLoad(_)
        | Command::OpenBlank
        | Command::AdoptKey { .. }
        | Command::LoadBegin { .. }
        | Command::LoadLink(_)
        | Command::LoadNote(_)
        | Command::LoadPayment
        | Command::LoadClosed
        | Command::SignEndorsement { .. }
        | Command::Confirm(_)
        | Command::OpenContact
        | Command::CloseContact(_)
        | Command::Close { .. }
        | Command::HandIn { .. }
        | Command::Refund { .. }
        | Command::Export { kind: BackupKind::Copy, .. }
        | Command::ImportPart { .. }
        | Command::ImportEnd(_)
        | Command::TakeRules(_)
        | Command::TakeFilter(_)
        | Command::TakeClearance(_) => Need::Working,
    }
}
