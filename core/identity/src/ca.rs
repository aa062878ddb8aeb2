//! Making certificates.

use std::{fmt, net::IpAddr};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, string::Ia5String,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::OffsetDateTime;
use webpki::EndEntityCert;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};
use zeni_message::Time;
use zeroize::Zeroizing;

use crate::{AccountKeyName, CaName, Crl, KeyError, NameError, PartyName, PublicKey, Revoked, TlsKey, crl};

const DAY_SECONDS: u64 = 86_400;
/// Seconds by which another's clock may differ from that of whoever certifies or judges him: a day. Certificates begin so much
/// earlier, so that what their owner dates by a clock that is behind is dated within them.
pub const CLOCK_TOLERANCE_S: u64 = DAY_SECONDS;
/// Last second that a certificate can state: 9999-12-31T23:59:59Z.
const CALENDAR_END: u64 = 253_402_300_799;
const PEM_CERTIFICATE: &str = "CERTIFICATE";

/// From when until when a certificate holds: whole days (UTC), so that its dates tell nothing finer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    from: Time,
    until: Time,
}

impl Validity {
    /// From [`CLOCK_TOLERANCE_S`] before the start of the day of `now` to the end of the `days`-th day after it, at most the year
    /// 9999.
    pub fn days(now: Time, days: u32) -> Self {
        let today = Time(now.0.min(CALENDAR_END) / DAY_SECONDS * DAY_SECONDS);
        let until = today.plus((u64::from(days) + 1).saturating_mul(DAY_SECONDS));
        Validity { from: today.minus(CLOCK_TOLERANCE_S), until: Time(until.0.min(CALENDAR_END)) }
    }

    /// From one second to another, both in it.
    pub const fn between(from: Time, until: Time) -> Self {
        Validity { from, until }
    }

    /// First second.
    pub fn from(&self) -> Time {
        self.from
    }

    /// Last second.
    pub fn until(&self) -> Time {
        self.until
    }

    /// When all certificates of a chain in PEM hold; none if one is malformed or there is none.
    pub fn of_chain(pem: &str) -> Option<Self> {
        let mut all = Validity { from: Time(0), until: Time(CALENDAR_END) };
        let mut certificates = 0;
        for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let der = der.ok()?;
            let (_, certificate) = X509Certificate::from_der(&der).ok()?;
            let second = |time: ASN1Time| u64::try_from(time.timestamp()).ok().map(Time);
            let dates = certificate.validity();
            all.from = all.from.max(second(dates.not_before)?);
            all.until = all.until.min(second(dates.not_after)?);
            certificates += 1;
        }
        (certificates > 0).then_some(all)
    }

    /// Whether a time lies in it.
    pub fn contains(&self, time: Time) -> bool {
        (self.from..=self.until).contains(&time)
    }
}

/// Serial number of a certificate: 16 bytes, positive, 126 of its bits random, as RFC 5280 §4.1.2.2 wants it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; 16]);

impl Serial {
    /// The serial number that 16 random bytes give.
    pub const fn from_random(mut random: [u8; 16]) -> Self {
        random[0] = random[0] & 0x3f | 0x40;
        Serial(random)
    }

    /// A serial number read from a certificate or a file.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let serial = Serial::from_random(bytes.try_into().ok()?);
        (serial.0 == bytes).then_some(serial)
    }

    /// The bytes, as in the certificate.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn number(self) -> SerialNumber {
        SerialNumber::from_slice(&self.0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// A certificate with what its owner keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    serial: Serial,
}

impl Certificate {
    /// The DER encoding.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The PEM encoding.
    pub fn pem(&self) -> String {
        to_pem(&self.der)
    }

    /// The serial number.
    pub fn serial(&self) -> Serial {
        self.serial
    }
}

/// Why an authority does not issue, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// This authority may not certify that party.
    #[error("{authority} does not certify {party}")]
    NotItsOwn {
        /// The authority.
        authority: String,
        /// The party.
        party: String,
    },
    /// An address that is neither a DNS name nor an IP address.
    #[error("'{address}' is neither a DNS name nor an IP address")]
    Address {
        /// What was given.
        address: String,
    },
    /// The certificate of an authority that cannot be read or is not of this system.
    #[error("not the certificate of an authority: {cause}")]
    Form {
        /// What is wrong.
        cause: String,
    },
    /// Certificate and key do not belong together.
    #[error("certificate and key of {authority} do not belong together")]
    Mismatch {
        /// The authority.
        authority: String,
    },
}

