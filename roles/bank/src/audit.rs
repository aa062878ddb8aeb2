//! The bank's own audit: every figure worked out again from the database, nothing repaired.

use std::{collections::BTreeMap, convert::Infallible};

use serde::Serialize;
use zeni_crypto::Digest;
use zeni_message::{decode, limits::SMALL_MESSAGE_BYTES_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::KeyEntry;
use zeni_store::{JobError, Store, Tx, TxError, WriteError};

use sealed::Seals;

use crate::{
    accounts::currency,
    bank::Bank,
    books::{self, Book, broken},
    counts::{last_report, signed, totals},
    identify,
    items::Phase,
    schema,
    statement::money,
};

mod sealed;

type Job<T> = Result<T, JobError<Infallible>>;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Short name of the bank.
    pub bank: String,
    /// Figures by currency.
    pub currencies: Vec<CurrencyFigures>,
    /// Signatures made under all keys.
    pub signatures: u64,
    /// Number of the last report to the issuer, 0 if there was none.
    pub report: u64,
    /// Holdings deposited by keys that the authority's list had revoked.
    pub revoked_deposits: u64,
    /// Whether the issuer took it and nothing has changed since.
    pub reported: bool,
    /// What is wrong; nothing in a sound bank.
    pub violations: Vec<Violation>,
}

/// The bank's position in one currency; amounts as `JPY:300`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CurrencyFigures {
    /// Currency.
    pub currency: String,
    /// Available to customers.
    pub available: String,
    /// Credited to customers but held.
    pub held: String,
    /// Debited from accounts for blind signatures.
    pub signed: String,
    /// Credited from returns that the issuer paid.
    pub returned: String,
    /// Credited back for requests that the issuer voided.
    pub reclaimed: String,
    /// Credited back because the bank could not sign.
    pub corrected: String,
    /// Debited for orders under seal that the issuer has not answered.
    pub reserved: String,
    /// Debited for notes issued under seal.
    pub sealed: String,
    /// Of these, held for whoever holds the notes that are out (HC-D20).
    pub outstanding: String,
    /// Paid in transfers of settlement cycles.
    pub transferred: String,
    /// Received in transfers of settlement cycles.
    pub received: String,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Stable word of the invariant.
    pub rule: &'static str,
    /// What it should be, and what was found.
    pub detail: String,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether nothing is wrong but the log of identifications: every figure fits.
    pub fn books_balance(&self) -> bool {
        self.violations.iter().all(|it| identify::RULES.contains(&it.rule))
    }

    /// Whether the log of identifications has breaks that nobody has accepted.
    pub fn log_is_broken(&self) -> bool {
        self.violations.iter().any(|it| identify::RULES.contains(&it.rule))
    }

    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, rule: &'static str, expected: &T, found: &T) {
        if expected != found {
            self.violations.push(Violation { rule, detail: format!("expected {expected:?}, found {found:?}") });
        }
    }
}

impl Bank {
    /// Recomputes every invariant of the crate's head from one state of the store.
    pub async fn audit(&self) -> Result<AuditReport, WriteError<Infallible>> {
        audit_of(&self.store, &self.config.bank).await
    }
}

/// As [`Bank::audit`], from the store of `bank` alone: for a command beside the running bank.
pub async fn audit_of(store: &Store, bank: &str) -> Result<AuditReport, WriteError<Infallible>> {
    let bank = bank.to_owned();
    let read = move |tx: &mut Tx<'_>| -> Job<AuditReport> {
        let mut report = AuditReport { bank: bank.clone(), ..AuditReport::default() };
        let keys = signatures(tx, &mut report)?;
        let items = items(tx, &mut report)?;
        let seals = sealed::seals(tx, &mut report)?;
        positions(tx, &keys, &items, &seals, &mut report)?;
        reports(tx, &mut report)?;
        Ok(report)
    };
    store.read(read).await
}

/// Face values signed, and of them corrected, by currency.
type SignedFaces = BTreeMap<Currency, (Amount, Amount)>;

