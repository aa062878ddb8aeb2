//! Counts and totals, signed for the issuer (DESIGN §4): how many signatures per key, and what the bank believes of its
//! position (RN-F9.2, RN-P22).
//!
//! Reports go at fixed times, so that they tell nobody when something was signed. A report is stored before it is sent and sent again until the issuer took it. Each is read from one state of the store
//! that is not older than that of the report before, so no count goes down.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::PoisonError,
};

use zeni_crypto::Digest;
use zeni_message::{Message, Refusal, Signed, Time, decode, encode, limits::MESSAGE_BYTES_MAX, peer::SendError};
use zeni_money::{Amount, Currency};
use zeni_note::messages::issuer::{BankTotals, Counts, LogMark, LogReport, ReportCounts, ReportCountsRefusal};
use zeni_store::{Caller, JobError, Tx, TxError, params};

use crate::{
    bank::Bank,
    books::{self, Book, broken},
    chores::{Chore, ChoreError, Progress},
    identify,
    lists::Lists,
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

/// Orders whose counts are folded into their keys in one round.
const FOLD_MAX: u32 = 512;

/// A stored report.
pub(crate) struct Report {
    pub(crate) number: u64,
    pub(crate) counts: Signed<Counts>,
    pub(crate) taken: bool,
    /// In which stretch of time it was made.
    slot: u64,
}

/// The last report.
pub(crate) fn last_report(tx: &mut Tx<'_>) -> Result<Option<Report>, TxError> {
    let Some(row) = tx.row(schema::SELECT_REPORT, &[])? else { return Ok(None) };
    let counts = decode(row.blob(1)?, MESSAGE_BYTES_MAX).map_err(|_| broken("a stored report is damaged"))?;
    Ok(Some(Report { number: row.u64(0)?, counts, taken: row.int(2)? != 0, slot: row.u64(3)? }))
}

/// Signatures made under each key, ascending by digest.
pub(crate) fn signed(tx: &mut Tx<'_>) -> Result<BTreeMap<Digest, u64>, TxError> {
    let mut signed = BTreeMap::new();
    for row in tx.rows(schema::SELECT_KEYS, &[])? {
        signed.insert(Digest(row.array(0)?), row.u64(2)?);
    }
    for row in tx.rows(schema::SUM_TALLY, &[])? {
        *signed.entry(Digest(row.array(0)?)).or_default() += row.u64(1)?;
    }
    Ok(signed)
}

/// The totals per currency of the bank's accounts.
pub(crate) fn totals(tx: &mut Tx<'_>) -> Result<Vec<BankTotals>, TxError> {
    let mut currencies = BTreeSet::new();
    for row in tx.rows(schema::SELECT_CURRENCIES, &[])? {
        currencies.insert(crate::accounts::currency(&row, 0)?);
    }
    currencies.into_iter().map(|currency| total(tx, currency)).collect()
}

fn total(tx: &mut Tx<'_>, currency: Currency) -> Result<BankTotals, TxError> {
    Ok(BankTotals {
        currency,
        signed: books::credit(tx, &Book::Signed(currency))?,
        returned: books::debit(tx, &Book::Due(currency))?,
        reclaimed: books::debit(tx, &Book::Reclaimed(currency))?,
        sealed: issued_under_seal(tx, currency)?,
    })
}

/// Debited from accounts for notes issued under seal: what is outstanding and what came back.
pub(crate) fn issued_under_seal(tx: &mut Tx<'_>, currency: Currency) -> Result<Amount, TxError> {
    let outstanding = books::credit(tx, &Book::Outstanding(currency))?;
    let returned = books::credit(tx, &Book::Returned(currency))?;
    outstanding.checked_add(returned).ok_or_else(|| broken("more was issued than an amount can be"))
}

impl Bank {
    /// Makes the report of this stretch of time, or sends again the last one that was not taken.
    pub(crate) async fn report_counts(&self) -> Chore {
        let now = self.clock.now();
        let lists = self.lists::<Infallible>().await?;
        let bank = self.config.bank.clone();
        let read = move |tx: &mut Tx<'_>| -> Job<_> {
            let last = last_report(tx)?;
            let present = present(tx, &bank, &lists, last.as_ref(), now)?;
            Ok((last, present))
        };
        let (last, mut present) = self.store.read(read).await?;
        let report = match last {
            Some(last) if !last.taken => self.signed_now(last).await?,
            last => {
                let slot = now.0.checked_div(self.config.counts_every_s);
                if !is_due(last.as_ref(), slot, &present) {
                    return Ok(Progress::Idle);
                }
                present.number = last.map_or(1, |last| last.number + 1);
                let counts = Signed::sign(self.config.roots.network, present, &self.document);
                let slot = slot.unwrap_or(0);
                let report = Report { number: counts.record.number, counts, taken: false, slot };
                if !self.store_report(&report).await? {
                    return Ok(Progress::More);
                }
                report
            }
        };
        let Report { number, counts, .. } = report;
        match self.issuer.send(&ReportCounts { counts }).await {
            Ok(_) => {}
            // a later report of this bank overtook this one; if there is none, this bank's books were set back
            Err(SendError::Refused(ReportCountsRefusal::Older { .. })) if self.overtaken(number).await? => {
                return Ok(Progress::More);
            }
            Err(SendError::Refused(refusal)) => {
                return Err(ChoreError::Refused { message: ReportCounts::PATH, code: refusal.code() });
            }
            Err(error) => return Err(ChoreError::sent::<ReportCounts>(error)),
        }
        self.taken(number).await
    }

    /// A stored report under the bank's present key: one that was signed before the key was changed is taken by nobody. What it
    /// says and its number stay.
    async fn signed_now(&self, report: Report) -> Result<Report, ChoreError> {
        let network = self.config.roots.network;
        if report.counts.verify(network, &self.document.public()).is_ok() {
            return Ok(report);
        }
        let counts = Signed::sign(network, report.counts.record, &self.document);
        let (number, bytes) = (schema::int(report.number), encode(&counts));
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            Ok(tx.execute(schema::SIGN_REPORT, params![number.clone(), &bytes]).map(drop)?)
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Report { counts, ..report })
    }

    async fn overtaken(&self, number: u64) -> Result<bool, ChoreError> {
        let read =
            move |tx: &mut Tx<'_>| -> Job<bool> { Ok(last_report(tx)?.is_some_and(|last| last.number > number)) };
        let overtaken = self.store.read(read).await?;
        if !overtaken {
            tracing::error!("the issuer knows more signatures of this bank than its books: was a backup restored?");
        }
        Ok(overtaken)
    }

    /// Adds what was posted to the bank's own accounts to their stored balances, so that these are read fast.
    pub(crate) async fn fold_books(&self, now: Time) -> Chore {
        if !self.due(&mut self.rounds.lock().unwrap_or_else(PoisonError::into_inner).folded, now) {
            return Ok(Progress::Idle);
        }
        let job = |tx: &mut Tx<'_>| -> Job<()> {
            for row in tx.rows(schema::SELECT_CURRENCIES, &[])? {
                for book in Book::own(crate::accounts::currency(&row, 0)?) {
                    zeni_ledger::fold(tx, &book.name())?;
                }
            }
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::Idle)
    }

    /// Stores a report under its number; false if another has it.
    async fn store_report(&self, report: &Report) -> Result<bool, ChoreError> {
        let (number, counts, slot) = (report.number, encode(&report.counts), report.slot);
        let (log, now) = (report.counts.record.identifications, self.clock.now());
        let job = move |tx: &mut Tx<'_>| -> Job<bool> {
            let last = last_report(tx)?;
            if last.as_ref().map_or(0, |last| last.number) + 1 != number {
                return Ok(false);
            }
            if let Some(last) = &last {
                identify::note_break(tx, last, log.as_ref(), now)?;
            }
            Ok(tx.execute(schema::INSERT_REPORT, params![schema::int(number), &counts, schema::int(slot)])? == 1)
        };
        Ok(self.store.write(Caller::default(), job).await?)
    }

    /// The issuer took a report: earlier ones go.
    async fn taken(&self, number: u64) -> Chore {
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            tx.execute(schema::TAKE_REPORT, params![schema::int(number)])?;
            tx.execute(schema::DELETE_REPORTS, params![schema::int(number)]).map(drop)?;
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::More)
    }

    /// Adds the counts of some orders to their keys' stored counts.
    pub(crate) async fn fold_counts(&self) -> Chore {
        let read = |tx: &mut Tx<'_>| -> Job<bool> { Ok(!tx.rows(schema::SELECT_TALLY, params![1])?.is_empty()) };
        if !self.store.read(read).await? {
            return Ok(Progress::Idle);
        }
        let job = |tx: &mut Tx<'_>| -> Job<bool> {
            let rows = tx.rows(schema::SELECT_TALLY, params![FOLD_MAX])?;
            for row in &rows {
                let (id, entry): ([u8; 16], [u8; 32]) = (row.array(0)?, row.array(1)?);
                tx.execute(schema::FOLD_KEY, params![entry, row.int(2)?])?;
                tx.execute(schema::DELETE_TALLY, params![id])?;
            }
            Ok(rows.len() as u64 == u64::from(FOLD_MAX))
        };
        let more = self.store.write(Caller::default(), job).await?;
        Ok(if more { Progress::More } else { Progress::Idle })
    }
}

