use futures::executor::block_on;
use zeni_crypto::Digest;
use zeni_crypto::LogEnd;
use zeni_message::{Signed, peer::SendError};
use zeni_note::messages::issuer::{Counts, LogReport, ReportCounts, ReportCountsRefusal};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

fn counts(setup: &Setup, bank: usize, number: u64, signed: Vec<(Digest, u64)>) -> ReportCounts {
    let bank = &setup.banks[bank];
    let counts = Counts { bank: bank.name.to_owned(), number, signed, totals: Vec::new(), identifications: None };
    ReportCounts { counts: Signed::sign(setup.world.network(), counts, &bank.document) }
}

/// DESIGN §4: counts are signed, of the bank's own keys, and never go down; the same report twice is one.
#[test]
fn counts_never_go_down() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let entry = setup.banks[0].signers[0].0.digest();
    let theirs = setup.banks[1].signers[0].0.digest();
    let send = |report: ReportCounts| block_on(setup.member(BANKS[0], report));
    let refused = |refusal| Err(SendError::Refused(refusal));
    assert_eq!(send(counts(&setup, 0, 5, vec![(entry, 7)])), Ok(5));
    assert_eq!(send(counts(&setup, 0, 5, vec![(entry, 7)])), Ok(5));
    let before = crate::tests::dump(&setup.store);
    assert_eq!(send(counts(&setup, 0, 5, vec![(entry, 8)])), refused(ReportCountsRefusal::Older { last: 5 }));
    assert_eq!(send(counts(&setup, 0, 4, vec![(entry, 8)])), refused(ReportCountsRefusal::Older { last: 5 }));
    assert_eq!(send(counts(&setup, 0, 6, vec![(entry, 6)])), refused(ReportCountsRefusal::Older { last: 5 }));
    let foreign = counts(&setup, 0, 6, vec![(entry, 9), (theirs, 1)]);
    assert_eq!(send(foreign), refused(ReportCountsRefusal::UnknownKey { entry: 1 }));
    assert_eq!(send(counts(&setup, 1, 6, vec![(theirs, 9)])), refused(ReportCountsRefusal::OtherBank));
    let mut forged = counts(&setup, 0, 6, vec![(entry, 9)]);
    forged.counts.record.signed[0].1 = 1_000;
    assert_eq!(send(forged), refused(ReportCountsRefusal::BadSignature));
    assert_eq!(crate::tests::dump(&setup.store), before);
    assert_eq!(send(counts(&setup, 0, 6, vec![(entry, 9)])), Ok(6));
    assert_eq!(send(counts(&setup, 0, 7, vec![(entry, 9)])), Ok(7), "nothing was signed in between");
}

fn mark(number: u64, word: &str) -> LogEnd {
    if number == 0 { LogEnd::START } else { LogEnd { number, head: zeni_crypto::sha256(&[word.as_bytes()]) } }
}

fn told(setup: &Setup, number: u64, log: Option<(LogEnd, LogEnd)>) -> ReportCounts {
    let mut counts = counts(setup, 0, number, vec![(setup.banks[0].signers[0].0.digest(), number)]).counts.record;
    counts.identifications = log.map(|(before, end)| LogReport { before, end });
    ReportCounts { counts: Signed::sign(setup.world.network(), counts, &setup.banks[0].document) }
}

fn alarms(setup: &Setup) -> Vec<String> {
    block_on(setup.issuer.alarms()).unwrap().into_iter().map(|(_, kind)| kind).collect()
}

fn violations(setup: &Setup) -> Vec<String> {
    block_on(setup.issuer.audit()).unwrap().violations
}

fn send(setup: &Setup, number: u64, log: Option<(LogEnd, LogEnd)>) {
    assert_eq!(block_on(setup.member(BANKS[0], told(setup, number, log))), Ok(number), "counts are taken");
}

