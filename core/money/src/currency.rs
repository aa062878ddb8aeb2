use core::fmt;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

/// A currency by its ISO 4217 code: three letters `A`–`Z`.
///
/// Whether the code is in the ISO table is a separate question (`is_listed`, with the feature
/// `std`). In CBOR it is a text of exactly these three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of that code; `None` unless it is three letters `A`–`Z`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Currency> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Currency(letters))
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        core::str::from_utf8(&self.0).expect("only ASCII letters are ever stored")
    }

    /// Whether ISO 4217 lists this code.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn is_listed(self) -> bool {
        iso_currency::Currency::from_code(self.code()).is_some()
    }

    /// Decimal places of the minor unit: 0 for `JPY`, 2 for `USD`, 3 for `KWD`. Codes without a
    /// minor unit, and codes ISO 4217 does not list, count in units: 0.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn exponent(self) -> u8 {
        iso_currency::Currency::from_code(self.code())
            .and_then(|listed| listed.exponent())
            .and_then(|places| u8::try_from(places).ok())
            .unwrap_or(0)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl<C> Encode<C> for Currency {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.str(self.code())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Currency {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let start = d.position();
        let currency = Currency::from_code(d.str()?)
            .ok_or_else(|| decode::Error::message("currency is not three capital letters").at(start))?;
        if d.position() - start != ENCODED_LEN {
            return Err(decode::Error::message("currency not in shortest form").at(start));
        }
        Ok(currency)
    }
}

/// One byte of CBOR head and three letters.
const ENCODED_LEN: usize = 4;

#[cfg(test)]
mod tests;
