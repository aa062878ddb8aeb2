//! A job's view of the transaction.

use std::cell::Cell;
use std::marker::PhantomData;

use crate::session::Session;
use crate::{EngineFault, Kind, Row, Value, sql};

thread_local! {
    static IN_TRANSACTION: Cell<bool> = const { Cell::new(false) };
}

/// Why a statement or the reading of its answer failed: our storage or our code, never a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// An earlier statement of the same job failed; nothing runs until the job is undone.
    #[error("an earlier statement of this job failed")]
    Poisoned,
    /// The statement would control the transaction or the connection.
    #[error("statement not allowed in a job: {sql}")]
    Forbidden {
        /// The statement.
        sql: &'static str,
    },
    /// A text parameter holds U+0000.
    #[error("parameter {index} holds U+0000")]
    NulInText {
        /// Which parameter, counted from 1 as in `?1`.
        index: usize,
    },
    /// The engine refused the statement.
    #[error(transparent)]
    Engine(#[from] EngineFault),
    /// [`Tx::row`] found more than one row.
    #[error("{count} rows where at most one was expected")]
    ManyRows {
        /// How many rows there were.
        count: usize,
    },
    /// A column is absent or holds another type than the code expects.
    #[error("column {index}: expected {expected:?}, found {found:?}")]
    Column {
        /// Which column, counted from 0.
        index: usize,
        /// What the code asked for.
        expected: Kind,
        /// What the row holds.
        found: Kind,
    },
}

/// The transaction as one job sees it.
///
/// Statements are constants with the parameters `?1` … `?n`. The first error poisons the view: every
/// later statement fails with [`TxError::Poisoned`], and the job is undone whatever it returns.
pub struct Tx<'a> {
    session: &'a mut dyn Session,
    fault: Option<EngineFault>,
    /// Keeps a view on the thread that marks itself as being in a transaction.
    _here: PhantomData<*const ()>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(session: &'a mut dyn Session) -> Tx<'a> {
        Tx { session, fault: None, _here: PhantomData }
    }

    /// The first error of this view.
    pub(crate) fn into_fault(self) -> Option<EngineFault> {
        self.fault
    }

    /// Runs a statement that returns no rows; answers how many rows it changed.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, TxError> {
        self.admit(sql, params)?;
        let answer = self.session.execute(sql, params);
        self.note(answer)
    }

    /// Runs a statement and collects its rows.
    pub fn rows(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, TxError> {
        self.admit(sql, params)?;
        let answer = self.session.rows(sql, params);
        self.note(answer)
    }

    /// Runs a statement that finds at most one row.
    pub fn row(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, TxError> {
        let mut rows = self.rows(sql, params)?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            count => Err(self.poison(TxError::ManyRows { count })),
        }
    }

    /// Checks a statement without running it. A failure does not poison the view, so the job itself
    /// must refuse.
    pub(crate) fn prepare(&mut self, sql: &'static str) -> Result<(), TxError> {
        if !sql::is_job_statement(sql) {
            return Err(TxError::Forbidden { sql });
        }
        Ok(self.session.prepare(sql)?)
    }

    fn admit(&mut self, sql: &'static str, params: &[Value]) -> Result<(), TxError> {
        if self.fault.is_some() {
            return Err(TxError::Poisoned);
        }
        if !sql::is_job_statement(sql) {
            return Err(self.poison(TxError::Forbidden { sql }));
        }
        let nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        match params.iter().position(nul) {
            Some(position) => Err(self.poison(TxError::NulInText { index: position + 1 })),
            None => Ok(()),
        }
    }

    fn poison(&mut self, error: TxError) -> TxError {
        self.fault = Some(EngineFault::other(error.to_string()));
        error
    }

    fn note<T>(&mut self, answer: Result<T, EngineFault>) -> Result<T, TxError> {
        answer.map_err(|fault| {
            self.fault = Some(fault.clone());
            TxError::Engine(fault)
        })
    }
}

/// Panics on a thread that is inside a transaction.
///
/// Whoever waits for another transaction, a peer or a person calls this first: waiting there would
/// hold up everyone's writes, or for ever.
///
/// # Panics
/// When called from within a job.
pub fn assert_outside_transaction() {
    assert!(!IN_TRANSACTION.get(), "called from within a job of the store");
}

/// Marks the thread as being in a transaction while it lives.
pub(crate) struct InTransaction(PhantomData<*const ()>);

impl InTransaction {
    pub(crate) fn enter() -> InTransaction {
        assert_outside_transaction();
        IN_TRANSACTION.set(true);
        InTransaction(PhantomData)
    }
}

impl Drop for InTransaction {
    fn drop(&mut self) {
        IN_TRANSACTION.set(false);
    }
}
