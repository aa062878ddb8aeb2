use zeni_crypto::Digest;
use zeni_message::Role;
use zeni_note::testing::{DAY, START, key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, TARO};

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

/// RN-D22: a key whose licence has ended leaves the list, since its licence is refused anyway; one that has not stays
/// (control), and whoever is suspended after the end of a licence brings only what has not ended.
#[test]
fn ended_licences_leave_the_list() {
    let bench = Bench::new();
    let (old, young) = (key("old"), key("young"));
    let end = bench.license(TARO, &[&old]).licences[0].record.until;
    bench.at(START.plus(100 * DAY));
    bench.license(TARO, &[&young]);
    bench.disclose(bench.proof(&old, "n")).unwrap();
    bench.license(JIRO, &[&key("his young")]);
    bench.at(end);
    block_on(bench.authority.tick()).unwrap();
    let both = list(&bench);
    assert!(both.revokes(&old.public()) && both.revokes(&young.public()));
    bench.at(end.plus(2 * DAY));
    block_on(bench.authority.tick()).unwrap();
    let after = list(&bench);
    assert!(!after.revokes(&old.public()) && after.revokes(&young.public()));
    assert_eq!(bench.audit().violations, []);
    let sent = zeni_note::messages::authority::ReportLost { secret: JIRO.into() };
    bench.send_as(Role::Wallet, &sent).unwrap();
    assert_eq!((list(&bench).revoked.len(), bench.audit().violations), (2, vec![]));
}

/// RN-D22, RN-F8.4: with more revoked keys than a reply can carry the list is published all the same, as long as a reply can
/// be, with the last revoked of each kind in it; the audit tells that it is cut.
#[test]
fn a_list_never_outgrows_its_reply() {
    use crate::publication::REVOKED_MAX;
    use zeni_message::{Message, encode};
    let bench = Bench::new();
    let (cheat, spare) = (key("cheat"), key("spare"));
    bench.license(TARO, &[&cheat, &spare]);
    bench
        .store
        .write_blocking(Caller::default(), |tx| {
            let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
            INSERT INTO licence (key, digest, person, until, keeper, signature, revoked_at, reason) \
            SELECT CAST(printf('%032d', n.i) AS BLOB), CAST(printf('%032d', n.i) AS BLOB), person, until, keeper, \
            signature, 1, 1 FROM (SELECT person, until, keeper, signature FROM licence LIMIT 1) AS one, n";
            Ok::<_, zeni_store::JobError<()>>(tx.execute(sql, &[])?)
        })
        .unwrap();
    overspend_to_oneself(&bench);
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    let full = bench.send_as(Role::Wallet, &GetRevocations {}).expect("it can be published");
    assert_eq!(full.record.revoked.len(), REVOKED_MAX);
    assert!(full.record.revokes(&cheat.public()) && full.record.revokes(&spare.public()));
    let bytes = encode(&full).len();
    assert!(bytes <= GetRevocations::REPLY_MAX && bytes > GetRevocations::REPLY_MAX - 2 * 1_024, "{bytes}");
    bench.at(START.plus(9 * DAY));
    block_on(bench.authority.tick()).unwrap();
    let fresh = list(&bench);
    assert!(fresh.revokes(&cheat.public()) && fresh.revokes(&spare.public()));
    let missing = |violation: &crate::Violation| matches!(violation, crate::Violation::ListDiffers { surplus: 0, .. });
    assert!(bench.audit().violations.iter().any(missing));
}

/// Lists 300,000 keys under seal that overspent, all later than anything else was revoked.
fn overspend_to_oneself(bench: &Bench) {
    let flood = |tx: &mut Tx<'_>| {
        let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
            INSERT INTO sealed_key (digest, revoked_at, until) \
            SELECT CAST(printf('%032d', 1000000 + n.i) AS BLOB), 9000000000, 9000000000 FROM n";
        Ok::<_, zeni_store::JobError<()>>(tx.execute(sql, &[])?)
    };
    assert_eq!(bench.store.write_blocking(Caller::default(), flood).unwrap(), 300_000);
}

/// RN-F8.4, RN-D22, HC-X46: whoever overspends any number of the smallest notes under seal to himself pushes no revoked licence off the
/// list, neither one that was revoked before nor one that is revoked then; and the keys under seal have no more than their share.
#[test]
fn keys_under_seal_push_out_no_licence() {
    use crate::publication::SEALED_MAX;
    let bench = Bench::new();
    let (before, then) = (key("before"), key("then"));
    bench.license(TARO, &[&before]);
    bench.license(JIRO, &[&then]);
    bench.disclose(bench.proof(&before, "n")).unwrap();
    overspend_to_oneself(&bench);
    bench.disclose(bench.proof(&then, "m")).unwrap();
    let full = list(&bench);
    assert!(full.revokes(&before.public()) && full.revokes(&then.public()));
    assert_eq!(full.revoked.len(), SEALED_MAX + 2);
}
