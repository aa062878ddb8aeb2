//! The system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use zeni_message::{Time, route::Clock};

/// The system's clock, moved by a constant: drills run a network in the future without touching the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    offset_seconds: i64,
}

impl SystemClock {
    /// The time of the system.
    pub fn new() -> Self {
        SystemClock::default()
    }

    /// The time of the system plus `offset_seconds`.
    pub fn shifted(offset_seconds: i64) -> Self {
        SystemClock { offset_seconds }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    fn now(&self) -> Time {
        // a system clock before 1970 reads as 1970: certificates are then not yet valid, and nothing is accepted
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Time(seconds.saturating_add_signed(self.offset_seconds))
    }
}
