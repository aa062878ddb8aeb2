//! Commands and replies of ISO 7816-4 as bytes.

pub mod instruction;
pub mod refusal;
pub mod word;

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeni_crypto::{Digest, tagged};

use instruction::Instruction;
use word::StatusWord;

/// Application identifier: proprietary (`F0`), "ZENI", version 1.
pub const AID: [u8; 7] = [0xf0, 0x5a, 0x45, 0x4e, 0x49, 0x00, 0x01];
/// In the place of a number that is not told.
pub const NOT_TOLD: u8 = 0xff;
/// Version of the command set, as SELECT tells it.
pub const VERSION: u8 = 1;
/// Bytes of command data that the applet assembles: a hand-in of the most leaves.
pub const COMMAND_BYTES_MAX: usize = 36_864;
/// Bytes of the longest reply: an open payment of the most holdings.
pub const REPLY_BYTES_MAX: usize = 8_192;
/// Data bytes of the longest short command.
pub const SHORT_DATA_MAX: usize = 255;
/// Data bytes of the longest short reply.
pub const SHORT_REPLY_MAX: usize = 256;
/// Bytes of the longest command that goes through every reader: header, Lc, data, Le.
pub const SHORT_COMMAND_MAX: usize = 4 + 1 + SHORT_DATA_MAX + 1;
/// Bytes around the data of an extended command: header, Lc of 3, Le of 2.
pub const EXTENDED_FRAMING: usize = 4 + 3 + 2;

/// In the flags of SELECT: extended lengths.
pub(crate) const EXTENDED: u8 = 0x01;
/// Data bytes that an extended length can tell.
const EXTENDED_MAX: usize = 65_535;
/// Reply bytes that an extended Le can ask for.
const EXTENDED_REPLY_MAX: usize = 65_536;
/// Set in CLA on every part but the last of a chained command.
const CHAINING: u8 = 0x10;
/// Set in CLA on commands that are not of ISO 7816-4.
const PROPRIETARY: u8 = 0x80;

/// Who defines a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// ISO 7816-4.
    Interindustry,
    /// `docs/card.md`.
    Zeni,
}

/// A command as it came: header, data, length of the reply it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apdu<'a> {
    /// Who defines it.
    pub class: Class,
    /// Whether parts of the same command follow.
    pub part: Part,
    /// INS.
    pub instruction: u8,
    /// P1.
    pub p1: u8,
    /// P2.
    pub p2: u8,
    /// The data field.
    pub data: &'a [u8],
    /// Ne: reply bytes that the other side takes at most, at once.
    pub expected: usize,
}

/// Place of a command in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole, or the last part.
    Last,
    /// Others follow.
    More,
}

