//! Values that go into statements and rows that come out.

use zeni_money::Amount;

use crate::TxError;

/// A value of a column or parameter. Both engines know exactly these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A signed 64-bit integer.
    Int(i64),
    /// UTF-8 text without U+0000, which PostgreSQL cannot hold.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The type of a [`Value`], for error reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SQL NULL.
    Null,
    /// A signed 64-bit integer.
    Int,
    /// Text.
    Text,
    /// Bytes of any length.
    Blob,
    /// Bytes of exactly this length.
    Array(usize),
    /// An integer that is not negative.
    Unsigned,
    /// The row has no such column.
    Missing,
}

impl Value {
    /// The type of this value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Int(_) => Kind::Int,
            Value::Text(_) => Kind::Text,
            Value::Blob(_) => Kind::Blob,
        }
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => { $(
        impl From<$integer> for Value {
            fn from(value: $integer) -> Value {
                Value::Int(i64::from(value))
            }
        }
    )* };
}

from_integer!(i64, i32, u32, u16, u8, bool);

impl TryFrom<u64> for Value {
    type Error = std::num::TryFromIntError;

    fn try_from(value: u64) -> Result<Value, Self::Error> {
        Ok(Value::Int(i64::try_from(value)?))
    }
}

impl From<Amount> for Value {
    fn from(amount: Amount) -> Value {
        Value::Int(i64::try_from(amount.minor()).expect("an amount is at most 2^63 - 1"))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Blob(bytes)
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Value {
        Value::Blob(bytes.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Blob(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Value {
        Value::Blob(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Value {
        Value::Blob(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row of an answer; columns count from 0.
///
/// Every accessor fails with [`TxError::Column`] when the column is absent or holds another type;
/// the `opt_` forms take NULL as `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Row {
        Row { values }
    }

    /// All columns in order.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// An integer.
    pub fn int(&self, index: usize) -> Result<i64, TxError> {
        self.opt_int(index)?.ok_or_else(|| self.wrong(index, Kind::Int))
    }

    /// An integer that is not negative.
    pub fn u64(&self, index: usize) -> Result<u64, TxError> {
        u64::try_from(self.int(index)?).map_err(|_| self.wrong(index, Kind::Unsigned))
    }

    /// An amount in minor units.
    pub fn amount(&self, index: usize) -> Result<Amount, TxError> {
        Amount::from_minor(self.u64(index)?).ok_or_else(|| self.wrong(index, Kind::Unsigned))
    }

    /// Text.
    pub fn text(&self, index: usize) -> Result<&str, TxError> {
        self.opt_text(index)?.ok_or_else(|| self.wrong(index, Kind::Text))
    }

    /// Bytes.
    pub fn blob(&self, index: usize) -> Result<&[u8], TxError> {
        self.opt_blob(index)?.ok_or_else(|| self.wrong(index, Kind::Blob))
    }

    /// Bytes of exactly the length `N`.
    pub fn array<const N: usize>(&self, index: usize) -> Result<[u8; N], TxError> {
        self.opt_array(index)?.ok_or_else(|| self.wrong(index, Kind::Array(N)))
    }

    /// An integer or NULL.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, TxError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(value)) => Ok(Some(*value)),
            _ => Err(self.wrong(index, Kind::Int)),
        }
    }

    /// Text or NULL.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, TxError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(value)) => Ok(Some(value)),
            _ => Err(self.wrong(index, Kind::Text)),
        }
    }

    /// Bytes or NULL.
    pub fn opt_blob(&self, index: usize) -> Result<Option<&[u8]>, TxError> {
        match self.values.get(index) {
            Some(Value::Null) => Ok(None),
            Some(Value::Blob(value)) => Ok(Some(value)),
            _ => Err(self.wrong(index, Kind::Blob)),
        }
    }

    /// Bytes of exactly the length `N`, or NULL.
    pub fn opt_array<const N: usize>(&self, index: usize) -> Result<Option<[u8; N]>, TxError> {
        self.opt_blob(index)?.map(|bytes| bytes.try_into().map_err(|_| self.wrong(index, Kind::Array(N)))).transpose()
    }

    fn wrong(&self, index: usize, expected: Kind) -> TxError {
        let found = self.values.get(index).map_or(Kind::Missing, Value::kind);
        TxError::Column { index, expected, found }
    }
}
