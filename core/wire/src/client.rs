//! The calling side: one transport per party called.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use rustls::{client::Resumption, pki_types::ServerName, version::TLS13};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::TlsConnector;
use zeni_identity::{PartyName, Trust};
use zeni_message::{
    limits::SMALL_MESSAGE_BYTES_MAX,
    peer::{BoxFuture, Fault, Transport},
    route::Clock,
};

use crate::{
    CBOR, ConfigError, Revocations, TlsIdentity, guard,
    tls::{ServerCheck, TlsClock, provider},
};
use fault::Place;
use watched::{Seen, Watched};

mod fault;
mod watched;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first packet to the end of the TLS handshake; 5 s unless said otherwise.
    pub connect: Duration,
    /// The whole call, connecting included; 30 s unless said otherwise.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(30) }
    }
}

/// Whom to call and as whom.
#[derive(Clone)]
pub struct ClientConfig {
    /// `host:port`; an IPv6 address in brackets.
    pub address: String,
    /// The party that must answer there.
    pub server: PartyName,
    /// The network's root.
    pub trust: Trust,
    /// Lists that must not name the server's certificate; without any, its dates decide.
    pub revocations: Revocations,
    /// What to show when the server asks who calls.
    pub certificate: Option<TlsIdentity>,
    /// The clock that judges certificates.
    pub clock: Arc<dyn Clock>,
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// Connections at most; further calls wait for one. A person's wallet has 1, institutions among themselves a few.
    pub connections: usize,
}

impl ClientConfig {
    /// A caller without certificate, over one connection.
    pub fn anonymous(address: &str, server: PartyName, trust: Trust, clock: Arc<dyn Clock>) -> Self {
        ClientConfig {
            address: address.into(),
            server,
            trust,
            revocations: Revocations::default(),
            certificate: None,
            clock,
            timeouts: Timeouts::default(),
            connections: 1,
        }
    }
}

/// A party reached over HTTP and TLS.
///
/// Connections are kept and used again; one that broke while idle is replaced once without telling, since every request is
/// idempotent. Sessions are never resumed and no ticket is kept, so [`Transport::fresh`] shares nothing with this one.
pub struct HttpsTransport {
    shared: Arc<Shared>,
    permits: Semaphore,
    idle: Mutex<Vec<Link>>,
}

/// What all fresh copies of a transport have in common: settings, no state of any connection.
struct Shared {
    place: Place,
    name: ServerName<'static>,
    tls: Arc<rustls::ClientConfig>,
    timeouts: Timeouts,
    connections: usize,
}

/// One connection, and what TLS said on it.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    seen: Seen,
}

/// Why one attempt brought no answer.
enum Attempt {
    /// The connection broke before there was a whole answer.
    Broke(Fault),
    /// Another connection would not help.
    Final(Fault),
}

