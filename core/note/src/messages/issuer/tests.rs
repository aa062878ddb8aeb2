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
    let counts = Counts { bank: "aoba".to_string(), number: 1, signed, totals: Vec::new(), identifications: None };
    let report = ReportCounts { counts: Signed::sign(crate::testing::World::new("w").network(), counts, &key("aoba")) };
    let bytes = encode(&report);
    assert!(bytes.len() > SMALL_MESSAGE_BYTES_MAX);
    assert_eq!(decode(&bytes, ReportCounts::MAX), Ok(report));
    assert_eq!((Counts::MAX, ReportCounts::MAX), (262_144, 262_144));
}
