use zeni_message::{Message, Time, decode, limits::MESSAGE_BYTES_MAX};
use zeni_note::{
    ClosingPurpose,
    messages::{
        bank::{Deposit, DepositRefusal, GetDeposit, ItemState, OpenRefund},
        issuer::{Outcome, Return},
    },
    testing::{DAY, amount, key, nonce, terms},
};

use crate::{
    ChoreError,
    testing::{Cut, OPENING, Town, now},
};

fn state(town: &Town, seed: &str) -> Vec<ItemState> {
    town.send("A-1", &GetDeposit { deposit: nonce(seed) }).expect("told").items
}

fn outcome(town: &Town, message: &Deposit, item: usize, outcome: Outcome) {
    let leaf = town.world.leaf(&message.items[item].chain);
    town.desk().outcomes.insert(leaf, outcome);
}

/// RN-F6.1, RN-F6.2, RN-O15: each outcome of the issuer's answer, and what becomes of the credit.
#[test]
fn the_answer_decides_each_item() {
    let mut town = Town::new();
    let message = town.deposit_message("A-1", "all", &[1_000; 8]);
    let outcomes = [
        Outcome::Paid,
        Outcome::Partly { paid: amount(300) },
        Outcome::Duplicate,
        Outcome::Malformed,
        Outcome::Late,
        Outcome::Unknown,
        Outcome::Waiting { until: Time(77) },
        Outcome::TooEarly,
    ];
    for (item, answer) in outcomes.into_iter().enumerate() {
        outcome(&town, &message, item, answer);
    }
    town.send("A-1", &message).expect("a deposit");
    assert_eq!(town.balances("A-1"), (OPENING, 8_000));
    town.settle();
    let refused = |word: &str| ItemState::Refused(word.into());
    let expected = vec![
        ItemState::Available(amount(1_000)),
        ItemState::Partly { available: amount(300), claimed: amount(700) },
        refused("duplicate"),
        refused("malformed"),
        refused("late"),
        ItemState::Held(amount(1_000)),
        ItemState::Waiting { until: Time(77) },
        refused("too_early"),
    ];
    assert_eq!(state(&town, "all"), expected);
    assert_eq!(town.balances("A-1"), (OPENING + 1_300, 2_000));
    assert_eq!(town.sound().currencies[0].returned, "JPY:1300");
    assert_eq!(town.desk().paid, 1_300);
}

/// RN-X26: paid at another bank: the credit is taken back, nothing becomes available.
#[test]
fn a_deposit_at_two_banks_is_paid_once() {
    let mut town = Town::new();
    let message = town.deposit_message("A-1", "two banks", &[1_000]);
    outcome(&town, &message, 0, Outcome::Duplicate);
    town.send("A-1", &message).expect("this bank cannot know");
    town.settle();
    assert_eq!(town.balances("A-1"), (OPENING, 0));
    town.deposit("A-1", "control", &[1_000]);
    town.settle();
    assert_eq!(town.balances("A-1"), (OPENING + 1_000, 0));
    town.sound();
}

/// RN-X27: whatever is lost on the way, the same bytes are sent again and each item is booked once.
#[test]
fn a_batch_is_sent_again_byte_for_byte() {
    for cut in [Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::new();
        town.deposit("A-1", "one", &[1_000, 100]);
        town.cut(&[cut]);
        assert!(town.tick().is_err(), "{cut:?}");
        town.restart();
        town.sound();
        assert_eq!(town.balances("A-1"), (OPENING, 1_100), "{cut:?}");
        // what is deposited meanwhile goes into a later batch
        town.deposit("A-1", "two", &[100]);
        town.settle();
        assert_eq!(town.balances("A-1"), (OPENING + 1_200, 0), "{cut:?}");
        let sent = town.sent::<Return>();
        let expected = if cut == Cut::Before { 2 } else { 3 };
        assert_eq!(sent.len(), expected, "{cut:?}");
        if expected == 3 {
            assert_eq!(sent[0], sent[1], "{cut:?}");
        }
        assert_eq!(town.desk().paid, 1_200);
        town.sound();
    }
}

/// RN-F6.2: an answer that is not the issuer's signed word, or not about these items, books nothing.
#[test]
fn a_forged_answer_books_nothing() {
    let mut town = Town::new();
    town.deposit("A-1", "one", &[1_000]);
    for short in [false, true] {
        (town.desk().forged, town.desk().short) = (!short, short);
        assert!(matches!(town.tick(), Err(ChoreError::Answer)));
        assert_eq!(town.balances("A-1"), (OPENING, 1_000));
    }
    (town.desk().forged, town.desk().short, town.desk().paid) = (false, false, 0);
    town.settle();
    assert_eq!(town.balances("A-1"), (OPENING + 1_000, 0));
}

