//! The queue in front of a writer: bounded, and fair between callers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::job::Work;

/// On whose behalf a job runs; the writer serves callers in turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller(pub u64);

/// Why a job was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Full,
    Closed,
}

pub(crate) type Pending = Box<dyn Work>;

/// Jobs that wait, one lane per caller.
pub(crate) struct Queue {
    jobs_max: usize,
    lane_max: usize,
    lanes: Mutex<Lanes>,
    arrival: Condvar,
}

#[derive(Default)]
struct Lanes {
    by_caller: HashMap<Caller, VecDeque<Pending>>,
    /// Callers with a lane, in the order in which they are served. No lane is empty.
    turn: VecDeque<Caller>,
    count: usize,
    closed: bool,
}

impl Queue {
    /// A queue of at most `jobs_max` jobs, of which one caller may hold `lane_max`.
    pub(crate) fn new(jobs_max: usize, lane_max: usize) -> Queue {
        Queue { jobs_max, lane_max, lanes: Mutex::default(), arrival: Condvar::new() }
    }

    pub(crate) fn push(&self, caller: Caller, job: Pending) -> Result<(), Rejected> {
        let mut lanes = self.lock();
        if lanes.closed {
            return Err(Rejected::Closed);
        }
        if lanes.count >= self.jobs_max {
            return Err(Rejected::Full);
        }
        let lane = lanes.by_caller.entry(caller).or_default();
        if lane.len() >= self.lane_max {
            return Err(Rejected::Full);
        }
        lane.push_back(job);
        let first = lane.len() == 1;
        lanes.count += 1;
        if first {
            lanes.turn.push_back(caller);
        }
        drop(lanes);
        self.arrival.notify_one();
        Ok(())
    }

    /// The next job; waits for one. `None` when the queue is closed and empty.
    pub(crate) fn wait(&self) -> Option<Pending> {
        let mut lanes = self.lock();
        loop {
            if let Some(job) = lanes.next() {
                return Some(job);
            }
            if lanes.closed {
                return None;
            }
            lanes = self.arrival.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job, if one waits.
    pub(crate) fn try_next(&self) -> Option<Pending> {
        self.lock().next()
    }

    /// Takes no more jobs; those that wait are still served.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrival.notify_all();
    }

    /// Closes and drops what waits, whose callers are then told that the store has stopped.
    pub(crate) fn abandon(&self) {
        self.close();
        while self.try_next().is_some() {}
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // no code of others runs under this lock, so its state is whole even after a panic
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn next(&mut self) -> Option<Pending> {
        let caller = self.turn.pop_front()?;
        let lane = self.by_caller.get_mut(&caller).expect("a caller in turn has a lane");
        let job = lane.pop_front().expect("no lane is empty");
        self.count -= 1;
        if lane.is_empty() {
            self.by_caller.remove(&caller);
        } else {
            self.turn.push_back(caller);
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests;
