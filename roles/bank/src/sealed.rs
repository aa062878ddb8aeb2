//! `WithdrawSealed` (HC-F2.4…F2.8, F2.17, HC-A14…A19): the customer's orders under seal, and what came of them.
//!
//! ```text
//! reserved ─┬─► issued      debited; E_K is kept for whoever lost it
//!           └─► refused     released
//! ```
//! One transaction stores orders, requests and receipts and reserves the amounts (HC-O15); then `forward` sends the requests to
//! the issuer. The bank sees nothing of what is inside, neither of E_I nor of E_K (HC-P1).

use zeni_crypto::Digest;
use zeni_ledger::Outcome;
use zeni_message::{
    Signed, Time, decode, encode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_money::Amount;
use zeni_note::{
    messages::bank::{SEALED_ITEMS_MAX, SealedState, WithdrawSealed, WithdrawSealedRefusal},
    sealed::IssuanceOrder,
};
use zeni_store::{JobError, Tx, TxError, params};

use crate::{
    accounts::Customer,
    bank::{Bank, Config, failure},
    books::{self, Book, Move, broken},
    certificates, schema,
};

use check::{Checked, Desk, Known};

mod ask;
mod check;
mod forget;
mod forward;
mod phase;

pub(crate) use phase::Phase;

type Refused = Failure<WithdrawSealedRefusal>;

/// Orders of one account and day that were refused or wait, at most: a refusal costs the customer nothing, and its row stays for
/// a while.
const UNISSUED_OF_DAY_MAX: u32 = 1_024;
const DAY_S: u64 = 86_400;

/// An order that has not been seen before, ready to be stored.
struct NewOrder {
    checked: Checked,
    signed: Vec<u8>,
    /// S_B over {X, E_I}, encoded: the customer's receipt, and the bank's word to the issuer.
    receipt: Vec<u8>,
}

impl Handle<WithdrawSealed> for Bank {
    async fn handle(&self, ctx: &Ctx, message: WithdrawSealed) -> Result<Vec<SealedState>, Refused> {
        let customer = self.customer(ctx).await?;
        let found = u32::try_from(message.items.len()).unwrap_or(u32::MAX);
        let max = u32::try_from(SEALED_ITEMS_MAX).unwrap_or(u32::MAX);
        if found == 0 || found > max {
            return Err(WithdrawSealedRefusal::BatchSize { found, max }.into());
        }
        let ids: Vec<[u8; 16]> = message.items.iter().map(|item| *item.order.record.order).collect();
        let requests: Vec<Digest> = message.items.iter().map(|item| item.order.record.of.request).collect();
        self.reserve(ctx, &customer, message, ids.clone()).await?;
        if let Err(error) = self.forward(&requests, ctx.now).await {
            tracing::warn!(%error, "orders under seal wait for the issuer");
        }
        let account = customer.account;
        self.store.read(move |tx: &mut Tx<'_>| Ok(states(tx, &account, &ids)?)).await.map_err(failure)
    }
}

impl Bank {
    /// Checks the orders, stores those that are new and reserves their amounts.
    async fn reserve(
        &self,
        ctx: &Ctx,
        customer: &Customer,
        message: WithdrawSealed,
        ids: Vec<[u8; 16]>,
    ) -> Result<(), Refused> {
        let account = customer.account.clone();
        let known = self.store.read(move |tx: &mut Tx<'_>| Ok(known(tx, &account, &ids)?)).await.map_err(failure)?;
        let lists = self.lists::<WithdrawSealedRefusal>().await.map_err(failure)?;
        let network = self.config.roots.network;
        let document = self.document.public();
        let desk = Desk { network, bank: &self.config.bank, document, customer, lists: &lists, now: ctx.now };
        let checked = desk.check(message.items, known)?;
        if checked.is_empty() {
            return Ok(());
        }
        let new: Vec<NewOrder> = checked.into_iter().map(|checked| self.receipted(checked)).collect();
        let (lane, customer, now) = (self.lane(&customer.account), customer.clone(), ctx.now);
        self.store.write(lane, move |tx: &mut Tx<'_>| apply(tx, &customer, &new, now)).await.map_err(failure)
    }

    fn receipted(&self, checked: Checked) -> NewOrder {
        let Config { bank, issuer_made_keys, .. } = &self.config;
        let record = IssuanceOrder::new(bank.clone(), checked.order.order.record.of, *issuer_made_keys);
        let receipt = encode(&Signed::sign(self.config.roots.network, record, &self.document));
        NewOrder { signed: encode(&checked.order.order), receipt, checked }
    }
}

fn known(tx: &mut Tx<'_>, account: &str, ids: &[[u8; 16]]) -> Result<Known, TxError> {
    let certificates = certificates::of(tx, account)?;
    let mut orders = Vec::with_capacity(ids.len());
    for id in ids {
        let row = tx.row(schema::SELECT_ORDER, params![account, id])?;
        orders.push(row.map(|row| Ok::<_, TxError>(Digest(row.array(1)?))).transpose()?);
    }
    Ok(Known { certificates, orders })
}

/// Stores the orders and reserves what they come to; what another message stored meanwhile is left as it is.
fn apply(
    tx: &mut Tx<'_>,
    customer: &Customer,
    orders: &[NewOrder],
    now: Time,
) -> Result<(), JobError<WithdrawSealedRefusal>> {
    let (mut total, mut stored) = (Some(Amount::ZERO), Vec::new());
    for NewOrder { checked, signed, receipt } in orders {
        let record = &checked.order.order.record;
        if let Some(row) = tx.row(schema::SELECT_ORDER, params![&customer.account, *record.order])? {
            if row.array(1)? != checked.content.0 {
                return Err(JobError::Refused(WithdrawSealedRefusal::OtherOrder { item: checked.item }));
            }
            continue;
        }
        let row = params![
            record.of.request.0,
            &customer.account,
            *record.order,
            checked.content.0,
            record.of.currency.code(),
            record.of.face,
            schema::int(now.0),
            signed,
            checked.key.0,
            receipt,
            &checked.order.request,
            schema::int(checked.keep_until.0),
            checked.certificate.0
        ];
        if tx.execute(schema::INSERT_ORDER, row)? == 0 {
            return Err(JobError::Refused(WithdrawSealedRefusal::Repeated { item: checked.item }));
        }
        total = total.and_then(|total| total.checked_add(record.of.face));
        stored.extend_from_slice(&record.of.request.0);
    }
    if stored.is_empty() {
        return Ok(());
    }
    if tx.row(schema::SELECT_SUSPENSION, params![&customer.account])?.is_some() {
        return Err(JobError::Refused(WithdrawSealedRefusal::Suspended));
    }
    books::open_reserved(tx, &customer.account, customer.currency)?;
    let available = Book::Available(&customer.account);
    let poor = |available: Amount| {
        JobError::Refused(WithdrawSealedRefusal::InsufficientFunds { available: available.minor() })
    };
    let Some(amount) = total else { return Err(poor(books::credit(tx, &available)?)) };
    // an order that was refused and forgotten may come again, at another time
    let cause: [&[u8]; 2] = [&stored, &now.0.to_be_bytes()];
    let what = Move { kind: "withdrawal", cause: &cause, currency: customer.currency, amount, time: now };
    match books::post(tx, &available, &Book::Reserved(&customer.account), &what)? {
        Ok(()) if unissued(tx, &customer.account, now)? > u64::from(UNISSUED_OF_DAY_MAX) => {
            Err(JobError::Refused(WithdrawSealedRefusal::TooManyRefused { max: UNISSUED_OF_DAY_MAX }))
        }
        Ok(()) => Ok(()),
        Err(Outcome::InsufficientFunds { available }) => Err(poor(available)),
        Err(_) => Err(broken("a reservation was refused by the books").into()),
    }
}

/// Orders of the last day for which there is no note.
fn unissued(tx: &mut Tx<'_>, account: &str, now: Time) -> Result<u64, TxError> {
    let since = schema::int(now.minus(DAY_S).0);
    tx.row(schema::COUNT_UNISSUED, params![account, since])?.map_or(Ok(0), |row| row.u64(0))
}

/// How the orders of these ids stand.
fn states(tx: &mut Tx<'_>, account: &str, ids: &[[u8; 16]]) -> Result<Vec<SealedState>, TxError> {
    let mut states = Vec::with_capacity(ids.len());
    for id in ids {
        states.push(state(tx, account, id)?.ok_or_else(|| broken("an order just stored is missing"))?);
    }
    Ok(states)
}

/// How the order of an id stands, if the account has one.
fn state(tx: &mut Tx<'_>, account: &str, id: &[u8; 16]) -> Result<Option<SealedState>, TxError> {
    let Some(row) = tx.row(schema::SELECT_ORDER, params![account, id])? else { return Ok(None) };
    let receipt = decode(row.blob(2)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a receipt is damaged"))?;
    Ok(Some(SealedState { receipt, outcome: phase::told(&row, 3)? }))
}

#[cfg(test)]
mod tests;
