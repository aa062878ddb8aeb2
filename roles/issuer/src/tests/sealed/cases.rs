//! Overspent notes under seal: the proof, the bank that identifies, the claims.

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use zeni_note::{
    Chain, OverspendingProof, Right,
    messages::issuer::{GetDecisions, Outcome},
    testing::{DAY, START, amount},
};

use super::{AOBA, MIDORI, Town, town, town_with};
use crate::{
    Policy, SealedClaims,
    testing::total,
    tests::{dump, holds},
};

/// HC-P13, HC-P15, HC-X31, HC-X46, HC-F4.9, HC-F5.1, HC-F5.2, HC-F5.3, HC-F5.7, HC-A36, HC-A37: a restored purse pays 600 and 600 out of 1,000 at two shops: the
/// second return is found out, paid no further than the note goes, and the bank finds its customer by the evidence and the
/// sealed content; the issuer learns no name. Control: 600 and 400 open no case and ask nobody.
#[test]
fn an_overspender_is_identified_by_his_bank() {
    let honest = town();
    assert_eq!((honest.pay(600, "a"), honest.pay(400, "b")), (Outcome::Paid, Outcome::Paid));
    assert!(honest.states().is_empty());
    assert_eq!(honest.asked(), 0);

    let town = town();
    assert_eq!(town.pay(600, "a"), Outcome::Paid);
    assert_eq!(town.pay(600, "b"), Outcome::Partly { paid: amount(400) });
    assert_eq!(town.states(), ["identified"]);
    assert_eq!(town.names(), ["Taro"]);
    let case = &block_on(town.setup.issuer.cases()).unwrap()[0];
    assert_eq!((case.name.as_deref(), case.bank.as_deref()), (None, Some(AOBA)));
    assert!(!holds(&dump(&town.setup.store), b"Taro"));
    // the authority was not asked: it knows no such key
    assert_eq!(town.setup.registrar.disclosures.load(Ordering::Relaxed), 0);
    let export = &block_on(town.setup.issuer.export_proofs()).unwrap()[0];
    let proof: zeni_message::Signed<OverspendingProof> = zeni_message::Signed::from_document(&export.document).unwrap();
    let convicted = proof.record.verify(&town.setup.world.roots).unwrap();
    assert_eq!((convicted.key(), convicted.signed()), (town.user.public(), amount(1_200)));
}

/// HC-P14, HC-X28, HC-X32, HC-F4.10, HC-O4, HC-V30: after the note was used up and left the register, one unit more is found at
/// once, from the archive: not paid, and traced.
#[test]
fn spending_after_use_up_is_found_at_once() {
    let town = town();
    assert_eq!(town.pay(1_000, "all"), Outcome::Paid);
    assert_eq!(town.rows()[..2], [0, 1]);
    assert_eq!(town.pay(1, "more"), Outcome::Partly { paid: amount(0) });
    assert_eq!(town.states(), ["identified"]);
    assert_eq!(town.names(), ["Taro"]);
    // later presentations change nothing about the case
    assert_eq!(town.pay(5, "still more"), Outcome::Partly { paid: amount(0) });
    assert_eq!(town.states(), ["identified"]);
    assert_eq!(town.asked(), 1);
}

/// HC-P28, HC-X47, HC-F5.2: a bank that does not answer keeps the case waiting with its evidence, past the end of all terms, when
/// note and origin are long gone; then it is asked again with the same and identifies.
#[test]
fn evidence_waits_for_a_bank() {
    let town = town();
    town.setup.desk(AOBA).silent.store(true, Ordering::Relaxed);
    assert_eq!(town.bring("b", vec![town.paid(1_000, "a"), town.paid(1_000, "b")])[0], Outcome::Paid);
    assert_eq!(town.states(), ["proven"]);
    // the evidence for the bank is older than anything else may be
    town.setup.clock.put(START.plus(402 * DAY));
    assert_eq!(town.states(), ["proven"]);
    assert_eq!(town.rows(), [0, 0, 0]);
    assert!(town.names().is_empty() && town.asked() > 1);
    town.setup.desk(AOBA).silent.store(false, Ordering::Relaxed);
    assert_eq!(town.states(), ["identified"]);
    assert_eq!(town.names(), ["Taro"]);
}

/// HC-X47, HC-P28: one question that is not answered ends a bank's round, whatever else waits there; the other bank's customers are found
/// in the same round, and the next round asks the silent one about another case.
#[test]
fn a_silent_bank_holds_up_nobody() {
    let town = town();
    let ours: Vec<_> =
        (0..3).map(|place| block_on(town.setup.sealed_note(AOBA, "Taro", &format!("a{place}"), 500))).collect();
    let theirs = block_on(town.setup.sealed_note(MIDORI, "Jiro", "m", 500));
    for ((user, chain), at) in ours.iter().chain([&theirs]).zip(0..) {
        let items = ["x", "y"].map(|word| {
            let word = format!("{word}{at}");
            let paid = town.setup.world.pay(chain, user, &town.shop, 500, &word);
            town.setup.deposit(&paid, &town.shop, MIDORI, &word)
        });
        town.bring(&format!("b{at}"), items.to_vec());
    }
    town.setup.desk(AOBA).silent.store(true, Ordering::Relaxed);
    let questions = || town.setup.desk(AOBA).questions.lock().unwrap().clone();
    block_on(town.setup.issuer.tick()).unwrap();
    assert_eq!((questions().len(), town.setup.desk(MIDORI).names()), (1, vec!["Jiro".to_owned()]));
    for round in 2..=6 {
        block_on(town.setup.issuer.tick()).unwrap();
        assert_eq!(questions().len(), round);
    }
    let asked = questions();
    assert_eq!(asked[..3].iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "each in its turn");
    assert_eq!(asked[..3], asked[3..]);
    town.setup.desk(AOBA).silent.store(false, Ordering::Relaxed);
    assert_eq!(town.states(), ["identified"; 4]);
    assert_eq!(town.names(), ["Taro"; 3]);
}

