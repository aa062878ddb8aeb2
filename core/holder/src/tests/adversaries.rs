//! Adversaries make their move and lose; where a defence can be left off, a control shows that they would win.

use zeni_crypto::PublicKey;
use zeni_message::{Role, Signed, decode};
use zeni_note::{
    messages::{bank::Withdraw, issuer::Redeem},
    testing::{START, key},
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::{record::Request, *};

fn moduli_of(town: &Town) -> Vec<[u8; 256]> {
    town.list.record.entries.iter().map(|entry| *entry.modulus).collect()
}

/// RN-X9, RN-P6 (3): a key that one user alone is shown, co-signed even by both, is found out by comparing the two
/// sources; withdrawals stop and the proof convinces anyone.
#[test]
fn a_key_for_one_user_stops_withdrawals() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let mut moduli = moduli_of(&town);
    moduli[0] = *other_signer().public().modulus();
    let special = key_list(&town.world, &moduli);
    town.books().second_list = Some(special);
    assert!(block_on(taro.open().sync()).unwrap().stopped);
    assert_eq!(block_on(taro.open().withdraw(yen(100), true)).unwrap_err().code(), "two_key_lists");
    assert_eq!(town.books().balance["aoba/taro"], OPENING);
    let evidence = block_on(taro.open().evidence()).unwrap();
    let [Evidence::TwoKeyLists(proof)] = &evidence[..] else { unreachable!("there is one proof") };
    assert!(proof.holds(&town.world.roots));
}

/// RN-X9: a list that only one of the two signed is not used, and is no proof.
#[test]
fn a_list_signed_by_one_is_refused() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let mut moduli = moduli_of(&town);
    moduli[0] = *other_signer().public().modulus();
    let mut special = key_list(&town.world, &moduli);
    special.authority = special.issuer;
    town.books().second_list = Some(special);
    assert_eq!(block_on(taro.open().sync()).unwrap_err().code(), "bad_key_list");
    assert!(block_on(taro.open().evidence()).unwrap().is_empty());
    town.books().second_list = None;
    block_on(taro.open().withdraw(yen(100), true)).unwrap();
}

/// RN-X9: a payee whose key list differs is not paid; his request is kept as evidence.
#[test]
fn a_payee_with_another_key_list_is_not_paid() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    let payee = key("payee of another list");
    let mut challenge = town.world.challenge(&payee, 100, "other list", START.plus(86_400));
    let paid = |challenge: &zeni_note::Challenge| {
        let request = Signed::sign(town.world.network(), challenge.clone(), &payee);
        block_on(taro.open().pay(&request)).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(paid(&challenge), Err("foreign_key_list"));
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
    assert!(matches!(&block_on(taro.open().evidence()).unwrap()[..], [Evidence::ForeignChallenge(_)]));
    // control: with the same list he is paid
    challenge.key_list = town.list.record.identity(town.world.network());
    assert_eq!(paid(&challenge), Ok(()));
}

/// HC-X49, HC-O7: a payer whose card answers one request twice from the same money is paid no goods for the second answer, of
/// which the issuer would pay nothing. Control: other money answers the same request.
#[test]
fn one_request_is_answered_once_from_the_same_money() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    let request = block_on(taro.open().request(yen(100), "tea")).unwrap().document;
    let cheat = key("cheat");
    let answer = |serial: &str, value| {
        let chain = town.world.note(&cheat, 1_000, serial);
        let payment = town.world.payment(&chain, &cheat, value, &request.record);
        block_on(taro.open().receive(&payment)).map(|done| done.outcome).map_err(|error| error.code())
    };
    assert!(answer("n1", 40).unwrap().is_owed_back());
    assert_eq!(answer("n1", 100), Err("answered_before"));
    assert_eq!(answer("n2", 100), Ok(ReceiveOutcome::Fulfilled));
}

/// RN-X42: a shop that takes another's name without a certificate is shown as unverified; with the certificate of
/// another key it is refused. Control: the shop itself is shown by name.
#[test]
fn a_shop_that_lies_about_its_name_is_found_out() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    let shop = Home::joined(&town, "tea shop", Privacy::Untraceable, Kind::Shop);
    let honest = block_on(shop.open().request(yen(100), "tea")).unwrap().document;
    let shown = |request: &Signed<zeni_note::Challenge>| block_on(taro.open().preview(request)).map(|it| it.payee);
    assert_eq!(shown(&honest), Ok(PayeeName::Certified { name: "TEA SHOP".into(), bank: None }));

    let liar = key("liar");
    let mut challenge = honest.record.clone();
    challenge.payee = liar.public();
    challenge.right = town.world.licence(liar.public()).into();
    let with_certificate = Signed::sign(town.world.network(), challenge.clone(), &liar);
    assert_eq!(shown(&with_certificate), Err(PayError::FalseName { claimed: "TEA SHOP".into() }));
    challenge.certificate = None;
    let without = Signed::sign(town.world.network(), challenge, &liar);
    let fingerprint = fingerprint(&liar.public());
    assert_eq!(fingerprint.len(), 12);
    assert_eq!(shown(&without), Ok(PayeeName::Unverified { claimed: "TEA SHOP".into(), fingerprint }));
    // nothing was signed by looking
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
}

