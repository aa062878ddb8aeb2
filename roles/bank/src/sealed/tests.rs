//! Orders under seal: what is reserved, debited, released, refused, and what is sent.

mod adversary;
mod faults;
mod refused;

use zeni_message::Refusal as _;
use zeni_note::{
    messages::{
        bank::{GetSealedOrders, SealedOutcome, WithdrawSealed, WithdrawSealedRefusal as Refusal},
        issuer::{IssueSealed, SealedRefusal},
    },
    sealed::{Envelope, WithdrawalOrder},
    testing::{DAY, START, amount, key},
};

use crate::testing::{Cut, OPENING, POLL_S, Town, account_key, refusal, sealed_terms, transfer};

/// HC-F2.4, F2.5, F2.6, F2.7, F2.8, F2.16, F2.17, HC-A13…A19, HC-V9, V10, V11, V18, V19, HC-D5…D7, HC-N12: an order under seal,
/// one message to the bank and one to the issuer with their replies, is reserved, sent, debited when the note is there; the customer gets E_K as the issuer made it and opens his note.
#[test]
fn an_order_under_seal_gives_a_note() {
    let mut town = Town::new();
    let purses = [town.purse("A-1", "one", 100), town.purse("A-1", "two", 1_000)];
    let states = town.withdraw_sealed("A-1", &purses).expect("a withdrawal");
    for (purse, state) in purses.iter().zip(&states) {
        let note = town.opened(purse, state).expect("a note");
        assert_eq!((note.record.face, note.record.holder), (purse.content.face, purse.user().public()));
        assert!(note.record.way.is_sealed());
        assert!(state.receipt.verify(town.world.network(), &town.issuer.document()).is_ok());
        assert_eq!(state.receipt.record.of, purse.item.order.record.of);
    }
    assert_eq!(town.balances("A-1"), (OPENING - 1_100, 0));
    assert_eq!((town.reserved("A-1"), town.outstanding()), (0, 1_100));
    assert_eq!(town.sent::<IssueSealed>().len(), 1);
    town.restart();
    assert_eq!(town.withdraw_sealed("A-1", &purses).expect("the same"), states);
    assert_eq!(town.sent::<IssueSealed>().len(), 1, "what was answered is not sent again");
    town.settle();
    let counts = town.desk().counts.clone().expect("a report");
    assert_eq!(counts.record.totals[0].sealed, amount(1_100));
    town.sound();
}

/// HC-X9, HC-F2.17: a customer asks where his orders stand: he is told what the order itself would tell, nothing is stored, reserved or
/// sent for it, and of another's order he hears nothing.
#[test]
fn where_orders_stand() {
    let town = Town::new();
    let (one, two) = (town.purse("A-1", "one", 100), town.purse("A-1", "two", 100));
    town.cut(&[Cut::Before]);
    let ask = |account: &str| {
        let orders = [&one, &two].map(|purse| purse.item.order.record.order).to_vec();
        let (before, sent) = (town.dump(), town.all_sent().len());
        let states = town.send(account, &GetSealedOrders { orders }).expect("an answer");
        assert_eq!((town.dump(), town.all_sent().len()), (before, sent));
        states
    };
    assert_eq!(ask("A-1"), [None, None]);
    let pending = town.withdraw_sealed("A-1", std::slice::from_ref(&one)).expect("heard").remove(0);
    assert_eq!(pending.outcome, SealedOutcome::Pending);
    assert_eq!(ask("A-1"), [Some(pending), None]);
    let issued = town.withdraw_sealed("A-1", std::slice::from_ref(&one)).expect("heard").remove(0);
    assert_eq!(ask("A-1"), [Some(issued), None]);
    assert_eq!(ask("A-2"), [None, None]);
    let none = refusal(town.send("A-1", &GetSealedOrders { orders: Vec::new() }));
    assert_eq!(none.code(), "batch_size");
}

/// HC-F2.5, F2.6, HC-V11, HC-O15: the amount is reserved before the issuer hears of the order and debited when it answers.
#[test]
fn the_debit_waits_for_the_answer() {
    let mut town = Town::new();
    let purses = [town.purse("A-1", "one", 1_000)];
    town.cut(&[Cut::Before]);
    let states = town.withdraw_sealed("A-1", &purses).expect("heard");
    assert_eq!(states[0].outcome, SealedOutcome::Pending);
    assert_eq!((town.balances("A-1"), town.reserved("A-1"), town.outstanding()), ((OPENING - 1_000, 0), 1_000, 0));
    town.sound();
    town.settle();
    assert_eq!((town.balances("A-1"), town.reserved("A-1"), town.outstanding()), ((OPENING - 1_000, 0), 0, 1_000));
    let statement = town.statement("A-1");
    let last = statement.entries.last().expect("an entry");
    assert_eq!((last.kind.as_str(), last.amount.minor(), last.credit), ("withdrawal", 1_000, false));
}

