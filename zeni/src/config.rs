//! The configuration of `zeni serve`: which roles run here, where they listen, where they keep their state.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use zeni_bank::CardLimits;
use zeni_message::Time;
use zeni_money::{Amount, Currency};
use zeni_note::{keylist::Way, operator::RULES_MAX};

/// The file. Paths are relative to its directory. Unknown keys stop the program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServeConfig {
    /// The network file.
    pub(crate) network: PathBuf,
    /// Holds the passphrase of the key files, one line.
    pub(crate) passphrase_file: PathBuf,
    /// Customers with their secrets, as `zeni sandbox` writes them: persons for the authority, accounts for the banks.
    pub(crate) enrolment: PathBuf,
    /// Start of epoch 0, seconds since 1970.
    pub(crate) epochs_from: u64,
    /// Length of an epoch in days: keys of banks, licences.
    pub(crate) epoch_days: u32,
    /// The series that are issued.
    pub(crate) series: Vec<SeriesConfig>,
    /// The registration authority, if it runs here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<RoleConfig>,
    /// The issuer, if it runs here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<IssuerConfig>,
    /// The banks that run here.
    #[serde(default, rename = "bank", skip_serializing_if = "Vec::is_empty")]
    pub(crate) banks: Vec<BankConfig>,
    /// Directory of this file.
    #[serde(skip)]
    pub(crate) home: PathBuf,
}

/// A series of notes. Days count from the start of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesConfig {
    /// Number.
    pub(crate) series: u32,
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// How its notes are issued, and so who can name their first holders: `registered` (to keys that the authority licenses),
    /// `sealed` (through the bank under seal), or `sealed_hidden` (so, and the note shows a digest of the key).
    #[serde(default)]
    pub(crate) way: WayWord,
    /// Short names of the banks that take part; all of the network if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) banks: Option<Vec<String>>,
    /// Face values in minor units.
    pub(crate) faces: Vec<u64>,
    /// T1: requests are redeemed until then.
    pub(crate) redeem_days: u32,
    /// T2: unredeemed requests are claimed back until then.
    pub(crate) claim_days: u32,
    /// Payments are signed until then.
    pub(crate) valid_days: u32,
    /// Returns reach the issuer until then.
    pub(crate) deposit_days: u32,
    /// Refunds are paid from then on.
    pub(crate) refund_days: u32,
    /// Records are kept until then.
    pub(crate) retain_days: u32,
    /// Payments between persons in one chain, at most 16.
    pub(crate) payments_max: u8,
    /// Days after which a revocation list is stale for a payee.
    pub(crate) list_fresh_days: u32,
    /// Largest payment accepted with a stale list, in minor units.
    pub(crate) stale_limit: u64,
}

impl SeriesConfig {
    /// Whether a bank takes part.
    pub(crate) fn has(&self, bank: &str) -> bool {
        self.banks.as_ref().is_none_or(|banks| banks.iter().any(|name| name == bank))
    }
}

/// The way of a series, in the file's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WayWord {
    #[default]
    Registered,
    Sealed,
    SealedHidden,
}

impl From<WayWord> for Way {
    fn from(word: WayWord) -> Way {
        match word {
            WayWord::Registered => Way::Registered,
            WayWord::Sealed => Way::Sealed,
            WayWord::SealedHidden => Way::SealedHidden,
        }
    }
}

/// What the issuer pays of claims where overspender or payee has no licence; nobody can say whether they are one person.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedClaimsConfig {
    /// Against one overspending key in all, in minor units.
    pub(crate) per_key: u64,
    /// By the issuer on one day, in minor units.
    pub(crate) per_issuer_day: u64,
}

/// A role with one listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleConfig {
    /// Directory of keys, certificates and the embedded database.
    pub(crate) dir: PathBuf,
    /// `host:port`.
    pub(crate) listen: String,
    /// `postgres://…` for a PostgreSQL database instead of the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<String>,
}

