//! The check of the whole ledger against its postings.

use std::collections::BTreeMap;

use zeni_money::Currency;
use zeni_store::{Tx, TxError};

use crate::account::{Account, Balance, Kind, from_row, halves, stored_balance};
use crate::statements::{BAD_POSTINGS, COUNT_POSTINGS, SELECT_ACCOUNTS, SUM_CREDITS, SUM_DEBITS, SUM_ENTRIES};

/// What an audit saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// How many postings there are.
    pub postings: u64,
    /// Every account with its balance worked out from the postings, by name.
    pub accounts: Vec<(Account, Balance)>,
    /// What is wrong, in the order of [`Finding`]; nothing in a sound ledger.
    pub findings: Vec<Finding>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that cannot be in a ledger written by [`post`](crate::post) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A posting of nothing, to itself, to an account that does not exist or of another currency.
    Posting {
        /// Which.
        id: [u8; 16],
    },
    /// The stored balance is not what the postings come to, or missing.
    Balance {
        /// Whose.
        account: String,
        /// As it is kept.
        stored: Option<Balance>,
        /// From the postings.
        posted: Balance,
    },
    /// The entries do not come to what the postings come to.
    Entries {
        /// Whose.
        account: String,
        /// From the entries.
        entered: Balance,
        /// From the postings.
        posted: Balance,
    },
    /// A balance is below its floor.
    Floor {
        /// Whose.
        account: String,
        /// The lower of the stored balance and what the postings come to.
        balance: Balance,
        /// The least it may be.
        floor: i64,
    },
    /// The stored balances of a currency do not sum to zero.
    Currency {
        /// Which.
        currency: Currency,
        /// The sum.
        total: Balance,
    },
}

/// Works out every balance from the postings and compares it with what is kept, checks that each
/// currency sums to zero and that no floor is broken. Reads the whole ledger; run it in a read.
pub fn audit(tx: &mut Tx<'_>) -> Result<AuditReport, TxError> {
    let mut report = AuditReport::default();
    if let Some(row) = tx.row(COUNT_POSTINGS, &[])? {
        report.postings = row.u64(0)?;
    }
    for row in tx.rows(BAD_POSTINGS, &[])? {
        report.findings.push(Finding::Posting { id: row.array(0)? });
    }
    let mut posted = sums(tx, SUM_CREDITS)?;
    for (account, debits) in sums(tx, SUM_DEBITS)? {
        *posted.entry(account).or_default() -= debits;
    }
    let entered = sums(tx, SUM_ENTRIES)?;
    let (mut balances, mut entries, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    let mut totals = BTreeMap::<Currency, i128>::new();
    for row in tx.rows(SELECT_ACCOUNTS, &[])? {
        let account = from_row(&row)?;
        let sum_of = |sums: &BTreeMap<String, i128>| Balance::new(sums.get(&account.name).copied().unwrap_or_default());
        let (posted, entered) = (sum_of(&posted), sum_of(&entered));
        let stored = stored_balance(tx, &account)?;
        *totals.entry(account.currency).or_default() += stored.unwrap_or_default().minor();
        let name = || account.name.clone();
        if stored != Some(posted) {
            balances.push(Finding::Balance { account: name(), stored, posted });
        }
        if entered != posted {
            entries.push(Finding::Entries { account: name(), entered, posted });
        }
        let balance = stored.map_or(posted, |stored| stored.min(posted));
        if let Kind::Floored { floor } = account.kind
            && balance < Balance::new(floor.into())
        {
            floors.push(Finding::Floor { account: name(), balance, floor });
        }
        report.accounts.push((account, posted));
    }
    report.findings.extend(balances.into_iter().chain(entries).chain(floors));
    let broken = totals.into_iter().filter(|(_, total)| *total != 0);
    report.findings.extend(broken.map(|(currency, total)| Finding::Currency { currency, total: Balance::new(total) }));
    Ok(report)
}

fn sums(tx: &mut Tx<'_>, sql: &'static str) -> Result<BTreeMap<String, i128>, TxError> {
    let rows = tx.rows(sql, &[])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), halves(row, 1)?))).collect()
}

#[cfg(test)]
mod tests;
