//! The audit: every invariant worked out again from the tables (RN-P22). It repairs nothing.

use std::collections::HashMap;

use serde::Serialize;
use zeni_crypto::Digest;
use zeni_message::{Time, decode, limits::MESSAGE_BYTES_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::messages::issuer::Counts;
use zeni_store::{Tx, TxError, params};

use crate::{
    Account, Config, Done, Issuer, books,
    counts::log::{accusations, log_mark},
    report::magnitude,
    returns::tree::{Node, NoteKey, Place, Tree, bundle, node_from_row},
    schema, settlement,
};

/// What an audit saw and what it found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Figures per currency.
    pub currencies: Vec<CurrencyFigures>,
    /// Notes in the register.
    pub register: u64,
    /// Notes in the archive.
    pub archive: u64,
    /// Postings in the ledger.
    pub postings: u64,
    /// How far each bank's log of identifications has come by its reports, to be compared with the log itself.
    pub identification_logs: Vec<LogFigures>,
    /// Alarms so far, oldest first: when, and of which kind.
    pub alarms: Vec<String>,
    /// Differences that reports and items still under way explain.
    pub in_flight: Vec<String>,
    /// What must not be; nothing in sound books.
    pub violations: Vec<String>,
    /// Banks of whose logs of identifications some violations tell.
    pub broken_logs: Vec<BrokenLog>,
}

/// A bank whose log of identifications has breaks that nobody has accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BrokenLog {
    /// Short name of the bank.
    pub bank: String,
    /// How many of the violations are its breaks.
    pub breaks: usize,
}

/// The end of a bank's log of identifications, as it was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogFigures {
    /// Short name of the bank.
    pub bank: String,
    /// Entries.
    pub entries: u64,
    /// Hash of the last entry, in hexadecimal.
    pub head: String,
}

/// Figures of one currency, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CurrencyFigures {
    /// ISO 4217 code.
    pub currency: String,
    /// Issued against requests.
    pub issued: u64,
    /// Issued under seal.
    pub sealed: u64,
    /// What banks hold for notes under seal that are out.
    pub held: u64,
    /// Paid as of right on returns and refunds.
    pub returned: u64,
    /// Paid on claims above face values.
    pub honoured: u64,
    /// Closed by renewal and issued again.
    pub renewed: u64,
    /// Outstanding by the books.
    pub outstanding: u64,
    /// Sum of the rests of the notes in the register.
    pub rests: u64,
    /// Never came back within its retention.
    pub dormant: u64,
    /// Settled debts of banks.
    pub reserve: u64,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether nothing is wrong but breaks of logs: every figure fits.
    pub fn books_balance(&self) -> bool {
        self.violations.len() == self.broken_logs.iter().map(|log| log.breaks).sum::<usize>()
    }

    fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(violation());
        }
    }
}

impl Issuer {
    /// Recomputes every invariant from one state of the database.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit(&self) -> Result<AuditReport, crate::TickError> {
        let config = self.config.clone();
        let lists = self.lists().await?;
        let epochs: Vec<(u32, u32)> = lists
            .lists
            .iter()
            .flat_map(|list| list.record.series.iter().map(|terms| (list.record.epoch, terms.series)))
            .collect();
        let read = move |tx: &mut Tx<'_>| -> Done<AuditReport> { Ok(audit(tx, &config, &epochs)?) };
        Ok(self.store.read(read).await?)
    }
}

