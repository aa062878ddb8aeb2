use super::*;
use crate::support::{
    MAX, account as account_of, balance_of, currency as currency_of, ledger, ledgers, make, posting as posting_of, run,
};
use crate::{Outcome, audit};

fn opened(store: &zeni_store::Store, new: &Account) -> Opened {
    let new = new.clone();
    run(store, move |tx| open_account(tx, &new))
}

#[test]
fn accounts_open_once() {
    let floored = |floor| Kind::Floored { floor };
    let name = |bytes| "n".repeat(bytes);
    let table = [
        (account_of("", "JPY", floored(1)), Opened::BadName),
        (account_of(&name(NAME_BYTES_MAX + 1), "JPY", Kind::Open), Opened::BadName),
        (account_of(&name(NAME_BYTES_MAX), "JPY", Kind::Open), Opened::Created),
        (account_of("a", "JPY", floored(1)), Opened::FloorAboveZero),
        (account_of("a", "JPY", floored(0)), Opened::AlreadyExists),
        (account_of("a", "JPY", floored(-1)), Opened::Conflict),
        (account_of("a", "JPY", Kind::Open), Opened::Conflict),
        (account_of("a", "USD", floored(0)), Opened::Conflict),
        (account_of("o", "JPY", Kind::Open), Opened::AlreadyExists),
        (account_of("o", "USD", Kind::Open), Opened::Conflict),
        (account_of("new", "KWD", floored(i64::MIN)), Opened::Created),
        (account_of("new", "KWD", floored(i64::MIN)), Opened::AlreadyExists),
    ];
    for store in ledgers() {
        for (new, outcome) in &table {
            assert_eq!(opened(&store, new), *outcome, "{new:?}");
        }
        let (found, missing) = run(&store, |tx| Ok((account(tx, "new")?, account(tx, "none")?)));
        assert_eq!(found, Some(account_of("new", "KWD", floored(i64::MIN))));
        assert_eq!(missing, None);
        assert_eq!(balance_of(&store, "new"), 0);
        assert_eq!(run(&store, |tx| balance(tx, "none")), None);
    }
}

#[test]
fn a_balance_is_an_amount_or_a_debt() {
    let of = |minor: i128| (Balance(minor).amount(), Balance(minor).owed());
    let some = Amount::from_minor;
    assert_eq!(of(0), (some(0), some(0)));
    assert_eq!(of(5), (some(5), None));
    assert_eq!(of(-5), (None, some(5)));
    assert_eq!(of(MAX.into()), (some(MAX), None));
    assert_eq!(of(i128::from(MAX) + 1), (None, None));
}

#[test]
fn entries_of_a_floored_account_are_its_statement() {
    for store in ledgers() {
        for (id, debit, credit, minor) in [(9, "o", "a", 100), (3, "a", "b", 30), (7, "p", "a", 5)] {
            make(&store, &posting_of(id, debit, credit, minor, "JPY"));
        }
        let entry = |number, id, side, posting, balance| Entry {
            cursor: Cursor { number, posting: [id; 16] },
            side,
            posting,
            balance: Some(Balance(balance)),
        };
        let expected = [
            entry(1, 9, Side::Credit, posting_of(9, "o", "a", 100, "JPY"), 100),
            entry(2, 3, Side::Debit, posting_of(3, "a", "b", 30, "JPY"), 70),
            entry(3, 7, Side::Credit, posting_of(7, "p", "a", 5, "JPY"), 75),
        ];
        assert_eq!(run(&store, |tx| entries(tx, "a", None, 10)), expected);
        assert_eq!(run(&store, |tx| entries(tx, "a", None, 2)), expected[..2]);
        let after = Some(expected[1].cursor);
        assert_eq!(run(&store, move |tx| entries(tx, "a", after, 10)), expected[2..]);
        let end = Some(expected[2].cursor);
        assert_eq!(run(&store, move |tx| entries(tx, "a", end, 10)), []);
        assert_eq!(run(&store, |tx| entries(tx, "a", None, 0)), []);
        assert_eq!(run(&store, |tx| entries(tx, "none", None, 10)), []);
        // a floored account has nothing to fold, so it takes no room in the index of what is
        let unfolded = "SELECT COUNT(*) FROM ledger_entry WHERE account = 'a' AND folded = 0";
        assert_eq!(run(&store, move |tx| tx.row(unfolded, &[])).unwrap().int(0), Ok(0));
        let beyond = Some(Cursor { number: u64::MAX, posting: [0; 16] });
        assert_eq!(run(&store, move |tx| entries(tx, "a", beyond, 10)), []);
    }
}

