use zeni_note::testing::{DAY, START, terms};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::{record::OwnRight, *};

/// RN-F1, RN-F2.1: the name comes from the authority; a wallet is joined once.
#[test]
fn joining_takes_the_name_from_the_authority() {
    let town = Town::new();
    let home = Home::empty(&town, "taro");
    let joined = block_on(home.open().join(home.join(Privacy::Unlinkable, Kind::Wallet))).unwrap();
    assert_eq!(joined.name, "TARO");
    assert_eq!(joined.licences, 16);
    let again = block_on(home.open().join(home.join(Privacy::Unlinkable, Kind::Wallet)));
    assert_eq!(again.unwrap_err().code(), "already_joined");
    let other = Home::empty(&town, "jiro");
    let mut wrong = other.join(Privacy::Unlinkable, Kind::Wallet);
    wrong.enrolment.code = "wrong".into();
    assert_eq!(block_on(other.open().join(wrong)).unwrap_err().code(), "unknown_account");
    assert_eq!(block_on(other.open().profile()), Err(Trouble::NotJoined));
}

/// RN-F2, RN-F3, RN-O2: standard face values; the account is debited once; each request becomes a note.
#[test]
fn a_withdrawal_becomes_notes_of_standard_face_values() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        let town = Town::new();
        let home = Home::joined(&town, "taro", privacy, Kind::Wallet);
        let done = block_on(home.open().withdraw(yen(2_700), true)).unwrap();
        assert_eq!((done.requests, done.redeemed, done.next_due), (5, 5, None));
        assert_eq!(town.books().balance["aoba/taro"], OPENING - 2_700);
        assert_eq!(home.figures(), [2_700, 0, 0, 0]);
    }
}

/// RN-O2: an amount that standard face values cannot make is refused with the smallest unit; nothing is debited.
#[test]
fn odd_amounts_and_missing_money_are_refused() {
    let town = Town::new();
    let home = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let refused = |minor| block_on(home.open().withdraw(yen(minor), true)).unwrap_err().code();
    assert_eq!(refused(0), "zero");
    assert_eq!(refused(250), "not_divisible");
    assert_eq!(refused(OPENING + 1_000), "insufficient_funds");
    assert_eq!(refused(2_000_000), "too_many_notes");
    assert_eq!(home.figures(), [0; 4]);
    assert_eq!(town.books().balance["aoba/taro"], OPENING);
    // the licences of the refused order went back to the stock
    assert!(block_on(home.open().stock()).unwrap().len() >= 16);
}

/// RN-O6: without `--now` each request waits for a delay of its own and goes over a connection of its own.
#[test]
fn redemptions_wait_and_share_no_connection() {
    let town = Town::new();
    let home = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let done = block_on(home.open().withdraw(yen(3_000), false)).unwrap();
    assert_eq!((done.requests, done.redeemed), (3, 0));
    assert_eq!(home.figures(), [0, 3_000, 0, 0]);
    let mut waits = Vec::new();
    while let Some(due) = block_on(home.open().next_due()).unwrap() {
        waits.push(due);
        town.at(due);
        assert_eq!(block_on(home.open().run_due()).unwrap().redeemed, 1);
    }
    assert_eq!(waits.len(), 3);
    assert!(waits.iter().all(|due| *due < START.plus(DAY + REDEEM_WAIT_S + 3_600)));
    let books = town.books();
    let redemptions = books.seen.iter().filter(|(_, _, path, _)| *path == "/v1/redeem");
    let mut connections: Vec<u64> = redemptions.map(|(_, connection, ..)| *connection).collect();
    connections.dedup();
    assert_eq!(connections.len(), 3);
}

/// RN-F3.3: a signature that the bank has not reported yet is tried again, a bounded number of times at once.
#[test]
fn an_uncounted_request_stays_pending_and_is_redeemed_later() {
    let town = Town::new();
    let home = Home::joined(&town, "taro", Privacy::Untraceable, Kind::Wallet);
    town.books().uncounted = 2;
    let done = block_on(home.open().withdraw(yen(500), true)).unwrap();
    assert_eq!((done.redeemed, home.figures()), (0, [0, 500, 0, 0]));
    for _ in 0..2 {
        town.at(block_on(home.open().next_due()).unwrap().unwrap());
        block_on(home.open().run_due()).unwrap();
    }
    assert_eq!(home.figures(), [500, 0, 0, 0]);
}

