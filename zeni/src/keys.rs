//! Key files of institutions.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeni_crypto::{
    Digest, SecretKey,
    keyfile::{self, WorkFactor},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 32 secret bytes, hexadecimal in the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct Secret32(String);

impl Secret32 {
    /// From raw bytes.
    pub(crate) fn new(bytes: [u8; 32]) -> Secret32 {
        Secret32(Digest(bytes).to_string())
    }

    /// The raw bytes.
    pub(crate) fn bytes(&self) -> Result<Zeroizing<[u8; 32]>> {
        let digest: Digest = self.0.parse().context("a secret in the key file is not 64 hexadecimal digits")?;
        Ok(Zeroizing::new(digest.0))
    }

    /// The signing key of this seed.
    pub(crate) fn signing_key(&self) -> Result<SecretKey> {
        Ok(SecretKey::from_seed(*self.bytes()?))
    }
}

/// Secret text, such as a PEM key.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// Takes the text over.
    pub(crate) fn new(text: &str) -> SecretText {
        SecretText(text.to_owned())
    }

    /// The text.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Secrets of a party that signs documents.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartyKeys {
    /// Seed of the key for documents, notes or licences.
    pub(crate) signing: Secret32,
    /// Master key for what the role keeps secret in its database.
    pub(crate) master: Secret32,
    /// What the keys are made from to which wallets seal requests (issuer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealing: Option<Secret32>,
    /// Key of the TLS certificate, PKCS#8 PEM.
    pub(crate) tls_key: SecretText,
    /// Key of the authority for customers' certificates, PKCS#8 PEM (banks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) customer_ca_key: Option<SecretText>,
}

/// The root of a network's certificates.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RootKeys {
    /// PKCS#8 PEM.
    pub(crate) key: SecretText,
}

/// Writes secrets to an encrypted file.
pub(crate) fn write<T: Serialize>(path: &Path, keys: &T, passphrase: &str, work: WorkFactor) -> Result<()> {
    let text = Zeroizing::new(serde_json::to_vec(keys)?);
    keyfile::write(path, &text, passphrase, work).with_context(|| format!("cannot write {}", path.display()))
}

/// Whether a file was not read because the passphrase is another one.
pub(crate) fn is_wrong_passphrase(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(keyfile::KeyFileError::WrongPassphrase))
}

/// Reads secrets from an encrypted file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, passphrase: &str) -> Result<T> {
    let text = keyfile::read(path, passphrase).with_context(|| format!("cannot open {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not a key file of this kind", path.display()))
}
