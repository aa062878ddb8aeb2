//! Keys of TLS ends and of certificate authorities.

use std::fmt;

use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

/// Why bytes are not an Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key in the expected form.
    #[error("cannot be read as a key: {cause}")]
    Form {
        /// The library's own words.
        cause: String,
    },
    /// A key of another algorithm.
    #[error("the key is not an Ed25519 key")]
    Algorithm,
}

/// An Ed25519 key pair for TLS or for a certificate authority. Printed nowhere; leaves only as PKCS#8.
pub struct TlsKey {
    pair: KeyPair,
}

impl TlsKey {
    /// A new key. The randomness is AWS-LC's own.
    #[expect(clippy::missing_panics_doc, reason = "the panic cannot happen")]
    pub fn generate() -> Self {
        TlsKey {
            pair: KeyPair::generate_for(&PKCS_ED25519).expect("making an Ed25519 key needs nothing but randomness"),
        }
    }

    /// Reads PKCS#8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pem(pem).map_err(|cause| KeyError::Form { cause: cause.to_string() })?;
        if pair.algorithm() != &PKCS_ED25519 {
            return Err(KeyError::Algorithm);
        }
        Ok(TlsKey { pair })
    }

    /// The secret as PKCS#8 PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.pair.serialize_pem())
    }

    /// The secret as a TLS library takes it.
    pub fn to_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pair.serialize_der()))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey { bytes: self.pair.public_key_raw().to_vec() }
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    pub(crate) fn into_pair(self) -> KeyPair {
        self.pair
    }
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsKey(..)")
    }
}

/// The public half of a [`TlsKey`]: 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    bytes: Vec<u8>,
}

impl PublicKey {
    pub(crate) fn from_data(data: &impl PublicKeyData) -> Result<Self, KeyError> {
        if data.algorithm() != &PKCS_ED25519 {
            return Err(KeyError::Algorithm);
        }
        Ok(PublicKey { bytes: data.der_bytes().to_vec() })
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}
