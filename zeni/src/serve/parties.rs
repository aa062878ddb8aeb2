//! The roles of a configuration as values: keys read, stores opened, peers named.

use std::{collections::BTreeMap, num::NonZeroU64, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use zeni_authority::{Authority, LicenceGrid, Person};
use zeni_bank::{Bank, NewAccount};
use zeni_crypto::{SharedEntropy, tagged};
use zeni_identity::{Ca, Crl, Crls, PartyName, Trust};
use zeni_issuer::{Issuer, Policy};
use zeni_message::{
    Role, Time,
    peer::{Peer, Transport},
    route::Clock,
};
use zeni_money::{Amount, Currency};
use zeni_note::{
    keylist::{Roots, Way},
    licence::{Keeper, person_digest},
    sealed::IssuerMadeKeys,
};
use zeni_store::{Options, Schema, Store};
use zeni_wire::{
    ClientAuth, ClientConfig, Clients, HttpsTransport, Limits, Metrics, Revocations, ServerConfig, TlsIdentity,
};

use super::Listener;
use crate::{
    config::{BankConfig, IssuerConfig, RoleConfig, SeriesConfig, ServeConfig, WayWord},
    customers,
    keys::{self, PartyKeys},
    network::{NetworkFile, public_key},
};

/// Seconds of a day.
const DAY: u64 = 86_400;
/// Connections that an institution keeps to another.
const PEER_CONNECTIONS: usize = 4;
/// Days for which a customer's certificate holds.
const CUSTOMER_DAYS: u32 = 3_650;

/// A role with what its listener needs.
pub(crate) struct Served<R> {
    pub(crate) role: Arc<R>,
    identity: TlsIdentity,
}

/// A bank with what its listener needs.
pub(crate) struct ServedBank {
    pub(crate) name: String,
    pub(crate) served: Served<Bank>,
    /// The lists that its listener believes: the root's, and its own over its customers.
    revocations: Revocations,
}

impl ServedBank {
    /// Puts the bank's present list over its customers' certificates in force.
    pub(crate) fn refresh_lists(&self) -> Result<()> {
        refresh_lists(&self.served.role, &self.revocations)
    }

    /// The same for a task of its own.
    pub(crate) fn refresher(&self) -> impl Fn() -> Result<()> + Send + Sync + 'static {
        let (bank, revocations) = (self.served.role.clone(), self.revocations.clone());
        move || refresh_lists(&bank, &revocations)
    }
}

fn refresh_lists(bank: &Bank, revocations: &Revocations) -> Result<()> {
    // the list in force is kept where the bank's is no newer
    if let Ok(lists) = revocations.current().with(bank.customer_list()?) {
        revocations.replace(lists);
    }
    Ok(())
}

/// The roles of a configuration.
pub(crate) struct Parties {
    pub(crate) authority: Option<Served<Authority>>,
    pub(crate) issuer: Option<Served<Issuer>>,
    pub(crate) banks: Vec<ServedBank>,
    trust: Trust,
    /// The root's list, if there is one.
    lists: Crls,
}

/// What opening a role takes.
struct Opener<'a> {
    config: &'a ServeConfig,
    network: &'a NetworkFile,
    roots: Roots,
    trust: Trust,
    lists: Crls,
    passphrase: zeroize::Zeroizing<String>,
    clock: Arc<dyn Clock>,
    entropy: SharedEntropy,
}

impl Parties {
    /// Reads keys and opens stores; connects nowhere.
    pub(crate) async fn open(config: &ServeConfig, network: &NetworkFile, clock: Arc<dyn Clock>) -> Result<Parties> {
        let trust = network.trust()?;
        let root_list = config.path(Path::new("root/revocations.pem"));
        let lists = match std::fs::read_to_string(&root_list) {
            Ok(text) => Crls::new().with(Crl::from_pem(&text, trust.root()).context("root/revocations.pem")?)?,
            Err(_) => Crls::new(),
        };
        let opener = Opener {
            config,
            network,
            roots: network.roots()?,
            trust: trust.clone(),
            lists: lists.clone(),
            passphrase: config.passphrase()?,
            clock,
            entropy: SharedEntropy::os(),
        };
        Ok(Parties {
            authority: config.authority.as_ref().map(|role| opener.authority(role)).transpose()?,
            issuer: config.issuer.as_ref().map(|role| opener.issuer(role)).transpose()?,
            banks: config.banks.iter().map(|bank| opener.bank(bank)).collect::<Result<_>>()?,
            trust,
            lists,
        })
    }

