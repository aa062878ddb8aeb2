//! Notes under seal: the account key, slots for keys that the issuer makes, several notes of one key.

use alloc::string::ToString;

use super::{super::testing::Cut, *};
use crate::{Card, CardError, HoldingState, Statement};
use zeni_message::Signed;
use zeni_note::{
    ChainFault, Hop, Right,
    chain::Endorsement,
    challenge::give_back_opening,
    sealed::{Ordered, WithdrawalOrder},
    testing::{EPOCH, SERIES, START, amount, jpy, key, nonce},
};

fn order() -> WithdrawalOrder {
    let of =
        Ordered { series: SERIES, epoch: EPOCH, currency: jpy(), face: amount(100), request: sha256(&[b"request"]) };
    WithdrawalOrder { bank: "aoba".to_string(), account: "1".to_string(), order: nonce("order"), time: START, of }
}

/// The chain of a note whose sealed key is `holder`.
fn sealed_to(desk: &Desk, holder: PublicKey, face: u64, serial: &str) -> Chain {
    let licensed = desk.note_to(holder, face, serial);
    let note = Note { way: zeni_note::keylist::Way::Sealed, ..licensed.note.record };
    let note = Signed::sign(desk.world.network(), note, &desk.world.issuer);
    Chain { note, holder: Right::Unlicensed(holder), hops: Vec::new() }
}

/// HC-D5, HC-P24: an order is signed by the account key. A key of a note signs none: its public half would tell the bank which
/// note; control: the same key before it was one for notes signs.
#[test]
fn orders_are_signed_by_the_account_key_alone() {
    let mut desk = Desk::new();
    let (order, key) = (order(), desk.card.generate_key().unwrap());
    let signature = desk.card.sign_statement(&key, &Statement::WithdrawalOrder(&order)).unwrap();
    assert!(Signed { record: order.clone(), signature }.verify(desk.world.network(), &key).is_ok());
    desk.card.open_load(&key).unwrap();
    assert_eq!(desk.card.sign_statement(&key, &Statement::WithdrawalOrder(&order)), Err(CardError::HoldsMoney));
}

/// HC-F2.19, HC-A4, HC-A9: a note to a sealed key loads without a licence, survives a restart and is passed on; a licensed note shown
/// without its licence, and a sealed one shown with one, do not load.
#[test]
fn a_sealed_note_loads_and_pays() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    let chain = sealed_to(&desk, key, 100, "1");
    let naked = Chain { holder: Right::Unlicensed(key), ..desk.note_to(key, 100, "2") };
    let dressed = Chain { holder: desk.world.licence(key).into(), ..chain.clone() };
    for wrong in [naked, dressed] {
        let ticket = desk.ticket(&wrong, slot);
        assert_eq!(desk.card.load_note(&wrong, &ticket), Err(ChainFault::Unlicensed { hop: 0 }.into()));
    }
    let ticket = desk.ticket(&chain, slot);
    let node = desk.card.load_note(&chain, &ticket).unwrap().node;
    desk.reinsert(5);
    assert_eq!(desk.status(&node), (100, 100, HoldingState::Live));
    let signature = desk.endorse(&node, amount(40), &answer("shop")).unwrap();
    let endorsement = Endorsement { parent: node, amount: amount(40), answer: answer("shop") };
    assert!(Signed { record: endorsement, signature }.verify(desk.world.network(), &key).is_ok());
}

/// HC-F6.8, HC-P26: a key that the issuer made goes into the blank slot that waits for it, once, also over a cut; control: another
/// key, or the same for another slot, does not, and without the key the note does not load.
#[test]
fn a_key_made_elsewhere() {
    let mut desk = Desk::new();
    let made = key("made by the issuer");
    let (slot, other) = (desk.card.open_blank().unwrap(), desk.card.open_blank().unwrap());
    assert_ne!(slot, other);
    let chain = sealed_to(&desk, made.public(), 100, "1");
    let ticket = desk.ticket(&chain, slot);
    assert_eq!(desk.card.load_note(&chain, &ticket), Err(CardError::UnknownKey));
    let seed = made.dangerous_seed();
    desk.memory.cut(0, Cut::AfterCommit);
    assert!(desk.card.adopt_key(&slot, &seed).is_err());
    desk.reinsert(6);
    assert_eq!(desk.card.adopt_key(&slot, &seed), Ok(made.public()));
    assert_eq!(desk.card.adopt_key(&other, &seed), Err(CardError::NoSlot));
    assert_eq!(desk.card.adopt_key(&slot, &Zeroizing::new([7; 32])), Err(CardError::NoSlot));
    assert_eq!(desk.card.adopt_key(&nonce("never opened"), &seed), Err(CardError::NoSlot));
    let elsewhere = desk.ticket(&chain, other);
    assert_eq!(desk.card.load_note(&chain, &elsewhere), Err(CardError::NoSlot));
    assert_eq!(desk.card.load_note(&chain, &ticket).unwrap().value, amount(100));
}

/// HC-V7: several live notes under one key, one slot after the other; each is counted by itself.
#[test]
fn several_notes_of_one_key() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let mut nodes = Vec::new();
    for serial in ["1", "2"] {
        let slot = desk.card.open_load(&key).unwrap();
        let chain = sealed_to(&desk, key, 100, serial);
        let ticket = desk.ticket(&chain, slot);
        nodes.push(desk.card.load_note(&chain, &ticket).unwrap().node);
    }
    desk.endorse(&nodes[0], amount(100), &answer("shop")).unwrap();
    assert_eq!(desk.status(&nodes[0]).1, 0);
    assert_eq!(desk.status(&nodes[1]).1, 100);
}

/// DESIGN §5 "Right to hold": what a sealed key passed on comes back to it as to a terminal holder, once.
#[test]
fn given_back_to_a_sealed_key() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    let chain = sealed_to(&desk, key, 100, "1");
    let ticket = desk.ticket(&chain, slot);
    let node = desk.card.load_note(&chain, &ticket).unwrap().node;
    let payee = zeni_note::testing::key("payee");
    let money = Money { chain, node, key };
    let paid = desk.give(&money, 60, payee.public(), "shop");
    let parent = desk.world.leaf(&paid);
    let opening = give_back_opening(START, &parent);
    let endorsement = Endorsement { parent, amount: amount(60), answer: opening.answer_for(&key) };
    let signature = Signed::sign(desk.world.network(), endorsement, &payee).signature;
    let back = paid.extended(Hop { opening, amount: amount(60), signature, payee: Right::Unlicensed(key) });
    assert_eq!(desk.card.load_payment(&back).unwrap().value, amount(60));
}
