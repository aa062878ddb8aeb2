//! The issuer (発行機関, RN-R2): issues notes against banks' requests, matches off what comes back, opens cases on what
//! was overspent, and settles between banks.
//!
//! It never learns a name, an account or which person drew a note: requests come without any certificate (RN-P15).
//!
//! ```text
//! redeem ──► register ──► returns ──► archive ──► pruned
//!                │            └► case ──► disclosure ──► claims ──► decisions
//!                └► dormant (what never came back)
//! ```
//!
//! Invariants, recomputed by [`Issuer::audit`]:
//! - `used(node) = min(value, Σ used(children))`, and a note is in the archive exactly when `used(root) = face`.
//! - Σ issued − Σ returned as of right − Σ dormant = Σ rests in the register = the account of what is outstanding.
//! - A note is in the register before anyone holds it (RN-P21).

mod audit;
mod books;
mod case;
mod claims;
mod config;
mod counts;
mod keylist;
mod licences;
mod nonce;
mod prune;
mod redeem;
mod refund;
mod renew;
mod report;
mod returns;
mod routes;
mod schema;
mod settlement;
mod tick;
mod void;

#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use zeni_crypto::{Digest, SecretKey, SharedEntropy};
use zeni_message::{
    Authority, Network, Refusal, Time,
    peer::Peer,
    route::{Clock, Failure},
};
use zeni_note::{RevocationList, keylist::Roots};
use zeni_store::{Store, Value, WriteError};

pub use audit::{AuditReport, CurrencyFigures};
pub use books::Account;
pub use claims::Policy;
pub use config::{BankConfig, Config, Limits, SeriesConfig, StartError};
pub use report::{CaseReport, Circulation, Export, Position};
pub use schema::{ALL as STATEMENTS, SCHEMA};
pub use settlement::{Cycle, SettleError};
pub use tick::{Progress, TickError};

/// The issuer's secret keys.
#[derive(Debug)]
pub struct Keys {
    /// Signs notes, load tickets, key lists, answers and exported proofs.
    pub signing: SecretKey,
}

/// The issuer: one per network, any number of handles.
pub struct Issuer {
    config: Config,
    roots: Roots,
    keys: Keys,
    store: Store,
    entropy: SharedEntropy,
    clock: Arc<dyn Clock>,
    authority: Peer<Authority>,
    nonces: nonce::Nonces,
    lists: keylist::Lists,
    licences: licences::VerifiedLicences,
    signing_keys: licences::KeptKeys,
    rounds: case::Rounds,
    revocations: RwLock<Option<Arc<RevocationList>>>,
    folded: tick::Interval,
    pruned: tick::Interval,
}

impl Issuer {
    /// An issuer over its store.
    ///
    /// # Errors
    /// [`StartError`] when the configuration cannot work: terms out of order, retention too short, repeated names.
    pub fn new(
        config: Config,
        keys: Keys,
        store: Store,
        entropy: SharedEntropy,
        clock: Arc<dyn Clock>,
        authority: Peer<Authority>,
    ) -> Result<Arc<Issuer>, StartError> {
        config.check()?;
        let roots = Roots { network: config.network, issuer: keys.signing.public(), authority: config.authority };
        let nonces = nonce::Nonces::new(entropy.bytes());
        let licences = licences::VerifiedLicences::new(config.limits.licences_cached_max);
        Ok(Arc::new(Issuer {
            config,
            roots,
            keys,
            store,
            entropy,
            clock,
            authority,
            nonces,
            lists: keylist::Lists::default(),
            licences,
            signing_keys: licences::KeptKeys::default(),
            rounds: case::Rounds::default(),
            revocations: RwLock::new(None),
            folded: tick::Interval::default(),
            pruned: tick::Interval::default(),
        }))
    }

    /// What everyone knows of this network.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// How this issuer is configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn network(&self) -> Network {
        self.roots.network
    }

    fn revocations(&self) -> Option<Arc<RevocationList>> {
        self.revocations.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a failed job means to whoever sent the message.
fn failure<R: Refusal>(error: WriteError<R>) -> Failure<R> {
    match error {
        WriteError::Refused(refusal) => Failure::Refused(refusal),
        WriteError::Busy | WriteError::TryAgain | WriteError::Stopped => Failure::Busy,
        WriteError::Internal => Failure::Internal,
    }
}

/// A failed job that refuses nothing.
fn failure_of_read<R: Refusal>(error: WriteError<Never>) -> Failure<R> {
    match error {
        WriteError::Refused(never) => match never {},
        WriteError::Busy | WriteError::TryAgain | WriteError::Stopped => Failure::Busy,
        WriteError::Internal => Failure::Internal,
    }
}

/// The refusal of a job that refuses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Never {}

/// A job's result that refuses nothing.
type Done<T> = Result<T, zeni_store::JobError<Never>>;

fn time_value(time: Time) -> Value {
    Value::Int(i64::try_from(time.0).unwrap_or(i64::MAX))
}

fn count_value(count: u64) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn digest(row: &zeni_store::Row, column: usize) -> Result<Digest, zeni_store::TxError> {
    row.array(column).map(Digest)
}
