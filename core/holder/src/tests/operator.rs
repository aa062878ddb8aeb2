//! The card's operator: limits, the filter of revoked keys, the token that finds copies.

use zeni_card::{Card, element::testing::Cut};
use zeni_message::{Time, route::Clock};
use zeni_note::{
    CardRules,
    licence::key_digest,
    testing::{amount, rules, terms},
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

fn contact(home: &Home) -> ContactOutcome {
    block_on(home.open().contact()).unwrap()
}

/// docs/card.md: limits set at the bank hold from the next contact on; a payment that would break them is not begun, the wallet
/// says to connect, and connecting helps; a blocked card still deposits everything.
#[test]
fn limits_reach_the_card_and_never_lock_money_in() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    town.books().cards.rules = vec![CardRules { payment_max: Some(amount(600)), payments_max: Some(2), ..rules(1) }];
    let ask = |minor| block_on(jiro.open().request(yen(minor), "")).unwrap().document;
    let pay = |minor| block_on(taro.open().pay(&ask(minor)));
    transfer(&taro, &jiro, 100);
    assert_eq!(contact(&taro), ContactOutcome::Done);
    assert_eq!(pay(700).unwrap_err().code(), "card_limit");
    assert_eq!(block_on(taro.open().preview(&ask(700))).unwrap_err().code(), "card_limit");
    assert_eq!(taro.card().open_payment(), Ok(None), "nothing was begun");
    transfer(&taro, &jiro, 100);
    transfer(&taro, &jiro, 100);
    let refused = pay(100).unwrap_err();
    assert!(refused.to_string().contains("connect to your bank"), "{refused}");
    block_on(taro.open().sync()).unwrap();
    transfer(&taro, &jiro, 100);
    // blocked whole: the money still goes to the account, through a payment to oneself
    town.books().cards.rules = vec![CardRules { payments_max: Some(0), ..rules(2) }];
    assert_eq!(contact(&taro), ContactOutcome::Done);
    assert_eq!(pay(100).unwrap_err().code(), "card_limit");
    assert!(block_on(taro.open().deposit(yen(1_200))).unwrap().money == yen(1_200));
    assert_eq!(taro.figures(), [0; 4]);
}

/// docs/card.md: a card that was given the newest rules of one currency alone names a number above those it lacks; the ticket asks
/// for them, the wallet asks for all, and the contact is had.
#[test]
fn rules_that_were_held_back_come_later() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 500);
    let dollars = CardRules { currency: zeni_money::Currency::from_code("USD").unwrap(), ..rules(7) };
    town.books().cards.rules = vec![dollars.clone()];
    assert_eq!(contact(&taro), ContactOutcome::Done);
    town.books().cards.rules = vec![CardRules { payments_max: Some(0), ..rules(6) }, dollars];
    assert_eq!(contact(&taro), ContactOutcome::Done);
    assert!(taro.card().limits(rules(6).currency).unwrap().rules.is_some_and(|held| held.number == 6));
}

/// docs/card.md: no cut at any step of a contact, on either side, ever freezes a card; and the wallet's command goes on without its
/// bank.
#[test]
fn a_contact_survives_every_cut() {
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        for at in 0..2 {
            let (_town, taro, _) = two_wallets(Privacy::Unlinkable, 500);
            let mut holder = taro.open();
            block_on(holder.balance()).unwrap();
            taro.memory.cut(at, cut);
            assert_eq!(block_on(holder.contact()).unwrap_err().code(), "card_memory");
            drop(holder);
            for _ in 0..3 {
                assert_eq!(contact(&taro), ContactOutcome::Done, "{at} {cut:?}");
            }
        }
    }
    for at in [1, 2] {
        let (_town, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
        let mut holder = taro.open();
        taro.power.lose_at(at);
        assert_eq!(block_on(holder.contact()), Ok(ContactOutcome::Away));
        drop(holder);
        transfer(&taro, &jiro, 100);
        for _ in 0..3 {
            assert_eq!(contact(&taro), ContactOutcome::Done);
        }
    }
}

