//! Amounts of money in whole minor units, currencies, and arithmetic that cannot overflow unnoticed.
//!
//! Without the feature `std` the crate holds what a card computes with. The feature adds what needs
//! the ISO 4217 table: minor-unit exponents and the two written forms of [`Money`].
//! It holds no rates, no conversion between currencies and no negative quantities.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod amount;
mod currency;
mod money;

pub use amount::Amount;
pub use currency::Currency;
pub use money::Money;
#[cfg(feature = "std")]
pub use money::MoneyError;
