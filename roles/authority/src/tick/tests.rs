use zeni_message::Role;
use zeni_note::{
    messages::authority::{DiscloseRefusal, GetRevocations},
    testing::{DAY, START, key},
};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, SHOP, TARO, rows, second_list};

/// End of the licences of the bench, made in the first step of the grid.
const END: Time = START.plus(13 * 30 * DAY);

fn tick(bench: &Bench, now: Time) -> Progress {
    bench.at(now);
    block_on(bench.authority.tick()).unwrap()
}

/// RN-O21, RN-D2: a row outlives its licence by the term of the configuration and is then erased with certificate and
/// answers; persons, log and key lists stay, and the list names only what has a row.
#[test]
fn old_rows_are_erased() {
    let bench = Bench::new();
    let (cheat, till) = (key("cheat"), key("till"));
    bench.license(TARO, &[&cheat]);
    let asking = bench.asking(SHOP, &[&till]);
    bench.send(&zeni_note::messages::authority::GetLicences { certify_name: true, ..asking }).unwrap();
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    let due = END.plus(30 * DAY);
    assert_eq!(tick(&bench, due).erased, 0);
    let before = bench.dump();
    let progress = tick(&bench, due.plus(1));
    assert_eq!((progress.erased, progress.more), (2, false));
    let after = bench.dump();
    for table in ["licence", "name_certificate", "answer"] {
        assert!(!rows(&before, table).is_empty() && rows(&after, table).is_empty(), "{table}");
    }
    for table in ["person", "disclosure", "key_list"] {
        assert_eq!(rows(&before, table), rows(&after, table));
    }
    let list = bench.send_as(Role::Wallet, &GetRevocations {}).unwrap().record;
    assert_eq!((list.revoked, list.number), (vec![], progress.list));
    assert_eq!(bench.audit().violations, []);
    let report = block_on(bench.authority.disclosures()).unwrap();
    assert_eq!((report.entries.len(), report.entries[0].name.as_ref(), report.broken_at), (1, None, None));
    assert_eq!(bench.disclose(bench.proof(&cheat, "n")), Err(DiscloseRefusal::UnknownKey));
}

/// RN-O21: however short the configured term, a row stays while a note that its key may have held can still be traced.
#[test]
fn rows_stay_while_a_note_can_be_traced() {
    let bench = Bench::new();
    bench.license(TARO, &[&key("one")]);
    let mut long = second_list(&bench);
    let traceable = END.plus(500 * DAY);
    long.series[0].retain_until = traceable;
    bench.cosign(long).unwrap();
    assert_eq!(tick(&bench, END.plus(31 * DAY)).erased, 0);
    assert_eq!(tick(&bench, traceable).erased, 0);
    assert_eq!(tick(&bench, traceable.plus(1)).erased, 1);
}

/// RN-O21: a key list that begins after the licence ended holds no row: the key can have held none of its notes.
#[test]
fn later_lists_hold_no_row() {
    let bench = Bench::new();
    bench.license(TARO, &[&key("one")]);
    let mut second = second_list(&bench);
    second.until = END.plus(1);
    bench.cosign(second.clone()).unwrap();
    let mut third = second_list(&bench);
    third.epoch = second.epoch + 1;
    third.previous = Some(second.identity(bench.network()));
    third.from = second.until;
    third.until = third.from.plus(30 * DAY);
    third.series[0].retain_until = END.plus(900 * DAY);
    bench.cosign(third).unwrap();
    assert_eq!(tick(&bench, END.plus(31 * DAY)).erased, 1);
}

/// One round is bounded; it says that there is more.
#[test]
fn a_round_is_bounded() {
    let bench = Bench::new();
    let keys: Vec<_> = (0..=ERASE_MAX).map(|n| key(&n.to_string())).collect();
    for some in keys.chunks(1_000) {
        bench.license(TARO, &some.iter().collect::<Vec<_>>());
    }
    let due = END.plus(31 * DAY);
    let first = tick(&bench, due);
    assert_eq!((first.erased, first.more), (ERASE_MAX, true));
    let second = tick(&bench, due);
    assert_eq!((second.erased, second.more, second.list), (1, false, first.list));
}
