//! Case files: who is named by which evidence; the report behind `zeni bank cases`; lifting of suspensions.

use std::convert::Infallible;

use serde::Serialize;
use zeni_crypto::{Digest, tagged};
use zeni_message::Time;
use zeni_money::{Amount, Currency};
use zeni_store::{Caller, JobError, Row, Store, Tx, TxError, WriteError, params, refuse};

use super::{
    log::{self, Content, Entry, IdentificationOutcome},
    whole,
};
use crate::{accounts::currency, bank::Bank, schema, statement::money};

type Job<T> = Result<T, JobError<Infallible>>;

/// What the bank keeps of one overspender (HC-D19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaseFile {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) currency: Currency,
    pub(crate) held: Amount,
    pub(crate) signed: Amount,
    /// Id of the customer's order.
    pub(crate) order: [u8; 16],
    /// [`Identified`](zeni_note::sealed::Identified), signed by the bank, as a document.
    pub(crate) document: Vec<u8>,
}

impl CaseFile {
    /// The digest by which the log holds it fast.
    pub(crate) fn digest(&self) -> Digest {
        let parts: [&[u8]; 7] = [
            self.account.as_bytes(),
            self.name.as_bytes(),
            self.currency.code().as_bytes(),
            &self.held.minor().to_be_bytes(),
            &self.signed.minor().to_be_bytes(),
            &self.order,
            &self.document,
        ];
        tagged("zeni/case-file", &parts)
    }

    /// Stores it with its log entry and suspends the account.
    pub(super) fn open(&self, tx: &mut Tx<'_>, subject: &Digest, evidence: Digest, now: Time) -> Result<(), TxError> {
        let content = Content { time: now, outcome: IdentificationOutcome::Identified, evidence, file: self.digest() };
        let Some(number) = log::append(tx, subject, content)? else { return Ok(()) };
        let row = params![
            schema::int(number),
            &self.account,
            &self.name,
            self.currency.code(),
            self.held,
            self.signed,
            self.order,
            &self.document
        ];
        tx.execute(schema::INSERT_CASE, row)?;
        tx.execute(schema::INSERT_SUSPENSION, params![&self.account, schema::int(number)]).map(drop)
    }

    /// From the columns of the log from `index` on, where there is one.
    fn read(row: &Row, index: usize) -> Result<Option<CaseFile>, TxError> {
        let Some(account) = row.opt_text(index)? else { return Ok(None) };
        Ok(Some(CaseFile {
            account: account.to_owned(),
            name: row.text(index + 1)?.to_owned(),
            currency: currency(row, index + 2)?,
            held: row.amount(index + 3)?,
            signed: row.amount(index + 4)?,
            order: row.array(index + 5)?,
            document: row.blob(index + 6)?.to_vec(),
        }))
    }
}

/// All identifications of a bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CasesReport {
    /// Customers who were named, oldest first (HC-F5.6, HC-A21).
    pub cases: Vec<CaseReport>,
    /// Every question for a name and every suspension lifted, oldest first.
    pub log: Vec<IdentificationEntry>,
    /// Hash of the last entry of the log, in hexadecimal; none before the first.
    pub head: Option<String>,
    /// Number of the first entry that is missing before others, does not follow from those before it, or whose case file or suspension
    /// is not what it was; also where an operator has accepted that. Entries cut off at the end leave nothing here: the audit
    /// tells of them by what was reported.
    pub broken_at: Option<u64>,
    /// Accounts whose withdrawals under seal are suspended.
    pub suspended: Vec<String>,
}

/// A customer who overspent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// Place in the log.
    pub number: u64,
    /// When he was named, seconds since 1970.
    pub time: u64,
    /// His account.
    pub account: String,
    /// His name.
    pub name: String,
    /// What his key held, e.g. `JPY:1000`.
    pub held: String,
    /// What it signed away, e.g. `JPY:1200`.
    pub signed: String,
    /// Id of his order, in hexadecimal.
    pub order: String,
    /// [`Identified`](zeni_note::sealed::Identified) signed by the bank: a document that anybody can check.
    #[serde(skip)]
    pub document: Vec<u8>,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentificationEntry {
    /// Place in the log, from 1.
    pub number: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// How it ended.
    pub outcome: IdentificationOutcome,
    /// Digest of the question, in hexadecimal; of the account where a suspension was lifted.
    pub evidence: String,
    /// Hash of this entry and, through it, of all before it, in hexadecimal.
    pub head: String,
}

