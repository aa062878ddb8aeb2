//! Honest flows from withdrawal to match-off, the books balanced after each step.

use zeni_holder::{Kind, Privacy, ReceiveOutcome};
use zeni_store::testing::block_on;

use super::{OPENING, World, transfer, yen};

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
