use std::{path::Path, process::Command};

use super::*;

const NOW: Time = Time(1_800_000_000);

fn root() -> Ca {
    Ca::generate("sandbox", TlsKey::generate(), Validity::days(NOW, 3_650), [7; 16]).unwrap()
}

fn customers(root: &Ca, bank: &str) -> Ca {
    let key = TlsKey::generate();
    let certificate = root.issue_customer_ca(bank, &key.public(), Validity::days(NOW, 1_000), [0xff; 16]).unwrap();
    Ca::from_parts(certificate.der().clone(), key).unwrap()
}

fn party(text: &str) -> PartyName {
    text.parse().unwrap()
}

fn short() -> Validity {
    Validity::days(NOW, 30)
}

/// HC-P15: whoever's clock is a day behind dates within his certificate from the first second on.
#[test]
fn dates_are_whole_days_with_room_for_clocks_behind() {
    let validity = Validity::days(Time(86_400 * 10 + 77), 1);
    assert_eq!((validity.from(), validity.until()), (Time(86_400 * 9), Time(86_400 * 12)));
    let midnight = Time(86_400 * 10);
    assert!(Validity::days(midnight, 1).contains(midnight.minus(CLOCK_TOLERANCE_S)));
    assert_eq!(Validity::days(Time(77), 1).from(), Time(0));
    assert_eq!(Validity::days(Time(u64::MAX), 1).until(), Time(CALENDAR_END));
}

#[test]
fn serials_are_positive_and_sixteen_bytes_long() {
    for random in [[0; 16], [0xff; 16]] {
        let serial = Serial::from_random(random);
        assert_eq!(serial.as_bytes()[0] & 0xc0, 0x40);
        assert_eq!(Serial::from_slice(serial.as_bytes()), Some(serial));
    }
    assert_eq!(Serial::from_slice(&[0; 16]), None);
    assert_eq!(Serial::from_slice(&[0x40; 15]), None);
}

#[test]
fn an_authority_survives_being_stored() {
    let root = root();
    let again = Ca::load(&root.certificate_pem(), &root.key_pem()).unwrap();
    assert_eq!(again.name(), root.name());
    let certificate = again
        .issue_server(
            &party("urn:zeni:sandbox:bank:aoba"),
            &TlsKey::generate().public(),
            &["localhost"],
            short(),
            [1; 16],
        )
        .unwrap();
    assert_eq!(certificate.serial(), Serial::from_random([1; 16]));
}

#[test]
fn certificate_and_key_must_belong_together() {
    let (one, other) = (root(), root());
    let mixed = Ca::load(&one.certificate_pem(), &other.key_pem());
    assert!(matches!(mixed, Err(IssueError::Mismatch { .. })));
    assert!(matches!(Ca::load(&one.certificate_pem(), "nothing"), Err(IssueError::Key(_))));
    assert!(matches!(Ca::load(&one.key_pem(), &one.key_pem()), Err(IssueError::Form { .. })));
}

#[test]
fn an_authority_certifies_only_its_own() {
    let root = root();
    let aoba = customers(&root, "aoba");
    let key = TlsKey::generate().public();
    let refused =
        |result: Result<Certificate, IssueError>| assert!(matches!(result, Err(IssueError::NotItsOwn { .. })));
    refused(root.issue_client(&party("urn:zeni:sandbox:wallet:aoba/1"), &key, short(), [1; 16]));
    refused(root.issue_server(&party("urn:zeni:other:bank:aoba"), &key, &[], short(), [1; 16]));
    refused(aoba.issue_client(&party("urn:zeni:sandbox:wallet:kiri/1"), &key, short(), [1; 16]));
    refused(aoba.issue_server(&party("urn:zeni:sandbox:bank:aoba"), &key, &[], short(), [1; 16]));
    refused(aoba.issue_customer_ca("aoba", &key, short(), [1; 16]));
    assert!(aoba.issue_client(&party("urn:zeni:sandbox:shop:aoba/1"), &key, short(), [1; 16]).is_ok());
}

