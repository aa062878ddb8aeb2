use zeni_crypto::{PublicKey, sha256};
use zeni_message::{Role, encode, peer::SendError};
use zeni_note::{
    licence::{check_licence, person_digest},
    testing::{DAY, EPOCH, START, key},
};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, JIRO, SHOP, TARO, rows};

/// Asks, is refused, and nothing changed.
fn refused(bench: &Bench, message: &GetLicences) -> GetLicencesRefusal {
    let before = bench.dump();
    let refusal = bench.send(message).unwrap_err();
    assert_eq!(bench.dump(), before, "a refused request changed something");
    refusal
}

/// RN-F1.2, F1.3, F1.4, RN-D2, RN-D3: a key becomes a licence without a name; the row binds it to the person of the authority's file.
#[test]
fn a_person_gets_licences() {
    let bench = Bench::new();
    let (one, two) = (key("one"), key("two"));
    let licences = bench.license(TARO, &[&one, &two]);
    assert_eq!(licences.name, "Yamada Taro");
    assert_eq!(licences.certificate, None);
    let bytes = encode(&licences.licences);
    for word in ["Yamada", "Taro", "p1"] {
        assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word} is in a licence");
    }
    let (network, authority) = (bench.network(), bench.world.authority.public());
    for (licence, key) in licences.licences.iter().zip([&one, &two]) {
        assert_eq!(check_licence(licence, &key.public(), network, &authority, START.plus(DAY)), Ok(()));
        assert_eq!(licence.record.until, START.plus(13 * 30 * DAY));
    }
    let dump = bench.dump();
    assert_eq!(rows(&dump, "licence").len(), 2);
    assert!(rows(&dump, "licence").iter().all(|row| row.text(2) == Ok("p1")));
    assert_eq!(bench.audit().violations, []);
}

/// RN-F1.3: same person and key again give the same bytes, also much later and after a restart, and no second row.
#[test]
fn the_same_again_gives_the_same_bytes() {
    let bench = Bench::new();
    let message = bench.asking(TARO, &[&key("one"), &key("one")]);
    let first = bench.send(&message).unwrap();
    assert_eq!(first.licences[0], first.licences[1]);
    let before = bench.dump();
    bench.at(START.plus(100 * DAY));
    let bench = bench.restarted();
    assert_eq!(bench.send(&message).unwrap(), first);
    assert_eq!(bench.dump(), before);
}

/// RN-V6, RN-V13, RN-F1.5, RN-P7: licences of one step of the grid share their end, so that it links nothing; those of one person have
/// nothing in common but what all have.
#[test]
fn a_stock_is_unlinkable() {
    let bench = Bench::new();
    let keys: Vec<_> = (0..20).map(|n| key(&format!("stock {n}"))).collect();
    let mine = bench.license(TARO, &keys.iter().collect::<Vec<_>>()).licences;
    bench.at(START.plus(20 * DAY));
    let other = bench.license(JIRO, &[&key("other")]).licences;
    assert!(mine.iter().all(|licence| licence.record.until == other[0].record.until));
    assert!(mine.iter().all(|licence| licence.record.keeper == other[0].record.keeper));
}

/// The order of the refusals is that of the enum: each is repaired in turn and the next appears.
#[test]
fn refusals_come_in_order() {
    let bench = Bench::new();
    let (mine, his) = (key("mine"), key("his"));
    bench.license(JIRO, &[&his]);
    let bad_key = PublicKey([0; 32]);
    let mut message = GetLicences { secret: "nobody".into(), ..bench.asking(TARO, &[&his, &mine]) };
    message.requests[0].record.person = person_digest("another");
    message.requests[0].record.key_list = sha256(&[b"another list"]);
    message.requests[0].record.key = bad_key;
    message.requests.resize(BATCH_ITEMS_MAX + 1, message.requests[1].clone());
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::UnknownPerson);
    message.secret = TARO.into();
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::BatchSize { found: 1_025, max: 1_024 });
    message.requests.truncate(2);
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::OtherPerson { item: 0 });
    message.requests[0].record.person = person_digest(TARO);
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::KeyListDiffers { epoch: EPOCH });
    message.requests[0].record.key_list = message.requests[1].record.key_list;
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::BadKey { item: 0 });
    message.requests[0].record.key = his.public();
    message.requests[0].signature = message.requests[1].signature;
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::NotPossessed { item: 0 });
    message.requests[0] = bench.request(TARO, &his);
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::OtherOwner { item: 0 });
    message.requests.remove(0);
    assert!(bench.send(&message).is_ok());
}

