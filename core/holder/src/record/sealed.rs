//! Orders under seal as the holder keeps them.

use minicbor::bytes::{ByteArray, ByteVec};
use zeni_message::{Signed, Time};
use zeni_money::Money;
use zeni_note::{
    Nonce,
    messages::bank,
    sealed::{CONTENT_LEN, IssuanceOrder, SealedContent, WithdrawalOrder},
};
use zeroize::Zeroize;

/// Where an order under seal stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
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
    /// Refused, by the bank before anything was taken or by the issuer, as the bank says: nobody else vouches for it. Recovery:
    /// while the content is kept, ask where the order stands, never order again; a note that comes after all is taken.
    #[n(4)]
    Refused(#[n(0)] String),
}

/// What was sealed, with K, as it is stored; wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub(crate) struct KeptContent(#[n(0)] ByteArray<CONTENT_LEN>);

impl KeptContent {
    /// Of a request that was just sealed.
    pub(crate) fn of(content: &SealedContent) -> KeptContent {
        KeptContent(content.to_bytes().into())
    }

    /// What was sealed; nothing if it is damaged.
    pub(crate) fn read(&self) -> Option<SealedContent> {
        SealedContent::from_bytes(&self.0[..]).ok()
    }
}

/// Shows nothing.
impl std::fmt::Debug for KeptContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptContent")
    }
}

impl Drop for KeptContent {
    fn drop(&mut self) {
        self.0.zeroize();
    }
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
    pub(crate) content: Option<KeptContent>,
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

    /// Whether the bank said that it was refused, and a note may come of it all the same.
    pub(crate) fn is_doubted(&self) -> bool {
        matches!(self.state, SealedOrderState::Refused(_)) && self.content.is_some()
    }

    pub(crate) fn money(&self) -> Money {
        let of = &self.order.record.of;
        Money::new(of.face, of.currency)
    }
}
