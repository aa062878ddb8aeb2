//! Forged, old and foreign things are shown to a holder, who takes none of them; where it can be, a control shows what
//! would be taken.

use zeni_message::Signed;
use zeni_note::{
    KeyList, NameCertificate,
    keylist::KeyListRecord,
    messages::issuer::RedeemRefusal,
    testing::{DAY, EPOCH, START, key, terms},
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::{record::OwnRight, *};

/// RN-D22, RN-X33: an older revocation list than the one at hand is not taken: who was revoked stays so.
#[test]
fn an_older_revocation_list_is_not_taken() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Untraceable, Kind::Wallet);
    town.books().revoked = vec![zeni_note::licence::key_digest(&key("somebody").public())];
    block_on(taro.open().sync()).unwrap();
    town.books().revoked.clear();
    assert_eq!(block_on(taro.open().sync()).unwrap_err().code(), "older_revocations");
    assert!(block_on(taro.open().revocations()).unwrap().revokes(&key("somebody").public()));
}

fn next_list(town: &Town, previous: Option<zeni_crypto::Digest>) -> KeyList {
    let record = KeyListRecord {
        epoch: EPOCH + 1,
        previous,
        from: town.list.record.until,
        until: town.list.record.until.plus(DAY),
        ..town.list.record.clone()
    };
    let entries =
        record.entries.iter().map(|entry| zeni_note::KeyEntry { epoch: EPOCH + 1, ..entry.clone() }).collect();
    town.world.sign_key_list(KeyListRecord { entries, ..record })
}

/// RN-X9: a list that does not continue the one before is not taken, though both signed it. Control: the one that does is.
#[test]
fn a_list_that_continues_another_is_not_taken() {
    for (previous, taken) in [(None, false), (Some(()), true)] {
        let town = Town::new();
        let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
        let of_last = previous.map(|()| town.list.record.identity(town.world.network()));
        town.books().second_list = Some(next_list(&town, of_last));
        let synced = block_on(taro.open().sync()).map(|it| it.epoch).map_err(|error| error.code());
        assert_eq!(synced, if taken { Ok(EPOCH + 1) } else { Err("bad_key_list") });
    }
}

/// RN-X42: a payee with a certificate of its own, for another name than the request says, is refused. Control: with the
/// name of the certificate it is shown by that.
#[test]
fn a_certificate_for_another_name_is_refused() {
    let (town, taro, _) = two_wallets(Privacy::Unlinkable, 500);
    let liar = key("liar");
    let record = NameCertificate { name: "LIAR".into(), key: liar.public(), until: START.plus(400 * DAY) };
    let certificate = Signed::sign(town.world.network(), record, &town.world.authority);
    let mut challenge = town.world.challenge(&liar, 100, "liar", START.plus(DAY));
    challenge.key_list = town.list.record.identity(town.world.network());
    challenge.certificate = Some(certificate);
    let shown = |name: &str| {
        let challenge = zeni_note::Challenge { name: name.into(), ..challenge.clone() };
        let request = Signed::sign(town.world.network(), challenge, &liar);
        block_on(taro.open().preview(&request)).map(|it| it.payee)
    };
    assert_eq!(shown("TEA SHOP"), Err(PayError::FalseName { claimed: "TEA SHOP".into() }));
    assert_eq!(shown("LIAR"), Ok(PayeeName::Certified { name: "LIAR".into(), bank: None }));
}

/// RN-X42: neither memo nor name may hold what a terminal obeys or what turns the direction of writing, on both sides.
#[test]
fn memo_and_name_are_plain() {
    let (town, taro, jiro) = two_wallets(Privacy::Unlinkable, 500);
    let payee = key("payee");
    for text in ["\u{1b}[2K\rzeni: Shop One asks for 10 JPY", "tea\n", "\u{202e}YPJ 01", "a\u{2066}b", "\u{9b}2K"] {
        assert_eq!(block_on(jiro.open().request(yen(10), text)).unwrap_err().code(), "memo_not_plain");
        for (name, memo) in [(text, ""), ("", text)] {
            let mut challenge = town.world.challenge(&payee, 100, "liar", START.plus(DAY));
            challenge.key_list = town.list.record.identity(town.world.network());
            (challenge.name, challenge.memo) = (name.into(), memo.into());
            let request = Signed::sign(town.world.network(), challenge, &payee);
            assert_eq!(block_on(taro.open().pay(&request)).unwrap_err().code(), "text_not_plain");
        }
    }
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
    block_on(jiro.open().request(yen(10), "お茶 ☕ 2 杯")).unwrap();
}

