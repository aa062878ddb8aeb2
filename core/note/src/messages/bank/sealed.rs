//! Orders under seal, where they stand, and the question for who is behind one.

use alloc::{string::String, vec::Vec};

use zeni_message::{
    Auth, Bank, Message, Role, Signed, Time,
    limits::{MESSAGE_BYTES_MAX, SMALL_MESSAGE_BYTES_MAX},
    refusals,
};

use crate::{
    Nonce, OverspendingProof,
    sealed::{CONTENT_LEN, IssuanceOrder, REPLY_LEN, WithdrawalOrder},
};

/// One note ordered under seal.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SealedItem {
    /// The customer's order, which names the sealed request by its digest.
    #[n(0)]
    pub order: Signed<WithdrawalOrder>,
    /// E_I: the request, sealed to the issuer.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub request: Vec<u8>,
}

/// HC-F2.4: reserve the face values on the caller's account, forward the requests, debit what the issuer answers with a note and
/// release what it refuses (HC-O15). The same items again are answered as they stand.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct WithdrawSealed {
    /// At most [`SEALED_ITEMS_MAX`].
    #[n(0)]
    pub items: Vec<SealedItem>,
}

/// Orders under seal in one message: each is about 1.5 kilobytes.
pub const SEALED_ITEMS_MAX: usize = 256;

/// E_K: the issuer's reply under the K of a request, as it travels.
pub type SealedReply = minicbor::bytes::ByteArray<{ REPLY_LEN + 16 }>;

/// Where an order under seal stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SealedState {
    /// The bank's word to the issuer, S_B(X, E_I): the customer's receipt for what was taken.
    #[n(0)]
    pub receipt: Signed<IssuanceOrder>,
    /// What came of it.
    #[n(1)]
    pub outcome: SealedOutcome,
}

/// What came of an order under seal.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum SealedOutcome {
    /// The face value is reserved, the issuer has not answered yet: ask again with the same items.
    #[n(0)]
    Pending,
    /// Debited; the issuer's reply, unread (HC-F2.17).
    #[n(1)]
    Issued(#[n(0)] SealedReply),
    /// Released; the stable word of the issuer's refusal.
    #[n(2)]
    Refused(#[n(0)] String),
}

refusals! {
    /// Why orders under seal are refused whole; nothing is reserved, nothing reaches the issuer (HC-F2.4, F2.5).
    pub enum WithdrawSealedRefusal {
        1 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} orders in one message, 1 to {max} are allowed";
        2 WrongAccount { 0 item: u32 } = Sender, Never, "wrong_account", "order {item} names another bank or account";
        3 NotSigned { 0 item: u32 } = Sender, Never, "not_signed", "order {item} is not signed by a key of this account";
        4 OtherRequest { 0 item: u32 } = Sender, Never, "other_request", "the sealed request of order {item} is another than the order names";
        5 OtherOrder { 0 item: u32 } = Sender, Never, "other_order", "another order has the id of order {item}";
        6 UnknownSeries { 0 item: u32 } = Sender, AfterRepair, "unknown_series", "this bank has no such face value of order {item} under seal in this epoch: fetch the key list";
        7 Closed { 0 item: u32 } = Nobody, AfterRepair, "closed", "the epoch of order {item} is over: fetch the key list";
        8 MixedCurrencies = Sender, Never, "mixed_currencies", "the orders are in one currency, that of the account";
        9 Repeated { 0 item: u32 } = Sender, Never, "repeated", "the sealed request of order {item} was ordered before";
        13 OtherTime { 0 item: u32, 1 now: Time } = Sender, AfterRepair, "other_time", "order {item} is dated more than a day from the bank's time, {now}: set the clock and order anew";
        14 NotCertified { 0 item: u32 } = Sender, AfterRepair, "not_certified", "no certificate of the key of order {item} holds at the time of the order: join anew";
        10 Suspended = Sender, Never, "suspended", "the bank has suspended withdrawals under seal from this account: speak to it";
        11 InsufficientFunds { 0 available: u64 } = Sender, AfterRepair, "insufficient_funds", "the account has only {available} minor units available";
        12 TooManyRefused { 0 max: u32 } = Sender, Later, "too_many_refused", "of this account's orders of one day {max} were refused or wait for their answers: order again later";
    }
}

impl Message for WithdrawSealed {
    type To = Bank;
    type Reply = Vec<SealedState>;
    type Refusal = WithdrawSealedRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/withdraw-sealed";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Asks where orders under seal stand, by the ids that the caller gave them; orders nothing. "Refused" is the bank's word alone:
/// whoever was told so asks again, since a note that was issued after all is lost to him without its answer (HC-X9).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetSealedOrders {
    /// At most [`SEALED_ITEMS_MAX`].
    #[n(0)]
    pub orders: Vec<Nonce>,
}

refusals! {
    /// Why the states of orders under seal are not told.
    pub enum GetSealedOrdersRefusal {
        1 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} orders in one message, 1 to {max} are allowed";
    }
}

impl Message for GetSealedOrders {
    type To = Bank;
    /// Per id; none where the account has no such order.
    type Reply = Vec<Option<SealedState>>;
    type Refusal = GetSealedOrdersRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/sealed-orders";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// HC-F5.3: the issuer asks the bank of an overspent note to identify its holder. The bank checks everything itself, seals the
/// content again to see that it is the request of one of its customers, and only then looks it up (HC-F5.4, HC-V31).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct IdentifyOverspender {
    /// The proof against the sealed key.
    #[n(0)]
    pub proof: OverspendingProof,
    /// (X, K, N_U, TM) as it was sealed.
    #[n(1)]
    pub content: minicbor::bytes::ByteArray<CONTENT_LEN>,
}

/// What the issuer learns: no name (HC-O23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Identification {
    /// The customer stands in the bank's case file.
    #[n(0)]
    Identified,
    /// No customer of this bank has ordered this request (HC-X40, HC-X41).
    #[n(1)]
    Unknown,
}

refusals! {
    /// Why nobody is looked up (HC-F5.4, HC-X39).
    pub enum IdentifyRefusal {
        1 NoProof = Sender, Never, "no_proof", "the evidence does not prove overspending";
        2 NotSealed = Sender, Never, "not_sealed", "the overspender's key is licensed: the authority knows it";
        3 OtherNote = Sender, Never, "other_note", "the content is not that of a request for the overspent note";
        4 UnknownEpoch = Receiver, AfterRepair, "unknown_epoch", "the bank has no key list of the note's epoch";
        5 KeyMaker = Sender, Never, "key_maker", "the issuer made the note's key itself: this bank names nobody on its word";
    }
}

impl Message for IdentifyOverspender {
    type To = Bank;
    type Reply = Identification;
    type Refusal = IdentifyRefusal;
    const FROM: &'static [Role] = &[Role::Issuer];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/identify-overspender";
    const MAX: usize = MESSAGE_BYTES_MAX;
}