/// RN-F2.7, RN-X8: a false signature is disputed; the bank signs again or credits back.
#[test]
fn a_spoiled_blind_signature_is_put_right_or_credited() {
    let town = Town::new();
    let home = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    town.books().spoiled = 1;
    assert_eq!(block_on(home.open().withdraw(yen(600), true)).unwrap().redeemed, 2);
    town.books().spoils_for_good = true;
    let done = block_on(home.open().withdraw(yen(600), true)).unwrap();
    assert_eq!((done.redeemed, done.credited_back), (1, Some(yen(500))));
    assert_eq!(home.figures(), [700, 0, 0, 0]);
    assert_eq!(home.wealth(), OPENING);
}

/// RN-F4, RN-P16: offline from hand to hand in exact amounts, onward to somebody who never withdrew.
#[test]
fn money_goes_from_hand_to_hand() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_500);
    let shop = Home::joined(&town, "tea shop", Privacy::Untraceable, Kind::Shop);
    let seen = town.books().seen.len();
    let report = transfer(&taro, &jiro, 330);
    assert_eq!((report.outcome, report.money, report.hops_left), (ReceiveOutcome::Fulfilled, yen(330), 15));
    transfer(&jiro, &shop, 130);
    assert_eq!([taro.figures()[0], jiro.figures()[0], shop.figures()[0]], [1_170, 200, 130]);
    // no connection was used
    assert_eq!(town.books().seen.len(), seen);
    // several holdings answer one request
    let report = transfer(&taro, &jiro, 1_100);
    assert_eq!(report.holdings, 2);
}

/// RN-X18: the same request gives the identical payment, over restarts; it is paid once.
#[test]
fn a_request_is_answered_once() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    let preview = block_on(taro.open().preview(&request)).unwrap();
    assert!(!preview.answered);
    assert_eq!(taro.figures()[0], 500);
    let first = block_on(taro.open().pay(&request)).unwrap();
    assert!(block_on(taro.open().preview(&request)).unwrap().answered);
    // also after the last time to sign
    town.pass(3 * DAY);
    let second = block_on(taro.open().pay(&request)).unwrap();
    assert_eq!((first.document, second.again), (second.document.clone(), true));
    assert_eq!(block_on(taro.open().payments()).unwrap()[0].document, second.document);
    assert_eq!(taro.figures()[0], 300);
}

/// RN-X17…X21: what cannot be paid or requested is refused before anything is signed.
#[test]
fn requests_that_cannot_be_answered_are_refused() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    let pay = |request: &Requested| block_on(taro.open().pay(&request.document)).unwrap_err().code();
    let large = block_on(jiro.open().request(yen(501), "")).unwrap();
    assert_eq!(pay(&large), "insufficient_funds");
    let own = block_on(taro.open().request(yen(1), "")).unwrap();
    assert_eq!(pay(&own), "own_request");
    let late = block_on(jiro.open().request(yen(1), "")).unwrap();
    town.pass(2 * DAY);
    assert_eq!(pay(&late), "request_ended");
    let early = block_on(jiro.open().request(yen(1), "")).unwrap();
    town.at(START.plus(DAY));
    assert_eq!(pay(&early), "from_the_future");
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
    let ask = |money, memo: &str| block_on(jiro.open().request(money, memo)).unwrap_err().code();
    assert_eq!(ask(yen(0), ""), "zero");
    assert_eq!(ask(yen(1), &"x".repeat(300)), "memo_too_long");
    let usd = "1.00 USD".parse().unwrap();
    assert_eq!(ask(usd, ""), "unknown_currency");
}

