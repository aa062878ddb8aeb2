//! The directory of a wallet or shop: one lock, one encrypted key file, the wallet's database, a software card's file.

mod database;
mod further;
mod own_card;
mod secrets;

use std::{
    fs::{self, File, TryLockError},
    io::IsTerminal,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result};
use zeni_crypto::{SharedEntropy, keyfile::WorkFactor};
use zeni_holder::{Config, Holder, Peers, Policy, Profile};
use zeni_identity::{PartyName, TlsKey};
use zeni_message::{Role, peer::Peer, route::Clock};
use zeni_store::{EngineFault, FaultKind, OpenError, Options, Store};
use zeni_wire::{ClientConfig, ConfigError, HttpsTransport, TlsIdentity};
use zeroize::Zeroizing;

pub(crate) use further::Further;
pub(crate) use secrets::{Begun, CardKeys, CardName, CardSecrets, HomeSecrets, OWN_CARD, ReaderCard, SoftKeys};

use crate::{
    card::{self, Made, Search},
    cli::{CardArg, CardOptions, HomeArgs},
    config::read_passphrase,
    keys::{self, SecretText},
    network::NetworkFile,
    output::Failure,
};

/// Longest pause between two tries of a redemption, seconds.
const REDEEM_RETRY_S: u64 = 60;
/// How often a wallet that another process has open is tried again.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// The wallet's database.
const WALLET_DB: &str = "wallet.db";
/// The software card.
const CARD_FILE: &str = "card.zeni";

/// An open home. The lock is held until it is dropped.
pub(crate) struct Home {
    dir: PathBuf,
    pub(crate) network: NetworkFile,
    secrets: HomeSecrets,
    passphrase: Zeroizing<String>,
    options: CardOptions,
    wait_s: u64,
    clock: Arc<dyn Clock>,
    /// The wallet's records, once they were asked for.
    store: OnceLock<Store>,
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
    /// What a further card of a wallet is called.
    pub(crate) further: Option<&'a CardName>,
    /// The wallet's passphrase for a further card; none to ask for one.
    pub(crate) passphrase: Option<&'a Zeroizing<String>>,
}

impl Home {
    /// Opens a home that somebody has joined with.
    pub(crate) async fn open(args: &HomeArgs, clock: Arc<dyn Clock>) -> Result<Home, Failure> {
        Home::open_under(args, None, clock).await
    }

    /// The same under a passphrase that is known already.
    async fn open_under(
        args: &HomeArgs,
        known: Option<&Zeroizing<String>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Home, Failure> {
        let dir = args.home.clone();
        if !dir.join("keys.age").exists() {
            let text = format!("{} is no wallet: make one with 'join' or 'restore'", dir.display());
            return Err(Failure::refused("not_joined", text));
        }
        let lock = lock(&dir, args.wait).await?;
        check_there(&dir.join(WALLET_DB))?;
        let network = NetworkFile::read(&dir.join("network.toml"))?;
        let passphrase = match known {
            Some(known) => known.clone(),
            None => passphrase(args.passphrase_file.as_deref(), network.sandbox, false)?,
        };
        let secrets = keys::read(&dir.join("keys.age"), &passphrase)?;
        let (options, wait_s) = (args.card.clone(), args.wait);
        let store = OnceLock::new();
        let mut home = Home { dir, network, secrets, passphrase, options, wait_s, clock, store, _lock: lock };
        home.check_card().await?;
        Ok(home)
    }

    /// Makes a home, or opens one in which joining was interrupted.
    pub(crate) async fn create(args: &HomeArgs, new: NewHome<'_>, clock: Arc<dyn Clock>) -> Result<Home, Failure> {
        let network = NetworkFile::read(new.network).map_err(|error| Failure::Usage(format!("{error:#}")))?;
        if args.home.join("keys.age").exists() {
            let mut home = Home::open_under(args, new.passphrase, clock.clone()).await?;
            let joined = home.profile().await?.is_some();
            let known = if joined { &home.network } else { &network };
            known.bank(new.bank).map_err(|error| Failure::Usage(format!("{error:#}")))?;
            if joined || (network == home.network && home.card_is_for(new.bank, new.further)) {
                home.finish_card().await?;
                return Ok(home);
            }
            home.abandon()?;
        }
        network.bank(new.bank).map_err(|error| Failure::Usage(format!("{error:#}")))?;
        let card = match &args.card.card {
            None | Some(CardArg::Soft) => CardKeys::Soft(SoftKeys::draw()),
            Some(CardArg::Pcsc(_)) => {
                // looked at before anything is written
                let mut card =
                    Search::by(&args.card, new.further.map(|card| card.name.as_str()), None, args.wait).find().await?;
                if card::made(&mut card)? != Made::Blank {
                    return Err(card::taken());
                }
                CardKeys::Pcsc(ReaderCard { number: None, begun: Some(Begun::draw()) })
            }
        };
        let secrets = HomeSecrets {
            card: CardSecrets::Card(card),
            bank: Some(new.bank.to_owned()),
            identity: new.identity.map(SecretText::new),
            tls_key: SecretText::new(&TlsKey::generate().to_pem()),
            further: new.further.cloned(),
            cards: Vec::new(),
        };
        let passphrase = match new.passphrase {
            Some(known) => known.clone(),
            None => passphrase(args.passphrase_file.as_deref(), network.sandbox, true)?,
        };
        let mut home = Home::write_with(args, network, secrets, passphrase, clock).await?;
        // card and database first: a directory with a key file never makes new ones
        home.make_card(new.bank)?;
        drop(home.store()?);
        home.finish()?;
        home.finish_card().await?;
        Ok(home)
    }

    /// Makes a home of what a backup holds; [`Home::finish`] makes it one.
    pub(crate) async fn restored(
        args: &HomeArgs,
        network: NetworkFile,
        secrets: HomeSecrets,
        passphrase: Zeroizing<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Home, Failure> {
        secrets.check_kind(args.card.card.as_ref())?;
        Home::write_with(args, network, secrets, passphrase, clock).await
    }

    /// Puts the network into a fresh directory; until [`Home::finish`] it is no home.
    async fn write_with(
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
        // left by what was interrupted: without a key file nobody can have used it
        for name in [WALLET_DB, CARD_FILE, database::CARD_DB] {
            database::remove(&dir, name)?;
        }
        let text = toml::to_string(&network).map_err(anyhow::Error::from)?;
        crate::documents::write_new(&dir.join("network.toml"), &text)?;
        let (options, wait_s) = (args.card.clone(), args.wait);
        let store = OnceLock::new();
        Ok(Home { dir, network, secrets, passphrase, options, wait_s, clock, store, _lock: lock })
    }

    /// Gives up a home that nobody has joined with.
    fn abandon(self) -> Result<(), Failure> {
        if let CardSecrets::Card(CardKeys::Pcsc(ReaderCard { number: Some(_), .. })) = &self.secrets.card {
            let bank = self.secrets.bank.as_deref().unwrap_or_default();
            let text = format!("the card was made for bank '{bank}' of network '{}': join there", self.network.name);
            return Err(Failure::refused("card_taken", text));
        }
        Ok(fs::remove_file(self.dir.join("keys.age")).context("cannot remove what a refused join left")?)
    }

    /// Writes the key file, which makes the directory a home.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let work = if self.network.sandbox { WorkFactor::InsecureFast } else { WorkFactor::Standard };
        Ok(keys::write(&self.dir.join("keys.age"), &self.secrets, &self.passphrase, work)?)
    }

    /// The passphrase under which a backup was written.
    pub(crate) fn passphrase_for_restore(args: &HomeArgs) -> Result<Zeroizing<String>, Failure> {
        passphrase(args.passphrase_file.as_deref(), true, false)
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

    /// Who has joined with this home.
    pub(crate) async fn profile(&self) -> Result<Option<Profile>, Failure> {
        Profile::stored(&self.store()?).await.map_err(crate::wallet::explain)
    }

    /// The holder of this home, over its card and the parties of the network. Connects nowhere.
    pub(crate) async fn holder(&self, bank: &str, certificates: Option<&str>) -> Result<Holder, Failure> {
        let roots = self.network.roots()?;
        let peers = self.peers(bank, certificates)?;
        let config = Config {
            roots,
            policy: Policy {
                redeem_wait_s: self.network.counts_every_s,
                redeem_retry_s: self.network.counts_every_s.min(REDEEM_RETRY_S),
                redeem_delay_max_s: self.network.redeem_delay_s,
                ..Policy::default()
            },
            identity: self.identity().map(str::to_owned),
            keeper: self.keeper(),
        };
        let store = self.store()?;
        let card = Box::new(self.card().await?);
        Ok(Holder::new(config, card, store, SharedEntropy::os(), self.clock.clone(), peers))
    }

    /// The wallet's records.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        if let Some(store) = self.store.get() {
            return Ok(store.clone());
        }
        let store = records(&self.dir)?;
        Ok(self.store.get_or_init(|| store).clone())
    }