    /// Puts persons and accounts of the enrolment file into the databases; what is there already stays.
    pub(crate) async fn load(&self, config: &ServeConfig) -> Result<()> {
        let enrolments = customers::read_enrolments(&config.path(&config.enrolment))?;
        if let Some(authority) = &self.authority {
            let mut persons: Vec<Person> = Vec::new();
            for one in &enrolments {
                let secret = person_digest(&one.identity);
                if persons.iter().all(|person| person.secret != secret) {
                    let id = tagged("zeni/sandbox-person", &[one.identity.as_bytes()]).to_string();
                    persons.push(Person {
                        id,
                        name: one.name.clone(),
                        secret,
                        public_name: true,
                        keeper: Keeper::Software,
                    });
                }
            }
            authority.role.load_persons(&persons).await.map_err(|error| anyhow::anyhow!("persons: {error:?}"))?;
        }
        for bank in &self.banks {
            let accounts = enrolments
                .iter()
                .filter(|one| one.bank == bank.name)
                .map(|one| {
                    let money = one.money()?;
                    Ok(NewAccount {
                        account: one.account.clone(),
                        name: one.name.clone(),
                        opening: money.amount,
                        currency: money.currency,
                        code: zeni_bank::code_digest(&one.bank, &one.account, &one.code),
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            bank.served.role.load_accounts(accounts).await?;
            // the operator's limits count as those of the configuration do: a card is not to go without any of them unsaid
            if let Some(role) = config.banks.iter().find(|role| role.name == bank.name) {
                role.limited_currencies(bank.served.role.limited_currencies().await?)?;
            }
        }
        Ok(())
    }

    /// All listeners of all roles.
    pub(crate) fn listeners(&self, config: &ServeConfig, clock: &Arc<dyn Clock>) -> Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        let mut add = |address: &str, identity: &TlsIdentity, clients, routes| -> Result<()> {
            let config = ServerConfig {
                identity: identity.clone(),
                clients,
                routes: Arc::new(routes),
                clock: clock.clone(),
                limits: Limits::default(),
                metrics: Some(Metrics::new()?),
            };
            listeners.push(Listener { address: address.to_owned(), config });
            Ok(())
        };
        if let (Some(served), Some(role)) = (&self.authority, &config.authority) {
            add(&role.listen, &served.identity, ClientAuth::Optional(self.clients()), served.role.routes())?;
        }
        if let (Some(served), Some(role)) = (&self.issuer, &config.issuer) {
            add(&role.listen_public, &served.identity, ClientAuth::None, served.role.public_routes())?;
            let clients = ClientAuth::Required(self.clients());
            add(&role.listen_members, &served.identity, clients, served.role.member_routes())?;
        }
        for (bank, role) in self.banks.iter().zip(&config.banks) {
            bank.refresh_lists()?;
            let clients = Clients { trust: self.trust.clone(), revocations: bank.revocations.clone() };
            let clients = ClientAuth::Optional(clients);
            add(&role.listen, &bank.served.identity, clients, bank.served.role.routes())?;
        }
        Ok(listeners)
    }

    fn clients(&self) -> Clients {
        Clients { trust: self.trust.clone(), revocations: Revocations::new(self.lists.clone()) }
    }
}

impl Opener<'_> {
    fn keys(&self, dir: &Path) -> Result<(PartyKeys, TlsIdentity)> {
        let dir = self.config.path(dir);
        let keys: PartyKeys = keys::read(&dir.join("keys.age"), &self.passphrase)?;
        let certificate = dir.join("certificate.pem");
        let chain =
            std::fs::read_to_string(&certificate).with_context(|| format!("cannot read {}", certificate.display()))?;
        let identity = TlsIdentity::from_pem(&chain, keys.tls_key.expose())?;
        Ok((keys, identity))
    }

    fn store(&self, dir: &Path, database: Option<&str>, name: &str, schema: &Schema) -> Result<Store> {
        match database {
            Some(address) => Store::open_postgres(address, &name.replace('-', "_"), schema, Options::default())
                .with_context(|| format!("cannot open the database of {name}")),
            None => {
                let path = self.config.path(dir).join(format!("{name}.db"));
                Store::open_sqlite(&path, schema, Options::default())
                    .with_context(|| format!("cannot open {}", path.display()))
            }
        }
    }

    fn transport(&self, role: Role, name: &str, address: &str, identity: &TlsIdentity) -> Result<Arc<HttpsTransport>> {
        let server = PartyName::new(&self.network.name, role, name)?;
        let mut config = ClientConfig::anonymous(address, server, self.trust.clone(), self.clock.clone());
        config.certificate = Some(identity.clone());
        config.connections = PEER_CONNECTIONS;
        Ok(Arc::new(HttpsTransport::new(config)?))
    }

    fn authority(&self, role: &RoleConfig) -> Result<Served<Authority>> {
        let (keys, identity) = self.keys(&role.dir)?;
        let store = self.store(&role.dir, role.database.as_deref(), "authority", &zeni_authority::SCHEMA)?;
        let step_s = NonZeroU64::new(u64::from(self.config.epoch_days) * DAY).context("epoch_days must not be 0")?;
        let longest = self.config.series.iter().map(|series| series.valid_days).max().unwrap_or(0);
        let retain = self.config.series.iter().map(|series| series.retain_days).max().unwrap_or(0);
        let config = zeni_authority::Config {
            network: self.roots.network,
            issuer: self.roots.issuer,
            grid: LicenceGrid {
                origin: Time(self.config.epochs_from),
                step_s,
                steps: longest.div_ceil(self.config.epoch_days) + 1,
            },
            retain_s: u64::from(retain) * DAY,
            list_fresh_s: DAY / 24,
            licences_max: zeni_authority::LICENCES_MAX,
        };
        let secrets = zeni_authority::Keys { signing: keys.signing.signing_key()?, handles: keys.master.bytes()? };
        Ok(Served { role: Authority::new(config, secrets, store, self.clock.clone()), identity })
    }

    fn issuer(&self, role: &IssuerConfig) -> Result<Served<Issuer>> {
        let (keys, identity) = self.keys(&role.dir)?;
        let store = self.store(&role.dir, role.database.as_deref(), "issuer", &zeni_issuer::SCHEMA)?;
        let ceiling = amount(role.ceiling)?;
        let known = |name: &&String| self.network.banks.iter().any(|bank| bank.name == **name);
        if let Some(stranger) = role.makes_keys.iter().find(|name| !known(name)) {
            bail!("makes_keys names {stranger}, which is no bank of this network");
        }
        let currencies: Vec<Currency> = self.config.series.iter().map(currency).collect::<Result<_>>()?;
        let banks = self
            .network
            .banks
            .iter()
            .map(|bank| {
                Ok(zeni_issuer::BankConfig {
                    name: bank.name.clone(),
                    key: public_key(&bank.key)?,
                    ceilings: currencies.iter().map(|currency| (*currency, ceiling)).collect(),
                    sealed: self.sealed_series(&bank.name),
                    makes_keys: role.makes_keys.contains(&bank.name),
                })
            })
            .collect::<Result<_>>()?;
        let config = zeni_issuer::Config {
            network: self.roots.network,
            authority: self.roots.authority,
            epochs_from: Time(self.config.epochs_from),
            epoch_s: u64::from(self.config.epoch_days) * DAY,
            series: self.config.series.iter().map(|one| self.issuer_series(one)).collect::<Result<_>>()?,
            banks,
            policy: policy(&role.excess)?,
            sealed: sealed_config(role)?,
            limits: zeni_issuer::Limits::default(),
        };
        let sealing =
            keys.sealing.as_ref().context("the issuer's key file holds no seed of the keys to seal to")?.bytes()?;
        let secrets = zeni_issuer::Keys { signing: keys.signing.signing_key()?, sealing };
        let mut peers = BTreeMap::new();
        for bank in &self.network.banks {
            let transport = self.transport(Role::Bank, &bank.name, &bank.address, &identity)?;
            peers.insert(bank.name.clone(), Peer::new(transport as Arc<dyn Transport>));
        }
        let peer = self.transport(Role::Authority, "authority", &self.network.authority.address, &identity)?;
        let (entropy, clock) = (self.entropy.clone(), self.clock.clone());
        let issuer = Issuer::new(config, secrets, store, entropy, clock, Peer::new(peer), peers)?;
        Ok(Served { role: issuer, identity })
    }

    /// Numbers of the series under seal that a bank takes part in.
    fn sealed_series(&self, bank: &str) -> Vec<u32> {
        let series = self.config.series.iter();
        series.filter(|one| Way::from(one.way).is_sealed() && one.has(bank)).map(|one| one.series).collect()
    }

    fn issuer_series(&self, one: &SeriesConfig) -> Result<zeni_issuer::SeriesConfig> {
        let days = |days: u32| u64::from(days) * DAY;
        Ok(zeni_issuer::SeriesConfig {
            series: one.series,
            currency: currency(one)?,
            way: one.way.into(),
            faces: one.faces.iter().map(|face| amount(*face)).collect::<Result<_>>()?,
            withdraw_s: days(self.config.epoch_days),
            redeem_s: days(one.redeem_days),
            claim_s: days(one.claim_days),
            valid_s: days(one.valid_days),
            deposit_s: days(one.deposit_days),
            refund_s: days(one.refund_days),
            retain_s: days(one.retain_days),
            payments_max: one.payments_max,
            list_fresh_s: one.list_fresh_days.saturating_mul(86_400),
            stale_limit: amount(one.stale_limit)?,
        })
    }

    /// The registered series that a bank signs for blindly.
    fn blind_series(&self, bank: &str) -> Result<Vec<zeni_bank::SeriesConfig>> {
        let series = self.config.series.iter();
        series.filter(|one| one.way == WayWord::Registered && one.has(bank)).map(bank_series).collect()
    }

    fn bank(&self, role: &BankConfig) -> Result<ServedBank> {
        let (keys, identity) = self.keys(&role.dir)?;
        let name = format!("bank-{}", role.name);
        let store = self.store(&role.dir, role.database.as_deref(), &name, &zeni_bank::SCHEMA)?;
        let pem = self.config.path(&role.dir).join("customers.pem");
        let certificate = std::fs::read_to_string(&pem).with_context(|| format!("cannot read {}", pem.display()))?;
        let ca_key = keys.customer_ca_key.as_ref().context("the key file holds no key for customers' certificates")?;
        let customers = Ca::load(&certificate, ca_key.expose())?;
        let now = self.clock.now();
        let epoch_s = u64::from(self.config.epoch_days) * DAY;
        let config = zeni_bank::Config {
            network_name: self.network.name.clone(),
            bank: role.name.clone(),
            roots: self.roots,
            series: self.blind_series(&role.name)?,
            first_epoch: u32::try_from(now.since(Time(self.config.epochs_from)) / epoch_s)?,
            certificate_days: CUSTOMER_DAYS,
            poll_s: 1,
            issuer_made_keys: if role.accepts_issuer_made_keys {
                IssuerMadeKeys::Accepted
            } else {
                IssuerMadeKeys::Refused
            },
            counts_every_s: self.network.counts_every_s,
            cards: role.card_limits()?,
        };
        let secrets =
            zeni_bank::Keys { master: keys.master.bytes()?, document: keys.signing.signing_key()?, customers };
        if role.accepts_issuer_made_keys {
            tracing::warn!(
                bank = role.name,
                "accepts_issuer_made_keys is on: the issuer, which knows such keys, could make this bank name any customer who \
                 has ordered under seal without naming a key"
            );
        }
        let issuer = self.transport(Role::Issuer, "issuer", &self.network.issuer.members, &identity)?;
        let authority = self.transport(Role::Authority, "authority", &self.network.authority.address, &identity)?;
        let (entropy, clock) = (self.entropy.clone(), self.clock.clone());
        let bank = Bank::new(config, secrets, store, entropy, clock, Peer::new(issuer), Peer::new(authority));
        let revocations = Revocations::new(self.lists.clone());
        Ok(ServedBank { name: role.name.clone(), served: Served { role: bank, identity }, revocations })
    }
}

fn amount(minor: u64) -> Result<Amount> {
    Amount::from_minor(minor).with_context(|| format!("{minor} is more than an amount can be"))
}

fn currency(series: &SeriesConfig) -> Result<Currency> {
    Currency::from_code(&series.currency).with_context(|| format!("'{}' is no ISO 4217 code", series.currency))
}

fn bank_series(one: &SeriesConfig) -> Result<zeni_bank::SeriesConfig> {
    let faces = one.faces.iter().map(|face| amount(*face)).collect::<Result<_>>()?;
    Ok(zeni_bank::SeriesConfig { series: one.series, currency: currency(one)?, faces })
}

/// Most that is honoured above face values: per overspending key, per person, per day of the issuer, in minor units.
const EXCESS_CAPS: (u64, u64, u64) = (10_000, 30_000, 1_000_000);
/// Claims are heard for so long after the disclosure.
const EXCESS_CUTOFF_S: u64 = 7 * DAY;

fn policy(word: &str) -> Result<Policy> {
    let (per_key, per_person, per_issuer_day) = EXCESS_CAPS;
    match word {
        "capped" => Ok(Policy::Capped {
            per_key: amount(per_key)?,
            per_person: amount(per_person)?,
            per_issuer_day: amount(per_issuer_day)?,
            cutoff: EXCESS_CUTOFF_S,
        }),
        "refuse" => Ok(Policy::Refuse),
        other => bail!("excess = '{other}' is neither 'capped' nor 'refuse'"),
    }
}

fn sealed_config(role: &IssuerConfig) -> Result<zeni_issuer::SealedConfig> {
    let claims = role.sealed_claims.map(|caps| {
        let (per_key, per_issuer_day) = (amount(caps.per_key)?, amount(caps.per_issuer_day)?);
        Ok::<_, anyhow::Error>(zeni_issuer::SealedClaims { per_key, per_issuer_day })
    });
    Ok(zeni_issuer::SealedConfig { claims: claims.transpose()? })
}
