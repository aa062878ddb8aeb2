//! The one operation that moves value.

use zeni_money::{Amount, Currency};
use zeni_store::{Row, Tx, TxError, Value, params};

use crate::account::{Account, Kind, account, currency};
use crate::statements::{INSERT_ENTRY, INSERT_POSTING, SELECT_BALANCE, SELECT_POSTING, UPDATE_BALANCE};

/// Most bytes in the reference of a posting.
pub const REFERENCE_BYTES_MAX: usize = 256;

/// One amount from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Chosen by the caller: the same posting twice is made once.
    pub id: [u8; 16],
    /// The account that the amount leaves.
    pub debit: String,
    /// The account that the amount goes to.
    pub credit: String,
    /// How much; not zero.
    pub amount: Amount,
    /// The currency of both accounts.
    pub currency: Currency,
    /// What the posting is for, at most [`REFERENCE_BYTES_MAX`] bytes; the ledger does not read it.
    pub reference: String,
}

/// What [`post`] did, in the order of the checks: the first that applies is the answer. Only
/// `Created` changes anything. Another try with the same posting helps after `UnknownAccount`,
/// `InsufficientFunds` and `Overflow`, once their cause is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The amount is zero.
    ZeroAmount,
    /// Both accounts are the same.
    SameAccount,
    /// The reference is longer than [`REFERENCE_BYTES_MAX`].
    ReferenceTooLong,
    /// The posting was made before.
    AlreadyExists,
    /// Another posting has the id.
    Conflict,
    /// There is no such account; the debited one is looked up first.
    UnknownAccount {
        /// Its name.
        account: String,
    },
    /// An account has another currency; the debited one is looked at first.
    CurrencyMismatch {
        /// Its name.
        account: String,
    },
    /// The debited account would go below its floor.
    InsufficientFunds {
        /// How much it can still give.
        available: Amount,
    },
    /// The credited account would hold more than 2^63 − 1 minor units.
    Overflow {
        /// Its name.
        account: String,
    },
    /// The posting was made.
    Created,
}

impl Outcome {
    /// A number for logs and wires: stable, never used for anything else.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Outcome::Created => 0,
            Outcome::ZeroAmount => 1,
            Outcome::SameAccount => 2,
            Outcome::ReferenceTooLong => 3,
            Outcome::AlreadyExists => 4,
            Outcome::Conflict => 5,
            Outcome::UnknownAccount { .. } => 6,
            Outcome::CurrencyMismatch { .. } => 7,
            Outcome::InsufficientFunds { .. } => 8,
            Outcome::Overflow { .. } => 9,
        }
    }

    /// Whether the posting stands, made now or before.
    #[must_use]
    pub const fn is_posted(&self) -> bool {
        matches!(self, Outcome::Created | Outcome::AlreadyExists)
    }
}

/// Moves an amount from the debited to the credited account.
pub fn post(tx: &mut Tx<'_>, new: &Posting) -> Result<Outcome, TxError> {
    if new.amount.is_zero() {
        return Ok(Outcome::ZeroAmount);
    }
    if new.debit == new.credit {
        return Ok(Outcome::SameAccount);
    }
    if new.reference.len() > REFERENCE_BYTES_MAX {
        return Ok(Outcome::ReferenceTooLong);
    }
    if let Some(row) = tx.row(SELECT_POSTING, params![new.id])? {
        let same = posting(&row)? == *new;
        return Ok(if same { Outcome::AlreadyExists } else { Outcome::Conflict });
    }
    let Some(debit) = account(tx, &new.debit)? else {
        return Ok(Outcome::UnknownAccount { account: new.debit.clone() });
    };
    let Some(credit) = account(tx, &new.credit)? else {
        return Ok(Outcome::UnknownAccount { account: new.credit.clone() });
    };
    for account in [&debit, &credit] {
        if account.currency != new.currency {
            return Ok(Outcome::CurrencyMismatch { account: account.name.clone() });
        }
    }
    let amount = minor(new.amount);
    let debited = match lower(&line(tx, &debit)?, &debit, amount) {
        Ok(line) => line,
        Err(available) => return Ok(Outcome::InsufficientFunds { available }),
    };
    let Some(credited) = raise(&line(tx, &credit)?, amount) else {
        return Ok(Outcome::Overflow { account: new.credit.clone() });
    };
    insert(tx, new)?;
    let mut sides = [(&debit, &debited, -amount), (&credit, &credited, amount)];
    // rows are locked in one order, so that two opposite postings do not wait for each other
    sides.sort_by_key(|(account, ..)| account.name.as_str());
    for (account, line, change) in sides {
        enter(tx, new, account, line, change)?;
    }
    Ok(Outcome::Created)
}

