//! One wallet's machine in the town: its disk, its power, its lines to the parties.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use zeni_card::{
    ApduCard, Card, InProcess, LinkFault, Transmit,
    element::testing::{
        TestCard, TestMemory, applet, card, pin,
        tally::{Counter, Lengths, Tally},
    },
};
use zeni_crypto::SharedEntropy;
use zeni_message::{
    Role,
    limits::PAYMENTS_IN_CHAIN_MAX,
    peer::{BoxFuture, Fault, Peer, Transport},
    route::{Caller, MemoryTransport},
};
use zeni_money::Money;
use zeni_note::{
    licence::Keeper,
    testing::{amount, jpy},
};
use zeni_store::{Options, Schema, Store, testing::block_on};

use super::town::*;
use crate::*;

/// Seconds that the wallets of these tests leave a bank to report its counts.
pub(crate) const REDEEM_WAIT_S: u64 = 600;

/// The power of one wallet's machine, as far as its network goes.
#[derive(Default)]
pub(crate) struct Power {
    calls: AtomicU64,
    /// Call at which it fails, counted from 1; 0 for never. Odd numbers fail before the call, even ones after it.
    pub(crate) cut_at: AtomicU64,
    /// Call at which only this one message (odd) or its reply (even) is lost; 0 for none.
    pub(crate) lose_at: AtomicU64,
    off: AtomicBool,
}

impl Power {
    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    pub(crate) fn cut_at(&self, at: u64) {
        self.calls.store(0, Ordering::Relaxed);
        self.cut_at.store(at, Ordering::Relaxed);
    }

    /// From here the message or the reply at this call is lost, and nothing else.
    pub(crate) fn lose_at(&self, at: u64) {
        self.calls.store(0, Ordering::Relaxed);
        self.lose_at.store(at, Ordering::Relaxed);
    }

    /// Whether as many calls were made as were to go well before the loss.
    pub(crate) fn has_lost(&self) -> bool {
        self.calls.load(Ordering::Relaxed) >= self.lose_at.load(Ordering::Relaxed)
    }

    pub(crate) fn on(&self) {
        self.lose_at.store(0, Ordering::Relaxed);
        self.off.store(false, Ordering::Relaxed);
        self.cut_at(0);
    }

    fn step(&self) -> Result<(), Fault> {
        let step = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if step == self.cut_at.load(Ordering::Relaxed) {
            self.off.store(true, Ordering::Relaxed);
        }
        match self.is_off() || step == self.lose_at.load(Ordering::Relaxed) {
            true => Err(Fault::Broken { place: "town".into(), cause: "power".into() }),
            false => Ok(()),
        }
    }
}

/// A line that can be cut before and after each call, and that writes down what passes.
struct Line {
    town: Arc<Town>,
    role: Role,
    connection: u64,
    account: String,
    power: Arc<Power>,
}

impl Transport for Line {
    fn call(&self, path: &'static str, body: Vec<u8>, max: usize) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        Box::pin(async move {
            self.power.step()?;
            if self.role == Role::Authority && self.town.books().authority_down {
                return Err(Fault::Unreachable { place: "authority".into(), cause: "down".into() });
            }
            self.town.books().seen.push((self.role, self.connection, path, body.clone()));
            let certified = self.role == Role::Bank && !self.account.is_empty();
            let caller = certified.then(|| Caller { role: Role::Wallet, name: self.account.clone() });
            let table = Arc::new(routes(&self.town, self.role));
            let answer = MemoryTransport::new(table, self.town.clock.clone(), caller).call(path, body, max).await;
            self.power.step()?;
            answer
        })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        line(&self.town, self.role, &self.account, &self.power)
    }
}

fn line(town: &Arc<Town>, role: Role, account: &str, power: &Arc<Power>) -> Arc<dyn Transport> {
    let connection = town.connections.fetch_add(1, Ordering::Relaxed);
    Arc::new(Line { town: town.clone(), role, connection, account: account.into(), power: power.clone() })
}

/// One wallet's disk: what outlives its process.
pub(crate) struct Home {
    pub(crate) town: Arc<Town>,
    pub(crate) name: &'static str,
    pub(crate) store: Store,
    pub(crate) memory: TestMemory,
    pub(crate) power: Arc<Power>,
    /// Whether the person is in the authority's file.
    registered: bool,
    entropy: SharedEntropy,
}

