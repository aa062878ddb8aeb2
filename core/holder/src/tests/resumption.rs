//! The payment that the card has open: it comes first, whatever is asked for.

use zeni_card::{Card, CardError, element::testing::Cut};
use zeni_message::Signed;
use zeni_money::Money;
use zeni_note::{
    Challenge,
    testing::{amount, jpy},
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

/// A wallet whose card signed the first of two parts of a payment, and the request.
fn half_paid() -> (std::sync::Arc<Town>, Home, Home, Signed<Challenge>) {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 1_600);
    let request = block_on(jiro.open().request(yen(1_100), "")).unwrap().document;
    let mut payer = taro.open();
    block_on(payer.balance()).unwrap();
    taro.memory.cut(1, Cut::BeforeCommit);
    assert_eq!(block_on(payer.pay(&request)).unwrap_err().code(), "card_memory");
    taro.memory.power_on();
    assert_eq!(taro.card().open_payment().unwrap().unwrap().parts.len(), 1);
    (town, taro, jiro, request)
}

type Step = fn(&mut Holder, &Signed<Challenge>) -> Result<(), Box<dyn std::error::Error>>;

/// FX-D9, FX-F8, docs/card.md: whatever the wallet is asked for that moves money, it finishes the open payment first, with the
/// signature that the card gave.
#[test]
fn whatever_comes_next_finishes_it_first() {
    let steps: [Step; 8] = [
        |holder, other| Ok(block_on(holder.pay(other)).map(drop)?),
        |holder, _| Ok(block_on(holder.request(yen(100), "")).map(drop)?),
        |holder, _| Ok(block_on(holder.deposit(yen(500))).map(drop)?),
        |holder, _| Ok(block_on(holder.withdraw(yen(500), true)).map(drop)?),
        |holder, _| Ok(block_on(holder.run_due()).map(drop)?),
        |holder, _| Ok(block_on(holder.resume()).map(drop)?),
        |holder, _| Ok(block_on(holder.sync()).map(drop)?),
        |holder, _| Ok(block_on(holder.refund_file()).map(drop)?),
    ];
    for (place, step) in steps.into_iter().enumerate() {
        let (_town, taro, jiro, request) = half_paid();
        let signed = taro.card().open_payment().unwrap().unwrap().parts[0].signature;
        let other = block_on(jiro.open().request(yen(500), "")).unwrap().document;
        step(&mut taro.open(), &other).unwrap_or_else(|error| panic!("step {place}: {error}"));
        assert_eq!(taro.card().open_payment(), Ok(None), "step {place}");
        let payments = block_on(taro.open().payments()).unwrap();
        let answers = &payments.iter().find(|it| it.money == yen(1_100)).unwrap().document.answers;
        assert!(answers.len() == 2 && answers.iter().any(|it| it.signature == signed), "step {place}");
        assert!(block_on(taro.open().pay(&request)).unwrap().again);
    }
}

/// Control: a wallet that did not finish it gets nothing more from the card.
#[test]
fn the_card_waits() {
    let (_town, taro, jiro, _) = half_paid();
    let mut card = taro.card();
    let answer = card.open_payment().unwrap().unwrap().answer;
    let rest = card.holdings().unwrap()[0];
    let waits = CardError::ResumeFirst { answer };
    let elsewhere = zeni_crypto::sha256(&[b"elsewhere"]);
    assert_eq!(card.endorse(&rest.node, amount(1), &elsewhere), Err(waits.clone()));
    assert_eq!(card.confirm(&elsewhere), Err(waits.clone()));
    let to = zeni_note::testing::World::new("w").account("aoba", "a", "d");
    assert_eq!(card.close(&rest.node, &zeni_note::ClosingPurpose::Refund(to.clone())), Err(waits.clone()));
    assert_eq!(card.refund(&rest.node, &to), Err(waits.clone()));
    assert_eq!(card.hand_in(&to, &[rest.node]), Err(waits));
    assert_eq!(jiro.figures(), [0; 4]);
}

/// FX-F8, docs/card.md: a wallet whose database was lost with a payment open says so, and gives it up only by force, with the
/// signature shown; the rest of the card's money is untouched.
#[test]
fn a_lost_database_is_told() {
    let (_town, taro, _jiro, _) = half_paid();
    let signed = taro.card().open_payment().unwrap();
    let left: u64 = taro.card().holdings().unwrap().iter().map(|it| it.remaining.minor()).sum();
    let blank = taro.same_card();
    assert_eq!(block_on(blank.open().run_due()).unwrap_err().code(), "open_payment");
    assert_eq!(block_on(blank.open().resume()).unwrap_err().code(), "open_payment");
    assert_eq!(block_on(blank.open().contact()).unwrap(), ContactOutcome::Refused("open_payment"));
    assert_eq!(block_on(blank.open().unknown_payment()).unwrap(), signed);
    assert_eq!(blank.card().open_payment().unwrap(), signed, "asking changes nothing");
    assert_eq!(block_on(blank.open().confirm_by_force()).unwrap(), signed);
    assert_eq!(block_on(blank.open().confirm_by_force()).unwrap(), None);
    let resumed = block_on(blank.open().resume()).unwrap();
    assert_eq!(resumed.iter().map(|it| (it.what, it.outcome)).collect::<Vec<_>>(), [("card", "unknown_money")]);
    let after: u64 = blank.card().holdings().unwrap().iter().map(|it| it.remaining.minor()).sum();
    assert_eq!(after, left);
    assert_eq!(Money::new(amount(after), jpy()), yen(1_600 - signed.unwrap().parts[0].amount.minor()));
}
