//! The called side: a listener, its TLS, and the way of a request to its route.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::version::TLS13;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    pin, select,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use zeni_identity::{Crls, Identity, Trust, Unlisted, Usage};
use zeni_message::{
    limits::MESSAGE_BYTES_MAX,
    route::{Clock, Routes},
};

use crate::{
    ConfigError, Metrics, Revocations, TlsIdentity,
    tls::{ClientCheck, TlsClock, provider},
};
use answer::{Answerer, Last};
use patience::Patience;

mod answer;
mod patience;

/// Bytes that a refused client may still send before its connection is cut, so that it can read why.
const LINGER_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// How long it may do so.
const LINGER: Duration = Duration::from_secs(1);
/// Pause after the system refused to accept a connection (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often histograms are folded.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// Whose certificates a listener believes.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The network's root.
    pub trust: Trust,
    /// The lists in force. Each authority in a client's chain must have one that is not past its date.
    pub revocations: Revocations,
}

/// Whether a listener asks who calls.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// It never asks: no certificate request is sent, callers stay unknown (RN-F3.1).
    None,
    /// It asks; callers without certificate reach what is open to everybody.
    Optional(Clients),
    /// No connection without a certificate.
    Required(Clients),
}

impl ClientAuth {
    fn clients(&self) -> Option<&Clients> {
        match self {
            ClientAuth::None => None,
            ClientAuth::Optional(clients) | ClientAuth::Required(clients) => Some(clients),
        }
    }
}

/// Bounds on what callers can take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones wait in the system's queue.
    pub connections: usize,
    /// TLS handshakes under way.
    pub handshakes: usize,
    /// Requests being answered; a further one is answered "busy" at once, and nothing of it is carried out.
    pub requests: usize,
    /// Requests over one connection, which is closed after the last: whoever waits gets a turn. Nobody is told apart by it.
    pub requests_per_connection: u32,
    /// From accepting a connection to the end of its handshake.
    pub handshake: Duration,
    /// From the start of waiting for a request to the end of its head: also how long a connection may be idle.
    pub head: Duration,
    /// From the head of a request to the end of its body.
    pub body: Duration,
    /// For a client to take any part of its answer.
    pub stall: Duration,
    /// For requests under way when the listener stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 1_024,
            handshakes: 256,
            requests: 256,
            requests_per_connection: 1_024,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

/// One listener of one role.
pub struct ServerConfig {
    /// The certificate shown.
    pub identity: TlsIdentity,
    /// Whether to ask who calls.
    pub clients: ClientAuth,
    /// What is served.
    pub routes: Arc<Routes>,
    /// The time that handlers get and that certificates are judged by.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub limits: Limits,
    /// What counts, and is shown at `/metrics`; without it there is no such path.
    pub metrics: Option<Metrics>,
}

