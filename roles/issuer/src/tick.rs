//! One bounded round of everything that is due, found in the database.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use zeni_crypto::{Digest, tagged};
use zeni_message::{Time, decode, encode, limits::MESSAGE_BYTES_MAX};
use zeni_note::{
    RevocationList,
    keylist::KeyListFault,
    messages::authority::{CosignKeyListRefusal, GetRevocations},
};
use zeni_store::{Caller, Row, Tx, WriteError, params};

use crate::{Done, Issuer, Never, case, schema};

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether another round would find more to do at once.
    pub more: bool,
    /// Key lists closed or published.
    pub key_lists: u32,
    /// Cases proven or disclosed.
    pub cases: u32,
    /// Claims and refunds decided.
    pub decisions: u32,
}

/// Why a round stopped. The next one begins again from the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TickError {
    /// The store does not answer.
    #[error("the store does not answer: {0}")]
    Store(WriteError<NoReason>),
    /// A stored row cannot be read.
    #[error("a row of {table} cannot be read")]
    Stored {
        /// The table.
        table: &'static str,
    },
    /// The key list contradicts itself or is not signed as it should be.
    #[error("the key list of epoch {epoch}: {fault}")]
    KeyList {
        /// Its epoch.
        epoch: u32,
        /// What is wrong.
        fault: KeyListFault,
    },
    /// The authority refuses to sign the key list: an operator must look into it.
    #[error("the authority refuses the key list of epoch {epoch}: {refusal}")]
    Cosign {
        /// Its epoch.
        epoch: u32,
        /// Its reason.
        refusal: CosignKeyListRefusal,
    },
}

/// Stands where a store's job could refuse; those of a round never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoReason {}

impl From<WriteError<Never>> for TickError {
    fn from(error: WriteError<Never>) -> TickError {
        TickError::Store(error.map(|never| match never {}))
    }
}

/// When something was done last, so that it is not done at every round. Not stored: a restart does it at once.
#[derive(Debug, Default)]
pub(crate) struct Interval(AtomicU64);

impl Interval {
    fn is_over(&self, now: Time, every_s: u64) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        if now.0 < last.saturating_add(every_s) {
            return false;
        }
        self.0.store(now.0, Ordering::Relaxed);
        true
    }
}

const REVOCATIONS: &str = "revocations";

impl Issuer {
    /// Does what is due: revocation list, key lists, cases, claims, refunds, pruning, and last what waits for answers about cases.
    /// Never waits for time to pass.
    pub async fn tick(&self) -> Result<Progress, TickError> {
        let mut progress = Progress::default();
        self.refresh_revocations().await?;
        if self.tick_key_lists().await? {
            progress.key_lists += 1;
            progress.more = true;
        }
        progress.cases = self.prove_cases().await?;
        progress.decisions = self.tick_claims().await? + self.tick_refunds().await?;
        let (now, limits) = (self.clock.now(), &self.config.limits);
        if self.folded.is_over(now, limits.fold_every_s) {
            self.fold_books().await?;
        }
        if self.pruned.is_over(now, limits.prune_every_s) {
            progress.more |= self.prune().await?;
        }
        let asked = self.ask_cases().await?;
        if asked > 0 {
            progress.decisions += self.tick_claims().await?;
        }
        progress.cases += asked;
        progress.more |= progress.cases + progress.decisions > 0;
        Ok(progress)
    }

    /// Fetches the revocation list when the one at hand is old. Without an answer the old one stays in use.
    async fn refresh_revocations(&self) -> Result<(), TickError> {
        if self.revocations().is_none() {
            let stored = self
                .store
                .read(|tx| -> Done<Option<Vec<u8>>> {
                    let row = tx.row(schema::READ_DOCUMENT, params![REVOCATIONS])?;
                    Ok(row.map(|row| row.blob(0).map(<[u8]>::to_vec)).transpose()?)
                })
                .await?;
            if let Some(list) = stored.and_then(|bytes| decode(&bytes, MESSAGE_BYTES_MAX).ok()) {
                self.keep_revocations(list);
            }
        }
        let now = self.clock.now();
        let every = self.config.limits.revocations_every_s;
        if self.revocations().is_some_and(|list| now < list.time.plus(every)) {
            return Ok(());
        }
        let Ok(list) = self.authority.send(&GetRevocations {}).await else {
            tracing::info!("no new revocation list");
            return Ok(());
        };
        let newer = self.revocations().is_none_or(|known| list.record.number >= known.number);
        if !newer || list.verify(self.network(), &self.roots.authority).is_err() {
            tracing::warn!("a revocation list is older than the one before, or not the authority's");
            return Ok(());
        }
        let bytes = encode(&list.record);
        let put =
            move |tx: &mut Tx<'_>| -> Done<u64> { Ok(tx.execute(schema::PUT_DOCUMENT, params![REVOCATIONS, &bytes])?) };
        self.store.write(Caller::default(), put).await?;
        self.keep_revocations(list.record);
        Ok(())
    }

