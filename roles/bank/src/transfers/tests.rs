//! Transfers of settlement cycles.

use zeni_note::{messages::issuer::GetTransfers, testing::amount};

use crate::testing::{Cut, POLL_S, Town, transfer};

/// What the bank keeps in cash, and what it owes or is owed by the cycles: received less paid.
fn books(town: &Town) -> (String, String, u64) {
    let report = town.sound();
    let figures = &report.currencies[0];
    (figures.transferred.clone(), figures.received.clone(), town.outstanding())
}

/// HC-F4.11, HC-X35, HC-D17, HC-V21: transfers are booked once each, whatever is lost or repeated; what came back of the bank's
/// notes is outstanding no longer, and is told to the issuer in its totals.
#[test]
fn each_transfer_is_booked_once() {
    for cut in [Cut::Not, Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::new();
        town.issued("A-1", "one", 1_000);
        town.settle();
        town.desk().transfers = vec![transfer(1, "c1", 700, true, 600), transfer(2, "c2", 50, false, 100)];
        town.advance(POLL_S);
        town.cut(&[cut; 8]);
        drop(town.tick());
        town.restart();
        town.settle();
        town.settle();
        assert_eq!(books(&town), ("JPY:700".into(), "JPY:50".into(), 300), "{cut:?}");
        assert!(town.sent::<GetTransfers>().len() > 1);
        let counts = town.desk().counts.clone().expect("a report");
        assert_eq!(counts.record.totals[0].sealed, amount(1_000), "what was issued never goes down");
    }
}

/// HC-X35: a transfer under an old number is not looked at, one of a cycle that was heard of before is not booked again, and more
/// than is out cannot come back: the audit tells.
#[test]
fn a_wild_transfer_is_told() {
    let mut town = Town::new();
    town.issued("A-1", "one", 1_000);
    town.desk().transfers = vec![transfer(1, "c1", 700, true, 600)];
    town.settle();
    town.sound();
    let wild = [transfer(2, "c1", 700, true, 300), transfer(3, "c3", 1, true, 401)];
    for (n, wild) in wild.into_iter().enumerate() {
        town.desk().transfers.push(wild);
        town.settle();
        let report = town.audit();
        assert_eq!(report.violations[0].rule, "every transfer fits the books");
        assert!(report.violations[0].detail.contains(&format!("found {}", n + 1)));
        assert_eq!((report.currencies[0].transferred.as_str(), town.outstanding()), ("JPY:700", 400));
    }
    town.desk().transfers.push(transfer(4, "c4", 5, true, 400));
    town.settle();
    assert_eq!((town.audit().currencies[0].transferred.as_str(), town.outstanding()), ("JPY:705", 0));
}

/// HC-F4.11: the audit sees transfers and orders that were altered behind the bank's back.
#[test]
fn the_audit_sees_what_was_altered() {
    let sabotage = [
        "UPDATE transfer SET amount = amount + 1",
        "UPDATE transfer SET returned = returned - 1",
        "UPDATE transfer SET pays = 1 - pays",
        "DELETE FROM transfer",
        "UPDATE sealed_order SET face = face + 1 WHERE state = 'issued'",
        "UPDATE sealed_order SET face = face + 1 WHERE state = 'pending'",
        "DELETE FROM sealed_order WHERE state = 'pending'",
        "UPDATE sealed_order SET state = 'issued' WHERE state = 'pending'",
    ];
    for sql in sabotage {
        let mut town = Town::new();
        town.issued("A-1", "one", 1_000);
        town.desk().transfers = vec![transfer(1, "c1", 700, true, 600)];
        town.settle();
        town.cut(&[Cut::Before]);
        let pending = town.purse("A-2", "two", 100);
        town.withdraw_sealed("A-2", &[pending]).expect("pending");
        town.sound();
        assert!(town.sabotage(sql, vec![]) > 0);
        assert!(!town.audit().is_sound(), "{sql}");
    }
}
