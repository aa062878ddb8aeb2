use futures::executor::block_on;
use zeni_note::{
    messages::issuer::BankTotals,
    testing::{amount, jpy},
};
use zeni_store::{Caller, JobError};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

fn worked() -> Setup {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let whole = block_on(setup.note(&hanako, 100, "n2"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 200, "tea");
    let items = vec![setup.deposit(&paid, &shop, BANKS[0], "d1"), setup.deposit(&whole, &hanako, BANKS[0], "d2")];
    block_on(setup.give_back(BANKS[0], "b1", items)).unwrap();
    setup
}

/// RN-P22: sound books have no violation, and each way of falsifying a table is found (control).
#[test]
fn what_is_falsified_is_found() {
    assert!(block_on(worked().issuer.audit()).unwrap().is_sound());
    let falsifications = [
        "UPDATE note SET used = used + 1",
        "UPDATE note SET children = children + 1",
        "UPDATE note SET nodes = 7",
        "UPDATE node SET used = used - 1",
        "UPDATE node SET value = value + 1",
        "DELETE FROM node",
        "DELETE FROM note",
        "UPDATE archive_note SET used = 99",
        "INSERT INTO archive_note SELECT note.*, NULL, NULL, NULL FROM note",
        "UPDATE key_count SET redeemed = reported + 1",
        "UPDATE ledger_posting SET amount = amount + 1",
    ];
    for statement in falsifications {
        let setup = worked();
        let falsify =
            move |tx: &mut zeni_store::Tx<'_>| -> Result<u64, JobError<()>> { Ok(tx.execute(statement, &[])?) };
        assert!(setup.store.write_blocking(Caller::default(), falsify).unwrap() > 0, "{statement} changed nothing");
        assert!(!block_on(setup.issuer.audit()).unwrap().is_sound(), "{statement} was not found");
    }
}

/// RN-P22, RN-F9.2: a bank's own totals fit but for what is under way, which is named; what falls short is a violation.
#[test]
fn banks_are_compared() {
    let setup = worked();
    let totals = |signed, returned, reclaimed| {
        Some(BankTotals {
            currency: jpy(),
            signed: amount(signed),
            returned: amount(returned),
            reclaimed: amount(reclaimed),
            sealed: zeni_money::Amount::ZERO,
        })
    };
    // one signature under each of the keys of 100, 500 and 1,000
    block_on(setup.report(BANKS[0], 1, 1, totals(1_600, 200, 0)));
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    assert_eq!(report.in_flight, ["aoba: 100 minor units returned are under way"]);
    block_on(setup.report(BANKS[0], 2, 1, totals(1_599, 301, 1)));
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations.len(), 3);
}

/// HC-F7.1, HC-P22: what a bank says it debited for notes under seal is compared with what was issued to it: less is under way, for
/// the bank debits when it hears the answer; more is a violation.
#[test]
fn what_banks_debited_under_seal_is_compared() {
    let setup = block_on(Setup::new(Policy::Refuse));
    block_on(setup.sealed_note(BANKS[0], "taro", "one", 500));
    let nil = zeni_money::Amount::ZERO;
    let report = |number: u64, sealed: u64| {
        let totals = BankTotals { currency: jpy(), signed: nil, returned: nil, reclaimed: nil, sealed: amount(sealed) };
        block_on(setup.report(BANKS[0], number, 0, Some(totals)));
        block_on(setup.issuer.audit()).unwrap()
    };
    let less = report(1, 0);
    assert_eq!(
        (less.violations, less.in_flight),
        (Vec::new(), vec!["aoba: 500 minor units sealed are under way".to_owned()])
    );
    let right = report(2, 500);
    assert_eq!((right.violations, right.in_flight), (Vec::new(), Vec::new()));
    assert_eq!((right.currencies[0].sealed, right.currencies[0].held), (500, 500));
    assert_eq!(report(3, 600).violations, ["aoba: sealed falls short by 100"]);
}

/// HC-F7.3, HC-P22: an origin without its note, or books that say otherwise than the rests of a bank's notes, is found.
#[test]
fn what_a_bank_holds_is_recomputed() {
    let setup = block_on(Setup::new(Policy::Refuse));
    block_on(setup.sealed_note(BANKS[0], "taro", "one", 500));
    let run = |statement: &'static str| {
        let job = move |tx: &mut zeni_store::Tx<'_>| -> Result<u64, JobError<()>> { Ok(tx.execute(statement, &[])?) };
        assert_eq!(setup.store.write_blocking(Caller::default(), job).unwrap(), 1);
    };
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
    run("UPDATE origin SET bank = 'midori'");
    let moved = block_on(setup.issuer.audit()).unwrap().violations;
    assert_eq!(moved.len(), 2, "{moved:?}");
    run("UPDATE origin SET bank = 'aoba'");
    run("DELETE FROM note");
    let lost = block_on(setup.issuer.audit()).unwrap().violations;
    assert!(lost.contains(&"1 origins stand without their notes".to_owned()), "{lost:?}");
}
