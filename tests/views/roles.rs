//! What single roles may never learn (RN-P14, RN-P15).

use zeni_holder::{Kind, Privacy};
use zeni_message::{Auth, Message, decode};
use zeni_note::messages::{authority::GetLicences, issuer::GetKeyLists};
use zeni_store::testing::block_on;

use super::{
    Story,
    search::{crossed, rows_with_both, stored},
};
use crate::world::{Dump, OPENING, Place, World, transfer, yen};

/// RN-P14, RN-X41: with the authority stopped, f-1 wallets withdraw, pay, deposit and get returns answered, over restarts of all
/// others. Control: who needs the authority, a wallet that joins, notices.
#[test]
fn everything_works_while_the_authority_is_down() {
    let mut world = World::new();
    let taro = world.joined("taro", "aoba", Kind::Wallet, Privacy::Untraceable);
    let hanako = world.joined("hanako", "kita", Kind::Wallet, Privacy::Unlinkable);
    let shop = world.joined("teashop", "kita", Kind::Shop, Privacy::Untraceable);
    let late = world.stranger("late", "aoba", Kind::Wallet, Privacy::Untraceable);
    world.enrol(&late);
    world.settle();
    let before = Dump::of(&world.stores.authority);
    world.net.stop(Place::Authority);
    for place in [Place::IssuerPublic, Place::Bank("aoba"), Place::Bank("kita")] {
        world.restart(place);
    }
    world.withdraw(&taro, 1_600);
    transfer(&taro, &hanako, 330);
    transfer(&hanako, &shop, 130);
    // an f-1 wallet passes its own money to a spare licence first
    block_on(taro.open().deposit(yen(400))).unwrap();
    block_on(hanako.open().deposit(yen(200))).unwrap();
    block_on(shop.open().hand_in()).unwrap();
    world.settle();
    for person in [&taro, &hanako, &shop] {
        block_on(person.open().deposit_states()).unwrap();
    }
    assert_eq!(world.account(&taro), [OPENING - 1_200, 0]);
    assert_eq!(world.account(&hanako), [OPENING + 200, 0]);
    assert_eq!(world.account(&shop), [OPENING + 130, 0]);
    assert!(block_on(late.open().join(late.joining())).is_err());
    assert_eq!(Dump::of(&world.stores.authority), before);
    world.restart(Place::Authority);
    world.settle();
    block_on(late.open().join(late.joining())).unwrap();
    world.check(&[&taro, &hanako, &shop, &late]);
}

/// Keys that the authority licensed, with the name of the person.
fn licensed(story: &Story) -> Vec<(String, [u8; 32])> {
    let asked = story.exchanges("authority <- ").into_iter().filter(|one| one.path == GetLicences::PATH);
    asked
        .flat_map(|one| {
            let asked: GetLicences = decode(&one.request, usize::MAX).unwrap();
            let name = asked.secret.replace("identity of", "Real Name of");
            asked.requests.into_iter().map(move |request| (name.clone(), request.record.key.0))
        })
        .collect()
}

/// RN-P14: no other store has a name next to a key: not the banks', the issuer's, nor another person's wallet. Control: the
/// authority's names lead to keys.
#[test]
fn only_the_authority_has_names_next_to_keys() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        let story = Story::run(privacy);
        let keys = licensed(&story);
        assert!(keys.len() >= 4);
        let mut others: Vec<(String, Dump)> =
            story.world.stores.banks.iter().map(|it| ("bank".into(), Dump::of(it))).collect();
        others.push(("issuer".into(), Dump::of(&story.world.stores.issuer)));
        others.extend(story.people().map(|person| (person.real_name(), Dump::of(&person.store))));
        let shop = story.shop.real_name();
        for (owner, dump) in &others {
            for (name, key) in &keys {
                // a shop's name is public, and each wallet knows its own
                if *name != shop && name != owner {
                    assert_eq!(rows_with_both(dump, name.as_bytes(), key), Vec::<String>::new(), "{owner}");
                }
            }
        }
        let authority = Dump::of(&story.world.stores.authority);
        for (name, key) in &keys {
            let id = name.replace("Real Name of ", "id-");
            assert_eq!(rows_with_both(&authority, id.as_bytes(), name.as_bytes()), ["person"]);
            assert!(rows_with_both(&authority, id.as_bytes(), key).contains(&"licence".to_owned()));
        }
    }
}

/// RN-P15, RN-R2: the issuer never sees or stores a name, an account number or an identity secret. Control: the same search
/// finds them at the bank and at the authority.
#[test]
fn the_issuer_knows_no_name_and_no_account() {
    let story = Story::run(Privacy::Unlinkable);
    let seen = story.exchanges("issuer");
    let kept = Dump::of(&story.world.stores.issuer);
    let (banks, authority) = (story.exchanges("bank "), story.exchanges("authority"));
    for person in story.people() {
        for secret in [person.real_name(), person.account(), person.identity()] {
            assert!(!crossed(&seen, secret.as_bytes()), "{secret}");
            assert!(!stored(&kept, secret.as_bytes()), "{secret}");
        }
        assert!(crossed(&banks, person.account().as_bytes()));
        assert!(crossed(&authority, person.real_name().as_bytes()));
        let bank = &story.world.stores.banks[usize::from(person.bank == "kita")];
        assert!(stored(&Dump::of(bank), person.real_name().as_bytes()));
    }
}

/// RN-P15, RN-R1, RN-R3: the authority never sees an account, a serial or a request; a bank never the identity secret, nor
/// any key of a customer in his withdrawals. Control: the same search finds serials at the issuer.
#[test]
fn the_authority_knows_no_account_and_the_bank_no_key() {
    let story = Story::run(Privacy::Unlinkable);
    let authority = (story.exchanges("authority"), Dump::of(&story.world.stores.authority));
    let banks = story.exchanges("bank ");
    for person in story.people() {
        assert!(!crossed(&authority.0, person.account().as_bytes()));
        assert!(!stored(&authority.1, person.account().as_bytes()));
        assert!(!crossed(&banks, person.identity().as_bytes()));
    }
    let issuer = story.exchanges("issuer <- ");
    let serials: Vec<_> = story.redemptions().iter().map(|one| one.issued.note.record.serial).collect();
    assert_eq!(serials.len(), 6);
    for serial in &serials {
        assert!(crossed(&issuer, &serial[..]));
        assert!(!crossed(&authority.0, &serial[..]));
        assert!(!stored(&authority.1, &serial[..]));
    }
    let withdrawals: Vec<_> = banks.into_iter().filter(|one| one.path == "/v1/withdraw").collect();
    assert_eq!(withdrawals.len(), 2);
    for (_, key) in licensed(&story) {
        assert!(!crossed(&withdrawals, &key));
    }
}

/// RN-P15, RN-F3.1: everything that the issuer serves to people is anonymous by its type: a caller that the carrier knows is
/// dropped before the handler. Control: what it serves to banks is not.
#[test]
fn public_messages_have_no_caller() {
    let world = World::new();
    assert!(world.issuer.public_routes().iter().all(|(_, route)| route.auth == Auth::Anonymous));
    let members = world.issuer.member_routes();
    let named: Vec<_> = members.iter().filter(|(path, _)| *path != GetKeyLists::PATH).collect();
    assert!(!named.is_empty());
    assert!(named.iter().all(|(_, route)| route.auth == Auth::Certificate));
}
