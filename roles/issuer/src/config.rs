//! What an operator decides.

use zeni_crypto::PublicKey;
use zeni_message::{Network, Time, limits::PAYMENTS_IN_CHAIN_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::{SeriesTerms, keylist::Way};

use crate::Policy;

/// Configuration of the issuer: plain data, checked at start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Network digest.
    pub network: Network,
    /// The authority's key.
    pub authority: PublicKey,
    /// Start of epoch 0.
    pub epochs_from: Time,
    /// Seconds of one epoch.
    pub epoch_s: u64,
    /// Series, each with its face values and terms.
    pub series: Vec<SeriesConfig>,
    /// Banks that take part.
    pub banks: Vec<BankConfig>,
    /// What happens to the excess of an overspent note (DESIGN §5 "Excess").
    pub policy: Policy,
    /// What concerns notes under seal.
    pub sealed: SealedConfig,
    /// Limits and intervals.
    pub limits: Limits,
}

/// What an operator decides about notes issued under seal.
#[derive(Clone, Debug, Default)]
pub struct SealedConfig {
    /// Pays excess of notes that a key under seal overspent; nothing by default, for nobody can say whether payee and
    /// overspender are one person.
    pub claims: Option<SealedClaims>,
}

/// Caps of what is paid above room where the overspender's or the payee's key has no licence, in minor units of any one
/// currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedClaims {
    /// Against one overspending key, in all.
    pub per_key: Amount,
    /// By the issuer on one day.
    pub per_issuer_day: Amount,
}

/// One series: its face values and its terms as seconds from the start of an epoch.
#[derive(Clone, Debug)]
pub struct SeriesConfig {
    /// Number of the series.
    pub series: u32,
    /// Currency.
    pub currency: Currency,
    /// How its notes are issued and who can name their first holders (DESIGN §5).
    pub way: Way,
    /// Standard face values, ascending.
    pub faces: Vec<Amount>,
    /// Banks sign requests for so long.
    pub withdraw_s: u64,
    /// T1: requests are redeemed for so long.
    pub redeem_s: u64,
    /// T2: unredeemed requests are claimed back for so long.
    pub claim_s: u64,
    /// Payments are signed for so long.
    pub valid_s: u64,
    /// Returns are taken for so long.
    pub deposit_s: u64,
    /// Refunds wait for so long: the end of the dispute term.
    pub refund_s: u64,
    /// Records are kept for so long.
    pub retain_s: u64,
    /// Payments between persons in one chain.
    pub payments_max: u8,
    /// Seconds after which a payee's revocation list is stale.
    pub list_fresh_s: u32,
    /// Largest payment that a payee accepts with a stale list.
    pub stale_limit: Amount,
}

/// One bank.
#[derive(Clone, Debug)]
pub struct BankConfig {
    /// Short name, as in its certificate.
    pub name: String,
    /// Key that signs its documents.
    pub key: PublicKey,
    /// Per currency, the most the bank may owe and hold for notes issued and not settled, until another figure is set at
    /// run time (HC-O14).
    pub ceilings: Vec<(Currency, Amount)>,
    /// Series under seal that the bank takes part in. Without a series here none of its notes are issued any more, whatever a
    /// published key list says; those that are out come back as before (HC-X45).
    pub sealed: Vec<u32>,
    /// Whether the issuer makes key pairs for customers of this bank who ask for it (HC-F6): it then knows the keys and could sign
    /// in their holders' places. Off by default (HC-O6). It makes one only for an order in which the bank says that it names its
    /// customer by such a key.
    pub makes_keys: bool,
}

/// Named limits and intervals.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A key list closes that long before its epoch starts, with whatever was submitted.
    pub close_before_s: u64,
    /// Banks have at least that long after the first of them has submitted.
    pub submit_grace_s: u64,
    /// A nonce is good for that long at most, and for half of it at least.
    pub nonce_s: u64,
    /// Notes of one key that are drawn from a bank's ceiling at once.
    pub slice: u32,
    /// Licences remembered as verified.
    pub licences_cached_max: usize,
    /// The authority's revocation list is fetched that often.
    pub revocations_every_s: u64,
    /// Balances are folded that often, so that reading them stays fast.
    pub fold_every_s: u64,
    /// What has served its term is looked for that often.
    pub prune_every_s: u64,
    /// Pause before a bank or the authority is asked again about a case that it did not answer; twice as long each time.
    pub ask_again_s: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            close_before_s: 86_400,
            submit_grace_s: 3_600,
            nonce_s: 60,
            slice: 64,
            licences_cached_max: 1_000_000,
            revocations_every_s: 600,
            fold_every_s: 60,
            prune_every_s: 3_600,
            ask_again_s: 5,
        }
    }
}

