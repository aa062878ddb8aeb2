//! A network of the real roles in one process and one thread: authority, issuer, two banks, holders, joined by lines in
//! memory that carry the same bytes as HTTPS. Time is a number, randomness comes from seeds.

mod books;
mod dump;
mod net;
mod person;
mod prepared;
mod rogue;

mod cards;
mod copies;
mod faults;
mod flows;
mod misuse;
mod refunds;
mod refusals;
mod sealed;
mod terms;

use std::{cell::RefCell, num::NonZeroU64, sync::Arc};

use zeni_authority::{Authority, LicenceGrid};
use zeni_bank::{Bank, NewAccount};
use zeni_crypto::SharedEntropy;
use zeni_holder::{Kind, Privacy};
use zeni_identity::Ca;
use zeni_issuer::{Issuer, Policy};
use zeni_message::{
    Role, Time,
    peer::{Peer, Transport},
    route::Caller,
};
use zeni_note::{
    keylist::{Roots, Way},
    licence::{Keeper, person_digest},
    testing::{DAY, START, World as Forge, amount, jpy, key},
};
use zeni_store::{Options, Schema, Store, testing::block_on};
use zeroize::Zeroizing;

pub(crate) use dump::Dump;
pub(crate) use net::{Net, Place};
pub(crate) use person::{Lines, Person, transfer, yen};
use prepared::{CUSTOMERS, PREPARED, Prepared};
pub(crate) use rogue::{Rogue, deposit_by_card};

pub(crate) const NETWORK: &str = "test";
pub(crate) const BANKS: [&str; 2] = ["aoba", "kita"];
pub(crate) const FACES: [u64; 3] = [100, 500, 1_000];
pub(crate) const SERIES: u32 = 1;
/// The series under seal.
pub(crate) const SEALED: u32 = 2;
/// Money on each account at the start.
pub(crate) const OPENING: u64 = 20_000;
/// T1, T2, end of validity, deposit limit, refunds, retention: days from the start of an epoch.
pub(crate) const DAYS: [u64; 6] = [40, 60, 180, 210, 240, 400];

/// What differs from world to world.
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    /// Most that one bank may owe.
    pub(crate) ceiling: u64,
}

impl Default for Setup {
    fn default() -> Setup {
        let policy = Policy::Capped {
            per_key: amount(300),
            per_person: amount(400),
            per_issuer_day: amount(1_000),
            cutoff: 7 * DAY,
        };
        Setup { policy, ceiling: 1_000_000 }
    }
}

/// The databases, which outlive the roles.
pub(crate) struct Stores {
    pub(crate) authority: Store,
    pub(crate) issuer: Store,
    pub(crate) banks: Vec<Store>,
}

/// The institutions and what joins them.
pub(crate) struct World {
    pub(crate) net: Arc<Net>,
    pub(crate) roots: Roots,
    pub(crate) authority: Arc<Authority>,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) banks: Vec<Arc<Bank>>,
    pub(crate) stores: Stores,
    pub(crate) setup: Setup,
    /// Bank and number of every account.
    accounts: RefCell<Vec<(&'static str, String)>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.net.stop_all();
    }
}

fn member(name: &str, role: Role) -> Option<Caller> {
    Some(Caller { role, name: name.into() })
}

