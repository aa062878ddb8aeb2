use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};

use super::*;
use crate::params;
use crate::testing::{PgDatabase, SCHEMA, TempDir, block_on, postgres};

type Answer<T> = Result<T, WriteError<()>>;
type AnyJob = Box<dyn FnMut(&mut Tx<'_>) -> Result<u64, JobError<()>> + Send>;

const INSERT: &str = "INSERT INTO thing (id, count, body) VALUES (?1, ?2, ?3)";
const INSERT_TWO: &str = "INSERT INTO thing (id, body) VALUES (?1, ?3), (?2, ?3)";

fn put(id: i64, bytes: usize) -> impl FnMut(&mut Tx<'_>) -> Result<u64, JobError<()>> + Send {
    move |tx| Ok(tx.execute(INSERT, params![id, id, vec![7; bytes]])?)
}

fn ids(store: &Store) -> Vec<i64> {
    let found: Answer<Vec<i64>> = store.read_blocking(|tx| {
        let rows = tx.rows("SELECT id FROM thing ORDER BY id", &[])?;
        Ok(rows.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?)
    });
    found.unwrap()
}

/// Holds the writer inside a job until the returned sender is used or dropped.
fn hold(store: &Store) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel();
    let (entered, inside) = mpsc::channel();
    let store = store.clone();
    std::thread::Builder::new()
        .spawn(move || {
            let job = move |_: &mut Tx<'_>| {
                entered.send(()).unwrap();
                held.recv().unwrap_err();
                Ok(())
            };
            let answer: Answer<()> = store.write_blocking(Caller(0), job);
            drop(answer);
        })
        .unwrap();
    inside.recv().unwrap();
    release
}

