//! Durable commits of the store.

#![expect(clippy::disallowed_methods, reason = "commits wait for the disk, which takes no processor time")]

use std::time::{Duration, Instant};

use futures::{StreamExt, executor::block_on, stream};
use zeni_crypto::SharedEntropy;
use zeni_ledger::{Account, Kind, Outcome, Posting};
use zeni_note::testing::{amount, jpy};
use zeni_store::{Caller, JobError, Migration, Options, Schema, Store, Tx};

use crate::{
    BenchError, Scenario, Section, Settings,
    measure::{Rounds, count, processor},
    report::{Figure, Unit},
};

const INCLUDES: &str = "jobs of one ledger posting between two open accounts on SQLite (WAL, synchronous=FULL), each in its savepoint; \
     jobs a second by the wall clock, and processor time a job.";

const MIGRATIONS: [Migration; 1] = [zeni_ledger::migration(1)];
const SCHEMA: Schema = Schema { name: "bench", migrations: &MIGRATIONS };
const ACCOUNTS: [&str; 2] = ["issued", "outstanding"];

type Never = std::convert::Infallible;

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let mut figures = Vec::new();
    for batch in [64, 1_024] {
        let jobs = settings.pick(8 * 1_024, 64);
        let (mut rate, mut cost, mut filled) = (Rounds::default(), Rounds::default(), Rounds::default());
        for _ in 0..settings.pick(5, 1) {
            let run = measure(settings, batch, jobs)?;
            rate.add(count(jobs) / run.wall.as_secs_f64());
            cost.add_time(run.processor, jobs);
            filled.add(count(jobs) / count(run.commits));
        }
        figures.push(Figure::new(format!("durable jobs, at most {batch} a commit"), Unit::PerSecond, &rate));
        figures.push(Figure::new(format!("a job, at most {batch} a commit"), Unit::Micros, &cost));
        figures.push(Figure::new(format!("jobs in a commit, at most {batch}"), Unit::Count, &filled));
    }
    Ok(Section { scenario: Scenario::Store, includes: INCLUDES, figures })
}

struct Run {
    wall: Duration,
    processor: Duration,
    commits: usize,
}

fn measure(settings: &Settings, batch: usize, jobs: usize) -> Result<Run, BenchError> {
    let directory = settings.temporary()?;
    // a batch ends by its number of jobs, not by time
    let options = Options { batch_max: batch, batch_ms: 1_000, caller_max: jobs, ..Options::default() };
    let store = Store::open_sqlite(directory.path().join("store.db"), &SCHEMA, options)?;
    block_on(store.write(Caller::default(), open)).map_err(|_| BenchError::Job)?;
    let before = store.stats().batches;
    let entropy = SharedEntropy::seeded([6; 32]);
    let writes = stream::iter(0..jobs).map(|_| {
        let id = entropy.bytes();
        store.write(Caller::default(), move |tx: &mut Tx<'_>| post(tx, id))
    });
    let start = Instant::now();
    let (processor, done) = processor(|| block_on(writes.buffer_unordered(jobs).collect::<Vec<_>>()));
    let wall = start.elapsed();
    if !done.iter().all(|outcome| *outcome == Ok(Outcome::Created)) {
        return Err(BenchError::Job);
    }
    let commits = usize::try_from(store.stats().batches - before).unwrap_or(usize::MAX);
    store.stop();
    Ok(Run { wall, processor, commits })
}

fn open(tx: &mut Tx<'_>) -> Result<(), JobError<Never>> {
    for name in ACCOUNTS {
        zeni_ledger::open_account(tx, &Account { name: name.to_owned(), currency: jpy(), kind: Kind::Open })?;
    }
    Ok(())
}

fn post(tx: &mut Tx<'_>, id: [u8; 16]) -> Result<Outcome, JobError<Never>> {
    let [debit, credit] = ACCOUNTS.map(str::to_owned);
    let posting = Posting { id, debit, credit, amount: amount(100), currency: jpy(), reference: "bench".to_owned() };
    Ok(zeni_ledger::post(tx, &posting)?)
}
