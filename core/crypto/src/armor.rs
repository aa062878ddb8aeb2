//! Documents as text that survives mail and chat:
//!
//! ```text
//! -----BEGIN ZENI PAYMENT-----
//! 0oRYH6IBJwN4GWFwcGxpY2F0aW9uL3plbmktZW5kb3JzZW1lbnShAFhA…
//! -----END ZENI PAYMENT-----
//! ```
//!
//! Base64 in lines of 64 characters (RFC 7468 strict form), under a label that says what it is.

use std::string::String;
use std::vec::Vec;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

/// What an armoured text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armored {
    /// The label, like `PAYMENT`. Whether it fits the content is for the caller to check.
    pub label: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Why a text is not armour, in the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ArmorError {
    /// More than the content allowed can need.
    #[error("the text holds more than {max} bytes")]
    TooLarge {
        /// Bytes of content allowed.
        max: usize,
    },
    /// The first line is not `-----BEGIN ZENI …-----` with a label of capital letters and spaces.
    #[error("the text does not begin with a line like -----BEGIN ZENI PAYMENT-----")]
    Begin,
    /// The last line is not the end of the same label: the text was cut.
    #[error("the text does not end with the line that belongs to its beginning: it was cut")]
    End,
    /// A line that is not full, or has characters other than base64.
    #[error("line {line} of the text was altered")]
    Line {
        /// Counted from 1 at the `BEGIN` line.
        line: usize,
    },
    /// The lines together are no canonical base64.
    #[error("the text was altered")]
    Base64,
}

/// Writes armour. The label is capital letters and spaces, at most [`LABEL_LEN_MAX`] long.
///
/// # Panics
/// On another label: it is a constant of the caller.
#[must_use]
pub fn encode(label: &str, bytes: &[u8]) -> String {
    assert!(is_label(label), "labels are capital letters and spaces");
    let base64 = BASE64_STANDARD.encode(bytes);
    let mut text = String::with_capacity(text_len_max(bytes.len()));
    text.extend([BEGIN, label, DASHES, "\n"]);
    for line in base64.as_bytes().chunks(LINE_LEN) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.extend([END, label, DASHES, "\n"]);
    text
}

/// Reads armour with at most `max` bytes of content. White space around the text and at the ends of
/// lines is let pass, nothing else.
///
/// # Errors
/// The first [`ArmorError`] that applies.
pub fn decode(text: &str, max: usize) -> Result<Armored, ArmorError> {
    let text = text.trim();
    if text.len() > text_len_max(max) {
        return Err(ArmorError::TooLarge { max });
    }
    let mut lines = text.lines().map(str::trim);
    let label = lines.next().and_then(|line| label_of(line, BEGIN)).ok_or(ArmorError::Begin)?;
    let end = lines.next_back().ok_or(ArmorError::End)?;
    if label_of(end, END) != Some(label) {
        return Err(ArmorError::End);
    }
    let mut base64 = String::with_capacity(text.len());
    let mut lines = lines.enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let full = if lines.peek().is_some() { line.len() == LINE_LEN } else { (1..=LINE_LEN).contains(&line.len()) };
        if !full || !line.bytes().all(is_base64) {
            return Err(ArmorError::Line { line: at + 2 });
        }
        base64.push_str(line);
    }
    let bytes = BASE64_STANDARD.decode(base64).map_err(|_| ArmorError::Base64)?;
    if bytes.len() > max {
        return Err(ArmorError::TooLarge { max });
    }
    Ok(Armored { label: label.into(), bytes })
}

fn label_of<'a>(line: &'a str, head: &str) -> Option<&'a str> {
    let label = line.strip_prefix(head)?.strip_suffix(DASHES)?;
    is_label(label).then_some(label)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LEN_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ')
        && label.trim() == label
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Characters of the longest text for that many bytes of content; two more per line for CRLF and a
/// blank.
const fn text_len_max(bytes: usize) -> usize {
    let base64 = bytes.div_ceil(3).saturating_mul(4);
    let lines = base64.div_ceil(LINE_LEN) + 2;
    base64.saturating_add(lines.saturating_mul(3)).saturating_add(2 * (BEGIN.len() + LABEL_LEN_MAX + DASHES.len()))
}

/// Longest label.
pub const LABEL_LEN_MAX: usize = 32;

const BEGIN: &str = "-----BEGIN ZENI ";
const END: &str = "-----END ZENI ";
const DASHES: &str = "-----";
const LINE_LEN: usize = 64;

#[cfg(test)]
mod tests;
