//! Issue under seal at the issuer (HC-F2.8…F2.16).

use std::{sync::Arc, time::Duration};

use futures::executor::block_on;
use tempfile::TempDir;
use zeni_crypto::SecretKey;
use zeni_issuer::testing::{BANKS, Purse, Setup};
use zeni_message::{
    Message, Role, Signed, encode,
    route::{Caller, Ctx, Routes},
};
use zeni_note::{
    messages::{
        bank::SEALED_ITEMS_MAX,
        issuer::{IssueSealed, SealedAnswer, SealedIssue},
    },
    sealed::{Envelope, IssuanceOrder, SealedContent},
};

use crate::{
    BenchError, Scenario, Section, Settings,
    chains::time,
    drive::{Sent, drive},
    measure::{Rounds, processor},
    report::{Figure, Unit},
    returns::issuer,
};

const INCLUDES: &str = "processor time a note at the issuer, from the bytes of the message to the bytes of the reply: decoding, the \
     bank's signatures in one batch, opening, sealing again to check the coins, key check, two signatures, register, origin, \
     ceiling, books, reply under K, durable commits; without HTTP and TLS.";

/// Face value of the notes.
const FACE: u64 = 1_000;
/// What the issuer may spend on a note, in µs.
const TARGET: f64 = 450.0;

/// An issuer over a file, with requests under seal to answer.
pub struct Seals {
    setup: Setup,
    routes: Routes,
    envelope: Envelope,
    made: u64,
    _directory: TempDir,
}

impl Seals {
    /// An issuer with its key lists published.
    ///
    /// # Errors
    /// [`BenchError::Directory`], [`BenchError::Open`].
    pub fn open(settings: &Settings) -> Result<Seals, BenchError> {
        let directory = settings.temporary()?;
        let setup = issuer(&directory.path().join("issuer.db"))?;
        let routes = setup.issuer.member_routes();
        let envelope = block_on(setup.envelope(1));
        Ok(Seals { setup, routes, envelope, made: 0, _directory: directory })
    }

    /// Processor time of that many messages with so many fresh requests each, so many messages at a time.
    ///
    /// # Errors
    /// When a note is not issued.
    pub fn measure(&mut self, messages: usize, items: usize, in_flight: usize) -> Result<Duration, BenchError> {
        let sent = (0..messages).map(|_| self.message(items)).collect();
        let (time, answers) = drive::<Vec<SealedAnswer>>(&self.routes, IssueSealed::PATH, sent, in_flight)?;
        let issued = answers.iter().flatten().filter(|answer| matches!(answer, SealedAnswer::Issued(_))).count();
        if issued == messages * items { Ok(time) } else { Err(BenchError::Outcome { path: IssueSealed::PATH }) }
    }

    fn message(&mut self, items: usize) -> Sent {
        let items = (0..items)
            .map(|_| {
                self.made += 1;
                let (user, content) = self.setup.content(&format!("bench {}", self.made), FACE);
                ordered(&self.setup, &self.envelope, user, content).item
            })
            .collect();
        let caller = Caller { role: Role::Bank, name: BANKS[0].to_owned() };
        (Ctx { now: time(), caller: Some(caller) }, encode(&IssueSealed { items }))
    }

    /// Processor time of opening that many requests and sealing each again, which no issuer can avoid.
    fn opening(&mut self, requests: usize) -> Result<Duration, BenchError> {
        let pair = zeni_crypto::seal::SealKeyPair::from_seed([7; 32]);
        let network = self.setup.world.network();
        let envelope = Envelope::new(network, &(*pair.public().as_bytes()).into());
        let envelope = envelope.map_err(|_| BenchError::Outcome { path: IssueSealed::PATH })?;
        let sealed: Vec<Vec<u8>> =
            (0..requests).map(|at| envelope.seal(&self.setup.content(&format!("open {at}"), FACE).1)).collect();
        let (time, opened) = processor(|| sealed.iter().filter(|sealed| envelope.open(&pair, sealed).is_ok()).count());
        if opened == requests { Ok(time) } else { Err(BenchError::Outcome { path: IssueSealed::PATH }) }
    }
}

/// A request that an honest bank has signed.
pub(crate) fn ordered(setup: &Setup, envelope: &Envelope, user: Arc<SecretKey>, content: SealedContent) -> Purse {
    let request = envelope.seal(&content);
    let order =
        IssuanceOrder { bank: BANKS[0].to_owned(), of: content.ordered(Envelope::digest(&request)), issuer_made: None };
    let order = Signed::sign(setup.world.network(), order, &setup.bank(BANKS[0]).document);
    Purse { user, content, item: SealedIssue { order, request } }
}

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let mut seals = Seals::open(settings)?;
    let mut figures = Vec::new();
    let shapes = [
        ("256 in a message", settings.pick(2, 1), settings.pick(SEALED_ITEMS_MAX, 8), 1),
        ("one in a message, 64 messages at a time", settings.pick(256, 8), 1, 64),
        ("one in a message, one at a time", settings.pick(64, 4), 1, 1),
    ];
    for (name, messages, items, in_flight) in shapes {
        let mut taken = Rounds::default();
        for _ in 0..settings.pick(7, 1) {
            taken.add_time(seals.measure(messages, items, in_flight)?, messages * items);
        }
        let figure = Figure::new(name, Unit::Micros, &taken);
        figures.push(if in_flight == 1 && items == 1 { figure } else { figure.at_most(TARGET) });
    }
    let mut taken = Rounds::default();
    let requests = settings.pick(512, 8);
    for _ in 0..settings.pick(7, 1) {
        taken.add_time(seals.opening(requests)?, requests);
    }
    figures.push(Figure::new("for comparison: opening a request and sealing it again", Unit::Micros, &taken));
    Ok(Section { scenario: Scenario::Sealed, includes: INCLUDES, figures })
}
