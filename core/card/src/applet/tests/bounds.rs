//! What grows with the life of a card, and what must not: the parts of a payment, what one command reads and tells, what stays
//! in its session.

use alloc::{format, vec::Vec};

use zeni_message::limits::HOLDINGS_IN_PAYMENT_MAX;
use zeni_note::testing::amount;

use super::desk::*;
use crate::{
    Card, CardError, Memory,
    apdu::{AID, instruction::Instruction},
    element::testing::pin,
};

/// A host that goes on signing parts of one payment: the card refuses what no payment could carry before it signs, so that any host
/// can read the open payment and end it.
#[test]
fn an_open_payment_can_always_be_ended() {
    let mut desk = Desk::new();
    let money: Vec<Money> = (0..=HOLDINGS_IN_PAYMENT_MAX).map(|serial| desk.note(500, &format!("{serial}"))).collect();
    let (last, first) = money.split_last().unwrap();
    for part in first {
        desk.card.endorse(&part.node, amount(1), &answer("a")).unwrap();
    }
    let before = desk.memory.dump();
    let refused = desk.card.endorse(&last.node, amount(1), &answer("a"));
    assert_eq!(refused, Err(CardError::Parts { max: HOLDINGS_IN_PAYMENT_MAX }));
    assert!(desk.memory.dump() == before, "nothing was signed");
    desk.card.endorse(&first[0].node, amount(1), &answer("a")).expect("control: the same again");
    let open = desk.card.open_payment().unwrap().unwrap();
    assert_eq!((open.answer, open.parts.len()), (answer("a"), HOLDINGS_IN_PAYMENT_MAX));
    desk.card.confirm(&open.answer).unwrap();
    desk.pay(last, 1, "b").expect("control: the next payment");
}

/// A card on which an earlier program signed more parts than a payment can carry: it tells as many, and is ended.
#[test]
fn a_payment_of_too_many_parts_is_ended() {
    let mut desk = Desk::new();
    let money: Vec<Money> = (0..81).map(|serial| desk.note(500, &format!("{serial}"))).collect();
    let mut marks = Vec::new();
    for part in &money[..80] {
        desk.card.endorse(&part.node, amount(1), &answer("a")).unwrap();
        marks.extend(desk.memory.dump().into_iter().filter(|(place, _)| place[0] == b'm'));
        // the limit is off: the marks are taken away before the next endorsement
        desk.memory.tamper(|memory| memory.retain(|place, _| place[0] != b'm'));
    }
    desk.memory.tamper(|memory| memory.extend(marks));
    let open = desk.card.open_payment().unwrap().unwrap();
    assert_eq!(open.parts.len(), HOLDINGS_IN_PAYMENT_MAX);
    desk.card.confirm(&open.answer).unwrap();
    assert_eq!(desk.card.open_payment(), Ok(None));
    desk.pay(&money[80], 1, "b").unwrap();
}

/// Whoever fills the card makes no command read more at once. Control: whole tables are far beyond it.
#[test]
fn no_command_reads_a_whole_table() {
    let mut desk = Desk::new();
    let money: Vec<Money> = (0..100).map(|serial| desk.note(5, &format!("{serial}"))).collect();
    (0..500).for_each(|_| assert!(desk.card.generate_key().is_ok()));
    for part in &money[..HOLDINGS_IN_PAYMENT_MAX] {
        desk.card.endorse(&part.node, amount(1), &answer("a")).unwrap();
    }
    desk.memory.scanned();
    assert_eq!(desk.card.holdings().unwrap().len(), 100);
    desk.card.open_payment().unwrap().unwrap();
    desk.card.confirm(&answer("a")).unwrap();
    let mut raw = applet(&desk.memory, 6);
    raw.process(&command(Instruction::Select, 4, 0, &AID));
    raw.process(&command(Instruction::Verify, 0, 1, pin().digits()));
    for index in [0, 1, 15, 16, 17, 599] {
        assert_eq!(raw.process(&command(Instruction::GetPublicKey, 0, 0, &[])).len(), 33 + 2);
        let [high, low] = u16::to_be_bytes(index);
        assert_eq!(raw.process(&command(Instruction::GetPublicKey, high, low, &[])).len(), 33 + 2, "{index}");
    }
    assert_eq!(raw.process(&command(Instruction::GetPublicKey, 2, 0x58, &[])), [0x6a, 0x83], "600 keys, no more");
    desk.card.export_move().unwrap();
    let most = desk.memory.scanned();
    assert!(most <= 6 * 1_024, "{most}");
    desk.memory.clone().scan(b"k").unwrap();
    assert!(desk.memory.scanned() > 50_000);
}

/// The places that GET PUBLIC KEY tells are all keys, each once, in ascending order.
#[test]
fn keys_by_their_place() {
    let mut desk = Desk::new();
    let mut keys: Vec<_> = (0..50).map(|_| desk.card.generate_key().unwrap().0).collect();
    keys.sort_unstable();
    let told: Vec<_> = (0..51).map(|place| inside(&desk.memory).key_at(place).unwrap().map(|(key, _)| key.0)).collect();
    assert_eq!(told[..50].iter().flatten().copied().collect::<Vec<_>>(), keys);
    assert_eq!(told[50], None);
}

/// Seeds that an export told do not wait in the session for whoever reads its memory later.
#[test]
fn an_export_that_was_fetched_is_wiped() {
    let mut desk = Desk::new();
    desk.card.generate_key().unwrap();
    let mut raw = applet(&desk.memory, 6);
    raw.process(&command(Instruction::Select, 4, 0, &AID));
    raw.process(&command(Instruction::Verify, 0, 1, pin().digits()));
    let told = raw.process(&command(Instruction::Export, 2, 0, &[])).to_vec();
    assert!(told.len() > 32 && raw.session.answer[..] == told[..], "control: until it is fetched it is there");
    raw.fetched();
    assert!(raw.session.answer.is_empty() && raw.session.reply.bytes().is_empty());
    let rest = raw.session.answer.spare_capacity_mut().len();
    assert_eq!(rest, raw.session.answer.capacity(), "the room stays");
}
