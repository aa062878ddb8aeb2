//! What the fuzz targets do: each function takes any bytes and panics if a law is broken.
//!
//! `tests/fuzz.rs` includes this file, so that proptest calls the same functions in every run of the tests.
//! Where wild bytes would get stuck at the first check, the bytes say how to alter something real.

mod apdu;
mod card;
mod chain;
mod codec;
mod documents;
mod key_file;
mod samples;
mod text;

pub use apdu::{apdu, forgetful_applet};
pub use card::{card, forgetful_card};
pub use chain::{chain, payment};
pub use codec::codec;
pub use documents::documents;
pub use key_file::key_file;
pub use text::text;
