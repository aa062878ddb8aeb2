//! A host that does what it likes with the card, and the control in which the defence is off.

use zeni_note::request::RequestClaim;

use super::*;
use crate::CardError::{LoadedBefore, NoSlot, Restored};

/// RN-P1, RN-P12: a host that loads again, through a fresh slot, a repeated challenge or a reopened card, gains nothing.
#[test]
fn loads_again() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let challenge = desk.challenge(money.key, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let paid = desk.paid(&challenge, 300, "2");
    let received = desk.card.load_payment(&paid).unwrap();
    desk.endorse(&money.node, amount(500), &answer("a")).unwrap();
    desk.endorse(&received.node, amount(300), &answer("b")).unwrap();
    desk.reinsert(5);
    let slot = desk.card.open_load(&money.key).unwrap();
    desk.card.sign_challenge(&challenge).unwrap();
    assert_eq!(desk.card.load_note(&money.chain, &desk.ticket(&money.chain, slot)), Err(LoadedBefore));
    assert_eq!(desk.card.load_payment(&paid), Err(LoadedBefore));
    let again = desk.challenge(money.key, 300, "c2");
    desk.card.sign_challenge(&again).unwrap();
    let mut moved = paid.clone();
    moved.hops[0].opening = again.opening(desk.world.network());
    assert!(matches!(desk.card.load_payment(&moved), Err(CardError::Chain(_))));
    assert_eq!(desk.card.holdings(), Ok(Vec::new()));
    assert_conserved(&desk.memory);
}

/// RN-P1 control: a host that may write the memory makes the card load twice. A software card cannot prevent it; what it
/// then signs convicts its key (RN-P12), as both endorsements stand under one node.
#[test]
fn an_altered_memory_is_an_altered_card() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let earlier = desk.memory.dump();
    let one = desk.endorse(&money.node, amount(500), &answer("a")).unwrap();
    desk.memory.tamper(|map| *map = earlier);
    let other = desk.endorse(&money.node, amount(500), &answer("b")).unwrap();
    let endorsement = |to| Endorsement { parent: money.node, amount: amount(500), answer: answer(to) };
    assert!(desk.signed_by(&money.key, &endorsement("a"), &one));
    assert!(desk.signed_by(&money.key, &endorsement("b"), &other));
}

/// RN-P1: two cards restored from one backup spend nothing: not what was held, not what comes in through the challenges,
/// keys and slots that both have. Control: cards whose memory is copied raw spend it twice.
#[test]
fn one_backup_two_cards() {
    let mut desk = Desk::new();
    let held = desk.note(500, "1");
    let challenge = desk.challenge(held.key, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let pending = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&pending).unwrap();
    let unloaded = desk.note_to(pending, 100, "2");
    let ticket = desk.ticket(&unloaded, slot);
    let paid = desk.paid(&challenge, 300, "3");
    let late = desk.paid(&desk.challenge(held.key, 200, "new"), 200, "4");
    let backup = desk.card.export().unwrap();
    for seed in [21, 22] {
        let mut thief = Desk::blank("w", seed);
        thief.card.restore(&backup).unwrap();
        let nodes = [
            held.node,
            thief.card.load_payment(&paid).unwrap().node,
            thief.card.load_note(&unloaded, &ticket).unwrap().node,
        ];
        for node in &nodes {
            assert_eq!(thief.endorse(node, amount(1), &answer("a")), Err(Restored));
            assert_eq!(thief.card.close(node, &ClosingPurpose::Deposit(account("d"))), Err(Restored));
            assert_eq!(thief.card.hand_in(&account("d"), &[*node]), Err(Restored));
        }
        assert_eq!(thief.card.sign_challenge(&thief.challenge(held.key, 200, "new")), Err(Restored));
        assert_eq!(thief.card.load_payment(&late), Err(NoSlot));
        assert!(thief.card.sign_challenge(&challenge).is_ok(), "the same challenge can be sent again");
    }
    for seed in [31, 32] {
        let mut copy = desk.copied();
        copy.card = insert(&copy.world, &copy.memory, seed);
        assert!(copy.endorse(&held.node, amount(500), &answer(&format!("{seed}"))).is_ok());
    }
}

/// A slot opened after a restore has a nonce that no other card has: what the issuer lets in there is live money.
#[test]
fn fresh_slots_after_a_restore() {
    let mut desk = Desk::new();
    let pending = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&pending).unwrap();
    let backup = desk.card.export().unwrap();
    let mut restored = Desk::blank("w", 21);
    restored.card.restore(&backup).unwrap();
    let fresh = restored.card.open_load(&pending).unwrap();
    assert_ne!(fresh, slot);
    assert_eq!(restored.card.open_load(&pending), Ok(fresh));
    let money = restored.note_for(pending, 100, "1");
    assert_eq!(restored.status(&money.node), (100, 100, HoldingState::Live));
    assert!(restored.endorse(&money.node, amount(100), &answer("a")).is_ok());
    let elsewhere = restored.ticket(&money.chain, fresh);
    assert_eq!(desk.card.load_note(&money.chain, &elsewhere), Err(NoSlot), "the first card never opened it");
}

/// A request whose note came in through a restored slot is not claimed back, whatever slot was opened since.
#[test]
fn no_claim_after_a_restored_load() {
    let mut desk = Desk::new();
    let pending = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&pending).unwrap();
    let chain = desk.note_to(pending, 100, "1");
    let mut restored = Desk::blank("w", 21);
    restored.card.restore(&desk.card.export().unwrap()).unwrap();
    restored.card.open_load(&pending).unwrap();
    restored.card.load_note(&chain, &desk.ticket(&chain, slot)).unwrap();
    let (request, bank, account, id) = (answer("r"), "aoba".to_string(), answer("a"), nonce("id"));
    let claim = RequestClaim { request, bank, account, id };
    assert_eq!(restored.card.sign_statement(&pending, &Statement::RequestClaim(&claim)), Err(LoadedBefore));
}
