//! Plans of which nothing was signed, and cards and records of which one is older than the other.

use zeni_card::{Card, element::testing::Cut};
use zeni_message::Signed;
use zeni_note::{Challenge, testing::amount};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

/// A wallet of 1,600 yen in three notes that was cut at the first signature of a payment of 500, and the request.
fn cut_at_signing(cut: Cut) -> (std::sync::Arc<Town>, Home, Home, Signed<Challenge>) {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    let request = block_on(jiro.open().request(yen(500), "")).unwrap().document;
    let mut payer = taro.open();
    block_on(payer.balance()).unwrap();
    taro.memory.cut(0, cut);
    assert_eq!(block_on(payer.pay(&request)).unwrap_err().code(), "card_memory");
    taro.memory.power_on();
    (town, taro, jiro, request)
}

fn told(home: &Home) -> Vec<(&'static str, Progress, &'static str)> {
    block_on(home.open().resume()).unwrap().into_iter().map(|it| (it.what, it.progress, it.outcome)).collect()
}

/// RN-F4.5: of a payment that was cut before anything was signed the money may go elsewhere; it is then planned anew, by `resume`
/// or by the same command, and paid once.
#[test]
fn a_plan_without_a_signature_is_planned_anew() {
    for by_resume in [true, false] {
        let (_town, taro, jiro, request) = cut_at_signing(Cut::BeforeCommit);
        transfer(&taro, &jiro, 500);
        if by_resume {
            assert_eq!(told(&taro), [("payment", Progress::Done, "done")]);
            assert_eq!(told(&taro), []);
        }
        let paid = block_on(taro.open().pay(&request)).unwrap();
        assert_eq!(paid.again, by_resume);
        assert_eq!(block_on(taro.open().pay(&request)).unwrap().document, paid.document);
        block_on(jiro.open().receive(&paid.document)).unwrap();
        assert_eq!((taro.figures()[0], jiro.figures()[0]), (600, 1_000));
    }
}

/// RN-F4.5: where the money is gone, or the request has ended, it is given up and told once; the request can be paid when there is
/// money again, from any card of the wallet.
#[test]
fn a_plan_without_a_signature_binds_nobody() {
    let (_town, taro, jiro, request) = cut_at_signing(Cut::BeforeCommit);
    transfer(&taro, &jiro, 1_600);
    assert_eq!(told(&taro), [("payment", Progress::Refused, "given_up")]);
    assert_eq!(told(&taro), []);
    let answer = request.record.answer(taro.town.world.network());
    assert_eq!(block_on(KnownRequest::stored(&taro.store, &answer)).unwrap(), None);
    assert_eq!(block_on(KnownRequest::stored(&jiro.store, &answer)).unwrap(), Some(KnownRequest::Asked));
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    assert!(!block_on(taro.open().pay(&request)).unwrap().again);
    assert_eq!(block_on(KnownRequest::stored(&taro.store, &answer)).unwrap(), Some(KnownRequest::Paid));

    let (town, taro, _jiro, request) = cut_at_signing(Cut::BeforeCommit);
    town.at(request.record.sign_until.plus(1));
    assert_eq!(told(&taro), [("payment", Progress::Refused, "given_up")]);
    assert_eq!(taro.figures()[0], 1_600);
}

