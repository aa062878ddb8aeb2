//! What cannot be brought on: questions that are not answered, rows that cannot be read.

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use zeni_note::{
    messages::issuer::GetDecisions,
    testing::{DAY, START, amount},
};
use zeni_store::{Caller, Value};

use super::{AOBA, MIDORI, Town, town, town_with};
use crate::Policy;

/// Another customer of aoba overspends as the town's own did.
fn another(town: &Town) {
    let (user, chain) = block_on(town.setup.sealed_note(AOBA, "Hanako", "another", 500));
    let items = ["x", "y"].map(|word| {
        let paid = town.setup.world.pay(&chain, &user, &town.shop, 500, word);
        town.setup.deposit(&paid, &town.shop, MIDORI, word)
    });
    town.bring("another", items.to_vec());
}

fn run(town: &Town, sql: &'static str, values: &[Value]) -> u64 {
    let values = values.to_vec();
    let job =
        move |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> { Ok(tx.execute(sql, &values)?) };
    town.setup.store.write_blocking(Caller::default(), job).unwrap()
}

fn silent(town: &Town, silent: bool) {
    town.setup.desk(AOBA).silent.store(silent, Ordering::Relaxed);
}

fn alarms(town: &Town) -> Vec<String> {
    block_on(town.setup.issuer.alarms()).unwrap().into_iter().map(|(_, kind)| kind).collect()
}

/// HC-X47: a bank that cannot answer a case is asked about it ever more seldom, with pauses up to ten minutes, however many rounds are made; other
/// cases do not wait for that one, and its word is taken when it comes. Control: without a pause each round asks.
#[test]
fn an_unanswered_case_is_asked_about_ever_more_seldom() {
    for (first, expected) in [(10, [1, 1, 2, 2, 3, 3, 4]), (0, [3, 6, 9, 12, 15, 18, 21])] {
        let town = town_with(|config| config.limits.ask_again_s = first);
        silent(&town, true);
        town.bring("b", vec![town.paid(1_000, "a"), town.paid(1_000, "b")]);
        let mut asked = Vec::new();
        for second in [0, 9, 10, 29, 30, 69, 70] {
            town.setup.clock.put(START.plus(DAY + second));
            for _ in 0..3 {
                block_on(town.setup.issuer.tick()).unwrap();
            }
            asked.push(town.asked());
        }
        assert_eq!(asked, expected);
        if first == 0 {
            continue;
        }
        for day in 2..12 {
            town.setup.clock.put(START.plus(day * DAY));
            block_on(town.setup.issuer.tick()).unwrap();
        }
        let before = town.asked();
        town.setup.clock.put(START.plus(11 * DAY + 599));
        silent(&town, false);
        another(&town);
        assert_eq!(town.states().iter().filter(|state| *state == "identified").count(), 1);
        assert_eq!((town.asked(), town.names()), (before + 1, vec!["Hanako".to_owned()]));
        town.setup.clock.put(START.plus(11 * DAY + 600));
        assert_eq!((town.states(), town.names().len()), (vec!["identified".to_owned(); 2], 2));
    }
}

/// HC-P28, HC-X47: what was kept for a bank about one case cannot be read: that case waits with an alarm, the bank is not accused of its
/// silence, and the key is listed after its day by the proof alone; another customer is named and his key listed in the same round.
/// Control: with the row as it was, the case is closed.
#[test]
fn a_damaged_trace_stops_itself_alone() {
    let town = town();
    silent(&town, true);
    town.bring("b", vec![town.paid(600, "a"), town.paid(600, "b")]);
    block_on(town.setup.issuer.tick()).unwrap();
    let read = |tx: &mut zeni_store::Tx<'_>| -> Result<_, zeni_store::JobError<()>> {
        Ok(tx.row("SELECT content FROM trace", &[])?.unwrap().values()[0].clone())
    };
    let content = town.setup.store.read_blocking(read).unwrap();
    assert_eq!(run(&town, "UPDATE trace SET content = ?1", &[Value::Blob(vec![7; 5])]), 1);
    another(&town);
    silent(&town, false);
    let listed = || town.setup.registrar.listed.load(Ordering::Relaxed);
    for _ in 0..3 {
        let mut states = town.states();
        states.sort();
        assert_eq!((states, listed()), (vec!["identified".to_owned(), "proven".to_owned()], 1));
    }
    assert_eq!((town.names(), alarms(&town)), (vec!["Hanako".to_owned()], vec!["damaged_row".to_owned()]));
    town.setup.clock.put(START.plus(3 * DAY));
    town.states();
    assert_eq!((listed(), alarms(&town).len()), (2, 1), "by the proof alone");
    assert_eq!(run(&town, "UPDATE trace SET content = ?1 WHERE LENGTH(content) = 5", &[content]), 1);
    assert_eq!(town.states(), ["identified"; 2], "control");
}

