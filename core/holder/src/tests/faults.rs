//! The power fails before and after every call to a party and every commit of the card, in every flow; after a restart
//! `resume`, or the same operation again, finishes. No money appears or disappears.

use std::sync::Arc;

use zeni_card::{Card, element::testing::Cut};
use zeni_note::testing::terms;
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

/// Where the power fails.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// Before (odd) or after (even) a call to a party.
    Call(u64),
    /// At a commit of the card.
    Commit(u64, Cut),
}

type Step = fn(&mut Holder) -> Result<(), Box<dyn std::error::Error>>;

/// Runs `step` with the power failing at every point in turn; answers how many points there were.
fn everywhere(prepare: fn() -> (Arc<Town>, Vec<Home>), step: Step, finished: fn(&[Home])) -> u64 {
    let mut points = 0;
    let failures: [fn(u64) -> Failure; 3] = [
        |at| Failure::Call(at + 1),
        |at| Failure::Commit(at, Cut::BeforeCommit),
        |at| Failure::Commit(at, Cut::AfterCommit),
    ];
    for failure in failures {
        for at in 0.. {
            let (_town, homes) = prepare();
            let before: u64 = homes.iter().map(Home::wealth).sum();
            let home = &homes[0];
            let mut holder = home.open();
            match failure(at) {
                Failure::Call(at) => home.power.cut_at(at),
                Failure::Commit(at, cut) => home.memory.cut(at, cut),
            }
            let outcome = step(&mut holder);
            drop(holder);
            if !home.power.is_off() && !home.memory.is_off() {
                outcome.unwrap();
                break;
            }
            points += 1;
            // nothing looks lost: what is on its way is shown as pending, some of it beside what the bank knows
            let cut: u64 = homes.iter().map(Home::wealth).sum();
            assert!(cut >= before, "{:?}: {cut} of {before}", failure(at));
            // twice: a resumed wallet has nothing left to do
            block_on(home.open().resume()).unwrap();
            block_on(home.open().resume()).unwrap();
            let after: u64 = homes.iter().map(Home::wealth).sum();
            assert_eq!(before, after, "{:?}", failure(at));
            // and what was not begun can be done again
            if outcome.is_err() {
                step(&mut home.open()).ok();
                block_on(home.open().resume()).unwrap();
            }
            let after: u64 = homes.iter().map(Home::wealth).sum();
            assert_eq!(before, after, "{:?}", failure(at));
            finished(&homes);
        }
    }
    points
}

fn fresh(privacy: Privacy) -> (Arc<Town>, Vec<Home>) {
    let town = Town::new();
    let home = Home::joined(&town, "taro", privacy, Kind::Wallet);
    (town, vec![home])
}

fn funded_one(privacy: Privacy) -> (Arc<Town>, Vec<Home>) {
    let (town, homes) = fresh(privacy);
    block_on(homes[0].open().withdraw(yen(1_600), true)).unwrap();
    (town, homes)
}

fn withdraw(holder: &mut Holder) -> Result<(), Box<dyn std::error::Error>> {
    block_on(holder.withdraw(yen(1_600), true))?;
    Ok(())
}

/// Cuts the power at every call of a withdrawal in turn and has `then` go on from there: nothing may be pending or lost after it.
fn after_each_cut(privacy: Privacy, mut then: impl FnMut(&Town, &Home)) {
    for at in 1.. {
        let (town, homes) = fresh(privacy);
        let home = &homes[0];
        let before = home.wealth();
        let mut holder = home.open();
        home.power.cut_at(at);
        withdraw(&mut holder).ok();
        let cut = home.power.is_off();
        drop(holder);
        if !cut {
            break;
        }
        then(&town, home);
        assert_eq!((home.figures()[1], home.wealth()), (0, before), "{privacy:?}, cut at {at}");
    }
}

fn hand_in(holder: &mut Holder) -> Result<(), Box<dyn std::error::Error>> {
    block_on(holder.hand_in())?;
    Ok(())
}

/// A wallet without licences in a town whose notes are issued under seal.
fn unregistered() -> (Arc<Town>, Home) {
    let town = Town::with(Series::Sealed(zeni_note::keylist::Way::Sealed));
    let home = Home::unregistered(&town, "taro", Kind::Wallet);
    (town, home)
}

fn nothing_pending(homes: &[Home]) {
    assert_eq!(homes[0].figures()[1], 0);
}

/// RN-X7, RN-F3.5, DESIGN §1.4: a withdrawal that is cut anywhere resumes; the account is debited once per order.
#[test]
fn a_withdrawal_survives_every_cut() {
    assert!(everywhere(|| fresh(Privacy::Unlinkable), withdraw, nothing_pending_later) > 20);
}

/// RN-X7: in f-1 the slots of one key are served one after the other, also after a cut.
#[test]
fn an_untraceable_withdrawal_survives_every_cut() {
    assert!(everywhere(|| fresh(Privacy::Untraceable), withdraw, nothing_pending_later) > 20);
}

