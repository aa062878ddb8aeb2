use zeni_message::{decode, limits::MESSAGE_BYTES_MAX};
use zeni_note::{
    messages::issuer::ReportCounts,
    testing::{DAY, START, key},
};

use crate::testing::{Cut, Town, total};

/// DESIGN §4, RN-F9.2: after each withdrawal the issuer has the counts, signed, and the totals.
#[test]
fn counts_follow_withdrawals() {
    let mut town = Town::new();
    assert!(town.sent::<ReportCounts>().is_empty());
    let (order, _) = town.order("one", &[100, 1_000, 100]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    town.settle();
    let counts = town.desk().counts.clone().expect("a report");
    counts.verify(town.world.network(), &key("bank document").public()).expect("signed");
    let mut expected = vec![(town.entry(100).digest(), 2), (town.entry(1_000).digest(), 1)];
    expected.sort_unstable();
    assert_eq!(counts.record.signed, expected);
    assert_eq!(counts.record.totals[0].signed, total(&[100, 1_000, 100]));
    assert!(town.sound().reported);
    let sent = town.sent::<ReportCounts>().len();
    town.settle();
    assert_eq!(town.sent::<ReportCounts>().len(), sent, "nothing new, nothing sent");
}

/// DESIGN §4: a report is stored before it is sent and sent again until it was taken; counts never go down.
#[test]
fn reports_survive_and_never_go_down() {
    for cut in [Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::new();
        for (n, seed) in ["one", "two", "three"].into_iter().enumerate() {
            let (order, _) = town.order(seed, &[100]);
            town.withdraw("A-1", &order).expect("a withdrawal");
            town.cut(&[cut]);
            assert!(town.tick().is_err(), "{cut:?}");
            town.restart();
            // more is signed before the lost report went through
            let (order, _) = town.order(&format!("{seed} more"), &[1_000]);
            town.withdraw("A-1", &order).expect("a withdrawal");
            town.settle();
            let counts = town.desk().counts.clone().expect("a report").record;
            let made: u64 = counts.signed.iter().map(|(_, count)| count).sum();
            assert_eq!(made, 2 * (n as u64 + 1), "{cut:?}");
            assert!(town.sound().reported);
        }
        let reports: Vec<ReportCounts> =
            town.sent::<ReportCounts>().iter().map(|body| decode(body, MESSAGE_BYTES_MAX).expect("a report")).collect();
        for pair in reports.windows(2) {
            let (old, new) = (&pair[0].counts.record, &pair[1].counts.record);
            assert!(new.number >= old.number);
            assert!(new.number > old.number || pair[0] == pair[1]);
            let of = |entry| new.signed.iter().find(|(key, _)| key == entry).map(|(_, count)| *count);
            assert!(old.signed.iter().all(|(key, count)| of(key) >= Some(*count)));
        }
    }
}

/// DESIGN §4: a bank whose books were set back is told so, and never reports less as if it were more.
#[test]
fn a_bank_set_back_does_not_go_on() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[100]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    town.settle();
    let job = |tx: &mut zeni_store::Tx<'_>| {
        tx.execute("DELETE FROM report", &[])?;
        tx.execute("UPDATE signing_key SET folded = 0", &[])?;
        Ok::<_, zeni_store::JobError<()>>(tx.execute("DELETE FROM tally", &[])?)
    };
    let before = town.desk().counts.clone();
    town.bank.store.write_blocking(zeni_store::Caller::default(), job).expect("set back");
    let (order, _) = town.order("two", &[1_000]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    for _ in 0..3 {
        assert!(matches!(town.tick(), Err(crate::ChoreError::Refused { code: "older", .. })));
    }
    assert_eq!(town.desk().counts, before);
}

