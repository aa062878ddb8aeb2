use proptest::prelude::*;
use zeni_store::prepare_all;

use super::*;
use crate::support::{
    ACCOUNTS, MAX, account as account_of, amount, balance_of, balances, ledger, ledgers, make, posting as posting_of,
    run,
};
use crate::{audit, balance, fold, open_account, statements};

#[test]
fn both_engines_take_every_statement() {
    for store in ledgers() {
        assert_eq!(prepare_all(&store, statements::ALL), Ok(()));
    }
}

/// One row per outcome and boundary, in order: what is posted, what comes of it, and the balances
/// of a, b, c, o, p, u, v after it.
#[test]
fn each_outcome_in_its_order() {
    let unknown = |name: &str| Outcome::UnknownAccount { account: name.to_owned() };
    let mismatch = |name: &str| Outcome::CurrencyMismatch { account: name.to_owned() };
    let short = |available| Outcome::InsufficientFunds { available: amount(available) };
    let row = posting_of;
    let long = |posting: Posting, bytes| Posting { reference: "x".repeat(bytes), ..posting };
    let table = [
        // one sort of account to another
        (row(1, "o", "a", 100, "JPY"), Outcome::Created, [100, 0, 0, -100, 0, 0, 0]),
        (row(2, "o", "p", 7, "JPY"), Outcome::Created, [100, 0, 0, -107, 7, 0, 0]),
        (row(3, "a", "b", 30, "JPY"), Outcome::Created, [70, 30, 0, -107, 7, 0, 0]),
        (row(4, "b", "o", 10, "JPY"), Outcome::Created, [70, 20, 0, -97, 7, 0, 0]),
        (row(5, "v", "u", MAX, "USD"), Outcome::Created, [70, 20, 0, -97, 7, MAX.into(), -i128::from(MAX)]),
        (row(6, "u", "v", MAX - 5, "USD"), Outcome::Created, [70, 20, 0, -97, 7, 5, -5]),
        // what is wrong in itself comes first, whatever else is wrong
        (row(1, "a", "a", 0, "JPY"), Outcome::ZeroAmount, [70, 20, 0, -97, 7, 5, -5]),
        (row(1, "a", "a", 5, "JPY"), Outcome::SameAccount, [70, 20, 0, -97, 7, 5, -5]),
        (
            long(row(1, "o", "b", 1, "JPY"), REFERENCE_BYTES_MAX + 1),
            Outcome::ReferenceTooLong,
            [70, 20, 0, -97, 7, 5, -5],
        ),
        // then the id, also when the accounts could not do it again
        (row(1, "o", "a", 100, "JPY"), Outcome::AlreadyExists, [70, 20, 0, -97, 7, 5, -5]),
        (row(6, "u", "v", MAX - 5, "USD"), Outcome::AlreadyExists, [70, 20, 0, -97, 7, 5, -5]),
        (row(1, "p", "a", 100, "JPY"), Outcome::Conflict, [70, 20, 0, -97, 7, 5, -5]),
        (row(1, "o", "b", 100, "JPY"), Outcome::Conflict, [70, 20, 0, -97, 7, 5, -5]),
        (row(1, "o", "a", 101, "JPY"), Outcome::Conflict, [70, 20, 0, -97, 7, 5, -5]),
        (row(1, "o", "a", 100, "USD"), Outcome::Conflict, [70, 20, 0, -97, 7, 5, -5]),
        (long(row(1, "o", "a", 100, "JPY"), 3), Outcome::Conflict, [70, 20, 0, -97, 7, 5, -5]),
        (row(1, "x", "y", 100, "JPY"), Outcome::Conflict, [70, 20, 0, -97, 7, 5, -5]),
        // then the accounts, the debited one first
        (row(7, "x", "y", MAX, "USD"), unknown("x"), [70, 20, 0, -97, 7, 5, -5]),
        (row(7, "a", "y", MAX, "USD"), unknown("y"), [70, 20, 0, -97, 7, 5, -5]),
        (row(7, "a", "b", MAX, "USD"), mismatch("a"), [70, 20, 0, -97, 7, 5, -5]),
        (row(7, "a", "u", MAX, "JPY"), mismatch("u"), [70, 20, 0, -97, 7, 5, -5]),
        // then the floor, to the unit
        (row(7, "a", "b", 71, "JPY"), short(70), [70, 20, 0, -97, 7, 5, -5]),
        (row(7, "c", "a", 51, "JPY"), short(50), [70, 20, 0, -97, 7, 5, -5]),
        (row(7, "c", "a", 50, "JPY"), Outcome::Created, [120, 20, -50, -97, 7, 5, -5]),
        (row(8, "c", "a", 1, "JPY"), short(0), [120, 20, -50, -97, 7, 5, -5]),
        (row(8, "a", "b", 120, "JPY"), Outcome::Created, [0, 140, -50, -97, 7, 5, -5]),
        // then what the credited account can hold, to the unit
        (row(9, "a", "b", MAX, "JPY"), short(0), [0, 140, -50, -97, 7, 5, -5]),
        (
            row(9, "o", "b", MAX - 139, "JPY"),
            Outcome::Overflow { account: "b".to_owned() },
            [0, 140, -50, -97, 7, 5, -5],
        ),
        (row(9, "o", "b", MAX - 140, "JPY"), Outcome::Created, [0, MAX.into(), -50, 43 - i128::from(MAX), 7, 5, -5]),
        // an open account holds anything
        (
            row(10, "o", "p", MAX, "JPY"),
            Outcome::Created,
            [0, MAX.into(), -50, 43 - 2 * i128::from(MAX), 7 + i128::from(MAX), 5, -5],
        ),
        (
            row(11, "o", "p", MAX, "JPY"),
            Outcome::Created,
            [0, MAX.into(), -50, 43 - 3 * i128::from(MAX), 7 + 2 * i128::from(MAX), 5, -5],
        ),
        (
            long(row(12, "o", "p", 1, "JPY"), REFERENCE_BYTES_MAX),
            Outcome::Created,
            [0, MAX.into(), -50, 42 - 3 * i128::from(MAX), 8 + 2 * i128::from(MAX), 5, -5],
        ),
    ];
    for store in ledgers() {
        for (posting, outcome, expected) in &table {
            assert_eq!(make(&store, posting), *outcome, "{posting:?}");
            assert_eq!(balances(&store), *expected, "{posting:?}");
        }
        let report = run(&store, audit);
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.postings, 12);
        let computed: Vec<i128> = report.accounts.iter().map(|(_, balance)| balance.minor()).collect();
        assert_eq!(computed, balances(&store));
    }
}

