use zeni_crypto::PublicKey;
use zeni_identity::{Identity, PartyName, TlsKey, Trust};
use zeni_message::{Role, peer::SendError, route::Clock};
use zeni_note::messages::bank::{Enrol, EnrolRefusal, Enrolled};

use super::CERTIFICATES_MAX;
use crate::testing::{BANK, NETWORK, Town, account_key, now, refusal, signing_request};

fn message(account: &str, code: &str, role: Role, key: &TlsKey) -> Enrol {
    with_account_key(account, code, role, key, account_key(account))
}

fn with_account_key(account: &str, code: &str, role: Role, key: &TlsKey, account_key: PublicKey) -> Enrol {
    let name = PartyName::new(NETWORK, role, &format!("{BANK}/{account}")).expect("a name");
    Enrol {
        account: account.into(),
        code: code.into(),
        csr: signing_request(key, &name, &account_key),
        shop: role == Role::Shop,
        account_key,
        payee_key: None,
    }
}

fn enrol(town: &Town, message: &Enrol) -> Result<Enrolled, SendError<EnrolRefusal>> {
    now(town.as_caller(None).send(message))
}

/// Whom everybody of the network takes the certificate's owner for.
fn named(town: &Town, enrolled: &Enrolled) -> String {
    identity(town, enrolled).party().to_string()
}

fn identity(town: &Town, enrolled: &Enrolled) -> Identity {
    let trust = Trust::from_pem(&town.root().certificate_pem()).expect("a root");
    trust.verify_chain(&enrolled.chain, town.clock.now()).expect("a good certificate")
}

/// RN-F2.1: the right code certifies the customer's key under his name; the same request gives the same certificate.
#[test]
fn the_right_code_certifies() {
    let mut town = Town::unkeyed();
    let key = TlsKey::generate();
    let request = message("A-1", "code A-1", Role::Wallet, &key);
    let first = enrol(&town, &request).expect("enrolled");
    assert_eq!(first.chain.matches("BEGIN CERTIFICATE").count(), 2);
    town.advance(1_000);
    town.restart();
    assert_eq!(enrol(&town, &request).expect("the same"), first);
    let other = enrol(&town, &message("A-1", "code A-1", Role::Shop, &key)).expect("another name");
    assert_ne!(other.chain, first.chain);
    assert_eq!(other.account_salt, first.account_salt);
    assert_eq!(named(&town, &first), format!("urn:zeni:{NETWORK}:wallet:{BANK}/A-1"));
    assert_eq!(named(&town, &other), format!("urn:zeni:{NETWORK}:shop:{BANK}/A-1"));
}

/// RN-X6: unknown account, wrong code, a request for another's name: no certificate.
#[test]
fn the_wrong_code_does_not() {
    let town = Town::unkeyed();
    let key = TlsKey::generate();
    let unknown = message("A-9", "code A-1", Role::Wallet, &key);
    let before = town.dump();
    assert_eq!(refusal(enrol(&town, &unknown)), EnrolRefusal::UnknownAccount);
    let mut stolen = message("A-2", "code A-1", Role::Wallet, &key);
    stolen.account = "A-1".into();
    assert_eq!(refusal(enrol(&town, &stolen)), EnrolRefusal::BadRequest);
    let mut altered = message("A-1", "code A-1", Role::Wallet, &key);
    *altered.csr.last_mut().expect("bytes") ^= 1;
    assert_eq!(refusal(enrol(&town, &altered)), EnrolRefusal::BadRequest);
    assert_eq!(town.dump(), before);
    let wrong = message("A-1", "code A-2", Role::Wallet, &key);
    assert_eq!(refusal(enrol(&town, &wrong)), EnrolRefusal::UnknownAccount);
}

/// RN-X6: a stranger who sends wrong codes gets nowhere and keeps nobody out: they change nothing, answer as an account
/// that does not exist does, and the right code works all the while.
#[test]
fn wrong_codes_lock_nobody_out() {
    let town = Town::unkeyed();
    let key = TlsKey::generate();
    let right = message("A-1", "code A-1", Role::Wallet, &key);
    let first = enrol(&town, &right).expect("enrolled");
    let before = town.dump();
    for n in 0..100 {
        let guess = |account: &str| refusal(enrol(&town, &message(account, &format!("guess {n}"), Role::Wallet, &key)));
        assert_eq!(guess("A-1"), EnrolRefusal::UnknownAccount);
        assert_eq!(guess("A-2"), guess("A-9"));
    }
    assert_eq!(town.dump(), before);
    assert_eq!(enrol(&town, &right).expect("still"), first);
    enrol(&town, &message("A-2", "code A-2", Role::Wallet, &key)).expect("for the first time");
}

