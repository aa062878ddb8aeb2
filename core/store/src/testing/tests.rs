use super::*;

#[test]
fn sqlite_in_a_file_conforms() {
    let directory = TempDir::new();
    let next = AtomicU32::new(0);
    conformance(|schema| {
        let name = next.fetch_add(1, Ordering::Relaxed).to_string();
        Store::open_sqlite(directory.path().join(name), schema, Options::default()).unwrap()
    });
}

#[test]
fn sqlite_in_memory_conforms() {
    conformance(|schema| Store::open_memory(schema).unwrap());
}

#[test]
fn inline_stores_conform() {
    conformance(|schema| Store::open_memory_with(schema, Options::inline()).unwrap());
    let directory = TempDir::new();
    let next = AtomicU32::new(0);
    conformance(|schema| {
        let name = next.fetch_add(1, Ordering::Relaxed).to_string();
        Store::open_sqlite(directory.path().join(name), schema, Options::inline()).unwrap()
    });
}

#[test]
fn postgres_conforms() {
    if postgres().is_some() {
        conformance(|schema| postgres().unwrap().open(schema, Options::default()));
    }
}

#[test]
fn statements_are_checked_on_each_engine() {
    check_statements(&SCHEMA, &["SELECT id FROM thing WHERE id = ?1"]);
    let wrong = || check_statements(&SCHEMA, &["SELECT nothing FROM thing"]);
    assert!(std::panic::catch_unwind(wrong).is_err());
}
