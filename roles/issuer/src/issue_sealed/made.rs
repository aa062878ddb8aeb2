//! Keys that the issuer makes (HC-F6, HC-O6): SS_U follows from the request, from the issuer's key file and from a secret of the
//! epoch, which stands in the database and is erased when T2 of the epoch is over.
//!
//! Until then the same request gets the same key, whatever answer was lost on the way (HC-X9); afterwards nobody can make it
//! again, with key file and database in hand. The banks keep the answers, which are enciphered under K.

use std::collections::BTreeMap;

use zeni_crypto::{Digest, tagged};
use zeni_message::Time;
use zeni_note::{keylist::KeyListRecord, messages::issuer::SealedIssue};
use zeni_store::{Caller, Tx, TxError, WriteError, params};
use zeroize::Zeroizing;

use crate::{Done, Issuer, Never, keylist::Known, schema};

/// Secrets of epochs.
pub(super) type Secrets = BTreeMap<u32, Zeroizing<[u8; 32]>>;

impl Issuer {
    /// The secrets of the epochs of these requests; an epoch in which notes are still issued gets one.
    pub(super) async fn made_key_secrets(
        &self,
        now: Time,
        lists: &Known,
        items: &[SealedIssue],
    ) -> Result<Secrets, WriteError<Never>> {
        let mut epochs: Vec<u32> = items.iter().map(|item| item.order.record.of.epoch).collect();
        epochs.sort_unstable();
        epochs.dedup();
        let wanted = epochs.clone();
        let found = self.store.read(move |tx| -> Done<Secrets> { Ok(secrets(tx, &wanted)?) }).await?;
        let issuing =
            |epoch: &u32| lists.list(*epoch).is_some_and(|list| sealed_until(list, |it| it.redeem_until) >= Some(now));
        let new: Vec<(u32, Zeroizing<[u8; 32]>)> = epochs
            .iter()
            .filter(|epoch| !found.contains_key(*epoch) && issuing(epoch))
            .map(|epoch| (*epoch, Zeroizing::new(self.entropy.bytes())))
            .collect();
        if new.is_empty() {
            return Ok(found);
        }
        // another process may have been first: its secret holds
        let put = move |tx: &mut Tx<'_>| -> Done<Secrets> {
            for (epoch, secret) in &new {
                tx.execute(schema::INSERT_MADE_KEY, params![*epoch, secret.to_vec()])?;
            }
            Ok(secrets(tx, &epochs)?)
        };
        self.store.write(Caller::default(), put).await
    }

    /// SS_U of a request.
    pub(super) fn made_key(&self, secret: &[u8; 32], request: &Digest) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(tagged("zeni/made-key", &[&self.keys.sealing[..], secret, &request.0]).0)
    }

    /// Erases the secret of an epoch whose T2 is over; answers whether there was one.
    pub(crate) async fn erase_made_keys(&self, list: &KeyListRecord, now: Time) -> Result<bool, WriteError<Never>> {
        let epoch = list.epoch;
        if sealed_until(list, |terms| terms.claim_until).is_none_or(|until| now <= until) {
            return Ok(false);
        }
        let read = move |tx: &mut Tx<'_>| -> Done<bool> { Ok(!secrets(tx, &[epoch])?.is_empty()) };
        if !self.store.read(read).await? {
            return Ok(false);
        }
        let erase = move |tx: &mut Tx<'_>| -> Done<()> {
            // written over first: a row that is only deleted may lie in the file for long
            tx.execute(schema::BLANK_MADE_KEY, params![epoch, [0_u8; 32]])?;
            Ok(tx.execute(schema::DELETE_MADE_KEY, params![epoch]).map(drop)?)
        };
        self.store.write(Caller::default(), erase).await?;
        tracing::info!(epoch, "the secret behind the keys that were made in an epoch is erased");
        Ok(true)
    }
}

/// The latest of a date over the series under seal of a list; none without such a series.
fn sealed_until(list: &KeyListRecord, date: impl Fn(&zeni_note::SeriesTerms) -> Time) -> Option<Time> {
    list.series.iter().filter(|terms| terms.way.is_sealed()).map(date).max()
}

pub(super) fn secrets(tx: &mut Tx<'_>, epochs: &[u32]) -> Result<Secrets, TxError> {
    let mut secrets = Secrets::new();
    for epoch in epochs {
        if let Some(row) = tx.row(schema::READ_MADE_KEY, params![*epoch])? {
            secrets.insert(*epoch, Zeroizing::new(row.array(0)?));
        }
    }
    Ok(secrets)
}
