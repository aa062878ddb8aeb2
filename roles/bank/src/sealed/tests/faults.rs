//! Every leg and every transaction cut, and what happens at once.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use zeni_message::peer::SendError;
use zeni_note::messages::{
    bank::{SealedOutcome, WithdrawSealed},
    issuer::IssueSealed,
};
use zeni_store::{Options, testing::block_on};

use crate::{
    ChoreError, Progress,
    testing::{Cut, OPENING, POLL_S, Town},
};

/// Where an order is cut.
#[derive(Clone, Copy, Debug)]
enum Leg {
    /// The bank is down before it stores anything.
    Reserve,
    /// The message to the issuer, its reply, the bank's booking of it.
    Issuer(Cut),
    /// The bank's reply to the customer: the bank dies when all is done.
    Customer,
}

const LEGS: [Leg; 5] =
    [Leg::Reserve, Leg::Issuer(Cut::Before), Leg::Issuer(Cut::After), Leg::Issuer(Cut::Crash), Leg::Customer];

/// HC-X5, HC-X8, HC-X9, HC-F2.16: whatever leg is lost, and wherever the bank dies, the customer who asks again gets one note for
/// one debit, the same bytes go to the issuer, and money is conserved at every moment.
#[test]
fn every_leg_may_be_lost() {
    for (leg, by_tick) in LEGS.into_iter().flat_map(|leg| [(leg, false), (leg, true)]) {
        let mut town = Town::new();
        let purses = [town.purse("A-1", "one", 100), town.purse("A-1", "two", 1_000)];
        match leg {
            Leg::Reserve => town.bank.store.stop(),
            Leg::Issuer(cut) => town.cut(&[cut]),
            Leg::Customer => {}
        }
        let first = town.withdraw_sealed("A-1", &purses);
        town.restart();
        town.sound();
        if let Leg::Reserve = leg {
            assert!(matches!(first, Err(SendError::Busy { .. })));
            assert_eq!(town.balances("A-1"), (OPENING, 0));
        } else {
            assert_eq!(town.balances("A-1"), (OPENING - 1_100, 0), "{leg:?}");
            assert_eq!(town.reserved("A-1") + town.outstanding(), 1_100, "{leg:?}");
        }
        if by_tick {
            town.settle();
            town.sound();
        }
        let states = town.withdraw_sealed("A-1", &purses).expect("the same");
        for (purse, state) in purses.iter().zip(&states) {
            town.opened(purse, state).expect("a note");
        }
        assert_eq!((town.balances("A-1"), town.reserved("A-1")), ((OPENING - 1_100, 0), 0), "{leg:?}");
        assert_eq!((town.outstanding(), town.desk().opened.len()), (1_100, 2), "{leg:?}");
        let mut items: Vec<_> = town.sent::<IssueSealed>().iter().flat_map(|body| sent_items(body)).collect();
        items.sort();
        items.dedup();
        assert_eq!(items.len(), 2, "{leg:?}: always the same bytes");
        town.sound();
    }
}

fn sent_items(body: &[u8]) -> Vec<Vec<u8>> {
    let message: IssueSealed = zeni_message::decode(body, usize::MAX).expect("our own");
    message.items.iter().map(zeni_message::encode).collect()
}

/// HC-X8: while the issuer cannot be reached nothing is released; orders of several customers go together when it is back.
#[test]
fn orders_wait_for_the_issuer() {
    let mut town = Town::new();
    let orders: Vec<_> = ["A-1", "A-2"].map(|account| (account, town.purse(account, account, 1_000))).into();
    for (account, purse) in &orders {
        town.cut(&[Cut::Before]);
        town.withdraw_sealed(account, std::slice::from_ref(purse)).expect("heard");
    }
    for _ in 0..5 {
        town.cut(&[Cut::Before; 16]);
        town.advance(POLL_S);
        assert!(town.tick().is_err());
        assert_eq!((town.reserved("A-1"), town.reserved("A-2")), (1_000, 1_000));
        town.sound();
    }
    assert!(town.sent::<IssueSealed>().is_empty());
    town.settle();
    assert_eq!(town.sent::<IssueSealed>().len(), 1, "one message for both");
    for (account, purse) in &orders {
        let states = town.withdraw_sealed(account, std::slice::from_ref(purse)).expect("told");
        town.opened(purse, &states[0]).expect("a note");
    }
    town.sound();
}

/// HC-X48: an answer about another number of orders is dropped; the right one is taken later.
#[test]
fn a_wrong_answer_is_dropped() {
    let mut town = Town::new();
    town.desk().short = true;
    let purses = [town.purse("A-1", "one", 100), town.purse("A-1", "two", 100)];
    let states = town.withdraw_sealed("A-1", &purses).expect("heard");
    assert!(states.iter().all(|state| state.outcome == SealedOutcome::Pending));
    town.advance(POLL_S);
    assert!(matches!(town.tick(), Err(ChoreError::SealedAnswer)));
    assert_eq!((town.reserved("A-1"), town.outstanding()), (200, 0));
    town.desk().short = false;
    town.settle();
    assert_eq!((town.reserved("A-1"), town.outstanding()), (0, 200));
    town.sound();
}

