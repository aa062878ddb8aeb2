//! The life of a deposited item and how its money moves.
//!
//! ```text
//! queued ──► sent ──┬► paid                          available
//!   (held)  (held)  ├► partly ──decision──► paid, partly with nothing claimed, refused    the rest was claimed in a case
//!                   ├► unknown ──decision──► paid, partly     (held)
//!                   ├► waiting ──decision──► paid, partly     (held, a refund)
//!                   └► duplicate, malformed, late, too_early           not credited
//! ```

use zeni_message::Time;
use zeni_money::{Amount, Currency};
use zeni_note::messages::{
    bank::ItemState,
    issuer::{Decision, Outcome},
};
use zeni_store::{Row, Tx, TxError, params};

use crate::{
    books::{self, Book, Move, broken},
    schema,
};

/// Where an item stands; what a restart does about it is said at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Credited as held; the next round of returns takes it into a batch.
    Queued,
    /// In a batch; the batch is sent again until its answer was booked.
    Sent,
    /// The issuer knows no such note; stays held, decisions are asked for.
    Unknown,
    /// A refund before the end of the dispute term; stays held, decisions are asked for.
    Waiting,
    /// Available; nothing to do.
    Paid,
    /// Part, perhaps nothing, available; while the rest is claimed, decisions are asked for.
    Partly,
    /// Final: came back before.
    Duplicate,
    /// Final: not well formed, says the issuer.
    Malformed,
    /// Final: after the deposit limit; may come again as a refund.
    Late,
    /// Final: a refund asked for before its time; may come again.
    TooEarly,
    /// Final: a decision paid nothing.
    Refused,
}

impl Phase {
    const ALL: [Phase; 11] = [
        Phase::Queued,
        Phase::Sent,
        Phase::Unknown,
        Phase::Waiting,
        Phase::Paid,
        Phase::Partly,
        Phase::Duplicate,
        Phase::Malformed,
        Phase::Late,
        Phase::TooEarly,
        Phase::Refused,
    ];

    /// The word in the database and in answers.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Phase::Queued => "queued",
            Phase::Sent => "sent",
            Phase::Unknown => "unknown",
            Phase::Waiting => "waiting",
            Phase::Paid => "paid",
            Phase::Partly => "partly",
            Phase::Duplicate => "duplicate",
            Phase::Malformed => "malformed",
            Phase::Late => "late",
            Phase::TooEarly => "too_early",
            Phase::Refused => "refused",
        }
    }

    pub(crate) fn read(row: &Row, index: usize) -> Result<Phase, TxError> {
        let word = row.text(index)?;
        Phase::ALL.into_iter().find(|phase| phase.word() == word).ok_or_else(|| broken("an unknown state of an item"))
    }

    /// Whether its amount is held.
    pub(crate) const fn is_held(self) -> bool {
        matches!(self, Phase::Queued | Phase::Sent | Phase::Unknown | Phase::Waiting)
    }
}

/// What a customer is told of an item, from the columns amount, state, paid, claimed, until.
pub(crate) fn told(row: &Row) -> Result<ItemState, TxError> {
    let phase = Phase::read(row, 1)?;
    Ok(match phase {
        Phase::Queued | Phase::Sent | Phase::Unknown => ItemState::Held(row.amount(0)?),
        Phase::Waiting => ItemState::Waiting { until: Time(row.u64(4)?) },
        Phase::Paid => ItemState::Available(row.amount(2)?),
        Phase::Partly => ItemState::Partly { available: row.amount(2)?, claimed: row.amount(3)? },
        _ => ItemState::Refused(phase.word().to_owned()),
    })
}

/// An item that is to be booked.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) deposit: [u8; 16],
    pub(crate) place: u32,
    pub(crate) leaf: [u8; 32],
    pub(crate) account: String,
    pub(crate) currency: Currency,
    pub(crate) amount: Amount,
    pub(crate) refund: bool,
    pub(crate) phase: Phase,
    pub(crate) paid: Amount,
    pub(crate) claimed: Amount,
}

/// An item's new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Next {
    phase: Phase,
    paid: Amount,
    claimed: Amount,
    until: Time,
}

