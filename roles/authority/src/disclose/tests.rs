use zeni_crypto::SecretKey;
use zeni_note::{
    proof::Child,
    testing::{DAY, START, key},
};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, TARO, rows};

fn outcomes(bench: &Bench) -> Vec<Outcome> {
    let report = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!((report.broken_at, report.list_head_found), (None, true));
    report.entries.iter().map(|entry| entry.outcome).collect()
}

/// The report that `adversary` fabricates against `victim`, who signed away one endorsement and no more: the second is
/// signed by the adversary's own key.
fn fabricated(bench: &Bench, victim: &SecretKey, adversary: &SecretKey) -> OverspendingProof {
    let chain = bench.world.note(victim, 1_000, "victim's note");
    let children = vec![bench.child(&chain, victim, 1_000, "real"), bench.child(&chain, adversary, 1_000, "false")];
    OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder }
}

/// RN-F8.2, F8.3, F8.4, RN-P2, RN-D17: a genuine proof opens the name behind the key, from whichever of the person's keys.
#[test]
fn a_proof_opens_the_name() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat, &key("his other")]);
    bench.license(JIRO, &[&key("honest")]);
    let disclosed = bench.disclose(bench.proof(&cheat, "n")).unwrap();
    assert_eq!((disclosed.number, disclosed.name.as_str(), disclosed.revoked), (1, "Yamada Taro", 2));
    assert_eq!(outcomes(&bench), [Outcome::Opened]);
    assert_eq!(bench.audit().violations, []);
}

/// RN-P19: issuer, banks and shops together, with the issuer's key and one true signature of the victim, fabricate a
/// report: refused, nobody is named or revoked. Control: with a second signature of the victim himself it opens.
#[test]
fn nobody_can_be_framed() {
    let bench = Bench::new();
    let (victim, adversary) = (key("victim"), key("colluding shop"));
    bench.license(TARO, &[&victim]);
    bench.license(JIRO, &[&adversary]);
    let report = fabricated(&bench, &victim, &adversary);
    assert_eq!(bench.disclose(report.clone()), Err(DiscloseRefusal::NoProof));
    // his one signature twice, and under the other equation
    let mut doubled = report.clone();
    doubled.children[1] = doubled.children[0].clone();
    assert_eq!(bench.disclose(doubled), Err(DiscloseRefusal::NoProof));
    // his one signature alone, and a note made out smaller than it was
    let mut single = report.clone();
    single.children.truncate(1);
    let Held::Note(note) = single.held.clone() else { panic!("a note") };
    let smaller = zeni_note::Note { face: zeni_note::testing::amount(1), ..note.record };
    single.held = Held::Note(Signed::sign(bench.network(), smaller, &bench.world.issuer));
    assert_eq!(bench.disclose(single), Err(DiscloseRefusal::NoProof));
    let dump = bench.dump();
    assert!(rows(&dump, "licence").iter().all(|row| row.opt_int(6) == Ok(None)));
    assert!(rows(&dump, "person").iter().all(|row| row.int(5) == Ok(Status::Good.code())));
    assert!(rows(&dump, "answer").is_empty());

    let chain = bench.world.note(&victim, 1_000, "victim's note");
    let mut genuine = report;
    genuine.children[1] = bench.child(&chain, &victim, 1_000, "second");
    assert_eq!(bench.disclose(genuine).unwrap().name, "Yamada Taro");
}

/// RN-X38: evidence that proves nothing is logged once as refused, opens nothing, and does not even tell whether the key
/// is known: the entry for a stranger's key is the same.
#[test]
fn bad_evidence_is_logged_and_looks_nothing_up() {
    let bench = Bench::new();
    let (victim, stranger) = (key("victim"), key("stranger"));
    bench.license(TARO, &[&victim]);
    for known in [&victim, &stranger] {
        let report = fabricated(&bench, known, &key("adversary"));
        for _ in 0..3 {
            assert_eq!(bench.disclose(report.clone()), Err(DiscloseRefusal::NoProof));
        }
    }
    assert_eq!(outcomes(&bench), [Outcome::NoProof, Outcome::NoProof]);
    assert_eq!(bench.audit().violations, []);
}

