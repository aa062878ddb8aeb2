//! What the customers' cards may pay without contact: from the configuration, or as the operator sets it at run time. Cards
//! take it at their next contact.

use std::convert::Infallible;

use serde::Serialize;
use zeni_crypto::hex;
use zeni_message::{Refusal, Time, decode, encode, limits::SMALL_MESSAGE_BYTES_MAX, route::Failure};
use zeni_money::{Amount, Currency};
use zeni_note::{CardRules, Nonce};
use zeni_store::{Caller, JobError, Row, Tx, TxError, WriteError, params};

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

    fn numbered(&self, number: u64, card: Option<Nonce>) -> CardRules {
        let CardLimits { currency, payment_max, day_max, payments_max, total_max, until } = self.clone();
        CardRules { number, card, currency, payment_max, day_max, payments_max, total_max, until }
    }

    fn of(rules: CardRules) -> CardLimits {
        let CardRules { currency, payment_max, day_max, payments_max, total_max, until, .. } = rules;
        CardLimits { currency, payment_max, day_max, payments_max, total_max, until }
    }
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
    pub async fn set_card_limits(
        &self,
        limits: CardLimits,
        card: Option<Nonce>,
    ) -> Result<LimitsReport, WriteError<Infallible>> {
        let job = move |tx: &mut Tx<'_>| -> Result<CardRules, JobError<Infallible>> {
            Ok(insert(tx, &limits, card, Origin::Operator)?)
        };
        Ok(report(&self.store.write(Caller::default(), job).await?))
    }

    /// The rules in force: the newest for all cards per currency, and later ones for single cards.
    pub async fn card_limits(&self) -> Result<Vec<LimitsReport>, WriteError<Infallible>> {
        let read = |tx: &mut Tx<'_>| -> Result<Vec<CardRules>, JobError<Infallible>> {
            Ok(tx.rows(schema::SELECT_ALL_RULES, &[])?.iter().map(rules).collect::<Result<_, TxError>>()?)
        };
        let all = self.store.read(read).await?;
        let replaced = |place: usize, one: &CardRules| {
            let later = all.iter().skip(place + 1);
            later.into_iter().any(|it| it.currency == one.currency && (it.card.is_none() || it.card == one.card))
        };
        let in_force = all.iter().enumerate().filter(|(place, one)| !replaced(*place, one));
        Ok(in_force.map(|(_, one)| report(one)).collect())
    }

    /// The cards of an account, in the order of their last contacts.
    pub async fn cards_of(&self, account: &str) -> Result<Vec<CardReport>, WriteError<Infallible>> {
        let account = account.to_owned();
        let read = move |tx: &mut Tx<'_>| -> Result<Vec<CardReport>, JobError<Infallible>> {
            let card = |row: &Row| {
                Ok(CardReport { card: hex(&row.array::<16>(0)?), frozen: row.int(1)? != 0, contact: row.u64(2)? })
            };
            Ok(tx.rows(schema::SELECT_CARDS, params![&account])?.iter().map(card).collect::<Result<_, TxError>>()?)
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

    /// The newest rules for a card in the currency of its account; what the configuration says anew is stored first.
    pub(super) async fn rules_for<R: Refusal>(
        &self,
        currency: Currency,
        card: Nonce,
    ) -> Result<Option<CardRules>, Failure<R>> {
        let limited = |it: &&CardLimits| it.currency == currency && **it != CardLimits::none(currency);
        let configured = self.config.cards.iter().find(limited);
        let wanted = configured.cloned();
        let read = move |tx: &mut Tx<'_>| {
            let stored = configured_in(tx, currency)?;
            Ok((stored == wanted, newest(tx, currency, card)?))
        };
        let (same, rules) = self.store.read(read).await.map_err(failure)?;
        if same {
            return Ok(rules);
        }
        let wanted = configured.cloned();
        let job = move |tx: &mut Tx<'_>| {
            if configured_in(tx, currency)? != wanted {
                let limits = wanted.clone().unwrap_or_else(|| CardLimits::none(currency));
                insert(tx, &limits, None, Origin::Configuration)?;
            }
            Ok(newest(tx, currency, card)?)
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

fn newest(tx: &mut Tx<'_>, currency: Currency, card: Nonce) -> Result<Option<CardRules>, TxError> {
    tx.row(schema::SELECT_RULES, params![currency.code(), *card])?.as_ref().map(rules).transpose()
}

/// What the configuration last said; none if it limited nothing.
fn configured_in(tx: &mut Tx<'_>, currency: Currency) -> Result<Option<CardLimits>, TxError> {
    let row = tx.row(schema::SELECT_CONFIGURED, params![currency.code()])?;
    let limits = row.as_ref().map(rules).transpose()?.map(CardLimits::of);
    Ok(limits.filter(|limits| *limits != CardLimits::none(currency)))
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
