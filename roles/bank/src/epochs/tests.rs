use std::collections::BTreeMap;

use zeni_message::{decode, limits::MESSAGE_BYTES_MAX};
use zeni_note::{
    KeyEntry,
    messages::{bank::WithdrawRefusal, issuer::SubmitKeys},
    testing::{DAY, EPOCH, START},
};

use crate::{
    Progress,
    testing::{Cut, FACES, POLL_S, Town, refusal},
};

/// RN-D5, RN-F2.3: one key per face value for this epoch and the next, one made per round, submitted whole.
#[test]
fn keys_are_made_ahead() {
    let mut town = Town::unkeyed();
    let keys = |town: &Town| town.table("signing_key").len();
    for made in 1..=FACES.len() {
        assert_eq!(town.tick().expect("a round"), Progress::More);
        assert_eq!(keys(&town), made);
    }
    assert!(town.sent::<SubmitKeys>().is_empty());
    town.settle();
    assert_eq!(keys(&town), 2 * FACES.len());
    assert_eq!(town.sent::<SubmitKeys>().len(), 2);
    let lists: Vec<_> = town.desk().lists.iter().map(|list| (list.record.epoch, list.record.entries.len())).collect();
    assert_eq!(lists, vec![(EPOCH, 2), (EPOCH + 1, 2)]);
    // nothing more until the next epoch begins
    town.settle();
    assert_eq!(keys(&town), 4);
    town.set_time(START.plus(30 * DAY));
    town.settle();
    assert_eq!(keys(&town), 6);
}

/// RN-F2.3: keys and their submission survive lost answers and restarts; the issuer sees one key per purpose.
#[test]
fn submission_survives() {
    for cut in [Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::unkeyed();
        for _ in 0..FACES.len() {
            town.tick().expect("a key");
        }
        // the first call of a round asks for lists
        town.cut(&[Cut::Not, cut]);
        assert!(town.tick().is_err(), "{cut:?}");
        town.restart();
        town.settle();
        let sent = town.sent::<SubmitKeys>();
        let epochs: BTreeMap<u32, Vec<KeyEntry>> = sent
            .iter()
            .map(|body| decode::<SubmitKeys>(body, MESSAGE_BYTES_MAX).expect("keys").entries)
            .map(|entries| (entries[0].epoch, entries))
            .collect();
        for body in &sent {
            let entries = decode::<SubmitKeys>(body, MESSAGE_BYTES_MAX).expect("keys").entries;
            assert_eq!(entries, epochs[&entries[0].epoch], "{cut:?}");
        }
        assert_eq!(town.desk().lists[0].record.entries, epochs[&EPOCH], "{cut:?}");
        let (order, _) = town.order("one", &[100]);
        town.withdraw("A-1", &order).expect("the published keys sign");
        town.sound();
    }
}

/// RN-X9: a list that is not signed by both, or does not continue the one before, is not taken.
#[test]
fn a_forged_list_is_not_taken() {
    let mut town = Town::new();
    town.set_time(START.plus(30 * DAY));
    town.settle();
    let before = town.table("key_list");
    let mut forged = town.desk().lists.pop().expect("a list");
    forged.authority.0[0] ^= 1;
    forged.record.epoch += 1;
    town.desk().lists.push(forged);
    town.advance(POLL_S);
    assert!(town.tick().is_err());
    assert!(town.table("key_list") == before);
}

/// RN-F2.3: a key that no list names signs nothing.
#[test]
fn an_unpublished_key_signs_nothing() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[100]);
    town.desk().lists.clear();
    // a bank whose own store has keys but no list
    let job = |tx: &mut zeni_store::Tx<'_>| Ok::<_, zeni_store::JobError<()>>(tx.execute("DELETE FROM key_list", &[])?);
    town.bank.store.write_blocking(zeni_store::Caller::default(), job).expect("emptied");
    town.restart();
    assert_eq!(refusal(town.withdraw("A-1", &order)), WithdrawRefusal::UnknownKey { item: 0 });
}
