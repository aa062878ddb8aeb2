//! The directory of a wallet or shop: one lock, one encrypted key file, the card's memory, the wallet's database.

use std::{
    fs::{self, File, TryLockError},
    io::IsTerminal,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use zeni_card::{ApduCard, Applet, Identity, InProcess, KeyPolicy, Life, PIN_DIGITS_MAX, Pin};
use zeni_crypto::{SharedEntropy, keyfile::WorkFactor};
use zeni_holder::{Config, Holder, MEMORY_SCHEMA, Peers, Policy, StoreMemory};
use zeni_identity::{PartyName, TlsKey};
use zeni_message::{Role, peer::Peer, route::Clock};
use zeni_note::licence::Keeper;
use zeni_store::{Options, Schema, Store};
use zeni_wire::{ClientConfig, HttpsTransport, TlsIdentity};
use zeroize::Zeroizing;

use crate::{
    cli::HomeArgs,
    config::read_passphrase,
    keys::{self, Secret32, SecretText},
    network::{NetworkFile, public_key},
    output::Failure,
};

/// Longest pause between two tries of a redemption, seconds.
const REDEEM_RETRY_S: u64 = 60;
/// How often a wallet that another process has open is tried again.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// The card's memory and the wallet's database.
const DATABASES: [&str; 2] = ["card.db", "wallet.db"];

/// The secrets of a home.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HomeSecrets {
    /// Encrypts the keys in the card's memory.
    card: Secret32,
    /// The authority's secret for the person; none where nobody is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<SecretText>,
    /// Key of the connections to the bank, PKCS#8 PEM.
    tls_key: SecretText,
}

/// An open home. The lock is held until it is dropped.
pub(crate) struct Home {
    dir: PathBuf,
    pub(crate) network: NetworkFile,
    secrets: HomeSecrets,
    passphrase: Zeroizing<String>,
    clock: Arc<dyn Clock>,
    _lock: File,
}

/// What a home is made of.
pub(crate) struct NewHome<'a> {
    /// The network file.
    pub(crate) network: &'a Path,
    /// The bank.
    pub(crate) bank: &'a str,
    /// The authority's secret for the person, where he is registered.
    pub(crate) identity: Option<&'a str>,
}

impl Home {
    /// Opens a home that somebody has joined with.
    pub(crate) async fn open(args: &HomeArgs, clock: Arc<dyn Clock>) -> Result<Home, Failure> {
        let dir = args.home.clone();
        if !dir.join("keys.age").exists() {
            let text = format!("{} is no wallet: make one with 'join' or 'restore'", dir.display());
            return Err(Failure::refused("not_joined", text));
        }
        let lock = lock(&dir, args.wait).await?;
        check_databases(&dir)?;
        let network = NetworkFile::read(&dir.join("network.toml"))?;
        let passphrase = passphrase(args, network.sandbox, false)?;
        let secrets = keys::read(&dir.join("keys.age"), &passphrase)?;
        Ok(Home { dir, network, secrets, passphrase, clock, _lock: lock })
    }

    /// Makes a home, or opens one in which joining was interrupted.
    pub(crate) async fn create(args: &HomeArgs, new: NewHome<'_>, clock: Arc<dyn Clock>) -> Result<Home, Failure> {
        let network = NetworkFile::read(new.network).map_err(|error| Failure::Usage(format!("{error:#}")))?;
        if args.home.join("keys.age").exists() {
            let home = Home::open(args, clock.clone()).await?;
            if network == home.network || home.is_joined().await? {
                home.network.bank(new.bank).map_err(|error| Failure::Usage(format!("{error:#}")))?;
                return Ok(home);
            }
            network.bank(new.bank).map_err(|error| Failure::Usage(format!("{error:#}")))?;
            // a join to another network was refused: nobody has used what it left
            fs::remove_file(home.dir.join("keys.age")).context("cannot remove what a refused join left")?;
        }
        network.bank(new.bank).map_err(|error| Failure::Usage(format!("{error:#}")))?;
        let secrets = HomeSecrets {
            card: Secret32::new(SharedEntropy::os().bytes()),
            identity: new.identity.map(SecretText::new),
            tls_key: SecretText::new(&TlsKey::generate().to_pem()),
        };
        let passphrase = passphrase(args, network.sandbox, true)?;
        let home = Home::write_with(args, network, secrets, passphrase, clock).await?;
        // card and database first: a directory with a key file never makes new ones
        drop(home.holder(new.bank)?);
        home.finish()?;
        Ok(home)
    }