/// RN-X18, X21, DESIGN §5: late and repeated payments are kept, shown as owed back, and sent back to the key that paid.
#[test]
fn what_is_owed_back_goes_back() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, 500);
    let saburo = funded(&town, "saburo", Privacy::Unlinkable, 500);
    let jiro = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    let one = block_on(taro.open().pay(&request)).unwrap().document;
    let two = block_on(saburo.open().pay(&request)).unwrap().document;
    assert_eq!(block_on(jiro.open().receive(&one)).unwrap().outcome, ReceiveOutcome::Fulfilled);
    assert_eq!(block_on(jiro.open().receive(&one)).unwrap_err().code(), "already_received");
    assert_eq!(block_on(jiro.open().receive(&two)).unwrap().outcome, ReceiveOutcome::Repeated);
    assert_eq!(jiro.figures(), [200, 0, 200, 0]);
    let back = block_on(jiro.open().give_back()).unwrap();
    assert_eq!(back.len(), 1);
    assert_eq!(jiro.figures(), [200, 0, 0, 0]);
    assert_eq!(block_on(taro.open().receive(&back[0].document)).unwrap_err().code(), "unknown_request");
    let report = block_on(saburo.open().receive(&back[0].document)).unwrap();
    assert_eq!((report.outcome, report.money), (ReceiveOutcome::GivenBack, yen(200)));
    assert_eq!(saburo.figures(), [500, 0, 0, 0]);
    assert_eq!(block_on(saburo.open().receive(&back[0].document)).unwrap_err().code(), "already_received");
    assert_eq!(block_on(jiro.open().give_back()).unwrap_err().code(), "nothing_owed");
    // late
    let request = block_on(jiro.open().request(yen(100), "")).unwrap().document;
    let late = block_on(taro.open().pay(&request)).unwrap().document;
    town.pass(2 * DAY);
    assert_eq!(block_on(jiro.open().receive(&late)).unwrap().outcome, ReceiveOutcome::Late);
    assert_eq!(jiro.figures(), [200, 0, 100, 0]);
}

/// RN-F5, RN-O19: a deposit is first passed to a fresh key; no key that withdrew or paid signs to the account.
#[test]
fn a_deposit_passes_to_a_fresh_key_first() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        let town = Town::new();
        let taro = funded(&town, "taro", privacy, 1_500);
        let report = block_on(taro.open().deposit(yen(700))).unwrap();
        assert_eq!((report.held, report.done), (yen(700), false));
        let report = block_on(taro.open().deposit_states()).unwrap().remove(0);
        assert_eq!((report.available, report.done), (yen(700), true));
        assert_eq!(taro.figures(), [800, 0, 0, 0]);
        assert_eq!(taro.wealth(), OPENING);
        let books = town.books();
        let (.., body) = books.seen.iter().find(|(_, _, path, _)| *path == "/v1/deposit").unwrap();
        let deposit: zeni_note::messages::bank::Deposit = zeni_message::decode(body, usize::MAX).unwrap();
        let closers: Vec<_> = deposit.items.iter().map(|it| it.chain.hops.last().unwrap().payee.key()).collect();
        let redeemed = books.seen.iter().filter(|(_, _, path, _)| *path == "/v1/redeem");
        for (.., body) in redeemed {
            let redeem: zeni_note::messages::issuer::Redeem = zeni_message::decode(body, usize::MAX).unwrap();
            assert!(!closers.contains(&redeem.request.key));
        }
    }
}

/// RN-O19: a whole receipt on a key of its own is closed directly.
#[test]
fn a_whole_receipt_is_deposited_as_it_is() {
    let (_, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    transfer(&taro, &jiro, 300);
    block_on(jiro.open().deposit(yen(300))).unwrap();
    assert_eq!(jiro.wealth(), OPENING + 300);
    assert_eq!(block_on(jiro.open().deposit(yen(1))).unwrap_err().code(), "insufficient_funds");
}

/// RN-F5.1: a shop hands in all its takings, a rest that it paid from included, under one signature.
#[test]
fn a_shop_hands_in_all_takings() {
    let (_, taro, shop) = wallet_and_shop(1_500);
    for minor in [100, 250, 330] {
        transfer(&taro, &shop, minor);
    }
    transfer(&shop, &taro, 30);
    let reports = block_on(shop.open().hand_in()).unwrap();
    assert_eq!((reports.len(), reports[0].money), (1, yen(650)));
    assert_eq!(shop.figures(), [0; 4]);
    assert_eq!(shop.wealth(), OPENING + 650);
    assert_eq!(block_on(shop.open().hand_in()).unwrap_err().code(), "nothing_to_deposit");
    assert_eq!(block_on(taro.open().hand_in()).unwrap_err().code(), "not_a_shop");
}

/// RN-R7: a shop whose card takes no more than some leaves at once hands in its takings in as many parts as it needs.
#[test]
fn a_small_card_hands_in_in_parts() {
    let (_, taro, shop) = wallet_and_shop(1_500);
    for _ in 0..5 {
        transfer(&taro, &shop, 100);
    }
    // two leaves beside the account
    let reports = block_on(shop.open_small(580).hand_in()).unwrap();
    assert_eq!(reports.iter().map(|report| report.money).collect::<Vec<_>>(), [yen(200), yen(200), yen(100)]);
    assert_eq!((shop.figures(), shop.wealth()), ([0; 4], OPENING + 500));
}

/// RN-O22, RN-X34: at its cap money is refused before signing, renewed at the issuer, and goes on.
#[test]
fn money_at_its_cap_is_renewed() {
    let (_, taro, jiro) = at_its_cap();
    assert_eq!(taro.figures()[0], 500);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    assert_eq!(block_on(taro.open().pay(&request)).unwrap_err().code(), "needs_renewal");
    assert_eq!(block_on(taro.open().renew()).unwrap(), vec![Renewed { money: yen(500) }]);
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
    transfer(&taro, &jiro, 200);
    assert_eq!(jiro.figures(), [200, 0, 0, 0]);
    assert!(block_on(taro.open().renew()).unwrap().is_empty());
}

/// RN-X34: at the cap money can still be deposited, over one endorsement to oneself and the closing.
#[test]
fn money_at_its_cap_is_deposited() {
    let (_, taro, _) = at_its_cap();
    block_on(taro.open().deposit(yen(200))).unwrap();
    assert_eq!(taro.wealth(), OPENING);
}

/// RN-X14: an unredeemed request is claimed back after T1, once.
#[test]
fn an_unredeemed_request_is_claimed_back() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(500), false)).unwrap();
    assert_eq!(block_on(taro.open().claim()).unwrap_err().code(), "too_early");
    town.at(terms().redeem_until.plus(1));
    assert_eq!(block_on(taro.open().run_due()).unwrap().refused, vec!["expired"]);
    let claimed = block_on(taro.open().claim()).unwrap();
    assert_eq!((claimed[0].money, claimed[0].state), (yen(500), "credited"));
    assert_eq!(taro.figures(), [0; 4]);
    assert_eq!(taro.wealth(), OPENING);
    assert_eq!(block_on(taro.open().claim()).unwrap_err().code(), "nothing_to_claim");
}

