//! An adversary who sees when banks sign and when the issuer redeems, and for what amounts (RN-O6).

use std::collections::BTreeMap;

use zeni_crypto::{Digest, PublicKey};
use zeni_holder::{Kind, Policy, Privacy};
use zeni_message::{Message, Time, decode};
use zeni_note::{
    messages::{
        bank::{Deposit, Withdraw},
        issuer::Redeem,
    },
    testing::{DAY, START},
};
use zeni_store::testing::block_on;

use crate::world::{FACES, OPENING, Person, World, transfer, yen};

/// Users on one payday.
const USERS: usize = 200;
/// Seconds between two of them.
const APART_S: u64 = 3;
/// Each withdraws one note of each face value.
const AMOUNT: u64 = 1_600;

/// What the adversary sees of one signature or one redemption.
#[derive(Clone, Copy)]
struct Event {
    time: Time,
    entry: Digest,
}

/// The view, and the truth that he is to guess.
struct View {
    /// Account `i` had this signed.
    sessions: Vec<(usize, Event)>,
    redemptions: Vec<(Event, PublicKey)>,
    owner: BTreeMap<PublicKey, usize>,
}

/// Runs the day with the real wallets and roles.
fn payday(at_once: bool) -> View {
    let world = World::new();
    let people: Vec<Person> = (0..USERS)
        .map(|number| {
            // homes are named by constants elsewhere
            let person = world.stranger(format!("user{number}").leak(), "aoba", Kind::Wallet, Privacy::Unlinkable);
            let person = Person { policy: Policy { stock_licences: FACES.len(), ..Policy::default() }, ..person };
            world.enrol(&person);
            block_on(person.open().join(person.joining())).unwrap();
            person
        })
        .collect();
    let mut view = View { sessions: Vec::new(), redemptions: Vec::new(), owner: BTreeMap::new() };
    let mut seen = world.net.record.exchanges().len();
    let mut look = |world: &World, who: usize, view: &mut View| {
        let all = world.net.record.exchanges();
        for one in &all[seen..] {
            let done = matches!(one.answer, Ok((200, _)));
            let time = world.now();
            if done && one.path == Withdraw::PATH {
                let order: Withdraw = decode(&one.request, usize::MAX).unwrap();
                view.sessions.extend(order.items.iter().map(|item| (who, Event { time, entry: item.entry })));
            } else if done && one.path == Redeem::PATH {
                let redeem: Redeem = decode(&one.request, usize::MAX).unwrap();
                let key = redeem.request.key;
                view.redemptions.push((Event { time, entry: redeem.request.entry }, key));
                view.owner.insert(key, who);
            }
        }
        seen = all.len();
    };
    for (who, person) in people.iter().enumerate() {
        world.net.clock.put(START.plus(DAY + who as u64 * APART_S));
        block_on(person.open().withdraw(yen(AMOUNT), at_once)).unwrap();
        look(&world, who, &mut view);
        block_on(world.bank("aoba").tick()).unwrap();
        if at_once {
            world.pass(1);
            block_on(person.open().run_due()).unwrap();
            look(&world, who, &mut view);
        }
    }
    world.settle();
    loop {
        let due = people.iter().enumerate().map(|(who, person)| (block_on(person.open().next_due()).unwrap(), who));
        let Some((due, who)) = due.filter_map(|(due, who)| Some((due?, who))).min() else { break };
        world.net.clock.put(due);
        block_on(people[who].open().run_due()).unwrap();
        look(&world, who, &mut view);
    }
    let people: Vec<&Person> = people.iter().collect();
    let books = world.check(&people);
    assert_eq!(books.issued, USERS as u64 * AMOUNT);
    assert_eq!(books.available, USERS as u64 * (OPENING - AMOUNT));
    view
}

impl View {
    /// Right guesses when the n-th redemption of a face value is taken for the n-th signature of it.
    fn by_order(&self) -> usize {
        let mut waiting: BTreeMap<Digest, std::collections::VecDeque<usize>> = BTreeMap::new();
        for (who, event) in &self.sessions {
            waiting.entry(event.entry).or_default().push_back(*who);
        }
        let guess = |(event, key): &(Event, PublicKey)| {
            waiting.get_mut(&event.entry).and_then(|queue| queue.pop_front()) == Some(self.owner[key])
        };
        self.redemptions.iter().map(guess).filter(|right| *right).count()
    }

    /// Right guesses when a redemption is taken for the signature of its face value nearest before it less the mean delay.
    fn by_time(&self, delay_s: u64) -> usize {
        let right = |(event, key): &&(Event, PublicKey)| {
            let around = event.time.minus(delay_s);
            let same = self.sessions.iter().filter(|(_, session)| session.entry == event.entry);
            let before = same.filter(|(_, session)| session.time <= event.time);
            let nearest = before.min_by_key(|(_, session)| session.time.0.abs_diff(around.0));
            nearest.is_some_and(|(who, _)| *who == self.owner[key])
        };
        self.redemptions.iter().filter(right).count()
    }

