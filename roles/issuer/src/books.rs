//! The issuer's books: which accounts there are and how its operations post to them.
//!
//! All accounts are open ones of the ledger, append-only under random ids, so that no row is written by most operations
//! (DESIGN §6). What is owed *to* the issuer stands as debits, what is out or kept as credits.

use zeni_crypto::{Digest, tagged};
use zeni_ledger::{Kind, Opened, Outcome};
use zeni_money::{Amount, Currency};
use zeni_store::{Tx, TxError};

/// An account of the issuer, one per currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a bank owes for notes issued against its requests (RN-F9.1).
    Issued(String),
    /// What a bank holds for notes issued under seal that are out: it owes the issuer only what has come back (HC-D20).
    Held(String),
    /// What a bank owes for notes issued under seal that came back, were renewed, or never will.
    Released(String),
    /// What a bank is owed for what it returned as of right.
    Returned(String),
    /// What a bank is owed for claims that were honoured.
    Honoured(String),
    /// What a bank has paid in, or was paid out, in settlement cycles.
    Settled(String),
    /// What notes of a series that are out are worth.
    Outstanding(u32),
    /// What was paid above face values for excess of overspent notes.
    Misuse,
    /// What never came back (RN-X35).
    Dormant,
    /// What stands in for the banks' settled debts.
    Reserve,
}

impl Account {
    fn name(&self, currency: Currency) -> String {
        let currency = currency.code();
        match self {
            Account::Issued(bank) => format!("issued/{currency}/{bank}"),
            Account::Held(bank) => format!("held/{currency}/{bank}"),
            Account::Released(bank) => format!("released/{currency}/{bank}"),
            Account::Returned(bank) => format!("returned/{currency}/{bank}"),
            Account::Honoured(bank) => format!("honoured/{currency}/{bank}"),
            Account::Settled(bank) => format!("settled/{currency}/{bank}"),
            Account::Outstanding(series) => format!("outstanding/{currency}/{series}"),
            Account::Misuse => format!("misuse/{currency}"),
            Account::Dormant => format!("dormant/{currency}"),
            Account::Reserve => format!("reserve/{currency}"),
        }
    }
}

/// Moves `amount` from the debited account to the credited one.
pub(crate) struct Posting {
    pub(crate) debit: Account,
    pub(crate) credit: Account,
    pub(crate) currency: Currency,
    pub(crate) amount: Amount,
    pub(crate) reference: &'static str,
}

/// Random ids for the postings of one job, drawn before it.
#[derive(Clone, Copy)]
pub(crate) struct PostingIds {
    seed: [u8; 32],
    used: u64,
}

impl PostingIds {
    pub(crate) fn new(seed: [u8; 32]) -> PostingIds {
        PostingIds { seed, used: 0 }
    }

    /// The next one.
    pub(crate) fn draw(&mut self) -> [u8; 16] {
        let Digest(bytes) = tagged("zeni/posting-id", &[&self.seed, &self.used.to_be_bytes()]);
        self.used += 1;
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[..16]);
        id
    }
}

/// Posts, and opens an account that is posted to for the first time. A posting of nothing is left out.
pub(crate) fn post(tx: &mut Tx<'_>, ids: &mut PostingIds, posting: &Posting) -> Result<(), TxError> {
    if posting.amount.is_zero() {
        return Ok(());
    }
    let new = zeni_ledger::Posting {
        id: ids.draw(),
        debit: posting.debit.name(posting.currency),
        credit: posting.credit.name(posting.currency),
        amount: posting.amount,
        currency: posting.currency,
        reference: posting.reference.to_owned(),
    };
    let mut outcome = zeni_ledger::post(tx, &new)?;
    if let Outcome::UnknownAccount { .. } = outcome {
        for name in [&new.debit, &new.credit] {
            let account = zeni_ledger::Account { name: name.clone(), currency: posting.currency, kind: Kind::Open };
            let opened = zeni_ledger::open_account(tx, &account)?;
            assert!(matches!(opened, Opened::Created | Opened::AlreadyExists), "the name says currency and kind");
        }
        outcome = zeni_ledger::post(tx, &new)?;
    }
    // an open account of the right currency, a fresh id and an amount refuse nothing
    assert!(outcome == Outcome::Created, "posting came to {}", outcome.code());
    Ok(())
}

/// Credits less debits of an account, in minor units; nil before the first posting.
pub(crate) fn balance(tx: &mut Tx<'_>, account: &Account, currency: Currency) -> Result<i128, TxError> {
    Ok(zeni_ledger::balance(tx, &account.name(currency))?.map_or(0, zeni_ledger::Balance::minor))
}

/// Makes reading an account's balance fast again.
pub(crate) fn fold(tx: &mut Tx<'_>, account: &Account, currency: Currency) -> Result<(), TxError> {
    zeni_ledger::fold(tx, &account.name(currency)).map(drop)
}

/// What a bank owes at present, negative if it is owed: issued and released less returned, honoured and settled.
pub(crate) fn owed(tx: &mut Tx<'_>, bank: &str, currency: Currency) -> Result<i128, TxError> {
    let mut owed = 0;
    for account in bank_accounts(bank) {
        owed -= balance(tx, &account, currency)?;
    }
    Ok(owed)
}

/// The accounts whose balances make up a bank's position.
pub(crate) fn bank_accounts(bank: &str) -> [Account; 5] {
    let bank = || bank.to_owned();
    [
        Account::Issued(bank()),
        Account::Released(bank()),
        Account::Returned(bank()),
        Account::Honoured(bank()),
        Account::Settled(bank()),
    ]
}

/// What a bank holds for notes under seal that are out.
pub(crate) fn held(tx: &mut Tx<'_>, bank: &str, currency: Currency) -> Result<i128, TxError> {
    Ok(-balance(tx, &Account::Held(bank.to_owned()), currency)?)
}
