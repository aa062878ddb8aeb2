use futures::executor::block_on;
use zeni_note::testing::{amount, jpy};
use zeni_store::{Caller, JobError, params};

use crate::{
    Account, Policy, SettleError,
    books::{self, Posting, PostingIds},
    testing::{BANKS, Setup},
};

/// RN-V7, RN-F9.1, F9.2, RN-P11: the bank that issued owes, the bank that returned is owed; a cycle settles both under an id of its
/// own and the books balance before and after.
#[test]
fn positions_are_settled() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    block_on(setup.note(&hanako, 100, "n2"));
    let item = setup.deposit(&chain, &hanako, BANKS[1], "d1");
    block_on(setup.give_back(BANKS[1], "b1", vec![item])).unwrap();
    let owed = || block_on(setup.issuer.positions()).unwrap().iter().map(|at| at.owes).collect::<Vec<_>>();
    assert_eq!(owed(), [600, -500]);
    let cycle = block_on(setup.issuer.settle()).unwrap();
    assert_eq!(cycle.positions.iter().map(|at| at.owes).collect::<Vec<_>>(), [600, -500]);
    assert_eq!(owed(), [0, 0]);
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    assert_eq!((report.currencies[0].reserve, report.currencies[0].outstanding), (100, 100));
    let next = block_on(setup.issuer.settle()).unwrap();
    assert_ne!(next.id, cycle.id);
    let circulation = block_on(setup.issuer.circulation()).unwrap();
    assert_eq!(circulation[0].issued[0].1, 600);
    assert_eq!(circulation[0].returned[1].1, 500);
}

/// RN-F9.2: a register that holds other than the books say stops the cycle; nothing is posted.
#[test]
fn a_mismatch_stops_the_cycle() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.note(&hanako, 500, "n1"));
    let lose = |tx: &mut zeni_store::Tx<'_>| -> Result<u64, JobError<()>> {
        Ok(tx.execute("UPDATE note SET used = 1 WHERE value = ?1", params![500])?)
    };
    setup.store.write_blocking(Caller::default(), lose).unwrap();
    let before = crate::tests::dump(&setup.store);
    let stopped = block_on(setup.issuer.settle());
    let expected = SettleError::Register { currency: "JPY".to_owned(), rests: 499, outstanding: 500 };
    assert_eq!(stopped, Err(expected));
    assert_eq!(crate::tests::dump(&setup.store), before);
}

/// RN-F9.2, RN-P22: debts that nothing out there stands against stop the cycle and are found by the audit; nothing is posted.
#[test]
fn books_that_do_not_balance_stop_the_cycle() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.note(&hanako, 500, "n1"));
    // a series that this issuer does not have
    let post = |tx: &mut zeni_store::Tx<'_>| -> Result<(), JobError<()>> {
        let (debit, credit) = (Account::Issued(BANKS[0].to_owned()), Account::Outstanding(99));
        let posting = Posting { debit, credit, currency: jpy(), amount: amount(70), reference: "issue" };
        Ok(books::post(tx, &mut PostingIds::new([7; 32]), &posting)?)
    };
    setup.store.write_blocking(Caller::default(), post).unwrap();
    let before = crate::tests::dump(&setup.store);
    let stopped = block_on(setup.issuer.settle());
    assert_eq!(stopped, Err(SettleError::Mismatch { currency: "JPY".to_owned(), difference: -70 }));
    assert_eq!(crate::tests::dump(&setup.store), before);
    assert!(!block_on(setup.issuer.audit()).unwrap().is_sound());
}
