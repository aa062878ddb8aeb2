//! What the operations tell: plain data that the command line prints as text or JSON.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use zeni_crypto::PublicKey;
use zeni_message::{Signed, Time};
use zeni_money::Money;
use zeni_note::{
    Challenge, Payment,
    sealed::{IssuanceOrder, WithdrawalOrder},
};

use crate::{CardRefused, Via};

/// A person or shop joined (RN-F1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// Name in the authority's file.
    pub name: String,
    /// Licences drawn.
    pub licences: usize,
}

/// What a synchronisation brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Latest epoch whose key list is at hand.
    pub epoch: u32,
    /// Key lists that are new.
    pub key_lists: usize,
    /// Number of the revocation list at hand.
    pub revocations: u64,
    /// Licences in stock.
    pub stock: usize,
    /// Whether withdrawals are stopped because two key lists exist for one epoch.
    pub stopped: bool,
}

/// A withdrawal (RN-F2, F3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withdrawn {
    /// Id of the order, hexadecimal.
    pub order: String,
    /// How the notes are issued.
    pub via: Via,
    /// Amount debited, or ordered under seal.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// Requests bought, or notes ordered under seal.
    pub requests: usize,
    /// Of these, notes already.
    pub redeemed: usize,
    /// Orders under seal that were refused, their money released: the stable word of each reason.
    pub refused: Vec<String>,
    /// Amount the bank credited back because it could not sign (RN-X8); absent when nothing was.
    #[serde(serialize_with = "maybe_money")]
    pub credited_back: Option<Money>,
    /// When the next request is due, seconds since 1970.
    #[serde(serialize_with = "maybe_time")]
    pub next_due: Option<Time>,
}

/// What a round of redemptions came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redeemed {
    /// Requests turned into notes.
    pub redeemed: usize,
    /// Requests that will be tried again: the stable word of the last reason of each.
    pub pending: Vec<&'static str>,
    /// Requests that no retry helps: the stable word of each reason.
    pub refused: Vec<&'static str>,
}

/// A request for payment, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The document.
    pub document: Signed<Challenge>,
    /// Amount asked.
    pub money: Money,
    /// Last time to sign.
    pub sign_until: Time,
    /// Whether it was made without a licence: what it brings can only be deposited.
    pub terminal: bool,
}

/// Who asks for a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PayeeName {
    /// The authority certified the name for the key that will hold the money; or the payee's bank did.
    Certified {
        /// The name.
        name: String,
        /// Short name of the bank, where it is its word and not the authority's.
        #[serde(skip_serializing_if = "Option::is_none")]
        bank: Option<String>,
    },
    /// Nobody vouches for the name (RN-X42).
    Unverified {
        /// What the payee calls itself.
        claimed: String,
        /// Short form of the key, to compare by voice.
        fingerprint: String,
    },
}

/// What a payer sees before he says yes; nothing is signed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Who asks.
    pub payee: PayeeName,
    /// How much.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// For what.
    pub memo: String,
    /// Last time to sign, seconds since 1970.
    #[serde(serialize_with = "time")]
    pub sign_until: Time,
    /// Holdings that will answer.
    pub holdings: usize,
    /// What this wallet holds and may pay on: x before the payment (HC-F3.1).
    #[serde(serialize_with = "money")]
    pub available: Money,
    /// Whether the payee has no licence: it can only deposit what it receives.
    pub terminal: bool,
    /// Whether this request was answered before: the same payment will be shown again.
    pub answered: bool,
}

/// A payment, stored and ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The document; the same request always gives the same.
    pub document: Payment,
    /// Amount paid.
    pub money: Money,
    /// Holdings that answer.
    pub holdings: usize,
    /// Whether the request was answered before.
    pub again: bool,
}

/// What became of a payment that was received (RN-F4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiveOutcome {
    /// It fulfils its request.
    Fulfilled,
    /// It came after the last time to sign: owed back.
    Late,
    /// The request was fulfilled before: owed back.
    Repeated,
    /// Less than was asked: owed back.
    Incomplete,
    /// More than was asked: owed back.
    Overpaid,
    /// Money that this wallet paid came back.
    GivenBack,
}