/// RN-F5.1: so does the plan of a deposit: cut before its first signature it binds nobody, and where its money was paid to somebody
/// meanwhile, it ends and is told once. Nothing of it stays pending.
#[test]
fn a_planned_deposit_without_a_signature_binds_nobody() {
    let mut ended = 0;
    for at in 0..8 {
        let (_town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
        let mut holder = taro.open();
        block_on(holder.balance()).unwrap();
        taro.memory.cut(at, Cut::BeforeCommit);
        let cut = block_on(holder.deposit(yen(700))).is_err();
        taro.memory.power_on();
        let request = block_on(jiro.open().request(yen(1_600), "")).unwrap().document;
        let Ok(paid) = block_on(taro.open().pay(&request)) else { continue };
        assert!(cut);
        block_on(jiro.open().receive(&paid.document)).unwrap();
        let outcomes = told(&taro);
        assert!(matches!(outcomes[..], [] | [("deposit", Progress::Refused, "refused")]), "{at}: {outcomes:?}");
        ended += outcomes.len();
        assert_eq!((told(&taro), taro.figures()), (vec![], [0; 4]), "{at}");
        assert_eq!(jiro.figures()[0], 1_600);
    }
    assert_eq!(ended, 1, "the cut before the first signature");
}

/// RN-F4.5, RN-D15: a part that was signed binds, also when its reply was lost and somebody confirmed the payment on the card: the same
/// part is sent, and no other money answers the request.
#[test]
fn a_signature_binds_the_plan() {
    let (_town, taro, jiro, request) = cut_at_signing(Cut::AfterCommit);
    let open = taro.card().open_payment().unwrap().unwrap();
    taro.card().confirm(&open.answer).unwrap();
    transfer(&taro, &jiro, 1_000);
    assert_eq!(told(&taro), [("payment", Progress::Done, "done")]);
    let paid = block_on(taro.open().pay(&request)).unwrap();
    assert!(paid.again && paid.document.answers.len() == 1);
    assert_eq!(paid.document.answers[0].signature, open.parts[0].signature);
    block_on(jiro.open().receive(&paid.document)).unwrap();
    assert_eq!((taro.figures()[0], jiro.figures()[0]), (100, 1_500));
}

/// docs/card.md, RN-D15: a software card whose older file was put back beside the newest records pays nothing and deposits nothing, and
/// `resume` tells it; so its owner is not named. Control: the card itself signs what was spent once more.
#[test]
fn an_older_card_beside_newer_records_pays_nothing() {
    type Since = fn(&Home, &Home);
    let since: [Since; 3] = [
        |taro, jiro| _ = transfer(taro, jiro, 200),
        |taro, jiro| _ = transfer(taro, jiro, 500),
        |taro, _| _ = block_on(taro.open().deposit(yen(500))).unwrap(),
    ];
    for (place, spend) in since.into_iter().enumerate() {
        let (_town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
        transfer(&taro, &jiro, 100);
        let old = taro.memory.copied();
        spend(&taro, &jiro);
        let request = block_on(jiro.open().request(yen(300), "")).unwrap().document;
        let back = taro.with_memory(old);
        assert_eq!(block_on(back.open().preview(&request)).unwrap_err().code(), "older_card", "{place}");
        assert_eq!(block_on(back.open().pay(&request)).unwrap_err().code(), "older_card", "{place}");
        assert_eq!(block_on(back.open().deposit(yen(300))).unwrap_err().code(), "older_card", "{place}");
        // the bank that took the deposit has seen the newer card, and would freeze both
        if place < 2 {
            assert_eq!(told(&back), [("card", Progress::Refused, "older_card")], "{place}");
        }
        assert_eq!(back.card().open_payment().unwrap(), None);
        // the newest file is put back
        block_on(taro.open().pay(&request)).unwrap();
        let spent = back.card().holdings().unwrap().into_iter().find(|it| it.value == amount(500)).unwrap();
        assert!(back.card().endorse(&spent.node, amount(500), &zeni_crypto::sha256(&[b"twice"])).is_ok(), "{place}");
    }
}

/// docs/card.md: an older card that its bank has seen newer is frozen at the next contact, which is told once.
#[test]
fn an_older_card_is_frozen_by_its_bank() {
    let (_town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    let old = taro.memory.copied();
    transfer(&taro, &jiro, 200);
    assert_eq!(block_on(taro.open().contact()), Ok(ContactOutcome::Done));
    let back = taro.with_memory(old);
    assert_eq!(told(&back), [("card", Progress::Done, "frozen")]);
}

/// What a card holds beyond older records is told by `balance` and `resume`, with what to do. Control: of the newest records
/// nothing is told.
#[test]
fn money_that_older_records_do_not_know_is_told() {
    let (_town, taro, _jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    assert_eq!(block_on(taro.open().balance()).unwrap().unknown, []);
    assert_eq!(told(&taro), []);
    let older = taro.same_card();
    assert_eq!(block_on(older.open().balance()).unwrap().unknown, [yen(1_600)]);
    let resumed = block_on(older.open().resume()).unwrap();
    assert_eq!((resumed[0].outcome, resumed[0].progress), ("unknown_money", Progress::Done));
    assert!(resumed[0].reason.contains("1600 JPY") && resumed[0].reason.contains("newest backup"), "{resumed:?}");
}
