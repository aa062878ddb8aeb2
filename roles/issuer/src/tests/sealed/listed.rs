//! Keys under seal that overspent, on the authority's list.

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use zeni_message::route::Clock;
use zeni_note::{
    Right,
    messages::{
        authority::{GetRevocations, RevokeSealed, RevokeSealedRefusal},
        issuer::{GetDecisions, GetKeyLists, Outcome},
    },
    payment::{Knowledge, PaymentFault},
    testing::{DAY, START, amount},
};

use super::{AOBA, Town, town};

/// What a payee who is offline says to another payment of 100 out of the note, with the authority's list of the day.
fn refusal(town: &Town) -> Option<PaymentFault> {
    let setup = &town.setup;
    let revocations = block_on(setup.issuer.authority.send(&GetRevocations {})).unwrap().record;
    let now = setup.clock.now();
    let challenge = setup.world.challenge(&town.shop, 100, "once more", now);
    let payment = setup.world.payment(&town.chain, &town.user, 100, &challenge);
    let lists = block_on(setup.public(GetKeyLists { from_epoch: 0 })).unwrap();
    let known = Knowledge { roots: &setup.world.roots, terms: &lists, revocations: &revocations, now };
    payment.check(&challenge, &known).err()
}

fn overspend(town: &Town) {
    town.bring("b", vec![town.paid(600, "a"), town.paid(600, "b")]);
}

fn listed(town: &Town) -> u64 {
    town.setup.registrar.listed.load(Ordering::Relaxed)
}

fn revoked(town: &Town) -> Option<u64> {
    block_on(town.setup.issuer.cases()).unwrap()[0].revoked
}

/// HC-P15, HC-X46, DESIGN §5 "Trace": once his bank has named him, an overspender under seal pays nobody any more: payees who are
/// offline refuse his key by the list. Control: before the case they take it, and an honest customer's key is never on the list.
#[test]
fn an_identified_key_is_refused_offline() {
    let town = town();
    assert_eq!(refusal(&town), None);
    overspend(&town);
    assert_eq!(refusal(&town), None, "control: nobody was told yet");
    assert_eq!(town.states(), ["identified"]);
    assert_eq!(refusal(&town), Some(PaymentFault::Revoked { holding: 0 }));
    assert_eq!((listed(&town), revoked(&town)), (1, Some(1)));
    let (user, chain) = block_on(town.setup.sealed_note(AOBA, "Hanako", "honest", 1_000));
    let honest = Town { user, chain, ..town };
    assert_eq!(refusal(&honest), None);
    // once is enough
    assert_eq!(honest.states(), ["identified"]);
    assert_eq!(listed(&honest), 1);
}

/// HC-X47: an authority that does not answer is asked again with the same proof, also when the note and its origin are long gone;
/// the case waits for nothing else.
#[test]
fn the_authority_is_asked_until_it_has_listed_the_key() {
    let town = town();
    town.setup.registrar.silent.store(true, Ordering::Relaxed);
    overspend(&town);
    assert_eq!((town.states(), revoked(&town)), (vec!["identified".to_owned()], None));
    town.setup.clock.put(START.plus(401 * DAY));
    assert_eq!((town.states(), listed(&town), town.rows()), (vec!["identified".to_owned()], 0, [0, 0, 0]));
    town.setup.registrar.silent.store(false, Ordering::Relaxed);
    assert_eq!((town.states(), listed(&town), revoked(&town)), (vec!["identified".to_owned()], 1, Some(1)));
}

/// HC-X40: a key that overspent is listed also where its bank has no order for it: payees are not the ones to wait. While the bank has not
/// answered nothing is listed.
#[test]
fn a_bank_that_names_nobody_keeps_no_key_off_the_list() {
    let town = town();
    town.setup.desk(AOBA).silent.store(true, Ordering::Relaxed);
    overspend(&town);
    assert_eq!((town.states(), listed(&town)), (vec!["proven".to_owned()], 0));
    town.setup.desk(AOBA).silent.store(false, Ordering::Relaxed);
    town.setup.desk(AOBA).forget();
    assert_eq!((town.states(), listed(&town)), (vec!["unknown".to_owned()], 1));
    assert_eq!(refusal(&town), Some(PaymentFault::Revoked { holding: 0 }));
}

fn alarms(town: &Town) -> Vec<String> {
    block_on(town.setup.issuer.alarms()).unwrap().into_iter().map(|(_, kind)| kind).collect()
}

/// HC-X40, HC-P15, HC-X46: a bank that covers up for its customer and answers a true proof with a refusal keeps his key off no list: the
/// authority verifies by itself, and the alarm holds the bank answerable, once. What the authority does not answer is asked again,
/// past all terms.
#[test]
fn a_bank_that_denies_a_true_proof_keeps_no_key_off_the_list() {
    for deaf in [false, true] {
        let town = town();
        town.setup.desk(AOBA).lies.store(true, Ordering::Relaxed);
        town.setup.registrar.silent.store(deaf, Ordering::Relaxed);
        overspend(&town);
        assert_eq!((town.states(), listed(&town)), (vec!["refused".to_owned()], u64::from(!deaf)));
        assert_eq!(alarms(&town), ["refused_proof"]);
        if deaf {
            town.setup.clock.put(START.plus(402 * DAY));
            assert_eq!(
                (town.states(), listed(&town)),
                (vec!["refused".to_owned()], 0),
                "not pruned before it is listed"
            );
            town.setup.registrar.silent.store(false, Ordering::Relaxed);
            town.states();
        } else {
            assert_eq!(refusal(&town), Some(PaymentFault::Revoked { holding: 0 }));
            assert_eq!((town.states(), revoked(&town)), (vec!["refused".to_owned()], Some(1)));
        }
        assert_eq!((listed(&town), alarms(&town).len(), town.asked()), (1, 1, 1));
        assert!(town.names().is_empty());
    }
}

