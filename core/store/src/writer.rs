//! The writer: gathers jobs into transactions and answers them after the commit.

#![expect(clippy::disallowed_methods, reason = "the length of a batch is bounded in real time")]

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::job::{End, Verdict};
use crate::queue::Pending;
use crate::session::{EngineFault, FaultKind, Mode, Session};
use crate::tx::InTransaction;
use crate::{Tx, TxError};

/// What a store has done since it was opened, for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Write transactions committed.
    pub batches: u64,
    /// Jobs answered after a commit, whatever their answer.
    pub jobs: u64,
    /// Of these, the jobs that were undone.
    pub undone: u64,
    /// Transactions of which nothing happened, also those that then ran again.
    pub rolled_back: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    batches: AtomicU64,
    jobs: AtomicU64,
    undone: AtomicU64,
    rolled_back: AtomicU64,
}

impl Counters {
    pub(crate) fn stats(&self) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            batches: load(&self.batches),
            jobs: load(&self.jobs),
            undone: load(&self.undone),
            rolled_back: load(&self.rolled_back),
        }
    }
}

/// Limits of one transaction.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) mode: Mode,
    pub(crate) jobs_max: usize,
    pub(crate) time_max: Duration,
    pub(crate) retries_max: u32,
}

/// A job that ran in the current transaction, and how it ends if that commits.
struct Ran {
    job: Pending,
    end: End,
    /// A job that panicked is not run again.
    panicked: bool,
    undone: bool,
}

/// How a transaction ended.
enum Outcome {
    Committed,
    /// It conflicted with another: nothing happened, run the same jobs again.
    Conflict,
    /// Nothing happened; so the jobs are answered.
    Lost(End),
}

/// Runs `first` and what `more` yields in as many transactions as it takes, and answers each job.
pub(crate) fn run(
    session: &mut dyn Session,
    limits: Limits,
    counters: &Counters,
    first: Pending,
    more: &dyn Fn() -> Option<Pending>,
) {
    let mut waiting = VecDeque::from([Ran::new(first)]);
    let mut jobs_max = limits.jobs_max.max(1);
    let mut retries = 0;
    let mut fresh = true;
    while !waiting.is_empty() {
        let mut ran = Vec::new();
        let mut next = || waiting.pop_front().or_else(|| if fresh { more().map(Ran::new) } else { None });
        let outcome = transaction(session, Limits { jobs_max, ..limits }, &mut ran, &mut next);
        fresh = false;
        match outcome {
            Outcome::Committed => {
                count(counters, limits.mode, &ran);
                ran.into_iter().for_each(Ran::answer);
                retries = 0;
            }
            Outcome::Conflict if retries < limits.retries_max => {
                counters.rolled_back.fetch_add(1, Ordering::Relaxed);
                jobs_max = (ran.len() / 2).max(1);
                retries += 1;
                ran.into_iter().rev().for_each(|job| waiting.push_front(job));
            }
            Outcome::Conflict | Outcome::Lost(_) => {
                let end = if let Outcome::Lost(end) = outcome { end } else { End::TryAgain };
                counters.rolled_back.fetch_add(1, Ordering::Relaxed);
                // a transaction that could not begin took no job, and neither would the next
                let failed = if ran.is_empty() { waiting.drain(..).collect() } else { ran };
                failed.into_iter().for_each(|ran| ran.job.answer(end));
                retries = 0;
            }
        }
    }
}

fn count(counters: &Counters, mode: Mode, ran: &[Ran]) {
    if mode == Mode::Read {
        return;
    }
    let undone = ran.iter().filter(|ran| ran.undone).count();
    counters.batches.fetch_add(1, Ordering::Relaxed);
    counters.jobs.fetch_add(ran.len() as u64, Ordering::Relaxed);
    counters.undone.fetch_add(undone as u64, Ordering::Relaxed);
}

/// One transaction: every job that `next` yields, up to the limits, each in its savepoint.
fn transaction(
    session: &mut dyn Session,
    limits: Limits,
    ran: &mut Vec<Ran>,
    next: &mut dyn FnMut() -> Option<Ran>,
) -> Outcome {
    let start = Instant::now();
    let mut step = session.begin(limits.mode);
    while step.is_ok() && ran.len() < limits.jobs_max {
        if !ran.is_empty() && start.elapsed() >= limits.time_max {
            break;
        }
        let Some(mut job) = next() else { break };
        step = job.run(session);
        ran.push(job);
    }
    if step.is_ok() {
        step = session.commit();
    }
    match step {
        Ok(()) => Outcome::Committed,
        Err(fault) => {
            session.rollback();
            if fault.kind == FaultKind::Serialization {
                return Outcome::Conflict;
            }
            tracing::error!(kind = ?fault.kind, code = %fault.code, message = %fault.message,
                "a transaction was lost");
            Outcome::Lost(if fault.kind == FaultKind::Damaged { End::Damaged } else { End::TryAgain })
        }
    }
}

impl Ran {
    fn new(job: Pending) -> Ran {
        Ran { job, end: End::Own, panicked: false, undone: false }
    }

    fn answer(self) {
        self.job.answer(self.end);
    }

    /// Runs the job in a savepoint. An error means that the whole transaction is to be given up.
    fn run(&mut self, session: &mut dyn Session) -> Result<(), EngineFault> {
        if self.panicked {
            return Ok(());
        }
        session.savepoint()?;
        let (returned, fault) = self.call(session);
        if !session.in_transaction() {
            return Err(fault.unwrap_or_else(left));
        }
        if let Some(fault) = fault.as_ref().filter(|fault| ends_transaction(fault)) {
            return Err(fault.clone());
        }
        self.panicked = returned.is_err();
        self.end = match (&returned, &fault) {
            (Ok(_), Some(fault)) if fault.kind == FaultKind::Full => End::TryAgain,
            (Ok(_), Some(fault)) if fault.kind == FaultKind::Damaged => End::Damaged,
            (Ok(Verdict::Keep | Verdict::Undo), None) => End::Own,
            _ => End::Internal,
        };
        report(&returned, fault.as_ref());
        self.undone = !matches!((returned, fault), (Ok(Verdict::Keep), None));
        if self.undone { session.undo() } else { session.release() }
    }

    fn call(&mut self, session: &mut dyn Session) -> (std::thread::Result<Verdict>, Option<EngineFault>) {
        let _mark = InTransaction::enter();
        let mut tx = Tx::new(session);
        // after a panic nothing is used of the job but its reply, and of the view but its error
        let returned = catch_unwind(AssertUnwindSafe(|| self.job.run(&mut tx)));
        (returned, tx.into_fault())
    }
}

/// Whether nothing of the transaction can hold after this.
fn ends_transaction(fault: &EngineFault) -> bool {
    matches!(fault.kind, FaultKind::Serialization | FaultKind::Lost | FaultKind::Locked)
}

fn left() -> EngineFault {
    EngineFault { kind: FaultKind::Lost, code: String::new(), message: "the engine left the transaction".to_owned() }
}

fn report(returned: &std::thread::Result<Verdict>, fault: Option<&EngineFault>) {
    match (returned, fault) {
        (Err(_), _) => tracing::error!("a job panicked"),
        (_, Some(fault)) => {
            tracing::error!(kind = ?fault.kind, code = %fault.code, message = %fault.message,
                "a statement failed");
        }
        (Ok(Verdict::Failed(TxError::Column { index, expected, found })), None) => {
            tracing::error!(index, ?expected, ?found, "a column is not what was expected");
        }
        _ => {}
    }
}
