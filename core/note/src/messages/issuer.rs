//! Messages to the issuer: the public ones come without any certificate, those of banks with theirs.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, LogEnd, Signature};
use zeni_message::{
    Auth, Issuer, Message, NoRefusal, Record, Role, Signed, Time,
    limits::{MESSAGE_BYTES_MAX, SMALL_MESSAGE_BYTES_MAX},
    refusals,
};
use zeni_money::{Amount, Currency};

use crate::{
    Chain, Closing, KeyEntry, KeyList, Licence, LoadTicket, Nonce, Note,
    closing::HandIn,
    messages::bank::SealedReply,
    request::{IssuanceRequest, RequestClaim},
    sealed::IssuanceOrder,
};

/// Asks for the key lists from an epoch on.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetKeyLists {
    /// First epoch wanted.
    #[n(0)]
    pub from_epoch: u32,
}

impl Message for GetKeyLists {
    type To = Issuer;
    type Reply = Vec<KeyList>;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop, Role::Bank];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/key-lists";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// Asks for a nonce over which the next message proves possession.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetNonce {}

/// A nonce, good for some seconds.
pub type ServerNonce = minicbor::bytes::ByteArray<32>;

impl Message for GetNonce {
    type To = Issuer;
    type Reply = ServerNonce;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/nonce";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// RN-F3.2: a request against a note.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Redeem {
    /// The request.
    #[n(0)]
    pub request: IssuanceRequest,
    /// Licence of its key.
    #[n(1)]
    pub licence: Signed<Licence>,
    /// Nonce of the card's open slot.
    #[n(2)]
    pub slot: Nonce,
    /// The issuer's nonce.
    #[n(3)]
    pub nonce: ServerNonce,
    /// The key's signature over [`crate::request::Possession`] {content id of the request, nonce}.
    #[n(4)]
    pub possession: Signature,
}

/// RN-F3.6: the note and the leave to load it.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Issued {
    /// The note.
    #[n(0)]
    pub note: Signed<Note>,
    /// For the slot that the request named first.
    #[n(1)]
    pub ticket: Signed<LoadTicket>,
}

refusals! {
    /// Why a request is not redeemed; it stays unspent (RN-F3.3). A nonce that the issuer never made is refused first; one
    /// of its own that is too old only if no note is stored for the request.
    pub enum RedeemRefusal {
        1 StaleNonce = Nobody, Later, "stale_nonce", "the nonce is too old or from elsewhere: ask for a new one";
        2 UnknownKey = Sender, Never, "unknown_key", "the request names no key of any bank";
        3 OtherKey = Sender, Never, "other_key", "request and licence name different keys";
        4 BadKey = Sender, Never, "bad_key", "the key is not canonical and of prime order";
        5 BadRequest = Sender, Never, "bad_request", "the bank's signature on the request is false";
        6 BadLicence = Sender, AfterRepair, "bad_licence", "the licence is not signed by the authority";
        7 NotPossessed = Sender, Never, "not_possessed", "the sender does not prove that it holds the key";
        8 Expired { 0 claim_until: Time } = Sender, AfterRepair, "expired", "the term for redeeming is over: claim the amount back at the bank before {claim_until}";
        9 LicenceEnded = Sender, AfterRepair, "licence_ended", "the licence ended";
        10 Revoked = Sender, Never, "revoked", "the licence is revoked";
        11 Void = Sender, Never, "void", "the request was claimed back at the bank";
        12 NotCounted = Nobody, Later, "not_counted", "the bank has not reported this signature yet: try again shortly";
        13 Ceiling = Nobody, Later, "ceiling", "the bank is at its ceiling: try again later";
        14 Stopped = Receiver, Later, "stopped", "the issuer has stopped this series: try again later";
    }
}

impl Message for Redeem {
    type To = Issuer;
    type Reply = Issued;
    type Refusal = RedeemRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/redeem";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// One request under seal with the bank's order for it.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SealedIssue {
    /// S_B(X, E_I).
    #[n(0)]
    pub order: Signed<IssuanceOrder>,
    /// E_I.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub request: Vec<u8>,
}

/// HC-F2.8: a bank forwards requests under seal; no U in it. At most
/// [`SEALED_ITEMS_MAX`](crate::messages::bank::SEALED_ITEMS_MAX).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct IssueSealed {
    /// The requests.
    #[n(0)]
    pub items: Vec<SealedIssue>,
}

