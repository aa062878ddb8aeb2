//! What a card does for its wallet.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Network, Signed, Time};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    CardRules, Chain, Challenge, Clearance, ClosingPurpose, ContactTicket, HandIn, LicenceRequest, LoadTicket, Nonce,
    RevocationFilter,
    closing::ToAccount,
    keylist::Roots,
    request::{Possession, RequestClaim},
    sealed::WithdrawalOrder,
};
use zeroize::Zeroizing;

/// Where a card is in its life, with the codes of ISO 7816-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Life {
    /// Blank: belongs to no network yet.
    #[n(1)]
    Manufactured = 1,
    /// Of a network, under its transport PIN.
    #[n(3)]
    Personalised = 3,
    /// Signs and loads.
    #[n(7)]
    Operational = 7,
    /// Wrong PINs ran out: waits for its PUK.
    #[n(15)]
    Locked = 15,
    /// Moved to another card: signs and loads nothing any more; what was signed can still be read.
    #[n(127)]
    Retired = 127,
}

impl Life {
    /// All states, in the order of a life.
    pub const ALL: [Life; 5] = [Life::Manufactured, Life::Personalised, Life::Operational, Life::Locked, Life::Retired];

    /// The state of a code.
    pub fn from_code(code: u8) -> Option<Life> {
        Life::ALL.into_iter().find(|life| life.code() == code)
    }

    /// The code.
    pub fn code(self) -> u8 {
        self as u8
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct HoldingStatus {
    /// Identity of the node (note or endorsement).
    #[n(0)]
    pub node: Digest,
    /// Key that holds it.
    #[n(1)]
    pub key: PublicKey,
    /// Currency.
    #[n(2)]
    pub currency: Currency,
    /// What came in.
    #[n(3)]
    pub value: Amount,
    /// What is left.
    #[n(4)]
    pub remaining: Amount,
    /// What a closing took: zero before the first; later closings take the same again, and only one of all is paid.
    #[n(5)]
    pub closed: Amount,
    /// State.
    #[n(6)]
    pub state: HoldingState,
}

/// What makes a blank card the card of a network, told to it once.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Identity {
    /// The network.
    #[n(0)]
    pub network: Network,
    /// The issuer's key.
    #[n(1)]
    pub issuer: PublicKey,
    /// The authority's key.
    #[n(2)]
    pub authority: PublicKey,
    /// The key of the card's operator, who signs tickets and rules: the owner's bank.
    #[n(3)]
    pub operator: PublicKey,
    /// The only currency that the card loads; none for any.
    #[n(4)]
    pub currency: Option<Currency>,
    /// Whether secret keys may leave the card in a backup or a move. Software cards alone allow it.
    #[n(5)]
    pub keys: KeyPolicy,
}

impl Identity {
    /// The keys that everything of the network is checked with.
    pub fn roots(&self) -> Roots {
        Roots { network: self.network, issuer: self.issuer, authority: self.authority }
    }
}

/// Whether secret keys may leave a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum KeyPolicy {
    /// Never.
    #[n(0)]
    Stay,
    /// In a backup or a move.
    #[n(1)]
    Leave,
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

/// A payment that is not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct OpenPayment {
    /// `e` of the challenge that it answers.
    #[n(0)]
    pub answer: Digest,
    /// What was signed for it so far.
    #[n(1)]
    pub parts: Vec<PaymentPart>,
}

/// One endorsement of an open payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct PaymentPart {
    /// Identity of the node that was passed on from.
    #[n(0)]
    pub node: Digest,
    /// Amount.
    #[n(1)]
    pub amount: Amount,
    /// Signature.
    #[n(2)]
    pub signature: Signature,
}

