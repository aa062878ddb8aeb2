//! The log of identifications: each entry carries the hash of the one before it and the digest of its case file, so that no
//! entry can be left out, altered or added later unseen.

use serde::Serialize;
use zeni_crypto::{Digest, LogEnd, tagged};
use zeni_message::{Refusal, Time, encode};
use zeni_note::messages::bank::{IdentifyOverspender, IdentifyRefusal};
use zeni_store::{Row, Tx, TxError, params};

use crate::{books::broken, schema};

/// How a question for a name ended, or what came of it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentificationOutcome {
    /// The customer stands in a case file; his withdrawals under seal are suspended (HC-F5.6).
    Identified,
    /// No customer of this bank has ordered the request (HC-X40, HC-X41).
    Unknown,
    /// It was ordered, but the stored order does not show by whom: nobody is named. The bank's database was altered.
    Unproven,
    /// The evidence proved no overspending; nothing was looked up (HC-X39).
    NoProof,
    /// The evidence was against a licensed key; nothing was looked up.
    NotSealed,
    /// The content was not that of a request for the note; nothing was looked up (HC-P16).
    OtherNote,
    /// The key list of the epoch was not at hand; nothing was looked up.
    UnknownEpoch,
    /// The issuer had made the key itself, which the bank had not accepted in its order; no customer was looked up (HC-O6).
    KeyMaker,
    /// The operator lifted the suspension of an account.
    Lifted,
}

type Outcome = IdentificationOutcome;

impl IdentificationOutcome {
    const ALL: [Outcome; 9] = [
        Outcome::Identified,
        Outcome::Unknown,
        Outcome::Unproven,
        Outcome::NoProof,
        Outcome::NotSealed,
        Outcome::OtherNote,
        Outcome::UnknownEpoch,
        Outcome::KeyMaker,
        Outcome::Lifted,
    ];

    /// The number under which it is stored and hashed; never reused.
    const fn code(self) -> u8 {
        match self {
            Outcome::Identified => 1,
            Outcome::Unknown => 2,
            Outcome::Unproven => 3,
            Outcome::NoProof => 4,
            Outcome::NotSealed => 5,
            Outcome::OtherNote => 6,
            Outcome::UnknownEpoch => 7,
            Outcome::KeyMaker => 8,
            Outcome::Lifted => 9,
        }
    }
}

impl From<&IdentifyRefusal> for IdentificationOutcome {
    fn from(refusal: &IdentifyRefusal) -> Outcome {
        match refusal {
            IdentifyRefusal::NoProof => Outcome::NoProof,
            IdentifyRefusal::NotSealed => Outcome::NotSealed,
            IdentifyRefusal::OtherNote => Outcome::OtherNote,
            IdentifyRefusal::UnknownEpoch => Outcome::UnknownEpoch,
            IdentifyRefusal::KeyMaker => Outcome::KeyMaker,
        }
    }
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) time: Time,
    pub(crate) outcome: Outcome,
    /// Digest of the whole question; of the account where a suspension is lifted.
    pub(crate) evidence: Digest,
    /// [`CaseFile::digest`](super::cases::CaseFile), or zeros.
    pub(crate) file: Digest,
}

impl Content {
    /// Where the log would end after `end` with an entry of this.
    pub(super) fn following(&self, end: &LogEnd) -> LogEnd {
        let parts: [&[u8]; 4] = [&self.time.0.to_be_bytes(), &[self.outcome.code()], &self.evidence.0, &self.file.0];
        end.next("zeni/identification", &parts)
    }
}

/// An entry with its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) content: Content,
    pub(crate) head: Digest,
}

impl Entry {
    fn after(end: &LogEnd, content: Content) -> Entry {
        let LogEnd { number, head } = content.following(end);
        Entry { number, content, head }
    }

    /// Where the log ends with it, as its row says.
    pub(super) fn end(&self) -> LogEnd {
        LogEnd { number: self.number, head: self.head }
    }

    pub(crate) fn read(row: &Row) -> Result<Entry, TxError> {
        let code = row.int(2)?;
        let outcome = Outcome::ALL.into_iter().find(|outcome| i64::from(outcome.code()) == code);
        let content = Content {
            time: Time(row.u64(1)?),
            outcome: outcome.ok_or_else(|| broken("an unknown outcome of an identification"))?,
            evidence: Digest(row.array(3)?),
            file: Digest(row.array(4)?),
        };
        Ok(Entry { number: row.u64(0)?, content, head: Digest(row.array(5)?) })
    }
}

/// Where the log ends.
pub(crate) fn end(tx: &mut Tx<'_>) -> Result<LogEnd, TxError> {
    let row = tx.row(schema::SELECT_LOG_END, &[])?;
    row.map_or(Ok(LogEnd::START), |row| Ok(LogEnd { number: row.u64(0)?, head: Digest(row.array(1)?) }))
}

/// Where the log ended with an entry, as the entry stands there now; with zeros if there is none of that number.
pub(crate) fn mark(tx: &mut Tx<'_>, number: u64) -> Result<LogEnd, TxError> {
    let row = tx.row(schema::SELECT_LOG_HEAD, params![schema::int(number)])?;
    let head = row.map_or(Ok(LogEnd::START.head), |row| row.array(0).map(Digest))?;
    Ok(LogEnd { number, head })
}

/// Appends what is said about `subject`; answers its number. None if it was said before. The number is above all that case files
/// and suspensions have, so that the log goes on also where somebody took entries out of it; the gap is what the audit sees.
pub(crate) fn append(tx: &mut Tx<'_>, subject: &Digest, content: Content) -> Result<Option<u64>, TxError> {
    if logged(tx, subject)? {
        return Ok(None);
    }
    let mut end = end(tx)?;
    if let Some(row) = tx.row(schema::SELECT_NUMBERS, &[])? {
        end.number = end.number.max(row.u64(0)?).max(row.u64(1)?);
    }
    let Entry { number, head, .. } = Entry::after(&end, content);
    let row = params![
        schema::int(number),
        subject.0,
        schema::int(content.time.0),
        content.outcome.code(),
        content.evidence.0,
        content.file.0,
        head.0
    ];
    tx.execute(schema::INSERT_LOGGED, row)?;
    Ok(Some(number))
}

/// Whether something was said about `subject`.
pub(crate) fn logged(tx: &mut Tx<'_>, subject: &Digest) -> Result<bool, TxError> {
    Ok(tx.row(schema::SELECT_LOGGED, params![subject.0])?.is_some())
}

/// What is logged once: an outcome about something.
pub(crate) fn subject(outcome: Outcome, about: &[&[u8]]) -> Digest {
    let code = [outcome.code()];
    let parts: Vec<&[u8]> = std::iter::once(&code[..]).chain(about.iter().copied()).collect();
    tagged("zeni/identification-subject", &parts)
}

/// Digest of a whole question.
pub(crate) fn evidence(message: &IdentifyOverspender) -> Digest {
    tagged("zeni/identification-evidence", &[&encode(message)])
}

/// The word of a refusal, for the log of the process.
pub(crate) fn word(refusal: &IdentifyRefusal) -> &'static str {
    refusal.code()
}
