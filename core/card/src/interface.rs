//! What a card does for its wallet.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Signed, Time};
use zeni_money::{Amount, Currency};
use zeni_note::{
    Chain, Challenge, ClosingPurpose, HandIn, LicenceRequest, LoadTicket, Nonce,
    closing::ToAccount,
    request::{Possession, RequestClaim},
    sealed::WithdrawalOrder,
};
use zeroize::Zeroizing;

/// Where a card is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Life {
    /// Signs and loads.
    #[n(0)]
    Operational,
    /// Moved to another card: signs and loads nothing any more; what was signed can still be read.
    #[n(1)]
    Retired,
}

/// Where one holding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum HoldingState {
    /// May be endorsed or closed.
    #[n(0)]
    Live,
    /// Came back from a backup: only a [`ClosingPurpose::BackupRefund`] may be signed (DESIGN §5 "Lost money").
    #[n(1)]
    Restored,
    /// Closed: never endorsed any more, but may be closed again.
    #[n(2)]
    Closed,
}

/// One holding as the card counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldingStatus {
    /// Identity of the node (note or endorsement).
    pub node: Digest,
    /// Key that holds it.
    pub key: PublicKey,
    /// Currency.
    pub currency: Currency,
    /// What came in.
    pub value: Amount,
    /// What is left.
    pub remaining: Amount,
    /// What a closing took: zero before the first; later closings take the same again, and only one of all is paid.
    pub closed: Amount,
    /// State.
    pub state: HoldingState,
}

