//! The secure element: keys that never leave it and counters that only fall (RN-R7, RN-P1).
//!
//! [`Card`] is the interface that a wallet works through. [`ApduCard`] serves it over whatever carries commands of ISO 7816-4
//! ([`Transmit`]); [`Applet`] answers them, by the rules of [`Element`] over a durable [`Memory`]. The commands are those of
//! `docs/card.md`.
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

pub mod apdu;
pub mod applet;
pub mod driver;
pub mod element;
mod interface;

pub use applet::Applet;
pub use driver::{ApduCard, InProcess, Information, LinkFault, Transmit};
pub use element::{
    Element,
    backup::{Backup, BackupFault, BackupKind, RestoreFault},
    memory::{Memory, MemoryFault},
    pin::{PIN_TRIES, PUK_TRIES, Pin, Tries},
};
pub use interface::{
    Card, CardError, Contact, Counts, HoldingState, HoldingStatus, Identity, KeyPolicy, Life, Limit, Limits,
    OpenPayment, OperatorStatus, PIN_DIGITS_MAX, PIN_DIGITS_MIN, PaymentPart, Statement,
};
pub use zeroize::Zeroizing;