    /// Right guesses when redemptions whose amounts together make up one withdrawal, and that come next to one another, are
    /// taken for one person, in the order of the withdrawals.
    fn by_amounts(&self) -> usize {
        let mut groups: Vec<Vec<&(Event, PublicKey)>> = Vec::new();
        for one in &self.redemptions {
            let lacks = |group: &&mut Vec<&(Event, PublicKey)>| group.iter().all(|other| other.0.entry != one.0.entry);
            match groups.iter_mut().find(lacks) {
                Some(group) => group.push(one),
                None => groups.push(vec![one]),
            }
        }
        let mut order: Vec<usize> = self.sessions.iter().map(|(who, _)| *who).collect();
        order.dedup();
        let pairs = groups.iter().zip(order);
        pairs.map(|(group, who)| group.iter().filter(|(_, key)| self.owner[key] == who).count()).sum()
    }
}

/// RN-O6, RN-P6: matching withdrawals with redemptions by time, amounts and order over 200 users does no better than chance,
/// one in 200, while the wallets wait as long as chance tells each request. Control: with `--now` he names nearly all.
#[test]
fn delayed_redemptions_match_no_better_than_chance() {
    let notes = USERS * FACES.len();
    // chance is one in 200 for each of 600: 3 expected, more than 14 once in a million times
    const HITS_MAX: usize = 14;
    let view = payday(false);
    assert_eq!((view.sessions.len(), view.redemptions.len()), (notes, notes));
    let Policy { redeem_wait_s, redeem_delay_max_s, .. } = Policy::default();
    let mean = redeem_wait_s + redeem_delay_max_s / 2;
    let hits = [view.by_order(), view.by_time(mean), view.by_time(redeem_wait_s), view.by_time(0), view.by_amounts()];
    assert!(hits.iter().all(|hits| *hits <= HITS_MAX), "{hits:?} of {notes}");
    let view = payday(true);
    assert_eq!((view.sessions.len(), view.redemptions.len()), (notes, notes));
    let hits = [view.by_order(), view.by_time(1), view.by_amounts()];
    assert!(hits.iter().all(|hits| *hits >= notes * 9 / 10), "{hits:?} of {notes}");
}

/// Depositors of each sort.
const DEPOSITORS: usize = 24;
/// Longest time between the arrival of money and its deposit.
const HELD_S: u64 = 2 * DAY;

fn user(world: &World, name: String, privacy: Privacy) -> Person {
    let person = world.stranger(name.leak(), "aoba", Kind::Wallet, privacy);
    let person = Person { policy: Policy { stock_licences: 4, spare_licences: 2, ..Policy::default() }, ..person };
    world.enrol(&person);
    block_on(person.open().join(person.joining())).unwrap();
    person
}

/// Seconds between the last TIME in the chain of the deposit just made and its arrival at the bank.
fn age_of_last(world: &World) -> u64 {
    let exchanges = world.net.record.exchanges();
    let sent = exchanges.iter().rfind(|one| one.path == Deposit::PATH).unwrap();
    let deposit: Deposit = decode(&sent.request, usize::MAX).unwrap();
    let [item] = deposit.items.as_slice() else { panic!("one leaf is deposited") };
    let [hop] = item.chain.hops.as_slice() else { panic!("it was passed on once") };
    world.now().since(hop.opening.time)
}

/// Deposits of what was withdrawn and of what was received, each `held` seconds after the money came, for `held` spread
/// evenly from 0 to `longest`: what the bank sees of their times.
fn deposits(longest: u64) -> (Vec<u64>, Vec<u64>) {
    let world = World::new();
    let start = START.plus(DAY);
    let (mut own, mut paid) = (Vec::new(), Vec::new());
    for number in 0..DEPOSITORS {
        let held = longest * number as u64 / DEPOSITORS as u64;
        world.net.clock.put(start);
        let payer = user(&world, format!("payer{number}"), Privacy::Untraceable);
        let payee = user(&world, format!("payee{number}"), Privacy::Unlinkable);
        block_on(payer.open().withdraw(yen(500), true)).unwrap();
        world.settle();
        world.net.clock.put(start.plus(DAY));
        block_on(payer.open().run_due()).unwrap();
        transfer(&payer, &payee, 300);
        world.net.clock.put(start.plus(DAY + held));
        block_on(payee.open().deposit(yen(300))).unwrap();
        paid.push(age_of_last(&world));
        world.net.clock.put(start.plus(DAY + longest));
        block_on(payer.open().deposit(yen(100))).unwrap();
        own.push(age_of_last(&world));
    }
    (own, paid)
}

/// By how much more of the own deposits than of the others come within the best number of seconds after their last TIME:
/// 0 tells nothing, 1 everything.
fn told_apart((own, paid): &(Vec<u64>, Vec<u64>)) -> f64 {
    let within = |ages: &[u64], limit: u64| ages.iter().filter(|age| **age <= limit).count() as f64 / ages.len() as f64;
    let limits = own.iter().chain(paid);
    limits.map(|limit| within(own, *limit) - within(paid, *limit)).fold(0.0, f64::max)
}

/// RN-P6, RN-O19: a bank and an issuer who take a small difference between the last TIME of a chain and its deposit for a
/// payment to oneself do not tell who deposits his own money from who was paid. Control: wallets whose payments to
/// themselves carry the time of the deposit are all found out.
#[test]
fn payments_to_oneself_are_not_told_by_their_time() {
    // two samples of 24 of one distribution differ by more than 0.5 once in 200 times
    const ADVANTAGE_MAX: f64 = 0.5;
    let (own, paid) = deposits(HELD_S);
    let naive = (vec![0; own.len()], paid.clone());
    let told = told_apart(&(own, paid));
    assert!(told <= ADVANTAGE_MAX, "{told}");
    assert!(told_apart(&naive) > 0.9);
}
