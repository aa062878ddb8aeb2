//! SQLite connections.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql};

use crate::session::{EngineFault, FaultKind, Mode, Session};
use crate::{Row, Value, sql};

/// How long to wait for another process that holds the lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const STATEMENTS_CACHED: usize = 512;
/// Memory for pages of one connection, allocated as it is used. Keys are random, so with SQLite's 2 MiB most look-ups of a
/// database of some 10,000 notes read their pages from the file again.
const CACHE_KIB: u32 = 64 * 1_024;

/// One SQLite connection.
pub(crate) struct SqliteSession {
    connection: Connection,
    query_only: bool,
}

impl SqliteSession {
    /// Opens or creates a file.
    pub(crate) fn file(path: &Path, page_max: Option<u32>) -> Result<SqliteSession, EngineFault> {
        SqliteSession::set_up(Connection::open(path).map_err(fault)?, page_max)
    }

    /// A database in memory that lives as long as the connection.
    pub(crate) fn memory(page_max: Option<u32>) -> Result<SqliteSession, EngineFault> {
        SqliteSession::set_up(Connection::open_in_memory().map_err(fault)?, page_max)
    }

    fn set_up(connection: Connection, page_max: Option<u32>) -> Result<SqliteSession, EngineFault> {
        connection.busy_timeout(LOCK_WAIT).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        // a misspelt name in double quotes is an error, as on PostgreSQL, not a text literal
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).map_err(fault)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false).map_err(fault)?;
        // the answer to journal_mode is a row: "wal", or "memory" in memory
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(fault)?;
        connection
            .execute_batch(
                "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
                 PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON;",
            )
            .map_err(fault)?;
        connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB)).map_err(fault)?;
        if let Some(pages) = page_max {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).map_err(fault)?;
        }
        Ok(SqliteSession { connection, query_only: false })
    }

    fn control(&self, statement: &'static str) -> Result<(), EngineFault> {
        let mut prepared = self.connection.prepare_cached(statement).map_err(fault)?;
        prepared.raw_execute().map_err(fault)?;
        Ok(())
    }
}

impl Session for SqliteSession {
    fn begin(&mut self, mode: Mode) -> Result<(), EngineFault> {
        let query_only = mode == Mode::Read;
        if query_only != self.query_only {
            self.connection.pragma_update(None, "query_only", query_only).map_err(fault)?;
            self.query_only = query_only;
        }
        self.control(match mode {
            Mode::Write => "BEGIN IMMEDIATE",
            Mode::Read => "BEGIN",
        })
    }

    fn commit(&mut self) -> Result<(), EngineFault> {
        self.control("COMMIT")
    }

    fn rollback(&mut self) {
        // a failed ROLLBACK means that the engine has rolled back by itself
        if self.in_transaction()
            && let Err(error) = self.control("ROLLBACK")
        {
            tracing::warn!(%error, "rollback failed");
        }
    }

    fn savepoint(&mut self) -> Result<(), EngineFault> {
        self.control("SAVEPOINT job")
    }

    fn release(&mut self) -> Result<(), EngineFault> {
        self.control("RELEASE job")
    }

    fn undo(&mut self) -> Result<(), EngineFault> {
        self.control("ROLLBACK TO job")?;
        self.control("RELEASE job")
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, EngineFault> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        let changed = statement.execute(rusqlite::params_from_iter(params.iter().map(Parameter))).map_err(fault)?;
        Ok(u64::try_from(changed).expect("a row count fits 64 bits"))
    }

    fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, EngineFault> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        let columns = statement.column_count();
        let mut found = statement.query(rusqlite::params_from_iter(params.iter().map(Parameter))).map_err(fault)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(fault)? {
            let value = |index| row.get_ref(index).map_err(fault).and_then(column);
            rows.push(Row::new((0..columns).map(value).collect::<Result<_, _>>()?));
        }
        Ok(rows)
    }

    fn prepare(&mut self, sql: &'static str) -> Result<(), EngineFault> {
        // what PostgreSQL would refuse is refused here as well
        sql::postgres_parameters(sql)?;
        self.connection.prepare(sql).map(drop).map_err(fault)
    }

    fn define(&mut self, ddl: &str) -> Result<(), EngineFault> {
        self.connection.execute_batch(&sql::sqlite_ddl(ddl)).map_err(fault)
    }
}

/// A value bound as it is.
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn column(value: ValueRef<'_>) -> Result<Value, EngineFault> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(value) => Ok(Value::Int(value)),
        ValueRef::Text(value) => match std::str::from_utf8(value) {
            Ok(text) => Ok(Value::from(text)),
            Err(_) => Err(EngineFault::other("a text column that is not UTF-8")),
        },
        ValueRef::Blob(value) => Ok(Value::from(value)),
        ValueRef::Real(_) => Err(EngineFault::other("a column of floating point numbers")),
    }
}

fn fault(error: rusqlite::Error) -> EngineFault {
    let Some(engine) = error.sqlite_error() else {
        return EngineFault::other(error.to_string());
    };
    let kind = match engine.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => FaultKind::Locked,
        ErrorCode::DiskFull | ErrorCode::OutOfMemory => FaultKind::Full,
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => FaultKind::Lost,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => FaultKind::Damaged,
        ErrorCode::ConstraintViolation => FaultKind::Constraint,
        _ => FaultKind::Other,
    };
    EngineFault { kind, code: engine.extended_code.to_string(), message: error.to_string() }
}