/// HC-X1, HC-F2.5, HC-P7: a balance too low: nothing is reserved, stored or sent.
#[test]
fn a_poor_account_orders_nothing() {
    let town = Town::new();
    let purses: Vec<_> = (0..11).map(|n| town.purse("A-1", &format!("purse {n}"), 1_000)).collect();
    let before = town.dump();
    let refused = refusal(town.withdraw_sealed("A-1", &purses));
    assert_eq!(refused, Refusal::InsufficientFunds { available: OPENING });
    assert_eq!(town.dump(), before);
    assert!(town.sent::<IssueSealed>().is_empty());
    town.withdraw_sealed("A-1", &purses[1..]).expect("control: what he has");
    assert_eq!(town.balances("A-1"), (0, 0));
}

/// HC-X2, HC-X3, HC-X4, HC-X6, HC-X12, HC-O15: what the issuer refuses is released, and told by its word, for good.
#[test]
fn what_is_refused_is_released() {
    for refused in [SealedRefusal::Ceiling, SealedRefusal::BadOrder, SealedRefusal::OtherAmount] {
        let mut town = Town::new();
        town.desk().refuse = Some(refused.clone());
        let purses = [town.purse("A-1", "one", 1_000)];
        let states = town.withdraw_sealed("A-1", &purses).expect("heard");
        assert_eq!(states[0].outcome, SealedOutcome::Refused(refused.code().to_owned()));
        assert_eq!((town.balances("A-1"), town.reserved("A-1"), town.outstanding()), ((OPENING, 0), 0, 0));
        let statement = town.statement("A-1");
        let last = statement.entries.last().expect("an entry");
        assert_eq!((last.kind.as_str(), last.amount.minor(), last.credit), ("release", 1_000, true));
        town.desk().refuse = None;
        town.restart();
        assert_eq!(town.withdraw_sealed("A-1", &purses).expect("the same"), states);
        town.sound();
    }
}

/// HC-X12: of a message whose orders exceed the bank's ceiling, those that fit are debited and the others released.
#[test]
fn a_ceiling_releases_what_is_above_it() {
    let town = Town::new();
    town.desk().ceiling = Some(1_150);
    let purses = [1_000, 100, 100].iter().enumerate();
    let purses: Vec<_> = purses.map(|(n, face)| town.purse("A-1", &format!("purse {n}"), *face)).collect();
    let states = town.withdraw_sealed("A-1", &purses).expect("heard");
    let issued = states.iter().map(|state| matches!(state.outcome, SealedOutcome::Issued(_))).collect::<Vec<_>>();
    assert_eq!(issued, [true, true, false]);
    assert_eq!((town.balances("A-1"), town.reserved("A-1"), town.outstanding()), ((OPENING - 1_100, 0), 0, 1_100));
    town.sound();
}