    /// Whether somebody has joined with it.
    async fn is_joined(&self) -> Result<bool, Failure> {
        let first = self.network.banks.first().context("the network has no bank")?;
        match self.holder(&first.name)?.profile().await {
            Ok(_) => Ok(true),
            Err(zeni_holder::Trouble::NotJoined) => Ok(false),
            Err(error) => Err(crate::wallet::explain(error)),
        }
    }

    /// Puts the network into a fresh directory; until [`Home::finish`] it is no home.
    pub(crate) async fn write_with(
        args: &HomeArgs,
        network: NetworkFile,
        secrets: HomeSecrets,
        passphrase: Zeroizing<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Home, Failure> {
        let dir = args.home.clone();
        // what a wallet holds and did is nobody else's business; a directory that is there keeps its rights
        let mut maker = fs::DirBuilder::new();
        maker.recursive(true).mode(0o700).create(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lock = lock(&dir, args.wait).await?;
        for name in DATABASES {
            // left by a restore that was interrupted: without a key file nobody can have used it
            for ending in ["", "-wal", "-shm"] {
                let path = dir.join(format!("{name}{ending}"));
                if path.exists() {
                    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
                }
            }
        }
        let text = toml::to_string(&network).map_err(anyhow::Error::from)?;
        crate::documents::write_new(&dir.join("network.toml"), &text)?;
        Ok(Home { dir, network, secrets, passphrase, clock, _lock: lock })
    }

    /// Writes the key file, which makes the directory a home.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let work = if self.network.sandbox { WorkFactor::InsecureFast } else { WorkFactor::Standard };
        Ok(keys::write(&self.dir.join("keys.age"), &self.secrets, &self.passphrase, work)?)
    }

    /// The passphrase under which a backup was written.
    pub(crate) fn passphrase_for_restore(args: &HomeArgs) -> Result<Zeroizing<String>, Failure> {
        passphrase(args, true, false)
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What a backup must carry besides the wallet's own state.
    pub(crate) fn secrets(&self) -> &HomeSecrets {
        &self.secrets
    }

    /// The passphrase of this home.
    pub(crate) fn passphrase(&self) -> &str {
        &self.passphrase
    }

    /// Key of the connections to the bank.
    pub(crate) fn tls_key(&self) -> Result<TlsKey> {
        Ok(TlsKey::from_pem(self.secrets.tls_key.expose())?)
    }

    /// The authority's secret for the person.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.secrets.identity.as_ref().map(SecretText::expose)
    }

    /// Takes another secret in place of one that did not serve to join.
    pub(crate) fn replace_identity(&mut self, identity: Option<&str>) -> Result<(), Failure> {
        self.secrets.identity = identity.map(SecretText::new);
        self.finish()
    }

    /// The holder of this home, over the parties of the network. Connects nowhere.
    pub(crate) fn holder(&self, bank: &str) -> Result<Holder, Failure> {
        let roots = self.network.roots()?;
        let config = Config {
            roots,
            policy: Policy {
                redeem_wait_s: self.network.counts_every_s,
                redeem_retry_s: self.network.counts_every_s.min(REDEEM_RETRY_S),
                redeem_delay_max_s: self.network.redeem_delay_s,
                ..Policy::default()
            },
            identity: self.identity().map(str::to_owned),
            keeper: Keeper::Software,
        };
        let store = self.store("wallet.db", &zeni_holder::SCHEMA)?;
        let (card, peers) = (Box::new(self.card()?), self.peers(bank, None)?);
        Ok(Holder::new(config, card, store, SharedEntropy::os(), self.clock.clone(), peers))
    }

    /// The software card of this home.
    pub(crate) fn card(&self) -> Result<ApduCard<InProcess<StoreMemory>>, Failure> {
        let memory = StoreMemory::new(self.store("card.db", &MEMORY_SCHEMA)?);
        let roots = self.network.roots()?;
        let master = self.secrets.card.bytes()?;
        let pin = own_pin(&master);
        let applet = Applet::new(memory, master, zeni_crypto::OsEntropy);
        let mut card = ApduCard::new(InProcess(applet), Some(pin.clone()));
        let zeni_note::keylist::Roots { network, issuer, authority } = roots;
        let operator = public_key(&self.network.banks.first().context("the network has no bank")?.key)?;
        let identity = Identity { network, issuer, authority, operator, currency: None, keys: KeyPolicy::Leave };
        let refused = |error| Failure::refused("card", error);
        if card.information().map_err(refused)?.life == Life::Manufactured {
            card.personalise(&identity, &pin, &pin).map_err(refused)?;
        }
        if card.information().map_err(refused)?.life == Life::Personalised {
            card.change_pin(&pin, &pin).map_err(refused)?;
        }
        Ok(card)
    }

    fn store(&self, name: &str, schema: &Schema) -> Result<Store> {
        let path = self.dir.join(name);
        Store::open_sqlite(&path, schema, Options { readers: 1, ..Options::default() })
            .with_context(|| format!("cannot open {}", path.display()))
    }

    /// Authority and issuer without any certificate, the bank with the customer's once there is one.
    pub(crate) fn peers(&self, bank: &str, certificates: Option<&str>) -> Result<Peers> {
        let bank = self.network.bank(bank)?;
        let tls_key = self.secrets.tls_key.expose();
        let customer = certificates.map(|chain| TlsIdentity::from_pem(chain, tls_key)).transpose()?;
        Ok(Peers {
            authority: Peer::new(self.transport(
                Role::Authority,
                "authority",
                &self.network.authority.address,
                None,
            )?),
            issuer: Peer::new(self.transport(Role::Issuer, "issuer", &self.network.issuer.public, None)?),
            bank: Peer::new(self.transport(Role::Bank, &bank.name, &bank.address, customer)?),
            bank_public: Peer::new(self.transport(Role::Bank, &bank.name, &bank.address, None)?),
        })
    }

    fn transport(
        &self,
        role: Role,
        name: &str,
        address: &str,
        certificate: Option<TlsIdentity>,
    ) -> Result<Arc<HttpsTransport>> {
        let server = PartyName::new(&self.network.name, role, name)?;
        let mut config = ClientConfig::anonymous(address, server, self.network.trust()?, self.clock.clone());
        config.certificate = certificate;
        Ok(Arc::new(HttpsTransport::new(config)?))
    }
}

/// The PIN of a card that only this home speaks to.
fn own_pin(master: &[u8; 32]) -> Pin {
    let digits = zeni_crypto::tagged("zeni/home/pin", &[master]).0.map(|byte| b'0' + byte % 10);
    Pin::from_digits(&digits[..PIN_DIGITS_MAX]).expect("as many digits as a PIN has")
}

/// A home without its card or its database is not one to begin anew in: what they held is in a backup, if anywhere.
fn check_databases(dir: &Path) -> Result<(), Failure> {
    for name in DATABASES {
        let path = dir.join(name);
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            let text = format!("{} is missing or empty: restore a backup into a new directory", path.display());
            return Err(Failure::refused("damaged", text));
        }
    }
    Ok(())
}

