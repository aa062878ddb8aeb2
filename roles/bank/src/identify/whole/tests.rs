use zeni_note::{
    messages::bank::{Identification, IdentifyOverspender},
    testing::DAY,
};

use crate::{
    audit::Violation,
    testing::{Town, now},
};

/// A bank with a case and an entry that names nobody, both reported to the issuer; and the question about another customer.
fn town() -> (Town, IdentifyOverspender) {
    let mut town = Town::new();
    let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
    let (other, spent) = town.issued("A-2", "other", 1_000);
    town.identify(&town.question(&cheat, &chain, &[600, 600])).expect("named");
    assert!(town.identify(&town.question(&cheat, &chain, &[1])).is_err());
    town.settle();
    town.sound();
    let next = town.question(&other, &spent, &[700, 700]);
    (town, next)
}

fn of_the_log(town: &Town) -> Vec<Violation> {
    town.audit().violations.into_iter().filter(|it| it.rule.starts_with("the log of identifications")).collect()
}

fn accept(town: &Town) -> usize {
    now(town.bank.accept_log()).expect("accepted").len()
}

fn says(found: &[Violation], text: &str) -> bool {
    found.iter().any(|it| it.detail.contains(text))
}

/// HC-F5.6, HC-A21: who deletes entries and leaves case files and suspensions keeps no other customer from being named: the log goes on
/// above all numbers that were given, and the audit names what has lost its entry. Control: at the number of an old case file there is no
/// room for a new one.
#[test]
fn deleted_entries_keep_nobody_from_being_named() {
    for left in ["DELETE FROM suspension", "DELETE FROM case_file"] {
        let (town, next) = town();
        assert_eq!(town.sabotage("DELETE FROM identification", vec![]), 2);
        let found = of_the_log(&town);
        assert!(says(&found, "case file 1 over account A-1"), "{found:?}");
        assert!(says(&found, "suspension of account A-1 by entry 1"), "{found:?}");
        assert_eq!(town.cases().broken_at, Some(1));
        assert_eq!(town.sabotage(left, vec![]), 1);
        assert_eq!(town.identify(&next), Ok(Identification::Identified));
        let report = town.cases();
        assert_eq!(report.log.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2]);
        assert_eq!((report.cases[0].account.as_str(), report.broken_at), ("A-2", Some(1)));
        assert!(report.suspended.contains(&"A-2".to_owned()));
    }
    let (town, _) = town();
    let again =
        "INSERT INTO case_file SELECT number, account, name, currency, held, signed, id, document FROM case_file";
    let insert = move |tx: &mut zeni_store::Tx<'_>| Ok::<_, zeni_store::JobError<()>>(tx.execute(again, &[])?);
    assert!(town.bank.store.write_blocking(zeni_store::Caller::default(), insert).is_err(), "control");
}

/// HC-F5.6: a suspension that no case of its account stands behind is seen: nobody is suspended without evidence. Control: one with its case.
#[test]
fn a_suspension_has_its_case() {
    let (town, _) = town();
    assert_eq!(of_the_log(&town), [], "control");
    assert_eq!(town.sabotage("INSERT INTO suspension (account, number) VALUES ('A-2', 1)", vec![]), 1);
    assert!(says(&of_the_log(&town), "suspension of account A-2 by entry 1"));
}

/// HC-F5.6: who deletes a suspension behind the bank's back is seen, by `cases` as well. Control: one that the operator lifted is not missed.
#[test]
fn a_deleted_suspension_is_missed() {
    let (town, next) = town();
    assert_eq!(town.sabotage("DELETE FROM suspension", vec![]), 1);
    let found = of_the_log(&town);
    assert!(found.len() == 1 && says(&found, "entry 1 suspends account A-1"), "{found:?}");
    assert_eq!((town.cases().broken_at, town.audit().books_balance()), (Some(1), true));
    assert_eq!(town.sabotage("INSERT INTO suspension (account, number) VALUES ('A-1', 1)", vec![]), 1);
    now(town.bank.lift("A-1")).expect("lifted");
    town.identify(&next).expect("named");
    assert_eq!((of_the_log(&town), town.cases().broken_at), (vec![], None), "control");
    assert_eq!(town.sabotage("DELETE FROM suspension", vec![]), 1);
    let found = of_the_log(&town);
    assert!(found.len() == 1 && says(&found, "suspends account A-2"), "{found:?}");
}

