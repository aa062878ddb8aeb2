//! A customer with a wallet or a shop: what outlives the process of the real holder.

use std::sync::Arc;

use zeni_card::{
    Identity,
    element::testing::{TestCard, TestMemory, card_of, identity},
};
use zeni_crypto::{PublicKey, SharedEntropy};
use zeni_holder::{Config, Enrolment, Holder, Join, Kind, Paid, Peers, Policy, Privacy, ReceivedReport, Requested};
use zeni_identity::{AccountKeyName, Csr, PartyName, TlsKey};
use zeni_message::{
    Message, Role,
    peer::{BoxFuture, Fault, Peer, Transport},
    route::Caller,
};
use zeni_money::Money;
use zeni_note::{
    keylist::Roots,
    licence::Keeper,
    messages::bank::ContactCard,
    testing::{amount, jpy, key},
};
use zeni_store::{Options, Store, testing::block_on};

use super::{Dump, NETWORK, Net, Place};

/// Money in yen.
pub(crate) fn yen(minor: u64) -> Money {
    Money::new(amount(minor), jpy())
}

/// The three lines of a holder.
pub(crate) struct Lines {
    pub(crate) authority: Arc<dyn Transport>,
    pub(crate) bank: Arc<dyn Transport>,
    pub(crate) issuer: Arc<dyn Transport>,
}

/// A line to the bank over which no card shows its token.
struct Untold(Arc<dyn Transport>);

impl Transport for Untold {
    fn call(&self, path: &'static str, body: Vec<u8>, max: usize) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        match path {
            ContactCard::PATH => Box::pin(async {
                Err(Fault::Unreachable { place: "bank".into(), cause: "a cheat's program does not ask".into() })
            }),
            _ => self.0.call(path, body, max),
        }
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Untold(self.0.fresh()))
    }
}

/// One home: disk, card, account.
pub(crate) struct Person {
    pub(crate) net: Arc<Net>,
    pub(crate) roots: Roots,
    pub(crate) name: &'static str,
    pub(crate) bank: &'static str,
    pub(crate) kind: Kind,
    pub(crate) privacy: Privacy,
    pub(crate) store: Store,
    pub(crate) memory: TestMemory,
    pub(crate) policy: Policy,
    /// Whether the authority knows the person; else the wallet holds without a licence.
    pub(crate) registered: bool,
    pub(crate) entropy: SharedEntropy,
    /// Whether the card keeps in contact with the bank; a cheat's program sees to it that his copy does not.
    pub(crate) contacts: bool,
}

impl Person {
    /// A home that nobody has joined with.
    pub(crate) fn empty(
        net: &Arc<Net>,
        roots: Roots,
        (name, bank): (&'static str, &'static str),
        kind: Kind,
        privacy: Privacy,
    ) -> Person {
        Person {
            net: net.clone(),
            roots,
            name,
            bank,
            kind,
            privacy,
            store: Store::open_memory_with(&zeni_holder::SCHEMA, Options::inline()).unwrap(),
            memory: TestMemory::new(),
            policy: Policy { stock_licences: 12, ..Policy::default() },
            registered: true,
            entropy: SharedEntropy::seeded(zeni_crypto::sha256(&[bank.as_bytes(), name.as_bytes()]).0),
            contacts: true,
        }
    }

    /// The authority's secret for the person.
    pub(crate) fn identity(&self) -> String {
        format!("identity of {}", self.name)
    }

    /// The real name in the authority's file and on the account.
    pub(crate) fn real_name(&self) -> String {
        format!("Real Name of {}", self.name)
    }

    /// The account number.
    pub(crate) fn account(&self) -> String {
        format!("A-{}", self.name)
    }

    /// What the person brings to join.
    pub(crate) fn joining(&self) -> Join {
        let party = PartyName::new(NETWORK, self.role(), &format!("{}/{}", self.bank, self.account())).unwrap();
        let key = TlsKey::generate();
        let enrolment = Enrolment {
            bank: self.bank.into(),
            account: self.account(),
            code: format!("code of {}", self.name),
            csr: Arc::new(move |account_key| Csr::make(&key, &party, &orders_of(account_key))),
            identity: self.registered.then(|| self.identity()),
        };
        Join { enrolment, privacy: self.privacy, kind: self.kind }
    }

