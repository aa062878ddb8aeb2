use std::path::Path;

use futures::executor::block_on;
use zeni_note::{
    ClosingPurpose,
    messages::issuer::{GetDecisions, Outcome, ReturnItem},
    testing::{DAY, START, World, amount},
};
use zeni_store::{Caller, JobError, Options, Row, Schema, Store, Tx};

use super::*;
use crate::{
    Policy,
    testing::{BANKS, Setup, config},
};

const AOBA: &str = BANKS[0];

fn open(path: &Path, schema: &Schema) -> Store {
    Store::open_sqlite(path, schema, Options::inline()).unwrap()
}

fn setup(store: Store) -> Setup {
    let world = World::new("issuer tests");
    let config = config(&world, Policy::Refuse);
    block_on(Setup::with(world, store, config))
}

/// An issuer after a restart. Randomness of tests is seeded: a second one must not draw what the first has drawn.
fn restarted(store: Store) -> Setup {
    let setup = setup(store);
    for _ in 0..1_000 {
        let _: [u8; 32] = setup.issuer.entropy.bytes();
    }
    setup
}

fn rows(store: &Store, statement: String) -> Vec<Row> {
    // statements are constants: a test may leak one
    let statement: &'static str = Box::leak(statement.into_boxed_str());
    let read = move |tx: &mut Tx<'_>| -> Result<Vec<Row>, JobError<()>> { Ok(tx.rows(statement, &[])?) };
    store.read_blocking(read).unwrap()
}

/// Writes what a store holds into a file as an issuer with the first `migrations` would have left it, then opens that with
/// all of them.
fn as_written_by(store: &Store, migrations: usize, directory: &Path) -> Store {
    let path = directory.join("older.db");
    let older = open(&path, &Schema { migrations: &MIGRATIONS[..migrations], ..SCHEMA });
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('store_migration')";
    for table in rows(&older, tables.to_owned()) {
        let table = table.text(0).unwrap();
        let columns = rows(&older, format!("SELECT name FROM pragma_table_info('{table}')"));
        let columns: Vec<&str> = columns.iter().map(|column| column.text(0).unwrap()).collect();
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
        let (columns, places) = (columns.join(", "), places.join(", "));
        let insert: &'static str = format!("INSERT INTO {table} ({columns}) VALUES ({places})").leak();
        let found = rows(store, format!("SELECT {columns} FROM {table}"));
        let copy = move |tx: &mut Tx<'_>| -> Result<(), JobError<()>> {
            Ok(found.iter().try_for_each(|row| tx.execute(insert, row.values()).map(drop))?)
        };
        older.write_blocking(Caller::default(), copy).unwrap();
    }
    older.stop();
    drop(older);
    open(&path, &SCHEMA)
}

fn outcomes(setup: &Setup, bank: &str, batch: &str, items: Vec<ReturnItem>) -> Vec<Outcome> {
    let outcomes = block_on(setup.give_back(bank, batch, items)).unwrap().record.outcomes;
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    outcomes
}

/// Migration 4 over register and archive as migration 3 left them, with all evidence in rows: retries and repetitions are
/// answered, a rest comes back, and an archived row convicts.
#[test]
fn rows_from_before_lots_still_speak() {
    let directory = tempfile::tempdir().unwrap();
    let before = setup(open(&directory.path().join("now.db"), &SCHEMA));
    let (hanako, shop) = (before.person("hanako"), before.person("shop"));
    let whole = block_on(before.note(&hanako, 500, "n1"));
    let part = block_on(before.note(&hanako, 500, "n2"));
    let item = |chain, value, word| {
        let paid = before.world.pay(chain, &hanako, &shop, value, word);
        before.deposit(&paid, &shop, AOBA, word)
    };
    // in two parts, so that nothing is bundled and the rows are those that migration 3 knew
    let returned = vec![item(&whole, 200, "a"), item(&whole, 300, "b"), item(&part, 200, "c")];
    assert_eq!(outcomes(&before, AOBA, "b1", returned.clone()), [Outcome::Paid; 3]);
    assert_eq!(rows(&before.store, "SELECT id FROM lot".to_owned()), []);

    let after = restarted(as_written_by(&before.store, 3, directory.path()));
    let (hanako, shop) = (after.person("hanako"), after.person("shop"));
    assert_eq!(outcomes(&after, AOBA, "b2", returned.clone()), [Outcome::Paid; 3]);
    assert_eq!(outcomes(&after, BANKS[1], "b3", returned), [Outcome::Duplicate; 3]);
    let rest = after.world.pay(&part, &hanako, &shop, 300, "rest");
    assert_eq!(outcomes(&after, AOBA, "b4", vec![after.deposit(&rest, &shop, AOBA, "d4")]), [Outcome::Paid]);
    assert_eq!(block_on(after.issuer.audit()).unwrap().archive, 2);
    let again = after.world.pay(&whole, &hanako, &shop, 100, "again");
    let found = outcomes(&after, AOBA, "b5", vec![after.deposit(&again, &shop, AOBA, "d5")]);
    assert_eq!(found, [Outcome::Partly { paid: amount(0) }]);
    assert_eq!(block_on(after.issuer.cases()).unwrap()[0].name.as_deref(), Some("hanako"));
}

/// Migration 3 over a refund that was waiting when migration 2 was the last: it is an exact one, and is paid when it is due.
#[test]
fn a_refund_from_before_backups_is_paid() {
    let directory = tempfile::tempdir().unwrap();
    let before = setup(open(&directory.path().join("now.db"), &SCHEMA));
    let hanako = before.person("hanako");
    let chain = block_on(before.note(&hanako, 500, "n1"));
    before.clock.put(START.plus(211 * DAY));
    let purpose = ClosingPurpose::Refund(before.world.account(AOBA, "A-1", "r1"));
    let closing = before.world.close(&chain, &hanako, 500, purpose);
    let until = START.plus(240 * DAY);
    let item = ReturnItem { chain, closing };
    assert_eq!(outcomes(&before, AOBA, "b1", vec![item]), [Outcome::Waiting { until }]);

    let store = as_written_by(&before.store, 2, directory.path());
    assert_eq!(rows(&store, "SELECT backup FROM refund".to_owned())[0].int(0), Ok(0));
    let after = restarted(store);
    after.clock.put(until);
    block_on(after.settle_down());
    let told = block_on(after.member(AOBA, GetDecisions { after: 0 })).unwrap();
    assert_eq!(told.iter().map(|decision| decision.paid).collect::<Vec<_>>(), [amount(500)]);
    assert_eq!(block_on(after.issuer.audit()).unwrap().violations, Vec::<String>::new());
}