impl Home {
    pub(crate) fn empty(town: &Arc<Town>, name: &'static str) -> Home {
        Home {
            town: town.clone(),
            name,
            store: Store::open_memory_with(&SCHEMA, Options::inline()).unwrap(),
            memory: TestMemory::new(),
            power: Arc::default(),
            registered: true,
            entropy: SharedEntropy::seeded(zeni_crypto::sha256(&[name.as_bytes()]).0),
        }
    }

    /// A wallet that has joined, over a database of another schema.
    pub(crate) fn joined_over(town: &Arc<Town>, name: &'static str, schema: &Schema) -> Home {
        let store = Store::open_memory_with(schema, Options::inline()).unwrap();
        let home = Home { store, ..Home::empty(town, name) };
        block_on(home.open().join(home.join(Privacy::Unlinkable, Kind::Wallet))).unwrap();
        home
    }

    /// A wallet that has joined.
    pub(crate) fn joined(town: &Arc<Town>, name: &'static str, privacy: Privacy, kind: Kind) -> Home {
        let home = Home::empty(town, name);
        block_on(home.open().join(home.join(privacy, kind))).unwrap();
        home
    }

    /// A wallet or shop that has joined without an identity.
    pub(crate) fn unregistered(town: &Arc<Town>, name: &'static str, kind: Kind) -> Home {
        let home = Home { registered: false, ..Home::empty(town, name) };
        block_on(home.open().join(home.join(Privacy::Unlinkable, kind))).unwrap();
        home
    }

    /// An empty disk for the same person.
    pub(crate) fn blank(&self) -> Home {
        let entropy = SharedEntropy::seeded(self.entropy.bytes());
        Home { registered: self.registered, entropy, ..Home::empty(&self.town, self.name) }
    }

    /// A cheat's copy of the card, beside a copy of the records.
    pub(crate) fn copied(&self, store: Store) -> Home {
        Home { memory: self.memory.copied(), store, ..self.blank() }
    }

    /// The same machine with another state of the card's memory.
    pub(crate) fn with_memory(&self, memory: TestMemory) -> Home {
        Home { memory, store: self.store.clone(), ..self.blank() }
    }

    /// A machine with an empty disk and the same card.
    pub(crate) fn same_card(&self) -> Home {
        Home { memory: self.memory.clone(), ..self.blank() }
    }

    /// The same disk with a card that is new.
    pub(crate) fn with_new_card(&self) -> Home {
        Home { store: self.store.clone(), entropy: self.entropy.clone(), ..self.blank() }
    }

    pub(crate) fn join(&self, privacy: Privacy, kind: Kind) -> Join {
        let enrolment = Enrolment {
            bank: BANK.into(),
            account: self.name.into(),
            code: "code".into(),
            csr: Arc::new(|_| vec![1]),
            identity: self.registered.then(|| self.name.into()),
        };
        Join { enrolment, privacy, kind }
    }

    pub(crate) fn card(&self) -> TestCard {
        card(&self.memory, self.town.world.roots, self.entropy.clone()).unwrap()
    }

    /// The process starts, after a cut with the power back on.
    pub(crate) fn open(&self) -> Holder {
        self.memory.power_on();
        self.open_with(Box::new(self.card()))
    }

    /// The same with a card in a reader, and a count of what passes between the two.
    pub(crate) fn open_counted(&self, lengths: Lengths) -> (Holder, Counter) {
        self.memory.power_on();
        let link = Tally::new(InProcess(applet(&self.memory, self.entropy.clone())), lengths);
        let counter = link.counter();
        let mut holder = self.open_with(Box::new(ApduCard::new(link, Some(pin()))));
        holder.config.keeper = Keeper::Card;
        (holder, counter)
    }

    /// The holder with a card that assembles no more than `bytes`.
    pub(crate) fn open_small(&self, bytes: u32) -> Holder {
        self.memory.power_on();
        let link = Small { link: InProcess(applet(&self.memory, self.entropy.clone())), bytes };
        self.open_with(Box::new(ApduCard::new(link, Some(pin()))))
    }

