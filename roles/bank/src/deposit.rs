//! `OpenDeposit`, `Deposit`, `HandInTakings`, `GetDeposit` (RN-F5, RN-O14, RN-O15).
//!
//! Everything is checked offline in `check`; then one transaction credits the account as held and queues the items for
//! the issuer. A leaf is taken once at this bank (RN-X25); the same deposit again is answered from the store.

use zeni_crypto::Digest;
use zeni_message::{
    Time,
    limits::{BATCH_ITEMS_MAX, OPEN_CHALLENGES_MAX},
    route::{Ctx, Failure, Handle},
};
use zeni_money::Currency;
use zeni_note::{
    closing::ToAccount,
    messages::{
        bank::{
            Deposit, DepositChallenge, DepositRefusal, DepositState, GetDeposit, GetDepositRefusal, HandInTakings,
            OpenDeposit, OpenDepositRefusal, OpenRefund, REFUNDS_KEPT_MAX,
        },
        issuer::GetKeyLists,
    },
};
use zeni_store::{JobError, Tx, TxError, params};

use crate::{
    accounts::Customer,
    bank::{Bank, failure},
    deposit::check::{Checked, Faulty},
    items::{Item, Phase, told},
    lists::Lists,
    schema,
};

mod check;

/// Grain of a challenge's TIME, seconds.
const DAY_S: u64 = 86_400;

/// Challenges of an account that are kept for refunds and were not answered, of all its cards together: cards are known for good, so that
/// the bound per card alone bounds nothing.
pub(crate) const REFUNDS_OF_ACCOUNT_MAX: u32 = 1_024;

/// In the place of the number of a card that was never in contact.
const UNKNOWN_CARD: [u8; 16] = [0; 16];

type Refused = Failure<DepositRefusal>;
type Job<T> = Result<T, JobError<DepositRefusal>>;

impl Handle<OpenDeposit> for Bank {
    async fn handle(&self, ctx: &Ctx, message: OpenDeposit) -> Result<DepositChallenge, Failure<OpenDepositRefusal>> {
        let customer = self.customer(ctx).await?;
        self.open(customer.account, *message.deposit, ctx.now).await
    }
}

impl Bank {
    /// The challenge of a deposit, made if there is none yet.
    async fn open(
        &self,
        account: String,
        id: [u8; 16],
        now: Time,
    ) -> Result<DepositChallenge, Failure<OpenDepositRefusal>> {
        let lane = self.lane(&account);
        // the second would tell issuer and bank which payments the depositor made at the same time
        let day = Time(now.0 - now.0 % DAY_S);
        let (nonce, of_account) = (self.entropy.bytes::<16>(), account.clone());
        let open = move |tx: &mut Tx<'_>| {
            Ok(tx.row(schema::COUNT_OPEN, params![&of_account, id])?.map(|row| row.u64(0)).transpose()?)
        };
        // nobody's challenge gives way to another before its time: somebody may have signed for it
        if self.store.read(open).await.map_err(failure)?.unwrap_or(0) >= OPEN_CHALLENGES_MAX as u64 {
            return Err(Failure::Busy);
        }
        let job = move |tx: &mut Tx<'_>| {
            tx.execute(schema::INSERT_DEPOSIT, params![id, &account, schema::int(day.0), nonce])?;
            match opened(tx, &id, &account)? {
                Some(opened) => Ok(opened.challenge),
                None => Err(JobError::Refused(OpenDepositRefusal::OtherAccount)),
            }
        };
        self.store.write(lane, job).await.map_err(failure)
    }
}

impl Handle<OpenRefund> for Bank {
    async fn handle(&self, ctx: &Ctx, message: OpenRefund) -> Result<DepositChallenge, Failure<OpenDepositRefusal>> {
        let customer = self.customer(ctx).await?;
        let opened = self.open(customer.account.clone(), *message.deposit, ctx.now).await?;
        let (id, card, now) = (*message.deposit, *message.card, ctx.now);
        let lane = self.lane(&customer.account);
        let job = move |tx: &mut Tx<'_>| Ok(keep(tx, &customer.account, id, card, now)?);
        if !self.store.write(lane, job).await.map_err(failure)? {
            return Err(Failure::Busy);
        }
        Ok(opened)
    }
}