/// A certificate authority: the root of a network, or a bank's authority for its customers.
#[derive(Debug)]
pub struct Ca {
    name: CaName,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    /// A new root of `network`, certified by itself, with `key`.
    pub fn generate(network: &str, key: TlsKey, validity: Validity, random: [u8; 16]) -> Result<Self, IssueError> {
        let name = CaName::root(network)?;
        let params = ca_params(&name, validity, Serial::from_random(random));
        let certificate = params.self_signed(key.pair()).map_err(form)?.der().clone();
        Ok(Ca { name, certificate, issuer: Issuer::new(params, key.into_pair()) })
    }

    /// An authority from its stored certificate and key. Checks that the two belong together and what the name is.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, IssueError> {
        let certificate = certificate_from_pem(certificate_pem).map_err(form)?;
        Ca::from_parts(certificate, TlsKey::from_pem(key_pem)?)
    }

    /// As [`Ca::load`], from an authority's certificate just issued and its key.
    pub fn from_parts(certificate: CertificateDer<'static>, key: TlsKey) -> Result<Self, IssueError> {
        let read = EndEntityCert::try_from(&certificate).map_err(form)?;
        let name = one_uri(&read).and_then(|uri| uri.parse::<CaName>().ok());
        let name = name.ok_or_else(|| form("it names no authority"))?;
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key.public());
        if read.subject_public_key_info().as_ref() != spki.as_slice() {
            return Err(IssueError::Mismatch { authority: name.to_string() });
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key.into_pair()).map_err(form)?;
        Ok(Ca { name, certificate, issuer })
    }

    /// Who this authority is.
    pub fn name(&self) -> &CaName {
        &self.name
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its certificate in PEM.
    pub fn certificate_pem(&self) -> String {
        to_pem(&self.certificate)
    }

    /// Its secret key as PKCS#8 PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// A certificate for an institution that listens at `addresses` (DNS names or IP addresses, without port). It serves
    /// as server and, towards other institutions, as client.
    pub fn issue_server(
        &self,
        party: &PartyName,
        key: &PublicKey,
        addresses: &[&str],
        validity: Validity,
        random: [u8; 16],
    ) -> Result<Certificate, IssueError> {
        let mut params = self.leaf_params(party, validity, Serial::from_random(random))?;
        for address in addresses {
            params.subject_alt_names.push(address_name(address)?);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, key)
    }

    /// A certificate for a party that only calls, and orders nothing.
    pub fn issue_client(
        &self,
        party: &PartyName,
        key: &PublicKey,
        validity: Validity,
        random: [u8; 16],
    ) -> Result<Certificate, IssueError> {
        let mut params = self.leaf_params(party, validity, Serial::from_random(random))?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, key)
    }

    /// A customer's certificate, which names the key of his orders beside him.
    pub fn issue_customer(
        &self,
        party: &PartyName,
        key: &PublicKey,
        account_key: &AccountKeyName,
        validity: Validity,
        random: [u8; 16],
    ) -> Result<Certificate, IssueError> {
        let mut params = self.leaf_params(party, validity, Serial::from_random(random))?;
        params.subject_alt_names = names(party, Some(account_key));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, key)
    }

    /// The certificate of the authority for the customers of `bank`; only the root issues it.
    ///
    /// X.509 name constraints cannot express it (they know no URN), so [`crate::Trust`] enforces that it certifies
    /// wallets and shops of this bank only.
    pub fn issue_customer_ca(
        &self,
        bank: &str,
        key: &PublicKey,
        validity: Validity,
        random: [u8; 16],
    ) -> Result<Certificate, IssueError> {
        let name = CaName::customers(self.name.network(), bank)?;
        match self.name {
            CaName::Root { .. } => self.sign(&ca_params(&name, validity, Serial::from_random(random)), key),
            CaName::Customers { .. } => Err(self.not_its_own(&name)),
        }
    }

    /// A revocation list over certificates of this authority. `number` must grow from list to list; `now` is its date
    /// and `until` the date by which a new one must have appeared.
    pub fn issue_crl(&self, number: u64, revoked: &[Revoked], now: Time, until: Time) -> Result<Crl, IssueError> {
        crl::issue(&self.issuer, &self.certificate, number, revoked, now, until)
    }

    fn leaf_params(
        &self,
        party: &PartyName,
        validity: Validity,
        serial: Serial,
    ) -> Result<CertificateParams, IssueError> {
        if !self.name.may_certify(party) {
            return Err(self.not_its_own(party));
        }
        let mut params = base_params(subject(party), &party.to_string(), validity, serial);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Ok(params)
    }

    fn sign(&self, params: &CertificateParams, key: &PublicKey) -> Result<Certificate, IssueError> {
        let serial = params.serial_number.as_ref().and_then(|number| Serial::from_slice(&number.to_bytes()));
        let serial = serial.expect("every certificate of this module gets a serial number of this form");
        let der = params.signed_by(key, &self.issuer).map_err(form)?.der().clone();
        Ok(Certificate { der, serial })
    }

    fn not_its_own(&self, party: &impl ToString) -> IssueError {
        IssueError::NotItsOwn { authority: self.name.to_string(), party: party.to_string() }
    }
}

