//! The way under seal with all real roles: who orders, who pays, who takes, who is named.

use std::sync::Arc;

use zeni_holder::{Document, Explain, Kind, Privacy, Progress, Via};
use zeni_message::{
    Message, Signed, decode, encode,
    peer::{BoxFuture, Fault, Transport},
};
use zeni_note::{
    messages::bank::{GetSealedOrders, SealedOutcome, SealedState, WithdrawSealed},
    sealed::{Identified, IssuerMadeKeys},
};
use zeni_store::testing::block_on;

use super::{Lines, OPENING, Person, Place, World, transfer, yen};

/// Withdraws under seal; the issuer has answered when this returns.
fn withdraw(world: &World, person: &Person, minor: u64) {
    let done = block_on(person.open().withdraw_via(yen(minor), Some(Via::Sealed), true)).unwrap();
    assert_eq!(done.requests, done.redeemed);
    world.settle();
}

fn deposit(world: &World, person: &Person, minor: u64) {
    block_on(person.open().deposit(yen(minor))).unwrap();
    world.settle();
    block_on(person.open().deposit_states()).unwrap();
}

/// All money is on accounts or in wallets.
fn assert_conserved(world: &World, people: &[&Person]) {
    let books = world.check_books();
    let wealth: u64 = people.iter().map(|person| person.wealth()).sum();
    assert_eq!(books.available + books.held + wealth, OPENING * people.len() as u64);
}

/// HC-F2, HC-F3, HC-F4, HC-P5, HC-P29, HC-V20: customers of two banks withdraw under seal, pay shops of both, with and without licences, and each other; shops hand in at
/// their own banks, which are the payers' or not; every yen is on an account or in a wallet after each step, and the register is empty at the end.
#[test]
fn both_ways_go_round() {
    let world = World::new();
    let taro = world.unregistered("taro", "aoba", Kind::Wallet);
    let mei = world.unregistered("mei", "kita", Kind::Wallet);
    let jiro = world.joined("jiro", "aoba", Kind::Wallet, Privacy::Unlinkable);
    let cafe = world.joined("cafe", "aoba", Kind::Shop, Privacy::Untraceable);
    let books = world.unregistered("books", "kita", Kind::Shop);
    let people = [&taro, &mei, &jiro, &cafe, &books];
    withdraw(&world, &taro, 1_600);
    withdraw(&world, &mei, 1_000);
    world.withdraw(&jiro, 500);
    assert_conserved(&world, &people);
    transfer(&taro, &cafe, 300);
    transfer(&taro, &books, 200);
    transfer(&mei, &cafe, 400);
    transfer(&mei, &jiro, 100);
    transfer(&jiro, &books, 600);
    transfer(&mei, &taro, 250);
    assert_conserved(&world, &people);
    for shop in [&cafe, &books] {
        block_on(shop.open().hand_in()).unwrap();
        world.settle();
        block_on(shop.open().deposit_states()).unwrap();
    }
    deposit(&world, &taro, 1_350);
    deposit(&world, &mei, 250);
    assert_conserved(&world, &people);
    assert_eq!(world.account(&cafe), [OPENING + 700, 0]);
    assert_eq!(world.account(&books), [OPENING + 800, 0]);
    let circulation = block_on(world.issuer.circulation()).unwrap().remove(0);
    assert_eq!((circulation.outstanding, circulation.rows[0]), (0, 0), "{circulation:?}");
    assert_eq!(world.cases(), []);
}

/// HC-X8, HC-X9, HC-A18: the issuer is away, the bank restarts in between, answers are lost: the order is reserved, sent again in the same bytes, debited and issued
/// once.
#[test]
fn the_issuer_is_away() {
    let mut world = World::new();
    let taro = world.unregistered("taro", "aoba", Kind::Wallet);
    world.net.stop(Place::IssuerMembers);
    let done = block_on(taro.open().withdraw_via(yen(1_100), None, false)).unwrap();
    assert_eq!((done.requests, done.redeemed), (2, 0));
    assert_eq!(world.account(&taro)[0], OPENING - 1_100);
    world.restart(Place::Bank("aoba"));
    let resumed = block_on(taro.open().resume()).unwrap();
    assert!(resumed[0].progress == Progress::Open && resumed[0].outcome == "pending");
    world.restart(Place::IssuerMembers);
    world.settle();
    world.net.clock.pass(600);
    assert_eq!(block_on(taro.open().run_due()).unwrap().redeemed, 2);
    assert_conserved(&world, &[&taro]);
    assert_eq!((world.account(&taro)[0], taro.wealth()), (OPENING - 1_100, 1_100));
}

