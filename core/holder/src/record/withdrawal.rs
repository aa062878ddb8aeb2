//! Money on its way from the account to notes.

use minicbor::bytes::{ByteArray, ByteVec};
use zeni_crypto::{Digest, PublicKey, blind::Blinding};
use zeni_message::{Signed, Time};
use zeni_money::{Amount, Money};
use zeni_note::{
    Nonce,
    messages::bank,
    request::IssuanceRequest,
    sealed::{CONTENT_LEN, IssuanceOrder, WithdrawalOrder},
};

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

/// Where an order under seal stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[expect(clippy::large_enum_variant, reason = "disputes are rare; a box would only move the same bytes")]
pub(crate) enum SealedOrderState {
    /// Stored, perhaps sent. Recovery: send the same bytes; the bank answers where the order stands.
    #[n(0)]
    Ordered,
    /// The bank has taken the money, the issuer has not answered. Recovery: as before.
    #[n(1)]
    Pending,
    /// The answer does not open under K or is not the issuer's word on this order (HC-X10). Everything is kept for a dispute.
    /// Recovery: ask again.
    #[n(2)]
    Disputed(#[n(0)] bank::SealedReply),
    /// The note is stored, K is wiped. Nothing to do.
    #[n(3)]
    Issued,
    /// Refused, by the bank before anything was taken or by the issuer, and the money is back. Nothing to do.
    #[n(4)]
    Refused(#[n(0)] String),
}

/// An order of one note under seal (HC-D3…D5).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct SealedOrder {
    /// The customer's word, which names the request by its digest.
    #[n(0)]
    pub(crate) order: Signed<WithdrawalOrder>,
    /// E_I.
    #[n(1)]
    pub(crate) request: ByteVec,
    /// What is sealed in it, with K; wiped once it is of no more use.
    #[n(2)]
    pub(crate) content: Option<ByteArray<CONTENT_LEN>>,
    /// Withdrawal that it is part of.
    #[n(3)]
    pub(crate) withdrawal: Nonce,
    /// The bank's word that it took the money.
    #[n(4)]
    pub(crate) receipt: Option<Signed<IssuanceOrder>>,
    #[n(5)]
    pub(crate) due: Time,
    #[n(6)]
    pub(crate) tries: u32,
    #[n(7)]
    pub(crate) state: SealedOrderState,
}

impl SealedOrder {
    /// Whether its outcome is not known yet.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, SealedOrderState::Issued | SealedOrderState::Refused(_))
    }

    pub(crate) fn money(&self) -> Money {
        let of = &self.order.record.of;
        Money::new(of.face, of.currency)
    }
}
