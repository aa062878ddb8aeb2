//! The audit: every invariant recomputed from the tables. Nothing is repaired.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use zeni_crypto::{Digest, LogEnd};
use zeni_message::{NoRefusal, Signed, Time, decode, limits::MESSAGE_BYTES_MAX, route::Failure};
use zeni_note::{KeyList, RevocationList, keylist::Roots, licence::key_digest};
use zeni_store::{Tx, TxError, params};

use crate::{
    Authority, Outcome, Status, log, publication,
    rows::{self, LicenceRow},
    schema,
    settle::look,
};

/// Figures and violations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Registered persons.
    pub persons: u64,
    /// Licensed keys.
    pub licences: u64,
    /// Licences that are revoked.
    pub revoked: u64,
    /// Keys under seal that are revoked.
    pub sealed_keys: u64,
    /// Key lists that were co-signed.
    pub key_lists: u64,
    /// Entries of the log of disclosures.
    pub disclosures: u64,
    /// Number of the current revocation list, 0 before the first.
    pub list: u64,
    /// What does not hold.
    pub violations: Vec<Violation>,
}

/// An invariant that does not hold. Keys are named by their digests, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// A licence row belongs to nobody.
    LicenceWithoutPerson {
        /// Whose key.
        key_digest: String,
    },
    /// A licence row whose signature or key digest is false.
    LicenceFalse {
        /// Whose key.
        key_digest: String,
    },
    /// A person who may have no licences has one that is not revoked.
    NotRevoked {
        /// Whose key.
        key_digest: String,
    },
    /// The current list is not readable or not signed by this authority.
    ListFalse,
    /// There are revoked rows, or a log, and no list.
    ListMissing,
    /// The current list names other keys than the revoked rows whose licence had not ended when it was made.
    ListDiffers {
        /// Revoked rows that it does not name.
        missing: u64,
        /// Keys that it names without a revoked row.
        surplus: u64,
    },
    /// The log head in the current list is not in the log.
    ListHeadUnknown,
    /// An entry of the log does not follow from those before it.
    LogBroken {
        /// Its number.
        number: u64,
    },
    /// A key under seal is revoked without an entry in the log.
    SealedNotLogged {
        /// Whose key.
        key_digest: String,
    },
    /// An answer about a person stands without its entry in the log.
    NotLogged {
        /// The number it claims.
        number: u64,
    },
    /// A key list is unreadable, not signed by both, or does not continue the one before it.
    KeyListFalse {
        /// Place in the order of epochs, from 0.
        place: u64,
    },
}

impl Authority {
    /// Recomputes every invariant, in one committed state.
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn audit(&self) -> Result<AuditReport, Failure<NoRefusal>> {
        let roots = self.roots;
        look(&self.store, move |tx| {
            let mut report = AuditReport::default();
            let persons = persons(tx)?;
            report.persons = count(persons.len());
            let mut revoked = licences(tx, &roots, &persons, &mut report)?;
            key_lists(tx, &roots, &mut report)?;
            let heads = log_heads(tx, &mut report)?;
            revoked.extend(sealed_keys(tx, &mut report)?);
            revoked.sort_unstable();
            list(tx, &roots, &revoked, &heads, &mut report)?;
            Ok(report)
        })
        .await
    }
}

fn persons(tx: &mut Tx<'_>) -> Result<BTreeMap<String, Status>, TxError> {
    let mut persons = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = tx.rows(schema::PERSONS_AFTER, params![&after])?;
        let Some(last) = page.last() else { return Ok(persons) };
        last.text(0)?.clone_into(&mut after);
        for row in &page {
            let person = rows::person(row)?;
            persons.insert(person.id, person.status);
        }
    }
}

/// Checks the keys under seal that are revoked; answers their digests, each with the end of its term.
fn sealed_keys(tx: &mut Tx<'_>, report: &mut AuditReport) -> Result<Vec<(Digest, Time)>, TxError> {
    let logged = log::entries(tx)?.into_iter().map(|(entry, _)| entry.content);
    let revocations = logged.filter(|it| it.outcome == Outcome::SealedRevoked);
    let proven: BTreeSet<[u8; 32]> = revocations.map(|it| it.key_digest.0).collect();
    let mut revoked = Vec::new();
    for row in tx.rows(schema::SEALED_KEYS, params![])? {
        let digest = rows::digest(&row, 0)?;
        if !proven.contains(&digest.0) {
            report.violations.push(Violation::SealedNotLogged { key_digest: digest.to_string() });
        }
        revoked.push((digest, Time(row.u64(1)?)));
    }
    report.sealed_keys = count(revoked.len());
    Ok(revoked)
}

