//! Makes the directory of a new sandbox: keys, certificates, configuration, customers' secrets.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use zeni_crypto::{Digest, SharedEntropy, keyfile::WorkFactor};
use zeni_identity::{Ca, Crl, PartyName, TlsKey, Validity};
use zeni_message::{Role, Time};
use zeni_money::Currency;

use crate::{
    config::{BankConfig, IssuerConfig, RoleConfig, SeriesConfig, ServeConfig, WayWord},
    customers,
    keys::{self, PartyKeys, RootKeys, Secret32, SecretText},
    network::{BankEndpoint, Endpoint, IssuerEndpoint, NetworkFile, key_hex},
};

/// Days for which a sandbox's certificates hold.
const CERTIFICATE_DAYS: u32 = 3_650;
/// Longest delay of redemptions in a sandbox, where there are few people to hide among.
const REDEEM_DELAY_S: u64 = 60;
/// Banks of a sandbox report so often, so that `withdraw --now` need not wait.
const COUNTS_EVERY_S: u64 = 1;
/// Stands in a directory while a sandbox is made in it: what is there then was never used.
const UNFINISHED: &str = ".unfinished";
/// Name of a sandbox's network.
const NETWORK: &str = "sandbox";
/// The face values of the sandbox, in minor units of each currency: yen, cents.
pub(crate) const FACES: [u64; 5] = [100, 500, 1_000, 5_000, 10_000];

/// Certificate and keys of one party, and where it listens.
struct Party {
    keys: PartyKeys,
    certificate: String,
    address: String,
}

/// Draws everything anew.
struct Maker<'a> {
    dir: &'a Path,
    root: Ca,
    entropy: SharedEntropy,
    now: Time,
    passphrase: String,
    // held until all ports are chosen, so that no two are the same
    ports: Vec<TcpListener>,
}

/// Makes a sandbox in `dir`, which must be empty or absent.
pub(crate) fn create(dir: &Path, customer_file: Option<&Path>, now: Time, entropy: SharedEntropy) -> Result<()> {
    let customers = customers::read(customer_file)?;
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let marker = dir.join(UNFINISHED);
    if marker.exists() {
        clear(dir).with_context(|| format!("cannot remove what was left in {}", dir.display()))?;
    }
    ensure!(fs::read_dir(dir)?.next().is_none(), "{} is neither a sandbox nor empty", dir.display());
    fs::write(&marker, "")?;
    let root = Ca::generate(NETWORK, TlsKey::generate(), Validity::days(now, CERTIFICATE_DAYS), entropy.bytes())?;
    let passphrase = Digest(entropy.bytes()).to_string();
    let mut maker = Maker { dir, root, entropy, now, passphrase, ports: Vec::new() };
    maker.run(&customers)?;
    Ok(fs::remove_file(&marker)?)
}

/// Whether making a sandbox in `dir` was cut.
pub(crate) fn is_unfinished(dir: &Path) -> bool {
    dir.join(UNFINISHED).exists()
}

/// Removes everything but the mark of an unfinished sandbox, then the mark.
fn clear(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if !path.ends_with(UNFINISHED) {
            fs::remove_file(path)?;
        }
    }
    fs::remove_file(dir.join(UNFINISHED))
}

