//! The authority's signature under the issuer's key list: one list per epoch, for ever (DESIGN §4, RN-X9).

use zeni_crypto::Signature;
use zeni_message::{
    Signed, Time, decode, encode,
    limits::MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    KeyList, SeriesTerms,
    keylist::{KeyListFault, KeyListRecord},
    messages::authority::{CosignKeyList, CosignKeyListRefusal},
};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority,
    rows::time_value,
    schema,
    settle::{Decision, settle},
};

/// Stored lists, encoded.
#[derive(PartialEq, Eq)]
struct Seen {
    same_epoch: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
}

impl Handle<CosignKeyList> for Authority {
    async fn handle(&self, _: &Ctx, message: CosignKeyList) -> Result<Signature, Failure<CosignKeyListRefusal>> {
        let epoch = message.record.epoch;
        let view = move |tx: &mut Tx<'_>| {
            Ok(Seen {
                same_epoch: list(tx, schema::KEY_LIST_BY_EPOCH, params![epoch])?,
                last: list(tx, schema::LAST_KEY_LIST, params![])?,
            })
        };
        let network = self.config.network;
        settle(
            &self.store,
            Caller::default(),
            view,
            |seen| self.cosign(&message, seen),
            move |tx, _, list: &KeyList| {
                let record = &list.record;
                let retain_until = record.series.iter().map(retained).max().unwrap_or(record.until);
                tx.execute(
                    schema::INSERT_KEY_LIST,
                    params![
                        record.epoch,
                        record.identity(network).0,
                        time_value(record.from),
                        time_value(retain_until),
                        encode(list),
                    ],
                )?;
                Ok(list.authority)
            },
        )
        .await
    }
}

impl Authority {
    /// Checks in the order of [`CosignKeyListRefusal`].
    fn cosign(
        &self,
        message: &CosignKeyList,
        seen: &Seen,
    ) -> Result<Decision<KeyList, Signature>, Failure<CosignKeyListRefusal>> {
        let record = &message.record;
        Signed { record: record.clone(), signature: message.issuer }
            .verify(self.config.network, &self.config.issuer)
            .map_err(|_| CosignKeyListRefusal::NotIssuer)?;
        if let Some(bytes) = &seen.same_epoch {
            let stored = stored(bytes)?;
            if stored.record != *record {
                return Err(CosignKeyListRefusal::OtherList { epoch: record.epoch }.into());
            }
            return Ok(Decision::Done(stored.authority));
        }
        check_content(record)?;
        let last = seen.last.as_deref().map(stored).transpose()?;
        self.check_chain(record, last.as_ref())?;
        let authority = record.sign(self.config.network, &self.keys.signing);
        Ok(Decision::Apply(KeyList { record: record.clone(), issuer: message.issuer, authority }))
    }

    fn check_chain(&self, record: &KeyListRecord, last: Option<&KeyList>) -> Result<(), CosignKeyListRefusal> {
        let (follows, expected_epoch) = match last {
            None => (record.previous.is_none(), record.epoch),
            Some(KeyList { record: last, .. }) => {
                let expected = last.epoch.saturating_add(1);
                let follows = record.previous == Some(last.identity(self.config.network))
                    && record.epoch == expected
                    && record.from == last.until;
                (follows, expected)
            }
        };
        if follows { Ok(()) } else { Err(CosignKeyListRefusal::Chain { expected_epoch }) }
    }
}

fn retained(terms: &SeriesTerms) -> Time {
    terms.retain_until
}

fn check_content(record: &KeyListRecord) -> Result<(), CosignKeyListRefusal> {
    // sealed entries stand behind the last entry, terms behind those
    let entries = record.entries.len();
    let terms = entries + record.sealed.len();
    let index = match record.check() {
        Ok(()) if record.from < record.until => return Ok(()),
        Err(KeyListFault::Entry { index }) => index,
        Err(KeyListFault::Sealed { index }) => entries + index,
        Ok(()) | Err(KeyListFault::Terms { .. } | KeyListFault::Forged | KeyListFault::Broken) => terms,
    };
    Err(CosignKeyListRefusal::Content { entry: u32::try_from(index).unwrap_or(u32::MAX) })
}

fn list(tx: &mut Tx<'_>, sql: &'static str, params: &[zeni_store::Value]) -> Result<Option<Vec<u8>>, TxError> {
    tx.row(sql, params)?.map(|row| Ok(row.blob(0)?.to_vec())).transpose()
}

/// Reads a stored list.
pub(crate) fn stored<R>(bytes: &[u8]) -> Result<KeyList, Failure<R>> {
    decode(bytes, MESSAGE_BYTES_MAX).map_err(|_| {
        tracing::error!("a stored key list cannot be read");
        Failure::Internal
    })
}

#[cfg(test)]
mod tests;
