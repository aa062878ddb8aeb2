//! Whatever is refused, late or ended, the money comes back.

use zeni_message::{Message, route::Clock};
use zeni_note::{
    ClosingPurpose,
    messages::{
        bank::{Deposit, DepositRefusal},
        issuer::RenewRefusal,
    },
    testing::terms,
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::{record::OwnRight, *};

/// RN-F5.1: a deposit that the bank refuses whole loses nothing: what was closed is deposited again, never paid on.
#[test]
fn a_refused_deposit_is_deposited_again() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, 500);
    town.books().refusals = vec![DepositRefusal::WrongAccount];
    let report = block_on(taro.open().deposit(yen(500))).unwrap();
    assert_eq!((report.refused, report.done), (vec!["wrong_account".to_owned()], true));
    assert_eq!((taro.figures(), taro.wealth()), ([0, 0, 0, 500], OPENING));
    let jiro = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    let request = block_on(jiro.open().request(yen(100), "")).unwrap().document;
    assert_eq!(block_on(taro.open().pay(&request)).unwrap_err().code(), "insufficient_funds");
    // nothing is tried that is forbidden
    assert!(block_on(taro.open().resume()).unwrap().is_empty());
    assert_eq!(block_on(taro.open().deposit(yen(100))).unwrap_err().code(), "insufficient_funds");
    block_on(taro.open().deposit(yen(500))).unwrap();
    assert_eq!((taro.figures(), taro.wealth()), ([0; 4], OPENING));
}

/// RN-F5.1: of a hand-in, the bank's refusal of one leaf spoils only that leaf, which is refunded after the term.
#[test]
fn a_refused_taking_does_not_spoil_the_others() {
    let (town, taro, shop) = wallet_and_shop(1_500);
    for minor in [100, 250, 330] {
        transfer(&taro, &shop, minor);
    }
    town.books().refusals = vec![DepositRefusal::Late { item: 1 }];
    let reports = block_on(shop.open().hand_in()).unwrap();
    assert_eq!((reports.len(), reports[0].money), (1, yen(430)));
    assert_eq!(reports[0].refused, ["late"]);
    assert_eq!((shop.figures(), shop.wealth()), ([0, 0, 0, 250], OPENING + 680));
    assert_eq!(block_on(shop.open().hand_in()).unwrap_err().code(), "nothing_to_deposit");
    assert_eq!(block_on(shop.open().refund()).unwrap_err().code(), "too_early");
    town.at(terms().deposit_until.plus(1));
    assert_eq!(block_on(shop.open().refund()).unwrap()[0].money, yen(250));
    assert_eq!((shop.figures(), shop.wealth()), ([0; 4], OPENING + 680));
}

/// RN-F5.1, RN-X31: takings past the deposit limit are not sent in, and wait for the refund.
#[test]
fn late_takings_are_left_for_the_refund() {
    let (town, taro, shop) = wallet_and_shop(500);
    transfer(&taro, &shop, 300);
    town.at(terms().deposit_until.plus(1));
    assert_eq!(block_on(shop.open().hand_in()).unwrap_err().code(), "nothing_to_deposit");
    assert_eq!(block_on(taro.open().deposit(yen(200))).unwrap_err().code(), "insufficient_funds");
    assert_eq!(block_on(shop.open().refund()).unwrap()[0].money, yen(300));
    assert_eq!(shop.wealth(), OPENING + 300);
}

/// RN-F6.2, RN-X31: what the issuer calls late or too early is refunded later, in as many tries as it takes.
#[test]
fn what_the_issuer_calls_late_is_refunded() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_000);
    transfer(&taro, &jiro, 300);
    block_on(taro.open().deposit(yen(700))).unwrap();
    town.books().not_credited = Some("late");
    assert_eq!(block_on(taro.open().deposit_states()).unwrap()[0].refused, ["late"]);
    assert_eq!((taro.figures(), taro.wealth()), ([0, 0, 0, 700], OPENING - 300));
    assert_eq!(block_on(taro.open().deposit(yen(700))).unwrap_err().code(), "insufficient_funds");
    town.at(terms().deposit_until.plus(1));
    for outcome in [Some("too_early"), None] {
        town.books().not_credited = outcome;
        assert_eq!(block_on(taro.open().refund()).unwrap()[0].money, yen(700));
        assert_eq!(block_on(taro.open().deposit_states()).unwrap()[0].refused.len(), usize::from(outcome.is_some()));
        assert_eq!(taro.wealth(), OPENING - 300);
    }
    assert_eq!(taro.figures(), [0; 4]);
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "nothing_to_deposit");
}

