//! Who is who on the wire: X.509 certificates, revocation lists and the names in them.
//!
//! A network has one root. It certifies the institutions and, per bank, one authority for that bank's customers. Everybody
//! is named by one SAN URI `urn:zeni:<network>:<role>:<name>`; [`Trust`] believes such a name only when the right
//! authority issued it, whatever else a chain says. A customer's certificate names the key of his orders beside him,
//! `urn:zeni:<network>:account-key:<digest>`. Certificates are X.509 v3 with Ed25519 keys; other tools
//! (`openssl verify -crl_check`) accept them as well.
//!
//! No I/O, no clock: dates and serial numbers are arguments. Only [`TlsKey::generate`] draws its own randomness, from
//! AWS-LC, since the library that makes certificates takes none from outside.

mod ca;
mod crl;
mod csr;
mod key;
mod names;
mod trust;

pub use ca::{CLOCK_TOLERANCE_S, Ca, Certificate, IssueError, Serial, Validity};
pub use crl::{Crl, CrlError, Crls, Revoked};
pub use csr::{Csr, CsrError};
pub use key::{KeyError, PublicKey, TlsKey};
pub use names::{AccountKeyName, CaName, NAME_CHARS_MAX, NameError, PartyName};
pub use rustls_pki_types as pki_types;
pub use trust::{Identity, Trust, TrustError, Unlisted, Usage};
