//! Messages to a bank. All but [`Enrol`] and [`GetClearance`] come over a connection with the customer's certificate.

mod card;

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{
    Auth, Bank, Message, NoRefusal, Role, Signed, Time,
    limits::{MESSAGE_BYTES_MAX, SMALL_MESSAGE_BYTES_MAX},
    refusals,
};
use zeni_money::{Amount, Currency};

use crate::{
    Chain, NameCertificate, Nonce,
    closing::{ClosingPurpose, HandIn},
    request::{IssuanceRequest, RequestClaim},
};

mod sealed;

pub use sealed::{
    GetSealedOrders, GetSealedOrdersRefusal, Identification, IdentifyOverspender, IdentifyRefusal, SEALED_ITEMS_MAX,
    SealedItem, SealedOutcome, SealedReply, SealedState, WithdrawSealed, WithdrawSealedRefusal,
};

pub use card::{ClearanceRefusal, ContactCard, ContactRefusal, Contacted, GetClearance, OpenRefund, REFUNDS_KEPT_MAX};

/// A customer's first contact: certifies the key of his connections (RN-F2.1).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Enrol {
    /// Account.
    #[n(0)]
    pub account: String,
    /// The bank's secret for the account.
    #[n(1)]
    pub code: String,
    /// Certificate signing request, DER.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub csr: Vec<u8>,
    /// Whether a shop enrols.
    #[n(3)]
    pub shop: bool,
    /// The key that signs the customer's withdrawal orders; moves no money by itself (HC-O3). The signing request names it by
    /// [`account_key_digest`](crate::sealed::account_key_digest).
    #[n(4)]
    pub account_key: PublicKey,
    /// The key for which a shop that no authority registers asks the bank to certify the account's name.
    #[n(5)]
    pub payee_key: Option<PublicKey>,
}

/// The customer's certificate chain.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Enrolled {
    /// PEM: the customer's certificate, then the bank's customer authority.
    #[n(0)]
    pub chain: String,
    /// Salt of the account's digests in closings and claims ([`crate::spec::deposit_account`]).
    #[n(1)]
    pub account_salt: Nonce,
    /// The bank's word that the account's name belongs to the shop's key, where it was asked for.
    #[n(2)]
    pub name: Option<Signed<NameCertificate>>,
}

refusals! {
    /// Why a customer is not enrolled.
    pub enum EnrolRefusal {
        1 UnknownAccount = Sender, AfterRepair, "unknown_account", "the bank has no such account or the code is wrong: check both with the bank";
        2 BadRequest = Sender, AfterRepair, "bad_request", "the certificate signing request is malformed, its signature is false, or the account key is none";
        3 OtherAccountKey = Sender, Never, "other_account_key", "the certificate signing request names another account key than was sent, or none";
        4 NoShop = Sender, Never, "no_shop", "names are certified for shops only";
        5 TooManyCertificates { 0 max: u32 } = Sender, Later, "too_many_certificates", "the account has {max} certificates that hold: enrol again when one has ended, or use one of its wallets";
    }
}

impl Message for Enrol {
    type To = Bank;
    type Reply = Enrolled;
    type Refusal = EnrolRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/enrol";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// One blinded key, to be signed for one face value (RN-F2.4).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct BlindedItem {
    /// Digest of the key entry.
    #[n(0)]
    pub entry: Digest,
    /// The blinded message, big-endian, below the modulus.
    #[n(1)]
    pub blinded: minicbor::bytes::ByteArray<256>,
}

/// RN-F2.2, F2.4: debit the caller's account and sign. The same order again gives the same signatures (RN-X7).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Withdraw {
    /// Id that the wallet chose.
    #[n(0)]
    pub order: Nonce,
    /// At most [`BATCH_ITEMS_MAX`](zeni_message::limits::BATCH_ITEMS_MAX).
    #[n(1)]
    pub items: Vec<BlindedItem>,
}

/// RN-F2.6.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct BlindSignatures {
    /// In the order of the items.
    #[n(0)]
    pub signatures: Vec<minicbor::bytes::ByteArray<256>>,
}

refusals! {
    /// Why a withdrawal is refused; nothing is debited (RN-F2.2).
    pub enum WithdrawRefusal {
        1 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} items in one order, 1 to {max} are allowed";
        2 OtherOrder = Sender, Never, "other_order", "another order has this id";
        3 UnknownKey { 0 item: u32 } = Sender, AfterRepair, "unknown_key", "item {item} names no key of this bank in this epoch: fetch the key list";
        4 Closed { 0 item: u32 } = Nobody, AfterRepair, "closed", "the epoch of item {item} is over: fetch the key list";
        5 MixedCurrencies = Sender, Never, "mixed_currencies", "one order is in one currency";
        6 OutOfRange { 0 item: u32 } = Sender, Never, "out_of_range", "the blinded value of item {item} is not below the modulus";
        7 Repeated { 0 item: u32 } = Sender, Never, "repeated", "the blinded value of item {item} was signed in another order";
        8 InsufficientFunds { 0 available: u64 } = Sender, AfterRepair, "insufficient_funds", "the account has only {available} minor units available";
    }
}

