//! Cards and their operator, with the real bank: limits, copies, loss of a card whose keys never leave it.

use zeni_bank::CardLimits;
use zeni_crypto::SharedEntropy;
use zeni_holder::{ContactOutcome, Explain, Kind, Privacy};
use zeni_note::testing::{amount, jpy};
use zeni_store::testing::block_on;

use super::{DAYS, Dump, OPENING, Person, World, transfer, yen};

fn contact(person: &Person) -> ContactOutcome {
    block_on(person.open().contact()).unwrap()
}

/// A new card and an empty database of the same customer.
fn replacement(world: &World, of: &Person) -> Person {
    let blank = Person::empty(&world.net, world.roots, (of.name, of.bank), Kind::Wallet, Privacy::Unlinkable);
    let home = Person { entropy: SharedEntropy::seeded([5; 32]), ..blank };
    block_on(home.open().join(home.joining())).unwrap();
    home
}

/// docs/card.md, RN-P12: a copied card is frozen at the second contact of either, and with it the original: all that both hold is
/// refunded once. That is no case: nobody is named, no licence ends, authority and issuer hear nothing. Control: a copy that is
/// kept from contact pays, and its overspending names the owner.
#[test]
fn a_copied_card_is_frozen_and_names_nobody() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let hanako = world.person("hanako");
    let twin = Person { contacts: true, ..taro.copied() };
    let others = || [&world.stores.authority, &world.stores.issuer].map(Dump::of);
    let before = others();
    assert_eq!(contact(&taro), ContactOutcome::Done);
    assert_eq!(contact(&twin), ContactOutcome::Frozen);
    assert_eq!(contact(&taro), ContactOutcome::Frozen);
    assert!(others() == before);
    for card in [&taro, &twin] {
        assert_eq!(card.figures(), [0, 0, 0, 1_000]);
        let refused = block_on(card.open().pay(&hanako.request(100).document)).unwrap_err();
        assert_eq!(refused.code(), "card_frozen");
    }
    let [_, _, _, deposit, _, retain] = DAYS;
    world.at_day(deposit);
    block_on(taro.open().refund()).unwrap();
    world.settle();
    world.at_day(retain);
    world.settle();
    assert_eq!(world.account(&taro), [OPENING, 0]);
    assert_eq!(world.cases(), []);
    assert_eq!(world.check_books().outstanding, 0);

    let world = World::new();
    let (taro, jiro, saburo) = (world.funded("taro", 1_000), world.person("jiro"), world.person("saburo"));
    let copy = taro.copied();
    for (payer, payee) in [(&taro, &jiro), (&copy, &saburo)] {
        transfer(payer, payee, 1_000);
        block_on(payee.open().deposit(yen(1_000))).unwrap();
        world.settle();
    }
    assert_eq!(world.cases(), [("disclosed".to_owned(), Some("Real Name of taro".to_owned()))]);
}

/// docs/card.md: limits set at the bank while it runs reach each card at its next contact, and a contact lifts what time and number
/// of payments used up; a card that may pay nothing deposits all.
#[test]
fn limits_are_set_from_afar() {
    let world = World::new();
    let (taro, hanako) = (world.funded("taro", 1_000), world.person("hanako"));
    let set = |limits| block_on(world.bank("aoba").set_card_limits(limits, None)).unwrap();
    set(CardLimits { payment_max: Some(amount(200)), payments_max: Some(2), ..CardLimits::none(jpy()) });
    transfer(&taro, &hanako, 300);
    assert_eq!(contact(&taro), ContactOutcome::Done);
    let pay = |minor| block_on(taro.open().pay(&hanako.request(minor).document));
    assert_eq!(pay(201).unwrap_err().code(), "card_limit");
    transfer(&taro, &hanako, 100);
    transfer(&taro, &hanako, 100);
    assert_eq!(pay(100).unwrap_err().code(), "card_limit");
    taro.sync();
    transfer(&taro, &hanako, 100);
    set(CardLimits { total_max: Some(amount(0)), ..CardLimits::none(jpy()) });
    taro.sync();
    assert_eq!(pay(1).unwrap_err().code(), "card_limit");
    block_on(taro.open().deposit(yen(400))).unwrap();
    world.settle();
    block_on(taro.open().deposit_states()).unwrap();
    assert_eq!(world.account(&taro), [OPENING - 600, 0]);
    world.check(&[&taro, &hanako]);
}

/// docs/card.md: an account has a replacement beside its lost card; each has tokens of its own.
#[test]
fn a_replacement_card_has_its_own_token() {
    let world = World::new();
    let taro = world.funded("taro", 500);
    let replacement = replacement(&world, &taro);
    for _ in 0..3 {
        assert_eq!(contact(&taro), ContactOutcome::Done);
        assert_eq!(contact(&replacement), ContactOutcome::Done);
    }
    let cards = block_on(world.bank("aoba").cards_of(&taro.account())).unwrap().unwrap();
    assert_eq!((cards.len(), cards.iter().any(|card| card.frozen)), (2, false));
}

/// RN-X31, FX-F9, docs/card.md: the refunds that a lost card signed in advance are claimed from the replacement's wallet and paid what
/// is left when nothing can come back any more: not what was passed on after them. They accuse nobody, and are paid once.
#[test]
fn a_lost_card_is_refunded_from_its_file() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let payee = world.person("hanako");
    transfer(&taro, &payee, 200);
    let file = block_on(taro.open().refund_file()).unwrap();
    assert_eq!(file.money, [yen(800)]);
    transfer(&taro, &payee, 100);
    block_on(payee.open().deposit(yen(300))).unwrap();
    world.settle();
    let home = replacement(&world, &taro);
    assert!(block_on(home.open().report_lost()).unwrap() > 0);
    assert_eq!(block_on(payee.open().present_refunds(&file.file)).unwrap_err().code(), "other_account");
    let taken = block_on(home.open().present_refunds(&file.file)).unwrap();
    let outcome = || block_on(home.open().resume()).unwrap().first().map(|it| it.outcome);
    assert_eq!(outcome(), Some("too_early"));
    let [_, _, _, deposit, _, retain] = DAYS;
    world.at_day(deposit);
    assert!(world.now() >= taken.from);
    assert_eq!(outcome(), Some("held"));
    world.settle();
    assert_eq!(world.account(&home)[0], OPENING - 1_000);
    world.at_day(retain);
    world.settle();
    assert_eq!(world.account(&home), [OPENING - 300, 0]);
    assert_eq!(block_on(home.open().present_refunds(&file.file)).unwrap().batches, 0);
    outcome();
    world.settle();
    assert_eq!(world.account(&home), [OPENING - 300, 0]);
    assert_eq!(world.cases(), []);
    assert_eq!(world.check_books().outstanding, 0);
}
