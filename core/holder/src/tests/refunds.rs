//! What becomes of refunds that the bank refuses, that wait for their term, or that no bank could pay.

use zeni_message::Time;
use zeni_note::{
    messages::bank::{ContactRefusal, DepositRefusal},
    testing::terms,
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

/// A wallet whose lost card had three holdings of 1,300 yen together, and the file with their refunds, taken over.
fn with_lost_card() -> (std::sync::Arc<Town>, Home, Vec<u8>) {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    transfer(&taro, &jiro, 300);
    let file = block_on(taro.open().refund_file()).unwrap().file;
    let home = taro.blank();
    block_on(home.open().join(home.join(Privacy::Unlinkable, Kind::Wallet))).unwrap();
    town.books().balance.insert(format!("{BANK}/taro"), OPENING - 1_600);
    block_on(home.open().present_refunds(&file)).unwrap();
    (town, home, file)
}

fn resumed(home: &Home) -> Vec<Resumed> {
    block_on(home.open().resume()).unwrap()
}

fn due() -> Time {
    terms().deposit_until.plus(1)
}

/// Kind, text and money of the history's lines of refusals.
fn refusals(home: &Home) -> Vec<(String, String, String)> {
    let lines = block_on(home.open().history()).unwrap();
    let refused = lines.into_iter().filter(|it| it.kind.ends_with("_refused"));
    refused.map(|it| (it.kind, it.text, it.money.to_string())).collect()
}

/// RN-X31, docs/operating.md: refunds that the bank refuses whole are told with its word and their sum, by `resume` and by the history,
/// and never as done; the same file again claims them again. Control: what is taken is done.
#[test]
fn a_refused_refund_is_told_and_claimed_again() {
    for refusal in [DepositRefusal::UnknownChallenge, DepositRefusal::MixedCurrencies] {
        let (town, home, file) = with_lost_card();
        town.at(due());
        town.books().refusals = vec![refusal.clone()];
        let code = zeni_message::Refusal::code(&refusal);
        let told = resumed(&home);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].progress, told[0].outcome), (Progress::Refused, "refused"), "{told:?}");
        let reason = format!("refused ({code}): 1300 JPY is not credited; 'claim-refunds' with ");
        assert!(told[0].reason.starts_with(&reason), "{told:?}");
        assert_eq!(refusals(&home), [("refund_refused".into(), code.into(), "1300 JPY".into())]);
        assert_eq!(resumed(&home), [], "nothing is tried again by itself");
        assert_eq!(block_on(home.open().present_refunds(&file)).unwrap().batches, 1);
        assert_eq!(block_on(home.open().present_refunds(&file)).unwrap().batches, 0);
        assert_eq!(resumed(&home)[0].outcome, "held");
        assert_eq!(resumed(&home)[0].progress, Progress::Done);
        assert_eq!(town.books().balance[&format!("{BANK}/taro")], OPENING - 300);
        assert_eq!(
            block_on(home.open().present_refunds(&file)).unwrap().batches,
            0,
            "what is paid is not claimed again"
        );
    }
}

/// RN-X31: of the refunds of one file, one that the bank refuses by name is told with its amount; the others are paid.
#[test]
fn one_refused_refund_is_told_beside_the_others() {
    let (town, home, _) = with_lost_card();
    town.at(due());
    town.books().refusals = vec![DepositRefusal::Late { item: 0 }];
    let told = resumed(&home);
    let lines = refusals(&home);
    assert_eq!((lines.len(), lines[0].1.as_str()), (1, "late"));
    assert_eq!(told[0].outcome, "held");
    assert_eq!(told[0].reason, format!("refused (late): {} is not credited", lines[0].2));
    assert_eq!(resumed(&home)[0].progress, Progress::Done);
    let paid = town.books().balance[&format!("{BANK}/taro")] - (OPENING - 1_600);
    assert_eq!(format!("{} JPY", 1_300 - paid), lines[0].2);
}

/// RN-F6.2: what the issuer does not credit is refused, not done, with what is missing.
#[test]
fn what_the_issuer_refuses_is_not_done() {
    let (town, home, _) = with_lost_card();
    town.at(due());
    assert_eq!(resumed(&home)[0].outcome, "held");
    town.books().not_credited = Some("overspent");
    let told = resumed(&home);
    assert_eq!(told[0].progress, Progress::Refused);
    assert!(told[0].reason.contains("overspent") && told[0].reason.contains("1300 JPY is not"), "{told:?}");
    assert_eq!(refusals(&home)[0].2, "1300 JPY");
}

/// docs/operating.md: what only waits for its term is told and is no failure, before the term and, by the bank's clock, after it.
#[test]
fn what_waits_for_its_term_is_told_as_waiting() {
    let (town, home, _) = with_lost_card();
    let told = resumed(&home);
    assert_eq!((told[0].progress, told[0].outcome), (Progress::Waiting, "too_early"));
    assert!(told[0].reason.contains(&due().to_string()), "{told:?}");
    town.at(due());
    town.books().bank_time = Some(terms().deposit_until);
    assert_eq!(resumed(&home)[0].progress, Progress::Waiting);
    town.books().bank_time = None;
    assert_eq!(resumed(&home)[0].progress, Progress::Open, "the bank has it and the issuer has not answered");
}