/// Whether a report is to be made: in each stretch of time one, whatever it says; without stretches whenever it says
/// something new. A clock that was set back makes one more report and none less.
fn is_due(last: Option<&Report>, slot: Option<u64>, present: &Counts) -> bool {
    match (slot, last) {
        (Some(slot), last) => last.is_none_or(|last| last.slot != slot),
        (None, Some(last)) => {
            let Counts { signed, totals, .. } = &last.counts.record;
            *signed != present.signed || *totals != present.totals || reported_log(last) != log_end(present)
        }
        (None, None) => {
            let sealed = present.totals.iter().any(|totals| !totals.sealed.is_zero());
            !present.signed.is_empty() || sealed || log_end(present) != LogMark::START
        }
    }
}

/// What the next report would say, without its number. Keys whose requests can be neither redeemed nor claimed are left out.
fn present(tx: &mut Tx<'_>, bank: &str, lists: &Lists, last: Option<&Report>, now: Time) -> Result<Counts, TxError> {
    let signed = signed(tx)?.into_iter();
    let published = |entry: &Digest| lists.own.get(entry).is_some_and(|key| now <= key.terms.claim_until);
    Ok(Counts {
        bank: bank.to_owned(),
        number: 0,
        signed: signed.filter(|(entry, count)| *count > 0 && published(entry)).collect(),
        totals: totals(tx)?,
        identifications: Some(LogReport {
            before: identify::mark(tx, last.map_or(0, |last| reported_log(last).number))?,
            end: identify::end(tx)?,
        }),
    })
}

/// Where a report has left the log of identifications.
pub(crate) fn reported_log(report: &Report) -> LogMark {
    log_end(&report.counts.record)
}

fn log_end(counts: &Counts) -> LogMark {
    counts.identifications.map_or(LogMark::START, |told| told.end)
}

#[cfg(test)]
mod tests;
