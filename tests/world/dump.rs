//! All tables of a store as values: to copy a store, to search it, to compare it.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{LazyLock, Mutex, PoisonError},
};

use zeni_store::{Caller, JobError, Options, Schema, Store, Tx, Value};

type Job<T> = Result<T, JobError<Infallible>>;

/// Every row of every table, by table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump(pub(crate) BTreeMap<String, Vec<Vec<Value>>>);

/// Statements over tables that are known by name only at run time; the store takes constants.
fn constant(text: String) -> &'static str {
    static KNOWN: LazyLock<Mutex<BTreeSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = known.get(text.as_str()) {
        return same;
    }
    let text: &'static str = text.leak();
    known.insert(text);
    text
}

impl Dump {
    /// Everything in `store`.
    pub(crate) fn of(store: &Store) -> Dump {
        let read = |tx: &mut Tx<'_>| -> Job<Dump> {
            let names = tx.rows(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
                &[],
            )?;
            let mut tables = BTreeMap::new();
            for row in &names {
                let name = row.text(0)?.to_owned();
                let rows = tx.rows(constant(format!("SELECT * FROM \"{name}\"")), &[])?;
                tables.insert(name, rows.iter().map(|row| row.values().to_vec()).collect());
            }
            Ok(Dump(tables))
        };
        store.read_blocking(read).unwrap()
    }

    /// A store in memory that holds the same.
    pub(crate) fn open(&self, schema: &Schema) -> Store {
        let store = Store::open_memory_with(schema, Options::inline()).unwrap();
        let tables = self.0.clone();
        let fill = move |tx: &mut Tx<'_>| -> Job<()> {
            for (name, rows) in &tables {
                for row in rows {
                    let places: Vec<String> = (1..=row.len()).map(|place| format!("?{place}")).collect();
                    let text = format!("INSERT OR IGNORE INTO \"{name}\" VALUES ({})", places.join(", "));
                    tx.execute(constant(text), row)?;
                }
            }
            Ok(())
        };
        store.write_blocking(Caller::default(), fill).unwrap();
        let copy = Dump::of(&store);
        for (name, rows) in &self.0 {
            assert_eq!(copy.0[name].len(), rows.len(), "table {name} was not copied whole");
        }
        store
    }

    /// Every text and byte string, with its table.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().flat_map(|(name, rows)| {
            rows.iter().flatten().filter_map(move |value| match value {
                Value::Text(text) => Some((name.as_str(), text.as_bytes())),
                Value::Blob(bytes) => Some((name.as_str(), bytes.as_slice())),
                Value::Int(_) | Value::Null => None,
            })
        })
    }
}
