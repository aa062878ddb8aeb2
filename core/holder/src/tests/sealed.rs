//! Notes under seal: orders, answers, disputes; what of them survives cuts, cheats and losses.

use zeni_message::Message;
use zeni_note::{
    keylist::Way,
    messages::bank::{GetSealedOrders, WithdrawSealed},
    sealed::{Envelope, KeyMaker, SealedContent},
    spec,
    testing::amount,
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::{record::SealedOrder, *};

fn sealed_town() -> std::sync::Arc<Town> {
    Town::with(Series::Sealed(Way::Sealed))
}

/// The messages with orders under seal that reached the bank.
fn sent(town: &Town) -> Vec<WithdrawSealed> {
    let books = town.books();
    let of = books.seen.iter().filter(|(_, _, path, _)| *path == WithdrawSealed::PATH);
    of.map(|(.., body)| zeni_message::decode(body, usize::MAX).unwrap()).collect()
}

fn contents(town: &Town, message: &WithdrawSealed) -> Vec<SealedContent> {
    let list = &town.list.record;
    let envelope = Envelope::new(town.world.network(), list.sealing.as_ref().unwrap()).unwrap();
    message.items.iter().map(|it| envelope.open(&sealing_pair(), &it.request).unwrap()).collect()
}

fn states(home: &Home) -> Vec<&'static str> {
    block_on(home.open().sealed_orders()).unwrap().into_iter().map(|it| it.state).collect()
}

/// HC-F2.1, HC-F2.2, HC-F2.3, HC-V8, HC-A2, HC-A3, HC-A5: each request has a key pair and a K of its own, fresh; the issuer opens it, and
/// nobody without its secret; all are of one length (HC-O25). HC-F2.19, HC-A4: C with x = X is there after a restart.
#[test]
fn each_request_has_its_own_keys() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    let done = block_on(home.open().withdraw(yen(1_700), false)).unwrap();
    assert_eq!((done.via, done.requests, done.redeemed), (Via::Sealed, 4, 4));
    let message = sent(&town).remove(0);
    let contents = contents(&town, &message);
    for (at, one) in contents.iter().enumerate() {
        for other in &contents[..at] {
            assert_ne!((one.k, &one.holder), (other.k, &other.holder));
            assert_ne!(one.k, other.k);
            assert_ne!(one.holder, other.holder);
        }
        let KeyMaker::User(key) = one.holder else { panic!("the wallet makes its keys") };
        assert_eq!(key.check(), Ok(()));
    }
    assert!(message.items.iter().all(|item| item.request.len() == Envelope::LEN));
    let list = &town.list.record;
    let envelope = Envelope::new(town.world.network(), list.sealing.as_ref().unwrap()).unwrap();
    let other = zeni_crypto::seal::SealKeyPair::from_seed([1; 32]);
    assert!(envelope.open(&other, &message.items[0].request).is_err(), "control: another secret opens nothing");
    assert_eq!(home.figures(), [1_700, 0, 0, 0]);
    let ways = block_on(home.open().balance()).unwrap().balances[0].ways;
    assert_eq!((ways.registered, ways.sealed), (yen(0), yen(1_700)));
    let history = block_on(home.open().history()).unwrap();
    assert!(history.iter().all(|line| line.kind == "withdrawal" && line.via == Some(Via::Sealed)));
}

/// HC-A1, HC-A6, HC-V28, HC-P1, HC-P9: what goes to the bank holds neither N_U nor K in clear, nor S_I; account and bank come from what was stored
/// at the joining. Control: the search finds them in the opened request.
#[test]
fn the_bank_is_sent_nothing_to_read() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(home.open().withdraw(yen(500), false)).unwrap();
    let message = sent(&town).remove(0);
    let content = contents(&town, &message).remove(0);
    let KeyMaker::User(key) = content.holder else { panic!("the wallet makes its keys") };
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
    assert!(holds(&content.to_bytes(), &key.0) && holds(&content.to_bytes(), &content.k), "control");
    for (_, _, path, body) in town.books().seen.iter() {
        assert!(!holds(body, &key.0) && !holds(body, &content.k), "{path}");
    }
    let order = &message.items[0].order.record;
    assert_eq!((&order.bank[..], &order.account[..]), (BANK, "taro"));
}

