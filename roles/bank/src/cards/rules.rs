//! What the customers' cards may pay without contact: from the configuration, or as the operator sets it at run time. Cards
//! take it at their next contact.

use std::{collections::BTreeSet, convert::Infallible};

use serde::Serialize;
use zeni_crypto::hex;
use zeni_message::{Refusal, Time, decode, encode, limits::SMALL_MESSAGE_BYTES_MAX, route::Failure};
use zeni_money::{Amount, Currency};
use zeni_note::{CardRules, Nonce, RulesNumber, operator::RULES_MAX};
use zeni_store::{Caller, JobError, Row, Tx, TxError, WriteError, params, refuse};

use crate::{
    bank::{Bank, failure},
    books::broken,
    schema,
    statement::money,
};

/// Limits of payments to others in one currency. What is not said is not limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardLimits {
    /// The currency.
    pub currency: Currency,
    /// Most in one payment.
    pub payment_max: Option<Amount>,
    /// Most in one day of the bank's time, as the card learns it at contacts.
    pub day_max: Option<Amount>,
    /// Most payments in a row without contact.
    pub payments_max: Option<u32>,
    /// Most in all without contact.
    pub total_max: Option<Amount>,
    /// The last second at which cards pay.
    pub until: Option<Time>,
}

impl CardLimits {
    /// No limits.
    pub fn none(currency: Currency) -> CardLimits {
        CardLimits { currency, payment_max: None, day_max: None, payments_max: None, total_max: None, until: None }
    }

    /// Whether anything is limited.
    pub fn is_limited(&self) -> bool {
        *self != CardLimits::none(self.currency)
    }

    fn numbered(&self, number: u64, card: Option<Nonce>) -> CardRules {
        let CardLimits { currency, payment_max, day_max, payments_max, total_max, until } = self.clone();
        CardRules { number, card, currency, payment_max, day_max, payments_max, total_max, until }
    }

    fn of(rules: CardRules) -> CardLimits {
        let CardRules { currency, payment_max, day_max, payments_max, total_max, until, .. } = rules;
        CardLimits { currency, payment_max, day_max, payments_max, total_max, until }
    }
}

/// Why limits are not set, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsRefusal {
    /// No card of that number.
    #[error("no such card was in contact with the bank")]
    UnknownCard,
    /// A ticket holds cards to limits in [`RULES_MAX`] currencies.
    #[error("there are limits in {RULES_MAX} currencies already")]
    Currencies,
}

/// Rules as the operator's command prints them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitsReport {
    /// Number.
    pub number: u64,
    /// The card, in hexadecimal; none for all.
    pub card: Option<String>,
    /// Currency.
    pub currency: String,
    /// Most in one payment, e.g. `JPY:300`.
    pub payment: Option<String>,
    /// Most in one day.
    pub day: Option<String>,
    /// Most payments in a row without contact.
    pub payments: Option<u32>,
    /// Most in all without contact.
    pub total: Option<String>,
    /// The last second at which cards pay.
    pub until: Option<u64>,
}

/// A customer's card as the operator's command prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardReport {
    /// Number, in hexadecimal.
    pub card: String,
    /// Whether what it holds can only be refunded.
    pub frozen: bool,
    /// Its last contact, seconds since 1970.
    pub contact: u64,
}

