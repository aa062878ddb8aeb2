//! Corners of the flows: what happens late, twice, cut short or at a limit.

use zeni_note::testing::{DAY, START, key, terms};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::{
    record::{OwnRight, Request},
    *,
};

/// RN-X34: `resume` renews what is at its cap by itself; RN-X33: it fetches a list that grows old.
#[test]
fn resume_keeps_up() {
    let (town, taro, jiro) = at_its_cap();
    town.pass(DAY);
    let resumed = block_on(taro.open().resume()).unwrap();
    assert!(resumed.iter().any(|it| it.what == "renewal" && it.progress == Progress::Done));
    assert_eq!(block_on(taro.open().revocations()).unwrap().time, START.plus(2 * DAY));
    transfer(&taro, &jiro, 500);
}

/// RN-O19: a key with two receipts that paid from one does not close the other to the account.
#[test]
fn a_key_that_paid_is_never_named() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_100);
    assert_eq!(transfer(&taro, &jiro, 1_100).holdings, 2);
    let paid = block_on(taro.open().request(yen(100), "")).unwrap().document;
    let paid = block_on(jiro.open().pay(&paid)).unwrap().document;
    let payer = paid.answers[0].chain.hops[0].payee.key();
    block_on(jiro.open().deposit(yen(1_000))).unwrap();
    let books = town.books();
    let (.., body) = books.seen.iter().rfind(|(_, _, path, _)| *path == "/v1/deposit").unwrap();
    let deposit: zeni_note::messages::bank::Deposit = zeni_message::decode(body, usize::MAX).unwrap();
    assert_eq!(deposit.items.len(), 1);
    assert_ne!(deposit.items[0].chain.hops.last().unwrap().payee.key(), payer);
}

/// RN-X14, RN-O3: with one key for all notes, an unredeemed request is claimed although another was redeemed.
#[test]
fn an_untraceable_wallet_claims_one_request_of_many() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Untraceable, 500);
    block_on(taro.open().withdraw(yen(500), false)).unwrap();
    town.at(terms().redeem_until.plus(1));
    assert_eq!(block_on(taro.open().claim()).unwrap()[0].state, "credited");
    assert_eq!((taro.figures(), taro.wealth()), ([500, 0, 0, 0], OPENING));
}

/// RN-X14, RN-O4: a request that was redeemed while the answer was lost is not claimed but fetched.
#[test]
fn a_request_redeemed_unseen_is_fetched_not_claimed() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(500), false)).unwrap();
    town.pass(3_600);
    let mut holder = taro.open();
    // nonce: two steps; redeem: the answer is lost
    taro.power.cut_at(4);
    block_on(holder.run_due()).unwrap();
    assert!(taro.power.is_off());
    drop(holder);
    town.at(terms().redeem_until.plus(1));
    assert_eq!(block_on(taro.open().claim()).unwrap_err().code(), "nothing_to_claim");
    assert_eq!((taro.figures(), taro.wealth()), ([500, 0, 0, 0], OPENING));
}

/// RN-X10: the wallet blinds only keys that are licensed already.
#[test]
fn only_licensed_keys_are_blinded() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(2_600), false)).unwrap();
    for request in block_on(taro.open().active::<Request>()).unwrap() {
        let licence = block_on(taro.open().get::<OwnRight>(&request.request.key.0)).unwrap().unwrap();
        assert!(licence.right.licence().unwrap().verify(town.world.network(), &town.world.authority.public()).is_ok());
    }
}

/// RN-O28: licences are drawn ahead, so that a withdrawal sends nothing to the authority but what everybody asks.
#[test]
fn a_withdrawal_draws_no_licences() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let drawn = |town: &Town| town.books().seen.iter().filter(|(_, _, path, _)| *path == "/v1/licences").count();
    let before = drawn(&town);
    block_on(taro.open().withdraw(yen(1_600), true)).unwrap();
    assert_eq!(drawn(&town), before);
}

/// RN-X31: a loss is reported with the identity secret alone; without it the wallet says what is missing.
#[test]
fn a_loss_is_reported() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    assert_eq!(block_on(taro.open().report_lost()).unwrap(), 1);
    let mut locked = taro.open();
    locked.config.identity = None;
    assert_eq!(block_on(locked.report_lost()).unwrap_err().code(), "locked");
}

