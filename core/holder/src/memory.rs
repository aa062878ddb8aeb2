//! The durable memory of a software card: one table of a database of its own.

use std::convert::Infallible;

use zeni_card::element::memory::{Memory, MemoryFault, Write};
use zeni_store::{Caller, JobError, Migration, Row, Schema, Store, Tx, Value, WriteError, params};

const GET: &str = "SELECT value FROM card WHERE place = ?1";
const SCAN: &str = "SELECT place, value FROM card WHERE place >= ?1 AND place < ?2 ORDER BY place";
const SCAN_TO_END: &str = "SELECT place, value FROM card WHERE place >= ?1 ORDER BY place";
const PUT: &str =
    "INSERT INTO card (place, value) VALUES (?1, ?2) ON CONFLICT (place) DO UPDATE SET value = excluded.value";
const REMOVE: &str = "DELETE FROM card WHERE place = ?1";

/// The card's table.
pub const MEMORY_SCHEMA: Schema = Schema {
    name: "card",
    migrations: &[Migration {
        id: 1,
        sentence: "What a software card remembers.",
        sql: &["CREATE TABLE card (place BLOB PRIMARY KEY, value BLOB NOT NULL)"],
    }],
};

/// Every statement of the card's memory.
pub const MEMORY_STATEMENTS: &[&str] = &[GET, SCAN, SCAN_TO_END, PUT, REMOVE];

/// A card's memory in a store with the tables of [`MEMORY_SCHEMA`]; blocks the thread until a commit is durable.
#[derive(Clone)]
pub struct StoreMemory {
    store: Store,
}

impl std::fmt::Debug for StoreMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreMemory(…)")
    }
}

/// A place and its value.
type Pair = (Vec<u8>, Vec<u8>);

impl StoreMemory {
    /// The memory in `store`, which no other card uses.
    pub fn new(store: Store) -> Self {
        StoreMemory { store }
    }
}

impl Memory for StoreMemory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        let params = params![key].to_vec();
        let job = move |tx: &mut Tx<'_>| -> Result<Option<Vec<u8>>, JobError<Infallible>> {
            Ok(tx.row(GET, &params)?.map(|row| row.blob(0).map(<[u8]>::to_vec)).transpose()?)
        };
        self.store.read_blocking(job).map_err(fault)
    }

    fn scan(&mut self, prefix: &[u8]) -> Result<Vec<Pair>, MemoryFault> {
        let (sql, params) = match after(prefix) {
            Some(end) => (SCAN, params![prefix, end].to_vec()),
            None => (SCAN_TO_END, params![prefix].to_vec()),
        };
        let pair = |row: &Row| Ok((row.blob(0)?.to_vec(), row.blob(1)?.to_vec()));
        let job = move |tx: &mut Tx<'_>| -> Result<Vec<Pair>, JobError<Infallible>> {
            tx.rows(sql, &params)?.iter().map(pair).collect()
        };
        self.store.read_blocking(job).map_err(fault)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        let statement = |(place, value): &Write| -> (&'static str, Vec<Value>) {
            match value {
                Some(value) => (PUT, params![place, value].to_vec()),
                None => (REMOVE, params![place].to_vec()),
            }
        };
        let statements: Vec<(&'static str, Vec<Value>)> = writes.iter().map(statement).collect();
        let job = move |tx: &mut Tx<'_>| -> Result<(), JobError<Infallible>> {
            for (sql, params) in &statements {
                tx.execute(sql, params)?;
            }
            Ok(())
        };
        self.store.write_blocking(Caller::default(), job).map_err(fault)
    }
}

fn fault(error: WriteError<Infallible>) -> MemoryFault {
    MemoryFault { reason: error.to_string() }
}

/// The first byte string after all that begin with `prefix`; none if there is none.
fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests;
