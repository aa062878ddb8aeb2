//! A host that does what it likes with the card through its APDUs, and loses; beside each attempt stands what is possible where
//! the defence is off.

use alloc::{format, sync::Arc, vec, vec::Vec};
use std::sync::Mutex;

use zeni_message::Signed;
use zeni_note::{
    Chain, Note,
    chain::Endorsement,
    testing::{START, World, amount, nonce},
};
use zeroize::Zeroizing;

use super::desk::*;
use crate::{
    ApduCard, Applet, Card, CardError,
    CardError::{LoadedBefore, NoSlot, Restored, ResumeFirst},
    HoldingState, Identity, KeyPolicy, LinkFault, RestoreFault, Transmit,
    element::testing::{
        TestMemory, identity,
        money::{challenge_to, note_to, paid, pass, ticket},
        operator, pin,
    },
};

/// RN-P1, RN-P12: what was spent to zero loads never again: not into its own slot, not into a fresh one, not after the card was
/// pulled, not after a thousand other loads.
#[test]
fn loads_again_after_a_thousand_others() {
    let mut desk = Desk::new();
    let spent = desk.note(500, "spent");
    let slot = ticket(&desk.world, &spent.chain, desk.card.open_load(&spent.key).unwrap());
    let challenge = challenge_to(&desk.world, spent.key, 300, "c");
    let (received, second) = desk.loads(&challenge, 2, "received");
    desk.pay(&spent, 500, "a").unwrap();
    desk.pay(&second, 300, "b").unwrap();
    let attempts = |desk: &mut Desk| {
        let fresh = desk.card.open_load(&spent.key).unwrap();
        for leave in [slot.clone(), ticket(&desk.world, &spent.chain, fresh)] {
            assert_eq!(desk.card.load_note(&spent.chain, &leave), Err(LoadedBefore));
        }
        desk.card.sign_challenge(&challenge).unwrap();
        assert_eq!(desk.card.load_payment(&received), Err(LoadedBefore));
        assert_eq!(desk.pay(&spent, 1, "more"), Err(CardError::Insufficient { remaining: amount(0) }));
    };
    attempts(&mut desk);
    let key = desk.card.generate_key().unwrap();
    for number in 0..1_000 {
        let chain = note_to(&desk.world, key, 1, &format!("other {number}"));
        let slot = desk.card.open_load(&key).unwrap();
        desk.card.load_note(&chain, &ticket(&desk.world, &chain, slot)).unwrap();
    }
    attempts(&mut desk);
    let mut pulled = Desk::over(desk.memory.clone(), 8);
    attempts(&mut pulled);
    assert_eq!(pulled.card.holdings().unwrap().len(), 1_000);
}

/// RN-P1 control: a memory that forgets that it held the note loads it again. A card in hardware has no such memory; one in
/// software is traced (tests/world).
#[test]
fn a_memory_that_forgets_loads_again() {
    let mut desk = Desk::new();
    let before = desk.memory.dump();
    let money = desk.note(500, "1");
    let loaded = desk.memory.dump();
    desk.pay(&money, 500, "a").unwrap();
    desk.memory.tamper(|memory| *memory = loaded);
    desk.pay(&money, 500, "b").unwrap();
    assert!(before.len() < desk.memory.dump().len());
}

/// RN-P1: the same key on a second card, by a copy or by a move: of the copies none pays; of a move the source pays no more.
/// Cards whose keys stay give out neither, and take neither, forged or not.
#[test]
fn loads_on_a_second_card() {
    let mut first = Desk::new();
    let held = first.note(500, "1");
    let challenge = challenge_to(&first.world, held.key, 300, "c");
    first.card.sign_challenge(&challenge).unwrap();
    let late = paid(&first.world, &challenge, 2, "late");
    let copy = first.card.export().unwrap();
    let mut second = Desk::new();
    second.card.restore(&copy).unwrap();
    let copied = second.card.load_payment(&late).unwrap();
    assert_eq!(copied.state, HoldingState::Restored);
    assert_eq!(second.card.endorse(&copied.node, amount(1), &answer("a")), Err(Restored));
    assert_eq!(second.pay(&held, 1, "a"), Err(Restored));
    assert_eq!(second.card.sign_challenge(&challenge_to(&first.world, held.key, 1, "new")), Err(Restored));
    let slot = second.card.open_load(&held.key).unwrap();
    let again = second.card.load_note(&held.chain, &ticket(&first.world, &held.chain, slot));
    assert_eq!(again, Err(LoadedBefore));
    assert_eq!(first.card.load_payment(&late).unwrap().state, HoldingState::Live, "where it belongs it is money");

    let moved = first.card.export_move().unwrap();
    assert_eq!(first.pay(&held, 500, "b"), Err(CardError::Retired));
    let mut third = Desk::new();
    third.card.restore(&moved).unwrap();
    third.pay(&held, 500, "c").unwrap();
    // control: who keeps the file of a move has the money as often as he has blank software cards
    let mut fourth = Desk::new();
    fourth.card.restore(&moved).unwrap();
    assert!(fourth.pay(&held, 500, "d").is_ok());

    let stays = Identity { keys: KeyPolicy::Stay, ..identity(first.world.roots) };
    let mut hard = Desk::of(&stays);
    for backup in [&copy, &moved] {
        let refused = hard.card.restore(backup);
        assert_eq!(refused, Err(RestoreFault::Card(CardError::Unsupported)));
    }
    let mut full = Desk::of(&stays);
    full.note(100, "2");
    assert!(matches!(full.card.export(), Err(CardError::Unsupported)));
    assert!(matches!(full.card.export_move(), Err(CardError::Unsupported)));
    assert!(full.card.generate_key().is_ok(), "it was not retired for nothing");
}

