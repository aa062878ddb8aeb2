//! The whole bank: statements of the store, statements of accounts, and money under faults.

mod faults;

use proptest::prelude::*;
use zeni_message::{Role, peer::SendError, route::Caller};
use zeni_note::{
    messages::{
        bank::GetStatement,
        issuer::{Decision, Outcome, SealedRefusal},
    },
    testing::{DAY, amount},
};

use zeni_store::{Options, Store};

use crate::{
    Bank, STATEMENTS,
    testing::{Cut, OPENING, Town, now},
};

/// RN-D18: every statement is one that each engine takes.
#[test]
fn all_statements_are_prepared() {
    zeni_store::testing::check_statements(&crate::SCHEMA, STATEMENTS);
}

/// RN-D18: an account shows its entries with kind, time and balance; only to its own holder, and to the operator.
#[test]
fn a_statement_shows_the_account() {
    let mut town = Town::new();
    let (order, _) = town.order("one", &[1_000]);
    town.withdraw("A-1", &order).expect("a withdrawal");
    town.deposit("A-1", "two", &[100]);
    town.settle();
    let statement = town.statement("A-1");
    let shown: Vec<_> = statement
        .entries
        .iter()
        .map(|entry| (entry.place, entry.kind.as_str(), entry.amount.minor(), entry.credit))
        .collect();
    assert_eq!(shown, vec![(1, "opening", OPENING, true), (2, "withdrawal", 1_000, false), (3, "deposit", 100, true)]);
    assert_eq!((statement.balance.minor(), statement.held.minor()), (OPENING - 900, 0));
    let rest = town.send("A-1", &GetStatement { after: 2 }).expect("the rest");
    assert_eq!(rest.entries, statement.entries[2..]);
    assert_eq!(town.statement("A-2").entries.len(), 1);
    let operator = now(town.bank.statement("A-1")).expect("a read").expect("an account");
    assert_eq!((operator.balance.as_str(), operator.held.as_str()), ("JPY:9100", "JPY:0"));
    assert_eq!(operator.entries.len(), 3);
    assert_eq!(now(town.bank.statement("A-9")).expect("a read"), None);
    let stranger = Caller { role: Role::Wallet, name: "sakura/A-1".into() };
    let answer = now(town.as_caller(Some(stranger)).send(&GetStatement { after: 0 }));
    assert!(matches!(answer, Err(SendError::Forbidden { .. })));
}

/// RN-D18: loading accounts again changes nothing.
#[test]
fn accounts_are_loaded_once() {
    let town = Town::unkeyed();
    let before = town.dump();
    let again = crate::NewAccount {
        account: "A-1".into(),
        name: "somebody else".into(),
        opening: amount(5),
        currency: zeni_note::testing::jpy(),
        code: crate::code_digest("aoba", "A-1", "other"),
    };
    assert_eq!(now(town.bank.load_accounts(vec![again.clone()])), Ok(0));
    assert_eq!(town.dump(), before);
    let bad = crate::NewAccount { account: "A/1".into(), ..again };
    assert!(now(town.bank.load_accounts(vec![bad])).is_err());
}

