use super::*;
use crate::{Ca, Certificate, Crl, CrlError, Revoked, Serial, TlsKey, Validity};

const NOW: Time = Time(1_800_000_000);
const DAY: u64 = 86_400;

struct World {
    root: Ca,
    aoba: Ca,
    trust: Trust,
}

impl World {
    fn new() -> Self {
        let root = Ca::generate("sandbox", TlsKey::generate(), Validity::days(NOW, 3_650), [7; 16]).unwrap();
        let aoba = customers(&root, "aoba", 8);
        let trust = Trust::from_pem(&root.certificate_pem()).unwrap();
        World { root, aoba, trust }
    }

    fn bank(&self) -> Certificate {
        let bank = party("urn:zeni:sandbox:bank:aoba");
        self.root
            .issue_server(&bank, &TlsKey::generate().public(), &["localhost"], Validity::days(NOW, 30), [1; 16])
            .unwrap()
    }

    fn customer(&self) -> Certificate {
        client(&self.aoba, "urn:zeni:sandbox:wallet:aoba/A-1001", 2)
    }

    fn check(
        &self,
        leaf: &Certificate,
        chain: &[&Ca],
        lists: &Crls,
        unlisted: Unlisted,
    ) -> Result<Identity, TrustError> {
        self.check_at(NOW, leaf, chain, lists, unlisted)
    }

    fn check_at(
        &self,
        now: Time,
        leaf: &Certificate,
        chain: &[&Ca],
        lists: &Crls,
        unlisted: Unlisted,
    ) -> Result<Identity, TrustError> {
        let chain: Vec<_> = chain.iter().map(|ca| ca.certificate().clone()).collect();
        self.trust.verify(leaf.der(), &chain, Usage::Client, now, lists, unlisted)
    }

    fn lists(&self, revoked: &[Serial]) -> Crls {
        let entries: Vec<_> = revoked.iter().map(|serial| Revoked { serial: *serial, since: NOW }).collect();
        let of = |ca: &Ca| ca.issue_crl(1, &entries, NOW, NOW.plus(DAY)).unwrap();
        Crls::new().with(of(&self.root)).unwrap().with(of(&self.aoba)).unwrap()
    }
}

fn customers(root: &Ca, bank: &str, random: u8) -> Ca {
    let key = TlsKey::generate();
    let certificate = root.issue_customer_ca(bank, &key.public(), Validity::days(NOW, 1_000), [random; 16]).unwrap();
    Ca::from_parts(certificate.der().clone(), key).unwrap()
}

fn client(ca: &Ca, name: &str, random: u8) -> Certificate {
    ca.issue_client(&party(name), &TlsKey::generate().public(), Validity::days(NOW, 30), [random; 16]).unwrap()
}

fn party(text: &str) -> PartyName {
    text.parse().unwrap()
}

#[test]
fn names_come_out_of_believed_certificates() {
    let world = World::new();
    let lists = world.lists(&[]);
    let bank = world.check(&world.bank(), &[], &lists, Unlisted::Refused).unwrap();
    assert_eq!(bank.party().to_string(), "urn:zeni:sandbox:bank:aoba");
    let customer = world.check(&world.customer(), &[&world.aoba], &lists, Unlisted::Refused).unwrap();
    assert_eq!(customer.party().to_string(), "urn:zeni:sandbox:wallet:aoba/A-1001");
}

/// HC-O3: a certificate names the key of its owner's orders; a chain in PEM is read for it; one that names two keys, or a key of
/// another network, is not believed.
#[test]
fn keys_of_orders_come_out_of_believed_certificates() {
    let world = World::new();
    let name = "urn:zeni:sandbox:wallet:aoba/A-1001";
    let orders = |network: &str| AccountKeyName::new(network, [0xab; 32]).unwrap();
    let certified = |key: &AccountKeyName| {
        let validity = Validity::days(NOW, 30);
        world.aoba.issue_customer(&party(name), &TlsKey::generate().public(), key, validity, [3; 16]).unwrap()
    };
    let read = |leaf: &Certificate| world.trust.verify_chain(&(leaf.pem() + &world.aoba.certificate_pem()), NOW);
    let own = certified(&orders("sandbox"));
    let identity = read(&own).unwrap();
    assert_eq!((identity.party().to_string(), identity.account_key()), (name.into(), Some(&orders("sandbox"))));
    assert_eq!(read(&world.customer()).unwrap().account_key(), None);
    assert!(matches!(read(&certified(&orders("other"))), Err(TrustError::Overreach { .. })));
    assert_eq!(world.trust.verify_chain(&own.pem(), NOW), Err(TrustError::UnknownIssuer));
    for damaged in ["", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert_eq!(world.trust.verify_chain(damaged, NOW), Err(TrustError::Form));
    }
}

#[test]
fn another_root_is_not_believed() {
    let (world, other) = (World::new(), World::new());
    let refused = world.check(&other.bank(), &[], &Crls::new(), Unlisted::Accepted);
    assert_eq!(refused, Err(TrustError::UnknownIssuer));
    assert!(Trust::new(world.aoba.certificate().clone()).is_err());
}