/// Checks the licence rows; answers the digests of the revoked ones, each with the end of its licence.
fn licences(
    tx: &mut Tx<'_>,
    roots: &Roots,
    persons: &BTreeMap<String, Status>,
    report: &mut AuditReport,
) -> Result<Vec<(Digest, Time)>, TxError> {
    let mut revoked = Vec::new();
    let mut after: Vec<u8> = Vec::new();
    loop {
        let page = tx.rows(schema::LICENCES_AFTER, params![&after])?;
        let Some(last) = page.last() else { break };
        after = last.blob(0)?.to_vec();
        for row in &page {
            let row = rows::licence(row)?;
            report.licences += 1;
            report.violations.extend(licence(&row, roots, persons));
            if row.revoked {
                revoked.push((row.digest, row.licence.record.until));
            }
        }
    }
    report.revoked = count(revoked.len());
    Ok(revoked)
}

fn licence(row: &LicenceRow, roots: &Roots, persons: &BTreeMap<String, Status>) -> Option<Violation> {
    let digest = key_digest(&row.licence.record.key);
    let named = digest.to_string();
    let genuine = row.digest == digest && row.licence.verify(roots.network, &roots.authority).is_ok();
    match persons.get(&row.person) {
        None => Some(Violation::LicenceWithoutPerson { key_digest: named }),
        Some(_) if !genuine => Some(Violation::LicenceFalse { key_digest: named }),
        Some(status) if *status != Status::Good && !row.revoked => Some(Violation::NotRevoked { key_digest: named }),
        Some(_) => None,
    }
}

fn key_lists(tx: &mut Tx<'_>, roots: &Roots, report: &mut AuditReport) -> Result<(), TxError> {
    let mut before: Option<KeyList> = None;
    let mut from = 0;
    loop {
        let page = tx.rows(schema::KEY_LISTS_FROM, params![from])?;
        if page.is_empty() {
            return Ok(());
        }
        for row in &page {
            let list = decode::<KeyList>(row.blob(0)?, MESSAGE_BYTES_MAX);
            let place = report.key_lists;
            report.key_lists += 1;
            let Ok(list) = list else {
                // without it nothing after it can be placed
                report.violations.push(Violation::KeyListFalse { place });
                return Ok(());
            };
            let checked = match &before {
                None => list.check(roots),
                Some(before) => list.check_after(before, roots),
            };
            if checked.is_err() {
                report.violations.push(Violation::KeyListFalse { place });
            }
            from = i64::from(list.record.epoch) + 1;
            before = Some(list);
        }
    }
}

/// Checks the log; answers all its heads.
fn log_heads(tx: &mut Tx<'_>, report: &mut AuditReport) -> Result<Vec<Digest>, TxError> {
    let entries = log::entries(tx)?;
    report.disclosures = count(entries.len());
    let broken = log::first_broken(entries.iter().map(|(entry, _)| entry));
    report.violations.extend(broken.map(|number| Violation::LogBroken { number }));
    for row in tx.rows(schema::UNLOGGED_ANSWERS, params![])? {
        report.violations.push(Violation::NotLogged { number: row.u64(0)? });
    }
    let heads = entries.iter().map(|(entry, _)| entry.head);
    Ok(std::iter::once(LogEnd::START.head).chain(heads).collect())
}

fn list(
    tx: &mut Tx<'_>,
    roots: &Roots,
    revoked: &[(Digest, Time)],
    heads: &[Digest],
    report: &mut AuditReport,
) -> Result<(), TxError> {
    let Some(current) = publication::current(tx)? else {
        if !revoked.is_empty() {
            report.violations.push(Violation::ListMissing);
        }
        return Ok(());
    };
    report.list = current.number;
    let list: Option<Signed<RevocationList>> = decode(&current.bytes, MESSAGE_BYTES_MAX).ok();
    let verified = list.and_then(|list| list.verify(roots.network, &roots.authority).ok());
    let Some(verified) = verified.filter(|list| list.record().number == current.number) else {
        report.violations.push(Violation::ListFalse);
        return Ok(());
    };
    let named = &verified.record().revoked;
    // a list names the revoked keys whose licence or term had not ended when it was made
    let since = verified.record().time;
    let revoked: Vec<&Digest> = revoked.iter().filter(|(_, until)| *until >= since).map(|(digest, _)| digest).collect();
    let missing = revoked.iter().filter(|digest| named.binary_search(digest).is_err()).count();
    let surplus = named.iter().filter(|digest| revoked.binary_search(digest).is_err()).count();
    if missing + surplus > 0 {
        report.violations.push(Violation::ListDiffers { missing: count(missing), surplus: count(surplus) });
    }
    if !heads.contains(&verified.record().log_head) {
        report.violations.push(Violation::ListHeadUnknown);
    }
    Ok(())
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