/// HC-V9, HC-D5, HC-O3: every order is signed by the account key, which is no note's; control: an order with another account's key, or an
/// altered request, is refused by the bank, and the money stays on the account.
#[test]
fn orders_are_signed_by_the_customer() {
    let town = sealed_town();
    let (taro, jiro) =
        (Home::unregistered(&town, "taro", Kind::Wallet), Home::unregistered(&town, "jiro", Kind::Wallet));
    block_on(taro.open().withdraw(yen(500), false)).unwrap();
    let message = sent(&town).remove(0);
    let key = block_on(taro.open().profile()).unwrap().account_key;
    assert!(message.items[0].order.verify(town.world.network(), &key).is_ok());
    assert_ne!(contents(&town, &message)[0].holder, KeyMaker::User(key));
    let theft = block_on(jiro.open().peers.bank.send(&message)).unwrap_err();
    assert_eq!(theft.code(), "wrong_account");
    let mut altered = message.clone();
    altered.items[0].order.record.of.face = amount(100);
    let refused = block_on(taro.open().peers.bank.send(&altered)).unwrap_err();
    assert_eq!(refused.code(), "not_signed");
    assert_eq!((jiro.wealth(), taro.wealth()), (OPENING, OPENING));
}

/// HC-A7, HC-V19: the issuer takes its time; the same bytes are sent until the answer comes, each order is debited once and issued once.
#[test]
fn an_answer_that_comes_late() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    town.books().sealed.slow = 2;
    let done = block_on(home.open().withdraw(yen(1_500), false)).unwrap();
    assert_eq!((done.requests, done.redeemed), (2, 0));
    assert!(done.next_due.is_some());
    assert_eq!(home.figures(), [0, 1_500, 0, 0]);
    assert_eq!(states(&home), ["pending", "pending"]);
    let resumed = block_on(home.open().resume()).unwrap();
    assert_eq!((resumed[0].what, resumed[0].outcome), ("sealed_order", "pending"));
    town.pass(3_600);
    assert_eq!(block_on(home.open().run_due()).unwrap().redeemed, 2);
    let messages = sent(&town);
    assert!(messages.len() == 3 && messages.iter().all(|message| *message == messages[0]));
    assert_eq!(home.figures(), [1_500, 0, 0, 0]);
    assert_eq!(home.wealth(), OPENING);
    assert_eq!(block_on(home.open().next_due()).unwrap(), None);
}

/// HC-F2.18, HC-X10, HC-X11, HC-P9: an E_K that was altered, or is for a request of the bank's own, or over another face value or slot, is not stored as
/// money: the wallet refuses it, keeps request, signed order and receipt, and asks again. Control: the right answer is taken after all.
#[test]
fn wrong_answers_are_kept_for_a_dispute() {
    for rogue in [Rogue::Flips, Rogue::Swaps, Rogue::OtherFace, Rogue::OtherSlot] {
        let town = sealed_town();
        let home = Home::unregistered(&town, "taro", Kind::Wallet);
        town.books().sealed.rogue = Some(rogue);
        // a ticket for another slot is what the wallet rebuilds with its own, so that its signature is false
        let error = block_on(home.open().withdraw(yen(500), false)).unwrap_err();
        assert_eq!(error.code(), "bad_answer", "{rogue:?}");
        assert_eq!(home.figures(), [0, 500, 0, 0], "{rogue:?}");
        let report = block_on(home.open().sealed_orders()).unwrap().remove(0);
        assert_eq!(report.state, "disputed");
        assert!(report.order.verify(town.world.network(), &report.account_key).is_ok());
        let receipt = report.receipt.unwrap();
        assert_eq!(receipt.record.of, report.order.record.of);
        assert_eq!(receipt.record.of.request, Envelope::digest(&report.request));
        assert!(report.answer.is_some());
        let again = block_on(home.open().resume()).unwrap();
        assert!(again[0].progress == Progress::Open && again[0].outcome == "bad_answer");
        town.books().sealed.rogue = None;
        block_on(home.open().resume()).unwrap();
        assert_eq!((home.figures(), states(&home)), ([500, 0, 0, 0], vec!["issued"]), "control {rogue:?}");
    }
}