#[test]
fn dates_and_purpose_count() {
    let world = World::new();
    let none = Crls::new();
    let at = |now| world.check_at(now, &world.bank(), &[], &none, Unlisted::Accepted);
    assert_eq!(at(NOW.minus(2 * DAY)), Err(TrustError::NotYetValid));
    assert_eq!(at(NOW.plus(40 * DAY)), Err(TrustError::Expired));
    let customer = world.customer();
    let chain = [world.aoba.certificate().clone()];
    let served = world.trust.verify(customer.der(), &chain, Usage::Server, NOW, &none, Unlisted::Accepted);
    assert!(matches!(served, Err(TrustError::Unsuitable { .. })), "{served:?}");
    let garbage = CertificateDer::from(vec![1, 2, 3]);
    assert_eq!(world.trust.verify(&garbage, &[], Usage::Client, NOW, &none, Unlisted::Accepted), Err(TrustError::Form));
}

/// The adversary is a bank that certifies what is not its to certify; its authority's key signs whatever it likes.
#[test]
fn a_bank_cannot_certify_institutions_or_other_banks_customers() {
    let world = World::new();
    for stolen in ["urn:zeni:sandbox:issuer:issuer", "urn:zeni:sandbox:wallet:kiri/1", "urn:zeni:other:wallet:aoba/1"] {
        let forged = crate::ca::forge(&world.aoba, &party(stolen), Validity::days(NOW, 30));
        let refused = world.check(&forged, &[&world.aoba], &Crls::new(), Unlisted::Accepted);
        assert_eq!(refused, Err(TrustError::Overreach { party: party(stolen) }));
    }
    // control: the same forging with the bank's own customer is believed
    let own = crate::ca::forge(&world.aoba, &party("urn:zeni:sandbox:wallet:aoba/1"), Validity::days(NOW, 30));
    assert!(world.check(&own, &[&world.aoba], &Crls::new(), Unlisted::Accepted).is_ok());
}

#[test]
fn an_authority_of_another_network_is_not_believed_even_under_this_root() {
    let world = World::new();
    let key = TlsKey::generate();
    let foreign = crate::ca::forge_ca(&world.root, &CaName::customers("other", "aoba").unwrap(), &key.public());
    let foreign = Ca::from_parts(foreign.der().clone(), key).unwrap();
    let stranger = client(&foreign, "urn:zeni:other:wallet:aoba/1", 5);
    let refused = world.check(&stranger, &[&foreign], &Crls::new(), Unlisted::Accepted);
    assert_eq!(refused, Err(TrustError::Overreach { party: party("urn:zeni:other:wallet:aoba/1") }));
}

#[test]
fn revoked_certificates_and_authorities_are_found() {
    let world = World::new();
    let (bank, customer) = (world.bank(), world.customer());
    let before = world.check(&customer, &[&world.aoba], &world.lists(&[]), Unlisted::Refused).unwrap();
    let lists = world.lists(&[customer.serial(), bank.serial()]);
    assert_eq!(world.check(&customer, &[&world.aoba], &lists, Unlisted::Refused), Err(TrustError::Revoked));
    assert_eq!(world.check(&bank, &[], &lists, Unlisted::Accepted), Err(TrustError::Revoked));
    assert!(before.revoked(&lists) && !before.revoked(&world.lists(&[])));

    let lists = world.lists(&[Serial::from_random([8; 16])]);
    assert_eq!(world.check(&customer, &[&world.aoba], &lists, Unlisted::Refused), Err(TrustError::Revoked));
    assert!(before.revoked(&lists), "a customer falls with his bank's authority");
}

#[test]
fn without_lists_in_force_it_depends_on_who_asks() {
    let world = World::new();
    let (customer, none) = (world.customer(), Crls::new());
    let check = |now, lists: &Crls, unlisted| world.check_at(now, &customer, &[&world.aoba], lists, unlisted);
    assert_eq!(check(NOW, &none, Unlisted::Refused), Err(TrustError::NoList));
    assert!(check(NOW, &none, Unlisted::Accepted).is_ok());
    let only_root = Crls::new().with(world.root.issue_crl(1, &[], NOW, NOW.plus(DAY)).unwrap()).unwrap();
    assert_eq!(check(NOW, &only_root, Unlisted::Refused), Err(TrustError::NoList));
    assert!(check(NOW, &only_root, Unlisted::Accepted).is_ok());
    let lists = world.lists(&[]);
    assert_eq!(check(NOW.plus(2 * DAY), &lists, Unlisted::Refused), Err(TrustError::NoList));
    assert!(check(NOW.plus(2 * DAY), &lists, Unlisted::Accepted).is_ok());
}

#[test]
fn lists_are_read_back_replaced_and_never_rolled_back() {
    let world = World::new();
    let serial = Serial::from_random([9; 16]);
    let entry = Revoked { serial, since: NOW };
    let newer = world.root.issue_crl(2, &[entry], NOW, NOW.plus(DAY)).unwrap();
    let read = Crl::from_pem(&newer.pem(), world.root.certificate()).unwrap();
    assert_eq!((read.number(), read.published(), read.until(), read.revoked()), (2, NOW, NOW.plus(DAY), &[entry][..]));
    assert_eq!(Crl::from_pem(&newer.pem(), world.aoba.certificate()).unwrap_err(), CrlError::Issuer);
    let other = World::new();
    assert_eq!(Crl::from_pem(&newer.pem(), other.root.certificate()).unwrap_err(), CrlError::Issuer);
    assert!(matches!(
        Crl::from_pem(&world.root.certificate_pem(), world.root.certificate()),
        Err(CrlError::Form { .. })
    ));

    let held = world.lists(&[]).with(newer.clone()).unwrap();
    assert_eq!(held.iter().count(), 2);
    assert_eq!(held.with(newer).unwrap_err(), CrlError::Older { number: 2, held: 2 });
}
