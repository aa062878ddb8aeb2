//! A real bank with accounts, whose issuer is a desk that publishes its keys.

use std::sync::{Arc, Mutex, PoisonError};

use futures::executor::block_on;
use tempfile::TempDir;
use zeni_bank::{Bank, Config, Keys, NewAccount, Progress, SCHEMA, SeriesConfig, code_digest};
use zeni_crypto::{SharedEntropy, blind::RsaPublicKey};
use zeni_identity::{Ca, TlsKey, Validity};
use zeni_issuer::testing::StandingClock;
use zeni_message::{
    NoRefusal, Role, Signed, encode,
    peer::Peer,
    route::{Caller, Clock, Ctx, Failure, Handle, MemoryTransport, Routes},
};
use zeni_note::{
    KeyList, RevocationList,
    keylist::KeyListRecord,
    messages::{
        authority::GetRevocations,
        bank::{BlindedItem, Withdraw},
        issuer::{
            GetKeyLists, GetTransfers, ReportCounts, ReportCountsRefusal, SubmitKeys, SubmitKeysRefusal, Transfer,
        },
    },
    testing::{DAY, EPOCH, SERIES, START, World, amount, jpy, key, nonce, terms},
};
use zeni_store::{Options, Store};
use zeroize::Zeroizing;

use crate::{BenchError, Settings, chains::time, drive::Sent};

const BANK: &str = "aoba";
const NETWORK: &str = "bench";
const FACE: u64 = 1_000;
/// Accounts, each a caller of its own at the store.
const ACCOUNTS: usize = 64;
/// What each has: enough for all rounds.
const OPENING: u64 = 1 << 50;
const ROUNDS_MAX: usize = 64;

/// Issuer and authority as far as a bank needs them to sign: they publish what it submits.
struct Desk {
    world: World,
    lists: Mutex<Vec<KeyList>>,
}

impl Handle<SubmitKeys> for Desk {
    async fn handle(&self, _: &Ctx, message: SubmitKeys) -> Result<u32, Failure<SubmitKeysRefusal>> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = message.entries.first().map_or(EPOCH, |entry| entry.epoch);
        if lists.iter().any(|list| list.record.epoch == epoch) {
            return Err(SubmitKeysRefusal::Published { epoch }.into());
        }
        let last = lists.last().map(|list| &list.record);
        let from = last.map_or(START, |last| last.until);
        let record = KeyListRecord {
            epoch,
            previous: last.map(|last| last.identity(self.world.network())),
            from,
            until: from.plus(30 * DAY),
            entries: message.entries,
            series: vec![terms()],
            sealing: None,
            sealed: Vec::new(),
        };
        lists.push(self.world.sign_key_list(record));
        Ok(epoch)
    }
}

impl Handle<GetKeyLists> for Desk {
    async fn handle(&self, _: &Ctx, message: GetKeyLists) -> Result<Vec<KeyList>, Failure<NoRefusal>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(lists.iter().filter(|list| list.record.epoch >= message.from_epoch).cloned().collect())
    }
}

impl Handle<ReportCounts> for Desk {
    async fn handle(&self, _: &Ctx, message: ReportCounts) -> Result<u64, Failure<ReportCountsRefusal>> {
        Ok(message.counts.record.number)
    }
}

impl Handle<GetTransfers> for Desk {
    async fn handle(&self, _: &Ctx, _: GetTransfers) -> Result<Vec<Transfer>, Failure<NoRefusal>> {
        Ok(Vec::new())
    }
}

impl Handle<GetRevocations> for Desk {
    async fn handle(&self, ctx: &Ctx, _: GetRevocations) -> Result<Signed<RevocationList>, Failure<NoRefusal>> {
        Ok(Signed::sign(self.world.network(), self.world.revocations(ctx.now), &self.world.authority))
    }
}

/// A bank over a file.
pub(crate) struct Town {
    desk: Arc<Desk>,
    routes: Routes,
    entropy: SharedEntropy,
    orders: u64,
    _directory: TempDir,
}

