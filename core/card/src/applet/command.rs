//! Commands with every parameter checked.

use alloc::{boxed::Box, vec::Vec};

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Record, Signed, Wire, decode};
use zeni_money::{Amount, Currency};
use zeni_note::{
    CardRules, Challenge, Clearance, ClosingPurpose, ContactTicket, Hop, LicenceRequest, LoadTicket, Nonce, Note,
    RevocationFilter, Right,
    closing::ToAccount,
    request::{Possession, RequestClaim},
    sealed::WithdrawalOrder,
};
use zeroize::Zeroizing;

use crate::{
    BackupKind, CardError, Identity, Pin,
    apdu::{COMMAND_BYTES_MAX, instruction::Instruction, refusal::Refusal, word::StatusWord},
    element::{
        backup::{Image, Turn},
        load::CutOff,
    },
};

/// What a command asks for.
pub(super) enum Command<'a> {
    Select(&'a [u8]),
    /// None asks for the tries left.
    Verify(Option<Pin>),
    ChangePin {
        old: Pin,
        new: Pin,
    },
    Unblock {
        puk: Pin,
        new: Pin,
    },
    Personalise {
        identity: Identity,
        pin: Pin,
        puk: Pin,
    },
    GenerateKey,
    GetPublicKey(u16),
    SignStatement {
        key: PublicKey,
        of: Stated,
    },
    SignChallenge(Box<Challenge>),
    OpenLoad(PublicKey),
    OpenBlank,
    AdoptKey {
        nonce: Nonce,
        seed: Zeroizing<[u8; 32]>,
    },
    LoadBegin {
        note: Signed<Note>,
        right: Right,
        cut_off: CutOff,
    },
    LoadLink(Hop),
    LoadNote(Signed<LoadTicket>),
    LoadPayment,
    LoadClosed,
    SignEndorsement {
        node: Digest,
        amount: Amount,
        answer: Digest,
    },
    Confirm(Digest),
    Close {
        node: Digest,
        purpose: ClosingPurpose,
    },
    HandIn {
        to: ToAccount,
        leaves: Vec<Digest>,
    },
    Status(Status),
    OpenContact,
    CloseContact(Signed<ContactTicket>),
    TakeRules(Signed<CardRules>),
    TakeFilter(Signed<RevocationFilter>),
    TakeClearance(Signed<Clearance>),
    Refund {
        node: Digest,
        to: ToAccount,
    },
    Export {
        kind: BackupKind,
        after: &'a [u8],
    },
    ImportPart {
        backup: Digest,
        part: Image,
        turn: Turn,
    },
    ImportEnd(Digest),
}

/// A statement to be signed.
pub(super) enum Stated {
    LicenceRequest(LicenceRequest),
    Possession(Possession),
    RequestClaim(RequestClaim),
    WithdrawalOrder(WithdrawalOrder),
}

/// What GET STATUS asks for.
#[derive(Clone, Copy)]
pub(super) enum Status {
    Card,
    Refusal,
    Identity,
    Holding(Digest),
    /// Holdings with something left, from after this node.
    Holdings(Option<Digest>),
    Endorsed {
        node: Digest,
        answer: Digest,
    },
    TimeFloor,
    Load,
    OpenPayment,
    Operator,
    Limits(Currency),
    Names(PublicKey),
    /// That the card knows its number, for this nonce of the host: whoever does not know the number learns nothing.
    Number(Nonce),
}

/// The PIN that VERIFY, CHANGE and RESET RETRY COUNTER mean.
const PIN_REFERENCE: u8 = 0x01;

