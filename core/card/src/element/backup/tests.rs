use alloc::{format, string::ToString, vec};

use zeni_note::{
    ClosingPurpose,
    challenge::give_back_opening,
    request::{Possession, RequestClaim},
    testing::{DAY, START, amount, key, nonce},
};

use super::{
    super::tests::{Desk, account, answer, assert_conserved},
    image::{ENTRY_FRAMING, IMAGE_FRAMING},
    *,
};
use crate::{Card, CardError::*, HoldingState, Life, Statement};

fn claim() -> RequestClaim {
    RequestClaim { request: answer("request"), bank: "aoba".to_string(), account: answer("account"), id: nonce("id") }
}

/// RN-X31: what a copy brings back: refunds of rests, resends of what was signed, late payments; nothing to spend.
#[test]
fn copy() {
    let mut desk = Desk::new();
    let part = desk.note(500, "1");
    let signature = desk.endorse(&part.node, amount(120), &answer("a")).unwrap();
    let closed = desk.note(200, "2");
    let deposit = ClosingPurpose::Deposit(account("d"));
    let closing = desk.card.close(&closed.node, &deposit).unwrap();
    let taking = desk.note(70, "3");
    let hand_in = desk.card.hand_in(&account("h"), &[taking.node]).unwrap();
    let read = Backup::from_bytes(&desk.card.export().unwrap().to_bytes()).unwrap();
    assert_eq!((read.kind(), read.network()), (BackupKind::Copy, desk.world.network()));

    let mut restored = Desk::blank("w", 9);
    assert_eq!(restored.card.restore(&read), Ok(()));
    assert_eq!(restored.status(&part.node), (500, 380, HoldingState::Restored));
    assert_eq!(restored.status(&closed.node), (200, 0, HoldingState::Closed));
    assert_eq!(restored.card.holdings().unwrap().len(), 1);
    assert_eq!(restored.card.endorsed(&part.node, &answer("a")), Ok(Some((amount(120), signature))));
    assert_eq!(restored.endorse(&part.node, amount(120), &answer("a")), Ok(signature));
    assert_eq!(restored.endorse(&part.node, amount(121), &answer("a")), Err(Restored));
    assert_eq!(restored.endorse(&part.node, amount(1), &answer("b")), Err(Restored));
    assert_eq!(restored.card.close(&part.node, &deposit), Err(Restored));
    assert_eq!(restored.card.close(&closed.node, &deposit), Ok(closing));
    assert_eq!(restored.card.hand_in(&account("h"), &[taking.node]), Ok(hand_in));
    let refund = ClosingPurpose::BackupRefund(account("r"));
    let (rest, _) = restored.card.close(&part.node, &refund).unwrap();
    assert_eq!(rest, amount(380));
    assert_eq!(restored.status(&part.node), (500, 0, HoldingState::Restored));
    assert_conserved(&restored.memory);
    assert_eq!(desk.status(&part.node), (500, 380, HoldingState::Live), "the copied card goes on");
    assert_eq!(desk.card.life(), Ok(Life::Operational));
}

/// RN-X31, RN-X28: what a backup claims back is signed as a record of its own, again for another deposit, and never as a
/// closing, so that it convicts nobody who passed money on after the backup. Control: the card that counts the money signs
/// a closing, and no backup's refund.
#[test]
fn a_backup_signs_no_closing() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let mut restored = Desk::blank("w", 9);
    restored.card.restore(&desk.card.export().unwrap()).unwrap();
    desk.endorse(&money.node, amount(500), &answer("after the backup")).unwrap();

    let before = restored.memory.dump();
    for purpose in [ClosingPurpose::Refund(account("r")), ClosingPurpose::Deposit(account("r"))] {
        assert_eq!(restored.card.close(&money.node, &purpose), Err(Restored));
    }
    assert_eq!(restored.memory.dump(), before);
    for deposit in ["r", "again", "r"] {
        let purpose = ClosingPurpose::BackupRefund(account(deposit));
        let (rest, signature) = restored.card.close(&money.node, &purpose).unwrap();
        assert_eq!(rest, amount(500));
        let digest = purpose.digest(desk.world.network());
        let closing = zeni_note::closing::ClosingRecord { parent: money.node, amount: rest, purpose: digest };
        let refund = zeni_note::closing::BackupRefund { parent: money.node, amount: rest, purpose: digest };
        assert!(!restored.signed_by(&money.key, &closing, &signature));
        assert!(restored.signed_by(&money.key, &refund, &signature));
        assert_eq!(restored.card.close(&money.node, &ClosingPurpose::Refund(account(deposit))), Err(Restored));
        assert_eq!(restored.endorse(&money.node, amount(1), &answer("b")), Err(Restored));
    }
    assert_eq!(restored.card.holding(&money.node).unwrap().unwrap().closed, amount(500));

    let live = desk.note(100, "2");
    let refused = NotWhole;
    assert_eq!(desk.card.close(&live.node, &ClosingPurpose::BackupRefund(account("r"))), Err(refused));
    let purpose = ClosingPurpose::Refund(account("r"));
    let (amount, signature) = desk.card.close(&live.node, &purpose).unwrap();
    let digest = purpose.digest(desk.world.network());
    assert!(desk.signed_by(
        &live.key,
        &zeni_note::closing::ClosingRecord { parent: live.node, amount, purpose: digest },
        &signature
    ));
}

