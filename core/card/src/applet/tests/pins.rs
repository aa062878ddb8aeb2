//! Life and PINs under power cuts: a try is counted before it is made, a PIN is the old one or the new one.

use alloc::{format, vec::Vec};

use super::desk::*;
use crate::{
    Card, CardError, Life, PIN_TRIES, PUK_TRIES, Pin, Tries,
    element::testing::{Cut, identity, pin, puk, transport_pin},
};

const CUTS: [Cut; 2] = [Cut::BeforeCommit, Cut::AfterCommit];

fn digits(number: usize) -> Pin {
    Pin::from_digits(format!("{number:04}").as_bytes()).unwrap()
}

fn tries(desk: &Desk) -> Tries {
    inside(&desk.memory).tries().unwrap()
}

/// PERSONALISE, cut anywhere, tells the same number again and leaves the same memory.
#[test]
fn personalising() {
    let mut calm = Desk::blank();
    let who = identity(calm.world.roots);
    let number = calm.card.personalise(&who, &transport_pin(), &puk()).unwrap();
    assert_eq!(calm.memory.commits(), 1);
    for cut in CUTS {
        let mut desk = Desk::blank();
        desk.memory.cut(0, cut);
        let failed = desk.card.personalise(&who, &transport_pin(), &puk());
        assert!(matches!(failed, Err(CardError::Link(_))));
        desk.memory.power_on();
        let life = desk.card.life().unwrap();
        assert_eq!(life == Life::Personalised, cut == Cut::AfterCommit);
        assert_eq!(desk.card.personalise(&who, &transport_pin(), &puk()), Ok(number));
        assert!(desk.memory.dump() == calm.memory.dump());
        assert_eq!(desk.card.generate_key(), Err(CardError::Life { life: Life::Personalised }));
    }
}

/// CHANGE REFERENCE DATA, cut anywhere: one of the two PINs holds, the card's life goes forward with the new one, and whoever
/// tries both never locks himself out.
#[test]
fn changing_the_pin() {
    let new = digits(4711);
    for (old, transport) in [(transport_pin(), true), (pin(), false)] {
        for at in 0..2 {
            for cut in CUTS {
                let mut desk = if transport { Desk::blank() } else { Desk::new() };
                if transport {
                    desk.card.personalise(&identity(desk.world.roots), &transport_pin(), &puk()).unwrap();
                }
                desk.memory.cut(at, cut);
                assert!(matches!(desk.card.change_pin(&old, &new), Err(CardError::Link(_))));
                desk.memory.power_on();
                // the new one first: if it does not hold yet, or the card has none of its owner's, the old one does
                if desk.card.life() == Ok(Life::Personalised) || desk.card.verify(&new).is_err() {
                    assert!(at == 0 || cut == Cut::BeforeCommit);
                    desk.card.change_pin(&old, &new).unwrap();
                }
                assert_eq!(desk.card.life(), Ok(Life::Operational));
                assert_eq!(tries(&desk), Tries { pin: PIN_TRIES, puk: PUK_TRIES });
                assert!(desk.card.generate_key().is_ok());
                assert!(matches!(desk.card.verify(&old), Err(CardError::Pin { .. })));
            }
        }
    }
}

/// RESET RETRY COUNTER, cut anywhere, and again.
#[test]
fn unblocking() {
    for at in 0..2 {
        for cut in CUTS {
            let mut desk = Desk::new();
            for _ in 0..PIN_TRIES {
                desk.card.verify(&digits(1)).unwrap_err();
            }
            assert_eq!(desk.card.life(), Ok(Life::Locked));
            desk.memory.cut(at, cut);
            assert!(matches!(desk.card.unblock(&puk(), &digits(4711)), Err(CardError::Link(_))));
            desk.memory.power_on();
            desk.card.unblock(&puk(), &digits(4711)).unwrap();
            assert_eq!(desk.card.life(), Ok(Life::Operational));
            assert!(desk.card.generate_key().is_ok());
        }
    }
}

/// At which write of which try he cuts.
type Plan = fn(usize) -> Option<(u64, Cut)>;

/// What a thief learns who cuts the power wherever it helps him: each guess costs a try before it tells anything.
struct Thief {
    /// Guesses of which he learned whether they were right.
    learned: Vec<usize>,
    found: Option<usize>,
}

/// A thief with a found card tries one PIN after the other.
fn guess(desk: &mut Desk, plan: Plan, between: impl Fn(&Desk)) -> Thief {
    let mut thief = Thief { learned: Vec::new(), found: None };
    for number in 0..10_000 {
        if let Some((at, cut)) = plan(number) {
            desk.memory.cut(at, cut);
        }
        let answer = desk.card.verify(&digits(number));
        // a cut at the second write tells him that there was one: the right PIN's tries are restored
        let second = desk.memory.is_off() && plan(number).is_some_and(|(at, _)| at == 1);
        desk.memory.power_on();
        match answer {
            Ok(()) => thief.found = Some(number),
            Err(CardError::Link(_)) if second => thief.found = Some(number),
            Err(CardError::Link(_)) => continue,
            Err(CardError::Pin { .. }) => thief.learned.push(number),
            // the last try tells too, the first time
            Err(CardError::Locked) if tries(desk).pin == 0 && thief.learned.len() < usize::from(PIN_TRIES) => {
                thief.learned.push(number);
            }
            Err(_) => break,
        }
        between(desk);
        if thief.found.is_some() {
            break;
        }
    }
    thief
}

/// Cutting the power gives no tries: whatever the plan, a thief learns of three guesses at most whether they are right.
#[test]
fn guessing_with_power_cuts() {
    let plans: [Plan; 5] = [
        |_| None,
        |_| Some((0, Cut::BeforeCommit)),
        |_| Some((0, Cut::AfterCommit)),
        |_| Some((1, Cut::BeforeCommit)),
        |number| number.is_multiple_of(2).then_some((0, Cut::AfterCommit)),
    ];
    for plan in plans {
        let mut desk = Desk::new();
        let thief = guess(&mut desk, plan, |_| ());
        assert_eq!(thief.found, None);
        assert!(thief.learned.len() <= usize::from(PIN_TRIES), "{:?}", thief.learned);
        assert!(desk.card.generate_key().is_err());
    }
}

/// The control: a card whose memory does not keep the count is opened.
#[test]
fn guessing_at_a_card_that_forgets() {
    let mut desk = Desk::new();
    let fresh = desk.memory.dump();
    let thief = guess(&mut desk, |_| None, |desk| desk.memory.tamper(|memory| memory.clone_from(&fresh)));
    assert_eq!(thief.found, Some(2580));
    assert!(thief.learned.len() > 2_000);
}

/// The PUK has as many tries as the page says, power cuts or not; then the card is locked for good.
#[test]
fn guessing_the_puk() {
    for cut in [None, Some(Cut::AfterCommit)] {
        let mut desk = Desk::new();
        for left in (0..PUK_TRIES).rev() {
            if let Some(cut) = cut {
                desk.memory.cut(0, cut);
            }
            desk.card.unblock(&digits(1_234), &digits(4711)).unwrap_err();
            desk.memory.power_on();
            assert_eq!(tries(&desk).puk, left);
        }
        assert_eq!(desk.card.unblock(&puk(), &digits(4711)), Err(CardError::Locked));
    }
}
