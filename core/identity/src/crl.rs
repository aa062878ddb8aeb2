//! Revocation lists (RFC 5280 §5).

use rcgen::{CertificateRevocationListParams, Issuer, KeyPair, RevokedCertParams, SerialNumber};
use rustls_pki_types::CertificateDer;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, revocation_list::CertificateRevocationList};
use zeni_message::Time;

use crate::{
    IssueError, Serial,
    ca::{date, form},
};

const PEM_CRL: &str = "X509 CRL";
/// Bytes of the longest list that is read: some 100,000 revoked certificates.
const CRL_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: Serial,
    /// Since when.
    pub since: Time,
}

/// Why a revocation list is not accepted, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Longer than the limit.
    #[error("{len} bytes are too many for a revocation list")]
    TooLong {
        /// Bytes found.
        len: usize,
    },
    /// Not a revocation list of this system.
    #[error("not a revocation list: {cause}")]
    Form {
        /// What is wrong.
        cause: String,
    },
    /// Not by the authority it should be by.
    #[error("the revocation list is not by this authority")]
    Issuer,
    /// A list with this or a higher number is already held.
    #[error("list {number} is not newer than list {held} of the same authority")]
    Older {
        /// Number of the list offered.
        number: u64,
        /// Number of the list held.
        held: u64,
    },
}

/// A revocation list whose signature was checked when it was read.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    list: OwnedCertRevocationList,
    number: u64,
    published: Time,
    until: Time,
    revoked: Vec<Revoked>,
}

impl Crl {
    /// Reads a list in PEM that `issuer` must have signed.
    pub fn from_pem(text: &str, issuer: &CertificateDer<'_>) -> Result<Self, CrlError> {
        if text.len() > 2 * CRL_BYTES_MAX {
            return Err(CrlError::TooLong { len: text.len() });
        }
        let block = pem::parse(text).map_err(malformed)?;
        if block.tag() != PEM_CRL {
            return Err(malformed(format!("a {} is none", block.tag())));
        }
        Crl::from_der(block.contents(), issuer)
    }

    /// Reads a list in DER that `issuer` must have signed.
    pub fn from_der(der: &[u8], issuer: &CertificateDer<'_>) -> Result<Self, CrlError> {
        if der.len() > CRL_BYTES_MAX {
            return Err(CrlError::TooLong { len: der.len() });
        }
        let list = OwnedCertRevocationList::from_der(der).map_err(malformed)?;
        let (_, read) = CertificateRevocationList::from_der(der).map_err(malformed)?;
        let (_, authority) = X509Certificate::from_der(issuer).map_err(malformed)?;
        if read.issuer().as_raw() != authority.subject().as_raw()
            || read.verify_signature(authority.public_key()).is_err()
        {
            return Err(CrlError::Issuer);
        }
        let number = read.crl_number().and_then(|number| u64::try_from(number).ok());
        let revoked = read.iter_revoked_certificates().map(|entry| {
            let serial =
                Serial::from_slice(entry.raw_serial()).ok_or_else(|| malformed("a serial number of another form"))?;
            Ok(Revoked { serial, since: time(entry.revocation_date.timestamp()) })
        });
        Ok(Crl {
            number: number.ok_or_else(|| malformed("it has no number"))?,
            published: time(read.last_update().timestamp()),
            until: read.next_update().map(|date| time(date.timestamp())).ok_or_else(|| malformed("it never ends"))?,
            revoked: revoked.collect::<Result<_, CrlError>>()?,
            der: der.to_vec(),
            list,
        })
    }

    /// The DER encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The PEM encoding.
    pub fn pem(&self) -> String {
        pem::encode(&pem::Pem::new(PEM_CRL, self.der.as_slice()))
    }

    /// Its number; a newer list of one authority has a higher one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was issued.
    pub fn published(&self) -> Time {
        self.published
    }

    /// When a newer list must have appeared; from then on this one proves nothing.
    pub fn until(&self) -> Time {
        self.until
    }

    /// What it revokes.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }
}

/// The revocation lists that a party holds, one per authority.
#[derive(Debug, Default)]
pub struct Crls {
    held: Vec<Crl>,
    lists: Vec<CertRevocationList<'static>>,
}

impl Clone for Crls {
    fn clone(&self) -> Self {
        Crls::of(self.held.clone())
    }
}

impl Crls {
    /// No lists.
    pub fn new() -> Self {
        Crls::default()
    }

    /// These and `crl`, in place of an older one of the same authority.
    pub fn with(&self, crl: Crl) -> Result<Self, CrlError> {
        let same = |held: &&Crl| issuer(held) == issuer(&crl);
        if let Some(held) = self.held.iter().find(same).filter(|held| held.number >= crl.number) {
            return Err(CrlError::Older { number: crl.number, held: held.number });
        }
        let mut lists: Vec<Crl> = self.held.iter().filter(|held| !same(held)).cloned().collect();
        lists.push(crl);
        Ok(Crls::of(lists))
    }

    /// The lists.
    pub fn iter(&self) -> impl Iterator<Item = &Crl> {
        self.held.iter()
    }

    /// Whether a list names the certificate that `issuer` (subject, DER without tag) issued under `serial`.
    pub(crate) fn lists(&self, issuer: &[u8], serial: &[u8]) -> bool {
        let mut of_issuer = self.lists.iter().filter(|list| list.issuer() == issuer);
        // an unreadable entry counts as revoked: better closed than open
        of_issuer.any(|list| !matches!(list.find_serial(serial), Ok(None)))
    }

    pub(crate) fn references(&self) -> Vec<&CertRevocationList<'static>> {
        self.lists.iter().collect()
    }

    fn of(held: Vec<Crl>) -> Self {
        let lists = held.iter().map(|crl| CertRevocationList::Owned(crl.list.clone())).collect();
        Crls { held, lists }
    }
}

pub(crate) fn issue(
    by: &Issuer<'_, KeyPair>,
    certificate: &CertificateDer<'_>,
    number: u64,
    revoked: &[Revoked],
    now: Time,
    until: Time,
) -> Result<Crl, IssueError> {
    let entries = revoked.iter().map(|entry| RevokedCertParams {
        serial_number: entry.serial.number(),
        revocation_time: date(entry.since),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date(now),
        next_update: date(until),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: entries.collect(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = params.signed_by(by).map_err(form)?;
    Crl::from_der(list.der(), certificate).map_err(form)
}

fn issuer(crl: &Crl) -> Vec<u8> {
    CertRevocationList::Owned(crl.list.clone()).issuer().to_vec()
}

fn time(seconds: i64) -> Time {
    Time(u64::try_from(seconds).unwrap_or(0))
}

fn malformed(cause: impl ToString) -> CrlError {
    CrlError::Form { cause: cause.to_string() }
}