impl ReceiveOutcome {
    /// Whether the money must be sent back.
    pub fn is_owed_back(self) -> bool {
        !matches!(self, ReceiveOutcome::Fulfilled | ReceiveOutcome::GivenBack)
    }
}

/// A payment received and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceivedReport {
    /// What became of it.
    pub outcome: ReceiveOutcome,
    /// What it brought.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// Holdings it brought.
    pub holdings: usize,
    /// Earliest end of validity among them, seconds since 1970.
    #[serde(serialize_with = "time")]
    pub valid_until: Time,
    /// Fewest payments that can still follow.
    pub hops_left: usize,
}

/// One payment that sends back what is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBack {
    /// The document for the payer.
    pub document: Payment,
    /// Amount.
    pub money: Money,
}

/// Where a deposit, hand-in or refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DepositReport {
    /// Its id, hexadecimal.
    pub deposit: String,
    /// Amount sent in.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// Holdings sent in.
    pub holdings: usize,
    /// Available on the account.
    #[serde(serialize_with = "money")]
    pub available: Money,
    /// Credited but held until the issuer answers, or waiting until a refund is decided.
    #[serde(serialize_with = "money")]
    pub held: Money,
    /// When the last refund that waits is decided, seconds since 1970; absent when none waits.
    #[serde(serialize_with = "maybe_time")]
    pub waiting_until: Option<Time>,
    /// Claims in a case.
    #[serde(serialize_with = "money")]
    pub claimed: Money,
    /// Why items were not credited.
    pub refused: Vec<String>,
    /// What comes of it no more: what was refused, and what a refund finds passed on.
    #[serde(serialize_with = "money")]
    pub not_credited: Money,
    /// Whether the issuer has answered for every item.
    pub done: bool,
}

/// A holding renewed at the issuer (RN-X34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renewed {
    /// Its amount.
    #[serde(serialize_with = "money")]
    pub money: Money,
}

/// An unredeemed request claimed back (RN-X14). The bank has seen its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// Its amount.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// Stable word: `pending`, `credited` or `refused`.
    pub state: &'static str,
}

/// Available money by the way in which its notes were issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ways {
    /// On notes of registered series (RN-F2, F3).
    #[serde(serialize_with = "money")]
    pub registered: Money,
    /// On notes of series under seal (HC-F2).
    #[serde(serialize_with = "money")]
    pub sealed: Money,
}

/// One order under seal and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedReport {
    /// Stable word: `ordered`, `pending`, `disputed`, `issued` or `refused`.
    pub state: &'static str,
    /// The stable word of the refusal, where there was one, as the bank says.
    pub reason: Option<String>,
    /// Until when the wallet asks whether an order that the bank calls refused became a note after all; absent of other orders and
    /// where nothing can come any more.
    pub asked_until: Option<Time>,
    /// Its face value.
    pub money: Money,
    /// The customer's signed order.
    pub order: Signed<WithdrawalOrder>,
    /// Key by which the order is signed.
    pub account_key: PublicKey,
    /// The bank's word that it took the money.
    pub receipt: Option<Signed<IssuanceOrder>>,
    /// E_I.
    pub request: Vec<u8>,
    /// The wrong answer of a disputed order.
    pub answer: Option<Vec<u8>>,
}

/// What one currency of the wallet comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CurrencyBalance {
    /// ISO 4217 code.
    pub currency: String,
    /// May be paid on, or is payable again after a renewal.
    #[serde(serialize_with = "money")]
    pub available: Money,
    /// How what is available was issued.
    pub ways: Ways,
    /// Was received without a licence: can only be deposited.
    #[serde(serialize_with = "money")]
    pub deposit_only: Money,
    /// Ordered or bought from the bank and not yet notes, on the way into the card, or part of a deposit, hand-in, refund or
    /// renewal that is not finished.
    #[serde(serialize_with = "money")]
    pub pending: Money,
    /// Must be sent back.
    #[serde(serialize_with = "money")]
    pub owed_back: Money,
    /// Can only go back to the account, never to a payee: what came from a backup, what a refund file claims at most, what is on a note or a licence that
    /// ended, and what was closed without credit. Whole holdings of the latter two are deposited until the note's deposit
    /// limit; everything is refunded after it.
    #[serde(serialize_with = "money")]
    pub restored: Money,
}