/// HC-O6: a key that somebody else made may be on two cards of who knows it. A note to it loads where its issuer sent it, once.
/// Control: what is paid to it loads on both, as such a key is no card's secret; who knows it could sign twice without any
/// card, and is convicted by the two signatures.
#[test]
fn one_known_key_on_two_cards() {
    let seed = Zeroizing::new([7; 32]);
    let mut cards = [11, 12].map(|seed| Desk::over(Desk::new().memory, seed));
    let key = zeni_crypto::SecretKey::from_seed(*seed).public();
    let world = World::new("w");
    let nonces = cards.each_mut().map(|desk| {
        let nonce = desk.card.open_blank().unwrap();
        assert_eq!(desk.card.adopt_key(&nonce, &seed), Ok(key));
        nonce
    });
    let chain = note_to(&world, key, 500, "1");
    let leave = ticket(&world, &chain, nonces[0]);
    let loaded = cards.each_mut().map(|desk| desk.card.load_note(&chain, &leave).map(|it| it.node));
    assert_eq!(loaded, [Ok(world.leaf(&chain)), Err(NoSlot)]);
    let challenge = challenge_to(&world, key, 300, "c");
    let received = paid(&world, &challenge, 2, "2");
    for desk in &mut cards {
        desk.card.sign_challenge(&challenge).unwrap();
        assert!(desk.card.load_payment(&received).is_ok());
    }
}

/// RN-F4.3: amounts in notes and endorsements, forged with and without keys of the forger's own; links left out, repeated, in
/// another order, of another chain.
#[test]
fn forged_chains() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let challenge = challenge_to(&desk.world, key, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let real = paid(&desk.world, &challenge, 4, "real");
    let other = paid(&desk.world, &challenge, 4, "other");
    let thief = zeni_note::testing::key("thief");
    let altered = |change: &dyn Fn(&mut Chain)| {
        let mut chain = real.clone();
        change(&mut chain);
        chain
    };
    let mut forged = vec![
        altered(&|chain| chain.note.record.face = amount(1_000_000)),
        altered(&|chain| chain.hops[3].amount = amount(301)),
        altered(&|chain| chain.hops[1].amount = amount(299)),
        altered(&|chain| chain.hops.swap(0, 1)),
        altered(&|chain| chain.hops.swap(2, 3)),
        altered(&|chain| chain.hops = [&chain.hops[..1], &chain.hops[2..]].concat()),
        altered(&|chain| chain.hops.insert(1, chain.hops[1].clone())),
        altered(&|chain| chain.hops[2] = other.hops[2].clone()),
        altered(&|chain| chain.note = other.note.clone()),
        altered(&|chain| chain.hops[3].opening.time = START),
    ];
    // signed, by the wrong key
    let face = Note { face: amount(1_000_000), ..real.note.record.clone() };
    forged.push(altered(&|chain| chain.note = Signed::sign(desk.world.network(), face.clone(), &thief)));
    let shorter = altered(&|chain| chain.hops.truncate(3));
    let opening = challenge.opening(desk.world.network());
    forged.push(pass(&desk.world, &shorter, &thief, 300, opening, key));
    let unspoilt = desk.memory.copied();
    for (place, chain) in forged.iter().enumerate() {
        let mut fresh = Desk::over(unspoilt.copied(), 4);
        let refused = fresh.card.load_payment(chain);
        assert!(matches!(refused, Err(CardError::Chain(_))), "{place}: {refused:?}");
        assert_eq!(fresh.card.holdings().unwrap(), [], "{place}");
        // the same where other loads were cut off: the card has at most what was signed, however the host calls it
        if let Ok(loaded) = desk.card.load_payment(chain) {
            assert_eq!((loaded.node, loaded.value), (desk.world.leaf(&real), amount(300)), "{place}");
        }
    }
    assert!(desk.card.holdings().unwrap().len() <= 1);
    // the control: as it was signed it loads, right after all of them
    assert!(desk.card.load_payment(&real).is_ok());
    let more = desk.card.load_payment(&other);
    assert!(more.is_ok(), "two payments may answer one challenge: {more:?}");
}

