use super::*;
use crate::testing::{START, World, amount, jpy, terms};
use alloc::{string::ToString, vec, vec::Vec};

fn entry(bank: &str, face: u64, byte: u8) -> KeyEntry {
    KeyEntry {
        bank: bank.to_string(),
        series: 1,
        epoch: 1,
        currency: jpy(),
        face: amount(face),
        modulus: [byte; 256].into(),
    }
}

fn record() -> KeyListRecord {
    KeyListRecord {
        epoch: 1,
        previous: None,
        from: START,
        until: START.plus(100),
        entries: vec![entry("aoba", 100, 1), entry("aoba", 500, 2), entry("kita", 100, 3)],
        series: vec![terms()],
        sealing: None,
        sealed: Vec::new(),
    }
}

/// RN-X9, RN-O2: a list needs both signatures; one party alone cannot slip a key in.
#[test]
fn both_must_sign() {
    let world = World::new("w");
    let list = world.sign_key_list(record());
    assert_eq!(list.check(&world.roots), Ok(()));
    for forged in [
        KeyList { issuer: list.authority, ..list.clone() },
        KeyList { authority: list.issuer, ..list.clone() },
        KeyList { record: KeyListRecord { epoch: 2, ..record() }, ..list.clone() },
    ] {
        assert_eq!(forged.check(&world.roots), Err(KeyListFault::Forged));
    }
}

/// RN-O2: one modulus, one purpose; one purpose, one key; all of the list's epoch and of a known series.
#[test]
fn entries_are_unique_and_fit() {
    for (index, bad) in [
        entry("kita", 500, 1),
        entry("aoba", 100, 9),
        KeyEntry { epoch: 2, ..entry("kita", 500, 9) },
        KeyEntry { series: 2, ..entry("kita", 500, 9) },
        KeyEntry { currency: Currency::from_code("USD").unwrap(), ..entry("kita", 500, 9) },
    ]
    .into_iter()
    .enumerate()
    {
        let mut record = record();
        record.entries.push(bad);
        assert_eq!(record.check(), Err(KeyListFault::Entry { index: 3 }), "case {index}");
    }
    assert_eq!(record().check(), Ok(()));
}

/// RN-O20: the dates of a series follow one another.
#[test]
fn dates_are_in_order() {
    let good = terms();
    assert!(good.in_order());
    let late = good.retain_until.plus(1);
    let bad = [
        SeriesTerms { withdraw_until: late, ..good.clone() },
        SeriesTerms { redeem_until: late, ..good.clone() },
        SeriesTerms { claim_until: late, ..good.clone() },
        SeriesTerms { valid_until: late, ..good.clone() },
        SeriesTerms { deposit_until: late, ..good.clone() },
        SeriesTerms { refund_from: late, ..good.clone() },
        SeriesTerms { payments_max: 17, ..good.clone() },
    ];
    for (index, terms) in bad.into_iter().enumerate() {
        assert!(!terms.in_order(), "case {index}");
        let record = KeyListRecord { series: vec![terms], ..record() };
        assert_eq!(record.check(), Err(KeyListFault::Terms { series: 1 }));
    }
    let twice = KeyListRecord { series: vec![terms(), terms()], ..record() };
    assert_eq!(twice.check(), Err(KeyListFault::Terms { series: 1 }));
}

#[test]
fn lists_are_chained() {
    let world = World::new("w");
    let first = world.sign_key_list(record());
    let next = KeyListRecord {
        epoch: 2,
        previous: Some(first.record.identity(world.network())),
        from: first.record.until,
        until: first.record.until.plus(100),
        entries: vec![],
        series: vec![terms()],
        sealing: None,
        sealed: Vec::new(),
    };
    let check = |record: KeyListRecord| world.sign_key_list(record).check_after(&first, &world.roots);
    assert_eq!(check(next.clone()), Ok(()));
    for broken in [
        KeyListRecord { previous: None, ..next.clone() },
        KeyListRecord { epoch: 3, ..next.clone() },
        KeyListRecord { from: next.from.plus(1), ..next.clone() },
    ] {
        assert_eq!(check(broken), Err(KeyListFault::Broken));
    }
}

/// RN-X9: two lists of one epoch, both signed, prove that people were shown different keys; nothing less does.
#[test]
fn two_lists_are_a_proof() {
    let world = World::new("w");
    let one = world.sign_key_list(record());
    let other = world.sign_key_list(KeyListRecord { entries: vec![entry("aoba", 100, 7)], ..record() });
    assert!(TwoKeyLists { one: one.clone(), other: other.clone() }.holds(&world.roots));
    assert!(!TwoKeyLists { one: one.clone(), other: one.clone() }.holds(&world.roots), "the same list");
    let forged = KeyList { authority: other.issuer, ..other.clone() };
    assert!(!TwoKeyLists { one: one.clone(), other: forged }.holds(&world.roots), "not signed by both");
    let next = world.sign_key_list(KeyListRecord { epoch: 2, entries: vec![], ..record() });
    assert!(!TwoKeyLists { one, other: next }.holds(&world.roots), "another epoch");
}

/// HC-F1.2, F1.3, DESIGN §5: sealed entries name sealed series with rising face values, once per bank, and there is a key to seal to; a
/// bank has no blind-signing key for such a series.
#[test]
fn sealed_entries_fit() {
    let sealed = |bank: &str, faces: &[u64]| SealedEntry {
        bank: bank.to_string(),
        series: 2,
        faces: faces.iter().map(|face| amount(*face)).collect(),
        key: crate::testing::key(bank).public(),
    };
    let good = KeyListRecord {
        series: vec![terms(), SeriesTerms { series: 2, way: Way::Sealed, ..terms() }],
        sealing: Some([5; 1216].into()),
        sealed: vec![sealed("aoba", &[100, 500]), sealed("kita", &[100])],
        ..record()
    };
    assert_eq!(good.check(), Ok(()));
    assert!(good.sealed_entry("kita", 2).is_some() && good.sealed_entry("kita", 1).is_none());
    for (index, bad) in
        [sealed("aoba", &[100]), sealed("midori", &[]), sealed("midori", &[500, 100]), sealed("midori", &[0, 1])]
            .into_iter()
            .chain([SealedEntry { series: 1, ..sealed("midori", &[100]) }])
            .enumerate()
    {
        let mut record = good.clone();
        record.sealed.push(bad);
        assert_eq!(record.check(), Err(KeyListFault::Sealed { index: 2 }), "case {index}");
    }
    assert_eq!(KeyListRecord { sealing: None, ..good.clone() }.check(), Err(KeyListFault::Sealed { index: 0 }));
    let blind = KeyEntry { series: 2, ..entry("aoba", 100, 9) };
    let mixed = KeyListRecord { entries: vec![blind], ..good };
    assert_eq!(mixed.check(), Err(KeyListFault::Entry { index: 0 }));
}

/// RN-F3.2: a request names its entry by digest, and each entry has one of its own.
#[test]
fn an_entry_is_found_by_its_digest() {
    let record = record();
    for entry in &record.entries {
        assert_eq!(record.entry(&entry.digest()), Some(entry));
    }
    assert_eq!(record.entry(&entry("kita", 500, 9).digest()), None);
}
