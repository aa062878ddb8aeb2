//! What a software card cannot prevent, with the real roles: its file is copied, and the copy pays the same money again. Beside it
//! the control: a card that is not copied.

use zeni_card::Card;
use zeni_holder::{ContactOutcome, Explain};
use zeni_note::testing::amount;
use zeni_store::testing::block_on;

use super::{OPENING, Person, World, transfer, yen};

fn contact(person: &Person) -> ContactOutcome {
    block_on(person.open().contact()).unwrap()
}

fn hand_over(world: &World, person: &Person, minor: u64) {
    block_on(person.open().deposit(yen(minor))).unwrap();
    world.settle();
    block_on(person.open().deposit_states()).unwrap();
}

/// RN-P1, RN-P12, RN-F8, docs/card.md: the copy of a card overspends while it meets nobody; at its first contact its token finds it,
/// which names nobody and stops it; the money that comes back names its owner.
#[test]
fn a_copied_card_overspends_is_found_and_traced() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let [hanako, jiro, saburo] = ["hanako", "jiro", "saburo"].map(|name| world.person(name));
    assert_eq!(contact(&taro), ContactOutcome::Done);
    let copy = taro.copied();
    assert_eq!(contact(&taro), ContactOutcome::Done);
    let node = taro.card().holdings().unwrap()[0].node;
    transfer(&taro, &hanako, 1_000);
    // the copy holds what is spent, and spends it
    assert_eq!(copy.card().holding(&node).unwrap().unwrap().remaining, amount(1_000));
    transfer(&copy, &jiro, 600);
    let copy = Person { contacts: true, ..copy };
    assert_eq!(contact(&copy), ContactOutcome::Frozen);
    let refused = block_on(copy.open().pay(&saburo.request(400).document)).unwrap_err();
    assert_eq!(refused.code(), "card_frozen");
    assert_eq!(world.cases(), [], "a token accuses nobody");
    hand_over(&world, &hanako, 1_000);
    assert_eq!(world.cases(), []);
    hand_over(&world, &jiro, 600);
    assert_eq!(world.cases(), [("disclosed".to_owned(), Some("Real Name of taro".to_owned()))]);
    assert_eq!(world.account(&hanako), [OPENING + 1_000, 0]);
    assert_eq!(block_on(world.issuer.export_proofs()).unwrap().len(), 1);
}

/// RN-P1 control: the same payments by the card itself: the second finds nothing to pay, every contact is as it should be, and
/// nobody is named.
#[test]
fn a_card_that_is_not_copied_pays_once() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let [hanako, jiro] = ["hanako", "jiro"].map(|name| world.person(name));
    for _ in 0..3 {
        assert_eq!(contact(&taro), ContactOutcome::Done);
    }
    transfer(&taro, &hanako, 1_000);
    let refused = block_on(taro.open().pay(&jiro.request(600).document)).unwrap_err();
    assert_eq!(refused.code(), "insufficient_funds");
    assert_eq!(contact(&taro), ContactOutcome::Done);
    hand_over(&world, &hanako, 1_000);
    assert_eq!(world.cases(), []);
}