#[test]
fn addresses_are_names_or_numbers() {
    let root = root();
    let issue = |address: &str| {
        root.issue_server(
            &party("urn:zeni:sandbox:bank:aoba"),
            &TlsKey::generate().public(),
            &[address],
            short(),
            [1; 16],
        )
    };
    assert!(issue("127.0.0.1").is_ok());
    assert!(issue("::1").is_ok());
    assert!(issue("bank.example").is_ok());
    assert!(matches!(issue("bank example"), Err(IssueError::Address { .. })));
    assert!(matches!(issue("localhost:443"), Err(IssueError::Address { .. })));
}

/// What OpenSSL thinks of `leaf` under `root`, with the chain and the lists given.
fn openssl(root: &Ca, chain: &[String], lists: &[&Crl], leaf: &Certificate, all: &str) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let root_file = file("root.pem", root.certificate_pem());
    let chain_file = file("chain.pem", if chain.is_empty() { root.certificate_pem() } else { chain.concat() });
    let lists_file = file("lists.pem", lists.iter().map(|list| list.pem()).collect());
    let leaf_file = file("leaf.pem", leaf.pem());
    let run = |arguments: &[&dyn AsRef<Path>]| {
        let output = Command::new("openssl").args(arguments.iter().map(|a| a.as_ref())).output();
        output.expect("this test needs the openssl program: install the package openssl")
    };
    let at = (NOW.0 + 60).to_string();
    let output = run(&[
        &"verify",
        &"-attime",
        &at.as_str(),
        &all,
        &"-x509_strict",
        &"-CAfile",
        &root_file,
        &"-untrusted",
        &chain_file,
        &"-CRLfile",
        &lists_file,
        &leaf_file,
    ]);
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn openssl_agrees() {
    let root = root();
    let aoba = customers(&root, "aoba");
    let key = TlsKey::generate().public();
    let server =
        root.issue_server(&party("urn:zeni:sandbox:bank:aoba"), &key, &["localhost", "127.0.0.1"], short(), [2; 16]);
    let server = server.unwrap();
    let customer = aoba.issue_client(&party("urn:zeni:sandbox:wallet:aoba/A-1001"), &key, short(), [3; 16]).unwrap();
    let until = NOW.plus(86_400);
    let empty = root.issue_crl(1, &[], NOW, until).unwrap();
    let empty_aoba = aoba.issue_crl(1, &[], NOW, until).unwrap();
    let chain = [aoba.certificate_pem()];
    let (accepted, said) = openssl(&root, &[], &[&empty], &server, "-crl_check");
    assert!(accepted, "{said}");
    let (accepted, said) = openssl(&root, &chain, &[&empty, &empty_aoba], &customer, "-crl_check_all");
    assert!(accepted, "{said}");

    let revoked = |certificate: &Certificate| [Revoked { serial: certificate.serial(), since: NOW }];
    let list = root.issue_crl(2, &revoked(&server), NOW, until).unwrap();
    let (accepted, said) = openssl(&root, &[], &[&list], &server, "-crl_check");
    assert!(!accepted && said.contains("revoked"), "{said}");
    let list = aoba.issue_crl(2, &revoked(&customer), NOW, until).unwrap();
    let (accepted, said) = openssl(&root, &chain, &[&empty, &list], &customer, "-crl_check");
    assert!(!accepted && said.contains("revoked"), "{said}");
    let (accepted, _) = openssl(&root, &chain, &[&empty], &customer, "-crl_check");
    assert!(!accepted, "without the bank's list OpenSSL has nothing to go by");
}

/// HC-P15: a chain holds when all its certificates do: from the latest start to the earliest end.
#[test]
fn a_chain_holds_when_all_of_it_does() {
    let root = root();
    let customers = customers(&root, "aoba");
    let (of_root, of_customers) = (Validity::days(NOW, 3_650), Validity::days(NOW, 1_000));
    assert_eq!(Validity::of_chain(&root.certificate_pem()), Some(of_root));
    for pem in
        [root.certificate_pem() + &customers.certificate_pem(), customers.certificate_pem() + &root.certificate_pem()]
    {
        let both = Validity::of_chain(&pem).unwrap();
        assert_eq!(both, of_customers);
        assert!(both.contains(both.from()) && both.contains(both.until()) && !both.contains(of_root.until()));
    }
    assert_eq!(Validity::of_chain(""), None);
    assert_eq!(Validity::of_chain("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
}
