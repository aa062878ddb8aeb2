//! Ceilings: the most a bank may owe and hold at any time (HC-F2.12, HC-F7.4, RN-X21).
//!
//! Room below a ceiling is drawn in slices, by each bank key for requests and by one row per bank and currency for notes under
//! seal, so that only the drawing of a slice reads the bank's whole position. What is drawn counts as used: requests in
//! parallel cannot pass the ceiling together.

use zeni_money::{Amount, Currency};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{Done, Issuer, TickError, books, schema, settlement};

/// A bank in one currency, with the ceiling that its configuration gives it.
pub(crate) struct Bank<'a> {
    pub(crate) name: &'a str,
    pub(crate) currency: Currency,
    pub(crate) configured: Amount,
}

/// The figure in force: the one set at run time, else the configured one.
pub(crate) fn ceiling(tx: &mut Tx<'_>, bank: &Bank<'_>) -> Result<Amount, TxError> {
    let row = tx.row(schema::READ_CEILING, params![bank.name, bank.currency.code()])?;
    row.map_or(Ok(bank.configured), |row| row.amount(0))
}

/// What may still be drawn, in minor units: the ceiling less what the bank owes, holds, has drawn, and `unposted`.
pub(crate) fn room(tx: &mut Tx<'_>, bank: &Bank<'_>, unposted: u128) -> Result<u128, TxError> {
    let ceiling = i128::from(ceiling(tx, bank)?.minor());
    // what the bank is owed for others' notes makes no room for its own until it is settled
    let owed = books::owed(tx, bank.name, bank.currency)?.max(0);
    let mut used = owed + books::held(tx, bank.name, bank.currency)?;
    for row in tx.rows(schema::BANK_KEY_COUNTS, params![bank.name, bank.currency.code()])? {
        let (face, drawn, redeemed) = (row.u64(1)?, row.u64(3)?, row.u64(4)?);
        used += i128::from(face) * i128::from(drawn.saturating_sub(redeemed));
    }
    used += i128::from(drawn(tx, bank)?.minor()) + i128::try_from(unposted).unwrap_or(i128::MAX);
    Ok(u128::try_from(ceiling.saturating_sub(used)).unwrap_or(0))
}

/// Takes back what was drawn and not used yet.
pub(crate) fn take_back(tx: &mut Tx<'_>, bank: &Bank<'_>) -> Result<(), TxError> {
    for row in tx.rows(schema::BANK_KEY_COUNTS, params![bank.name, bank.currency.code()])? {
        tx.execute(schema::SET_DRAWN, params![row.blob(0)?, row.int(4)?])?;
    }
    keep(tx, bank, Amount::ZERO)
}

/// What is drawn for notes under seal and not issued yet.
pub(crate) fn drawn(tx: &mut Tx<'_>, bank: &Bank<'_>) -> Result<Amount, TxError> {
    let row = tx.row(schema::READ_ROOM, params![bank.name, bank.currency.code()])?;
    row.map_or(Ok(Amount::ZERO), |row| row.amount(0))
}

/// Writes what is drawn for notes under seal.
pub(crate) fn keep(tx: &mut Tx<'_>, bank: &Bank<'_>, left: Amount) -> Result<(), TxError> {
    tx.execute(schema::PUT_ROOM, params![bank.name, bank.currency.code(), left]).map(drop)
}

/// Why a ceiling is not set, in the order of the checks. Nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeilingError {
    /// No bank of that name takes part.
    #[error("no bank '{bank}' takes part")]
    UnknownBank {
        /// The name.
        bank: String,
    },
    /// This issuer has no series in the currency.
    #[error("this issuer issues nothing in {currency}")]
    NotIssued {
        /// ISO 4217 code.
        currency: String,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] TickError),
}

impl Issuer {
    /// Sets the most a bank may owe and hold in a currency (HC-O14); [`Amount::MAX`] switches the ceiling off (HC-V24). Holds
    /// from the next note on, also below what is out already.
    ///
    /// # Errors
    /// [`CeilingError`].
    pub async fn set_ceiling(&self, bank: &str, currency: Currency, amount: Amount) -> Result<(), CeilingError> {
        let unknown = || CeilingError::UnknownBank { bank: bank.to_owned() };
        let known = self.config.bank(bank).ok_or_else(unknown)?;
        if !settlement::currencies(&self.config).contains(&currency) {
            return Err(CeilingError::NotIssued { currency: currency.code().to_owned() });
        }
        let (name, configured) = (known.name.clone(), known.ceiling(currency));
        let set = move |tx: &mut Tx<'_>| -> Done<()> {
            tx.execute(schema::PUT_CEILING, params![&name, currency.code(), amount])?;
            Ok(take_back(tx, &Bank { name: &name, currency, configured })?)
        };
        Ok(self.store.write(Caller::default(), set).await.map_err(TickError::from)?)
    }
}

#[cfg(test)]
mod tests;