#[test]
fn codes_are_stable() {
    let account = String::new;
    let outcomes = [
        Outcome::Created,
        Outcome::ZeroAmount,
        Outcome::SameAccount,
        Outcome::ReferenceTooLong,
        Outcome::AlreadyExists,
        Outcome::Conflict,
        Outcome::UnknownAccount { account: account() },
        Outcome::CurrencyMismatch { account: account() },
        Outcome::InsufficientFunds { available: amount(0) },
        Outcome::Overflow { account: account() },
    ];
    for (code, outcome) in (0..).zip(&outcomes) {
        assert_eq!(outcome.code(), code);
        assert_eq!(outcome.is_posted(), [0, 4].contains(&code));
    }
}

/// A floor of `i64::MIN` and a balance of `i64::MAX` are further apart than an amount can say.
#[test]
fn the_widest_account_works() {
    let store = ledger();
    let wide = account_of("w", "JPY", Kind::Floored { floor: i64::MIN });
    run(&store, move |tx| open_account(tx, &wide));
    assert_eq!(make(&store, &posting_of(1, "w", "o", MAX, "JPY")), Outcome::Created);
    assert_eq!(make(&store, &posting_of(2, "w", "o", 1, "JPY")), Outcome::Created);
    assert_eq!(balance_of(&store, "w"), i64::MIN.into());
    let empty = Outcome::InsufficientFunds { available: amount(0) };
    assert_eq!(make(&store, &posting_of(3, "w", "o", 1, "JPY")), empty);
    for id in [4, 5] {
        assert_eq!(make(&store, &posting_of(id, "o", "w", MAX, "JPY")), Outcome::Created);
    }
    assert_eq!(balance_of(&store, "w"), i128::from(MAX) - 1);
    assert_eq!(make(&store, &posting_of(6, "w", "o", MAX, "JPY")), Outcome::Created);
    assert!(run(&store, audit).is_sound());
}