/// RN-X20, RN-F4.3: a payer who passes on more of one note than it was worth, in two payments to one payee, is found out
/// by what the payee holds already. Control: what is left of it is taken.
#[test]
fn overspending_is_seen_against_what_is_held() {
    let town = Town::new();
    let shop = Home::joined(&town, "tea shop", Privacy::Untraceable, Kind::Shop);
    let cheat = key("cheat");
    let chain = town.world.note(&cheat, 500, "serial");
    let receive = |minor: u64| {
        let request = block_on(shop.open().request(yen(minor), "")).unwrap().document;
        let payment = town.world.payment(&chain, &cheat, minor, &request.record);
        block_on(shop.open().receive(&payment)).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(receive(300), Ok(()));
    assert_eq!(receive(300), Err("overspent"));
    assert_eq!(shop.figures(), [300, 0, 0, 0]);
    assert_eq!(receive(200), Ok(()));
}

/// RN-F3.6: a note of another face value than was bought is not taken; the request stays.
#[test]
fn a_note_of_another_value_is_not_taken() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    town.books().false_face = Some(100);
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    assert_eq!((taro.figures(), taro.wealth()), ([0, 500, 0, 0], OPENING));
}

/// RN-F3.6, RN-X34: a renewal for another value than was closed is not taken; what was closed stays pending.
#[test]
fn a_renewal_of_another_value_is_not_taken() {
    let (town, taro, _jiro) = at_its_cap();
    town.books().false_face = Some(100);
    assert_eq!(block_on(taro.open().renew()).unwrap_err().code(), "bad_note");
    assert_eq!(taro.figures(), [0, 500, 0, 0]);
}

/// RN-X32: whose licences are revoked orders nothing, and neither asks to be paid; deposits go on. Once the authority licenses him
/// again he withdraws under new keys.
#[test]
fn who_is_revoked_orders_nothing() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        let town = Town::new();
        let taro = funded(&town, "taro", privacy, 1_000);
        let all = block_on(taro.open().all::<OwnRight>()).unwrap();
        let digests = all.iter().map(|licence| zeni_note::licence::key_digest(&licence.key())).collect();
        {
            let mut books = town.books();
            (books.revoked, books.suspended) = (digests, true);
        }
        let before = town.books().balance["aoba/taro"];
        assert_eq!(block_on(taro.open().withdraw(yen(100), true)).unwrap_err().code(), "licence_revoked");
        assert_eq!(town.books().balance["aoba/taro"], before, "nothing was ordered");
        assert!(block_on(taro.open().request(yen(100), "")).is_err());
        assert!(block_on(taro.open().resume()).unwrap().is_empty());
        block_on(taro.open().deposit(yen(300))).unwrap();
        assert_eq!((taro.figures(), taro.wealth()), ([700, 0, 0, 0], OPENING));
        town.books().suspended = false;
        block_on(taro.open().withdraw(yen(100), true)).unwrap();
        assert_eq!((taro.figures(), taro.wealth()), ([800, 0, 0, 0], OPENING));
    }
}

/// RN-X14, RN-X32: what the issuer will never redeem is told with the term for claiming it back.
#[test]
fn stuck_requests_are_told() {
    let town = Town::new();
    let taro = Home::joined(&town, "taro", Privacy::Unlinkable, Kind::Wallet);
    town.books().no_redemption = Some(RedeemRefusal::Revoked);
    block_on(taro.open().withdraw(yen(500), true)).unwrap();
    let stuck = block_on(taro.open().balance()).unwrap().stuck;
    let (claim_from, claim_until) = (terms().redeem_until.plus(1), terms().claim_until);
    assert_eq!(stuck, [StuckRequest { money: yen(500), reason: "revoked".into(), claim_from, claim_until }]);
    let resumed = block_on(taro.open().resume()).unwrap();
    assert!(resumed.iter().any(|one| one.outcome == "stuck" && one.reason.contains(&claim_from.to_string())));
    town.at(claim_from);
    block_on(taro.open().claim()).unwrap();
    assert!(block_on(taro.open().balance()).unwrap().stuck.is_empty());
    assert_eq!(taro.wealth(), OPENING);
}

/// A card that knows nothing of the wallet's money is not taken for an empty one.
#[test]
fn a_foreign_card_is_an_error() {
    let town = Town::new();
    let taro = funded(&town, "taro", Privacy::Unlinkable, 500);
    let bare = taro.with_new_card();
    assert_eq!(block_on(bare.open().balance()).unwrap_err().code(), "foreign_card");
    assert_eq!(block_on(bare.open().deposit(yen(100))).unwrap_err().code(), "foreign_card");
    assert_eq!(taro.figures(), [500, 0, 0, 0]);
}
