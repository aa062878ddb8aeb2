//! The log of disclosures: each entry carries the hash of the one before it, and the last hash stands in every published
//! revocation list, so that no entry can be left out, altered or added later unseen (DESIGN §5).
//!
//! An entry names a key digest and the digest of the evidence, never a person.

use serde::Serialize;
use zeni_crypto::{Digest, LogEnd, PublicKey, tagged};
use zeni_message::{Message, Time, encode, route::Failure};
use zeni_note::licence::key_digest;
use zeni_store::{Caller, Row, Tx, TxError, params};

use crate::{
    Authority,
    rows::{digest, number_value, out_of_range, time_value},
    schema,
    settle::{Decision, settle},
};

/// How a request for a disclosure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The name was released (RN-F8.4).
    Opened,
    /// The evidence proved nothing; nothing was looked up (RN-X38).
    NoProof,
    /// The licence is genuine, the key is not registered (RN-X39).
    UnknownKey,
    /// Payee and overspender were said to be one person.
    SamePerson,
    /// Payee and overspender were said to be two persons.
    OtherPerson,
    /// Asked whether two are one person, with evidence that proved nothing.
    SamePersonNoProof,
    /// Asked whether two are one person, and one of the keys is not registered.
    SamePersonUnknownKey,
    /// A key under seal overspent and was listed as revoked; it has no name here.
    SealedRevoked,
    /// Asked to list a key under seal as revoked, with evidence that proved nothing.
    SealedNoProof,
}

impl Outcome {
    const ALL: [Outcome; 9] = [
        Outcome::Opened,
        Outcome::NoProof,
        Outcome::UnknownKey,
        Outcome::SamePerson,
        Outcome::OtherPerson,
        Outcome::SamePersonNoProof,
        Outcome::SamePersonUnknownKey,
        Outcome::SealedRevoked,
        Outcome::SealedNoProof,
    ];

    /// The number under which it is stored and hashed; never reused.
    pub(crate) fn code(self) -> u8 {
        match self {
            Outcome::Opened => 1,
            Outcome::NoProof => 2,
            Outcome::UnknownKey => 3,
            Outcome::SamePerson => 4,
            Outcome::OtherPerson => 5,
            Outcome::SamePersonNoProof => 6,
            Outcome::SamePersonUnknownKey => 7,
            Outcome::SealedRevoked => 8,
            Outcome::SealedNoProof => 9,
        }
    }
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) time: Time,
    /// Digest of the key that the evidence is about; for evidence that proves nothing, of the key it claims to be about.
    pub(crate) key_digest: Digest,
    /// Digest of the whole request.
    pub(crate) evidence: Digest,
    pub(crate) outcome: Outcome,
}

/// An entry with its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) content: Content,
    pub(crate) head: Digest,
}

impl Entry {
    /// The entry that follows `end` with this content.
    pub(crate) fn after(end: &LogEnd, content: Content) -> Entry {
        let parts: [&[u8]; 4] =
            [&content.time.0.to_be_bytes(), &content.key_digest.0, &content.evidence.0, &[content.outcome.code()]];
        let LogEnd { number, head } = end.next("zeni/disclosure", &parts);
        Entry { number, content, head }
    }

    /// The end of a log that ends with this entry.
    pub(crate) fn end(&self) -> LogEnd {
        LogEnd { number: self.number, head: self.head }
    }
}

pub(crate) fn last(tx: &mut Tx<'_>) -> Result<LogEnd, TxError> {
    match tx.row(schema::LAST_DISCLOSURE, params![])? {
        Some(row) => Ok(LogEnd { number: row.u64(0)?, head: digest(&row, 1)? }),
        None => Ok(LogEnd::START),
    }
}

/// Appends an entry for `request`, which has none yet.
pub(crate) fn append(tx: &mut Tx<'_>, request: &Digest, entry: &Entry) -> Result<(), TxError> {
    let content = &entry.content;
    tx.execute(
        schema::INSERT_DISCLOSURE,
        params![
            number_value(entry.number),
            request.0,
            time_value(content.time),
            content.key_digest.0,
            content.evidence.0,
            content.outcome.code(),
            entry.head.0,
        ],
    )?;
    Ok(())
}

/// Whether `request` has its entry.
pub(crate) fn noted(tx: &mut Tx<'_>, request: &Digest) -> Result<bool, TxError> {
    Ok(number(tx, request)?.is_some())
}

/// Number of the entry of `request`.
pub(crate) fn number(tx: &mut Tx<'_>, request: &Digest) -> Result<Option<u64>, TxError> {
    tx.row(schema::DISCLOSURE_BY_REQUEST, params![request.0])?.map(|row| row.u64(0)).transpose()
}

/// All entries in order, as they are stored, each with the name it released while that is kept.
pub(crate) fn entries(tx: &mut Tx<'_>) -> Result<Vec<(Entry, Option<String>)>, TxError> {
    tx.rows(schema::DISCLOSURES, params![])?.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<(Entry, Option<String>), TxError> {
    let code = row.int(4)?;
    let outcome = Outcome::ALL.into_iter().find(|outcome| i64::from(outcome.code()) == code);
    let content = Content {
        time: Time(row.u64(1)?),
        key_digest: digest(row, 2)?,
        evidence: digest(row, 3)?,
        outcome: outcome.ok_or_else(|| out_of_range(4))?,
    };
    Ok((Entry { number: row.u64(0)?, content, head: digest(row, 5)? }, row.opt_text(6)?.map(str::to_owned)))
}

/// Number of the first stored entry that does not follow from those before it.
pub(crate) fn first_broken<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Option<u64> {
    LogEnd::first_broken(entries, |end, entry| Entry::after(end, entry.content).end(), Entry::end)
}

/// Digest of a whole request.
pub(crate) fn evidence<M: Message>(message: &M) -> Digest {
    tagged("zeni/evidence", &[M::PATH.as_bytes(), &encode(message)])
}

/// Id of what is logged once: an outcome about a subject.
pub(crate) fn request_id(outcome: Outcome, subject: &[&[u8]]) -> Digest {
    let mut parts = vec![];
    let code = [outcome.code()];
    parts.push(&code[..]);
    parts.extend_from_slice(subject);
    tagged("zeni/disclosure-request", &parts)
}

impl Authority {
    /// Logs a request whose evidence proves nothing, once, and looks nothing up (RN-X38).
    pub(crate) async fn note_attempt<R>(
        &self,
        now: Time,
        claimed: &PublicKey,
        evidence: Digest,
        outcome: Outcome,
    ) -> Result<(), Failure<R>> {
        let request = request_id(outcome, &[&evidence.0]);
        let content = Content { time: now, key_digest: key_digest(claimed), evidence, outcome };
        let view = move |tx: &mut Tx<'_>| Ok((noted(tx, &request)?, last(tx)?));
        let prepare = |(noted, end): &(bool, LogEnd)| match noted {
            true => Ok(Decision::Done(())),
            false => Ok(Decision::Apply(Entry::after(end, content))),
        };
        settle(&self.store, Caller::default(), view, prepare, move |tx, _, entry| append(tx, &request, entry)).await?;
        tracing::warn!("a disclosure was asked for with evidence that proves nothing");
        Ok(())
    }
}
