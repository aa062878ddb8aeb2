//! `GetStatement` (RN-D18), and the same for the operator.

use serde::Serialize;
use zeni_ledger::{Cursor, Side};
use zeni_message::{
    NoRefusal, Refusal, Time,
    route::{Ctx, Failure, Handle},
};
use zeni_money::{Amount, Currency};
use zeni_note::messages::bank::{Entry, GetStatement, Statement};
use zeni_store::{Store, Tx, TxError, WriteError};

use crate::{
    accounts::Customer,
    bank::{Bank, failure},
    books::{self, Book, broken},
};

/// Entries in one answer; the rest comes with the place of the last as `after`.
const STATEMENT_ENTRIES_MAX: usize = 1_024;

/// A statement as the operator's command prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementReport {
    /// Account.
    pub account: String,
    /// Available, e.g. `JPY:300`.
    pub balance: String,
    /// Credited but held until the issuer answers, e.g. `JPY:0`.
    pub held: String,
    /// Entries, oldest first.
    pub entries: Vec<StatementEntry>,
}

/// One entry of a [`StatementReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementEntry {
    /// Place in the account.
    pub place: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// Stable word: `opening`, `withdrawal`, `release`, `deposit`, `claim`, `refund`, `correction`.
    pub kind: String,
    /// Amount, e.g. `JPY:300`.
    pub amount: String,
    /// Whether it adds to the balance.
    pub credit: bool,
}

impl Handle<GetStatement> for Bank {
    async fn handle(&self, ctx: &Ctx, message: GetStatement) -> Result<Statement, Failure<NoRefusal>> {
        let customer = self.customer(ctx).await?;
        read_statement(&self.store, customer, message.after, ctx.now).await.map_err(failure)
    }
}

impl Bank {
    /// The statement of an account from its first entry on; none if there is no such account.
    pub async fn statement(&self, account: &str) -> Result<Option<StatementReport>, WriteError<NoRefusal>> {
        statement_of(&self.store, account).await
    }
}

/// As [`Bank::statement`], from a bank's store alone: for a command beside the running bank.
pub async fn statement_of(store: &Store, account: &str) -> Result<Option<StatementReport>, WriteError<NoRefusal>> {
    let name = account.to_owned();
    let customer = store.read(move |tx: &mut Tx<'_>| Ok(Customer::read(tx, &name)?)).await?;
    let Some(customer) = customer else { return Ok(None) };
    let mut statement = read_statement(store, customer.clone(), 0, Time::START).await?;
    let mut whole = statement.entries.len() < STATEMENT_ENTRIES_MAX;
    while !whole {
        let after = statement.entries.last().map_or(0, |entry| entry.place);
        let more = read_statement(store, customer.clone(), after, Time::START).await?;
        whole = more.entries.len() < STATEMENT_ENTRIES_MAX;
        statement = Statement { entries: [statement.entries, more.entries].concat(), ..more };
    }
    Ok(Some(report(account, &statement)))
}

async fn read_statement<R: Refusal>(
    store: &Store,
    customer: Customer,
    after: u64,
    now: Time,
) -> Result<Statement, WriteError<R>> {
    store.read(move |tx: &mut Tx<'_>| Ok(read(tx, &customer, after, now)?)).await
}

fn read(tx: &mut Tx<'_>, customer: &Customer, after: u64, now: Time) -> Result<Statement, TxError> {
    let book = Book::Available(&customer.account);
    // the account's entries are numbered from 1; the greatest posting id takes all of number `after`
    let cursor = Cursor { number: after, posting: [0xff; 16] };
    let entries = zeni_ledger::entries(tx, &book.name(), Some(cursor), STATEMENT_ENTRIES_MAX)?;
    Ok(Statement {
        currency: customer.currency,
        balance: books::credit(tx, &book)?,
        held: books::credit(tx, &Book::Held(&customer.account))?,
        entries: entries.iter().map(entry).collect::<Result<_, _>>()?,
        now,
    })
}

fn entry(entry: &zeni_ledger::Entry) -> Result<Entry, TxError> {
    let reference = entry.posting.reference.split_once(' ');
    let parsed = reference.and_then(|(kind, time)| Some((kind, time.parse().ok()?)));
    let (kind, time) = parsed.ok_or_else(|| broken("a posting without kind and time"))?;
    Ok(Entry {
        place: entry.cursor.number,
        time: Time(time),
        kind: kind.to_owned(),
        amount: entry.posting.amount,
        credit: entry.side == Side::Credit,
    })
}

fn report(account: &str, statement: &Statement) -> StatementReport {
    let money = |amount| money(statement.currency, amount);
    let entry = |entry: &Entry| StatementEntry {
        place: entry.place,
        time: entry.time.0,
        kind: entry.kind.clone(),
        amount: money(entry.amount),
        credit: entry.credit,
    };
    StatementReport {
        account: account.to_owned(),
        balance: money(statement.balance),
        held: money(statement.held),
        entries: statement.entries.iter().map(entry).collect(),
    }
}

/// An amount as machines write it, e.g. `JPY:300`.
pub(crate) fn money(currency: Currency, amount: Amount) -> String {
    zeni_money::Money::new(amount, currency).to_wire()
}