/// HC-X5: while an order is on its way to the issuer, neither the customer's repetition nor a round of the bank's own sends it
/// again; a customer who hangs up leaves it to the next round.
#[test]
fn an_order_is_on_its_way_once() {
    let mut town = Town::new();
    let purses = [town.purse("A-1", "one", 100)];
    let message = WithdrawSealed { items: vec![purses[0].item.clone()] };
    town.hold(true);
    town.cut(&[Cut::Hold]);
    let peer = town.customer("A-1");
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut first = pin!(peer.send(&message));
        assert!(first.as_mut().poll(&mut context).is_pending());
        let again = town.withdraw_sealed("A-1", &purses).expect("told");
        assert_eq!(again[0].outcome, SealedOutcome::Pending);
        town.advance(POLL_S);
        drop(town.tick());
        assert_eq!(town.sent::<IssueSealed>().len(), 1, "only the first");
        town.hold(false);
        let Poll::Ready(Ok(states)) = first.as_mut().poll(&mut context) else { panic!("the first is answered") };
        town.opened(&purses[0], &states[0]).expect("a note");
    }
    let more = town.purse("A-1", "two", 100);
    let message = WithdrawSealed { items: vec![more.item.clone()] };
    town.hold(true);
    town.cut(&[Cut::Hold]);
    {
        let mut first = pin!(peer.send(&message));
        assert!(first.as_mut().poll(&mut context).is_pending());
    }
    town.hold(false);
    town.settle();
    assert_eq!(town.sent::<IssueSealed>().len(), 3, "sent again, since nobody listened");
    assert_eq!((town.reserved("A-1"), town.outstanding(), town.desk().opened.len()), (0, 200, 2));
    assert_eq!(town.tick().ok(), Some(Progress::Idle));
    town.sound();
}

/// HC-X8, HC-F2.6: on a full disk orders fail or wait, money is conserved, and with room again the same orders succeed.
#[test]
fn a_full_disk_loses_nothing() {
    let mut town = Town::new();
    let purses: Vec<_> = (0..8).map(|n| town.purse("A-1", &format!("purse {n}"), 100)).collect();
    town.restart_with(Options { sqlite_page_max: Some(1), ..Options::inline() });
    let mut failed = 0;
    for purse in &purses {
        failed += usize::from(town.withdraw_sealed("A-1", std::slice::from_ref(purse)).is_err());
        town.sound();
    }
    assert!(failed > 0, "control: the disk was full");
    town.restart();
    let states = town.withdraw_sealed("A-1", &purses).expect("with room");
    assert!(purses.iter().zip(&states).all(|(purse, state)| town.opened(purse, state).is_some()));
    town.settle();
    assert_eq!((town.balances("A-1"), town.outstanding()), ((OPENING - 800, 0), 800));
    town.sound();
}

/// HC-X1, HC-X5, HC-F2.6: the same order many times at once is one reservation and one note, and orders that together exceed the
/// balance do not overdraw it.
#[test]
fn many_at_once_do_not_overdraw() {
    let mut town = Town::new();
    let thousands = |seed: &str, count: usize| {
        let purses = (0..count).map(|n| town.purse("A-1", &format!("{seed} {n}"), 1_000).item);
        WithdrawSealed { items: purses.collect() }
    };
    let same = thousands("same", 1);
    let others: Vec<_> = (0..6).map(|n| thousands(&format!("order {n}"), 2)).collect();
    town.restart_with(Options::default());
    let peers: Vec<_> = (0..10).map(|_| town.customer("A-1")).collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let all = std::iter::repeat_n(&same, 4).chain(&others);
        let threads: Vec<_> =
            peers.iter().zip(all).map(|(peer, order)| scope.spawn(|| block_on(peer.send(order)))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    town.restart();
    town.settle();
    let taken = answers[0].is_ok();
    assert!(answers[..4].iter().all(|answer| answer.is_ok() == taken), "one order, one answer");
    // 1,000 and four times 2,000 of 10,000; or, where five others came first, nothing is left for it
    let (others, left, notes) = if taken { (4, 1_000, 9) } else { (5, 0, 10) };
    assert_eq!(answers[4..].iter().filter(|answer| answer.is_ok()).count(), others);
    assert_eq!((town.balances("A-1"), town.reserved("A-1"), town.outstanding()), ((left, 0), 0, OPENING - left));
    assert_eq!(town.desk().opened.len(), notes);
    town.sound();
}
