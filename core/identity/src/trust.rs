//! Believing certificates.

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use webpki::{
    EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder,
    UnknownStatusPolicy, VerifiedPath, anchor_from_trusted_cert, aws_lc_rs::ED25519,
};
use zeni_message::Time;

use crate::{
    AccountKeyName, CaName, Crls, IssueError, NameError, PartyName,
    ca::{certificate_from_pem, form, one_uri},
};

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// To call.
    Client,
    /// To be called.
    Server,
}

/// What to think of a certificate about which no list in force says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It holds: what a wallet can do that has no fresh lists. Lists past their date still revoke.
    Accepted,
    /// It does not: each authority of the chain must have a list that is not past its date.
    Refused,
}

/// Why a certificate is not believed, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not a certificate.
    #[error("what was shown is not a certificate")]
    Form,
    /// Not yet valid.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// No longer valid.
    #[error("the certificate has expired")]
    Expired,
    /// Not from this network's root.
    #[error("the certificate was not issued by this network's root")]
    UnknownIssuer,
    /// Revoked.
    #[error("the certificate is revoked")]
    Revoked,
    /// No revocation list in force covers it.
    #[error("no revocation list in force covers the certificate")]
    NoList,
    /// Wrong purpose, wrong algorithm or a broken rule of X.509.
    #[error("the certificate cannot be used for this: {cause}")]
    Unsuitable {
        /// The library's own words.
        cause: String,
    },
    /// It does not name exactly one party.
    #[error("the certificate does not name one party: {0:?}")]
    Name(Option<NameError>),
    /// It names a party that its issuer may not certify.
    #[error("the issuer of the certificate may not certify {party}")]
    Overreach {
        /// The party named.
        party: PartyName,
    },
}

/// A party whose certificate was believed, and what it takes to find it in a later revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    party: PartyName,
    account_key: Option<AccountKeyName>,
    chain: Vec<Link>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    issuer: Vec<u8>,
    serial: Vec<u8>,
}

impl Identity {
    /// Who it is.
    pub fn party(&self) -> &PartyName {
        &self.party
    }

    /// The key of its orders, where the certificate names one.
    pub fn account_key(&self) -> Option<&AccountKeyName> {
        self.account_key.as_ref()
    }

    /// Whether one of `lists` names this certificate or the authority that issued it.
    pub fn revoked(&self, lists: &Crls) -> bool {
        self.chain.iter().any(|link| lists.lists(&link.issuer, &link.serial))
    }
}

/// The root of a network, as a party that relies on it holds it.
#[derive(Clone, Debug)]
pub struct Trust {
    network: String,
    root: CertificateDer<'static>,
    anchor: TrustAnchor<'static>,
}

impl Trust {
    /// Trust in the root whose certificate this is.
    pub fn new(root: CertificateDer<'static>) -> Result<Self, IssueError> {
        let anchor = anchor_from_trusted_cert(&root).map_err(form)?.to_owned();
        let read = EndEntityCert::try_from(&root).map_err(form)?;
        match one_uri(&read).and_then(|uri| uri.parse().ok()) {
            Some(CaName::Root { network }) => Ok(Trust { network, anchor, root: root.clone() }),
            _ => Err(form("it does not name a root")),
        }
    }

    /// As [`Trust::new`], from PEM.
    pub fn from_pem(root_pem: &str) -> Result<Self, IssueError> {
        Trust::new(certificate_from_pem(root_pem).map_err(form)?)
    }