impl Town {
    /// A bank with accounts and the keys of the first epoch published.
    pub(crate) fn open(settings: &Settings) -> Result<Town, BenchError> {
        let directory = settings.temporary()?;
        let store = Store::open_sqlite(directory.path().join("bank.db"), &SCHEMA, Options::default())?;
        let clock = Arc::new(StandingClock::default());
        clock.put(time());
        let desk = Arc::new(Desk { world: World::new("bench bank"), lists: Mutex::default() });
        let entropy = SharedEntropy::seeded([7; 32]);
        let bank = bank(&desk, store, &clock, &entropy);
        block_on(bank.load_accounts((0..ACCOUNTS).map(account).collect()))?;
        for _ in 0..ROUNDS_MAX {
            clock.put(clock.now().plus(1));
            if block_on(bank.tick())? == Progress::Idle {
                break;
            }
        }
        Ok(Town { desk, routes: bank.routes(), entropy, orders: 0, _directory: directory })
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// An order of one of the accounts for `items` notes.
    pub(crate) fn order(&mut self, place: usize, items: usize) -> Sent {
        self.orders += 1;
        let word = format!("bench order {}", self.orders);
        let message = Withdraw { order: nonce(&word), items: (0..items).map(|at| self.item(&word, at)).collect() };
        let caller = Caller { role: Role::Wallet, name: format!("{BANK}/{}", name(place % ACCOUNTS)) };
        (Ctx { now: time().plus(DAY), caller: Some(caller) }, encode(&message))
    }

    fn item(&self, word: &str, at: usize) -> BlindedItem {
        let lists = self.desk.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists.iter().find(|list| list.record.epoch == EPOCH).expect("the bank has published its keys");
        let entry = &list.record.entries[0];
        let holder = key(&format!("{word} {at}")).public();
        let message = zeni_note::request::blind_message(&entry.digest(), &holder);
        let public = RsaPublicKey::from_modulus(*entry.modulus).expect("a bank's key is fit");
        let blinding = public.blind(&message, &mut self.entropy.clone()).expect("a fit key blinds");
        BlindedItem { entry: entry.digest(), blinded: (*blinding.blinded()).into() }
    }
}

fn bank(desk: &Arc<Desk>, store: Store, clock: &Arc<StandingClock>, entropy: &SharedEntropy) -> Arc<Bank> {
    let issuer = Routes::new(Role::Issuer)
        .with::<SubmitKeys, _>(desk)
        .with::<GetKeyLists, _>(desk)
        .with::<ReportCounts, _>(desk)
        .with::<GetTransfers, _>(desk);
    let authority = Routes::new(Role::Authority).with::<GetRevocations, _>(desk);
    let caller = Caller { role: Role::Bank, name: BANK.to_owned() };
    let line = |routes: Routes| Arc::new(MemoryTransport::new(Arc::new(routes), clock.clone(), Some(caller.clone())));
    let config = Config {
        network_name: NETWORK.to_owned(),
        bank: BANK.to_owned(),
        roots: desk.world.roots,
        series: vec![SeriesConfig { series: SERIES, currency: jpy(), faces: vec![amount(FACE)] }],
        first_epoch: EPOCH,
        certificate_days: 365,
        poll_s: 1,
        issuer_made_keys: zeni_note::sealed::IssuerMadeKeys::Refused,
        counts_every_s: 0,
        cards: Vec::new(),
    };
    let validity = Validity::days(clock.now(), 365);
    let keys = Keys {
        master: Zeroizing::new([9; 32]),
        document: key("bench bank document"),
        customers: Ca::generate(NETWORK, TlsKey::generate(), validity, [1; 16]).expect("a name of a network"),
    };
    let (to_issuer, to_authority) = (Peer::new(line(issuer)), Peer::new(line(authority)));
    Bank::new(config, keys, store, entropy.clone(), clock.clone(), to_issuer, to_authority)
}

fn name(place: usize) -> String {
    format!("A-{place}")
}

fn account(place: usize) -> NewAccount {
    let account = name(place);
    NewAccount {
        name: format!("person {place}"),
        opening: amount(OPENING),
        currency: jpy(),
        code: code_digest(BANK, &account, "code"),
        account,
    }
}
