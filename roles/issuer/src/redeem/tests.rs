use futures::executor::block_on;
use zeni_crypto::{Entropy, SharedEntropy};
use zeni_message::{Signed, peer::SendError};
use zeni_note::{
    messages::issuer::{Redeem, RedeemRefusal},
    testing::{DAY, START, World, amount, jpy, nonce},
};
use zeni_store::{Options, Store};

use crate::{
    Config, Policy, SCHEMA,
    testing::{BANKS, Setup, config},
};

fn setup() -> Setup {
    block_on(Setup::new(Policy::Refuse))
}

fn setup_with(change: impl Fn(&mut Config)) -> Setup {
    let world = World::new("issuer tests");
    let mut config = config(&world, Policy::Refuse);
    change(&mut config);
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
    block_on(Setup::with(world, store, config))
}

fn refusal(setup: &Setup, message: Redeem) -> RedeemRefusal {
    let before = crate::tests::dump(&setup.store);
    let answer = block_on(setup.public(message));
    assert_eq!(crate::tests::dump(&setup.store), before, "a refused request changes nothing");
    match answer {
        Err(SendError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// RN-F3.2…F3.6, RN-O18: a request is redeemed; the bank owes its face value; the note says no bank.
#[test]
fn a_request_becomes_a_note() {
    let setup = setup();
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[1], 1, 1, None));
    let issued = block_on(setup.redeem(setup.request(BANKS[1], 500, &hanako, 1), &hanako, "slot")).unwrap();
    let note = issued.note.verify(setup.world.network(), &setup.world.roots.issuer).unwrap();
    assert_eq!((note.record().face, note.record().holder), (amount(500), hanako.public()));
    let ticket = issued.ticket.verify(setup.world.network(), &setup.world.roots.issuer).unwrap();
    assert_eq!((ticket.record().note, ticket.record().nonce), (note.identity(), nonce("slot")));
    let circulation = block_on(setup.issuer.circulation()).unwrap();
    assert_eq!(circulation[0].issued, [("aoba".to_owned(), 0), ("midori".to_owned(), 500)]);
    assert_eq!(circulation[0].outstanding, 500);
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}

/// RN-X12, RN-O4: presented twice, also with another slot: the same note and the ticket of the first slot, one debt.
#[test]
fn a_request_is_redeemed_once() {
    let setup = setup();
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    let request = setup.request(BANKS[0], 500, &hanako, 1);
    let first = block_on(setup.redeem(request.clone(), &hanako, "slot")).unwrap();
    let again = block_on(setup.redeem(request.clone(), &hanako, "another slot")).unwrap();
    assert_eq!(first, again);
    setup.clock.put(START.plus(41 * DAY));
    let late = block_on(setup.redeem(request, &hanako, "slot")).unwrap();
    assert_eq!(first, late);
    assert_eq!(block_on(setup.issuer.circulation()).unwrap()[0].outstanding, 500);
}

/// RN-X1, X11, X13, RN-O5: what is wrong with a request, in the order of the checks; it stays unspent.
#[test]
fn bad_requests_are_refused_and_stay_unspent() {
    let setup = setup();
    let (hanako, thief) = (setup.person("hanako"), setup.person("thief"));
    block_on(setup.report(BANKS[0], 1, 5, None));
    let request = setup.request(BANKS[0], 500, &hanako, 1);
    let good = block_on(setup.redeem_message(request.clone(), &hanako, "slot"));

    let stale = Redeem { nonce: [0; 32].into(), ..good.clone() };
    assert_eq!(refusal(&setup, stale), RedeemRefusal::StaleNonce);

    let mut unknown = good.clone();
    unknown.request.entry.0[0] ^= 1;
    assert_eq!(refusal(&setup, unknown), RedeemRefusal::UnknownKey);

    let other = Redeem { licence: setup.world.licence(thief.public()), ..good.clone() };
    assert_eq!(refusal(&setup, other), RedeemRefusal::OtherKey);

    let mut identity = good.clone();
    identity.request.key = zeni_crypto::PublicKey([0; 32]);
    identity.licence = setup.world.licence(identity.request.key);
    assert_eq!(refusal(&setup, identity), RedeemRefusal::BadKey);

    let mut raised = good.clone();
    let thousand = setup.request(BANKS[0], 1_000, &thief, 2);
    raised.request.entry = thousand.entry;
    assert_eq!(refusal(&setup, raised), RedeemRefusal::BadRequest, "a request of 500 is not one of 1,000");

    let forged = Redeem { licence: setup.forged_licence(hanako.public()), ..good.clone() };
    assert_eq!(refusal(&setup, forged), RedeemRefusal::BadLicence);

    let stolen = block_on(setup.redeem_message(request, &thief, "slot"));
    let stolen = Redeem { licence: good.licence.clone(), ..stolen };
    assert_eq!(refusal(&setup, stolen), RedeemRefusal::NotPossessed);

    assert!(block_on(setup.public(good)).is_ok(), "after all that the request is still good");
}

/// RN-X14, X32: after T1 a request is expired, an ended licence or a revoked one buys no note.
#[test]
fn terms_end() {
    let setup = setup();
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    let request = setup.request(BANKS[0], 500, &hanako, 1);
    let mut ended = block_on(setup.redeem_message(request.clone(), &hanako, "slot"));
    let mut licence = ended.licence.record.clone();
    licence.until = START;
    ended.licence = Signed::sign(setup.world.network(), licence, &setup.world.authority);
    assert_eq!(refusal(&setup, ended), RedeemRefusal::LicenceEnded);

    setup.registrar.revoke(&hanako.public());
    setup.clock.put(START.plus(2 * DAY));
    block_on(setup.settle_down());
    let revoked = block_on(setup.redeem_message(request.clone(), &hanako, "slot"));
    assert_eq!(refusal(&setup, revoked), RedeemRefusal::Revoked);

    setup.clock.put(START.plus(41 * DAY));
    let expired = block_on(setup.redeem_message(request, &hanako, "slot"));
    let claim_until = START.plus(60 * DAY);
    assert_eq!(refusal(&setup, expired), RedeemRefusal::Expired { claim_until });
}

/// DESIGN §4: a bank that signs more than it reports, with its own key, buys no more notes than it counted. With the count
/// raised (the control) it does.
#[test]
fn no_more_is_redeemed_than_the_bank_counted() {
    let setup = setup();
    let forger = setup.person("forger");
    let forged: Vec<_> = (0..3).map(|seed| setup.request(BANKS[0], 100, &forger, seed)).collect();
    let message = block_on(setup.redeem_message(forged[0].clone(), &forger, "slot"));
    assert_eq!(refusal(&setup, message), RedeemRefusal::NotCounted);
    block_on(setup.report(BANKS[0], 1, 2, None));
    let mut redeemed = 0;
    for request in &forged {
        redeemed += u32::from(block_on(setup.redeem(request.clone(), &forger, "slot")).is_ok());
    }
    assert_eq!(redeemed, 2);
    block_on(setup.report(BANKS[0], 2, 3, None));
    assert!(block_on(setup.redeem(forged[2].clone(), &forger, "slot")).is_ok());
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}

/// DESIGN §4, §6: a bank owes no more than its ceiling whatever it counts; what it returns makes room again. Slices of
/// other face values do not keep room that is needed.
#[test]
fn a_bank_stays_below_its_ceiling() {
    let setup = setup_with(|config| config.banks[0].ceilings = vec![(jpy(), amount(1_250))]);
    let forger = setup.person("forger");
    block_on(setup.report(BANKS[0], 1, 100, None));
    let buy = |face, seed| block_on(setup.redeem(setup.request(BANKS[0], face, &forger, seed), &forger, "slot"));
    assert!(buy(100, 1).is_ok());
    assert!(buy(1_000, 2).is_ok());
    assert_eq!(buy(500, 3), Err(SendError::Refused(RedeemRefusal::Ceiling)));
    assert!(buy(100, 4).is_ok());
    assert_eq!(buy(100, 5), Err(SendError::Refused(RedeemRefusal::Ceiling)));
    let issued = buy(1_000, 2).unwrap();
    let chain =
        zeni_note::Chain { note: issued.note, holder: setup.world.licence(forger.public()).into(), hops: Vec::new() };
    let item = setup.deposit(&chain, &forger, BANKS[0], "d1");
    block_on(setup.give_back(BANKS[0], "b1", vec![item])).unwrap();
    assert!(buy(500, 3).is_ok());
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}

/// RN-P21, RN-X15: a restart after the commit finds the note; nothing that was not registered has left.
#[test]
fn a_restart_finds_the_note() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open_sqlite(directory.path().join("issuer.db"), &SCHEMA, Options::inline()).unwrap();
    let world = || World::new("issuer tests");
    let first = {
        let setup = block_on(Setup::with(world(), open(), config(&world(), Policy::Refuse)));
        let hanako = setup.person("hanako");
        block_on(setup.report(BANKS[0], 1, 5, None));
        block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot")).unwrap()
    };
    let setup = block_on(Setup::with(world(), open(), config(&world(), Policy::Refuse)));
    let hanako = setup.person("hanako");
    let again = block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot")).unwrap();
    assert_eq!(first, again);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().register, 1);
}