/// HC-F2.4: each refusal, in the order of the checks, and none of them changes anything.
#[test]
fn refusals_come_in_order_and_change_nothing() {
    let town = Town::new();
    let (first, _) = town.issued("A-1", "first", 100);
    let (before, sent) = (town.dump(), town.sent::<IssueSealed>().len());
    let refused = |items: Vec<_>| refusal(town.send("A-1", &WithdrawSealed { items }));
    let good = town.purse("A-1", "good", 100);
    let with = |alter: &dyn Fn(&mut WithdrawalOrder)| {
        let mut item = good.item.clone();
        alter(&mut item.order.record);
        item.order = town.signed(item.order.record, "A-1");
        item
    };

    assert_eq!(refused(vec![]), Refusal::BatchSize { found: 0, max: 256 });
    assert_eq!(refused(vec![good.item.clone(); 257]), Refusal::BatchSize { found: 257, max: 256 });
    let bank = with(&|order| order.bank = "sakura".into());
    let account = with(&|order| order.account = "A-2".into());
    let mut unsigned = good.item.clone();
    unsigned.order.signature.0[0] ^= 1;
    assert_eq!(refused(vec![unsigned.clone(), bank]), Refusal::WrongAccount { item: 1 });
    assert_eq!(refused(vec![account]), Refusal::WrongAccount { item: 0 });
    let mut other = good.item.clone();
    other.request[5] ^= 1;
    assert_eq!(refused(vec![other.clone(), unsigned]), Refusal::NotSigned { item: 1 });
    let by_note = zeni_message::Signed::sign(town.world.network(), good.item.order.record.clone(), &good.user());
    let by_note = zeni_note::messages::bank::SealedItem { order: by_note, ..good.item.clone() };
    assert_eq!(refused(vec![by_note]), Refusal::NotSigned { item: 0 });
    let taken = with(&|order| order.order = first.item.order.record.order);
    assert_eq!(refused(vec![taken.clone(), other]), Refusal::OtherRequest { item: 1 });
    let mut long = good.item.clone();
    long.request.push(0);
    long.order.record.of.request = Envelope::digest(&long.request);
    long.order = town.signed(long.order.record, "A-1");
    assert_eq!(refused(vec![long]), Refusal::OtherRequest { item: 0 });
    let unknown = with(&|order| {
        order.order = [8; 16].into();
        order.of.series = 1;
    });
    assert_eq!(refused(vec![unknown.clone(), taken]), Refusal::OtherOrder { item: 1 });
    let twin = with(&|order| order.time = order.time.plus(1));
    assert_eq!(refused(vec![good.item.clone(), twin]), Refusal::OtherOrder { item: 1 });
    assert_eq!(refused(vec![good.item.clone(), unknown]), Refusal::UnknownSeries { item: 1 });
    assert_eq!(refused(vec![with(&|order| order.of.face = amount(101))]), Refusal::UnknownSeries { item: 0 });
    assert_eq!(refused(vec![with(&|order| order.of.epoch = 9)]), Refusal::UnknownSeries { item: 0 });
    let usd = zeni_money::Currency::from_code("USD").expect("a code");
    assert_eq!(refused(vec![with(&|order| order.of.currency = usd)]), Refusal::UnknownSeries { item: 0 });
    let again = with(&|order| order.order = [9; 16].into());
    assert_eq!(refused(vec![good.item.clone(), again]), Refusal::Repeated { item: 1 });

    town.set_time(sealed_terms().withdraw_until.plus(1));
    assert_eq!(refused(vec![good.item.clone()]), Refusal::Closed { item: 0 });
    town.send("A-1", &WithdrawSealed { items: vec![first.item] }).expect("what was ordered in time is told");
    town.set_time(START.minus(1));
    assert_eq!(refused(vec![good.item.clone()]), Refusal::UnknownSeries { item: 0 });
    assert_eq!((town.dump(), town.sent::<IssueSealed>().len()), (before, sent));
    town.set_time(START.plus(DAY));
    town.withdraw_sealed("A-1", &[good]).expect("control");
}

/// HC-X7: the same request under another name, or under another order, is refused, so that it has one owner.
#[test]
fn a_request_has_one_owner() {
    let town = Town::new();
    let (first, _) = town.issued("A-1", "one", 100);
    let before = town.dump();
    let theft = town.ordered("A-2", "theft", &first.content);
    assert_eq!(theft.request, first.item.request);
    assert_eq!(refusal(town.send("A-2", &WithdrawSealed { items: vec![theft] })), Refusal::Repeated { item: 0 });
    let again = town.ordered("A-1", "again", &first.content);
    assert_eq!(refusal(town.send("A-1", &WithdrawSealed { items: vec![again] })), Refusal::Repeated { item: 0 });
    assert_eq!(town.dump(), before);
    town.issued("A-2", "two", 100);
}

/// HC-X5: orders that are known and new ones may stand in one message: the known are told, the new are carried out.
#[test]
fn known_and_new_orders_mix() {
    let town = Town::new();
    let (first, _) = town.issued("A-1", "one", 100);
    let second = town.purse("A-1", "two", 1_000);
    let states = town.withdraw_sealed("A-1", &[second.clone(), first.clone()]).expect("both");
    assert!(town.opened(&second, &states[0]).is_some() && town.opened(&first, &states[1]).is_some());
    assert_eq!(town.balances("A-1"), (OPENING - 1_100, 0));
    assert_eq!(town.sent::<IssueSealed>().len(), 2);
    town.sound();
}

