//! Pulling the card: each command of each flow through its APDUs, the power cut before and after each write of its memory, the
//! card pulled before and after each exchange; then the session begun anew and the same again.

mod cases;

use alloc::{format, vec::Vec};

use zeni_message::Time;
use zeni_note::testing::amount;

use super::desk::*;
use crate::{Backup, Card, CardError, HoldingState, element::testing::Cut};
use cases::{CASES, Case, LINKS, Scene, scene};

/// What the card says of each holding.
fn money(scene: &Scene, desk: &Desk) -> Vec<Option<([u64; 3], HoldingState)>> {
    scene.nodes.iter().map(|node| desk.status(node)).collect()
}

/// The card before a command, its PIN shown.
fn prepared(scene: &Scene, case: &Case) -> Desk {
    let mut first = scene.desk.copied(2);
    (case.before)(&mut first.card, scene).unwrap();
    let mut desk = Desk::over(first.memory, 3);
    desk.warm();
    desk
}

/// RN-P1, RN-F4.5, RN-X17, RN-X18, FX-D9, FX-F8: wherever the power fails, no money is lost or made; with the session begun anew the
/// same command gives the same bytes and leaves the same memory as without the failure.
#[test]
fn every_command_at_every_write() {
    let scene = scene();
    for case in CASES {
        let name = case.name;
        let mut calm = prepared(&scene, case);
        let before = (calm.memory.commits(), money(&scene, &calm));
        let expected = (case.command)(&mut calm.card, &scene).unwrap();
        assert_eq!(calm.memory.commits() - before.0, case.commits, "{name}");
        let allowed = [before.1, money(&scene, &calm)];
        for at in 0..case.commits {
            for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
                let mut desk = prepared(&scene, case);
                desk.memory.cut(at, cut);
                let failed = (case.command)(&mut desk.card, &scene);
                assert!(matches!(failed, Err(CardError::Link(_))), "{name}: {failed:?}");
                desk.memory.power_on();
                assert!(allowed.contains(&money(&scene, &desk)), "{name} {at} {cut:?}: money in between");
                let again = (case.command)(&mut desk.card, &scene);
                assert_eq!(again.as_ref(), Ok(&expected), "{name} {at} {cut:?}");
                assert_eq!(money(&scene, &desk), allowed[1], "{name} {at} {cut:?}");
                assert!(desk.memory.dump() == calm.memory.dump(), "{name} {at} {cut:?}");
            }
        }
    }
}

/// A write that fails, or finds no room, where the power stays: the command says which, nothing it would have written last is there, no
/// money is lost or made, and with room again the same command gives the same bytes.
#[test]
fn every_command_at_every_write_that_fails() {
    let scene = scene();
    for case in CASES {
        let name = case.name;
        let mut calm = prepared(&scene, case);
        let allowed = money(&scene, &calm);
        let expected = (case.command)(&mut calm.card, &scene).unwrap();
        for at in 0..case.commits {
            for (cut, refused) in
                [(Cut::Full, CardError::Full), (Cut::Fault, CardError::Memory("it does not tell why".into()))]
            {
                let mut desk = prepared(&scene, case);
                let before = desk.memory.dump();
                desk.memory.cut(at, cut);
                assert_eq!((case.command)(&mut desk.card, &scene), Err(refused), "{name} {at}");
                assert_eq!(money(&scene, &desk), allowed, "{name} {at}: money");
                assert!(at > 0 || desk.memory.dump() == before, "{name}: nothing has changed");
                // what it draws it draws from the beginning
                let mut desk = Desk::over(desk.memory, 3);
                desk.warm();
                assert_eq!((case.command)(&mut desk.card, &scene).as_ref(), Ok(&expected), "{name} {at} {cut:?}");
                assert!(desk.memory.dump() == calm.memory.dump(), "{name} {at} {cut:?}");
            }
        }
    }
}

/// The same with the card pulled before and after each exchange of each command, of extended length and of short: also between
/// the parts of a chained command and of a long reply.
#[test]
fn every_command_at_every_exchange() {
    let scene = scene();
    let mut exchanges = 0;
    for short in [false, true] {
        for case in CASES {
            let name = case.name;
            let mut calm = prepared(&scene, case);
            lock(&calm.wire).short = short;
            let expected = (case.command)(&mut calm.card, &scene).unwrap();
            for at in 0.. {
                let mut finished = false;
                for lost in [Lost::Command, Lost::Reply] {
                    let mut desk = prepared(&scene, case);
                    *lock(&desk.wire) = Wire { short, pull: Some((at, lost)), ..Wire::default() };
                    let first = (case.command)(&mut desk.card, &scene);
                    finished = lock(&desk.wire).pull.is_some();
                    if finished {
                        break;
                    }
                    exchanges += 1;
                    assert!(matches!(first, Err(CardError::Link(_))), "{name}: {first:?}");
                    let again = (case.command)(&mut desk.card, &scene);
                    assert_eq!(again.as_ref(), Ok(&expected), "{name} {at} {lost:?}");
                    // a key pair that nobody heard of stays behind
                    if case.commits > 0 && !["GENERATE KEY", "OPEN LOAD of a blank slot"].contains(&name) {
                        assert!(desk.memory.dump() == calm.memory.dump(), "{name} {at} {lost:?}");
                    }
                }
                if finished {
                    break;
                }
            }
        }
    }
    assert!(exchanges > 4 * CASES.len(), "{exchanges}");
}