impl Message for Withdraw {
    type To = Bank;
    type Reply = BlindSignatures;
    type Refusal = WithdrawRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/withdraw";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// "The unblinded signature of this item does not verify" (RN-X8): the bank checks what it stored and signs again, or
/// credits the item back if it cannot.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct DisputeSignature {
    /// The order.
    #[n(0)]
    pub order: Nonce,
    /// Place of the item in it.
    #[n(1)]
    pub item: u32,
}

/// Outcome of a dispute about a blind signature.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[expect(clippy::large_enum_variant, reason = "one in flight per message; a box would only move the same bytes")]
pub enum DisputeOutcome {
    /// This is the right signature, checked with the public key.
    #[n(0)]
    Signature(#[n(0)] minicbor::bytes::ByteArray<256>),
    /// The bank cannot sign it; the amount is back on the account.
    #[n(1)]
    Credited(#[n(0)] Amount),
}

refusals! {
    /// Why a dispute is not heard.
    pub enum DisputeRefusal {
        1 UnknownOrder = Sender, Never, "unknown_order", "this account has no such order or item";
    }
}

impl Message for DisputeSignature {
    type To = Bank;
    type Reply = DisputeOutcome;
    type Refusal = DisputeRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/dispute-signature";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// Asks for the bank's challenge of a deposit, a hand-in or a refund (RN-O14).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct OpenDeposit {
    /// Id that the depositor chose; the same id gets the same challenge.
    #[n(0)]
    pub deposit: Nonce,
}

/// The bank's challenge.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct DepositChallenge {
    /// TIME: the day of the challenge, so that it tells little about other times of the depositor.
    #[n(0)]
    pub time: Time,
    /// The bank's nonce.
    #[n(1)]
    pub nonce: Nonce,
}

refusals! {
    /// Why no deposit is opened.
    pub enum OpenDepositRefusal {
        1 OtherAccount = Sender, Never, "other_account", "another account uses this deposit id";
    }
}

impl Message for OpenDeposit {
    type To = Bank;
    type Reply = DepositChallenge;
    type Refusal = OpenDepositRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/open-deposit";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// One holding with its own closing.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ClosedChain {
    /// The chain up to the depositor.
    #[n(0)]
    pub chain: Chain,
    /// Amount closed: the leaf's whole value, or in a refund the rest of the node.
    #[n(1)]
    pub amount: Amount,
    /// The holder key's signature over the closing.
    #[n(2)]
    pub signature: Signature,
}

/// RN-F5.1: holdings closed to the caller's account, each by its own key; also claims of refunds.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Deposit {
    /// The deposit or the refund with the challenge that the bank opened.
    #[n(0)]
    pub purpose: ClosingPurpose,
    /// At most [`BATCH_ITEMS_MAX`](zeni_message::limits::BATCH_ITEMS_MAX).
    #[n(1)]
    pub items: Vec<ClosedChain>,
}

/// RN-F5.1 for a shop: all takings under one signature.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct HandInTakings {
    /// The signature over all.
    #[n(0)]
    pub hand_in: Signed<HandIn>,
    /// The chains in the order of the leaves.
    #[n(1)]
    pub chains: Vec<Chain>,
}

/// Where each item of a deposit stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct DepositState {
    /// Currency of the deposit.
    #[n(0)]
    pub currency: Currency,
    /// Per item.
    #[n(1)]
    pub items: Vec<ItemState>,
}

