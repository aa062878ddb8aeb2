//! Double-entry accounts over a store transaction.
//!
//! Value moves only by [`post`]: one amount from a debited to a credited account of the same
//! currency. An account's balance is what was credited less what was debited, so the balances of a
//! currency always sum to zero.
//!
//! - A [`Kind::Floored`] account keeps its balance in a row and never goes below its floor. Its
//!   entries are numbered and carry the balance after each.
//! - A [`Kind::Open`] account takes part in most operations, so nothing about it is a row that
//!   everyone writes: its entries are appended, its balance is that of the last [`fold`] and the
//!   entries since. It has no floor and no order of entries in time.
//!
//! Every function runs inside a job of the store and changes nothing unless it says so. The crate
//! knows no time, no parties and no rules about who may post.

mod account;
mod audit;
mod post;
pub mod statements;
#[cfg(test)]
mod support;
mod tables;

pub use account::{
    Account, Balance, Cursor, ENTRIES_MAX, Entry, Kind, NAME_BYTES_MAX, Opened, Side, account, balance, entries, fold,
    open_account,
};
pub use audit::{AuditReport, Finding, audit};
pub use post::{Outcome, Posting, REFERENCE_BYTES_MAX, post};
pub use tables::{TABLES, migration};
