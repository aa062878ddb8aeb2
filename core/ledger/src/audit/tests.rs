use super::*;
use crate::support::{currency, damage, ledger, ledgers, make, posting, run};

fn name(name: &str) -> String {
    name.to_owned()
}

const fn of(minor: i128) -> Balance {
    Balance::new(minor)
}

/// The control: the same ledger, undamaged.
#[test]
fn a_ledger_that_only_posted_is_sound() {
    for store in ledgers() {
        let report = run(&store, audit);
        assert_eq!((report.postings, report.accounts.len(), report.is_sound()), (0, 7, true));
        fill(&store);
        let report = run(&store, audit);
        assert_eq!((report.postings, report.findings), (3, vec![]));
    }
}

fn fill(store: &zeni_store::Store) {
    make(store, &posting(1, "o", "a", 100, "JPY"));
    make(store, &posting(2, "a", "p", 40, "JPY"));
    make(store, &posting(3, "v", "u", 9, "USD"));
}

/// Each damage and everything that the audit says about it.
#[test]
fn each_damage_is_found() {
    let balance = |account, stored, posted| Finding::Balance { account: name(account), stored, posted: of(posted) };
    let entries = |account, entered, posted| Finding::Entries {
        account: name(account),
        entered: of(entered),
        posted: of(posted),
    };
    let total = |code, total| Finding::Currency { currency: currency(code), total: of(total) };
    let floor = |account, balance, floor| Finding::Floor { account: name(account), balance: of(balance), floor };
    let bad = |id| Finding::Posting { id: [id; 16] };
    let table = [
        (
            "UPDATE ledger_balance SET balance = 61 WHERE account = 'a'",
            vec![balance("a", Some(of(61)), 60), total("JPY", 1)],
        ),
        (
            "UPDATE ledger_balance SET balance = -1 WHERE account = 'u'",
            vec![balance("u", Some(of(-1)), 9), floor("u", -1, 0), total("USD", -10)],
        ),
        ("DELETE FROM ledger_balance WHERE account = 'u'", vec![balance("u", None, 9), total("USD", -9)]),
        ("UPDATE ledger_fold SET low = 5 WHERE account = 'p'", vec![balance("p", Some(of(45)), 40), total("JPY", 5)]),
        (
            "UPDATE ledger_fold SET high = 1 WHERE account = 'p'",
            vec![balance("p", Some(of((1 << 32) + 40)), 40), total("JPY", 1 << 32)],
        ),
        ("UPDATE ledger_entry SET change = 90 WHERE account = 'a' AND number = 1", vec![entries("a", 50, 60)]),
        ("DELETE FROM ledger_entry WHERE account = 'a' AND number = 2", vec![entries("a", 100, 60)]),
        (
            "DELETE FROM ledger_entry WHERE account = 'o'",
            vec![balance("o", Some(of(0)), -100), entries("o", 0, -100), total("JPY", 100)],
        ),
        (
            "UPDATE ledger_posting SET amount = 101 WHERE debit = 'a'",
            vec![
                balance("a", Some(of(60)), -1),
                balance("p", Some(of(40)), 101),
                entries("a", 60, -1),
                entries("p", 40, 101),
                floor("a", -1, 0),
            ],
        ),
        ("UPDATE ledger_account SET floor = -1 WHERE name = 'a'", vec![]),
        ("UPDATE ledger_account SET floor = 61 WHERE name = 'a'", vec![floor("a", 60, 61)]),
        ("UPDATE ledger_account SET floor = 60 WHERE name = 'a'", vec![]),
        ("UPDATE ledger_posting SET currency = 'USD' WHERE debit = 'a'", vec![bad(2)]),
        (
            "UPDATE ledger_account SET currency = 'EUR' WHERE name = 'u'",
            vec![bad(3), total("EUR", 9), total("USD", -9)],
        ),
        (
            "UPDATE ledger_account SET currency = 'EUR' WHERE name = 'v'",
            vec![bad(3), total("EUR", -9), total("USD", 9)],
        ),
        ("DELETE FROM ledger_account WHERE name = 'v'", vec![bad(3), total("USD", 9)]),
        ("DELETE FROM ledger_account WHERE name = 'u'", vec![bad(3), total("USD", -9)]),
        (
            "UPDATE ledger_posting SET amount = 0 WHERE debit = 'v'",
            vec![
                bad(3),
                balance("u", Some(of(9)), 0),
                balance("v", Some(of(-9)), 0),
                entries("u", 9, 0),
                entries("v", -9, 0),
            ],
        ),
        (
            "UPDATE ledger_posting SET debit = 'u' WHERE debit = 'v'",
            vec![
                bad(3),
                balance("u", Some(of(9)), 0),
                balance("v", Some(of(-9)), 0),
                entries("u", 9, 0),
                entries("v", -9, 0),
            ],
        ),
    ];
    for (sql, findings) in table {
        let store = ledger();
        fill(&store);
        damage(&store, sql);
        let report = run(&store, audit);
        assert_eq!(report.findings, findings, "{sql}");
        assert_eq!(report.is_sound(), findings.is_empty());
    }
}