/// RN-X7: every message and every reply of an f-1 withdrawal is lost alone, the others pass: no request takes the slot of
/// one that was perhaps carried out.
#[test]
fn an_untraceable_withdrawal_survives_the_loss_of_any_reply() {
    for at in 1.. {
        let (_town, homes) = fresh(Privacy::Untraceable);
        let before = homes[0].wealth();
        let mut holder = homes[0].open();
        homes[0].power.lose_at(at);
        let outcome = withdraw(&mut holder);
        let lost = homes[0].power.has_lost();
        drop(holder);
        if !lost {
            outcome.unwrap();
            assert!(at > 20);
            return;
        }
        block_on(homes[0].open().resume()).unwrap();
        nothing_pending_later(&homes);
        assert_eq!(homes[0].wealth(), before, "lost at {at}");
    }
}

/// RN-X7, DESIGN §1.4: the reply is lost, and the next messages meet refusals that do not say whether a note was issued:
/// the request keeps its slot, and no note of the key is lost, claims after T1 included.
#[test]
fn a_lost_reply_and_a_stale_nonce_lose_no_note() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        after_each_cut(privacy, |town, home| {
            town.pass(5);
            town.books().stale = 1;
            block_on(home.open().resume()).unwrap();
            town.books().stale = 0;
            for _ in 0..3 {
                town.pass(4_000);
                block_on(home.open().resume()).unwrap();
            }
        });
    }
}

/// RN-X14: what was perhaps issued is not claimed while the issuer does not say; the note arrives once it does.
#[test]
fn what_was_perhaps_issued_is_not_claimed() {
    let mut seen = 0;
    after_each_cut(Privacy::Unlinkable, |town, home| {
        town.at(terms().redeem_until.plus(1));
        town.books().stale = u32::MAX;
        let claimed = block_on(home.open().claim());
        seen += usize::from(claimed.is_ok_and(|all| all.iter().any(|one| one.state == "pending")));
        town.books().stale = 0;
        block_on(home.open().resume()).unwrap();
        block_on(home.open().claim()).ok();
        block_on(home.open().resume()).unwrap();
    });
    assert!(seen > 0, "some cut came after the message");
}

/// Redemptions that were cut are put off by some seconds.
fn nothing_pending_later(homes: &[Home]) {
    homes[0].town.pass(120);
    block_on(homes[0].open().run_due()).unwrap();
    nothing_pending(homes);
}

/// RN-F5, DESIGN §1.4: a deposit that is cut anywhere resumes; nothing is credited twice.
#[test]
fn a_deposit_survives_every_cut() {
    let deposit: Step = |holder| {
        block_on(holder.deposit(yen(700)))?;
        Ok(())
    };
    assert!(everywhere(|| funded_one(Privacy::Unlinkable), deposit, nothing_pending) > 10);
}

/// RN-F5.1: a hand-in that is cut anywhere resumes.
#[test]
fn a_hand_in_survives_every_cut() {
    let prepare = || {
        let (town, taro, shop) = wallet_and_shop(600);
        transfer(&taro, &shop, 330);
        transfer(&taro, &shop, 120);
        transfer(&shop, &taro, 20);
        (town, vec![shop, taro])
    };
    assert!(everywhere(prepare, hand_in, |homes| assert_eq!(homes[0].figures(), [0; 4])) > 10);
}

/// RN-F5.1: a hand-in of which the bank refuses one leaf survives every cut: the others arrive, the one waits for its refund.
#[test]
fn a_partly_refused_hand_in_survives_every_cut() {
    let prepare = || {
        let (town, taro, shop) = wallet_and_shop(600);
        for minor in [330, 120, 70] {
            transfer(&taro, &shop, minor);
        }
        town.books().refusals = vec![zeni_note::messages::bank::DepositRefusal::Late { item: 1 }];
        (town, vec![shop, taro])
    };
    let finished = |homes: &[Home]| {
        let [available, pending, owed_back, left] = homes[0].figures();
        // where the refusal itself was lost, the bank takes all of them the next time
        assert_eq!([available, pending, owed_back], [0; 3]);
        assert!(left == 120 || left == 0);
    };
    assert!(everywhere(prepare, hand_in, finished) > 10);
}

/// RN-X34: a renewal of a rest that is cut anywhere resumes.
#[test]
fn a_renewal_survives_every_cut() {
    let prepare = || {
        let (town, mut homes) = fresh(Privacy::Untraceable);
        let jiro = Home::joined(&town, "jiro", Privacy::Untraceable, Kind::Wallet);
        block_on(homes[0].open().withdraw(yen(500), true)).unwrap();
        for _ in 0..7 {
            transfer(&homes[0], &jiro, 500);
            transfer(&jiro, &homes[0], 500);
        }
        transfer(&homes[0], &jiro, 500);
        // the last payment but for one leaves a rest behind with a chain at its cap
        transfer(&jiro, &homes[0], 400);
        homes.push(jiro);
        (town, homes)
    };
    let renew: Step = |holder| {
        block_on(holder.renew())?;
        Ok(())
    };
    assert!(everywhere(prepare, renew, |homes| assert_eq!(homes[0].figures(), [400, 0, 0, 0])) > 4);
}

