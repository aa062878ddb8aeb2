//! Clients that do not speak as they should.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    ClientConfig as TlsClientConfig, SignatureScheme, client::ResolvesClientCert, pki_types::ServerName,
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use zeni_message::{
    Bank, encode,
    peer::{Fault, Peer, SendError},
};

use super::world::{BANK, Echo, Running, World, echo, party};
use crate::{
    CBOR, ClientAuth, HttpsTransport, Limits, Revocations,
    tls::{ServerCheck, TlsClock, provider},
};

/// Notes whether the server asked for a certificate.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

async fn raw(world: &World, server: &Running, asked: &Arc<Asked>) -> io::Result<TlsStream<TcpStream>> {
    let provider = provider();
    let check = ServerCheck {
        trust: world.trust.clone(),
        expected: party(BANK),
        revocations: Revocations::default(),
        algorithms: provider.signature_verification_algorithms,
    };
    let config = TlsClientConfig::builder_with_details(provider, Arc::new(TlsClock(world.clock.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(check))
        .with_client_cert_resolver(asked.clone());
    let stream = TcpStream::connect(server.address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Sends `request` and reads until the server closes or has sent nothing for a while.
async fn http(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// RN-F3.1: the public listener asks nobody who he is.
#[tokio::test]
async fn a_public_listener_asks_for_no_certificate_and_gives_no_ticket() {
    let world = World::new();
    let asked = Arc::new(Asked::default());
    let public = world.start(ClientAuth::None).await;
    let mut stream = raw(&world, &public, &asked).await.unwrap();
    let answer = http(&mut stream, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok"), "{answer}");
    assert!(!asked.0.load(Ordering::Relaxed));
    assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
    // control: a listener that wants to know does ask
    let members = world.start(ClientAuth::Optional(world.clients())).await;
    raw(&world, &members, &asked).await.unwrap();
    assert!(asked.0.load(Ordering::Relaxed));
}

#[tokio::test]
async fn only_post_with_cbor_reaches_a_route() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let asked = Arc::new(Asked::default());
    for (request, status) in [
        ("GET /v1/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "405"),
        ("POST /v1/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", "415"),
        (
            "POST /v1/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi",
            "415",
        ),
        ("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "200"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let mut stream = raw(&world, &server, &asked).await.unwrap();
        let answer = http(&mut stream, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request} {answer}");
    }
}

#[tokio::test]
async fn a_body_without_stated_length_is_cut_at_the_limit() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let mut stream = raw(&world, &server, &Arc::default()).await.unwrap();
    let head =
        "POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    for _ in 0..6 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
}

#[tokio::test]
async fn plain_http_gets_no_answer_and_harms_nobody() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"));
    assert!(Peer::<Bank>::new(world.transport(&server, None)).send(&echo(1)).await.is_ok());
}

#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = world.config(&server, None);
    config.address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    let bank = Peer::<Bank>::new(Arc::new(HttpsTransport::new(config).unwrap()));
    match bank.send(&echo(1)).await {
        Err(SendError::Fault(Fault::Unreachable { cause, .. })) => assert!(cause.contains("not with TLS"), "{cause}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn silent_connections_do_not_hold_up_others_and_are_closed() {
    let world = World::new();
    let limits = Limits { handshake: Duration::from_millis(200), ..Limits::default() };
    let server = world.start_as(world.server(BANK, 30), ClientAuth::None, limits).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // the beginning of a handshake that never goes on
        stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        silent.push(stream);
    }
    assert!(Peer::<Bank>::new(world.transport(&server, None)).send(&echo(1)).await.is_ok());
    for mut stream in silent {
        // closed or reset: either way the server let go
        drop(timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await.unwrap());
    }
}

#[tokio::test]
async fn a_slow_body_ends_the_request() {
    let world = World::new();
    let limits = Limits { body: Duration::from_millis(100), ..Limits::default() };
    let server = world.start_as(world.server(BANK, 30), ClientAuth::None, limits).await;
    let mut stream = raw(&world, &server, &Arc::default()).await.unwrap();
    let head = "POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: 100\r\n\r\nab";
    let answer = http(&mut stream, head).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_half_open_connection_is_let_go() {
    let world = World::new();
    let limits = Limits { head: Duration::from_millis(100), ..Limits::default() };
    let server = world.start_as(world.server(BANK, 30), ClientAuth::None, limits).await;
    let mut stream = raw(&world, &server, &Arc::default()).await.unwrap();
    stream.write_all(b"POST /v1/echo HTTP/1.1\r\nhost:").await.unwrap();
    // closed with or without a goodbye: either way the server let go
    drop(timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await.unwrap());
    server.stop.send(()).unwrap();
    timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let world = World::new();
    let limits = Limits { connections: 1, stall: Duration::from_millis(100), ..Limits::default() };
    let server = world.start_as(world.server(BANK, 30), ClientAuth::None, limits).await;
    let mut stream = raw(&world, &server, &Arc::default()).await.unwrap();
    let body = encode(&Echo { bytes: vec![1; 4_000], repeat: 10_000 });
    let head =
        format!("POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-type: {CBOR}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    // the one connection allowed becomes free although the first client keeps its end open
    assert!(Peer::<Bank>::new(world.transport(&server, None)).send(&echo(1)).await.is_ok());
    drop(stream);
}
