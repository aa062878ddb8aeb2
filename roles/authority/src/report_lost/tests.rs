use zeni_message::Role;
use zeni_note::{
    messages::authority::{GetLicencesRefusal, GetRevocations},
    testing::{DAY, START, key},
};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, TARO, rows};

fn report(bench: &Bench, secret: &str) -> Result<u32, ReportLostRefusal> {
    bench.send(&ReportLost { secret: secret.into() })
}

/// RN-X31: all licences of the person, and only his, are revoked at once; he is accused of nothing: no disclosure, no name.
#[test]
fn a_loss_revokes_all_licences_of_the_person() {
    let bench = Bench::new();
    let (one, two, other) = (key("one"), key("two"), key("other"));
    bench.license(TARO, &[&one, &two]);
    bench.license(JIRO, &[&other]);
    assert_eq!(report(&bench, TARO), Ok(2));
    let list = bench.send_as(Role::Shop, &GetRevocations {}).unwrap().record;
    assert!(list.revokes(&one.public()) && list.revokes(&two.public()) && !list.revokes(&other.public()));
    let dump = bench.dump();
    assert!(rows(&dump, "disclosure").is_empty() && rows(&dump, "answer").is_empty());
    assert_eq!(bench.audit().violations, []);
}

/// The same report again gives the same answer and changes nothing; an unknown secret is refused and changes nothing.
#[test]
fn a_repeated_report_changes_nothing() {
    let bench = Bench::new();
    bench.license(TARO, &[&key("one")]);
    report(&bench, TARO).unwrap();
    let before = bench.dump();
    bench.at(START.plus(4 * DAY));
    let bench = bench.restarted();
    assert_eq!(report(&bench, TARO), Ok(1));
    assert_eq!(report(&bench, "a guess"), Err(ReportLostRefusal::UnknownPerson));
    assert_eq!(bench.dump(), before);
}

/// Whoever finds the card's secrets gets no licence after the report; the person does, once reinstated, and what was
/// revoked stays so.
#[test]
fn licences_come_back_after_reinstatement_only() {
    let bench = Bench::new();
    bench.license(TARO, &[&key("old")]);
    report(&bench, TARO).unwrap();
    let asking = bench.asking(TARO, &[&key("new")]);
    assert_eq!(bench.send(&asking), Err(GetLicencesRefusal::Suspended));
    assert_eq!(block_on(bench.authority.reinstate("p1")), Ok(Status::Lost));
    assert!(bench.send(&asking).is_ok());
    let list = bench.send_as(Role::Shop, &GetRevocations {}).unwrap().record;
    assert!(list.revokes(&key("old").public()) && !list.revokes(&key("new").public()));
    assert_eq!(report(&bench, TARO), Ok(2));
    assert_eq!(bench.audit().violations, []);
}

/// A loss counts also before the first licence: no licence comes after it.
#[test]
fn a_loss_without_licences_counts() {
    let bench = Bench::new();
    assert_eq!(report(&bench, TARO), Ok(0));
    assert_eq!(bench.send(&bench.asking(TARO, &[&key("new")])), Err(GetLicencesRefusal::Suspended));
}

/// A person whose name was opened does not turn into one who lost a card.
#[test]
fn a_loss_clears_nobody() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    let before = bench.dump();
    assert_eq!(report(&bench, TARO), Ok(1));
    assert_eq!(bench.dump(), before);
    assert_eq!(block_on(bench.authority.reinstate("p1")), Ok(Status::Suspended));
}
