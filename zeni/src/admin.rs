//! Looking into an institution through its database, while it runs or not.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use serde::Serialize;
use serde_json::json;
use zeni_bank::{LiftRefusal, LimitsRefusal};
use zeni_issuer::{CeilingError, SettleError};
use zeni_message::{Refusal, Retry, Time, route::Clock};
use zeni_money::Currency;
use zeni_note::{Licence, Nonce};
use zeni_store::WriteError;

use crate::{
    cli::{AuthorityArgs, AuthorityCommand, BankArgs, BankCommand, CardLimitsArgs, IssuerArgs, IssuerCommand},
    config::ServeConfig,
    documents,
    network::NetworkFile,
    output::{Failure, Output},
    serve::Parties,
};

/// Opens the roles of a directory that holds `zeni.toml`.
async fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Parties, Failure> {
    let config = ServeConfig::read(&dir.join("zeni.toml")).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    let network = NetworkFile::read(&config.path(&config.network))?;
    Ok(Parties::open(&config, &network, clock).await?)
}

/// A role's failure as the end of a command.
fn failed<R: Refusal>(failure: zeni_message::route::Failure<R>) -> Failure {
    use zeni_message::route::Failure as Role;
    match failure {
        Role::Refused(refusal) if refusal.retry() == Retry::Later => Failure::try_again(refusal.code(), refusal),
        Role::Refused(refusal) => Failure::refused(refusal.code(), refusal),
        Role::Forbidden => Failure::refused("forbidden", "this is not allowed"),
        Role::Busy => Failure::try_again("busy", "the database is busy: try again"),
        Role::Internal => Failure::refused("internal", "the database failed: see the log"),
    }
}

/// `zeni issuer …`.
pub(crate) async fn issuer(args: IssuerArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let parties = open(&args.dir, clock).await?;
    let issuer = &parties.issuer.as_ref().context("no issuer runs from this directory")?.role;
    match args.command {
        IssuerCommand::Circulation => {
            let report = issuer.circulation().await.context("the issuer's database")?;
            let text = report.iter().map(circulation).collect::<Vec<_>>().join("\n");
            output.result(&json!({"circulation": report}), &text)
        }
        IssuerCommand::Audit => {
            let report = issuer.audit().await.context("the issuer's database")?;
            let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
            let value = json!({"balanced": report.is_sound(), "report": report});
            if report.is_sound() {
                return output.result(&value, &text);
            }
            let broken = report.broken_logs.iter().map(|log| log.bank.as_str()).collect::<Vec<_>>();
            Err(unsound(report.books_balance(), &broken, "issuer … accept-log BANK").with_result(value, &text))
        }
        IssuerCommand::Ceiling { bank, amount } => {
            let money = crate::wallet::money(&amount)?;
            issuer.set_ceiling(&bank, money.currency, money.amount).await.map_err(|error| match error {
                CeilingError::UnknownBank { .. } => Failure::refused("unknown_bank", error),
                CeilingError::NotIssued { .. } => Failure::refused("not_issued", error),
                CeilingError::Store(_) => Failure::try_again("store", error),
            })?;
            let text = format!("{bank} may owe and hold {money} from the next note on");
            output.result(&json!({"ok": true, "bank": bank, "ceiling": money.to_wire()}), &text)
        }
        IssuerCommand::AcceptLog { bank } => {
            if issuer.config().bank(&bank).is_none() {
                return Err(Failure::refused("unknown_bank", format!("no bank '{bank}' takes part")));
            }
            let accepted = issuer.accept_log(&bank).await.context("the issuer's database")?;
            let summary = format!(
                "{} breaks of {bank}'s log of identifications accepted; it is followed from where it is now",
                accepted.len()
            );
            let text = accepted.iter().cloned().chain([summary]).collect::<Vec<_>>().join("\n");
            output.result(&json!({"ok": true, "bank": bank, "accepted": accepted.len(), "findings": accepted}), &text)
        }
        IssuerCommand::Settle => {
            let cycle = issuer.settle().await.map_err(|error| match error {
                SettleError::Store => Failure::try_again("store", error),
                other => Failure::refused("not_balanced", other),
            })?;
            let text = cycle.positions.iter().map(|it| format!("{:<16} {:>16} {}", it.bank, it.owes, it.currency));
            let text = text.collect::<Vec<_>>().join("\n");
            output.result(&cycle, &format!("cycle {}; what each bank paid in, minor units\n{text}", cycle.id))
        }
        IssuerCommand::Cases { export } => {
            let cases = issuer.cases().await.context("the issuer's database")?;
            if let Some(path) = export {
                let proofs = issuer.export_proofs().await.context("the issuer's database")?;
                let none = || Failure::refused("no_case", "there is no case with a proof to export");
                let proof = proofs.last().ok_or_else(none)?;
                std::fs::write(&path, &proof.document).with_context(|| format!("cannot write {}", path.display()))?;
            }
            let text = serde_json::to_string_pretty(&cases).map_err(anyhow::Error::from)?;
            let text = if cases.is_empty() { "no case".to_owned() } else { text };
            output.result(&json!({"cases": cases}), &text)
        }
    }
}