/// Where an account's next entry goes.
enum Line {
    /// Into the list of an open account.
    Appended,
    /// Under this number, with this balance after it.
    Numbered { number: i64, balance: i64 },
}

/// The last entry of an account.
fn line(tx: &mut Tx<'_>, account: &Account) -> Result<Line, TxError> {
    if account.kind == Kind::Open {
        return Ok(Line::Appended);
    }
    let row = tx.row(SELECT_BALANCE, params![&account.name])?;
    // a missing row is read as a missing column: our storage is damaged, nothing is posted
    let missing = TxError::Column { index: 0, expected: zeni_store::Kind::Int, found: zeni_store::Kind::Missing };
    let row = row.ok_or(missing)?;
    Ok(Line::Numbered { balance: row.int(0)?, number: row.int(1)? })
}

/// The entry that takes `amount` from the account, or what there is to take.
fn lower(last: &Line, account: &Account, amount: i64) -> Result<Line, Amount> {
    match (last, account.kind) {
        (Line::Numbered { number, balance }, Kind::Floored { floor }) => {
            let available = i128::from(*balance) - i128::from(floor);
            if available < i128::from(amount) {
                let available = u64::try_from(available).unwrap_or_default();
                return Err(Amount::from_minor(available).expect("it is less than an amount"));
            }
            Ok(Line::Numbered { number: number + 1, balance: balance - amount })
        }
        _ => Ok(Line::Appended),
    }
}

/// The entry that adds `amount` to the account, unless the balance would not fit.
fn raise(last: &Line, amount: i64) -> Option<Line> {
    match last {
        Line::Numbered { number, balance } => {
            Some(Line::Numbered { number: number + 1, balance: balance.checked_add(amount)? })
        }
        Line::Appended => Some(Line::Appended),
    }
}

fn insert(tx: &mut Tx<'_>, new: &Posting) -> Result<(), TxError> {
    let Posting { id, debit, credit, amount, currency, reference } = new;
    tx.execute(INSERT_POSTING, params![id, debit, credit, *amount, currency.code(), reference])?;
    Ok(())
}

fn enter(tx: &mut Tx<'_>, new: &Posting, account: &Account, line: &Line, change: i64) -> Result<(), TxError> {
    let (number, balance, folded) = match *line {
        Line::Appended => (0, Value::Null, 0),
        Line::Numbered { number, balance } => {
            tx.execute(UPDATE_BALANCE, params![&account.name, balance, number])?;
            (number, Value::Int(balance), 1)
        }
    };
    tx.execute(INSERT_ENTRY, params![&account.name, number, new.id, change, balance, folded])?;
    Ok(())
}

/// An amount as what it does to a balance.
fn minor(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).expect("an amount is at most 2^63 - 1")
}

/// A posting from the first six columns of a row.
pub(crate) fn posting(row: &Row) -> Result<Posting, TxError> {
    Ok(Posting {
        id: row.array(0)?,
        debit: row.text(1)?.to_owned(),
        credit: row.text(2)?.to_owned(),
        amount: row.amount(3)?,
        currency: currency(row, 4)?,
        reference: row.text(5)?.to_owned(),
    })
}

#[cfg(test)]
mod tests;
