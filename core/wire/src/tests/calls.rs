//! Calls between honest parties, and certificates that are not what they should be.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::time::Duration;
use zeni_identity::{Crls, Revoked, TlsKey, Trust, Validity};
use zeni_message::{
    Bank,
    peer::{Fault, Peer, SendError, Transport},
    route::Clock,
};

use super::world::{
    BANK, DAY, ECHO_BYTES_MAX, Echo, Fall, Line, NOW, Running, TestClock, Wait, Who, World, echo, party,
};
use crate::{ClientAuth, ClientConfig, ConfigError, HttpsTransport, Limits, Revocations, SystemClock, TlsIdentity};

fn peer(transport: Arc<HttpsTransport>) -> Peer<Bank> {
    Peer::new(transport)
}

fn over(world: &World, server: &Running, line: &Line, connections: usize) -> Peer<Bank> {
    let config = ClientConfig { address: line.address.to_string(), connections, ..world.config(server, None) };
    peer(Arc::new(HttpsTransport::new(config).unwrap()))
}

fn trust_cause<T: std::fmt::Debug, R: zeni_message::Refusal>(result: Result<T, SendError<R>>) -> String {
    match result {
        Err(SendError::Fault(Fault::Trust { cause, .. })) => cause,
        other => panic!("expected a fault of trust, not {other:?}"),
    }
}

#[tokio::test]
async fn a_message_goes_and_a_reply_comes_back() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let bank = peer(world.transport(&server, None));
    assert_eq!(bank.send(&echo(100)).await, Ok(echo(100)));
    assert_eq!(bank.send(&echo(0)).await, Ok(echo(0)));
}

#[tokio::test]
async fn the_certificate_names_the_caller() {
    let world = World::new();
    let server = world.start(ClientAuth::Optional(world.clients())).await;
    let (customer, _) = world.customer("A-1001", 30);
    let known = peer(world.transport(&server, Some(customer)));
    assert_eq!(known.send(&Who {}).await.unwrap(), "aoba/A-1001");
    // an anonymous message learns nothing even over this connection: the handler asserts it
    assert_eq!(known.send(&echo(1)).await, Ok(echo(1)));
    let unknown = peer(world.transport(&server, None));
    assert!(matches!(unknown.send(&Who {}).await, Err(SendError::Forbidden { status: 403, .. })));
    assert_eq!(unknown.send(&echo(1)).await, Ok(echo(1)));
}

#[tokio::test]
async fn a_role_that_may_not_send_a_message_is_refused() {
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    let other_bank = peer(world.transport(&server, Some(world.server("urn:zeni:test:bank:kiri", 30))));
    assert!(matches!(other_bank.send(&Who {}).await, Err(SendError::Forbidden { status: 403, .. })));
    assert_eq!(other_bank.send(&echo(1)).await, Ok(echo(1)));
}

#[tokio::test]
async fn a_server_of_another_root_is_not_believed() {
    let (world, other) = (World::new(), World::new());
    let server = other.start(ClientAuth::None).await;
    let cause = trust_cause(peer(world.transport(&server, None)).send(&echo(1)).await);
    assert!(cause.contains("not issued by this network's root"), "{cause}");
    // control: who trusts that root is served
    let config =
        ClientConfig { trust: Trust::new(other.root.certificate().clone()).unwrap(), ..world.config(&server, None) };
    assert!(peer(Arc::new(HttpsTransport::new(config).unwrap())).send(&echo(1)).await.is_ok());
}

#[tokio::test]
async fn a_server_with_another_name_or_role_is_not_believed() {
    let world = World::new();
    for name in ["urn:zeni:test:bank:kiri", "urn:zeni:test:issuer:aoba"] {
        let server = world.start_as(world.server(name, 30), ClientAuth::None, Limits::default()).await;
        let cause = trust_cause(peer(world.transport(&server, None)).send(&echo(1)).await);
        assert_eq!(cause, format!("the certificate there names {name}, not {BANK}"));
        let config = ClientConfig { server: party(name), ..world.config(&server, None) };
        assert!(peer(Arc::new(HttpsTransport::new(config).unwrap())).send(&echo(1)).await.is_ok());
    }
}

#[tokio::test]
async fn expired_certificates_are_not_believed() {
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    let (customer, _) = world.customer("A-1", 300);
    let late = ClientConfig { clock: TestClock::at(NOW.plus(40 * DAY)), ..world.config(&server, Some(customer)) };
    let cause = trust_cause(peer(Arc::new(HttpsTransport::new(late).unwrap())).send(&echo(1)).await);
    assert!(cause.contains("the other side's certificate has expired"), "{cause}");

    let expired = World { clock: TestClock::at(NOW.plus(5 * DAY)), ..world };
    let (customer, _) = expired.customer("A-1", 2);
    let server = expired.start(ClientAuth::Required(expired.clients())).await;
    let cause = trust_cause(peer(expired.transport(&server, Some(customer))).send(&echo(1)).await);
    assert!(cause.contains("this side's certificate has expired"), "{cause}");
}

