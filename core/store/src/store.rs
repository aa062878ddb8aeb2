//! The handle that parties hold.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::job::{JobError, Task, WriteError, refuse};
use crate::open::{OpenError, SharedSession};
use crate::options::{Engine, Options};
use crate::queue::{Caller, Pending, Queue, Rejected};
use crate::session::Mode;
use crate::writer::{self, Counters, Limits, Stats};
use crate::{Tx, TxError, assert_outside_transaction};

/// A handle to a database; clones share it. The last one to go stops the store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What handles and threads share.
pub(crate) struct Shared {
    engine: Engine,
    options: Options,
    writes: Queue,
    reads: Queue,
    counters: Counters,
    /// The only connection of a store without threads.
    inline: Option<SharedSession>,
}

/// The connections of a store, one thread for each.
pub(crate) struct Connections {
    pub(crate) writers: Vec<SharedSession>,
    pub(crate) readers: Vec<SharedSession>,
}

impl Store {
    /// Runs a job that may write; answers when its effects are durable.
    ///
    /// The job may run more than once; only what its last run did and returned counts. It captures
    /// values and touches no shared memory. Its error or panic undoes it alone. Dropping the future
    /// after its first poll does not take the job back. The future needs no runtime.
    ///
    /// # Errors
    /// See [`WriteError`].
    ///
    /// # Panics
    /// When polled from within a job of any store.
    pub async fn write<T, E>(
        &self,
        caller: Caller,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.wait(Mode::Write, caller, job).await
    }

    /// As [`Store::write`], blocking the thread: for command line tools and tests.
    pub fn write_blocking<T, E>(
        &self,
        caller: Caller,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.block(Mode::Write, caller, job)
    }

    /// Runs a job that only reads, on a connection of its own, seeing one committed state.
    ///
    /// A statement that writes fails. Errors and panics as for [`Store::write`].
    pub async fn read<T, E>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.wait(Mode::Read, Caller::default(), job).await
    }

    /// As [`Store::read`], blocking the thread.
    pub fn read_blocking<T, E>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.block(Mode::Read, Caller::default(), job)
    }

    /// The engine underneath.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.shared.engine
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.shared.counters.stats()
    }

    /// Takes no more jobs, finishes those that wait, and closes the connections. Blocks until then;
    /// a second call returns at once.
    ///
    /// # Panics
    /// When called from within a job.
    pub fn stop(&self) {
        assert_outside_transaction();
        self.inner.stop();
    }

    pub(crate) fn start(engine: Engine, connections: Connections, options: Options) -> Result<Store, OpenError> {
        let shared = Shared::new(engine, options, None);
        let store = Store::assemble(shared, Vec::new());
        let writers = connections.writers.into_iter().map(|session| (Mode::Write, session));
        let readers = connections.readers.into_iter().map(|session| (Mode::Read, session));
        for (mode, session) in writers.chain(readers) {
            let shared = Arc::clone(&store.inner.shared);
            let thread = std::thread::Builder::new()
                .name(format!("store-{mode:?}").to_lowercase())
                .spawn(move || shared.serve(mode, &session))?;
            store.inner.lock().push(thread);
        }
        Ok(store)
    }

    pub(crate) fn assemble(shared: Shared, threads: Vec<JoinHandle<()>>) -> Store {
        Store { inner: Arc::new(Inner { shared: Arc::new(shared), threads: Mutex::new(threads) }) }
    }

    async fn wait<T, E, F>(&self, mode: Mode, caller: Caller, job: F) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // a caller who went away needs no answer
        let task = Task::new(job, move |result| drop(reply.send(result)));
        self.inner.shared.submit(mode, caller, Box::new(task)).map_err(rejected)?;
        answer.await.unwrap_or(Err(WriteError::Stopped))
    }

    fn block<T, E, F>(&self, mode: Mode, caller: Caller, job: F) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, JobError<E>> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        let task = Task::new(job, move |result| drop(reply.send(result)));
        self.inner.shared.submit(mode, caller, Box::new(task)).map_err(rejected)?;
        answer.recv().unwrap_or(Err(WriteError::Stopped))
    }
}

impl Shared {
    pub(crate) fn new(engine: Engine, options: Options, inline: Option<SharedSession>) -> Shared {
        Shared {
            engine,
            writes: Queue::new(options.queue_max, options.caller_max),
            reads: Queue::new(options.queue_max, options.queue_max),
            counters: Counters::default(),
            inline,
            options,
        }
    }

    fn submit(&self, mode: Mode, caller: Caller, job: Pending) -> Result<(), Rejected> {
        assert_outside_transaction();
        self.queue(mode).push(caller, job)?;
        if let Some(session) = &self.inline {
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            // another thread may have run this one's job already
            if let Some(job) = self.queue(mode).try_next() {
                writer::run(&mut **session, self.limits(mode), &self.counters, job, &|| None);
            }
        }
        Ok(())
    }

    /// A thread's work: everything in its queue until that is closed and empty.
    fn serve(&self, mode: Mode, session: &SharedSession) {
        let queue = self.queue(mode);
        let _abandon = Abandon(queue);
        while let Some(first) = queue.wait() {
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            let more = || queue.try_next();
            writer::run(&mut **session, self.limits(mode), &self.counters, first, &more);
        }
    }

    fn queue(&self, mode: Mode) -> &Queue {
        match mode {
            Mode::Write => &self.writes,
            Mode::Read => &self.reads,
        }
    }

    fn limits(&self, mode: Mode) -> Limits {
        let jobs_max = match (mode, self.engine) {
            // a read sees one state and nothing that failed beside it
            _ if self.inline.is_some() => 1,
            (Mode::Read, _) => 1,
            (Mode::Write, Engine::Sqlite) => self.options.batch_max,
            (Mode::Write, Engine::Postgres) => self.options.batch_max.min(Options::POSTGRES_BATCH_MAX),
        };
        Limits {
            mode,
            jobs_max,
            time_max: Duration::from_millis(self.options.batch_ms),
            retries_max: self.options.retries_max,
        }
    }
}

/// Tells the callers of a thread that died that nothing will come.
struct Abandon<'a>(&'a Queue);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}

impl Inner {
    fn stop(&self) {
        self.shared.writes.close();
        self.shared.reads.close();
        let threads = std::mem::take(&mut *self.lock());
        for thread in threads {
            // the last handle may go with a job, on one of these threads
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn rejected<E>(rejected: Rejected) -> WriteError<E> {
    match rejected {
        Rejected::Full => WriteError::Busy,
        Rejected::Closed => WriteError::Stopped,
    }
}

/// A statement that an engine does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sql}: {error}")]
pub struct PrepareError {
    /// The statement.
    pub sql: &'static str,
    /// What the engine says.
    pub error: TxError,
}

/// Lets the engine of a store check statements without running them; the first bad one is returned.
///
/// # Panics
/// When the store itself fails, which in a test is the answer wanted.
pub fn prepare_all(store: &Store, statements: &[&'static str]) -> Result<(), PrepareError> {
    let statements = statements.to_vec();
    let answer = store.read_blocking(move |tx| {
        let check = |&sql: &&'static str| tx.prepare(sql).err().map(|error| PrepareError { sql, error });
        match statements.iter().find_map(check) {
            None => Ok(()),
            Some(error) => refuse(error),
        }
    });
    match answer {
        Ok(()) => Ok(()),
        Err(WriteError::Refused(error)) => Err(error),
        Err(error) => unreachable!("statements were not checked: {error:?}"),
    }
}

#[cfg(test)]
mod tests;
