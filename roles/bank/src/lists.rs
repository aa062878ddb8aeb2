//! The key lists that the bank holds, and its own keys in them.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError},
};

use zeni_crypto::{Digest, PublicKey, raw_rsa::BlindSigner};
use zeni_message::{Signed, Time, decode, limits::MESSAGE_BYTES_MAX};
use zeni_note::{
    KeyEntry, KeyList, RevocationFilter, RevocationList, SeriesTerms,
    keylist::{SealedEntry, Terms},
    sealed::Ordered,
};
use zeni_store::{Tx, TxError, WriteError, params};

use crate::{bank::Bank, books::broken, schema};

/// A published key of this bank.
#[derive(Clone, Debug)]
pub(crate) struct OwnKey {
    pub(crate) entry: KeyEntry,
    /// Start of its epoch.
    pub(crate) from: Time,
    pub(crate) terms: SeriesTerms,
}

/// Published key lists, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) lists: Vec<KeyList>,
    /// Entries that this bank has made itself: an entry in its name that it has not is nobody's.
    pub(crate) own: BTreeMap<Digest, OwnKey>,
    /// The newest revocation list at hand.
    pub(crate) revocations: Option<RevocationList>,
    /// Its filter for cards, once one was asked for.
    filter: OnceLock<RevocationFilter>,
}

impl Terms for Lists {
    fn terms(&self, series: u32, epoch: u32) -> Option<&SeriesTerms> {
        self.lists.as_slice().terms(series, epoch)
    }
}

impl Lists {
    /// The filter of the newest revocation list, if that is newer than number `held`.
    pub(crate) fn filter_after(&self, held: u64) -> Option<RevocationFilter> {
        let list = self.revocations.as_ref().filter(|list| list.number > held)?;
        Some(self.filter.get_or_init(|| RevocationFilter::of(list.number, list.time, &list.revoked)).clone())
    }

    /// The terms of what is ordered, if `bank` with that document key issues it under seal in that epoch, which has begun.
    pub(crate) fn sealed_terms(
        &self,
        (bank, document): (&str, &PublicKey),
        of: &Ordered,
        now: Time,
    ) -> Option<&SeriesTerms> {
        let list = self.list(of.epoch).filter(|list| list.record.from <= now)?;
        let offers = |entry: &&SealedEntry| entry.key == *document && entry.faces.contains(&of.face);
        list.record.sealed_entry(bank, of.series).filter(offers)?;
        list.record.terms(of.series).filter(|terms| terms.currency == of.currency)
    }

    /// The list of an epoch.
    pub(crate) fn list(&self, epoch: u32) -> Option<&KeyList> {
        self.lists.iter().find(|list| list.record.epoch == epoch)
    }

    pub(crate) fn read(tx: &mut Tx<'_>, bank: &str) -> Result<Lists, TxError> {
        let mut lists = Vec::new();
        for row in tx.rows(schema::SELECT_KEY_LISTS, &[])? {
            let list: KeyList =
                decode(row.blob(0)?, MESSAGE_BYTES_MAX).map_err(|_| broken("a stored key list is damaged"))?;
            lists.push(list);
        }
        let made: Vec<Digest> = tx
            .rows(schema::SELECT_KEYS, &[])?
            .iter()
            .map(|row| Ok(Digest(row.array(0)?)))
            .collect::<Result<_, TxError>>()?;
        let mut own = BTreeMap::new();
        for list in &lists {
            for entry in list.record.entries.iter().filter(|entry| entry.bank == bank) {
                let digest = entry.digest();
                if let (Ok(_), Some(terms)) = (made.binary_search(&digest), list.record.terms(entry.series)) {
                    own.insert(digest, OwnKey { entry: entry.clone(), from: list.record.from, terms: terms.clone() });
                }
            }
        }
        let revocations = tx.row(schema::SELECT_REVOCATIONS, &[])?.map(|row| {
            let list: Signed<RevocationList> =
                decode(row.blob(0)?, MESSAGE_BYTES_MAX).map_err(|_| broken("a stored revocation list is damaged"))?;
            Ok::<_, TxError>(list.record)
        });
        Ok(Lists { lists, own, revocations: revocations.transpose()?, filter: OnceLock::new() })
    }
}

impl Bank {
    /// The key lists, from memory where they were read before.
    pub(crate) async fn lists<R: Send + 'static>(&self) -> Result<Arc<Lists>, WriteError<R>> {
        if let Some(lists) = self.lists.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            return Ok(lists.clone());
        }
        let bank = self.config.bank.clone();
        let lists = Arc::new(self.store.read(move |tx: &mut Tx<'_>| Ok(Lists::read(tx, &bank)?)).await?);
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = Some(lists.clone());
        Ok(lists)
    }

    /// Called after lists or keys were stored.
    pub(crate) fn forget_lists(&self) {
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The signer of an own key; none if its stored form cannot be opened.
    pub(crate) async fn signer<R: Send + 'static>(
        &self,
        digest: Digest,
        modulus: &[u8; 256],
    ) -> Result<Option<Arc<BlindSigner>>, WriteError<R>> {
        if let Some(signer) = self.vault.find(&digest) {
            return Ok(Some(signer));
        }
        let read = move |tx: &mut Tx<'_>| {
            let row = tx.row(schema::SELECT_KEY, params![digest.0])?;
            Ok(row.map(|row| row.blob(1).map(<[u8]>::to_vec)).transpose()?)
        };
        let sealed = self.store.read(read).await?;
        Ok(sealed.and_then(|sealed| self.vault.open(&digest, modulus, &sealed)))
    }
}