fn dollars() -> Option<zeni_money::Currency> {
    zeni_money::Currency::from_code("USD")
}

/// RN-X31, FX-D9: money in a currency that the account does not have is never signed away to it: the wallet says so and what to do.
/// Control: for an account in its currency the refunds are made.
#[test]
fn foreign_money_is_not_refunded_in_advance() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 1_600);
    let signed = block_on(taro.open().refund_file()).unwrap();
    assert_eq!((signed.money, signed.left_out), (vec![yen(1_600)], None));
    town.books().cards.currency = dollars();
    let before = town.books().seen.len();
    let refused = block_on(taro.open().refund_file()).unwrap_err();
    assert_eq!(refused.code(), "wrong_currency");
    let text = refused.to_string();
    assert!(["1600 JPY", "in USD", "pay it on", "card add"].iter().all(|part| text.contains(part)), "{text}");
    assert!(town.books().seen[before..].iter().all(|it| it.2 != "/v1/open-refund"), "no challenge was used up");
}

/// docs/card.md, RN-X31: a frozen card's money in another currency than the account's is not promised: `balance` and `refund` say that
/// neither way is left, before the term as after it. Control: for an account in its currency the refund is only too early.
#[test]
fn foreign_money_of_a_frozen_card_is_not_promised() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 1_600);
    let contact = |home: &Home| block_on(home.open().contact()).unwrap();
    contact(&taro);
    let copy = taro.copied(taro.store.clone());
    contact(&taro);
    assert_eq!(contact(&copy), ContactOutcome::Frozen);
    assert_eq!(contact(&taro), ContactOutcome::Frozen);
    assert_eq!(block_on(taro.open().balance()).unwrap().account_currency, None);
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "too_early");

    let (town_of_dollars, taro) = (town, taro);
    town_of_dollars.books().cards.currency = dollars();
    for time in [town_of_dollars.clock.0.load(std::sync::atomic::Ordering::Relaxed), due().0] {
        town_of_dollars.at(Time(time));
        let refused = block_on(taro.open().refund()).unwrap_err();
        assert_eq!(refused.code(), "wrong_currency");
        let text = refused.to_string();
        assert!(["1600 JPY", "in USD", "speak to your bank"].iter().all(|part| text.contains(part)), "{text}");
    }
    let refused = block_on(taro.open().refund_file()).unwrap_err().to_string();
    assert!(refused.contains("pays it to nobody any more"), "{refused}");
}

/// docs/card.md: the wallet knows the currency of its account from its card's tickets, without a connection.
#[test]
fn a_balance_says_what_the_account_does_not_take() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 1_600);
    town.books().cards.currency = dollars();
    town.at(terms().valid_until.plus(1));
    assert_eq!(block_on(taro.open().contact()).unwrap(), ContactOutcome::Done);
    let mut holder = taro.open();
    taro.power.cut_at(1);
    let balance = block_on(holder.balance()).unwrap();
    assert_eq!((balance.account_currency.as_deref(), balance.balances[0].restored), (Some("USD"), yen(1_600)));
}

/// A contact for which the bank cannot be reached.
fn away(home: &Home) {
    let mut holder = home.open();
    home.power.cut_at(1);
    assert_eq!(block_on(holder.contact()), Ok(ContactOutcome::Away));
}

/// docs/card.md "CONTACT": while the bank refuses the card's contact, nothing is withdrawn to it and `resume` and `balance` say why, in the
/// bank's word; its money is deposited as ever. Controls: a bank that is only away changes nothing, one that takes the card again
/// heals all.
#[test]
fn a_card_that_the_bank_refuses_withdraws_nothing() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 1_600);
    let refused = || block_on(taro.open().balance()).unwrap().card_refused;
    for (refusal, code) in [
        (ContactRefusal::TooManyCards { max: 16 }, "too_many_cards"),
        (ContactRefusal::TooManyNew { max: 20 }, "too_many_new_cards"),
        (ContactRefusal::OtherAccount, "other_account"),
    ] {
        assert_eq!(refused(), None);
        town.books().cards.refuses = Some(refusal.clone());
        let seen = town.books().seen.len();
        for via in [Via::Registered, Via::Sealed] {
            let error = block_on(taro.open().withdraw_via(yen(100), Some(via), true)).unwrap_err();
            assert_eq!(error.code(), "card_contact");
            let text = error.to_string();
            assert!(text.contains(code) && text.contains(&refusal.to_string()), "{text}");
        }
        assert!(town.books().seen[seen..].iter().all(|it| !it.2.contains("withdraw")), "nothing was ordered");
        let told = resumed(&taro);
        assert_eq!((told[0].what, told[0].progress, told[0].outcome), ("card", Progress::Refused, "card_contact"));
        assert!(told[0].reason.contains(code), "{told:?}");
        assert_eq!(refused().map(|it| it.code).as_deref(), Some(code));
        block_on(taro.open().deposit(yen(100))).unwrap();
        // away is not refused, and takes nothing back
        away(&taro);
        assert_eq!(refused().map(|it| it.code).as_deref(), Some(code));
        town.books().cards.refuses = None;
        assert!(resumed(&taro).iter().all(|it| it.what != "card"));
        block_on(taro.open().withdraw(yen(100), true)).unwrap();
    }
    away(&taro);
    assert_eq!(refused(), None);
}
