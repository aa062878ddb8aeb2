//! Documents verify with an independent COSE implementation (DESIGN §1.7).

use std::{fs, process::Command};

use zeni_crypto::Digest;
use zeni_message::{Record, Signed};
use zeni_note::{
    OverspendingProof,
    chain::Endorsement,
    proof::{Child, Equation, Held},
    testing::{START, World, amount, key},
};

use crate::repository::root;

mod wire;

/// Whether the Python libraries accept `document` as signed by `by`.
fn accepted<T: Record>(world: &World, document: &[u8], by: Digest) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("document.cose");
    fs::write(&path, document).unwrap();
    let output = Command::new("python3")
        .arg(root().join("tests/interop/verify.py"))
        .arg(&path)
        .args([&by.to_string(), T::KIND, &T::VERSION.to_string(), &world.network().0.to_string()])
        .output()
        .expect("python3 with the packages cbor2 and cryptography is needed");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("ModuleNotFoundError"), "python3 -m pip install cbor2 cryptography: {said}");
    assert!(!said.contains("AssertionError"), "{said}");
    output.status.success()
}

/// A note as exported is a COSE_Sign1 that anyone can verify; one changed byte in content or signature, and he refuses.
#[test]
fn a_note_verifies_elsewhere() {
    let world = World::new("interop");
    let note = world.note(&key("holder"), 1_000, "n1").note;
    let document = note.to_document(world.network());
    let issuer = Digest(world.roots.issuer.0);
    assert!(accepted::<zeni_note::Note>(&world, &document, issuer));
    assert!(!accepted::<zeni_note::Note>(&world, &document, Digest(world.roots.authority.0)), "another key");
    let mut forged = document.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(!accepted::<zeni_note::Note>(&world, &forged, issuer), "another signature");
    let raised = Signed { record: zeni_note::Note { face: amount(2_000), ..note.record }, signature: note.signature };
    assert!(!accepted::<zeni_note::Note>(&world, &raised.to_document(world.network()), issuer), "another amount");
}

/// RN-F8.2: an exported proof of overspending is a COSE_Sign1 of the issuer, and so checks out elsewhere.
#[test]
fn a_proof_verifies_elsewhere() {
    let world = World::new("interop");
    let cheat = key("cheat");
    let chain = world.note(&cheat, 1_000, "n1");
    let child = |seed: &str| {
        let challenge = world.challenge(&key(seed), 600, seed, START);
        let answer = challenge.answer(world.network());
        let endorsement = Endorsement { parent: world.leaf(&chain), amount: amount(600), answer };
        let signature = Signed::sign(world.network(), endorsement, &cheat).signature;
        Child::Endorsement { endorsement, signature, equation: Equation::Strict }
    };
    let proof = OverspendingProof {
        held: Held::Note(chain.note.clone()),
        children: vec![child("x"), child("y")],
        right: chain.holder.clone(),
    };
    assert!(proof.verify(&world.roots).is_ok());
    let signed = Signed::sign(world.network(), proof, &world.issuer);
    let document = signed.to_document(world.network());
    assert!(accepted::<OverspendingProof>(&world, &document, Digest(world.roots.issuer.0)));
    assert!(!accepted::<OverspendingProof>(&world, &document, Digest(cheat.public().0)), "control: another key");
}