/// Why an issuer does not start, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Epochs of no length, or a nonce that is never good.
    #[error("an epoch and a nonce must last at least two seconds")]
    Interval,
    /// Two banks of one name, or none.
    #[error("bank {name} is configured twice")]
    Bank {
        /// The name.
        name: String,
    },
    /// Two series of one number, or without face values.
    #[error("series {series} is configured twice, or has no face values or one out of range")]
    Series {
        /// The series.
        series: u32,
    },
    /// A bank takes part under seal in a series that is not issued so.
    #[error("bank {bank} takes part under seal in series {series}, which is not issued under seal")]
    SealedSeries {
        /// The bank.
        bank: String,
        /// The series.
        series: u32,
    },
    /// Dates out of order: retention must cover validity, deposit limit and dispute term (DESIGN §5).
    #[error("the terms of series {series} contradict one another")]
    Terms {
        /// The series.
        series: u32,
    },
}

/// Face values stay below this, so that what one holder can sign away in a proof fits an amount.
const FACE_MAX: u64 = 1 << 53;

impl Config {
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.epoch_s < 2 || self.limits.nonce_s < 2 || self.limits.slice == 0 {
            return Err(StartError::Interval);
        }
        for (index, bank) in self.banks.iter().enumerate() {
            if bank.name.is_empty() || self.banks[..index].iter().any(|other| other.name == bank.name) {
                return Err(StartError::Bank { name: bank.name.clone() });
            }
        }
        for (bank, series) in self.banks.iter().flat_map(|bank| bank.sealed.iter().map(move |series| (bank, *series))) {
            if !self.series.iter().any(|known| known.series == series && known.way.is_sealed()) {
                return Err(StartError::SealedSeries { bank: bank.name.clone(), series });
            }
        }
        for (index, series) in self.series.iter().enumerate() {
            let bad_face = |face: &Amount| face.is_zero() || face.minor() > FACE_MAX;
            let repeated = self.series[..index].iter().any(|other| other.series == series.series);
            if repeated || series.faces.is_empty() || series.faces.iter().any(bad_face) {
                return Err(StartError::Series { series: series.series });
            }
            if !series.terms(self.epochs_from).in_order() || usize::from(series.payments_max) > PAYMENTS_IN_CHAIN_MAX {
                return Err(StartError::Terms { series: series.series });
            }
        }
        Ok(())
    }

    /// The bank of that name.
    pub fn bank(&self, name: &str) -> Option<&BankConfig> {
        self.banks.iter().find(|bank| bank.name == name)
    }

    /// The epoch in which `now` lies.
    pub fn epoch_at(&self, now: Time) -> u32 {
        u32::try_from(now.since(self.epochs_from) / self.epoch_s).unwrap_or(u32::MAX)
    }

    /// Start of an epoch.
    pub fn epoch_start(&self, epoch: u32) -> Time {
        self.epochs_from.plus(self.epoch_s.saturating_mul(u64::from(epoch)))
    }
}

impl SeriesConfig {
    /// The terms of this series in an epoch that starts at `from`.
    pub fn terms(&self, from: Time) -> SeriesTerms {
        SeriesTerms {
            series: self.series,
            currency: self.currency,
            withdraw_until: from.plus(self.withdraw_s),
            redeem_until: from.plus(self.redeem_s),
            claim_until: from.plus(self.claim_s),
            valid_until: from.plus(self.valid_s),
            deposit_until: from.plus(self.deposit_s),
            refund_from: from.plus(self.refund_s),
            retain_until: from.plus(self.retain_s),
            payments_max: self.payments_max,
            list_fresh_s: self.list_fresh_s,
            stale_limit: self.stale_limit,
            way: self.way,
        }
    }
}

impl BankConfig {
    /// The configured ceiling in a currency; nothing if none is set.
    pub fn ceiling(&self, currency: Currency) -> Amount {
        self.ceilings.iter().find(|(of, _)| *of == currency).map_or(Amount::ZERO, |(_, amount)| *amount)
    }
}
