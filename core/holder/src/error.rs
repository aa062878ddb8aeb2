//! Why an operation of a holder does not happen: typed reasons with a stable word and what a retry can do.

use std::convert::Infallible;

use zeni_card::CardError;
use zeni_crypto::Digest;
use zeni_message::{
    Refusal, Retry,
    peer::{Fault, SendError},
};
use zeni_store::WriteError;

/// What every reason for a refusal says besides its text.
pub trait Explain: std::error::Error {
    /// Stable word for scripts, e.g. `insufficient_funds`.
    fn code(&self) -> &'static str;
    /// Whether the same again can help.
    fn retry(&self) -> Retry;
}

/// What can go wrong in any operation, on this side.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// Nobody has joined with this wallet.
    #[error("this wallet belongs to nobody yet: join first")]
    NotJoined,
    /// The identity secret was not handed in, and licences are needed.
    #[error("licences are needed and the identity secret is locked: unlock the wallet's key file")]
    Locked,
    /// The wallet's database failed; nothing happened or the same again gives the same.
    #[error("the wallet's database failed: {0}")]
    Store(WriteError<Infallible>),
    /// The engine cannot read the database's file.
    #[error("the wallet's database is damaged: its file cannot be read; restore a backup into a new directory")]
    Unreadable,
    /// A stored record cannot be read.
    #[error("the wallet's database is damaged: table {table} holds what this program did not write; restore a backup")]
    Damaged {
        /// Which table.
        table: &'static str,
    },
    /// The wallet holds money of which the card knows nothing.
    #[error("this card knows nothing of money that the wallet holds: one of the two was lost; restore a backup")]
    ForeignCard,
    /// The card is an older state of itself.
    #[error(
        "this card is an older state of itself: it does not know what these records have paid; paying with it could name you as an \
         overspender. Put the newest card.zeni back; 'resume' shows the card to its bank"
    )]
    OlderCard,
    /// The card has a payment open that the database does not know.
    #[error(
        "the card has a payment open that this wallet's database knows nothing of: restore its newest backup, or confirm by force, which gives up what was signed"
    )]
    OpenPayment {
        /// Which.
        answer: Digest,
    },
    /// The card did not do it.
    #[error(transparent)]
    Card(#[from] CardError),
}

impl From<WriteError<Infallible>> for Trouble {
    fn from(error: WriteError<Infallible>) -> Trouble {
        match error {
            WriteError::Damaged => Trouble::Unreadable,
            other => Trouble::Store(other),
        }
    }
}

impl Trouble {
    /// Whether the card said no to one thing, rather than that database or card do not work.
    pub(crate) fn is_of_one_request(&self) -> bool {
        matches!(self, Trouble::Card(error) if !matches!(error, CardError::Memory(_) | CardError::Retired))
    }
}

impl Explain for Trouble {
    fn code(&self) -> &'static str {
        match self {
            Trouble::NotJoined => "not_joined",
            Trouble::Locked => "locked",
            Trouble::Store(_) => "store",
            Trouble::Unreadable | Trouble::Damaged { .. } => "damaged",
            Trouble::ForeignCard => "foreign_card",
            Trouble::OlderCard => "older_card",
            Trouble::OpenPayment { .. } => "open_payment",
            Trouble::Card(error) => error.code(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Trouble::NotJoined
            | Trouble::Locked
            | Trouble::ForeignCard
            | Trouble::OlderCard
            | Trouble::OpenPayment { .. } => Retry::AfterRepair,
            Trouble::Store(WriteError::Internal) | Trouble::Unreadable | Trouble::Damaged { .. } => Retry::Never,
            Trouble::Store(_) => Retry::Later,
            Trouble::Card(error) => error.retry(),
        }
    }
}