/// HC-D20: a store of the schema before there was anything under seal is taken over with what stands in it.
#[test]
fn a_store_of_before_is_taken_over() {
    let before = zeni_store::Schema { name: crate::SCHEMA.name, migrations: &crate::SCHEMA.migrations[..4] };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bank.db");
    let old = Store::open_sqlite(&path, &before, Options::inline()).expect("a store");
    let job = |tx: &mut zeni_store::Tx<'_>| {
        let row = zeni_store::params!["A-1", "person", "JPY", [1; 32], [2; 16]];
        tx.execute(crate::schema::INSERT_ACCOUNT, row)?;
        let floored = zeni_ledger::Kind::Floored { floor: 0 };
        for (name, kind) in [("available/A-1", floored), ("held/A-1", floored), ("cash/JPY", zeni_ledger::Kind::Open)] {
            let account = zeni_ledger::Account { name: name.into(), currency: zeni_note::testing::jpy(), kind };
            zeni_ledger::open_account(tx, &account)?;
        }
        let (debit, credit) = ("cash/JPY".to_owned(), "available/A-1".to_owned());
        let (amount, currency) = (amount(500), zeni_note::testing::jpy());
        let posting =
            zeni_ledger::Posting { id: [3; 16], debit, credit, amount, currency, reference: "opening 1".into() };
        assert!(zeni_ledger::post(tx, &posting)?.is_posted());
        Ok::<_, zeni_store::JobError<()>>(())
    };
    old.write_blocking(zeni_store::Caller::default(), job).expect("written");
    old.stop();
    let new = Store::open_sqlite(&path, &crate::SCHEMA, Options::inline()).expect("taken over");
    let report = now(crate::audit_of(&new, "aoba")).expect("an audit");
    assert!(report.is_sound(), "{:?}", report.violations);
    let figures = &report.currencies[0];
    assert_eq!((figures.available.as_str(), figures.reserved.as_str()), ("JPY:500", "JPY:0"));
}

/// HC-O3, HC-O9: keys of orders from before certificates named them are taken over with their certificates: they order, as long as the
/// certificate itself says, and orders of before still lead to theirs.
#[test]
fn keys_of_before_are_taken_over() {
    let mut town = Town::new();
    let (cheat, chain) = town.issued("A-2", "cheat", 1_000);
    let chain_of = |row: &Vec<zeni_store::Value>| (row[0].clone(), row[1].clone(), row[2].clone(), row[4].clone());
    let certificates: Vec<_> = town.table("certificate").iter().map(chain_of).collect();
    let before = zeni_store::Schema { name: crate::SCHEMA.name, migrations: &crate::SCHEMA.migrations[..7] };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bank.db");
    let old = Store::open_sqlite(&path, &before, Options::inline()).expect("a store");
    let order = town.table("sealed_order").remove(0);
    let job = move |tx: &mut zeni_store::Tx<'_>| {
        for (account, request, chain, key) in &certificates {
            let sql = "INSERT INTO certificate (account, request, chain) VALUES (?1, ?2, ?3)";
            tx.execute(sql, &[account.clone(), request.clone(), chain.clone()])?;
            let sql = "INSERT INTO account_key (account, key, time, request) VALUES (?1, ?2, 5, ?3)";
            tx.execute(sql, &[account.clone(), key.clone(), request.clone()])?;
        }
        let sql = "INSERT INTO sealed_order VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        Ok::<_, zeni_store::JobError<()>>(tx.execute(sql, &order[..14])?)
    };
    assert_eq!(old.write_blocking(zeni_store::Caller::default(), job), Ok(1));
    old.stop();
    let new = Store::open_sqlite(&path, &crate::SCHEMA, Options::inline()).expect("taken over");
    let read = |tx: &mut zeni_store::Tx<'_>| {
        let keys = crate::certificates::of(tx, "A-2")?;
        let used = tx.rows(crate::schema::SELECT_CERTIFICATES_USED, zeni_store::params!["A-2"])?;
        Ok::<_, zeni_store::JobError<()>>((keys, used[0].array(0)?))
    };
    let (keys, used) = new.read_blocking(read).expect("read");
    let now = town.bank.clock.now();
    assert_eq!((keys.len(), keys[0].key), (1, Some(crate::testing::account_key("A-2"))));
    assert_eq!(
        (keys[0].holds.contains(now), keys[0].holds.contains(now.plus(400 * DAY)), keys[0].request.0),
        (true, false, used)
    );
    // the same rows in a bank that runs
    assert!(town.sabotage("UPDATE certificate SET since = 0, until = 0", vec![]) > 0);
    town.restart();
    town.issued("A-2", "as before", 100);
    let named = town.identify(&town.question(&cheat, &chain, &[600, 600]));
    assert_eq!(named, Ok(zeni_note::messages::bank::Identification::Identified));
}

