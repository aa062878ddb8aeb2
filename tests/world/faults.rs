//! Every step of every flow cut, before and after the other side did it, as an error and as the death of the process, and
//! at every write of the card; then resumed. Money is conserved each time (DESIGN §8 "Faults").

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use zeni_card::element::testing::Cut as PowerCut;
use zeni_holder::{Holder, Kind, Privacy, Progress};
use zeni_message::{
    Role,
    peer::{BoxFuture, Fault, Transport},
    route::Caller,
};
use zeni_store::testing::block_on;
use zeni_wire::wrappers::{Cut, Cutting};

use super::{DAYS, Lines, OPENING, Person, Place, World, transfer, yen};

/// The process dies at one call: its future is never polled again.
struct Dying {
    inner: Arc<dyn Transport>,
    at: u64,
    cut: Cut,
    calls: Arc<AtomicU64>,
}

impl Transport for Dying {
    fn call(
        &self,
        path: &'static str,
        body: Vec<u8>,
        reply_max: usize,
    ) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        let now = self.calls.fetch_add(1, Ordering::SeqCst) == self.at;
        match (now, self.cut) {
            (false, _) => self.inner.call(path, body, reply_max),
            (true, Cut::Before) => Box::pin(std::future::pending()),
            (true, Cut::After) => {
                let call = self.inner.call(path, body, reply_max);
                Box::pin(async move {
                    drop(call.await);
                    std::future::pending().await
                })
            }
        }
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        let (inner, calls) = (self.inner.fresh(), self.calls.clone());
        Arc::new(Dying { inner, at: self.at, cut: self.cut, calls })
    }
}

/// Runs a future that waits for nothing; none if it died.
fn run<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// How a line fails.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Error(Cut),
    Death(Cut),
}

const FAILINGS: [Failing; 4] =
    [Failing::Error(Cut::Before), Failing::Error(Cut::After), Failing::Death(Cut::Before), Failing::Death(Cut::After)];

/// A line that fails at one call, and how many calls it saw.
fn failing(line: Arc<dyn Transport>, at: u64, how: Failing) -> (Arc<dyn Transport>, Box<dyn Fn() -> u64>) {
    match how {
        Failing::Error(cut) => {
            let line = Arc::new(Cutting::new(line, [(at, cut)]));
            (line.clone(), Box::new(move || line.calls()))
        }
        Failing::Death(cut) => {
            let calls = Arc::new(AtomicU64::new(0));
            let line = Arc::new(Dying { inner: line, at, cut, calls: calls.clone() });
            (line, Box::new(move || calls.load(Ordering::SeqCst)))
        }
    }
}

type Act = for<'a> fn(&'a mut Holder) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A flow that must end the same whatever fails in it once.
struct Flow {
    world: World,
    people: Vec<Person>,
    kind: Kind,
    prepare: fn(&World, &Person, &mut Vec<Person>),
    /// Time passes between preparation and the operation.
    at_day: Option<u64>,
    act: Act,
    /// What the person then has in the wallet, and on the account beyond the opening balance.
    expected: (u64, i64),
}

impl Flow {
    fn new(kind: Kind, prepare: fn(&World, &Person, &mut Vec<Person>), act: Act, expected: (u64, i64)) -> Flow {
        Flow { world: World::new(), people: Vec::new(), kind, prepare, at_day: None, act, expected }
    }

    fn newcomer(&mut self) -> Person {
        let name = format!("person{}", self.people.len()).leak();
        let privacy = if self.kind == Kind::Shop { Privacy::Untraceable } else { Privacy::Unlinkable };
        let person = self.world.joined(name, "aoba", self.kind, privacy);
        (self.prepare)(&self.world, &person, &mut self.people);
        person
    }

    /// Cuts each call of each line, and each write of the card, in every way; a new person each time. Answers how many
    /// times something was cut.
    fn cut_everywhere(mut self) -> usize {
        let mut cuts = 0;
        // where time must pass, everybody is prepared before it does
        let mut ready: Vec<Person> = Vec::new();
        if let Some(day) = self.at_day {
            ready.extend((0..64).map(|number| {
                let name = format!("early{number}").leak();
                let person = self.world.joined(name, "aoba", self.kind, Privacy::Untraceable);
                (self.prepare)(&self.world, &person, &mut self.people);
                person
            }));
            self.world.at_day(day);
            self.world.settle();
        }
        for line in 0..3 {
            for how in FAILINGS {
                for at in 0.. {
                    let person = ready.pop().unwrap_or_else(|| self.newcomer());
                    let lines = person.lines();
                    let mut all = [lines.authority, lines.bank, lines.issuer];
                    let (cut, calls) = failing(all[line].clone(), at, how);
                    all[line] = cut;
                    let [authority, bank, issuer] = all;
                    let mut holder = person.open_over(Lines { authority, bank, issuer });
                    run((self.act)(&mut holder));
                    drop(holder);
                    let happened = calls() > at;
                    self.recover(person, &format!("line {line}, call {at}, {how:?}"));
                    if !happened {
                        break;
                    }
                    cuts += 1;
                }
            }
        }
        for how in [PowerCut::BeforeCommit, PowerCut::AfterCommit] {
            for at in 0.. {
                let person = ready.pop().unwrap_or_else(|| self.newcomer());
                let mut holder = person.open();
                person.memory.cut(at, how);
                run((self.act)(&mut holder));
                drop(holder);
                let happened = person.memory.is_off();
                self.recover(person, &format!("write {at}, {how:?}"));
                if !happened {
                    break;
                }
                cuts += 1;
            }
        }
        self.people.extend(ready);
        cuts
    }

