use zeni_note::testing::{DAY, START, key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, SHOP, TARO, rows};

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
    assert_eq!(outcomes(&bench), [Outcome::SamePerson, Outcome::OtherPerson]);
    let after = bench.dump();
    for table in ["person", "licence", "revocation_list"] {
        assert_eq!(rows(&before, table), rows(&after, table));
    }
    assert!(rows(&after, "answer").iter().all(|row| row.opt_text(3) == Ok(None)));
    assert_eq!(bench.audit().violations, []);
}

/// RN-P7: the answer says yes or no and nothing more: about two keys of one person and about keys of two persons it is the
/// same bytes, so an issuer cannot group keys by person. Control: the overspender's own key is told apart.
#[test]
fn an_answer_groups_no_keys() {
    let bench = Bench::new();
    let (cheat, own, one, two, other) = (key("cheat"), key("own"), key("one"), key("two"), key("other"));
    bench.license(TARO, &[&cheat, &own]);
    bench.license(JIRO, &[&one, &two]);
    bench.license(SHOP, &[&other]);
    let answer = |payee: &zeni_crypto::SecretKey| {
        let message = SamePerson { proof: bench.proof(&cheat, "n"), payee: payee.public() };
        encode(&ask(&bench, &message).unwrap())
    };
    assert_eq!(answer(&one), answer(&two));
    assert_eq!(answer(&one), answer(&other));
    assert_ne!(answer(&own), answer(&one));
}

/// RN-P7: an issuer that asks about every key it ever saw is refused from the 1,025th payee of a case on; what was
/// answered is still answered, and another case has its own count (control).
#[test]
fn a_case_is_no_register_of_keys() {
    let bench = Bench::new();
    let (cheat, one, two, three) = (key("cheat"), key("one"), key("two"), key("three"));
    bench.license(TARO, &[&cheat]);
    bench.license(JIRO, &[&one, &two, &three]);
    let about = |payee: &zeni_crypto::SecretKey| SamePerson { proof: bench.proof(&cheat, "n"), payee: payee.public() };
    let first = ask(&bench, &about(&one)).unwrap();
    // as if 1,022 others had been asked about
    bench
        .store
        .write_blocking(Caller::default(), |tx| {
            let sql = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1023) \
            INSERT INTO answer (request, number, key, reply, subject) \
            SELECT CAST('question ' || n.i AS BLOB), 1, key, reply, subject FROM answer, n WHERE number = 1";
            Ok::<_, zeni_store::JobError<()>>(tx.execute(sql, &[])?)
        })
        .unwrap();
    ask(&bench, &about(&two)).expect("the 1,024th");
    let before = bench.dump();
    for _ in 0..2 {
        assert_eq!(ask(&bench, &about(&three)), Err(DiscloseRefusal::AskedEnough { max: 1_024 }));
    }
    assert_eq!(ask(&bench, &about(&one)).unwrap(), first);
    assert_eq!(bench.dump(), before);
    let other_case = SamePerson { proof: bench.proof(&cheat, "m"), payee: three.public() };
    assert!(ask(&bench, &other_case).is_ok());
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

/// HC-F5.4: no payee is compared with the holder of a sealed key; a payee that nobody registered is unknown.
#[test]
fn sealed_keys_are_compared_with_nobody() {
    let bench = Bench::new();
    let (cheat, other) = (key("cheat"), key("other"));
    bench.license(TARO, &[&cheat]);
    bench.license(JIRO, &[&other]);
    let chain = bench.world.sealed_note(&cheat, 1_000, "sealed");
    let children = ["one", "two"].map(|payee| bench.child(&chain, &cheat, 1_000, payee)).to_vec();
    let proof =
        zeni_note::OverspendingProof { held: zeni_note::proof::Held::Note(chain.note), children, right: chain.holder };
    let refused = ask(&bench, &SamePerson { proof, payee: other.public() });
    assert_eq!(refused, Err(DiscloseRefusal::NoProof));
    let terminal = SamePerson { proof: bench.proof(&cheat, "n"), payee: key("shop without a licence").public() };
    assert_eq!(ask(&bench, &terminal), Err(DiscloseRefusal::UnknownKey));
}