/// Counts per key from the signatures themselves against the counts that are reported.
fn signatures(tx: &mut Tx<'_>, report: &mut AuditReport) -> Result<SignedFaces, TxError> {
    let mut entries: BTreeMap<Digest, KeyEntry> = BTreeMap::new();
    for row in tx.rows(schema::SELECT_KEYS, &[])? {
        let entry = decode(row.blob(1)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a key entry is damaged"))?;
        entries.insert(Digest(row.array(0)?), entry);
    }
    let counted = signed(tx)?;
    let mut found: BTreeMap<Digest, u64> = entries.keys().map(|digest| (*digest, 0)).collect();
    let mut faces = SignedFaces::new();
    for row in tx.rows(schema::COUNT_SIGNATURES, &[])? {
        let (digest, count) = (Digest(row.array(0)?), row.u64(1)?);
        found.insert(digest, count);
        report.signatures += count;
        let Some(entry) = entries.get(&digest) else { continue };
        let times = |count: u64| u32::try_from(count).ok().and_then(|count| entry.face.times(count));
        let place = faces.entry(entry.currency).or_default();
        let sums = times(count)
            .and_then(|sum| place.0.checked_add(sum))
            .zip(times(row.u64(2)?).and_then(|sum| place.1.checked_add(sum)));
        *place = sums.ok_or_else(|| broken("more was signed than an amount can be"))?;
    }
    report.compare("signatures = counts per key", &found, &counted);
    Ok(faces)
}

/// Held by account, paid by currency.
#[derive(Default)]
struct Items {
    held: BTreeMap<String, Amount>,
    paid: BTreeMap<Currency, Amount>,
    claims: BTreeMap<Currency, Amount>,
}

fn add<K: Ord>(sums: &mut BTreeMap<K, Amount>, key: K, amount: Amount) -> Result<(), TxError> {
    let sum = sums.entry(key).or_default();
    *sum = sum.checked_add(amount).ok_or_else(|| broken("a sum beyond all amounts"))?;
    Ok(())
}

fn items(tx: &mut Tx<'_>, report: &mut AuditReport) -> Result<Items, TxError> {
    let mut items = Items::default();
    for row in tx.rows(schema::SUM_ITEMS, &[])? {
        if Phase::read(&row, 1)?.is_held() {
            add(&mut items.held, row.text(0)?.to_owned(), row.amount(2)?)?;
        }
        add(&mut items.paid, currency(&row, 4)?, row.amount(3)?)?;
    }
    for row in tx.rows(schema::SUM_CLAIMS, &[])? {
        add(&mut items.claims, currency(&row, 0)?, row.amount(1)?)?;
    }
    report.revoked_deposits = tx.row(schema::COUNT_REVOKED, &[])?.map_or(Ok(0), |row| row.u64(0))?;
    let counts = [
        ("every decision of the issuer fits a claim", schema::SELECT_UNMATCHED),
        ("no batch is refused", schema::SELECT_REFUSED_BATCHES),
    ];
    for (rule, statement) in counts {
        let found = tx.row(statement, &[])?.map_or(Ok(0), |row| row.int(0))?;
        report.compare(rule, &0, &found);
    }
    Ok(items)
}

/// The ledger by itself, and its balances against keys, items, claims, orders and transfers.
fn positions(
    tx: &mut Tx<'_>,
    keys: &SignedFaces,
    items: &Items,
    seals: &Seals,
    report: &mut AuditReport,
) -> Result<(), TxError> {
    for finding in zeni_ledger::audit(tx)?.findings {
        report.violations.push(Violation { rule: "ledger", detail: format!("{finding:?}") });
    }
    let mut sums: BTreeMap<Currency, (Amount, Amount)> = BTreeMap::new();
    for row in tx.rows(schema::SELECT_ACCOUNTS, &[])? {
        let (account, currency) = (row.text(0)?, currency(&row, 1)?);
        let available = books::credit(tx, &Book::Available(account))?;
        let held = books::credit(tx, &Book::Held(account))?;
        report.compare("held = open items", &items.held.get(account).copied().unwrap_or_default(), &held);
        let reserved = books::credit(tx, &Book::Reserved(account))?;
        report.compare("reserved = orders without an answer", &seals.reserved_of(account), &reserved);
        let place = sums.entry(currency).or_default();
        let both = place.0.checked_add(available).zip(place.1.checked_add(held));
        *place = both.ok_or_else(|| broken("a sum beyond all amounts"))?;
    }
    for (currency, (available, held)) in sums {
        let signed = books::credit(tx, &Book::Signed(currency))?;
        let returned = books::debit(tx, &Book::Due(currency))?;
        let reclaimed = books::debit(tx, &Book::Reclaimed(currency))?;
        let corrected = books::debit(tx, &Book::Corrected(currency))?;
        let of = |sums: &BTreeMap<Currency, Amount>| sums.get(&currency).copied().unwrap_or_default();
        let faces = keys.get(&currency).copied().unwrap_or_default();
        report.compare("withdrawn = signatures × face value", &faces.0, &signed);
        report.compare("corrected = corrected signatures × face value", &faces.1, &corrected);
        report.compare("returned = paid items", &of(&items.paid), &returned);
        report.compare("reclaimed = credited claims", &of(&items.claims), &reclaimed);
        report.compare("in clearing = held", &held, &books::debit(tx, &Book::Clearing(currency))?);
        let seal = seals.check(tx, currency, report)?;
        report.currencies.push(CurrencyFigures {
            currency: currency.code().to_owned(),
            available: money(currency, available),
            held: money(currency, held),
            signed: money(currency, signed),
            returned: money(currency, returned),
            reclaimed: money(currency, reclaimed),
            corrected: money(currency, corrected),
            reserved: money(currency, seal.reserved),
            sealed: money(currency, seal.issued),
            outstanding: money(currency, seal.outstanding),
            transferred: money(currency, seal.paid),
            received: money(currency, seal.received),
        });
    }
    Ok(())
}

/// What was reported against what is: never more than there is, and the same once the issuer has all.
fn reports(tx: &mut Tx<'_>, report: &mut AuditReport) -> Result<(), TxError> {
    let totals = totals(tx)?;
    let Some(last) = last_report(tx)? else {
        report.reported = report.signatures == 0 && totals.iter().all(|totals| totals.sealed.is_zero());
        return Ok(());
    };
    let counted = signed(tx)?;
    let beyond = last.counts.record.signed.iter().filter(|(key, count)| counted.get(key).is_none_or(|is| is < count));
    report.compare("reported ≤ counted", &0, &beyond.count());
    report.report = last.number;
    report.reported = last.taken && last.counts.record.totals == totals;
    Ok(())
}