/// HC-X12, HC-F7.4, HC-P23: above a bank's ceiling nothing is issued and the money is back; another bank is not touched, and after the ceiling was raised it works.
#[test]
fn a_ceiling_gives_the_money_back() {
    let world = World::new();
    let taro = world.unregistered("taro", "aoba", Kind::Wallet);
    let mei = world.unregistered("mei", "kita", Kind::Wallet);
    let set = |minor| block_on(world.issuer.set_ceiling("aoba", yen(minor).currency, yen(minor).amount)).unwrap();
    set(600);
    withdraw(&world, &taro, 500);
    let error = block_on(taro.open().withdraw_via(yen(500), None, true)).unwrap_err();
    assert_eq!(error.code(), "sealed_refused");
    assert_eq!(world.account(&taro), [OPENING - 500, 0]);
    withdraw(&world, &mei, 1_000);
    set(1_000);
    withdraw(&world, &taro, 500);
    assert_conserved(&world, &[&taro, &mei]);
}

/// A bank's line that calls every order under seal refused which the bank has carried out.
struct Denial(Arc<dyn Transport>);

impl Denial {
    fn denied(state: SealedState) -> SealedState {
        SealedState { outcome: SealedOutcome::Refused("ceiling".into()), ..state }
    }
}

impl Transport for Denial {
    fn call(&self, path: &'static str, body: Vec<u8>, max: usize) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        Box::pin(async move {
            let (status, answer) = self.0.call(path, body, max).await?;
            let answer = match path {
                WithdrawSealed::PATH if status == 200 => {
                    let states: Vec<SealedState> = decode(&answer, usize::MAX).unwrap();
                    encode(&states.into_iter().map(Denial::denied).collect::<Vec<_>>())
                }
                GetSealedOrders::PATH if status == 200 => {
                    let states: Vec<Option<SealedState>> = decode(&answer, usize::MAX).unwrap();
                    encode(&states.into_iter().map(|state| state.map(Denial::denied)).collect::<Vec<_>>())
                }
                _ => answer,
            };
            Ok((status, answer))
        })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Denial(self.0.fresh()))
    }
}

/// HC-X9, HC-X11, HC-P29: a bank debits its customer for notes that the issuer made and tells him that they were refused, for weeks. He keeps what he sealed; when the
/// bank tells the truth, from its books or because somebody made it, he has his notes, pays with them, and no yen is missing. Control: while it lies he has nothing.
#[test]
fn a_bank_that_denies_notes_takes_nothing() {
    let world = World::new();
    let taro = world.unregistered("taro", "aoba", Kind::Wallet);
    let shop = world.unregistered("books", "kita", Kind::Shop);
    let lied_to = || {
        let lines = taro.lines();
        taro.open_over(Lines { bank: Arc::new(Denial(lines.bank.clone())), ..lines })
    };
    let error = block_on(lied_to().withdraw_via(yen(600), Some(Via::Sealed), true)).unwrap_err();
    assert_eq!(error.code(), "sealed_refused");
    assert_eq!(world.account(&taro)[0], OPENING - 600, "the bank has taken it");
    for _ in 0..20 {
        world.pass(86_400);
        block_on(lied_to().resume()).unwrap();
    }
    assert_eq!(taro.wealth(), 0, "control");
    assert!(block_on(taro.open().sealed_orders()).unwrap().iter().all(|it| it.state == "refused"));
    world.pass(86_400);
    assert_eq!(block_on(taro.open().run_due()).unwrap().redeemed, 2);
    world.settle();
    assert_conserved(&world, &[&taro, &shop]);
    transfer(&taro, &shop, 600);
    block_on(shop.open().hand_in()).unwrap();
    world.settle();
    assert_eq!((world.account(&shop)[0], taro.wealth()), (OPENING + 600, 0));
}