fn audit(tx: &mut Tx<'_>, config: &Config, epochs: &[(u32, u32)]) -> Result<AuditReport, TxError> {
    let mut report = AuditReport::default();
    let ledger = zeni_ledger::audit(tx)?;
    report.postings = ledger.postings;
    for finding in &ledger.findings {
        report.violations.push(format!("ledger: {finding:?}"));
    }
    for (epoch, series) in epochs {
        for place in [Place::Register, Place::Archive] {
            trees(tx, config, &mut report, (*epoch, *series), place)?;
        }
    }
    let row = tx.row(schema::REGISTER_SIZE, &[])?.map_or(Ok(0), |row| row.u64(0))?;
    let seen = report.register;
    report.check(row == seen, || format!("{row} notes in the register, {seen} of published epochs"));
    let both = tx.row(schema::IN_BOTH, &[])?.map_or(Ok(0), |row| row.u64(0))?;
    report.check(both == 0, || format!("{both} notes are in register and archive"));
    let lost = tx.row(schema::LOST_ORIGINS, &[])?.map_or(Ok(0), |row| row.u64(0))?;
    report.check(lost == 0, || format!("{lost} origins stand without their notes"));
    for currency in settlement::currencies(config) {
        figures(tx, config, currency, &mut report)?;
    }
    banks(tx, config, &mut report)?;
    for row in tx.rows(schema::ALARMS, &[])? {
        report.alarms.push(format!("at {}: {}", Time(row.u64(0)?), row.text(1)?));
    }
    Ok(report)
}

/// Works out every tree of one series and epoch again.
fn trees(
    tx: &mut Tx<'_>,
    config: &Config,
    report: &mut AuditReport,
    (epoch, series): (u32, u32),
    place: Place,
) -> Result<(), TxError> {
    let (notes, nodes) = match place {
        Place::Register => (schema::AUDIT_NOTES, schema::AUDIT_NODES),
        Place::Archive => (schema::AUDIT_ARCHIVE, schema::AUDIT_ARCHIVE_NODES),
    };
    let mut after: Vec<u8> = Vec::new();
    loop {
        let rows = tx.rows(notes, params![epoch, series, &after])?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.blob(2)?.to_vec();
        for row in &rows {
            let key = NoteKey { epoch, series, serial: row.array(2)? };
            let tree = Tree::from_row(row, key, place)?;
            let below = tx.rows(nodes, params![epoch, series, key.serial])?;
            let mut below = below.iter().map(node_from_row).collect::<Result<Vec<Node>, _>>()?;
            below.extend(bundled(tx, config, report, &tree, row)?);
            let stored = row.u64(9)?;
            let found = below.len() as u64;
            report.check(stored == found, || format!("note {:?}: {found} nodes, {stored} counted", key.serial));
            check_tree(report, &tree, &below);
            match place {
                Place::Register => report.register += 1,
                Place::Archive => report.archive += 1,
            }
        }
    }
}

/// The nodes of a note's bundle, each checked against what its holder signed: no column of a row says it a second time.
fn bundled(
    tx: &mut Tx<'_>,
    config: &Config,
    report: &mut AuditReport,
    tree: &Tree,
    row: &zeni_store::Row,
) -> Result<Vec<Node>, TxError> {
    let Some(place) = bundle::place_of(tree.place, row)? else { return Ok(Vec::new()) };
    let face = tree.node(&tree.root).map_or(Amount::ZERO, |root| root.value);
    let read = bundle::read(tx, tree.key, &place)?.and_then(|bundle| bundle.into_nodes(tree.root, face).ok());
    let Some((_, nodes)) = read else {
        report.violations.push(format!("note {:?}: its bundle is missing or malformed", tree.key.serial));
        return Ok(Vec::new());
    };
    report.check(tree.returned == face, || {
        format!("note {:?}: a bundle returns {face}, {} counted", tree.key.serial, tree.returned)
    });
    for node in &nodes {
        report.check(bundle::is_shown(node, config.network), || {
            format!("node {}: its evidence shows another", node.identity)
        });
    }
    Ok(nodes)
}