/// RN-X14: a claim that is cut anywhere resumes; one credit.
#[test]
fn a_claim_survives_every_cut() {
    let prepare = || {
        let (town, homes) = fresh(Privacy::Unlinkable);
        block_on(homes[0].open().withdraw(yen(600), false)).unwrap();
        town.at(terms().redeem_until.plus(1));
        (town, homes)
    };
    let claim: Step = |holder| {
        block_on(holder.claim())?;
        Ok(())
    };
    assert!(everywhere(prepare, claim, nothing_pending) >= 4);
}

/// What the card has signed of the open payment.
fn signatures(home: &Home) -> Vec<zeni_crypto::Signature> {
    home.memory.power_on();
    let open = home.card().open_payment().unwrap();
    open.into_iter().flat_map(|open| open.parts).map(|part| part.signature).collect()
}

/// RN-F4.5, F4.6, X17, X18, FX-F8: payer and payee lose power at every commit of their cards; the money is with one of them.
///
/// The payer's wallet commits its plan before the card's first endorsement and the whole payment between the last one and the
/// confirmation: the cuts around those commits of the card are those around its own.
#[test]
fn a_payment_survives_every_cut() {
    // two commits of the PIN, one per holding, the payer's confirmation
    let (payer_commits, payee_commits) = (5, 4);
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        let payers = (0..payer_commits).map(|at| (Some(at), None));
        for (payer_at, payee_at) in payers.chain((0..payee_commits).map(|at| (None, Some(at)))) {
            let (town, homes) = funded_one(Privacy::Unlinkable);
            let taro = &homes[0];
            let jiro = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
            let total = taro.wealth() + jiro.wealth();
            let request = block_on(jiro.open().request(yen(1_100), "")).unwrap().document;
            let mut payer = taro.open();
            if let Some(at) = payer_at {
                taro.memory.cut(at, cut);
            }
            let first = block_on(payer.pay(&request));
            assert_eq!(taro.memory.is_off(), payer_at.is_some());
            drop(payer);
            let signed = signatures(taro);
            block_on(taro.open().resume()).unwrap();
            let paid = block_on(taro.open().pay(&request)).unwrap().document;
            assert!(first.is_err() || first.is_ok_and(|first| first.document == paid));
            assert!(signed.iter().all(|signed| paid.answers.iter().any(|answer| answer.signature == *signed)));
            assert_eq!(taro.card().open_payment(), Ok(None));
            let mut payee = jiro.open();
            if let Some(at) = payee_at {
                jiro.memory.cut(at, cut);
            }
            block_on(payee.receive(&paid)).ok();
            assert_eq!(jiro.memory.is_off(), payee_at.is_some());
            drop(payee);
            block_on(jiro.open().resume()).unwrap();
            match block_on(jiro.open().receive(&paid)) {
                Ok(late) => assert_eq!(late.outcome, ReceiveOutcome::Fulfilled, "it was not stored before the cut"),
                Err(error) => assert_eq!(error.code(), "already_received"),
            }
            assert_eq!((taro.figures(), jiro.figures()), ([500, 0, 0, 0], [1_100, 0, 0, 0]));
            assert_eq!(taro.wealth() + jiro.wealth(), total);
        }
    }
}

/// HC-X8, HC-X9, HC-A4: a withdrawal under seal that is cut anywhere resumes with the same bytes: one debit and one note per order, with the bank slow or not, with keys
/// of the wallet's own or the issuer's.
#[test]
fn a_sealed_withdrawal_survives_every_cut() {
    fn prepare(slow: u32) -> (Arc<Town>, Vec<Home>) {
        let (town, home) = unregistered();
        town.books().sealed.slow = slow;
        town.books().sealed.makes_keys = true;
        (town, vec![home])
    }
    fn once(homes: &[Home]) {
        nothing_pending_later(homes);
        let books = homes[0].town.books();
        let notes = books.sealed.issued.len() as u64;
        assert!(notes == 3 || notes == 6, "{notes} notes: a withdrawal is made whole, or again by hand");
        let mut numbers = books.sealed.issued.clone();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len() as u64, notes);
    }
    let own: Step = |holder| Ok(block_on(holder.withdraw(yen(1_600), false)).map(|_| ())?);
    let made: Step = |holder| Ok(block_on(holder.withdraw_sealed(yen(1_600), SealedKeys::MadeByIssuer)).map(|_| ())?);
    assert!(everywhere(|| prepare(0), own, once) > 15);
    assert!(everywhere(|| prepare(1), own, once) > 10);
    assert!(everywhere(|| prepare(0), made, once) > 10);
}

/// HC-F4, DESIGN §1.4: a deposit of notes under seal, which first passes them to a fresh key, resumes wherever it is cut.
#[test]
fn a_deposit_without_a_licence_survives_every_cut() {
    let prepare = || {
        let (town, home) = unregistered();
        block_on(home.open().withdraw(yen(1_600), false)).unwrap();
        (town, vec![home])
    };
    let deposit: Step = |holder| Ok(block_on(holder.deposit(yen(700))).map(|_| ())?);
    assert!(everywhere(prepare, deposit, nothing_pending) > 8);
}
