//! Status words of ISO 7816-4, 5.6: those that leave this card.

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusWord {
    /// `9000`: done.
    Done,
    /// `61xx`: done, and so many bytes of the reply are still to be fetched; 0 for 256 or more.
    More(u8),
    /// `63Cx`: not verified, so many tries are left.
    Tries(u8),
    /// `6581`: the memory failed.
    MemoryFailure,
    /// `6700`: a length that the command cannot have.
    WrongLength,
    /// `6881`: no logical channels.
    NoLogicalChannels,
    /// `6882`: no secure messaging.
    NoSecureMessaging,
    /// `6884`: the command cannot be chained.
    NoChaining,
    /// `6982`: the PIN was not shown.
    PinMissing,
    /// `6983`: no tries are left.
    Blocked,
    /// `6985`: not in this state.
    Conditions,
    /// `6A80`: the data says what cannot be.
    WrongData,
    /// `6A81`: this card does not do that.
    Unsupported,
    /// `6A82`: no such application.
    UnknownApplication,
    /// `6A83`: no such place in a list.
    UnknownRecord,
    /// `6A86`: P1 or P2.
    WrongParameters,
    /// `6A88`: what the data names is not here.
    UnknownReference,
    /// `6D00`: INS.
    UnknownInstruction,
    /// `6E00`: CLA.
    UnknownClass,
}

use StatusWord::*;

/// The words that carry no number.
const FIXED: [(StatusWord, u16); 17] = [
    (Done, 0x9000),
    (MemoryFailure, 0x6581),
    (WrongLength, 0x6700),
    (NoLogicalChannels, 0x6881),
    (NoSecureMessaging, 0x6882),
    (NoChaining, 0x6884),
    (PinMissing, 0x6982),
    (Blocked, 0x6983),
    (Conditions, 0x6985),
    (WrongData, 0x6a80),
    (Unsupported, 0x6a81),
    (UnknownApplication, 0x6a82),
    (UnknownRecord, 0x6a83),
    (WrongParameters, 0x6a86),
    (UnknownReference, 0x6a88),
    (UnknownInstruction, 0x6d00),
    (UnknownClass, 0x6e00),
];

/// The most tries that `63Cx` can tell.
pub const TRIES_TOLD_MAX: u8 = 15;

impl StatusWord {
    /// SW1 and SW2.
    pub fn code(self) -> u16 {
        match self {
            More(rest) => u16::from_be_bytes([0x61, rest]),
            Tries(tries) => u16::from_be_bytes([0x63, 0xc0 | tries.min(TRIES_TOLD_MAX)]),
            fixed => FIXED.iter().find(|(word, _)| *word == fixed).expect("each word without a number has its row").1,
        }
    }

    /// The word of SW1 and SW2; none for one that this card does not use.
    pub fn from_code(code: u16) -> Option<StatusWord> {
        match code.to_be_bytes() {
            [0x61, rest] => Some(More(rest)),
            [0x63, tries @ 0xc0..=0xcf] => Some(Tries(tries & TRIES_TOLD_MAX)),
            _ => FIXED.iter().find(|(_, fixed)| *fixed == code).map(|(word, _)| *word),
        }
    }
}
