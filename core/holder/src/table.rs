//! Typed tables over the store: each row is one record in canonical CBOR with its key, place and activity.

use std::convert::Infallible;

use zeni_message::{Wire, decode, encode, limits::MESSAGE_BYTES_MAX};
use zeni_store::{Caller, JobError, Store, Value, params};

use crate::Trouble;

/// A record with a table of its own.
pub(crate) trait Stored: Wire + Send + 'static {
    /// Statements of the table.
    const SQL: &'static Sql;
    /// Primary key.
    fn id(&self) -> Vec<u8>;
    /// Whether something is still to be done with it, or it can still be used.
    fn active(&self) -> bool;
}

/// The statements of one table.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) table: &'static str,
    pub(crate) put: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) get: &'static str,
    pub(crate) all: &'static str,
    pub(crate) active: &'static str,
    pub(crate) newest: &'static str,
}

/// One write; several make one transaction.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    sql: &'static str,
    params: Vec<Value>,
}

impl Change {
    /// Inserts a record or replaces the one with its id; the place in the order stays.
    pub(crate) fn put<T: Stored>(record: &T) -> Change {
        let active = u8::from(record.active());
        Change { sql: T::SQL.put, params: params![record.id(), active, encode(record)].to_vec() }
    }

    /// Takes a record away, if there is one with this id.
    pub(crate) fn remove<T: Stored>(id: &[u8]) -> Change {
        Change { sql: T::SQL.remove, params: params![id].to_vec() }
    }
}

/// Carries all changes out, or none.
pub(crate) async fn commit(store: &Store, changes: Vec<Change>) -> Result<(), Trouble> {
    let job = move |tx: &mut zeni_store::Tx<'_>| -> Result<(), JobError<Infallible>> {
        for change in &changes {
            tx.execute(change.sql, &change.params)?;
        }
        Ok(())
    };
    Ok(store.write(Caller::default(), job).await?)
}

/// The record with this id.
pub(crate) async fn get<T: Stored>(store: &Store, id: &[u8]) -> Result<Option<T>, Trouble> {
    let params = params![id].to_vec();
    Ok(read(store, T::SQL.get, params, T::SQL.table).await?.pop())
}

/// All records in the order in which they were first written.
pub(crate) async fn all<T: Stored>(store: &Store) -> Result<Vec<T>, Trouble> {
    read(store, T::SQL.all, Vec::new(), T::SQL.table).await
}

/// The active records in the order in which they were first written.
pub(crate) async fn active<T: Stored>(store: &Store) -> Result<Vec<T>, Trouble> {
    read(store, T::SQL.active, Vec::new(), T::SQL.table).await
}

/// The record that was first written last of those with which nothing is to be done any more.
pub(crate) async fn newest<T: Stored>(store: &Store) -> Result<Option<T>, Trouble> {
    Ok(read(store, T::SQL.newest, Vec::new(), T::SQL.table).await?.pop())
}

async fn read<T: Stored>(
    store: &Store,
    sql: &'static str,
    params: Vec<Value>,
    table: &'static str,
) -> Result<Vec<T>, Trouble> {
    let job = move |tx: &mut zeni_store::Tx<'_>| -> Result<Vec<Vec<u8>>, JobError<Infallible>> {
        tx.rows(sql, &params)?.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
    };
    let rows = store.read(job).await?;
    rows.iter().map(|bytes| decode(bytes, MESSAGE_BYTES_MAX).map_err(|_| Trouble::Damaged { table })).collect()
}