#[test]
fn a_damaged_account_takes_no_posting() {
    let store = ledger();
    crate::support::damage(&store, "DELETE FROM ledger_balance WHERE account = 'a'");
    let posting = posting_of(1, "o", "a", 1, "JPY");
    let answer =
        store.write_blocking(zeni_store::Caller(0), move |tx| Ok::<_, zeni_store::JobError<()>>(post(tx, &posting)?));
    assert_eq!(answer, Err(zeni_store::WriteError::Internal));
    assert_eq!(run(&store, |tx| balance(tx, "a")), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is posted, and however often it is folded, no value appears or is lost, no floor is
    /// broken, and each posting counts once.
    #[test]
    fn value_is_conserved(
        attempts in prop::collection::vec((0_u8..24, 0_usize..5, 0_usize..5, 0_u64..200, any::<bool>()), 1..60)
    ) {
        let store = ledger();
        let mut expected = [0_i128; 7];
        for (id, debit, credit, minor, folds) in attempts {
            let name = |index: usize| ACCOUNTS[index].0;
            let posting = posting_of(id, name(debit), name(credit), minor, "JPY");
            let short = matches!(ACCOUNTS[debit].2, Kind::Floored { floor }
                if expected[debit] - i128::from(minor) < i128::from(floor));
            let outcome = make(&store, &posting);
            if outcome == Outcome::Created {
                prop_assert!(!short && minor > 0 && debit != credit);
                expected[debit] -= i128::from(minor);
                expected[credit] += i128::from(minor);
            }
            if matches!(outcome, Outcome::InsufficientFunds { .. }) {
                prop_assert!(short);
            }
            if folds {
                run(&store, move |tx| fold(tx, ACCOUNTS[debit].0));
            }
            prop_assert_eq!(balances(&store), expected);
        }
        prop_assert_eq!(expected.iter().sum::<i128>(), 0);
        let report = run(&store, audit);
        prop_assert!(report.is_sound(), "{:?}", report);
    }
}

/// Many writers on PostgreSQL post in both directions between accounts of both kinds.
#[test]
fn value_is_conserved_under_contention() {
    for store in ledgers() {
        for (id, name) in [(255, "a"), (254, "b")] {
            let funding = posting_of(id, "o", name, 1_000, "JPY");
            assert_eq!(make(&store, &funding), Outcome::Created);
        }
        std::thread::scope(|scope| {
            for (thread, debit, credit) in [(0, "a", "b"), (1, "b", "a"), (2, "a", "o"), (3, "o", "b")] {
                let store = &store;
                scope.spawn(move || {
                    for number in 0..10 {
                        let posting = posting_of(thread * 10 + number, debit, credit, 7, "JPY");
                        let caller = zeni_store::Caller(thread.into());
                        loop {
                            let posting = posting.clone();
                            let answer = store.write_blocking(caller, move |tx| {
                                Ok::<_, zeni_store::JobError<()>>(post(tx, &posting)?)
                            });
                            match answer {
                                Err(zeni_store::WriteError::TryAgain) => {}
                                answer => break assert_eq!(answer, Ok(Outcome::Created)),
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(balances(&store)[..4], [930, 1_070, 0, -2_000]);
        let report = run(&store, audit);
        assert!(report.is_sound(), "{report:?}");
    }
}
