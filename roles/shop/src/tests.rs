use std::sync::Arc;

use zeni_card::soft::{SoftCard, testing::TestMemory};
use zeni_crypto::SharedEntropy;
use zeni_holder::{Config, Explain, Peers, Policy, SCHEMA};
use zeni_message::{
    Time,
    peer::{BoxFuture, Fault, Peer, Transport},
    route::Clock,
};
use zeni_note::{
    licence::Keeper,
    testing::{START, World},
};
use zeni_store::{Options, Store, testing::block_on};

use super::*;

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

fn holder() -> Holder {
    let roots = World::new("offline").roots;
    let entropy = SharedEntropy::seeded([1; 32]);
    let mut card = SoftCard::new(TestMemory::new(), zeroize::Zeroizing::new([2; 32]), roots, entropy.clone());
    card.personalise().unwrap();
    let peers = Peers {
        authority: Peer::new(Arc::new(Down)),
        bank: Peer::new(Arc::new(Down)),
        issuer: Peer::new(Arc::new(Down)),
    };
    let config = Config { roots, policy: Policy::default(), identity: None, keeper: Keeper::Software };
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
    Holder::new(config, Box::new(card), store, entropy, Arc::new(Still), peers)
}

fn enrolment() -> Enrolment {
    Enrolment {
        bank: "aoba".into(),
        account: "A-1001".into(),
        code: "code".into(),
        csr: vec![1],
        identity: Some("the secret".into()),
    }
}

/// RN-F1, RN-F5.1: a shop that has not joined takes and hands in nothing; without a connection it does not join.
#[test]
fn a_shop_joins_first() {
    let mut shop = Shop::new(holder());
    let error = block_on(shop.join(enrolment())).unwrap_err();
    assert_eq!((error.code(), error.retry()), ("unreachable", zeni_message::Retry::Later));
    assert_eq!(block_on(shop.deposit()).unwrap_err().code(), "not_joined");
    assert_eq!(block_on(shop.request("300 JPY".parse().unwrap(), "tea")).unwrap_err().code(), "not_joined");
}

/// Secrets stay out of what is printed for debugging.
#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", enrolment(), Shop::new(holder()));
    assert!(!shown.contains("the secret") && !shown.contains("code"));
}