/// What circulates in one currency, for people.
fn circulation(one: &zeni_issuer::Circulation) -> String {
    let mut text = format!("{} (minor units)", one.currency);
    let rows = [("issued, by originating bank", &one.issued), ("returned, by depositing bank", &one.returned)];
    for (title, banks) in rows.into_iter().chain([("honoured beyond face value, by depositing bank", &one.honoured)]) {
        text.push_str(&format!("\n  {title}"));
        for (bank, amount) in banks {
            text.push_str(&format!("\n    {bank:<16} {amount:>16}"));
        }
    }
    text.push_str("\n  by bank: issued under seal, of these returned, of these out; owes in all; ceiling");
    for bank in &one.banks {
        let figures = format!("{:>12} {:>12} {:>12}", bank.issued, bank.returned, bank.outstanding);
        text.push_str(&format!("\n    {:<16} {figures} {:>12} {:>12}", bank.bank, bank.owes, bank.ceiling));
    }
    text.push_str(&format!(
        "\n  {:<18} {:>16}\n  {:<18} {:>16}",
        "outstanding", one.outstanding, "dormant", one.dormant
    ));
    let [register, archive, requests] = one.rows;
    text.push_str(&format!("\n  rows: {register} in the register, {archive} in the archive, {requests} requests"));
    text
}

/// `zeni authority …`.
pub(crate) async fn authority(args: AuthorityArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let parties = open(&args.dir, clock).await?;
    let authority = &parties.authority.as_ref().context("no authority runs from this directory")?.role;
    match args.command {
        AuthorityCommand::Disclosures => {
            let report = authority.disclosures().await.map_err(failed)?;
            let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
            output.result(&report, &text)
        }
        AuthorityCommand::Revoke { licence } => {
            let licence = licence_key(&licence)?;
            let revoked = authority.revoke(&licence, zeni_authority::Reason::Administrative).await;
            let revoked = match revoked {
                Ok(revoked) => revoked,
                Err(zeni_authority::Failure::Refused(refusal)) => {
                    return Err(Failure::refused("not_revoked", refusal));
                }
                Err(_) => return Err(Failure::try_again("busy", "the database is busy: try again")),
            };
            output.result(&revoked, "revoked; the new list is published")
        }
        AuthorityCommand::Reinstate { person } => {
            let before = match authority.reinstate(&person).await {
                Ok(before) => before,
                Err(zeni_authority::Failure::Refused(refusal)) => {
                    return Err(Failure::refused("unknown_person", refusal));
                }
                Err(_) => return Err(Failure::try_again("busy", "the database is busy: try again")),
            };
            let value = json!({"ok": true, "person": person, "before": before});
            output.result(&value, "the person is licensed again; wallets draw new licences by themselves")
        }
    }
}

