//! Key lists: taken from banks, closed an epoch ahead, signed by issuer and authority (DESIGN §4, RN-O1, RN-O2).
//!
//! Wait states of an epoch's list, each with what a restart does:
//! - submissions only: [`Issuer::tick_key_lists`] closes the list when it is due;
//! - closed (row without the authority's signature): sent to the authority again, byte for byte;
//! - finished: served.

use std::sync::{Arc, PoisonError, RwLock};

use zeni_crypto::{
    Digest, Signature,
    blind::RsaPublicKey,
    seal::{InvalidSealKey, SealKeyPair},
    tagged,
};
use zeni_message::{
    NoRefusal, Time, Wire, decode, encode,
    limits::MESSAGE_BYTES_MAX,
    peer::SendError,
    route::{Ctx, Failure},
};
use zeni_note::{
    KeyEntry, KeyList, SeriesTerms,
    keylist::{KeyListRecord, SealedEntry, SealingKey, Way},
    messages::{
        authority::CosignKeyList,
        issuer::{GetKeyLists, SubmitKeys, SubmitKeysRefusal},
    },
    sealed::Envelope,
};
use zeni_store::{Caller, Row, Tx, TxError, WriteError, params, refuse};

use crate::{Done, Issuer, Never, failure, failure_of_read, schema, tick::TickError, time_value};

/// Bytes of key lists in one reply, well below the limit of a message.
const REPLY_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2;

/// The finished lists in memory.
#[derive(Default)]
pub(crate) struct Lists {
    known: RwLock<Arc<Known>>,
}

/// Finished lists with their entries by digest.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) lists: Vec<KeyList>,
    entries: std::collections::HashMap<Digest, Arc<Entry>>,
    sealing: std::collections::HashMap<u32, Arc<Sealing>>,
}

/// The key to which requests of one epoch are sealed, both halves.
pub(crate) struct Sealing {
    pub(crate) envelope: Envelope,
    pub(crate) pair: SealKeyPair,
}

/// A bank's published key, ready to verify with.
pub(crate) struct Entry {
    pub(crate) entry: KeyEntry,
    pub(crate) terms: SeriesTerms,
    pub(crate) key: RsaPublicKey,
}

impl Known {
    fn new(lists: Vec<KeyList>, issuer: &Issuer) -> Known {
        let mut entries = std::collections::HashMap::new();
        let mut sealing = std::collections::HashMap::new();
        for list in &lists {
            let epoch = list.record.epoch;
            if let Some(published) = &list.record.sealing {
                match issuer.sealing_of(epoch) {
                    Ok((key, found)) if key == *published => drop(sealing.insert(epoch, Arc::new(found))),
                    _ => tracing::error!(epoch, "the sealing key at hand is not the one that was published"),
                }
            }
            for entry in &list.record.entries {
                let terms = list.record.terms(entry.series);
                let key = RsaPublicKey::from_modulus(*entry.modulus);
                if let (Some(terms), Ok(key)) = (terms, key) {
                    let known = Entry { entry: entry.clone(), terms: terms.clone(), key };
                    entries.insert(entry.digest(), Arc::new(known));
                }
            }
        }
        Known { lists, entries, sealing }
    }

    pub(crate) fn entry(&self, digest: &Digest) -> Option<Arc<Entry>> {
        self.entries.get(digest).cloned()
    }

    /// The sealing key of an epoch; none if the list names none or another than the issuer has.
    pub(crate) fn sealing(&self, epoch: u32) -> Option<Arc<Sealing>> {
        self.sealing.get(&epoch).cloned()
    }

    /// The list of an epoch.
    pub(crate) fn list(&self, epoch: u32) -> Option<&KeyListRecord> {
        self.lists.iter().find(|list| list.record.epoch == epoch).map(|list| &list.record)
    }

    pub(crate) fn terms(&self, series: u32, epoch: u32) -> Option<&SeriesTerms> {
        self.list(epoch)?.terms(series)
    }
}

