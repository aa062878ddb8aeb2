//! Reasons for refusals, as GET STATUS refusal tells them: one byte, and what belongs to it.

use alloc::string::ToString;

use zeni_crypto::Digest;
use zeni_message::Time;
use zeni_money::{Amount, Currency, Money};
use zeni_note::ChainFault;

use super::word::StatusWord;
use crate::{CardError, Life, Limit, RestoreFault};

/// A command that was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How it is answered.
    pub word: StatusWord,
    /// Which reason of `docs/card.md`; 0 where the word says all.
    pub reason: u8,
    /// What belongs to the reason: numbers of 8 bytes big-endian (amounts, places, tries, times), or a digest; zeros after it.
    pub detail: [u8; DETAIL_BYTES],
}

/// Bytes of what belongs to a reason.
pub const DETAIL_BYTES: usize = 32;

/// Reasons below this tell of state of life and PINs alone.
const FIRST_BEHIND_PIN: u8 = 0x10;

impl Refusal {
    /// No command was refused yet.
    pub const NONE: Refusal = Refusal { word: StatusWord::Done, reason: 0, detail: [0; DETAIL_BYTES] };

    /// A reason with numbers.
    fn new(word: StatusWord, reason: u8, numbers: [u64; 2]) -> Refusal {
        let mut detail = [0; DETAIL_BYTES];
        for (place, number) in detail.chunks_exact_mut(size_of::<u64>()).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        Refusal { word, reason, detail }
    }

    /// The number at a place.
    fn number(&self, place: usize) -> u64 {
        let (numbers, _) = self.detail.as_chunks();
        u64::from_be_bytes(numbers[place])
    }

    /// What is told without the PIN: of what lies behind it the reason alone. State of life and tries SELECT and the word tell.
    pub fn for_anyone(self) -> Refusal {
        let told = self.reason < FIRST_BEHIND_PIN;
        Refusal { detail: if told { self.detail } else { [0; DETAIL_BYTES] }, ..self }
    }

    /// Reason and detail.
    pub fn to_bytes(self) -> [u8; 1 + DETAIL_BYTES] {
        let mut bytes = [0; 1 + DETAIL_BYTES];
        bytes[0] = self.reason;
        bytes[1..].copy_from_slice(&self.detail);
        bytes
    }

    /// What the card meant by `word`, having told reason and detail.
    pub fn from_parts(word: StatusWord, told: &[u8]) -> Option<Refusal> {
        let (&[reason], detail) = told.split_first_chunk()?;
        Some(Refusal { word, reason, detail: detail.try_into().ok()? })
    }
}

/// A word that says all.
impl From<StatusWord> for Refusal {
    fn from(word: StatusWord) -> Refusal {
        Refusal { word, ..Refusal::NONE }
    }
}

