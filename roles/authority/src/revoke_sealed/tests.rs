use zeni_message::{NoRefusal, Role, peer::SendError};
use zeni_note::{
    OverspendingProof, Right,
    messages::authority::{Disclose, DiscloseRefusal, GetRevocations},
    testing::{DAY, START, key, terms},
};
use zeni_store::testing::block_on;

use super::*;
use crate::{
    Violation,
    tests::{Bench, TARO, rows},
};

/// A proof that the sealed key `cheat` passed a note of 1,000 on twice.
fn proof(bench: &Bench, cheat: &zeni_crypto::SecretKey, serial: &str) -> OverspendingProof {
    let chain = bench.world.sealed_note(cheat, 1_000, serial);
    let children = ["one", "two"].map(|payee| bench.child(&chain, cheat, 1_000, payee)).to_vec();
    OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder }
}

fn revoke(bench: &Bench, proof: OverspendingProof) -> Result<u64, RevokeSealedRefusal> {
    bench.send(&RevokeSealed { proof })
}

fn list(bench: &Bench) -> RevocationList {
    let list: Result<_, SendError<NoRefusal>> = bench.send_as(Role::Wallet, &GetRevocations {});
    list.unwrap().verify(bench.network(), &bench.world.authority.public()).unwrap().record().clone()
}

fn outcomes(bench: &Bench) -> Vec<Outcome> {
    let report = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!((report.broken_at, report.list_head_found), (None, true));
    assert!(report.entries.iter().all(|entry| entry.name.is_none()));
    report.entries.iter().map(|entry| entry.outcome).collect()
}

/// HC-P15, HC-X46, RN-D22, DESIGN §5 "Trace": a key under seal that overspent stands on the next revocation list, with its own
/// entry in the log and no name; asked again, with other children or after a restart, nothing more happens.
#[test]
fn a_proof_lists_the_key() {
    let bench = Bench::new();
    let (cheat, honest) = (key("cheat"), key("honest"));
    let before = list(&bench);
    let first = proof(&bench, &cheat, "n");
    assert_eq!(revoke(&bench, first.clone()), Ok(1));
    let after = list(&bench);
    assert!(after.revokes(&cheat.public()) && !after.revokes(&honest.public()));
    assert_eq!((after.number, after.revoked.len()), (before.number + 1, 1));
    assert_eq!(outcomes(&bench), [Outcome::SealedRevoked]);
    let (dump, audit) = (bench.dump(), bench.audit());
    assert_eq!((audit.sealed_keys, audit.revoked, audit.violations), (1, 0, vec![]));

    let mut other = first.clone();
    let chain = bench.world.sealed_note(&cheat, 1_000, "n");
    other.children[1] = bench.child(&chain, &cheat, 900, "a third payee");
    let bench = bench.restarted();
    assert_eq!([revoke(&bench, other), revoke(&bench, first)], [Ok(1), Ok(1)]);
    assert_eq!(bench.dump(), dump);
    // what it passed on and who the payees were is nowhere
    assert!(!crate::tests::holds(&dump, &chain.note.record.serial[..]));
    assert!(!crate::tests::holds(&dump, &cheat.public().0));
}

/// HC-P12, HC-X39: the issuer, with its own key and one true signature of the victim, has nobody listed: refused and logged once.
/// Control: with a second signature of the victim the key is listed.
#[test]
fn nobody_is_listed_without_having_overspent() {
    let bench = Bench::new();
    let victim = key("victim");
    let chain = bench.world.sealed_note(&victim, 1_000, "n");
    let genuine = proof(&bench, &victim, "n");
    let forged = OverspendingProof {
        children: vec![genuine.children[0].clone(), bench.child(&chain, &bench.world.issuer, 1_000, "forged")],
        ..genuine.clone()
    };
    let single = OverspendingProof { children: genuine.children[..1].to_vec(), ..genuine.clone() };
    let doubled = OverspendingProof { children: vec![genuine.children[0].clone(); 2], ..genuine.clone() };
    let elsewhere = zeni_note::testing::World::new("elsewhere").sealed_note(&victim, 1_000, "n");
    let foreign = OverspendingProof { held: Held::Note(elsewhere.note), ..genuine.clone() };
    // a registered note, whose holder was licensed and is shown without his licence
    let registered = OverspendingProof {
        held: Held::Note(bench.world.note(&victim, 1_000, "n").note),
        right: Right::Unlicensed(victim.public()),
        ..genuine.clone()
    };
    let lies = [forged, single, doubled, foreign, registered];
    for _ in 0..2 {
        for lie in &lies {
            assert_eq!(revoke(&bench, lie.clone()), Err(RevokeSealedRefusal::NoProof));
        }
    }
    assert_eq!(outcomes(&bench), [Outcome::SealedNoProof; 5]);
    assert!(list(&bench).revoked.is_empty() && rows(&bench.dump(), "sealed_key").is_empty());
    assert_eq!(bench.audit().violations, []);
    assert_eq!(revoke(&bench, genuine), Ok(6));
    assert!(list(&bench).revokes(&victim.public()));
}

