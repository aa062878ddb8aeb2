use zeni_crypto::Digest;
use zeni_message::Role;
use zeni_note::testing::{DAY, START, key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, TARO};

fn list(bench: &Bench) -> RevocationList {
    let list = bench.send_as(Role::Wallet, &GetRevocations {}).unwrap();
    list.verify(bench.network(), &bench.world.authority.public()).unwrap().record().clone()
}

/// RN-D22: there is a list from the first request on, the same for all who ask until something changes.
#[test]
fn there_is_always_a_list() {
    let bench = Bench::new();
    let first = list(&bench);
    let expected = RevocationList { number: 1, time: START.plus(DAY), log_head: Digest([0; 32]), revoked: vec![] };
    assert_eq!(first, expected);
    bench.at(START.plus(3 * DAY));
    assert_eq!(list(&bench), first);
}

/// RN-X33: a list that grows old is signed afresh with a new time and number, so that payees see that nothing is withheld;
/// one that is fresh is left alone.
#[test]
fn a_list_is_kept_fresh() {
    let bench = Bench::new();
    assert_eq!(block_on(bench.authority.tick()).unwrap().list, 1);
    bench.at(START.plus(2 * DAY));
    assert_eq!(block_on(bench.authority.tick()).unwrap().list, 1);
    bench.at(START.plus(2 * DAY + 1));
    let progress = block_on(bench.authority.tick()).unwrap();
    assert_eq!((progress.list, progress.more), (2, false));
    let fresh = list(&bench);
    assert_eq!((fresh.number, fresh.time), (2, START.plus(2 * DAY + 1)));
}

/// A refreshed list still names everything that is revoked, and carries attempts that were logged since.
#[test]
fn a_fresh_list_says_the_same() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    let before = list(&bench);
    let mut nothing = bench.proof(&cheat, "m");
    nothing.children.clear();
    bench.disclose(nothing).unwrap_err();
    assert_eq!(list(&bench), before);
    bench.at(START.plus(30 * DAY));
    block_on(bench.authority.tick()).unwrap();
    let after = list(&bench);
    assert_eq!((&after.revoked, after.number), (&before.revoked, before.number + 1));
    assert_ne!(after.log_head, before.log_head);
    assert_eq!(bench.audit().violations, []);
}
