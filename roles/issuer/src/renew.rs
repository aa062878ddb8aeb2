//! Renewal: a leaf closed whole for a new note with the same terms under a fresh key (RN-X34).
//!
//! It passes through the same tree as a return; no bank takes part and what is outstanding stays the same. A chain whose
//! room does not cover it is refused: its holder deposits it, and what is over becomes a claim.

use zeni_crypto::Signature;
use zeni_message::{
    Signed, Time, encode,
    route::{Ctx, Failure},
};
use zeni_money::Amount;
use zeni_note::{
    Closing, ClosingPurpose,
    closing::ClosingRecord,
    messages::issuer::{Issued, Renew, RenewRefusal},
};
use zeni_store::{Caller, JobError, Tx, WriteError, params, refuse};

use crate::{
    Done, Issuer,
    books::PostingIds,
    failure, failure_of_read, keylist,
    licences::LicenceCheck,
    redeem::{Draft, NoteTerms, SERIALS_MAX, Undo, register},
    returns::{
        apply::{Work, unknown},
        prepare::Followed,
        tree::Closed,
    },
    schema, time_value,
};

impl Issuer {
    pub(crate) async fn renew(&self, ctx: &Ctx, message: Renew) -> Result<Issued, Failure<RenewRefusal>> {
        let Closing::Single { amount, purpose, signature } = &message.closing else {
            return Err(RenewRefusal::NotRenewal.into());
        };
        let ClosingPurpose::Renewal { licence, .. } = purpose else {
            return Err(RenewRefusal::NotRenewal.into());
        };
        // what is passed on by renewal is held under licence: a key without one deposits
        if message.chain.right().licence().is_none() {
            return Err(RenewRefusal::Malformed.into());
        }
        let followed = self.prepare_single(&message.chain, *amount, purpose, *signature).await;
        let followed = followed.map_err(failure_of_read)?.ok_or(RenewRefusal::Malformed)?;
        if !followed.sound {
            return Err(RenewRefusal::Malformed.into());
        }
        if !self.closes_whole(&followed, *amount, purpose, *signature) {
            return Err(RenewRefusal::WrongClosing.into());
        }
        if let Some(issued) = self.renewed_before(&followed).await? {
            return Ok(issued);
        }
        let check = LicenceCheck::new(self.network(), licence);
        let key = licence.record.key;
        let revoked = |key| self.revocations().is_some_and(|list| list.revokes(key));
        let licensed =
            self.licences.contains(&check.digest) || (key.check().is_ok() && check.holds(&self.roots.authority));
        if !licensed || ctx.now > licence.record.until || revoked(&key) {
            return Err(RenewRefusal::BadLicence.into());
        }
        self.licences.remember([check.digest]);
        if followed.terms.as_ref().is_none_or(|terms| ctx.now > terms.valid_until) {
            return Err(RenewRefusal::Expired.into());
        }
        if revoked(&followed.leaf().holder) {
            return Err(RenewRefusal::Revoked.into());
        }
        self.issue_renewed(ctx.now, &message, followed, key, *amount).await
    }

    /// Whether the holder signed the closing, over the whole value.
    fn closes_whole(&self, followed: &Followed, amount: Amount, purpose: &ClosingPurpose, by: Signature) -> bool {
        let leaf = followed.leaf();
        let closing = ClosingRecord { parent: leaf.identity, amount, purpose: purpose.digest(self.network()) };
        let signed = Signed { record: closing, signature: by };
        amount == leaf.value && signed.verify(self.network(), &leaf.holder).is_ok()
    }

