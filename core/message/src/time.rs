//! Points in time as the parties exchange them.

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
