//! Requests that have their notes: found by what identifies them, the bank and the digest of E_I, and answered as before (HC-X5,
//! HC-X9), whatever configuration, key or calendar say against a new one.
//!
//! The bank is vouched for by its certificate, and the answer opens under K alone: nobody has to show an order for it again.

use std::collections::BTreeMap;

use zeni_crypto::{Digest, PublicKey, SecretKey};
use zeni_message::route::Failure;
use zeni_note::{
    messages::{bank::SealedReply, issuer::IssueSealedRefusal},
    sealed::{CONTENT_LEN, KeyMaker, SealedContent},
};
use zeni_store::{Row, Tx, TxError, params};

use super::made::{Secrets, secrets};
use crate::{BankConfig, Done, Issuer, failure_of_read, keylist::Known, schema};

/// A note that was issued for a request.
struct Stored {
    request: Digest,
    content: [u8; CONTENT_LEN],
    holder: PublicKey,
}

impl Issuer {
    /// The answers that requests of a bank had, by digest; those without a note are left out.
    pub(super) async fn stored_answers(
        &self,
        bank: &BankConfig,
        lists: &Known,
        requests: Vec<Digest>,
    ) -> Result<BTreeMap<Digest, SealedReply>, Failure<IssueSealedRefusal>> {
        if requests.is_empty() {
            return Ok(BTreeMap::new());
        }
        let bank = bank.name.clone();
        let read = move |tx: &mut Tx<'_>| -> Done<_> { Ok(look(tx, &bank, &requests)?) };
        let (found, secrets) = self.store.read(read).await.map_err(failure_of_read)?;
        let mut answers = BTreeMap::new();
        for stored in found {
            let content = SealedContent::from_bytes(&stored.content).map_err(|_| Failure::Internal)?;
            let terms = lists.terms(content.series, content.epoch).ok_or(Failure::Internal)?;
            let secret = secrets.get(&content.epoch).filter(|_| content.holder == KeyMaker::Issuer);
            let made = secret.map(|secret| self.made_key(secret, &stored.request));
            let made = made.filter(|seed| SecretKey::from_seed(**seed).public() == stored.holder);
            if content.holder == KeyMaker::Issuer && made.is_none() {
                tracing::error!("alarm: an answer is asked for whose key was erased: the bank never booked it");
            }
            let signed = self.sign_sealed(&content, terms, &stored.holder, &stored.request, made);
            answers.insert(stored.request, signed.reply);
        }
        Ok(answers)
    }
}

/// What was issued for a request of a bank, whether it is out or came back.
pub(super) fn issued_for(tx: &mut Tx<'_>, bank: &str, request: &Digest) -> Result<Option<Row>, TxError> {
    let asked = params![request.0, bank];
    match tx.row(schema::ISSUED_FOR, asked)? {
        Some(row) => Ok(Some(row)),
        None => tx.row(schema::ARCHIVED_FOR, asked),
    }
}

fn look(tx: &mut Tx<'_>, bank: &str, requests: &[Digest]) -> Result<(Vec<Stored>, Secrets), TxError> {
    let (mut found, mut epochs) = (Vec::new(), Vec::new());
    for request in requests {
        if let Some(row) = issued_for(tx, bank, request)? {
            epochs.push(u32::try_from(row.u64(0)?).unwrap_or(u32::MAX));
            found.push(Stored { request: *request, content: row.array(1)?, holder: PublicKey(row.array(2)?) });
        }
    }
    let secrets = secrets(tx, &epochs)?;
    Ok((found, secrets))
}