/// HC-X40, HC-X41: only the bank in the note's origin is asked; if it has no order for the request, nobody is named and an alarm
/// holds the bank answerable. The other bank, asked the same, finds nothing either.
#[test]
fn a_bank_without_the_order_is_answerable() {
    let town = town();
    town.setup.desk(AOBA).forget();
    town.bring("b", vec![town.paid(600, "a"), town.paid(600, "b")]);
    assert_eq!(town.states(), ["unknown"]);
    assert!(town.names().is_empty());
    assert_eq!(town.setup.desk(MIDORI).asked.load(Ordering::Relaxed), 0);
    let alarms = block_on(town.setup.issuer.alarms()).unwrap();
    assert_eq!(alarms.iter().map(|(_, kind)| kind.as_str()).collect::<Vec<_>>(), ["unknown_order"]);
}

/// HC-R1, HC-P15, HC-P16, HC-O6: by a key that the issuer made a customer is named where his bank said so in its order; a bank
/// that takes its word back names nobody, and the case is refused.
#[test]
fn a_key_that_the_issuer_made_names_whom_the_bank_said() {
    for believes in [true, false] {
        let town = town_with(|config| config.banks[0].makes_keys = true);
        town.setup.desk(AOBA).believes.store(true, Ordering::Relaxed);
        let (user, mut content) = town.setup.content("made", 500);
        content.holder = zeni_note::sealed::KeyMaker::Issuer;
        let purse = block_on(town.setup.sealed(AOBA, user, content));
        town.setup.desk(AOBA).ordered(purse.request(), "Taro");
        let (user, issued) = town.setup.opened(&purse, &block_on(town.setup.forward_one(AOBA, &purse))).unwrap();
        let holder = Right::Unlicensed(user.public());
        let made = Town { chain: Chain { note: issued.note, holder, hops: Vec::new() }, user, ..town };
        made.setup.desk(AOBA).believes.store(believes, Ordering::Relaxed);
        made.bring("b", vec![made.paid(500, "a"), made.paid(500, "b")]);
        let (state, names): (_, &[&str]) = if believes { ("identified", &["Taro"]) } else { ("refused", &[]) };
        assert_eq!(
            (made.states(), made.names()),
            (vec![state.to_owned()], names.iter().map(|it| (*it).to_owned()).collect())
        );
    }
}

/// HC-F3.9, DESIGN §5 "Right to hold": mixed chains: money under seal passed on to licensed holders; each overspender is found by
/// whoever can name him: the first at his bank, the second at the authority.
#[test]
fn each_holder_is_found_by_his_own_door() {
    let town = town();
    let saburo = town.setup.person("saburo");
    let lent = town.setup.world.pay(&town.chain, &town.user, &saburo, 800, "lent");
    let items = ["x", "y"].map(|word| {
        let paid = town.setup.world.pay(&lent, &saburo, &town.shop, 700, word);
        town.setup.deposit(&paid, &town.shop, MIDORI, word)
    });
    assert_eq!(town.bring("b", items.to_vec()), [Outcome::Paid, Outcome::Partly { paid: amount(100) }]);
    assert_eq!(town.states(), ["disclosed"]);
    assert!(town.names().is_empty());
    assert_eq!(town.pay(900, "own"), Outcome::Partly { paid: amount(200) });
    assert_eq!(town.states(), ["disclosed", "identified"]);
    assert_eq!(town.names(), ["Taro"]);
}

/// HC-O5, HC-X31: by default nothing above the note is paid where nobody can tell payee and overspender apart, whatever the policy
/// for licensed keys; an operator may pay up to caps per key and day: then a ring gains the cap and no more.
#[test]
fn excess_under_seal_is_capped() {
    let gain = |claims: Option<SealedClaims>, colluders: u64| {
        let town = town_with(|config| {
            let most = amount(1_000_000);
            config.policy = Policy::Capped { per_key: most, per_person: most, per_issuer_day: most, cutoff: 86_400 };
            config.sealed.claims = claims;
        });
        let mut paid = 0;
        for colluder in 0..colluders {
            paid += match town.pay(1_000, &format!("c{colluder}")) {
                Outcome::Paid => 1_000,
                Outcome::Partly { paid } => paid.minor(),
                _ => 0,
            };
        }
        assert_eq!(town.states(), ["identified"]);
        let decisions = block_on(town.setup.member(MIDORI, GetDecisions { after: 0 })).unwrap();
        assert_eq!(decisions.len() as u64, colluders - 1);
        paid + total(decisions.iter().map(|decision| decision.paid)) - 1_000
    };
    assert_eq!([2, 5].map(|colluders| gain(None, colluders)), [0, 0]);
    let caps = SealedClaims { per_key: amount(1_500), per_issuer_day: amount(9_000) };
    assert_eq!([2, 5].map(|colluders| gain(Some(caps), colluders)), [1_000, 1_500]);
    let caps = SealedClaims { per_key: amount(9_000), per_issuer_day: amount(700) };
    assert_eq!([2, 5].map(|colluders| gain(Some(caps), colluders)), [700, 700]);
}
