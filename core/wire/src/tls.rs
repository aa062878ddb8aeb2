//! What both ends need for TLS: identities, revocation lists in force, checks of certificates.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    time_provider::TimeProvider,
};
use tokio::sync::watch;
use zeni_identity::{Crls, PartyName, TlsKey, Trust, TrustError, Unlisted, Usage};
use zeni_message::{Time, route::Clock};

/// Why a client or server cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An address that is not `host:port`.
    #[error("'{address}' is not of the form host:port")]
    Address {
        /// What was given.
        address: String,
    },
    /// Certificates or a key that cannot be read.
    #[error("cannot read certificate or key: {cause}")]
    Pem {
        /// The library's own words.
        cause: String,
    },
    /// Certificate and key that cannot be used together.
    #[error("cannot use certificate and key: {0}")]
    Tls(#[from] rustls::Error),
    /// The histogram of the metrics.
    #[error("cannot set up metrics: {cause}")]
    Metrics {
        /// The library's own words.
        cause: String,
    },
}

/// A certificate with its chain (without the root) and its secret key.
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl TlsIdentity {
    /// `chain` begins with the certificate of `key`; a customer's authority follows.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: &TlsKey) -> Self {
        TlsIdentity { chain, key: key.to_der() }
    }

    /// From certificates in PEM, one after the other, and a key in PKCS#8 PEM.
    pub fn from_pem(chain_pem: &str, key_pem: &str) -> Result<Self, ConfigError> {
        let unreadable = |cause: String| ConfigError::Pem { cause };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect();
        let key = TlsKey::from_pem(key_pem).map_err(|error| unreadable(error.to_string()))?;
        Ok(TlsIdentity::new(chain.map_err(|error| unreadable(error.to_string()))?, &key))
    }

    pub(crate) fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain.clone(), self.key.clone_key())
    }
}

impl Clone for TlsIdentity {
    fn clone(&self) -> Self {
        let (chain, key) = self.parts();
        TlsIdentity { chain, key }
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity(..)")
    }
}

/// The revocation lists in force, shared by all listeners and transports of one party. Replacing them takes effect on new
/// handshakes and on the next request of every open connection.
#[derive(Clone, Debug)]
pub struct Revocations {
    lists: Arc<watch::Sender<Arc<Crls>>>,
}

impl Default for Revocations {
    fn default() -> Self {
        Revocations::new(Crls::new())
    }
}

impl Revocations {
    /// With these lists in force.
    pub fn new(lists: Crls) -> Self {
        Revocations { lists: Arc::new(watch::Sender::new(Arc::new(lists))) }
    }

    /// The lists in force.
    pub fn current(&self) -> Arc<Crls> {
        self.lists.borrow().clone()
    }

    /// Puts `lists` in force, whole.
    pub fn replace(&self, lists: Crls) {
        self.lists.send_replace(Arc::new(lists));
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Crls>> {
        self.lists.subscribe()
    }
}

/// The one provider of TLS algorithms.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A clock for the TLS library, so that certificates are judged by the same time as messages.
pub(crate) struct TlsClock(pub(crate) Arc<dyn Clock>);

impl fmt::Debug for TlsClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClock")
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(self.0.now().0)))
    }
}

/// What both checks say of signatures in a handshake: TLS 1.3 and Ed25519 only.
macro_rules! tls13_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Err(rustls::Error::General("only TLS 1.3 is spoken here".into()))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            verify_tls13_signature(message, cert, dss, &self.algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
    };
}

/// The server's check of a client certificate.
#[derive(Debug)]
pub(crate) struct ClientCheck {
    pub(crate) trust: Trust,
    pub(crate) lists: Arc<Crls>,
    pub(crate) mandatory: bool,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let now = Time(now.as_secs());
        self.trust
            .verify(end_entity, intermediates, Usage::Client, now, &self.lists, Unlisted::Refused)
            .map(|_| ClientCertVerified::assertion())
            .map_err(refused)
    }

    tls13_signatures!();
}

/// The client's check of a server certificate: it must name the party called. The address is not compared: parties move.
#[derive(Debug)]
pub(crate) struct ServerCheck {
    pub(crate) trust: Trust,
    pub(crate) expected: PartyName,
    pub(crate) revocations: Revocations,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

/// Somebody else answers at the address.
#[derive(Debug, thiserror::Error)]
#[error("the certificate there names {found}, not {expected}")]
struct WrongParty {
    expected: PartyName,
    found: PartyName,
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (now, lists) = (Time(now.as_secs()), self.revocations.current());
        let identity = self
            .trust
            .verify(end_entity, intermediates, Usage::Server, now, &lists, Unlisted::Accepted)
            .map_err(refused)?;
        if identity.party() != &self.expected {
            let wrong = WrongParty { expected: self.expected.clone(), found: identity.party().clone() };
            return Err(CertificateError::Other(OtherError(Arc::new(wrong))).into());
        }
        Ok(ServerCertVerified::assertion())
    }

    tls13_signatures!();
}

/// The library's error for a certificate that is not believed, chosen so that the other side gets the fitting alert.
fn refused(error: TrustError) -> rustls::Error {
    let certificate = match &error {
        TrustError::Form => CertificateError::BadEncoding,
        TrustError::NotYetValid => CertificateError::NotValidYet,
        TrustError::Expired => CertificateError::Expired,
        TrustError::UnknownIssuer => CertificateError::UnknownIssuer,
        TrustError::Revoked => CertificateError::Revoked,
        TrustError::NoList => CertificateError::UnknownRevocationStatus,
        TrustError::Unsuitable { .. } => CertificateError::InvalidPurpose,
        TrustError::Name(_) | TrustError::Overreach { .. } => CertificateError::Other(OtherError(Arc::new(error))),
    };
    certificate.into()
}
