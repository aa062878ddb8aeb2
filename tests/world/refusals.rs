//! Institutions and persons that lie: about names, key lists and signatures.

use std::sync::Arc;

use zeni_bank::Bank;
use zeni_holder::{Evidence, Explain, Kind, Privacy};
use zeni_message::{Signed, peer::Peer};
use zeni_note::{
    messages::issuer::{BankTotals, Counts, ReportCounts},
    testing::{amount, jpy, key},
};
use zeni_store::testing::block_on;

use super::{Dump, Lines, OPENING, Person, Place, World, forge, rogue::license, transfer, yen};

/// RN-F1.2, RN-X40: nobody joins under another's name. The name comes from the authority's file; a guessed secret, a
/// request made out to another person and another's key are refused; what he calls himself stays unverified.
#[test]
fn nobody_joins_under_anothers_name() {
    let world = World::new();
    let taro = world.person("taro");
    let goro = world.stranger("goro", "aoba", Kind::Wallet, Privacy::Unlinkable);
    world.enrol(&goro);
    let mut guess = goro.joining();
    guess.enrolment.identity = Some("identity of Taro".into());
    assert_eq!(block_on(goro.open().join(guess)).unwrap_err().code(), "unknown_person");
    let own = key("goro's own");
    let refused = license(&world, &own, &goro.identity(), &taro.identity()).unwrap_err();
    assert_eq!(refused.code(), "other_person");
    license(&world, &own, &taro.identity(), &taro.identity()).unwrap();
    let refused = license(&world, &own, &goro.identity(), &goro.identity()).unwrap_err();
    assert_eq!(refused.code(), "other_owner");
    // the wrong code of the bank, then control: with his own secrets he is who the authority says
    let mut wrong = goro.joining();
    wrong.enrolment.code = "code of taro".into();
    assert_eq!(block_on(goro.open().join(wrong)).unwrap_err().code(), "unknown_account");
    let joined = block_on(goro.open().join(goro.joining())).unwrap();
    assert_eq!(joined.name, "Real Name of goro");
}

/// RN-X9, DESIGN §4: two wallets were shown two key lists for one epoch. Both stop at the first request of the other; once
/// each has seen both lists it holds a proof that convinces anyone, and withdraws no more.
#[test]
fn two_key_lists_stop_both_wallets_and_are_proven() {
    let world = World::new();
    // the same issuer and authority, whose banks have other keys
    let other = World::unprepared();
    let taro = world.funded("taro", 500);
    let hanako = other.funded("hanako", 500);
    let (by_taro, by_hanako) = (taro.request(100), hanako.request(100));
    assert_eq!(block_on(hanako.open().pay(&by_taro.document)).unwrap_err().code(), "foreign_key_list");
    assert_eq!(block_on(taro.open().pay(&by_hanako.document)).unwrap_err().code(), "foreign_key_list");
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
    for (wallet, elsewhere) in [(&taro, &other), (&hanako, &world)] {
        let shown = Person { net: elsewhere.net.clone(), ..wallet.copied() };
        let lines = Lines { bank: wallet.lines().bank, ..shown.lines() };
        let mut holder = wallet.open_over(lines);
        drop(block_on(holder.sync()));
        let evidence = block_on(holder.evidence()).unwrap();
        let proofs = evidence.iter().filter_map(|one| match one {
            Evidence::TwoKeyLists(proof) => Some(proof),
            Evidence::ForeignChallenge(_) => None,
        });
        let proofs: Vec<_> = proofs.collect();
        assert!(!proofs.is_empty());
        assert!(proofs.iter().all(|proof| proof.holds(&world.roots)));
        assert!(!proofs[0].holds(&zeni_note::testing::World::new("another network").roots));
        assert_eq!(block_on(wallet.open().withdraw(yen(100), true)).unwrap_err().code(), "two_key_lists");
    }
    // control: a wallet that saw one list goes on
    let jiro = world.person("jiro");
    world.withdraw(&jiro, 100);
    transfer(&jiro, &taro, 50);
}

/// DESIGN §4 "counts": a bank signs requests beside its books with its own published key. The issuer redeems no more than
/// the reported counts; a report that counts them contradicts the bank's totals, and the issuer's audit names the bank.
#[test]
fn a_bank_that_forges_requests_gets_no_more_than_it_reports() {
    let world = World::new();
    let taro = world.person("taro");
    // the same keys over a copy of the books: what it signs appears in no report
    let store = Dump::of(&world.stores.banks[0]).open(&zeni_bank::SCHEMA);
    let accomplice = taro.copied();
    let hidden: Arc<Bank> = world.bank_beside("aoba", &store);
    let lines = Lines { bank: world.line_to(&hidden, taro.caller()), ..accomplice.lines() };
    block_on(accomplice.open_over(lines).withdraw(yen(500), false)).unwrap();
    world.settle();
    world.pass(4 * 3_600);
    for _ in 0..4 {
        let report = block_on(accomplice.open().run_due()).unwrap();
        assert_eq!(report.redeemed, 0);
        world.pass(3_600);
    }
    assert_eq!(accomplice.figures(), [0, 500, 0, 0]);
    assert_eq!(world.check_books().issued, 0);
    // it reports one signature more than it debited
    let entry = block_on(accomplice.open().key_lists()).unwrap()[0]
        .record
        .entries
        .iter()
        .find(|entry| entry.bank == "aoba" && entry.face == amount(500))
        .unwrap()
        .digest();
    let totals =
        BankTotals { currency: jpy(), signed: amount(0), returned: amount(0), reclaimed: amount(0), sealed: amount(0) };
    let counts = Counts {
        bank: "aoba".into(),
        number: 1_000,
        signed: vec![(entry, 1)],
        totals: vec![totals],
        identifications: None,
    };
    let counts = Signed::sign(world.roots.network, counts, &key("aoba"));
    let caller = zeni_message::route::Caller { role: zeni_message::Role::Bank, name: "aoba".into() };
    let issuer = Peer::<zeni_message::Issuer>::new(world.net.line(Place::IssuerMembers, Some(caller)));
    block_on(issuer.send(&ReportCounts { counts })).unwrap();
    world.pass(3_600);
    assert_eq!(block_on(accomplice.open().run_due()).unwrap().redeemed, 1);
    let audit = block_on(world.issuer.audit()).unwrap();
    assert_eq!(audit.violations, ["aoba: signed falls short by 500"]);
    assert_eq!(world.account(&taro), [OPENING, 0]);
    assert_eq!(forge().roots, world.roots);
}

/// DESIGN §4 "ceiling": redemptions stop at what the bank may owe, and go on when it has settled.
#[test]
fn a_bank_at_its_ceiling_waits_for_settlement() {
    let world = World::with(super::Setup { ceiling: 100 * 64, ..super::Setup::default() });
    let taro = world.person("taro");
    block_on(taro.open().withdraw(yen(6_900), false)).unwrap();
    world.settle();
    world.pass(5 * 3_600);
    let mut pending = Vec::new();
    for _ in 0..3 {
        pending = block_on(taro.open().run_due()).unwrap().pending;
        world.pass(3_600);
    }
    assert!(pending.contains(&"ceiling"), "{pending:?}");
    world.check(&[&taro]);
    block_on(world.issuer.settle()).unwrap();
    world.redeem_all(&taro);
    assert_eq!(taro.figures(), [6_900, 0, 0, 0]);
    world.check(&[&taro]);
}