/// The wallet's money.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Per currency, in order of code.
    pub balances: Vec<CurrencyBalance>,
    /// Requests that the issuer will not redeem, a part of what is pending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<StuckRequest>,
    /// Whether the operator froze the card: what it holds is refundable only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// Whether the card pays nobody before it was in contact with its bank.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_contact: bool,
    /// What the card holds and these records, which are older than the card, do not know.
    #[serde(serialize_with = "moneys", skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Money>,
    /// Why the bank does not take the card, as it said last: nothing is withdrawn to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_refused: Option<CardRefused>,
    /// ISO 4217 code of the account, where the wallet holds restored money in another currency: the account takes no refund of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_currency: Option<String>,
}

/// An issuance request that no retry redeems: it is claimed back at the bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StuckRequest {
    /// Its face value.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// Stable word of the issuer's reason, e.g. `revoked`.
    pub reason: String,
    /// First second in which the bank hears the claim.
    #[serde(serialize_with = "time")]
    pub claim_from: Time,
    /// Last second in which it does.
    #[serde(serialize_with = "time")]
    pub claim_until: Time,
}

/// One line of the wallet's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When, seconds since 1970.
    #[serde(serialize_with = "time")]
    pub time: Time,
    /// Stable word: `withdrawal`, `redemption`, `payment`, `receipt`, `owed_back`, `given_back`, `returned`, `deposit`,
    /// `hand_in`, `refund`, `deposit_refused`, `hand_in_refused`, `refund_refused`, `renewal`, `claim`, `restore`.
    pub kind: String,
    /// How much.
    #[serde(serialize_with = "money")]
    pub money: Money,
    /// Memo or name, where there is one.
    pub text: String,
    /// How the money was issued, where the line is about that; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// How a thing stands that was unfinished. In JSON `done`, whether it is finished, and `progress`, the word of the variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is finished.
    Done,
    /// It waits for a term that is known; there is nothing to do before.
    Waiting,
    /// It is not finished: the next `resume` tries again.
    Open,
    /// It was refused; `resume` does not try it again.
    Refused,
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = match self {
            Progress::Done => "done",
            Progress::Waiting => "waiting",
            Progress::Open => "open",
            Progress::Refused => "refused",
        };
        let mut fields = serializer.serialize_struct("Progress", 2)?;
        fields.serialize_field("done", &(*self == Progress::Done))?;
        fields.serialize_field("progress", word)?;
        fields.end()
    }
}

/// One thing that was unfinished and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resumed {
    /// Stable word: `card`, `load`, `payment`, `withdrawal`, `redemption`, `sealed_order`, `deposit`, `renewal`, `claim`, `lists`.
    pub what: &'static str,
    /// How it stands now.
    #[serde(flatten)]
    pub progress: Progress,
    /// `done`, or the stable word of the reason why it is not.
    pub outcome: &'static str,
    /// The reason in words, where there is one.
    pub reason: String,
    /// What was renewed, where it is a renewal that is finished.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub renewed: Vec<Renewed>,
}

pub(crate) fn money<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&money.to_wire())
}

fn moneys<S: Serializer>(moneys: &[Money], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(moneys.iter().map(Money::to_wire))
}

fn maybe_money<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    match money {
        Some(money) => serializer.serialize_some(&money.to_wire()),
        None => serializer.serialize_none(),
    }
}

fn time<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.0)
}

fn maybe_time<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_some(&time.0),
        None => serializer.serialize_none(),
    }
}
