//! What every kind of store does alike.

use crate::{
    Caller, JobError, Kind, Migration, Schema, Store, TxError, Value, WriteError, params, prepare_all, refuse,
};

/// The tables that the suite works on.
pub const SCHEMA: Schema = Schema {
    name: "conformance",
    migrations: &[
        Migration {
            id: 1,
            sentence: "Things of every type.",
            sql: &[
                "CREATE TABLE thing (id INTEGER NOT NULL PRIMARY KEY, count INTEGER, name TEXT, body BLOB)",
                "CREATE INDEX thing_by_count ON thing (count)",
            ],
        },
        Migration {
            id: 2,
            sentence: "Parts of things.",
            sql: &["CREATE TABLE part (id BLOB NOT NULL PRIMARY KEY, \
                 thing INTEGER NOT NULL REFERENCES thing (id)) WITHOUT ROWID"],
        },
    ],
};

crate::statements! {
    pub(crate) INSERT = "INSERT INTO thing (id, count, name, body) VALUES (?1, ?2, ?3, ?4)";
    pub(crate) INSERT_NEW = "INSERT INTO thing (id, count, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    pub(crate) SELECT = "SELECT id, count, name, body FROM thing WHERE id = ?1";
    pub(crate) COUNT = "SELECT COUNT(*) FROM thing";
    SUM = "SELECT CAST(SUM(count) AS BIGINT), COUNT(*) > 1 FROM thing";
    SET = "UPDATE thing SET count = ?1 WHERE id = ?2";
    SWAPPED = "UPDATE thing SET count = ?2 WHERE id = ?1";
    NEXT = "SELECT id FROM thing WHERE id > ?2 AND count = ?1 ORDER BY id LIMIT ?3";
    QUOTED = "SELECT name FROM thing WHERE name = 'what? ?1' AND id = ?1 -- why?\n";
    INSERT_PART = "INSERT INTO part (id, thing) VALUES (?1, ?2)";
    RETURNING = "INSERT INTO thing (id) VALUES (?1) RETURNING id";
}

type Answer<T> = Result<T, WriteError<&'static str>>;

const ME: Caller = Caller(1);

/// Runs the whole suite. `open` opens a new, empty store with the given schema each time.
///
/// # Panics
/// When the store does not conform.
pub fn conformance(open: impl Fn(&Schema) -> Store) {
    for check in [
        values,
        parameters,
        statements,
        columns,
        refusal,
        panic,
        poison,
        expected_conflict,
        forbidden,
        idempotent,
        reading,
        nested,
        constraints,
        contention,
        stopping,
    ] {
        check(&open(&SCHEMA));
    }
}

fn put(store: &Store, id: i64, count: i64) -> Answer<u64> {
    store.write_blocking(ME, move |tx| Ok(tx.execute(INSERT, params![id, count, "name", Value::Null])?))
}

fn count_of(store: &Store, id: i64) -> Option<i64> {
    let found: Answer<_> = store.read_blocking(move |tx| match tx.row(SELECT, params![id])? {
        Some(row) => Ok(row.opt_int(1)?),
        None => Ok(None),
    });
    found.expect("reading works")
}

fn values(store: &Store) {
    let rows = [
        [Value::Int(1), Value::Null, Value::Null, Value::Null],
        [Value::Int(2), Value::Int(i64::MAX), Value::from(""), Value::from(vec![])],
        [Value::Int(3), Value::Int(i64::MIN), Value::from("銭 'q' \"d\" \u{10ffff}"), Value::from(vec![0; 3])],
        [Value::Int(i64::MIN), Value::Int(0), Value::from("x".repeat(1 << 20)), Value::from(vec![0xff; 4 << 20])],
    ];
    for row in rows {
        let (written, id) = (row.clone(), row[0].clone());
        let changed: Answer<_> = store.write_blocking(ME, move |tx| Ok(tx.execute(INSERT, &written)?));
        assert_eq!(changed, Ok(1));
        let read: Answer<_> = store.read_blocking(move |tx| Ok(tx.row(SELECT, std::slice::from_ref(&id))?));
        assert_eq!(read.expect("reading works").expect("it was stored").values(), row);
    }
}