/// HC-O3: each key that a customer enrolled signs his orders, however many came after it; the key of another account does not.
#[test]
fn an_account_has_several_keys() {
    let town = Town::new();
    let signed_by = |seed: &str, secret: &str| {
        let mut item = town.purse("A-1", seed, 100).item;
        item.order = zeni_message::Signed::sign(town.world.network(), item.order.record, &key(secret));
        town.send("A-1", &WithdrawSealed { items: vec![item] }).is_ok()
    };
    assert!(!signed_by("one", "phone"));
    town.enrol("A-1", key("phone").public());
    assert!(signed_by("one", "phone"));
    town.enrol("A-2", key("other").public());
    assert!(!signed_by("two", "other"));
    for n in 0..20 {
        town.advance(1);
        town.enrol("A-1", key(&format!("tablet {n}")).public());
    }
    assert!(signed_by("three", "tablet 0"));
    assert!(signed_by("four", "phone"), "no wallet shuts another out");
    assert_ne!(account_key("A-1"), account_key("A-2"));
}

/// HC-O9, HC-D7: orders are kept until the records of their epoch are pruned and not a day less, although all that was issued came
/// back long before; what waits is never forgotten, and the books still hold.
#[test]
fn orders_are_forgotten_by_term_alone() {
    let mut town = Town::new();
    let (cheat, chain) = town.issued("A-1", "one", 1_000);
    town.desk().refuse = Some(SealedRefusal::Stopped);
    town.withdraw_sealed("A-1", &[town.purse("A-1", "refused", 100)]).expect("heard");
    town.desk().refuse = None;
    town.desk().transfers = vec![transfer(1, "c1", 0, true, 1_000)];
    town.settle();
    assert_eq!(town.outstanding(), 0);
    assert_eq!(town.table("sealed_order").len(), 2);
    town.set_time(START.plus(20 * DAY));
    town.settle();
    assert_eq!(town.table("sealed_order").len(), 1, "what was refused goes earlier: there is no note");
    town.cut(&[Cut::Before]);
    town.withdraw_sealed("A-2", &[town.purse("A-2", "waiting", 100)]).expect("heard");
    for (after, kept) in [(0, 2), (1, 1)] {
        town.set_time(sealed_terms().retain_until.plus(after));
        town.cut(&[Cut::Before; 64]);
        drop(town.tick());
        assert_eq!(town.table("sealed_order").len(), kept, "used up long ago; what waits stays");
        town.sound();
    }
    town.cut(&[]);
    for _ in 0..3 {
        town.advance(POLL_S);
        drop(town.tick());
    }
    assert_eq!((town.reserved("A-2"), town.outstanding()), (0, 100));
    town.sound();
    let late = town.identify(&town.question(&cheat, &chain, &[600, 600]));
    assert_eq!(late, Ok(zeni_note::messages::bank::Identification::Unknown), "the evidence is gone");
}

/// HC-D20: accounts that were opened before there was anything under seal order as well.
#[test]
fn accounts_of_before_order_under_seal() {
    let town = Town::new();
    for sql in [
        "DELETE FROM ledger_balance WHERE account LIKE 'reserved/%'",
        "DELETE FROM ledger_fold WHERE account LIKE 'sealed %' OR account LIKE 'settled/%'",
        "DELETE FROM ledger_account WHERE name LIKE 'sealed %' OR name LIKE 'settled/%' OR name LIKE 'reserved/%'",
    ] {
        assert!(town.sabotage(sql, vec![]) > 0);
    }
    town.sound();
    town.issued("A-1", "one", 1_000);
    assert_eq!(town.outstanding(), 1_000);
    town.sound();
}

/// HC-F1.3, HC-X45: a bank whose key is not the one that the published list names takes no orders: the issuer would refuse its signature,
/// and no customer could check his receipt. What was issued before is told. Control: under the published key orders are taken.
#[test]
fn orders_are_taken_under_the_published_key_alone() {
    let mut town = Town::new();
    let (first, _) = town.issued("A-1", "first", 100);
    let published = town.desk().lists[0].clone();
    for (key, taken) in [(key("a changed key").public(), false), (town.issuer.document(), true)] {
        let mut record = published.record.clone();
        record.sealed[0].key = key;
        let list = zeni_message::encode(&town.world.sign_key_list(record));
        assert_eq!(town.sabotage("UPDATE key_list SET list = ?1 WHERE epoch = 1", vec![list.into()]), 1);
        town.restart();
        let before = (town.dump(), town.sent::<IssueSealed>().len());
        let answer = town.withdraw_sealed("A-1", &[town.purse("A-1", "second", 100)]);
        if taken {
            answer.expect("control");
        } else {
            assert_eq!(refusal(answer), Refusal::UnknownSeries { item: 0 });
            assert_eq!((town.dump(), town.sent::<IssueSealed>().len()), before);
        }
        town.withdraw_sealed("A-1", std::slice::from_ref(&first)).expect("told");
    }
}