/// HC-F5.6, DESIGN §5 "Trace": a break that was found stays in the audit when later reports go on from the log's new end, also after a
/// restart, until an operator accepts it; what he accepted covers no later break. Control: a log that only grows has none.
#[test]
fn a_break_stays_until_it_is_accepted() {
    let (mut town, next) = town();
    for sql in ["DELETE FROM suspension", "DELETE FROM case_file", "DELETE FROM identification"] {
        assert!(town.sabotage(sql, vec![]) > 0);
    }
    town.identify(&next).expect("named");
    for _ in 0..3 {
        town.advance(DAY);
        town.settle();
        town.restart();
        let found = of_the_log(&town);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].rule.ends_with("goes on from what was reported") && says(&found, "told of 2 entries"));
        assert!(town.audit().log_is_broken() && town.audit().books_balance());
    }
    assert_eq!(accept(&town), 1);
    town.sound();
    town.settle();
    town.sound();
    assert_eq!(accept(&town), 0);
    assert_eq!(town.sabotage("UPDATE case_file SET name = 'somebody else'", vec![]), 1);
    let altered = of_the_log(&town);
    assert_eq!(altered.len(), 1);
    assert_eq!((accept(&town), of_the_log(&town)), (1, vec![]));
    assert_eq!(town.sabotage("UPDATE case_file SET name = 'a third'", vec![]), 1);
    assert!(of_the_log(&town).len() == 1 && of_the_log(&town) != altered, "other rows than those that were accepted");
    assert_eq!(town.sabotage("DELETE FROM identification", vec![]), 1);
    town.advance(DAY);
    town.settle();
    assert!(says(&of_the_log(&town), "told of 1 entries"), "the next break");
}

/// HC-F5.6: who cuts the log once more before the next report is told once more, although what he had cut before was accepted; and what
/// was accepted is told by `accept_log`. Control: a log that grows after the acceptance, and is reported then, has no other break.
#[test]
fn what_is_accepted_covers_no_later_cut() {
    for cut_again in [true, false] {
        let (mut town, next) = town();
        assert_eq!(town.sabotage("DELETE FROM identification WHERE number = 2", vec![]), 1);
        let found = of_the_log(&town);
        assert!(found.len() == 1 && says(&found, "told of 2 entries") && says(&found, "ends with entry 1, hash"));
        let accepted = now(town.bank.accept_log()).expect("accepted");
        assert!(accepted.len() == 1 && accepted[0].detail.ends_with(&found[0].detail), "{accepted:?}");
        assert_eq!(of_the_log(&town), []);
        if cut_again {
            for sql in ["DELETE FROM suspension", "DELETE FROM case_file", "DELETE FROM identification"] {
                assert_eq!(town.sabotage(sql, vec![]), 1);
            }
            let again = of_the_log(&town);
            assert!(again.len() == 1 && says(&again, "ends with entry 0, hash") && again != found, "{again:?}");
        } else {
            town.identify(&next).expect("named");
            assert_eq!(of_the_log(&town), [], "control");
        }
        town.advance(DAY);
        town.settle();
        assert_eq!(of_the_log(&town).len(), usize::from(cut_again));
    }
}

/// HC-F5.6: what was accepted, is mended and comes back is told again, once a report or an operator has seen it mended. Control: an
/// accepted break that no report can show any more stays accepted.
#[test]
fn what_is_mended_and_comes_back_is_told_again() {
    let alter =
        |town: &Town, name: &str| town.sabotage("UPDATE case_file SET name = ?1 WHERE number = 1", vec![name.into()]);
    for by_report in [true, false] {
        let (mut town, next) = town();
        let name = town.cases().cases[0].name.clone();
        assert_eq!((alter(&town, "another"), accept(&town), of_the_log(&town)), (1, 1, vec![]));
        alter(&town, &name);
        if by_report {
            town.identify(&next).expect("named");
            town.advance(DAY);
            town.settle();
        } else {
            assert_eq!(accept(&town), 0);
        }
        alter(&town, "another");
        assert_eq!(of_the_log(&town).len(), 1, "by report: {by_report}");
        assert_eq!(accept(&town), 1);
    }
    // the end that was reported, gone, back and gone again
    let cut = |town: &Town, number: i64| {
        let aside = "UPDATE identification SET number = ?1 WHERE number IN (0, 2)";
        assert_eq!(town.sabotage(aside, vec![number.into()]), 1);
    };
    let (town, _) = town();
    cut(&town, 0);
    let found = of_the_log(&town);
    assert!(says(&found, "ends with entry 1, hash"), "{found:?}");
    assert_eq!((accept(&town), of_the_log(&town)), (found.len(), vec![]));
    cut(&town, 2);
    assert_eq!((accept(&town), of_the_log(&town)), (0, vec![]));
    cut(&town, 0);
    assert_eq!(of_the_log(&town), found);

    let (mut town, _) = self::town();
    assert_eq!(town.sabotage("DELETE FROM identification WHERE number = 2", vec![]), 1);
    town.advance(DAY);
    town.settle();
    assert_eq!(accept(&town), 1);
    for _ in 0..2 {
        town.advance(DAY);
        town.settle();
        assert_eq!((of_the_log(&town), accept(&town)), (vec![], 0), "control");
    }
    let kept = |tx: &mut zeni_store::Tx<'_>| {
        Ok::<_, zeni_store::JobError<()>>(tx.rows("SELECT id FROM log_finding", &[])?.len())
    };
    assert_eq!(town.bank.store.read_blocking(kept), Ok(1));
}
