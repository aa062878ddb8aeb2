//! Honest flows from withdrawal to match-off, the books balanced after each step.

use proptest::prelude::*;
use zeni_holder::{Explain, Kind, Privacy, ReceiveOutcome};
use zeni_store::testing::block_on;

use super::{OPENING, Person, World, transfer, yen};

/// RN-F1…F7, RN-P3, RN-P11, RN-P22: withdraw at one bank, pay exact amounts, deposit at the other, return, match-off.
#[test]
fn money_goes_round() {
    let world = World::new();
    let taro = world.funded("taro", 1_600);
    let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Unlinkable);
    let people = [&taro, &hanako];
    world.check(&people);
    let report = transfer(&taro, &hanako, 1_600);
    assert_eq!((report.outcome, report.money), (ReceiveOutcome::Fulfilled, yen(1_600)));
    world.check(&people);
    let report = block_on(hanako.open().deposit(yen(1_600))).unwrap();
    assert_eq!((report.held, report.done), (yen(1_600), false));
    assert_eq!(world.account(&hanako), [OPENING, 1_600]);
    world.settle();
    world.check(&people);
    let report = block_on(hanako.open().deposit_states()).unwrap().remove(0);
    assert_eq!((report.available, report.done), (yen(1_600), true));
    assert_eq!(world.account(&hanako), [OPENING + 1_600, 0]);
    assert_eq!(world.account(&taro), [OPENING - 1_600, 0]);
    let circulation = block_on(world.issuer.circulation()).unwrap().remove(0);
    assert_eq!(circulation.issued, [("aoba".to_owned(), 1_600), ("kita".to_owned(), 0)]);
    assert_eq!(circulation.returned, [("aoba".to_owned(), 0), ("kita".to_owned(), 1_600)]);
    assert_eq!((circulation.outstanding, circulation.rows), (0, [0, 3, 3]));
    assert_eq!(world.cases(), []);
}

/// Deposits and waits for the issuer's answer; the bank says available.
fn deposit(world: &World, person: &Person, minor: u64) {
    block_on(person.open().deposit(yen(minor))).unwrap();
    world.settle();
    let report = block_on(person.open().deposit_states()).unwrap().remove(0);
    assert_eq!((report.available, report.done), (yen(minor), true));
}

/// RN-P9, RN-O22, RN-X34: sixteen payments from hand to hand without any institution, the seventeenth refused before
/// signing; the chain is deposited and matched off.
#[test]
fn sixteen_hands_then_the_bank() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Unlinkable);
    let people = [&taro, &jiro];
    let exchanged = world.net.record.exchanges().len();
    let mut hands = people;
    for hop in 0..16 {
        let report = transfer(hands[0], hands[1], 500);
        assert_eq!(report.hops_left, 15 - hop);
        hands.reverse();
    }
    assert_eq!(world.net.record.exchanges().len(), exchanged, "somebody used a connection");
    let request = jiro.request(500);
    assert_eq!(block_on(taro.open().pay(&request.document)).unwrap_err().code(), "needs_renewal");
    world.check(&people);
    deposit(&world, &taro, 500);
    assert_eq!(world.check(&people).outstanding, 0);
    assert_eq!(world.account(&taro), [OPENING, 0]);
}

/// RN-X34: at its cap money is renewed at the issuer under a fresh key and goes on.
#[test]
fn money_at_its_cap_is_renewed_and_goes_on() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Unlinkable);
    let people = [&taro, &jiro];
    let mut hands = people;
    for _ in 0..16 {
        transfer(hands[0], hands[1], 500);
        hands.reverse();
    }
    assert_eq!(block_on(taro.open().renew()).unwrap().len(), 1);
    assert_eq!(world.check(&people).outstanding, 500);
    assert_eq!(transfer(&taro, &jiro, 300).hops_left, 15);
    deposit(&world, &jiro, 300);
    deposit(&world, &taro, 200);
    assert_eq!(world.check(&people).outstanding, 0);
    assert_eq!(world.cases(), []);
}

/// RN-F5.1, DESIGN §5: a shop's takings under one signature, from customers of both banks.
#[test]
fn a_shop_hands_in_its_takings() {
    let world = World::new();
    let taro = world.funded("taro", 1_600);
    let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Untraceable);
    world.withdraw(&jiro, 600);
    let shop = world.joined("teashop", "kita", Kind::Shop, Privacy::Untraceable);
    let people = [&taro, &jiro, &shop];
    for (payer, minor) in [(&taro, 1_100), (&jiro, 30), (&taro, 250)] {
        transfer(payer, &shop, minor);
    }
    let report = block_on(shop.open().hand_in()).unwrap().remove(0);
    assert_eq!(report.money, yen(1_380));
    world.check(&people);
    world.settle();
    world.check(&people);
    assert_eq!(world.account(&shop), [OPENING + 1_380, 0]);
    assert_eq!(world.cases(), []);
}

/// RN-X18, RN-X21, RN-P16: who never withdrew takes money; a second payment of one request is owed back, goes back to the key
/// that paid, and everything comes home.
#[test]
fn what_is_owed_back_returns_and_everything_balances() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let saburo = world.funded("saburo", 500);
    let jiro = world.person("jiro");
    let people = [&taro, &jiro, &saburo];
    let request = jiro.request(200);
    let (one, two) = (taro.pay(&request), saburo.pay(&request));
    assert_eq!(jiro.receive(&one).outcome, ReceiveOutcome::Fulfilled);
    assert_eq!(jiro.receive(&two).outcome, ReceiveOutcome::Repeated);
    world.check(&people);
    let back = block_on(jiro.open().give_back()).unwrap().remove(0);
    block_on(saburo.open().receive(&back.document)).unwrap();
    world.check(&people);
    deposit(&world, &saburo, 500);
    deposit(&world, &jiro, 200);
    deposit(&world, &taro, 300);
    assert_eq!(world.check(&people).outstanding, 0);
    assert_eq!(world.cases(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// RN-P2, RN-P3, RN-P22: whatever honest people pay one another, in whatever parts and order, everything comes back,
    /// nobody is accused, and the books balance on the way.
    #[test]
    fn honest_trees_of_payments_come_back_whole(
        moves in proptest::collection::vec((0usize..3, 0usize..3, 1u64..700), 1..12),
    ) {
        let world = World::new();
        let taro = world.joined("taro", "aoba", Kind::Wallet, Privacy::Untraceable);
        let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Untraceable);
        let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Untraceable);
        let people = [&taro, &jiro, &hanako];
        world.withdraw(&taro, 1_600);
        world.withdraw(&jiro, 600);
        for (from, to, minor) in moves {
            if from != to && people[from].figures()[0] >= minor {
                transfer(people[from], people[to], minor);
            }
        }
        world.check(&people);
        for person in people {
            let rest = person.figures()[0];
            if rest > 0 {
                deposit(&world, person, rest);
                world.check(&people);
            }
        }
        prop_assert_eq!(world.check(&people).outstanding, 0);
        prop_assert_eq!(world.cases(), vec![]);
    }
}