impl Bank {
    /// All identifications.
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn cases(&self) -> Result<CasesReport, WriteError<Infallible>> {
        cases_of(&self.store).await
    }

    /// Lifts the suspension of an account. Logged.
    ///
    /// # Errors
    /// [`LiftRefusal`]; trouble of the store.
    pub async fn lift(&self, account: &str) -> Result<(), WriteError<LiftRefusal>> {
        lift_in(&self.store, account, self.clock.now()).await
    }
}

/// As [`Bank::cases`], from a bank's store alone: for a command beside the running bank.
///
/// # Errors
/// Trouble of the store.
pub async fn cases_of(store: &Store) -> Result<CasesReport, WriteError<Infallible>> {
    store.read(|tx: &mut Tx<'_>| -> Job<CasesReport> { Ok(report(tx)?) }).await
}

/// As [`Bank::lift`], in a bank's store alone.
///
/// # Errors
/// [`LiftRefusal`]; trouble of the store.
pub async fn lift_in(store: &Store, account: &str, now: Time) -> Result<(), WriteError<LiftRefusal>> {
    let account = account.to_owned();
    store.write(Caller::default(), move |tx: &mut Tx<'_>| lift(tx, &account, now)).await
}

/// Why there is no suspension to lift, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiftRefusal {
    /// No account of that id.
    #[error("the bank has no such account")]
    UnknownAccount,
    /// It withdraws under seal as it is.
    #[error("the account is not suspended")]
    NotSuspended,
}

fn lift(tx: &mut Tx<'_>, account: &str, now: Time) -> Result<(), JobError<LiftRefusal>> {
    let Some(row) = tx.row(schema::SELECT_SUSPENSION, params![account])? else {
        let known = tx.row(schema::SELECT_ACCOUNT, params![account])?.is_some();
        return refuse(if known { LiftRefusal::NotSuspended } else { LiftRefusal::UnknownAccount });
    };
    let number = row.u64(0)?;
    tx.execute(schema::DELETE_SUSPENSION, params![account])?;
    let outcome = IdentificationOutcome::Lifted;
    let subject = log::subject(outcome, &[account.as_bytes(), &number.to_be_bytes()]);
    log::append(tx, &subject, Content { time: now, outcome, evidence: lifted(account), file: Digest([0; 32]) })?;
    Ok(())
}

/// What the entry says by which the suspension of an account is lifted.
pub(super) fn lifted(account: &str) -> Digest {
    tagged("zeni/suspended-account", &[account.as_bytes()])
}

/// The log, each entry with its case file where there is one.
pub(super) type Log = Vec<(Entry, Option<CaseFile>)>;

/// The log with its case files.
pub(super) fn log_of(tx: &mut Tx<'_>) -> Result<Log, TxError> {
    let rows = tx.rows(schema::SELECT_LOG, &[])?;
    rows.iter().map(|row| Ok((Entry::read(row)?, CaseFile::read(row, 6)?))).collect()
}

fn report(tx: &mut Tx<'_>) -> Result<CasesReport, TxError> {
    let entries = log_of(tx)?;
    let broken_at = whole::findings(tx, &entries)?.iter().map(|found| found.number).min();
    let suspended = tx.rows(schema::SELECT_SUSPENSIONS, &[])?;
    Ok(CasesReport {
        cases: entries.iter().filter_map(|(entry, file)| Some(case(entry, file.as_ref()?))).collect(),
        head: entries.last().map(|(entry, _)| entry.head.to_string()),
        log: entries.iter().map(|(entry, _)| shown(entry)).collect(),
        broken_at,
        suspended: suspended.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<_, TxError>>()?,
    })
}

fn case(entry: &Entry, file: &CaseFile) -> CaseReport {
    CaseReport {
        number: entry.number,
        time: entry.content.time.0,
        account: file.account.clone(),
        name: file.name.clone(),
        held: money(file.currency, file.held),
        signed: money(file.currency, file.signed),
        order: zeni_crypto::hex(&file.order),
        document: file.document.clone(),
    }
}

fn shown(entry: &Entry) -> IdentificationEntry {
    IdentificationEntry {
        number: entry.number,
        time: entry.content.time.0,
        outcome: entry.content.outcome,
        evidence: entry.content.evidence.to_string(),
        head: entry.head.to_string(),
    }
}
