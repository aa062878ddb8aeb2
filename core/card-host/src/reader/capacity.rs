//! How long a command may be that reader and card take.

use pcsc::{Card, MAX_ATR_SIZE, Protocol, ctl_code};
use zeni_card::apdu::SHORT_COMMAND_MAX;

/// Bytes of the longest extended command: header, Lc of 3, 65,535 bytes, Le of 2.
const EXTENDED_COMMAND_MAX: usize = 4 + 3 + 65_535 + 2;
/// Asks a reader for its features (PC/SC part 10).
const GET_FEATURE_REQUEST: u32 = 3_400;
/// The feature that tells a reader's properties.
const GET_TLV_PROPERTIES: u8 = 0x12;
/// The property of the longest command, little-endian.
const MAX_APDU_DATA_SIZE: u8 = 0x0A;
/// Data bytes that short commands carry: a reader that tells no more takes these alone.
const SHORT_DATA: u32 = 256;
/// Bytes of a control reply that is read.
const CONTROL_BYTES_MAX: usize = 264;
/// Compact TLV of card capabilities, three bytes long (ISO 7816-4, 12.1.1.9).
const CAPABILITIES: u8 = 0x73;
/// In its third byte: extended lengths.
const EXTENDED_LENGTHS: u8 = 0x40;

/// Bytes of the longest command that goes through.
pub(super) fn command_bytes_max(card: &Card) -> usize {
    let (mut names, mut atr) = ([0; 512], [0; MAX_ATR_SIZE]);
    let Ok(status) = card.status2(&mut names, &mut atr) else { return SHORT_COMMAND_MAX };
    if status.protocol2() != Some(Protocol::T1) || !tells_extended(status.atr()) {
        return SHORT_COMMAND_MAX;
    }
    match reader_max(card) {
        Some(max) if max <= SHORT_DATA => SHORT_COMMAND_MAX,
        Some(max) => usize::try_from(max).unwrap_or(EXTENDED_COMMAND_MAX).min(EXTENDED_COMMAND_MAX),
        // a reader that says nothing of it carries what the card takes
        None => EXTENDED_COMMAND_MAX,
    }
}

/// Whether the historical bytes of an answer to reset tell extended lengths.
fn tells_extended(atr: &[u8]) -> bool {
    // the interface bytes are led by presence bits; capabilities stand in the historical bytes at the end
    historical(atr).is_some_and(|bytes| {
        let Some((&(0x00 | 0x80), mut rest)) = bytes.split_first() else { return false };
        while let Some((&tag, after)) = rest.split_first() {
            let len = usize::from(tag & 0x0F).min(after.len());
            if tag == CAPABILITIES {
                return after.get(2).is_some_and(|byte| byte & EXTENDED_LENGTHS != 0);
            }
            rest = &after[len..];
        }
        false
    })
}

/// The historical bytes of an answer to reset (ISO 7816-3, 8.2).
fn historical(atr: &[u8]) -> Option<&[u8]> {
    let format = *atr.get(1)?;
    let (count, mut at, mut presence) = (usize::from(format & 0x0F), 2, format >> 4);
    loop {
        let other = (presence & 0x07).count_ones() as usize;
        if presence & 0x08 == 0 {
            at += other;
            break;
        }
        at += other;
        presence = *atr.get(at)? >> 4;
        at += 1;
    }
    atr.get(at..at + count)
}

/// What the reader says of its longest command; none if it says nothing.
fn reader_max(card: &Card) -> Option<u32> {
    let mut buffer = [0; CONTROL_BYTES_MAX];
    let features = card.control(ctl_code(GET_FEATURE_REQUEST.into()), &[], &mut buffer).ok()?;
    let code = u32::from_be_bytes(property(features, GET_TLV_PROPERTIES)?.try_into().ok()?);
    let mut buffer = [0; CONTROL_BYTES_MAX];
    let properties = card.control(code.into(), &[], &mut buffer).ok()?;
    Some(u32::from_le_bytes(property(properties, MAX_APDU_DATA_SIZE)?.try_into().ok()?))
}

/// The value of a tag in a list of tags of one byte and lengths of one byte.
fn property(mut list: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [tag, len, rest @ ..] = list {
        let value = rest.get(..usize::from(*len))?;
        if *tag == wanted {
            return Some(value);
        }
        list = &rest[value.len()..];
    }
    None
}

#[cfg(test)]
mod tests;
