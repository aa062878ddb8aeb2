use super::*;

#[test]
fn a_request_carries_key_and_name() {
    let key = TlsKey::generate();
    let name: PartyName = "urn:zeni:sandbox:wallet:aoba/A-1001".parse().unwrap();
    let csr = Csr::check(&Csr::make(&key, &name)).unwrap();
    assert_eq!(csr.key(), &key.public());
    assert_eq!(csr.name(), &name);
}

#[test]
fn a_request_for_a_key_one_does_not_hold_is_refused() {
    let name: PartyName = "urn:zeni:sandbox:wallet:aoba/A-1001".parse().unwrap();
    let victim = TlsKey::generate().public();
    let mine = TlsKey::generate();
    let mut der = Csr::make(&mine, &name);
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