/// Queues jobs behind a held writer and returns their answers in order, with the writer released
/// when all of them wait.
fn in_one_batch(store: &Store, jobs: Vec<AnyJob>) -> Vec<Answer<u64>> {
    let release = hold(store);
    let mut futures: Vec<_> = jobs.into_iter().map(|job| Box::pin(store.write(Caller(1), job))).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for future in &mut futures {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    drop(release);
    futures.into_iter().map(block_on).collect()
}

#[test]
fn jobs_that_wait_share_a_commit() {
    let options = Options { batch_max: 8, batch_ms: 60_000, ..Options::default() };
    let store = Store::open_memory_with(&SCHEMA, options).unwrap();
    let jobs = (1..=20).map(|id| Box::new(put(id, 1)) as AnyJob).collect();
    assert!(in_one_batch(&store, jobs).iter().all(|answer| *answer == Ok(1)));
    // the holding job is one of 21 in batches of 8
    let expected = Stats { batches: 3, jobs: 21, undone: 0, rolled_back: 0 };
    assert_eq!(store.stats(), expected);
}

#[test]
fn a_batch_whose_time_is_over_takes_no_more() {
    let options = Options { batch_ms: 0, ..Options::default() };
    let store = Store::open_memory_with(&SCHEMA, options).unwrap();
    let jobs = (1..=5).map(|id| Box::new(put(id, 1)) as AnyJob).collect();
    in_one_batch(&store, jobs);
    assert_eq!(store.stats(), Stats { batches: 6, jobs: 6, undone: 0, rolled_back: 0 });
}

#[test]
fn each_job_of_a_batch_is_undone_alone() {
    let store = Store::open_memory(&SCHEMA).unwrap();
    let answers = in_one_batch(
        &store,
        vec![
            Box::new(put(1, 1)),
            Box::new(|tx| put(2, 1)(tx).and_then(|_| refuse(()))),
            Box::new(|tx| put(3, 1)(tx).map(|_| panic!("part of the test"))),
            Box::new(put(1, 1)),
            Box::new(put(2, 1)),
        ],
    );
    let (refused, internal) = (Err(WriteError::Refused(())), Err(WriteError::Internal));
    assert_eq!(answers, [Ok(1), refused, internal.clone(), internal, Ok(1)]);
    assert_eq!(ids(&store), [1, 2]);
    assert_eq!(store.stats().undone, 3);
}

#[test]
fn a_full_queue_is_busy_at_once() {
    let options = Options { queue_max: 2, ..Options::default() };
    let store = Store::open_memory_with(&SCHEMA, options).unwrap();
    let release = hold(&store);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut waiting = [1, 2].map(|id| Box::pin(store.write(Caller(1), put(id, 1))));
    assert!(waiting.iter_mut().all(|future| future.as_mut().poll(&mut context).is_pending()));
    assert_eq!(store.write_blocking(Caller(2), put(3, 1)), Err(WriteError::Busy));
    assert_eq!(block_on(store.write(Caller(2), put(3, 1))), Err(WriteError::Busy));
    drop(release);
    assert_eq!(waiting.map(block_on), [Ok(1), Ok(1)]);
    assert_eq!(store.write_blocking(Caller(2), put(3, 1)), Ok(1));
}

#[test]
fn a_stop_finishes_what_waits() {
    let directory = TempDir::new();
    let file = directory.path().join("store");
    let store = Store::open_sqlite(&file, &SCHEMA, Options::default()).unwrap();
    let release = hold(&store);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut waiting = [1, 2, 3].map(|id| Box::pin(store.write(Caller(1), put(id, 1))));
    assert!(waiting.iter_mut().all(|future| future.as_mut().poll(&mut context).is_pending()));
    drop(release);
    store.stop();
    assert_eq!(waiting.map(block_on), [Ok(1), Ok(1), Ok(1)]);
    drop(store);
    let again = Store::open_sqlite(&file, &SCHEMA, Options::default()).unwrap();
    assert_eq!(ids(&again), [1, 2, 3]);
}

#[test]
fn the_last_handle_may_go_with_a_job() {
    let store = Store::open_memory(&SCHEMA).unwrap();
    let release = hold(&store);
    let own = store.clone();
    let mut future = Box::pin(store.write(Caller(1), move |_| {
        let _ = &own;
        Ok::<_, JobError<()>>(())
    }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(future);
    drop(store);
    drop(release);
}

/// A single-row insert that finds the disk full makes SQLite leave the transaction silently. The
/// control is a batch without the big job.
#[test]
fn a_full_disk_in_a_batch_of_mixed_jobs_loses_nothing_and_does_nothing_by_halves() {
    let directory = TempDir::new();
    let file = directory.path().join("store");
    let options = Options { sqlite_page_max: Some(64), batch_ms: 60_000, ..Options::default() };
    let store = Store::open_sqlite(&file, &SCHEMA, options.clone()).unwrap();
    assert_eq!(store.write_blocking(Caller(1), put(1, 100)), Ok(1));

    let swallowing = |tx: &mut Tx<'_>| {
        drop(tx.execute(INSERT, params![6, 6, vec![7; 1 << 20]]));
        // were the view not poisoned, this row would be committed outside any transaction
        drop(tx.execute(INSERT, params![7, 7, vec![7]]));
        Ok(0)
    };
    for big in [Box::new(put(4, 1 << 20)) as AnyJob, Box::new(swallowing)] {
        let answers = in_one_batch(
            &store,
            vec![
                Box::new(put(2, 100)),
                Box::new(|tx| put(3, 100)(tx).and_then(|_| refuse(()))),
                big,
                Box::new(put(5, 100)),
            ],
        );
        // what came after the failure runs in the next transaction
        let again = Err(WriteError::TryAgain);
        assert_eq!(answers, [again.clone(), again.clone(), again, Ok(1)]);
        assert_eq!(ids(&store), [1, 5]);
        let clean: Answer<u64> =
            store.write_blocking(Caller(1), |tx| Ok(tx.execute("DELETE FROM thing WHERE id = 5", &[])?));
        assert_eq!(clean, Ok(1));
    }

    let control = in_one_batch(&store, vec![Box::new(put(2, 100)), Box::new(put(5, 100))]);
    assert_eq!(control, [Ok(1), Ok(1)]);
    drop(store);
    assert_eq!(ids(&Store::open_sqlite(&file, &SCHEMA, options).unwrap()), [1, 2, 5]);
}

/// With a statement journal SQLite stays in the transaction: only the job that needs the space fails.
#[test]
fn a_full_disk_that_leaves_the_transaction_intact_fails_one_job() {
    let options = Options { sqlite_page_max: Some(64), batch_ms: 60_000, ..Options::default() };
    let store = Store::open_memory_with(&SCHEMA, options).unwrap();
    let answers = in_one_batch(
        &store,
        vec![
            Box::new(put(1, 100)),
            Box::new(|tx| Ok(tx.execute(INSERT_TWO, params![2, 3, vec![7; 1 << 20]])?)),
            Box::new(put(4, 100)),
        ],
    );
    assert_eq!(answers, [Ok(1), Err(WriteError::TryAgain), Ok(1)]);
    assert_eq!(ids(&store), [1, 4]);
}

const KILLED: &str = "ZENI_STORE_TEST_KILLED";

/// The process that `a_killed_process_keeps_what_it_answered` kills; nothing when run alone.
#[test]
fn killed_process() {
    let Some(file) = std::env::var_os(KILLED) else {
        return;
    };
    let store = Store::open_sqlite(file, &SCHEMA, Options::default()).unwrap();
    let mut out = std::io::stdout();
    for id in 1.. {
        let pair: Answer<()> = store.write_blocking(Caller(0), move |tx| {
            put(id, 100)(tx)?;
            put(-id, 100)(tx)?;
            Ok(())
        });
        pair.unwrap();
        writeln!(out, "stored {id}").unwrap();
    }
}

#[test]
fn a_killed_process_keeps_what_it_answered() {
    let directory = TempDir::new();
    let file = directory.path().join("store");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::killed_process", "--nocapture"])
        .env(KILLED, &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(id) = line.unwrap().strip_prefix("stored ") {
            answered = id.parse().unwrap();
        }
        if answered == 40 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered >= 40);
    let found = ids(&Store::open_sqlite(&file, &SCHEMA, Options::default()).unwrap());
    let stored: Vec<i64> = found.iter().copied().filter(|id| *id > 0).collect();
    let expected: Vec<i64> = (1..=i64::try_from(stored.len()).unwrap()).collect();
    assert_eq!(stored, expected, "no gap");
    assert!(stored.last() >= Some(&answered), "what was answered is stored");
    assert_eq!(found.len(), 2 * stored.len(), "no half of a job is stored");
}

#[test]
fn a_lost_postgres_connection_is_made_anew() {
    let Some(PgDatabase { address }) = postgres() else {
        return;
    };
    let options = Options { postgres_writers: 1, ..Options::default() };
    let store = Store::open_postgres(&address, "lost", &SCHEMA, options).unwrap();
    assert_eq!(store.write_blocking(Caller(0), put(1, 1)), Ok(1));
    let cut: Answer<u64> = store.write_blocking(Caller(0), |tx| {
        put(2, 1)(tx)?;
        tx.row("SELECT pg_terminate_backend(pg_backend_pid())", &[])?;
        Ok(0)
    });
    assert_eq!(cut, Err(WriteError::TryAgain));
    assert_eq!(store.write_blocking(Caller(0), put(3, 1)), Ok(1));
    assert_eq!(ids(&store), [1, 3]);
}

/// Two writers that each read what the other writes (write skew), at the same moment: each inserts
/// if there is nothing. Without `SERIALIZABLE` both would see nothing and insert.
fn skew(store: &Store) -> [Answer<u64>; 2] {
    let meet = Arc::new(Barrier::new(2));
    let insert_if_none = |id: i64| {
        let (meet, mut first) = (Arc::clone(&meet), true);
        move |tx: &mut Tx<'_>| {
            let found = tx.row("SELECT COUNT(*) FROM thing", &[])?.map_or(Ok(0), |row| row.int(0))?;
            if std::mem::take(&mut first) {
                meet.wait();
            }
            if found == 0 { put(id, 1)(tx) } else { refuse(()) }
        }
    };
    std::thread::scope(|scope| {
        [1, 2]
            .map(|id| {
                let job = insert_if_none(id);
                scope.spawn(move || store.write_blocking(Caller(0), job))
            })
            .map(|thread| thread.join().unwrap())
    })
}

#[test]
fn postgres_conflicts_run_again_until_they_are_in_order() {
    let Some(database) = postgres() else { return };
    let store = database.open(&SCHEMA, Options::default());
    let answers = skew(&store);
    assert!(answers.contains(&Ok(1)), "{answers:?}");
    assert!(answers.contains(&Err(WriteError::Refused(()))), "{answers:?}");
    assert_eq!(ids(&store).len(), 1);
    assert!(store.stats().rolled_back >= 1);
}

#[test]
fn postgres_conflicts_beyond_the_retries_are_for_the_caller_to_try_again() {
    let Some(database) = postgres() else { return };
    let store = database.open(&SCHEMA, Options { retries_max: 0, ..Options::default() });
    let answers = skew(&store);
    assert!(answers.contains(&Ok(1)), "{answers:?}");
    assert!(answers.contains(&Err(WriteError::TryAgain)), "{answers:?}");
    assert_eq!((ids(&store).len(), store.stats().rolled_back), (1, 1));
}

/// Not a test of speed but of what it rests on: jobs of many callers share commits.
#[test]
fn many_callers_share_commits() {
    let directory = TempDir::new();
    let file = directory.path().join("store");
    let store = Store::open_sqlite(file, &SCHEMA, Options::default()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..16_i32 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..25_i64 {
                    let id = i64::from(caller) * 100 + number;
                    let caller = Caller(u64::from(caller.unsigned_abs()));
                    assert_eq!(store.write_blocking(caller, put(id, 10)), Ok(1));
                }
            });
        }
    });
    assert_eq!(ids(&store).len(), 400);
    assert_eq!(store.stats().jobs, 400);
    assert!(store.stats().batches < 400, "{:?}", store.stats());
}

