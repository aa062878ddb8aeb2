//! Answered orders are forgotten when the term of their epoch's records is over (HC-O9), whatever became of the notes: a bank
//! that forgot an order when its note was used up would know when its customer paid. Those that were refused go after a week:
//! there is no note, and they would cost a customer nothing who fills the database with them.

use std::convert::Infallible;

use zeni_message::Time;
use zeni_money::{Amount, Currency};
use zeni_store::{Caller, JobError, Row, Tx, TxError, params};

use crate::{
    accounts::currency,
    bank::Bank,
    books::broken,
    chores::{Chore, Progress},
    schema,
    sealed::Phase,
};

type Job<T> = Result<T, JobError<Infallible>>;

/// Orders forgotten in one round.
const FORGET_MAX: u32 = 256;

impl Bank {
    /// Forgets answered orders that are past their term.
    pub(crate) async fn forget_orders(&self, now: Time) -> Chore {
        let read = move |tx: &mut Tx<'_>| -> Job<bool> { Ok(!prunable(tx, now)?.is_empty()) };
        if !self.store.read(read).await? {
            return Ok(Progress::Idle);
        }
        self.store.write(Caller::default(), move |tx: &mut Tx<'_>| -> Job<()> { Ok(forget(tx, now)?) }).await?;
        Ok(Progress::More)
    }
}

fn prunable(tx: &mut Tx<'_>, now: Time) -> Result<Vec<Row>, TxError> {
    tx.rows(schema::SELECT_PRUNABLE_ORDERS, params![schema::int(now.0), FORGET_MAX])
}

fn forget(tx: &mut Tx<'_>, now: Time) -> Result<(), TxError> {
    for row in prunable(tx, now)? {
        tx.execute(schema::DELETE_ORDER, params![row.array::<32>(0)?])?;
        if Phase::read(&row, 3)? == Phase::Issued {
            add(tx, currency(&row, 1)?, row.amount(2)?)?;
        }
    }
    Ok(())
}

/// Keeps the sum of what was issued for orders that are forgotten: the audit needs it.
fn add(tx: &mut Tx<'_>, currency: Currency, issued: Amount) -> Result<(), TxError> {
    let before = tx.row(schema::SELECT_PRUNED_OF, params![currency.code()])?;
    let before = before.map_or(Ok(Amount::ZERO), |row| row.amount(0))?;
    let sum = before.checked_add(issued).ok_or_else(|| broken("more was issued than an amount can be"))?;
    tx.execute(schema::UPSERT_PRUNED, params![currency.code(), sum]).map(drop)
}
