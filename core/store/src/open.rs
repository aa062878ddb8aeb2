//! Opening a store.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::TxError;
use crate::options::{Engine, Options};
use crate::postgres::PostgresSession;
use crate::schema::{self, Schema};
use crate::session::{EngineFault, Session};
use crate::sqlite::SqliteSession;
use crate::store::{Connections, Shared, Store};

/// Why a store could not be opened, in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The migrations of the schema are not numbered 1, 2, …
    #[error("migration {found} stands where {expected} belongs")]
    Misnumbered {
        /// The id in the schema.
        found: u32,
        /// The id that belongs there.
        expected: u32,
    },
    /// Jobs on PostgreSQL cannot run on their caller's thread.
    #[error("inline jobs need SQLite")]
    InlinePostgres,
    /// A database schema's name is more than lower-case letters, digits and underscores.
    #[error("not a name of a database schema: {name:?}")]
    SchemaName {
        /// The name.
        name: String,
    },
    /// The address of the PostgreSQL server cannot be read.
    #[error("not an address of a PostgreSQL server: {reason}")]
    Address {
        /// What the client says.
        reason: String,
    },
    /// The database belongs to another role.
    #[error("the database belongs to {found}, not {expected}")]
    OtherRole {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: &'static str,
    },
    /// The database was made by a newer program.
    #[error("the database has migration {id}, which this program does not know")]
    FromTheFuture {
        /// The unknown migration.
        id: u64,
    },
    /// An applied migration reads differently in this program.
    #[error("migration {id} was applied in another wording")]
    Altered {
        /// The migration.
        id: u64,
    },
    /// The list of applied migrations has a gap.
    #[error("migration {id} was never applied, but a later one was")]
    Missing {
        /// The migration.
        id: u64,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineFault),
    /// The list of applied migrations cannot be read.
    #[error(transparent)]
    Log(#[from] TxError),
    /// The operating system gave no thread.
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
}

pub(crate) type SharedSession = Arc<Mutex<Box<dyn Session>>>;

impl Store {
    /// Opens or creates an SQLite file, with the write-ahead log beside it, and migrates it.
    pub fn open_sqlite(path: impl AsRef<Path>, schema: &Schema, options: Options) -> Result<Store, OpenError> {
        let path = path.as_ref();
        let mut session = SqliteSession::file(path, options.sqlite_page_max)?;
        schema::migrate(&mut session, schema)?;
        let writer = share(session);
        if options.inline {
            return Ok(Store::inline(writer, options));
        }
        let reader = || SqliteSession::file(path, options.sqlite_page_max).map(share);
        let readers = (0..options.readers.max(1)).map(|_| reader()).collect::<Result<_, _>>()?;
        let connections = Connections { writers: vec![writer], readers };
        Store::start(Engine::Sqlite, connections, options)
    }

    /// An SQLite database in memory, gone with the last handle, with a writer like that of a file.
    pub fn open_memory(schema: &Schema) -> Result<Store, OpenError> {
        Store::open_memory_with(schema, Options::default())
    }

    /// As [`Store::open_memory`], with options.
    pub fn open_memory_with(schema: &Schema, options: Options) -> Result<Store, OpenError> {
        let mut session = SqliteSession::memory(options.sqlite_page_max)?;
        schema::migrate(&mut session, schema)?;
        let session = share(session);
        if options.inline {
            return Ok(Store::inline(session, options));
        }
        let connections = Connections { writers: vec![Arc::clone(&session)], readers: vec![session] };
        Store::start(Engine::Sqlite, connections, options)
    }

    /// Connects to a PostgreSQL database, creates the database schema `namespace` if it is missing,
    /// and migrates it. Blocks the thread until that is done.
    ///
    /// `address` is a URL or a list of keys and values as libpq reads them. The connection is not
    /// encrypted: use a Unix socket or a private network.
    pub fn open_postgres(
        address: &str,
        namespace: &str,
        schema: &Schema,
        options: Options,
    ) -> Result<Store, OpenError> {
        if options.inline {
            return Err(OpenError::InlinePostgres);
        }
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if namespace.is_empty() || !namespace.chars().all(named) {
            return Err(OpenError::SchemaName { name: namespace.to_owned() });
        }
        let config: postgres::Config =
            address.parse().map_err(|error: postgres::Error| OpenError::Address { reason: error.to_string() })?;
        let session = || PostgresSession::new(config.clone(), namespace);
        // on a thread of its own: the caller's may be one of a runtime
        let migrated = std::thread::scope(|scope| scope.spawn(|| schema::migrate(&mut session(), schema)).join());
        match migrated {
            Ok(outcome) => outcome?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        let writers = (0..options.postgres_writers.max(1)).map(|_| share(session())).collect();
        let readers = (0..options.readers.max(1)).map(|_| share(session())).collect();
        Store::start(Engine::Postgres, Connections { writers, readers }, options)
    }

    fn inline(session: SharedSession, options: Options) -> Store {
        Store::assemble(Shared::new(Engine::Sqlite, options, Some(session)), Vec::new())
    }
}

fn share(session: impl Session + 'static) -> SharedSession {
    Arc::new(Mutex::new(Box::new(session)))
}