/// RN-P22: the audit sees a balance, a count, an item that somebody altered behind its back.
#[test]
fn the_audit_sees_what_was_altered() {
    let sabotage = [
        "UPDATE ledger_balance SET balance = balance + 1 WHERE account = 'available/A-1'",
        "DELETE FROM signature WHERE place = 0",
        "UPDATE item SET amount = amount + 1",
        "UPDATE signing_key SET folded = folded + 1",
        "UPDATE item SET state = 'paid', paid = 5",
    ];
    for sql in sabotage {
        let mut town = Town::new();
        let (order, _) = town.order("one", &[100]);
        town.withdraw("A-1", &order).expect("a withdrawal");
        town.settle();
        town.deposit("A-1", "two", &[100]);
        town.sound();
        let job = move |tx: &mut zeni_store::Tx<'_>| Ok::<_, zeni_store::JobError<()>>(tx.execute(sql, &[])?);
        assert!(town.bank.store.write_blocking(zeni_store::Caller::default(), job).expect("sabotage") > 0);
        assert!(!town.audit().is_sound(), "{sql}");
    }
}

/// A bank's futures run on the shell's many threads.
#[test]
fn futures_are_send() {
    fn send<T: Send>(_: T) {}
    fn both(bank: &Bank) {
        send(bank.tick());
        send(bank.audit());
        send(bank.statement("A-1"));
        send(bank.cases());
        send(bank.lift("A-1"));
    }
    let _: fn(&Bank) = both;
}

#[derive(Clone, Debug)]
enum Step {
    Sealed { account: bool, thousands: usize, hundreds: usize, cut: Cut, refused: bool, again: bool },
    Withdraw { account: bool, thousands: usize, hundreds: usize, lost: bool },
    Deposit { account: bool, outcome: u8, lost: bool },
    HandIn { values: Vec<u64> },
    Tick { cuts: Vec<Cut> },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cut = prop_oneof![3 => Just(Cut::Not), 1 => Just(Cut::Before), 1 => Just(Cut::After), 1 => Just(Cut::Crash)];
    let sealed = (any::<bool>(), 0..3_usize, 0..3_usize, cut.clone(), any::<bool>(), any::<bool>());
    let step = prop_oneof![
        sealed.prop_map(|(account, thousands, hundreds, cut, refused, again)| Step::Sealed {
            account,
            thousands,
            hundreds,
            cut,
            refused,
            again
        }),
        (any::<bool>(), 0..3_usize, 0..3_usize, any::<bool>())
            .prop_map(|(account, thousands, hundreds, lost)| Step::Withdraw { account, thousands, hundreds, lost }),
        (any::<bool>(), 0..6_u8, any::<bool>()).prop_map(|(account, outcome, lost)| Step::Deposit {
            account,
            outcome,
            lost
        }),
        prop::collection::vec(1..1_000_u64, 1..4).prop_map(|values| Step::HandIn { values }),
        prop::collection::vec(cut, 1..4).prop_map(|cuts| Step::Tick { cuts }),
        Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..16)
}

fn name(account: bool) -> &'static str {
    if account { "A-1" } else { "A-2" }
}

