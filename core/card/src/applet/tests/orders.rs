//! A host that forges orders, confirms what it did not pay, makes money of refunds, and knows no PIN.

use alloc::{sync::Arc, vec, vec::Vec};
use std::sync::Mutex;

use zeni_message::{Signed, encode};
use zeni_note::{
    ClosingPurpose, ContactTicket, RevocationFilter,
    chain::Endorsement,
    licence::key_digest,
    operator::{CardRules, Clearance},
    testing::{DAY, START, amount, key, newest, nonce},
};

use super::desk::*;
use crate::{
    ApduCard, Backup, Card, CardError,
    CardError::{Operator, ResumeFirst},
    Contact, HoldingState, LinkFault, Transmit,
    apdu::instruction::Instruction,
    element::testing::{pin, puk},
};

/// A refund file and a backup are worth no money: what they sign is a refund, to the account it names, of what is left when it
/// is claimed; a signature for one purpose is none for another.
#[test]
fn refund_files_and_backups() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let (value, refund) = desk.card.refund(&money.node, &account("refund")).unwrap();
    assert_eq!(value, amount(500));
    desk.pay(&money, 500, "a").unwrap();
    let network = desk.world.network();
    let closes =
        |purpose: ClosingPurpose| money.key.verify(&purpose.message(network, money.node, value), &refund).is_ok();
    assert!(closes(ClosingPurpose::BackupRefund(account("refund"))));
    assert!(!closes(ClosingPurpose::BackupRefund(account("another"))));
    assert!(!closes(ClosingPurpose::Refund(account("refund"))));
    assert!(!closes(ClosingPurpose::Deposit(account("refund"))));
    let endorsement = Endorsement { parent: money.node, amount: value, answer: answer("a") };
    assert!(!desk.holds(&money.key, &endorsement, &refund));
    // there is nothing left to refund, now or from the backup of a card that spent it
    assert!(desk.card.refund(&money.node, &account("late")).is_err());
    let mut restored = Desk::new();
    restored.card.restore(&desk.card.export().unwrap()).unwrap();
    assert!(restored.card.refund(&money.node, &account("late")).is_err());
    let backup = desk.card.export().unwrap().to_bytes().to_vec();
    let digest = desk.card.export().unwrap().digest();
    let (mut unread, mut damaged, mut taken) = (0, 0, 0);
    for at in 0..backup.len() {
        let mut altered = backup.clone();
        altered[at] ^= 1;
        let Ok(altered) = Backup::from_bytes(&altered) else {
            unread += 1;
            continue;
        };
        assert!(altered.digest() != digest, "byte {at}: whoever announced the backup is not given another");
        let mut other = Desk::new();
        // an altered image is the host's own invention: of a copy nothing in it is spendable; the kind makes a move of it
        match other.card.restore(&altered) {
            Ok(()) if altered.kind() == crate::BackupKind::Move => assert_eq!(at, KIND, "the kind alone"),
            Ok(()) => {
                taken += 1;
                assert!(other.card.holdings().unwrap().iter().all(|it| it.state != HoldingState::Live), "byte {at}");
            }
            Err(_) => {
                damaged += 1;
                other.card.restore(&Backup::from_bytes(&backup).unwrap()).expect("the card is blank still");
            }
        }
    }
    assert!(unread > 10 && damaged > 10 && taken > 100, "{unread} {damaged} {taken} of {}", backup.len());
}

/// Place of the kind in the encoding of a backup.
const KIND: usize = 2;

/// CONFIRM without a payment, for another one, too early, twice: it ends nothing but the open payment, and undoes nothing.
#[test]
fn confirming_what_was_not_paid() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    desk.card.confirm(&answer("a")).unwrap();
    assert_eq!(desk.status(&money.node).unwrap().0, [500, 500, 0]);
    let signed = desk.card.endorse(&money.node, amount(400), &answer("a")).unwrap();
    assert_eq!(desk.card.confirm(&answer("b")), Err(ResumeFirst { answer: answer("a") }));
    assert_eq!(desk.card.endorse(&money.node, amount(100), &answer("b")), Err(ResumeFirst { answer: answer("a") }));
    for _ in 0..2 {
        desk.card.confirm(&answer("a")).unwrap();
    }
    assert_eq!(desk.card.endorsed(&money.node, &answer("a")), Ok(Some((amount(400), signed))), "nothing is forgotten");
    assert_eq!(desk.pay(&money, 101, "b"), Err(CardError::Insufficient { remaining: amount(100) }));
    assert_eq!(
        desk.card.endorse(&money.node, amount(1), &answer("a")),
        Err(CardError::OtherAmount { signed: amount(400) })
    );
}

