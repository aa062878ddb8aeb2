use zeni_crypto::blind::RsaPublicKey;
use zeni_message::{
    Role,
    peer::SendError,
    route::{Caller, Clock, Ctx},
};
use zeni_note::{
    messages::bank::{Withdraw, WithdrawRefusal},
    testing::{DAY, START, key, nonce, terms},
};

use crate::accounts::Customer;
use crate::testing::{OPENING, Town, now, refusal};

/// RN-V8, RN-F2.2, RN-F2.4, RN-F2.5, RN-F2.6: the account is debited by the face values and the answer unblinds to signatures
/// that verify under the published keys.
#[test]
fn a_withdrawal_debits_and_signs() {
    let town = Town::new();
    let (order, blindings) = town.order("one", &[100, 1_000, 100]);
    let signed = town.withdraw("A-1", &order).expect("a withdrawal");
    for ((blinding, face), signature) in blindings.iter().zip([100, 1_000, 100]).zip(&signed.signatures) {
        let public = RsaPublicKey::from_modulus(*town.entry(face).modulus).expect("a modulus");
        let finished = blinding.finalize(&public, signature).expect("the bank's signature");
        public.verify(blinding.message(), &finished).expect("what the issuer will check");
    }
    assert_eq!(town.balances("A-1"), (OPENING - 1_200, 0));
    assert_eq!(town.balances("A-2"), (OPENING, 0));
    let statement = town.statement("A-1");
    let last = statement.entries.last().expect("an entry");
    assert_eq!((last.kind.as_str(), last.amount.minor(), last.credit), ("withdrawal", 1_200, false));
    assert_eq!(town.sound().currencies[0].signed, "JPY:1200");
}

/// RN-V14, RN-D5, RN-O1: a signature for one face value says nothing under the key of another.
#[test]
fn a_key_stands_for_one_face_value() {
    let town = Town::new();
    let (order, blindings) = town.order("one", &[100]);
    let signed = town.withdraw("A-1", &order).expect("a withdrawal");
    let other = RsaPublicKey::from_modulus(*town.entry(1_000).modulus).expect("a modulus");
    assert!(blindings[0].finalize(&other, &signed.signatures[0]).is_err());
}

/// RN-X7, RN-D6, RN-D7: the same order again gives the same bytes and one debit, also after the bank died.
#[test]
fn a_repeated_order_is_answered_from_the_store() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[100, 100]);
    let first = town.withdraw("A-1", &order).expect("a withdrawal");
    let before = town.dump();
    assert_eq!(town.withdraw("A-1", &order).expect("the same"), first);
    town.restart();
    assert_eq!(town.withdraw("A-1", &order).expect("the same"), first);
    assert_eq!(town.dump(), before);
    // also when the epoch is over
    town.set_time(terms().withdraw_until.plus(1));
    assert_eq!(town.withdraw("A-1", &order).expect("the same"), first);
    assert_eq!(town.balances("A-1"), (OPENING - 200, 0));
    // control: another order costs again
    let (other, _) = town.order("two", &[100]);
    town.set_time(START.plus(DAY));
    town.withdraw("A-1", &other).expect("a withdrawal");
    assert_eq!(town.balances("A-1"), (OPENING - 300, 0));
}

/// RN-X5: a balance too low is refused before anything is signed or debited.
#[test]
fn a_poor_account_gets_no_signature() {
    let town = Town::new();
    let (order, _) = town.order("rich", &[1_000; 10]);
    town.withdraw("A-1", &order).expect("the whole balance");
    let before = town.dump();
    let (order, _) = town.order("one more", &[100]);
    assert_eq!(refusal(town.withdraw("A-1", &order)), WithdrawRefusal::InsufficientFunds { available: 0 });
    assert_eq!(town.dump(), before);
    // control: another account pays
    town.withdraw("A-2", &order).expect("a withdrawal");
    assert_eq!(town.sound().currencies[0].signed, "JPY:10100");
}

/// RN-F2.1, RN-X6: without a certificate of this bank's customer nothing is looked at.
#[test]
fn strangers_are_not_served() {
    let town = Town::new();
    let (order, _) = town.order("one", &[100]);
    let before = town.dump();
    let callers = [
        None,
        Some(Caller { role: Role::Bank, name: "aoba/A-1".into() }),
        Some(Caller { role: Role::Wallet, name: "sakura/A-1".into() }),
        Some(Caller { role: Role::Wallet, name: "aoba/A-9".into() }),
        Some(Caller { role: Role::Wallet, name: "A-1".into() }),
    ];
    for caller in callers {
        let answer = now(town.as_caller(caller).send(&order));
        assert!(matches!(answer, Err(SendError::Forbidden { .. })), "{answer:?}");
    }
    assert_eq!(town.dump(), before);
    let shop = Caller { role: Role::Shop, name: "aoba/A-1".into() };
    now(town.as_caller(Some(shop)).send(&order)).expect("control: a shop of this bank");
}

