//! Typed refusals: one closed enum per operation, variants in the order of the checks (DESIGN §1.8).

use crate::Wire;

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// The sender asked for something it may not have, or sent something wrong.
    Sender,
    /// Somebody before the sender: an earlier holder, a bank, a forger.
    Earlier,
    /// This side: keys, database or configuration need attention.
    Receiver,
    /// Nobody: a matter of time or state.
    Nobody,
}

/// Whether sending the same again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The answer stays the same.
    Never,
    /// After some time, unchanged.
    Later,
    /// After the sender did what the text says.
    AfterRepair,
}

/// A reason for which a message is refused.
pub trait Refusal: Wire + core::error::Error + Clone + PartialEq + Send + Sync + 'static {
    /// Stable word for scripts, e.g. `insufficient_funds`.
    fn code(&self) -> &'static str;
    /// Whose fault it is.
    fn culprit(&self) -> Culprit;
    /// Whether a retry can help.
    fn retry(&self) -> Retry;
}

/// The refusal of a message that is never refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRefusal {}

impl<C> minicbor::Encode<C> for NoRefusal {
    fn encode<W: minicbor::encode::Write>(
        &self,
        _: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match *self {}
    }
}

impl<'b, C> minicbor::Decode<'b, C> for NoRefusal {
    fn decode(_: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Err(minicbor::decode::Error::message("this message is never refused"))
    }
}

impl Refusal for NoRefusal {
    fn code(&self) -> &'static str {
        match *self {}
    }
    fn culprit(&self) -> Culprit {
        match *self {}
    }
    fn retry(&self) -> Retry {
        match *self {}
    }
}

/// Declares a refusal enum: `number Name { index field: Type } = Culprit, Retry, "code", "text";` per variant.
///
/// The number is the wire code and is never reused; the order is the order of the checks.
#[macro_export]
macro_rules! refusals {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$vmeta:meta])* $n:literal $variant:ident $({ $($i:literal $field:ident : $ty:ty),* $(,)? })?
            = $culprit:ident, $retry:ident, $code:literal, $text:literal;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, ::thiserror::Error, ::minicbor::Encode, ::minicbor::Decode)]
        #[allow(missing_docs, reason = "the text of each variant is its documentation")]
        pub enum $name {
            $(
                $(#[$vmeta])*
                #[doc = $text]
                #[error($text)]
                #[n($n)]
                $variant $({ $(#[n($i)] $field: $ty),* })?,
            )*
        }

        impl $crate::Refusal for $name {
            fn code(&self) -> &'static str {
                match self { $($name::$variant { .. } => $code,)* }
            }
            fn culprit(&self) -> $crate::Culprit {
                match self { $($name::$variant { .. } => $crate::Culprit::$culprit,)* }
            }
            fn retry(&self) -> $crate::Retry {
                match self { $($name::$variant { .. } => $crate::Retry::$retry,)* }
            }
        }
    };
}
