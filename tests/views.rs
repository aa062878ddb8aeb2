//! Views (DESIGN §8): everything a role received and stored in a run, searched for what it must never learn. Each search
//! has a control in which it finds what it looks for.

mod cards;
mod guessing;
mod linking;
mod naive;
mod roles;
mod sealed;
mod search;
mod timing;

use zeni_holder::{Kind, Privacy};
use zeni_message::{Message, decode};
use zeni_note::messages::{
    bank::{BlindSignatures, Withdraw},
    issuer::{Issued, Redeem},
};
use zeni_store::testing::block_on;
use zeni_wire::wrappers::Exchange;

use super::world::{Person, World, transfer, yen};

/// A run that holds several withdrawals, payments, onward payments, a deposit of a remainder, a deposit of what was
/// received, and a hand-in.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) taro: Person,
    pub(crate) jiro: Person,
    pub(crate) hanako: Person,
    pub(crate) shop: Person,
}

impl Story {
    pub(crate) fn run(privacy: Privacy) -> Story {
        let world = World::new();
        let taro = world.joined("taro", "aoba", Kind::Wallet, privacy);
        let jiro = world.joined("jiro", "aoba", Kind::Wallet, privacy);
        let hanako = world.joined("hanako", "kita", Kind::Wallet, privacy);
        let shop = world.joined("teashop", "kita", Kind::Shop, Privacy::Untraceable);
        for person in [&taro, &jiro] {
            block_on(person.open().withdraw(yen(1_600), false)).unwrap();
        }
        for person in [&taro, &jiro] {
            world.redeem_all(person);
        }
        let story = Story { world, taro, jiro, hanako, shop };
        story.spend();
        story
    }

    /// Payments and deposits.
    pub(crate) fn spend(&self) {
        let Story { world, taro, jiro, hanako, shop } = self;
        transfer(taro, hanako, 330);
        transfer(hanako, shop, 130);
        transfer(jiro, shop, 600);
        transfer(taro, jiro, 100);
        // a remainder, a remainder of what was received, a whole receipt
        for (person, minor) in [(taro, 400), (hanako, 200), (jiro, 100)] {
            block_on(person.open().deposit(yen(minor))).unwrap();
        }
        block_on(shop.open().hand_in()).unwrap();
        world.settle();
        world.check(&self.people());
    }

    pub(crate) fn people(&self) -> [&Person; 4] {
        [&self.taro, &self.jiro, &self.hanako, &self.shop]
    }

    /// What crossed lines to a place, by the beginning of the label.
    pub(crate) fn exchanges(&self, label: &str) -> Vec<Exchange> {
        let all = self.world.net.record.exchanges();
        all.into_iter().filter(|one| one.peer.starts_with(label)).collect()
    }

    /// The bank sessions: who, what was ordered, what was signed.
    pub(crate) fn sessions(&self) -> Vec<(String, Withdraw, BlindSignatures)> {
        let done = self.exchanges("bank ").into_iter().filter(|one| one.path == Withdraw::PATH);
        done.filter_map(|one| {
            let (200, answer) = one.answer.ok()? else { return None };
            Some((one.peer, decode(&one.request, usize::MAX).ok()?, decode(&answer, usize::MAX).ok()?))
        })
        .collect()
    }

    /// The redemptions that gave a note.
    pub(crate) fn redemptions(&self) -> Vec<Redemption> {
        let done = self.exchanges("issuer <- ").into_iter().filter(|one| one.path == Redeem::PATH);
        done.filter_map(|one| {
            let (200, answer) = one.answer.clone().ok()? else { return None };
            let redeem = decode(&one.request, usize::MAX).ok()?;
            Some(Redemption { issued: decode(&answer, usize::MAX).ok()?, redeem, exchange: one })
        })
        .collect()
    }
}

/// A redemption as the issuer saw it.
pub(crate) struct Redemption {
    pub(crate) redeem: Redeem,
    pub(crate) issued: Issued,
    pub(crate) exchange: Exchange,
}
