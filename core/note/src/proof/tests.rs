use alloc::{vec, vec::Vec};

use zeni_crypto::SecretKey;

use super::*;
use crate::Chain;
use crate::closing::{ClosingPurpose, ToAccount};
use crate::testing::{World, amount, key};

fn child(world: &World, chain: &Chain, holder: &SecretKey, value: u64, seed: &str) -> Child {
    let challenge = world.challenge(&key(seed), value, seed, crate::testing::START);
    let endorsement =
        Endorsement { parent: world.leaf(chain), amount: amount(value), answer: challenge.answer(world.network()) };
    let signature = Signed::sign(world.network(), endorsement, holder).signature;
    Child::Endorsement { endorsement, signature, equation: Equation::Strict }
}

fn closing(world: &World, chain: &Chain, holder: &SecretKey, value: u64, to: ToAccount) -> Child {
    let closing = ClosingRecord {
        parent: world.leaf(chain),
        amount: amount(value),
        purpose: ClosingPurpose::Deposit(to).digest(world.network()),
    };
    let signature = Signed::sign(world.network(), closing, holder).signature;
    Child::Closing { closing, signature, equation: Equation::Strict }
}

fn first_holder(world: &World, children: Vec<Child>) -> OverspendingProof {
    let chain = world.note(&key("cheat"), 1_000, "n1");
    OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder }
}

/// RN-F8.2, RN-P2: two endorsements worth more than the note convict its holder's key.
#[test]
fn overspending_a_note_convicts() {
    let world = World::new("w");
    let (cheat, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let children = vec![child(&world, &chain, &cheat, 600, "x"), child(&world, &chain, &cheat, 401, "y")];
    let convicted = first_holder(&world, children).verify(&world.roots).unwrap();
    assert_eq!(convicted.key(), cheat.public());
    assert_eq!((convicted.held(), convicted.signed()), (amount(1_000), amount(1_001)));
}

/// RN-X38: exactly what was held, less, or nothing, proves nothing.
#[test]
fn spending_what_one_holds_proves_nothing() {
    let world = World::new("w");
    let (cheat, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let children = vec![child(&world, &chain, &cheat, 600, "x"), child(&world, &chain, &cheat, 400, "y")];
    let fault = first_holder(&world, children).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::NotExceeded { signed: amount(1_000), held: amount(1_000) });
    let fault = first_holder(&world, vec![]).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::NotExceeded { signed: amount(0), held: amount(1_000) });
}

/// RN-X29: a middle holder is convicted by the endorsement to him; its giver is not part of the proof.
#[test]
fn overspending_a_branch_convicts_the_middle_holder() {
    let world = World::new("w");
    let (a, b) = (key("a"), key("cheat"));
    let chain = world.pay(&world.note(&a, 1_000, "n1"), &a, &b, 500, "first");
    let hop = &chain.hops[0];
    let endorsement = Endorsement {
        parent: world.leaf(&world.note(&a, 1_000, "n1")),
        amount: hop.amount,
        answer: hop.opening.answer_for(&b.public()),
    };
    let held = Held::Endorsement { endorsement, opening: hop.opening };
    let children = vec![child(&world, &chain, &b, 300, "x"), child(&world, &chain, &b, 300, "y")];
    let proof = OverspendingProof { held, children, right: hop.payee.clone() };
    assert_eq!(proof.verify(&world.roots).unwrap().key(), b.public());
    let framed = OverspendingProof { right: world.licence(key("victim").public()).into(), ..proof };
    assert_eq!(framed.verify(&world.roots).unwrap_err(), ProofFault::OtherHolder);
}

/// RN-P19: issuer, banks and shops together cannot make the second signature.
#[test]
fn nobody_can_be_framed() {
    let world = World::new("w");
    let (victim, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let genuine = child(&world, &chain, &victim, 1_000, "x");
    let forged = child(&world, &chain, &world.issuer, 1_000, "y");
    let fault = first_holder(&world, vec![genuine.clone(), forged]).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::Signature { child: 1 });
    let other = world.note(&victim, 1_000, "n2");
    let of_other = child(&world, &other, &victim, 1_000, "y");
    let fault = first_holder(&world, vec![genuine.clone(), of_other]).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::OtherParent { child: 1 });
    let second = child(&world, &chain, &victim, 1, "y");
    assert!(first_holder(&world, vec![genuine, second]).verify(&world.roots).is_ok(), "control: a real second one");
}

/// RN-X25, X27: the same endorsement twice, with another signature or none, is one child.
#[test]
fn a_repetition_proves_nothing() {
    let world = World::new("w");
    let (cheat, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let one = child(&world, &chain, &cheat, 600, "x");
    let fault = first_holder(&world, vec![one.clone(), one]).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::Repeated { child: 1 });
}

