//! What crosses between parties: messages with their addressee, the strict codec, signed records.
//!
//! Without `std` this holds what a card needs: the codec, time, signed records and limits. With `std` (default) it adds
//! the two sides of a call: [`peer`] sends a message to its addressee over a [`peer::Transport`], [`route`] brings it to
//! the role that handles it. No sockets here: HTTP and memory carry the same bytes.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod codec;
pub mod limits;
mod message;
mod refusal;
mod signed;
mod time;

#[cfg(feature = "std")]
pub mod peer;
#[cfg(feature = "std")]
pub mod route;

pub use codec::{Malformed, Wire, decode, encode};
pub use message::{Auth, Authority, Bank, Issuer, Message, Party, Role};
pub use refusal::{Culprit, NoRefusal, Refusal, Retry};
pub use signed::{DocumentError, Network, NotVerified, Record, Signed, Verified, identity, sig_structure};
pub use time::Time;
