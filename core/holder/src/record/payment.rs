//! What was asked for and what was paid, to others and to oneself.

use zeni_crypto::Digest;
use zeni_message::Signed;
use zeni_money::{Amount, Money};
use zeni_note::{Challenge, Payment};

/// Where a challenge of the holder's own stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum ChallengeState {
    /// Waits for a payment. Nothing to do; what comes late is owed back.
    #[n(0)]
    Open,
    /// A payment fulfilled it.
    #[n(1)]
    Fulfilled,
}

/// A challenge of the holder's own.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnChallenge {
    #[n(0)]
    pub(crate) answer: Digest,
    #[n(1)]
    pub(crate) document: Signed<Challenge>,
    #[n(2)]
    pub(crate) fresh: bool,
    #[n(3)]
    pub(crate) state: ChallengeState,
}

/// One holding's part in a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Part {
    #[n(0)]
    pub(crate) node: Digest,
    #[n(1)]
    pub(crate) amount: Amount,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum PaymentState {
    /// The card may have signed. Recovery: have the same parts signed again, which gives the same bytes; then show it.
    #[n(0)]
    Endorsing(#[n(0)] Vec<Part>),
    /// Stored whole. Recovery: show the same bytes again.
    #[n(1)]
    Ready(#[n(0)] Payment),
}

/// A payment to somebody else or a give-back.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnPayment {
    #[n(0)]
    pub(crate) answer: Digest,
    #[n(1)]
    pub(crate) money: Money,
    /// What was asked; none for a give-back.
    #[n(2)]
    pub(crate) asked: Option<Signed<Challenge>>,
    #[n(3)]
    pub(crate) state: PaymentState,
}

/// A payment to oneself on a fresh key, before a deposit or renewal.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct SelfPayment {
    #[n(0)]
    pub(crate) challenge: Signed<Challenge>,
    #[n(1)]
    pub(crate) parts: Vec<Part>,
}
