//! Transactions over SQLite or PostgreSQL with group commit, migrations and snapshot reads.
//!
//! A party keeps everything in one [`Store`]. What it decides runs as a *job*: a closure that sees
//! the database through a [`Tx`] and either returns a value, which is answered after the commit, or
//! an error, which undoes that job alone. The writer gathers jobs of many callers into one
//! transaction with a savepoint each; see [`Store::write`].
//!
//! Invariants:
//! - An answer other than [`WriteError`] leaves the store only after its effects are durable.
//! - A job that returns an error or panics leaves no trace.
//! - After an engine error inside a job no further statement of that job reaches the engine.
//! - No thread waits for a store, or sends to a peer, while it is inside a transaction.
//!
//! Rules for statements, so that both engines and distributed ones read them alike:
//! - Constants with the parameters `?1` … `?n`, each used; list them with [`statements!`] and let a
//!   test prepare them on both engines.
//! - Only SELECT, INSERT, UPDATE, DELETE and WITH. Names are written without quotes.
//! - An expected conflict is `ON CONFLICT DO NOTHING` and a row count of 0, never a caught error.
//! - Money is added in Rust. Where SQL sums it is `CAST(SUM(x) AS BIGINT)`.
//! - A parameter in a place without a type, as in `SELECT ?1`, needs a `CAST`.
//! - Keys that many transactions insert are random, not counted.
//!
//! What the crate does not do: no queries are built at run time, no types beyond [`Value`], no
//! metrics, no clock that a party could see.

mod job;
mod open;
mod options;
mod postgres;
mod queue;
mod schema;
mod session;
mod sql;
mod sqlite;
mod store;
mod tx;
mod value;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use job::{JobError, WriteError, refuse};
pub use open::OpenError;
pub use options::{Engine, Options};
pub use queue::Caller;
pub use schema::{Migration, Schema};
pub use session::{EngineFault, FaultKind};
pub use store::{PrepareError, Store, prepare_all};
pub use tx::{Tx, TxError, assert_outside_transaction};
pub use value::{Kind, Row, Value};
pub use writer::Stats;

/// The parameters of a statement: each expression is turned into a [`Value`] by `From`.
///
/// `tx.execute(INSERT, zeni_store::params![serial, amount, "JPY"])`
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*][..] };
}

/// Declares the statements of a crate as constants and lists them in `ALL`, for [`prepare_all`].
///
/// ```
/// zeni_store::statements! {
///     /// One more visit.
///     pub INSERT_VISIT = "INSERT INTO visit (who, day) VALUES (?1, ?2)";
///     DELETE_VISITS = "DELETE FROM visit";
/// }
/// assert_eq!(ALL, [INSERT_VISIT, DELETE_VISITS]);
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $sql:expr;)*) => {
        $($(#[$meta])* $vis const $name: &str = $sql;)*
        /// Every statement declared here.
        #[allow(dead_code, unreachable_pub, reason = "for the test that prepares them")]
        pub const ALL: &[&str] = &[$($name),*];
    };
}
