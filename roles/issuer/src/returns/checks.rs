//! The signatures of a batch, verified together.

use std::collections::{HashMap, HashSet};

use zeni_crypto::{Digest, PublicKey, Signature, batch::Batch};
use zeni_message::{Signed, sig_structure};
use zeni_note::Licence;

use crate::{
    Issuer,
    licences::{KeptKeys, licence_digest},
};

/// Signatures of a batch, each belonging to one item or to one hand-in.
pub(crate) struct Checks {
    batch: Batch,
    owners: Vec<Owner>,
    licences: HashMap<Digest, Vec<usize>>,
    fresh: Vec<Digest>,
}

#[derive(Clone, Copy)]
pub(crate) enum Owner {
    Item(usize),
    HandIn(usize),
    Licence(usize),
}

/// What did not verify.
#[derive(Default)]
pub(crate) struct Failed {
    pub(crate) items: HashSet<usize>,
    pub(crate) hand_ins: HashSet<usize>,
}

impl Checks {
    pub(crate) fn new(items: usize) -> Checks {
        Checks {
            batch: Batch::with_capacity(2 * items),
            owners: Vec::with_capacity(2 * items),
            licences: HashMap::new(),
            fresh: Vec::new(),
        }
    }

    /// Of a signature by a key that signs many of the batch, the issuer's or the authority's.
    pub(crate) fn add(&mut self, owner: Owner, key: PublicKey, signature: Signature, message: &[u8]) {
        self.batch.add(key, signature, message);
        self.owners.push(owner);
    }

    /// Of a signature by a holder.
    pub(crate) fn add_holder(
        &mut self,
        keys: &KeptKeys,
        owner: Owner,
        key: PublicKey,
        signature: Signature,
        message: Vec<u8>,
    ) {
        match keys.known(&key) {
            Some(key) => self.batch.add_known(&key, signature, message),
            // no point, and so no true signature: the batch says so
            None => self.batch.add(key, signature, &message),
        }
        self.owners.push(owner);
    }
}

impl Issuer {
    /// A licence is checked unless it was before, and once for all items that show it.
    pub(crate) fn add_licence(&self, index: usize, licence: &Signed<Licence>, checks: &mut Checks) {
        let digest = licence_digest(self.network(), licence);
        if self.licences.contains(&digest) {
            return;
        }
        let fresh = checks.fresh.len();
        let shown = checks.licences.entry(digest).or_default();
        shown.push(index);
        if shown.len() == 1 {
            checks.fresh.push(digest);
            let message = sig_structure(self.network(), &licence.record);
            checks.add(Owner::Licence(fresh), self.roots.authority, licence.signature, &message);
        }
    }

    /// Verifies all signatures at once by ZIP 215 and remembers the licences that hold.
    pub(crate) fn verify(&self, checks: &Checks) -> Failed {
        let mut failed = Failed::default();
        let mut bad_licences = HashSet::new();
        let mut entropy = self.entropy.clone();
        if let Err(bad) = checks.batch.verify(&mut entropy) {
            for item in bad.items {
                match checks.owners[item] {
                    Owner::Item(index) => drop(failed.items.insert(index)),
                    Owner::HandIn(index) => drop(failed.hand_ins.insert(index)),
                    Owner::Licence(index) => {
                        let digest = checks.fresh[index];
                        bad_licences.insert(digest);
                        failed.items.extend(&checks.licences[&digest]);
                    }
                }
            }
        }
        self.licences.remember(checks.fresh.iter().copied().filter(|digest| !bad_licences.contains(digest)));
        failed
    }
}