/// docs/card.md: a copied card is found at the second contact of either; what both hold can be refunded only; nobody is named,
/// reported or revoked, and the refund brings the money back.
#[test]
fn a_copied_card_is_frozen_into_refunds() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    assert_eq!(contact(&taro), ContactOutcome::Done);
    let copy = taro.copied(taro.store.clone());
    assert_eq!(contact(&taro), ContactOutcome::Done);
    let seen = town.books().seen.len();
    assert_eq!(contact(&copy), ContactOutcome::Frozen);
    assert_eq!(contact(&taro), ContactOutcome::Frozen);
    let others = |it: &&(zeni_message::Role, u64, &'static str, Vec<u8>)| it.0 != zeni_message::Role::Bank;
    assert_eq!(town.books().seen[seen..].iter().filter(others).count(), 0, "nobody else hears of it");
    let balance = block_on(taro.open().balance()).unwrap();
    assert!(balance.frozen);
    assert_eq!(taro.figures(), [0, 0, 0, 1_600]);
    let request = block_on(jiro.open().request(yen(100), "")).unwrap().document;
    assert_eq!(block_on(taro.open().pay(&request)).unwrap_err().code(), "card_frozen");
    assert_eq!(block_on(taro.open().request(yen(100), "")).unwrap_err().code(), "card_frozen");
    assert_eq!(block_on(taro.open().withdraw(yen(100), true)).unwrap_err().code(), "card_frozen");
    assert_eq!(block_on(taro.open().deposit(yen(100))).unwrap_err().code(), "restored");
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "too_early");
    town.clock.0.store(terms().deposit_until.0 + 1, std::sync::atomic::Ordering::Relaxed);
    let refunded = block_on(taro.open().refund()).unwrap();
    assert_eq!(refunded.iter().map(|it| it.money).collect::<Vec<_>>(), [yen(1_600)]);
    assert_eq!(taro.figures(), [0; 4]);
}

/// docs/card.md: a card whose memory is put back behind its last ticket is found. Control: without a contact in between it is not,
/// and pays the same money twice.
#[test]
fn a_rolled_back_card_is_found() {
    let (_town, taro, jiro) = two_wallets(Privacy::Untraceable, 500);
    contact(&taro);
    let old = taro.memory.copied();
    transfer(&taro, &jiro, 500);
    contact(&taro);
    let back = taro.with_memory(old);
    assert_eq!(contact(&back), ContactOutcome::Frozen);

    let (_town, taro, jiro) = two_wallets(Privacy::Untraceable, 500);
    contact(&taro);
    let old = taro.memory.copied();
    let node = taro.card().holdings().unwrap()[0].node;
    transfer(&taro, &jiro, 500);
    let back = taro.with_memory(old);
    assert!(back.card().endorse(&node, amount(500), &zeni_crypto::sha256(&[b"twice"])).is_ok());
}

/// docs/card.md: a bank that shows an old ticket or one for another card changes nothing on the card.
#[test]
fn a_replayed_ticket_changes_nothing() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 500);
    contact(&taro);
    let old = town.books().cards.ticket().cloned().unwrap();
    contact(&taro);
    let before = taro.card().operator().unwrap();
    let mut forged = old.clone();
    forged.record.frozen = true;
    for ticket in [old, forged] {
        town.books().cards.replayed = Some(ticket);
        town.clock.0.fetch_add(60, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(contact(&taro), ContactOutcome::Refused("card_operator"));
        assert_eq!(taro.card().operator().unwrap(), before);
    }
    town.books().cards.replayed = None;
    assert_eq!(contact(&taro), ContactOutcome::Done, "and the true one is taken afterwards");
    assert!(taro.card().operator().unwrap().time > before.time && town.clock.now() > Time::START);
}