    fn role(&self) -> Role {
        if self.kind == Kind::Shop { Role::Shop } else { Role::Wallet }
    }

    /// Certificate of the connection to the bank.
    pub(crate) fn caller(&self) -> Caller {
        Caller { role: self.role(), name: format!("{}/{}", self.bank, self.account()) }
    }

    /// Lines that nothing cuts.
    pub(crate) fn lines(&self) -> Lines {
        Lines {
            authority: self.net.line(Place::Authority, None),
            bank: self.net.line(Place::Bank(self.bank), Some(self.caller())),
            issuer: self.net.line(Place::IssuerPublic, None),
        }
    }

    /// The card.
    pub(crate) fn card(&self) -> TestCard {
        let identity = Identity { operator: key(self.bank).public(), ..identity(self.roots) };
        card_of(&self.memory, &identity, self.entropy.clone()).unwrap()
    }

    /// The process starts.
    pub(crate) fn open(&self) -> Holder {
        self.open_over(self.lines())
    }

    /// The process starts with other lines; the card's power is on again.
    pub(crate) fn open_over(&self, lines: Lines) -> Holder {
        self.memory.power_on();
        let peers = Peers {
            authority: Peer::new(lines.authority),
            bank: Peer::new(if self.contacts { lines.bank } else { Arc::new(Untold(lines.bank)) }),
            bank_public: Peer::new(self.net.line(Place::Bank(self.bank), None)),
            issuer: Peer::new(lines.issuer),
        };
        let config = Config {
            roots: self.roots,
            policy: self.policy,
            identity: self.registered.then(|| self.identity()),
            keeper: Keeper::Software,
        };
        let (store, entropy) = (self.store.clone(), self.entropy.clone());
        Holder::new(config, Box::new(self.card()), store, entropy, self.net.clock.clone(), peers)
    }

    /// A cheat's copy of the wallet: card, database and all. Its card is kept from its contacts, which would freeze it.
    pub(crate) fn copied(&self) -> Person {
        Person {
            net: self.net.clone(),
            store: Dump::of(&self.store).open(&zeni_holder::SCHEMA),
            memory: self.memory.copied(),
            entropy: SharedEntropy::seeded(self.entropy.bytes()),
            contacts: false,
            ..*self
        }
    }

    pub(crate) fn request(&self, minor: u64) -> Requested {
        block_on(self.open().request(yen(minor), "tea")).unwrap()
    }

    pub(crate) fn pay(&self, request: &Requested) -> Paid {
        block_on(self.open().pay(&request.document)).unwrap()
    }

    pub(crate) fn receive(&self, paid: &Paid) -> ReceivedReport {
        block_on(self.open().receive(&paid.document)).unwrap()
    }

    /// Fetches lists, as a wallet does that connects.
    pub(crate) fn sync(&self) {
        block_on(self.open().sync()).unwrap();
    }

    /// Available, pending, owed back, restored.
    pub(crate) fn figures(&self) -> [u64; 4] {
        let balance = block_on(self.open().balance()).unwrap();
        balance.balances.first().map_or([0; 4], |it| {
            [it.available, it.pending, it.owed_back, it.restored].map(|money| money.amount.minor())
        })
    }
}

impl Person {
    /// All that the wallet holds, what can only be deposited included.
    pub(crate) fn wealth(&self) -> u64 {
        let balance = block_on(self.open().balance()).unwrap();
        let of = |it: &zeni_holder::CurrencyBalance| {
            [it.available, it.deposit_only, it.pending, it.owed_back, it.restored].map(|it| it.amount.minor())
        };
        balance.balances.iter().flat_map(of).sum()
    }
}

/// The name of a key of orders in certificates.
fn orders_of(account_key: &PublicKey) -> AccountKeyName {
    AccountKeyName::new(NETWORK, zeni_note::sealed::account_key_digest(account_key).0).unwrap()
}

/// `payer` answers a request of `payee`, who takes it.
pub(crate) fn transfer(payer: &Person, payee: &Person, minor: u64) -> ReceivedReport {
    let request = payee.request(minor);
    payee.receive(&payer.pay(&request))
}