/// RN-F2.2, RN-F2.4: each refusal, in the order of the checks, and none of them changes anything.
#[test]
fn refusals_come_in_order_and_change_nothing() {
    let town = Town::new();
    let (first, _) = town.order("first", &[100, 1_000]);
    town.withdraw("A-1", &first).expect("a withdrawal");
    let before = town.dump();
    let with = |seed: &str, items: Vec<_>| Withdraw { order: nonce(seed), items };
    let refused = |order: &Withdraw| refusal(town.withdraw("A-1", order));

    assert_eq!(refused(&with("none", vec![])), WithdrawRefusal::BatchSize { found: 0, max: 1_024 });
    let (fresh, _) = town.blind(100, &key("fresh"));
    let many = with("many", vec![fresh.clone(); 1_025]);
    assert_eq!(refused(&many), WithdrawRefusal::BatchSize { found: 1_025, max: 1_024 });
    assert_eq!(refused(&with("first", vec![fresh.clone()])), WithdrawRefusal::OtherOrder);

    let mut unknown = fresh.clone();
    unknown.entry.0[0] ^= 1;
    let mut large = fresh.clone();
    large.blinded = [0xff; 256].into();
    let order = with("unknown", vec![large.clone(), unknown]);
    assert_eq!(refused(&order), WithdrawRefusal::UnknownKey { item: 1 });
    assert_eq!(refused(&with("large", vec![fresh.clone(), large])), WithdrawRefusal::OutOfRange { item: 1 });
    let twice = with("twice", vec![fresh.clone(), fresh.clone()]);
    assert_eq!(refused(&twice), WithdrawRefusal::Repeated { item: 1 });
    let again = with("again", vec![fresh.clone(), first.items[1].clone()]);
    assert_eq!(refused(&again), WithdrawRefusal::Repeated { item: 1 });

    town.set_time(terms().withdraw_until.plus(1));
    assert_eq!(refused(&with("late", vec![fresh.clone()])), WithdrawRefusal::Closed { item: 0 });
    town.set_time(START.minus(1));
    assert_eq!(refused(&with("early", vec![fresh])), WithdrawRefusal::UnknownKey { item: 0 });
    assert_eq!(town.dump(), before);
}

/// RN-X7: the blinded value is bound to its account: the same value from another account is another order, paid by it.
#[test]
fn another_account_pays_for_the_same_blinded_value() {
    let town = Town::new();
    let (order, _) = town.order("one", &[100]);
    let first = town.withdraw("A-1", &order).expect("a withdrawal");
    assert_eq!(town.withdraw("A-2", &order).expect("its own withdrawal"), first);
    assert_eq!(town.balances("A-1").0 + town.balances("A-2").0, 2 * OPENING - 200);
    town.sound();
}

/// RN-D4: an order is in the currency of the account, and a value out of range is only looked at after that.
#[test]
fn an_order_is_in_the_accounts_currency() {
    let town = Town::new();
    let (mut item, _) = town.blind(100, &key("user"));
    let lists = now(town.bank.lists::<WithdrawRefusal>()).expect("lists");
    let ctx = Ctx { now: town.clock.now(), caller: None };
    let customer = |code: &str| Customer {
        account: "A-1".into(),
        name: "person A-1".into(),
        currency: zeni_money::Currency::from_code(code).expect("a code"),
        code: zeni_crypto::Digest([0; 32]),
        salt: [0; 16],
    };
    let id = zeni_crypto::Digest([1; 32]);
    super::check(&ctx, &customer("JPY"), &[(item.clone(), id)], &lists).expect("control");
    item.blinded = [0xff; 256].into();
    let refused = super::check(&ctx, &customer("USD"), &[(item, id)], &lists);
    assert_eq!(refused.map(|keys| keys.len()), Err(WithdrawRefusal::MixedCurrencies));
}

/// RN-X5, RN-X7: an order that a copy of it, sent at once, carried out after this one had looked is answered with what is stored, neither
/// called a repetition nor too dear, although nothing is left. Control: another order then is too dear.
#[test]
fn a_copy_that_came_first_gives_its_answer() {
    let town = Town::new();
    let (order, _) = town.order("one", &[1_000; 10]);
    let first = town.withdraw("A-1", &order).expect("all there is");
    assert_eq!(town.balances("A-1"), (0, 0));
    let name = format!("{}/A-1", crate::testing::BANK);
    let caller = Caller { role: Role::Wallet, name };
    let ctx = Ctx { now: town.bank.clock.now(), caller: Some(caller) };
    let prepare = |order: &Withdraw| {
        let customer = now(town.bank.customer::<WithdrawRefusal>(&ctx)).expect("a customer");
        let content = super::tagged("zeni/withdrawal", &[&super::encode(&order.items)]);
        now(town.bank.prepare(&ctx, customer, order.clone(), content))
    };
    match prepare(&order) {
        Ok(super::Prepared::Stored(signatures)) => assert_eq!(super::reply(signatures), first),
        Ok(super::Prepared::New(_)) => panic!("signed anew"),
        Err(error) => panic!("refused: {error:?}"),
    }
    let (other, _) = town.order("two", &[100]);
    let poor = WithdrawRefusal::InsufficientFunds { available: 0 };
    assert!(matches!(prepare(&other), Err(super::Failure::Refused(refusal)) if refusal == poor), "control");
}
