//! `Withdraw` (RN-F2.2, F2.4…F2.6, RN-D4): debit and blind signatures in one transaction.
//!
//! The signatures depend on the blinded values alone, so they are made first, outside any transaction, each checked
//! (`raw_rsa`). Only what the transaction stored is sent; signatures that it did not store are wiped.

use std::collections::{BTreeMap, BTreeSet};

use zeni_crypto::{Digest, tagged};
use zeni_ledger::Outcome;
use zeni_message::{
    encode,
    limits::BATCH_ITEMS_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_money::Amount;
use zeni_note::messages::bank::{BlindSignatures, BlindedItem, Withdraw, WithdrawRefusal};
use zeni_store::{JobError, Tx, TxError, params};
use zeroize::Zeroizing;

use crate::{
    accounts::Customer,
    bank::{Bank, failure},
    books::{self, Book, Move, broken},
    lists::{Lists, OwnKey},
    schema,
};

type Refused = Failure<WithdrawRefusal>;
type Signature = [u8; 256];

/// What an order comes to, worked out before the transaction.
struct Order {
    customer: Customer,
    id: [u8; 16],
    content: Digest,
    total: Amount,
    items: Vec<(BlindedItem, Digest)>,
    /// Signatures per key, each under a random id.
    tally: Vec<([u8; 16], Digest, u64)>,
    signatures: Zeroizing<Vec<Signature>>,
}

/// What the books say of an order before it is signed.
enum Prepared {
    New(Box<Order>),
    /// The same order, sent at once, was carried out meanwhile: its signatures.
    Stored(Vec<Signature>),
}

impl Handle<Withdraw> for Bank {
    async fn handle(&self, ctx: &Ctx, message: Withdraw) -> Result<BlindSignatures, Refused> {
        let customer = self.customer(ctx).await?;
        let found = u32::try_from(message.items.len()).unwrap_or(u32::MAX);
        let max = u32::try_from(BATCH_ITEMS_MAX).unwrap_or(u32::MAX);
        if found == 0 || found > max {
            return Err(WithdrawRefusal::BatchSize { found, max }.into());
        }
        let content = tagged("zeni/withdrawal", &[&encode(&message.items)]);
        let (account, id) = (customer.account.clone(), *message.order);
        let stored = self.store.read(move |tx: &mut Tx<'_>| stored(tx, &account, &id, &content)).await;
        if let Some(signatures) = stored.map_err(failure)? {
            return Ok(reply(signatures));
        }
        let order = match self.prepare(ctx, customer, message, content).await? {
            Prepared::New(order) => order,
            Prepared::Stored(signatures) => return Ok(reply(signatures)),
        };
        let (lane, now) = (self.lane(&order.customer.account), ctx.now);
        let signatures = self.store.write(lane, move |tx: &mut Tx<'_>| apply(tx, &order, now)).await;
        Ok(reply(signatures.map_err(failure)?))
    }
}

impl Bank {
    async fn prepare(
        &self,
        ctx: &Ctx,
        customer: Customer,
        message: Withdraw,
        content: Digest,
    ) -> Result<Prepared, Refused> {
        let lists = self.lists::<WithdrawRefusal>().await.map_err(failure)?;
        let items: Vec<(BlindedItem, Digest)> = message
            .items
            .into_iter()
            .map(|item| {
                let id = tagged("zeni/blinded", &[customer.account.as_bytes(), &item.entry.0, &item.blinded[..]]);
                (item, id)
            })
            .collect();
        let keys = check(ctx, &customer, &items, &lists)?;
        let total = Amount::sum(keys.iter().map(|key| key.entry.face));
        let read = {
            let (account, ids) = (customer.account.clone(), items.iter().map(|(_, id)| *id).collect::<Vec<_>>());
            let order = *message.order;
            move |tx: &mut Tx<'_>| match stored(tx, &account, &order, &content)? {
                Some(signatures) => Ok(Err(signatures)),
                None => Ok(Ok(affordable(tx, &account, &ids, total)?)),
            }
        };
        let total = match self.store.read(read).await.map_err(failure)? {
            Ok(total) => total,
            Err(signatures) => return Ok(Prepared::Stored(signatures)),
        };
        let mut signatures = Zeroizing::new(Vec::with_capacity(items.len()));
        let mut counts: BTreeMap<Digest, u64> = BTreeMap::new();
        for ((item, _), key) in items.iter().zip(&keys) {
            let signer = self.signer::<WithdrawRefusal>(item.entry, &key.entry.modulus).await.map_err(failure)?;
            let Some(signer) = signer else {
                tracing::error!("a blind-signing key cannot be opened: master key or database is not the right one");
                return Err(Failure::Internal);
            };
            let signature = signer.sign_blinded(&item.blinded).map_err(|error| {
                tracing::error!(%error, "a blind signature failed");
                Failure::Internal
            })?;
            signatures.push(signature);
            *counts.entry(item.entry).or_default() += 1;
        }
        let tally = counts.into_iter().map(|(entry, signed)| (self.entropy.bytes(), entry, signed)).collect();
        let id = *message.order;
        Ok(Prepared::New(Box::new(Order { customer, id, content, total, items, tally, signatures })))
    }
}

/// The checks that need no books, in the order of the refusals; answers the key of each item.
fn check<'a>(
    ctx: &Ctx,
    customer: &Customer,
    items: &[(BlindedItem, Digest)],
    lists: &'a Lists,
) -> Result<Vec<&'a OwnKey>, WithdrawRefusal> {
    let numbered = || (0_u32..).zip(items);
    let mut keys = Vec::with_capacity(items.len());
    for (place, (item, _)) in numbered() {
        let key = lists.own.get(&item.entry).filter(|key| key.from <= ctx.now);
        keys.push(key.ok_or(WithdrawRefusal::UnknownKey { item: place })?);
    }
    for (item, key) in (0_u32..).zip(&keys) {
        if ctx.now > key.terms.withdraw_until {
            return Err(WithdrawRefusal::Closed { item });
        }
    }
    if keys.iter().any(|key| key.entry.currency != customer.currency) {
        return Err(WithdrawRefusal::MixedCurrencies);
    }
    for ((place, (item, _)), key) in numbered().zip(&keys) {
        if item.blinded[..] >= key.entry.modulus[..] {
            return Err(WithdrawRefusal::OutOfRange { item: place });
        }
    }
    let mut seen = BTreeSet::new();
    for (place, (_, id)) in numbered() {
        if !seen.insert(*id) {
            return Err(WithdrawRefusal::Repeated { item: place });
        }
    }
    Ok(keys)
}