impl From<CardError> for Refusal {
    fn from(error: CardError) -> Refusal {
        use StatusWord::*;
        let (word, reason, value) = match error {
            CardError::Retired => (Conditions, 0x01, 0),
            CardError::Locked => (Blocked, 0x02, 0),
            CardError::Life { life } => (Conditions, 0x03, u64::from(life.code())),
            CardError::PinMissing => (PinMissing, 0x04, 0),
            CardError::Pin { tries } => (Tries(tries), 0x05, u64::from(tries)),
            CardError::PinForm => (WrongData, 0x06, 0),
            CardError::Unsupported => (Unsupported, 0x07, 0),
            CardError::HalfRestored => (Conditions, 0x08, 0),
            CardError::UnknownKey => (UnknownReference, 0x10, 0),
            CardError::HoldsMoney => (Conditions, 0x11, 0),
            CardError::NoSlot => (Conditions, 0x12, 0),
            CardError::LoadedBefore => (Conditions, 0x13, 0),
            CardError::Currency { found } => (WrongData, 0x14, letters(found)),
            CardError::Ticket => (WrongData, 0x15, 0),
            CardError::Revoked { hop } => (Conditions, 0x16, hop as u64),
            CardError::NoLoad => (Conditions, 0x17, 0),
            CardError::UnknownHolding => (UnknownReference, 0x20, 0),
            CardError::Restored => (Conditions, 0x21, 0),
            CardError::Closed => (Conditions, 0x22, 0),
            CardError::OtherAmount { signed } => (Conditions, 0x23, signed.minor()),
            CardError::Insufficient { remaining } => (Conditions, 0x24, remaining.minor()),
            CardError::NotWhole => (Conditions, 0x25, 0),
            CardError::HandIn { max } => (WrongData, 0x26, max as u64),
            CardError::ResumeFirst { answer } => return Refusal { word: Conditions, reason: 0x27, detail: answer.0 },
            CardError::Parts { max } => (Conditions, 0x28, max as u64),
            CardError::Chain(fault) => {
                let (reason, value) = chain_reason(fault);
                (WrongData, reason, value)
            }
            CardError::Frozen => (Conditions, 0x40, 0),
            CardError::Operator => (WrongData, 0x41, 0),
            CardError::Older { held, found } => return Refusal::new(Conditions, 0x42, [held, found]),
            CardError::RulesFirst { number } => (Conditions, 0x43, number),
            CardError::Limit(limit) => {
                let (reason, values) = limit_reason(limit);
                return Refusal::new(Conditions, reason, values);
            }
            CardError::Full => (MemoryFailure, 0x61, 0),
            // a card has no link to itself, and answers nothing strange to itself
            CardError::Memory(_) | CardError::Link(_) | CardError::Strange { .. } => (MemoryFailure, 0x60, 0),
        };
        Refusal::new(word, reason, [value, 0])
    }
}

impl From<RestoreFault> for Refusal {
    fn from(fault: RestoreFault) -> Refusal {
        match fault {
            RestoreFault::Card(error) => error.into(),
            RestoreFault::OtherNetwork => Refusal::new(StatusWord::WrongData, 0x50, [0; 2]),
            RestoreFault::NotEmpty => Refusal::new(StatusWord::Conditions, 0x51, [0; 2]),
            RestoreFault::Parts => Refusal::new(StatusWord::WrongData, 0x53, [0; 2]),
            RestoreFault::Damaged { index } => Refusal::new(StatusWord::WrongData, 0x52, [index as u64, 0]),
        }
    }
}

impl Refusal {
    /// The reason that the card told; [`CardError::Strange`] for one that this program does not know.
    pub fn card_error(self) -> CardError {
        self.known().unwrap_or(CardError::Strange { word: self.word.code() })
    }

    /// The same for a restoration.
    pub fn restore_fault(self) -> RestoreFault {
        match self.reason {
            0x50 => RestoreFault::OtherNetwork,
            0x51 => RestoreFault::NotEmpty,
            0x53 => RestoreFault::Parts,
            0x52 => RestoreFault::Damaged { index: usize::try_from(self.number(0)).unwrap_or(usize::MAX) },
            _ => RestoreFault::Card(self.card_error()),
        }
    }

    fn known(self) -> Option<CardError> {
        let value = self.number(0);
        let amount = Amount::from_minor(value);
        Some(match self.reason {
            0x01 => CardError::Retired,
            0x02 => CardError::Locked,
            0x03 => CardError::Life { life: Life::from_code(u8::try_from(value).ok()?)? },
            0x04 => CardError::PinMissing,
            0x05 => CardError::Pin { tries: u8::try_from(value).ok()? },
            0x06 => CardError::PinForm,
            0x07 => CardError::Unsupported,
            0x08 => CardError::HalfRestored,
            0x10 => CardError::UnknownKey,
            0x11 => CardError::HoldsMoney,
            0x12 => CardError::NoSlot,
            0x13 => CardError::LoadedBefore,
            0x14 => CardError::Currency { found: currency(value)? },
            0x15 => CardError::Ticket,
            0x16 => CardError::Revoked { hop: usize::try_from(value).ok()? },
            0x17 => CardError::NoLoad,
            0x20 => CardError::UnknownHolding,
            0x21 => CardError::Restored,
            0x22 => CardError::Closed,
            0x23 => CardError::OtherAmount { signed: amount? },
            0x24 => CardError::Insufficient { remaining: amount? },
            0x25 => CardError::NotWhole,
            0x26 => CardError::HandIn { max: usize::try_from(value).ok()? },
            0x27 => CardError::ResumeFirst { answer: Digest(self.detail) },
            0x28 => CardError::Parts { max: usize::try_from(value).ok()? },
            0x30..=0x39 => CardError::Chain(chain_fault(self.reason, value)?),
            0x40 => CardError::Frozen,
            0x41 => CardError::Operator,
            0x42 => CardError::Older { held: value, found: self.number(1) },
            0x43 => CardError::RulesFirst { number: value },
            0x44..=0x49 => CardError::Limit(limit(self.reason, value, self.number(1))?),
            0x60 => CardError::Memory("it does not tell why".to_string()),
            0x61 => CardError::Full,
            _ => return None,
        })
    }
}

