//! What anyone does who holds money, over a card, a database of his own and the parties he talks to.
//!
//! A [`Holder`] is one wallet or shop. Its operations, each in a file of its own:
//!
//! | operation | needs a connection | rows |
//! |---|---|---|
//! | [`Holder::join`] | yes | RN-F1, F2.1 |
//! | [`Holder::sync`] | yes | RN-X9, O28 |
//! | [`Holder::withdraw`], [`Holder::run_due`], [`Holder::next_due`] | yes | RN-F2, F3, O6 |
//! | [`Holder::withdraw_sealed`], [`Holder::sealed_orders`] | yes | HC-F2, F6, X10, X11 |
//! | [`Holder::request`], [`Holder::preview`], [`Holder::pay`], [`Holder::receive`], [`Holder::give_back`] | no | RN-F4 |
//! | [`Holder::deposit`], [`Holder::hand_in`], [`Holder::deposit_states`] | yes | RN-F5 |
//! | [`Holder::renew`], [`Holder::claim`], [`Holder::refund`], [`Holder::report_lost`] | yes | RN-X34, X14, X31 |
//! | [`Holder::resume`] | for what is unfinished | DESIGN §1.4 |
//! | [`Holder::balance`], [`Holder::history`], [`Holder::payments`], [`Holder::evidence`] | no | |
//! | [`Holder::backup`], [`Holder::restore`] | no | DESIGN §5 |
//! | [`Holder::refund_file`], [`Holder::present_refunds`] | yes | RN-X31, FX-F9 |
//! | [`Holder::contact`] | yes | docs/card.md |
//! | [`Holder::confirm_by_force`] | no | FX-F8 |
//!
//! Every operation stores what it is about to do, does it, stores the outcome. A cut in between is healed by
//! [`Holder::resume`] or by the same operation again: the card signs the same bytes, the parties answer with the same
//! reply. One process at a time works on one wallet; the caller holds the lock.
//!
//! [`Document`] reads and checks what travels as a file.

mod agree;
mod backup;
mod balance;
mod claim;
mod contact;
mod deposit;
mod document;
mod error;
mod give_back;
mod holder;
mod join;
mod known;
mod moves;
mod open;
mod pay;
mod pick;
mod receive;
mod record;
mod redeem;
mod refund_file;
mod renew;
mod report;
mod request;
mod resume;
mod schema;
mod sealed;
mod sync;
mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod withdraw;

pub use agree::unknown_money_is;
pub use backup::{Backup, RestoreError};
pub use claim::{ClaimError, ReportLostError};
pub use contact::ContactOutcome;
pub use deposit::DepositError;
pub use document::{ContentFault, Document, DocumentFault, Finding, Inspection};
pub use error::{Explain, Trouble};
pub use give_back::GiveBackError;
pub use holder::{Config, Holder, Peers, Policy};
pub use join::{Enrolment, Join, JoinError, SigningRequest};
pub use known::{KnownRequest, was_held};
pub use pay::{PayError, fingerprint};
pub use receive::ReceiveError;
pub use record::{CardRefused, Evidence, Kind, Privacy, Profile, Via};
pub use refund_file::{PAID_TO_NOBODY, PresentError, RefundFileError, RefundsPresented, RefundsSigned};
pub use renew::RenewError;
pub use report::{
    Balance, Claimed, CurrencyBalance, DepositReport, GivenBack, HistoryEntry, Joined, Paid, PayeeName, Preview,
    Progress, ReceiveOutcome, ReceivedReport, Redeemed, Renewed, Requested, Resumed, SealedReport, StuckRequest,
    Synced, Ways, Withdrawn,
};
pub use request::RequestError;
pub use schema::{SCHEMA, STATEMENTS};
pub use sealed::{SealedError, SealedKeys};
pub use sync::SyncError;
pub use withdraw::WithdrawError;
pub use zeni_card::{BackupKind, OpenPayment};

#[cfg(test)]
mod tests;