/// HC-F5.6, HC-A21, HC-O9, DESIGN §5 "Trace": a bank whose log of identifications lost its end, was written anew, or is told of no more, is
/// held to what it has signed: an alarm, with both its words as evidence, and the audit says so until an operator has accepted it;
/// customers' notes are redeemed all the same. Control: a log that grows, or stands still, or is told of twice raises none.
#[test]
fn a_log_that_was_cut_is_an_alarm() {
    let (one, two, three) = (mark(1, "one"), mark(2, "two"), mark(3, "three"));
    let forged = mark(2, "forged");
    let gone = LogEnd { number: 2, head: LogEnd::START.head };
    let cuts = [
        (Some((mark(2, "nothing"), one)), "cut off or written anew"), // its end is gone
        (Some((gone, one)), "by the bank's own word"),                // and said to be
        (Some((forged, forged)), "cut off or written anew"),          // written anew
        (Some((forged, three)), "cut off or written anew"),           // and hidden behind a new entry
        (Some((one, three)), "cut off or written anew"),              // by a bank that forgot what it had reported
        (Some((LogEnd::START, LogEnd::START)), "cut off or written anew"), // all of it
        (None, "tells of it no more"),
    ];
    for (case, (cut, text)) in cuts.into_iter().enumerate() {
        let setup = block_on(Setup::new(Policy::Refuse));
        let honest = [(LogEnd::START, LogEnd::START), (LogEnd::START, one), (one, one), (one, two)];
        for (number, log) in (1..).zip(honest) {
            send(&setup, number, Some(log));
            send(&setup, number, Some(log));
        }
        assert_eq!((alarms(&setup), violations(&setup)), (vec![], vec![]), "control");
        let logs = block_on(setup.issuer.audit()).unwrap().identification_logs;
        assert_eq!((logs[0].bank.as_str(), logs[0].entries, &logs[0].head), (BANKS[0], 2, &two.head.to_string()));

        send(&setup, 5, cut);
        send(&setup, 5, cut);
        assert_eq!(alarms(&setup), ["identification_log"], "{case}");
        let found = violations(&setup);
        assert!(found.len() == 1 && found[0].contains("had 2 entries") && found[0].contains(text), "{case}: {found:?}");
        let report = block_on(setup.issuer.audit()).unwrap();
        assert!(report.books_balance() && !report.is_sound() && report.broken_logs[0].bank == BANKS[0]);
        // the bank's two words, each signed, that do not go together
        let dump = crate::tests::dump(&setup.store);
        let words: Vec<Signed<Counts>> = dump
            .iter()
            .filter(|(table, _)| table == "log_break")
            .flat_map(|(_, rows)| rows)
            .flat_map(zeni_store::Row::values)
            .filter_map(|value| if let zeni_store::Value::Blob(bytes) = value { Some(bytes) } else { None })
            .filter_map(|bytes| zeni_message::decode(bytes, zeni_message::limits::MESSAGE_BYTES_MAX).ok())
            .collect();
        let bank = setup.banks[0].document.public();
        assert!(words.iter().all(|word| word.verify(setup.world.network(), &bank).is_ok()));
        assert_eq!(words.iter().map(|word| word.record.number).collect::<Vec<_>>(), [4, 5], "{case}");

        // the log goes on from where it is now: no other alarm, and the accusation stands until it is explained
        let end = cut.map_or(LogEnd::START, |(_, end)| end);
        let next = mark(end.number + 5, "next");
        send(&setup, 6, Some((end, next)));
        send(&setup, 7, Some((next, next)));
        assert_eq!((alarms(&setup).len(), violations(&setup).len()), (1, 1), "{case}");
        let told = violations(&setup);
        assert_eq!(block_on(setup.issuer.accept_log(BANKS[1])), Ok(vec![]));
        let accepted = block_on(setup.issuer.accept_log(BANKS[0])).unwrap();
        assert!(accepted.len() == 1 && told[0].contains(&accepted[0]), "{accepted:?}");
        assert_eq!((alarms(&setup).len(), violations(&setup)), (1, vec![]), "{case}");

        // and whoever cuts it once more is seen once more
        send(&setup, 8, Some((LogEnd { number: next.number, head: LogEnd::START.head }, one)));
        assert_eq!((alarms(&setup).len(), violations(&setup).len()), (2, 1), "{case}");
    }
}

/// HC-F5.6, HC-P12, RN-X37: an issuer that was restored from an older backup accuses an honest bank once, says what else it may be, and no
/// more once the operator has accepted the log: it follows it from where it is.
#[test]
fn a_restored_issuer_does_not_accuse_for_ever() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let marks: Vec<LogEnd> = (0..8).map(|number| mark(number, &format!("{number}"))).collect();
    send(&setup, 1, Some((marks[0], marks[2])));
    // reports 2 and 3 were lost with what the issuer had since its backup
    for number in 4..7 {
        send(
            &setup,
            number,
            Some((marks[usize::try_from(number).unwrap()], marks[usize::try_from(number).unwrap() + 1])),
        );
        assert_eq!(alarms(&setup).len(), 1);
    }
    let found = violations(&setup);
    assert!(found.len() == 1 && found[0].contains("this issuer was restored from an older backup"), "{found:?}");
    assert_eq!(block_on(setup.issuer.accept_log(BANKS[0])).unwrap().len(), 1);
    assert_eq!((alarms(&setup).len(), violations(&setup)), (1, vec![]));
}
