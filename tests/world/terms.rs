//! What time does: requests claimed back, rests refunded, money that never returns.

use zeni_holder::{Explain, Kind, Privacy};
use zeni_store::testing::block_on;

use super::{DAYS, OPENING, World, transfer, yen};

/// RN-X14: after T1 an unredeemed request is claimed back once; before T1 never. A copy of the wallet can then redeem it no
/// more, and what was redeemed cannot be claimed.
#[test]
fn an_unredeemed_request_is_claimed_back_once() {
    let world = World::new();
    let taro = world.person("taro");
    block_on(taro.open().withdraw(yen(500), false)).unwrap();
    world.settle();
    world.check(&[&taro]);
    assert_eq!(block_on(taro.open().claim()).unwrap_err().code(), "too_early");
    let jiro = world.person("jiro");
    block_on(jiro.open().withdraw(yen(100), false)).unwrap();
    let twin = jiro.copied();
    world.redeem_all(&jiro);
    assert_eq!(jiro.figures(), [100, 0, 0, 0]);
    let late = taro.copied();
    world.at_day(DAYS[0]);
    world.settle();
    assert_eq!(block_on(taro.open().claim()).unwrap()[0].state, "pending");
    world.settle();
    assert_eq!(block_on(taro.open().claim()).unwrap()[0].state, "credited");
    assert_eq!(world.account(&taro), [OPENING, 0]);
    assert_eq!(block_on(taro.open().claim()).unwrap_err().code(), "nothing_to_claim");
    assert_eq!(block_on(late.open().run_due()).unwrap().redeemed, 0);
    assert_eq!(block_on(twin.open().claim()).unwrap()[0].state, "pending");
    world.settle();
    assert_eq!(block_on(twin.open().claim()).unwrap()[0].state, "refused");
    assert_eq!(world.account(&jiro), [OPENING - 100, 0]);
    world.check(&[&taro, &jiro]);
}

/// RN-X31, RN-X35: a rest is refunded after validity, deposit limit and dispute term, never before; what never returns
/// becomes dormant when its retention ends.
#[test]
fn rests_are_refunded_and_what_never_returns_lies_dormant() {
    let world = World::new();
    let taro = world.funded("taro", 1_000);
    let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Unlinkable);
    let jiro = world.person("jiro");
    let people = [&taro, &hanako, &jiro];
    transfer(&taro, &hanako, 300);
    transfer(&taro, &jiro, 200);
    block_on(hanako.open().deposit(yen(300))).unwrap();
    world.settle();
    block_on(hanako.open().deposit_states()).unwrap();
    world.check(&people);
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "nothing_to_deposit");
    let [_, _, valid, deposit, refund, retain] = DAYS;
    world.at_day(valid);
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "too_early");
    world.at_day(deposit);
    let report = block_on(taro.open().refund()).unwrap().remove(0);
    assert_eq!((report.money, report.done), (yen(500), false));
    world.settle();
    let told = block_on(taro.open().resume()).unwrap();
    let waits = told.iter().find(|one| one.what == "deposit").unwrap();
    assert!(waits.outcome == "waiting" && waits.reason.contains("decided from 20"), "{waits:?}");
    assert_eq!(world.account(&taro)[0], OPENING - 1_000);
    world.check_books();
    world.at_day(refund);
    world.settle();
    let report = block_on(taro.open().deposit_states()).unwrap().remove(0);
    assert_eq!((report.available, report.done), (yen(500), true));
    assert_eq!(world.account(&taro), [OPENING - 500, 0]);
    world.check(&people);
    world.at_day(retain + 1);
    world.settle();
    let books = world.check_books();
    assert_eq!((books.outstanding, books.dormant), (0, 200));
    assert_eq!(world.cases(), []);
}