/// The issuer's answer to one request under seal.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum SealedAnswer {
    /// The note's signatures under K; the note is registered.
    #[n(0)]
    Issued(#[n(0)] SealedReply),
    /// No note, now or ever, for this request: the bank releases the money (HC-X2…X4, X6, X12).
    #[n(1)]
    Refused(#[n(0)] SealedRefusal),
}

refusals! {
    /// Why a request under seal gets no note (HC-F2.9…F2.13), in the order of the checks. Final for the request: what was refused
    /// for the time being is marked void first, so that no delayed copy of it can still be issued.
    pub enum SealedRefusal {
        1 BadOrder = Sender, Never, "bad_order", "the order is not signed by the bank, or is for another request";
        2 UnknownSeries = Sender, Never, "unknown_series", "the bank takes part in no such face value of a sealed series in this epoch";
        3 Sealed = Earlier, Never, "not_opened", "the request does not open, or was not sealed as it has to be";
        4 OtherAmount = Earlier, Never, "other_amount", "bank and request name different amounts, currencies, series or epochs";
        5 KeyMaker = Earlier, Never, "key_maker", "no keys are made for customers of this bank: issuer and bank have not both agreed to it";
        6 BadKey = Earlier, Never, "bad_key", "the key is not canonical and of prime order";
        7 Void = Sender, Never, "void", "the request was refused before";
        8 Registered = Earlier, Never, "registered", "another request was issued for the same number and key";
        9 Closed = Nobody, Never, "closed", "the term for withdrawals of this epoch is over";
        10 Stopped = Receiver, Never, "stopped", "the issuer has stopped this series: order again later";
        11 Ceiling = Nobody, Never, "ceiling", "the bank is at its ceiling: order again later";
    }
}

refusals! {
    /// Why requests under seal are refused whole.
    pub enum IssueSealedRefusal {
        1 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} requests in one message, 1 to {max} are allowed";
    }
}

impl Message for IssueSealed {
    type To = Issuer;
    type Reply = Vec<SealedAnswer>;
    type Refusal = IssueSealedRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/issue-sealed";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Asks for the transfers that settlement cycles have ordered since.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetTransfers {
    /// After this number.
    #[n(0)]
    pub after: u64,
}

/// One order of a settlement cycle to one bank: what it pays or receives, netted (HC-F4.11, HC-O13). Under a random id, it names no
/// note, payment or shop.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Transfer {
    /// Counts up per bank.
    #[n(0)]
    pub number: u64,
    /// Id of the cycle; random.
    #[n(1)]
    pub cycle: Nonce,
    /// Currency.
    #[n(2)]
    pub currency: Currency,
    /// Amount.
    #[n(3)]
    pub amount: Amount,
    /// Whether the bank pays it; else it receives it.
    #[n(4)]
    pub pays: bool,
    /// What of the bank's own sealed notes came back in the cycle: so much it no longer holds for their holders (HC-D20).
    #[n(5)]
    pub returned: Amount,
}

impl Message for GetTransfers {
    type To = Issuer;
    type Reply = Vec<Transfer>;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/transfers";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// RN-X34: a leaf closed whole, for a new note under a fresh key with the same terms.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Renew {
    /// The chain.
    #[n(0)]
    pub chain: Chain,
    /// A closing for [`crate::ClosingPurpose::Renewal`]; names the new licence.
    #[n(1)]
    pub closing: Closing,
    /// Nonce of the card's open slot.
    #[n(2)]
    pub slot: Nonce,
}

refusals! {
    /// Why a chain is not renewed.
    pub enum RenewRefusal {
        1 NotRenewal = Sender, Never, "not_renewal", "the closing is not for a renewal";
        2 Malformed = Earlier, Never, "malformed", "the chain is not well formed";
        3 WrongClosing = Sender, Never, "wrong_closing", "the closing is not signed by the holder, or not over the whole value";
        4 BadLicence = Sender, AfterRepair, "bad_licence", "the new licence is not the authority's, has ended or is revoked";
        5 Expired = Sender, Never, "expired", "the note is no longer valid: deposit it or claim a refund";
        6 Revoked = Sender, Never, "revoked", "the holder's licence is revoked";
        7 Closed = Sender, Never, "closed", "this leaf was closed before, otherwise";
        8 UnknownNote = Receiver, Never, "unknown_note", "the note is in no register: the issuer looks into it";
        9 Overspent = Earlier, Never, "overspent", "the chain was overspent: deposit it, and what is over becomes a claim in a case";
        10 Stopped = Receiver, Later, "stopped", "the issuer has stopped this series: try again later";
    }
}