#[tokio::test]
async fn a_missing_client_certificate_is_named_as_the_cause() {
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    // the refusal arrives while the client is still writing: a short request is sent whole by then, a long one is not
    for len in [3_000, 200_000, 6_000_000] {
        for _ in 0..10 {
            let cause = trust_cause(peer(world.transport(&server, None)).send(&echo(len)).await);
            assert!(cause.contains("wants a client certificate"), "{len}: {cause}");
        }
    }
}

#[tokio::test]
async fn a_revoked_certificate_opens_no_connection() {
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    let (customer, certificate) = world.customer("A-1001", 30);
    let before = peer(world.transport(&server, Some(customer.clone())));
    assert!(before.send(&echo(1)).await.is_ok());
    world.revoke(2, &[&certificate]);
    let cause = trust_cause(peer(world.transport(&server, Some(customer))).send(&echo(1)).await);
    assert!(cause.contains("this side's certificate is revoked"), "{cause}");
}

#[tokio::test]
async fn a_revoked_certificate_loses_its_open_connection() {
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    let (customer, certificate) = world.customer("A-1001", 30);
    let (other, _) = world.customer("A-10022", 30);
    let (revoked, kept) = (peer(world.transport(&server, Some(customer))), peer(world.transport(&server, Some(other))));
    assert_eq!(revoked.send(&Who {}).await.unwrap(), "aoba/A-1001");
    assert!(kept.send(&Who {}).await.is_ok());
    world.revoke(2, &[&certificate]);
    assert!(matches!(revoked.send(&Who {}).await, Err(SendError::Forbidden { status: 403, .. })));
    assert_eq!(kept.send(&Who {}).await.unwrap(), "aoba/A-10022");
}

#[tokio::test]
async fn a_revoked_server_is_not_believed_by_who_holds_the_list() {
    let world = World::new();
    let key = TlsKey::generate();
    let certificate =
        world.root.issue_server(&party(BANK), &key.public(), &[], Validity::days(NOW, 30), [7; 16]).unwrap();
    let identity = TlsIdentity::new(vec![certificate.der().clone()], &key);
    let server = world.start_as(identity, ClientAuth::None, Limits::default()).await;
    let entry = Revoked { serial: certificate.serial(), since: NOW };
    let list = world.root.issue_crl(2, &[entry], NOW, NOW.plus(DAY)).unwrap();
    let revocations = Revocations::new(Crls::new().with(list).unwrap());
    let config = ClientConfig { revocations, ..world.config(&server, None) };
    let cause = trust_cause(peer(Arc::new(HttpsTransport::new(config).unwrap())).send(&echo(1)).await);
    assert_eq!(cause, "the other side's certificate is revoked");
    // control: who holds no list cannot know
    assert!(peer(world.transport(&server, None)).send(&echo(1)).await.is_ok());
}

#[tokio::test]
async fn lists_past_their_date_let_nobody_in() {
    let world = World::new();
    let late = World { clock: TestClock::at(NOW.plus(11 * DAY)), ..world };
    let server = late.start(ClientAuth::Required(late.clients())).await;
    let (customer, _) = late.customer("A-1001", 30);
    let cause = trust_cause(peer(late.transport(&server, Some(customer))).send(&echo(1)).await);
    assert!(cause.contains("no revocation list in force"), "{cause}");
}

#[tokio::test]
async fn what_is_too_long_is_refused_on_both_sides() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let transport = world.transport(&server, None);
    let bank = peer(transport.clone());
    for len in [ECHO_BYTES_MAX, 200_000, 6_000_000] {
        assert!(matches!(bank.send(&echo(len)).await, Err(SendError::Forbidden { status: 413, .. })), "{len}");
    }
    let long = bank.send(&Echo { bytes: vec![1; 1_000], repeat: 5 }).await;
    match long {
        Err(SendError::Fault(Fault::Broken { cause, .. })) => {
            assert!(cause.contains("longer than 4096 bytes"), "{cause}")
        }
        other => panic!("{other:?}"),
    }
    assert!(bank.send(&echo(1)).await.is_ok(), "the server goes on");
    assert_eq!(transport.call("/v1/nowhere", vec![], 10).await.unwrap().0, 404);
    assert_eq!(transport.call("/v1/echo", vec![0xff], 10).await.unwrap().0, 400);
}

