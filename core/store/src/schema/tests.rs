use super::*;
use crate::testing::{PgDatabase, TempDir, postgres};
use crate::{Caller, JobError, Options, Store, params};

const FIRST: Migration = Migration {
    id: 1,
    sentence: "Accounts.",
    sql: &["CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY, owner TEXT NOT NULL)"],
};
const SECOND: Migration = Migration {
    id: 2,
    sentence: "Balances, zero until now.",
    sql: &[
        "ALTER TABLE account ADD COLUMN balance INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE owner (name TEXT NOT NULL PRIMARY KEY)",
        "INSERT INTO owner (name) SELECT DISTINCT owner FROM account",
    ],
};
const BROKEN: Migration = Migration {
    id: 2,
    sentence: "Half of it works.",
    sql: &["CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY)", "CREATE TABLE half (id INTEGER)"],
};
const REWORDED: Migration = Migration {
    id: 1,
    sentence: "Accounts.",
    sql: &["CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY, owner TEXT)"],
};

const V1: Schema = Schema { name: "bank", migrations: &[FIRST] };
const V2: Schema = Schema { name: "bank", migrations: &[FIRST, SECOND] };

fn insert(store: &Store) {
    let stored = store.write_blocking(Caller(0), |tx| {
        tx.execute("INSERT INTO account (id, owner) VALUES (?1, ?2)", params![1, "aoba"])?;
        Ok::<_, JobError<()>>(())
    });
    assert_eq!(stored, Ok(()));
}

fn migrated(store: &Store) -> (i64, String) {
    let found = store.read_blocking(|tx| {
        let balance = tx.row("SELECT balance FROM account WHERE id = ?1", params![1])?;
        let owner = tx.row("SELECT name FROM owner", &[])?;
        let (balance, owner) = (balance.expect("kept"), owner.expect("copied"));
        Ok::<_, JobError<()>>((balance.int(0)?, owner.text(0)?.to_owned()))
    });
    found.unwrap()
}

/// The life of a database through releases, good and bad; `open` opens the same one each time.
fn history(open: impl Fn(&Schema) -> Result<Store, OpenError>) {
    insert(&open(&V1).unwrap());
    let broken = Schema { name: "bank", migrations: &[FIRST, BROKEN] };
    assert!(matches!(open(&broken), Err(OpenError::Engine(_))));
    // nothing is left of the half that worked, else the table would be there already
    assert!(matches!(open(&broken), Err(OpenError::Engine(_))));
    drop(open(&V1).unwrap());
    assert_eq!(migrated(&open(&V2).unwrap()), (0, "aoba".to_owned()));
    assert_eq!(migrated(&open(&V2).unwrap()), (0, "aoba".to_owned()));
    assert!(matches!(open(&V1), Err(OpenError::FromTheFuture { id: 2 })));
    let other = Schema { name: "issuer", ..V2 };
    let error = open(&other).err();
    assert!(matches!(&error, Some(OpenError::OtherRole { found, expected: "issuer" }) if found == "bank"), "{error:?}");
    let reworded = Schema { name: "bank", migrations: &[REWORDED, SECOND] };
    assert!(matches!(open(&reworded), Err(OpenError::Altered { id: 1 })));
    let misnumbered = Schema { name: "bank", migrations: &[FIRST, SECOND, SECOND] };
    let error = open(&misnumbered).err();
    assert!(matches!(error, Some(OpenError::Misnumbered { found: 2, expected: 3 })));
    assert_eq!(migrated(&open(&V2).unwrap()), (0, "aoba".to_owned()));
}

#[test]
fn stored_data_is_migrated_on_sqlite() {
    let directory = TempDir::new();
    let file = directory.path().join("bank.db");
    history(|schema| Store::open_sqlite(&file, schema, Options::default()));
}

#[test]
fn stored_data_is_migrated_on_postgres() {
    let Some(PgDatabase { address }) = postgres() else {
        return;
    };
    history(|schema| Store::open_postgres(&address, "zeni_bank", schema, Options::default()));
}

#[test]
fn two_processes_may_migrate_postgres_at_once() {
    let Some(PgDatabase { address }) = postgres() else {
        return;
    };
    let open = || Store::open_postgres(&address, "zeni_bank", &V2, Options::default()).map(drop);
    std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(open));
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn roles_share_a_postgres_database_in_schemas_of_their_own() {
    let Some(database) = postgres() else { return };
    let bank = database.open(&V2, Options::default());
    let issuer = database.open(&Schema { name: "issuer", ..V2 }, Options::default());
    insert(&bank);
    insert(&issuer);
    for bad in ["", "a\"b", "Bank", "a;b"] {
        let refused = Store::open_postgres(&database.address, bad, &V1, Options::default()).err();
        assert!(matches!(refused, Some(OpenError::SchemaName { name }) if name == bad));
    }
    let inline = Store::open_postgres(&database.address, "x", &V1, Options::inline()).err();
    assert!(matches!(inline, Some(OpenError::InlinePostgres)));
    let address = Store::open_postgres("nonsense", "x", &V1, Options::default()).err();
    assert!(matches!(address, Some(OpenError::Address { .. })));
}
