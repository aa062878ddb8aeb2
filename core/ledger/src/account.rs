//! Accounts, their balances and their entries.

use zeni_money::{Amount, Currency};
use zeni_store::{Row, Tx, TxError, Value, params};

use crate::post::{Posting, posting};
use crate::statements::{
    INSERT_ACCOUNT, INSERT_BALANCE, INSERT_FOLD, MARK_FOLDED, SELECT_ACCOUNT, SELECT_BALANCE, SELECT_ENTRIES,
    SELECT_FOLD, SUM_UNFOLDED, UPDATE_FOLD,
};

/// Most bytes in the name of an account; it has at least one.
pub const NAME_BYTES_MAX: usize = 128;
/// Most entries in one answer of [`entries`].
pub const ENTRIES_MAX: usize = 1_024;

/// An account. Everything about it is fixed when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, unique in the ledger.
    pub name: String,
    /// The currency of every posting to it.
    pub currency: Currency,
    /// How its balance is kept.
    pub kind: Kind,
}

/// How the balance of an account is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In a row, never below `floor` minor units, which is at most 0: below it by an overdraft.
    Floored {
        /// The least balance.
        floor: i64,
    },
    /// As the sum of what was posted; without limit.
    Open,
}

const KIND_OPEN: i64 = 0;
const KIND_FLOORED: i64 = 1;

/// What [`open_account`] did, in the order of the checks. Only `Created` changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The name is empty or longer than [`NAME_BYTES_MAX`].
    BadName,
    /// A floor above zero, which the new account would break at once.
    FloorAboveZero,
    /// It is open already, with this currency and kind.
    AlreadyExists,
    /// It is open already, with another currency or kind.
    Conflict,
    /// It is open now, with the balance 0.
    Created,
}

/// Credits less debits of an account, in minor units. It may be negative and, as a sum over an
/// open account, exceed what an amount can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Balance(i128);

impl Balance {
    pub(crate) const fn new(minor: i128) -> Balance {
        Balance(minor)
    }

    /// In minor units.
    #[must_use]
    pub const fn minor(self) -> i128 {
        self.0
    }

    /// As an amount: `None` when negative or too large.
    #[must_use]
    pub fn amount(self) -> Option<Amount> {
        u64::try_from(self.0).ok().and_then(Amount::from_minor)
    }

    /// What was debited beyond the credits, as an amount: `None` when positive or too large.
    #[must_use]
    pub fn owed(self) -> Option<Amount> {
        Balance(-self.0).amount()
    }
}

/// On which side of a posting an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The amount left the account.
    Debit,
    /// The amount came to the account.
    Credit,
}

/// Where an entry stands in its account's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// 1, 2, … in the order of posting for a floored account; 0 for an open one.
    pub number: u64,
    /// The posting. Entries of an open account are ordered by it.
    pub posting: [u8; 16],
}

/// A posting as one of its accounts sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place; give it to [`entries`] for what follows.
    pub cursor: Cursor,
    /// The account's side.
    pub side: Side,
    /// The posting.
    pub posting: Posting,
    /// The balance after it; `None` for an open account.
    pub balance: Option<Balance>,
}

/// Opens an account. The same call twice is `AlreadyExists`.
pub fn open_account(tx: &mut Tx<'_>, new: &Account) -> Result<Opened, TxError> {
    if new.name.is_empty() || new.name.len() > NAME_BYTES_MAX {
        return Ok(Opened::BadName);
    }
    let (kind, floor, insert) = match new.kind {
        Kind::Open => (KIND_OPEN, None, INSERT_FOLD),
        Kind::Floored { floor } => (KIND_FLOORED, Some(floor), INSERT_BALANCE),
    };
    if floor.is_some_and(|floor| floor > 0) {
        return Ok(Opened::FloorAboveZero);
    }
    let row = params![&new.name, new.currency.code(), kind, floor];
    if tx.execute(INSERT_ACCOUNT, row)? == 1 {
        tx.execute(insert, params![&new.name])?;
        return Ok(Opened::Created);
    }
    let same = account(tx, &new.name)?.as_ref() == Some(new);
    Ok(if same { Opened::AlreadyExists } else { Opened::Conflict })
}

