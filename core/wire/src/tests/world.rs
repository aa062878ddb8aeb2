//! A small network: a root, a bank's authority, one server whose messages are made for these tests.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    task::{AbortHandle, JoinHandle},
};
use zeni_identity::{Ca, Certificate, Crls, PartyName, Revoked, TlsKey, Trust, Validity, pki_types::CertificateDer};
use zeni_message::{
    Auth, Bank, Message, NoRefusal, Role, Time,
    route::{Clock, Ctx, Failure, Handle, Routes},
};

use crate::{
    ClientAuth, ClientConfig, Clients, HttpsTransport, Limits, Metrics, Revocations, ServerConfig, TlsIdentity, serve,
};

pub(super) const NOW: Time = Time(1_800_000_000);
pub(super) const DAY: u64 = 86_400;
pub(super) const ECHO_BYTES_MAX: usize = 4_096;

/// A clock that a test moves.
#[derive(Default)]
pub(super) struct TestClock(AtomicU64);

impl TestClock {
    pub(super) fn at(time: Time) -> Arc<Self> {
        Arc::new(TestClock(AtomicU64::new(time.0)))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

/// Comes back as it is; anybody may send it.
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Echo {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) bytes: Vec<u8>,
    #[n(1)]
    pub(super) repeat: u32,
}

/// Asks under which name the sender is known.
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Who {}

/// Is answered when the test says so.
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Wait {}

/// Makes the handler panic.
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Fall {}

macro_rules! message {
    ($name:ident, $reply:ty, $path:literal, $auth:ident, $from:expr, $reply_max:expr) => {
        impl Message for $name {
            type To = Bank;
            type Reply = $reply;
            type Refusal = NoRefusal;
            const FROM: &'static [Role] = $from;
            const AUTH: Auth = Auth::$auth;
            const PATH: &'static str = $path;
            const MAX: usize = ECHO_BYTES_MAX;
            const REPLY_MAX: usize = $reply_max;
        }
    };
}

message!(Echo, Echo, "/v1/echo", Anonymous, &Role::ALL, ECHO_BYTES_MAX);
message!(Who, String, "/v1/who", Certificate, &[Role::Wallet], 256);
message!(Wait, bool, "/v1/wait", Anonymous, &Role::ALL, 256);
message!(Fall, bool, "/v1/fall", Anonymous, &Role::ALL, 256);

pub(super) struct TestBank {
    /// One permit answers one [`Wait`].
    pub(super) go: Semaphore,
    /// One permit for each [`Wait`] that has arrived.
    pub(super) arrived: Semaphore,
}

impl Handle<Echo> for TestBank {
    async fn handle(&self, ctx: &Ctx, message: Echo) -> Result<Echo, Failure<NoRefusal>> {
        assert!(ctx.caller.is_none(), "an anonymous message has no caller");
        let times = usize::try_from(message.repeat).unwrap();
        Ok(Echo { bytes: message.bytes.repeat(times), repeat: message.repeat })
    }
}

impl Handle<Who> for TestBank {
    async fn handle(&self, ctx: &Ctx, _: Who) -> Result<String, Failure<NoRefusal>> {
        Ok(ctx.caller_name().into())
    }
}

impl Handle<Wait> for TestBank {
    async fn handle(&self, _: &Ctx, _: Wait) -> Result<bool, Failure<NoRefusal>> {
        self.arrived.add_permits(1);
        self.go.acquire().await.unwrap().forget();
        Ok(true)
    }
}

impl Handle<Fall> for TestBank {
    async fn handle(&self, _: &Ctx, _: Fall) -> Result<bool, Failure<NoRefusal>> {
        panic!("this handler always panics")
    }
}

/// Authorities and names of one network.
pub(super) struct World {
    pub(super) root: Ca,
    pub(super) customers: Ca,
    pub(super) trust: Trust,
    pub(super) revocations: Revocations,
    pub(super) clock: Arc<TestClock>,
}

impl World {
    pub(super) fn new() -> Self {
        let root = Ca::generate("test", TlsKey::generate(), Validity::days(NOW, 3_650), [1; 16]).unwrap();
        let key = TlsKey::generate();
        let certificate = root.issue_customer_ca("aoba", &key.public(), Validity::days(NOW, 3_650), [2; 16]).unwrap();
        let customers = Ca::from_parts(certificate.der().clone(), key).unwrap();
        let trust = Trust::new(root.certificate().clone()).unwrap();
        let world = World { root, customers, trust, revocations: Revocations::default(), clock: TestClock::at(NOW) };
        world.revoke(1, &[]);
        world
    }

