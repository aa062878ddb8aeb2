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
use zeni_store::{Caller, JobError, Store, Tx, TxError, WriteError, params};

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
        let (next, claimed) = (entry.following(&last), entry.end());
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

/// That the log does not go on from where a report left it, if it does not.
fn break_after(report: &Report, told: &LogReport) -> Option<Finding> {
    let had = reported_log(report);
    let detail = || format!("report {} told of {} entries, the last with hash {}", report.number, had.number, had.head);
    (!told.continues(&had)).then(|| Finding::new(had.number, GOES_ON, detail() + ": it is gone or another"))
}

/// Keeps that the log does not go on from the last report, before the next one takes its place.
pub(crate) fn note_break(tx: &mut Tx<'_>, last: &Report, next: Option<&LogReport>, now: Time) -> Result<(), TxError> {
    match next.and_then(|told| break_after(last, told)) {
        Some(found) => found.put(tx, schema::INSERT_LOG_FINDING, now),
        None => Ok(()),
    }
}

/// Everything that is wrong with the log as it is now, accepted or not.
fn present(tx: &mut Tx<'_>) -> Result<Vec<Finding>, TxError> {
    let log = log_of(tx)?;
    let mut found = findings(tx, &log)?;
    if let Some(last) = last_report(tx)? {
        let told = LogReport { before: log::mark(tx, reported_log(&last).number)?, end: log::end(tx)? };
        found.extend(break_after(&last, &told));
    }
    Ok(found)
}

/// What is and was wrong with the log and nobody has accepted.
pub(crate) fn violations(tx: &mut Tx<'_>) -> Result<Vec<Violation>, TxError> {
    let mut told = BTreeSet::new();
    let mut violations = Vec::new();
    for row in tx.rows(schema::SELECT_LOG_FINDINGS, &[])? {
        told.insert(row.array::<32>(0)?);
        if row.opt_int(4)?.is_none() {
            let rule = if row.text(2)? == GOES_ON { GOES_ON } else { WHOLE };
            let detail = format!("at {}: {}", Time(row.u64(1)?), row.text(3)?);
            violations.push(Violation { rule, detail });
        }
    }
    let news = present(tx)?.into_iter().filter(|found| !told.contains(&found.id().0));
    violations.extend(news.map(|Finding { rule, detail, .. }| Violation { rule, detail }));
    Ok(violations)
}

impl Bank {
    /// Takes the log of identifications as it is, after an operator has looked into what the audit says of it: the audit tells of that
    /// no more, and of whatever else is found later. Answers how much was accepted.
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn accept_log(&self) -> Result<u64, WriteError<Infallible>> {
        accept_log_in(&self.store, self.clock.now()).await
    }
}

/// As [`Bank::accept_log`], in a bank's store alone.
///
/// # Errors
/// Trouble of the store.
pub async fn accept_log_in(store: &Store, now: Time) -> Result<u64, WriteError<Infallible>> {
    let accept = move |tx: &mut Tx<'_>| -> Job<u64> {
        for found in present(tx)? {
            found.put(tx, schema::INSERT_LOG_FINDING, now)?;
        }
        Ok(tx.execute(schema::ACCEPT_LOG_FINDINGS, params![schema::int(now.0)])?)
    };
    store.write(Caller::default(), accept).await
}

#[cfg(test)]
mod tests;