/// RN-X38, RN-X1: proof for a licence of another authority or another network proves nothing here.
#[test]
fn proofs_of_other_networks_prove_nothing() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let elsewhere = zeni_note::testing::World::new("elsewhere");
    let mut proof = bench.proof(&cheat, "n");
    proof.right = elsewhere.licence(cheat.public()).into();
    assert_eq!(bench.disclose(proof), Err(DiscloseRefusal::NoProof));
}

/// RN-X39: a genuine licence on a key that was never registered means that the authority's key or database is
/// compromised: nobody is named, the alarm stands in the log, once.
#[test]
fn an_unknown_key_is_an_alarm() {
    let bench = Bench::new();
    let ghost = key("ghost");
    let before = bench.dump();
    for _ in 0..2 {
        assert_eq!(bench.disclose(bench.proof(&ghost, "n")), Err(DiscloseRefusal::UnknownKey));
    }
    assert_eq!(outcomes(&bench), [Outcome::UnknownKey]);
    let after = bench.dump();
    for table in ["person", "licence", "answer", "revocation_list"] {
        assert_eq!(rows(&before, table), rows(&after, table));
    }
}

/// RN-X27, DESIGN §1.3: the same case again, also with other children and after a restart, gives the same bytes and
/// changes nothing.
#[test]
fn a_retry_makes_no_second_entry() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let proof = bench.proof(&cheat, "n");
    let first = bench.disclose(proof.clone()).unwrap();
    let before = bench.dump();
    bench.at(START.plus(5 * DAY));
    let bench = bench.restarted();
    assert_eq!(bench.disclose(proof.clone()).unwrap(), first);
    let chain = bench.world.note(&cheat, 1_000, "n");
    let mut other = proof;
    other.children[1] = bench.child(&chain, &cheat, 1_000, "a third payee");
    assert_eq!(bench.disclose(other).unwrap(), first);
    assert_eq!(bench.dump(), before);
}

/// RN-O16, RN-P13: disclosure revokes all licences of the person, known and unknown to the issuer, and only his, in the
/// same transaction as the new list and the log entry that it carries.
#[test]
fn disclosure_revokes_all_licences_of_the_person() {
    let bench = Bench::new();
    let (cheat, spare, honest) = (key("cheat"), key("spare"), key("honest"));
    bench.license(TARO, &[&cheat, &spare]);
    bench.license(JIRO, &[&honest]);
    let get = zeni_note::messages::authority::GetRevocations {};
    let before = bench.send_as(zeni_message::Role::Wallet, &get).unwrap().record;
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    let list = bench.send_as(zeni_message::Role::Wallet, &get).unwrap();
    let list = list.verify(bench.network(), &bench.world.authority.public()).unwrap();
    let list = list.record();
    assert!(list.revokes(&cheat.public()) && list.revokes(&spare.public()));
    assert!(!list.revokes(&honest.public()));
    assert_eq!((list.number, list.revoked.len()), (before.number + 1, 2));
    let report = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!((report.head, report.list), (list.log_head.to_string(), Some(list.number)));
    assert_ne!(list.log_head, before.log_head);
}

/// A second case of the same person is a second disclosure with the same handle; another person's handle differs.
#[test]
fn handles_stand_for_persons() {
    let bench = Bench::new();
    let (one, two, other) = (key("one"), key("two"), key("other"));
    bench.license(TARO, &[&one, &two]);
    bench.license(JIRO, &[&other]);
    let first = bench.disclose(bench.proof(&one, "a")).unwrap();
    let second = bench.disclose(bench.proof(&two, "b")).unwrap();
    let third = bench.disclose(bench.proof(&other, "c")).unwrap();
    assert_eq!([first.number, second.number, third.number], [1, 2, 3]);
    assert_eq!(first.person, second.person);
    assert_ne!(first.person, third.person);
    assert_eq!(bench.audit().violations, []);
}