impl Message for Renew {
    type To = Issuer;
    type Reply = Issued;
    type Refusal = RenewRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/renew";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// A bank brings its keys for the next epoch.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SubmitKeys {
    /// One entry per series and face value.
    #[n(0)]
    pub entries: Vec<KeyEntry>,
}

refusals! {
    /// Why keys are not taken.
    pub enum SubmitKeysRefusal {
        1 OtherBank = Sender, Never, "other_bank", "an entry names another bank";
        2 Published { 0 epoch: u32 } = Sender, Never, "published", "the list of epoch {epoch} is published already";
        3 Content { 0 entry: u32 } = Sender, AfterRepair, "content", "entry {entry} is for no series of the epoch, repeats a key or is not a 2048-bit modulus";
    }
}

impl Message for SubmitKeys {
    type To = Issuer;
    type Reply = u32;
    type Refusal = SubmitKeysRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/submit-keys";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// How many signatures a bank has made under each of its keys, and its totals, signed (DESIGN §4).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Counts {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// Counts up with each report.
    #[n(1)]
    pub number: u64,
    /// Digest of a key entry and signatures made under it, ascending by digest.
    #[n(2)]
    pub signed: Vec<(Digest, u64)>,
    /// Per currency: what the bank believes of its position.
    #[n(3)]
    pub totals: Vec<BankTotals>,
    /// How far the bank's log of identifications has come: held by another, its end cannot be cut off unseen (HC-F5.6).
    #[n(4)]
    pub identifications: Option<LogReport>,
}

/// An end that a hash-chained log had ([`LogEnd`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct LogMark {
    /// Number of the last entry, 0 before the first.
    #[n(0)]
    pub number: u64,
    /// Its hash, zeros before the first.
    #[n(1)]
    pub head: Digest,
}

impl LogMark {
    /// Before the first entry.
    pub const START: LogMark = LogMark { number: LogEnd::START.number, head: LogEnd::START.head };
}

/// A log from one report to the next. It tells how many entries there are and nothing of what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct LogReport {
    /// The end in the report before, as the log has that entry now; [`LogMark::START`] in the first.
    #[n(0)]
    pub before: LogMark,
    /// The end now.
    #[n(1)]
    pub end: LogMark,
}

impl LogReport {
    /// Whether the log goes on from `mark`, where a report left it: nothing was cut off, altered or written anew.
    pub fn continues(&self, mark: &LogMark) -> bool {
        self.before == *mark && (self.end.number > mark.number || self.end == *mark)
    }
}

/// A bank's own totals in one currency, to be compared with the issuer's books (RN-F9.2, RN-P22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct BankTotals {
    /// Currency.
    #[n(0)]
    pub currency: Currency,
    /// Debited from accounts for blind signatures.
    #[n(1)]
    pub signed: Amount,
    /// Credited from returns that the issuer accepted.
    #[n(2)]
    pub returned: Amount,
    /// Credited back for requests that the issuer voided.
    #[n(3)]
    pub reclaimed: Amount,
    /// Debited from accounts for notes issued under seal (HC-F7.1).
    #[n(4)]
    pub sealed: Amount,
}

impl Record for Counts {
    const KIND: &'static str = "zeni/counts";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX * 4;
}

/// A bank's signed counts.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ReportCounts {
    /// Signed with the bank's document key.
    #[n(0)]
    pub counts: Signed<Counts>,
}

refusals! {
    /// Why counts are not taken.
    pub enum ReportCountsRefusal {
        1 OtherBank = Sender, Never, "other_bank", "the counts name another bank";
        2 BadSignature = Sender, Never, "bad_signature", "the counts are not signed by the bank";
        3 Older { 0 last: u64 } = Sender, Never, "older", "report {last} was taken before, and a count never goes down";
        4 UnknownKey { 0 entry: u32 } = Sender, Never, "unknown_key", "count {entry} is of no published key of this bank";
    }
}

impl Message for ReportCounts {
    type To = Issuer;
    type Reply = u64;
    type Refusal = ReportCountsRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/counts";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX * 4;
}

/// RN-F6.1, RN-D21: chains with their closings, up to [`BATCH_ITEMS_MAX`](zeni_message::limits::BATCH_ITEMS_MAX).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Return {
    /// Id that the bank chose.
    #[n(0)]
    pub batch: Nonce,
    /// Hand-ins that closings of kind `Taking` refer to; all leaves of a hand-in stand in the same batch.
    #[n(1)]
    pub hand_ins: Vec<Signed<HandIn>>,
    /// The items.
    #[n(2)]
    pub items: Vec<ReturnItem>,
}