/// RN-D21, DESIGN §5: all leaves of a hand-in stand in one batch, in order, beside single items.
#[test]
fn a_hand_in_stays_together() {
    let mut town = Town::new();
    let takings = town.takings("A-1", "shop", &[100, 200, 300]);
    town.send("A-1", &takings).expect("takings");
    let more = town.takings("A-1", "other shop", &[50, 60]);
    town.send("A-1", &more).expect("takings");
    town.deposit("A-1", "single", &[1_000]);
    town.settle();
    let sent = town.sent::<Return>();
    assert_eq!(sent.len(), 1);
    let batch: Return = decode(&sent[0], MESSAGE_BYTES_MAX).expect("a batch");
    assert_eq!((batch.hand_ins.len(), batch.items.len()), (2, 6));
    assert_eq!(town.balances("A-1"), (OPENING + 1_710, 0));
    assert!(sent[0].len() < Return::MAX);
    town.sound();
}

/// RN-D21: more than fits into one batch goes in several, none beyond the limit.
#[test]
fn a_full_batch_leaves_the_rest_to_the_next() {
    use super::{Queued, choose};
    let queued = |deposit: u8, place, hand_in| Queued {
        deposit: [deposit; 16],
        place,
        bytes: 1_000,
        hand_in,
        leaf: zeni_crypto::Digest([0; 32]),
    };
    let single: Vec<_> = (0..2_000).map(|place| queued(1, place, false)).collect();
    assert_eq!(choose(&single).len(), 1_024);
    let mut mixed: Vec<_> = (0..24).map(|place| queued(1, place, false)).collect();
    mixed.extend((0..1_000).map(|place| queued(2, place, true)));
    mixed.extend((0..10).map(|place| queued(3, place, true)));
    assert_eq!(choose(&mixed).len(), 1_024);
    mixed.insert(0, queued(0, 0, false));
    assert_eq!(choose(&mixed).len(), 25, "a hand-in is never cut");
    let mut heavy: Vec<_> = (0..3).map(|place| queued(1, place, false)).collect();
    heavy.iter_mut().for_each(|item| item.bytes = 5_000_000);
    assert_eq!(choose(&heavy).len(), 1);
    let mut cut: Vec<_> = (0..1_100).map(|place| queued(1, place, true)).collect();
    cut.truncate(1_024);
    cut.extend((0..1_024).map(|place| queued(2, place, true)));
    assert_eq!(choose(&cut).len(), 1_024);
}

/// RN-D21: what came first goes first, whatever id a depositor chose: small ones do not put others off for ever.
#[test]
fn the_queue_is_in_order_of_arrival() {
    let mut town = Town::new();
    let mut seeds: Vec<String> = (0..6).map(|n| format!("deposit {n}")).collect();
    // the ids descend, so that their order is not that of arrival
    seeds.sort_by_key(|seed| std::cmp::Reverse(*nonce(seed)));
    let mut leaves = Vec::new();
    for seed in &seeds {
        let (message, _) = town.deposit("A-1", seed, &[100, 100]);
        leaves.extend(message.items.iter().map(|item| town.world.leaf(&item.chain)));
        town.advance(1);
    }
    town.settle();
    let sent = town.sent::<Return>();
    let batch: Return = decode(&sent[0], MESSAGE_BYTES_MAX).expect("a batch");
    let returned: Vec<_> = batch.items.iter().map(|item| town.world.leaf(&item.chain)).collect();
    assert_eq!(returned, leaves);
    town.sound();
}

/// RN-O14: a challenge that nothing answered is released after its days, so that an account's open challenges do not stay
/// full for ever; one that was answered stays (control). Whoever signed for it closes once more for another.
#[test]
fn unused_challenges_are_released() {
    let mut town = Town::new();
    let (kept, _) = town.deposit("A-1", "kept", &[100]);
    let slow = town.deposit_message("A-1", "slow", &[1_000]);
    let opened = town.table("deposit").len();
    town.settle();
    let start = zeni_message::route::Clock::now(&*town.clock);
    town.set_time(start.plus(super::CHALLENGE_S - 3_600));
    town.settle();
    assert_eq!(town.table("deposit").len(), opened);
    town.set_time(start.plus(super::CHALLENGE_S));
    town.settle();
    assert_eq!(town.table("deposit").len(), opened - 1);
    assert_eq!(crate::testing::refusal(town.send("A-1", &slow)), DepositRefusal::UnknownChallenge);
    let holder = key("slow holder 0");
    let purpose = ClosingPurpose::Deposit(town.open_deposit("A-1", "again"));
    let items = vec![town.closed(&slow.items[0].chain, &holder, 1_000, &purpose)];
    town.send("A-1", &Deposit { purpose, items }).expect("another deposit");
    town.send("A-1", &kept).expect("still answered");
    town.settle();
    assert_eq!(town.balances("A-1"), (OPENING + 1_100, 0));
    town.sound();
}