/// Keeps a challenge for a refund that a card signs, in the place of an older one of the same card where there is no more room. Answers
/// whether it is kept: never in the place of another card's, for which somebody may hold a refund.
fn keep(tx: &mut Tx<'_>, account: &str, id: [u8; 16], card: [u8; 16], now: Time) -> Result<bool, TxError> {
    // invented numbers would keep as many as they like
    let card = match tx.row(schema::SELECT_CARD, params![card])? {
        Some(row) if row.text(0)? == account => card,
        _ => UNKNOWN_CARD,
    };
    if tx.row(schema::SELECT_IS_KEPT, params![id])?.is_some() {
        return Ok(true);
    }
    let counts = tx.row(schema::COUNT_KEPT, params![account, card, id])?;
    let (all, own) = counts.map(|row| Ok::<_, TxError>((row.u64(0)?, row.u64(1)?))).transpose()?.unwrap_or((0, 0));
    let room = u64::from(REFUNDS_OF_ACCOUNT_MAX).saturating_sub(all.saturating_sub(own)).min(REFUNDS_KEPT_MAX.into());
    let Some(older) = room.checked_sub(1) else { return Ok(false) };
    tx.execute(schema::KEEP_DEPOSIT, params![id, account, schema::int(now.0.max(1)), card])?;
    for row in tx.rows(schema::SELECT_KEPT, params![account, card, schema::int(older), id])? {
        tx.execute(schema::DELETE_UNUSED, params![row.array::<16>(0)?])?;
    }
    Ok(true)
}

impl Handle<Deposit> for Bank {
    async fn handle(&self, ctx: &Ctx, message: Deposit) -> Result<DepositState, Refused> {
        let customer = self.customer(ctx).await?;
        batch_size(message.items.len(), BATCH_ITEMS_MAX)?;
        let to = message.purpose.account().ok_or(DepositRefusal::WrongAccount)?.clone();
        let content = check::content(&self.config.roots, &message);
        if let Some(state) = self.before(&customer, &to, content).await? {
            return Ok(state);
        }
        self.own_account(&customer, &to)?;
        let checked = self.with_lists(|lists| check::deposit(&self.config.roots, lists, &customer, &message, ctx.now));
        let checked = checked.await?;
        self.credit(customer, to, checked, ctx.now).await
    }
}

impl Handle<HandInTakings> for Bank {
    async fn handle(&self, ctx: &Ctx, message: HandInTakings) -> Result<DepositState, Refused> {
        let customer = self.customer(ctx).await?;
        batch_size(message.chains.len(), check::takings_max(&message))?;
        let to = message.hand_in.record.to.clone();
        let content = check::takings_content(&self.config.roots, &message);
        if let Some(state) = self.before(&customer, &to, content).await? {
            return Ok(state);
        }
        self.own_account(&customer, &to)?;
        let checked = self.with_lists(|lists| check::takings(&self.config.roots, lists, &customer, &message, ctx.now));
        let checked = checked.await?;
        self.credit(customer, to, checked, ctx.now).await
    }
}

impl Handle<GetDeposit> for Bank {
    async fn handle(&self, ctx: &Ctx, message: GetDeposit) -> Result<DepositState, Failure<GetDepositRefusal>> {
        let customer = self.customer(ctx).await?;
        let id = *message.deposit;
        let read = move |tx: &mut Tx<'_>| {
            let filled = opened(tx, &id, &customer.account)?.and_then(|opened| opened.content);
            match filled {
                Some(_) => Ok(state(tx, &id, customer.currency)?),
                None => Err(JobError::Refused(GetDepositRefusal::UnknownDeposit)),
            }
        };
        self.store.read(read).await.map_err(failure)
    }
}

impl Bank {
    /// The answer of a deposit that was carried out before. Refuses what answers no challenge of this bank.
    async fn before(
        &self,
        customer: &Customer,
        to: &ToAccount,
        content: Option<Digest>,
    ) -> Result<Option<DepositState>, Refused> {
        let (account, currency, to) = (customer.account.clone(), customer.currency, to.clone());
        let read = move |tx: &mut Tx<'_>| before(tx, &account, currency, &to, content);
        self.store.read(read).await.map_err(failure)
    }

    fn own_account(&self, customer: &Customer, to: &ToAccount) -> Result<(), DepositRefusal> {
        let own = to.bank == self.config.bank && to.account == customer.digest(&self.config.bank, &to.deposit);
        if own { Ok(()) } else { Err(DepositRefusal::WrongAccount) }
    }

    /// Runs a check with the lists at hand, and once more with fresh ones if terms were missing.
    async fn with_lists(&self, check: impl Fn(&Lists) -> Result<Checked, Faulty> + Send) -> Result<Checked, Refused> {
        let lists = self.lists::<DepositRefusal>().await.map_err(failure)?;
        match check(&lists) {
            Ok(checked) => return Ok(checked),
            Err(Faulty::Refused(refusal)) => return Err(refusal.into()),
            Err(Faulty::UnknownTerms { .. }) => {}
        }
        let from_epoch = lists.lists.last().map_or(0, |list| list.record.epoch.saturating_add(1));
        if let Ok(news) = self.issuer.send(&GetKeyLists { from_epoch }).await {
            // a list that is not taken leaves the terms missing, which is told below
            drop(self.take_lists(news).await);
        }
        let lists = self.lists::<DepositRefusal>().await.map_err(failure)?;
        check(&lists).map_err(|faulty| match faulty {
            Faulty::Refused(refusal) => refusal.into(),
            Faulty::UnknownTerms { item } => DepositRefusal::Malformed { item }.into(),
        })
    }