/// A restored card loads nothing that the copy knew to be loaded; what it takes in through old slots is restored money.
#[test]
fn slots_of_a_copy() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let challenge = desk.challenge(money.key, 300, "c");
    let signature = desk.card.sign_challenge(&challenge).unwrap();
    let early = desk.paid(&challenge, 300, "early");
    desk.card.load_payment(&early).unwrap();
    let payee = key("payee");
    let given = desk.give(&money, 100, payee.public(), "given");
    let opening = give_back_opening(START.plus(DAY), &desk.world.leaf(&given));
    let back = desk.pass(&given, &payee, 100, opening, money.key);
    let (nonce, _) = desk.card.latest_slot(&money.key).unwrap().unwrap();
    let backup = desk.card.export().unwrap();

    let mut restored = Desk::blank("w", 9);
    restored.card.restore(&backup).unwrap();
    assert_eq!(restored.card.load_note(&money.chain, &desk.ticket(&money.chain, nonce)), Err(LoadedBefore));
    assert_eq!(restored.card.sign_statement(&money.key, &Statement::RequestClaim(&claim())), Err(LoadedBefore));
    let replayed = restored.card.load_payment(&early).unwrap();
    assert_eq!((replayed.remaining.minor(), replayed.state), (300, HoldingState::Restored));
    assert_eq!(restored.card.sign_challenge(&challenge), Ok(signature));
    let late = restored.card.load_payment(&desk.paid(&challenge, 300, "late")).unwrap();
    assert_eq!(late.state, HoldingState::Restored);
    assert_eq!(restored.card.load_payment(&back).unwrap().state, HoldingState::Restored);
    let possession = Possession { content: answer("c"), nonce: [1; 32].into() };
    assert!(restored.card.sign_statement(&money.key, &Statement::Possession(&possession)).is_ok());
    let fresh = restored.card.generate_key().unwrap();
    let asked = restored.challenge(fresh, 300, "fresh");
    restored.card.sign_challenge(&asked).unwrap();
    assert_eq!(restored.card.load_payment(&restored.paid(&asked, 300, "new")).unwrap().state, HoldingState::Live);
}

/// RN-X31: what was given back before the copy is given back no second time after the restore; into a copy made before, it is.
#[test]
fn give_backs_of_a_copy() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let payee = key("payee");
    let given = desk.give(&money, 200, payee.public(), "given");
    let parent = desk.world.leaf(&given);
    let before = desk.card.export().unwrap();
    let back = desk.pass(&given, &payee, 150, give_back_opening(START.plus(DAY), &parent), money.key);
    desk.card.load_payment(&back).unwrap();
    let after = desk.card.export().unwrap();
    let again = desk.pass(&given, &payee, 50, give_back_opening(START.plus(2 * DAY), &parent), money.key);

    let mut restored = Desk::blank("w", 9);
    assert_eq!(restored.card.restore(&after), Ok(()));
    assert_eq!(restored.card.load_payment(&again), Err(NoSlot));
    let status = restored.card.load_payment(&back).unwrap();
    assert_eq!((status.remaining.minor(), status.state), (150, HoldingState::Restored));
    let mut control = Desk::blank("w", 9);
    assert_eq!(control.card.restore(&before), Ok(()));
    assert_eq!(control.card.load_payment(&again).unwrap().state, HoldingState::Restored, "control");
}

/// A move retires the source before its bytes exist, brings live money, and can be told again.
#[test]
fn moved() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    desk.endorse(&money.node, amount(120), &answer("a")).unwrap();
    let challenge = desk.challenge(money.key, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let pending = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&pending).unwrap();
    let backup = desk.card.export_move().unwrap();
    assert_eq!(backup.kind(), BackupKind::Move);
    assert_eq!(desk.card.life(), Ok(Life::Retired));
    assert_eq!(desk.endorse(&money.node, amount(1), &answer("b")), Err(Retired));
    assert_eq!(desk.card.export_move().unwrap().to_bytes(), backup.to_bytes());
    assert_eq!(desk.card.restore(&backup), Err(RestoreFault::Card(Retired)), "never back to life");

    let mut target = Desk::blank("w", 9);
    target.card.restore(&backup).unwrap();
    assert_eq!(target.status(&money.node), (500, 380, HoldingState::Live));
    assert_eq!(target.card.open_load(&pending), Ok(slot));
    assert_eq!(target.card.load_payment(&target.paid(&challenge, 300, "p")).unwrap().state, HoldingState::Live);
    assert!(target.card.sign_challenge(&target.challenge(money.key, 5, "more")).is_ok());
    target.endorse(&money.node, amount(380), &answer("b")).unwrap();
    assert_eq!(target.card.restore(&backup), Ok(()), "the same again changes nothing");
    assert_eq!(target.status(&money.node), (500, 0, HoldingState::Live));
    assert_conserved(&target.memory);
}

