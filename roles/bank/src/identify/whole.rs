//! Whether the log of identifications is whole: what the audit says of it, until an operator has accepted it.
//!
//! What is wrong with the rows that are there can be worked out again at any time. That the log did not go on from a report cannot,
//! once the next report stands in its place: it is kept, as the issuer keeps it ([`note_break`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use zeni_crypto::{Digest, LogEnd, tagged};
use zeni_message::Time;
use zeni_note::messages::issuer::LogReport;
use zeni_store::{Caller, JobError, Row, Store, Tx, TxError, WriteError, params};

use super::{
    cases::{CaseFile, Log, lifted, log_of},
    log::{self, Entry, IdentificationOutcome},
};
use crate::{
    audit::Violation,
    bank::Bank,
    counts::{Report, last_report, reported_log},
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

const WHOLE: &str = "the log of identifications is whole";
const GOES_ON: &str = "the log of identifications goes on from what was reported";
/// The rules of the audit that are about the log.
pub(crate) const RULES: [&str; 2] = [WHOLE, GOES_ON];

/// Something that is wrong with the log.
pub(super) struct Finding {
    /// The entry that is missing or wrong.
    pub(super) number: u64,
    rule: &'static str,
    /// What is there and what should be. Other rows give another text, so that what was accepted covers nothing else.
    detail: String,
}

impl Finding {
    fn new(number: u64, rule: &'static str, detail: String) -> Finding {
        Finding { number, rule, detail }
    }

    fn id(&self) -> Digest {
        tagged("zeni/log-finding", &[self.rule.as_bytes(), self.detail.as_bytes()])
    }

    fn put(&self, tx: &mut Tx<'_>, statement: &'static str, now: Time) -> Result<(), TxError> {
        let row = params![self.id().0, schema::int(now.0), self.rule, &self.detail];
        tx.execute(statement, row).map(drop)
    }
}

/// What is wrong with the rows of the log, its case files and the suspensions over them.
pub(super) fn findings(tx: &mut Tx<'_>, log: &Log) -> Result<Vec<Finding>, TxError> {
    let mut found = Vec::new();
    let mut last = LogEnd::START;
    for (entry, file) in log {
        let (next, claimed) = (entry.content.following(&last), entry.end());
        if next != claimed {
            let LogEnd { number, head } = next;
            let detail = format!(
                "expected entry {number} with hash {head}, found entry {} with hash {}",
                claimed.number, claimed.head
            );
            found.push(Finding::new(number, WHOLE, detail));
        }
        let (expected, is) = (entry.content.file, file.as_ref().map_or(Digest([0; 32]), CaseFile::digest));
        if expected != is {
            let detail = format!("entry {}: expected the case file {expected}, found {is}", entry.number);
            found.push(Finding::new(entry.number, WHOLE, detail));
        }
        last = claimed;
    }
    for row in tx.rows(schema::SELECT_ORPHAN_CASES, &[])? {
        let (number, account) = (row.u64(0)?, row.text(1)?);
        let detail = format!("case file {number} over account {account} has no entry");
        found.push(Finding::new(number, WHOLE, detail));
    }
    for row in tx.rows(schema::SELECT_ORPHAN_SUSPENSIONS, &[])? {
        let (number, account) = (row.u64(0)?, row.text(1)?);
        let detail = format!("the suspension of account {account} by entry {number} has no entry or no case file");
        found.push(Finding::new(number, WHOLE, detail));
    }
    found.extend(unsuspended(tx, log)?);
    Ok(found)
}

/// Accounts that were identified, and are not suspended although no entry lifts it.
fn unsuspended(tx: &mut Tx<'_>, log: &Log) -> Result<Vec<Finding>, TxError> {
    let mut due = BTreeMap::new();
    for (Entry { number, content, .. }, file) in log {
        match (content.outcome, file) {
            (IdentificationOutcome::Identified, Some(file)) => drop(due.insert(lifted(&file.account), (*number, file))),
            (IdentificationOutcome::Lifted, _) => drop(due.remove(&content.evidence)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (number, CaseFile { account, .. }) in due.into_values() {
        if tx.row(schema::SELECT_SUSPENSION, params![account])?.is_none() {
            let detail =
                format!("entry {number} suspends account {account}, no later one lifts it, and the suspension is gone");
            found.push(Finding::new(number, WHOLE, detail));
        }
    }
    Ok(found)
}

/// How the detail of a break after this report begins.
fn told_of(report: &Report) -> String {
    let had = reported_log(report);
    format!("report {} told of {} entries, the last with hash {}: ", report.number, had.number, had.head)
}

/// That the log does not go on from where a report left it, if it does not. Another end is another finding, unless the log only grew since
/// one was found.
fn break_after(tx: &mut Tx<'_>, report: &Report, told: &LogReport) -> Result<Option<Finding>, TxError> {
    let had = reported_log(report);
    if told.continues(&had) {
        return Ok(None);
    }
    let found = |end: LogEnd| {
        let now = format!("it is gone or another, the log ends with entry {}, hash {}", end.number, end.head);
        Finding::new(had.number, GOES_ON, told_of(report) + &now)
    };
    // what cannot be read is none that was found
    let known = tx.rows(schema::SELECT_LOG_FINDINGS, &[])?;
    let known: BTreeSet<_> = known.iter().filter_map(|row| row.array::<32>(0).ok()).collect();
    let heads = tx.rows(schema::SELECT_LOG_HEADS, &[])?;
    let ends =
        heads.iter().filter_map(|row| Some(LogEnd { number: row.u64(0).ok()?, head: Digest(row.array(1).ok()?) }));
    let before = ends.chain([LogEnd::START]).map(found).find(|found| known.contains(&found.id().0));
    Ok(Some(before.unwrap_or_else(|| found(told.end))))
}

/// Keeps that the log does not go on from the last report, before the next one takes its place.
pub(crate) fn note_break(tx: &mut Tx<'_>, last: &Report, next: Option<&LogReport>, now: Time) -> Result<(), TxError> {
    if let Some(found) = next.map_or(Ok(None), |told| break_after(tx, last, told))? {
        found.put(tx, schema::INSERT_LOG_FINDING, now)?;
    }
    // the log is long, and what nobody accepted is forgotten by nobody
    let mend = |tx: &mut Tx<'_>| -> Result<(), TxError> {
        if !kept(tx)?.iter().any(|found| found.is_accepted) {
            return Ok(());
        }
        let found = present(tx)?;
        forget_mended(tx, &found)
    };
    // a report goes out whatever can be read of the log; where the store itself fails, so does the next statement
    if let Err(error) = mend(tx) {
        tracing::warn!(%error, "the log of identifications cannot be read");
    }
    Ok(())
}

/// Everything that is wrong with the log as it is now, accepted or not.
fn present(tx: &mut Tx<'_>) -> Result<Vec<Finding>, TxError> {
    let log = log_of(tx)?;
    let mut found = findings(tx, &log)?;
    if let Some(last) = last_report(tx)? {
        let told = LogReport { before: log::mark(tx, reported_log(&last).number)?, end: log::end(tx)? };
        found.extend(break_after(tx, &last, &told)?);
    }
    Ok(found)
}

/// A finding that is kept.
struct Kept {
    id: [u8; 32],
    at: Time,
    rule: &'static str,
    detail: String,
    is_accepted: bool,
}

impl Kept {
    fn violation(&self) -> Violation {
        Violation { rule: self.rule, detail: format!("at {}: {}", self.at, self.detail) }
    }
}

fn kept(tx: &mut Tx<'_>) -> Result<Vec<Kept>, TxError> {
    let kept = |row: &Row| -> Result<Kept, TxError> {
        let rule = if row.text(2)? == GOES_ON { GOES_ON } else { WHOLE };
        let is_accepted = row.opt_int(4)?.is_some();
        Ok(Kept { id: row.array(0)?, at: Time(row.u64(1)?), rule, detail: row.text(3)?.to_owned(), is_accepted })
    };
    tx.rows(schema::SELECT_LOG_FINDINGS, &[])?.iter().map(kept).collect()
}

/// Forgets what was accepted and is mended, so that it is told again if it comes back. A break after an earlier report than the last
/// cannot be worked out again: what was accepted of it stays.
fn forget_mended(tx: &mut Tx<'_>, present: &[Finding]) -> Result<(), TxError> {
    let there: BTreeSet<_> = present.iter().map(|found| found.id().0).collect();
    let last = last_report(tx)?.as_ref().map(told_of);
    for kept in kept(tx)?.into_iter().filter(|kept| kept.is_accepted && !there.contains(&kept.id)) {
        if kept.rule == WHOLE || last.as_ref().is_some_and(|last| kept.detail.starts_with(last)) {
            tx.execute(schema::FORGET_LOG_FINDING, params![kept.id])?;
        }
    }
    Ok(())
}

/// What is and was wrong with the log and nobody has accepted.
pub(crate) fn violations(tx: &mut Tx<'_>) -> Result<Vec<Violation>, TxError> {
    let kept = kept(tx)?;
    let told: BTreeSet<_> = kept.iter().map(|kept| kept.id).collect();
    let mut violations: Vec<_> = kept.iter().filter(|kept| !kept.is_accepted).map(Kept::violation).collect();
    let news = present(tx)?.into_iter().filter(|found| !told.contains(&found.id().0));
    violations.extend(news.map(|Finding { rule, detail, .. }| Violation { rule, detail }));
    Ok(violations)
}

impl Bank {
    /// Takes the log of identifications as it is, after an operator has looked into what the audit says of it: the audit tells of that
    /// no more, and of whatever else is found later, also of the same once it was mended in between. Answers what was accepted.
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn accept_log(&self) -> Result<Vec<Violation>, WriteError<Infallible>> {
        accept_log_in(&self.store, self.clock.now()).await
    }
}

/// As [`Bank::accept_log`], in a bank's store alone.
///
/// # Errors
/// Trouble of the store.
pub async fn accept_log_in(store: &Store, now: Time) -> Result<Vec<Violation>, WriteError<Infallible>> {
    let accept = move |tx: &mut Tx<'_>| -> Job<Vec<Violation>> {
        let present = present(tx)?;
        for found in &present {
            found.put(tx, schema::INSERT_LOG_FINDING, now)?;
        }
        let accepted = kept(tx)?.iter().filter(|kept| !kept.is_accepted).map(Kept::violation).collect();
        tx.execute(schema::ACCEPT_LOG_FINDINGS, params![schema::int(now.0)])?;
        forget_mended(tx, &present)?;
        Ok(accepted)
    };
    store.write(Caller::default(), accept).await
}

#[cfg(test)]
mod tests;