/// Subject of a party's certificate. The part before `/` of a customer's name is left out: the issuer says it.
pub(crate) fn subject(party: &PartyName) -> DistinguishedName {
    let common = party.customer().map_or(party.name(), |(_, account)| account);
    distinguished(party.network(), party.role().word(), common)
}

pub(crate) fn ia5(text: &str) -> Ia5String {
    Ia5String::try_from(text).expect("names are ASCII")
}

/// Alternative names of a party: its own, and the key of its orders.
pub(crate) fn names(party: &PartyName, account_key: Option<&AccountKeyName>) -> Vec<SanType> {
    let account_key = account_key.map(ToString::to_string);
    [Some(party.to_string()), account_key].into_iter().flatten().map(|uri| SanType::URI(ia5(&uri))).collect()
}

/// The date as the certificate library takes it.
pub(crate) fn date(time: Time) -> OffsetDateTime {
    let seconds = i64::try_from(time.0.min(CALENDAR_END)).expect("the end of the calendar is far below the end of i64");
    OffsetDateTime::from_unix_timestamp(seconds).expect("every second up to the end of the calendar has a date")
}

/// The one URI among the alternative names of a certificate.
pub(crate) fn one_uri<'a>(certificate: &webpki::Cert<'a>) -> Option<&'a str> {
    let mut uris = certificate.valid_uri_names();
    let uri = uris.next()?;
    uris.next().is_none().then_some(uri)
}

pub(crate) fn certificate_from_pem(text: &str) -> Result<CertificateDer<'static>, String> {
    let block = pem::parse(text).map_err(|error| error.to_string())?;
    if block.tag() != PEM_CERTIFICATE {
        return Err(format!("a {} is not a certificate", block.tag()));
    }
    Ok(CertificateDer::from(block.into_contents()))
}

pub(crate) fn form(cause: impl ToString) -> IssueError {
    IssueError::Form { cause: cause.to_string() }
}

fn base_params(subject: DistinguishedName, uri: &str, validity: Validity, serial: Serial) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date(validity.from);
    params.not_after = date(validity.until);
    params.serial_number = Some(serial.number());
    params.distinguished_name = subject;
    params.subject_alt_names = vec![SanType::URI(ia5(uri))];
    params.use_authority_key_identifier_extension = true;
    params
}

fn ca_params(name: &CaName, validity: Validity, serial: Serial) -> CertificateParams {
    let (subject, path) = match name {
        CaName::Root { network } => (distinguished(network, "certificates", "root"), 1),
        CaName::Customers { network, bank } => (distinguished(network, "customers", bank), 0),
    };
    let mut params = base_params(subject, &name.to_string(), validity, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn distinguished(network: &str, unit: &str, common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, network);
    name.push(DnType::OrganizationalUnitName, unit);
    name.push(DnType::CommonName, common);
    name
}

fn address_name(address: &str) -> Result<SanType, IssueError> {
    let refused = || IssueError::Address { address: address.into() };
    if let Ok(ip) = address.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(ip));
    }
    rustls_pki_types::DnsName::try_from(address).map_err(|_| refused())?;
    Ok(SanType::DnsName(Ia5String::try_from(address).map_err(|_| refused())?))
}

fn to_pem(der: &CertificateDer<'_>) -> String {
    pem::encode(&pem::Pem::new(PEM_CERTIFICATE, der.as_ref()))
}

/// A certificate for any party at all, as a dishonest authority would sign it.
#[cfg(test)]
pub(crate) fn forge(ca: &Ca, party: &PartyName, validity: Validity) -> Certificate {
    let mut params = base_params(subject(party), &party.to_string(), validity, Serial::from_random([0x66; 16]));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    ca.sign(&params, &TlsKey::generate().public()).unwrap()
}

/// A certificate for any authority at all, as a careless root would sign it.
#[cfg(test)]
pub(crate) fn forge_ca(ca: &Ca, name: &CaName, key: &PublicKey) -> Certificate {
    let validity = Validity::days(Time(1_800_000_000), 30);
    ca.sign(&ca_params(name, validity, Serial::from_random([0x67; 16])), key).unwrap()
}

#[cfg(test)]
mod tests;