/// RN-X31: what is left of expired money comes back by refund after the deposit limit, never before.
#[test]
fn an_expired_rest_is_refunded() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    transfer(&taro, &jiro, 200);
    town.at(terms().valid_until.plus(1));
    let request = block_on(jiro.open().request(yen(100), "")).unwrap().document;
    assert_eq!(block_on(taro.open().pay(&request)).unwrap_err().code(), "insufficient_funds");
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "too_early");
    town.at(terms().deposit_until.plus(1));
    assert_eq!(block_on(taro.open().refund()).unwrap()[0].money, yen(300));
    assert!(matches!(town.last_deposit().purpose, zeni_note::ClosingPurpose::Refund(_)));
    assert_eq!(taro.wealth(), OPENING - 200);
    assert_eq!(block_on(taro.open().refund()).unwrap_err().code(), "nothing_to_deposit");
}

/// RN-X33: with a stale revocation list only small amounts are taken.
#[test]
fn a_stale_list_takes_small_amounts_only() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 3_000);
    town.pass(8 * DAY);
    let request = block_on(jiro.open().request(yen(1_100), "")).unwrap().document;
    let paid = block_on(taro.open().pay(&request)).unwrap().document;
    assert_eq!(block_on(jiro.open().receive(&paid)).unwrap_err().code(), "stale_revocations");
    assert_eq!(jiro.figures(), [0; 4]);
    block_on(jiro.open().sync()).unwrap();
    block_on(jiro.open().receive(&paid)).unwrap();
    assert_eq!(transfer(&taro, &jiro, 900).money, yen(900));
}