impl<'a> Apdu<'a> {
    /// Reads a command of ISO 7816-4, 5.1, of short or extended length.
    ///
    /// # Errors
    /// The status word that answers it: its length (`6700`), its class (`6881`, `6882`, `6E00`).
    pub fn parse(bytes: &'a [u8]) -> Result<Apdu<'a>, StatusWord> {
        let Some((&[class, instruction, p1, p2], body)) = bytes.split_first_chunk() else {
            return Err(StatusWord::WrongLength);
        };
        let (data, expected) = parse_body(body).ok_or(StatusWord::WrongLength)?;
        let (class, part) = parse_class(class)?;
        Ok(Apdu { class, part, instruction, p1, p2, data, expected })
    }

    /// The bytes, short where the lengths allow it.
    ///
    /// # Panics
    /// When data or reply are longer than an extended length can tell.
    pub fn to_bytes(&self) -> Vec<u8> {
        let class = match self.class {
            Class::Interindustry => 0,
            Class::Zeni => PROPRIETARY,
        } | if self.part == Part::More { CHAINING } else { 0 };
        let mut bytes = Vec::with_capacity(self.data.len() + EXTENDED_FRAMING);
        bytes.extend_from_slice(&[class, self.instruction, self.p1, self.p2]);
        let long = "lengths are within those of an extended command";
        if self.data.len() <= SHORT_DATA_MAX && self.expected <= SHORT_REPLY_MAX {
            if !self.data.is_empty() {
                bytes.push(u8::try_from(self.data.len()).expect(long));
                bytes.extend_from_slice(self.data);
            }
            if self.expected > 0 {
                bytes.push(u8::try_from(self.expected % SHORT_REPLY_MAX).expect(long));
            }
            return bytes;
        }
        bytes.push(0);
        if !self.data.is_empty() {
            bytes.extend_from_slice(&u16::try_from(self.data.len()).expect(long).to_be_bytes());
            bytes.extend_from_slice(self.data);
        }
        if self.expected > 0 {
            bytes.extend_from_slice(&u16::try_from(self.expected % EXTENDED_REPLY_MAX).expect(long).to_be_bytes());
        }
        bytes
    }
}

fn parse_class(class: u8) -> Result<(Class, Part), StatusWord> {
    let kind = match class & 0xe0 {
        0x00 => Class::Interindustry,
        0x80 => Class::Zeni,
        // the further interindustry classes name logical channels 4 to 19
        0x40 | 0x60 => return Err(StatusWord::NoLogicalChannels),
        _ => return Err(StatusWord::UnknownClass),
    };
    if class & 0x0c != 0 {
        return Err(StatusWord::NoSecureMessaging);
    }
    if class & 0x03 != 0 {
        return Err(StatusWord::NoLogicalChannels);
    }
    Ok((kind, if class & CHAINING == 0 { Part::Last } else { Part::More }))
}

/// Data and Ne of what follows the header.
fn parse_body(body: &[u8]) -> Option<(&[u8], usize)> {
    let short = |le: u8| if le == 0 { SHORT_REPLY_MAX } else { usize::from(le) };
    let extended = |le: [u8; 2]| match usize::from(u16::from_be_bytes(le)) {
        0 => EXTENDED_REPLY_MAX,
        le => le,
    };
    match *body {
        [] => Some((&[], 0)),
        [le] => Some((&[], short(le))),
        [0, high, low] => Some((&[], extended([high, low]))),
        [0, high, low, ref rest @ ..] => {
            let len = usize::from(u16::from_be_bytes([high, low]));
            match *rest.split_at_checked(len).filter(|_| len > 0)?.1 {
                [] => Some((&rest[..len], 0)),
                [high, low] => Some((&rest[..len], extended([high, low]))),
                _ => None,
            }
        }
        [len, ref rest @ ..] => {
            let len = usize::from(len);
            match *rest.split_at_checked(len).filter(|_| len > 0)?.1 {
                [] => Some((&rest[..len], 0)),
                [le] => Some((&rest[..len], short(le))),
                _ => None,
            }
        }
    }
}

const _: () = assert!(COMMAND_BYTES_MAX <= EXTENDED_MAX && REPLY_BYTES_MAX <= EXTENDED_REPLY_MAX);

/// GET STATUS 0C: asks a card to show, for the nonce `host`, that it knows its number.
pub fn ask_number(host: &[u8; 16]) -> Vec<u8> {
    let (class, instruction) = Instruction::GetStatus.codes();
    Apdu { class, part: Part::Last, instruction, p1: 0x0c, p2: 0, data: host, expected: SHORT_REPLY_MAX }.to_bytes()
}

/// Whether what GET STATUS 0C told for the nonce `host`, a nonce of the card and a proof, comes from who knows `number`.
pub fn knows_number(number: &[u8; 16], host: &[u8; 16], told: &[u8]) -> bool {
    let Some((card, proof)) = told.split_first_chunk() else { return false };
    number_proof(number, host, card).0.ct_eq(proof).into()
}

/// What shows for the nonces of host and card that the card knows its number, and tells it to nobody else.
pub(crate) fn number_proof(number: &[u8; 16], host: &[u8; 16], card: &[u8; 16]) -> Digest {
    tagged("zeni/card-number", &[number, host, card])
}

#[cfg(test)]
mod tests;