impl World {
    /// A network a day into its first epoch, with both banks' keys published.
    pub(crate) fn new() -> World {
        World::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> World {
        World::over(setup, Some(&PREPARED))
    }

    /// The same authority and issuer with freshly made keys of the banks: other key lists.
    pub(crate) fn unprepared() -> World {
        let world = World::over(Setup::default(), None);
        world.settle();
        world
    }

    fn over(setup: Setup, prepared: Option<&Prepared>) -> World {
        let open = |dump: Option<&Dump>, schema: &Schema| match dump {
            Some(dump) => dump.open(schema),
            None => Store::open_memory_with(schema, Options::inline()).unwrap(),
        };
        let stores = Stores {
            authority: open(prepared.map(|it| &it.authority), &zeni_authority::SCHEMA),
            issuer: open(prepared.map(|it| &it.issuer), &zeni_issuer::SCHEMA),
            banks: (0..BANKS.len())
                .map(|place| open(prepared.map(|it| &it.banks[place]), &zeni_bank::SCHEMA))
                .collect(),
        };
        let net = Net::new(START.plus(DAY));
        let roots = forge().roots;
        let authority = authority(&net, &stores.authority);
        net.serve(Place::Authority, authority.routes());
        let issuer = issuer(&net, &stores.issuer, &setup, net.line(Place::Authority, member("issuer", Role::Issuer)));
        net.serve(Place::IssuerPublic, issuer.public_routes());
        net.serve(Place::IssuerMembers, issuer.member_routes());
        let banks = (0..BANKS.len()).map(|place| {
            let caller = member(BANKS[place], Role::Bank);
            let bank = bank(&net, place, &stores.banks[place], net.line(Place::IssuerMembers, caller));
            net.serve(Place::Bank(BANKS[place]), bank.routes());
            bank
        });
        let banks = banks.collect();
        World { banks, net, roots, authority, issuer, stores, setup, accounts: RefCell::default() }
    }

    pub(crate) fn bank(&self, name: &str) -> &Arc<Bank> {
        &self.banks[BANKS.iter().position(|known| *known == name).unwrap()]
    }

    /// Starts an institution again from its database: what it held in memory is gone.
    pub(crate) fn restart(&mut self, place: Place) {
        let net = &self.net;
        match place {
            Place::Authority => {
                self.authority = authority(net, &self.stores.authority);
                net.serve(place, self.authority.routes());
            }
            Place::IssuerPublic | Place::IssuerMembers => {
                let line = net.line(Place::Authority, member("issuer", Role::Issuer));
                self.restart_issuer(line);
            }
            Place::Bank(name) => {
                let line = net.line(Place::IssuerMembers, member(name, Role::Bank));
                self.restart_bank(name, line);
            }
        }
    }

    /// Starts the issuer again with another line to the authority.
    pub(crate) fn restart_issuer(&mut self, to_authority: Arc<dyn Transport>) {
        self.issuer = issuer(&self.net, &self.stores.issuer, &self.setup, to_authority);
        self.net.serve(Place::IssuerPublic, self.issuer.public_routes());
        self.net.serve(Place::IssuerMembers, self.issuer.member_routes());
    }

    /// Starts a bank again with another line to the issuer.
    pub(crate) fn restart_bank(&mut self, name: &'static str, to_issuer: Arc<dyn Transport>) {
        let place = BANKS.iter().position(|known| *known == name).unwrap();
        self.banks[place] = bank(&self.net, place, &self.stores.banks[place], to_issuer);
        self.net.serve(Place::Bank(name), self.banks[place].routes());
    }

    /// A bank's keys over another store, with no line to anybody.
    pub(crate) fn bank_beside(&self, name: &'static str, store: &Store) -> Arc<Bank> {
        let place = BANKS.iter().position(|known| *known == name).unwrap();
        bank(&self.net, place, store, self.net.line(Place::Bank("nowhere"), None))
    }

    /// A line to a bank that is on no network.
    pub(crate) fn line_to(&self, bank: &Arc<Bank>, caller: Caller) -> Arc<dyn Transport> {
        let memory =
            zeni_message::route::MemoryTransport::new(Arc::new(bank.routes()), self.net.clock.clone(), Some(caller));
        Arc::new(memory)
    }

    /// Enters a person in the authority's file and opens an account of [`OPENING`] at the bank.
    pub(crate) fn enrol(&self, person: &Person) {
        let row = zeni_authority::Person {
            id: format!("id-{}", person.name),
            name: person.real_name(),
            secret: person_digest(&person.identity()),
            public_name: true,
            keeper: Keeper::Software,
        };
        block_on(self.authority.load_persons(&[row])).unwrap();
        self.open_account(person, person.bank);
    }

    /// Opens an account of the person at a bank.
    pub(crate) fn open_account(&self, person: &Person, bank: &'static str) {
        let account = person.account();
        let code = format!("code of {}", person.name);
        let new = NewAccount {
            account: account.clone(),
            name: person.real_name(),
            opening: amount(OPENING),
            currency: jpy(),
            code: zeni_bank::code_digest(bank, &account, &code),
        };
        block_on(self.bank(bank).load_accounts(vec![new])).unwrap();
        self.accounts.borrow_mut().push((bank, account));
    }

    /// Somebody who has joined.
    pub(crate) fn joined(&self, name: &'static str, bank: &'static str, kind: Kind, privacy: Privacy) -> Person {
        let person = self.stranger(name, bank, kind, privacy);
        self.enrol(&person);
        let joined = block_on(person.open().join(person.joining())).unwrap();
        assert_eq!(joined.name, person.real_name());
        person
    }

    /// Somebody with an account whom the authority does not know, joined without a licence.
    pub(crate) fn unregistered(&self, name: &'static str, bank: &'static str, kind: Kind) -> Person {
        let person = Person { registered: false, ..self.stranger(name, bank, kind, Privacy::Unlinkable) };
        self.open_account(&person, bank);
        block_on(person.open().join(person.joining())).unwrap();
        person
    }

    /// A home of somebody whom nobody knows yet.
    pub(crate) fn stranger(&self, name: &'static str, bank: &'static str, kind: Kind, privacy: Privacy) -> Person {
        Person::empty(&self.net, self.roots, (name, bank), kind, privacy)
    }

    /// A person with an unlinkable wallet at the first bank.
    pub(crate) fn person(&self, name: &'static str) -> Person {
        self.joined(name, BANKS[0], Kind::Wallet, Privacy::Unlinkable)
    }

    /// The same with notes.
    pub(crate) fn funded(&self, name: &'static str, minor: u64) -> Person {
        let person = self.person(name);
        self.withdraw(&person, minor);
        person
    }

    /// Withdraws and redeems at once: the bank's counts reach the issuer in between, as its rounds have it.
    pub(crate) fn withdraw(&self, person: &Person, minor: u64) {
        block_on(person.open().withdraw(yen(minor), true)).unwrap();
        self.redeem_all(person);
    }

    /// Passes the time until nothing waits to be redeemed.
    pub(crate) fn redeem_all(&self, person: &Person) {
        self.settle();
        while let Some(due) = block_on(person.open().next_due()).unwrap() {
            if due > self.now() {
                self.net.clock.put(due);
            }
            let report = block_on(person.open().run_due()).unwrap();
            assert!(report.refused.is_empty(), "{report:?}");
        }
    }

    pub(crate) fn now(&self) -> Time {
        zeni_message::route::Clock::now(&*self.net.clock)
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.net.clock.pass(seconds);
    }

    /// The start of the first epoch and so many days.
    pub(crate) fn at_day(&self, day: u64) {
        self.net.clock.put(START.plus(day * DAY + 1));
    }

    /// Rounds of all roles until none has anything to do. While an institution is down, others' complaints are expected.
    pub(crate) fn settle(&self) {
        const ROUNDS_MAX: usize = 512;
        let whole = self.net.places() == BANKS.len() + 3;
        // what one role does in an idle-looking round may be news to another
        let mut idle = 0;
        for _ in 0..ROUNDS_MAX {
            let mut more = block_on(self.authority.tick()).unwrap().more;
            match block_on(self.issuer.tick()) {
                Ok(progress) => more |= progress.more,
                Err(error) => assert!(!whole, "issuer: {error}"),
            }
            for bank in &self.banks {
                match block_on(bank.tick()) {
                    Ok(progress) => more |= progress == zeni_bank::Progress::More,
                    Err(error) => assert!(!whole, "bank: {error}"),
                }
            }
            idle = if more { 0 } else { idle + 1 };
            if idle == 2 {
                return;
            }
        }
        panic!("the roles never rest");
    }
}

/// The secrets of authority and issuer, to make what no honest role would.
pub(crate) fn forge() -> Forge {
    Forge::new("system")
}

fn authority(net: &Arc<Net>, store: &Store) -> Arc<Authority> {
    let forge = forge();
    let config = zeni_authority::Config {
        network: forge.network(),
        issuer: forge.issuer.public(),
        grid: LicenceGrid { origin: START, step_s: NonZeroU64::new(30 * DAY).unwrap(), steps: 8 },
        retain_s: 400 * DAY,
        list_fresh_s: 3_600,
        licences_max: zeni_authority::LICENCES_MAX,
    };
    let keys = zeni_authority::Keys { signing: forge.authority, handles: Zeroizing::new([5; 32]) };
    Authority::new(config, keys, store.clone(), net.clock.clone())
}

fn issuer(net: &Arc<Net>, store: &Store, setup: &Setup, to_authority: Arc<dyn Transport>) -> Arc<Issuer> {
    let forge = forge();
    let [redeem_s, claim_s, valid_s, deposit_s, refund_s, retain_s] = DAYS.map(|days| days * DAY);
    let bank = |name: &&str| zeni_issuer::BankConfig {
        name: (*name).into(),
        key: key(name).public(),
        ceilings: vec![(jpy(), amount(setup.ceiling))],
        sealed: vec![SEALED],
        makes_keys: false,
    };
    let config = zeni_issuer::Config {
        network: forge.network(),
        authority: forge.authority.public(),
        epochs_from: START,
        epoch_s: 30 * DAY,
        series: [(SERIES, Way::Registered), (SEALED, Way::Sealed)]
            .map(|(series, way)| zeni_issuer::SeriesConfig {
                series,
                currency: jpy(),
                way,
                faces: FACES.map(amount).to_vec(),
                withdraw_s: 30 * DAY,
                redeem_s,
                claim_s,
                valid_s,
                deposit_s,
                refund_s,
                retain_s,
                payments_max: 16,
                list_fresh_s: 7 * 86_400,
                stale_limit: amount(1_000),
            })
            .to_vec(),
        banks: BANKS.iter().map(bank).collect(),
        policy: setup.policy.clone(),
        sealed: zeni_issuer::SealedConfig::default(),
        limits: zeni_issuer::Limits { revocations_every_s: 0, ask_again_s: 0, ..zeni_issuer::Limits::default() },
    };
    let keys = zeni_issuer::Keys { signing: forge.issuer, sealing: Zeroizing::new([6; 32]) };
    let to_bank = |name: &&'static str| {
        let line = net.line(Place::Bank(name), member("issuer", Role::Issuer));
        ((*name).to_owned(), Peer::new(line))
    };
    let banks = BANKS.iter().map(to_bank).collect();
    let entropy = SharedEntropy::seeded(zeni_crypto::sha256(&[b"issuer", &net.drawn().to_be_bytes()]).0);
    Issuer::new(config, keys, store.clone(), entropy, net.clock.clone(), Peer::new(to_authority), banks).unwrap()
}