/// HC-P23, HC-F7.1, HC-F7.2, HC-F7.4, HC-D21: a bank issues up to its ceiling and not a unit more, which takes nothing from the account; what its customers pay
/// makes room neither when it is paid nor when it is handed in, but when it has come back and the banks have settled, and then as much as came back and
/// no more; another bank's customers withdraw all the while.
#[test]
fn a_return_makes_room_below_the_ceiling() {
    let world = World::new();
    let taro = world.unregistered("taro", "aoba", Kind::Wallet);
    let mei = world.unregistered("mei", "kita", Kind::Wallet);
    let books = world.unregistered("books", "kita", Kind::Shop);
    let people = [&taro, &mei, &books];
    block_on(world.issuer.set_ceiling("aoba", yen(1).currency, yen(1_000).amount)).unwrap();
    let refused = |minor| {
        let before = world.account(&taro);
        let error = block_on(taro.open().withdraw_via(yen(minor), None, true)).unwrap_err();
        assert_eq!((error.code(), world.account(&taro)), ("sealed_refused", before));
        withdraw(&world, &mei, 100);
    };
    let figures = || {
        let circulation = block_on(world.issuer.circulation()).unwrap().remove(0);
        let aoba = circulation.banks.iter().find(|it| it.bank == "aoba").cloned().unwrap();
        [aoba.issued, aoba.returned, aoba.outstanding]
    };
    withdraw(&world, &taro, 1_000);
    assert_eq!(figures(), [1_000, 0, 1_000]);
    refused(100);
    transfer(&taro, &books, 600);
    refused(100);
    block_on(books.open().hand_in()).unwrap();
    refused(100);
    world.settle();
    block_on(books.open().deposit_states()).unwrap();
    assert_eq!(figures(), [1_000, 600, 400]);
    refused(100);
    assert!(block_on(world.issuer.settle()).unwrap().positions.iter().any(|it| it.bank == "aoba"));
    world.settle();
    withdraw(&world, &taro, 600);
    assert_eq!(figures(), [1_600, 600, 1_000]);
    refused(100);
    assert_conserved(&world, &people);
    assert_eq!((world.account(&books), taro.wealth()), ([OPENING + 600, 0], 1_000));
}

/// HC-P13, HC-P15, HC-X46, HC-F4.9, HC-F5, HC-O23: a purse copied and spent twice: the issuer proves it and learns no name, the bank names its customer, with documents
/// that a third party verifies; his withdrawals under seal stop. Controls: nobody else is named, the proof tampered with names nobody, another bank has no case.
#[test]
fn a_copied_purse_is_named_by_its_bank() {
    let world = World::new();
    let goro = world.unregistered("goro", "aoba", Kind::Wallet);
    let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Unlinkable);
    let mei = world.unregistered("mei", "kita", Kind::Wallet);
    withdraw(&world, &goro, 1_000);
    let twin = goro.copied();
    transfer(&goro, &jiro, 600);
    transfer(&twin, &mei, 600);
    deposit(&world, &jiro, 600);
    assert_eq!(world.cases(), [], "control: the first is honest so far");
    deposit(&world, &mei, 600);
    world.settle();
    assert_eq!(world.cases(), [("identified".to_owned(), None)]);
    let report = block_on(world.bank("aoba").cases()).unwrap();
    assert_eq!(report.cases.len(), 1);
    assert_eq!((&report.cases[0].name, &report.cases[0].account), (&goro.real_name(), &goro.account()));
    assert!(block_on(world.bank("kita").cases()).unwrap().cases.is_empty());
    let told = block_on(world.authority.disclosures()).unwrap().entries;
    assert_eq!(told.len(), 1, "the authority was asked for no name, and lists the key");
    assert_eq!((told[0].outcome, &told[0].name), (zeni_authority::Outcome::SealedRevoked, &None));

    let case = Signed::<Identified>::from_document(&report.cases[0].document).unwrap();
    let lists = block_on(goro.open().key_lists()).unwrap();
    let known = |epoch| lists.iter().map(|list| &list.record).find(|list| list.epoch == epoch);
    assert!(case.record.verify(&world.roots, known, IssuerMadeKeys::Refused).is_ok());
    let mut other = case.record.clone();
    other.content[60] ^= 1;
    assert!(other.verify(&world.roots, known, IssuerMadeKeys::Refused).is_err(), "control");
    let key = zeni_note::testing::key("aoba").public();
    let document = Document::parse(&report.cases[0].document).unwrap();
    assert!(document.inspect(&world.roots, &lists, world.now(), Some(&key)).holds());
    let error = block_on(goro.open().withdraw_via(yen(100), None, true)).unwrap_err();
    assert_eq!(error.code(), "suspended");
}

/// Issue 3.6: each holder has his door: in one chain of a note under seal, the first holder is named by his bank, a licensed one after him by the authority.
#[test]
fn each_holder_has_his_door() {
    let world = World::new();
    let goro = world.unregistered("goro", "aoba", Kind::Wallet);
    let jiro = world.joined("jiro", "kita", Kind::Wallet, Privacy::Unlinkable);
    let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Unlinkable);
    let cafe = world.unregistered("cafe", "aoba", Kind::Shop);
    withdraw(&world, &goro, 1_000);
    transfer(&goro, &jiro, 500);
    let twin = jiro.copied();
    transfer(&jiro, &hanako, 500);
    transfer(&twin, &cafe, 500);
    deposit(&world, &hanako, 500);
    block_on(cafe.open().hand_in()).unwrap();
    world.settle();
    assert_eq!(world.cases(), [("disclosed".to_owned(), Some(jiro.real_name()))]);
    assert!(block_on(world.bank("aoba").cases()).unwrap().cases.is_empty(), "the honest first holder is not named");
}
