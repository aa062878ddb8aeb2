//! Software cards of earlier versions: a database `card.db` in the home, read once to make a file of it.

use std::{convert::Infallible, fs, path::Path};

use anyhow::{Context, Result};
use zeni_card::element::memory::Pair;
use zeni_store::{JobError, Migration, Options, Schema, Store, Tx};

/// The database.
pub(super) const CARD_DB: &str = "card.db";
/// Endings of SQLite's files.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

const ALL: &str = "SELECT place, value FROM card ORDER BY place";

/// Its only table, as it was made.
const SCHEMA: Schema = Schema {
    name: "card",
    migrations: &[Migration {
        id: 1,
        sentence: "What a software card remembers.",
        sql: &["CREATE TABLE card (place BLOB PRIMARY KEY, value BLOB NOT NULL)"],
    }],
};

/// Whether there is one with something in it.
pub(super) fn is_there(dir: &Path) -> bool {
    fs::metadata(dir.join(CARD_DB)).is_ok_and(|file| file.len() > 0)
}

/// All that the card remembers.
pub(super) fn pairs(dir: &Path) -> Result<Vec<Pair>> {
    let path = dir.join(CARD_DB);
    let cannot = || format!("cannot read {}", path.display());
    let store =
        Store::open_sqlite(&path, &SCHEMA, Options { readers: 1, ..Options::default() }).with_context(cannot)?;
    let job = |tx: &mut Tx<'_>| -> Result<Vec<Pair>, JobError<Infallible>> {
        let row = |row: &zeni_store::Row| Ok((row.blob(0)?.to_vec(), row.blob(1)?.to_vec()));
        tx.rows(ALL, &[])?.iter().map(row).collect()
    };
    store.read_blocking(job).with_context(cannot)
}

/// Removes a database, or any file, with what SQLite keeps beside it.
pub(super) fn remove(dir: &Path, name: &str) -> Result<()> {
    for ending in ENDINGS {
        let path = dir.join(format!("{name}{ending}"));
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