/// RN-D22, RN-X32, docs/card.md: what the filter names is not taken offline; the bank clears false names over a connection that
/// does not say who asks, and a truly revoked payer stays refused.
#[test]
fn the_filter_sends_payees_on_line() {
    let (town, taro, jiro) = two_wallets(Privacy::Untraceable, 1_600);
    let payer = block_on(taro.open().profile()).unwrap().main.unwrap();
    town.books().cards.filtered = vec![key_digest(&payer)];
    town.books().cards.filter = 1;
    assert_eq!(contact(&jiro), ContactOutcome::Done);
    let request = block_on(jiro.open().request(yen(500), "")).unwrap().document;
    let paid = block_on(taro.open().pay(&request)).unwrap().document;
    let mut offline = jiro.open();
    jiro.power.cut_at(1);
    let refused = block_on(offline.receive(&paid)).unwrap_err();
    assert_eq!((refused.code(), refused.retry()), ("filtered", zeni_message::Retry::AfterRepair));
    drop(offline);
    assert_eq!(jiro.figures(), [0; 4], "nothing was stored");
    let seen = town.books().seen.len();
    assert_eq!(block_on(jiro.open().receive(&paid)).unwrap().outcome, ReceiveOutcome::Fulfilled);
    assert_eq!(town.books().seen.len(), seen + 1);
    assert_eq!(jiro.figures(), [500, 0, 0, 0]);
    // he is cleared for this filter; the next names him again, rightly
    transfer(&taro, &jiro, 500);
    town.books().revoked = vec![key_digest(&payer)];
    town.books().cards.filter = 2;
    contact(&jiro);
    let request = block_on(jiro.open().request(yen(500), "")).unwrap().document;
    let paid = block_on(taro.open().pay(&request)).unwrap().document;
    assert_eq!(block_on(jiro.open().receive(&paid)).unwrap_err().code(), "revoked");
    // his own card still takes his money to his account
    town.books().cards.filter = 3;
    town.books().suspended = true;
    contact(&taro);
    assert_eq!(block_on(taro.open().deposit(yen(100))).unwrap().money, yen(100));
}

/// RN-X31, FX-F9, docs/card.md: a refund file of a card whose keys stay is claimed from the replacement's home, paid what was left
/// when it was made, and once; somebody else's wallet takes it not.
#[test]
fn a_refund_file_outlives_the_card() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    transfer(&taro, &jiro, 300);
    let signed = block_on(taro.open().refund_file()).unwrap();
    assert_eq!((signed.money.clone(), signed.holdings), (vec![yen(1_300)], 3));
    assert_eq!(taro.figures(), [1_300, 0, 0, 0], "the card stays at work");
    let secrets = taro.memory.dump();
    assert!(
        secrets.values().filter(|it| it.len() > 40).all(|it| !signed.file.windows(40).any(|part| it.starts_with(part)))
    );

    let home = taro.blank();
    block_on(home.open().join(home.join(Privacy::Unlinkable, Kind::Wallet))).unwrap();
    town.books().balance.insert(format!("{BANK}/taro"), OPENING - 1_600);
    assert_eq!(block_on(jiro.open().present_refunds(&signed.file)).unwrap_err().code(), "other_account");
    assert_eq!(block_on(home.open().present_refunds(b"no file")).unwrap_err().code(), "malformed_refund_file");
    let presented = block_on(home.open().present_refunds(&signed.file)).unwrap();
    assert_eq!((presented.batches, presented.from), (1, terms().deposit_until.plus(1)));
    assert_eq!(block_on(home.open().present_refunds(&signed.file)).unwrap().batches, 0);
    let claimed = |home: &Home| block_on(home.open().balance()).unwrap().balances[0].restored;
    assert_eq!(claimed(&home), yen(1_300));
    let (second, another) = (taro.blank(), block_on(taro.open().refund_file()).unwrap());
    block_on(second.open().join(second.join(Privacy::Unlinkable, Kind::Wallet))).unwrap();
    town.books().balance.insert(format!("{BANK}/taro"), OPENING - 1_600);
    for file in [&signed.file, &another.file] {
        assert_eq!(block_on(second.open().present_refunds(file)).unwrap().batches, 1);
        assert_eq!(claimed(&second), yen(1_300), "what stands in two files is counted once");
    }
    block_on(taro.open().present_refunds(&signed.file)).unwrap();
    assert_eq!(claimed(&taro), yen(0), "what is on the card is counted once");
    let early = block_on(home.open().resume()).unwrap();
    assert_eq!(early.iter().map(|it| it.outcome).collect::<Vec<_>>(), ["too_early"]);
    town.clock.0.store(presented.from.0, std::sync::atomic::Ordering::Relaxed);
    block_on(home.open().resume()).unwrap();
    block_on(home.open().resume()).unwrap();
    assert_eq!(town.books().balance[&format!("{BANK}/taro")], OPENING - 300);
    assert_eq!(block_on(home.open().deposit_states()).unwrap().len(), 0, "settled");
}
