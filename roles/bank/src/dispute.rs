//! `DisputeSignature` (RN-X8): "the unblinded signature does not verify".
//!
//! The raw operation gives one result per blinded value and key, and it is checked with the public key. So the bank signs
//! the stored blinded value again: the result is the signature, whatever became of the stored one. Where the key itself is
//! gone the stored signature cannot be shown to be right, and the amount goes back to the account, once.

use zeni_crypto::Digest;
use zeni_message::{
    Time, decode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_money::Amount;
use zeni_note::{
    KeyEntry,
    messages::bank::{DisputeOutcome, DisputeRefusal, DisputeSignature},
};
use zeni_store::{JobError, Tx, TxError, params};

use crate::{
    accounts::Customer,
    bank::{Bank, failure},
    books::{self, Book, Move, broken},
    schema,
};

type Job<T> = Result<T, JobError<DisputeRefusal>>;

struct Disputed {
    id: Digest,
    digest: Digest,
    entry: KeyEntry,
    blinded: [u8; 256],
    signature: Vec<u8>,
    corrected: bool,
}

impl Handle<DisputeSignature> for Bank {
    async fn handle(&self, ctx: &Ctx, message: DisputeSignature) -> Result<DisputeOutcome, Failure<DisputeRefusal>> {
        let customer = self.customer(ctx).await?;
        let (account, order, item) = (customer.account.clone(), *message.order, message.item);
        let read = move |tx: &mut Tx<'_>| -> Job<Disputed> {
            disputed(tx, &account, &order, item)?.ok_or(JobError::Refused(DisputeRefusal::UnknownOrder))
        };
        let disputed = self.store.read(read).await.map_err(failure)?;
        if disputed.corrected {
            return Ok(DisputeOutcome::Credited(disputed.entry.face));
        }
        let signer = self.signer::<DisputeRefusal>(disputed.digest, &disputed.entry.modulus).await.map_err(failure)?;
        let signed = signer.and_then(|signer| signer.sign_blinded(&disputed.blinded).ok());
        let Some(signature) = signed else {
            let credited = self.correct(&customer, disputed, ctx.now).await?;
            return Ok(DisputeOutcome::Credited(credited));
        };
        if signature[..] != disputed.signature[..] {
            tracing::error!("a stored blind signature was damaged and is made again");
            let id = disputed.id;
            let repair = move |tx: &mut Tx<'_>| -> Job<u64> {
                Ok(tx.execute(schema::UPDATE_SIGNATURE, params![id.0, signature])?)
            };
            self.store.write(self.lane(&customer.account), repair).await.map_err(failure)?;
        }
        Ok(DisputeOutcome::Signature(signature.into()))
    }
}

impl Bank {
    async fn correct(
        &self,
        customer: &Customer,
        disputed: Disputed,
        now: Time,
    ) -> Result<Amount, Failure<DisputeRefusal>> {
        tracing::error!("a blind-signing key is lost: the amount of a signature goes back to its account");
        let customer = customer.clone();
        let lane = self.lane(&customer.account);
        let job = move |tx: &mut Tx<'_>| -> Job<Amount> {
            let (amount, currency) = (disputed.entry.face, disputed.entry.currency);
            if tx.execute(schema::CORRECT_SIGNATURE, params![disputed.id.0])? == 1 {
                let cause: &[&[u8]] = &[&disputed.id.0];
                let back = Move { kind: "correction", cause, currency, amount, time: now };
                books::must_post(tx, &Book::Corrected(currency), &Book::Available(&customer.account), &back)?;
            }
            Ok(amount)
        };
        self.store.write(lane, job).await.map_err(failure)
    }
}

fn disputed(tx: &mut Tx<'_>, account: &str, order: &[u8; 16], item: u32) -> Result<Option<Disputed>, TxError> {
    let Some(row) = tx.row(schema::SELECT_SIGNATURE, params![account, order, item])? else { return Ok(None) };
    let digest = Digest(row.array(1)?);
    let key = tx.row(schema::SELECT_KEY, params![digest.0])?.ok_or_else(|| broken("a key's row is missing"))?;
    let entry = decode(key.blob(0)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a stored key entry is damaged"))?;
    Ok(Some(Disputed {
        id: Digest(row.array(0)?),
        digest,
        entry,
        blinded: row.array(2)?,
        signature: row.blob(3)?.to_vec(),
        corrected: row.int(4)? != 0,
    }))
}

#[cfg(test)]
mod tests;
