//! Messages to the bank as operator of its customers' cards (docs/card.md).

use alloc::vec::Vec;

use zeni_crypto::Digest;
use zeni_message::{Auth, Bank, Message, Role, Signed, limits::SMALL_MESSAGE_BYTES_MAX, refusals};
use zeni_money::Currency;

use super::{DepositChallenge, OpenDepositRefusal};
use crate::{CardRules, Clearance, ContactTicket, Nonce, RevocationFilter};

/// A card shows its token to its operator. The same again gets the same ticket.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ContactCard {
    /// Number of the card.
    #[n(0)]
    pub card: Nonce,
    /// The token of its last ticket; none at the first contact.
    #[n(1)]
    pub token: Option<Nonce>,
    /// What the ticket answers.
    #[n(2)]
    pub nonce: Nonce,
    /// The greatest number of rules that it has, of whatever currency; 0 without any, and to be given all.
    #[n(3)]
    pub rules: u64,
    /// Number of the filter that it has; none where it wants none.
    #[n(4)]
    pub filter: Option<u64>,
}

/// The operator's answer.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Contacted {
    /// The next token, or the word that the card is frozen.
    #[n(0)]
    pub ticket: Signed<ContactTicket>,
    /// The newest rules for the card in each currency whose number is above the one that the card named, in ascending order:
    /// to be taken in this order, before the ticket.
    #[n(1)]
    pub rules: Vec<Signed<CardRules>>,
    /// A filter newer than the card's.
    #[n(2)]
    pub filter: Option<Signed<RevocationFilter>>,
    /// Currency of the owner's account.
    #[n(3)]
    pub currency: Currency,
}

refusals! {
    /// Why a card gets no ticket; nothing changes.
    pub enum ContactRefusal {
        1 OtherAccount = Sender, Never, "other_account", "this card belongs to another account of the bank";
        2 UnknownCard = Sender, Never, "unknown_card", "the bank knows nothing of this card's contacts: speak to it, and deposit what the card holds";
        3 TooManyCards { 0 max: u32 } = Sender, AfterRepair, "too_many_cards", "an account uses at most {max} cards at a time: speak to the bank";
        5 TooManyNew { 0 max: u32 } = Sender, AfterRepair, "too_many_new_cards", "an account takes at most {max} new cards a day: try again tomorrow";
    }
}

impl Message for ContactCard {
    type To = Bank;
    type Reply = Contacted;
    type Refusal = ContactRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/contact-card";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// Asks whether the filter names keys falsely. Comes without a certificate: the keys are those of payers, and the bank is not to
/// learn who was paid by whom.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetClearance {
    /// Number of the filter.
    #[n(0)]
    pub filter: u64,
    /// Digests of the keys, 1 to [`CLEARED_MAX`](crate::operator::CLEARED_MAX).
    #[n(1)]
    pub keys: Vec<Digest>,
}

refusals! {
    /// Why nothing is cleared.
    pub enum ClearanceRefusal {
        1 Count { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} keys in one message, 1 to {max} are allowed";
        2 OtherFilter { 0 newest: u64 } = Nobody, AfterRepair, "other_filter", "the newest filter has number {newest}: let the card take it first";
        3 Revoked { 0 item: u32 } = Earlier, Never, "revoked", "key {item} is revoked";
    }
}

impl Message for GetClearance {
    type To = Bank;
    type Reply = Signed<Clearance>;
    type Refusal = ClearanceRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/clearance";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// As [`OpenDeposit`](super::OpenDeposit) for refunds that a card signs in advance of its loss: the challenge waits until it
/// is used, until [`REFUNDS_KEPT_MAX`] newer ones of the same card displace it, or until no refund can come any more. A bank is busy
/// where it keeps no more for the account's other cards.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct OpenRefund {
    /// Id that the depositor chose; the same id gets the same challenge.
    #[n(0)]
    pub deposit: Nonce,
    /// Number of the card that signs. Of a number that the bank does not know as the account's, challenges are counted together.
    #[n(1)]
    pub card: Nonce,
}

/// Challenges that a bank keeps for refunds signed in advance, per card: those of a lost card outlive all that its replacement
/// asks for.
pub const REFUNDS_KEPT_MAX: u32 = 64;

impl Message for OpenRefund {
    type To = Bank;
    type Reply = DepositChallenge;
    type Refusal = OpenDepositRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/open-refund";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}
