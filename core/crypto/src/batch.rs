//! Many Ed25519 signatures at once, by the rules of ZIP 215: for the issuer's returns.
//!
//! ZIP 215 accepts whatever [`PublicKey::verify`] accepts, and some more (points of small order,
//! encodings that are not canonical), but alone or in a batch it always answers the same.
//!
//! Signatures by few keys are checked by `ed25519-zebra`, which adds up what one key signed. Those by
//! many keys go through the batch of `ed25519-dalek` first, which takes points already worked out:
//! half of the square roots. Its equation is that of ZIP 215 without the factor 8, so what passes it
//! holds by ZIP 215; what does not is decided by ZIP 215, one by one in the end.

use std::ops::Range;
use std::vec::Vec;

use ed25519_dalek::VerifyingKey;
use ed25519_zebra::VerificationKeyBytes;
use ed25519_zebra::batch::{Item, Verifier};
use thiserror::Error;

use crate::{BadSignature, Entropy, EntropyRng, PublicKey, Signature};

/// A public key with its point worked out, about 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey(VerifyingKey);

impl KnownKey {
    /// Works the point out; none if the bytes are those of no point. Says no more about the key than that.
    #[must_use]
    pub fn new(key: &PublicKey) -> Option<KnownKey> {
        VerifyingKey::from_bytes(&key.0).ok().map(KnownKey)
    }

    fn public(&self) -> PublicKey {
        PublicKey(self.0.to_bytes())
    }
}

/// Signatures waiting to be verified together. Items are numbered from 0 in the order added.
#[derive(Default)]
pub struct Batch {
    /// Number and content of those added by the bytes of their key.
    items: Vec<Item>,
    item_numbers: Vec<usize>,
    /// Those added with a known key.
    known: Known,
    known_numbers: Vec<usize>,
}

/// Keys, signatures and messages, place by place.
#[derive(Default)]
struct Known {
    keys: Vec<VerifyingKey>,
    signatures: Vec<ed25519_dalek::Signature>,
    messages: Vec<Vec<u8>>,
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
        Batch { items: Vec::with_capacity(items), item_numbers: Vec::with_capacity(items), ..Batch::default() }
    }

    /// Adds an item, the cheaper the more of them have the same key; the message is hashed now and not kept.
    pub fn add(&mut self, key: PublicKey, signature: Signature, msg: &[u8]) {
        self.item_numbers.push(self.len());
        self.items.push(item(key, signature, msg));
    }

    /// Adds an item by a key whose point is known: cheaper when most keys differ.
    pub fn add_known(&mut self, key: &KnownKey, signature: Signature, msg: Vec<u8>) {
        self.known_numbers.push(self.len());
        self.known.keys.push(key.0);
        self.known.signatures.push(ed25519_dalek::Signature::from_bytes(&signature.0));
        self.known.messages.push(msg);
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.item_numbers.len() + self.known_numbers.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Verifies all items. With one bad item among many it costs two to three times as much: what
    /// fails is split in halves, and a half is not tried where the answer is known.
    ///
    /// # Errors
    /// [`BadItems`] names every item that does not verify.
    pub fn verify(&self, entropy: &mut dyn Entropy) -> Result<(), BadItems> {
        let mut bad = Vec::new();
        let mut passes = |range: Range<usize>| passes(&self.items[range], entropy);
        let mut single = |at: usize| self.items[at].clone().verify_single().is_ok();
        let mut found = |at: usize| bad.push(self.item_numbers[at]);
        search(0..self.items.len(), &mut passes, &mut single, &mut found);
        let mut passes = |range: Range<usize>| self.known.passes(range);
        let mut single = |at: usize| self.known.verify_single(at);
        let mut found = |at: usize| bad.push(self.known_numbers[at]);
        search(0..self.known.keys.len(), &mut passes, &mut single, &mut found);
        bad.sort_unstable();
        if bad.is_empty() { Ok(()) } else { Err(BadItems { items: bad }) }
    }
}

impl Known {
    /// Whether all of them hold; may say no of signatures with points of small order that do.
    fn passes(&self, range: Range<usize>) -> bool {
        let messages: Vec<&[u8]> = self.messages[range.clone()].iter().map(Vec::as_slice).collect();
        ed25519_dalek::verify_batch(&messages, &self.signatures[range.clone()], &self.keys[range]).is_ok()
    }

    fn verify_single(&self, at: usize) -> bool {
        let signature = Signature(self.signatures[at].to_bytes());
        verify_single(KnownKey(self.keys[at]).public(), &signature, &self.messages[at]).is_ok()
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
    let mut verifier = Verifier::new();
    items.iter().for_each(|item| verifier.queue(item.clone()));
    verifier.verify(EntropyRng(entropy)).is_ok()
}

/// Names what does not verify alone, in ascending order; what passes together is not looked at one by one.
fn search(
    range: Range<usize>,
    passes: &mut dyn FnMut(Range<usize>) -> bool,
    single: &mut dyn FnMut(usize) -> bool,
    found: &mut dyn FnMut(usize),
) {
    if range.len() <= SINGLY_MAX {
        range.filter(|at| !single(*at)).for_each(found);
    } else if !passes(range.clone()) {
        find_bad(range, passes, single, found);
    }
}

/// As [`search`], of items that are known not to pass together.
fn find_bad(
    range: Range<usize>,
    passes: &mut dyn FnMut(Range<usize>) -> bool,
    single: &mut dyn FnMut(usize) -> bool,
    found: &mut dyn FnMut(usize),
) {
    if range.len() <= SINGLY_MAX {
        return search(range, passes, single, found);
    }
    let middle = range.start + range.len() / 2;
    let (left, right) = (range.start..middle, middle..range.end);
    let small = left.len() <= SINGLY_MAX;
    let left_is_good = !small && passes(left.clone());
    if !left_is_good {
        find_bad(left, passes, single, found);
    }
    // honest batches never fail: with a good left half the fault lies in the right one
    if left_is_good {
        find_bad(right, passes, single, found);
    } else {
        search(right, passes, single, found);
    }
}

/// Up to this many items one by one is no slower than a batch.
const SINGLY_MAX: usize = 4;

#[cfg(test)]
mod tests;