/// HC-P28: the row of a case that cannot be read stops no other case, whether it waits for its proof, for its bank or for the list. It
/// is told by one alarm, however many rounds there are, and so is a proof that cannot be read.
#[test]
fn a_damaged_case_stops_itself_alone() {
    // an open case without its note has no proof yet: nothing of its row is damaged
    for (state, alarmed) in [("open", 1), ("proven", 2), ("identified", 2)] {
        let town = town();
        let case = "INSERT INTO misuse (node, epoch, series, serial, holder, opened, state, proof) \
            VALUES (?1, 1, 2, ?2, ?3, 0, ?4, ?5)";
        let proof = if state == "open" { Value::Null } else { Value::Blob(vec![1]) };
        // before and behind every other in the order of rounds
        let mut first = [0; 32];
        first[31] = 1;
        for (node, serial) in [(first, 3), ([0xff; 32], 16)] {
            let row = [Value::Blob(node.to_vec()), Value::Blob(vec![9; serial]), Value::Blob(vec![8; 32])];
            let row = [&row[..], &[Value::from(state), proof.clone()]].concat();
            assert_eq!(run(&town, case, &row), 1);
        }
        town.bring("b", vec![town.paid(600, "a"), town.paid(600, "b")]);
        block_on(town.setup.settle_down());
        assert_eq!((town.names(), town.setup.registrar.listed.load(Ordering::Relaxed)), (vec!["Taro".to_owned()], 1));
        for _ in 0..3 {
            town.states();
        }
        assert_eq!(alarms(&town), vec!["damaged_row"; alarmed], "{state}");
    }
}

/// HC-P28, RN-X31: the row of a claim or of a refund that cannot be read waits with an alarm, and stops no round: the case of another is
/// closed, and a claim that can be read is decided. Control: with no such row there is no alarm.
#[test]
fn a_damaged_claim_or_refund_stops_itself_alone() {
    let claim = |leaf: Vec<u8>, currency: &'static str, payee: usize| {
        let sql = "INSERT INTO claim (leaf, bank, currency, excess, payee, at, state, paid, decided, licensed) \
            VALUES (?1, 'kita', ?2, 1, ?3, 1, 'open', 0, 0, 1)";
        (sql, vec![Value::Blob(leaf), Value::from(currency), Value::Blob(vec![0; payee])])
    };
    let refund = |leaf: usize, serial: usize| {
        let sql = "INSERT INTO refund (due, leaf, epoch, series, serial) VALUES (1, ?1, 1, 2, ?2)";
        (sql, vec![Value::Blob(vec![1; leaf]), Value::Blob(vec![0; serial])])
    };
    let damaged = [
        claim(vec![1; 32], "JPY", 1),
        claim(vec![1; 32], "???", 32),
        claim(vec![1; 2], "JPY", 32),
        refund(32, 1),
        refund(2, 16),
    ];
    for row in damaged.into_iter().map(Some).chain([None]) {
        let town = town();
        if let Some((sql, values)) = &row {
            assert_eq!(run(&town, sql, values), 1);
        }
        town.bring("b", vec![town.paid(600, "a"), town.paid(600, "b")]);
        block_on(town.setup.settle_down());
        assert_eq!((town.names(), town.setup.registrar.listed.load(Ordering::Relaxed)), (vec!["Taro".to_owned()], 1));
        assert_eq!(block_on(town.setup.member(MIDORI, GetDecisions { after: 0 })).unwrap().len(), 1);
        town.states();
        let alarmed: &[&str] = if row.is_some() { &["damaged_row"] } else { &[] };
        assert_eq!(alarms(&town), alarmed, "{row:?}");
    }
}

/// RN-F8, HC-P28: the proof behind one claim cannot be read: that claim waits with an alarm; an overspender under seal is named, and the claim
/// against him decided. Control: with its proof the first claim is decided as well.
#[test]
fn a_damaged_proof_stops_its_claim_alone() {
    for damaged in [false, true] {
        let most = amount(1_000_000);
        let town = town_with(|config| {
            config.policy = Policy::Capped { per_key: most, per_person: most, per_issuer_day: most, cutoff: DAY };
        });
        let saburo = town.setup.person("saburo");
        let lent = town.setup.world.pay(&town.chain, &town.user, &saburo, 300, "lent");
        let items = ["x", "y"].map(|word| {
            let paid = town.setup.world.pay(&lent, &saburo, &town.shop, 200, word);
            town.setup.deposit(&paid, &town.shop, MIDORI, word)
        });
        town.bring("b", items.to_vec());
        block_on(town.setup.settle_down());
        assert_eq!(run(&town, "UPDATE claim SET state = 'open', decided = 0", &[]), 1);
        let reset = ["DELETE FROM honoured", "DELETE FROM decision"].map(|sql| run(&town, sql, &[]));
        assert!(reset.iter().all(|rows| *rows > 0));
        if damaged {
            assert_eq!(run(&town, "UPDATE misuse SET proof = ?1", &[Value::Blob(vec![1])]), 1);
        }
        town.bring("c", vec![town.paid(900, "a")]);
        block_on(town.setup.settle_down());
        assert_eq!(town.names(), ["Taro"]);
        let decided = block_on(town.setup.member(MIDORI, GetDecisions { after: 0 })).unwrap().len();
        let alarmed: &[&str] = if damaged { &["damaged_row"] } else { &[] };
        assert_eq!(
            (alarms(&town), decided),
            (alarmed.iter().map(|it| (*it).to_owned()).collect(), 2 - usize::from(damaged))
        );
    }
}