/// HC-D6, HC-X11: a receipt that the bank did not sign, or for another request, is none, and the person is told; the note is taken.
#[test]
fn false_receipts() {
    for rogue in [Rogue::ForgesReceipt, Rogue::OtherReceipt] {
        let town = sealed_town();
        let home = Home::unregistered(&town, "taro", Kind::Wallet);
        town.books().sealed.rogue = Some(rogue);
        let error = block_on(home.open().withdraw(yen(500), false)).unwrap_err();
        assert_eq!(error.code(), "bad_receipt", "{rogue:?}");
        assert!(block_on(home.open().sealed_orders()).unwrap()[0].receipt.is_none());
        assert_eq!(home.figures(), [500, 0, 0, 0]);
    }
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    town.books().sealed.rogue = Some(Rogue::Short);
    assert_eq!(block_on(home.open().withdraw(yen(500), false)).unwrap_err().code(), "bad_reply");
    town.books().sealed.rogue = None;
    block_on(home.open().resume()).unwrap();
    assert!(block_on(home.open().sealed_orders()).unwrap()[0].receipt.is_some(), "control");
}

/// HC-X1, HC-X12, HC-O15: refused by the bank or by the issuer, nothing is debited for good, and the same wallet withdraws later.
#[test]
fn refusals_release_the_money() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    assert_eq!(block_on(home.open().withdraw(yen(30_000), false)).unwrap_err().code(), "insufficient_funds");
    town.books().sealed.refuses = Some("ceiling");
    let error = block_on(home.open().withdraw(yen(500), false)).unwrap_err();
    assert_eq!(error.code(), "sealed_refused");
    assert!(error.to_string().ends_with("ceiling"));
    assert_eq!((home.figures(), home.wealth()), ([0; 4], OPENING));
    assert!(states(&home).iter().all(|state| *state == "refused"));
    town.books().sealed.refuses = None;
    block_on(home.open().withdraw(yen(500), false)).unwrap();
    assert_eq!((home.figures(), home.wealth()), ([500, 0, 0, 0], OPENING));
}

/// HC-D3: K is wiped from the wallet once the note is stored, or nothing can come of an order that was refused; while it is open it
/// is there.
#[test]
fn k_is_wiped() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    let kept = |home: &Home| {
        let orders = block_on(home.open().all::<SealedOrder>()).unwrap();
        orders.iter().filter(|order| order.content.is_some()).count()
    };
    town.books().sealed.slow = 1;
    block_on(home.open().withdraw(yen(500), false)).unwrap();
    assert_eq!(kept(&home), 1);
    block_on(home.open().resume()).unwrap();
    assert_eq!(kept(&home), 0);
    town.books().sealed.refuses = Some("stopped");
    block_on(home.open().withdraw(yen(500), false)).unwrap_err();
    block_on(home.open().resume()).unwrap();
    assert_eq!(kept(&home), 1);
    town.at(zeni_note::testing::terms().retain_until.plus(1));
    block_on(home.open().resume()).unwrap();
    assert_eq!(kept(&home), 0);
    assert_eq!(block_on(home.open().sealed_orders()).unwrap()[1].asked_until, None);
}

/// The questions for the state of refused orders that reached the bank.
fn asked(town: &Town) -> usize {
    town.books().seen.iter().filter(|(_, _, path, _)| *path == GetSealedOrders::PATH).count()
}

