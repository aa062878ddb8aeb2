use zeni_note::{messages::authority::ReportLost, testing::key};

use super::*;
use crate::tests::{Bench, JIRO, TARO};

/// A bench with a case, a loss, an honest person, and two revoked keys.
fn lived() -> Bench {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    bench.license(JIRO, &[&key("lost")]);
    bench.license(crate::tests::SHOP, &[&key("till")]);
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    bench.send(&ReportLost { secret: JIRO.into() }).unwrap();
    bench
}

fn found(sql: &'static str) -> Vec<Violation> {
    let bench = lived();
    bench.tamper(sql, &[]);
    let before = bench.dump();
    let violations = bench.audit().violations;
    assert_eq!(bench.dump(), before, "an audit repairs nothing");
    violations
}

/// The figures of an untouched database, and no violation.
#[test]
fn all_is_well() {
    let report = lived().audit();
    let expected = AuditReport {
        persons: 3,
        licences: 3,
        revoked: 2,
        sealed_keys: 0,
        key_lists: 1,
        disclosures: 1,
        list: 2,
        violations: vec![],
    };
    assert_eq!(report, expected);
}

/// RN-D2, RN-X40: a licence row that belongs to nobody, or that was moved to another person or altered, is found.
#[test]
fn false_licence_rows_are_found() {
    let named = |seed: &str| key_digest(&key(seed).public()).to_string();
    let till = "UPDATE licence SET person = 'nobody' WHERE person = 'p3'";
    assert_eq!(found(till), [Violation::LicenceWithoutPerson { key_digest: named("till") }]);
    let until = "UPDATE licence SET until = until + 1 WHERE person = 'p3'";
    assert_eq!(found(until), [Violation::LicenceFalse { key_digest: named("till") }]);
    let digest = "UPDATE licence SET digest = key WHERE person = 'p3'";
    assert_eq!(found(digest), [Violation::LicenceFalse { key_digest: named("till") }]);
}

/// RN-O16: a revocation that was taken back by hand is found twice: in the row and against the list.
#[test]
fn revocations_taken_back_are_found() {
    let violations = found("UPDATE licence SET revoked_at = NULL WHERE person = 'p1'");
    let key_digest = key_digest(&key("cheat").public()).to_string();
    let expected = [Violation::NotRevoked { key_digest }, Violation::ListDiffers { missing: 0, surplus: 1 }];
    assert_eq!(violations, expected);
    let violations = found("UPDATE licence SET revoked_at = NULL WHERE person = 'p2'");
    let key_digest = zeni_note::licence::key_digest(&key("lost").public()).to_string();
    assert_eq!(violations[0], Violation::NotRevoked { key_digest });
    let violations = found("UPDATE licence SET revoked_at = 1 WHERE person = 'p3'");
    assert_eq!(violations, [Violation::ListDiffers { missing: 1, surplus: 0 }]);
}

/// RN-D22: a missing or altered list is found.
#[test]
fn false_lists_are_found() {
    assert_eq!(found("DELETE FROM revocation_list"), [Violation::ListMissing]);
    assert_eq!(found("UPDATE revocation_list SET number = 7"), [Violation::ListFalse]);
    assert_eq!(found("UPDATE revocation_list SET list = CAST('x' AS BLOB)"), [Violation::ListFalse]);
}

/// DESIGN §5: a log that lost its only entry is found by the head in the published list.
#[test]
fn a_shortened_log_is_found() {
    let expected = [Violation::NotLogged { number: 1 }, Violation::ListHeadUnknown];
    assert_eq!(found("DELETE FROM disclosure"), expected);
    assert_eq!(found("UPDATE answer SET number = 2"), [Violation::NotLogged { number: 2 }]);
}

/// RN-X9: an altered key list is found.
#[test]
fn false_key_lists_are_found() {
    assert_eq!(found("UPDATE key_list SET list = CAST('x' AS BLOB)"), [Violation::KeyListFalse { place: 0 }]);
}
