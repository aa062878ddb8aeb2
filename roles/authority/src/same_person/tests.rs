use zeni_note::testing::{DAY, START, key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, TARO, rows};

fn ask(bench: &Bench, message: &SamePerson) -> Result<SamePersonAnswer, DiscloseRefusal> {
    bench.send(message)
}

fn outcomes(bench: &Bench) -> Vec<Outcome> {
    let report = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!(report.broken_at, None);
    report.entries.iter().map(|entry| entry.outcome).collect()
}

/// DESIGN §5 "Excess", RN-O17: yes for the overspender's own other key, no for another person's; both logged, nobody
/// named, nothing revoked.
#[test]
fn yes_or_no_and_no_name() {
    let bench = Bench::new();
    let (cheat, own, other) = (key("cheat"), key("own"), key("other"));
    bench.license(TARO, &[&cheat, &own]);
    bench.license(JIRO, &[&other]);
    let before = bench.dump();
    let proof = bench.proof(&cheat, "n");
    let yes = ask(&bench, &SamePerson { proof: proof.clone(), payee: own.public() }).unwrap();
    let no = ask(&bench, &SamePerson { proof, payee: other.public() }).unwrap();
    assert!(yes.same && !no.same);
    assert_ne!(yes.payee, no.payee);
    assert_eq!(outcomes(&bench), [Outcome::SamePerson, Outcome::OtherPerson]);
    let after = bench.dump();
    for table in ["person", "licence", "revocation_list"] {
        assert_eq!(rows(&before, table), rows(&after, table));
    }
    assert!(rows(&after, "answer").iter().all(|row| row.opt_text(3) == Ok(None)));
    assert_eq!(bench.audit().violations, []);
}

/// The payee's handle is the same for all his keys within a case, and links nothing to another case or to the handle that
/// a disclosure gives.
#[test]
fn the_handle_is_of_the_case() {
    let bench = Bench::new();
    let (cheat, again, one, two) = (key("cheat"), key("again"), key("one"), key("two"));
    bench.license(TARO, &[&cheat, &again]);
    bench.license(JIRO, &[&one, &two]);
    let handle = |cheat: &zeni_crypto::SecretKey, serial: &str, payee: &zeni_crypto::SecretKey| {
        let message = SamePerson { proof: bench.proof(cheat, serial), payee: payee.public() };
        ask(&bench, &message).unwrap().payee
    };
    assert_eq!(handle(&cheat, "n", &one), handle(&cheat, "n", &two));
    assert_ne!(handle(&cheat, "n", &one), handle(&cheat, "m", &one));
    assert_ne!(handle(&cheat, "n", &one), handle(&again, "n", &one));
    let disclosed = bench.disclose(bench.proof(&one, "p")).unwrap();
    assert_ne!(handle(&cheat, "n", &one), disclosed.person);
}

/// RN-X38: without a proof no question about persons is answered; the attempt is logged once. Control: with the proof it is.
#[test]
fn without_proof_no_answer() {
    let bench = Bench::new();
    let (victim, payee) = (key("victim"), key("payee"));
    bench.license(TARO, &[&victim]);
    bench.license(JIRO, &[&payee]);
    let proof = bench.proof(&victim, "n");
    let mut fishing = SamePerson { proof: proof.clone(), payee: payee.public() };
    fishing.proof.children.truncate(1);
    for _ in 0..2 {
        assert_eq!(ask(&bench, &fishing), Err(DiscloseRefusal::NoProof));
    }
    assert_eq!(outcomes(&bench), [Outcome::SamePersonNoProof]);
    assert!(ask(&bench, &SamePerson { proof, payee: payee.public() }).is_ok());
}

/// RN-X39: one of the keys is not registered.
#[test]
fn an_unknown_key_is_an_alarm() {
    let bench = Bench::new();
    let (cheat, ghost) = (key("cheat"), key("ghost"));
    bench.license(TARO, &[&cheat]);
    let message = SamePerson { proof: bench.proof(&cheat, "n"), payee: ghost.public() };
    for _ in 0..2 {
        assert_eq!(ask(&bench, &message), Err(DiscloseRefusal::UnknownKey));
    }
    assert_eq!(outcomes(&bench), [Outcome::SamePersonUnknownKey]);
}

/// DESIGN §1.3: the same question again, also after a restart, gives the same answer and no second entry.
#[test]
fn a_retry_makes_no_second_entry() {
    let bench = Bench::new();
    let (cheat, payee) = (key("cheat"), key("payee"));
    bench.license(TARO, &[&cheat, &payee]);
    let message = SamePerson { proof: bench.proof(&cheat, "n"), payee: payee.public() };
    let first = ask(&bench, &message).unwrap();
    let before = bench.dump();
    bench.at(START.plus(9 * DAY));
    let bench = bench.restarted();
    assert_eq!(ask(&bench, &message).unwrap(), first);
    assert_eq!(bench.dump(), before);
}