/// HC-O3, HC-F1.5: the key of the customer's orders is kept with his certificate, which names it; another one comes to it in a
/// certificate of its own, also on the same connections' key; what is no key is refused; and nobody brings a key without the code.
#[test]
fn account_keys_are_kept() {
    let mut town = Town::unkeyed();
    let key = TlsKey::generate();
    let request = message("A-1", "code A-1", Role::Wallet, &key);
    let first = enrol(&town, &request).expect("enrolled");
    let keys = |town: &Town| town.table("certificate").len();
    assert_eq!(keys(&town), 1);
    town.restart();
    let before = town.dump();
    enrol(&town, &request).expect("the same");
    assert_eq!(town.dump(), before);
    let another = with_account_key("A-1", "code A-1", Role::Wallet, &key, account_key("another"));
    let second = enrol(&town, &another).expect("another key");
    assert_eq!(keys(&town), 2);
    for (enrolled, key) in [(&first, request.account_key), (&second, another.account_key)] {
        let digest = zeni_note::sealed::account_key_digest(&key).0;
        assert_eq!(identity(&town, enrolled).account_key().expect("named").digest(), &digest);
    }
    let before = town.dump();
    for bytes in [[0; 32], [0xff; 32], {
        let mut identity = [0; 32];
        identity[0] = 1;
        identity
    }] {
        let none = with_account_key("A-1", "code A-1", Role::Wallet, &key, PublicKey(bytes));
        assert_eq!(refusal(enrol(&town, &none)), EnrolRefusal::BadRequest);
    }
    let foisted = Enrol { account_key: account_key("foisted"), ..request.clone() };
    assert_eq!(refusal(enrol(&town, &foisted)), EnrolRefusal::OtherAccountKey, "not the one that the request names");
    let stranger = Enrol { code: "guess".into(), account_key: account_key("stranger"), ..request };
    assert_eq!(refusal(enrol(&town, &stranger)), EnrolRefusal::UnknownAccount);
    assert_eq!(town.dump(), before);
}

/// RN-X42, HC-R4: a shop that no authority registers has its name from its bank, for the one key that it asks for and once and for all;
/// a person gets none.
#[test]
fn shops_get_their_names() {
    let mut town = Town::unkeyed();
    let key = TlsKey::generate();
    let payee_key = Some(account_key("till"));
    let request = Enrol { payee_key, ..message("A-1", "code A-1", Role::Shop, &key) };
    let enrolled = enrol(&town, &request).expect("enrolled");
    let name = enrolled.name.clone().expect("a name");
    assert_eq!((name.record.key, &name.record.name[..]), (account_key("till"), "person A-1"));
    assert!(name.verify(town.world.network(), &town.issuer.document()).is_ok());
    town.advance(1_000);
    town.restart();
    assert_eq!(enrol(&town, &request).expect("the same"), enrolled);
    let other = Enrol { payee_key: Some(account_key("another till")), ..request.clone() };
    assert_eq!(enrol(&town, &other).expect("another").name.expect("a name").record.key, account_key("another till"));
    let person = Enrol { payee_key, ..message("A-1", "code A-1", Role::Wallet, &key) };
    assert_eq!(refusal(enrol(&town, &person)), EnrolRefusal::NoShop);
    let none = Enrol { payee_key: Some(PublicKey([0xff; 32])), ..request };
    assert_eq!(refusal(enrol(&town, &none)), EnrolRefusal::BadRequest);
}

/// HC-O3: who enrols over and over fills no database: beyond the bound he is refused, nothing changes, and the first wallet of the account
/// still orders. What was certified is told again. Certificates that have ended make room, unless an order that is kept needs them.
/// Control: each enrolment leaves a row.
#[test]
fn enrolments_are_bounded() {
    let town = Town::new();
    town.issued("A-1", "kept", 100);
    let key = TlsKey::generate();
    let message = |n: usize| with_account_key("A-1", "code A-1", Role::Wallet, &key, account_key(&format!("key {n}")));
    let rows = || town.table("certificate").iter().filter(|row| row[0] == "A-1".into()).count();
    for n in rows()..CERTIFICATES_MAX {
        enrol(&town, &message(n)).expect("below the bound");
        assert_eq!(rows(), n + 1, "control");
    }
    let before = town.dump();
    let max = u32::try_from(CERTIFICATES_MAX).expect("small");
    for n in 1_000..1_050 {
        assert_eq!(refusal(enrol(&town, &message(n))), EnrolRefusal::TooManyCertificates { max });
    }
    enrol(&town, &message(CERTIFICATES_MAX - 1)).expect("what was certified is told");
    assert_eq!(town.dump(), before);
    town.issued("A-1", "the first wallet", 100);
    town.set_time(town.clock.now().plus(400 * 86_400));
    enrol(&town, &message(1_000)).expect("the others have ended");
    assert_eq!(rows(), 2, "the new one, and that of the order which is kept");
}

/// HC-O3, HC-O9: certificates that have ended go by themselves, that of an order with the order. Control: until then all are there.
#[test]
fn ended_certificates_are_forgotten() {
    let mut town = Town::new();
    town.issued("A-1", "kept", 100);
    let before = town.table("certificate").len();
    let key = TlsKey::generate();
    enrol(&town, &message("A-1", "code A-1", Role::Wallet, &key)).expect("another");
    town.settle();
    assert_eq!(town.table("certificate").len(), before + 1, "control");
    let keep_until = zeni_note::testing::terms().retain_until;
    let ended = town.clock.now().plus(370 * 86_400);
    assert!(ended < keep_until);
    town.set_time(ended);
    town.settle();
    assert_eq!(town.table("certificate").len(), 1, "that of the order");
    town.set_time(keep_until.plus(1));
    town.settle();
    assert!(town.table("sealed_order").is_empty() && town.table("certificate").is_empty());
}
