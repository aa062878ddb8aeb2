//! Register and archive while notes under seal come and go, with as much in circulation all the time (HC-P20, HC-P21, HC-N10).

use std::{collections::VecDeque, sync::Arc};

use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_issuer::{
    Policy, SCHEMA, Storage,
    testing::{BANKS, SEALED, Setup, config},
};
use zeni_message::{Time, limits::BATCH_ITEMS_MAX};
use zeni_note::{
    Chain, Nonce, Right,
    messages::{
        bank::SEALED_ITEMS_MAX,
        issuer::{IssueSealed, Outcome, Return, ReturnItem, SealedAnswer},
    },
    sealed::{Envelope, Reply},
    testing::{DAY, START, World},
};
use zeni_store::{Options, Store};

use crate::{
    BenchError, Scenario, Section, Settings,
    measure::count,
    report::{Figure, Unit},
    sealed::ordered,
};

const INCLUDES: &str = "rows and bytes of the register and of the archive, with what belongs to their notes (nodes, origins), \
     without the engine's own overhead, at the end of each epoch of 30 days. Each epoch as many notes are issued under seal \
     as in the others, and the oldest come back, so that as many are out all the time. Records are kept for 90 days from the \
     beginning of their epoch; in the last line everything has come back and served its term. For comparison what a list of \
     all spent notes would hold.";

const FACE: u64 = 100;
/// Days of one epoch.
const EPOCH_DAYS: u64 = 30;
/// Epochs over which the notes are issued.
const EPOCHS: usize = 10;
/// Bytes that a list of spent notes would need for each.
const SPENT_BYTES: usize = 32;

struct Out {
    user: Arc<SecretKey>,
    chain: Chain,
}

struct Flow {
    setup: Setup,
    made: u64,
    out: VecDeque<Out>,
    returned: usize,
}

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let (notes, outstanding) = (settings.pick(1_000_000, 400), settings.pick(10_000, 20));
    let directory = settings.temporary()?;
    let store = Store::open_sqlite(directory.path().join("issuer.db"), &SCHEMA, Options::default())?;
    let mut flow = Flow { setup: world(store), made: 0, out: VecDeque::new(), returned: 0 };
    let mut figures = Vec::new();
    for epoch in 1..=EPOCHS {
        let from = START.plus(EPOCH_DAYS * DAY * (epoch as u64 - 1));
        flow.advance(from.plus(DAY))?;
        flow.pass(u32::try_from(epoch).unwrap_or(u32::MAX), notes / EPOCHS, outstanding)?;
        flow.advance(from.plus((EPOCH_DAYS - 1) * DAY))?;
        let name = format!("epoch {epoch:>2}, {} issued", flow.made);
        figures.extend(flow.figures(&name)?);
    }
    flow.give_back(0)?;
    flow.advance(START.plus(EPOCH_DAYS * DAY * (EPOCHS as u64 + 3) + 1))?;
    figures.extend(flow.figures("after all terms")?);
    figures.push(Figure::exact("for comparison: a list of spent notes, rows", Unit::Count, count(flow.returned)));
    let spent = flow.returned * SPENT_BYTES;
    figures.push(Figure::exact("for comparison: a list of spent notes, bytes", Unit::Bytes, count(spent)));
    Ok(Section { scenario: Scenario::Register, includes: INCLUDES, figures })
}

/// An issuer of one series, under seal, with short terms.
fn world(store: Store) -> Setup {
    let world = World::new("issuer tests");
    let mut config = config(&world, Policy::Refuse);
    config.series.retain(|series| series.series == SEALED);
    let days = |days: u64| days * DAY;
    for series in &mut config.series {
        (series.withdraw_s, series.redeem_s, series.claim_s) = (days(30), days(30), days(30));
        (series.valid_s, series.deposit_s) = (days(60), days(70));
        (series.refund_s, series.retain_s) = (days(80), days(90));
    }
    block_on(Setup::with(world, store, config))
}

impl Flow {
    /// Puts the clock forward and does what is due.
    fn advance(&self, now: Time) -> Result<(), BenchError> {
        self.setup.clock.put(now);
        while block_on(self.setup.issuer.tick())?.more {}
        Ok(())
    }

    /// Issues that many notes and lets the oldest come back, so that so many are out.
    fn pass(&mut self, epoch: u32, notes: usize, outstanding: usize) -> Result<(), BenchError> {
        let envelope = block_on(self.setup.envelope(epoch));
        let mut left = notes;
        while left > 0 {
            let items = left.min(SEALED_ITEMS_MAX);
            self.issue(epoch, &envelope, items)?;
            self.give_back(outstanding)?;
            left -= items;
        }
        Ok(())
    }

    fn issue(&mut self, epoch: u32, envelope: &Envelope, items: usize) -> Result<(), BenchError> {
        let path = <IssueSealed as zeni_message::Message>::PATH;
        let purses: Vec<_> = (0..items)
            .map(|_| {
                self.made += 1;
                let (user, mut content) = self.setup.content(&format!("register {}", self.made), FACE);
                content.epoch = epoch;
                ordered(&self.setup, envelope, user, content)
            })
            .collect();
        let answers = block_on(self.setup.forward(BANKS[0], &purses)).map_err(|_| BenchError::Outcome { path })?;
        for (purse, answer) in purses.into_iter().zip(answers) {
            let SealedAnswer::Issued(reply) = answer else { return Err(BenchError::Outcome { path }) };
            let reply = Reply::decipher(&purse.content.k, &purse.request(), &reply[..]);
            let way = zeni_note::keylist::Way::Sealed;
            let issued = reply.and_then(|reply| purse.content.issued(self.setup.world.network(), way, &reply));
            let (_, issued) = issued.ok_or(BenchError::Outcome { path })?;
            let holder = Right::Unlicensed(purse.user.public());
            self.out.push_back(Out { user: purse.user, chain: Chain { note: issued.note, holder, hops: Vec::new() } });
        }
        Ok(())
    }

    /// Deposits the oldest notes until no more than so many are out.
    fn give_back(&mut self, outstanding: usize) -> Result<(), BenchError> {
        while self.out.len() > outstanding {
            let most = (self.out.len() - outstanding).min(BATCH_ITEMS_MAX);
            let items: Vec<ReturnItem> = self
                .out
                .drain(..most)
                .zip(self.returned..)
                .map(|(out, number)| self.setup.deposit(&out.chain, &out.user, BANKS[1], &format!("d{number}")))
                .collect();
            let batch: Nonce = zeni_issuer::testing::id(&format!("batch {}", self.returned));
            let answer = block_on(self.setup.member(BANKS[1], Return { batch, hand_ins: Vec::new(), items }));
            let paid =
                answer.is_ok_and(|answer| answer.record.outcomes.iter().all(|outcome| *outcome == Outcome::Paid));
            if !paid {
                return Err(BenchError::Outcome { path: <Return as zeni_message::Message>::PATH });
            }
            self.returned += most;
        }
        Ok(())
    }

    fn figures(&self, name: &str) -> Result<[Figure; 4], BenchError> {
        let Storage { register_rows, register_bytes, archive_rows, archive_bytes } =
            block_on(self.setup.issuer.storage())?;
        let figure = |what: &str, unit: Unit, value: u64| {
            Figure::exact(format!("{name}: {what}"), unit, count(usize::try_from(value).unwrap_or(usize::MAX)))
        };
        Ok([
            figure("register, rows", Unit::Count, register_rows),
            figure("register, bytes", Unit::Bytes, register_bytes),
            figure("archive, rows", Unit::Count, archive_rows),
            figure("archive, bytes", Unit::Bytes, archive_bytes),
        ])
    }
}
