//! Points in time as the parties exchange them.

use core::fmt;

use jiff::Timestamp;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Time(#[n(0)] pub u64);

impl Time {
    /// The earliest point.
    pub const START: Time = Time(0);

    /// `seconds` later, at most the end of time.
    pub const fn plus(self, seconds: u64) -> Time {
        Time(self.0.saturating_add(seconds))
    }

    /// `seconds` earlier, at least the start of time.
    pub const fn minus(self, seconds: u64) -> Time {
        Time(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to here, zero if it lies ahead.
    pub const fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// As people read it: `2026-11-21T10:52:01Z`, or the second's number where no calendar reaches.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|second| Timestamp::from_second(second).ok()) {
            Some(date) => date.fmt(f),
            None => write!(f, "second {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
