//! The bank as a value: configuration, keys, store, peers.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, RwLock},
};

use zeni_crypto::{Digest, SecretKey, SharedEntropy};
use zeni_identity::{Ca, Crl};
use zeni_message::{
    Authority, Issuer, Refusal, Time,
    peer::Peer,
    route::{Clock, Failure},
};
use zeni_money::{Amount, Currency};
use zeni_note::{keylist::Roots, sealed::IssuerMadeKeys};
use zeni_store::{Caller, Store, WriteError};
use zeroize::Zeroizing;

use crate::{cards::CardLimits, lists::Lists, vault::Vault};

/// The keys that a bank makes for one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesConfig {
    /// Series.
    pub series: u32,
    /// Its currency.
    pub currency: Currency,
    /// Face values, each with a key of its own per epoch (RN-D5).
    pub faces: Vec<Amount>,
}

/// What a bank is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the network, as certificates carry it.
    pub network_name: String,
    /// Short name of the bank.
    pub bank: String,
    /// Keys of the network.
    pub roots: Roots,
    /// What it signs.
    pub series: Vec<SeriesConfig>,
    /// Epoch for which keys are made while the issuer has published no list.
    pub first_epoch: u32,
    /// Days for which a customer's certificate holds.
    pub certificate_days: u32,
    /// Seconds between two questions for the same news from the issuer.
    pub poll_s: u64,
    /// Whether customers are named by notes whose keys the issuer made (HC-F6): refused unless the operator accepts that the issuer
    /// could then name any of them.
    pub issuer_made_keys: IssuerMadeKeys,
    /// Counts are reported once in each so many seconds of the clock, whether or not anything was signed, so that no report
    /// tells when a quiet bank has sold something; [`COUNTS_EVERY_S`] is usual. 0 reports each change at once, and tells it.
    pub counts_every_s: u64,
    /// What the customers' cards may pay without contact, per currency; none for no limits. In force until the operator sets
    /// others at run time, and again when it changes here.
    pub cards: Vec<CardLimits>,
}

/// Usual value of [`Config::counts_every_s`].
pub const COUNTS_EVERY_S: u64 = 3_600;

/// The secrets of a bank.
pub struct Keys {
    /// Encrypts the blind-signing keys in the store.
    pub master: Zeroizing<[u8; 32]>,
    /// Signs what the bank reports.
    pub document: SecretKey,
    /// Certifies its customers.
    pub customers: Ca,
}

/// A bank.
pub struct Bank {
    pub(crate) config: Config,
    pub(crate) document: SecretKey,
    pub(crate) customers: Ca,
    pub(crate) vault: Vault,
    pub(crate) store: Store,
    pub(crate) entropy: SharedEntropy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) issuer: Peer<Issuer>,
    pub(crate) authority: Peer<Authority>,
    /// The key lists of the store, read once.
    pub(crate) lists: RwLock<Option<Arc<Lists>>>,
    /// When news were last asked for, and where the round of claims stands. Lost at a restart without harm.
    pub(crate) rounds: Mutex<Rounds>,
    /// Orders under seal that this process is sending to the issuer: none is sent twice at once.
    pub(crate) forwarding: Mutex<BTreeSet<Digest>>,
    /// The list over customers' certificates. Lost at a restart, which makes a new one.
    pub(crate) customer_list: Mutex<Option<Crl>>,
}

#[derive(Default)]
pub(crate) struct Rounds {
    pub(crate) lists_asked: Option<Time>,
    pub(crate) revocations_asked: Option<Time>,
    pub(crate) decisions_asked: Option<Time>,
    pub(crate) folded: Option<Time>,
    pub(crate) claims_asked: Option<Time>,
    pub(crate) claim: Option<Digest>,
    pub(crate) transfers_asked: Option<Time>,
    pub(crate) orders_sent: Option<Time>,
    pub(crate) order: Option<Digest>,
}

impl Bank {
    /// A bank over `store`, which was opened with [`SCHEMA`](crate::SCHEMA).
    pub fn new(
        config: Config,
        keys: Keys,
        store: Store,
        entropy: SharedEntropy,
        clock: Arc<dyn Clock>,
        issuer: Peer<Issuer>,
        authority: Peer<Authority>,
    ) -> Arc<Self> {
        Arc::new(Bank {
            config,
            document: keys.document,
            customers: keys.customers,
            vault: Vault::new(&keys.master),
            store,
            entropy,
            clock,
            issuer,
            authority,
            lists: RwLock::default(),
            rounds: Mutex::default(),
            forwarding: Mutex::default(),
            customer_list: Mutex::default(),
        })
    }

    /// The queue of an account's jobs at the store, so that no customer holds up the others.
    pub(crate) fn lane(&self, account: &str) -> Caller {
        let digest = zeni_crypto::sha256(&[account.as_bytes()]);
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.0[..8]);
        Caller(u64::from_be_bytes(bytes))
    }
}

/// What a store's outcome means to the sender of a message.
pub(crate) fn failure<R: Refusal>(error: WriteError<R>) -> Failure<R> {
    match error {
        WriteError::Refused(refusal) => Failure::Refused(refusal),
        WriteError::Busy | WriteError::TryAgain | WriteError::Stopped => Failure::Busy,
        WriteError::Damaged | WriteError::Internal => Failure::Internal,
    }
}