/// RN-X34: what the issuer does not renew is deposited under its own key.
#[test]
fn what_is_not_renewed_is_deposited() {
    let (town, taro, _) = at_its_cap();
    let total = taro.wealth();
    town.books().no_renewal = Some(RenewRefusal::Overspent);
    assert_eq!(block_on(taro.open().renew()).unwrap_err().code(), "overspent");
    assert_eq!((taro.figures(), taro.wealth()), ([0, 0, 0, 500], total));
    assert!(block_on(taro.open().resume()).unwrap().is_empty());
    town.books().closed.clear();
    block_on(taro.open().deposit(yen(500))).unwrap();
    assert_eq!((taro.figures(), taro.wealth()), ([0; 4], total));
}

/// RN-X41, RN-P14: while the authority cannot be reached, a wallet of one key withdraws, pays, deposits and renews, and a
/// shop hands in rests. Control: without spare licences the deposit waits for the authority.
#[test]
fn work_goes_on_without_the_authority() {
    let (town, taro, _) = at_its_cap();
    let jiro = Home::joined(&town, "jiro2", Privacy::Untraceable, Kind::Wallet);
    let shop = Home::joined(&town, "tea shop", Privacy::Untraceable, Kind::Shop);
    let total = taro.wealth();
    town.books().authority_down = true;
    assert_eq!(block_on(taro.open().renew()).unwrap(), vec![Renewed { money: yen(500) }]);
    block_on(taro.open().withdraw(yen(1_000), true)).unwrap();
    assert_eq!(taro.figures(), [1_500, 0, 0, 0]);
    transfer(&taro, &jiro, 300);
    transfer(&taro, &shop, 200);
    transfer(&shop, &taro, 50);
    block_on(taro.open().deposit(yen(700))).unwrap();
    assert_eq!(taro.wealth(), total - 450);
    block_on(shop.open().hand_in()).unwrap();
    assert_eq!((shop.figures(), shop.wealth()), ([0; 4], OPENING + 150));

    let mut bare = jiro.open();
    for licence in block_on(bare.stock()).unwrap() {
        block_on(bare.put(&licence.spent())).unwrap();
    }
    assert_eq!(block_on(bare.deposit(yen(100))).unwrap_err().code(), "unreachable");
    town.books().authority_down = false;
    block_on(bare.deposit(yen(100))).unwrap();
}

/// RN-X32: a long-lived licence that ends before the notes it may hold is replaced at the next synchronisation, once an
/// epoch; what is asked for and withdrawn from then on is under the new one.
#[test]
fn a_main_right_is_renewed_ahead() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Untraceable, Kind::Wallet);
    let main = |taro: &Home| block_on(taro.open().profile()).unwrap().main.unwrap();
    let first = main(&taro);
    block_on(taro.open().sync()).unwrap();
    assert_eq!(main(&taro), first);
    let mut short = block_on(taro.open().get::<OwnRight>(&first.0)).unwrap().unwrap();
    end_licence(&mut short, terms().valid_until.plus(0));
    block_on(taro.open().put(&OwnRight { epoch: Some(0), ..short.clone() })).unwrap();
    block_on(taro.open().sync()).unwrap();
    assert_eq!(main(&taro), first);
    end_licence(&mut short, zeni_message::Time(terms().valid_until.0 - 1));
    block_on(taro.open().put(&short)).unwrap();
    block_on(taro.open().sync()).unwrap();
    assert_eq!(main(&taro), first, "drawn in this epoch: a new one would end no later");
    block_on(taro.open().put(&OwnRight { epoch: Some(0), ..short })).unwrap();
    block_on(taro.open().sync()).unwrap();
    assert_ne!(main(&taro), first);
}

