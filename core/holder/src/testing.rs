//! A holder without a network, for tests of whoever wraps one.

use std::sync::Arc;

use zeni_card::element::testing::{TestMemory, card};
use zeni_crypto::SharedEntropy;
use zeni_message::{
    Time,
    peer::{BoxFuture, Fault, Peer, Transport},
    route::Clock,
};
use zeni_note::{
    licence::Keeper,
    testing::{START, World},
};
use zeni_store::{Options, Store};

use crate::{Config, Enrolment, Holder, Peers, Policy, SCHEMA};

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        START
    }
}

/// A network that is down.
struct Down;

impl Transport for Down {
    fn call(&self, _: &'static str, _: Vec<u8>, _: usize) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        Box::pin(async { Err(Fault::Unreachable { place: "town".into(), cause: "down".into() }) })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Down)
    }
}

/// A holder who has not joined and whose network is down.
///
/// # Panics
/// If its card or its store cannot be made in memory.
pub fn offline() -> Holder {
    let roots = World::new("offline").roots;
    let entropy = SharedEntropy::seeded([1; 32]);
    let card = card(&TestMemory::new(), roots, entropy.clone()).expect("the card's memory is blank");
    let peers = Peers {
        authority: Peer::new(Arc::new(Down)),
        bank: Peer::new(Arc::new(Down)),
        bank_public: Peer::new(Arc::new(Down)),
        issuer: Peer::new(Arc::new(Down)),
    };
    let config = Config { roots, policy: Policy::default(), identity: None, keeper: Keeper::Software };
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).expect("a store in memory opens");
    Holder::new(config, Box::new(card), store, entropy, Arc::new(Still), peers)
}

/// What somebody brings who joins: both secrets are `the secret`.
pub fn enrolment() -> Enrolment {
    let secret = String::from("the secret");
    Enrolment {
        bank: "aoba".into(),
        account: "A-1001".into(),
        code: secret.clone(),
        csr: Arc::new(|_| vec![1]),
        identity: Some(secret),
    }
}