    fn open_with(&self, card: Box<dyn Card>) -> Holder {
        self.power.on();
        let account = format!("{BANK}/{}", self.name);
        let peers = Peers {
            authority: Peer::new(line(&self.town, Role::Authority, &account, &self.power)),
            bank: Peer::new(line(&self.town, Role::Bank, &account, &self.power)),
            bank_public: Peer::new(line(&self.town, Role::Bank, "", &self.power)),
            issuer: Peer::new(line(&self.town, Role::Issuer, &account, &self.power)),
        };
        let (redeem_wait_s, redeem_delay_max_s) = (REDEEM_WAIT_S, 3_600);
        let policy = Policy { stock_licences: 16, redeem_wait_s, redeem_delay_max_s, ..Policy::default() };
        let config = Config {
            roots: self.town.world.roots,
            policy,
            identity: self.registered.then(|| self.name.into()),
            keeper: Keeper::Software,
        };
        Holder::new(config, card, self.store.clone(), self.entropy.clone(), self.town.clock.clone(), peers)
    }

    /// Available, pending, owed back, restored.
    pub(crate) fn figures(&self) -> [u64; 4] {
        let mut holder = self.open();
        let balance = block_on(holder.balance()).unwrap();
        balance.balances.first().map_or([0; 4], |it| {
            [it.available, it.pending, it.owed_back, it.restored].map(|money| money.amount.minor())
        })
    }

    /// What can only be deposited.
    pub(crate) fn deposit_only(&self) -> u64 {
        let balance = block_on(self.open().balance()).unwrap();
        balance.balances.first().map_or(0, |it| it.deposit_only.amount.minor())
    }

    /// All money of this person: wallet and account.
    pub(crate) fn wealth(&self) -> u64 {
        let account = self.town.books().balance.get(&format!("{BANK}/{}", self.name)).copied().unwrap_or(0);
        account + self.figures().iter().sum::<u64>() + self.deposit_only()
    }
}

pub(crate) fn yen(minor: u64) -> Money {
    Money::new(amount(minor), jpy())
}

/// A wallet with `minor` yen in it.
pub(crate) fn funded(town: &Arc<Town>, name: &'static str, privacy: Privacy, minor: u64) -> Home {
    let home = Home::joined(town, name, privacy, Kind::Wallet);
    block_on(home.open().withdraw(yen(minor), true)).unwrap();
    assert_eq!(home.figures(), [minor, 0, 0, 0]);
    home
}

/// A town with two wallets; the first has `minor` yen.
pub(crate) fn two_wallets(privacy: Privacy, minor: u64) -> (Arc<Town>, Home, Home) {
    let town = Town::new();
    let taro = funded(&town, "taro", privacy, minor);
    let jiro = Home::joined(&town, "jiro", privacy, Kind::Wallet);
    (town, taro, jiro)
}

/// A town with an unlinkable wallet of `minor` yen and a shop.
pub(crate) fn wallet_and_shop(minor: u64) -> (Arc<Town>, Home, Home) {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, minor);
    let shop = Home::joined(&town, "tea shop", Privacy::Untraceable, Kind::Shop);
    (town, taro, shop)
}

/// A town with two wallets, between which 500 yen passed to and fro until they are at their cap; the first has them.
pub(crate) fn at_its_cap() -> (Arc<Town>, Home, Home) {
    let (town, taro, jiro) = two_wallets(Privacy::Untraceable, 500);
    let mut pair = [&taro, &jiro];
    for _ in 0..PAYMENTS_IN_CHAIN_MAX {
        transfer(pair[0], pair[1], 500);
        pair.reverse();
    }
    (town, taro, jiro)
}

/// `payer` answers a request of `payee` and the payee takes it.
pub(crate) fn transfer(payer: &Home, payee: &Home, minor: u64) -> ReceivedReport {
    let request = block_on(payee.open().request(yen(minor), "tea")).unwrap();
    let paid = block_on(payer.open().pay(&request.document)).unwrap();
    block_on(payee.open().receive(&paid.document)).unwrap()
}

/// Makes a licence end at another time.
pub(crate) fn end_licence(own: &mut record::OwnRight, until: zeni_message::Time) {
    let zeni_note::Right::Licensed(licence) = &mut own.right else { panic!("the key is licensed") };
    licence.record.until = until;
}

/// A link to a card with little memory: it says so when it is selected, and takes no more.
struct Small<T> {
    link: T,
    bytes: u32,
}

impl<T: Transmit> Transmit for Small<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        /// Of SELECT, and where its reply tells the bytes assembled: after version, life and flags.
        const SELECT: u8 = 0xa4;
        let mut reply = self.link.transmit(command)?;
        if command[1] == SELECT {
            reply[3..7].copy_from_slice(&self.bytes.to_be_bytes());
        }
        Ok(reply)
    }

    fn command_bytes_max(&self) -> usize {
        self.link.command_bytes_max()
    }
}