fn check_tree(report: &mut AuditReport, tree: &Tree, below: &[Node]) {
    let Some(root) = tree.node(&tree.root) else { return };
    let complete = tree.place == Place::Archive;
    report.check((root.used == root.value) == complete, || "a note stands in the wrong database".to_owned());
    let mut used: HashMap<Digest, (u128, u128)> = HashMap::new();
    for node in below {
        let Some(parent) = node.parent else { continue };
        let sums = used.entry(parent).or_default();
        sums.0 += u128::from(node.used.minor());
        sums.1 += u128::from(node.value.minor());
    }
    for node in below.iter().chain([root]) {
        let (mut flow, mut children) = used.get(&node.identity).copied().unwrap_or_default();
        if let Some(closed) = &node.closed {
            let mut asked = u128::from(closed.amount.minor());
            if closed.is_of_backup() {
                asked = asked.min(u128::from(node.value.minor()).saturating_sub(children));
            } else {
                children += asked;
            }
            if closed.waiting.is_none() {
                flow += asked;
            }
        }
        let expected = flow.min(u128::from(node.value.minor()));
        report.check(u128::from(node.used.minor()) == expected, || {
            format!("node {}: used {}, its children say {expected}", node.identity, node.used)
        });
        report.check(u128::from(node.children.minor()) == children, || {
            format!("node {}: children {}, counted {children}", node.identity, node.children)
        });
    }
}

fn figures(tx: &mut Tx<'_>, config: &Config, currency: Currency, report: &mut AuditReport) -> Result<(), TxError> {
    let mut sum = |account: fn(String) -> Account| -> Result<i128, TxError> {
        let mut sum = 0;
        for bank in &config.banks {
            sum += books::balance(tx, &account(bank.name.clone()), currency)?;
        }
        Ok(sum)
    };
    let (issued, returned, honoured) = (sum(Account::Issued)?, sum(Account::Returned)?, sum(Account::Honoured)?);
    let (held, released) = (sum(Account::Held)?, sum(Account::Released)?);
    let outstanding = settlement::outstanding(tx, config, currency)?;
    let dormant = books::balance(tx, &Account::Dormant, currency)?;
    let reserve = books::balance(tx, &Account::Reserve, currency)?;
    let rests = settlement::rests(tx, currency)?;
    let code = currency.code();
    report.check(rests == outstanding, || format!("{code}: the register holds {rests}, the books say {outstanding}"));
    let (issued, sealed) = (-issued, -held - released);
    report.check(issued + sealed - returned - dormant == outstanding, || {
        let paid = format!("returned {returned}, dormant {dormant}, outstanding {outstanding}");
        format!("{code}: issued {issued}, under seal {sealed}, {paid}")
    });
    let rests_of_banks = tx.rows(schema::HELD_RESTS, params![code])?;
    for bank in &config.banks {
        let of_bank = rests_of_banks.iter().find(|row| row.text(0).is_ok_and(|name| name == bank.name));
        let rest = of_bank.map_or(Ok(0), |row| row.u64(1))?;
        let holds = books::held(tx, &bank.name, currency)?;
        report.check(holds == i128::from(rest), || {
            format!("{}: holds {holds} {code} by the books, notes under seal say {rest}", bank.name)
        });
    }
    let misuse = books::balance(tx, &Account::Misuse, currency)?;
    report.check(misuse + honoured == 0, || format!("{code}: honoured {honoured}, booked {misuse}"));
    let difference = settlement::difference(tx, config, currency)?;
    report.check(difference == 0, || format!("{code}: debts and outstanding differ by {difference}"));
    let renewed = tx.rows(schema::RENEWED, &[])?;
    let renewed = renewed.iter().find(|row| row.text(0).is_ok_and(|text| text == code));
    report.currencies.push(CurrencyFigures {
        currency: code.to_owned(),
        issued: magnitude(issued),
        sealed: magnitude(sealed),
        held: magnitude(held),
        returned: magnitude(returned),
        honoured: magnitude(honoured),
        renewed: renewed.map_or(Ok(0), |row| row.u64(1))?,
        outstanding: magnitude(outstanding),
        rests: magnitude(rests),
        dormant: magnitude(dormant),
        reserve: magnitude(reserve),
    });
    Ok(())
}

