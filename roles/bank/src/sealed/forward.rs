//! Orders under seal on their way to the issuer and back (HC-F2.8, F2.16, HC-A17…A19, HC-X5, X8, X9).
//!
//! A stored order is sent until its answer was booked, always the same bytes, which the issuer answers alike. From one process
//! none is sent twice at once.

use std::{collections::BTreeMap, convert::Infallible, sync::PoisonError};

use zeni_crypto::Digest;
use zeni_message::{Time, decode, limits::SMALL_MESSAGE_BYTES_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::messages::{
    bank::SEALED_ITEMS_MAX,
    issuer::{IssueSealed, SealedAnswer, SealedIssue},
};
use zeni_store::{Caller, JobError, Tx, TxError, Value, params};

use crate::{
    accounts::currency,
    bank::Bank,
    books::{self, Book, Move, broken},
    chores::{Chore, ChoreError, Progress},
    schema,
    sealed::Phase,
};

type Job<T> = Result<T, JobError<Infallible>>;

/// Seconds for which a refused order is kept, so that its customer hears of it: the refusal is final at the issuer, and there is no
/// note by which anybody is ever asked for.
pub(super) const REFUSED_KEPT_S: u64 = 7 * 86_400;

/// An order without its answer.
#[derive(Clone)]
struct Waiting {
    request: Digest,
    account: String,
    currency: Currency,
    face: Amount,
}

/// The orders that one task sends; nobody else sends them until it is dropped.
struct Claim<'a> {
    bank: &'a Bank,
    orders: Vec<Digest>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut forwarding = self.bank.forwarding.lock().unwrap_or_else(PoisonError::into_inner);
        for order in &self.orders {
            forwarding.remove(order);
        }
    }
}

impl Bank {
    /// Sends those of the orders that wait for the issuer and books its answers.
    pub(super) async fn forward(&self, orders: &[Digest], now: Time) -> Result<(), ChoreError> {
        let claim = self.claim(orders);
        // read only now: what another task sent before is booked, or waits again
        let mine = claim.orders.clone();
        let read = move |tx: &mut Tx<'_>| -> Job<_> { Ok(waiting(tx, &mine)?) };
        let (waiting, items) = self.store.read(read).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let answer = self.issuer.send(&IssueSealed { items }).await;
        let answers = answer.map_err(ChoreError::sent::<IssueSealed>)?;
        if answers.len() != waiting.len() {
            return Err(ChoreError::SealedAnswer);
        }
        let job = move |tx: &mut Tx<'_>| -> Job<()> { Ok(book(tx, &waiting, &answers, now)?) };
        Ok(self.store.write(Caller::default(), job).await?)
    }

    fn claim(&self, orders: &[Digest]) -> Claim<'_> {
        let mut forwarding = self.forwarding.lock().unwrap_or_else(PoisonError::into_inner);
        let free = orders.iter().copied().filter(|order| forwarding.insert(*order)).collect();
        Claim { bank: self, orders: free }
    }

    /// Sends some of the stored orders that wait for the issuer: all of them in turn, then again after a pause.
    pub(crate) async fn send_orders(&self, now: Time) -> Chore {
        let after = self.rounds.lock().unwrap_or_else(PoisonError::into_inner).order;
        let mut found = self.pending_orders(after).await?;
        if found.is_empty() && after.is_some() {
            let mut sent = self.rounds.lock().unwrap_or_else(PoisonError::into_inner).orders_sent;
            if !self.due(&mut sent, now) {
                return Ok(Progress::Idle);
            }
            found = self.pending_orders(None).await?;
        }
        {
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            rounds.order = found.last().copied();
            rounds.orders_sent = Some(now);
        }
        if found.is_empty() {
            return Ok(Progress::Idle);
        }
        self.forward(&found, now).await?;
        Ok(Progress::More)
    }

    async fn pending_orders(&self, after: Option<Digest>) -> Result<Vec<Digest>, ChoreError> {
        Ok(self.store.read(move |tx: &mut Tx<'_>| -> Job<_> { Ok(pending(tx, after)?) }).await?)
    }
}

fn pending(tx: &mut Tx<'_>, after: Option<Digest>) -> Result<Vec<Digest>, TxError> {
    let after = after.map_or_else(Vec::new, |digest| digest.0.to_vec());
    let limit = i64::try_from(SEALED_ITEMS_MAX).unwrap_or(i64::MAX);
    let rows = tx.rows(schema::SELECT_PENDING_ORDERS, params![after, limit])?;
    rows.iter().map(|row| Ok(Digest(row.array(0)?))).collect()
}

/// What of the orders waits, and the bytes to send.
fn waiting(tx: &mut Tx<'_>, orders: &[Digest]) -> Result<(Vec<Waiting>, Vec<SealedIssue>), TxError> {
    let (mut waiting, mut items) = (Vec::new(), Vec::new());
    for request in orders {
        let Some(row) = tx.row(schema::SELECT_WAITING, params![request.0])? else { continue };
        let order = decode(row.blob(3)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a receipt is damaged"))?;
        items.push(SealedIssue { order, request: row.blob(4)?.to_vec() });
        waiting.push(Waiting {
            request: *request,
            account: row.text(0)?.to_owned(),
            currency: currency(&row, 1)?,
            face: row.amount(2)?,
        });
    }
    Ok((waiting, items))
}

/// What the answers move on one account in one direction.
struct Sum {
    currency: Currency,
    amount: Amount,
    orders: Vec<u8>,
}

/// Stores the answers and debits or releases what they are about, each once.
fn book(tx: &mut Tx<'_>, waiting: &[Waiting], answers: &[SealedAnswer], now: Time) -> Result<(), TxError> {
    let mut sums: BTreeMap<(&str, bool), Sum> = BTreeMap::new();
    for (order, answer) in waiting.iter().zip(answers) {
        let (phase, kept) = Phase::of(answer);
        let keep_until = match phase {
            Phase::Refused => schema::int(now.plus(REFUSED_KEPT_S).0),
            Phase::Issued | Phase::Pending => Value::Null,
        };
        if tx.execute(schema::ANSWER_ORDER, params![order.request.0, phase.word(), kept, keep_until])? == 0 {
            continue;
        }
        let new = Sum { currency: order.currency, amount: Amount::ZERO, orders: Vec::new() };
        let sum = sums.entry((&order.account, phase == Phase::Issued)).or_insert(new);
        sum.orders.extend_from_slice(&order.request.0);
        let more = sum.amount.checked_add(order.face);
        sum.amount = more.ok_or_else(|| broken("more was reserved than an amount can be"))?;
    }
    for ((account, issued), Sum { currency, amount, orders }) in sums {
        let (kind, to) = match issued {
            true => ("withdrawal", Book::Outstanding(currency)),
            false => ("release", Book::Available(account)),
        };
        let what = Move { kind, cause: &[&orders, &now.0.to_be_bytes()], currency, amount, time: now };
        books::must_post(tx, &Book::Reserved(account), &to, &what)?;
    }
    Ok(())
}