/// DESIGN §5: whoever has the database cannot leave out, alter or forget an entry unseen, nor a list's head.
#[test]
fn the_log_shows_tampering() {
    let tampered = [
        "UPDATE disclosure SET made = made + 1 WHERE number = 2",
        "UPDATE disclosure SET outcome = 2 WHERE number = 2",
        "UPDATE disclosure SET key_digest = evidence WHERE number = 2",
        "UPDATE disclosure SET evidence = key_digest WHERE number = 2",
        "UPDATE disclosure SET head = evidence WHERE number = 2",
        "UPDATE disclosure SET number = 9 WHERE number = 2",
        "DELETE FROM disclosure WHERE number = 2",
        "DELETE FROM disclosure WHERE number = 3",
    ];
    for sql in tampered {
        let bench = Bench::new();
        let cheats = ["a", "b", "c"].map(key);
        bench.license(TARO, &cheats.iter().collect::<Vec<_>>());
        for (cheat, serial) in cheats.iter().zip(["1", "2", "3"]) {
            bench.disclose(bench.proof(cheat, serial)).unwrap();
        }
        assert_eq!(bench.audit().violations, []);
        bench.tamper(sql, &[]);
        let report = block_on(bench.authority.disclosures()).unwrap();
        assert!(report.broken_at.is_some() || !report.list_head_found, "unseen: {sql}");
        assert!(!bench.audit().violations.is_empty(), "unseen: {sql}");
    }
}

/// DESIGN §5: an operator who removes the newest entry leaves a chain that is whole; the head in the published list still
/// gives him away. Control: without that list nothing would.
#[test]
fn the_published_head_shows_a_shortened_log() {
    let bench = Bench::new();
    let cheats = ["a", "b"].map(key);
    bench.license(TARO, &cheats.iter().collect::<Vec<_>>());
    for (cheat, serial) in cheats.iter().zip(["1", "2"]) {
        bench.disclose(bench.proof(cheat, serial)).unwrap();
    }
    bench.tamper("DELETE FROM disclosure WHERE number = 2", &[]);
    let report = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!((report.broken_at, report.list_head_found), (None, false));
    bench.tamper("DELETE FROM revocation_list", &[]);
    let control = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!((control.broken_at, control.list_head_found), (None, true));
}

/// RN-X29: a middle holder is named by the endorsement to him, without its giver.
#[test]
fn a_middle_holder_is_named() {
    let bench = Bench::new();
    let (first, middle) = (key("first"), key("middle"));
    bench.license(JIRO, &[&first]);
    bench.license(TARO, &[&middle]);
    let chain = bench.world.pay(&bench.world.note(&first, 1_000, "n"), &first, &middle, 700, "hop");
    let hop = chain.hops[0].clone();
    let held = Held::Endorsement {
        endorsement: zeni_note::chain::Endorsement {
            parent: chain.note.identity(bench.network()),
            amount: hop.amount,
            answer: hop.opening.answer_for(&middle.public()),
        },
        opening: hop.opening,
    };
    let children: Vec<Child> =
        [("x", 400), ("y", 301)].map(|(seed, value)| bench.child(&chain, &middle, value, seed)).to_vec();
    let disclosed = bench.disclose(OverspendingProof { held, children, right: hop.payee }).unwrap();
    assert_eq!(disclosed.name, "Yamada Taro");
    let dump = bench.dump();
    let revoked = rows(&dump, "licence").iter().filter(|row| row.opt_int(6) != Ok(None)).count();
    assert_eq!(revoked, 1);
}

/// HC-F5.4, HC-P4: a key that was sealed to the issuer is its bank's to name. The same two signatures that convict it prove
/// nothing here, not even if the key happens to be registered. Control: shown as a licensed key's, they open the name.
#[test]
fn a_sealed_key_is_not_the_authoritys_to_name() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let proof_of = |chain: zeni_note::Chain| {
        let children = ["one", "two"].map(|payee| bench.child(&chain, &cheat, 1_000, payee)).to_vec();
        OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder }
    };
    let sealed = proof_of(bench.world.sealed_note(&cheat, 1_000, "sealed"));
    assert_eq!(sealed.verify(&bench.world.roots).map(|convicted| convicted.key()), Ok(cheat.public()));
    assert_eq!(bench.disclose(sealed), Err(DiscloseRefusal::NoProof));
    assert!(rows(&bench.dump(), "answer").is_empty());

    let licensed = proof_of(bench.world.note(&cheat, 1_000, "licensed"));
    assert_eq!(bench.disclose(licensed).unwrap().name, "Yamada Taro");
}
