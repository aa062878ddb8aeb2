//! Commands of the institutions' operators.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::Offset};
use zeni_message::Time;

#[derive(Debug, Args)]
pub(crate) struct IssuerArgs {
    /// Directory of the sandbox, or of the configuration.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(subcommand)]
    pub(crate) command: IssuerCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// What was issued by which bank, what came back to which bank, what is outstanding.
    Circulation,
    /// Recompute every invariant from the databases.
    Audit,
    /// Set the most that a bank may owe and hold for notes; the next notes are measured by it.
    Ceiling {
        /// Short name of the bank.
        bank: String,
        /// Amount, e.g. "1000000 JPY".
        amount: String,
    },
    /// Take a bank's log of identifications as it is, when a break that the audit tells of has been explained: this issuer or the bank
    /// was restored from a backup. Alarms and the bank's signed words stay.
    AcceptLog {
        /// Short name of the bank.
        bank: String,
    },
    /// Close a settlement cycle: each bank's position becomes one transfer, and what has come back makes room below its ceiling.
    Settle,
    /// Cases of overspending.
    Cases {
        /// Write the newest proof to this file, as a signed document.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuthorityArgs {
    /// Directory of the sandbox, or of the configuration.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(subcommand)]
    pub(crate) command: AuthorityCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorityCommand {
    /// The log of names that were released against a proof.
    Disclosures,
    /// Revoke a licence by its key.
    Revoke {
        /// The licensed key, hexadecimal, or a file with the licence.
        licence: String,
    },
    /// License a person again after a loss or a closed case; what was revoked stays revoked.
    Reinstate {
        /// The person's id in the authority's file.
        person: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BankArgs {
    /// Directory of the sandbox, or of the configuration.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Short name of the bank.
    #[arg(long)]
    pub(crate) bank: String,
    #[command(subcommand)]
    pub(crate) command: BankCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BankCommand {
    /// An account with its entries.
    Statement {
        /// The account.
        account: String,
    },
    /// Recompute every account from its entries.
    Audit,
    /// Customers who overspent notes under seal, and every question for a name.
    Cases {
        /// Write the newest case to this file, as a document signed by the bank.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// What customers' cards may pay without contact. With a currency it sets the limits, all of them: what is not said is not
    /// limited. Cards take them at their next contact.
    CardLimits(CardLimitsArgs),
    /// The cards of an account: numbers, last contacts, which are frozen.
    Cards {
        /// The account.
        account: String,
    },
    /// Freeze a card that was lost: from its next contact on, what it holds can only be refunded.
    FreezeCard {
        /// Its number, hexadecimal, as 'cards' tells it.
        card: String,
    },
    /// Take the log of identifications as it is, when what the audit says of it has been explained. What is found later is told again.
    AcceptLog,
    /// Let an account withdraw under seal again that was suspended by a case.
    Lift {
        /// The account.
        account: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CardLimitsArgs {
    /// Set the limits of payments in this currency; without it, those in force are told.
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// For this card alone, hexadecimal.
    #[arg(long, value_name = "HEX", requires = "currency")]
    pub(crate) card: Option<String>,
    /// Most in one payment, e.g. "300 JPY".
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub(crate) payment: Option<String>,
    /// Most in one day, as the card learns it at contacts.
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub(crate) day: Option<String>,
    /// Most payments in a row without contact.
    #[arg(long, value_name = "N", requires = "currency")]
    pub(crate) payments: Option<u32>,
    /// Most in all without contact.
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub(crate) total: Option<String>,
    /// The last day on which cards pay, e.g. 2027-03-31 (UTC), or the last second: 2027-03-31T12:00:00Z, or counted from 1970.
    #[arg(long, value_name = "DATE", requires = "currency", value_parser = until)]
    pub(crate) until: Option<Time>,
}

/// The last second of a day, or a second.
fn until(text: &str) -> Result<Time, String> {
    let wrong = || format!("'{text}' is neither a day such as 2027-03-31 nor a second such as 2027-03-31T12:00:00Z");
    let second = |at: Timestamp| u64::try_from(at.as_second()).map(Time).map_err(|_| wrong());
    if let Ok(seconds) = text.parse() {
        // a day without its dashes is no second of 1970
        return if text.len() < SECOND_DIGITS { Err(wrong()) } else { Ok(Time(seconds)) };
    }
    match text.parse::<Date>() {
        Ok(day) => Offset::UTC.to_timestamp(day.at(23, 59, 59, 0)).map_err(|_| wrong()).and_then(second),
        Err(_) => text.parse().map_err(|_| wrong()).and_then(second),
    }
}

/// Digits of every second since 2001.
const SECOND_DIGITS: usize = 10;