/// RN-F8.2, HC-R8: a licensed key is revoked by its disclosure alone; a key under seal is disclosed by nobody here; and only the
/// issuer asks.
#[test]
fn each_right_has_its_door() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let before = bench.dump();
    assert_eq!(revoke(&bench, bench.proof(&cheat, "n")), Err(RevokeSealedRefusal::Licensed));
    assert_eq!(bench.dump(), before);
    let sealed = proof(&bench, &key("sealed"), "s");
    assert_eq!(bench.send(&Disclose { proof: sealed.clone() }), Err(DiscloseRefusal::NoProof));
    for role in [Role::Wallet, Role::Bank, Role::Shop] {
        let message = RevokeSealed { proof: sealed.clone() };
        assert!(!matches!(bench.send_as(role, &message), Ok(_) | Err(SendError::Refused(_))));
    }
    assert!(list(&bench).revoked.is_empty());
}

/// RN-O21, HC-P20: the key drops out of the lists when nothing of its note can be accepted any more, and its row goes; the entry
/// in the log stays. A list made before is not false for that. Of two notes under one key the later one counts; one that no
/// list knows is listed for the stated term.
#[test]
fn a_key_is_listed_while_its_note_can_be_accepted() {
    let bench = Bench::new();
    let (cheat, stranger) = (key("cheat"), key("stranger"));
    revoke(&bench, proof(&bench, &cheat, "n")).unwrap();
    let mut unknown = proof(&bench, &stranger, "s");
    let Held::Note(note) = &unknown.held else { panic!("a note") };
    let note = zeni_note::Note { epoch: 99, ..note.record.clone() };
    let chain = zeni_note::Chain {
        note: Signed::sign(bench.network(), note, &bench.world.issuer),
        holder: unknown.right.clone(),
        hops: Vec::new(),
    };
    unknown.children = ["a", "b"].map(|payee| bench.child(&chain, &stranger, 700, payee)).to_vec();
    unknown.held = Held::Note(chain.note);
    revoke(&bench, unknown).unwrap();
    assert_eq!(list(&bench).revoked.len(), 2);

    let end = terms().deposit_until;
    let sound = |at: Time| {
        bench.at(at);
        block_on(bench.authority.tick()).unwrap();
        assert_eq!(bench.audit().violations, []);
        let named = list(&bench);
        [named.revokes(&cheat.public()), named.revokes(&stranger.public())]
    };
    assert_eq!(sound(START.plus(DAY).plus(30 * DAY)), [true, true]);
    assert_eq!(sound(START.plus(33 * DAY)), [true, false]);
    assert_eq!(sound(end), [true, false]);
    // the list in force still names it, its term being over
    assert_eq!(sound(end.plus(1)), [true, false]);
    assert_eq!(sound(end.plus(2 * DAY)), [false, false]);
    assert!(rows(&bench.dump(), "sealed_key").is_empty());
    assert_eq!(outcomes(&bench), [Outcome::SealedRevoked; 2]);
    let before = bench.dump();
    assert_eq!(revoke(&bench, proof(&bench, &cheat, "n")), Ok(1));
    assert_eq!(bench.dump(), before);
    // what is proven afterwards is logged and listed no more
    assert_eq!(revoke(&bench, proof(&bench, &key("late"), "l")), Ok(3));
    assert!(list(&bench).revoked.is_empty());
    assert_eq!(bench.audit().violations, []);
}

/// DESIGN §5 "Trace": a key slipped into the revoked ones without a proof, and one that is taken out, are found by the audit.
#[test]
fn the_audit_finds_keys_without_proof() {
    let bench = Bench::new();
    revoke(&bench, proof(&bench, &key("cheat"), "n")).unwrap();
    bench.tamper("UPDATE sealed_key SET digest = zeroblob(32)", &[]);
    let violations = bench.audit().violations;
    let zeros = Digest([0; 32]).to_string();
    assert!(violations.contains(&Violation::SealedNotLogged { key_digest: zeros }));
    assert!(violations.contains(&Violation::ListDiffers { missing: 1, surplus: 1 }));
}