/// HC-X9, HC-X11, HC-F2.17: a bank that has the note says that it was refused, or that it took no order at all. The wallet keeps what it
/// sealed, asks where the order stands ever more seldom, never orders again, and takes the note when the bank shows it. Control: with K
/// wiped at the refusal, the same answer is no money.
#[test]
fn a_bank_that_denies_a_note() {
    for (rogue, code) in [(Rogue::Denies, "sealed_refused"), (Rogue::DeniesAll, "insufficient_funds")] {
        for forgets in [false, true] {
            let town = sealed_town();
            let home = Home::unregistered(&town, "taro", Kind::Wallet);
            town.books().sealed.rogue = Some(rogue);
            assert_eq!(block_on(home.open().withdraw(yen(500), false)).unwrap_err().code(), code);
            assert_eq!(home.wealth(), OPENING - 500, "the bank has taken the money");
            let report = block_on(home.open().sealed_orders()).unwrap().remove(0);
            assert_eq!((report.state, report.asked_until), ("refused", Some(zeni_note::testing::terms().retain_until)));
            for (pass, questions) in [(0, 0), (60, 1), (60, 1), (60, 2), (7 * 86_400, 3), (86_400, 4)] {
                town.pass(pass);
                block_on(home.open().resume()).unwrap();
                assert_eq!(asked(&town), questions);
            }
            if forgets {
                let holder = home.open();
                let order = block_on(holder.all::<SealedOrder>()).unwrap().remove(0);
                block_on(holder.put(&SealedOrder { content: None, ..order })).unwrap();
            }
            town.books().sealed.rogue = None;
            town.pass(86_400);
            block_on(home.open().resume()).unwrap();
            assert_eq!(sent(&town).len(), 1, "nothing is ordered again");
            let (state, wealth) = if forgets { ("refused", OPENING - 500) } else { ("issued", OPENING) };
            assert_eq!((states(&home), home.wealth()), (vec![state], wealth), "forgets: {forgets}");
        }
    }
}

/// HC-V7, HC-X9: while an order for a key is doubted, the key takes no second note: both would need its one slot. The person is told until
/// when. Control: once the note has come after all, or nothing can come any more, it takes one.
#[test]
fn a_doubted_order_keeps_its_key() {
    for comes in [true, false] {
        let town = sealed_town();
        let home = Home::unregistered(&town, "taro", Kind::Wallet);
        block_on(home.open().withdraw(yen(500), false)).unwrap();
        let KeyMaker::User(key) = contents(&town, &sent(&town)[0])[0].holder else {
            panic!("the wallet makes its keys")
        };
        let again = || block_on(home.open().withdraw_sealed(yen(500), SealedKeys::Again(key)));
        town.books().sealed.rogue = Some(Rogue::Denies);
        assert_eq!(again().unwrap_err().code(), "sealed_refused");
        assert_eq!(block_on(home.open().next_due()).unwrap(), None, "it is not waited for");
        let until = zeni_note::testing::terms().retain_until;
        assert_eq!(again().unwrap_err(), WithdrawError::KeyDoubted { until });
        assert_eq!(sent(&town).len(), 2, "nothing more is ordered");
        if comes {
            town.books().sealed.rogue = None;
            town.pass(86_400);
            block_on(home.open().run_due()).unwrap();
            assert_eq!(home.figures(), [1_000, 0, 0, 0]);
            again().unwrap();
            assert_eq!(home.figures(), [1_500, 0, 0, 0], "control");
        } else {
            town.at(until.plus(1));
            block_on(home.open().run_due()).unwrap();
            assert_ne!(again().unwrap_err().code(), "key_doubted", "control: the epoch is over, the key is free");
        }
    }
}

/// HC-X1: an order that was honestly refused for want of money is asked about and not carried out when there is money again.
#[test]
fn refused_orders_are_never_ordered_again() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(home.open().withdraw(yen(30_000), false)).unwrap_err();
    town.books().balance.insert(format!("{BANK}/taro"), 2 * OPENING);
    for _ in 0..3 {
        town.pass(86_400);
        block_on(home.open().resume()).unwrap();
    }
    assert!(asked(&town) > 0);
    assert_eq!((home.figures(), home.wealth(), block_on(home.open().next_due()).unwrap()), ([0; 4], 2 * OPENING, None));
}