#[test]
fn entries_of_an_open_account_are_read_page_by_page_also_across_a_fold() {
    for store in ledgers() {
        for (id, debit, credit) in [(9, "o", "a"), (3, "o", "p"), (7, "a", "o")] {
            make(&store, &posting_of(id, debit, credit, 4, "JPY"));
        }
        let mut seen = Vec::new();
        let mut after = None;
        while let Some(entry) = run(&store, move |tx| entries(tx, "o", after, 1)).pop() {
            after = Some(entry.cursor);
            assert_eq!((entry.cursor.number, entry.balance), (0, None));
            seen.push((entry.posting.id[0], entry.side));
            run(&store, |tx| fold(tx, "o"));
        }
        assert_eq!(seen, [(3, Side::Debit), (7, Side::Credit), (9, Side::Debit)]);
    }
}

#[test]
fn a_page_has_a_largest_size() {
    let store = ledger();
    run(&store, |tx| {
        for number in 0..=u32::try_from(ENTRIES_MAX).expect("small") {
            let mut posting = posting_of(0, "o", "p", 1, "JPY");
            posting.id[..4].copy_from_slice(&number.to_be_bytes());
            crate::post(tx, &posting)?;
        }
        Ok(())
    });
    let page = run(&store, |tx| entries(tx, "p", None, usize::MAX));
    assert_eq!(page.len(), ENTRIES_MAX);
    let after = page.last().map(|entry| entry.cursor);
    assert_eq!(run(&store, move |tx| entries(tx, "p", after, usize::MAX)).len(), 1);
}

#[test]
fn a_fold_changes_no_balance_and_takes_each_entry_once() {
    for store in ledgers() {
        let mut posted = 0;
        let mut post = |count: u8, minor| {
            for _ in 0..count {
                posted += 1;
                let posting = posting_of(posted, "o", "p", minor, "JPY");
                assert_eq!(make(&store, &posting), Outcome::Created);
            }
        };
        let max = i128::from(MAX);
        post(3, MAX);
        for (folded, minor) in [(3, 3 * max), (0, 3 * max)] {
            assert_eq!(balance_of(&store, "o"), -minor);
            assert_eq!(run(&store, |tx| fold(tx, "o")), folded);
            assert_eq!(balance_of(&store, "o"), -minor);
        }
        post(2, 1);
        assert_eq!(balance_of(&store, "o"), -3 * max - 2);
        assert_eq!(run(&store, |tx| fold(tx, "o")), 2);
        assert_eq!(run(&store, |tx| fold(tx, "p")), 5);
        assert_eq!(balance_of(&store, "o"), -3 * max - 2);
        assert_eq!(balance_of(&store, "p"), 3 * max + 2);
        assert_eq!(run(&store, |tx| fold(tx, "a")), 0);
        assert_eq!(run(&store, |tx| fold(tx, "none")), 0);
        assert!(run(&store, audit).is_sound());
    }
}

#[test]
fn a_currency_that_is_none_is_reported_as_damage() {
    let store = ledger();
    crate::support::damage(&store, "UPDATE ledger_account SET currency = 'yen' WHERE name = 'a'");
    let damaged = run(&store, |tx| Ok(account(tx, "a").is_err()));
    assert!(damaged);
    assert_eq!(run(&store, |tx| account(tx, "b")).unwrap().currency, currency_of("JPY"));
}
