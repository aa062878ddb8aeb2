//! Amounts, currencies and names as people and machines write them.

use std::{fmt::Display, str::FromStr};

use zeni_identity::{CaName, PartyName};
use zeni_money::{Currency, Money};

/// Text is a value that is written and read alike, or refused; machine forms have one text per value.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(money) = Money::from_wire(text) {
        assert_eq!(money.to_wire(), text);
    }
    if let Ok(money) = text.parse::<Money>() {
        assert_eq!(money.to_string().parse::<Money>(), Ok(money));
        assert_eq!(Money::from_wire(&money.to_wire()), Ok(money));
    }
    if let Some(currency) = Currency::from_code(text) {
        assert_eq!(currency.code(), text);
    }
    exact::<PartyName>(text);
    exact::<CaName>(text);
}

fn exact<T: FromStr + Display>(text: &str) {
    if let Ok(name) = text.parse::<T>() {
        assert_eq!(name.to_string(), text);
    }
}