/// HC-V1…V3: HC-V1 the note shows the key; HC-V2, HC-V3 it shows g of face value and key, and is paid with all the same.
#[test]
fn notes_that_hide_their_key() {
    for way in [Way::Sealed, Way::SealedHidden] {
        let town = Town::with(Series::Sealed(way));
        let (payer, payee) =
            (Home::unregistered(&town, "taro", Kind::Wallet), Home::unregistered(&town, "cafe", Kind::Shop));
        block_on(payer.open().withdraw(yen(500), false)).unwrap();
        let request = block_on(payee.open().request(yen(200), "tea")).unwrap();
        let paid = block_on(payer.open().pay(&request.document)).unwrap();
        let chain = &paid.document.answers[0].chain;
        let hidden = spec::g(amount(500), &chain.holder.key());
        let shown = if way == Way::Sealed { chain.holder.key() } else { hidden };
        assert_eq!(chain.note.record.holder, shown);
        block_on(payee.open().receive(&paid.document)).unwrap();
        assert_eq!(payee.deposit_only(), 200);
    }
}

/// HC-V7, HC-O16: one key takes several live notes of one face value, since TM makes the requests differ; one order at a time. Control:
/// without TM the second would have the number of the first, and the issuer refuses it.
#[test]
fn several_notes_under_one_key() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(home.open().withdraw(yen(500), false)).unwrap();
    let first = contents(&town, &sent(&town)[0]).remove(0);
    let KeyMaker::User(key) = first.holder else { panic!("the wallet makes its keys") };
    block_on(home.open().withdraw_sealed(yen(500), SealedKeys::Again(key))).unwrap();
    let second = contents(&town, &sent(&town)[1]).remove(0);
    assert_eq!((&first.holder, first.face), (&second.holder, second.face));
    assert_ne!(first.serial(&key), second.serial(&key));
    let without = SealedContent { tm: first.tm, ..second };
    assert_eq!(without.serial(&key), first.serial(&key), "control");
    assert!(town.books().sealed.issued.contains(&without.serial(&key)), "control: it would be refused as registered");
    assert_eq!(home.figures(), [1_000, 0, 0, 0]);
    let several = block_on(home.open().withdraw_sealed(yen(600), SealedKeys::Again(key))).unwrap_err();
    assert_eq!(several.code(), "one_at_a_time");
    town.books().sealed.slow = 1;
    block_on(home.open().withdraw_sealed(yen(500), SealedKeys::Again(key))).unwrap();
    let busy = block_on(home.open().withdraw_sealed(yen(500), SealedKeys::Again(key))).unwrap_err();
    assert_eq!(busy.code(), "one_at_a_time");
}

/// HC-F6.1, HC-F6.8, HC-V4, HC-P26: where the issuer offers it, it makes the keys: the wallet makes none, takes the issuer's into its card and pays with it.
/// Control: an issuer that does not offer it refuses, and the money is back.
#[test]
fn keys_made_by_the_issuer() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    let shop = Home::unregistered(&town, "cafe", Kind::Shop);
    let error = block_on(home.open().withdraw_sealed(yen(500), SealedKeys::MadeByIssuer)).unwrap_err();
    assert!(error.to_string().ends_with("key_maker"), "control: {error}");
    town.books().sealed.makes_keys = true;
    let keys = |home: &Home| home.memory.dump().keys().filter(|place| place[0] == b'k').count();
    let before = keys(&home);
    block_on(home.open().withdraw_sealed(yen(500), SealedKeys::MadeByIssuer)).unwrap();
    assert_eq!(keys(&home), before + 1, "the issuer's, and none of its own");
    assert!(contents(&town, sent(&town).last().unwrap()).iter().all(|content| content.holder == KeyMaker::Issuer));
    transfer(&home, &shop, 200);
    assert_eq!((home.figures()[0], shop.deposit_only()), (300, 200));
}

