use core::fmt;
use core::ops::{Add, Sub};

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

/// A quantity of money in whole minor units of some currency, `0 ..= 2^63 − 1`.
///
/// The range is that of a non-negative signed 64-bit integer, so that every amount fits a database
/// integer. In CBOR it is an unsigned integer; a value out of range or not in shortest form is
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// The largest amount, `2^63 − 1` minor units.
    pub const MAX: Amount = Amount(i64::MAX.unsigned_abs());

    /// The amount of that many minor units; `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn from_minor(minor: u64) -> Option<Amount> {
        if minor <= Amount::MAX.0 { Some(Amount(minor)) } else { None }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// Whether this is [`Amount::ZERO`].
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Amount) -> Option<Amount> {
        match self.0.checked_add(other.0) {
            Some(sum) => Amount::from_minor(sum),
            None => None,
        }
    }

    /// The difference; `None` below zero.
    #[must_use]
    pub const fn checked_sub(self, other: Amount) -> Option<Amount> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Amount(rest)),
            None => None,
        }
    }

    /// This amount `count` times; `None` above [`Amount::MAX`].
    #[must_use]
    pub fn times(self, count: u32) -> Option<Amount> {
        self.0.checked_mul(u64::from(count)).and_then(Amount::from_minor)
    }

    /// The sum of all; `None` above [`Amount::MAX`]. The sum of nothing is [`Amount::ZERO`].
    pub fn sum(amounts: impl IntoIterator<Item = Amount>) -> Option<Amount> {
        amounts.into_iter().try_fold(Amount::ZERO, Amount::checked_add)
    }

    /// The smaller of the two.
    #[must_use]
    pub const fn min(self, other: Amount) -> Amount {
        if self.0 <= other.0 { self } else { other }
    }
}

impl Add for Amount {
    type Output = Option<Amount>;

    fn add(self, other: Amount) -> Option<Amount> {
        self.checked_add(other)
    }
}

impl Sub for Amount {
    type Output = Option<Amount>;

    fn sub(self, other: Amount) -> Option<Amount> {
        self.checked_sub(other)
    }
}

/// The number of minor units, without a currency.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<C> Encode<C> for Amount {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u64(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Amount {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let start = d.position();
        let minor = d.u64()?;
        if d.position() - start != shortest_len(minor) {
            return Err(decode::Error::message("amount not in shortest form").at(start));
        }
        Amount::from_minor(minor).ok_or_else(|| decode::Error::message("amount out of range").at(start))
    }
}

/// Bytes of the shortest CBOR form of an unsigned integer (RFC 8949 §4.2.1).
const fn shortest_len(value: u64) -> usize {
    match value {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests;