impl Explain for CardError {
    fn code(&self) -> &'static str {
        match self {
            CardError::Retired => "card_retired",
            CardError::Locked => "card_locked",
            CardError::Life { .. } => "card_life",
            CardError::PinMissing => "card_pin_missing",
            CardError::Pin { .. } => "card_pin",
            CardError::PinForm => "card_pin_form",
            CardError::Unsupported => "card_unsupported",
            CardError::Currency { .. } => "card_currency",
            CardError::HalfRestored => "card_half_restored",
            CardError::Link(_) => "card_link",
            CardError::Strange { .. } => "card_strange",
            CardError::ResumeFirst { .. } => "resume_first",
            CardError::Frozen => "card_frozen",
            CardError::Operator => "card_operator",
            CardError::Older { .. } => "card_older",
            CardError::RulesFirst { .. } => "card_rules_first",
            CardError::UnknownKey => "card_unknown_key",
            CardError::HoldsMoney => "card_holds_money",
            CardError::NoSlot => "card_no_slot",
            CardError::NoLoad => "card_no_load",
            CardError::LoadedBefore => "card_loaded_before",
            CardError::Chain(_) => "card_chain",
            CardError::Revoked { .. } => "card_revoked",
            CardError::Ticket => "card_ticket",
            CardError::UnknownHolding => "card_unknown_holding",
            CardError::Restored => "restored",
            CardError::Closed => "card_closed",
            CardError::OtherAmount { .. } => "card_other_amount",
            CardError::Insufficient { .. } => "insufficient_funds",
            CardError::Limit(_) => "card_limit",
            CardError::NotWhole => "card_not_whole",
            CardError::HandIn { .. } => "card_hand_in",
            CardError::Parts { .. } => "card_parts",
            CardError::Memory(_) => "card_memory",
            CardError::Full => "card_full",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            CardError::Memory(_) | CardError::Link(_) => Retry::Later,
            CardError::NotWhole
            | CardError::Locked
            | CardError::PinMissing
            | CardError::Pin { .. }
            | CardError::PinForm
            | CardError::HalfRestored
            | CardError::ResumeFirst { .. }
            | CardError::RulesFirst { .. }
            | CardError::Revoked { .. }
            | CardError::Limit(_) => Retry::AfterRepair,
            _ => Retry::Never,
        }
    }
}

impl<R: Refusal> Explain for SendError<R> {
    fn code(&self) -> &'static str {
        match self {
            SendError::Refused(refusal) => refusal.code(),
            SendError::Fault(Fault::Unreachable { .. }) => "unreachable",
            SendError::Fault(Fault::Trust { .. }) => "no_trust",
            SendError::Fault(Fault::Broken { .. }) => "connection_broken",
            SendError::Busy { .. } => "busy",
            SendError::Forbidden { .. } => "forbidden",
            SendError::Protocol { .. } => "protocol",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            SendError::Refused(refusal) => refusal.retry(),
            SendError::Fault(Fault::Trust { .. }) | SendError::Forbidden { .. } => Retry::AfterRepair,
            SendError::Protocol { .. } => Retry::Never,
            SendError::Fault(_) | SendError::Busy { .. } => Retry::Later,
        }
    }
}

/// Whether a message's fate is settled: it was refused, and the addressee changed nothing.
pub(crate) fn settled<R: Refusal>(error: &SendError<R>) -> bool {
    matches!(error, SendError::Refused(_))
}

/// Declares the reasons of one operation: own variants in the order of the checks, then those that are passed on.
macro_rules! errors {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($variant:ident $({ $($field:ident : $ty:ty),* $(,)? })? = $retry:ident, $code:literal, $text:literal;)*
    } passes {
        $($pass:ident($inner:ty);)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, ::thiserror::Error)]
        #[allow(missing_docs, reason = "the text of each variant is its documentation")]
        $vis enum $name {
            $(
                #[doc = $text]
                #[error($text)]
                $variant $({ $($field: $ty),* })?,
            )*
            $(
                #[doc = "Passed on from what the operation rests on."]
                #[error(transparent)]
                $pass(#[from] $inner),
            )*
        }

        impl $crate::Explain for $name {
            fn code(&self) -> &'static str {
                match self {
                    $($name::$variant { .. } => $code,)*
                    $($name::$pass(inner) => $crate::Explain::code(inner),)*
                }
            }
            fn retry(&self) -> ::zeni_message::Retry {
                match self {
                    $($name::$variant { .. } => ::zeni_message::Retry::$retry,)*
                    $($name::$pass(inner) => $crate::Explain::retry(inner),)*
                }
            }
        }
    };
}
pub(crate) use errors;
