use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_message::{Signed, peer::SendError};
use zeni_note::{
    IssuanceRequest,
    messages::issuer::{RedeemRefusal, VoidRefusal, VoidRequest},
    request::RequestClaim,
    spec::deposit_account,
    testing::{DAY, START, nonce},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];

fn claim(setup: &Setup, request: &IssuanceRequest, key: &SecretKey, account: &str) -> VoidRequest {
    let claim = RequestClaim {
        request: request.content_id(),
        bank: AOBA.to_owned(),
        account: deposit_account(AOBA, account, &nonce("salt"), &nonce("claim")),
        id: nonce("claim"),
    };
    let claim = Signed::sign(setup.world.network(), claim, key);
    VoidRequest { request: request.clone(), claim }
}

fn void(setup: &Setup, bank: &str, message: &VoidRequest) -> Result<bool, VoidRefusal> {
    block_on(setup.member(bank, message.clone())).map_err(|error| match error {
        SendError::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    })
}

/// RN-X14: between T1 and T2 a request is voided for one claim, once; it buys no note any more.
#[test]
fn an_unredeemed_request_is_voided_for_one_claim() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (hanako, thief) = (setup.person("hanako"), setup.person("thief"));
    block_on(setup.report(AOBA, 1, 5, None));
    let request = setup.request(AOBA, 500, &hanako, 1);
    let ours = claim(&setup, &request, &hanako, "A-1");
    assert_eq!(void(&setup, AOBA, &ours), Err(VoidRefusal::TooEarly));
    setup.clock.put(START.plus(41 * DAY));
    assert_eq!(void(&setup, BANKS[1], &ours), Err(VoidRefusal::UnknownKey));
    assert_eq!(void(&setup, AOBA, &claim(&setup, &request, &thief, "A-2")), Err(VoidRefusal::NotPossessed));
    let mut forged = ours.clone();
    forged.request.signature[7] ^= 1;
    assert_eq!(void(&setup, AOBA, &forged), Err(VoidRefusal::BadRequest));
    assert_eq!(void(&setup, AOBA, &ours), Ok(true));
    assert_eq!(void(&setup, AOBA, &ours), Ok(true));
    assert_eq!(void(&setup, AOBA, &claim(&setup, &request, &hanako, "A-2")), Err(VoidRefusal::OtherClaim));
    let redeemed = block_on(setup.redeem(request, &hanako, "slot"));
    assert_eq!(redeemed, Err(SendError::Refused(RedeemRefusal::Void)));
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}

/// RN-X14: what was redeemed is not given back, and after T2 nothing is.
#[test]
fn a_redeemed_or_old_request_is_not_voided() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.report(AOBA, 1, 5, None));
    let request = setup.request(AOBA, 500, &hanako, 1);
    block_on(setup.redeem(request.clone(), &hanako, "slot")).unwrap();
    setup.clock.put(START.plus(41 * DAY));
    assert_eq!(void(&setup, AOBA, &claim(&setup, &request, &hanako, "A-1")), Err(VoidRefusal::Redeemed));
    let late = setup.request(AOBA, 500, &hanako, 2);
    setup.clock.put(START.plus(61 * DAY));
    assert_eq!(void(&setup, AOBA, &claim(&setup, &late, &hanako, "A-1")), Err(VoidRefusal::TooLate));
}

/// RN-X14, RN-O20: requests are voided after the last second of T1, up to and with that of T2.
#[test]
fn terms_end_with_their_last_second() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.report(AOBA, 1, 5, None));
    let claims = [1, 2].map(|seed| claim(&setup, &setup.request(AOBA, 500, &hanako, seed), &hanako, "A-1"));
    setup.clock.put(START.plus(40 * DAY));
    assert_eq!(void(&setup, AOBA, &claims[0]), Err(VoidRefusal::TooEarly));
    setup.clock.put(START.plus(40 * DAY + 1));
    assert_eq!(void(&setup, AOBA, &claims[0]), Ok(true));
    setup.clock.put(START.plus(60 * DAY));
    assert_eq!(void(&setup, AOBA, &claims[1]), Ok(true));
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}

/// RN-X14: a claim is for its own request and its own bank; the holder's signature over another opens nothing.
#[test]
fn a_claim_is_of_one_request_at_one_bank() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.report(AOBA, 1, 5, None));
    let [one, two] = [1, 2].map(|seed| claim(&setup, &setup.request(AOBA, 500, &hanako, seed), &hanako, "A-1"));
    setup.clock.put(START.plus(41 * DAY));
    let other = VoidRequest { request: one.request.clone(), claim: two.claim.clone() };
    assert_eq!(void(&setup, AOBA, &other), Err(VoidRefusal::NotPossessed));
    let elsewhere = RequestClaim { bank: BANKS[1].to_owned(), ..one.claim.record.clone() };
    let claim = Signed::sign(setup.world.network(), elsewhere, &hanako);
    let elsewhere = VoidRequest { request: one.request.clone(), claim };
    assert_eq!(void(&setup, AOBA, &elsewhere), Err(VoidRefusal::NotPossessed));
    assert_eq!(void(&setup, AOBA, &one), Ok(true), "control");
}
