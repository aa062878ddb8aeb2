use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_message::peer::SendError;
use zeni_note::{
    Chain, ClosingPurpose,
    messages::issuer::{GetDecisions, Issued, Outcome, Renew, RenewRefusal},
    testing::{DAY, START, amount, nonce},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];

fn renewal(setup: &Setup, chain: &Chain, holder: &SecretKey, fresh: &SecretKey, value: u64) -> Renew {
    let purpose = ClosingPurpose::Renewal { nonce: nonce("renewal"), licence: setup.world.licence(fresh.public()) };
    let closing = setup.world.close(chain, holder, value, purpose);
    Renew { chain: chain.clone(), closing, slot: nonce("slot") }
}

fn renew(setup: &Setup, message: &Renew) -> Result<Issued, RenewRefusal> {
    let answer = block_on(setup.public(message.clone())).map_err(|error| match error {
        SendError::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    });
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    answer
}

/// RN-X34, RN-O22: a leaf is renewed whole under a fresh key with the same terms; what is outstanding stays the same.
#[test]
fn a_leaf_is_renewed_once() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, taro, fresh) = (setup.person("hanako"), setup.person("taro"), setup.person("fresh"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &taro, 300, "tea");
    let message = renewal(&setup, &paid, &taro, &fresh, 300);
    let issued = renew(&setup, &message).unwrap();
    let note = &issued.note.record;
    assert_eq!((note.face, note.holder, note.epoch, note.series), (amount(300), fresh.public(), 1, 1));
    let again = renew(&setup, &Renew { slot: nonce("another slot"), ..message }).unwrap();
    assert_eq!(again, issued);
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!((report.currencies[0].outstanding, report.currencies[0].renewed), (500, 300));
    // a second renewal, or a deposit of the same leaf, is closed otherwise: no case
    let other = renewal(&setup, &paid, &taro, &setup.person("other"), 300);
    assert_eq!(renew(&setup, &other), Err(RenewRefusal::Closed));
    let item = setup.deposit(&paid, &taro, AOBA, "d1");
    let answer = block_on(setup.give_back(AOBA, "b1", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [Outcome::Duplicate]);
    let new = Chain { note: issued.note, holder: setup.world.licence(fresh.public()).into(), hops: Vec::new() };
    let item = setup.deposit(&new, &fresh, AOBA, "d2");
    let answer = block_on(setup.give_back(AOBA, "b2", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [Outcome::Paid]);
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// What is not renewed, in the order of the checks; nothing changes.
#[test]
fn bad_renewals_are_refused() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, thief, fresh) = (setup.person("hanako"), setup.person("thief"), setup.person("fresh"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let before = crate::tests::dump(&setup.store);
    let good = renewal(&setup, &chain, &hanako, &fresh, 500);
    let deposit = Renew { closing: setup.deposit(&chain, &hanako, AOBA, "d").closing, ..good.clone() };
    assert_eq!(renew(&setup, &deposit), Err(RenewRefusal::NotRenewal));
    let part = renewal(&setup, &chain, &hanako, &fresh, 400);
    assert_eq!(renew(&setup, &part), Err(RenewRefusal::WrongClosing));
    let stolen = renewal(&setup, &chain, &thief, &fresh, 500);
    assert_eq!(renew(&setup, &stolen), Err(RenewRefusal::WrongClosing));
    let mut broken = good.clone();
    crate::testing::spoil(&mut broken.chain.holder);
    assert_eq!(renew(&setup, &broken), Err(RenewRefusal::Malformed));
    let licence = setup.forged_licence(fresh.public());
    let purpose = ClosingPurpose::Renewal { nonce: nonce("renewal"), licence };
    let unlicensed = Renew { closing: setup.world.close(&chain, &hanako, 500, purpose), ..good.clone() };
    assert_eq!(renew(&setup, &unlicensed), Err(RenewRefusal::BadLicence));
    assert_eq!(crate::tests::dump(&setup.store), before);
    setup.clock.put(START.plus(181 * DAY));
    assert_eq!(renew(&setup, &good), Err(RenewRefusal::Expired));
}

/// DESIGN §5 "Excess": an overspent chain is not renewed; its holder can still deposit it.
#[test]
fn an_overspent_chain_is_not_renewed() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop, taro) = (setup.person("ueda"), setup.person("shop"), setup.person("taro"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let first = setup.world.pay(&chain, &ueda, &shop, 400, "first");
    let second = setup.world.pay(&chain, &ueda, &taro, 400, "second");
    let item = setup.deposit(&first, &shop, AOBA, "d1");
    block_on(setup.give_back(AOBA, "b1", vec![item])).unwrap();
    let message = renewal(&setup, &second, &taro, &setup.person("fresh"), 400);
    assert_eq!(renew(&setup, &message), Err(RenewRefusal::Overspent));
    let item = setup.deposit(&second, &taro, AOBA, "d2");
    let answer = block_on(setup.give_back(AOBA, "b2", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [Outcome::Partly { paid: amount(100) }]);
}

/// RN-X34: what is refused for renewal is free: the leaf is deposited with another closing, after each reason.
#[test]
fn a_refused_renewal_leaves_the_leaf_free() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, fresh) = (setup.person("hanako"), setup.person("fresh"));
    let deposited = |chain: &Chain, word: &str| {
        let item = setup.deposit(chain, &hanako, AOBA, word);
        block_on(setup.give_back(AOBA, word, vec![item])).unwrap().record.outcomes[0]
    };
    let stopped = block_on(setup.note(&hanako, 500, "stopped"));
    let unknown = setup.world.note(&hanako, 500, "never issued");
    assert_eq!(renew(&setup, &renewal(&setup, &unknown, &hanako, &fresh, 500)), Err(RenewRefusal::UnknownNote));
    assert_eq!(renew(&setup, &renewal(&setup, &stopped, &hanako, &fresh, 500)), Err(RenewRefusal::Stopped));
    assert_eq!(deposited(&stopped, "d1"), Outcome::Paid);
    assert!(block_on(setup.issuer.lift_stop(1)).unwrap());
    let unlicensed = block_on(setup.note(&hanako, 500, "unlicensed"));
    let licence = setup.forged_licence(fresh.public());
    let purpose = ClosingPurpose::Renewal { nonce: nonce("renewal"), licence };
    let closing = setup.world.close(&unlicensed, &hanako, 500, purpose);
    let message = Renew { chain: unlicensed.clone(), closing, slot: nonce("slot") };
    assert_eq!(renew(&setup, &message), Err(RenewRefusal::BadLicence));
    assert_eq!(deposited(&unlicensed, "d2"), Outcome::Paid);
    let expired = block_on(setup.note(&hanako, 500, "expired"));
    setup.clock.put(START.plus(181 * DAY));
    assert_eq!(renew(&setup, &renewal(&setup, &expired, &hanako, &fresh, 500)), Err(RenewRefusal::Expired));
    assert_eq!(deposited(&expired, "d3"), Outcome::Paid);
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.cases()).unwrap(), []);
}