impl Issuer {
    /// The sealing key of an epoch: each epoch has its own, made from the one secret.
    fn sealing_of(&self, epoch: u32) -> Result<(SealingKey, Sealing), InvalidSealKey> {
        let seed = tagged("zeni/sealing-key", &[&self.keys.sealing[..], &epoch.to_be_bytes()]);
        let pair = SealKeyPair::from_seed(seed.0);
        let key: SealingKey = (*pair.public().as_bytes()).into();
        let envelope = Envelope::new(self.network(), &key)?;
        Ok((key, Sealing { envelope, pair }))
    }

    /// Which banks take part in which sealed series, in the order of bank and series.
    fn sealed_entries(&self) -> Vec<SealedEntry> {
        let mut entries = Vec::new();
        for bank in &self.config.banks {
            for series in self.config.series.iter().filter(|series| bank.sealed.contains(&series.series)) {
                let mut faces = series.faces.clone();
                faces.sort_unstable();
                faces.dedup();
                entries.push(SealedEntry { bank: bank.name.clone(), series: series.series, faces, key: bank.key });
            }
        }
        entries.sort_by(|one, other| (&one.bank, one.series).cmp(&(&other.bank, other.series)));
        entries
    }

    /// The finished lists; read again when another list was finished since.
    pub(crate) async fn lists(&self) -> Result<Arc<Known>, WriteError<Never>> {
        let known = self.lists_at_hand();
        if !known.lists.is_empty() {
            return Ok(known);
        }
        self.reload_lists().await
    }

