//! The wallet's machine loses power before each write of its own database, while it pays, receives, withdraws or deposits; after a
//! restart `resume`, or the same operation again, finishes. With the cuts at each commit of the card ([`super::faults`]) every
//! place is covered at which one of the two has something and the other has not: what comes after a commit of the database is
//! what comes before the next of its own or of the card's.

use std::{convert::Infallible, error::Error, sync::Arc};

use zeni_card::Card;
use zeni_message::Signed;
use zeni_note::{Challenge, Payment};
use zeni_store::{Caller, JobError, Migration, Schema, Store, Tx, params, testing::block_on};

use super::{home::*, town::*};
use crate::*;

macro_rules! powered {
    ($($table:literal)*) => {
        /// The holder's tables, in each of which only so many more records can be written until the power fails.
        const POWERED: Schema = Schema {
            name: SCHEMA.name,
            migrations: &[
                SCHEMA.migrations[0],
                SCHEMA.migrations[1],
                Migration {
                    id: 3,
                    sentence: "Power for so many writes.",
                    sql: &[
                        "CREATE TABLE power (id INTEGER PRIMARY KEY, rest INTEGER NOT NULL)",
                        "INSERT INTO power (id, rest) VALUES (1, 1000000)",
                        $(concat!(
                            "CREATE TRIGGER ", $table, "_power BEFORE INSERT ON ", $table,
                            " BEGIN UPDATE power SET rest = rest - 1; ",
                            "SELECT RAISE(ABORT, 'the power was cut') FROM power WHERE rest < 0; END"
                        ),)*
                    ],
                },
            ],
        };
    };
}

powered! {
    "profile" "own_right" "key_list" "revocations" "evidence" "withdrawal" "request" "sealed_order" "holding" "challenge"
    "payment" "deposit" "renewal" "history" "operator_word"
}

const SET: &str = "UPDATE power SET rest = ?1";
const GET: &str = "SELECT rest FROM power";
const ENOUGH: i64 = 1_000_000;

/// Leaves power for so many writes; answers for how many there was.
fn power(store: &Store, rest: i64) -> i64 {
    let job = move |tx: &mut Tx<'_>| -> Result<i64, JobError<Infallible>> {
        let before = tx.row(GET, &[])?.map_or(Ok(0), |row| row.int(0))?;
        tx.execute(SET, params![rest])?;
        Ok(before)
    };
    block_on(store.write(Caller::default(), job)).unwrap()
}

/// Two wallets, the first with a database that can be cut, and what the step needs.
struct Scene {
    _town: Arc<Town>,
    homes: [Home; 2],
    request: Option<Signed<Challenge>>,
    payment: Option<Payment>,
}

type Step = fn(&mut Holder, &Scene) -> Result<(), Box<dyn Error>>;

fn scene(payee_first: bool) -> Scene {
    let town = Town::new();
    let first = Home::joined_over(&town, "taro", &POWERED);
    let other = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    let (payer, payee) = if payee_first { (&other, &first) } else { (&first, &other) };
    block_on(payer.open().withdraw(yen(1_600), true)).unwrap();
    let request = block_on(payee.open().request(yen(1_100), "")).unwrap().document;
    let payment = payee_first.then(|| block_on(payer.open().pay(&request)).unwrap().document);
    Scene { _town: town, homes: [first, other], request: Some(request), payment }
}

/// Runs `step` with the power failing at each write in turn; answers how many there were.
fn everywhere(prepare: fn() -> Scene, step: Step, finish: fn(&Scene)) -> i64 {
    let calm = prepare();
    let mut holder = calm.homes[0].open();
    power(&calm.homes[0].store, ENOUGH);
    step(&mut holder, &calm).unwrap();
    let writes = ENOUGH - power(&calm.homes[0].store, ENOUGH);
    for at in 0..writes {
        let scene = prepare();
        let [home, other] = &scene.homes;
        // what was paid and not received is with nobody
        let before = home.wealth() + other.wealth() + scene.payment.as_ref().map_or(0, |_| 1_100);
        let mut holder = home.open();
        power(&home.store, at);
        // what failed may be made good within the step, or be something that it can do without
        step(&mut holder, &scene).ok();
        drop(holder);
        power(&home.store, ENOUGH);
        for _ in 0..2 {
            block_on(home.open().resume()).unwrap();
        }
        finish(&scene);
        assert_eq!(home.wealth() + other.wealth(), before, "cut at write {at}");
    }
    writes
}

fn settled(scene: &Scene) {
    let [home, _] = &scene.homes;
    home.town.pass(120);
    block_on(home.open().run_due()).unwrap();
    assert_eq!(home.figures()[1], 0);
}

/// RN-F4.5, RN-X17, FX-F8: the payer's database fails before any of its writes: the same request then gives one payment, which its
/// payee takes; nothing stays open on the card.
#[test]
fn paying() {
    let pay: Step = |holder, scene| Ok(block_on(holder.pay(scene.request.as_ref().unwrap())).map(drop)?);
    let finish = |scene: &Scene| {
        let [home, other] = &scene.homes;
        let request = scene.request.as_ref().unwrap();
        let signed = home.card().open_payment().unwrap();
        assert_eq!(signed, None, "resuming finished it");
        let paid = block_on(home.open().pay(request)).unwrap();
        let again = block_on(home.open().pay(request)).unwrap();
        assert_eq!(paid.document, again.document);
        block_on(other.open().receive(&paid.document)).unwrap();
        assert_eq!((home.figures(), other.figures()), ([500, 0, 0, 0], [1_100, 0, 0, 0]));
    };
    assert!(everywhere(|| scene(false), pay, finish) >= 4);
}

/// RN-F4.6, RN-X18: the payee's database fails before any of its writes: the same payment is then taken once.
#[test]
fn receiving() {
    let receive: Step = |holder, scene| Ok(block_on(holder.receive(scene.payment.as_ref().unwrap())).map(drop)?);
    let finish = |scene: &Scene| {
        let [home, _] = &scene.homes;
        match block_on(home.open().receive(scene.payment.as_ref().unwrap())) {
            Ok(late) => assert_eq!(late.outcome, ReceiveOutcome::Fulfilled),
            Err(error) => assert_eq!(error.code(), "already_received"),
        }
        assert_eq!(home.figures(), [1_100, 0, 0, 0]);
    };
    assert!(everywhere(|| scene(true), receive, finish) >= 2);
}

/// RN-X7, DESIGN §1.4: the database fails before any of the writes of a withdrawal: one debit and one note for each order.
#[test]
fn withdrawing() {
    let withdraw: Step = |holder, _| Ok(block_on(holder.withdraw(yen(600), true)).map(drop)?);
    assert!(everywhere(|| scene(false), withdraw, settled) > 5);
}

/// RN-F5: the database fails before any of the writes of a deposit, with the payment to oneself that divides a note: nothing is credited
/// twice, nothing is lost.
#[test]
fn depositing() {
    let deposit: Step = |holder, _| Ok(block_on(holder.deposit(yen(700))).map(drop)?);
    assert!(everywhere(|| scene(false), deposit, settled) > 4);
}
