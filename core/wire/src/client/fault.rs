//! From library errors to faults a person can act on.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError};
use zeni_message::peer::Fault;

/// The address called, for the text of faults.
pub(super) struct Place(pub(super) String);

impl Place {
    pub(super) fn unreachable(&self, cause: impl ToString) -> Fault {
        Fault::Unreachable { place: self.0.clone(), cause: cause.to_string() }
    }

    pub(super) fn broken(&self, cause: impl ToString) -> Fault {
        Fault::Broken { place: self.0.clone(), cause: cause.to_string() }
    }

    fn trust(&self, cause: impl ToString) -> Fault {
        Fault::Trust { place: self.0.clone(), cause: cause.to_string() }
    }

    /// What a failed handshake means.
    pub(super) fn handshake(&self, error: &io::Error) -> Fault {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            None => self.broken(format!("during the TLS handshake: {error}")),
            Some(rustls::Error::InvalidMessage(_)) => self.unreachable("something answers there, but not with TLS"),
            Some(tls) => self.tls(tls).unwrap_or_else(|| self.broken(tls)),
        }
    }

    /// What an error of TLS means for trust; nothing if it is about the connection only.
    pub(super) fn tls(&self, error: &rustls::Error) -> Option<Fault> {
        match error {
            rustls::Error::AlertReceived(alert) => meaning(*alert).map(|meaning| self.trust(meaning)),
            rustls::Error::InvalidCertificate(cause) => Some(self.trust(disbelief(cause))),
            rustls::Error::PeerIncompatible(cause) => Some(self.trust(format!("no common TLS parameters: {cause:?}"))),
            rustls::Error::PeerMisbehaved(cause) => Some(self.trust(format!("the other side broke TLS: {cause:?}"))),
            _ => None,
        }
    }
}

/// The last error of a chain: the one that says something.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Why this side does not believe the other side's certificate.
fn disbelief(cause: &CertificateError) -> String {
    let text = match cause {
        CertificateError::BadEncoding => "what the other side showed is not a certificate",
        CertificateError::Expired => {
            "the other side's certificate has expired; if this clock is right, its operator must renew it"
        }
        CertificateError::NotValidYet => "the other side's certificate is not valid yet; check this machine's clock",
        CertificateError::Revoked => "the other side's certificate is revoked",
        CertificateError::UnknownIssuer => "the other side's certificate was not issued by this network's root",
        CertificateError::InvalidPurpose => "the other side's certificate is not one of a server",
        other => return other_disbelief(other),
    };
    text.into()
}

fn other_disbelief(cause: &CertificateError) -> String {
    match cause {
        CertificateError::Other(inner) => inner.0.to_string(),
        _ => cause.to_string(),
    }
}

/// What an alert says about this side's certificate or parameters; nothing for alerts about the connection.
fn meaning(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRequired => "the other side wants a client certificate, and none was shown",
        AlertDescription::CertificateRevoked => "this side's certificate is revoked",
        AlertDescription::CertificateExpired => "this side's certificate has expired or is not valid yet",
        AlertDescription::UnknownCA => {
            "the other side does not know the issuer of this side's certificate, or has no revocation list in force for it"
        }
        AlertDescription::CertificateUnknown | AlertDescription::AccessDenied => {
            "the other side does not accept the name in this side's certificate"
        }
        AlertDescription::BadCertificate => "the other side cannot read this side's certificate",
        AlertDescription::UnsupportedCertificate => "this side's certificate is not one of a client",
        AlertDescription::DecryptError => {
            "the other side finds this side's signature wrong: certificate and key differ"
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            "the other side does not speak TLS 1.3 as required"
        }
        _ => return None,
    })
}
