//! Many Ed25519 signatures at once, by the rules of ZIP 215: for the issuer's returns.
//!
//! ZIP 215 accepts whatever [`PublicKey::verify`] accepts, and some more (points of small order,
//! encodings that are not canonical), but alone or in a batch it always answers the same.

use std::vec::Vec;

use ed25519_zebra::VerificationKeyBytes;
use ed25519_zebra::batch::{Item, Verifier};
use thiserror::Error;

use crate::{BadSignature, Entropy, EntropyRng, PublicKey, Signature};

/// Signatures waiting to be verified together. Items are numbered from 0 in the order added.
#[derive(Default)]
pub struct Batch {
    items: Vec<Item>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// An empty batch with room for that many items.
    #[must_use]
    pub fn with_capacity(items: usize) -> Batch {
        Batch { items: Vec::with_capacity(items) }
    }

    /// Adds an item; the message is hashed now and not kept.
    pub fn add(&mut self, key: PublicKey, signature: Signature, msg: &[u8]) {
        self.items.push(item(key, signature, msg));
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Verifies all items. With one bad item among many it costs two to three times as much: what
    /// fails is split in halves, and a half is not tried where the answer is known.
    ///
    /// # Errors
    /// [`BadItems`] names every item that does not verify.
    pub fn verify(&self, entropy: &mut dyn Entropy) -> Result<(), BadItems> {
        if passes(&self.items, entropy) {
            return Ok(());
        }
        let mut items = Vec::new();
        find_bad(&self.items, 0, entropy, &mut items);
        Err(BadItems { items })
    }
}

/// The items of a batch that do not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} signatures of the batch do not verify", items.len())]
pub struct BadItems {
    /// Their numbers, ascending; never empty.
    pub items: Vec<usize>,
}

/// Checks one signature by the rules of the batch (ZIP 215).
///
/// # Errors
/// [`BadSignature`].
pub fn verify_single(key: PublicKey, signature: &Signature, msg: &[u8]) -> Result<(), BadSignature> {
    item(key, *signature, msg).verify_single().map_err(|_| BadSignature)
}

fn item(key: PublicKey, signature: Signature, msg: &[u8]) -> Item {
    let signature = ed25519_zebra::Signature::from_bytes(&signature.0);
    Item::from((VerificationKeyBytes::from(key.0), signature, msg))
}

fn passes(items: &[Item], entropy: &mut dyn Entropy) -> bool {
    if items.len() <= SINGLY_MAX {
        return items.iter().all(|item| item.clone().verify_single().is_ok());
    }
    let mut verifier = Verifier::new();
    items.iter().for_each(|item| verifier.queue(item.clone()));
    verifier.verify(EntropyRng(entropy)).is_ok()
}

/// Collects the bad items of a slice that is known to hold at least one.
fn find_bad(items: &[Item], first: usize, entropy: &mut dyn Entropy, bad: &mut Vec<usize>) {
    if items.len() <= SINGLY_MAX {
        let failing = items.iter().enumerate().filter(|(_, item)| (*item).clone().verify_single().is_err());
        bad.extend(failing.map(|(at, _)| first + at));
        return;
    }
    let (left, right) = items.split_at(items.len() / 2);
    let left_is_good = passes(left, entropy);
    if !left_is_good {
        find_bad(left, first, entropy, bad);
    }
    // honest batches never fail: with a good left half the fault lies in the right one
    if left_is_good || !passes(right, entropy) {
        find_bad(right, first + left.len(), entropy, bad);
    }
}

/// Up to this many items one by one is no slower than a batch.
const SINGLY_MAX: usize = 4;

#[cfg(test)]
mod tests;