    fn keep_revocations(&self, list: RevocationList) {
        *self.revocations.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(list));
    }
}

/// Where the next round goes on, per state of cases, for claims and per bank that is asked: what cannot be decided now keeps nothing
/// else waiting.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Mutex<BTreeMap<String, [u8; 32]>>);

impl Rounds {
    /// After which row a round goes on; zeros for the beginning.
    pub(crate) fn take(&self, what: &str) -> [u8; 32] {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(what).unwrap_or_default()
    }

    /// Notes the last row of a round after which there may be more.
    pub(crate) fn put(&self, what: &str, last: Option<[u8; 32]>) {
        if let Some(last) = last {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned(), last);
        }
    }
}

/// The last row of a round that was full and can be read, by its first column: after it there may be more.
pub(crate) fn last_of_full(rows: &[Row], max: u32) -> Option<[u8; 32]> {
    let last = rows.iter().rev().find_map(|row| row.array(0).ok());
    last.filter(|_| rows.len() == max as usize)
}

/// What a row is about: what its first column says, or a digest of the whole row where that cannot be read.
pub(crate) fn about(row: &Row) -> Digest {
    let whole = || tagged("zeni/damaged-row", &[format!("{:?}", row.values()).as_bytes()]);
    row.array(0).map_or_else(|_| whole(), Digest)
}

/// Longest pause before a question is asked again, in seconds.
const PAUSE_MAX_S: u64 = 600;

/// What could not be brought on, each with when it is tried again: ever more seldom, so that what another cannot answer keeps neither
/// him nor the issuer busy. Not stored: a restart tries all at once.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Mutex<BTreeMap<Digest, Pause>>);

#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Time,
    seconds: u64,
}

impl Pauses {
    /// Whether it may be tried. A clock that was set back holds up nothing.
    pub(crate) fn is_over(&self, what: &Digest, now: Time) -> bool {
        let paused = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied();
        paused.is_none_or(|pause| now < pause.since || now.since(pause.since) >= pause.seconds)
    }

    /// It was tried in vain: the next pause is twice as long as the one before, at first `first_s`.
    pub(crate) fn begin(&self, what: Digest, now: Time, first_s: u64) {
        let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = pauses.get(&what).map_or(first_s, |pause| pause.seconds.saturating_mul(2));
        pauses.insert(what, Pause { since: now, seconds: seconds.min(PAUSE_MAX_S) });
    }

    /// It is done.
    pub(crate) fn end(&self, what: &Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }
}

impl Issuer {
    /// What came of work on one case, claim or refund. Where a row of it cannot be read, the work stops there with an alarm, and all other work
    /// goes on; trouble of the store stops the round.
    pub(crate) async fn alone<T>(&self, what: Digest, done: Result<T, TickError>) -> Result<Option<T>, TickError> {
        let error = match done {
            Err(error @ (TickError::Stored { .. } | TickError::Store(WriteError::Damaged | WriteError::Internal))) => {
                error
            }
            other => return other.map(Some),
        };
        let now = self.clock.now();
        if self.pauses.is_over(&what, now) {
            self.pauses.begin(what, now, self.config.limits.ask_again_s);
            tracing::error!(%error, "alarm: a stored row is damaged; what it is about waits");
            let put = move |tx: &mut Tx<'_>| -> Done<()> { Ok(case::alarm(tx, "damaged_row", &what, now)?) };
            self.store.write(Caller::default(), put).await?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
