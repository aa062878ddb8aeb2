//! Certificate signing requests (PKCS#10, RFC 2986): how a customer's key reaches its bank.

use rcgen::{CertificateParams, CertificateSigningRequestParams, SanType};
use rustls_pki_types::CertificateSigningRequestDer;

use crate::{AccountKeyName, NameError, PartyName, PublicKey, TlsKey, key::KeyError};

/// Bytes of the longest request that is looked at.
const CSR_BYTES_MAX: usize = 4_096;

/// Why a signing request is not accepted, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Longer than any honest request.
    #[error("{len} bytes are too many for a signing request")]
    TooLong {
        /// Bytes found.
        len: usize,
    },
    /// Not a request, or not signed by the key in it.
    #[error("not a valid signing request: {cause}")]
    Form {
        /// The library's own words.
        cause: String,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not exactly one name, or one that is none.
    #[error("the request does not name one party: {0:?}")]
    Name(Option<NameError>),
    /// It does not name the key of the customer's orders, or one of another network.
    #[error("the request does not name the key of the customer's orders")]
    AccountKey,
}

/// A checked signing request: whoever made it holds the secret half of `key`. The name is a wish, not a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    key: PublicKey,
    name: PartyName,
    account_key: AccountKeyName,
}

impl Csr {
    /// Makes a request for `key` under `name`, in DER. With its signature the customer vouches for the key that signs his orders.
    #[expect(clippy::missing_panics_doc, reason = "the panic cannot happen")]
    pub fn make(key: &TlsKey, name: &PartyName, account_key: &AccountKeyName) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = crate::ca::subject(name);
        params.subject_alt_names = crate::ca::names(name, Some(account_key));
        let request = params.serialize_request(key.pair()).expect("names are ASCII and the key signs");
        request.der().to_vec()
    }

    /// Checks a request in DER: form, its own signature, an Ed25519 key, one name, one key of orders.
    pub fn check(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > CSR_BYTES_MAX {
            return Err(CsrError::TooLong { len: der.len() });
        }
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der))
            .map_err(|cause| CsrError::Form { cause: cause.to_string() })?;
        let key = PublicKey::from_data(&request.public_key)?;
        let (uri, account_key) = match request.params.subject_alt_names.as_slice() {
            [SanType::URI(uri)] => (uri, None),
            [SanType::URI(uri), SanType::URI(account_key)] => {
                (uri, account_key.as_str().parse::<AccountKeyName>().ok())
            }
            _ => return Err(CsrError::Name(None)),
        };
        let name: PartyName = uri.as_str().parse().map_err(|error| CsrError::Name(Some(error)))?;
        let account_key = account_key.filter(|it| it.network() == name.network()).ok_or(CsrError::AccountKey)?;
        Ok(Csr { key, name, account_key })
    }

    /// The key to certify.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The name asked for; the authority compares it with what it knows of the sender.
    pub fn name(&self) -> &PartyName {
        &self.name
    }

    /// The key that signs the customer's orders.
    pub fn account_key(&self) -> &AccountKeyName {
        &self.account_key
    }
}

#[cfg(test)]
mod tests;
