//! The registration authority (登録機関, RN-R1): licenses keys of persons it knows, co-signs key lists, releases a name
//! against a proof of overspending, and publishes what is revoked.
//!
//! It takes no part in any transaction of money: no amount, account, note or payment is ever stored here (RN-P14). What
//! arrives as evidence is verified, digested and forgotten.
//!
//! Invariants, recomputed by [`Authority::audit`]:
//! - every licence row belongs to a registered person and bears this authority's signature;
//! - the current revocation list names exactly the revoked rows, those of keys under seal among them;
//! - the log of disclosures is one unbroken hash chain, and the head in the current list is one of its heads;
//! - every answer about a person and every key under seal that is revoked has its entry there;
//! - whoever is suspended or reported a loss has no licence that is not revoked;
//! - one key list per epoch, each the continuation of the one before it.

mod audit;
mod cosign_key_list;
mod disclose;
mod disclosures;
mod get_licences;
mod get_revocations;
mod get_signed_key_lists;
mod log;
mod persons;
mod publication;
mod report_lost;
mod revoke;
mod revoke_sealed;
mod routes;
mod rows;
mod same_person;
pub mod schema;
mod settle;
mod tick;

use std::{num::NonZeroU64, sync::Arc};

use zeni_crypto::{PublicKey, SecretKey};
use zeni_message::{Network, Time, route::Clock};
use zeni_note::keylist::Roots;
use zeni_store::Store;
use zeroize::Zeroizing;

pub use audit::{AuditReport, Violation};
pub use disclosures::{DisclosureEntry, DisclosureReport};
pub use log::Outcome;
pub use persons::{LoadRefusal, Loaded, Person, ReinstateRefusal};
pub use revoke::{RevokeRefusal, Revoked};
pub use rows::{Reason, Status};
pub use schema::SCHEMA;
pub use tick::Progress;

/// Why an operation of the administration brought nothing: its own refusal, or the store's trouble.
pub use zeni_message::route::Failure;

/// The grid on which licences end, so that the end of a licence marks nobody (RN-O20, RN-P7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LicenceGrid {
    /// A border between two steps.
    pub origin: Time,
    /// Seconds of one step.
    pub step_s: NonZeroU64,
    /// Whole steps for which a licence is good after the one in which it is made.
    pub steps: u32,
}

impl LicenceGrid {
    /// End of every licence that is made at `now`: the end of the present step and [`steps`](Self::steps) more.
    #[must_use]
    pub fn end(&self, now: Time) -> Time {
        let step = now.since(self.origin) / self.step_s;
        let steps = step.saturating_add(1).saturating_add(u64::from(self.steps));
        self.origin.plus(steps.saturating_mul(self.step_s.get()))
    }
}

/// What an authority is told about its network and its policy.
#[derive(Clone, Debug)]
pub struct Config {
    /// Network digest.
    pub network: Network,
    /// The issuer's key.
    pub issuer: PublicKey,
    /// When licences end.
    pub grid: LicenceGrid,
    /// Seconds for which a row is kept after its licence ended. It is kept longer while a co-signed key list says that a
    /// note which the key may have held can still be traced (RN-O21).
    pub retain_s: u64,
    /// Seconds after which [`Authority::tick`] signs the revocation list afresh.
    pub list_fresh_s: u64,
    /// Licences of one person that have not ended, at most ([`LICENCES_MAX`] unless there is a reason): all of them stand
    /// in the revocation list once the person is suspended.
    pub licences_max: u32,
}

/// Usual limit of licences of one person that have not ended.
pub const LICENCES_MAX: u32 = 4_096;

/// What an authority keeps secret.
pub struct Keys {
    /// `SK_R`: signs licences, names, key lists and revocation lists.
    pub signing: SecretKey,
    /// Key of the digests that stand for a person towards the issuer.
    pub handles: Zeroizing<[u8; 32]>,
}

/// The registration authority.
pub struct Authority {
    config: Config,
    keys: Keys,
    roots: Roots,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Authority {
    /// An authority over a store that was opened with [`SCHEMA`].
    #[must_use]
    pub fn new(config: Config, keys: Keys, store: Store, clock: Arc<dyn Clock>) -> Arc<Self> {
        let roots = Roots { network: config.network, issuer: config.issuer, authority: keys.signing.public() };
        Arc::new(Authority { config, keys, roots, store, clock })
    }

    /// Keys of the network as this authority knows them.
    #[must_use]
    pub fn roots(&self) -> Roots {
        self.roots
    }
}

#[cfg(test)]
mod tests;