/// The seconds in which reports are sent over three hours of rounds; `busy` has somebody withdraw in the first of them.
fn times_of_reports(every_s: u64, busy: bool) -> Vec<u64> {
    const MINUTE: u64 = 60;
    let mut town = Town::new();
    town.report_every(every_s);
    let begin = START.plus(2 * DAY);
    let mut times = Vec::new();
    for minute in 0..180 {
        town.set_time(begin.plus(minute * MINUTE));
        if busy && minute == 70 {
            let (order, _) = town.order("one", &[100]);
            town.withdraw("A-1", &order).expect("a withdrawal");
            town.restart();
        }
        let before = town.sent::<ReportCounts>().len();
        while town.tick().expect("a round") == crate::Progress::More {}
        times.extend((before..town.sent::<ReportCounts>().len()).map(|_| minute * MINUTE));
    }
    assert_eq!(town.sound().signatures, u64::from(busy));
    let counts = town.desk().counts.clone();
    assert_eq!(counts.is_some_and(|counts| !counts.record.signed.is_empty()), busy);
    times
}

/// RN-O6, DESIGN §4: reports go at fixed times, also over a restart, so that their times do not tell whether or when a quiet
/// bank has sold something. Control: a bank that reports each change tells the minute.
#[test]
fn times_of_reports_tell_nothing() {
    assert_eq!(times_of_reports(3_600, false), [0, 3_600, 7_200]);
    assert_eq!(times_of_reports(3_600, true), [0, 3_600, 7_200]);
    assert_eq!((times_of_reports(0, false), times_of_reports(0, true)), (vec![], vec![4_200]));
}

/// DESIGN §4: between two reports no count is worked out: the rounds of an hour read none. Control: the next report does.
#[test]
fn counts_are_worked_out_for_reports_alone() {
    let mut town = Town::new();
    town.report_every(3_600);
    town.set_time(START.plus(2 * DAY));
    while town.tick().expect("a round") == crate::Progress::More {}
    assert!(town.sabotage("UPDATE signing_key SET folded = -1", vec![]) > 0);
    town.set_time(START.plus(2 * DAY + 3_599));
    while town.tick().expect("a round") == crate::Progress::More {}
    town.set_time(START.plus(2 * DAY + 3_600));
    assert!(town.tick().is_err(), "control");
}

/// A clock that was put ahead and back again holds up no report.
#[test]
fn a_clock_set_back_holds_up_nothing() {
    let mut town = Town::new();
    town.report_every(3_600);
    for time in [START.plus(20 * DAY), START.plus(2 * DAY)] {
        town.set_time(time);
        let before = town.sent::<ReportCounts>().len();
        while town.tick().expect("a round") == crate::Progress::More {}
        assert_eq!(town.sent::<ReportCounts>().len(), before + 1);
    }
}

/// DESIGN §4, RN-F9.2, HC-O20: a report that was stored before the bank's key was changed, and not taken, is signed anew: the same content
/// and number, so that the issuer hears of counts again. Control: under the old key nobody takes it.
#[test]
fn a_report_of_before_a_change_of_keys_is_signed_anew() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[100]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    town.cut(&[Cut::Before]);
    assert!(town.tick().is_err());
    let stored = stored_report(&town);
    let old = zeni_message::Signed::sign(town.world.network(), stored.record.clone(), &key("the old document key"));
    let message = ReportCounts { counts: old.clone() };
    let caller = zeni_message::route::Caller { role: zeni_message::Role::Bank, name: crate::testing::BANK.into() };
    let ctx = zeni_message::route::Ctx { now: town.bank.clock.now(), caller: Some(caller) };
    let refused = crate::testing::now(zeni_message::route::Handle::handle(&*town.issuer, &ctx, message));
    assert!(refused.is_err(), "control");
    assert_eq!(town.sabotage("UPDATE report SET counts = ?1", vec![zeni_message::encode(&old).into()]), 1);
    town.settle();
    let taken = town.desk().counts.clone().expect("a report");
    assert_eq!(taken.record, old.record);
    taken.verify(town.world.network(), &key("bank document").public()).expect("under the present key");
    assert_eq!(stored_report(&town), taken);
    assert!(town.sound().reported);
    let (order, _) = town.order("two", &[100]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    town.settle();
    assert_eq!(town.desk().counts.clone().expect("a report").record.number, old.record.number + 1);
}

/// The last report in the bank's store.
fn stored_report(town: &Town) -> zeni_message::Signed<zeni_note::messages::issuer::Counts> {
    let rows = town.table("report");
    let zeni_store::Value::Blob(bytes) = &rows.last().expect("a report")[1] else { panic!("bytes") };
    decode(bytes, MESSAGE_BYTES_MAX).expect("a report")
}
