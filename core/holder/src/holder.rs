//! The holder: a card, a database and the parties he talks to.

use std::{collections::BTreeMap, fmt, sync::Arc};

use zeni_card::{Card, HoldingState, HoldingStatus};
use zeni_crypto::{Digest, SharedEntropy};
use zeni_message::{Authority, Bank, Issuer, Time, peer::Peer, route::Clock};
use zeni_note::{KeyList, Nonce, RevocationList, keylist::Roots, licence::Keeper, spec};
use zeni_store::Store;

use crate::{
    Evidence, Privacy, Profile, Trouble,
    record::{Holding, Kind, LicenceUse, ONLY, OwnRight, StoredKeyList, StoredRevocations},
    table::{self, Change, Stored},
};

/// Numbers by which a holder behaves; the defaults are those of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Seconds before any delay in which a bank's count of signatures reaches the issuer, which refuses what is not counted.
    pub redeem_wait_s: u64,
    /// Longest random delay of a redemption, seconds (RN-O6).
    pub redeem_delay_max_s: u64,
    /// Seconds until a redemption that was put off is tried again.
    pub redeem_retry_s: u64,
    /// Tries of a redemption with short, doubling waits; after that it is tried at the pace above.
    pub redeem_tries_max: u32,
    /// Licences that an unlinkable wallet keeps in stock (RN-O28).
    pub stock_licences: usize,
    /// Licences that a shop or an untraceable wallet keeps for payments to itself before deposits and for renewals, which
    /// so need no authority (RN-P14).
    pub spare_licences: usize,
    /// Seconds for which a request for payment can be signed.
    pub request_valid_s: u64,
    /// Seconds by which a payee's clock may be ahead.
    pub clock_skew_s: u64,
    /// Requests for payment that may be open at once.
    pub open_challenges_max: usize,
    /// Age at which `resume` fetches a new revocation list, seconds.
    pub list_age_max_s: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            redeem_wait_s: 3_600,
            redeem_delay_max_s: 4 * 3_600,
            redeem_retry_s: 60,
            redeem_tries_max: 8,
            stock_licences: 64,
            spare_licences: 8,
            request_valid_s: 24 * 3_600,
            clock_skew_s: 300,
            open_challenges_max: zeni_message::limits::OPEN_CHALLENGES_MAX,
            list_age_max_s: 6 * 3_600,
        }
    }
}

/// What a holder is told at the start.
#[derive(Clone)]
pub struct Config {
    /// Network and the keys everything is checked with.
    pub roots: Roots,
    /// Behaviour.
    pub policy: Policy,
    /// The authority's secret for the person, from the encrypted key file; without it no licences can be drawn.
    pub identity: Option<String>,
    /// Where the card's keys live.
    pub keeper: Keeper,
}

/// Shows no secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("roots", &self.roots).field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// The parties a holder talks to. The bank's connection carries the customer's certificate once there is one; the
/// others never carry any.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Registration authority.
    pub authority: Peer<Authority>,
    /// The holder's bank.
    pub bank: Peer<Bank>,
    /// The same bank over connections without certificate.
    pub bank_public: Peer<Bank>,
    /// Issuer, public side.
    pub issuer: Peer<Issuer>,
}

/// Anyone who holds money. One process at a time works on one card and database; operations take `&mut self`.
pub struct Holder {
    pub(crate) config: Config,
    pub(crate) card: Box<dyn Card>,
    pub(crate) store: Store,
    pub(crate) entropy: SharedEntropy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) peers: Peers,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A holding of which something may be spent, with what the card says of it.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) holding: Holding,
    pub(crate) status: HoldingStatus,
}

impl Holder {
    /// A holder over a card and a database with the tables of [`crate::SCHEMA`].
    pub fn new(
        config: Config,
        card: Box<dyn Card>,
        store: Store,
        entropy: SharedEntropy,
        clock: Arc<dyn Clock>,
        peers: Peers,
    ) -> Self {
        Holder { config, card, store, entropy, clock, peers }
    }

    /// The parties this holder talks to from now on, e.g. after a certificate was obtained.
    pub fn set_peers(&mut self, peers: Peers) {
        self.peers = peers;
    }

    /// Network and keys.
    pub fn roots(&self) -> &Roots {
        &self.config.roots
    }

