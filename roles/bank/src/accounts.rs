//! Accounts and the customers behind certificates.

use std::convert::Infallible;

use zeni_crypto::{Digest, tagged};
use zeni_identity::{NameError, PartyName};
use zeni_message::{
    Refusal, Role,
    route::{Ctx, Failure},
};
use zeni_money::{Amount, Currency};
use zeni_store::{Caller, JobError, Row, Tx, TxError, WriteError, params};

use crate::{
    bank::{Bank, failure},
    books::{self, Book, Move},
    schema,
};

/// An account as the operator brings it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Account: 1 to 64 of `a-z A-Z 0-9 - _ .`.
    pub account: String,
    /// The customer's name; leaves the bank in case files, and in the name certificate of a shop that asks for one.
    pub name: String,
    /// Balance with which it opens.
    pub opening: Amount,
    /// Currency.
    pub currency: Currency,
    /// [`code_digest`] of the enrolment code.
    pub code: Digest,
}

/// Why accounts are not taken; none of them was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// An account is none.
    #[error("account {account}: {cause}")]
    Name {
        /// What was given.
        account: String,
        /// What is wrong with it.
        cause: NameError,
    },
    /// An opening balance that the books cannot hold.
    #[error("account {account}: the bank's books cannot hold the opening balance")]
    Opening {
        /// Whose.
        account: String,
    },
    /// The store.
    #[error("the store: {0}")]
    Store(WriteError<Infallible>),
}

/// An enrolment code as the bank keeps and compares it. Codes carry the entropy of a secret, not of a password.
pub fn code_digest(bank: &str, account: &str, code: &str) -> Digest {
    tagged("zeni/enrolment-code", &[bank.as_bytes(), account.as_bytes(), code.as_bytes()])
}

/// The holder of an account.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) currency: Currency,
    pub(crate) code: Digest,
    pub(crate) salt: [u8; 16],
}

impl Customer {
    pub(crate) fn read(tx: &mut Tx<'_>, account: &str) -> Result<Option<Customer>, TxError> {
        let Some(row) = tx.row(schema::SELECT_ACCOUNT, params![account])? else { return Ok(None) };
        Ok(Some(Customer {
            account: account.to_owned(),
            name: row.text(0)?.to_owned(),
            currency: currency(&row, 1)?,
            code: Digest(row.array(2)?),
            salt: row.array(3)?,
        }))
    }

    /// The digest by which the deposit or the claim `id` names this account at `bank`.
    pub(crate) fn digest(&self, bank: &str, id: &[u8; 16]) -> Digest {
        zeni_note::spec::deposit_account(bank, &self.account, &self.salt, id)
    }
}

/// A currency in a row. One that is none was not written here.
pub(crate) fn currency(row: &Row, index: usize) -> Result<Currency, TxError> {
    let wrong = TxError::Column { index, expected: zeni_store::Kind::Text, found: zeni_store::Kind::Text };
    Currency::from_code(row.text(index)?).ok_or(wrong)
}

impl Bank {
    /// Opens accounts; one that exists already stays as it is. Answers how many are new.
    pub async fn load_accounts(&self, accounts: Vec<NewAccount>) -> Result<usize, LoadError> {
        for new in &accounts {
            let name = format!("{}/{}", self.config.bank, new.account);
            PartyName::new(&self.config.network_name, Role::Wallet, &name)
                .map_err(|cause| LoadError::Name { account: new.account.clone(), cause })?;
        }
        let salted: Vec<(NewAccount, [u8; 16])> = accounts.into_iter().map(|new| (new, self.entropy.bytes())).collect();
        let now = self.clock.now();
        let job = move |tx: &mut Tx<'_>| {
            let mut opened = 0;
            for (new, salt) in &salted {
                let row = params![&new.account, &new.name, new.currency.code(), new.code.0, *salt];
                if tx.execute(schema::INSERT_ACCOUNT, row)? == 0 {
                    continue;
                }
                opened += 1;
                books::open(tx, &new.account, new.currency)?;
                let opening =
                    Move { kind: "opening", cause: &[], currency: new.currency, amount: new.opening, time: now };
                if books::post(tx, &Book::Cash(new.currency), &Book::Available(&new.account), &opening)?.is_err() {
                    return Err(JobError::Refused(new.account.clone()));
                }
            }
            Ok(opened)
        };
        self.store.write(Caller::default(), job).await.map_err(|error| match error {
            WriteError::Refused(account) => LoadError::Opening { account },
            WriteError::Busy => LoadError::Store(WriteError::Busy),
            WriteError::TryAgain => LoadError::Store(WriteError::TryAgain),
            WriteError::Damaged => LoadError::Store(WriteError::Damaged),
            WriteError::Internal => LoadError::Store(WriteError::Internal),
            WriteError::Stopped => LoadError::Store(WriteError::Stopped),
        })
    }

    /// The account of the caller, whose certificate names him `<bank>/<account>`.
    pub(crate) async fn customer<R: Refusal>(&self, ctx: &Ctx) -> Result<Customer, Failure<R>> {
        let own = ctx.caller_name().split_once('/').filter(|(bank, _)| *bank == self.config.bank);
        let Some((_, account)) = own else { return Err(Failure::Forbidden) };
        let account = account.to_owned();
        let read = move |tx: &mut Tx<'_>| Ok(Customer::read(tx, &account)?);
        self.store.read(read).await.map_err(failure)?.ok_or(Failure::Forbidden)
    }
}