impl HttpsTransport {
    /// A transport to `config.server`; connects at the first call.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let name = server_name(&config.address)?;
        let provider = provider();
        let check = ServerCheck {
            trust: config.trust,
            expected: config.server,
            revocations: config.revocations,
            algorithms: provider.signature_verification_algorithms,
        };
        let builder = rustls::ClientConfig::builder_with_details(provider, Arc::new(TlsClock(config.clock)))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(check));
        let mut tls = match config.certificate {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.parts();
                builder.with_client_auth_cert(chain, key)?
            }
        };
        tls.resumption = Resumption::disabled();
        Ok(HttpsTransport::of(Arc::new(Shared {
            place: Place(config.address),
            name,
            tls: Arc::new(tls),
            timeouts: config.timeouts,
            connections: config.connections.max(1),
        })))
    }

    fn of(shared: Arc<Shared>) -> Self {
        let permits = Semaphore::new(shared.connections);
        HttpsTransport { shared, permits, idle: Mutex::default() }
    }

    async fn exchange(&self, path: &'static str, body: Bytes, reply_max: usize) -> Result<(u16, Vec<u8>), Fault> {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        if let Some(link) = self.idle_link() {
            match self.attempt(link, path, body.clone(), reply_max).await {
                Err(Attempt::Broke(_)) => {}
                Err(Attempt::Final(fault)) => return Err(fault),
                Ok(answer) => return Ok(answer),
            }
        }
        let link = self.connect().await?;
        self.attempt(link, path, body, reply_max).await.map_err(|(Attempt::Broke(fault) | Attempt::Final(fault))| fault)
    }

    async fn attempt(
        &self,
        mut link: Link,
        path: &'static str,
        body: Bytes,
        reply_max: usize,
    ) -> Result<(u16, Vec<u8>), Attempt> {
        let place = &self.shared.place;
        let broke = |seen: &Seen, error: hyper::Error| match seen.take().and_then(|tls| place.tls(&tls)) {
            Some(fault) => Attempt::Final(fault),
            None => Attempt::Broke(place.broken(fault::innermost(&error))),
        };
        let request = Request::post(path)
            .header(HOST, place.0.as_str())
            .header(CONTENT_TYPE, CBOR)
            .body(Full::new(body))
            .expect("paths are constants and the address was parsed");
        link.sender.ready().await.map_err(|error| broke(&link.seen, error))?;
        let response = link.sender.send_request(request).await.map_err(|error| broke(&link.seen, error))?;
        let (status, body) = self.read(&link.seen, response, reply_max).await?;
        self.keep(link);
        Ok((status, body))
    }

    async fn read(
        &self,
        seen: &Seen,
        response: Response<Incoming>,
        reply_max: usize,
    ) -> Result<(u16, Vec<u8>), Attempt> {
        let place = &self.shared.place;
        let status = response.status();
        // a refusal may be longer than the shortest replies
        let max = if status == StatusCode::OK { reply_max } else { reply_max.max(SMALL_MESSAGE_BYTES_MAX) };
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match seen.take().and_then(|tls| place.tls(&tls)) {
                Some(fault) => Attempt::Final(fault),
                None => Attempt::Broke(place.broken(fault::innermost(&error))),
            })?;
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > max {
                    return Err(Attempt::Final(place.broken(format!("the answer is longer than {max} bytes"))));
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok((status.as_u16(), bytes))
    }

    async fn connect(&self) -> Result<Link, Fault> {
        let place = &self.shared.place;
        let handshake = async {
            let stream = TcpStream::connect(place.0.as_str()).await.map_err(|error| place.unreachable(error))?;
            // small requests must not wait for acknowledgements; where it cannot be set, they do
            stream.set_nodelay(true).map_err(|error| place.unreachable(error))?;
            let connector = TlsConnector::from(self.shared.tls.clone());
            connector.connect(self.shared.name.clone(), stream).await.map_err(|error| place.handshake(&error))
        };
        let limit = self.shared.timeouts.connect;
        let stream = timeout(limit, handshake)
            .await
            .map_err(|_| place.unreachable(format!("no connection within {} s", limit.as_secs())))??;
        let seen = Seen::default();
        let io = TokioIo::new(Watched::new(stream, seen.clone()));
        let (sender, connection) = http1::handshake(io).await.map_err(|error| place.broken(error))?;
        // its errors reach the caller through the request in flight
        tokio::spawn(async move { drop(connection.await) });
        Ok(Link { sender, seen })
    }

    fn idle_link(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|link| !link.sender.is_closed());
        idle.pop()
    }

    fn keep(&self, link: Link) {
        if !link.sender.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }
}

impl Transport for HttpsTransport {
    fn call(
        &self,
        path: &'static str,
        body: Vec<u8>,
        reply_max: usize,
    ) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        guard::check();
        let limit = self.shared.timeouts.answer;
        Box::pin(async move {
            timeout(limit, self.exchange(path, body.into(), reply_max))
                .await
                .unwrap_or_else(|_| Err(self.shared.place.broken(format!("no answer within {} s", limit.as_secs()))))
        })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(HttpsTransport::of(self.shared.clone()))
    }
}

impl fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpsTransport({})", self.shared.place.0)
    }
}

fn server_name(address: &str) -> Result<ServerName<'static>, ConfigError> {
    let refused = || ConfigError::Address { address: address.into() };
    let (host, port) = address.rsplit_once(':').ok_or_else(refused)?;
    port.parse::<u16>().map_err(|_| refused())?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| refused())
}
