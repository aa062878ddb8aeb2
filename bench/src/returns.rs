//! Returns at the issuer in batches (RN-F6, RN-F7).

use std::{path::Path, time::Duration};

use futures::executor::block_on;
use tempfile::TempDir;
use zeni_crypto::{PublicKey, SharedEntropy, Signature, batch::Batch, sha256};
use zeni_issuer::{
    Policy, SCHEMA,
    testing::{BANKS, Setup, config, id},
};
use zeni_message::{
    Message, Role, Signed, encode,
    limits::BATCH_ITEMS_MAX,
    route::{Caller, Ctx, Routes},
};
use zeni_note::{
    Closing, Nonce,
    messages::issuer::{Outcome, Return, ReturnAnswer, ReturnItem},
    testing::World,
};
use zeni_store::{Options, Store};

use crate::{
    BenchError, Scenario, Section, Settings,
    chains::{Maker, Person, takings, time},
    drive::drive,
    measure::{Rounds, count, processor},
    report::{Figure, Unit},
};

const INCLUDES: &str = "processor time an item of batches at the issuer, from the bytes of the message to the bytes of the signed \
     answer: decoding, all signatures, register, tree, archive, books, durable commit; without HTTP and TLS. Warm: the issuer \
     has verified the licences before; cold: it has not. Notes are passed on whole unless said otherwise.";

/// Face value of the notes.
const FACE: u64 = 1_000;
/// Chain lengths of the targets, with rounds of each.
const LENGTHS: [(usize, usize); 3] = [(1, 9), (5, 5), (16, 3)];

/// Whether the issuer knows the licences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// They were verified before.
    Warm,
    /// They were never seen.
    Cold,
}

/// What a batch looks like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Items.
    pub items: usize,
    /// Endorsements of each chain before its closing.
    pub endorsements: usize,
    /// What is passed on of each note of 1,000 minor units.
    pub value: u64,
    /// Whether one item's closing is signed wrongly.
    pub bad: bool,
}

impl Shape {
    /// Notes passed on whole, all signatures right.
    pub fn sound(items: usize, endorsements: usize) -> Shape {
        Shape { items, endorsements, value: FACE, bad: false }
    }
}

/// An issuer over a file, with chains to return to it.
pub struct Returns {
    setup: Setup,
    routes: Routes,
    maker: Maker,
    batches: u64,
    _directory: TempDir,
}

/// A batch ready to be sent.
struct Prepared {
    body: Vec<u8>,
    shape: Shape,
}

impl Returns {
    /// An issuer with its key lists published and an empty register.
    ///
    /// # Errors
    /// [`BenchError::Directory`], [`BenchError::Open`].
    pub fn open(settings: &Settings) -> Result<Returns, BenchError> {
        let directory = settings.temporary()?;
        let setup = issuer(&directory.path().join("issuer.db"))?;
        let routes = setup.issuer.member_routes();
        let maker = Maker::new(&setup.world);
        Ok(Returns { setup, routes, maker, batches: 0, _directory: directory })
    }

    /// Processor time of one batch of that shape; notes are entered and chains made beforehand.
    ///
    /// # Errors
    /// When an outcome is not the right one.
    pub fn measure(&mut self, shape: Shape, cache: Cache) -> Result<Duration, BenchError> {
        let holders = self.maker.persons(&self.setup.world, shape.items * (shape.endorsements + 1));
        if cache == Cache::Warm {
            let before = self.prepare(Shape { bad: false, ..shape }, &holders);
            self.send(before)?;
        }
        let batch = self.prepare(shape, &holders);
        self.send(batch)
    }

    /// As [`Returns::measure`], of a shop's takings of one endorsement each, closed together by one signature.
    ///
    /// # Errors
    /// When an outcome is not the right one.
    pub fn measure_hand_in(&mut self, items: usize, cache: Cache) -> Result<Duration, BenchError> {
        let customers = self.maker.customers(&self.setup.world, items);
        if cache == Cache::Warm {
            let before = self.prepare_hand_in(&customers);
            self.send(before)?;
        }
        let batch = self.prepare_hand_in(&customers);
        self.send(batch)
    }

    fn prepare_hand_in(&mut self, customers: &[[Person; 2]]) -> Prepared {
        let shape = Shape::sound(customers.len(), 1);
        let (hand_in, items) = takings(&mut self.maker, &self.setup.world, customers, FACE, BANKS[1]);
        self.enter(&items);
        Prepared { body: encode(&Return { batch: self.next_batch(), hand_ins: vec![hand_in], items }), shape }
    }

    /// Enters the notes of chains as issued.
    fn enter(&self, items: &[ReturnItem]) {
        let notes = items.iter().map(|item| item.chain.note.clone()).collect();
        block_on(self.setup.enter_notes(BANKS[0], notes));
    }

    fn next_batch(&mut self) -> Nonce {
        self.batches += 1;
        id(&format!("bench batch {}", self.batches))
    }

    fn prepare(&mut self, shape: Shape, holders: &[Person]) -> Prepared {
        let holders = holders.chunks(shape.endorsements + 1);
        let bank = BANKS[1];
        let mut items: Vec<ReturnItem> =
            holders.map(|holders| self.maker.item(&self.setup.world, holders, FACE, shape.value, bank)).collect();
        self.enter(&items);
        if shape.bad
            && let Closing::Single { signature, .. } = &mut items[shape.items / 2].closing
        {
            signature.0[0] ^= 1;
        }
        Prepared { body: encode(&Return { batch: self.next_batch(), hand_ins: Vec::new(), items }), shape }
    }