    /// Who the holder is, once joined.
    pub async fn profile(&self) -> Result<Profile, Trouble> {
        self.get::<Profile>(ONLY).await?.ok_or(Trouble::NotJoined)
    }

    /// Key lists at hand, by epoch.
    pub async fn key_lists(&self) -> Result<Vec<KeyList>, Trouble> {
        let mut lists: Vec<KeyList> = self.all::<StoredKeyList>().await?.into_iter().map(|it| it.list).collect();
        lists.sort_by_key(|list| list.record.epoch);
        Ok(lists)
    }

    /// The revocation list at hand; before the first synchronisation an empty one of the beginning of time.
    pub async fn revocations(&self) -> Result<RevocationList, Trouble> {
        let stored = self.get::<StoredRevocations>(ONLY).await?;
        Ok(stored.map_or_else(
            || RevocationList { number: 0, time: Time::START, log_head: Digest([0; 32]), revoked: Vec::new() },
            |it| it.list.record,
        ))
    }

    /// What shows that keys are not the same for all (RN-X9).
    pub async fn evidence(&self) -> Result<Vec<Evidence>, Trouble> {
        self.all().await
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn nonce(&self) -> Nonce {
        self.entropy.bytes::<16>().into()
    }

    pub(crate) async fn get<T: Stored>(&self, id: &[u8]) -> Result<Option<T>, Trouble> {
        table::get(&self.store, id).await
    }

    pub(crate) async fn all<T: Stored>(&self) -> Result<Vec<T>, Trouble> {
        table::all(&self.store).await
    }

    pub(crate) async fn active<T: Stored>(&self) -> Result<Vec<T>, Trouble> {
        table::active(&self.store).await
    }

    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), Trouble> {
        table::commit(&self.store, changes).await
    }

    pub(crate) async fn put<T: Stored>(&self, record: &T) -> Result<(), Trouble> {
        self.commit(vec![Change::put(record)]).await
    }

    /// The account as the deposit or the claim `id` names it (RN-P7).
    pub(crate) fn account_digest(profile: &Profile, id: &[u8; 16]) -> Digest {
        spec::deposit_account(&profile.bank, &profile.account, &profile.account_salt, id)
    }

    /// Keys that can be bound to something new, oldest first, none whose licence ended or is revoked.
    pub(crate) async fn stock(&self) -> Result<Vec<OwnRight>, Trouble> {
        let revocations = self.revocations().await?;
        let mut stock = self.unended_stock().await?;
        stock.retain(|it| !revocations.revokes(&it.key()));
        Ok(stock)
    }

    /// As [`Holder::stock`], with those that are revoked.
    pub(crate) async fn unended_stock(&self) -> Result<Vec<OwnRight>, Trouble> {
        let now = self.now();
        let mut stock = self.active::<OwnRight>().await?;
        stock.retain(|it| it.used == LicenceUse::Stock && !it.right.had_ended(now));
        Ok(stock)
    }

    /// The long-lived key of a shop or an untraceable wallet.
    pub(crate) async fn main_right(&self, profile: &Profile) -> Result<Option<OwnRight>, Trouble> {
        match profile.main {
            Some(key) => self.get(&key.0).await,
            None => Ok(None),
        }
    }

    /// Whether each receipt gets a key of its own.
    pub(crate) fn fresh_receipts(profile: &Profile) -> bool {
        profile.kind == Kind::Wallet && profile.privacy == Privacy::Unlinkable
    }

    /// Holdings that may be spent and of which something is left; an error when the card does not know one of them.
    pub(crate) async fn live(&mut self) -> Result<Vec<Live>, Trouble> {
        let holdings = self.active::<Holding>().await?;
        // one question for all that has something left: each is an exchange with the card
        let left: BTreeMap<Digest, HoldingStatus> =
            self.card.holdings()?.into_iter().map(|status| (status.node, status)).collect();
        let mut live = Vec::new();
        for holding in holdings {
            if holding.phase != crate::record::HoldingPhase::Ours {
                continue;
            }
            let status = match left.get(&holding.node) {
                Some(status) => *status,
                None => self.card.holding(&holding.node)?.ok_or(Trouble::ForeignCard)?,
            };
            if status.state == HoldingState::Live && !status.remaining.is_zero() {
                live.push(Live { holding, status });
            }
        }
        Ok(live)
    }
}