#[tokio::test]
async fn a_handler_that_panics_answers_internal_and_the_server_goes_on() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let bank = peer(world.transport(&server, None));
    assert!(matches!(bank.send(&Fall {}).await, Err(SendError::Busy { status: 500, .. })));
    assert!(bank.send(&echo(1)).await.is_ok());
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let bank = peer(world.transport(&server, None));
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    assert!(matches!(bank.send(&echo(1)).await, Err(SendError::Fault(Fault::Unreachable { .. }))));
}

#[tokio::test]
async fn a_connection_that_broke_while_idle_is_replaced() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let line = Line::to(&server).await;
    let bank = over(&world, &server, &line, 1);
    for round in 1..=5 {
        assert!(bank.send(&echo(1)).await.is_ok());
        assert!(bank.send(&echo(1)).await.is_ok());
        assert_eq!(line.count(), round);
        line.cut();
    }
}

#[tokio::test]
async fn a_line_that_breaks_before_the_answer_is_a_fault() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let line = Line::to(&server).await;
    let bank = over(&world, &server, &line, 1);
    let call = tokio::spawn(async move { bank.send(&Wait {}).await });
    server.bank.arrived.acquire().await.unwrap().forget();
    line.cut();
    assert!(matches!(call.await.unwrap(), Err(SendError::Fault(Fault::Broken { .. }))));
}

#[tokio::test]
async fn calls_at_the_same_time_use_no_more_connections_than_allowed() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let line = Line::to(&server).await;
    let bank = over(&world, &server, &line, 2);
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let bank = bank.clone();
            tokio::spawn(async move { bank.send(&Wait {}).await })
        })
        .collect();
    server.bank.arrived.acquire_many(2).await.unwrap().forget();
    server.bank.go.add_permits(6);
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(true));
    }
    assert_eq!(line.count(), 2);
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_the_wait() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let mut config = world.config(&server, None);
    config.timeouts.answer = Duration::from_millis(100);
    let bank = peer(Arc::new(HttpsTransport::new(config).unwrap()));
    assert!(matches!(bank.send(&Wait {}).await, Err(SendError::Fault(Fault::Broken { .. }))));
    assert!(bank.send(&echo(1)).await.is_ok(), "the connection with the late answer is not used again");
}

/// RN-O6: redemptions share no connection.
#[tokio::test]
async fn fresh_transports_use_their_own_connections() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let line = Line::to(&server).await;
    let bank = over(&world, &server, &line, 1);
    assert!(bank.send(&echo(1)).await.is_ok());
    assert!(bank.fresh().send(&echo(1)).await.is_ok());
    assert!(bank.fresh().send(&echo(1)).await.is_ok());
    assert_eq!(line.count(), 3);
    // control: without asking for a fresh one, the connection is shared
    assert!(bank.send(&echo(1)).await.is_ok());
    assert_eq!(line.count(), 3);
}

#[tokio::test]
async fn requests_under_way_finish_when_the_server_stops() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let bank = peer(world.transport(&server, None));
            tokio::spawn(async move { bank.send(&Wait {}).await })
        })
        .collect();
    server.bank.arrived.acquire_many(8).await.unwrap().forget();
    let idle = peer(world.transport(&server, None));
    assert!(idle.send(&echo(1)).await.is_ok());
    server.stop.send(()).unwrap();
    // the idle connection and the listener go first
    while idle.send(&echo(1)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.task.is_finished());
    server.bank.go.add_permits(8);
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(true));
    }
    server.task.await.unwrap();
}

