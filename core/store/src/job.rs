//! Jobs: what they return, what their callers get, and their form in the queue.

use crate::{Tx, TxError};

/// What a job returns when it is to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError<E> {
    /// The job refuses the request; the caller gets the reason.
    Refused(E),
    /// Our storage failed.
    Tx(TxError),
}

impl<E> From<TxError> for JobError<E> {
    fn from(error: TxError) -> JobError<E> {
        JobError::Tx(error)
    }
}

/// Refuses from within a job: `return refuse(Refusal::Unknown)`.
pub fn refuse<T, E>(reason: E) -> Result<T, JobError<E>> {
    Err(JobError::Refused(reason))
}

/// Why a write or read did not take effect. Nothing of the job is stored, except after
/// [`WriteError::TryAgain`] and [`WriteError::Stopped`] for a connection lost during the commit,
/// where it is unknown: requests are idempotent, so the same one is sent again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError<R> {
    /// The job refused, for its own reason.
    #[error("refused")]
    Refused(R),
    /// Too many jobs wait; nothing ran. A later retry can help.
    #[error("the store is busy")]
    Busy,
    /// The engine gave up the transaction: disk full, connection lost, or too many conflicts. A
    /// retry can help.
    #[error("the transaction did not happen")]
    TryAgain,
    /// The database is damaged; nothing happened. Only a backup helps.
    #[error("the database is damaged")]
    Damaged,
    /// The job panicked or a statement failed. The same request will fail again.
    #[error("internal error")]
    Internal,
    /// The store was stopped.
    #[error("the store has stopped")]
    Stopped,
}

impl<R> WriteError<R> {
    /// The same outcome with another reason for a refusal.
    pub fn map<S>(self, reason: impl FnOnce(R) -> S) -> WriteError<S> {
        match self {
            WriteError::Refused(refusal) => WriteError::Refused(reason(refusal)),
            WriteError::Busy => WriteError::Busy,
            WriteError::TryAgain => WriteError::TryAgain,
            WriteError::Damaged => WriteError::Damaged,
            WriteError::Internal => WriteError::Internal,
            WriteError::Stopped => WriteError::Stopped,
        }
    }
}

/// What running a job came to.
pub(crate) enum Verdict {
    /// Keep its effects.
    Keep,
    /// Undo them: it refused.
    Undo,
    /// Undo them: a statement failed or an answer was not what the code expects.
    Failed(TxError),
}

/// How a job ended, for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As the job itself said.
    Own,
    Damaged,
    Internal,
    TryAgain,
}

/// A job in the queue, its types erased. Dropped without `answer`, its caller gets `Stopped`.
pub(crate) trait Work: Send {
    /// Runs the job; what it returned is kept for `answer`, replacing what an earlier run returned.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;
    fn answer(self: Box<Self>, end: End);
}

/// A job with its caller's reply channel.
pub(crate) struct Task<T, E, F, R> {
    job: F,
    returned: Option<Result<T, E>>,
    reply: R,
}

impl<T, E, F, R> Task<T, E, F, R>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send,
    R: FnOnce(Result<T, WriteError<E>>) + Send,
{
    pub(crate) fn new(job: F, reply: R) -> Task<T, E, F, R> {
        Task { job, returned: None, reply }
    }
}

impl<T, E, F, R> Work for Task<T, E, F, R>
where
    T: Send,
    E: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send,
    R: FnOnce(Result<T, WriteError<E>>) + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        self.returned = None;
        match (self.job)(tx) {
            Ok(value) => {
                self.returned = Some(Ok(value));
                Verdict::Keep
            }
            Err(JobError::Refused(reason)) => {
                self.returned = Some(Err(reason));
                Verdict::Undo
            }
            Err(JobError::Tx(error)) => Verdict::Failed(error),
        }
    }

    fn answer(self: Box<Self>, end: End) {
        let answer = match (end, self.returned) {
            (End::Own, Some(Ok(value))) => Ok(value),
            (End::Own, Some(Err(reason))) => Err(WriteError::Refused(reason)),
            (End::Own, None) | (End::Internal, _) => Err(WriteError::Internal),
            (End::Damaged, _) => Err(WriteError::Damaged),
            (End::TryAgain, _) => Err(WriteError::TryAgain),
        };
        (self.reply)(answer);
    }
}