/// Where one item of a deposit stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum ItemState {
    /// Credited but held until the issuer answers.
    #[n(0)]
    Held(#[n(0)] Amount),
    /// Available on the account.
    #[n(1)]
    Available(#[n(0)] Amount),
    /// Part is available, the rest is a claim in a case.
    #[n(2)]
    Partly {
        /// Available.
        #[n(0)]
        available: Amount,
        /// Claimed.
        #[n(1)]
        claimed: Amount,
    },
    /// Not credited; a stable word says why.
    #[n(3)]
    Refused(#[n(0)] String),
    /// A refund that waits for the end of the dispute term.
    #[n(4)]
    Waiting {
        /// When it is paid.
        #[n(0)]
        until: Time,
    },
}

refusals! {
    /// Why a deposit is refused whole; nothing is credited (RN-F5.1).
    pub enum DepositRefusal {
        1 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} holdings in one deposit, 1 to {max} are allowed";
        2 UnknownChallenge = Sender, AfterRepair, "unknown_challenge", "the bank opened no such deposit for this account: open one";
        3 OtherContent = Sender, Never, "other_content", "this deposit id was used for other holdings";
        4 WrongAccount = Sender, Never, "wrong_account", "the closing names another bank or account";
        5 MixedCurrencies = Sender, Never, "mixed_currencies", "one deposit is in one currency, one the account has";
        6 Malformed { 0 item: u32 } = Earlier, Never, "malformed", "holding {item} is not well formed";
        7 WrongClosing { 0 item: u32 } = Sender, Never, "wrong_closing", "the closing of holding {item} is not signed by its holder, or is not over its whole value";
        8 Late { 0 item: u32 } = Sender, Never, "late", "holding {item} came after the deposit limit of its note: claim a refund";
        9 Repeated { 0 item: u32 } = Sender, Never, "repeated", "holding {item} was deposited here before";
        10 TooEarly { 0 item: u32, 1 from: Time } = Nobody, Later, "too_early", "holding {item} can still be deposited; refunds of it are heard from {from} on";
    }
}

impl Message for Deposit {
    type To = Bank;
    type Reply = DepositState;
    type Refusal = DepositRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/deposit";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

impl Message for HandInTakings {
    type To = Bank;
    type Reply = DepositState;
    type Refusal = DepositRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/hand-in";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Asks where a deposit stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetDeposit {
    /// Id of the deposit.
    #[n(0)]
    pub deposit: Nonce,
}

refusals! {
    /// Why a deposit's state is not told.
    pub enum GetDepositRefusal {
        1 UnknownDeposit = Sender, AfterRepair, "unknown_deposit", "this account has no such deposit: send it";
    }
}

impl Message for GetDeposit {
    type To = Bank;
    type Reply = DepositState;
    type Refusal = GetDepositRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/deposit-state";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// RN-X14: an unredeemed request against the account, after T1.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ClaimRequest {
    /// The request; showing it reveals its key.
    #[n(0)]
    pub request: IssuanceRequest,
    /// Signed by the request's key.
    #[n(1)]
    pub claim: Signed<RequestClaim>,
}

/// Where a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum ClaimState {
    /// Waits for the issuer's answer.
    #[n(0)]
    Pending,
    /// The amount is on the account.
    #[n(1)]
    Credited,
    /// The request was redeemed or claimed before.
    #[n(2)]
    Refused,
}

refusals! {
    /// Why a claim is refused.
    pub enum ClaimRefusal {
        1 WrongAccount = Sender, Never, "wrong_account", "the claim names another bank or account";
        2 UnknownKey = Sender, Never, "unknown_key", "the request names no key of this bank";
        3 TooEarly { 0 from: Time } = Nobody, Later, "too_early", "the request can still be redeemed at the issuer; claims are heard from {from} on";
        4 TooLate = Sender, Never, "too_late", "the term for claims of this epoch is over";
        5 BadRequest = Sender, Never, "bad_request", "the bank's signature on the request is false";
        6 NotPossessed = Sender, Never, "not_possessed", "the claim is not signed by the request's key";
        7 OtherClaim = Sender, Never, "other_claim", "another claim of this request was heard before";
    }
}

impl Message for ClaimRequest {
    type To = Bank;
    type Reply = ClaimState;
    type Refusal = ClaimRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/claim-request";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// Asks for the caller's account.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetStatement {
    /// Entries after this place; 0 for all.
    #[n(0)]
    pub after: u64,
}

/// An account with its entries (RN-D18).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Statement {
    /// Currency.
    #[n(0)]
    pub currency: Currency,
    /// Available.
    #[n(1)]
    pub balance: Amount,
    /// Credited but held until the issuer answers.
    #[n(2)]
    pub held: Amount,
    /// Entries, oldest first.
    #[n(3)]
    pub entries: Vec<Entry>,
    /// The bank's own time: whoever deposits judges by it which terms have ended.
    #[n(4)]
    pub now: Time,
}

/// One entry of an account.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Entry {
    /// Place in the account.
    #[n(0)]
    pub place: u64,
    /// When.
    #[n(1)]
    pub time: Time,
    /// Stable word: `opening`, `withdrawal`, `release`, `deposit`, `claim`, `refund`, `correction`.
    #[n(2)]
    pub kind: String,
    /// Amount.
    #[n(3)]
    pub amount: Amount,
    /// Whether it adds to the balance.
    #[n(4)]
    pub credit: bool,
}

impl Message for GetStatement {
    type To = Bank;
    type Reply = Statement;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/statement";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}