fn rules(number: u64, most: u64) -> CardRules {
    CardRules { payment_max: Some(amount(most)), payments_max: Some(2), ..zeni_note::testing::rules(number) }
}

/// Rules, filters, clearances and tickets that the operator did not sign, signed for another card, or has since replaced.
#[test]
fn orders_of_somebody_else() {
    let mut desk = Desk::new();
    let money = desk.note(1_000, "1");
    let network = desk.world.network();
    let mine: Vec<zeni_crypto::SecretKey> = vec![key("host"), key("w issuer"), key("w authority")];
    desk.card.take_rules(&desk.signed(rules(2, 300))).unwrap();
    let filter = RevocationFilter::of(2, START.plus(DAY), &[key_digest(&key("w anyone").public())]);
    desk.card.take_filter(&desk.signed(filter.clone())).unwrap();
    let Contact { card, nonce: shown, .. } = desk.card.open_contact().unwrap();
    let ticket = ContactTicket { card, nonce: shown, token: nonce("t"), time: START, rules: newest(2), frozen: false };
    let generous = rules(9, 1_000_000);
    let empty = RevocationFilter::of(9, START.plus(DAY), &[]);
    let clearance = Clearance { filter: 2, keys: vec![key_digest(&key("w anyone").public())] };
    for secret in &mine {
        assert_eq!(desk.card.take_rules(&Signed::sign(network, generous.clone(), secret)), Err(Operator));
        assert_eq!(desk.card.take_filter(&Signed::sign(network, empty.clone(), secret)), Err(Operator));
        assert_eq!(desk.card.take_clearance(&Signed::sign(network, clearance.clone(), secret)), Err(Operator));
        assert_eq!(desk.card.close_contact(&Signed::sign(network, ticket.clone(), secret)), Err(Operator));
    }
    let others = CardRules { card: Some(nonce("another card")), ..generous.clone() };
    assert_eq!(desk.card.take_rules(&desk.signed(others)), Err(Operator));
    let older = desk.signed(rules(1, 1_000_000));
    assert_eq!(desk.card.take_rules(&older), Err(CardError::Older { held: 2, found: 1 }));
    let older = desk.signed(RevocationFilter { number: 1, ..empty });
    assert_eq!(desk.card.take_filter(&older), Err(CardError::Older { held: 2, found: 1 }));
    let later = ContactTicket { rules: newest(3), ..ticket.clone() };
    assert_eq!(desk.card.close_contact(&desk.signed(later)), Err(CardError::RulesFirst { number: 3 }));
    for wrong in [
        ContactTicket { nonce: nonce("not asked"), ..ticket.clone() },
        ContactTicket { card: nonce("another card"), ..ticket.clone() },
    ] {
        assert_eq!(desk.card.close_contact(&desk.signed(wrong)), Err(Operator));
    }
    // the limits hold all the while, and a ticket that was taken does not begin the counts anew a second time
    desk.pay(&money, 300, "a").unwrap();
    assert!(matches!(desk.card.endorse(&money.node, amount(301), &answer("b")), Err(CardError::Limit(_))));
    desk.pay(&money, 100, "b").unwrap();
    assert!(matches!(desk.card.endorse(&money.node, amount(1), &answer("c")), Err(CardError::Limit(_))));
    let taken = desk.signed(ticket);
    desk.card.close_contact(&taken).unwrap();
    desk.pay(&money, 1, "c").unwrap();
    desk.pay(&money, 1, "d").unwrap();
    desk.card.close_contact(&taken).unwrap();
    assert!(matches!(desk.card.endorse(&money.node, amount(1), &answer("e")), Err(CardError::Limit(_))));
    // the control: the operator's own newer rules
    desk.card.take_rules(&desk.signed(CardRules { payments_max: None, ..generous })).unwrap();
    assert!(desk.pay(&money, 500, "e").is_ok());
}

/// Every command that asks for the PIN is refused to who does not show it, whatever else he sends; so is everything before
/// SELECT.
#[test]
fn without_the_pin() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let endorse = [&money.node.0[..], &amount(500).minor().to_be_bytes(), &answer("a").0].concat();
    let attempts = [
        command(Instruction::SignEndorsement, 0, 0, &endorse),
        command(Instruction::GenerateKey, 0, 0, &[]),
        command(Instruction::GetPublicKey, 0, 0, &[]),
        command(Instruction::HandIn, 0, 0, &encode(&(account("d"), vec![money.node]))),
        command(Instruction::Export, 1, 0, &[]),
        command(Instruction::Export, 2, 0, &[]),
        command(Instruction::GetStatus, 3, 0, &money.node.0),
        command(Instruction::Contact, 0, 0, &[]),
        command(Instruction::SetLimits, 0, 0, &encode(&desk.signed(rules(1, 300)))),
        command(Instruction::SetLimits, 1, 0, &encode(&desk.signed(RevocationFilter::of(1, START, &[])))),
    ];
    let before = desk.memory.dump();
    let mut applet = applet(&desk.memory, 6);
    for attempt in &attempts {
        assert_eq!(applet.process(attempt), [0x69, 0x85], "not selected");
    }
    applet.process(&command(Instruction::Select, 4, 0, &crate::apdu::AID));
    for attempt in &attempts {
        assert_eq!(applet.process(attempt), [0x69, 0x82]);
    }
    assert!(desk.memory.dump() == before);
    applet.process(&command(Instruction::Verify, 0, 1, pin().digits()));
    assert_eq!(applet.process(&attempts[0]).len(), 64 + 2, "the control");
    applet.reset();
    assert_eq!(applet.process(&attempts[1]), [0x69, 0x85], "a reset forgets the PIN");
}