    /// Name of the network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Certificate of the root.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Checks a certificate at `now` and says whom it names: chain to the root, dates, purpose, `lists`, and that the
    /// name is one that its issuer may certify (an institution only by the root, a customer only by his bank's authority).
    pub fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: Usage,
        now: Time,
        lists: &Crls,
        unlisted: Unlisted,
    ) -> Result<Identity, TrustError> {
        let end = EndEntityCert::try_from(certificate).map_err(|_| TrustError::Form)?;
        let references = lists.references();
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.0));
        let usage = match usage {
            Usage::Client => KeyUsage::client_auth(),
            Usage::Server => KeyUsage::server_auth(),
        };
        let revocation = revocation(&references, unlisted)?;
        let anchors = std::slice::from_ref(&self.anchor);
        let path = end
            .verify_for_usage(&[ED25519], anchors, intermediates, time, usage, revocation, None)
            .map_err(trust_error)?;
        let (party, account_key) = names(&end)?;
        let issuer = self.issuer(&path)?;
        let foreign = account_key.as_ref().is_some_and(|it| it.network() != self.network);
        if party.network() != self.network || foreign || !issuer.may_certify(&party) {
            return Err(TrustError::Overreach { party });
        }
        Ok(Identity { party, account_key, chain: links(&path) })
    }

    /// As [`Trust::verify`], of a customer's certificate with its intermediates in PEM, as it was good at `at`: whom it names, and
    /// which key of orders. Lists of revocation are not looked at: what was certified then was certified.
    pub fn verify_chain(&self, pem: &str, at: Time) -> Result<Identity, TrustError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let chain = chain.map_err(|_| TrustError::Form)?;
        let (certificate, intermediates) = chain.split_first().ok_or(TrustError::Form)?;
        self.verify(certificate, intermediates, Usage::Client, at, &Crls::new(), Unlisted::Accepted)
    }

    fn issuer(&self, path: &VerifiedPath<'_>) -> Result<CaName, TrustError> {
        match path.intermediate_certificates().next() {
            None => Ok(CaName::Root { network: self.network.clone() }),
            Some(intermediate) => {
                let uri = one_uri(intermediate).ok_or(TrustError::Name(None))?;
                uri.parse().map_err(|error| TrustError::Name(Some(error)))
            }
        }
    }
}

/// The party that a certificate names, and the key of its orders: one name, at most one key.
fn names(certificate: &EndEntityCert<'_>) -> Result<(PartyName, Option<AccountKeyName>), TrustError> {
    let (mut party, mut account_key) = (None, None);
    for uri in certificate.valid_uri_names() {
        let again = match uri.parse::<AccountKeyName>() {
            Ok(key) => account_key.replace(key).is_some(),
            Err(_) => party.replace(uri).is_some(),
        };
        if again {
            return Err(TrustError::Name(None));
        }
    }
    let party = party.ok_or(TrustError::Name(None))?.parse().map_err(|error| TrustError::Name(Some(error)))?;
    Ok((party, account_key))
}

fn revocation<'a>(
    lists: &'a [&'a webpki::CertRevocationList<'a>],
    unlisted: Unlisted,
) -> Result<Option<RevocationOptions<'a>>, TrustError> {
    let Ok(builder) = RevocationOptionsBuilder::new(lists) else {
        return match unlisted {
            Unlisted::Accepted => Ok(None),
            Unlisted::Refused => Err(TrustError::NoList),
        };
    };
    let (status, expiration) = match unlisted {
        Unlisted::Accepted => (UnknownStatusPolicy::Allow, ExpirationPolicy::Ignore),
        Unlisted::Refused => (UnknownStatusPolicy::Deny, ExpirationPolicy::Enforce),
    };
    let builder = builder.with_depth(RevocationCheckDepth::Chain).with_status_policy(status);
    Ok(Some(builder.with_expiration_policy(expiration).build()))
}

fn links(path: &VerifiedPath<'_>) -> Vec<Link> {
    let link = |cert: &webpki::Cert<'_>| Link { issuer: cert.issuer().to_vec(), serial: cert.serial().to_vec() };
    let end: &webpki::Cert<'_> = path.end_entity();
    std::iter::once(link(end)).chain(path.intermediate_certificates().map(link)).collect()
}

fn trust_error(error: webpki::Error) -> TrustError {
    use webpki::Error as E;
    match error {
        E::BadDer | E::BadDerTime | E::TrailingData(_) => TrustError::Form,
        E::CertNotValidYet { .. } => TrustError::NotYetValid,
        E::CertExpired { .. } => TrustError::Expired,
        E::UnknownIssuer | E::InvalidSignatureForPublicKey => TrustError::UnknownIssuer,
        E::CertRevoked => TrustError::Revoked,
        E::UnknownRevocationStatus | E::CrlExpired { .. } | E::InvalidCrlSignatureForPublicKey => TrustError::NoList,
        other => TrustError::Unsuitable { cause: other.to_string() },
    }
}

#[cfg(test)]
mod tests;