/// RN-F4.6: the same payment after a cut in the middle of receiving finishes the receipt instead of refusing it.
#[test]
fn a_receipt_that_was_cut_is_finished_by_the_same_file() {
    let (_, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    let paid = block_on(taro.open().pay(&request)).unwrap().document;
    let mut holder = jiro.open();
    // the card has seen its PIN
    block_on(holder.balance()).unwrap();
    jiro.memory.cut(0, zeni_card::element::testing::Cut::BeforeCommit);
    block_on(holder.receive(&paid)).unwrap_err();
    drop(holder);
    assert_eq!(jiro.figures(), [0, 200, 0, 0]);
    assert_eq!(block_on(jiro.open().receive(&paid)).unwrap().money, yen(200));
    assert_eq!(jiro.figures(), [200, 0, 0, 0]);
    assert_eq!(block_on(jiro.open().receive(&paid)).unwrap_err().code(), "already_received");
}

/// A card without room for another record signs nothing: the payment is refused by a code of its own, no money moves, and the same
/// goes through where there is room again.
#[test]
fn a_full_card_pays_nothing() {
    let (_, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    let mut holder = taro.open();
    // the card has seen its PIN
    block_on(holder.balance()).unwrap();
    taro.memory.cut(0, zeni_card::element::testing::Cut::Full);
    let refused = block_on(holder.pay(&request)).unwrap_err();
    assert_eq!((refused.code(), refused.retry()), ("card_full", zeni_message::Retry::Never));
    assert!(refused.to_string().contains("memory is full"), "{refused}");
    drop(holder);
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
    let paid = block_on(taro.open().pay(&request)).unwrap().document;
    block_on(jiro.open().receive(&paid)).unwrap();
    assert_eq!((taro.figures(), jiro.figures()), ([300, 0, 0, 0], [200, 0, 0, 0]));
}

/// DESIGN §5: a payment of less or more than was asked fulfils nothing; it is kept and owed back, and the request stays
/// open for the right one.
#[test]
fn a_wrong_total_is_owed_back() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    let careless = key("careless payer");
    for (value, outcome) in [(150, ReceiveOutcome::Incomplete), (250, ReceiveOutcome::Overpaid)] {
        let chain = town.world.note(&careless, 500, &format!("note for {value}"));
        let payment = town.world.payment(&chain, &careless, value, &request.record);
        assert_eq!(block_on(jiro.open().receive(&payment)).unwrap().outcome, outcome);
    }
    assert_eq!(jiro.figures(), [0, 0, 400, 0]);
    let right = block_on(taro.open().pay(&request)).unwrap().document;
    assert_eq!(block_on(jiro.open().receive(&right)).unwrap().outcome, ReceiveOutcome::Fulfilled);
    assert_eq!(jiro.figures(), [200, 0, 400, 0]);
    assert_eq!(block_on(jiro.open().give_back()).unwrap().len(), 2);
    assert_eq!(jiro.figures(), [200, 0, 0, 0]);
}

/// RN-X20: more than was held, nothing at all, another currency: refused, nothing is kept.
#[test]
fn impossible_amounts_are_refused() {
    let town = Town::new();
    let jiro = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    let request = block_on(jiro.open().request(yen(200), "")).unwrap().document;
    let payer = key("payer");
    let chain = town.world.note(&payer, 500, "note");
    for value in [0, 501] {
        let payment = town.world.payment(&chain, &payer, value, &request.record);
        assert_eq!(block_on(jiro.open().receive(&payment)).unwrap_err().code(), "amount");
    }
    let mut none = town.world.payment(&chain, &payer, 200, &request.record);
    none.answers.clear();
    assert_eq!(block_on(jiro.open().receive(&none)).unwrap_err().code(), "holdings");
    assert_eq!(jiro.figures(), [0; 4]);
}

/// Limit of open requests: beyond it a request is refused, and after their end there is room again.
#[test]
fn open_requests_are_limited() {
    let town = Town::new();
    let jiro = Home::joined(&town, "jiro", Privacy::Untraceable, Kind::Wallet);
    let mut holder = jiro.open();
    holder.config.policy.open_challenges_max = 2;
    block_on(holder.request(yen(1), "")).unwrap();
    block_on(holder.request(yen(1), "")).unwrap();
    assert_eq!(block_on(holder.request(yen(1), "")).unwrap_err().code(), "too_many_open");
    town.pass(2 * DAY);
    block_on(holder.request(yen(1), "")).unwrap();
}
