//! Transfers that settlement cycles order (HC-F4.11, HC-O13): what the bank pays or receives, netted, and what of its sealed notes
//! came back.
//!
//! Each is stored under its number in the transaction that books it, so it is booked once (HC-X35). One that does not fit the
//! books is stored, not booked, and told by the audit.

use std::{convert::Infallible, sync::PoisonError};

use zeni_message::Time;
use zeni_note::messages::issuer::{GetTransfers, Transfer};
use zeni_store::{Caller, JobError, Tx, TxError, params};

use crate::{
    bank::Bank,
    books::{self, Book, Move},
    chores::{Chore, ChoreError, Progress},
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

impl Bank {
    /// Asks for transfers after the last that was heard of.
    pub(crate) async fn ask_transfers(&self, now: Time) -> Chore {
        if !self.due(&mut self.rounds.lock().unwrap_or_else(PoisonError::into_inner).transfers_asked, now) {
            return Ok(Progress::Idle);
        }
        let after = self.store.read(|tx: &mut Tx<'_>| -> Job<u64> { Ok(cursor(tx)?) }).await?;
        let answer = self.issuer.send(&GetTransfers { after }).await;
        if answer.as_ref().map_or(true, |transfers| !transfers.is_empty()) {
            // lost, or perhaps not all: asked again in the next round
            self.rounds.lock().unwrap_or_else(PoisonError::into_inner).transfers_asked = None;
        }
        let mut transfers = answer.map_err(ChoreError::sent::<GetTransfers>)?;
        if transfers.is_empty() {
            return Ok(Progress::Idle);
        }
        transfers.sort_by_key(|transfer| transfer.number);
        let job = move |tx: &mut Tx<'_>| -> Job<Progress> {
            let mut progress = Progress::Idle;
            for transfer in &transfers {
                if book(tx, transfer, now)? {
                    progress = Progress::More;
                }
            }
            Ok(progress)
        };
        Ok(self.store.write(Caller::default(), job).await?)
    }
}

/// Number of the last transfer heard of.
fn cursor(tx: &mut Tx<'_>) -> Result<u64, TxError> {
    tx.row(schema::SELECT_TRANSFER_CURSOR, &[])?.map_or(Ok(0), |row| row.u64(0))
}

/// Books one transfer; false if it was heard of before.
fn book(tx: &mut Tx<'_>, transfer: &Transfer, now: Time) -> Result<bool, TxError> {
    let Transfer { number, cycle, currency, amount, pays, returned } = *transfer;
    if number <= cursor(tx)? {
        return Ok(false);
    }
    books::open_own(tx, currency)?;
    let other = tx.row(schema::SELECT_CYCLE, params![*cycle, currency.code()])?;
    let fits = other.is_none() && returned <= books::credit(tx, &Book::Outstanding(currency))?;
    let state = if fits { "booked" } else { "unmatched" };
    if fits {
        let (place, cycle) = (number.to_be_bytes(), *cycle);
        let cause: &[&[u8]] = &[&place, &cycle];
        let what = |kind, amount| Move { kind, cause, currency, amount, time: now };
        let back = what("returned", returned);
        books::must_post(tx, &Book::Outstanding(currency), &Book::Returned(currency), &back)?;
        let (from, to) = match pays {
            true => (Book::Settled(currency), Book::Cash(currency)),
            false => (Book::Cash(currency), Book::Settled(currency)),
        };
        books::must_post(tx, &from, &to, &what("transfer", amount))?;
    } else {
        tracing::error!("a transfer of the issuer does not fit the books of this bank");
    }
    let row = params![schema::int(number), *cycle, currency.code(), amount, pays, returned, state, schema::int(now.0)];
    tx.execute(schema::INSERT_TRANSFER, row)?;
    Ok(true)
}

#[cfg(test)]
mod tests;
