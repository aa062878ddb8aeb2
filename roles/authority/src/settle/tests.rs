use std::{sync::Barrier, thread};

use zeni_message::{
    NoRefusal, Role, encode,
    peer::SendError,
    route::{Caller as Sender, Ctx, Handle},
};
use zeni_note::{
    messages::authority::{Disclose, GetLicencesRefusal, GetRevocations},
    testing::{DAY, START, key},
};
use zeni_store::{Options, Value, params, testing::block_on};

use super::*;
use crate::{
    SCHEMA,
    tests::{Bench, JIRO, TARO, open, rows},
};

const ADD: &str = "INSERT INTO name_certificate (key, name, until, signature) VALUES (?1, 'x', 0, ?1)";

fn add(store: &Store, n: i64) {
    let write = store.write_blocking(Caller::default(), move |tx| {
        tx.execute(ADD, params![n.to_be_bytes()])?;
        Ok::<_, JobError<()>>(())
    });
    write.unwrap();
}

fn count(tx: &mut Tx<'_>) -> Result<i64, TxError> {
    tx.row("SELECT COUNT(*) FROM name_certificate", &[])?.unwrap().int(0)
}

/// DESIGN §1.2: what was prepared on a view that changed is dropped, and decided again on the new view.
#[test]
fn a_changed_view_is_decided_again() {
    let bench = Bench::empty();
    let mut seen = Vec::new();
    let prepare = |count: &i64| {
        seen.push(*count);
        if *count < 2 {
            add(&bench.store, *count);
        }
        Ok::<_, Failure<NoRefusal>>(Decision::Apply(*count))
    };
    let apply = |tx: &mut Tx<'_>, _: &i64, prepared: &i64| {
        tx.execute(ADD, params![100i64.to_be_bytes()])?;
        Ok(*prepared)
    };
    let answer = block_on(settle(&bench.store, Caller::default(), count, prepare, apply));
    assert_eq!(answer, Ok(2));
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!(rows(&bench.dump(), "name_certificate").len(), 3);
}

/// A state that never stands still gives "busy", and nothing of the operation is there.
#[test]
fn a_restless_state_gives_busy() {
    let bench = Bench::empty();
    let prepare = |count: &i64| {
        add(&bench.store, *count);
        Ok::<_, Failure<NoRefusal>>(Decision::Apply(()))
    };
    let apply = |_: &mut Tx<'_>, _: &i64, (): &()| -> Result<(), TxError> { unreachable!("the view always differs") };
    let answer = block_on(settle(&bench.store, Caller::default(), count, prepare, apply));
    assert_eq!(answer, Err(Failure::Busy));
    assert_eq!(rows(&bench.dump(), "name_certificate").len(), usize::try_from(ATTEMPTS_MAX).unwrap());
}

/// RN-O16: while a case suspends a person, requests for licences of that person run on other threads: in whatever order
/// they fall, no licence of his stays unrevoked.
#[test]
fn no_licence_slips_past_a_disclosure() {
    let bench = Bench::new();
    let store = Store::open_memory(&SCHEMA).unwrap();
    let bench = Bench { authority: open(&bench.world, &store, &bench.clock), store, ..bench };
    block_on(bench.authority.load_persons(&crate::tests::file())).unwrap();
    bench.cosign(bench.world.key_list().record).unwrap();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let proof = bench.proof(&cheat, "n");
    let start = Barrier::new(5);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (bench, start) = (&bench, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..8 {
                    let asking = bench.asking(TARO, &[&key(&format!("{thread} {n}"))]);
                    let answer = bench.send_as(Role::Wallet, &asking);
                    let suspended = SendError::Refused(GetLicencesRefusal::Suspended);
                    assert!(answer.is_ok() || answer == Err(suspended));
                }
            });
        }
        start.wait();
        while let Err(error) = bench.send_as(Role::Issuer, &Disclose { proof: proof.clone() }) {
            assert!(error.retry(), "{error:?}");
        }
    });
    let report = bench.audit();
    assert_eq!(report.violations, []);
    assert_eq!(report.revoked, report.licences);
}