/// Takes the lock of a home, waiting for another process if told to.
async fn lock(dir: &Path, wait_s: u64) -> Result<File, Failure> {
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let tries = wait_s.saturating_mul(1_000) / u64::try_from(LOCK_EVERY.as_millis()).unwrap_or(1);
    for left in (0..=tries).rev() {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if left > 0 => tokio::time::sleep(LOCK_EVERY).await,
            Err(TryLockError::WouldBlock) => {
                let text = "another process has this wallet open: try again, or say --wait SECONDS";
                return Err(Failure::try_again("wallet_in_use", text));
            }
            Err(TryLockError::Error(error)) => {
                return Err(anyhow::Error::from(error).context(format!("cannot lock {}", path.display())).into());
            }
        }
    }
    Err(Failure::try_again("wallet_in_use", "another process has this wallet open"))
}

/// File, environment, terminal; a sandbox's wallets may do without.
fn passphrase(args: &HomeArgs, sandbox: bool, new: bool) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = &args.passphrase_file {
        return read_passphrase(path).map_err(|error| Failure::Usage(format!("{error:#}")));
    }
    if let Ok(text) = std::env::var("ZENI_PASSPHRASE") {
        return Ok(Zeroizing::new(text));
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        let typed = rpassword::prompt_password("Passphrase: ").context("cannot read the passphrase")?;
        let typed = Zeroizing::new(typed);
        if new {
            let again = Zeroizing::new(rpassword::prompt_password("Again: ").context("cannot read the passphrase")?);
            if *again != *typed {
                return Err(Failure::Usage("the two passphrases differ".into()));
            }
        }
        return Ok(typed);
    }
    if sandbox {
        if new {
            eprintln!("zeni: no passphrase: only file permissions protect this sandbox wallet's keys");
        }
        return Ok(Zeroizing::default());
    }
    Err(Failure::Usage("a passphrase is needed: --passphrase-file FILE, or set ZENI_PASSPHRASE".into()))
}