fn parameters(store: &Store) {
    put(store, 7, 40).expect("id 7 is new");
    put(store, 40, 7).expect("id 40 is new");
    let swapped: Answer<_> = store.write_blocking(ME, |tx| {
        let plain = tx.execute(SET, params![41, 7])?;
        Ok((plain, tx.execute(SWAPPED, params![40, 42])?))
    });
    assert_eq!(swapped, Ok((1, 1)));
    assert_eq!((count_of(store, 7), count_of(store, 40)), (Some(41), Some(42)));
    let next: Answer<_> = store.read_blocking(|tx| {
        let found = tx.row(NEXT, params![42, 7, 1])?;
        Ok((found.map(|row| row.int(0)).transpose()?, tx.rows(QUOTED, params![7])?.len()))
    });
    assert_eq!(next, Ok((Some(40), 0)));
    for wrong in [&[][..], params![1, 2, 3]] {
        let wrong = wrong.to_vec();
        let answer: Answer<_> = store.write_blocking(ME, move |tx| Ok(tx.execute(SET, &wrong)?));
        assert_eq!(answer, Err(WriteError::Internal));
    }
}

fn statements(store: &Store) {
    assert_eq!(prepare_all(store, ALL), Ok(()));
    for sql in [
        "SELECT nothing FROM thing",
        "SELECT \"nothing\" FROM thing",
        "SELECT id FROM thing WHERE id = ?",
        "DROP TABLE thing",
    ] {
        let error = prepare_all(store, &[COUNT, sql]).expect_err("it is wrong");
        assert_eq!(error.sql, sql);
    }
    let returned: Answer<_> = store.write_blocking(ME, |tx| Ok(tx.row(RETURNING, params![5])?.map(|row| row.int(0))));
    assert_eq!(returned, Ok(Some(Ok(5))));
    let dropped: Answer<_> = store.write_blocking(ME, |tx| Ok(tx.execute(RETURNING, params![6])?));
    assert_eq!(dropped, Err(WriteError::Internal));
    assert_eq!(total(store), 1);
}

fn columns(store: &Store) {
    put(store, 1, -5).expect("id 1 is new");
    put(store, 2, 8).expect("id 2 is new");
    let row: Answer<_> = store.read_blocking(|tx| Ok(tx.row(SELECT, params![1])?));
    let row = row.expect("reading works").expect("it was stored");
    let wrong = |index, expected, found| TxError::Column { index, expected, found };
    assert_eq!(row.int(1), Ok(-5));
    assert_eq!(row.u64(1), Err(wrong(1, Kind::Unsigned, Kind::Int)));
    assert_eq!(row.amount(1), Err(wrong(1, Kind::Unsigned, Kind::Int)));
    assert_eq!(row.u64(0), Ok(1));
    assert_eq!(row.text(2), Ok("name"));
    assert_eq!(row.blob(2), Err(wrong(2, Kind::Blob, Kind::Text)));
    assert_eq!(row.array::<2>(3), Err(wrong(3, Kind::Array(2), Kind::Null)));
    assert_eq!(row.opt_array::<2>(3), Ok(None));
    assert_eq!(row.opt_text(4), Err(wrong(4, Kind::Text, Kind::Missing)));
    let sums: Answer<_> = store.read_blocking(|tx| {
        let row = tx.row(SUM, &[])?.expect("a sum is one row");
        Ok((row.int(0)?, row.int(1)?))
    });
    assert_eq!(sums, Ok((3, 1)));
    let many: Answer<_> = store.read_blocking(|tx| Ok(tx.row("SELECT id FROM thing", &[])?));
    assert_eq!(many, Err(WriteError::Internal));
    let mistyped: Answer<u64> =
        store.read_blocking(|tx| Ok(tx.row(SELECT, params![1])?.map_or(Ok(0), |row| row.u64(2))?));
    assert_eq!(mistyped, Err(WriteError::Internal));
}