/// Serves on `listener` until `shutdown` is done, then stops accepting, lets requests under way finish (at most
/// [`Limits::drain`]) and returns. Needs a tokio runtime.
///
/// Paths: those of the routes (POST, CBOR), `GET /healthz` (200, `ok`), `GET /metrics`.
///
/// # Errors
/// Only before the first connection is accepted: certificate and key cannot be used.
pub async fn serve(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ConfigError> {
    let mut door = Door::new(&config)?;
    let limits = config.limits;
    let (stop, stopping) = watch::channel(false);
    // every task of this listener holds a copy of `alive`; the receiver ends when the last one is gone
    let (alive, mut gone) = mpsc::channel::<()>(1);
    let metrics = config.metrics.clone();
    let server = Arc::new(Server {
        handshakes: Semaphore::new(limits.handshakes.max(1)),
        answerer: Answerer::new(config, alive.clone()),
        stopping,
    });
    let connections = Arc::new(Semaphore::new(limits.connections.max(1)));
    let mut fold = interval(FOLD_EVERY);
    fold.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pin!(shutdown);
    loop {
        let next = async {
            let permit = connections.clone().acquire_owned().await.expect("the semaphore is never closed");
            (permit, listener.accept().await)
        };
        select! {
            () = &mut shutdown => break,
            _ = fold.tick() => if let Some(metrics) = &metrics { metrics.fold() },
            (permit, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let connection = server.clone().connection(door.tls()?, stream, permit);
                    let alive = alive.clone();
                    tokio::spawn(async move { connection.await; drop(alive) });
                }
                Err(error) => {
                    tracing::warn!(target: "zeni::wire", %error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    drop((server, alive));
    if timeout(limits.drain, gone.recv()).await.is_err() {
        tracing::warn!(target: "zeni::wire", "stopped with requests under way");
    }
    Ok(())
}

/// The TLS configuration for the next handshake, made anew whenever revocation lists were replaced.
struct Door {
    identity: TlsIdentity,
    clients: ClientAuth,
    clock: Arc<dyn Clock>,
    lists: Option<watch::Receiver<Arc<Crls>>>,
    current: Arc<rustls::ServerConfig>,
}

impl Door {
    fn new(config: &ServerConfig) -> Result<Self, ConfigError> {
        let mut lists = config.clients.clients().map(|clients| clients.revocations.subscribe());
        let in_force = lists.as_mut().map(|lists| lists.borrow_and_update().clone()).unwrap_or_default();
        Ok(Door {
            current: tls_config(&config.identity, &config.clients, &config.clock, in_force)?,
            identity: config.identity.clone(),
            clients: config.clients.clone(),
            clock: config.clock.clone(),
            lists,
        })
    }

    fn tls(&mut self) -> Result<Arc<rustls::ServerConfig>, ConfigError> {
        // the sender lives in `clients`, so an error (sender gone) cannot occur and counts as "unchanged"
        if let Some(lists) = self.lists.as_mut().filter(|lists| lists.has_changed().unwrap_or(false)) {
            let in_force = lists.borrow_and_update().clone();
            self.current = tls_config(&self.identity, &self.clients, &self.clock, in_force)?;
        }
        Ok(self.current.clone())
    }
}

fn tls_config(
    identity: &TlsIdentity,
    clients: &ClientAuth,
    clock: &Arc<dyn Clock>,
    lists: Arc<Crls>,
) -> Result<Arc<rustls::ServerConfig>, ConfigError> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let builder = rustls::ServerConfig::builder_with_details(provider, Arc::new(TlsClock(clock.clone())))
        .with_protocol_versions(&[&TLS13])?;
    let builder = match clients.clients() {
        None => builder.with_no_client_auth(),
        Some(Clients { trust, .. }) => {
            let mandatory = matches!(clients, ClientAuth::Required(_));
            let check = ClientCheck { trust: trust.clone(), lists, mandatory, algorithms };
            builder.with_client_cert_verifier(Arc::new(check))
        }
    };
    let (chain, key) = identity.parts();
    let mut tls = builder.with_single_cert(chain, key)?;
    // no tickets: nothing links two connections, and no connection begins without looking at the certificate
    tls.send_tls13_tickets = 0;
    Ok(Arc::new(tls))
}

struct Server {
    handshakes: Semaphore,
    answerer: Answerer,
    stopping: watch::Receiver<bool>,
}

impl Server {
    async fn connection(
        self: Arc<Self>,
        tls: Arc<rustls::ServerConfig>,
        stream: TcpStream,
        permit: OwnedSemaphorePermit,
    ) {
        let mut stopping = self.stopping.clone();
        let accepted = select! {
            accepted = self.handshake(tls, stream) => accepted,
            () = stopped(&mut stopping) => None,
        };
        let Some(stream) = accepted else { return };
        let Ok(caller) = self.caller(&stream) else { return };
        let caller = caller.map(Arc::new);
        let limits = self.answerer.limits();
        let stream = Patience::new(stream, limits.stall);
        let left = AtomicU32::new(limits.requests_per_connection.max(1));
        let service = service_fn(|request| {
            // one request at a time: the count is this connection's alone
            let before = left.fetch_sub(1, Ordering::Relaxed);
            self.answerer.answer(caller.clone(), request, if before <= 1 { Last::Yes } else { Last::No })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .serve_connection(TokioIo::new(stream), service);
        pin!(connection);
        let ended = select! {
            ended = &mut connection => ended,
            () = stopped(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(target: "zeni::wire", %error, "connection ended");
        }
        drop(permit);
    }

    async fn handshake(&self, tls: Arc<rustls::ServerConfig>, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let handshake = async {
            let _permit = self.handshakes.acquire().await.expect("the semaphore is never closed");
            stream.set_nodelay(true).ok()?;
            Some(TlsAcceptor::from(tls).accept(stream).into_fallible().await)
        };
        match timeout(self.answerer.limits().handshake, handshake).await.ok().flatten()? {
            Ok(stream) => Some(stream),
            Err((error, stream)) => {
                tracing::debug!(target: "zeni::wire", cause = cause(&error), "handshake refused");
                linger(stream).await;
                None
            }
        }
    }

    /// Who the certificate of this connection names. It was believed in the handshake; what it says is read here.
    fn caller(&self, stream: &TlsStream<TcpStream>) -> Result<Option<Identity>, ()> {
        let (_, session) = stream.get_ref();
        let (Some(clients), Some([certificate, intermediates @ ..])) =
            (self.answerer.clients().clients(), session.peer_certificates())
        else {
            return Ok(None);
        };
        let (now, lists) = (self.answerer.now(), clients.revocations.current());
        // lists may have been replaced since the handshake: then this is where it ends
        clients
            .trust
            .verify(certificate, intermediates, Usage::Client, now, &lists, Unlisted::Refused)
            .map(Some)
            .map_err(|_| tracing::debug!(target: "zeni::wire", "certificate no longer accepted"))
    }
}

/// Ends when the listener stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // an error means that the listener is gone altogether
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Why a handshake failed, in words that hold no name.
fn cause(error: &std::io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => "no certificate",
        Some(rustls::Error::InvalidCertificate(_)) => "certificate not accepted",
        Some(rustls::Error::AlertReceived(_)) => "the client refused",
        Some(_) => "not the TLS spoken here",
        None => "the connection broke",
    }
}

/// Lets a refused client send what it has begun to send, so that closing does not destroy the alert on its way.
async fn linger(mut stream: TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        let mut space = vec![0; 4_096];
        let mut total = 0;
        while total < LINGER_BYTES_MAX {
            match stream.read(&mut space).await? {
                0 => break,
                count => total += count,
            }
        }
        std::io::Result::Ok(())
    };
    // whether the client read it is its own affair
    drop(timeout(LINGER, drain).await);
}