    async fn credit(
        &self,
        customer: Customer,
        to: ToAccount,
        checked: Checked,
        now: Time,
    ) -> Result<DepositState, Refused> {
        let lane = self.lane(&customer.account);
        let arrival = arrival(now, self.entropy.bytes());
        let job = move |tx: &mut Tx<'_>| credit(tx, &customer, &to, &checked, now, &arrival);
        self.store.write(lane, job).await.map_err(failure)
    }
}

fn batch_size(found: usize, max: usize) -> Result<(), DepositRefusal> {
    if (1..=max).contains(&found) {
        return Ok(());
    }
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    Err(DepositRefusal::BatchSize { found: number(found), max: number(max) })
}

struct Opened {
    challenge: DepositChallenge,
    content: Option<Digest>,
}

/// The deposit `id` if it belongs to the account.
fn opened(tx: &mut Tx<'_>, id: &[u8; 16], account: &str) -> Result<Option<Opened>, TxError> {
    let Some(row) = tx.row(schema::SELECT_DEPOSIT, params![id])? else { return Ok(None) };
    if row.text(0)? != account {
        return Ok(None);
    }
    let challenge = DepositChallenge { time: Time(row.u64(1)?), nonce: row.array(2)?.into() };
    Ok(Some(Opened { challenge, content: row.opt_array(3)?.map(Digest) }))
}

fn before(
    tx: &mut Tx<'_>,
    account: &str,
    currency: Currency,
    to: &ToAccount,
    content: Option<Digest>,
) -> Job<Option<DepositState>> {
    let opened = opened(tx, &to.deposit, account)?;
    let asked = DepositChallenge { time: to.time, nonce: to.nonce };
    let Some(opened) = opened.filter(|opened| opened.challenge == asked) else {
        return Err(JobError::Refused(DepositRefusal::UnknownChallenge));
    };
    match opened.content {
        None => Ok(None),
        found if found == content => Ok(Some(state(tx, &to.deposit, currency)?)),
        Some(_) => Err(JobError::Refused(DepositRefusal::OtherContent)),
    }
}

fn state(tx: &mut Tx<'_>, id: &[u8; 16], currency: Currency) -> Result<DepositState, TxError> {
    let rows = tx.rows(schema::SELECT_ITEMS, params![id])?;
    Ok(DepositState { currency, items: rows.iter().map(told).collect::<Result<_, _>>()? })
}

/// What orders the queue of returns: the second of the arrival, and within it chance, never what a depositor chose.
fn arrival(now: Time, chance: [u8; 8]) -> Vec<u8> {
    [now.0.to_be_bytes(), chance].concat()
}

fn credit(
    tx: &mut Tx<'_>,
    customer: &Customer,
    to: &ToAccount,
    checked: &Checked,
    now: Time,
    arrival: &[u8],
) -> Job<DepositState> {
    if let Some(state) = before(tx, &customer.account, customer.currency, to, Some(checked.content))? {
        return Ok(state);
    }
    let deposit = *to.deposit;
    tx.execute(schema::FILL_DEPOSIT, params![deposit, checked.content.0, checked.hand_in.clone()])?;
    for (place, new) in (0_u32..).zip(&checked.items) {
        if tx.execute(schema::INSERT_LEAF, params![new.leaf.0, deposit, place])? == 0 {
            return Err(JobError::Refused(DepositRefusal::Repeated { item: place }));
        }
        let bytes = u32::try_from(new.chain.len() + new.closing.as_ref().map_or(0, Vec::len)).unwrap_or(u32::MAX);
        let keep_until = schema::int(new.keep_until.0);
        let (chain, closing) = (&new.chain, new.closing.clone());
        let row = params![
            deposit,
            place,
            new.leaf.0,
            new.amount,
            new.refund,
            keep_until,
            chain,
            closing,
            bytes,
            new.revoked,
            arrival
        ];
        tx.execute(schema::INSERT_ITEM, row)?;
        let item = Item {
            deposit,
            place,
            leaf: new.leaf.0,
            account: customer.account.clone(),
            currency: customer.currency,
            amount: new.amount,
            refund: new.refund,
            phase: Phase::Queued,
            paid: zeni_money::Amount::ZERO,
            claimed: zeni_money::Amount::ZERO,
        };
        item.hold(tx, now)?;
    }
    Ok(state(tx, &to.deposit, customer.currency)?)
}

#[cfg(test)]
mod tests;