fn play(town: &mut Town, place: usize, step: &Step) {
    let seed = format!("step {place}");
    match step {
        Step::Sealed { account, thousands, hundreds, cut, refused, again } => {
            let account = name(*account);
            let faces = [vec![1_000; *thousands], vec![100; *hundreds]].concat();
            let purses = faces.iter().enumerate();
            let purses: Vec<_> = purses.map(|(n, face)| town.purse(account, &format!("{seed} {n}"), *face)).collect();
            town.desk().refuse = refused.then_some(SealedRefusal::Ceiling);
            town.cut(&[*cut]);
            drop(town.withdraw_sealed(account, &purses));
            town.cut(&[]);
            town.desk().refuse = None;
            if *cut == Cut::Crash {
                town.restart();
            }
            if *again {
                drop(town.withdraw_sealed(account, &purses));
            }
        }
        Step::Withdraw { account, thousands, hundreds, lost } => {
            let faces = [vec![1_000; *thousands], vec![100; *hundreds]].concat();
            let (order, _) = town.order(&seed, &faces);
            let first = town.withdraw(name(*account), &order);
            if *lost {
                town.restart();
                let again = town.withdraw(name(*account), &order);
                assert_eq!(again.is_ok(), first.is_ok());
                assert!(first.is_err() || again == first, "the same order gives the same bytes");
            }
        }
        Step::Deposit { account, outcome, lost } => {
            let message = town.deposit_message(name(*account), &seed, &[1_000]);
            let leaf = town.world.leaf(&message.items[0].chain);
            let outcome = match outcome {
                0 => Outcome::Paid,
                1 => Outcome::Partly { paid: amount(400) },
                2 => Outcome::Duplicate,
                3 => Outcome::Unknown,
                4 => Outcome::Waiting { until: zeni_message::Time(1) },
                _ => Outcome::Late,
            };
            town.desk().outcomes.insert(leaf, outcome);
            town.send(name(*account), &message).expect("a deposit");
            if matches!(outcome, Outcome::Partly { .. } | Outcome::Unknown | Outcome::Waiting { .. }) {
                // decided at once, perhaps before the bank heard the answer
                let number = town.desk().decisions.len() as u64 + 1;
                town.desk().decisions.push(Decision { number, leaf, paid: amount(600), claimed: amount(0) });
            }
            if *lost {
                town.restart();
                town.send(name(*account), &message).expect("the same");
            }
        }
        Step::HandIn { values } => {
            let takings = town.takings("A-1", &seed, values);
            town.send("A-1", &takings).expect("takings");
        }
        Step::Tick { cuts } => {
            town.advance(crate::testing::POLL_S);
            town.cut(cuts);
            drop(town.tick());
            town.cut(&[]);
            town.restart();
        }
        Step::Restart => town.restart(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// RN-X7, RN-X25, RN-X27, RN-F9.2, HC-P22, HC-P29, HC-X8, HC-X9: whatever is cut between bank, customers and issuer, and whenever the bank dies,
    /// money is conserved after every step, and in the end bank and issuer say the same.
    #[test]
    fn money_is_conserved_under_faults(steps in steps()) {
        let mut town = Town::new();
        for (place, step) in steps.iter().enumerate() {
            play(&mut town, place, step);
            town.sound();
        }
        for _ in 0..4 {
            town.settle();
        }
        let report = town.sound();
        let decided: u64 = town.desk().decisions.iter().map(|decision| decision.paid.minor()).sum();
        let paid = town.desk().paid + decided;
        let counts = town.desk().counts.clone();
        let figures = &report.currencies[0];
        prop_assert_eq!(&figures.returned, &format!("JPY:{paid}"));
        prop_assert_eq!(&figures.held, "JPY:0");
        let signed: u64 = figures.signed.trim_start_matches("JPY:").parse().expect("a number");
        let available = town.balances("A-1").0 + town.balances("A-2").0;
        let sealed: u64 = town.desk().opened.values().map(|content| content.face.minor()).sum();
        prop_assert_eq!((town.outstanding(), &figures.sealed), (sealed, &format!("JPY:{sealed}")));
        prop_assert_eq!(town.reserved("A-1") + town.reserved("A-2"), 0);
        prop_assert_eq!(available, 2 * OPENING - signed - sealed + paid);
        prop_assert!(report.reported);
        prop_assert_eq!(counts.map_or(0, |counts| counts.record.signed.iter().map(|(_, count)| count).sum()), report.signatures);
    }
}
