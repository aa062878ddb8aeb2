//! The servers as the world sees them: certificates, what they ask for, health, counters, start and stop.

use std::process::Command;

use super::stage::Stage;

/// Runs OpenSSL in the stage's directory.
fn openssl(stage: &Stage, args: &[&str], input: &str) -> (bool, String) {
    use std::{io::Write, process::Stdio};
    let mut command = Command::new("openssl");
    command.args(args).current_dir(stage.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("openssl is needed");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// One HTTP request over TLS, the server's certificate checked against the sandbox's root.
fn get(stage: &Stage, address: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let trust = ["-CAfile", "net/root/certificate.pem", "-verify_return_error"];
    openssl(stage, &[&["s_client", "-quiet", "-connect", address], &trust[..]].concat(), &request).1
}

/// DESIGN §4: every certificate of the sandbox passes an independent check against root and revocation list.
#[test]
fn certificates_pass_openssl() {
    let stage = Stage::new();
    let lists = ["-CAfile", "net/root/certificate.pem", "-CRLfile", "net/root/revocations.pem"];
    for party in ["authority", "issuer", "bank-aoba", "bank-kita"] {
        let certificate = format!("net/{party}/certificate.pem");
        let (valid, said) = openssl(&stage, &[&["verify", "-crl_check"], &lists[..], &[&certificate]].concat(), "");
        assert!(valid, "{party}: {said}");
    }
    let other = Stage::empty();
    let mut other = other;
    other.serve_with(&["--customers", "customers.csv"]);
    other.stop();
    stage.write("other.pem", other.text("net/issuer/certificate.pem"));
    let (valid, _) = openssl(&stage, &[&["verify", "-crl_check"], &lists[..], &["other.pem"]].concat(), "");
    assert!(!valid, "control: another sandbox's certificate");
}

/// RN-F3.1, P15: the issuer's public listener never asks for a certificate; the members' listener demands one, a bank
/// and the authority ask.
#[test]
fn the_issuer_asks_nobody_who_he_is() {
    let stage = Stage::running();
    // in a TLS 1.3 handshake these algorithms are named by a CertificateRequest and nothing else
    let asks = |address: &str| {
        let (_, said) = openssl(&stage, &["s_client", "-tls1_3", "-connect", address], "");
        assert!(said.contains("TLSv1.3"), "{said}");
        said.contains("Requested Signature Algorithms")
    };
    assert!(!asks(&stage.address("listen_public", 0)), "the issuer towards everybody");
    assert!(asks(&stage.address("listen_members", 0)), "control: the issuer towards banks");
    assert!(asks(&stage.address("listen ", 0)) && asks(&stage.address("listen ", 1)), "control: authority, bank");
    let members = get(&stage, &stage.address("listen_members", 0), "/healthz");
    assert!(!members.contains("200 OK") && members.contains("certificate required"), "{members}");
    let (_, old) = openssl(&stage, &["s_client", "-tls1_2", "-connect", &stage.address("listen_public", 0)], "");
    assert!(old.contains("alert protocol version"), "only TLS 1.3 is spoken: {old}");
}

/// `/healthz` answers and `/metrics` counts requests by path and status, on every listener that anyone may reach.
#[test]
fn health_and_counters() {
    let stage = Stage::running();
    for address in [stage.address("listen_public", 0), stage.address("listen ", 0), stage.address("listen ", 1)] {
        let health = get(&stage, &address, "/healthz");
        assert!(health.contains("200 OK") && health.contains("\r\n\r\nok"), "{health}");
        assert!(get(&stage, &address, "/elsewhere").contains("404"), "{address}");
    }
    let redeemed = |text: &str| {
        let line =
            text.lines().find(|line| line.starts_with("zeni_requests_total{path=\"/v1/redeem\",status=\"200\"}"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().trim().parse::<u64>().unwrap())
    };
    let issuer = stage.address("listen_public", 0);
    assert_eq!(redeemed(&get(&stage, &issuer, "/metrics")), 0);
    stage.ok("wallet --home yuki withdraw 300_JPY --now");
    let metrics = get(&stage, &issuer, "/metrics");
    assert_eq!(redeemed(&metrics), 3, "{metrics}");
    assert!(metrics.contains("zeni_request_seconds"), "{metrics}");
    for linkable in ["K-1002", "Yuki", "JPY", "300\n"] {
        assert!(!metrics.contains(linkable), "{linkable}: {metrics}");
    }
}

/// A sandbox ends with 0 when asked, continues where it was, and is not served twice.
#[test]
fn a_sandbox_stops_and_starts() {
    let mut stage = Stage::running();
    stage.ok("wallet --home yuki withdraw 300_JPY");
    let second = stage.run("sandbox --dir net --json");
    assert_eq!(second.exit, 1, "{second:?}");
    assert!(second.stderr.contains("another process"), "{second:?}");
    let check = stage.run("serve net/zeni.toml --check --json");
    assert_eq!((check.exit, check.json()["ok"].as_bool()), (0, Some(true)), "{check:?}");
    stage.stop();
    assert_eq!(stage.run("--clock-offset 172800 wallet --home yuki resume").exit, 3);
    stage.serve();
    stage.ok("--clock-offset 172800 wallet --home yuki run --until-idle");
    assert_eq!(stage.holds("wallet --home yuki"), 300);
    stage.audits();
    stage.write("net/zeni.toml", format!("unknown = 1\n{}", stage.text("net/zeni.toml")));
    assert_eq!(stage.run("serve net/zeni.toml --check").exit, 2);
}
