//! Software cards of earlier versions: a database `card.db` in the home, read once to make a file of it.

use std::{
    convert::Infallible,
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, Result};
use zeni_card::element::memory::Pair;
use zeni_store::{JobError, Migration, Options, Schema, Store, Tx};

/// The database.
pub(super) const CARD_DB: &str = "card.db";
/// Rights of a file that is its owner's alone, and those of all others.
const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o077;
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

/// Makes a database its owner's alone, one that is not there yet before anything is in it. SQLite gives what it keeps beside a
/// database the same rights.
pub(super) fn owner_only(path: &Path) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    OpenOptions::new().append(true).create(true).mode(OWNER_ONLY).open(path).with_context(cannot)?;
    for ending in ENDINGS {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        // what is gone by now has no rights
        let Ok(found) = fs::metadata(&name) else { continue };
        if found.permissions().mode() & OTHERS != 0 {
            fs::set_permissions(&name, Permissions::from_mode(OWNER_ONLY)).with_context(cannot)?;
        }
    }
    Ok(())
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
