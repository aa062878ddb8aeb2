//! Settlement between banks: net positions and cycles (RN-F9, RN-O18).

use serde::Serialize;
use zeni_message::encode;
use zeni_money::{Amount, Currency};
use zeni_store::{Caller, JobError, Tx, TxError, WriteError, params, refuse};

use crate::{
    Account, Config, Issuer, Position,
    books::{self, Posting, PostingIds},
    schema, time_value, transfers,
};

/// A closed settlement cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cycle {
    /// Random id, 32 hexadecimal digits.
    pub id: String,
    /// What each bank owed, or was owed, and has now settled.
    pub positions: Vec<Position>,
}

/// Why a cycle is not closed. Nothing is posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// What the banks owe and what is outstanding differ: reconcile first (RN-F9.2).
    #[error("the books of {currency} differ by {difference} minor units: the cycle stays open")]
    Mismatch {
        /// Currency.
        currency: String,
        /// Debts and reserve less what is outstanding, dormant or lost.
        difference: i128,
    },
    /// The register's rests are not what the account of outstanding notes says.
    #[error("the register holds {rests} minor units of {currency}, the books say {outstanding}")]
    Register {
        /// Currency.
        currency: String,
        /// Sum of the rests.
        rests: i128,
        /// Balance of the account.
        outstanding: i128,
    },
    /// The store does not answer.
    #[error("the store does not answer")]
    Store,
}

impl Issuer {
    /// Net position of each bank per currency: what it owes the others through the issuer.
    pub async fn positions(&self) -> Result<Vec<Position>, SettleError> {
        let config = self.config.clone();
        let read = move |tx: &mut Tx<'_>| Ok(positions(tx, &config)?);
        self.store.read::<_, SettleError>(read).await.map_err(settle_error)
    }

    /// Makes reading every balance fast again.
    pub(crate) async fn fold_books(&self) -> Result<(), crate::TickError> {
        let config = self.config.clone();
        let fold = move |tx: &mut Tx<'_>| -> crate::Done<()> {
            for currency in currencies(&config) {
                let of_bank = |bank: &crate::BankConfig| {
                    books::bank_accounts(&bank.name).into_iter().chain([Account::Held(bank.name.clone())])
                };
                let of_banks = config.banks.iter().flat_map(of_bank);
                let of_series = config.series.iter().filter(|series| series.currency == currency);
                let of_series = of_series.map(|series| Account::Outstanding(series.series));
                for account in of_banks.chain(of_series).chain([Account::Misuse, Account::Dormant, Account::Reserve]) {
                    books::fold(tx, &account, currency)?;
                }
            }
            Ok(())
        };
        Ok(self.store.write(Caller::default(), fold).await?)
    }

    /// Closes a cycle: every bank's position goes to the reserve, and each bank finds one netted transfer per currency, under
    /// a random id (RN-F9.2, HC-F4.11, HC-O13).
    ///
    /// # Errors
    /// [`SettleError`]; after [`SettleError::Store`] the positions say whether it happened.
    pub async fn settle(&self) -> Result<Cycle, SettleError> {
        let config = self.config.clone();
        let id: [u8; 16] = self.entropy.bytes();
        let now = self.clock.now();
        let ids = PostingIds::new(self.entropy.bytes());
        let job = move |tx: &mut Tx<'_>| {
            let mut ids = ids;
            close(tx, &config, id, now, &mut ids)
        };
        self.store.write(Caller::default(), job).await.map_err(settle_error)
    }
}

fn settle_error(error: WriteError<SettleError>) -> SettleError {
    match error {
        WriteError::Refused(refusal) => refusal,
        _ => SettleError::Store,
    }
}

pub(crate) fn currencies(config: &Config) -> Vec<Currency> {
    let mut currencies: Vec<Currency> = config.series.iter().map(|series| series.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    currencies
}

fn positions(tx: &mut Tx<'_>, config: &Config) -> Result<Vec<Position>, TxError> {
    let mut positions = Vec::new();
    for currency in currencies(config) {
        for bank in &config.banks {
            let owes = books::owed(tx, &bank.name, currency)?;
            positions.push(Position { bank: bank.name.clone(), currency: currency.code().to_owned(), owes });
        }
    }
    Ok(positions)
}

/// Debts of banks, what they hold for notes under seal, and reserve, less what is outstanding, dormant or lost; nil in sound
/// books.
pub(crate) fn difference(tx: &mut Tx<'_>, config: &Config, currency: Currency) -> Result<i128, TxError> {
    let mut sum = books::balance(tx, &Account::Misuse, currency)?
        + books::balance(tx, &Account::Dormant, currency)?
        + books::balance(tx, &Account::Reserve, currency)?
        + outstanding(tx, config, currency)?;
    for bank in &config.banks {
        sum -= books::owed(tx, &bank.name, currency)? + books::held(tx, &bank.name, currency)?;
    }
    Ok(sum)
}

/// What the books say is outstanding in a currency.
pub(crate) fn outstanding(tx: &mut Tx<'_>, config: &Config, currency: Currency) -> Result<i128, TxError> {
    let mut sum = 0;
    for series in config.series.iter().filter(|series| series.currency == currency) {
        sum += books::balance(tx, &Account::Outstanding(series.series), currency)?;
    }
    Ok(sum)
}

/// What the register's notes of a currency still stand for.
pub(crate) fn rests(tx: &mut Tx<'_>, currency: Currency) -> Result<i128, TxError> {
    let row = tx.row(schema::RESTS, params![currency.code()])?;
    row.map_or(Ok(0), |row| row.int(0)).map(i128::from)
}

fn close(
    tx: &mut Tx<'_>,
    config: &Config,
    id: [u8; 16],
    now: zeni_message::Time,
    ids: &mut PostingIds,
) -> Result<Cycle, JobError<SettleError>> {
    for currency in currencies(config) {
        let difference = difference(tx, config, currency)?;
        let currency_code = currency.code().to_owned();
        if difference != 0 {
            return refuse(SettleError::Mismatch { currency: currency_code, difference });
        }
        let (rests, outstanding) = (rests(tx, currency)?, outstanding(tx, config, currency)?);
        if rests != outstanding {
            return refuse(SettleError::Register { currency: currency_code, rests, outstanding });
        }
    }
    let positions = positions(tx, config)?;
    for position in &positions {
        let Some(currency) = Currency::from_code(&position.currency) else { continue };
        let amount = u64::try_from(position.owes.unsigned_abs()).ok().and_then(Amount::from_minor);
        let amount = amount.expect("a bank owes no more than was ever issued");
        let (bank, reserve) = (Account::Settled(position.bank.clone()), Account::Reserve);
        let (debit, credit) = if position.owes > 0 { (reserve, bank) } else { (bank, reserve) };
        books::post(tx, ids, &Posting { debit, credit, currency, amount, reference: "settlement" })?;
        transfers::order(tx, id, &position.bank, currency, amount, position.owes > 0)?;
    }
    let kept: Vec<(&str, &str, String)> =
        positions.iter().map(|at| (&*at.bank, &*at.currency, at.owes.to_string())).collect();
    tx.execute(schema::INSERT_CYCLE, params![id, time_value(now), encode(&kept)])?;
    Ok(Cycle { id: zeni_crypto::hex(&id), positions })
}

#[cfg(test)]
mod tests;