fn refusal(store: &Store) {
    put(store, 1, 1).expect("id 1 is new");
    let refused: Answer<()> = store.write_blocking(ME, |tx| {
        tx.execute(SET, params![9, 1])?;
        tx.execute(INSERT, params![2, 2, "late", Value::Null])?;
        refuse("no")
    });
    assert_eq!(refused, Err(WriteError::Refused("no")));
    assert_eq!((count_of(store, 1), total(store)), (Some(1), 1));
    put(store, 2, 2).expect("id 2 is still free");
}

fn panic(store: &Store) {
    let before: Answer<u64> = store.write_blocking(ME, |tx| {
        tx.execute(INSERT, params![1, 1, "never", Value::Null])?;
        unreachable!("this panic is part of the test")
    });
    assert_eq!(before, Err(WriteError::Internal));
    put(store, 1, 2).expect("the store goes on");
    assert_eq!(count_of(store, 1), Some(2));
}

fn poison(store: &Store) {
    put(store, 1, 1).expect("id 1 is new");
    let swallowed: Answer<()> = store.write_blocking(ME, |tx| {
        tx.execute(SET, params![5, 1])?;
        assert!(matches!(tx.execute(INSERT, params![1, 1, "again", Value::Null]), Err(TxError::Engine(_))));
        assert_eq!(tx.execute(SET, params![6, 1]), Err(TxError::Poisoned));
        assert_eq!(tx.rows(COUNT, &[]), Err(TxError::Poisoned));
        Ok(())
    });
    assert_eq!(swallowed, Err(WriteError::Internal));
    assert_eq!(count_of(store, 1), Some(1));
    let refused: Answer<()> = store.write_blocking(ME, |tx| {
        drop(tx.execute(INSERT, params![1, 1, "again", Value::Null]));
        refuse("a guess from a failed statement")
    });
    assert_eq!(refused, Err(WriteError::Internal));
}

fn expected_conflict(store: &Store) {
    let insert = |tx: &mut crate::Tx<'_>| Ok(tx.execute(INSERT_NEW, params![1, 1, "once"])?);
    let first: Answer<_> = store.write_blocking(ME, insert);
    let second: Answer<_> = store.write_blocking(ME, insert);
    assert_eq!((first, second), (Ok(1), Ok(0)));
}

fn forbidden(store: &Store) {
    for sql in ["COMMIT", "ROLLBACK", "SAVEPOINT x", "PRAGMA query_only = 0", "BEGIN", " release job", "SET x TO y"] {
        let answer: Answer<()> = store.write_blocking(ME, move |tx| {
            tx.execute(INSERT_NEW, params![1, 1, "x"])?;
            assert_eq!(tx.execute(sql, &[]), Err(TxError::Forbidden { sql }));
            Ok(())
        });
        assert_eq!(answer, Err(WriteError::Internal), "{sql}");
    }
    let nul: Answer<()> = store.write_blocking(ME, |tx| {
        let error = tx.execute(INSERT_NEW, params![1, 1, "a\0b"]);
        assert_eq!(error, Err(TxError::NulInText { index: 3 }));
        Ok(())
    });
    assert_eq!(nul, Err(WriteError::Internal));
    assert_eq!(total(store), 0);
}

/// The pattern of every request: store the reply once, return the stored one ever after.
fn idempotent(store: &Store) {
    let request = |content: &'static str| {
        move |tx: &mut crate::Tx<'_>| {
            tx.execute(INSERT_NEW, params![1, 1, content])?;
            let row = tx.row(SELECT, params![1])?.expect("it is there now");
            if row.text(2)? == content { Ok("reply") } else { refuse("conflict") }
        }
    };
    for _ in 0..3 {
        assert_eq!(store.write_blocking(ME, request("a")), Ok("reply"));
        let other: Answer<&str> = store.write_blocking(ME, request("b"));
        assert_eq!(other, Err(WriteError::Refused("conflict")));
    }
    assert_eq!(total(store), 1);
}

