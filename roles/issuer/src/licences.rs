//! Licences verified before: remembered by digest, in bounded memory.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use zeni_crypto::{Digest, PublicKey, Signature, batch::KnownKey, tagged};
use zeni_message::{Network, Signed, encode, sig_structure};
use zeni_note::Licence;

/// Two generations of digests: when the younger is full it becomes the older, and the older is forgotten.
pub(crate) struct VerifiedLicences {
    generations: RwLock<[HashSet<Digest>; 2]>,
    generation_max: usize,
}

/// A licence as the cache names it, with what it takes to verify it.
pub(crate) struct LicenceCheck {
    /// Digest of content **and** signature: another signature over the same content is checked by itself.
    pub(crate) digest: Digest,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Signature,
}

impl LicenceCheck {
    pub(crate) fn new(network: Network, licence: &Signed<Licence>) -> LicenceCheck {
        let message = sig_structure(network, &licence.record);
        LicenceCheck { digest: licence_digest(network, licence), message, signature: licence.signature }
    }

    /// Whether the authority signed it, by the strict equation.
    pub(crate) fn holds(&self, authority: &PublicKey) -> bool {
        authority.verify(&self.message, &self.signature).is_ok()
    }
}

/// [`LicenceCheck::digest`] alone, which is all that a licence verified before takes.
pub(crate) fn licence_digest(network: Network, licence: &Signed<Licence>) -> Digest {
    tagged("zeni/verified-licence", &[&network.0.0, &encode(licence)])
}

impl VerifiedLicences {
    pub(crate) fn new(max: usize) -> VerifiedLicences {
        VerifiedLicences { generations: RwLock::default(), generation_max: (max / 2).max(1) }
    }

    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.iter().any(|generation| generation.contains(digest))
    }

    pub(crate) fn remember(&self, digests: impl IntoIterator<Item = Digest>) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        for digest in digests {
            if generations[0].len() >= self.generation_max {
                generations.swap(0, 1);
                generations[0].clear();
            }
            generations[0].insert(digest);
        }
    }
}

/// Keys kept with their points, about 230 bytes each.
const KEYS_KEPT_MAX: usize = 1 << 17;

/// Keys that have signed lately, with their points, in two generations like [`VerifiedLicences`]. Nothing is trusted for
/// being here.
#[derive(Default)]
pub(crate) struct KeptKeys {
    generations: RwLock<[HashMap<PublicKey, KnownKey>; 2]>,
}

impl KeptKeys {
    /// The key with its point; none if its bytes are those of no point.
    pub(crate) fn known(&self, key: &PublicKey) -> Option<KnownKey> {
        {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = generations.iter().find_map(|generation| generation.get(key)) {
                return Some(known.clone());
            }
        }
        let known = KnownKey::new(key)?;
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations[0].len() >= KEYS_KEPT_MAX / 2 {
            generations.swap(0, 1);
            generations[0].clear();
        }
        generations[0].insert(*key, known.clone());
        Some(known)
    }
}
