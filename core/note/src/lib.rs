//! Notes that pass from hand to hand: licences, notes, endorsements, chains, challenges, payments and their verification.
//!
//! No I/O, no clock, no randomness: every function is a function of its arguments. A reader with the paper in hand finds
//! its records under [`licence`], [`note`], [`challenge`], [`chain`], [`closing`], its messages under [`messages`], and the
//! functions `f` and `g` under [`spec`]. Rows of the catalogue (`RN-…`) are cited where they are carried out.
//!
//! ```text
//! note ──► endorsement ──► endorsement ──► closing
//!  │          │  parent = identity of what is before it
//!  └ holder   └ answers a challenge: e = f(TIME, W), W commits to the payee's key
//! ```
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod chain;
pub mod challenge;
pub mod closing;
pub mod keylist;
pub mod licence;
pub mod merkle;
pub mod messages;
pub mod note;
pub mod operator;
pub mod payment;
pub mod proof;
pub mod request;
pub mod right;
pub mod sealed;
pub mod spec;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use chain::{Chain, ChainFault, Hop, Node, Place, VerifiedChain};
pub use challenge::{Challenge, Opening};
pub use closing::{Closing, ClosingPurpose, HandIn};
pub use keylist::{KeyEntry, KeyList, SeriesTerms};
pub use licence::{Licence, LicenceRequest, NameCertificate, RevocationList};
pub use note::{LoadTicket, Note, Serial};
pub use operator::{CardRules, Clearance, ContactTicket, RevocationFilter, RulesNumber};
pub use payment::{Answer, Payment};
pub use proof::OverspendingProof;
pub use request::IssuanceRequest;
pub use right::Right;

/// A random 128-bit value: nonces and ids chosen by clients.
pub type Nonce = minicbor::bytes::ByteArray<16>;