#[tokio::test]
async fn metrics_show_paths_and_statuses_and_nothing_else() {
    let world = World::new();
    let server = world.start(ClientAuth::Optional(world.clients())).await;
    let (customer, _) = world.customer("A-1001", 30);
    let transport = world.transport(&server, Some(customer));
    peer(transport.clone()).send(&Who {}).await.unwrap();
    assert_eq!(transport.call("/v1/secret-7731", vec![], 10).await.unwrap().0, 404);
    let text = server.metrics.render();
    assert!(text.contains(r#"zeni_requests_total{path="/v1/who",status="200"} 1"#), "{text}");
    assert!(text.contains(r#"zeni_requests_total{path="other",status="404"} 1"#), "{text}");
    assert!(text.contains("zeni_request_seconds_bucket"), "{text}");
    for secret in ["A-1001", "aoba", "7731", "127.0.0.1"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn addresses_and_identities_are_checked_before_the_first_call() {
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    for address in ["localhost", "localhost:", "localhost:99999", "no host:1", ":1"] {
        let config = ClientConfig { address: address.into(), ..world.config(&server, None) };
        assert!(matches!(HttpsTransport::new(config), Err(ConfigError::Address { .. })), "{address}");
    }
    let port = server.address.port();
    let key = TlsKey::generate();
    let name = party("urn:zeni:test:wallet:aoba/A-1001");
    let certificate = world.customers.issue_client(&name, &key.public(), Validity::days(NOW, 30), [9; 16]).unwrap();
    let chain = certificate.pem() + &world.customers.certificate_pem();
    let identity = TlsIdentity::from_pem(&chain, &key.to_pem()).unwrap();
    let config = ClientConfig { address: format!("localhost:{port}"), ..world.config(&server, Some(identity)) };
    assert_eq!(peer(Arc::new(HttpsTransport::new(config).unwrap())).send(&Who {}).await.unwrap(), "aoba/A-1001");

    let mixed = TlsIdentity::from_pem(&chain, &TlsKey::generate().to_pem()).unwrap();
    let config = world.config(&server, Some(mixed));
    assert!(matches!(HttpsTransport::new(config), Err(ConfigError::Tls(_))));
    assert!(matches!(TlsIdentity::from_pem(&chain, "no key"), Err(ConfigError::Pem { .. })));
}

#[test]
fn a_shifted_clock_is_off_by_its_shift() {
    let (before, shifted) = (SystemClock::new().now(), SystemClock::shifted(-86_400).now());
    let after = SystemClock::new().now();
    assert!((before..=after).contains(&shifted.plus(86_400)));
}

/// Everything that tracing says, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_hold_paths_and_no_names_addresses_or_bodies() {
    let log = Log::default();
    // one subscriber for all threads, or a place that another test's thread reaches first stays silent
    let (writer, here) = (log.clone(), std::thread::current().id());
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || if std::thread::current().id() == here { writer.clone() } else { Log::default() });
    tracing::subscriber::set_global_default(lines.finish()).unwrap();
    let world = World::new();
    let server = world.start(ClientAuth::Required(world.clients())).await;
    let (customer, certificate) = world.customer("A-1001", 30);
    let bank = peer(world.transport(&server, Some(customer.clone())));
    bank.send(&Who {}).await.unwrap();
    bank.send(&Echo { bytes: b"purchase".to_vec(), repeat: 1 }).await.unwrap();
    world.revoke(2, &[&certificate]);
    assert!(bank.send(&Who {}).await.is_err());
    assert!(bank.fresh().send(&Who {}).await.is_err());
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for said in ["/v1/who", "/v1/echo", "status=403", "micros=", "certificate not accepted"] {
        assert!(text.contains(said), "{said} is missing from {text}");
    }
    for secret in ["A-1001", "wallet", "127.0.0.1", "purchase"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// RN-X34, DESIGN §3: whoever floods a listener without telling who he is takes up a bounded number of turns; others are told
/// "busy" at once, nothing of theirs is carried out, and the same again works when there is a turn. Control: with one turn
/// more nobody is told so.
#[tokio::test]
async fn turns_are_bounded() {
    for (requests, busy) in [(1, true), (2, false)] {
        let world = World::new();
        let limits = Limits { requests, ..Limits::default() };
        let server = world.start_as(world.server(BANK, 30), ClientAuth::None, limits).await;
        let (first, second) = (peer(world.transport(&server, None)), peer(world.transport(&server, None)));
        let waiting = tokio::spawn(async move { first.send(&Wait {}).await });
        server.bank.arrived.acquire().await.unwrap().forget();
        let told = second.send(&echo(1)).await;
        assert_eq!(matches!(told, Err(SendError::Busy { .. })), busy, "{told:?}");
        server.bank.go.add_permits(1);
        assert_eq!(waiting.await.unwrap(), Ok(true));
        assert_eq!(second.send(&echo(1)).await, Ok(echo(1)));
    }
}

/// A connection is closed after its share of requests, so that whoever waits for one gets a turn; who goes on connects again
/// and notices nothing. Control: with a larger share one connection does.
#[tokio::test]
async fn requests_over_one_connection_are_bounded() {
    for (requests_per_connection, connections) in [(2, 3), (5, 1)] {
        let world = World::new();
        let limits = Limits { requests_per_connection, ..Limits::default() };
        let server = world.start_as(world.server(BANK, 30), ClientAuth::None, limits).await;
        let line = Line::to(&server).await;
        let bank = over(&world, &server, &line, 1);
        for _ in 0..5 {
            assert_eq!(bank.send(&echo(1)).await, Ok(echo(1)));
        }
        assert_eq!(line.count(), connections);
    }
}