/// Tickets of other slots, other notes, other issuers.
#[test]
fn other_tickets() {
    let mut desk = Desk::new();
    let [mine, second] = [(); 2].map(|()| desk.card.generate_key().unwrap());
    let [slot, other] = [&mine, &second].map(|key| desk.card.open_load(key).unwrap());
    let chain = note_to(&desk.world, mine, 500, "1");
    let elsewhere = note_to(&desk.world, mine, 900, "2");
    let right = ticket(&desk.world, &chain, slot);
    let by_whom = |key| Signed::sign(desk.world.network(), right.record.clone(), key);
    let wrong = [
        (ticket(&desk.world, &chain, other), NoSlot),
        (ticket(&desk.world, &chain, nonce("nobody's")), NoSlot),
        (ticket(&desk.world, &elsewhere, slot), CardError::Ticket),
        (by_whom(&operator()), CardError::Ticket),
        (by_whom(&desk.world.authority), CardError::Ticket),
    ];
    for (leave, refusal) in wrong {
        assert_eq!(desk.card.load_note(&chain, &leave), Err(refusal));
    }
    // a payment is not let in by a ticket, nor a note without one
    let challenge = challenge_to(&desk.world, mine, 300, "never asked");
    let unasked = paid(&desk.world, &challenge, 2, "x");
    assert_eq!(desk.card.load_payment(&unasked), Err(NoSlot));
    let leave = ticket(&desk.world, &unasked, slot);
    assert_eq!(desk.card.load_note(&unasked, &leave), Err(CardError::Ticket));
    assert_eq!(desk.card.load_payment(&chain), Err(NoSlot));
    assert!(desk.card.load_note(&chain, &right).is_ok(), "the right one");
    assert_eq!(
        desk.card.load_note(&elsewhere, &ticket(&desk.world, &elsewhere, slot)),
        Err(NoSlot),
        "one slot, one note"
    );
    assert_eq!(desk.card.holdings().unwrap().len(), 1);
}

/// One card, reached from two sides.
struct Shared(Arc<Mutex<Applet<TestMemory>>>);

impl Transmit for Shared {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        Ok(lock(&self.0).process(command).to_vec())
    }

    fn command_bytes_max(&self) -> usize {
        crate::apdu::SHORT_COMMAND_MAX
    }
}

/// Two readers at once on one card: each spoils the other's commands and load, and no money comes of it.
#[test]
fn two_readers_at_once() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let key = desk.card.generate_key().unwrap();
    let [ask, other] = ["a", "b"].map(|seed| {
        let challenge = challenge_to(&desk.world, key, 300, seed);
        desk.card.sign_challenge(&challenge).unwrap();
        paid(&desk.world, &challenge, 3, seed)
    });
    // every interleaving of exchanges that differs in who comes first and when the second begins
    for begin in 0..12 {
        let memory = desk.memory.copied();
        let shared = Arc::new(Mutex::new(applet(&memory, 5)));
        let mut first = ApduCard::new(Interleaved::new(&shared, begin, &other), Some(pin()));
        let own = first.load_payment(&ask);
        let mut calm = ApduCard::new(Shared(shared), Some(pin()));
        for chain in [&ask, &other] {
            calm.load_payment(chain).unwrap();
        }
        let held: Vec<u64> = calm.holdings().unwrap().iter().map(|it| it.remaining.minor()).collect();
        assert_eq!(held.iter().sum::<u64>(), 500 + 300 + 300, "{own:?}");
    }
    // both spend all of it
    let shared = Arc::new(Mutex::new(applet(&desk.memory, 5)));
    let mut readers = [(); 2].map(|()| ApduCard::new(Shared(shared.clone()), Some(pin())));
    let signed = readers[0].endorse(&money.node, amount(500), &answer("one")).unwrap();
    let endorsement = Endorsement { parent: money.node, amount: amount(500), answer: answer("one") };
    assert!(desk.holds(&money.key, &endorsement, &signed));
    let refused = readers[1].endorse(&money.node, amount(500), &answer("two"));
    assert_eq!(refused, Err(ResumeFirst { answer: answer("one") }));
    readers[1].confirm(&answer("one")).unwrap();
    let refused = readers[1].endorse(&money.node, amount(500), &answer("two"));
    assert_eq!(refused, Err(CardError::Insufficient { remaining: amount(0) }));
    assert_eq!(readers[0].endorse(&money.node, amount(500), &answer("one")), Ok(signed));
}

/// A reader between whose exchanges another one, from some exchange on, sends one of its own.
struct Interleaved {
    shared: Arc<Mutex<Applet<TestMemory>>>,
    left: usize,
    theirs: Vec<Vec<u8>>,
}

impl Interleaved {
    fn new(shared: &Arc<Mutex<Applet<TestMemory>>>, begin: usize, other: &Chain) -> Interleaved {
        let mut theirs = load_commands(other);
        theirs.reverse();
        Interleaved { shared: shared.clone(), left: begin, theirs }
    }
}

impl Transmit for Interleaved {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        let mut applet = lock(&self.shared);
        if self.left == 0
            && let Some(theirs) = self.theirs.pop()
        {
            applet.process(&theirs);
        }
        self.left = self.left.saturating_sub(1);
        Ok(applet.process(command).to_vec())
    }
}