fn reading(store: &Store) {
    put(store, 1, 1).expect("id 1 is new");
    let writes: Answer<u64> = store.read_blocking(|tx| Ok(tx.execute(SET, params![2, 1])?));
    assert_eq!(writes, Err(WriteError::Internal));
    let refused: Answer<()> = store.read_blocking(|_| refuse("not this"));
    assert_eq!(refused, Err(WriteError::Refused("not this")));
    assert_eq!(count_of(store, 1), Some(1));
    let set: Answer<_> = super::block_on(store.write(ME, |tx| Ok(tx.execute(SET, params![3, 1])?)));
    assert_eq!(set, Ok(1));
    let read: Answer<_> = super::block_on(store.read(|tx| Ok(tx.rows(SELECT, params![1])?.len())));
    assert_eq!((read, count_of(store, 1)), (Ok(1), Some(3)));
}

fn nested(store: &Store) {
    for inner in [|store: &Store| put(store, 1, 1), |store: &Store| Ok(total(store).unsigned_abs())] {
        let again = store.clone();
        let outer: Answer<u64> =
            store.write_blocking(ME, move |_| inner(&again).map_err(|_| JobError::Refused("inner")));
        assert_eq!(outer, Err(WriteError::Internal));
    }
    crate::assert_outside_transaction();
    put(store, 1, 1).expect("the store goes on");
}

fn constraints(store: &Store) {
    let orphan: Answer<u64> = store.write_blocking(ME, |tx| Ok(tx.execute(INSERT_PART, params![[1; 16], 1])?));
    assert_eq!(orphan, Err(WriteError::Internal));
    let wrong_type: Answer<u64> = store.write_blocking(ME, |tx| Ok(tx.execute(SET, params!["seven", 1])?));
    put(store, 1, 1).expect("id 1 is new");
    let wrong_type_of_row: Answer<u64> = store.write_blocking(ME, |tx| Ok(tx.execute(SET, params!["seven", 1])?));
    assert_eq!(wrong_type_of_row, Err(WriteError::Internal));
    // SQLite checks types when a row is written, PostgreSQL always
    assert!(matches!(wrong_type, Ok(0) | Err(WriteError::Internal)));
    let part: Answer<u64> = store.write_blocking(ME, |tx| Ok(tx.execute(INSERT_PART, params![[1; 16], 1])?));
    assert_eq!(part, Ok(1));
}

/// Read, compute, write from many threads: no update is lost.
fn contention(store: &Store) {
    const THREADS: u64 = 6;
    const EACH: i64 = 12;
    put(store, 1, 0).expect("id 1 is new");
    let increment = |tx: &mut crate::Tx<'_>| {
        let count = tx.row(SELECT, params![1])?.map_or(Ok(0), |row| row.int(1))?;
        Ok(tx.execute(SET, params![count + 1, 1])?)
    };
    std::thread::scope(|scope| {
        for caller in 0..THREADS {
            scope.spawn(move || {
                for _ in 0..EACH {
                    loop {
                        let answer: Answer<u64> = store.write_blocking(Caller(caller), increment);
                        match answer {
                            Err(WriteError::TryAgain) => {}
                            answer => break assert_eq!(answer, Ok(1)),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(count_of(store, 1), Some(EACH * i64::try_from(THREADS).expect("a few")));
    assert!(store.stats().jobs > 0 && store.stats().batches <= store.stats().jobs);
}

fn stopping(store: &Store) {
    put(store, 1, 1).expect("id 1 is new");
    store.stop();
    store.stop();
    assert_eq!(put(store, 2, 1), Err(WriteError::Stopped));
    let read: Answer<()> = store.read_blocking(|_| Ok(()));
    assert_eq!(read, Err(WriteError::Stopped));
}

fn total(store: &Store) -> i64 {
    let total: Answer<i64> = store.read_blocking(|tx| Ok(tx.row(COUNT, &[])?.map_or(Ok(0), |row| row.int(0))?));
    total.expect("reading works")
}