    /// The process starts again, resumes, and everything is as if nothing had been cut.
    fn recover(&mut self, person: Person, what: &str) {
        const ROUNDS_MAX: usize = 8;
        for _ in 0..ROUNDS_MAX {
            self.world.settle();
            let open = block_on(person.open().resume())
                .unwrap()
                .into_iter()
                .any(|one| one.progress != Progress::Done && one.outcome != "stuck");
            let due = block_on(person.open().next_due()).unwrap();
            if let Some(due) = due.filter(|due| *due > self.world.now()) {
                self.world.net.clock.put(due);
            }
            let ended = !open && due.is_none();
            if ended && self.is_as_expected(&person) {
                break;
            }
            // what was cut before anything was stored did not happen: it is done again
            if ended {
                run((self.act)(&mut person.open()));
            }
        }
        self.world.settle();
        let [available, pending, owed, restored] = person.figures();
        assert_eq!(([available, pending, owed, restored], what), ([self.expected.0, 0, 0, 0], what));
        assert!(self.is_as_expected(&person), "{what}: {:?}", self.world.account(&person));
        self.people.push(person);
        let people: Vec<&Person> = self.people.iter().collect();
        // those who wait for their turn hold what they were prepared with
        if self.at_day.is_none() {
            self.world.check(&people);
        } else {
            self.world.check_books();
        }
        assert_eq!(self.world.cases(), []);
    }

    fn is_as_expected(&self, person: &Person) -> bool {
        let [balance, held] = self.world.account(person);
        let change = i64::try_from(balance).unwrap() - i64::try_from(OPENING).unwrap();
        person.figures() == [self.expected.0, 0, 0, 0] && (change, held) == (self.expected.1, 0)
    }
}

fn nothing(_: &World, _: &Person, _: &mut Vec<Person>) {}

fn note_of_500(world: &World, person: &Person, _: &mut Vec<Person>) {
    world.withdraw(person, 500);
}

/// RN-X7, RN-X12, RN-X15, RN-P21: ordering and redeeming, cut anywhere: debited once, each request one note.
#[test]
fn a_withdrawal_cut_anywhere_is_debited_once_and_redeemed_once() {
    let act: Act = |holder| Box::pin(async { drop(holder.withdraw(yen(600), true).await) });
    let flow = Flow::new(Kind::Wallet, nothing, act, (600, -600));
    assert!(flow.cut_everywhere() >= 12);
}

/// RN-X18, RN-X25, RN-F5: a deposit of a remainder, cut anywhere: credited once.
#[test]
fn a_deposit_cut_anywhere_is_credited_once() {
    let act: Act = |holder| Box::pin(async { drop(holder.deposit(yen(200)).await) });
    let flow = Flow::new(Kind::Wallet, note_of_500, act, (300, -300));
    assert!(flow.cut_everywhere() >= 12);
}

fn takings(world: &World, person: &Person, people: &mut Vec<Person>) {
    if people.is_empty() {
        let payer = world.joined("payer", "kita", Kind::Wallet, Privacy::Untraceable);
        world.withdraw(&payer, 19_000);
        people.push(payer);
    }
    transfer(&people[0], person, 130);
    transfer(&people[0], person, 70);
}

/// RN-F5.1: a hand-in, cut anywhere: credited once.
#[test]
fn a_hand_in_cut_anywhere_is_credited_once() {
    let act: Act = |holder| Box::pin(async { drop(holder.hand_in().await) });
    let mut flow = Flow::new(Kind::Shop, takings, act, (0, 200));
    let first = flow.world.joined("placeholder", "kita", Kind::Wallet, Privacy::Untraceable);
    takings(&flow.world, &first, &mut flow.people);
    flow.people.push(first);
    assert!(flow.cut_everywhere() >= 8);
}

fn at_the_cap(world: &World, person: &Person, people: &mut Vec<Person>) {
    let name = format!("partner of {}", person.name).replace(' ', "-").leak();
    let partner = world.joined(name, "kita", Kind::Wallet, Privacy::Untraceable);
    world.withdraw(person, 100);
    for _ in 0..8 {
        transfer(person, &partner, 100);
        transfer(&partner, person, 100);
    }
    people.push(partner);
}

/// RN-X34: a renewal at the cap, cut anywhere: one new note.
#[test]
fn a_renewal_cut_anywhere_gives_one_note() {
    let act: Act = |holder| Box::pin(async { drop(holder.renew().await) });
    let flow = Flow::new(Kind::Wallet, at_the_cap, act, (100, -100));
    assert!(flow.cut_everywhere() >= 4);
}