/// docs/card.md: who has the card and not the PIN learns of a refusal its reason and nothing that belongs to it: no number of rules or
/// of a filter, no open payment. Control: to who shows the PIN the open payment is told.
#[test]
fn reasons_behind_the_pin() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let newer = command(Instruction::SetLimits, 0, 0, &encode(&desk.signed(rules(18, 300))));
    desk.card.endorse(&money.node, amount(100), &answer("payee")).unwrap();
    let reason = command(Instruction::GetStatus, 1, 0, &[]);
    let mut applet = applet(&desk.memory, 6);
    applet.process(&command(Instruction::Select, 4, 0, &crate::apdu::AID));
    assert_eq!(applet.process(&newer), [0x69, 0x82]);
    assert_eq!(applet.process(&reason)[..33], [&[4][..], &[0; 32]].concat());
    applet.process(&command(Instruction::Verify, 0, 1, pin().digits()));
    assert_eq!(applet.process(&newer), [0x69, 0x85]);
    assert_eq!(applet.process(&reason)[..33], [&[0x27][..], &answer("payee").0].concat(), "the control");
    // the PUK sets a new PIN, which was not shown yet
    let unblock = [&[8][..], puk().digits(), b"1111"].concat();
    let frozen = command(Instruction::SetLimits, 0, 0, &encode(&desk.signed(rules(17, 300))));
    assert_eq!(applet.process(&frozen), [0x69, 0x85]);
    assert_eq!(applet.process(&command(Instruction::Unblock, 0, 1, &unblock)), [0x90, 0x00]);
    assert_eq!(applet.process(&reason)[..33], [&[0x27][..], &[0; 32]].concat());
}

/// Somebody else's card in the reader: it answers all questions with success, and remembers what it is shown.
#[derive(Clone)]
struct FalseCard {
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    /// What it answers to the question for its number.
    answer: Vec<u8>,
}

impl Transmit for FalseCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        lock(&self.seen).push(command.to_vec());
        let mut reply = match (command[1], command[2]) {
            (0xa4, _) => vec![1, 7, 1, 0, 0, 0x90, 0, 3, 10],
            (0x2a, 12) => self.answer.clone(),
            _ => Vec::new(),
        };
        reply.extend([0x90, 0x00]);
        Ok(reply)
    }
}

/// docs/card.md: a false card that says yes, or repeats what it heard the right card say to another question, is not taken for it, and
/// never sees the number. Controls: the right card is; who knows the number can say so.
#[test]
fn a_false_card_is_not_mine() {
    let mut desk = Desk::new();
    let number = desk.card.identity().unwrap().1;
    let (first, second) = (nonce("first question"), nonce("second question"));
    assert_eq!(desk.card.is(&number, &first), Ok(true), "the control");
    assert_eq!(desk.card.is(&nonce("another's number"), &first), Ok(false));
    let mut raw = applet(&desk.memory, 6);
    raw.process(&command(Instruction::Select, 4, 0, &crate::apdu::AID));
    let heard = raw.process(&command(Instruction::GetStatus, 12, 0, &first[..])).to_vec();
    let again = raw.process(&command(Instruction::GetStatus, 12, 0, &first[..])).to_vec();
    assert_ne!(heard, again, "nobody knows it again by its answers");
    let heard = heard[..48].to_vec();
    let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let asks = |answer: &[u8], question| {
        let card = FalseCard { seen: seen.clone(), answer: answer.to_vec() };
        ApduCard::new(card, None).is(&number, question)
    };
    for answer in [&[1][..], &[], &[0; 48], &heard, &[&heard[..], &[1]].concat()] {
        assert_eq!(asks(answer, &second), Ok(false));
    }
    assert_eq!(asks(&heard, &first), Ok(true), "the control: a question asked twice");
    assert!(!lock(&seen).iter().any(|command| command.windows(16).any(|part| part == &number[..])));
}
