use super::*;

#[test]
fn a_request_carries_key_and_name() {
    let key = TlsKey::generate();
    let name: PartyName = "urn:zeni:sandbox:wallet:aoba/A-1001".parse().unwrap();
    let csr = Csr::check(&Csr::make(&key, &name, &orders("sandbox"))).unwrap();
    assert_eq!(csr.key(), &key.public());
    assert_eq!(csr.name(), &name);
    assert_eq!(csr.account_key(), &orders("sandbox"));
}

/// HC-O3: a request that names no key of orders, two, one of another network or something else in its place is refused.
#[test]
fn a_request_names_the_key_of_orders() {
    let name: PartyName = "urn:zeni:sandbox:wallet:aoba/A-1001".parse().unwrap();
    let made = |uris: &[&str]| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI(crate::ca::ia5(uri))).collect();
        Csr::check(params.serialize_request(TlsKey::generate().pair()).unwrap().der()).map(drop)
    };
    let (name, key) = (name.to_string(), orders("sandbox").to_string());
    assert_eq!(made(&[&name, &key]), Ok(()), "control");
    assert_eq!(made(&[&name]), Err(CsrError::AccountKey));
    assert_eq!(made(&[&name, &orders("other").to_string()]), Err(CsrError::AccountKey));
    assert_eq!(made(&[&name, &name]), Err(CsrError::AccountKey));
    assert_eq!(made(&[&name, &key.to_uppercase()]), Err(CsrError::AccountKey));
    assert_eq!(made(&[&name, &key, &key]), Err(CsrError::Name(None)));
    assert!(matches!(made(&[&key, &name]), Err(CsrError::Name(Some(_)))));
}

fn orders(network: &str) -> AccountKeyName {
    AccountKeyName::new(network, [0xab; 32]).unwrap()
}

#[test]
fn a_request_for_a_key_one_does_not_hold_is_refused() {
    let name: PartyName = "urn:zeni:sandbox:wallet:aoba/A-1001".parse().unwrap();
    let victim = TlsKey::generate().public();
    let mine = TlsKey::generate();
    let mut der = Csr::make(&mine, &name, &orders("sandbox"));
    let own = mine.public();
    let at = der.windows(32).position(|window| window == rcgen::PublicKeyData::der_bytes(&own)).unwrap();
    der[at..at + 32].copy_from_slice(rcgen::PublicKeyData::der_bytes(&victim));
    assert!(matches!(Csr::check(&der), Err(CsrError::Form { .. })));
}

#[test]
fn foreign_requests_are_refused() {
    assert!(matches!(Csr::check(&[0x30; 10]), Err(CsrError::Form { .. })));
    assert!(matches!(Csr::check(&[0; CSR_BYTES_MAX + 1]), Err(CsrError::TooLong { .. })));
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let request = CertificateParams::default().serialize_request(&other).unwrap();
    assert_eq!(Csr::check(request.der()), Err(CsrError::Key(KeyError::Algorithm)));
    let nameless = CertificateParams::default().serialize_request(TlsKey::generate().pair()).unwrap();
    assert_eq!(Csr::check(nameless.der()), Err(CsrError::Name(None)));
}