/// The issuer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerConfig {
    /// Directory of keys, certificates and the embedded database.
    pub(crate) dir: PathBuf,
    /// `host:port` for everybody.
    pub(crate) listen_public: String,
    /// `host:port` for banks.
    pub(crate) listen_members: String,
    /// `postgres://…` for a PostgreSQL database instead of the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<String>,
    /// What happens to the excess of an overspending: `capped` or `refuse`.
    pub(crate) excess: String,
    /// Most that a bank may owe and hold for notes, in minor units, per currency, until `zeni issuer ceiling` sets another figure.
    pub(crate) ceiling: u64,
    /// Banks for whose customers the issuer makes key pairs if their wallets ask for it. It then knows the keys and could sign in
    /// their holders' places: leave it empty. The banks must accept it as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) makes_keys: Vec<String>,
    /// Caps of claims against keys under seal; absent, nothing is paid beyond room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed_claims: Option<SealedClaimsConfig>,
}

/// A bank.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BankConfig {
    /// Short name.
    pub(crate) name: String,
    /// Whether customers are named by notes whose keys the issuer made, although the issuer could have signed in their places.
    #[serde(default)]
    pub(crate) accepts_issuer_made_keys: bool,
    /// Directory of keys, certificates and the embedded database.
    pub(crate) dir: PathBuf,
    /// `host:port`.
    pub(crate) listen: String,
    /// `postgres://…` for a PostgreSQL database instead of the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<String>,
    /// What customers' cards may pay without contact, by currency, until `zeni bank card-limits` sets others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) cards: BTreeMap<String, CardsConfig>,
}

/// Limits of customers' cards in one currency; what is absent is not limited.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardsConfig {
    /// Most in one payment, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<u64>,
    /// Most in one day of the bank's time, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) day: Option<u64>,
    /// Most payments in a row without contact with the bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payments: Option<u32>,
    /// Most in all without contact, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    /// The last second at which cards pay, counted from 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

impl BankConfig {
    /// The limits of cards.
    pub(crate) fn card_limits(&self) -> Result<Vec<CardLimits>> {
        let limits = self.cards.iter().map(|(code, limits)| limits.read(code));
        let limits = limits.collect::<Result<Vec<_>>>().with_context(|| format!("cards of bank '{}'", self.name))?;
        let limited = limits.iter().filter(|limits| limits.is_limited()).count();
        self.limited_currencies(limited)?;
        Ok(limits)
    }

    /// Refuses limits in more currencies than cards are held to.
    pub(crate) fn limited_currencies(&self, found: usize) -> Result<()> {
        ensure!(
            found <= RULES_MAX,
            "bank '{}' limits cards in {found} currencies, of the configuration and of 'card-limits': at most {RULES_MAX} are possible",
            self.name
        );
        Ok(())
    }
}

impl CardsConfig {
    fn read(&self, code: &str) -> Result<CardLimits> {
        let currency = Currency::from_code(code).with_context(|| format!("'{code}' is no currency"))?;
        let amount = |minor: Option<u64>| {
            let amount =
                |minor| Amount::from_minor(minor).with_context(|| format!("{minor} is more than an amount can be"));
            minor.map(amount).transpose()
        };
        Ok(CardLimits {
            currency,
            payment_max: amount(self.payment)?,
            day_max: amount(self.day)?,
            payments_max: self.payments,
            total_max: amount(self.total)?,
            until: self.until.map(Time),
        })
    }
}

impl ServeConfig {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<ServeConfig> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let mut config: ServeConfig =
            toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))?;
        ensure!(config.epoch_days > 0, "epoch_days must be at least 1");
        ensure!(!config.series.is_empty(), "at least one [[series]] is needed");
        for bank in &config.banks {
            bank.card_limits()?;
        }
        config.home = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        Ok(config)
    }

    /// A path of the file, seen from here.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.home.join(path)
    }

    /// The passphrase of the key files.
    pub(crate) fn passphrase(&self) -> Result<zeroize::Zeroizing<String>> {
        read_passphrase(&self.path(&self.passphrase_file))
    }
}

/// The first line of a file of a passphrase.
pub(crate) fn read_passphrase(path: &Path) -> Result<zeroize::Zeroizing<String>> {
    read_first_line(path).context("no passphrase")
}

/// The first line of a file that holds a secret.
pub(crate) fn read_first_line(path: &Path) -> Result<zeroize::Zeroizing<String>> {
    let text = zeroize::Zeroizing::new(
        fs::read_to_string(path).with_context(|| format!("cannot read the file {}", path.display()))?,
    );
    Ok(zeroize::Zeroizing::new(text.lines().next().unwrap_or("").to_owned()))
}