/// How far the orders of a card's operator have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct OperatorStatus {
    /// The greatest number of rules, of whatever currency; 0 without any.
    #[n(0)]
    pub rules: u64,
    /// Number of the filter of revoked keys; 0 without one.
    #[n(1)]
    pub filter: u64,
    /// The operator's time: the later of those of his last ticket and of the filter.
    #[n(2)]
    pub time: Time,
    /// Whether what the card holds can only be refunded.
    #[n(3)]
    pub frozen: bool,
}

/// What a card shows its operator, and nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Contact {
    /// Number of the card.
    #[n(0)]
    pub card: Nonce,
    /// The token of the last ticket; none at the first contact.
    #[n(1)]
    pub token: Option<Nonce>,
    /// What the next ticket answers.
    #[n(2)]
    pub nonce: Nonce,
}

/// Payments to others in one currency, as a card counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Counts {
    /// Payments since the last contact.
    #[n(0)]
    pub payments: u32,
    /// Amount since the last contact.
    #[n(1)]
    pub total: Amount,
    /// Day of the operator's time, counted from 1970.
    #[n(2)]
    pub day: u64,
    /// Amount on that day.
    #[n(3)]
    pub spent: Amount,
}

/// The rules of payments in one currency and what they are held against.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Limits {
    /// Rules; none where the operator gave none.
    #[n(0)]
    pub rules: Option<CardRules>,
    /// Counts.
    #[n(1)]
    pub counts: Counts,
    /// The operator's time.
    #[n(2)]
    pub time: Time,
    /// Whether the card pays others nothing before its first contact: keys stay on it, and its operator has not told it any
    /// rules yet.
    #[n(3)]
    pub awaits_contact: bool,
}

/// A limit that a payment would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// The card pays others nothing before its first contact.
    #[error("the card has not been in contact with your bank yet: connect to your bank")]
    NoContact,
    /// The card pays nothing any more.
    #[error("the card paid until {until}: connect to your bank")]
    Ended {
        /// The last second.
        until: Time,
    },
    /// One payment.
    #[error("one payment is at most {most}: pay less, or connect to your bank")]
    Payment {
        /// The most.
        most: Money,
    },
    /// Payments in a row.
    #[error("the card makes at most {most} payments in a row: connect to your bank")]
    Payments {
        /// The most.
        most: u32,
    },
    /// One day.
    #[error("only {left} is left for today: connect to your bank")]
    Day {
        /// What is left.
        left: Money,
    },
    /// All since the last contact.
    #[error("only {left} is left until the card has been in contact: connect to your bank")]
    Total {
        /// What is left.
        left: Money,
    },
}

impl Limits {
    /// Whether a new payment of `amount` to others keeps within them.
    pub fn allow_payment(&self, amount: Amount) -> Result<(), Limit> {
        self.allow(Amount::ZERO, amount, false)
    }

    /// Whether `amount` more keeps within them in a payment of which `paid` was signed; `begun` if it was counted already.
    pub(crate) fn allow(&self, paid: Amount, amount: Amount, begun: bool) -> Result<(), Limit> {
        if self.awaits_contact {
            return Err(Limit::NoContact);
        }
        let Some(rules) = &self.rules else { return Ok(()) };
        let within = |so_far: Amount, most: Amount| so_far.checked_add(amount).is_some_and(|sum| sum <= most);
        let money = |amount| Money::new(amount, rules.currency);
        let left = |so_far: Amount, most: Amount| money(most.checked_sub(so_far).unwrap_or(Amount::ZERO));
        if let Some(until) = rules.until.filter(|until| self.time > *until) {
            return Err(Limit::Ended { until });
        }
        if let Some(most) = rules.payment_max.filter(|most| !within(paid, *most)) {
            return Err(Limit::Payment { most: money(most) });
        }
        if let Some(most) = rules.payments_max.filter(|most| !begun && self.counts.payments >= *most) {
            return Err(Limit::Payments { most });
        }
        if let Some(most) = rules.day_max.filter(|most| !within(self.counts.spent, *most)) {
            return Err(Limit::Day { left: left(self.counts.spent, most) });
        }
        match rules.total_max.filter(|most| !within(self.counts.total, *most)) {
            Some(most) => Err(Limit::Total { left: left(self.counts.total, most) }),
            None => Ok(()),
        }
    }
}

