//! A bank (金融機関, RN-R3): accounts of its customers, blind signatures against debits, deposits held until the issuer
//! answers.
//!
//! | operation | file | rows |
//! |---|---|---|
//! | [`Enrol`](zeni_note::messages::bank::Enrol) | `enrol` | RN-F2.1, RN-X6 |
//! | [`Withdraw`](zeni_note::messages::bank::Withdraw) | `withdraw` | RN-F2.2…F2.6, RN-X5, RN-X7 |
//! | [`WithdrawSealed`](zeni_note::messages::bank::WithdrawSealed) | `sealed` | HC-F2.4…F2.8, F2.17, HC-X1, X5, X7…X9 |
//! | [`DisputeSignature`](zeni_note::messages::bank::DisputeSignature) | `dispute` | RN-X8 |
//! | [`OpenDeposit`](zeni_note::messages::bank::OpenDeposit), [`Deposit`](zeni_note::messages::bank::Deposit), [`HandInTakings`](zeni_note::messages::bank::HandInTakings), [`GetDeposit`](zeni_note::messages::bank::GetDeposit) | `deposit` | RN-F5, RN-X25, RN-X30, RN-O14 |
//! | [`ClaimRequest`](zeni_note::messages::bank::ClaimRequest) | `claim` | RN-X14 |
//! | [`IdentifyOverspender`](zeni_note::messages::bank::IdentifyOverspender) | `identify` | HC-F5.3…F5.6, HC-X39…X41 |
//! | [`ContactCard`](zeni_note::messages::bank::ContactCard), [`GetClearance`](zeni_note::messages::bank::GetClearance) | `cards` | docs/card.md |
//! | [`GetStatement`](zeni_note::messages::bank::GetStatement) | `statement` | RN-D18 |
//!
//! What the bank does by itself is [`Bank::tick`]: counts to the issuer (`counts`), returns and their answers (`returns`,
//! RN-F6), later decisions (`decisions`), voiding of claimed requests (`claim`), revocations
//! (`revocations`), keys for the epochs ahead (`epochs`), orders under seal without an answer and those past their term
//! (`sealed`), transfers (`transfers`).
//!
//! Invariants, recomputed by [`Bank::audit`]:
//! - available and held of an account never fall below zero;
//! - `requests signed` = Σ signatures per key × its face value, and no signature leaves that is not stored;
//! - `in clearing` = Σ held = Σ open items; `due from issuer` = Σ paid by the issuer's signed word;
//! - what is reported to the issuer never goes down;
//! - reserved of an account = Σ its orders without an answer; `sealed outstanding` = Σ issued − Σ returned;
//! - the log of identifications is whole.

mod accounts;
mod audit;
mod bank;
mod books;
mod cards;
mod certificates;
mod chores;
mod claim;
mod counts;
mod customers;
mod decisions;
mod deposit;
mod dispute;
mod enrol;
mod epochs;
mod identify;
mod items;
mod lists;
mod ready;
mod returns;
mod revocations;
mod routes;
mod schema;
mod sealed;
mod statement;
mod transfers;
mod vault;
mod withdraw;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use accounts::{LoadError, NewAccount, code_digest};
pub use audit::{AuditReport, CurrencyFigures, Violation, audit_of};
pub use bank::{Bank, COUNTS_EVERY_S, Config, Keys, SeriesConfig};
pub use cards::{CardLimits, CardReport, LimitsReport};
pub use chores::{ChoreError, Progress};
pub use identify::{
    CaseReport, CasesReport, IdentificationEntry, IdentificationOutcome, LiftRefusal, accept_log_in, cases_of, lift_in,
};
pub use schema::{ALL as STATEMENTS, SCHEMA};
pub use statement::{StatementEntry, StatementReport, statement_of};