#[derive(Default)]
struct Keys {
    reported: u128,
    redeemed: u128,
    voided: u128,
}

/// Counts stay within what was reported; what the banks say of themselves fits, but for what is under way.
fn banks(tx: &mut Tx<'_>, config: &Config, report: &mut AuditReport) -> Result<(), TxError> {
    let mut keys: HashMap<(String, String), Keys> = HashMap::new();
    for row in tx.rows(schema::ALL_KEY_COUNTS, &[])? {
        let (bank, currency, face) = (row.text(0)?.to_owned(), row.text(1)?.to_owned(), u128::from(row.u64(2)?));
        let (reported, redeemed, voided) = (row.u64(3)?, row.u64(4)?, row.u64(5)?);
        report.check(redeemed <= reported, || format!("{bank}: {redeemed} redeemed of {reported} reported"));
        report.check(redeemed.saturating_add(voided) <= reported, || {
            format!("{bank}: {redeemed} redeemed and {voided} voided of {reported} reported")
        });
        let sums = keys.entry((bank, currency)).or_default();
        sums.reported += face * u128::from(reported);
        sums.redeemed += face * u128::from(redeemed);
        sums.voided += face * u128::from(voided);
    }
    for bank in &config.banks {
        let Some(row) = tx.row(schema::READ_REPORT, params![&bank.name])? else { continue };
        let Ok(counts) = decode::<Counts>(row.blob(1)?, MESSAGE_BYTES_MAX) else { continue };
        identification_log(tx, &bank.name, report)?;
        for totals in &counts.totals {
            let sums = keys.remove(&(bank.name.clone(), totals.currency.code().to_owned())).unwrap_or_default();
            let booked = -books::balance(tx, &Account::Issued(bank.name.clone()), totals.currency)?;
            report.check(i128::try_from(sums.redeemed) == Ok(booked), || {
                format!("{}: {} redeemed, {booked} booked", bank.name, sums.redeemed)
            });
            let returned = books::balance(tx, &Account::Returned(bank.name.clone()), totals.currency)?
                + books::balance(tx, &Account::Honoured(bank.name.clone()), totals.currency)?;
            let minor = |amount: Amount| u128::from(amount.minor());
            let sealed = -books::balance(tx, &Account::Held(bank.name.clone()), totals.currency)?
                - books::balance(tx, &Account::Released(bank.name.clone()), totals.currency)?;
            compare(report, &bank.name, "sealed", u128::try_from(sealed).unwrap_or(0), minor(totals.sealed));
            compare(report, &bank.name, "signed", minor(totals.signed), sums.reported);
            compare(report, &bank.name, "returned", u128::try_from(returned).unwrap_or(0), minor(totals.returned));
            compare(report, &bank.name, "reclaimed", sums.voided, minor(totals.reclaimed));
        }
    }
    Ok(())
}

/// Nothing was cut off the bank's log of identifications that no operator has accepted.
fn identification_log(tx: &mut Tx<'_>, bank: &str, report: &mut AuditReport) -> Result<(), TxError> {
    let accusations = accusations(tx, bank)?;
    if !accusations.is_empty() {
        report.broken_logs.push(BrokenLog { bank: bank.to_owned(), breaks: accusations.len() });
        report.violations.extend(accusations);
    }
    if let Some(known) = log_mark(tx, bank)? {
        let head = known.head.to_string();
        report.identification_logs.push(LogFigures { bank: bank.to_owned(), entries: known.number, head });
    }
    Ok(())
}

/// `ahead` may run before `behind` by what is under way, never the other way round.
fn compare(report: &mut AuditReport, bank: &str, figure: &str, ahead: u128, behind: u128) {
    if ahead > behind {
        report.in_flight.push(format!("{bank}: {} minor units {figure} are under way", ahead - behind));
    }
    report.check(ahead >= behind, || format!("{bank}: {figure} falls short by {}", behind - ahead));
}

#[cfg(test)]
mod tests;