/// Whether the blinded values are new and the account has the total, so that no signature is made in vain.
fn affordable(
    tx: &mut Tx<'_>,
    account: &str,
    ids: &[Digest],
    total: Option<Amount>,
) -> Result<Amount, JobError<WithdrawRefusal>> {
    for (item, id) in (0_u32..).zip(ids) {
        if tx.row(schema::SELECT_SIGNED, params![id.0])?.is_some() {
            return Err(JobError::Refused(WithdrawRefusal::Repeated { item }));
        }
    }
    let available = books::credit(tx, &Book::Available(account))?;
    total
        .filter(|total| *total <= available)
        .ok_or(JobError::Refused(WithdrawRefusal::InsufficientFunds { available: available.minor() }))
}

/// The signatures of an order that was carried out before.
fn stored(
    tx: &mut Tx<'_>,
    account: &str,
    id: &[u8; 16],
    content: &Digest,
) -> Result<Option<Vec<Signature>>, JobError<WithdrawRefusal>> {
    let Some(row) = tx.row(schema::SELECT_WITHDRAWAL, params![account, id])? else { return Ok(None) };
    if row.array(0)? != content.0 {
        return Err(JobError::Refused(WithdrawRefusal::OtherOrder));
    }
    let rows = tx.rows(schema::SELECT_SIGNATURES, params![account, id])?;
    Ok(Some(rows.iter().map(|row| row.array(0)).collect::<Result<_, TxError>>()?))
}

fn apply(tx: &mut Tx<'_>, order: &Order, now: zeni_message::Time) -> Result<Vec<Signature>, JobError<WithdrawRefusal>> {
    let Order { customer, id, content, total, .. } = order;
    if let Some(signatures) = stored(tx, &customer.account, id, content)? {
        return Ok(signatures);
    }
    let row = params![&customer.account, id, content.0, schema::int(now.0), *total];
    tx.execute(schema::INSERT_WITHDRAWAL, row)?;
    for (place, ((item, signed), signature)) in (0_u32..).zip(order.items.iter().zip(order.signatures.iter())) {
        let row = params![signed.0, &customer.account, id, place, item.entry.0, &item.blinded[..], signature];
        if tx.execute(schema::INSERT_SIGNATURE, row)? == 0 {
            return Err(JobError::Refused(WithdrawRefusal::Repeated { item: place }));
        }
    }
    for (id, entry, signed) in &order.tally {
        tx.execute(schema::INSERT_TALLY, params![*id, entry.0, schema::int(*signed)])?;
    }
    let debit =
        Move { kind: "withdrawal", cause: &[&order.id], currency: customer.currency, amount: *total, time: now };
    match books::post(tx, &Book::Available(&customer.account), &Book::Signed(customer.currency), &debit)? {
        Ok(()) => Ok(order.signatures.to_vec()),
        Err(Outcome::InsufficientFunds { available }) => {
            Err(JobError::Refused(WithdrawRefusal::InsufficientFunds { available: available.minor() }))
        }
        Err(_) => Err(broken("a debit was refused by the books").into()),
    }
}

fn reply(signatures: Vec<Signature>) -> BlindSignatures {
    BlindSignatures { signatures: signatures.into_iter().map(Into::into).collect() }
}

#[cfg(test)]
mod tests;