    fn send(&self, Prepared { body, shape }: Prepared) -> Result<Duration, BenchError> {
        let path = Return::PATH;
        let caller = Caller { role: Role::Bank, name: BANKS[1].to_owned() };
        let ctx = Ctx { now: time(), caller: Some(caller) };
        let (time, answers) = drive::<Signed<ReturnAnswer>>(&self.routes, path, vec![(ctx, body)], 1)?;
        let right = |(place, outcome): (usize, &Outcome)| {
            let bad = shape.bad && place == shape.items / 2;
            *outcome == if bad { Outcome::Malformed } else { Outcome::Paid }
        };
        let outcomes = &answers[0].record.outcomes;
        if outcomes.len() != shape.items || !outcomes.iter().enumerate().all(right) {
            return Err(BenchError::Outcome { path });
        }
        Ok(time)
    }
}

/// The issuer of the test world over a file, with a server's store.
pub(crate) fn issuer(path: &Path) -> Result<Setup, BenchError> {
    let store = Store::open_sqlite(path, &SCHEMA, Options::default())?;
    let world = World::new("issuer tests");
    let config = config(&world, Policy::Refuse);
    Ok(block_on(Setup::with(world, store, config)))
}

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let items = settings.pick(BATCH_ITEMS_MAX, 16);
    let mut returns = Returns::open(settings)?;
    let mut figures = vec![signatures_alone(2 * items, settings.pick(9, 1))];
    let mut sound = Vec::new();
    for (endorsements, rounds) in LENGTHS {
        let rounds = settings.pick(rounds, 1);
        for (cache, word) in [(Cache::Warm, "warm"), (Cache::Cold, "cold")] {
            for bad in [false, true] {
                let shape = Shape { bad, ..Shape::sound(items, endorsements) };
                let taken = rounds_of(&mut returns, shape, cache, rounds)?;
                let with = if bad { ", one bad item" } else { "" };
                let name = format!("{endorsements:>2} endorsed + closing, {word}{with}");
                let figure = Figure::new(name, Unit::Micros, &taken);
                if !bad {
                    sound.push((endorsements, cache, figure.median));
                }
                figures.push(match (endorsements, cache, bad) {
                    (1, Cache::Warm, false) => figure.at_most(70.0),
                    (1, Cache::Cold, false) => figure.at_most(95.0),
                    _ => figure,
                });
            }
        }
    }
    let divided = Shape { value: FACE / 2, ..Shape::sound(items, 1) };
    let taken = rounds_of(&mut returns, divided, Cache::Warm, settings.pick(5, 1))?;
    figures.push(Figure::new(" 1 endorsed + closing, warm, half of the note", Unit::Micros, &taken));
    for (cache, word) in [(Cache::Warm, "warm"), (Cache::Cold, "cold")] {
        let mut taken = Rounds::default();
        for _ in 0..settings.pick(5, 1) {
            taken.add_time(returns.measure_hand_in(items, cache)?, items);
        }
        let name = format!(" 1 endorsed, all under one hand-in, {word}");
        figures.push(Figure::new(name, Unit::Micros, &taken));
    }
    figures.push(further(&sound, Cache::Warm, 1).at_most(12.0));
    figures.push(further(&sound, Cache::Cold, 2).at_most(12.0));
    Ok(Section { scenario: Scenario::Return, includes: INCLUDES, figures })
}

fn rounds_of(returns: &mut Returns, shape: Shape, cache: Cache, rounds: usize) -> Result<Rounds, BenchError> {
    let mut taken = Rounds::default();
    for _ in 0..rounds {
        taken.add_time(returns.measure(shape, cache)?, shape.items);
    }
    Ok(taken)
}

/// What each further signature costs: longest against shortest chains.
fn further(sound: &[(usize, Cache, f64)], cache: Cache, signatures: usize) -> Figure {
    let [(short, _), .., (long, _)] = LENGTHS;
    let of = |length: usize| sound.iter().find(|(at, of, _)| *at == length && *of == cache).map_or(0.0, |(.., us)| *us);
    let each = (of(long) - of(short)) / count((long - short) * signatures);
    let word = if cache == Cache::Warm { "warm (endorsements)" } else { "cold (endorsements and licences)" };
    Figure::exact(format!("each further signature, {word}"), Unit::Micros, each)
}

/// The part of it that no issuer can avoid: the signatures in one batch.
fn signatures_alone(signatures: usize, rounds: usize) -> Figure {
    let items: Vec<(PublicKey, Signature, [u8; 32])> = (0..signatures)
        .map(|number| {
            let message = sha256(&[b"bench signature", &number.to_be_bytes()]).0;
            let secret = zeni_crypto::SecretKey::from_seed(message);
            (secret.public(), secret.sign(&message), message)
        })
        .collect();
    let mut taken = Rounds::default();
    for round in 0..rounds {
        let mut entropy = SharedEntropy::seeded([u8::try_from(round).unwrap_or(0); 32]);
        let (time, good) = processor(|| {
            let mut batch = Batch::with_capacity(items.len());
            items.iter().for_each(|(key, signature, message)| batch.add(*key, *signature, message));
            batch.verify(&mut entropy).is_ok()
        });
        assert!(good, "signatures just made hold");
        taken.add_time(time, signatures);
    }
    Figure::new(format!("for comparison: a signature of a batch of {signatures}"), Unit::Micros, &taken)
}