impl Bank {
    /// Sets limits for one card, or for all; tells the number of the new rules.
    ///
    /// # Errors
    /// [`LimitsRefusal`]; trouble of the store.
    pub async fn set_card_limits(
        &self,
        limits: CardLimits,
        card: Option<Nonce>,
    ) -> Result<LimitsReport, WriteError<LimitsRefusal>> {
        let configured = self.configured();
        let job = move |tx: &mut Tx<'_>| -> Result<CardRules, JobError<LimitsRefusal>> {
            if let Some(card) = card
                && tx.row(schema::SELECT_CARD, params![*card])?.is_none()
            {
                return refuse(LimitsRefusal::UnknownCard);
            }
            let limited = limited(tx, &configured)?;
            if limits.is_limited() && limited.len() >= RULES_MAX && !limited.contains(&limits.currency) {
                return refuse(LimitsRefusal::Currencies);
            }
            Ok(insert(tx, &limits, card, Origin::Operator)?)
        };
        Ok(report(&self.store.write(Caller::default(), job).await?))
    }

    /// Currencies in which limits are in force, for all cards or any, with those that the configuration says anew. Cards are held to
    /// limits in at most [`RULES_MAX`].
    pub async fn limited_currencies(&self) -> Result<usize, WriteError<Infallible>> {
        let configured = self.configured();
        self.store.read(move |tx: &mut Tx<'_>| Ok(limited(tx, &configured)?.len())).await
    }

    /// The limits in force: of the newest rules for all cards per currency and of later ones for single cards, those that limit.
    pub async fn card_limits(&self) -> Result<Vec<LimitsReport>, WriteError<Infallible>> {
        let read = |tx: &mut Tx<'_>| -> Result<Vec<CardRules>, JobError<Infallible>> { Ok(in_force(tx)?) };
        let all = self.store.read(read).await?;
        // later rules for single cards that limit nothing are told where others' are limited: they lift these for that card
        let told = |one: &&CardRules| is_limited(one) || all.iter().any(|it| lifts(one, it));
        Ok(all.iter().filter(told).map(report).collect())
    }

    /// The cards of an account, in the order of their last contacts; none for an account that the bank does not have.
    pub async fn cards_of(&self, account: &str) -> Result<Option<Vec<CardReport>>, WriteError<Infallible>> {
        let account = account.to_owned();
        let read = move |tx: &mut Tx<'_>| -> Result<Option<Vec<CardReport>>, JobError<Infallible>> {
            if tx.row(schema::SELECT_ACCOUNT, params![&account])?.is_none() {
                return Ok(None);
            }
            let card = |row: &Row| {
                Ok(CardReport { card: hex(&row.array::<16>(0)?), frozen: row.int(1)? != 0, contact: row.u64(2)? })
            };
            let cards = tx.rows(schema::SELECT_CARDS, params![&account])?;
            Ok(Some(cards.iter().map(card).collect::<Result<_, TxError>>()?))
        };
        self.store.read(read).await
    }

    /// Freezes a card: at its next contacts, what it holds becomes refundable only. Answers whether there is such a card.
    pub async fn freeze_card(&self, card: Nonce) -> Result<bool, WriteError<Infallible>> {
        let job = move |tx: &mut Tx<'_>| -> Result<bool, JobError<Infallible>> {
            Ok(tx.execute(schema::FREEZE_CARD, params![*card])? == 1)
        };
        self.store.write(Caller::default(), job).await
    }

    /// What the configuration limits.
    fn configured(&self) -> Vec<CardLimits> {
        self.config.cards.iter().filter(|limits| limits.is_limited()).cloned().collect()
    }

    /// The newest rules for a card, one of each currency that has any, in ascending order of numbers; what the configuration says
    /// anew is stored first.
    pub(super) async fn rules_for<R: Refusal>(&self, card: Nonce) -> Result<Vec<CardRules>, Failure<R>> {
        let configured = self.configured();
        let wanted = configured.clone();
        let read = move |tx: &mut Tx<'_>| Ok((changed(tx, &wanted)?.is_empty(), newest(tx, card)?));
        let (same, rules) = self.store.read(read).await.map_err(failure)?;
        if same {
            return Ok(rules);
        }
        let job = move |tx: &mut Tx<'_>| {
            for limits in changed(tx, &configured)? {
                insert(tx, &limits, None, Origin::Configuration)?;
            }
            Ok(newest(tx, card)?)
        };
        self.store.write(Caller::default(), job).await.map_err(failure)
    }
}

/// Whose word rules are.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Configuration,
    Operator,
}

fn insert(tx: &mut Tx<'_>, limits: &CardLimits, card: Option<Nonce>, origin: Origin) -> Result<CardRules, TxError> {
    let last = tx.row(schema::SELECT_RULES_NUMBER, &[])?.map(|row| row.u64(0)).transpose()?.unwrap_or(0);
    let number = last.checked_add(1).ok_or_else(|| broken("rules have run out of numbers"))?;
    let rules = limits.numbered(number, card);
    let row = params![
        schema::int(number),
        limits.currency.code(),
        card.map(|card| *card),
        origin == Origin::Configuration,
        encode(&rules)
    ];
    match tx.execute(schema::INSERT_RULES, row)? {
        1 => Ok(rules),
        _ => Err(broken("two rules of one number")),
    }
}

fn newest(tx: &mut Tx<'_>, card: Nonce) -> Result<Vec<CardRules>, TxError> {
    let mut newest = Vec::new();
    for currency in currencies(tx)? {
        let row = tx.row(schema::SELECT_RULES, params![currency.code(), *card])?;
        newest.extend(row.as_ref().map(rules).transpose()?);
    }
    newest.sort_unstable_by_key(|rules| rules.number);
    Ok(newest)
}

