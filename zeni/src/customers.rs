//! Customers of a sandbox: who banks where, and the secrets by which bank and authority know them.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use zeni_crypto::SharedEntropy;
use zeni_money::{Currency, Money};

/// One line of the customers' file: `bank,account,name,balance`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Customer {
    /// Short name of the bank.
    pub(crate) bank: String,
    /// Account.
    pub(crate) account: String,
    /// Name; two lines with one name are one person.
    pub(crate) name: String,
    /// Opening balance, `100000 JPY`, `1000.00 USD`, or whole yen without a currency.
    pub(crate) balance: String,
}

impl Customer {
    /// The opening balance.
    pub(crate) fn money(&self) -> Result<Money> {
        opening(&self.balance, &self.account)
    }
}

/// One line of `enrolment.csv`: what a customer needs to join.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enrolment {
    /// Short name of the bank.
    pub(crate) bank: String,
    /// Account.
    pub(crate) account: String,
    /// Name in the authority's file.
    pub(crate) name: String,
    /// The bank's secret for the account.
    pub(crate) code: String,
    /// The authority's secret for the person.
    pub(crate) identity: String,
    /// Opening balance.
    pub(crate) balance: String,
}

impl Enrolment {
    /// The opening balance.
    pub(crate) fn money(&self) -> Result<Money> {
        opening(&self.balance, &self.account)
    }
}

/// An opening balance as both files write it.
fn opening(balance: &str, account: &str) -> Result<Money> {
    let balance = balance.trim();
    let text = if balance.contains(' ') { balance.to_owned() } else { format!("{balance} JPY") };
    text.parse::<Money>().with_context(|| format!("balance of account {account}"))
}

/// The customers of a sandbox that is told of none.
const DEFAULT: &str = "\
bank,account,name,balance
aoba,A-1001,Hanako Sato,100000
aoba,A-1002,Taro Suzuki,100000
aoba,A-2001,Cafe Aoba,0
kita,K-1001,Jiro Tanaka,100000
kita,K-1002,Yuki Ito,100000
kita,K-2001,Kita Books,0
";

/// Reads customers from a file, or the built-in ones.
pub(crate) fn read(path: Option<&Path>) -> Result<Vec<Customer>> {
    let text = match path {
        Some(path) => {
            fs::read_to_string(path).with_context(|| format!("cannot read customers from {}", path.display()))?
        }
        None => DEFAULT.to_owned(),
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let customers = reader
        .deserialize()
        .collect::<Result<Vec<Customer>, _>>()
        .context("customers are lines of bank,account,name,balance under a line with these words")?;
    ensure!(!customers.is_empty(), "there is no customer in the file");
    for (index, customer) in customers.iter().enumerate() {
        customer.money()?;
        ensure!(
            customers[..index].iter().all(|other| (&other.bank, &other.account) != (&customer.bank, &customer.account)),
            "account {} of {} is listed twice",
            customer.account,
            customer.bank
        );
    }
    Ok(customers)
}

/// The currencies of the accounts, yen first.
pub(crate) fn currencies(customers: &[Customer]) -> Result<Vec<Currency>> {
    let mut found = customers.iter().map(|customer| Ok(customer.money()?.currency)).collect::<Result<Vec<_>>>()?;
    found.sort_unstable_by_key(|currency| (currency.code() != "JPY", currency.code().to_owned()));
    found.dedup();
    Ok(found)
}

/// Draws secrets for all customers; one person, one identity.
pub(crate) fn enrol(customers: &[Customer], entropy: &SharedEntropy) -> Vec<Enrolment> {
    let mut identities: BTreeMap<&str, String> = BTreeMap::new();
    customers
        .iter()
        .map(|customer| {
            let identity = identities.entry(&customer.name).or_insert_with(|| secret(entropy)).clone();
            Enrolment {
                bank: customer.bank.clone(),
                account: customer.account.clone(),
                name: customer.name.clone(),
                code: secret(entropy),
                identity,
                balance: customer.balance.clone(),
            }
        })
        .collect()
}

/// 140 random bits in base 32, in groups that can be read aloud.
fn secret(entropy: &SharedEntropy) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let bytes: [u8; 28] = entropy.bytes();
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Writes `enrolment.csv`, which only its owner may read: it holds secrets.
pub(crate) fn write_enrolments(path: &Path, enrolments: &[Enrolment]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for enrolment in enrolments {
        writer.serialize(enrolment)?;
    }
    let text = String::from_utf8(writer.into_inner()?)?;
    crate::setup::write_secret(path, &text).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads `enrolment.csv`.
pub(crate) fn read_enrolments(path: &Path) -> Result<Vec<Enrolment>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    reader.deserialize().collect::<Result<_, _>>().with_context(|| format!("{} is damaged", path.display()))
}