/// RN-X26: the same leaf closed to two banks is a repeated deposit, not overspending; closed and paid on is.
#[test]
fn closings_count_once() {
    let world = World::new("w");
    let (cheat, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let aoba = closing(&world, &chain, &cheat, 1_000, world.account("aoba", "A-1", "d1"));
    let kita = closing(&world, &chain, &cheat, 1_000, world.account("kita", "K-1", "d2"));
    let fault = first_holder(&world, vec![aoba.clone(), kita]).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::Repeated { child: 1 });
    let paid_on = child(&world, &chain, &cheat, 1, "x");
    assert!(first_holder(&world, vec![aoba, paid_on]).verify(&world.roots).is_ok());
}

/// A hand-in that is also paid on: one signature over many leaves counts as a child of each.
#[test]
fn a_taking_is_a_child_of_its_leaf() {
    let world = World::new("w");
    let cheat = key("cheat");
    let chains: Vec<Chain> = ["n1", "n2", "n3"].map(|n| world.note(&cheat, 1_000, n)).into();
    let hand_in = world.hand_in(&chains, &cheat, world.account("aoba", "A-1", "d1"));
    let leaves: Vec<Digest> = chains.iter().map(|chain| world.leaf(chain)).collect();
    let taking = |index: u32| Child::Taking {
        hand_in: hand_in.clone(),
        index,
        path: merkle::path(&leaves, index as usize).unwrap(),
        equation: Equation::Strict,
    };
    let paid_on = child(&world, &chains[0], &cheat, 1, "x");
    assert!(first_holder(&world, vec![taking(0), paid_on.clone()]).verify(&world.roots).is_ok());
    let fault = first_holder(&world, vec![taking(1), paid_on]).verify(&world.roots).unwrap_err();
    assert_eq!(fault, ProofFault::OtherParent { child: 0 });
}

/// RN-X1, X3: a proof over a foreign licence or a note nobody issued proves nothing.
#[test]
fn foreign_licences_and_notes_prove_nothing() {
    let (world, other) = (World::new("w"), World::new("other"));
    let (cheat, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let children = vec![child(&world, &chain, &cheat, 600, "x"), child(&world, &chain, &cheat, 401, "y")];
    let proof = first_holder(&world, children);
    let foreign = OverspendingProof { right: other.licence(cheat.public()).into(), ..proof.clone() };
    assert_eq!(foreign.verify(&world.roots).unwrap_err(), ProofFault::Licence);
    let mut note = chain.note;
    note.signature = other.note(&cheat, 1_000, "n1").note.signature;
    let unissued = OverspendingProof { held: Held::Note(note), ..proof.clone() };
    assert_eq!(unissued.verify(&world.roots).unwrap_err(), ProofFault::Note);
    let anothers = OverspendingProof { held: Held::Note(world.note(&key("b"), 1, "n1").note), ..proof };
    assert_eq!(anothers.verify(&world.roots).unwrap_err(), ProofFault::OtherHolder);
}

/// Overflowing amounts are refused, not wrapped.
#[test]
fn overflow_is_refused() {
    let world = World::new("w");
    let (cheat, chain) = (key("cheat"), world.note(&key("cheat"), 1_000, "n1"));
    let most = Amount::MAX.minor();
    let children = vec![child(&world, &chain, &cheat, most, "x"), child(&world, &chain, &cheat, most, "y")];
    assert_eq!(first_holder(&world, children).verify(&world.roots).unwrap_err(), ProofFault::Overflow);
}

/// HC-F5.4, HC-P15, HC-P16: a sealed key is convicted by the note it was sealed for and by nothing else; without a licence no
/// endorsement convicts, and a licensed note's holder is not shown without his licence.
#[test]
fn a_sealed_key_is_convicted_by_its_note_alone() {
    let world = World::new("w");
    let cheat = key("cheat");
    let sealed = world.sealed_note(&cheat, 1_000, "n1");
    let both = |chain: &Chain| vec![child(&world, chain, &cheat, 600, "x"), child(&world, chain, &cheat, 401, "y")];
    let proof = OverspendingProof {
        held: Held::Note(sealed.note.clone()),
        children: both(&sealed),
        right: sealed.holder.clone(),
    };
    assert_eq!(proof.verify(&world.roots).unwrap().key(), cheat.public());
    let within = OverspendingProof { children: both(&sealed)[..1].to_vec(), ..proof.clone() };
    assert!(matches!(within.verify(&world.roots), Err(ProofFault::NotExceeded { .. })));
    let licensed = world.note(&cheat, 1_000, "n1");
    let stripped =
        OverspendingProof { held: Held::Note(licensed.note.clone()), children: both(&licensed), ..proof.clone() };
    assert_eq!(stripped.verify(&world.roots).unwrap_err(), ProofFault::Unlicensed);
    let victim = OverspendingProof { right: Right::Unlicensed(key("victim").public()), ..proof };
    assert_eq!(victim.verify(&world.roots).unwrap_err(), ProofFault::OtherHolder);
}