    async fn renewed_before(&self, followed: &Followed) -> Result<Option<Issued>, Failure<RenewRefusal>> {
        let (leaf, closing) = (followed.leaf().identity, followed.closing);
        let read = move |tx: &mut Tx<'_>| -> Done<Option<Issued>> {
            let Some(row) = tx.row(schema::READ_RENEWAL, params![leaf.0])? else { return Ok(None) };
            let same = row.array(0)? == closing.0;
            Ok(if same { Some(keylist::stored(&row, 1)?) } else { None })
        };
        self.store.read(read).await.map_err(failure_of_read)
    }

    async fn issue_renewed(
        &self,
        now: Time,
        message: &Renew,
        followed: Followed,
        key: zeni_crypto::PublicKey,
        face: Amount,
    ) -> Result<Issued, Failure<RenewRefusal>> {
        let note = &message.chain.note.record;
        let terms = NoteTerms { series: note.series, epoch: note.epoch, currency: note.currency, face };
        let followed = std::sync::Arc::new(followed);
        for _ in 0..SERIALS_MAX {
            let draft = self.draft(&terms, key, message.slot);
            let item = followed.clone();
            let ids = PostingIds::new(self.entropy.bytes());
            let job = move |tx: &mut Tx<'_>| {
                let mut ids = ids;
                apply(tx, &item, &draft, now, &mut ids)
            };
            match self.store.write(Caller::default(), job).await {
                Err(WriteError::Refused(Undo::SerialTaken)) => {}
                Err(WriteError::Refused(Undo::Refused(RenewRefusal::UnknownNote))) => {
                    self.alarm(followed.clone(), now).await?;
                    return Err(RenewRefusal::UnknownNote.into());
                }
                Err(WriteError::Refused(Undo::Refused(refusal))) => return Err(refusal.into()),
                Err(error) => return Err(failure(error.map(|_| RenewRefusal::Stopped))),
                Ok(issued) => return Ok(issued),
            }
        }
        tracing::error!("serials collide: the source of randomness is broken");
        Err(Failure::Internal)
    }

    /// The one thing that outlives a refusal: the alarm about a genuine note in no register.
    async fn alarm(&self, item: std::sync::Arc<Followed>, now: Time) -> Result<(), Failure<RenewRefusal>> {
        let job = move |tx: &mut Tx<'_>| -> Done<()> { Ok(unknown(tx, &item, now).map(drop)?) };
        self.store.write(Caller::default(), job).await.map_err(failure_of_read)
    }
}

fn apply(
    tx: &mut Tx<'_>,
    item: &Followed,
    draft: &Draft,
    now: Time,
    ids: &mut PostingIds,
) -> Result<Issued, JobError<Undo<RenewRefusal>>> {
    let leaf = item.leaf();
    if let Some(row) = tx.row(schema::READ_RENEWAL, params![leaf.identity.0])?
        && row.array(0)? == item.closing.0
    {
        return Ok(keylist::stored(&row, 1)?);
    }
    let mut work = Work::default();
    if work.look_up(tx, item)?.is_some() {
        return refuse(Undo::Refused(RenewRefusal::Closed));
    }
    let Some(tree) = work.tree(item) else {
        return refuse(Undo::Refused(RenewRefusal::UnknownNote));
    };
    if tree.conflicts(tx, &item.path)? {
        return refuse(Undo::Refused(RenewRefusal::Closed));
    }
    tree.enter(&item.path);
    let closed = Closed {
        identity: item.closing,
        bank: String::new(),
        amount: item.amount,
        paid: Amount::ZERO,
        waiting: None,
        signed: item.signed.clone(),
    };
    tree.close(&leaf.identity, closed);
    let balance = tree.settle(&leaf.identity);
    let currency = tree.currency;
    if balance.paid != item.amount {
        return refuse(Undo::Refused(RenewRefusal::Overspent));
    }
    if tx.row(schema::IS_STOPPED, params![item.key.series])?.is_some() {
        return refuse(Undo::Refused(RenewRefusal::Stopped));
    }
    crate::returns::apply::open_cases(tx, item.key, &balance.convicted, now)?;
    // the renewed note has no origin: its holder is licensed
    work.renew(item.key, currency, balance.paid, item.sealed);
    work.finish(tx, "", ids)?;
    if !register(tx, &draft.issued.note.record, &draft.identity)? {
        return refuse(Undo::SerialTaken);
    }
    let row =
        params![leaf.identity.0, item.closing.0, time_value(now), currency.code(), item.amount, encode(&draft.issued)];
    tx.execute(schema::INSERT_RENEWAL, row)?;
    Ok(draft.issued.clone())
}

#[cfg(test)]
mod tests;