/// DESIGN §5 "Lost money": a restored copy shows stored payments and claims refunds, and spends nothing; a move spends.
#[test]
fn a_copy_cannot_spend_and_a_move_can() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_000);
    transfer(&taro, &jiro, 300);
    let exported = taro.card().export().unwrap().to_bytes();
    let copy = block_on(taro.open().backup(BackupKind::Copy, &exported)).unwrap();
    let restored = restore(&town, &copy);
    assert_eq!(restored.figures(), [0, 0, 0, 700]);
    assert_eq!(block_on(restored.open().request(yen(50), "")).unwrap_err().code(), "no_licence");
    let request = block_on(jiro.open().request(yen(100), "")).unwrap().document;
    assert_eq!(block_on(restored.open().pay(&request)).unwrap_err().code(), "restored");
    assert_eq!(block_on(restored.open().deposit(yen(100))).unwrap_err().code(), "restored");
    assert!(block_on(restored.open().renew()).unwrap().is_empty());
    assert_eq!(block_on(restored.open().payments()).unwrap(), block_on(taro.open().payments()).unwrap());
    // it receives: under a key drawn after the restore what it holds is live
    block_on(restored.open().sync()).unwrap();
    transfer(&jiro, &restored, 50);
    assert_eq!(restored.figures(), [50, 0, 0, 700]);
    transfer(&restored, &jiro, 50);
    town.at(terms().deposit_until.plus(1));
    assert_eq!(block_on(restored.open().refund()).unwrap()[0].money, yen(700));
    // RN-X31: not as a closing, which would convict the holder of what the wallet passed on after the backup
    let sent = town.last_deposit();
    assert!(matches!(sent.purpose, zeni_note::ClosingPurpose::BackupRefund(_)));
    town.at(START.plus(DAY));

    let exported = jiro.card().export_move().unwrap().to_bytes();
    let moved = block_on(jiro.open().backup(BackupKind::Move, &exported)).unwrap();
    let elsewhere = restore(&town, &moved);
    assert_eq!(elsewhere.figures(), [300, 0, 0, 0]);
    let request = block_on(taro.open().request(yen(100), "")).unwrap().document;
    assert_eq!(block_on(jiro.open().pay(&request)).unwrap_err().code(), "card_retired");
    block_on(elsewhere.open().pay(&request)).unwrap();
    let error = block_on(elsewhere.open().restore(&Backup::from_bytes(&moved).unwrap())).unwrap_err();
    assert_eq!(error.code(), "not_empty");
    assert!(Backup::from_bytes(&moved[..moved.len() - 1]).is_err());
}

fn restore(town: &std::sync::Arc<Town>, bytes: &[u8]) -> Home {
    let home = Home::empty(town, "restored");
    let backup = Backup::from_bytes(bytes).unwrap();
    home.card().restore(&zeni_card::element::backup::Backup::from_bytes(backup.card()).unwrap()).unwrap();
    block_on(home.open().restore(&backup)).unwrap();
    home
}

/// The history names each event once, in order; reports are JSON with amounts as `JPY:300`.
#[test]
fn history_and_reports_read_well() {
    let (_, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    transfer(&taro, &jiro, 300);
    let kinds = |home: &Home| -> Vec<String> {
        block_on(home.open().history()).unwrap().into_iter().map(|it| it.kind).collect()
    };
    assert_eq!(kinds(&taro), ["withdrawal", "redemption", "payment"]);
    assert_eq!(kinds(&jiro), ["receipt"]);
    let balance = serde_json::to_value(block_on(taro.open().balance()).unwrap()).unwrap();
    assert_eq!(
        balance,
        serde_json::json!({"balances": [{
            "currency": "JPY", "available": "JPY:200", "ways": {"registered": "JPY:200", "sealed": "JPY:0"},
            "deposit_only": "JPY:0", "pending": "JPY:0", "owed_back": "JPY:0", "restored": "JPY:0"
        }]})
    );
    let entry = serde_json::to_value(&block_on(taro.open().history()).unwrap()[2]).unwrap();
    assert_eq!(entry["money"], "JPY:300");
    assert_eq!(entry["time"], START.plus(DAY).0);
}

/// RN-X32: when a shop's licence ends it draws a new one; takings under both keys are handed in.
#[test]
fn a_shop_outlives_its_licence() {
    let (town, taro, shop) = wallet_and_shop(1_500);
    let jiro = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    transfer(&taro, &shop, 300);
    transfer(&taro, &shop, 200);
    transfer(&shop, &jiro, 100);
    let before = block_on(shop.open().profile()).unwrap().main.unwrap();
    let main = block_on(shop.open().get::<OwnRight>(&before.0)).unwrap().unwrap();
    let mut ended = main.clone();
    end_licence(&mut ended, START);
    block_on(shop.open().put(&ended)).unwrap();
    assert_eq!(block_on(shop.open().request(yen(1), "")).unwrap_err().code(), "licence_ended");
    block_on(shop.open().sync()).unwrap();
    block_on(shop.open().put(&main)).unwrap();
    assert_ne!(block_on(shop.open().profile()).unwrap().main, Some(before));
    transfer(&taro, &shop, 70);
    let reports = block_on(shop.open().hand_in()).unwrap();
    assert_eq!(reports.iter().map(|it| it.money.amount.minor()).sum::<u64>(), 470);
    assert_eq!(shop.figures(), [0; 4]);
    assert_eq!(shop.wealth(), OPENING + 470);
}
