use alloc::{string::ToString, vec::Vec};

use zeni_message::{decode, encode};

use super::*;
use crate::testing::key;

/// DESIGN §4: a bank reports its keys of several epochs at once, more than a small message holds; the limits of report and
/// record are the same.
#[test]
fn a_report_of_many_keys_fits() {
    let signed: Vec<(Digest, u64)> =
        (0..2_048u32).map(|index| (zeni_crypto::sha256(&[&index.to_be_bytes()]), u64::MAX)).collect();
    let end = LogEnd { number: u64::MAX, head: zeni_crypto::sha256(&[b"end"]) };
    let identifications = Some(LogReport { before: end, end });
    let counts = Counts { bank: "aoba".to_string(), number: 1, signed, totals: Vec::new(), identifications };
    let report = ReportCounts { counts: Signed::sign(crate::testing::World::new("w").network(), counts, &key("aoba")) };
    let bytes = encode(&report);
    assert!(bytes.len() > SMALL_MESSAGE_BYTES_MAX);
    assert_eq!(decode(&bytes, ReportCounts::MAX), Ok(report));
    assert_eq!((Counts::MAX, ReportCounts::MAX), (262_144, 262_144));
}

/// HC-F5.6: a log goes on from where a report left it only with that entry in it and no fewer after it.
#[test]
fn a_log_goes_on_from_its_report() {
    let mark = |number, word: &str| LogEnd { number, head: zeni_crypto::sha256(&[word.as_bytes()]) };
    let (two, three) = (mark(2, "two"), mark(3, "three"));
    let goes_on = |before, end| LogReport { before, end }.continues(&two);
    assert!(goes_on(two, two) && goes_on(two, three));
    assert!(LogReport { before: LogEnd::START, end: three }.continues(&LogEnd::START));
    for (before, end) in [
        (mark(2, "other"), three),
        (mark(2, "other"), mark(2, "other")),
        (two, mark(2, "other")),
        (two, mark(1, "one")),
        (mark(1, "one"), three),
        (three, three),
        (LogEnd::START, LogEnd::START),
    ] {
        assert!(!goes_on(before, end), "{before:?} {end:?}");
    }
}