/// RN-X7, RN-X12, DESIGN §1.3: a repeat that comes late, with a nonce of the issuer's own whose term is over, gets the
/// stored note; without a stored note the same nonce buys nothing, and one that the issuer never made gets nothing at all.
#[test]
fn a_late_repeat_finds_the_note() {
    let setup = setup();
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    let message = block_on(setup.redeem_message(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot"));
    let other = block_on(setup.redeem_message(setup.request(BANKS[0], 500, &hanako, 2), &hanako, "slot 2"));
    let first = block_on(setup.public(message.clone())).unwrap();
    setup.clock.put(START.plus(2 * DAY));
    assert_eq!(block_on(setup.public(message.clone())).unwrap(), first);
    assert_eq!(refusal(&setup, other), RedeemRefusal::StaleNonce);
    let mut made_up = message.clone();
    made_up.nonce[31] ^= 1;
    assert_eq!(refusal(&setup, made_up), RedeemRefusal::StaleNonce);
    let unproved = Redeem { possession: setup.forged_licence(hanako.public()).signature, ..message };
    assert_eq!(refusal(&setup, unproved), RedeemRefusal::NotPossessed);
}

struct Stuck;

impl Entropy for Stuck {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(9);
    }
}

/// RN-X16: a serial that is taken registers nothing, however often the source repeats itself.
#[test]
fn a_serial_is_used_once() {
    let mut setup = setup();
    let issuer = std::sync::Arc::get_mut(&mut setup.issuer).unwrap();
    issuer.entropy = SharedEntropy::new(Stuck);
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    assert!(block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot")).is_ok());
    let before = crate::tests::dump(&setup.store);
    let collided = block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 2), &hanako, "slot"));
    assert!(matches!(collided, Err(SendError::Busy { .. })));
    assert_eq!(crate::tests::dump(&setup.store), before);
}