/// Why a card does not do what it is asked; nothing has changed. In the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The card was retired by a move.
    #[error("this card was moved to another: it signs nothing any more")]
    Retired,
    /// The PIN was wrong too often.
    #[error("the card is locked, its PIN was wrong too often: unblock it with its PUK")]
    Locked,
    /// The card is not personalised yet, or has its transport PIN still; or it is, and was to be once more.
    #[error("the card is {life:?}: it does not do this now")]
    Life {
        /// Where it is.
        life: Life,
    },
    /// The PIN was not shown, or the card was reset since.
    #[error("the card asks for its PIN")]
    PinMissing,
    /// A wrong PIN or PUK.
    #[error("wrong PIN or PUK: {tries} tries are left")]
    Pin {
        /// Tries left.
        tries: u8,
    },
    /// Not a PIN.
    #[error("a PIN has {min} to {max} digits", min = PIN_DIGITS_MIN, max = PIN_DIGITS_MAX)]
    PinForm,
    /// The card does not do this, as it was personalised.
    #[error("this card does not do that: keys leave software cards alone")]
    Unsupported,
    /// Another payment was signed and not confirmed.
    #[error("a payment was signed and not finished: resume first")]
    ResumeFirst {
        /// Which.
        answer: Digest,
    },
    /// The operator froze the card.
    #[error(
        "this card was frozen, because a copy or an older state of it was used: what it holds can only be refunded"
    )]
    Frozen,
    /// Not signed by the card's operator, for another card, or not the answer to what the card asked.
    #[error("this is not the card's operator's order for this card")]
    Operator,
    /// The operator's order is not newer than what the card has.
    #[error("the operator's order has number {found}, the card has {held}")]
    Older {
        /// What the card has.
        held: u64,
        /// What came.
        found: u64,
    },
    /// The ticket asks for rules that the card has not.
    #[error("the card must take rules number {number} first")]
    RulesFirst {
        /// Their number.
        number: u64,
    },
    /// No such key on this card.
    #[error("the card does not hold this key")]
    UnknownKey,
    /// The key is for notes: it signs no withdrawal orders.
    #[error("this key is for money: orders are signed by the account key")]
    HoldsMoney,
    /// No slot was opened for this load, or it was used.
    #[error("no slot is open for this: money can be loaded only where the card asked for it")]
    NoSlot,
    /// An endorsement or an end of a load that was not begun.
    #[error("no load was begun")]
    NoLoad,
    /// This node was loaded before.
    #[error("this was loaded before")]
    LoadedBefore,
    /// The card holds another currency.
    #[error("this card takes no {found}", found = .found.code())]
    Currency {
        /// Currency of the note.
        found: Currency,
    },
    /// What is to be loaded is not well formed.
    #[error("not loaded: {0}")]
    Chain(#[from] zeni_note::ChainFault),
    /// The filter of revoked keys names the payer: the operator can clear him.
    #[error("the payer's licence may be revoked: connect to your bank and try again")]
    Revoked {
        /// His place among the holders of the chain.
        hop: usize,
    },
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
    /// The operator's rules do not allow it.
    #[error(transparent)]
    Limit(Limit),
    /// The open payment has as many endorsements as a payment can carry.
    #[error("a payment takes money from at most {max} holdings: pay in several payments")]
    Parts {
        /// The most.
        max: usize,
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
    /// A restoration was broken off.
    #[error("a backup was restored in part: restore it again")]
    HalfRestored,
    /// The memory of the card failed: nothing was signed.
    #[error("the card's memory failed: {0}")]
    Memory(String),
    /// The memory of the card has no room for more: nothing was signed.
    #[error("the card's memory is full: move what it holds to a new card")]
    Full,
    /// The link to the card failed: whether the command was carried out is unknown. The same again is safe.
    #[error("no answer from the card: {0}")]
    Link(String),
    /// The card answered what the driver cannot make sense of.
    #[error("the card answered {word:04X}, which means nothing here")]
    Strange {
        /// The status word.
        word: u16,
    },
}

/// Digits of the shortest PIN or PUK.
pub const PIN_DIGITS_MIN: usize = 4;
/// Digits of the longest PIN or PUK.
pub const PIN_DIGITS_MAX: usize = 12;

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

    /// Loads a received chain that answers a challenge signed here, whoever paid it, as closed: it is never endorsed, and can be
    /// closed to an account like anything closed before. For money that was taken before the filter named its payer. The same
    /// load again gives the same answer.
    fn load_closed(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError>;

    /// Passes `amount` of the holding `node` on: durable decrement, then signature (RN-F4.5). The identical command again
    /// gives the identical signature, also when nothing is left.
    fn endorse(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Result<Signature, CardError>;

    /// Closes a whole holding, or for a refund what is left of it; tells the amount. A live holding takes every purpose but
    /// [`ClosingPurpose::BackupRefund`], a restored one that alone. What was closed may be closed again for another
    /// purpose, a rest for another refund: no closing that brings no credit loses money, and the issuer pays a node once.
    fn close(&mut self, node: &Digest, purpose: &ClosingPurpose) -> Result<(Amount, Signature), CardError>;

    /// Most leaves that the card takes in one hand-in to whatever account, 1 to
    /// [`BATCH_ITEMS_MAX`](zeni_message::limits::BATCH_ITEMS_MAX).
    fn hand_in_max(&mut self) -> Result<usize, CardError>;

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

    /// The payment that [`Card::endorse`] began and [`Card::confirm`] has not ended. While there is one,
    /// [`CardError::ResumeFirst`] answers endorsements for another, closings, hand-ins, loads, challenges, refunds, moves
    /// and the operator's rules and tickets.
    fn open_payment(&mut self) -> Result<Option<OpenPayment>, CardError>;

    /// Ends the open payment `answer`: the wallet has stored it whole. Changes nothing where none is open.
    fn confirm(&mut self, answer: &Digest) -> Result<(), CardError>;

    /// Signs a [`ClosingPurpose::BackupRefund`] of what is left of a holding, or what its closing took, in advance of a loss:
    /// the holding stays as it is. Tells the amount.
    fn refund(&mut self, node: &Digest, to: &ToAccount) -> Result<(Amount, Signature), CardError>;

    /// How far the orders of the card's operator have come.
    fn operator(&mut self) -> Result<OperatorStatus, CardError>;

    /// The rules of payments to others in a currency, and their counts.
    fn limits(&mut self, currency: Currency) -> Result<Limits, CardError>;

    /// Takes rules of the operator that are newer than those it has; the same again changes nothing.
    fn take_rules(&mut self, rules: &Signed<CardRules>) -> Result<(), CardError>;

    /// Takes a newer filter of revoked keys; the same again changes nothing.
    fn take_filter(&mut self, filter: &Signed<RevocationFilter>) -> Result<(), CardError>;

    /// Takes the operator's word that the filter names keys falsely.
    fn take_clearance(&mut self, clearance: &Signed<Clearance>) -> Result<(), CardError>;

    /// Whether the filter names `key` and no clearance has it: a payment by it would not be loaded.
    fn names(&mut self, key: &PublicKey) -> Result<bool, CardError>;

    /// What the card shows its operator at a contact; the same until a ticket answers it.
    fn open_contact(&mut self) -> Result<Contact, CardError>;

    /// Takes the operator's ticket for [`Card::open_contact`]; the same again changes nothing.
    fn close_contact(&mut self, ticket: &Signed<ContactTicket>) -> Result<(), CardError>;
}
