//! `network.toml`: what everybody knows of a network.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use zeni_crypto::{Digest, PublicKey, tagged};
use zeni_identity::Trust;
use zeni_message::Network;
use zeni_note::keylist::Roots;

/// The network as its file describes it. Public; whoever changes it changes what a wallet trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkFile {
    /// Name in certificates.
    pub(crate) name: String,
    /// Whether this is a sandbox: wallets then use fast keys and may do without a passphrase.
    pub(crate) sandbox: bool,
    /// Longest random delay, in seconds, after which a wallet redeems a request (RN-O6); longer hides better.
    pub(crate) redeem_delay_s: u64,
    /// Once in each so many seconds each bank reports how many signatures it has made: 1 to 86,400. A request is redeemed
    /// only after that; longer hides better when a quiet bank has sold something.
    #[serde(default = "counts_every_s")]
    pub(crate) counts_every_s: u64,
    /// The issuer's key for notes, hexadecimal.
    pub(crate) issuer_key: String,
    /// The authority's key for licences, hexadecimal.
    pub(crate) authority_key: String,
    /// Root of all certificates, PEM.
    pub(crate) root_certificate: String,
    /// The registration authority.
    pub(crate) authority: Endpoint,
    /// The issuer.
    pub(crate) issuer: IssuerEndpoint,
    /// The banks.
    #[serde(rename = "bank")]
    pub(crate) banks: Vec<BankEndpoint>,
}

/// Counts are reported at least daily: requests can be redeemed for days.
const COUNTS_EVERY_S_MAX: u64 = 86_400;

fn counts_every_s() -> u64 {
    zeni_bank::COUNTS_EVERY_S
}

/// Where a party listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// `host:port`.
    pub(crate) address: String,
}

/// Where the issuer listens: twice (DESIGN §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerEndpoint {
    /// For everybody, never asks for a certificate.
    pub(crate) public: String,
    /// For banks, requires one.
    pub(crate) members: String,
}

/// Where a bank listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BankEndpoint {
    /// Short name.
    pub(crate) name: String,
    /// `host:port`.
    pub(crate) address: String,
    /// The bank's key for documents, hexadecimal.
    pub(crate) key: String,
}

/// A public key from its hexadecimal form.
pub(crate) fn public_key(hex: &str) -> Result<PublicKey> {
    let digest: Digest = hex.parse().with_context(|| format!("'{hex}' is not 64 hexadecimal digits"))?;
    let key = PublicKey(digest.0);
    key.check().with_context(|| format!("'{hex}' is not a usable key"))?;
    Ok(key)
}

/// A public key in hexadecimal form.
pub(crate) fn key_hex(key: &PublicKey) -> String {
    Digest(key.0).to_string()
}

impl NetworkFile {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<NetworkFile> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read the network file {}", path.display()))?;
        let file: NetworkFile =
            toml::from_str(&text).with_context(|| format!("{} is not a network file", path.display()))?;
        let every = 1..=COUNTS_EVERY_S_MAX;
        ensure!(every.contains(&file.counts_every_s), "counts_every_s must be 1 to {COUNTS_EVERY_S_MAX}");
        file.roots()?;
        file.trust()?;
        Ok(file)
    }

    /// The keys that everything is checked with.
    pub(crate) fn roots(&self) -> Result<Roots> {
        let (issuer, authority) = (public_key(&self.issuer_key)?, public_key(&self.authority_key)?);
        let network = Network(tagged("zeni/network", &[self.name.as_bytes(), &issuer.0, &authority.0]));
        Ok(Roots { network, issuer, authority })
    }

    /// The root of certificates.
    pub(crate) fn trust(&self) -> Result<Trust> {
        let trust = Trust::from_pem(&self.root_certificate).context("the root certificate cannot be read")?;
        if trust.network() != self.name {
            bail!("the root certificate is of network '{}', the file of '{}'", trust.network(), self.name);
        }
        Ok(trust)
    }

    /// The bank of a short name.
    pub(crate) fn bank(&self, name: &str) -> Result<&BankEndpoint> {
        self.banks.iter().find(|bank| bank.name == name).with_context(|| {
            let known: Vec<&str> = self.banks.iter().map(|bank| bank.name.as_str()).collect();
            format!("no bank '{name}' in this network; it has: {}", known.join(", "))
        })
    }
}
