//! Money on its way back: to the account, or to the issuer for renewal.

use zeni_crypto::{Digest, PublicKey};
use zeni_money::Money;
use zeni_note::{Nonce, closing::ToAccount, messages::bank};

use super::SelfPayment;
use crate::refund_file::RefundBatch;

/// What a deposit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum DepositKind {
    #[n(0)]
    Deposit,
    #[n(1)]
    HandIn,
    #[n(2)]
    Refund,
}

/// Where a deposit stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum DepositPhase {
    /// Money passes to a fresh key first. Recovery: sign the same parts again and load them.
    #[n(0)]
    Moving {
        #[n(0)]
        moves: Box<SelfPayment>,
        #[n(1)]
        direct: Vec<Digest>,
    },
    /// The leaves are fixed. Recovery: open the deposit again under the same id.
    #[n(1)]
    Fixed(#[n(0)] Vec<Digest>),
    /// The bank's challenge is stored. Recovery: close the same leaves again, which gives the same bytes, and send them.
    #[n(2)]
    Opened {
        #[n(0)]
        to: ToAccount,
        #[n(1)]
        leaves: Vec<Digest>,
    },
    /// The bank has it. Recovery: ask where it stands.
    #[n(3)]
    Sent(#[n(0)] bank::DepositState),
    /// The issuer has answered for every item. Nothing to do.
    #[n(4)]
    Done(#[n(0)] bank::DepositState),
    /// The bank refused it whole and credited nothing; its holdings are [`HoldingPhase::Closed`](super::HoldingPhase::Closed) or part of the deposit that
    /// follows. Nothing to do.
    #[n(5)]
    Refused(#[n(0)] String),
    /// Signed in advance by a card that was lost, out of a refund file. Recovery: send the same once its term has come.
    #[n(6)]
    Presented(#[n(0)] Box<RefundBatch>),
}

/// A deposit, hand-in or refund.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnDeposit {
    #[n(0)]
    pub(crate) id: Nonce,
    #[n(1)]
    pub(crate) kind: DepositKind,
    #[n(2)]
    pub(crate) money: Money,
    #[n(3)]
    pub(crate) phase: DepositPhase,
    /// What the bank took, in the order of its items.
    #[n(4)]
    pub(crate) taken: Option<Vec<Digest>>,
}

/// Where a renewal stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum RenewalPhase {
    /// Only a rest is left, which passes to a fresh key first. Recovery: sign the same part again and load it.
    #[n(0)]
    Moving(#[n(0)] Box<SelfPayment>),
    /// The leaf is to be closed and sent. Recovery: close it again, which gives the same bytes, and send it.
    #[n(1)]
    Closing {
        #[n(0)]
        leaf: Digest,
        #[n(1)]
        nonce: Nonce,
        #[n(2)]
        key: PublicKey,
        #[n(3)]
        slot: Nonce,
    },
    /// The new note is stored. Nothing to do.
    #[n(2)]
    Done,
    /// The issuer refused; the leaf is [`HoldingPhase::Closed`](super::HoldingPhase::Closed). Recovery: `deposit` or `refund`, as the reason says.
    #[n(3)]
    Refused(#[n(0)] String),
}

/// A renewal at the issuer.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Renewal {
    /// The holding that is renewed.
    #[n(0)]
    pub(crate) node: Digest,
    #[n(1)]
    pub(crate) money: Money,
    #[n(2)]
    pub(crate) phase: RenewalPhase,
}