impl Maker<'_> {
    fn run(&mut self, customers: &[customers::Customer]) -> Result<()> {
        let mut names: Vec<&str> = customers.iter().map(|customer| customer.bank.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let authority = self.party(Role::Authority, "authority")?;
        let issuer = self.party(Role::Issuer, "issuer")?;
        let members = self.port()?;
        let banks = names.iter().map(|name| self.bank(name)).collect::<Result<Vec<_>>>()?;
        let network = NetworkFile {
            name: NETWORK.into(),
            sandbox: true,
            redeem_delay_s: REDEEM_DELAY_S,
            counts_every_s: COUNTS_EVERY_S,
            issuer_key: key_hex(&issuer.keys.signing.signing_key()?.public()),
            authority_key: key_hex(&authority.keys.signing.signing_key()?.public()),
            root_certificate: self.root.certificate_pem(),
            authority: Endpoint { address: authority.address.clone() },
            issuer: IssuerEndpoint { public: issuer.address.clone(), members: members.clone() },
            banks: names
                .iter()
                .zip(&banks)
                .map(|(name, bank)| {
                    let key = key_hex(&bank.keys.signing.signing_key()?.public());
                    Ok(BankEndpoint { name: (*name).into(), address: bank.address.clone(), key })
                })
                .collect::<Result<_>>()?,
        };
        let config = ServeConfig {
            series: series(&customers::currencies(customers)?),
            ..self.config(&names, &authority, &issuer, members, &banks)
        };
        self.write_root()?;
        self.write_party(Path::new("authority"), &authority)?;
        self.write_party(Path::new("issuer"), &issuer)?;
        for (name, bank) in names.iter().zip(&banks) {
            self.write_party(&bank_dir(name), bank)?;
        }
        let enrolments = customers::enrol(customers, &self.entropy);
        customers::write_enrolments(&self.dir.join("enrolment.csv"), &enrolments)?;
        write_secret(&self.dir.join("passphrase"), &format!("{}\n", self.passphrase))?;
        fs::write(self.dir.join("network.toml"), toml::to_string(&network)?)?;
        // last: a directory without it is not a sandbox yet
        fs::write(self.dir.join("zeni.toml"), toml::to_string(&config)?)?;
        Ok(())
    }

    fn port(&mut self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free on the loopback interface")?;
        let address = listener.local_addr()?.to_string();
        self.ports.push(listener);
        Ok(address)
    }

    fn party(&mut self, role: Role, name: &str) -> Result<Party> {
        let tls = TlsKey::generate();
        let party = PartyName::new(NETWORK, role, name)?;
        let validity = Validity::days(self.now, CERTIFICATE_DAYS);
        let addresses = ["localhost", "127.0.0.1"];
        let certificate = self.root.issue_server(&party, &tls.public(), &addresses, validity, self.entropy.bytes())?;
        let keys = PartyKeys {
            signing: Secret32::new(self.entropy.bytes()),
            master: Secret32::new(self.entropy.bytes()),
            sealing: (role == Role::Issuer).then(|| Secret32::new(self.entropy.bytes())),
            tls_key: SecretText::new(&tls.to_pem()),
            customer_ca_key: None,
        };
        Ok(Party { keys, certificate: certificate.pem(), address: self.port()? })
    }

    fn bank(&mut self, name: &str) -> Result<Party> {
        let mut party = self.party(Role::Bank, name)?;
        let key = TlsKey::generate();
        let validity = Validity::days(self.now, CERTIFICATE_DAYS);
        let certificate = self.root.issue_customer_ca(name, &key.public(), validity, self.entropy.bytes())?;
        party.keys.customer_ca_key = Some(SecretText::new(&key.to_pem()));
        let dir = self.dir.join(bank_dir(name));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("customers.pem"), certificate.pem())?;
        Ok(party)
    }

    fn write_party(&self, dir: &Path, party: &Party) -> Result<()> {
        let dir = self.dir.join(dir);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("certificate.pem"), &party.certificate)?;
        keys::write(&dir.join("keys.age"), &party.keys, &self.passphrase, WorkFactor::InsecureFast)
    }

    fn config(
        &self,
        names: &[&str],
        authority: &Party,
        issuer: &Party,
        members: String,
        banks: &[Party],
    ) -> ServeConfig {
        ServeConfig {
            network: "network.toml".into(),
            passphrase_file: "passphrase".into(),
            enrolment: "enrolment.csv".into(),
            epochs_from: self.now.0 / 86_400 * 86_400,
            epoch_days: 30,
            series: Vec::new(),
            authority: Some(RoleConfig { dir: "authority".into(), listen: authority.address.clone(), database: None }),
            issuer: Some(IssuerConfig {
                dir: "issuer".into(),
                listen_public: issuer.address.clone(),
                listen_members: members,
                database: None,
                excess: "capped".into(),
                ceiling: 1_000_000_000,
                makes_keys: Vec::new(),
                sealed_claims: None,
            }),
            banks: names
                .iter()
                .zip(banks)
                .map(|(name, bank)| BankConfig {
                    cards: std::collections::BTreeMap::new(),
                    name: (*name).into(),
                    accepts_issuer_made_keys: false,
                    dir: bank_dir(name),
                    listen: bank.address.clone(),
                    database: None,
                })
                .collect(),
            home: PathBuf::new(),
        }
    }

    fn write_root(&self) -> Result<()> {
        let dir = self.dir.join("root");
        fs::create_dir_all(&dir)?;
        let crl = root_crl(&self.root, self.now)?;
        fs::write(dir.join("certificate.pem"), self.root.certificate_pem())?;
        fs::write(dir.join("revocations.pem"), crl.pem())?;
        let keys = RootKeys { key: SecretText::new(&self.root.key_pem()) };
        keys::write(&dir.join("keys.age"), &keys, &self.passphrase, WorkFactor::InsecureFast)
    }
}

/// Two series for each currency: numbers 1 and 2 for the first, registered and sealed.
fn series(currencies: &[Currency]) -> Vec<SeriesConfig> {
    let each = currencies.iter().flat_map(|currency| [(currency, WayWord::Registered), (currency, WayWord::Sealed)]);
    let of = |(series, (currency, way)): (u32, (&Currency, WayWord))| SeriesConfig {
        series,
        currency: currency.code().into(),
        way,
        banks: None,
        faces: FACES.to_vec(),
        redeem_days: 60,
        claim_days: 90,
        valid_days: 365,
        deposit_days: 395,
        refund_days: 425,
        retain_days: 730,
        payments_max: 16,
        list_fresh_days: 7,
        stale_limit: 10_000,
    };
    (1..).zip(each).map(of).collect()
}

/// An empty list over the certificates of the root, as long as they hold.
fn root_crl(root: &Ca, now: Time) -> Result<Crl> {
    Ok(root.issue_crl(1, &[], now, Validity::days(now, CERTIFICATE_DAYS).until())?)
}

/// Directory of a bank.
pub(crate) fn bank_dir(name: &str) -> PathBuf {
    PathBuf::from(format!("bank-{name}"))
}

/// Writes a file that only its owner may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