/// A report for people: as JSON, with its times as dates.
fn dated(report: &impl Serialize) -> anyhow::Result<String> {
    let date = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let second = value.trim_end_matches(',');
        let time = Time(second.parse().ok().filter(|_| ["\"time\"", "\"until\""].contains(&name.trim_start()))?);
        Some(format!("{name}: \"{time}\"{}", &value[second.len()..]))
    };
    let text = serde_json::to_string_pretty(report)?;
    let lines: Vec<String> = text.lines().map(|line| date(line).unwrap_or_else(|| line.to_owned())).collect();
    Ok(lines.join("\n"))
}

/// Tells the limits of cards, or sets them.
async fn card_limits(bank: &zeni_bank::Bank, args: CardLimitsArgs, output: Output) -> Result<(), Failure> {
    let Some(code) = args.currency else {
        let limits = bank.card_limits().await.context("the bank's database")?;
        let text = dated(&limits)?;
        let text = if limits.is_empty() { "cards are not limited".to_owned() } else { text };
        return output.result(&json!({"limits": limits}), &text);
    };
    let unknown = || Failure::Usage(format!("'{code}' is no currency"));
    let currency = Currency::from_code(&code).filter(|currency| currency.is_listed()).ok_or_else(unknown)?;
    let amount = |text: Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let money = crate::wallet::money(&text)?;
        match money.currency == currency {
            true => Ok(Some(money.amount)),
            false => Err(Failure::Usage(format!("{text} is not in {code}"))),
        }
    };
    let card = args.card.as_deref().map(card_number).transpose()?;
    let limits = zeni_bank::CardLimits {
        currency,
        payment_max: amount(args.payment)?,
        day_max: amount(args.day)?,
        payments_max: args.payments,
        total_max: amount(args.total)?,
        until: args.until,
    };
    let set = bank.set_card_limits(limits, card).await.map_err(|error| match error {
        WriteError::Refused(refusal @ LimitsRefusal::UnknownCard) => Failure::refused("unknown_card", refusal),
        WriteError::Refused(refusal @ LimitsRefusal::Currencies) => Failure::refused("too_many_currencies", refusal),
        other => Failure::try_again("busy", format!("the bank's database: {other}")),
    })?;
    let text = format!("rules number {}: each card takes them at its next contact", set.number);
    output.result(&json!({"ok": true, "limits": set}), &text)
}

fn card_number(text: &str) -> Result<Nonce, Failure> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    let number = number.ok_or_else(|| Failure::Usage(format!("'{text}' is no number of a card")))?;
    Ok(Nonce::from(number.to_be_bytes()))
}

/// What an audit found wrong: books, or logs of identifications of these banks alone, which `command` accepts.
fn unsound(books_balance: bool, broken_logs: &[&str], command: &str) -> Failure {
    let logs = format!("the log of identifications of {} is broken", broken_logs.join(", "));
    if books_balance {
        let then = format!("once that is explained, 'zeni {command}' accepts it");
        return Failure::refused(
            "log_broken",
            format!("the books balance, but {logs}: see the violations above; {then}"),
        );
    }
    let also = if broken_logs.is_empty() { String::new() } else { format!(", and {logs}") };
    Failure::refused("not_balanced", format!("the books do not balance{also}: see the violations above"))
}

/// The key of a licence: given in hexadecimal, or a file with the licence's document.
fn licence_key(text: &str) -> Result<String, Failure> {
    let path = Path::new(text);
    if !path.exists() {
        return Ok(text.to_owned());
    }
    let bytes = documents::read(path)?;
    let licence =
        zeni_message::Signed::<Licence>::from_document(&bytes).map_err(|error| Failure::refused("malformed", error))?;
    Ok(crate::network::key_hex(&licence.record.key))
}