/// What a ticket holds the card to: the rules that limit, and of those that limit nothing the newest that have room. Whoever keeps
/// one of these from his card keeps older limits alone.
pub(super) fn named(newest: &[CardRules]) -> Vec<RulesNumber> {
    let (limited, free): (Vec<_>, Vec<_>) = newest.iter().rev().partition(|rules| is_limited(rules));
    if limited.len() > RULES_MAX {
        tracing::error!(currencies = limited.len(), "cards are held to the limits of {RULES_MAX} currencies only");
    }
    let named = limited.into_iter().chain(free).take(RULES_MAX);
    let mut named: Vec<_> = named.map(|it| RulesNumber { currency: it.currency, number: it.number }).collect();
    named.sort_unstable_by_key(|rules| rules.number);
    named
}

/// The newest rules for all cards per currency, and later ones for single cards, oldest first.
fn in_force(tx: &mut Tx<'_>) -> Result<Vec<CardRules>, TxError> {
    let all: Vec<CardRules> = tx.rows(schema::SELECT_ALL_RULES, &[])?.iter().map(rules).collect::<Result<_, _>>()?;
    let (mut later, mut in_force) = (BTreeSet::new(), Vec::new());
    for one in all.into_iter().rev() {
        // rules for all cards replace those for single ones too
        if !later.contains(&(one.currency, None)) && later.insert((one.currency, one.card.map(|card| *card))) {
            in_force.push(one);
        }
    }
    in_force.reverse();
    Ok(in_force)
}

/// Currencies in which limits are in force once the configuration is stored.
fn limited(tx: &mut Tx<'_>, configured: &[CardLimits]) -> Result<BTreeSet<Currency>, TxError> {
    let mut limited: BTreeSet<Currency> =
        in_force(tx)?.iter().filter(|rules| is_limited(rules)).map(|rules| rules.currency).collect();
    for limits in changed(tx, configured)? {
        if limits.is_limited() {
            limited.insert(limits.currency);
        } else {
            limited.remove(&limits.currency);
        }
    }
    Ok(limited)
}

fn is_limited(rules: &CardRules) -> bool {
    CardLimits::of(rules.clone()).is_limited()
}

/// Whether rules free one card from limits of all.
fn lifts(one: &CardRules, all: &CardRules) -> bool {
    one.card.is_some() && all.card.is_none() && all.currency == one.currency && is_limited(all)
}

/// The currencies in which there are or were rules.
fn currencies(tx: &mut Tx<'_>) -> Result<Vec<Currency>, TxError> {
    tx.rows(schema::SELECT_RULES_CURRENCIES, &[])?.iter().map(|row| crate::accounts::currency(row, 0)).collect()
}

/// What the configuration says otherwise than it last said.
fn changed(tx: &mut Tx<'_>, configured: &[CardLimits]) -> Result<Vec<CardLimits>, TxError> {
    let mut all: BTreeSet<Currency> = currencies(tx)?.into_iter().collect();
    all.extend(configured.iter().map(|limits| limits.currency));
    let mut changed = Vec::new();
    for currency in all {
        let wanted = configured.iter().find(|limits| limits.currency == currency);
        if configured_in(tx, currency)?.as_ref() != wanted {
            changed.push(wanted.cloned().unwrap_or_else(|| CardLimits::none(currency)));
        }
    }
    Ok(changed)
}

/// What the configuration last said; none if it limited nothing.
fn configured_in(tx: &mut Tx<'_>, currency: Currency) -> Result<Option<CardLimits>, TxError> {
    let row = tx.row(schema::SELECT_CONFIGURED, params![currency.code()])?;
    let limits = row.as_ref().map(rules).transpose()?.map(CardLimits::of);
    Ok(limits.filter(CardLimits::is_limited))
}

fn rules(row: &Row) -> Result<CardRules, TxError> {
    decode(row.blob(0)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("stored rules are damaged"))
}

fn report(rules: &CardRules) -> LimitsReport {
    let amount = |amount: Option<Amount>| amount.map(|amount| money(rules.currency, amount));
    LimitsReport {
        number: rules.number,
        card: rules.card.map(|card| hex(&card[..])),
        currency: rules.currency.code().to_owned(),
        payment: amount(rules.payment_max),
        day: amount(rules.day_max),
        payments: rules.payments_max,
        total: amount(rules.total_max),
        until: rules.until.map(|until| until.0),
    }
}
