//! The audit of what is under seal: orders, transfers and the log of identifications against the books.

use std::collections::BTreeMap;

use zeni_money::{Amount, Currency};
use zeni_store::{Tx, TxError};

use super::{AuditReport, Violation, add};
use crate::{
    accounts::currency,
    books::{self, Book},
    counts::issued_under_seal,
    identify, schema,
    sealed::Phase,
};

/// One currency under seal.
#[derive(Clone, Copy, Default)]
pub(super) struct Seal {
    pub(super) reserved: Amount,
    pub(super) issued: Amount,
    pub(super) outstanding: Amount,
    pub(super) paid: Amount,
    pub(super) received: Amount,
}

/// What orders and transfers come to.
#[derive(Default)]
pub(super) struct Seals {
    by_account: BTreeMap<String, Amount>,
    reserved: BTreeMap<Currency, Amount>,
    issued: BTreeMap<Currency, Amount>,
    paid: BTreeMap<Currency, Amount>,
    received: BTreeMap<Currency, Amount>,
    returned: BTreeMap<Currency, Amount>,
}

/// Adds up orders and transfers; checks what needs no books.
pub(super) fn seals(tx: &mut Tx<'_>, report: &mut AuditReport) -> Result<Seals, TxError> {
    let mut seals = Seals::default();
    for row in tx.rows(schema::SUM_ORDERS, &[])? {
        let (currency, amount) = (currency(&row, 1)?, row.amount(3)?);
        match Phase::read(&row, 2)? {
            Phase::Pending => {
                add(&mut seals.by_account, row.text(0)?.to_owned(), amount)?;
                add(&mut seals.reserved, currency, amount)?;
            }
            Phase::Issued => add(&mut seals.issued, currency, amount)?,
            Phase::Refused => {}
        }
    }
    for row in tx.rows(schema::SELECT_PRUNED, &[])? {
        add(&mut seals.issued, currency(&row, 0)?, row.amount(1)?)?;
    }
    for row in tx.rows(schema::SUM_TRANSFERS, &[])? {
        let currency = currency(&row, 0)?;
        let direction = if row.int(1)? == 0 { &mut seals.received } else { &mut seals.paid };
        add(direction, currency, row.amount(2)?)?;
        add(&mut seals.returned, currency, row.amount(3)?)?;
    }
    let unbooked = tx.row(schema::COUNT_UNBOOKED, &[])?.map_or(Ok(0), |row| row.int(0))?;
    report.compare("every transfer fits the books", &0, &unbooked);
    report.violations.extend(identify::violations(tx)?);
    Ok(seals)
}

impl Seals {
    /// What waits on an account.
    pub(super) fn reserved_of(&self, account: &str) -> Amount {
        self.by_account.get(account).copied().unwrap_or_default()
    }

    /// Orders and transfers of one currency against its books.
    pub(super) fn check(&self, tx: &mut Tx<'_>, currency: Currency, report: &mut AuditReport) -> Result<Seal, TxError> {
        let of = |sums: &BTreeMap<Currency, Amount>| sums.get(&currency).copied().unwrap_or_default();
        let (issued, returned) = (of(&self.issued), of(&self.returned));
        report.compare("issued under seal = issued orders", &issued, &issued_under_seal(tx, currency)?);
        let outstanding = books::credit(tx, &Book::Outstanding(currency))?;
        match issued.checked_sub(returned) {
            Some(rest) => report.compare("sealed outstanding = issued − returned", &rest, &outstanding),
            None => report.violations.push(Violation {
                rule: "returned ≤ issued under seal",
                detail: format!("expected at most {issued:?}, found {returned:?}"),
            }),
        }
        let settled = zeni_ledger::balance(tx, &Book::Settled(currency).name())?.unwrap_or_default();
        let (paid, received) = (of(&self.paid), of(&self.received));
        let net = i128::from(received.minor()) - i128::from(paid.minor());
        report.compare("settled = transfers", &net, &settled.minor());
        Ok(Seal { reserved: of(&self.reserved), issued, outstanding, paid, received })
    }
}