/// `zeni bank …`.
pub(crate) async fn bank(args: BankArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let parties = open(&args.dir, clock).await?;
    let bank =
        parties.banks.iter().find(|bank| bank.name == args.bank).ok_or_else(|| {
            Failure::refused("unknown_bank", format!("no bank '{}' runs from this directory", args.bank))
        })?;
    let bank = &bank.served.role;
    match args.command {
        BankCommand::Statement { account } => {
            let statement = bank.statement(&account).await.context("the bank's database")?;
            let Some(statement) = statement else {
                return Err(Failure::refused("unknown_account", format!("{} has no account '{account}'", args.bank)));
            };
            let mut text = format!("{}: {} available, {} held", statement.account, statement.balance, statement.held);
            for entry in &statement.entries {
                let sign = if entry.credit { '+' } else { '-' };
                text.push_str(&format!("\n{:>4}  {:<12} {sign}{}", entry.place, entry.kind, entry.amount));
            }
            output.result(&statement, &text)
        }
        BankCommand::Cases { export } => {
            let report = bank.cases().await.context("the bank's database")?;
            if let Some(path) = export {
                let case = report.cases.last().context("there is no case to export")?;
                // who overspent is nobody's but the bank's to know
                documents::write_private(&path, &case.document)?;
            }
            let text = dated(&report)?;
            let text = if report.cases.is_empty() { "no case".to_owned() } else { text };
            output.result(&report, &text)
        }
        BankCommand::CardLimits(args) => card_limits(bank, args, output).await,
        BankCommand::Cards { account } => {
            let cards = bank.cards_of(&account).await.context("the bank's database")?;
            let cards = cards.ok_or_else(|| {
                Failure::refused("unknown_account", format!("{} has no account '{account}'", args.bank))
            })?;
            let line = |card: &zeni_bank::CardReport| {
                let frozen = if card.frozen { "frozen" } else { "" };
                format!("{}  {}  {frozen}", card.card, Time(card.contact)).trim_end().to_owned()
            };
            let text = cards.iter().map(line).collect::<Vec<_>>().join("\n");
            let text = if cards.is_empty() { "no card was in contact".to_owned() } else { text };
            output.result(&json!({"account": account, "cards": cards}), &text)
        }
        BankCommand::FreezeCard { card } => {
            if !bank.freeze_card(card_number(&card)?).await.context("the bank's database")? {
                return Err(Failure::refused("unknown_card", format!("no card {card} was in contact")));
            }
            output.result(&json!({"ok": true, "card": card}), "frozen; it learns that at its next contact")
        }
        BankCommand::Lift { account } => {
            bank.lift(&account).await.map_err(|error| match error {
                WriteError::Refused(LiftRefusal::UnknownAccount) => {
                    Failure::refused("unknown_account", format!("{} has no account '{account}'", args.bank))
                }
                WriteError::Refused(LiftRefusal::NotSuspended) => {
                    Failure::refused("not_suspended", format!("account '{account}' is not suspended"))
                }
                other => Failure::try_again("busy", format!("the bank's database: {other}")),
            })?;
            output.result(&json!({"ok": true, "account": account}), "withdrawals under seal are open again")
        }
        BankCommand::AcceptLog => {
            let accepted = bank.accept_log().await.context("the bank's database")?;
            let summary = format!(
                "{} findings about the log of identifications accepted; the audit tells of them no more",
                accepted.len()
            );
            let lines = accepted.iter().map(|found| format!("{} does not hold: {}", found.rule, found.detail));
            let text = lines.chain([summary]).collect::<Vec<_>>().join("\n");
            output.result(&json!({"ok": true, "accepted": accepted.len(), "findings": accepted}), &text)
        }
        BankCommand::Audit => {
            let report = bank.audit().await.context("the bank's database")?;
            let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
            if report.violations.is_empty() {
                return output.result(&report, &text);
            }
            let broken: &[&str] = if report.log_is_broken() { &[&args.bank] } else { &[] };
            Err(unsound(report.books_balance(), broken, "bank … accept-log").with_result(json!(report), &text))
        }
    }
}
