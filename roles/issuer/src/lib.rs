//! The issuer (発行機関, RN-R2): issues notes against banks' requests, matches off what comes back, opens cases on what
//! was overspent, and settles between banks.
//!
//! It never learns a name, an account or which person drew a note: requests come without any certificate (RN-P15), or under
//! seal through a bank that does not say for whom (HC-P3). The two ways differ in how a note is issued, in the origin row
//! that a note under seal has, in what its bank holds for it, and in who is asked for the name behind its first key; returns,
//! trees, cases, claims and settlement are one.
//!
//! ```text
//! redeem, issue under seal ──► register ──► returns ──► archive ──► pruned
//!                │            └► case ──► disclosure ──► claims ──► decisions
//!                └► dormant (what never came back)
//! ```
//!
//! Invariants, recomputed by [`Issuer::audit`]:
//! - `used(node) = min(value, Σ used(children))`, and a note is in the archive exactly when `used(root) = face`.
//! - Σ issued − Σ returned as of right − Σ dormant = Σ rests in the register = the account of what is outstanding.
//! - What a bank holds for notes under seal is the sum of the rests of those that have their origin there.
//! - A note is in the register before anyone holds it (RN-P21).

mod audit;
mod books;
mod case;
mod ceilings;
mod claims;
mod config;
mod counts;
mod issue_sealed;
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
mod transfers;
mod void;

#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use zeni_crypto::{Digest, SecretKey, SharedEntropy};
use zeni_message::{
    Authority, Bank, Network, Refusal, Time,
    peer::Peer,
    route::{Clock, Failure},
};
use zeni_note::{RevocationList, keylist::Roots};
use zeni_store::{Store, Value, WriteError};
use zeroize::Zeroizing;

pub use audit::{AuditReport, BrokenLog, CurrencyFigures, LogFigures};
pub use books::Account;
pub use ceilings::CeilingError;
pub use claims::Policy;
pub use config::{BankConfig, Config, Limits, SealedClaims, SealedConfig, SeriesConfig, StartError};
pub use report::{BankCirculation, CaseReport, Circulation, Export, Position, Storage};
pub use schema::{ALL as STATEMENTS, SCHEMA};
pub use settlement::{Cycle, SettleError};
pub use tick::{Progress, TickError};

/// The issuer's secret keys.
pub struct Keys {
    /// Signs notes, load tickets, key lists, answers and exported proofs.
    pub signing: SecretKey,
    /// What the X-Wing key pairs of all epochs are made from, to which wallets seal requests (HC-D1).
    pub sealing: Zeroizing<[u8; 32]>,
}

/// Nothing secret is shown.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("signing", &self.signing.public()).finish_non_exhaustive()
    }
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
    banks: BTreeMap<String, Peer<Bank>>,
    nonces: nonce::Nonces,
    lists: keylist::Lists,
    licences: licences::VerifiedLicences,
    signing_keys: licences::KeptKeys,
    rounds: tick::Rounds,
    pauses: tick::Pauses,
    revocations: RwLock<Option<Arc<RevocationList>>>,
    folded: tick::Interval,
    pruned: tick::Interval,
}

impl Issuer {
    /// An issuer over its store. `banks` are asked to identify overspenders under seal, each for its own customers (HC-F5.3);
    /// a case of a bank that is not among them waits.
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
        banks: BTreeMap<String, Peer<Bank>>,
    ) -> Result<Arc<Issuer>, StartError> {
        config.check()?;
        for bank in config.banks.iter().filter(|bank| bank.makes_keys) {
            tracing::warn!(
                bank = bank.name,
                "this issuer makes key pairs for customers of a bank: it could sign in their places until T2 of each epoch, when the \
                 secret behind them is erased, and together with the bank until the records of the epoch end"
            );
        }
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
            banks,
            nonces,
            lists: keylist::Lists::default(),
            licences,
            signing_keys: licences::KeptKeys::default(),
            rounds: tick::Rounds::default(),
            pauses: tick::Pauses::default(),
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
        WriteError::Damaged | WriteError::Internal => Failure::Internal,
    }
}

/// A failed job that refuses nothing.
fn failure_of_read<R: Refusal>(error: WriteError<Never>) -> Failure<R> {
    failure(error.map(|never| match never {}))
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
