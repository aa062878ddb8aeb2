//! The two written forms of money and the one strict number they share.

use core::fmt;
use core::str::FromStr;
use std::string::String;

use thiserror::Error;

use crate::{Amount, Currency, Money};

/// Why a text is not an amount of money, in the order in which the checks are made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not a number and a currency with the one separator between them.
    #[error("write an amount and a currency, like `300 JPY` (in JSON: `JPY:300`)")]
    Form,
    /// The currency is not three capital letters.
    #[error("`{0}` is no currency: write its three capital letters, like JPY")]
    CurrencyCode(String),
    /// ISO 4217 does not list the currency.
    #[error("{0} is not a currency of ISO 4217: check its three letters")]
    CurrencyUnknown(Currency),
    /// A sign, a grouping mark, a second point or another character that is no digit.
    #[error("leave out `{0}`: an amount is digits, with one point before the minor units")]
    Character(char),
    /// No digit before or after the point.
    #[error("write digits on both sides of the point, like 0.50")]
    DigitsMissing,
    /// A zero before other digits.
    #[error("leave out the leading zeros")]
    LeadingZero,
    /// More or fewer decimal places than the currency has.
    #[error("{currency} has {expected} decimal places, not {found}")]
    DecimalPlaces {
        /// The currency in question.
        currency: Currency,
        /// Places of its minor unit.
        expected: u8,
        /// Places in the text.
        found: usize,
    },
    /// Above [`Amount::MAX`].
    #[error("the amount is too large: the largest is {max}", max = Money::new(Amount::MAX, *.0))]
    TooLarge(Currency),
}

impl Money {
    /// The machines' form, `JPY:300` or `USD:1.50`: always with all decimal places.
    #[must_use]
    pub fn to_wire(&self) -> String {
        std::format!("{}:{}", self.currency, Number(self))
    }

    /// Reads the machines' form; accepts exactly what [`Money::to_wire`] writes.
    ///
    /// # Errors
    /// The first [`MoneyError`] that applies.
    pub fn from_wire(text: &str) -> Result<Money, MoneyError> {
        let (code, number) = text.split_once(':').ok_or(MoneyError::Form)?;
        let money = parse(number, code)?;
        match number.contains('.') || money.currency.exponent() == 0 {
            true => Ok(money),
            false => Err(MoneyError::DecimalPlaces {
                currency: money.currency,
                expected: money.currency.exponent(),
                found: 0,
            }),
        }
    }
}

/// The people's form, `300 JPY` or `1.50 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&std::format!("{} {}", Number(self), self.currency))
    }
}

/// Reads the people's form. The decimal places may be left out together with the point: `2 USD`.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Money, MoneyError> {
        let (number, code) = text.split_once(' ').ok_or(MoneyError::Form)?;
        parse(number, code)
    }
}

/// The number alone, in major units with all decimal places.
struct Number<'a>(&'a Money);

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minor = self.0.amount.minor();
        match usize::from(self.0.currency.exponent()) {
            0 => write!(f, "{minor}"),
            places => {
                let digits = std::format!("{minor:0>width$}", width = places + 1);
                let (whole, fraction) = digits.split_at(digits.len() - places);
                write!(f, "{whole}.{fraction}")
            }
        }
    }
}

fn parse(number: &str, code: &str) -> Result<Money, MoneyError> {
    if number.is_empty() || code.is_empty() {
        return Err(MoneyError::Form);
    }
    let currency = Currency::from_code(code).ok_or_else(|| MoneyError::CurrencyCode(code.into()))?;
    if !currency.is_listed() {
        return Err(MoneyError::CurrencyUnknown(currency));
    }
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let mut characters = whole.chars().chain(fraction.unwrap_or_default().chars());
    if let Some(other) = characters.find(|c| !c.is_ascii_digit()) {
        return Err(MoneyError::Character(other));
    }
    if whole.is_empty() || fraction == Some("") {
        return Err(MoneyError::DigitsMissing);
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(MoneyError::LeadingZero);
    }
    let expected = currency.exponent();
    let found = fraction.map_or(0, str::len);
    if fraction.is_some() && found != usize::from(expected) {
        return Err(MoneyError::DecimalPlaces { currency, expected, found });
    }
    let zeros = if fraction.is_none() { usize::from(expected) } else { 0 };
    let digits = whole.bytes().chain(fraction.unwrap_or_default().bytes());
    minor_units(digits.chain(core::iter::repeat_n(b'0', zeros)))
        .map(|amount| Money::new(amount, currency))
        .ok_or(MoneyError::TooLarge(currency))
}

fn minor_units(mut digits: impl Iterator<Item = u8>) -> Option<Amount> {
    let minor = digits.try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    Amount::from_minor(minor)
}