    /// Puts lists in force that name these certificates of customers.
    pub(super) fn revoke(&self, number: u64, certificates: &[&Certificate]) {
        let entries: Vec<_> = certificates.iter().map(|c| Revoked { serial: c.serial(), since: NOW }).collect();
        let until = NOW.plus(10 * DAY);
        let root = self.root.issue_crl(number, &[], NOW, until).unwrap();
        let customers = self.customers.issue_crl(number, &entries, NOW, until).unwrap();
        self.revocations.replace(Crls::new().with(root).unwrap().with(customers).unwrap());
    }

    pub(super) fn server(&self, name: &str, days: u32) -> TlsIdentity {
        let key = TlsKey::generate();
        let addresses = ["localhost", "127.0.0.1"];
        let certificate =
            self.root.issue_server(&party(name), &key.public(), &addresses, Validity::days(NOW, days), [3; 16]);
        TlsIdentity::new(vec![certificate.unwrap().der().clone()], &key)
    }

    pub(super) fn customer(&self, account: &str, days: u32) -> (TlsIdentity, Certificate) {
        let key = TlsKey::generate();
        let name = party(&format!("urn:zeni:test:wallet:aoba/{account}"));
        let serial = [u8::try_from(account.len()).unwrap(); 16];
        let certificate = self.customers.issue_client(&name, &key.public(), Validity::days(NOW, days), serial).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone(), self.customers.certificate().clone()];
        (TlsIdentity::new(chain, &key), certificate)
    }

    pub(super) fn clients(&self) -> Clients {
        Clients { trust: self.trust.clone(), revocations: self.revocations.clone() }
    }

    pub(super) async fn start(&self, clients: ClientAuth) -> Running {
        self.start_as(self.server(BANK, 30), clients, Limits::default()).await
    }

    pub(super) async fn start_as(&self, identity: TlsIdentity, clients: ClientAuth, limits: Limits) -> Running {
        let bank = Arc::new(TestBank { go: Semaphore::new(0), arrived: Semaphore::new(0) });
        let routes = Routes::new(Role::Bank).with::<Echo, _>(&bank).with::<Who, _>(&bank);
        let routes = Arc::new(routes.with::<Wait, _>(&bank).with::<Fall, _>(&bank));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new().unwrap();
        let config = ServerConfig {
            identity,
            clients,
            routes,
            clock: self.clock.clone(),
            limits,
            metrics: Some(metrics.clone()),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            serve(listener, config, async move { drop(stopped.await) }).await.unwrap();
        });
        Running { address, bank, stop, task, metrics }
    }

    pub(super) fn config(&self, server: &Running, certificate: Option<TlsIdentity>) -> ClientConfig {
        let address = server.address.to_string();
        let config = ClientConfig::anonymous(&address, party(BANK), self.trust.clone(), self.clock.clone());
        ClientConfig { certificate, ..config }
    }

    pub(super) fn transport(&self, server: &Running, certificate: Option<TlsIdentity>) -> Arc<HttpsTransport> {
        Arc::new(HttpsTransport::new(self.config(server, certificate)).unwrap())
    }
}

/// A server under way.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) bank: Arc<TestBank>,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) task: JoinHandle<()>,
    pub(super) metrics: Metrics,
}

pub(super) const BANK: &str = "urn:zeni:test:bank:aoba";

pub(super) fn party(text: &str) -> PartyName {
    text.parse().unwrap()
}

pub(super) fn echo(len: usize) -> Echo {
    Echo { bytes: vec![7; len], repeat: 1 }
}

/// A line between client and server that counts connections and can be cut.
pub(super) struct Line {
    pub(super) address: SocketAddr,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Line {
    pub(super) async fn to(server: &Running) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (target, connections) = (server.address, Arc::new(Mutex::new(Vec::new())));
        let open: Arc<Mutex<Vec<AbortHandle>>> = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let carry = async move {
                    let mut far = TcpStream::connect(target).await?;
                    copy_bidirectional(&mut near, &mut far).await
                };
                open.lock().unwrap().push(tokio::spawn(carry).abort_handle());
            }
        });
        Line { address, connections }
    }

    /// Connections so far.
    pub(super) fn count(&self) -> usize {
        self.connections.lock().unwrap().len()
    }

    /// Breaks all connections that are open.
    pub(super) fn cut(&self) {
        self.connections.lock().unwrap().iter().for_each(AbortHandle::abort);
    }
}