/// RN-X32: a revoked payee is not paid, a revoked payer's money is not taken.
#[test]
fn revoked_keys_neither_pay_nor_are_paid() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Untraceable, Kind::Wallet);
    let jiro = Home::joined(&town, "jiro", Privacy::Untraceable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    let request = block_on(jiro.open().request(yen(100), "")).unwrap().document;
    let paid = block_on(taro.open().pay(&request)).unwrap().document;
    let taros = paid.answers[0].chain.holder.key();
    town.books().revoked = vec![zeni_note::licence::key_digest(&taros)];
    block_on(jiro.open().sync()).unwrap();
    assert_eq!(block_on(jiro.open().receive(&paid)).unwrap_err().code(), "revoked");
    let back = block_on(taro.open().request(yen(1), "")).unwrap().document;
    assert_eq!(block_on(jiro.open().pay(&back)).unwrap_err().code(), "payee_licence");
    assert_eq!(jiro.figures(), [0; 4]);
}

/// Keys that the issuer saw in redemptions, one per request.
fn redeemed_keys(town: &Town) -> Vec<PublicKey> {
    let books = town.books();
    let redemptions = books.seen.iter().filter(|(_, _, path, _)| *path == "/v1/redeem");
    redemptions.map(|(.., body)| decode::<Redeem>(body, usize::MAX).unwrap().request.key).collect()
}

/// RN-P7: two notes of an unlinkable wallet share no key; control: those of an untraceable one do.
#[test]
fn notes_share_a_key_only_in_f1() {
    let distinct = |privacy| {
        let town = Town::new();
        let taro = Home::joined(&town, "taro", privacy, Kind::Wallet);
        block_on(taro.open().withdraw(yen(3_000), true)).unwrap();
        let mut keys = redeemed_keys(&town);
        keys.sort();
        keys.dedup();
        keys.len()
    };
    assert_eq!(distinct(Privacy::Unlinkable), 3);
    assert_eq!(distinct(Privacy::Untraceable), 1);
}

/// RN-P6, P15: nothing that the issuer gets in a redemption occurs in what the bank got, searched byte for byte.
/// Control: a naive wallet that shows the bank its key is found by the same search.
#[test]
fn bank_and_issuer_share_no_value() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Untraceable, Kind::Wallet);
    block_on(taro.open().withdraw(yen(1_600), true)).unwrap();
    let keys = redeemed_keys(&town);
    let books = town.books();
    let of_bank: Vec<u8> =
        books.seen.iter().filter(|(role, ..)| *role == Role::Bank).flat_map(|(.., body)| body.clone()).collect();
    let mut of_issuer: Vec<Vec<u8>> = keys.iter().map(|key| key.0.to_vec()).collect();
    for (.., path, body) in &books.seen {
        if *path == "/v1/redeem" {
            let redeem: Redeem = decode(body, usize::MAX).unwrap();
            of_issuer.extend([redeem.request.randomizer.to_vec(), redeem.request.signature[..32].to_vec()]);
            of_issuer.extend([redeem.slot.to_vec(), redeem.request.content_id().0.to_vec()]);
        }
    }
    let found = |haystack: &[u8]| of_issuer.iter().filter(|it| contains(haystack, it)).count();
    assert_eq!(found(&of_bank), 0);
    let order = books.seen.iter().find(|(_, _, path, _)| *path == "/v1/withdraw").unwrap();
    let mut naive: Withdraw = decode(&order.3, usize::MAX).unwrap();
    naive.items[0].blinded[..32].copy_from_slice(&keys[0].0);
    assert!(found(&zeni_message::encode(&naive)) > 0);
    // the person's name, account and secret never reach the issuer
    for (role, .., body) in &books.seen {
        assert!(*role != Role::Issuer || (!contains(body, b"taro") && !contains(body, b"TARO")));
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// RN-O6: the delays spread over the whole range; control: with `--now` there are none.
#[test]
fn delays_are_random_unless_waived() {
    let dues = |now| {
        let town = Town::new();
        let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
        town.books().uncounted = u32::MAX;
        block_on(taro.open().withdraw(yen(9_000), now)).unwrap();
        let mut dues: Vec<u64> = block_on(taro.open().active::<Request>())
            .unwrap()
            .into_iter()
            .map(|it| it.due.since(START.plus(86_400)))
            .collect();
        dues.sort_unstable();
        dues
    };
    let delayed = dues(false);
    let middle = REDEEM_WAIT_S + 1_800;
    assert!(delayed.iter().all(|due| *due >= REDEEM_WAIT_S), "before the bank's count can have come");
    assert!(delayed.iter().max() > Some(&middle) && delayed.iter().min() < Some(&middle));
    assert!(dues(true).iter().all(|due| *due <= 1));
}