/// RN-X18: a load that was cut off goes on at the link where it stood, whichever that was.
#[test]
fn a_load_goes_on_where_it_stood() {
    let scene = scene();
    let load = CASES.iter().find(|case| case.name == "LOAD of a payment").unwrap();
    for taken in 0..=LINKS {
        let mut desk = prepared(&scene, load);
        // the note, and so many endorsements
        desk.memory.cut(taken as u64, Cut::AfterCommit);
        desk.card.load_payment(&scene.asked).unwrap_err();
        desk.memory.power_on();
        lock(&desk.wire).sent.clear();
        desk.card.load_payment(&scene.asked).unwrap();
        let sent = lock(&desk.wire).sent.clone();
        let of =
            |step: u8| sent.iter().filter(|header| header[1] == 0x20 && header[0] == 0x80 && header[2] == step).count();
        assert_eq!([of(0), of(1), of(3)], [1, LINKS - taken, 1], "{taken} links were in");
    }
}

/// A move or a copy that is cut at any write or any exchange arrives whole by the same again, or not at all.
#[test]
fn an_import_at_every_write() {
    let mut from = scene().desk;
    for place in 0..40 {
        from.note(100 + place, &format!("many {place}"));
    }
    let held = from.card.holdings().unwrap();
    let backup = from.card.export_move().unwrap();
    let mut calm = Desk::new();
    let start = calm.memory.commits();
    calm.card.restore(&backup).unwrap();
    let commits = calm.memory.commits() - start;
    assert!(commits >= 3, "it comes in parts");
    for at in 0..commits {
        for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
            let mut desk = Desk::new();
            desk.memory.cut(at, cut);
            desk.card.restore(&backup).unwrap_err();
            desk.memory.power_on();
            let first = &held[0];
            let early = desk.card.endorse(&first.node, amount(1), &answer("early"));
            let whole = at + 1 == commits && cut == Cut::AfterCommit;
            assert_eq!(early.is_ok(), whole, "{early:?}: half a card pays nothing");
            if whole {
                continue;
            }
            // another backup instead: it alone is there, and the card takes no second one
            let mut another = desk.copied(7);
            let other = Backup::from_bytes(&Desk::new().card.export().unwrap().to_bytes()).unwrap();
            assert_eq!(another.card.restore(&other), Ok(()), "{at} {cut:?}");
            assert_eq!(another.card.holdings(), Ok(Vec::new()), "nothing of the one that was broken off");
            assert_eq!(another.card.restore(&backup), Err(crate::RestoreFault::NotEmpty));
            assert_eq!(desk.card.restore(&backup), Ok(()), "{at} {cut:?}");
            assert_eq!(desk.card.holdings().unwrap(), held, "{at} {cut:?}");
            assert!(desk.card.endorse(&first.node, amount(1), &answer("late")).is_ok());
        }
    }
    assert_eq!(calm.card.holdings().unwrap(), held);
    assert_eq!(from.card.endorse(&held[0].node, amount(1), &answer("a")), Err(CardError::Retired));
    assert!(calm.card.time_floor().unwrap() >= Time::START);
}

/// The control: a memory that keeps all of a commit but one record. Whichever it is, the same command again gives something else or
/// leaves something else, so that the harness above would see it.
#[test]
fn a_torn_commit_is_seen() {
    let scene = scene();
    let endorsement = CASES.iter().find(|case| case.name == "SIGN ENDORSEMENT of all that is left").unwrap();
    let mut calm = prepared(&scene, endorsement);
    let before = calm.memory.dump();
    let expected = (endorsement.command)(&mut calm.card, &scene).unwrap();
    let after = calm.memory.dump();
    let places: Vec<_> =
        after.keys().chain(before.keys()).filter(|place| before.get(*place) != after.get(*place)).collect();
    assert!(places.len() > 4, "holding, index, endorsement, open payment, counts");
    for place in places {
        let mut desk = prepared(&scene, endorsement);
        desk.memory.cut(0, Cut::AfterCommit);
        (endorsement.command)(&mut desk.card, &scene).unwrap_err();
        desk.memory.power_on();
        desk.memory.tamper(|memory| match before.get(place) {
            Some(value) => drop(memory.insert(place.clone(), value.clone())),
            None => drop(memory.remove(place)),
        });
        let again = (endorsement.command)(&mut desk.card, &scene);
        assert!(again.as_ref() != Ok(&expected) || desk.memory.dump() != after, "{place:?}");
    }
}
