//! Keys for the epochs ahead (RN-D5, RN-F2.3) and the key lists of the network.
//!
//! Keys are made for the current epoch and the next, one per round since one takes up to seconds, and submitted when all
//! of an epoch are there. An epoch whose list is published wants none any more.

use std::{convert::Infallible, sync::PoisonError};

use zeni_crypto::blind::generate_key;
use zeni_message::{Time, decode, encode, limits::SMALL_MESSAGE_BYTES_MAX, peer::SendError};
use zeni_note::{
    KeyEntry, KeyList,
    messages::issuer::{GetKeyLists, SubmitKeys, SubmitKeysRefusal},
};
use zeni_store::{Caller, JobError, Tx, params};

use crate::{
    bank::Bank,
    books::broken,
    chores::{Chore, ChoreError, Progress},
    lists::Lists,
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

/// A key that an epoch still lacks.
#[derive(Clone)]
struct Purpose {
    series: u32,
    currency: zeni_money::Currency,
    face: zeni_money::Amount,
}

impl Bank {
    /// Asks for key lists after the newest that the bank holds; in each round while it holds none of the present.
    pub(crate) async fn ask_key_lists(&self, now: Time) -> Chore {
        let lists = self.lists::<Infallible>().await?;
        let present = lists.lists.iter().any(|list| list.record.from <= now && now < list.record.until);
        let due = self.due(&mut self.rounds.lock().unwrap_or_else(PoisonError::into_inner).lists_asked, now);
        if present && !due {
            return Ok(Progress::Idle);
        }
        let from_epoch = lists.lists.last().map_or(0, |list| list.record.epoch.saturating_add(1));
        let news = self.issuer.send(&GetKeyLists { from_epoch }).await.map_err(ChoreError::sent::<GetKeyLists>)?;
        self.take_lists(news).await
    }

    /// Checks lists against those before them and stores what is new.
    pub(crate) async fn take_lists(&self, mut news: Vec<KeyList>) -> Chore {
        let known = self.lists::<Infallible>().await?;
        news.sort_by_key(|list| list.record.epoch);
        let mut last = known.lists.last().cloned();
        let mut taken = Vec::new();
        for list in news {
            match &last {
                Some(before) if list.record.epoch <= before.record.epoch => continue,
                Some(before) => list.check_after(before, &self.config.roots)?,
                None => list.check(&self.config.roots)?,
            }
            taken.push((list.record.epoch, encode(&list)));
            last = Some(list);
        }
        if taken.is_empty() {
            return Ok(Progress::Idle);
        }
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            for (epoch, list) in &taken {
                tx.execute(schema::INSERT_KEY_LIST, params![*epoch, list])?;
            }
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        self.forget_lists();
        Ok(Progress::More)
    }

    /// Makes one missing key, or submits an epoch's keys.
    pub(crate) async fn ensure_epoch_keys(&self, now: Time) -> Chore {
        if self.config.series.iter().all(|series| series.faces.is_empty()) {
            // a bank that issues under seal alone needs none
            return Ok(Progress::Idle);
        }
        let lists = self.lists::<Infallible>().await?;
        for epoch in self.wanted(&lists, now) {
            let read = move |tx: &mut Tx<'_>| -> Job<_> {
                let done = tx.row(schema::SELECT_SUBMISSION, params![epoch])?.is_some();
                let rows = tx.rows(schema::SELECT_EPOCH_KEYS, params![epoch])?;
                let entries = rows.iter().map(|row| {
                    decode::<KeyEntry>(row.blob(0)?, SMALL_MESSAGE_BYTES_MAX)
                        .map_err(|_| broken("a stored key entry is damaged"))
                });
                Ok((done, entries.collect::<Result<Vec<_>, _>>()?))
            };
            let (done, entries) = self.store.read(read).await?;
            if done {
                continue;
            }
            return match self.missing(&entries) {
                Some(purpose) => self.make_key(epoch, purpose).await,
                None => self.submit(epoch, entries).await,
            };
        }
        Ok(Progress::Idle)
    }

    /// Current and next epoch, those without a published list.
    fn wanted(&self, lists: &Lists, now: Time) -> Vec<u32> {
        let record = |list: &KeyList| (list.record.epoch, list.record.from, list.record.until);
        let current = match lists.lists.iter().map(record).find(|(_, from, until)| *from <= now && now < *until) {
            Some((epoch, ..)) => epoch,
            None => match (lists.lists.first().map(record), lists.lists.last().map(record)) {
                (Some((epoch, from, _)), _) if now < from => epoch,
                (_, Some((epoch, ..))) => epoch.saturating_add(1),
                _ => self.config.first_epoch,
            },
        };
        let published = |epoch: &u32| lists.lists.iter().any(|list| list.record.epoch == *epoch);
        [current, current.saturating_add(1)].into_iter().filter(|epoch| !published(epoch)).collect()
    }

    fn missing(&self, entries: &[KeyEntry]) -> Option<Purpose> {
        let all = self.config.series.iter().flat_map(|config| {
            config.faces.iter().map(|face| Purpose { series: config.series, currency: config.currency, face: *face })
        });
        let made = |purpose: &Purpose| {
            entries.iter().any(|entry| (entry.series, entry.face) == (purpose.series, purpose.face))
        };
        all.into_iter().find(|purpose| !made(purpose))
    }

    async fn make_key(&self, epoch: u32, purpose: Purpose) -> Chore {
        let key = generate_key()?;
        let entry = KeyEntry {
            bank: self.config.bank.clone(),
            series: purpose.series,
            epoch,
            currency: purpose.currency,
            face: purpose.face,
            modulus: (*key.public().modulus()).into(),
        };
        let digest = entry.digest();
        let sealed = self.vault.seal(&digest, key.dangerous_pkcs8(), self.entropy.bytes());
        let content = encode(&entry);
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            let row = params![digest.0, purpose.series, epoch, purpose.face, &content, &sealed];
            Ok(tx.execute(schema::INSERT_KEY, row).map(drop)?)
        };
        self.store.write(Caller::default(), job).await?;
        self.forget_lists();
        Ok(Progress::More)
    }

    async fn submit(&self, epoch: u32, entries: Vec<KeyEntry>) -> Chore {
        let state = match self.issuer.send(&SubmitKeys { entries }).await {
            Ok(_) => "submitted",
            Err(SendError::Refused(SubmitKeysRefusal::Published { .. })) => "published",
            Err(error) => return Err(ChoreError::sent::<SubmitKeys>(error)),
        };
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            Ok(tx.execute(schema::INSERT_SUBMISSION, params![epoch, state]).map(drop)?)
        };
        self.store.write(Caller::default(), job).await?;
        // a list may follow at once
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner).lists_asked = None;
        Ok(Progress::More)
    }
}

#[cfg(test)]
mod tests;
