//! A host between two cards: what IMPORT takes is the backup that was announced, whole, or nothing; what a card whose keys may
//! leave cannot know, and one whose keys stay never asks.

use alloc::{format, vec::Vec};

use zeni_crypto::Digest;
use zeni_note::{
    CardRules,
    testing::{World, amount, jpy, yen},
};

use super::desk::*;
use crate::{
    Backup, Card, CardError, HoldingState, Identity, KeyPolicy, Limit, RestoreFault,
    apdu::{AID, instruction::Instruction},
    element::testing::{Cut, identity, pin},
};

/// Bytes of records in one part.
const PART: usize = 400;

/// A card with money, moved.
fn moved() -> (Backup, Vec<Money>) {
    let mut desk = Desk::new();
    let money = (0..12).map(|serial| desk.note(500, &format!("{serial}"))).collect();
    (desk.card.export_move().unwrap(), money)
}

/// Imports parts as they are, under a digest; the word and the reason of the first refusal.
fn import(desk: &Desk, digest: &Digest, parts: &[Vec<u8>], end: End) -> Result<(), [u8; 3]> {
    let mut raw = applet(&desk.memory, 6);
    raw.process(&command(Instruction::Select, 4, 0, &AID));
    raw.process(&command(Instruction::Verify, 0, 1, pin().digits()));
    let mut send = |p1, p2, data: &[u8]| {
        let word = raw.process(&command(Instruction::Import, p1, p2, data)).to_vec();
        let why = raw.process(&command(Instruction::GetStatus, 1, 0, &[]))[0];
        if word == [0x90, 0] { Ok(()) } else { Err([word[0], word[1], why]) }
    };
    for (index, part) in parts.iter().enumerate() {
        send(0, u8::from(index > 0), &[&digest.0[..], part].concat())?;
    }
    if end == End::Asked { send(1, 0, &digest.0) } else { Ok(()) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Asked,
    Missing,
}

fn parts(backup: &Backup) -> Vec<Vec<u8>> {
    backup.parts(PART).iter().map(|part| part.to_vec()).collect()
}

/// A host that leaves a part out, repeats one, changes the order, alters a value or the kind, mixes two backups, or announces
/// another: the card is blank again afterwards, and takes the honest backup.
#[test]
fn parts_that_are_not_the_backup() {
    let (backup, money) = moved();
    let honest = parts(&backup);
    assert!(honest.len() > 5);
    let mut another = Desk::new();
    another.note(7, "another");
    let other = parts(&another.card.export_move().unwrap());
    let altered = |at: usize, from: &[u8], to: &[u8]| {
        let mut altered = honest.clone();
        let place = altered[at].windows(from.len()).position(|window| window == from).unwrap();
        altered[at][place..place + to.len()].copy_from_slice(to);
        altered
    };
    let last = honest.len() - 1;
    let five_hundred = &[0x19, 0x01, 0xf4];
    let rich = (0..=last).find(|at| honest[*at].windows(3).any(|window| window == five_hundred)).unwrap();
    let attempts = [
        honest[..last].to_vec(),
        honest[1..].to_vec(),
        [&honest[..], &honest[2..3]].concat(),
        [&honest[1..2], &honest[..1], &honest[2..]].concat(),
        [&honest[..], &other[..1]].concat(),
        altered(rich, five_hundred, &[0x19, 0x7f, 0xff]),
        altered(last, &honest[last][..3], &[honest[last][0], honest[last][1], 0]),
        Vec::new(),
    ];
    for (attempt, parts) in attempts.iter().enumerate() {
        let mut desk = Desk::new();
        let before = desk.memory.dump();
        let refused = import(&desk, &backup.digest(), parts, End::Asked);
        assert_eq!(refused, Err([0x6a, 0x80, 0x53]), "{attempt}");
        if desk.memory.dump() != before {
            let half = desk.card.generate_key();
            assert_eq!(half, Err(CardError::HalfRestored), "{attempt}: refused before its end, nothing of it works");
        }
        desk.card.restore(&backup).unwrap();
        desk.pay(&money[0], 500, "a").expect("control: the honest backup is taken, and pays");
    }
    let mut desk = Desk::new();
    let twice = [&honest[..2], &honest[1..]].concat();
    assert_eq!(
        import(&desk, &backup.digest(), &twice, End::Asked),
        Ok(()),
        "control: a part whose reply was lost comes again"
    );
    assert_eq!(desk.card.holdings().unwrap().len(), money.len());
}

/// All parts came, then the first once more, which forgets them, the power cut at every write of it: what is left is taken for the
/// backup only where it is whole.
#[test]
fn forgetting_at_every_write() {
    let (backup, money) = moved();
    let honest = parts(&backup);
    let full = Desk::new();
    import(&full, &backup.digest(), &honest, End::Missing).unwrap();
    let mut refused = 0;
    for at in 0..400 {
        let mut desk = full.copied(5);
        desk.memory.cut(at, Cut::AfterCommit);
        // fails where the power is cut
        let _ = import(&desk, &backup.digest(), &honest[..1], End::Missing);
        let cut = desk.memory.is_off();
        desk.memory.power_on();
        match import(&desk, &backup.digest(), &[], End::Asked) {
            Ok(()) => assert_eq!(refused, 0, "write {at}: before anything was forgotten"),
            Err(why) => {
                assert_eq!(why, [0x6a, 0x80, 0x53], "write {at}");
                refused += 1;
                desk.card.restore(&backup).unwrap();
            }
        }
        assert_eq!(desk.card.holdings().unwrap().len(), money.len(), "write {at}");
        if !cut {
            assert!(refused > 5, "many writes were cut");
            return;
        }
    }
    panic!("forgetting ends");
}

fn rules(number: u64, total: u64) -> CardRules {
    CardRules { total_max: Some(amount(total)), ..zeni_note::testing::rules(number) }
}

/// A move goes on under the limits and counts of the card that it ends, and so does a payment in parts. Control: newer rules of
/// the operator hold, those that the new card had already as well.
#[test]
fn a_move_keeps_the_limits() {
    let mut desk = Desk::new();
    let money = desk.note(10_000, "1");
    desk.card.take_rules(&desk.signed(rules(1, 100))).unwrap();
    desk.pay(&money, 100, "a").unwrap();
    let left = Err(CardError::Limit(Limit::Total { left: yen(0) }));
    assert_eq!(desk.pay(&money, 1, "b"), left);
    let limits = desk.card.limits(jpy()).unwrap();
    let backup = desk.card.export_move().unwrap();
    let mut other = Desk::new();
    other.card.restore(&backup).unwrap();
    assert_eq!(other.card.limits(jpy()), Ok(limits));
    assert_eq!(other.pay(&money, 1, "c"), left);
    other.card.take_rules(&other.signed(rules(2, 200))).unwrap();
    other.pay(&money, 100, "c").expect("control: newer rules");
    assert_eq!(other.pay(&money, 1, "d"), left);
    let mut newer = Desk::new();
    newer.card.take_rules(&newer.signed(rules(3, 50))).unwrap();
    newer.card.restore(&backup).unwrap();
    assert_eq!(newer.card.limits(jpy()).unwrap().rules, Some(rules(3, 50)));
    assert_eq!(newer.pay(&money, 1, "c"), left);
}

/// The limit of what software can do, shown: the host of a card whose keys may leave writes what he likes into an image of his
/// own, and it is spent; what it names twice, tracing finds. A card whose keys stay takes no image and tells none.
#[test]
fn the_host_of_a_card_whose_keys_may_leave() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let mut copy = desk.card.export().unwrap().to_bytes().to_vec();
    copy[2] ^= 1;
    let mut forged = copy.clone();
    for at in 0..forged.len() - 2 {
        if forged[at..at + 3] == [0x19, 0x01, 0xf4] {
            forged[at + 1..at + 3].copy_from_slice(&[0x7f, 0xff]);
        }
    }
    for (image, counter) in [(copy, 500), (forged, 32_767)] {
        let image = Backup::from_bytes(&image).unwrap();
        let mut other = Desk::new();
        other.card.restore(&image).unwrap();
        assert_eq!(other.status(&money.node), Some(([counter, counter, 0], HoldingState::Live)));
        other.pay(&money, counter, "a").unwrap();
        let keys = KeyPolicy::Stay;
        let mut stays = Desk::of(&Identity { keys, ..identity(World::new("w").roots) });
        assert_eq!(stays.card.restore(&image), Err(RestoreFault::Card(CardError::Unsupported)));
        assert_eq!(stays.card.export().map(drop), Err(CardError::Unsupported));
        assert_eq!(stays.card.holdings(), Ok(Vec::new()));
    }
}
