//! The secure element: keys that never leave it and counters that only fall (RN-R7, RN-P1).
//!
//! [`Card`] is the interface that a wallet works through: small messages, no callbacks, so that an ISO 7816 applet can
//! serve it. [`Element`] is the same behaviour over a durable memory of the wallet's computer.
//!
//! ```text
//! slot:    (closed) ── sign_challenge / open_load ──► open ── load ──► holding
//! holding: whole ── endorse ──► spending ── endorse … ──► spent
//!            └───── close / hand_in ──► closed
//! ```
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
#[cfg(any(test, feature = "testing"))]
extern crate std;

pub mod element;
mod interface;

pub use element::{
    Element,
    backup::{Backup, BackupFault, BackupKind, RestoreFault},
    memory::{Memory, MemoryFault},
};
pub use interface::{Card, CardError, HoldingState, HoldingStatus, Life, Statement};
pub use zeroize::Zeroizing;