/// What came back from a copy stays restored through a move.
#[test]
fn restored_stays_restored() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let backup = desk.card.export().unwrap();
    let mut middle = Desk::blank("w", 9);
    middle.card.restore(&backup).unwrap();
    let moved = middle.card.export_move().unwrap();
    let mut last = Desk::blank("w", 10);
    last.card.restore(&moved).unwrap();
    assert_eq!(last.status(&money.node), (500, 500, HoldingState::Restored));
    assert_eq!(last.card.sign_challenge(&last.challenge(money.key, 5, "c")), Err(Restored));
}

/// The time floor comes along.
#[test]
fn floor() {
    let mut desk = Desk::new();
    let payee = desk.card.generate_key().unwrap();
    let challenge = desk.challenge(payee, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let (payer, middle) = (key("payer"), key("middle"));
    let long = desk.world.pay(&desk.world.note(&payer, 500, "2"), &payer, &middle, 200, "x");
    let long = desk.pass(&long, &middle, 100, challenge.opening(desk.world.network()), payee);
    desk.card.load_payment(&long).unwrap();
    let mut restored = Desk::blank("w", 9);
    restored.card.restore(&desk.card.export().unwrap()).unwrap();
    assert_eq!(restored.card.time_floor(), Ok(START.plus(DAY)));
}

/// Only an empty card takes a backup, only one of its network, and only one backup.
#[test]
fn where_a_backup_goes() {
    let mut desk = Desk::new();
    desk.note(500, "1");
    let backup = desk.card.export().unwrap();
    let mut used = Desk::blank("w", 9);
    used.card.generate_key().unwrap();
    assert_eq!(used.card.restore(&backup), Err(RestoreFault::NotEmpty));
    assert_eq!(Desk::blank("other", 9).card.restore(&backup), Err(RestoreFault::OtherNetwork));
    let empty = Desk::blank("w", 3).card.export().unwrap();
    let mut once = Desk::blank("w", 9);
    once.card.restore(&empty).unwrap();
    assert_eq!(once.card.restore(&backup), Err(RestoreFault::NotEmpty));
}

/// A backup cut short at any byte, longer, of another version or with damaged records is refused and changes nothing.
#[test]
fn damaged() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    desk.endorse(&money.node, amount(1), &answer("a")).unwrap();
    let bytes = desk.card.export().unwrap().to_bytes();
    for end in 0..bytes.len() {
        assert!(matches!(Backup::from_bytes(&bytes[..end]), Err(BackupFault::Malformed(_))), "cut at {end}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(Backup::from_bytes(&longer).err(), Some(BackupFault::Malformed(Malformed::NotCanonical)));
    let mut later = bytes.to_vec();
    later[1] = 2;
    assert_eq!(Backup::from_bytes(&later).err(), Some(BackupFault::Version { found: 2, known: 1 }));
    assert_eq!(BACKUP_BYTES_MAX, 1 << 29, "half a gibibyte");
    let too_long = Malformed::TooLong { len: BACKUP_BYTES_MAX + 1, max: BACKUP_BYTES_MAX };
    assert_eq!(Backup::from_bytes(&vec![0; BACKUP_BYTES_MAX + 1]).err(), Some(BackupFault::Malformed(too_long)));
    let longest = Backup::from_bytes(&vec![0; BACKUP_BYTES_MAX]);
    assert!(matches!(longest, Err(BackupFault::Malformed(Malformed::Shape { .. }))));
    let count = Backup::from_bytes(&bytes).unwrap().image.entries.len();
    for index in 0..count {
        for spoil in
            [|e: &mut Entry| e.value.push(0), |e: &mut Entry| e.place[0] = b'?', |e: &mut Entry| e.place.truncate(0)]
        {
            let mut backup = Backup::from_bytes(&bytes).unwrap();
            spoil(&mut backup.image.entries[index]);
            let mut target = Desk::blank("w", 9);
            let before = target.memory.dump();
            assert_eq!(target.card.restore(&backup), Err(RestoreFault::Damaged { index }));
            assert_eq!(target.memory.dump(), before);
        }
        let mut backup = Backup::from_bytes(&bytes).unwrap();
        backup.image.entries[index].place.push(0);
        let result = Desk::blank("w", 9).card.restore(&backup);
        assert_eq!(result, Err(RestoreFault::Damaged { index }));
    }
}

/// The buffer that holds keys in the clear is as large as its content from the start and never moves.
#[test]
fn the_buffer_never_moves() {
    let mut desk = Desk::new();
    for serial in 0..40 {
        let money = desk.note(500, &format!("{serial}"));
        desk.endorse(&money.node, amount(1), &answer("a")).unwrap();
    }
    let backup = desk.card.export().unwrap();
    let image = &backup.image;
    let entries: usize = image.entries.iter().map(|entry| entry.place.len() + entry.value.len() + ENTRY_FRAMING).sum();
    let reserved = IMAGE_FRAMING + image.keys.len() * KEY_BYTES + entries;
    assert_eq!(backup.to_bytes().capacity(), reserved);
}