/// The PostgreSQL client panics inside a runtime; the store must not use it there.
#[expect(clippy::disallowed_methods, reason = "the test is about runtimes")]
#[tokio::test]
async fn stores_work_from_within_a_runtime() {
    let directory = TempDir::new();
    let file = directory.path().join("store");
    let mut stores = vec![Store::open_sqlite(file, &SCHEMA, Options::default()).unwrap()];
    stores.extend(postgres().map(|database| database.open(&SCHEMA, Options::default())));
    for store in stores {
        let handle = store.clone();
        let writing = tokio::spawn(async move { handle.write(Caller(1), put(1, 1)).await });
        assert_eq!(writing.await.unwrap(), Ok(1));
        let read: Answer<usize> = store.read(|tx| Ok(tx.rows("SELECT id FROM thing", &[])?.len())).await;
        assert_eq!(read, Ok(1));
    }
}

/// A reader sees one state, whatever is written meanwhile.
#[test]
fn a_read_sees_one_state() {
    let directory = TempDir::new();
    let file = directory.path().join("store");
    let mut stores = vec![Store::open_sqlite(file, &SCHEMA, Options::default()).unwrap()];
    stores.extend(postgres().map(|database| database.open(&SCHEMA, Options::default())));
    for store in stores {
        let (ask, asked) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        let reader = store.clone();
        std::thread::scope(|scope| {
            let counts = scope.spawn(move || {
                let answer: Answer<(usize, usize)> = reader.read_blocking(move |tx| {
                    let before = tx.rows("SELECT id FROM thing", &[])?.len();
                    ask.send(()).unwrap();
                    may_go.recv().unwrap();
                    Ok((before, tx.rows("SELECT id FROM thing", &[])?.len()))
                });
                answer
            });
            asked.recv().unwrap();
            assert_eq!(store.write_blocking(Caller(0), put(1, 1)), Ok(1));
            go.send(()).unwrap();
            assert_eq!(counts.join().unwrap(), Ok((0, 0)));
        });
        assert_eq!(ids(&store), [1]);
    }
}

