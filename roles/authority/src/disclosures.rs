//! The report behind `zeni authority disclosures`.

use serde::Serialize;
use zeni_crypto::LogEnd;
use zeni_message::{NoRefusal, route::Failure};
use zeni_store::{Tx, TxError};

use crate::{
    Authority,
    log::{self, Entry, Outcome},
    publication::{self, Current},
    settle::look,
};

/// The whole log of disclosures, with the check of its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DisclosureReport {
    /// Entries in order.
    pub entries: Vec<DisclosureEntry>,
    /// Hash of the last entry, in hexadecimal.
    pub head: String,
    /// Number of the first entry that does not follow from those before it; none when the chain is whole.
    pub broken_at: Option<u64>,
    /// Number of the current revocation list, if there is one.
    pub list: Option<u64>,
    /// Whether the head in that list is one of this log's.
    pub list_head_found: bool,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DisclosureEntry {
    /// Place in the log, from 1.
    pub number: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Digest of the key it was about, in hexadecimal.
    pub key_digest: String,
    /// Digest of the whole request, in hexadecimal.
    pub evidence: String,
    /// Hash of this entry and, through it, of all before it, in hexadecimal.
    pub head: String,
    /// The name that was released, while it is kept (RN-O21).
    pub name: Option<String>,
}

/// The log, each entry with the name it released while that is kept, and the current list.
type Seen = (Vec<(Entry, Option<String>)>, Option<Current>);

impl Authority {
    /// All disclosures and refused attempts, and whether the log is whole.
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn disclosures(&self) -> Result<DisclosureReport, Failure<NoRefusal>> {
        let view = |tx: &mut Tx<'_>| -> Result<Seen, TxError> { Ok((log::entries(tx)?, publication::current(tx)?)) };
        let (entries, current) = look(&self.store, view).await?;
        let list_head = current.as_ref().map(Current::list).transpose()?.map(|list| list.record.log_head);
        let head = entries.last().map_or(LogEnd::START, |(entry, _)| entry.end()).head;
        let found = |wanted| wanted == LogEnd::START.head || entries.iter().any(|(entry, _)| entry.head == wanted);
        Ok(DisclosureReport {
            head: head.to_string(),
            broken_at: log::first_broken(entries.iter().map(|(entry, _)| entry)),
            list: current.map(|current| current.number),
            list_head_found: list_head.is_none_or(found),
            entries: entries.into_iter().map(shown).collect(),
        })
    }
}

fn shown((entry, name): (Entry, Option<String>)) -> DisclosureEntry {
    DisclosureEntry {
        number: entry.number,
        time: entry.content.time.0,
        outcome: entry.content.outcome,
        key_digest: entry.content.key_digest.to_string(),
        evidence: entry.content.evidence.to_string(),
        head: entry.head.to_string(),
        name,
    }
}