/// RN-X16: the serial of a note that came back in full and was archived is as taken as that of one in the register.
#[test]
fn an_archived_serial_is_not_used_again() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let item = setup.deposit(&chain, &hanako, BANKS[0], "d1");
    block_on(setup.give_back(BANKS[0], "b1", vec![item])).unwrap();
    assert_eq!(block_on(setup.issuer.circulation()).unwrap()[0].rows[..2], [0, 1], "it is archived");
    let enter = |serial: [u8; 16]| {
        let note = zeni_note::Note { serial: serial.into(), ..chain.note.record.clone() };
        let note = Signed::sign(setup.world.network(), note, &setup.world.issuer);
        let identity = note.identity(setup.world.network());
        let ticket = zeni_note::LoadTicket { note: identity, nonce: nonce("slot") };
        let ticket = Signed::sign(setup.world.network(), ticket, &setup.world.issuer);
        let draft = super::Draft { issued: zeni_note::messages::issuer::Issued { note, ticket }, identity };
        let job = move |tx: &mut zeni_store::Tx<'_>| -> crate::Done<bool> {
            Ok(super::register(tx, &draft.issued.note.record, &draft.identity)?)
        };
        block_on(setup.store.write(zeni_store::Caller::default(), job)).unwrap()
    };
    assert!(!enter(*chain.note.record.serial));
    assert!(enter([9; 16]), "another serial is free");
}

/// RN-O3: two withdrawals of one face value under one long-lived key are two requests.
#[test]
fn one_key_withdraws_twice() {
    let setup = setup();
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    let one = block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot")).unwrap();
    let two = block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 2), &hanako, "slot")).unwrap();
    assert_ne!(one.note.record.serial, two.note.record.serial);
}

/// RN-O20: requests are redeemed up to and with the last second of T1, for licences up to and with theirs.
#[test]
fn terms_end_with_their_last_second() {
    let setup = setup();
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 5, None));
    let t1 = START.plus(40 * DAY);
    setup.clock.put(t1);
    let mut message = block_on(setup.redeem_message(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot"));
    let mut licence = message.licence.record.clone();
    licence.until = t1.minus(1);
    message.licence = Signed::sign(setup.world.network(), licence.clone(), &setup.world.authority);
    assert_eq!(refusal(&setup, message.clone()), RedeemRefusal::LicenceEnded);
    licence.until = t1;
    message.licence = Signed::sign(setup.world.network(), licence, &setup.world.authority);
    assert!(block_on(setup.public(message)).is_ok());
    setup.clock.put(t1.plus(1));
    let late = block_on(setup.redeem_message(setup.request(BANKS[0], 500, &hanako, 2), &hanako, "slot"));
    let claim_until = START.plus(60 * DAY);
    assert_eq!(refusal(&setup, late), RedeemRefusal::Expired { claim_until });
}

/// DESIGN §6 "Hot rows": a slice that was used up is followed by the next, of the same key, until the count is reached.
#[test]
fn slices_follow_one_another() {
    let setup = setup_with(|config| config.limits.slice = 1);
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[0], 1, 3, None));
    let buy = |face, seed| block_on(setup.redeem(setup.request(BANKS[0], face, &hanako, seed), &hanako, "slot"));
    for face in [100, 500] {
        for seed in 0..3 {
            assert!(buy(face, seed).is_ok(), "{face} {seed}");
        }
        assert_eq!(buy(face, 3), Err(SendError::Refused(RedeemRefusal::NotCounted)));
    }
    assert!(block_on(setup.issuer.audit()).unwrap().is_sound());
}
