use zeni_message::Signed;
use zeni_note::{
    messages::{
        bank::{ClaimRefusal, ClaimRequest, ClaimState},
        issuer::VoidRequest,
    },
    request::RequestClaim,
    testing::{key, nonce, terms},
};

use crate::testing::{BANK, Cut, OPENING, Town, refusal};

/// A withdrawn request of 1,000 and a claim of it for an account.
fn claim(town: &Town, seed: &str, account: &str) -> ClaimRequest {
    let (request, user) = town.request("A-1", seed, 1_000);
    let record = RequestClaim {
        request: request.content_id(),
        bank: BANK.into(),
        account: town.account_digest(account, seed),
        id: nonce(seed),
    };
    ClaimRequest { request, claim: Signed::sign(town.world.network(), record, &user) }
}

/// RN-X14: after T1 the amount comes back, once, whatever is lost between bank and issuer.
#[test]
fn an_unredeemed_request_is_credited_back_once() {
    for cut in [Cut::Not, Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::new();
        let message = claim(&town, "one", "A-1");
        town.settle();
        assert_eq!(town.balances("A-1").0, OPENING - 1_000);
        town.set_time(terms().redeem_until.plus(1));
        town.settle();
        assert_eq!(town.send("A-1", &message).expect("heard"), ClaimState::Pending);
        assert_eq!(town.send("A-1", &message).expect("heard again"), ClaimState::Pending);
        town.cut(&[cut]);
        assert_eq!(town.tick().is_err(), cut != Cut::Not, "{cut:?}");
        town.restart();
        town.settle();
        assert_eq!(town.send("A-1", &message).expect("told"), ClaimState::Credited, "{cut:?}");
        assert_eq!(town.balances("A-1").0, OPENING, "{cut:?}");
        let sent = town.sent::<VoidRequest>();
        assert!(sent.iter().all(|bytes| *bytes == sent[0]));
        assert_eq!(town.sound().currencies[0].reclaimed, "JPY:1000");
        // told also after T2
        town.set_time(terms().claim_until.plus(1));
        assert_eq!(town.send("A-1", &message).expect("told"), ClaimState::Credited);
    }
}

/// RN-X14: a request that was redeemed is not credited; the issuer's word decides, the unredeemed one is the control.
#[test]
fn a_redeemed_request_is_not_credited() {
    let mut town = Town::new();
    let (spent, unspent) = (claim(&town, "spent", "A-1"), claim(&town, "unspent", "A-1"));
    town.desk().redeemed.push(spent.request.content_id());
    town.set_time(terms().redeem_until.plus(1));
    for message in [&spent, &unspent] {
        town.send("A-1", message).expect("heard");
    }
    town.settle();
    assert_eq!(town.send("A-1", &spent).expect("told"), ClaimState::Refused);
    assert_eq!(town.send("A-1", &unspent).expect("told"), ClaimState::Credited);
    assert_eq!(town.balances("A-1").0, OPENING - 1_000);
    town.sound();
}

/// RN-X14: each refusal in the order of the checks; none changes anything.
#[test]
fn refusals_come_in_order_and_change_nothing() {
    let town = Town::new();
    let good = claim(&town, "one", "A-1");
    let user = key("one user 0");
    let network = town.world.network();
    let before = town.dump();
    let refused = |account: &str, message: &ClaimRequest| {
        let refusal = refusal(town.send(account, message));
        assert_eq!(town.dump(), before);
        refusal
    };
    let from = terms().redeem_until.plus(1);
    assert_eq!(refused("A-2", &good), ClaimRefusal::WrongAccount);
    let mut bank = good.clone();
    bank.claim.record.bank = "sakura".into();
    assert_eq!(refused("A-1", &bank), ClaimRefusal::WrongAccount);
    let mut shared = good.clone();
    shared.claim.record.account = town.account_digest("A-1", "another claim");
    assert_eq!(refused("A-1", &shared), ClaimRefusal::WrongAccount);
    let mut unknown = good.clone();
    unknown.request.entry.0[0] ^= 1;
    assert_eq!(refused("A-1", &unknown), ClaimRefusal::UnknownKey);
    assert_eq!(refused("A-1", &good), ClaimRefusal::TooEarly { from });
    town.set_time(terms().redeem_until);
    assert_eq!(refused("A-1", &good), ClaimRefusal::TooEarly { from });
    town.set_time(terms().claim_until.plus(1));
    assert_eq!(refused("A-1", &good), ClaimRefusal::TooLate);
    town.set_time(terms().claim_until);
    let mut forged = good.clone();
    forged.request.signature[7] ^= 1;
    assert_eq!(refused("A-1", &forged), ClaimRefusal::BadRequest);
    let mut dear = good.clone();
    dear.request.entry = town.entry(100).digest();
    assert_eq!(refused("A-1", &dear), ClaimRefusal::BadRequest);
    let mut thief = good.clone();
    thief.claim = Signed::sign(network, good.claim.record.clone(), &key("thief"));
    assert_eq!(refused("A-1", &thief), ClaimRefusal::NotPossessed);
    let mut elsewhere = good.claim.record.clone();
    elsewhere.request.0[0] ^= 1;
    let elsewhere = ClaimRequest { claim: Signed::sign(network, elsewhere, &user), ..good.clone() };
    assert_eq!(refused("A-1", &elsewhere), ClaimRefusal::NotPossessed);

    town.send("A-1", &good).expect("control");
    let mut second = good.claim.record.clone();
    second.id = nonce("second");
    second.account = town.account_digest("A-1", "second");
    let second = ClaimRequest { claim: Signed::sign(network, second, &user), ..good.clone() };
    assert_eq!(refusal(town.send("A-1", &second)), ClaimRefusal::OtherClaim);
}
