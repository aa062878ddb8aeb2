//! Redeeming at the issuer (RN-F3).

use std::time::Duration;

use futures::executor::block_on;
use tempfile::TempDir;
use zeni_issuer::testing::{BANKS, FACES, Setup};
use zeni_message::{
    Message, encode,
    route::{Ctx, Routes},
};
use zeni_note::{
    messages::issuer::{Issued, Redeem},
    testing::key,
};

use crate::{
    BenchError, Scenario, Section, Settings,
    chains::time,
    drive::{Sent, drive},
    measure::Rounds,
    report::{Figure, Unit},
    returns::issuer,
};

const INCLUDES: &str = "processor time a note at the issuer, from the bytes of the message to the bytes of the reply: decoding, RSA \
     signature of the bank, key and licence of the holder never seen before, proof of possession, two signatures, register, \
     books, durable commits; without HTTP and TLS.";

/// An issuer over a file, with requests to redeem at it.
pub struct Redeems {
    setup: Setup,
    routes: Routes,
    made: u64,
    reports: u64,
    _directory: TempDir,
}

impl Redeems {
    /// An issuer with its key lists published.
    ///
    /// # Errors
    /// [`BenchError::Directory`], [`BenchError::Open`].
    pub fn open(settings: &Settings) -> Result<Redeems, BenchError> {
        let directory = settings.temporary()?;
        let setup = issuer(&directory.path().join("issuer.db"))?;
        let routes = setup.issuer.public_routes();
        Ok(Redeems { setup, routes, made: 0, reports: 0, _directory: directory })
    }

    /// Processor time of redeeming that many fresh requests, so many of them at a time.
    ///
    /// # Errors
    /// When a note is not issued.
    pub fn measure(&mut self, notes: usize, in_flight: usize) -> Result<Duration, BenchError> {
        let messages = (0..notes).map(|_| self.message()).collect();
        self.reports += 1;
        block_on(self.setup.report(BANKS[0], self.reports, self.made, None));
        let (time, issued) = drive::<Issued>(&self.routes, Redeem::PATH, messages, in_flight)?;
        if issued.len() != notes {
            return Err(BenchError::Outcome { path: Redeem::PATH });
        }
        Ok(time)
    }

    fn message(&mut self) -> Sent {
        self.made += 1;
        let word = format!("bench holder {}", self.made);
        let holder = key(&word);
        let request = self.setup.request(BANKS[0], FACES[2], &holder, self.made);
        let message = block_on(self.setup.redeem_message(request, &holder, &word));
        (Ctx { now: time(), caller: None }, encode(&message))
    }
}

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let mut redeems = Redeems::open(settings)?;
    let mut figures = Vec::new();
    for (in_flight, notes) in [(64, settings.pick(512, 8)), (1, settings.pick(128, 4))] {
        let mut taken = Rounds::default();
        for _ in 0..settings.pick(7, 1) {
            taken.add_time(redeems.measure(notes, in_flight)?, notes);
        }
        let figure = Figure::new(format!("redeem, {in_flight} at a time"), Unit::Micros, &taken);
        figures.push(if in_flight == 64 { figure.at_most(250.0) } else { figure });
    }
    Ok(Section { scenario: Scenario::Redeem, includes: INCLUDES, figures })
}