/// A page that somebody overwrote is no matter of time: what needs it is told that the database is damaged, reading or writing, and a file
/// that is none is not opened. Control: what needs no such page is done.
#[test]
fn a_damaged_file_is_told_as_such() {
    const PAGE: usize = 4_096;
    let dir = TempDir::new();
    let path = dir.path().join("damaged.db");
    let open = || Store::open_sqlite(&path, &SCHEMA, Options { readers: 1, ..Options::default() });
    let store = open().unwrap();
    for id in 1..=60 {
        store.write_blocking(Caller(1), put(id, 1_000)).unwrap();
    }
    store.stop();
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[PAGE * 6..].fill(0xff);
    std::fs::write(&path, &damaged).unwrap();
    let store = open().unwrap();
    let read: Answer<u64> = store.read_blocking(|tx| {
        let rows = tx.rows("SELECT body FROM thing", &[])?;
        Ok(rows.len() as u64)
    });
    assert_eq!(read, Err(WriteError::Damaged));
    let write = store.write_blocking(Caller(1), |tx: &mut Tx<'_>| Ok(tx.execute("UPDATE thing SET count = 1", &[])?));
    assert_eq!(write, Err::<u64, WriteError<()>>(WriteError::Damaged));
    let one: Answer<u64> = store.read_blocking(|_| Ok(1));
    assert_eq!(one, Ok(1), "control");
    store.stop();
    std::fs::write(&path, [&[0xff; PAGE][..], &whole[PAGE..]].concat()).unwrap();
    let kind = |error| if let OpenError::Engine(fault) = error { Some(fault.kind) } else { None };
    assert_eq!(open().err().and_then(kind), Some(crate::FaultKind::Damaged));
}