/// A statement that moves no money. The card encodes it itself, so that no statement can pass for an endorsement.
#[derive(Clone, Debug)]
pub enum Statement<'a> {
    /// For the authority.
    LicenceRequest(&'a LicenceRequest),
    /// For the issuer: proof of possession.
    Possession(&'a Possession),
    /// For a bank: an unredeemed request back to an account. The card refuses once a note was loaded for the key's
    /// open slot of that request.
    RequestClaim(&'a RequestClaim),
    /// For a bank: the customer's order of one note under seal, signed by his account key (HC-D5). The card refuses a key for
    /// which a slot was opened: bank and issuer would see the same key (HC-O3).
    WithdrawalOrder(&'a WithdrawalOrder),
}

/// Why a card does not do what it is asked; nothing has changed. In the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The card was retired by a move.
    #[error("this card was moved to another: it signs nothing any more")]
    Retired,
    /// No such key on this card.
    #[error("the card does not hold this key")]
    UnknownKey,
    /// The key is for notes: it signs no withdrawal orders.
    #[error("this key is for money: orders are signed by the account key")]
    HoldsMoney,
    /// No slot was opened for this load, or it was used.
    #[error("no slot is open for this: money can be loaded only where the card asked for it")]
    NoSlot,
    /// This node was loaded before.
    #[error("this was loaded before")]
    LoadedBefore,
    /// What is to be loaded is not well formed.
    #[error("not loaded: {0}")]
    Chain(#[from] zeni_note::ChainFault),
    /// The issuer's leave to load is false or for something else.
    #[error("the issuer's leave to load is missing, false or for another note")]
    Ticket,
    /// No such holding.
    #[error("the card does not hold this money")]
    UnknownHolding,
    /// The holding came back from a backup; or the key did, and is to sign a new challenge, which needs a fresh key.
    #[error("restored money cannot be spent, and a restored key takes no new payment: claim a refund, use a fresh key")]
    Restored,
    /// The holding was closed.
    #[error("this holding was closed")]
    Closed,
    /// The same parent and answer were signed for another amount.
    #[error("this request was answered from this holding with {signed} minor units before", signed = .signed.minor())]
    OtherAmount {
        /// The amount signed before.
        signed: Amount,
    },
    /// The amount is zero or more than is left.
    #[error("only {remaining} minor units are left in this holding", remaining = .remaining.minor())]
    Insufficient {
        /// What is left.
        remaining: Amount,
    },
    /// A closing takes a whole leaf, and part of this one was endorsed; or a backup's refund was asked for what the card
    /// counts itself.
    #[error("part of this holding was passed on: pay the rest to yourself first")]
    NotWhole,
    /// Too many leaves, none, or leaves of several keys in one hand-in.
    #[error("a hand-in takes 1 to {max} whole holdings of one key")]
    HandIn {
        /// The most leaves.
        max: usize,
    },
    /// The memory of the card failed: nothing was signed.
    #[error("the card's memory failed: {0}")]
    Memory(String),
}

/// A secure element. Every method is durable before it returns; the same call again gives the same answer.
pub trait Card: Send {
    /// Where the card is in its life.
    fn life(&mut self) -> Result<Life, CardError>;

    /// Makes a key pair on the card and tells the public half.
    fn generate_key(&mut self) -> Result<PublicKey, CardError>;

    /// Signs a statement that moves no money.
    fn sign_statement(&mut self, key: &PublicKey, statement: &Statement<'_>) -> Result<Signature, CardError>;

    /// Signs a challenge of `challenge.payee` and opens a slot for what answers it.
    fn sign_challenge(&mut self, challenge: &Challenge) -> Result<Signature, CardError>;

    /// Opens a slot for one note to `key`; tells the nonce for the issuer. One key, one open slot, one nonce; after a load
    /// the next call opens another.
    fn open_load(&mut self, key: &PublicKey) -> Result<Nonce, CardError>;

    /// Opens a slot for one note whose key its issuer is to make (HC-F6); tells the nonce for the issuer. Each call opens
    /// another.
    fn open_blank(&mut self) -> Result<Nonce, CardError>;

    /// Takes over a key that somebody else made, who therefore knows it, for the blank slot of `nonce` (HC-F6, HC-O6). The same
    /// key again for the same slot changes nothing; [`CardError::NoSlot`] for another.
    fn adopt_key(&mut self, nonce: &Nonce, seed: &Zeroizing<[u8; 32]>) -> Result<PublicKey, CardError>;

    /// Loads a note into the slot whose nonce `ticket` names. The same load again gives the same answer while the holding is
    /// whole and open, [`CardError::LoadedBefore`] after that; the counter never rises again.
    fn load_note(&mut self, chain: &Chain, ticket: &Signed<LoadTicket>) -> Result<HoldingStatus, CardError>;

    /// Loads a received chain: its last endorsement answers a challenge signed here, or gives back what this card endorsed
    /// (once per endorsement given back). The same load again as in [`Card::load_note`].
    fn load_payment(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError>;

    /// Passes `amount` of the holding `node` on: durable decrement, then signature (RN-F4.5). The identical command again
    /// gives the identical signature, also when nothing is left.
    fn endorse(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Result<Signature, CardError>;

    /// Closes a whole holding, or for a refund what is left of it; tells the amount. A live holding takes every purpose but
    /// [`ClosingPurpose::BackupRefund`], a restored one that alone. What was closed may be closed again for another
    /// purpose, a rest for another refund: no closing that brings no credit loses money, and the issuer pays a node once.
    fn close(&mut self, node: &Digest, purpose: &ClosingPurpose) -> Result<(Amount, Signature), CardError>;

    /// Closes many whole holdings of one key under one signature, in the order given; also those closed whole before.
    fn hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Result<Signed<HandIn>, CardError>;

    /// One holding.
    fn holding(&mut self, node: &Digest) -> Result<Option<HoldingStatus>, CardError>;

    /// The signature given before for (node, answer), with its amount: for resuming.
    fn endorsed(&mut self, node: &Digest, answer: &Digest) -> Result<Option<(Amount, Signature)>, CardError>;

    /// All holdings with something left.
    fn holdings(&mut self) -> Result<Vec<HoldingStatus>, CardError>;

    /// Time floor: the latest time the card has seen signed by somebody else.
    fn time_floor(&mut self) -> Result<Time, CardError>;
}