/// RN-F5.1: a bank that forgot its challenge is asked for another; nothing is closed for an account in another currency.
#[test]
fn a_forgotten_challenge_is_asked_for_again() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, 500);
    let dollars = "1.00 USD".parse().unwrap();
    assert_eq!(block_on(taro.open().deposit(dollars)).unwrap_err().code(), "wrong_currency");
    town.books().refusals = vec![DepositRefusal::UnknownChallenge];
    assert_eq!(block_on(taro.open().deposit(yen(500))).unwrap_err().code(), "unknown_challenge");
    assert_eq!((taro.figures(), taro.wealth()), ([0, 500, 0, 0], OPENING));
    block_on(taro.open().resume()).unwrap();
    assert_eq!((taro.figures(), taro.wealth()), ([0; 4], OPENING));
    let opened = town.books().seen.iter().filter(|(_, _, path, _)| *path == "/v1/open-deposit").count();
    assert_eq!(opened, 2);
}

/// RN-X31: a refund that the bank finds too early, by its own clock, stays and is sent again in the same bytes.
#[test]
fn a_refund_asked_too_early_is_sent_again() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, 500);
    town.at(terms().deposit_until.plus(1));
    town.books().refusals = vec![DepositRefusal::TooEarly { item: 0, from: terms().deposit_until.plus(9) }];
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "too_early");
    assert_eq!((taro.figures(), taro.wealth()), ([0, 0, 0, 500], OPENING));
    // nothing waits for the end of a term: the next refund is a new one
    assert!(block_on(taro.open().resume()).unwrap().is_empty());
    assert_eq!(block_on(taro.open().refund()).unwrap()[0].money, yen(500));
    assert_eq!((taro.figures(), taro.wealth()), ([0; 4], OPENING));
}

/// RN-X32: money on a note or a licence that ended is never called available; whole it is deposited under its own key, a
/// rest is refunded.
#[test]
fn ended_money_is_deposited_directly() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_500);
    transfer(&taro, &jiro, 200);
    town.at(terms().valid_until.plus(1));
    assert_eq!(taro.figures(), [0, 0, 0, 1_300]);
    assert_eq!(block_on(taro.open().deposit(yen(300))).unwrap_err().code(), "insufficient_funds");
    whole_deposited_and_rest_refunded(&town, &taro);
}

/// Of a whole note of 1,000 yen and a rest of 300, both ended, the note is deposited under its own key and the rest refunded after its
/// term; 200 yen were paid before.
fn whole_deposited_and_rest_refunded(town: &Town, taro: &Home) {
    block_on(taro.open().deposit(yen(1_000))).unwrap();
    let sent = town.last_deposit();
    assert!(matches!(sent.purpose, ClosingPurpose::Deposit(_)) && sent.items[0].chain.hops.is_empty());
    assert_eq!((taro.figures(), taro.wealth()), ([0, 0, 0, 300], OPENING - 200));
    town.at(terms().deposit_until.plus(1));
    assert_eq!(block_on(taro.open().refund()).unwrap()[0].money, yen(300));
    assert_eq!((taro.figures(), taro.wealth()), ([0; 4], OPENING - 200));
}

/// RN-X32: when a licence ends before its notes do, they are not spent any more, though they are valid: whole they are
/// deposited under their own key, a rest is refunded. In the licence's last second they are still spent.
#[test]
fn money_on_an_ended_licence_under_valid_notes_is_deposited() {
    for privacy in [Privacy::Untraceable, Privacy::Unlinkable] {
        let town = Town::new();
        let end = terms().valid_until.minus(50 * 86_400);
        town.books().licences_until = Some(end);
        let taro = funded(&town, "taro", privacy, 1_500);
        town.books().licences_until = None;
        let jiro = Home::joined(&town, "jiro", privacy, Kind::Wallet);
        let request = |home: &Home| block_on(home.open().request(yen(200), "")).unwrap().document;
        town.at(end);
        assert_eq!(taro.figures(), [1_500, 0, 0, 0]);
        block_on(taro.open().pay(&request(&jiro))).unwrap();
        town.at(end.plus(1));
        assert_eq!(taro.figures(), [0, 0, 0, 1_300], "{privacy:?}");
        let ask = request(&jiro);
        assert_eq!(block_on(taro.open().pay(&ask)).unwrap_err().code(), "insufficient_funds");
        whole_deposited_and_rest_refunded(&town, &taro);
    }
}