/// A message without requests is refused, not answered with nothing.
#[test]
fn an_empty_request_is_refused() {
    let bench = Bench::new();
    let refusal = refused(&bench, &bench.asking(TARO, &[]));
    assert_eq!(refusal, GetLicencesRefusal::BatchSize { found: 0, max: 1_024 });
}

/// RN-X40: a key that is registered to one person is refused to another, who does hold it; nothing of his request is done.
#[test]
fn one_key_one_person() {
    let bench = Bench::new();
    let shared = key("shared");
    let first = bench.license(TARO, &[&shared]);
    let message = bench.asking(JIRO, &[&key("own"), &shared]);
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::OtherOwner { item: 1 });
    assert_eq!(bench.license(TARO, &[&shared]), first);
    // control: nothing but the other's key stood in his way
    assert_eq!(bench.license(JIRO, &[&key("own")]).licences.len(), 1);
}

/// RN-F1.2, RN-O9: a request overheard or made for one person serves no other, and a key that one does not hold is not
/// licensed. Control: its holder's own request is granted.
#[test]
fn nobody_joins_under_another_name() {
    let bench = Bench::new();
    let victim = key("victim");
    let mut stolen = bench.asking(TARO, &[&victim]);
    stolen.secret = JIRO.into();
    assert_eq!(refused(&bench, &stolen), GetLicencesRefusal::OtherPerson { item: 0 });
    stolen.requests[0].record.person = person_digest(JIRO);
    assert_eq!(refused(&bench, &stolen), GetLicencesRefusal::NotPossessed { item: 0 });
    stolen.secret = "a guess".into();
    assert_eq!(refused(&bench, &stolen), GetLicencesRefusal::UnknownPerson);
    assert!(bench.send(&bench.asking(TARO, &[&victim])).is_ok());
}

/// RN-X9: a wallet that was shown another key list, or one of an epoch that was never co-signed, gets no licence and is
/// told why.
#[test]
fn another_key_list_stops_everything() {
    let bench = Bench::new();
    let wallet = key("wallet");
    let mut forked = bench.world.key_list().record;
    forked.until = forked.until.plus(1);
    let ask = |epoch, list| {
        let record = LicenceRequest { key: wallet.public(), person: person_digest(TARO), epoch, key_list: list };
        let requests = vec![Signed::sign(bench.network(), record, &wallet)];
        GetLicences { requests, ..bench.asking(TARO, &[]) }
    };
    let message = ask(EPOCH, forked.identity(bench.network()));
    assert_eq!(refused(&bench, &message), GetLicencesRefusal::KeyListDiffers { epoch: EPOCH });
    let own = bench.world.key_list().record.identity(bench.network());
    assert_eq!(refused(&bench, &ask(EPOCH + 1, own)), GetLicencesRefusal::KeyListDiffers { epoch: EPOCH + 1 });
    assert!(bench.send(&ask(EPOCH, own)).is_ok());
}

/// DESIGN §4: keys that are not canonical or not of prime order are never licensed, even with a "signature" that plain
/// verification takes.
#[test]
fn keys_of_small_order_are_refused() {
    let bench = Bench::new();
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut not_canonical = [0xff; 32];
    not_canonical[0] = 0xed;
    not_canonical[31] = 0x7f;
    for bytes in [identity, [0; 32], not_canonical] {
        let mut message = bench.asking(TARO, &[&key("own")]);
        message.requests[0].record.key = PublicKey(bytes);
        assert_eq!(refused(&bench, &message), GetLicencesRefusal::BadKey { item: 0 });
    }
}

