//! Messages over HTTP/1.1 and TLS 1.3: the sockets under [`zeni_message::peer::Transport`] and
//! [`zeni_message::route::Routes`].
//!
//! [`HttpsTransport`] carries a request to one party and believes the answer only from a certificate that names this party.
//! [`serve`] brings requests to a table of routes, with the caller that the certificate names. Whatever is refused before a
//! handler sees it is refused here: connections, handshakes, sizes, times. Logs and metrics know path, status and duration,
//! never a peer, a name or what a body holds.

mod clock;
mod guard;
mod tls;

pub mod client;
pub mod metrics;
pub mod server;
#[cfg(any(test, feature = "testing"))]
pub mod wrappers;

pub use client::{ClientConfig, HttpsTransport, Timeouts};
pub use clock::SystemClock;
pub use guard::set_transaction_guard;
pub use metrics::Metrics;
pub use server::{ClientAuth, Clients, Limits, ServerConfig, serve};
pub use tls::{ConfigError, Revocations, TlsIdentity};

/// Content type of every message body.
pub const CBOR: &str = "application/cbor";

#[cfg(test)]
mod tests;