fn unredeemed(_: &World, person: &Person, _: &mut Vec<Person>) {
    block_on(person.open().withdraw(yen(100), false)).unwrap();
}

/// RN-X14: a claim after T1, cut anywhere: credited once.
#[test]
fn a_claim_cut_anywhere_is_credited_once() {
    let act: Act = |holder| Box::pin(async { drop(holder.claim().await) });
    let flow = Flow { at_day: Some(DAYS[0]), ..Flow::new(Kind::Wallet, unredeemed, act, (0, 0)) };
    assert!(flow.cut_everywhere() >= 4);
}

/// RN-F1, RN-X6: joining, cut anywhere, is done again and gives a wallet that works.
#[test]
fn joining_cut_anywhere_is_done_again() {
    let world = World::new();
    let (mut people, mut cuts) = (Vec::new(), 0);
    for line in 0..3 {
        for how in FAILINGS {
            for at in 0.. {
                let name = format!("joiner{}", people.len()).leak();
                let person = world.stranger(name, "kita", Kind::Wallet, Privacy::Unlinkable);
                world.enrol(&person);
                let lines = person.lines();
                let mut all = [lines.authority, lines.bank, lines.issuer];
                let (cut, calls) = failing(all[line].clone(), at, how);
                all[line] = cut;
                let [authority, bank, issuer] = all;
                drop(run(person.open_over(Lines { authority, bank, issuer }).join(person.joining())));
                if calls() > at {
                    drop(block_on(person.open().join(person.joining())));
                    cuts += 1;
                }
                let ended = calls() <= at;
                world.withdraw(&person, 100);
                people.push(person);
                if ended {
                    break;
                }
            }
        }
    }
    assert!(cuts >= 20, "{cuts}");
    world.check(&people.iter().collect::<Vec<_>>());
}

/// RN-X17, RN-X18, RN-P1: payer's and payee's card cut at every write: the same bytes again, accepted once, nothing lost.
#[test]
fn a_payment_cut_anywhere_is_made_once() {
    let world = World::new();
    let taro = world.funded("taro", 6_600);
    let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Untraceable);
    let people = [&taro, &hanako];
    let (mut cuts, mut paid) = (0, 0);
    for how in [PowerCut::BeforeCommit, PowerCut::AfterCommit] {
        for at in 0.. {
            let request = hanako.request(130);
            let mut payer = taro.open();
            taro.memory.cut(at, how);
            let first = run(payer.pay(&request.document)).unwrap();
            let cut_payer = taro.memory.is_off();
            assert_eq!(first.is_err(), cut_payer);
            block_on(taro.open().resume()).unwrap();
            let document = taro.pay(&request).document;
            assert!(first.is_ok_and(|first| first.document == document) || cut_payer);
            let mut payee = hanako.open();
            hanako.memory.cut(at, how);
            let taken = run(payee.receive(&document)).unwrap();
            let cut_payee = hanako.memory.is_off();
            assert_eq!(taken.is_err(), cut_payee);
            block_on(hanako.open().resume()).unwrap();
            drop(block_on(hanako.open().receive(&document)));
            paid += 130;
            assert_eq!(hanako.figures(), [paid, 0, 0, 0], "write {at}, {how:?}");
            world.check(&people);
            cuts += usize::from(cut_payer) + usize::from(cut_payee);
            if !cut_payer && !cut_payee {
                break;
            }
        }
    }
    assert!(cuts >= 4, "{cuts}");
}

/// RN-X36, RN-F8, DESIGN §1.3: the issuer's lines to the authority cut while a case is open, and the issuer restarted each
/// time: one case, one disclosure in the log, one decision.
#[test]
fn a_case_cut_anywhere_is_disclosed_once() {
    let mut world = World::new();
    let taro = world.funded("taro", 500);
    let twin = taro.copied();
    let [hanako, jiro] = ["hanako", "jiro"].map(|name| world.person(name));
    transfer(&taro, &hanako, 500);
    transfer(&twin, &jiro, 500);
    for payee in [&hanako, &jiro] {
        block_on(payee.open().deposit(yen(500))).unwrap();
    }
    for bank in &world.banks {
        for _ in 0..4 {
            block_on(bank.tick()).unwrap();
        }
    }
    for at in 0..6 {
        for cut in [Cut::After, Cut::Before] {
            let caller = Caller { role: Role::Issuer, name: "issuer".into() };
            let line = world.net.line(Place::Authority, Some(caller));
            world.restart_issuer(Arc::new(Cutting::new(line, [(at, cut)])));
            drop(block_on(world.issuer.tick()));
        }
    }
    world.restart(Place::IssuerPublic);
    world.settle();
    assert_eq!(world.cases(), [("disclosed".to_owned(), Some("Real Name of taro".to_owned()))]);
    let log = block_on(world.authority.disclosures()).unwrap();
    assert_eq!(log.entries.iter().filter(|entry| entry.name.is_some()).count(), 1);
    assert_eq!(world.account(&hanako)[0] + world.account(&jiro)[0], 2 * OPENING + 500 + 300);
    world.check_books();
}