/// RN-O9: "lives in a card" is said only where the authority attested one, whatever the wallet says.
#[test]
fn a_wallet_cannot_claim_a_card() {
    let bench = Bench::new();
    let asked = |secret, seed: &str| {
        let message = GetLicences { keeper: Keeper::Card, ..bench.asking(secret, &[&key(seed)]) };
        bench.send(&message).unwrap().licences[0].record.keeper
    };
    assert_eq!(asked(TARO, "software"), Keeper::Software);
    assert_eq!(asked(JIRO, "card"), Keeper::Card);
}

/// RN-O8, RN-X42: only who is registered with a public name gets it certified, on the first key, the same each time.
#[test]
fn names_are_certified_for_shops_only() {
    let bench = Bench::new();
    let ask = |secret, seed: &str| {
        let message = GetLicences { certify_name: true, ..bench.asking(secret, &[&key(seed), &key("spare")]) };
        bench.send(&message)
    };
    assert_eq!(ask(TARO, "private").unwrap().certificate, None);
    let bench = Bench::new();
    let ask = |seed: &str| {
        let message = GetLicences { certify_name: true, ..bench.asking(SHOP, &[&key(seed), &key("spare")]) };
        bench.send(&message).unwrap()
    };
    // licensed first, certified later
    assert_eq!(bench.license(SHOP, &[&key("till")]).certificate, None);
    let certificate = ask("till").certificate.unwrap();
    let verified = certificate.verify(bench.network(), &bench.world.authority.public()).unwrap();
    assert_eq!((verified.record().name.as_str(), verified.record().key), ("Tea Shop", key("till").public()));
    let before = bench.dump();
    assert_eq!(ask("till").certificate, Some(certificate));
    assert_eq!(bench.dump(), before);
}

/// RN-X32: whoever is suspended gets no licence, old or new, until he is reinstated.
#[test]
fn the_suspended_get_nothing() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    assert_eq!(refused(&bench, &bench.asking(TARO, &[&cheat])), GetLicencesRefusal::Suspended);
    assert_eq!(refused(&bench, &bench.asking(TARO, &[&key("fresh")])), GetLicencesRefusal::Suspended);
    assert_eq!(block_on(bench.authority.reinstate("p1")), Ok(Status::Suspended));
    assert!(bench.send(&bench.asking(TARO, &[&key("fresh")])).is_ok());
    assert_eq!(bench.audit().violations, []);
}

/// RN-F1: registration needs no certificate, and none is looked at.
#[test]
fn anybody_may_ask() {
    let bench = Bench::new();
    for role in Role::ALL {
        let answer = bench.send_as(role, &bench.asking("nobody", &[&key("k")]));
        assert!(matches!(answer, Err(SendError::Refused(GetLicencesRefusal::UnknownPerson))));
    }
}

/// RN-D22, RN-F8.4: a person has a bounded number of licences that have not ended, so that his disclosure never makes a
/// list that cannot be published. What he has is still told; ended ones make room; others are not touched (control).
#[test]
fn a_person_has_a_bounded_number_of_licences() {
    let bench = Bench::with(|config| config.licences_max = 3);
    let keys = ["a", "b", "c", "d", "e"].map(key);
    let ask = |secret: &str, keys: &[&zeni_crypto::SecretKey]| bench.send(&bench.asking(secret, keys));
    let first = ask(TARO, &[&keys[0], &keys[1]]).unwrap();
    let too_many = GetLicencesRefusal::TooMany { max: 3 };
    assert_eq!(refused(&bench, &bench.asking(TARO, &[&keys[2], &keys[3]])), too_many);
    ask(TARO, &[&keys[1], &keys[2], &keys[2]]).expect("one new key makes three");
    assert_eq!(refused(&bench, &bench.asking(TARO, &[&keys[3]])), too_many);
    assert_eq!(refused(&bench, &bench.asking(TARO, &[&keys[0], &keys[3]])), too_many);
    assert_eq!(ask(TARO, &[&keys[0], &keys[1]]).unwrap(), first);
    ask(JIRO, &[&keys[4]]).expect("another person");
    let end = first.licences[0].record.until;
    bench.at(end);
    assert_eq!(refused(&bench, &bench.asking(TARO, &[&keys[3]])), too_many);
    bench.at(end.plus(1));
    ask(TARO, &[&keys[3]]).expect("the old ones have ended");
}
