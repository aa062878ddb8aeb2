//! Transfers: what settlement cycles order each bank to pay or tell it to expect (HC-F4.11, HC-O13).
//!
//! One per bank, currency and cycle, netted, under the cycle's random id: it names no note, no payment, no shop. Banks fetch
//! them by number and book each once, so that a lost or repeated answer changes nothing (HC-X35). Asking after a number a bank says
//! that it has booked what came up to it: nothing is dropped before.

use zeni_message::{
    NoRefusal, Time,
    route::{Ctx, Failure},
};
use zeni_money::{Amount, Currency};
use zeni_note::messages::issuer::{GetTransfers, Transfer};
use zeni_store::{Row, Tx, TxError, params};

use crate::{Account, Done, Issuer, books, count_value, failure_of_read, schema, time_value};

/// Writes a bank's transfer of a cycle, unless there is nothing to say.
pub(crate) fn order(
    tx: &mut Tx<'_>,
    cycle: [u8; 16],
    bank: &str,
    currency: Currency,
    amount: Amount,
    pays: bool,
) -> Result<(), TxError> {
    let released = -books::balance(tx, &Account::Released(bank.to_owned()), currency)?;
    let told = tx.row(schema::TRANSFERRED, params![bank, currency.code()])?.map_or(Ok(0), |row| row.u64(0))?;
    let before = tx.row(schema::TRANSFERRED_BEFORE, params![bank, currency.code()])?.map_or(Ok(0), |row| row.u64(0))?;
    let returned = u64::try_from(released - i128::from(told) - i128::from(before)).ok().and_then(Amount::from_minor);
    let returned = returned.expect("what came back only grows, within what was issued");
    if amount.is_zero() && returned.is_zero() {
        return Ok(());
    }
    let last = tx.row(schema::LAST_TRANSFER, params![bank])?.map_or(Ok(0), |row| row.u64(0))?;
    let row = params![bank, count_value(last + 1), cycle, currency.code(), amount, u32::from(pays), returned];
    tx.execute(schema::INSERT_TRANSFER, row).map(drop)
}

/// Drops some transfers of cycles before `before` that their banks have heard, and keeps what they told: the next one tells what is more. Answers how many.
pub(crate) fn prune(tx: &mut Tx<'_>, before: Time) -> Result<u64, TxError> {
    let ended = tx.rows(schema::ENDED_TRANSFERS, &[time_value(before)])?;
    for row in &ended {
        let (bank, currency, returned) = (row.text(0)?, row.text(2)?, row.u64(3)?);
        let told = tx.row(schema::TRANSFERRED_BEFORE, params![bank, currency])?.map_or(Ok(0), |row| row.u64(0))?;
        tx.execute(schema::PUT_TRANSFERRED, &[bank.into(), currency.into(), count_value(told + returned)])?;
        tx.execute(schema::DELETE_TRANSFER, params![bank, row.int(1)?])?;
    }
    Ok(ended.len() as u64)
}

impl Issuer {
    pub(crate) async fn get_transfers(
        &self,
        ctx: &Ctx,
        message: GetTransfers,
    ) -> Result<Vec<Transfer>, Failure<NoRefusal>> {
        let bank = ctx.caller_name().to_owned();
        let (asker, after) = (bank.clone(), message.after);
        let read = move |tx: &mut Tx<'_>| -> Done<(u64, Vec<Transfer>)> {
            let heard = tx.row(schema::READ_HEARD, params![&asker])?.map_or(Ok(0), |row| row.u64(0))?;
            let rows = tx.rows(schema::TRANSFERS, &[asker.clone().into(), count_value(after)])?;
            Ok((heard, rows.iter().map(transfer).collect::<Result<_, _>>()?))
        };
        let (heard, transfers) = self.store.read(read).await.map_err(failure_of_read)?;
        if after > heard {
            let put = move |tx: &mut Tx<'_>| -> Done<u64> {
                // no number that was not given yet: it would let go of what the bank cannot have heard
                let last = tx.row(schema::LAST_TRANSFER, params![&bank])?.map_or(Ok(0), |row| row.u64(0))?;
                Ok(tx.execute(schema::PUT_HEARD, &[bank.clone().into(), count_value(after.min(last))])?)
            };
            self.store.write(zeni_store::Caller::default(), put).await.map_err(failure_of_read)?;
        }
        Ok(transfers)
    }
}

fn transfer(row: &Row) -> Result<Transfer, TxError> {
    let wrong = TxError::Column { index: 2, expected: zeni_store::Kind::Array(3), found: zeni_store::Kind::Text };
    Ok(Transfer {
        number: row.u64(0)?,
        cycle: row.array::<16>(1)?.into(),
        currency: Currency::from_code(row.text(2)?).ok_or(wrong)?,
        amount: row.amount(3)?,
        pays: row.int(4)? == 1,
        returned: row.amount(5)?,
    })
}

#[cfg(test)]
mod tests;
