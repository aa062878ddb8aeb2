//! How a store is set up.

/// The database engine under a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, in a file or in memory.
    Sqlite,
    /// PostgreSQL, or what speaks its protocol.
    Postgres,
}

/// Limits of a store; [`Options::default`] fits a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs each job on its caller's thread in a transaction of its own, with no threads at all: for
    /// deterministic tests. SQLite only.
    pub inline: bool,
    /// Most jobs in one transaction; on PostgreSQL never more than [`Options::POSTGRES_BATCH_MAX`].
    pub batch_max: usize,
    /// After this time, in milliseconds, a transaction takes no further jobs.
    pub batch_ms: u64,
    /// Most jobs that wait; beyond that callers are told at once that the store is busy.
    pub queue_max: usize,
    /// Most jobs of one caller that wait.
    pub caller_max: usize,
    /// How often a job is run again after conflicts with other transactions.
    pub retries_max: u32,
    /// Connections, and threads, that read.
    pub readers: usize,
    /// Connections, and threads, that write. PostgreSQL only; SQLite has one.
    pub postgres_writers: usize,
    /// Most pages of an SQLite file, so that tests can fill the disk.
    pub sqlite_page_max: Option<u32>,
}

impl Options {
    /// Most jobs in one PostgreSQL transaction: larger ones conflict too often.
    pub const POSTGRES_BATCH_MAX: usize = 64;

    /// The options for deterministic tests: every job at once on its caller's thread.
    #[must_use]
    pub fn inline() -> Options {
        Options { inline: true, ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            inline: false,
            batch_max: 1_024,
            batch_ms: 5,
            queue_max: 16_384,
            caller_max: 8_192,
            retries_max: 32,
            readers: 2,
            postgres_writers: 4,
            sqlite_page_max: None,
        }
    }
}
