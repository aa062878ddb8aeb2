//! Money whose payer the filter names by the time it is loaded.

use zeni_note::{RevocationFilter, licence::key_digest, testing::key};

use super::*;

/// DESIGN §5, docs/card.md "LOAD": what was taken before the filter named its payer comes in closed: nothing of it is endorsed,
/// to others or to oneself, all of it goes to an account, once. It comes in by that door once only, and by no other door again.
/// Control: by the usual one it does not come in at all.
#[test]
fn what_a_named_key_paid_goes_to_the_account_alone() {
    let mut desk = Desk::new();
    let till = desk.card.generate_key().unwrap();
    let asking = desk.challenge(till, 300, "asked");
    desk.card.sign_challenge(&asking).unwrap();
    let chain = desk.paid(&asking, 300, "paid");
    let named = RevocationFilter::of(1, START, &[key_digest(&key("payer").public())]);
    desk.card.take_filter(&desk.order(named)).unwrap();
    let before = desk.memory.dump();
    assert_eq!(desk.card.load_payment(&chain), Err(CardError::Revoked { hop: 0 }));
    assert_eq!(desk.memory.dump(), before);

    let loaded = desk.card.load_closed(&chain).unwrap();
    assert_eq!((loaded.remaining, loaded.closed, loaded.state), (amount(0), amount(300), HoldingState::Closed));
    let after = desk.memory.dump();
    assert_eq!(desk.card.load_closed(&chain), Ok(loaded));
    assert_eq!(desk.card.load_payment(&chain), Err(CardError::LoadedBefore));
    let money = Money { node: loaded.node, chain, key: till };
    assert_eq!(desk.endorse(&money.node, amount(1), &answer("on")), Err(CardError::Closed));
    let own = desk.challenge(till, 1, "own");
    desk.card.sign_challenge(&own).unwrap();
    let to_itself = own.answer(desk.world.network());
    assert_eq!(desk.endorse(&money.node, amount(1), &to_itself), Err(CardError::Closed));
    assert_eq!(desk.card.holding(&money.node).unwrap(), Some(loaded));
    assert!(desk.memory.dump().len() > after.len(), "the challenge alone is new");

    let to = |deposit: &str| ClosingPurpose::Deposit(account(deposit));
    let (closed, signature) = desk.card.close(&money.node, &to("one")).unwrap();
    assert_eq!(closed, amount(300));
    assert_eq!(desk.card.close(&money.node, &to("one")), Ok((closed, signature)));
    assert_eq!(desk.card.close(&money.node, &to("two")).unwrap().0, amount(300), "only one of all is paid");
    assert_eq!(desk.card.load_closed(&money.chain), Ok(loaded));
}
