use futures::executor::block_on;
use zeni_crypto::Digest;
use zeni_message::{Signed, peer::SendError};
use zeni_note::messages::issuer::{Counts, LogMark, LogReport, ReportCounts, ReportCountsRefusal};

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

fn mark(number: u64, word: &str) -> LogMark {
    if number == 0 { LogMark::START } else { LogMark { number, head: zeni_crypto::sha256(&[word.as_bytes()]) } }
}

fn told(setup: &Setup, number: u64, log: Option<(LogMark, LogMark)>) -> ReportCounts {
    let mut counts = counts(setup, 0, number, vec![(setup.banks[0].signers[0].0.digest(), number)]).counts.record;
    counts.identifications = log.map(|(before, end)| LogReport { before, end });
    ReportCounts { counts: Signed::sign(setup.world.network(), counts, &setup.banks[0].document) }
}

/// HC-F5.6, HC-A21, HC-O9, DESIGN §5 "Trace": a bank whose log of identifications lost its end, was written anew, or is told of no more, is
/// held to what it has signed: an alarm, once, with both its words as evidence, and the audit says so; customers' notes are redeemed
/// all the same. Control: a log that grows, or stands still, or is told of twice raises none.
#[test]
fn a_log_that_was_cut_is_an_alarm() {
    let (one, two, three) = (mark(1, "one"), mark(2, "two"), mark(3, "three"));
    let forged = mark(2, "forged");
    let cuts = [
        Some((mark(2, "nothing"), one)),                               // its end is gone
        Some((LogMark { number: 2, head: LogMark::START.head }, one)), // and said to be
        Some((forged, forged)),                                        // written anew
        Some((forged, three)),                                         // and hidden behind a new entry
        Some((one, three)),                                            // by a bank that forgot what it had reported
        Some((LogMark::START, LogMark::START)),                        // all of it
        None,
    ];
    for (case, cut) in cuts.into_iter().enumerate() {
        let setup = block_on(Setup::new(Policy::Refuse));
        let send = |report: &ReportCounts| block_on(setup.member(BANKS[0], report.clone()));
        let alarms = || {
            let alarms = block_on(setup.issuer.alarms()).unwrap();
            alarms.into_iter().map(|(_, kind)| kind).collect::<Vec<_>>()
        };
        let violations = || block_on(setup.issuer.audit()).unwrap().violations;
        let honest = [(LogMark::START, LogMark::START), (LogMark::START, one), (one, one), (one, two)];
        for (number, log) in (1..).zip(honest) {
            let report = told(&setup, number, Some(log));
            assert_eq!([send(&report), send(&report)], [Ok(number), Ok(number)]);
        }
        assert_eq!((alarms(), violations()), (vec![], vec![]), "control");
        let logs = block_on(setup.issuer.audit()).unwrap().identification_logs;
        assert_eq!((logs[0].bank.as_str(), logs[0].entries, &logs[0].head), (BANKS[0], 2, &two.head.to_string()));

        assert_eq!(send(&told(&setup, 5, cut)), Ok(5), "counts are taken");
        assert_eq!(alarms(), ["identification_log"], "{case}");
        let found = violations();
        assert!(found.len() == 1 && found[0].contains("its log of identifications had 2 entries"), "{case}: {found:?}");
        // the bank's two words, each signed, that do not go together
        let words: Vec<Signed<Counts>> = crate::tests::dump(&setup.store)
            .iter()
            .filter(|(table, _)| table == "alarm" || table == "log_mark")
            .flat_map(|(_, rows)| rows)
            .filter_map(|row| zeni_message::decode(row.blob(3).ok()?, zeni_message::limits::MESSAGE_BYTES_MAX).ok())
            .collect();
        let bank = setup.banks[0].document.public();
        assert!(words.len() == 2 && words.iter().all(|word| word.verify(setup.world.network(), &bank).is_ok()));
        // again and again is one alarm; what was greatest stays
        assert_eq!(send(&told(&setup, 6, cut)), Ok(6));
        assert_eq!((alarms().len(), violations().len()), (1, 1));
        assert_eq!(send(&told(&setup, 7, Some((two, three)))), Ok(7));
        assert_eq!((alarms().len(), violations()), (1, vec![]), "the log is whole again; the alarm stays");
    }
}
