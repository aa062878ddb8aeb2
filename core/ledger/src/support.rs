//! What the ledger's tests share.

use zeni_money::{Amount, Currency};
use zeni_store::testing::postgres;
use zeni_store::{Caller, JobError, Options, Schema, Store, Tx, TxError};

use crate::{Account, Balance, Kind, Outcome, Posting, balance, migration, open_account, post};

pub(crate) const SCHEMA: Schema = Schema { name: "ledger", migrations: &[migration(1)] };

pub(crate) const MAX: u64 = (1 << 63) - 1;

/// Accounts of every sort: `a`, `b` floored at 0, `c` with an overdraft of 50, `o`, `p` open, all in
/// JPY; `u` floored and `v` open in USD.
pub(crate) const ACCOUNTS: [(&str, &str, Kind); 7] = [
    ("a", "JPY", Kind::Floored { floor: 0 }),
    ("b", "JPY", Kind::Floored { floor: 0 }),
    ("c", "JPY", Kind::Floored { floor: -50 }),
    ("o", "JPY", Kind::Open),
    ("p", "JPY", Kind::Open),
    ("u", "USD", Kind::Floored { floor: 0 }),
    ("v", "USD", Kind::Open),
];

/// A ledger with these accounts on each engine.
pub(crate) fn ledgers() -> Vec<Store> {
    let mut stores = vec![ledger()];
    if let Some(database) = postgres() {
        let store = database.open(&SCHEMA, Options::default());
        open_accounts(&store);
        stores.push(store);
    }
    stores
}

/// A ledger with these accounts in memory.
pub(crate) fn ledger() -> Store {
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
    open_accounts(&store);
    store
}

fn open_accounts(store: &Store) {
    for (name, currency, kind) in ACCOUNTS {
        let opened = run(store, move |tx| open_account(tx, &account(name, currency, kind)));
        assert_eq!(opened, crate::Opened::Created);
    }
}

pub(crate) fn account(name: &str, code: &str, kind: Kind) -> Account {
    Account { name: name.to_owned(), currency: currency(code), kind }
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

pub(crate) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(crate) fn posting(id: u8, debit: &str, credit: &str, minor: u64, code: &str) -> Posting {
    Posting {
        id: [id; 16],
        debit: debit.to_owned(),
        credit: credit.to_owned(),
        amount: amount(minor),
        currency: currency(code),
        reference: format!("test {id}"),
    }
}

/// Runs a job that must not fail.
pub(crate) fn run<T: Send + 'static>(
    store: &Store,
    mut job: impl FnMut(&mut Tx<'_>) -> Result<T, TxError> + Send + 'static,
) -> T {
    store.write_blocking(Caller(0), move |tx| Ok::<_, JobError<()>>(job(tx)?)).unwrap()
}

pub(crate) fn make(store: &Store, posting: &Posting) -> Outcome {
    let posting = posting.clone();
    run(store, move |tx| post(tx, &posting))
}

pub(crate) fn balance_of(store: &Store, name: &'static str) -> i128 {
    run(store, move |tx| balance(tx, name)).map(Balance::minor).unwrap()
}

pub(crate) fn balances(store: &Store) -> [i128; 7] {
    ACCOUNTS.map(|(name, ..)| balance_of(store, name))
}

/// Damages the ledger behind its back.
pub(crate) fn damage(store: &Store, sql: &'static str) {
    assert_eq!(run(store, move |tx| tx.execute(sql, &[])), 1, "{sql}");
}