/// HC-X47, HC-P15: a bank that says nothing keeps a key off the list for a day and no longer; the case waits for its word all the same, is
/// closed by it, and the key is listed once. Control: a bank that speaks within the day raises no alarm.
#[test]
fn a_silent_bank_has_a_day() {
    for late in [false, true] {
        let town = town();
        let silent = |value| town.setup.desk(AOBA).silent.store(value, Ordering::Relaxed);
        silent(true);
        overspend(&town);
        assert_eq!((town.states(), listed(&town)), (vec!["proven".to_owned()], 0));
        town.setup.clock.put(START.plus(2 * DAY - 1));
        assert_eq!((town.states(), listed(&town), alarms(&town).len()), (vec!["proven".to_owned()], 0, 0));
        if late {
            town.setup.clock.put(START.plus(2 * DAY));
            assert_eq!((town.states(), listed(&town)), (vec!["proven".to_owned()], 1));
            assert_eq!(refusal(&town), Some(PaymentFault::Revoked { holding: 0 }));
        }
        silent(false);
        assert_eq!((town.states(), town.names()), (vec!["identified".to_owned()], vec!["Taro".to_owned()]));
        town.setup.clock.put(START.plus(3 * DAY));
        town.states();
        let expected: &[&str] = if late { &["silent_bank"] } else { &[] };
        assert_eq!((listed(&town), alarms(&town)), (1, expected.iter().map(|it| (*it).to_owned()).collect()));
    }
}

/// HC-P12: a licensed overspender is revoked by his disclosure and by nothing else; asked about him, the authority says so, and the
/// issuer never asks.
#[test]
fn licensed_keys_are_not_listed_here() {
    let town = town();
    let saburo = town.setup.person("saburo");
    let lent = town.setup.world.pay(&town.chain, &town.user, &saburo, 800, "lent");
    let items = ["x", "y"].map(|word| {
        let paid = town.setup.world.pay(&lent, &saburo, &town.shop, 700, word);
        town.setup.deposit(&paid, &town.shop, super::MIDORI, word)
    });
    town.bring("b", items.to_vec());
    assert_eq!((town.states(), listed(&town)), (vec!["disclosed".to_owned()], 0));
    let export = &block_on(town.setup.issuer.export_proofs()).unwrap()[0];
    let proof: zeni_message::Signed<zeni_note::OverspendingProof> =
        zeni_message::Signed::from_document(&export.document).unwrap();
    assert!(matches!(proof.record.right, Right::Licensed(_)));
    let asked = block_on(town.setup.issuer.authority.send(&RevokeSealed { proof: proof.record }));
    assert_eq!(asked, Err(zeni_message::peer::SendError::Refused(RevokeSealedRefusal::Licensed)));
}

/// HC-O8, HC-P20, RN-O21: a case and the evidence for its bank go when they are as long closed as records are kept, and not while the
/// authority has not listed the key; the name that a bank has in its own file is its own.
#[test]
fn closed_cases_serve_a_term() {
    for silent in [false, true] {
        let town = town();
        town.setup.registrar.silent.store(silent, Ordering::Relaxed);
        overspend(&town);
        assert_eq!(town.states(), ["identified"]);
        let tables = || {
            let dump = crate::tests::dump(&town.setup.store);
            let held =
                |(table, rows): &(String, Vec<_>)| ["misuse", "trace"].contains(&table.as_str()) && !rows.is_empty();
            dump.iter().filter(|it| held(it)).count()
        };
        town.setup.clock.put(START.plus(401 * DAY));
        assert_eq!((town.states(), tables()), (vec!["identified".to_owned()], 2));
        town.setup.clock.put(START.plus(401 * DAY + 1));
        assert_eq!(town.states().len(), usize::from(silent), "while its key is not listed it stays");
        town.setup.registrar.silent.store(false, Ordering::Relaxed);
        town.states();
        town.setup.clock.put(START.plus(402 * DAY));
        assert!(town.states().is_empty());
        assert_eq!((tables(), listed(&town)), (0, 1));
        assert_eq!(town.names(), ["Taro"]);
    }
}

/// HC-O5, HC-X40: a claim against an overspender whose note lost its origin does not wait for ever for a name that nobody can find: the case
/// is closed as unknown, and the claim is decided as any against a key under seal.
#[test]
fn a_claim_without_an_origin_is_decided() {
    let gain = |claims: Option<crate::SealedClaims>| {
        let town = super::town_with(|config| {
            let most = amount(1_000_000);
            config.policy =
                crate::Policy::Capped { per_key: most, per_person: most, per_issuer_day: most, cutoff: DAY };
            config.sealed.claims = claims;
        });
        assert_eq!(town.pay(600, "a"), Outcome::Paid);
        let lose = |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> {
            Ok(tx.execute("DELETE FROM origin", &[])?)
        };
        let lost = town.setup.store.write_blocking(zeni_store::Caller::default(), lose).unwrap();
        assert_eq!(lost, 1);
        assert_eq!(town.pay(600, "b"), Outcome::Partly { paid: amount(400) });
        block_on(town.setup.settle_down());
        assert_eq!(block_on(town.setup.issuer.cases()).unwrap()[0].state, "unknown");
        let decisions = block_on(town.setup.member(super::MIDORI, GetDecisions { after: 0 })).unwrap();
        decisions.iter().map(|decision| decision.paid.minor()).collect::<Vec<_>>()
    };
    assert_eq!(gain(None), [0]);
    let caps = crate::SealedClaims { per_key: amount(150), per_issuer_day: amount(9_000) };
    assert_eq!(gain(Some(caps)), [150]);
}