/// RN-X34: a renewal refused because of an overspending above; the deposit of the same leaf gets its part, a claim to the
/// rest, and the rest once the overspender is named.
#[test]
fn after_a_refused_renewal_the_excess_is_claimed() {
    let cap = amount(1_000);
    let setup =
        block_on(Setup::new(Policy::Capped { per_key: cap, per_person: cap, per_issuer_day: cap, cutoff: DAY }));
    let (ueda, shop, taro) = (setup.person("ueda"), setup.person("shop"), setup.person("taro"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let first = setup.world.pay(&chain, &ueda, &shop, 400, "first");
    let second = setup.world.pay(&chain, &ueda, &taro, 400, "second");
    let item = setup.deposit(&first, &shop, AOBA, "d1");
    block_on(setup.give_back(AOBA, "b1", vec![item])).unwrap();
    let message = renewal(&setup, &second, &taro, &setup.person("fresh"), 400);
    let before = crate::tests::dump(&setup.store);
    assert_eq!(renew(&setup, &message), Err(RenewRefusal::Overspent));
    assert_eq!(crate::tests::dump(&setup.store), before);
    let item = setup.deposit(&second, &taro, AOBA, "d2");
    let answer = block_on(setup.give_back(AOBA, "b2", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [Outcome::Partly { paid: amount(100) }]);
    block_on(setup.settle_down());
    let told = block_on(setup.member(AOBA, GetDecisions { after: 0 })).unwrap();
    let told: Vec<_> = told.iter().map(|decision| (decision.leaf, decision.paid)).collect();
    assert_eq!(told, [(setup.world.leaf(&second), amount(300))]);
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
    // what is closed by now is renewed no more
    assert_eq!(renew(&setup, &message), Err(RenewRefusal::Closed));
}

/// RN-X24: a genuine note in no register is refused and raises the alarm that stops its series.
#[test]
fn an_unknown_note_stops_its_series() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, fresh) = (setup.person("hanako"), setup.person("fresh"));
    let chain = setup.world.note(&hanako, 500, "never issued");
    assert_eq!(renew(&setup, &renewal(&setup, &chain, &hanako, &fresh, 500)), Err(RenewRefusal::UnknownNote));
    assert_eq!(block_on(setup.issuer.stopped_series()).unwrap(), [1]);
    let known = block_on(setup.note(&hanako, 500, "n1"));
    assert_eq!(renew(&setup, &renewal(&setup, &known, &hanako, &fresh, 500)), Err(RenewRefusal::Stopped));
}

/// RN-X1, X32, RN-X34: the new key's licence must be the authority's, for a key of prime order, not ended and not revoked; so
/// must the holder's not be revoked. Terms and licences end with their last second.
#[test]
fn a_renewal_needs_good_licences_in_time() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, ueda, fresh, lost) =
        (setup.person("hanako"), setup.person("ueda"), setup.person("fresh"), setup.person("lost"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let stolen = block_on(setup.note(&ueda, 500, "n2"));
    let under = |licence: zeni_note::Licence| {
        let licence = zeni_message::Signed::sign(setup.world.network(), licence, &setup.world.authority);
        let purpose = ClosingPurpose::Renewal { nonce: nonce("renewal"), licence };
        let closing = setup.world.close(&chain, &hanako, 500, purpose);
        Renew { chain: chain.clone(), closing, slot: nonce("slot") }
    };
    let licence = |holder| setup.world.licence(holder).record;
    let small_order = under(licence(zeni_crypto::PublicKey([0; 32])));
    assert_eq!(renew(&setup, &small_order), Err(RenewRefusal::BadLicence));
    setup.registrar.revoke(&lost.public());
    setup.registrar.revoke(&ueda.public());
    let last = START.plus(180 * DAY);
    setup.clock.put(last);
    block_on(setup.settle_down());
    assert_eq!(renew(&setup, &under(licence(lost.public()))), Err(RenewRefusal::BadLicence));
    assert_eq!(renew(&setup, &renewal(&setup, &stolen, &ueda, &fresh, 500)), Err(RenewRefusal::Revoked));
    let until = |until| under(zeni_note::Licence { until, ..licence(fresh.public()) });
    assert_eq!(renew(&setup, &until(last.minus(1))), Err(RenewRefusal::BadLicence));
    let good = until(last);
    let issued = renew(&setup, &good).unwrap();
    setup.clock.put(last.plus(1));
    assert_eq!(renew(&setup, &good), Ok(issued), "a repetition gets its note also after the term");
}
