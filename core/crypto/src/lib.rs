//! The cryptographic suites of Zeni behind one small interface.
//!
//! Without the feature `std`: hashes, Ed25519 keys, strict verification and COSE_Sign1, all that a
//! card runs. The feature adds the operating system's randomness, batches, blind signatures, seals,
//! key files and armour. Randomness is always an input ([`Entropy`]); nothing here reads a clock.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "std")]
pub mod armor;
#[cfg(feature = "std")]
pub mod batch;
#[cfg(feature = "std")]
pub mod blind;
pub mod cose;
mod digest;
mod entropy;
pub mod fixed;
mod hex;
mod key;
#[cfg(feature = "std")]
pub mod keyfile;
mod log;
#[cfg(feature = "std")]
pub mod raw_rsa;
#[cfg(feature = "std")]
pub mod seal;

pub use digest::{Digest, HexError, ct_eq, hkdf_sha256, sha256, tagged};
pub use entropy::{Entropy, EntropyRng};
#[cfg(feature = "std")]
pub use entropy::{OsEntropy, SeededEntropy, SharedEntropy};
pub use hex::hex;
pub use key::{BadSignature, KeyError, PublicKey, SecretKey, Signature};
pub use log::LogEnd;

#[cfg(test)]
mod testing;
