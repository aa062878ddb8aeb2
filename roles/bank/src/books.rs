//! The bank's books: which accounts there are and what moves between them.
//!
//! ```text
//! opening       cash ─────────────► available
//! withdrawal    available ────────► requests signed
//! deposit       in clearing ──────► held            (the issuer has not answered)
//! answered      held ─────────────► in clearing     (whatever the answer)
//! paid          due from issuer ──► available
//! claim         reclaimed ────────► available       (the issuer voided a request)
//! correction    corrected ────────► available       (the bank could not sign what it debited)
//!
//! ordered under seal   available ──────────► reserved             (the issuer has not answered)
//! issued               reserved ───────────► sealed outstanding   (held for whoever holds the note, HC-D20)
//! refused              reserved ───────────► available
//! came back            sealed outstanding ─► sealed returned      (told by a transfer)
//! transfer             settled ◄───────────► cash                 (the net of a settlement cycle)
//! ```
//! Available, held and reserved have the floor zero. The bank's own accounts take part in every operation and are open.

use zeni_crypto::tagged;
use zeni_ledger::{Account, Kind, Outcome, Posting};
use zeni_message::Time;
use zeni_money::{Amount, Currency};
use zeni_store::{EngineFault, FaultKind, Tx, TxError};

/// An account of the bank's books.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Book<'a> {
    Available(&'a str),
    Held(&'a str),
    Reserved(&'a str),
    Cash(Currency),
    Signed(Currency),
    Clearing(Currency),
    Due(Currency),
    Reclaimed(Currency),
    Corrected(Currency),
    Outstanding(Currency),
    Returned(Currency),
    Settled(Currency),
}

impl Book<'_> {
    /// Its name in the ledger.
    pub(crate) fn name(&self) -> String {
        match self {
            Book::Available(account) => format!("available/{account}"),
            Book::Held(account) => format!("held/{account}"),
            Book::Reserved(account) => format!("reserved/{account}"),
            Book::Cash(currency) => format!("cash/{currency}"),
            Book::Signed(currency) => format!("requests signed/{currency}"),
            Book::Clearing(currency) => format!("in clearing/{currency}"),
            Book::Due(currency) => format!("due from issuer/{currency}"),
            Book::Reclaimed(currency) => format!("reclaimed/{currency}"),
            Book::Corrected(currency) => format!("corrected/{currency}"),
            Book::Outstanding(currency) => format!("sealed outstanding/{currency}"),
            Book::Returned(currency) => format!("sealed returned/{currency}"),
            Book::Settled(currency) => format!("settled/{currency}"),
        }
    }

    /// The bank's own accounts in one currency.
    pub(crate) fn own(currency: Currency) -> [Book<'static>; 9] {
        [
            Book::Cash(currency),
            Book::Signed(currency),
            Book::Clearing(currency),
            Book::Due(currency),
            Book::Reclaimed(currency),
            Book::Corrected(currency),
            Book::Outstanding(currency),
            Book::Returned(currency),
            Book::Settled(currency),
        ]
    }
}

/// What is moved and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move<'a> {
    /// Stable word of a statement's entry.
    pub(crate) kind: &'static str,
    /// What makes the move the same move: it is made once, whatever happens.
    pub(crate) cause: &'a [&'a [u8]],
    pub(crate) currency: Currency,
    pub(crate) amount: Amount,
    pub(crate) time: Time,
}

/// Opens the accounts of a customer, and the bank's own in his currency.
pub(crate) fn open(tx: &mut Tx<'_>, account: &str, currency: Currency) -> Result<(), TxError> {
    let customers = [Book::Available(account), Book::Held(account), Book::Reserved(account)];
    for book in customers {
        let kind = Kind::Floored { floor: 0 };
        zeni_ledger::open_account(tx, &Account { name: book.name(), currency, kind })?;
    }
    open_own(tx, currency)
}

/// Opens the bank's own accounts in a currency.
pub(crate) fn open_own(tx: &mut Tx<'_>, currency: Currency) -> Result<(), TxError> {
    if zeni_ledger::account(tx, &Book::Settled(currency).name())?.is_some() {
        return Ok(());
    }
    for book in Book::own(currency) {
        zeni_ledger::open_account(tx, &Account { name: book.name(), currency, kind: Kind::Open })?;
    }
    Ok(())
}

/// Opens what accounts lack that were opened before there was anything under seal.
pub(crate) fn open_reserved(tx: &mut Tx<'_>, account: &str, currency: Currency) -> Result<(), TxError> {
    match zeni_ledger::account(tx, &Book::Reserved(account).name())? {
        Some(_) => Ok(()),
        None => open(tx, account, currency),
    }
}

/// Moves an amount. Nothing is moved where the amount is zero.
pub(crate) fn post(
    tx: &mut Tx<'_>,
    from: &Book<'_>,
    to: &Book<'_>,
    what: &Move<'_>,
) -> Result<Result<(), Outcome>, TxError> {
    if what.amount.is_zero() {
        return Ok(Ok(()));
    }
    let (debit, credit) = (from.name(), to.name());
    let cause: Vec<&[u8]> = [debit.as_bytes(), credit.as_bytes(), what.kind.as_bytes()]
        .into_iter()
        .chain(what.cause.iter().copied())
        .collect();
    let mut id = [0; 16];
    id.copy_from_slice(&tagged("zeni/bank-posting", &cause).0[..16]);
    let reference = format!("{} {}", what.kind, what.time.0);
    let posting = Posting { id, debit, credit, amount: what.amount, currency: what.currency, reference };
    let outcome = zeni_ledger::post(tx, &posting)?;
    Ok(if outcome.is_posted() { Ok(()) } else { Err(outcome) })
}

/// As [`post`], where only a fault of this bank's own can stand against it: then the whole job is undone.
pub(crate) fn must_post(tx: &mut Tx<'_>, from: &Book<'_>, to: &Book<'_>, what: &Move<'_>) -> Result<(), TxError> {
    post(tx, from, to, what)?.map_err(|outcome| broken(&format!("posting refused with code {}", outcome.code())))
}

/// An error for what can only be wrong through a fault of this bank's database or code.
pub(crate) fn broken(what: &str) -> TxError {
    TxError::Engine(EngineFault { kind: FaultKind::Other, code: "bank".to_owned(), message: what.to_owned() })
}

/// Credits of an account beyond its debits; an account that does not exist has none.
pub(crate) fn credit(tx: &mut Tx<'_>, book: &Book<'_>) -> Result<Amount, TxError> {
    let balance = zeni_ledger::balance(tx, &book.name())?.unwrap_or_default();
    balance.amount().ok_or_else(|| broken("an account is on the wrong side"))
}

/// Debits of an account beyond its credits.
pub(crate) fn debit(tx: &mut Tx<'_>, book: &Book<'_>) -> Result<Amount, TxError> {
    let balance = zeni_ledger::balance(tx, &book.name())?.unwrap_or_default();
    balance.owed().ok_or_else(|| broken("an account is on the wrong side"))
}