/// One returned chain.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ReturnItem {
    /// The chain.
    #[n(0)]
    pub chain: Chain,
    /// Its closing.
    #[n(1)]
    pub closing: Closing,
}

/// The issuer's answer about one returned item (RN-F6.2), in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum Outcome {
    /// Paid in full as of right.
    #[n(0)]
    Paid,
    /// Paid up to the room in the tree; the excess is a claim in a case. What a backup's refund asks above the room of its own
    /// node is no excess.
    #[n(1)]
    Partly {
        /// Paid as of right.
        #[n(0)]
        paid: Amount,
    },
    /// The leaf came back before, through another bank, account or closing: no credit, no case (RN-X26).
    #[n(2)]
    Duplicate,
    /// Not well formed or a signature is false.
    #[n(3)]
    Malformed,
    /// Arrived after the deposit limit of the note: no case.
    #[n(4)]
    Late,
    /// In neither register nor archive: an alarm, never an accusation (RN-X24); credit stays held.
    #[n(5)]
    Unknown,
    /// A refund that waits for the end of the dispute term.
    #[n(6)]
    Waiting {
        /// When it is decided.
        #[n(0)]
        until: Time,
    },
    /// A refund asked for before the note's deposit limit has passed.
    #[n(7)]
    TooEarly,
}

/// The issuer's signed word on a batch.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ReturnAnswer {
    /// The batch.
    #[n(0)]
    pub batch: Nonce,
    /// The bank.
    #[n(1)]
    pub bank: String,
    /// Per item.
    #[n(2)]
    pub outcomes: Vec<Outcome>,
}

impl Record for ReturnAnswer {
    const KIND: &'static str = "zeni/return-answer";
}

refusals! {
    /// Why a batch is refused whole; nothing of it is booked.
    pub enum ReturnRefusal {
        1 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} items in one batch, 1 to {max} are allowed";
        2 OtherBatch = Sender, Never, "other_batch", "another batch has this id";
        3 HandIn { 0 hand_in: u32 } = Sender, Never, "hand_in", "hand-in {hand_in} does not cover its leaves";
    }
}

impl Message for Return {
    type To = Issuer;
    type Reply = Signed<ReturnAnswer>;
    type Refusal = ReturnRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/return";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Claims that were decided since, so that banks can credit them: excess of cases and refunds.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetDecisions {
    /// After this number.
    #[n(0)]
    pub after: u64,
}

/// One decided claim.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Decision {
    /// Counts up per bank.
    #[n(0)]
    pub number: u64,
    /// Identity of the leaf (the closed node).
    #[n(1)]
    pub leaf: Digest,
    /// Paid on top of what was paid before; zero if refused.
    #[n(2)]
    pub paid: Amount,
    /// Claimed in a case from now on, which another decision ends; zero where this one is the last.
    #[n(3)]
    pub claimed: Amount,
}

impl Message for GetDecisions {
    type To = Issuer;
    type Reply = Vec<Decision>;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/decisions";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// RN-X14: a bank asks the issuer to void an unredeemed request for one claim.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct VoidRequest {
    /// The request.
    #[n(0)]
    pub request: IssuanceRequest,
    /// The holder's claim; the voiding is bound to it.
    #[n(1)]
    pub claim: Signed<RequestClaim>,
}

refusals! {
    /// Why a request is not voided.
    pub enum VoidRefusal {
        1 UnknownKey = Sender, Never, "unknown_key", "the request names no key of this bank";
        2 BadRequest = Sender, Never, "bad_request", "the bank's signature on the request is false";
        3 NotPossessed = Sender, Never, "not_possessed", "the claim is not signed by the request's key";
        4 TooEarly = Nobody, Later, "too_early", "the request can still be redeemed";
        5 TooLate = Sender, Never, "too_late", "the term for claims of this epoch is over";
        6 Redeemed = Sender, Never, "redeemed", "the request was redeemed";
        7 OtherClaim = Sender, Never, "other_claim", "the request was voided for another claim";
    }
}

impl Message for VoidRequest {
    type To = Issuer;
    type Reply = bool;
    type Refusal = VoidRefusal;
    const FROM: &'static [Role] = &[Role::Bank];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/void-request";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

#[cfg(test)]
mod tests;