/// The account of that name.
pub fn account(tx: &mut Tx<'_>, name: &str) -> Result<Option<Account>, TxError> {
    tx.row(SELECT_ACCOUNT, params![name])?.as_ref().map(from_row).transpose()
}

/// An account's balance; `None` if there is no such account.
pub fn balance(tx: &mut Tx<'_>, name: &str) -> Result<Option<Balance>, TxError> {
    match account(tx, name)? {
        None => Ok(None),
        Some(account) => stored_balance(tx, &account),
    }
}

/// At most `limit` entries of an account, and never more than [`ENTRIES_MAX`], that follow `after`.
pub fn entries(tx: &mut Tx<'_>, name: &str, after: Option<Cursor>, limit: usize) -> Result<Vec<Entry>, TxError> {
    let limit = i64::try_from(limit.min(ENTRIES_MAX)).expect("a small number");
    let (number, posting) = match after {
        None => (Value::Int(0), Value::Blob(Vec::new())),
        // numbers are read from the store, where they are not above i64::MAX
        Some(Cursor { number, posting }) => {
            (Value::Int(i64::try_from(number).unwrap_or(i64::MAX)), Value::from(posting))
        }
    };
    let rows = tx.rows(SELECT_ENTRIES, &[name.into(), number, posting, limit.into()])?;
    rows.iter().map(|row| entry(name, row)).collect()
}

/// Adds an open account's entries since the last fold to its stored balance, so that reading the
/// balance stays fast; answers how many there were. Nothing for other accounts.
pub fn fold(tx: &mut Tx<'_>, name: &str) -> Result<u64, TxError> {
    let Some(open @ Account { kind: Kind::Open, .. }) = account(tx, name)? else {
        return Ok(0);
    };
    let Some(Balance(total)) = stored_balance(tx, &open)? else {
        return Ok(0);
    };
    let high = i64::try_from(total >> 32).expect("fewer than 2^32 postings of at most 2^63");
    let low = i64::try_from(total & 0xffff_ffff).expect("32 bits");
    tx.execute(UPDATE_FOLD, params![name, high, low])?;
    tx.execute(MARK_FOLDED, params![name])
}

/// The balance as the ledger keeps it; `None` if its row is missing.
pub(crate) fn stored_balance(tx: &mut Tx<'_>, account: &Account) -> Result<Option<Balance>, TxError> {
    if let Kind::Floored { .. } = account.kind {
        let row = tx.row(SELECT_BALANCE, params![&account.name])?;
        return row.map(|row| Ok(Balance(row.int(0)?.into()))).transpose();
    }
    let Some(folded) = tx.row(SELECT_FOLD, params![&account.name])? else {
        return Ok(None);
    };
    let mut total = halves(&folded, 0)?;
    for row in tx.rows(SUM_UNFOLDED, params![&account.name])? {
        total += halves(&row, 0)?;
    }
    Ok(Some(Balance(total)))
}

/// A sum from its halves, the upper in the column `index`, the lower in the next.
pub(crate) fn halves(row: &Row, index: usize) -> Result<i128, TxError> {
    Ok(i128::from(row.int(index)?) * (1 << 32) + i128::from(row.int(index + 1)?))
}

pub(crate) fn from_row(row: &Row) -> Result<Account, TxError> {
    let kind = match row.opt_int(3)? {
        None => Kind::Open,
        Some(floor) => Kind::Floored { floor },
    };
    Ok(Account { name: row.text(0)?.to_owned(), currency: currency(row, 1)?, kind })
}

pub(crate) fn currency(row: &Row, index: usize) -> Result<Currency, TxError> {
    let found = zeni_store::Kind::Text;
    Currency::from_code(row.text(index)?).ok_or(TxError::Column { index, expected: zeni_store::Kind::Array(3), found })
}

fn entry(name: &str, row: &Row) -> Result<Entry, TxError> {
    let posting = posting(row)?;
    let side = if posting.debit == name { Side::Debit } else { Side::Credit };
    let cursor = Cursor { number: row.u64(6)?, posting: posting.id };
    let balance = row.opt_int(7)?.map(|minor| Balance(minor.into()));
    Ok(Entry { cursor, side, posting, balance })
}

#[cfg(test)]
mod tests;
