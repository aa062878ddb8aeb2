//! Later decisions of the issuer (RN-F6.2): excess of cases, refunds after the dispute term, unknown notes looked into.
//!
//! Each decision is stored under its number in the transaction that books it, so it is booked once. One about an item
//! whose batch has no booked answer yet waits for that; one that fits no open claim is stored and told by the audit.

use std::{convert::Infallible, sync::PoisonError};

use zeni_message::Time;
use zeni_note::messages::issuer::{Decision, GetDecisions};
use zeni_store::{Caller, JobError, Row, Tx, TxError, params};

use crate::{
    accounts::currency,
    bank::Bank,
    books::broken,
    chores::{Chore, ChoreError, Progress},
    items::{Item, Phase},
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

impl Bank {
    /// Asks for decisions while something waits for one.
    pub(crate) async fn ask_decisions(&self, now: Time) -> Chore {
        let read = |tx: &mut Tx<'_>| -> Job<(bool, u64)> {
            let open = tx.row(schema::SELECT_UNDECIDED, &[])?.map(|row| row.int(0)).transpose()?;
            Ok((open.unwrap_or(0) > 0, cursor(tx)?))
        };
        let (open, after) = self.store.read(read).await?;
        let due = self.due(&mut self.rounds.lock().unwrap_or_else(PoisonError::into_inner).decisions_asked, now);
        if !open || !due {
            return Ok(Progress::Idle);
        }
        let answer = self.issuer.send(&GetDecisions { after }).await;
        if answer.is_err() {
            self.rounds.lock().unwrap_or_else(PoisonError::into_inner).decisions_asked = None;
        }
        let decisions = answer.map_err(ChoreError::sent::<GetDecisions>)?;
        for decision in decisions {
            let job = move |tx: &mut Tx<'_>| -> Job<bool> { Ok(book(tx, &decision, now)?) };
            if !self.store.write(Caller::default(), job).await? {
                break;
            }
        }
        Ok(Progress::Idle)
    }
}

/// Number of the last decision booked.
fn cursor(tx: &mut Tx<'_>) -> Result<u64, TxError> {
    tx.row(schema::SELECT_CURSOR, &[])?.map_or(Ok(0), |row| row.u64(0))
}

/// Books one decision; false if it must wait for the answer about its item.
fn book(tx: &mut Tx<'_>, decision: &Decision, now: Time) -> Result<bool, TxError> {
    let Decision { number, leaf, paid, .. } = *decision;
    if number <= cursor(tx)? {
        return Ok(true);
    }
    let item = tx.row(schema::SELECT_LEAF, params![leaf.0])?.map(|row| item(&row, leaf.0)).transpose()?;
    if item.as_ref().is_some_and(|item| matches!(item.phase, Phase::Queued | Phase::Sent)) {
        return Ok(false);
    }
    let booked = match item {
        Some(item) => item.decide(tx, decision, now)?,
        None => None,
    };
    let state = match booked {
        Some(()) => "booked",
        None => {
            tracing::error!("a decision of the issuer fits no open claim of this bank");
            "unmatched"
        }
    };
    tx.execute(schema::INSERT_DECISION, params![schema::int(number), leaf.0, paid, state])?;
    Ok(true)
}

fn item(row: &Row, leaf: [u8; 32]) -> Result<Item, TxError> {
    Ok(Item {
        deposit: row.array(0)?,
        place: u32::try_from(row.int(1)?).map_err(|_| broken("a place beyond all deposits"))?,
        leaf,
        account: row.text(2)?.to_owned(),
        amount: row.amount(3)?,
        phase: Phase::read(row, 4)?,
        paid: row.amount(5)?,
        claimed: row.amount(6)?,
        refund: row.int(7)? != 0,
        currency: currency(row, 8)?,
    })
}

#[cfg(test)]
mod tests;
