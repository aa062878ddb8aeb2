use zeni_note::{licence::person_digest, messages::authority::GetLicencesRefusal, testing::key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, TARO, file, rows};

/// RN-F1.2: persons come from the authority's file; the same file again changes nothing.
#[test]
fn loading_is_idempotent() {
    let bench = Bench::empty();
    let loaded = block_on(bench.authority.load_persons(&file())).unwrap();
    assert_eq!(loaded, Loaded { added: 3, changed: 0, unchanged: 0 });
    let before = bench.dump();
    let loaded = block_on(bench.authority.load_persons(&file())).unwrap();
    assert_eq!(loaded, Loaded { added: 0, changed: 0, unchanged: 3 });
    assert_eq!(bench.dump(), before);
    // the secret itself is not there
    assert!(!crate::tests::holds(&before, TARO.as_bytes()));
}

/// A changed row is taken over, without changing how the person stands; the old secret is dead.
#[test]
fn a_changed_secret_replaces_the_old_one() {
    let bench = Bench::new();
    bench.license(TARO, &[&key("one")]);
    bench.send(&zeni_note::messages::authority::ReportLost { secret: TARO.into() }).unwrap();
    let mut changed = file();
    changed[0].secret = person_digest("new secret");
    let loaded = block_on(bench.authority.load_persons(&changed)).unwrap();
    assert_eq!(loaded, Loaded { added: 0, changed: 1, unchanged: 2 });
    changed[0].keeper = Keeper::Card;
    let loaded = block_on(bench.authority.load_persons(&changed)).unwrap();
    assert_eq!(loaded, Loaded { added: 0, changed: 1, unchanged: 2 });
    changed[0].public_name = true;
    let loaded = block_on(bench.authority.load_persons(&changed)).unwrap();
    assert_eq!(loaded, Loaded { added: 0, changed: 1, unchanged: 2 });
    let ask = |secret| bench.send(&bench.asking(secret, &[&key("two")]));
    assert_eq!(ask(TARO), Err(GetLicencesRefusal::UnknownPerson));
    assert_eq!(ask("new secret"), Err(GetLicencesRefusal::Suspended));
    block_on(bench.authority.reinstate("p1")).unwrap();
    assert!(ask("new secret").is_ok());
}

/// A file that contradicts itself or the database is refused whole.
#[test]
fn a_contradictory_file_is_refused() {
    let bench = Bench::new();
    let before = bench.dump();
    let load = |change: &dyn Fn(&mut Vec<Person>)| {
        let mut persons = file();
        persons.push(Person { id: "p4".into(), secret: person_digest("fourth"), ..persons[0].clone() });
        change(&mut persons);
        block_on(bench.authority.load_persons(&persons)).unwrap_err()
    };
    let text = Failure::Refused(LoadRefusal::Text { id: "p4".into() });
    assert_eq!(load(&|persons| persons[3].name = "nul \0".into()), text);
    assert_eq!(load(&|persons| persons[3].name = "x".repeat(257)), text);
    assert_eq!(load(&|persons| persons[3].name.clear()), text);
    let repeated = Failure::Refused(LoadRefusal::Repeated { id: "p1".into() });
    assert_eq!(load(&|persons| persons[3].id = "p1".into()), repeated);
    let taken = Failure::Refused(LoadRefusal::SecretTaken { id: "p4".into() });
    assert_eq!(load(&|persons| persons[3].secret = person_digest(JIRO)), taken);
    assert_eq!(
        load(&|persons| {
            persons[3].secret = person_digest(JIRO);
            persons.remove(1);
        }),
        taken
    );
    assert_eq!(bench.dump(), before);
}

/// Nobody unknown is reinstated; who stands well stays so, without a write.
#[test]
fn reinstatement() {
    let bench = Bench::new();
    let before = bench.dump();
    let unknown = Failure::Refused(ReinstateRefusal::UnknownPerson);
    assert_eq!(block_on(bench.authority.reinstate("p9")), Err(unknown));
    assert_eq!(block_on(bench.authority.reinstate("p1")), Ok(Status::Good));
    assert_eq!(bench.dump(), before);
    assert_eq!(rows(&before, "person").len(), 3);
}