/// RN-X31: a challenge kept for a refund is released a year after the issuer hears no refund any more of what was issued by the time it
/// was kept, and not before; one that was answered stays.
#[test]
fn kept_challenges_are_released_when_no_refund_can_come() {
    let town = Town::new();
    town.deposit("A-1", "answered", &[100]);
    let open = |town: &Town, seed: &str| {
        town.send("A-1", &OpenRefund { deposit: nonce(seed), card: nonce("card") }).unwrap();
    };
    open(&town, "first");
    let kept = zeni_message::route::Clock::now(&*town.clock);
    town.advance(DAY);
    open(&town, "second");
    let opened = town.table("deposit").len();
    let lists = now(town.bank.lists::<std::convert::Infallible>()).unwrap();
    let terms =
        |list: &zeni_note::KeyList| list.record.series.iter().map(|it| it.retain_until.since(list.record.from)).max();
    let longest = lists.lists.iter().filter_map(terms).max().unwrap();
    for (after, left) in [(0, opened), (1, opened - 1), (DAY, opened - 1), (DAY + 1, opened - 2)] {
        let time = kept.plus(longest + super::KEPT_AFTER_S + after);
        now(town.bank.release(time)).unwrap();
        assert_eq!(town.table("deposit").len(), left, "{after}");
    }
    assert_eq!(opened, 3);
}

/// DESIGN §5: what came too late, or too early as a refund, may come again under a further closing; what was paid or
/// refused for good may not.
#[test]
fn only_an_unsettled_leaf_comes_again() {
    let mut town = Town::new();
    let late = town.deposit_message("A-1", "late", &[1_000, 1_000]);
    outcome(&town, &late, 0, Outcome::Late);
    outcome(&town, &late, 1, Outcome::Duplicate);
    town.send("A-1", &late).expect("in time here");
    town.settle();
    let refund = |town: &Town, seed: &str, item: usize| {
        let purpose = ClosingPurpose::Refund(town.open_deposit("A-1", seed));
        let holder = key(&format!("late holder {item}"));
        let items = vec![town.closed(&late.items[item].chain, &holder, 1_000, &purpose)];
        Deposit { purpose, items }
    };
    town.set_time(terms().deposit_until.plus(1));
    // the issuer's clock is behind this bank's
    outcome(&town, &late, 0, Outcome::TooEarly);
    let early = refund(&town, "early", 0);
    town.send("A-1", &early).expect("in time here");
    town.settle();
    assert_eq!(state(&town, "early"), vec![ItemState::Refused("too_early".into())]);
    assert_eq!(town.balances("A-1"), (OPENING, 0));
    let never = refund(&town, "duplicate", 1);
    assert_eq!(crate::testing::refusal(town.send("A-1", &never)), DepositRefusal::Repeated { item: 0 });
    let leaf = town.world.leaf(&late.items[0].chain);
    town.desk().outcomes.insert(leaf, Outcome::Waiting { until: terms().refund_from });
    let again = refund(&town, "refund", 0);
    town.send("A-1", &again).expect("a refund");
    town.settle();
    assert_eq!(state(&town, "refund"), vec![ItemState::Waiting { until: terms().refund_from }]);
    let refused = |word: &str| ItemState::Refused(word.into());
    assert_eq!(state(&town, "late"), vec![refused("late"), refused("duplicate")]);
    town.sound();
}

/// RN-P7: chains are kept until the end of the dispute term and not longer; leaves stay, so that nothing comes twice.
#[test]
fn documents_are_forgotten_after_the_dispute_term() {
    let mut town = Town::new();
    let (message, _) = town.deposit("A-1", "one", &[1_000]);
    town.settle();
    let kept = |town: &Town| town.table("item").iter().filter(|row| row[10] != zeni_store::Value::Null).count();
    town.set_time(terms().refund_from.minus(DAY));
    town.settle();
    assert_eq!(kept(&town), 1);
    town.set_time(terms().refund_from.plus(1));
    town.settle();
    assert_eq!(kept(&town), 0);
    assert_eq!(town.send("A-1", &message).expect("still answered").items, vec![ItemState::Available(amount(1_000))]);
    town.sound();
}
