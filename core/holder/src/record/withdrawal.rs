//! Money on its way from the account to notes.

use zeni_crypto::{Digest, PublicKey, blind::Blinding};
use zeni_message::Time;
use zeni_money::{Amount, Money};
use zeni_note::{Nonce, request::IssuanceRequest};

/// One blinded key of an order.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct BlindItem {
    #[n(0)]
    pub(crate) entry: Digest,
    #[n(1)]
    pub(crate) key: PublicKey,
    #[n(2)]
    pub(crate) blinding: Blinding,
    #[n(3)]
    pub(crate) face: Amount,
    #[n(4)]
    pub(crate) series: u32,
    #[n(5)]
    pub(crate) epoch: u32,
}

/// Where an order of blind signatures stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum WithdrawalState {
    /// Stored, perhaps sent. Recovery: send the same order again; the bank answers with the same signatures (RN-X7).
    #[n(0)]
    Ordered,
    /// The requests are stored. Nothing to do.
    #[n(1)]
    Signed,
    /// The bank refused; nothing was debited. Nothing to do.
    #[n(2)]
    Refused(#[n(0)] String),
}

/// An order of blind signatures (RN-D6).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Withdrawal {
    #[n(0)]
    pub(crate) order: Nonce,
    #[n(1)]
    pub(crate) money: Money,
    /// Redeem at once.
    #[n(2)]
    pub(crate) now: bool,
    /// Emptied once the requests are stored: blinding links them to the account.
    #[n(3)]
    pub(crate) items: Vec<BlindItem>,
    #[n(4)]
    pub(crate) state: WithdrawalState,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum RequestState {
    /// Not sent, or refused without effect. Recovery: redeem when due.
    #[n(0)]
    Waiting,
    /// Perhaps sent for this slot. Recovery: redeem again with the same slot; the issuer answers with the same note.
    #[n(1)]
    Sent(#[n(0)] Nonce),
    /// The note is stored. Nothing to do.
    #[n(2)]
    Redeemed,
    /// No retry helps before the term of claims. Recovery: claim it back at the bank after T1.
    #[n(3)]
    Stuck(#[n(0)] String),
    /// Claimed back. Recovery: send the same claim again until the bank has decided.
    #[n(4)]
    Claiming(#[n(0)] Nonce),
    /// Back on the account. Nothing to do.
    #[n(5)]
    Credited,
    /// The bank or the issuer refused the claim. Nothing to do.
    #[n(6)]
    Lost(#[n(0)] String),
}

/// An issuance request and its fate.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Request {
    #[n(0)]
    pub(crate) request: IssuanceRequest,
    #[n(1)]
    pub(crate) money: Money,
    #[n(2)]
    pub(crate) series: u32,
    #[n(3)]
    pub(crate) epoch: u32,
    #[n(4)]
    pub(crate) due: Time,
    #[n(5)]
    pub(crate) tries: u32,
    #[n(6)]
    pub(crate) state: RequestState,
}

impl Request {
    /// Whether it is still to be redeemed.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, RequestState::Waiting | RequestState::Sent(_))
    }
}
