use zeni_message::Role;
use zeni_money::Amount;
use zeni_note::{
    KeyEntry,
    messages::authority::GetSignedKeyLists,
    testing::{DAY, EPOCH, SERIES, jpy, key},
};

use super::*;
use crate::tests::{Bench, is_signed, second_list};

fn entry(bank: &str, face: u64, modulus: u8) -> KeyEntry {
    KeyEntry {
        bank: bank.into(),
        series: SERIES,
        epoch: EPOCH,
        currency: jpy(),
        face: Amount::from_minor(face).unwrap(),
        modulus: [modulus; 256].into(),
    }
}

fn refused(bench: &Bench, record: KeyListRecord) -> CosignKeyListRefusal {
    let before = bench.dump();
    let refusal = bench.cosign(record).unwrap_err();
    assert_eq!(bench.dump(), before, "a refused list changed something");
    refusal
}

/// DESIGN §4: both sign, one list per epoch, each continuing the one before; the complete lists come from the second source.
#[test]
fn lists_are_signed_in_a_chain_and_served() {
    let bench = Bench::empty();
    let first = bench.world.key_list().record;
    let signature = bench.cosign(first.clone()).unwrap();
    let second = second_list(&bench);
    bench.cosign(second.clone()).unwrap();
    let lists = bench.send_as(Role::Wallet, &GetSignedKeyLists { from_epoch: 0 }).unwrap();
    assert_eq!(lists.iter().map(|list| &list.record).collect::<Vec<_>>(), [&first, &second]);
    assert!(lists.iter().all(|list| is_signed(list, &bench)));
    assert_eq!(lists[0].authority, signature);
    assert_eq!(lists[1].check_after(&lists[0], &bench.world.roots), Ok(()));
    let later = bench.send_as(Role::Bank, &GetSignedKeyLists { from_epoch: EPOCH + 1 }).unwrap();
    assert_eq!(later, lists[1..]);
    assert_eq!(bench.send_as(Role::Bank, &GetSignedKeyLists { from_epoch: EPOCH + 2 }), Ok(vec![]));
    assert_eq!(bench.audit().violations, []);
}

/// RN-X9: a second list for an epoch is never signed, not even after later epochs and a restart; the same list again gives
/// the same signature and changes nothing.
#[test]
fn one_list_per_epoch_for_ever() {
    let bench = Bench::empty();
    let first = bench.world.key_list().record;
    let signature = bench.cosign(first.clone()).unwrap();
    bench.cosign(second_list(&bench)).unwrap();
    let bench = bench.restarted();
    let mut other = first.clone();
    other.entries.push(entry("aoba", 100, 1));
    assert_eq!(refused(&bench, other), CosignKeyListRefusal::OtherList { epoch: EPOCH });
    let before = bench.dump();
    assert_eq!(bench.cosign(first), Ok(signature));
    assert_eq!(bench.dump(), before);
}

/// A long history comes in parts, each beginning after the last of the one before; the audit sees all of it.
#[test]
fn many_lists_come_in_parts() {
    let bench = Bench::new();
    let mut last = bench.world.key_list().record;
    for epoch in EPOCH + 1..EPOCH + 70 {
        let previous = Some(last.identity(bench.network()));
        last = KeyListRecord { epoch, previous, from: last.until, until: last.until.plus(DAY), ..last };
        bench.cosign(last.clone()).unwrap();
    }
    let first = bench.send_as(Role::Wallet, &GetSignedKeyLists { from_epoch: 0 }).unwrap();
    let next = first.last().unwrap().record.epoch + 1;
    let rest = bench.send_as(Role::Wallet, &GetSignedKeyLists { from_epoch: next }).unwrap();
    assert!(!rest.is_empty() && first.len() + rest.len() == 70);
    assert_eq!(rest.last().unwrap().record, last);
    let report = bench.audit();
    assert_eq!((report.key_lists, report.violations), (70, vec![]));
}

/// Only the issuer's signature counts, whoever brings the list.
#[test]
fn only_the_issuers_list_is_signed() {
    let bench = Bench::empty();
    let record = bench.world.key_list().record;
    let issuer = record.sign(bench.network(), &key("somebody"));
    let message = CosignKeyList { record: record.clone(), issuer };
    assert_eq!(bench.send(&message), Err(CosignKeyListRefusal::NotIssuer));
    let other_network = record.sign(zeni_note::testing::World::new("other").network(), &bench.world.issuer);
    let message = CosignKeyList { record, issuer: other_network };
    assert_eq!(bench.send(&message), Err(CosignKeyListRefusal::NotIssuer));
}

/// DESIGN §4, RN-O20: moduli unique, one key for one purpose, terms in order, an epoch that has a length.
#[test]
fn contradictions_are_not_signed() {
    let bench = Bench::empty();
    let good = bench.world.key_list().record;
    let with = |entries: Vec<KeyEntry>| KeyListRecord { entries, ..good.clone() };
    let at = |entry| CosignKeyListRefusal::Content { entry };
    let shared = with(vec![entry("aoba", 100, 1), entry("midori", 100, 1)]);
    assert_eq!(refused(&bench, shared), at(1));
    let twice = with(vec![entry("aoba", 100, 1), entry("aoba", 100, 2)]);
    assert_eq!(refused(&bench, twice), at(1));
    let other_epoch = with(vec![KeyEntry { epoch: EPOCH + 1, ..entry("aoba", 100, 1) }]);
    assert_eq!(refused(&bench, other_epoch), at(0));
    let mut terms = with(vec![entry("aoba", 100, 1)]);
    terms.series[0].retain_until = terms.series[0].valid_until;
    assert_eq!(refused(&bench, terms), at(1));
    let empty = KeyListRecord { until: good.from, ..good.clone() };
    assert_eq!(refused(&bench, empty), at(0));
    assert!(bench.cosign(with(vec![entry("aoba", 100, 1), entry("midori", 100, 2)])).is_ok());
}

/// The chain: no gap, no other predecessor, no overlap, and no list before the first.
#[test]
fn a_list_continues_the_one_before_it() {
    let bench = Bench::new();
    let good = second_list(&bench);
    let expected = CosignKeyListRefusal::Chain { expected_epoch: EPOCH + 1 };
    let broken = [
        KeyListRecord { epoch: EPOCH + 2, ..good.clone() },
        KeyListRecord { epoch: EPOCH - 1, ..good.clone() },
        KeyListRecord { previous: None, ..good.clone() },
        KeyListRecord { previous: Some(crate::tests::digest_of("another")), ..good.clone() },
        KeyListRecord { from: good.from.plus(DAY), ..good.clone() },
    ];
    for record in broken {
        assert_eq!(refused(&bench, record), expected);
    }
    assert!(bench.cosign(good).is_ok());
    let bench = Bench::empty();
    let orphan = KeyListRecord { previous: Some(crate::tests::digest_of("none")), ..bench.world.key_list().record };
    assert_eq!(refused(&bench, orphan), CosignKeyListRefusal::Chain { expected_epoch: EPOCH });
}
