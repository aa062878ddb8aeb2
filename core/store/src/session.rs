//! One connection to an engine, behind one interface.

use crate::{Row, Value};

/// Why an engine refused a statement, as far as the store treats the reasons differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Transactions could not be put in an order: the whole transaction runs again.
    Serialization,
    /// The connection is gone or the engine cannot read or write: nothing of the transaction holds.
    Lost,
    /// Another process holds the lock.
    Locked,
    /// No space or memory is left.
    Full,
    /// The file or a table in it is not what the engine wrote: nobody knows what else is lost.
    Damaged,
    /// A constraint was violated. Expected conflicts are `ON CONFLICT DO NOTHING` instead.
    Constraint,
    /// Anything else: a statement or a parameter is wrong.
    Other,
}

/// A refusal by the engine, in the engine's words. It names tables and columns, not row contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} [{code}] {message}")]
pub struct EngineFault {
    /// What the store makes of it.
    pub kind: FaultKind,
    /// SQLite's extended result code or PostgreSQL's SQLSTATE; empty if there is none.
    pub code: String,
    /// The engine's message.
    pub message: String,
}

impl EngineFault {
    pub(crate) fn other(message: impl Into<String>) -> EngineFault {
        EngineFault { kind: FaultKind::Other, code: String::new(), message: message.into() }
    }
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Read and write.
    Write,
    /// Read one snapshot.
    Read,
}

/// One connection. The caller keeps the order begin, (savepoint, …, release or undo)*, commit.
pub(crate) trait Session: Send {
    /// Starts a transaction, connecting anew if the connection was lost.
    fn begin(&mut self, mode: Mode) -> Result<(), EngineFault>;
    fn commit(&mut self) -> Result<(), EngineFault>;
    /// Ends the transaction, if there is one, without effect.
    fn rollback(&mut self);
    fn savepoint(&mut self) -> Result<(), EngineFault>;
    /// Keeps what happened since the savepoint and forgets the savepoint.
    fn release(&mut self) -> Result<(), EngineFault>;
    /// Undoes what happened since the savepoint and forgets the savepoint.
    fn undo(&mut self) -> Result<(), EngineFault>;
    /// Whether the engine still is in the transaction that was begun.
    fn in_transaction(&self) -> bool;
    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, EngineFault>;
    fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, EngineFault>;
    /// Lets the engine parse and check a statement without running it.
    fn prepare(&mut self, sql: &'static str) -> Result<(), EngineFault>;
    /// Runs one statement of a migration, rewritten for the engine.
    fn define(&mut self, ddl: &str) -> Result<(), EngineFault>;
}