    /// Authority and issuer without any certificate, the bank with the customer's once there is one.
    pub(crate) fn peers(&self, bank: &str, certificates: Option<&str>) -> Result<Peers, Failure> {
        let bank = self.network.bank(bank)?;
        let tls_key = self.secrets.tls_key.expose();
        let customer = certificates.map(|chain| TlsIdentity::from_pem(chain, tls_key)).transpose();
        let customer = customer.map_err(anyhow::Error::from)?;
        Ok(Peers {
            authority: Peer::new(self.transport(
                Role::Authority,
                "authority",
                &self.network.authority.address,
                None,
            )?),
            issuer: Peer::new(self.transport(Role::Issuer, "issuer", &self.network.issuer.public, None)?),
            bank: Peer::new(self.transport(Role::Bank, &bank.name, &bank.address, customer).map_err(of_one_home)?),
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

/// The certificate is among the records, its key in the key file: where the two do not go together, one of the files is another's.
fn of_one_home(error: anyhow::Error) -> Failure {
    match error.downcast_ref::<ConfigError>() {
        Some(ConfigError::Tls(_)) => {
            let text = format!(
                "keys.age and {WALLET_DB} are not of one wallet: put {CARD_FILE}, keys.age and {WALLET_DB} back that belong together, or \
                 restore a backup into a new directory"
            );
            Failure::refused("damaged", text)
        }
        _ => error.into(),
    }
}

/// The records of the home in a directory.
fn records(dir: &Path) -> Result<Store, Failure> {
    let path = dir.join(WALLET_DB);
    database::owner_only(&path)?;
    match Store::open_sqlite(&path, &zeni_holder::SCHEMA, Options { readers: 1, ..Options::default() }) {
        Err(OpenError::Engine(EngineFault { kind: FaultKind::Damaged, .. })) => {
            let text = format!("{} is damaged: restore a backup into a new directory", path.display());
            Err(Failure::refused("damaged", text))
        }
        other => Ok(other.with_context(|| format!("cannot open {}", path.display()))?),
    }
}

/// A home without its card or its database is not one to begin anew in: what they held is in a backup, if anywhere.
fn check_there(path: &Path) -> Result<(), Failure> {
    if fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        let text = format!("{} is missing or empty: restore a backup into a new directory", path.display());
        return Err(Failure::refused("damaged", text));
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
pub(crate) fn passphrase(file: Option<&Path>, sandbox: bool, new: bool) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = file {
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