/// HC-P2: two wallets of one bank order the same; what the bank has of them differs in nothing that a payment shows: no part of an order is in the
/// payment. Control: the account's name is found in the order.
#[test]
fn orders_and_payments_share_nothing() {
    let town = sealed_town();
    let shop = Home::unregistered(&town, "cafe", Kind::Shop);
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
    for name in ["taro-with-a-long-name", "jiro-with-a-long-name"] {
        let home = Home::unregistered(&town, name, Kind::Wallet);
        block_on(home.open().withdraw(yen(500), false)).unwrap();
        let request = block_on(shop.open().request(yen(200), "tea")).unwrap();
        let paid = block_on(home.open().pay(&request.document)).unwrap();
        let order = block_on(home.open().sealed_orders()).unwrap().remove(0);
        let shown = zeni_message::encode(&paid.document);
        let of_bank = zeni_message::encode(&sent(&town).last().unwrap());
        assert!(holds(&of_bank, name.as_bytes()), "control");
        assert!(!holds(&shown, name.as_bytes()));
        for part in of_bank.windows(16).filter(|part| part.iter().any(|byte| *byte != part[0])) {
            assert!(!holds(&shown, part), "a part of an order is in the payment");
        }
        assert!(!holds(&shown, &order.account_key.0));
    }
}

/// HC-F2, issue 3.6: the default is the bank's only way, and with both, registered for a licensed wallet and under seal for one without.
#[test]
fn which_way_by_default() {
    let both = Town::with(Series::Both);
    let (licensed, without) = (
        Home::joined(&both, "taro", Privacy::Unlinkable, Kind::Wallet),
        Home::unregistered(&both, "jiro", Kind::Wallet),
    );
    assert_eq!(block_on(licensed.open().withdraw(yen(500), true)).unwrap().via, Via::Registered);
    assert_eq!(block_on(licensed.open().withdraw_via(yen(100), Some(Via::Sealed), true)).unwrap().via, Via::Sealed);
    let ways = block_on(licensed.open().balance()).unwrap().balances[0].ways;
    assert_eq!((ways.registered, ways.sealed), (yen(500), yen(100)));
    assert_eq!(block_on(without.open().withdraw(yen(500), true)).unwrap().via, Via::Sealed);
    let refused = block_on(without.open().withdraw_via(yen(500), Some(Via::Registered), true)).unwrap_err();
    assert_eq!(refused.code(), "no_licence");
    let sealed = Town::with(Series::Sealed(Way::Sealed));
    let licensed = Home::joined(&sealed, "taro", Privacy::Unlinkable, Kind::Wallet);
    assert_eq!(block_on(licensed.open().withdraw(yen(500), true)).unwrap().via, Via::Sealed);
    let registered = Town::new();
    let without = Home::unregistered(&registered, "jiro", Kind::Wallet);
    assert_eq!(block_on(without.open().withdraw(yen(500), true)).unwrap_err().code(), "no_licence");
    let none = block_on(without.open().withdraw_via(yen(500), Some(Via::Sealed), true)).unwrap_err();
    assert_eq!(none.code(), "no_keys");
}

/// HC-X13, HC-O10: the wallet is lost: a backup made before brings back what was on it as restored money, and orders that were under way are carried
/// on; nothing of it can be spent, and everything is refunded after validity.
#[test]
fn a_lost_wallet_comes_back_by_refund() {
    let town = sealed_town();
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(home.open().withdraw(yen(1_000), false)).unwrap();
    town.books().sealed.slow = 1;
    block_on(home.open().withdraw(yen(500), false)).unwrap();
    let card = home.card().export().unwrap().to_bytes();
    let backup = block_on(home.open().backup(BackupKind::Copy, &card)).unwrap();
    let new = home.blank();
    let read = Backup::from_bytes(&backup).unwrap();
    new.card().restore(&zeni_card::Backup::from_bytes(read.card()).unwrap()).unwrap();
    block_on(new.open().restore(&read)).unwrap();
    block_on(new.open().resume()).unwrap();
    assert_eq!(new.figures(), [0, 0, 0, 1_500]);
    let shop = Home::unregistered(&town, "cafe", Kind::Shop);
    let request = block_on(shop.open().request(yen(100), "")).unwrap();
    assert_eq!(block_on(new.open().pay(&request.document)).unwrap_err().code(), "restored");
    assert_eq!(block_on(new.open().refund()).unwrap_err().code(), "too_early");
    town.at(zeni_note::testing::terms().deposit_until.plus(1));
    assert_eq!(block_on(new.open().refund()).unwrap()[0].money, yen(1_500));
    block_on(new.open().deposit_states()).unwrap();
    assert_eq!(new.wealth(), OPENING);
}
