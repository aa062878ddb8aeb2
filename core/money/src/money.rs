use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use crate::{Amount, Currency};

#[cfg(feature = "std")]
mod text;

#[cfg(feature = "std")]
pub use text::MoneyError;

/// An amount of one currency.
///
/// People write it `300 JPY` or `1.50 USD` (`Display`, `FromStr`), machines `JPY:300` or
/// `USD:1.50` (`to_wire`, `from_wire`); both need the feature `std`, without which `Display` tells minor units. In CBOR it is the array
/// `[amount, currency]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// How much, in minor units.
    pub amount: Amount,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// That amount of that currency.
    #[must_use]
    pub const fn new(amount: Amount, currency: Currency) -> Money {
        Money { amount, currency }
    }

    /// The sum; `None` when the currencies differ or the sum exceeds [`Amount::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.combine(other, Amount::checked_add)
    }

    /// The difference; `None` when the currencies differ or it would be below zero.
    #[must_use]
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.combine(other, Amount::checked_sub)
    }

    fn combine(self, other: Money, with: fn(Amount, Amount) -> Option<Amount>) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money::new(with(self.amount, other.amount)?, self.currency))
    }
}

/// Without the table of currencies nobody knows their decimal places: `300 minor units of JPY`.
#[cfg(not(feature = "std"))]
impl core::fmt::Display for Money {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} minor units of {}", self.amount.minor(), self.currency)
    }
}

impl<C> Encode<C> for Money {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?;
        self.amount.encode(e, ctx)?;
        self.currency.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Money {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let start = d.position();
        // 0x82 is the one shortest head of an array of two
        if d.array()? != Some(2) || d.position() - start != 1 {
            return Err(decode::Error::message("money is not an array of two").at(start));
        }
        Ok(Money::new(Amount::decode(d, ctx)?, Currency::decode(d, ctx)?))
    }
}

#[cfg(test)]
mod tests;