fn chain_reason(fault: ChainFault) -> (u8, u64) {
    match fault {
        ChainFault::TooLong { hops } => (0x30, hops as u64),
        ChainFault::UnknownTerms { series, epoch } => (0x31, u64::from(series) << 32 | u64::from(epoch)),
        ChainFault::Currency { found } => (0x32, letters(found)),
        ChainFault::OtherHolder => (0x33, 0),
        ChainFault::Unlicensed { hop } => (0x34, hop as u64),
        ChainFault::Amount { hop } => (0x35, hop as u64),
        ChainFault::Note => (0x36, 0),
        ChainFault::Licence { hop } => (0x37, hop as u64),
        ChainFault::LicenceEnded { hop } => (0x38, hop as u64),
        ChainFault::Endorsement { hop } => (0x39, hop as u64),
    }
}

fn chain_fault(reason: u8, value: u64) -> Option<ChainFault> {
    let hop = usize::try_from(value).ok()?;
    Some(match reason {
        0x30 => ChainFault::TooLong { hops: hop },
        0x31 => ChainFault::UnknownTerms {
            series: u32::try_from(value >> 32).ok()?,
            epoch: u32::try_from(value & u64::from(u32::MAX)).ok()?,
        },
        0x32 => ChainFault::Currency { found: currency(value)? },
        0x33 => ChainFault::OtherHolder,
        0x34 => ChainFault::Unlicensed { hop },
        0x35 => ChainFault::Amount { hop },
        0x36 => ChainFault::Note,
        0x37 => ChainFault::Licence { hop },
        0x38 => ChainFault::LicenceEnded { hop },
        0x39 => ChainFault::Endorsement { hop },
        _ => return None,
    })
}

/// The reason of a limit and what belongs to it.
fn limit_reason(limit: Limit) -> (u8, [u64; 2]) {
    let money = |money: Money| [money.amount.minor(), letters(money.currency)];
    match limit {
        Limit::Ended { until } => (0x44, [until.0, 0]),
        Limit::Payment { most } => (0x45, money(most)),
        Limit::Payments { most } => (0x46, [u64::from(most), 0]),
        Limit::Day { left } => (0x47, money(left)),
        Limit::Total { left } => (0x48, money(left)),
        Limit::NoContact => (0x49, [0, 0]),
    }
}

fn limit(reason: u8, value: u64, letters: u64) -> Option<Limit> {
    let money = || Some(Money::new(Amount::from_minor(value)?, currency(letters)?));
    Some(match reason {
        0x44 => Limit::Ended { until: Time(value) },
        0x45 => Limit::Payment { most: money()? },
        0x46 => Limit::Payments { most: u32::try_from(value).ok()? },
        0x47 => Limit::Day { left: money()? },
        0x48 => Limit::Total { left: money()? },
        0x49 => Limit::NoContact,
        _ => return None,
    })
}

/// The three letters of a currency as a number.
fn letters(currency: Currency) -> u64 {
    currency.code().bytes().fold(0, |number, letter| number << 8 | u64::from(letter))
}

fn currency(letters: u64) -> Option<Currency> {
    Currency::from_code(core::str::from_utf8(letters.to_be_bytes().get(5..)?).ok()?)
}