impl<'a> Command<'a> {
    /// Reads a command.
    ///
    /// # Errors
    /// `6A86` for P1 and P2, `6700` for a length that it cannot have, `6A80` for data that is not what it takes.
    pub(super) fn parse(instruction: Instruction, p1: u8, p2: u8, data: &'a [u8]) -> Result<Command<'a>, Refusal> {
        let fields = Fields(data);
        Ok(match (instruction, p1, p2) {
            (Instruction::Select, 0x04, 0x00 | 0x0c) => Command::Select(data),
            (Instruction::Verify, 0, PIN_REFERENCE) if data.is_empty() => Command::Verify(None),
            (Instruction::Verify, 0, PIN_REFERENCE) => Command::Verify(Some(pin(data)?)),
            (Instruction::ChangePin, 0, PIN_REFERENCE) => {
                let [old, new] = two_pins(data)?;
                Command::ChangePin { old, new }
            }
            (Instruction::Unblock, 0, PIN_REFERENCE) => {
                let [puk, new] = two_pins(data)?;
                Command::Unblock { puk, new }
            }
            (Instruction::Personalise, 0, 0) => personalise(data)?,
            (Instruction::GenerateKey, 0, 0) => fields.end(Command::GenerateKey)?,
            (Instruction::GetPublicKey, high, low) => {
                fields.end(Command::GetPublicKey(u16::from_be_bytes([high, low])))?
            }
            (Instruction::SignStatement, kind @ 0..=3, 0) => {
                let (key, fields) = fields.take()?;
                Command::SignStatement { key: PublicKey(key), of: Stated::parse(kind, fields.0)? }
            }
            (Instruction::SignChallenge, 0, 0) => Command::SignChallenge(Box::new(record(data)?)),
            (Instruction::OpenLoad, 0, 0) => {
                let (key, fields) = fields.take()?;
                fields.end(Command::OpenLoad(PublicKey(key)))?
            }
            (Instruction::OpenLoad, 1, 0) => fields.end(Command::OpenBlank)?,
            (Instruction::AdoptKey, 0, 0) => {
                let (nonce, fields) = fields.take::<16>()?;
                let (seed, fields) = fields.take()?;
                fields.end(Command::AdoptKey { nonce: nonce.into(), seed: Zeroizing::new(seed) })?
            }
            (Instruction::GetStatus, what, 0) => Command::Status(Status::parse(what, fields)?),
            _ => return Command::parse_money(instruction, p1, p2, data),
        })
    }

    /// Those that move money.
    fn parse_money(instruction: Instruction, p1: u8, p2: u8, data: &'a [u8]) -> Result<Command<'a>, Refusal> {
        let fields = Fields(data);
        Ok(match (instruction, p1, p2) {
            (Instruction::Load, 0, p2 @ 0..=1) => {
                let cut_off = if p2 == 0 { CutOff::GoOn } else { CutOff::Forget };
                let (note, right) = value(data)?;
                Command::LoadBegin { note, right, cut_off }
            }
            (Instruction::Load, 1, 0) => Command::LoadLink(value(data)?),
            (Instruction::Load, 2, 0) => Command::LoadNote(value(data)?),
            (Instruction::Load, 3, 0) => fields.end(Command::LoadPayment)?,
            (Instruction::Load, 4, 0) => fields.end(Command::LoadClosed)?,
            (Instruction::SignEndorsement, 0, 0) => {
                let (node, fields) = fields.digest()?;
                let (amount, fields) = fields.amount()?;
                let (answer, fields) = fields.digest()?;
                fields.end(Command::SignEndorsement { node, amount, answer })?
            }
            (Instruction::Confirm, 0, 0) => {
                let (answer, fields) = fields.digest()?;
                fields.end(Command::Confirm(answer))?
            }
            (Instruction::Close, 0, 0) => {
                let (node, fields) = fields.digest()?;
                Command::Close { node, purpose: value(fields.0)? }
            }
            (Instruction::HandIn, 0, 0) => {
                let (to, leaves) = value(data)?;
                Command::HandIn { to, leaves }
            }
            _ => return Command::parse_order(instruction, p1, p2, data),
        })
    }

    /// Those of the operator, and what outlives the card.
    fn parse_order(instruction: Instruction, p1: u8, p2: u8, data: &'a [u8]) -> Result<Command<'a>, Refusal> {
        let fields = Fields(data);
        Ok(match (instruction, p1, p2) {
            (Instruction::Contact, 0, 0) => fields.end(Command::OpenContact)?,
            (Instruction::Contact, 1, 0) => Command::CloseContact(value(data)?),
            (Instruction::SetLimits, 0, 0) => Command::TakeRules(value(data)?),
            (Instruction::SetLimits, 1, 0) => Command::TakeFilter(value(data)?),
            (Instruction::SetLimits, 2, 0) => Command::TakeClearance(value(data)?),
            (Instruction::Export, 0, 0) => {
                let (node, fields) = fields.digest()?;
                Command::Refund { node, to: value(fields.0)? }
            }
            (Instruction::Export, 1, 0) => Command::Export { kind: BackupKind::Move, after: data },
            (Instruction::Export, 2, 0) => Command::Export { kind: BackupKind::Copy, after: data },
            (Instruction::Import, 0, p2 @ 0..=1) => {
                let turn = if p2 == 0 { Turn::First } else { Turn::Further };
                let (backup, fields) = fields.digest()?;
                let part = Image::from_bytes(fields.0).map_err(|_| StatusWord::WrongData)?;
                Command::ImportPart { backup, part, turn }
            }
            (Instruction::Import, 1, 0) => {
                let (backup, fields) = fields.digest()?;
                fields.end(Command::ImportEnd(backup))?
            }
            _ => return Err(StatusWord::WrongParameters.into()),
        })
    }
}

impl Stated {
    fn parse(kind: u8, bytes: &[u8]) -> Result<Stated, Refusal> {
        Ok(match kind {
            0 => Stated::LicenceRequest(record(bytes)?),
            1 => Stated::Possession(record(bytes)?),
            2 => Stated::RequestClaim(record(bytes)?),
            3 => Stated::WithdrawalOrder(record(bytes)?),
            _ => return Err(StatusWord::WrongParameters.into()),
        })
    }
}

impl Status {
    fn parse(what: u8, fields: Fields<'_>) -> Result<Status, Refusal> {
        match what {
            0 => fields.end(Status::Card),
            1 => fields.end(Status::Refusal),
            2 => fields.end(Status::Identity),
            3 => {
                let (node, fields) = fields.digest()?;
                fields.end(Status::Holding(node))
            }
            4 if fields.0.is_empty() => Ok(Status::Holdings(None)),
            4 => {
                let (node, fields) = fields.digest()?;
                fields.end(Status::Holdings(Some(node)))
            }
            5 => {
                let (node, fields) = fields.digest()?;
                let (answer, fields) = fields.digest()?;
                fields.end(Status::Endorsed { node, answer })
            }
            6 => fields.end(Status::TimeFloor),
            7 => fields.end(Status::Load),
            8 => fields.end(Status::OpenPayment),
            9 => fields.end(Status::Operator),
            10 => {
                let (letters, fields) = fields.take::<3>()?;
                let currency = core::str::from_utf8(&letters).ok().and_then(Currency::from_code);
                fields.end(Status::Limits(currency.ok_or(StatusWord::WrongData)?))
            }
            11 => {
                let (key, fields) = fields.take()?;
                fields.end(Status::Names(PublicKey(key)))
            }
            12 => {
                let (host, fields) = fields.take::<16>()?;
                fields.end(Status::Number(host.into()))
            }
            _ => Err(StatusWord::WrongParameters.into()),
        }
    }
}

/// Raw fields, one after the other.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(self) -> Result<([u8; N], Fields<'a>), Refusal> {
        let (field, rest) = self.0.split_first_chunk().ok_or(StatusWord::WrongLength)?;
        Ok((*field, Fields(rest)))
    }

    fn digest(self) -> Result<(Digest, Fields<'a>), Refusal> {
        let (field, rest) = self.take()?;
        Ok((Digest(field), rest))
    }

    fn amount(self) -> Result<(Amount, Fields<'a>), Refusal> {
        let (field, rest) = self.take()?;
        let amount = Amount::from_minor(u64::from_be_bytes(field)).ok_or(StatusWord::WrongData)?;
        Ok((amount, rest))
    }

    /// `command`, if no bytes are left.
    fn end<T>(self, command: T) -> Result<T, Refusal> {
        if self.0.is_empty() { Ok(command) } else { Err(StatusWord::WrongLength.into()) }
    }
}

fn value<T: Wire>(bytes: &[u8]) -> Result<T, Refusal> {
    decode(bytes, COMMAND_BYTES_MAX).map_err(|_| StatusWord::WrongData.into())
}

fn record<T: Record>(bytes: &[u8]) -> Result<T, Refusal> {
    decode(bytes, T::MAX.min(COMMAND_BYTES_MAX)).map_err(|_| StatusWord::WrongData.into())
}

fn pin(digits: &[u8]) -> Result<Pin, Refusal> {
    Pin::from_digits(digits).ok_or_else(|| CardError::PinForm.into())
}

/// Length of the first, the first, the second.
fn two_pins(data: &[u8]) -> Result<[Pin; 2], Refusal> {
    let (first, second) = counted(data)?;
    Ok([pin(first)?, pin(second)?])
}

/// Length of the first, the first, length of the second, the second, and what follows.
fn personalise<'a>(data: &[u8]) -> Result<Command<'a>, Refusal> {
    let (transport, rest) = counted(data)?;
    let (puk, rest) = counted(rest)?;
    Ok(Command::Personalise { pin: pin(transport)?, puk: pin(puk)?, identity: value(rest)? })
}

/// A field after its length of one byte, and what follows.
fn counted(data: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let (len, rest) = data.split_first().ok_or(StatusWord::WrongLength)?;
    rest.split_at_checked(usize::from(*len)).ok_or_else(|| StatusWord::WrongLength.into())
}