/// RN-X31: the bank has the last word on the time: what it calls too early for a refund is deposited instead.
#[test]
fn what_is_too_early_for_a_refund_is_deposited() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, 500);
    town.at(terms().deposit_until.plus(1));
    town.books().refusals = vec![DepositRefusal::TooEarly { item: 0, from: terms().deposit_until.plus(9) }];
    block_on(taro.open().refund()).unwrap_err();
    town.at(terms().deposit_until);
    block_on(taro.open().deposit(yen(500))).unwrap();
    assert_eq!((taro.figures(), taro.wealth()), ([0; 4], OPENING));
}

/// RN-X31, RN-O19: the wallet's clock jumps ahead, as far as the end of licences and as far as refunds: nothing is closed
/// early, no key of a withdrawal signs to the account, and once the clock is right all is as before. Control: a bank whose
/// time really is that late pays the refund.
#[test]
fn a_clock_that_jumped_ahead_closes_nothing() {
    let jumps = [terms().valid_until.plus(1), terms().deposit_until.plus(1)];
    for jump in jumps {
        let town = Town::new();
        let taro = funded(&town, "taro", Privacy::Untraceable, 600);
        let right = town.clock.now();
        town.books().bank_time = Some(right);
        town.at(jump);
        assert!(block_on(taro.open().refund()).is_err());
        let closed = |town: &Town| {
            let books = town.books();
            books.seen.iter().filter(|(.., path, _)| *path == Deposit::PATH).count()
        };
        if block_on(taro.open().deposit(yen(600))).is_ok() {
            let sent = town.last_deposit();
            assert!(sent.items.iter().all(|item| !item.chain.hops.is_empty()), "a key of a withdrawal signed");
            continue;
        }
        assert_eq!(closed(&town), 0);
        town.at(right);
        assert_eq!(taro.figures(), [600, 0, 0, 0]);
        block_on(taro.open().deposit(yen(600))).unwrap();
        assert_eq!((taro.figures(), taro.wealth()), ([0; 4], OPENING));
    }
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Untraceable, 600);
    town.at(jumps[1]);
    block_on(taro.open().refund()).unwrap();
    assert_eq!(taro.wealth(), OPENING);
}

/// RN-O19: a bank that tells a late time gets no signature of a withdrawal's key.
#[test]
fn a_bank_that_lies_about_the_time_learns_no_key() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Untraceable, 600);
    town.books().bank_time = Some(terms().valid_until.plus(1));
    block_on(taro.open().deposit(yen(500))).ok();
    assert!(town.last_deposit().items.iter().all(|item| !item.chain.hops.is_empty()));
}

/// RN-P6, RN-O19: TIME of a payment to oneself lies anywhere between the arrival of the money and the deposit. Control:
/// money that arrives the moment it is deposited leaves no choice.
#[test]
fn payments_to_oneself_tell_no_time() {
    const WAIT_S: u64 = 100_000;
    /// Seconds between TIME and the deposit, of twelve deposits that are made `wait` seconds after the money came.
    fn ages(wait: u64) -> Vec<u64> {
        let town = Town::new();
        let taro = funded(&town, "taro", Privacy::Untraceable, 1_200);
        town.pass(wait);
        let deposit = |_| {
            block_on(taro.open().deposit(yen(100))).unwrap();
            let now = town.clock.now();
            now.since(town.last_deposit().items[0].chain.hops[0].opening.time)
        };
        (0..12).map(deposit).collect()
    }
    assert_eq!(ages(0), [0; 12]);
    let ages = ages(WAIT_S);
    assert!(ages.iter().all(|age| *age <= WAIT_S), "{ages:?}");
    // each lies in the last tenth once in ten times
    assert!(ages.iter().filter(|age| **age < WAIT_S / 10).count() <= 6, "{ages:?}");
}