fn bank(net: &Arc<Net>, place: usize, store: &Store, to_issuer: Arc<dyn Transport>) -> Arc<Bank> {
    let name = BANKS[place];
    let seed = u8::try_from(place).unwrap();
    let config = zeni_bank::Config {
        network_name: NETWORK.into(),
        bank: name.into(),
        roots: forge().roots,
        series: vec![zeni_bank::SeriesConfig { series: SERIES, currency: jpy(), faces: FACES.map(amount).to_vec() }],
        first_epoch: 0,
        certificate_days: 365,
        poll_s: 0,
        issuer_made_keys: zeni_note::sealed::IssuerMadeKeys::Refused,
        counts_every_s: 0,
        cards: Vec::new(),
    };
    let (certificate, secret) = &CUSTOMERS[place];
    let keys = zeni_bank::Keys {
        master: Zeroizing::new([20 + seed; 32]),
        document: key(name),
        customers: Ca::load(certificate, secret).unwrap(),
    };
    let authority = net.line(Place::Authority, member(name, Role::Bank));
    // a restarted role must not draw the same randomness again
    let entropy = SharedEntropy::seeded(zeni_crypto::sha256(&[name.as_bytes(), &net.drawn().to_be_bytes()]).0);
    let clock = net.clock.clone();
    Bank::new(config, keys, store.clone(), entropy, clock, Peer::new(to_issuer), Peer::new(authority))
}