/// DESIGN §6: a full disk is "busy": nothing of the request is stored, and what was answered before stands.
#[test]
fn a_full_disk_changes_nothing() {
    let bench = Bench::new();
    let options = Options { sqlite_page_max: Some(64), ..Options::inline() };
    let store = Store::open_memory_with(&SCHEMA, options).unwrap();
    let bench = Bench { authority: open(&bench.world, &store, &bench.clock), store, ..bench };
    block_on(bench.authority.load_persons(&crate::tests::file())).unwrap();
    bench.cosign(bench.world.key_list().record).unwrap();
    let cheat = key("cheat");
    let first = bench.license(TARO, &[&cheat]);
    let asking = |round: u32| {
        let keys: Vec<_> = (0..50).map(|n| key(&format!("{round} {n}"))).collect();
        bench.asking(JIRO, &keys.iter().collect::<Vec<_>>())
    };
    let mut round = 0;
    let before = loop {
        let before = bench.dump();
        match bench.send_as(Role::Wallet, &asking(round)) {
            Ok(_) => round += 1,
            Err(error) => {
                assert!(error.retry(), "{error:?}");
                break before;
            }
        }
    };
    assert!(round > 0);
    assert_eq!(bench.dump(), before);
    assert_eq!(bench.license(TARO, &[&cheat]), first);
    assert_eq!(bench.audit().violations, []);
}

/// DESIGN §1.3: an operation whose commit fails has no log entry without revocation and no list without both: each of the
/// three is refused by the engine in turn, and then the operation is carried out.
#[test]
fn a_disclosure_is_whole_or_not_at_all() {
    for (table, blocked) in [
        ("disclosure", "CREATE TRIGGER fault BEFORE INSERT ON disclosure BEGIN SELECT RAISE(ABORT, 'fault'); END"),
        ("licence", "CREATE TRIGGER fault BEFORE UPDATE ON licence BEGIN SELECT RAISE(ABORT, 'fault'); END"),
        ("person", "CREATE TRIGGER fault BEFORE UPDATE ON person BEGIN SELECT RAISE(ABORT, 'fault'); END"),
        (
            "revocation_list",
            "CREATE TRIGGER fault BEFORE INSERT ON revocation_list BEGIN SELECT RAISE(ABORT, 'fault'); END",
        ),
        ("answer", "CREATE TRIGGER fault BEFORE INSERT ON answer BEGIN SELECT RAISE(ABORT, 'fault'); END"),
    ] {
        let directory = zeni_store::testing::TempDir::new();
        let path = directory.path().join("authority.db");
        let bench = Bench::new();
        let reopen = |schema: &zeni_store::Schema| Store::open_sqlite(&path, schema, Options::inline()).unwrap();
        let store = reopen(&SCHEMA);
        let mut bench = Bench { authority: open(&bench.world, &store, &bench.clock), store, ..bench };
        block_on(bench.authority.load_persons(&crate::tests::file())).unwrap();
        bench.cosign(bench.world.key_list().record).unwrap();
        let cheat = key("cheat");
        bench.license(TARO, &[&cheat, &key("spare")]);
        bench.send_as(Role::Wallet, &GetRevocations {}).unwrap();
        let before = bench.dump();

        let mut steps = SCHEMA.migrations.to_vec();
        let fault: &'static [&'static str] = Box::leak(Box::new([blocked]));
        steps.push(zeni_store::Migration { id: 4, sentence: "A fault.", sql: fault });
        let heal: &'static [&'static str] = &["DROP TRIGGER fault"];
        let faulty = zeni_store::Schema { migrations: Box::leak(steps.clone().into_boxed_slice()), ..SCHEMA };
        steps.push(zeni_store::Migration { id: 5, sentence: "Its end.", sql: heal });
        let healed = zeni_store::Schema { migrations: Box::leak(steps.into_boxed_slice()), ..SCHEMA };

        bench.store = reopen(&faulty);
        bench.authority = open(&bench.world, &bench.store, &bench.clock);
        let message = Disclose { proof: bench.proof(&cheat, "n") };
        let error = bench.send_as(Role::Issuer, &message).unwrap_err();
        assert!(matches!(error, SendError::Busy { .. }), "{table}: {error:?}");
        assert_eq!(bench.dump(), before, "{table}");

        bench.store = reopen(&healed);
        bench.authority = open(&bench.world, &bench.store, &bench.clock);
        assert_eq!(bench.send_as(Role::Issuer, &message).unwrap().number, 1);
        assert_eq!(bench.audit().violations, []);
    }
}

/// The handlers take their time from the carrier's context, and need no more than it.
#[test]
fn time_is_an_input() {
    let bench = Bench::new();
    let ctx = Ctx { now: START.plus(77 * DAY), caller: Some(Sender { role: Role::Bank, name: "aoba".into() }) };
    let list = block_on(bench.authority.handle(&ctx, GetRevocations {})).unwrap();
    assert_eq!(list.record.time, ctx.now);
    let stored = rows(&bench.dump(), "revocation_list")[0].values()[2].clone();
    assert_eq!(stored, Value::Blob(encode(&list)));
}
