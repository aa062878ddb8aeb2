//! Processor time of this process, all threads, user and system.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Runs `work`; answers what it took and what it gave.
pub fn processor<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = processor_time();
    let result = work();
    (processor_time().saturating_sub(before), result)
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("processor time is not negative");
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).expect("below a second"))
}

/// One value per round, in any unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    /// Adds a round that took `time` for that many operations, in µs an operation.
    pub(crate) fn add_time(&mut self, time: Duration, operations: usize) {
        self.add(time.as_secs_f64() * 1e6 / count(operations));
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Nil without rounds.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match self.0.get(middle) {
            None => 0.0,
            Some(upper) if self.0.len() % 2 == 1 => *upper,
            Some(upper) => f64::midpoint(self.0[middle - 1], *upper),
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or_default()
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }
}

/// A count as a divisor; exact below 2^32.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