    fn lists_at_hand(&self) -> Arc<Known> {
        self.lists.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn reload_lists(&self) -> Result<Arc<Known>, WriteError<Never>> {
        let lists = self.store.read(|tx| read_finished(tx).map_err(Into::into)).await?;
        let known = Arc::new(Known::new(lists, self));
        *self.lists.known.write().unwrap_or_else(PoisonError::into_inner) = known.clone();
        Ok(known)
    }

    /// The entry of a digest; looks for lists that another process has finished before it says there is none.
    pub(crate) async fn key_entry(&self, digest: &Digest) -> Result<Option<Arc<Entry>>, WriteError<Never>> {
        let known = self.lists().await?;
        if let Some(entry) = known.entry(digest) {
            return Ok(Some(entry));
        }
        Ok(self.newer_lists(&known).await?.and_then(|newer| newer.entry(digest)))
    }

    /// The finished lists with those of these epochs, as far as they are finished.
    pub(crate) async fn lists_of(&self, epochs: impl Iterator<Item = u32>) -> Result<Arc<Known>, WriteError<Never>> {
        let known = self.lists().await?;
        let (mut least, mut greatest) = (u32::MAX, 0);
        for list in &known.lists {
            (least, greatest) = (least.min(list.record.epoch), greatest.max(list.record.epoch));
        }
        for epoch in epochs {
            if epoch < least || epoch > greatest {
                return Ok(self.newer_lists(&known).await?.unwrap_or(known));
            }
        }
        Ok(known)
    }

    /// Reads the lists again if another process has finished one since.
    async fn newer_lists(&self, known: &Known) -> Result<Option<Arc<Known>>, WriteError<Never>> {
        let finished = self
            .store
            .read(|tx| -> Done<u64> { Ok(tx.row(schema::COUNT_KEY_LISTS, &[])?.map_or(Ok(0), |row| row.u64(0))?) })
            .await?;
        if finished == known.lists.len() as u64 {
            return Ok(None);
        }
        self.reload_lists().await.map(Some)
    }

    pub(crate) async fn get_key_lists(
        &self,
        _: &Ctx,
        message: GetKeyLists,
    ) -> Result<Vec<KeyList>, Failure<NoRefusal>> {
        let known = self.lists().await.map_err(failure_of_read)?;
        let mut bytes = 0;
        let wanted = known.lists.iter().filter(|list| list.record.epoch >= message.from_epoch);
        let fits = wanted.take_while(|list| {
            bytes += encode(*list).len();
            bytes <= REPLY_BYTES_MAX
        });
        Ok(fits.cloned().collect())
    }

    pub(crate) async fn submit_keys(&self, ctx: &Ctx, message: SubmitKeys) -> Result<u32, Failure<SubmitKeysRefusal>> {
        let bank = ctx.caller_name().to_owned();
        if self.config.bank(&bank).is_none() || message.entries.iter().any(|entry| entry.bank != bank) {
            return Err(SubmitKeysRefusal::OtherBank.into());
        }
        for (entry, at) in message.entries.iter().zip(0..) {
            if !self.is_wanted(entry) {
                return Err(SubmitKeysRefusal::Content { entry: at }.into());
            }
        }
        let now = ctx.now;
        let entries = message.entries;
        self.store
            .write(Caller::default(), move |tx| {
                for (entry, at) in entries.iter().zip(0..) {
                    submit(tx, entry, at, now)?;
                }
                Ok(u32::try_from(entries.len()).unwrap_or(u32::MAX))
            })
            .await
            .map_err(failure)
    }

    /// Whether an entry stands for a face value of a configured series and has a usable modulus.
    fn is_wanted(&self, entry: &KeyEntry) -> bool {
        let series = self.config.series.iter().find(|series| series.series == entry.series);
        let registered = series.filter(|series| series.way == Way::Registered);
        registered.is_some_and(|series| series.currency == entry.currency && series.faces.contains(&entry.face))
            && RsaPublicKey::from_modulus(*entry.modulus).is_ok()
    }

    /// Closes the list that is due, has it signed, publishes it. Answers whether something was done.
    pub(crate) async fn tick_key_lists(&self) -> Result<bool, TickError> {
        let last = self.store.read(|tx| last_list(tx).map_err(Into::into)).await?;
        match last {
            Some(Last { record, issuer, authority: None }) => self.finish(record, issuer).await,
            last => self.close_next(last.map(|last| last.record)).await,
        }
    }

    async fn close_next(&self, before: Option<KeyListRecord>) -> Result<bool, TickError> {
        let now = self.clock.now();
        let current = self.config.epoch_at(now);
        let epoch = before.as_ref().map_or(current, |before| before.epoch.saturating_add(1));
        if epoch > current.saturating_add(1) {
            return Ok(false);
        }
        let submitted = self
            .store
            .read(move |tx| -> Done<Vec<(Vec<u8>, u64)>> {
                let rows = tx.rows(schema::SUBMISSIONS, params![epoch])?;
                Ok(rows.iter().map(|row| Ok((row.blob(0)?.to_vec(), row.u64(1)?))).collect::<Result<_, TxError>>()?)
            })
            .await?;
        let first = submitted.iter().map(|(_, at)| Time(*at)).min();
        let entries = parse_all(submitted.iter().map(|(content, _)| content))?;
        if !self.is_due(epoch, current, &entries, first, now) {
            return Ok(false);
        }
        let from = self.config.epoch_start(epoch);
        let mut series: Vec<SeriesTerms> = self.config.series.iter().map(|series| series.terms(from)).collect();
        series.sort_by_key(|terms| terms.series);
        let previous = before.map(|before| before.identity(self.network()));
        let until = self.config.epoch_start(epoch + 1);
        let sealed = self.sealed_entries();
        let sealing = if sealed.is_empty() { None } else { self.sealing_of(epoch).ok().map(|(key, _)| key) };
        let record = KeyListRecord { epoch, previous, from, until, entries, series, sealing, sealed };
        record.check().map_err(|fault| TickError::KeyList { epoch, fault })?;
        let issuer = record.sign(self.network(), &self.keys.signing);
        let bytes = encode(&record);
        // stored before it is sent: after a crash the same list goes out again
        let stored = self
            .store
            .write(Caller::default(), move |tx| -> Done<u64> {
                Ok(tx.execute(schema::INSERT_KEY_LIST, params![epoch, &bytes, issuer.0])?)
            })
            .await?;
        if stored == 0 {
            return Ok(true);
        }
        self.finish(record, issuer).await
    }

    fn is_due(&self, epoch: u32, current: u32, entries: &[KeyEntry], first: Option<Time>, now: Time) -> bool {
        let registered = self.config.series.iter().filter(|series| series.way == Way::Registered);
        let wanted: usize = registered.map(|series| series.faces.len()).sum();
        let complete = entries.len() == wanted * self.config.banks.len();
        let deadline = self.config.epoch_start(epoch).minus(self.config.limits.close_before_s);
        let waited = first.is_some_and(|first| now >= first.plus(self.config.limits.submit_grace_s));
        complete || epoch < current || (now >= deadline && waited)
    }

    async fn finish(&self, record: KeyListRecord, issuer: Signature) -> Result<bool, TickError> {
        let epoch = record.epoch;
        let authority = match self.authority.send(&CosignKeyList { record: record.clone(), issuer }).await {
            Ok(signature) => signature,
            Err(SendError::Refused(refusal)) => return Err(TickError::Cosign { epoch, refusal }),
            Err(error) => {
                tracing::info!(retry = error.retry(), "the authority has not signed the key list yet");
                return Ok(false);
            }
        };
        let list = KeyList { record, issuer, authority };
        list.check(&self.roots).map_err(|fault| TickError::KeyList { epoch, fault })?;
        self.store
            .write(Caller::default(), move |tx| -> Done<()> {
                if tx.execute(schema::FINISH_KEY_LIST, params![epoch, authority.0])? == 1 {
                    for entry in &list.record.entries {
                        let row = params![entry.digest().0, &entry.bank, entry.currency.code(), entry.face];
                        tx.execute(schema::INSERT_KEY_COUNT, row)?;
                    }
                    tx.execute(schema::DELETE_SUBMISSIONS, params![epoch])?;
                }
                Ok(())
            })
            .await?;
        self.reload_lists().await?;
        tracing::info!(epoch, "key list published");
        Ok(true)
    }
}

fn submit(
    tx: &mut Tx<'_>,
    entry: &KeyEntry,
    at: u32,
    now: Time,
) -> Result<(), zeni_store::JobError<SubmitKeysRefusal>> {
    let digest = entry.digest();
    if let Some(last) = last_list(tx)?
        && last.record.epoch >= entry.epoch
    {
        if tx.row(schema::READ_KEY_COUNT, params![digest.0])?.is_some() || last.record.entry(&digest).is_some() {
            return Ok(());
        }
        return refuse(SubmitKeysRefusal::Published { epoch: entry.epoch });
    }
    let content = SubmitKeysRefusal::Content { entry: at };
    if tx.row(schema::FIND_MODULUS, params![entry.epoch, *entry.modulus, digest.0])?.is_some() {
        return refuse(content);
    }
    let key = params![entry.epoch, &entry.bank, entry.series, entry.face];
    if let Some(row) = tx.row(schema::READ_SUBMISSION, key)? {
        return if row.array(0)? == digest.0 { Ok(()) } else { refuse(content) };
    }
    let row = params![
        entry.epoch,
        &entry.bank,
        entry.series,
        entry.face,
        digest.0,
        *entry.modulus,
        encode(entry),
        time_value(now)
    ];
    tx.execute(schema::INSERT_SUBMISSION, row)?;
    Ok(())
}

struct Last {
    record: KeyListRecord,
    issuer: Signature,
    authority: Option<Signature>,
}

fn last_list(tx: &mut Tx<'_>) -> Result<Option<Last>, TxError> {
    let Some(row) = tx.row(schema::LAST_KEY_LIST, &[])? else { return Ok(None) };
    let authority = row.opt_array(3)?.map(Signature);
    Ok(Some(Last { record: stored(&row, 1)?, issuer: Signature(row.array(2)?), authority }))
}

fn read_finished(tx: &mut Tx<'_>) -> Result<Vec<KeyList>, TxError> {
    tx.rows(schema::FINISHED_KEY_LISTS, &[])?
        .iter()
        .map(|row| {
            Ok(KeyList {
                record: stored(row, 0)?,
                issuer: Signature(row.array(1)?),
                authority: Signature(row.array(2)?),
            })
        })
        .collect()
}

/// Something that this issuer encoded and stored itself.
pub(crate) fn stored<T: Wire>(row: &Row, column: usize) -> Result<T, TxError> {
    let wrong = TxError::Column { index: column, expected: zeni_store::Kind::Blob, found: zeni_store::Kind::Blob };
    decode(row.blob(column)?, MESSAGE_BYTES_MAX).map_err(|_| wrong)
}

fn parse_all<'a>(contents: impl Iterator<Item = &'a Vec<u8>>) -> Result<Vec<KeyEntry>, TickError> {
    contents
        .map(|content| decode(content, MESSAGE_BYTES_MAX).map_err(|_| TickError::Stored { table: "submission" }))
        .collect()
}

#[cfg(test)]
mod tests;