impl Item {
    /// The word of this item's entries in statements.
    fn kind(&self) -> &'static str {
        if self.refund { "refund" } else { "deposit" }
    }

    /// Credits the amount as held (RN-F5.2).
    pub(crate) fn hold(&self, tx: &mut Tx<'_>, now: Time) -> Result<(), TxError> {
        let cause: &[&[u8]] = &[&self.deposit, &self.leaf];
        let what = self.movement(self.kind(), self.amount, cause, now);
        books::must_post(tx, &Book::Clearing(self.currency), &Book::Held(&self.account), &what)
    }

    /// Books the issuer's answer (RN-F6.2). Only an item in the phase `Sent` gets one.
    pub(crate) fn answer(&self, tx: &mut Tx<'_>, outcome: Outcome, now: Time) -> Result<(), TxError> {
        let (none, never) = (Amount::ZERO, Time::START);
        let refused = |phase| Next { phase, paid: none, claimed: none, until: never };
        let next = match outcome {
            Outcome::Paid => Next { phase: Phase::Paid, paid: self.amount, claimed: none, until: never },
            Outcome::Partly { paid } => {
                let claimed = self.amount.checked_sub(paid).ok_or_else(|| broken("paid more than was returned"))?;
                Next { phase: Phase::Partly, paid, claimed, until: never }
            }
            Outcome::Duplicate => refused(Phase::Duplicate),
            Outcome::Malformed => refused(Phase::Malformed),
            Outcome::Late => refused(Phase::Late),
            Outcome::TooEarly => refused(Phase::TooEarly),
            Outcome::Unknown => refused(Phase::Unknown),
            Outcome::Waiting { until } => Next { until, ..refused(Phase::Waiting) },
        };
        if matches!(next.phase, Phase::Late | Phase::TooEarly) {
            tx.execute(schema::DELETE_LEAF, params![self.leaf])?;
        }
        if !next.phase.is_held() {
            self.release(tx, now)?;
        }
        self.pay(tx, self.kind(), next.paid, b"answer", now)?;
        self.store(tx, &next)
    }

    /// Books a later decision of the issuer: `paid` on top of what was paid before. `None` where it fits no open claim.
    pub(crate) fn decide(&self, tx: &mut Tx<'_>, decision: &Decision, now: Time) -> Result<Option<()>, TxError> {
        let Decision { number, paid, claimed, .. } = *decision;
        let cause = number.to_be_bytes();
        let room = match self.phase {
            Phase::Partly => self.claimed,
            Phase::Unknown | Phase::Waiting => self.amount,
            _ => return Ok(None),
        };
        if room.checked_sub(paid).is_none_or(|rest| claimed > rest) {
            return Ok(None);
        }
        let total = self.paid.checked_add(paid).ok_or_else(|| broken("paid more than an amount can be"))?;
        let phase = match () {
            () if total == self.amount => Phase::Paid,
            () if total.is_zero() && claimed.is_zero() => Phase::Refused,
            () => Phase::Partly,
        };
        if self.phase.is_held() {
            self.release(tx, now)?;
        }
        let kind = if self.phase == Phase::Partly { "claim" } else { self.kind() };
        self.pay(tx, kind, paid, &cause, now)?;
        self.store(tx, &Next { phase, paid: total, claimed, until: Time::START })?;
        Ok(Some(()))
    }

    fn release(&self, tx: &mut Tx<'_>, now: Time) -> Result<(), TxError> {
        let cause: &[&[u8]] = &[&self.deposit, &self.leaf];
        let what = self.movement(self.kind(), self.amount, cause, now);
        books::must_post(tx, &Book::Held(&self.account), &Book::Clearing(self.currency), &what)
    }

    fn pay(&self, tx: &mut Tx<'_>, kind: &'static str, amount: Amount, word: &[u8], now: Time) -> Result<(), TxError> {
        let cause: &[&[u8]] = &[&self.deposit, &self.leaf, word];
        let what = self.movement(kind, amount, cause, now);
        books::must_post(tx, &Book::Due(self.currency), &Book::Available(&self.account), &what)
    }

    fn movement<'a>(&self, kind: &'static str, amount: Amount, cause: &'a [&'a [u8]], time: Time) -> Move<'a> {
        Move { kind, cause, currency: self.currency, amount, time }
    }

    fn store(&self, tx: &mut Tx<'_>, next: &Next) -> Result<(), TxError> {
        let Next { phase, paid, claimed, until } = *next;
        let row = params![self.deposit, self.place, phase.word(), paid, claimed, schema::int(until.0)];
        match tx.execute(schema::UPDATE_ITEM, row)? {
            1 => Ok(()),
            _ => Err(broken("an item's row is missing")),
        }
    }
}
