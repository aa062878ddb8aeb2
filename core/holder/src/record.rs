//! What a holder stores. Every wait state that survives a restart is a variant whose doc line says the recovery action.

mod back;
mod sealed;

use zeni_crypto::{Digest, PublicKey, blind::Blinding};
use zeni_message::{Signed, Time};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    Chain, Challenge, KeyList, LoadTicket, NameCertificate, Nonce, Payment, RevocationList, Right, SeriesTerms,
    keylist::{Terms, TwoKeyLists, Way},
    request::IssuanceRequest,
};

use crate::{
    schema,
    table::{Sql, Stored},
};

pub(crate) use back::{DepositKind, DepositPhase, OwnDeposit, Renewal, RenewalPhase, SelfPayment};
pub(crate) use sealed::{SealedOrder, SealedOrderState};

/// How much two pieces of money of one person show of each other (RN-P6, P7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Privacy {
    /// f-1: one long-lived licence; nobody learns its name, but all its money can be seen to be one person's.
    #[n(0)]
    Untraceable,
    /// f-2: a fresh licence for every note and every receipt, from a stock drawn ahead.
    #[n(1)]
    Unlinkable,
}

/// What kind of holder this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Kind {
    /// A person.
    #[n(0)]
    Wallet,
    /// A shop: one long-lived key with a name certificate, takings handed in under one signature.
    #[n(1)]
    Shop,
}

/// How money is withdrawn and issued, and so who can name its first holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Via {
    /// Blindly signed requests, redeemed without the bank, to keys that the authority can name (RN-F2, F3).
    #[n(0)]
    Registered,
    /// Through the bank under seal, to keys that the bank can name with the issuer's evidence (HC-F2).
    #[n(1)]
    Sealed,
}

impl From<Way> for Via {
    fn from(way: Way) -> Via {
        if way.is_sealed() { Via::Sealed } else { Via::Registered }
    }
}

/// Who the holder is.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Profile {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// The account there.
    #[n(1)]
    pub account: String,
    /// Salt of the account's digest in closings.
    #[n(2)]
    pub account_salt: Nonce,
    /// Name in the authority's file; the account where nobody is registered.
    #[n(3)]
    pub name: String,
    /// Privacy regime.
    #[n(4)]
    pub privacy: Privacy,
    /// Person or shop.
    #[n(5)]
    pub kind: Kind,
    /// The long-lived key: of an untraceable wallet and of a shop.
    #[n(6)]
    pub main: Option<PublicKey>,
    /// PEM chain of the certificate for connections to the bank.
    #[n(7)]
    pub certificates: String,
    /// Key that signs withdrawal orders, and nothing about notes (HC-O3).
    #[n(8)]
    pub account_key: PublicKey,
    /// Whether the authority licenses this holder's keys; without that it withdraws under seal and what it receives can only be
    /// deposited (DESIGN §5 "Right to hold").
    #[n(9)]
    pub registered: bool,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum LicenceUse {
    /// The long-lived one.
    #[n(0)]
    Main,
    /// Not used yet.
    #[n(1)]
    Stock,
    /// Bound to one note, receipt or deposit.
    #[n(2)]
    Used,
}

/// One of the card's keys with its right to hold: licensed, or terminal in a wallet without licences.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnRight {
    #[n(0)]
    pub(crate) right: Right,
    #[n(1)]
    pub(crate) certificate: Option<Signed<NameCertificate>>,
    #[n(2)]
    pub(crate) used: LicenceUse,
    /// Epoch in which it was drawn.
    #[n(3)]
    pub(crate) epoch: Option<u32>,
}

/// A key list as a row.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct StoredKeyList {
    #[n(0)]
    pub(crate) list: KeyList,
}

/// The revocation list as a row.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct StoredRevocations {
    #[n(0)]
    pub(crate) list: Signed<RevocationList>,
}

/// Something that shows that keys are not the same for all (RN-X9).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[expect(clippy::large_enum_variant, reason = "one is read at a time; a box would only move the same bytes")]
pub enum Evidence {
    /// Proof against issuer and authority: withdrawals stop.
    #[n(0)]
    TwoKeyLists(#[n(0)] TwoKeyLists),
    /// A payee named another key list for an epoch whose list is at hand: a sign, no proof.
    #[n(1)]
    ForeignChallenge(#[n(0)] Signed<Challenge>),
}

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

/// Where a holding stands. What is left of it, the card knows.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum HoldingPhase {
    /// A note stored and perhaps not in the card. Recovery: load it with the ticket.
    #[n(0)]
    LoadingNote(#[n(0)] Signed<LoadTicket>),
    /// A receipt stored and perhaps not in the card. Recovery: load it.
    #[n(1)]
    Loading {
        /// Whether it must be sent back.
        #[n(0)]
        owed_back: bool,
    },
    /// In the card, may be spent. Nothing to do.
    #[n(2)]
    Ours,
    /// In the card, must be sent back. Recovery: `give_back`.
    #[n(3)]
    OwedBack,
    /// Part of a deposit, hand-in, refund or renewal. Recovery: that of the operation it is part of.
    #[n(4)]
    Committed,
    /// Nothing is left of it here. Nothing to do.
    #[n(5)]
    Gone,
    /// Closed, and the closing brought no credit: never paid on. Recovery: `deposit`, `hand_in` or `refund` closes it again.
    #[n(6)]
    Closed {
        /// Whether a bank may still take it as a deposit; else only as a refund.
        #[n(0)]
        deposit: bool,
    },
}

/// One holding.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Holding {
    /// Identity of the node.
    #[n(0)]
    pub(crate) node: Digest,
    /// The chain up to the holder's key.
    #[n(1)]
    pub(crate) chain: Chain,
    /// What came in.
    #[n(2)]
    pub(crate) value: Amount,
    /// Whether its key was made for this one receipt: such a key may sign to a named account (RN-O19).
    #[n(3)]
    pub(crate) fresh: bool,
    #[n(4)]
    pub(crate) phase: HoldingPhase,
}

/// Where a challenge of the holder's own stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum ChallengeState {
    /// Waits for a payment. Nothing to do; what comes late is owed back.
    #[n(0)]
    Open,
    /// A payment fulfilled it.
    #[n(1)]
    Fulfilled,
}

/// A challenge of the holder's own.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnChallenge {
    #[n(0)]
    pub(crate) answer: Digest,
    #[n(1)]
    pub(crate) document: Signed<Challenge>,
    #[n(2)]
    pub(crate) fresh: bool,
    #[n(3)]
    pub(crate) state: ChallengeState,
}

/// One holding's part in a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Part {
    #[n(0)]
    pub(crate) node: Digest,
    #[n(1)]
    pub(crate) amount: Amount,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum PaymentState {
    /// The card may have signed. Recovery: have the same parts signed again, which gives the same bytes; then show it.
    #[n(0)]
    Endorsing(#[n(0)] Vec<Part>),
    /// Stored whole. Recovery: show the same bytes again.
    #[n(1)]
    Ready(#[n(0)] Payment),
}

/// A payment to somebody else or a give-back.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnPayment {
    #[n(0)]
    pub(crate) answer: Digest,
    #[n(1)]
    pub(crate) money: Money,
    /// What was asked; none for a give-back.
    #[n(2)]
    pub(crate) asked: Option<Signed<Challenge>>,
    #[n(3)]
    pub(crate) state: PaymentState,
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Line {
    /// The same event twice is one line.
    #[n(0)]
    pub(crate) event: Digest,
    #[n(1)]
    pub(crate) time: Time,
    #[n(2)]
    pub(crate) kind: String,
    #[n(3)]
    pub(crate) money: Money,
    #[n(4)]
    pub(crate) text: String,
    /// How the money was issued, where the line is about that.
    #[n(5)]
    pub(crate) via: Option<Via>,
}

impl Line {
    pub(crate) fn new(time: Time, kind: &str, subject: &[u8], money: Money, text: &str) -> Line {
        let event = zeni_crypto::tagged("zeni/history", &[kind.as_bytes(), subject]);
        Line { event, time, kind: kind.into(), money, text: text.into(), via: None }
    }

    /// The same line about money that was issued that way.
    pub(crate) fn via(self, via: Via) -> Line {
        Line { via: Some(via), ..self }
    }
}

impl OwnRight {
    pub(crate) fn key(&self) -> PublicKey {
        self.right.key()
    }

    /// The same key as the long-lived one.
    pub(crate) fn into_main(self) -> OwnRight {
        OwnRight { used: LicenceUse::Main, ..self }
    }

    /// The same key, bound to something.
    pub(crate) fn spent(mut self) -> OwnRight {
        if self.used == LicenceUse::Stock {
            self.used = LicenceUse::Used;
        }
        self
    }

    /// The same key, back in stock: whatever it was bound to never left this wallet.
    pub(crate) fn unspent(mut self) -> OwnRight {
        if self.used == LicenceUse::Used {
            self.used = LicenceUse::Stock;
        }
        self
    }
}

impl Holding {
    pub(crate) fn key(&self) -> PublicKey {
        self.chain.right().key()
    }

    /// Whether it was received without a licence: nothing can follow but its closing.
    pub(crate) fn is_terminal(&self) -> bool {
        !self.chain.hops.is_empty() && self.chain.right().licence().is_none()
    }

    /// Whether it is a note under seal whose key withdrew it: signing to a named account would tell the bank which note the
    /// customer ordered (HC-P1).
    pub(crate) fn is_own_sealed(&self) -> bool {
        self.chain.hops.is_empty() && self.chain.note.record.sealed
    }

    /// Whether it came back to the key that ordered its note under seal: closed, it would tell the bank which note the customer
    /// ordered, and it can be passed to no other key (HC-P1).
    pub(crate) fn would_reveal(&self) -> bool {
        self.is_terminal() && self.chain.note.record.sealed && self.key() == self.chain.holder.key()
    }

    pub(crate) fn currency(&self) -> Currency {
        self.chain.currency()
    }

    /// Whether its key may still sign a payment at `now`, to itself included (RN-X32): note and licence are valid, and it was not
    /// received without a licence. Unknown terms forbid nothing.
    pub(crate) fn is_payable<T: Terms + ?Sized>(&self, terms: &T, now: Time) -> bool {
        let note = &self.chain.note.record;
        terms.terms(note.series, note.epoch).is_none_or(|terms| self.is_payable_under(terms, now))
            && !self.is_terminal()
            && !self.chain.right().had_ended(now)
    }

    /// As [`Holding::is_payable`] under the note's terms.
    pub(crate) fn is_payable_under(&self, terms: &SeriesTerms, now: Time) -> bool {
        now <= terms.valid_until && !self.is_terminal() && !self.chain.right().had_ended(now)
    }

    /// How its note was issued: a renewed note of a series under seal counts as that.
    pub(crate) fn via<T: Terms + ?Sized>(&self, terms: &T) -> Via {
        let note = &self.chain.note.record;
        let way = terms.terms(note.series, note.epoch).map(|terms| terms.way);
        way.map_or(if note.sealed { Via::Sealed } else { Via::Registered }, Via::from)
    }

    /// Whether a bank takes it as a deposit at `now`.
    pub(crate) fn is_in_time<T: Terms + ?Sized>(&self, terms: &T, now: Time) -> bool {
        let note = &self.chain.note.record;
        terms.terms(note.series, note.epoch).is_some_and(|terms| now <= terms.deposit_until)
    }

    pub(crate) fn with(&self, phase: HoldingPhase) -> Holding {
        Holding { phase, ..self.clone() }
    }
}

macro_rules! stored {
    ($($type:ident in $table:ident, id $id:expr, active $active:expr;)*) => {$(
        impl Stored for $type {
            const SQL: &'static Sql = &schema::$table;
            fn id(&self) -> Vec<u8> {
                let id: fn(&$type) -> Vec<u8> = $id;
                id(self)
            }
            fn active(&self) -> bool {
                let active: fn(&$type) -> bool = $active;
                active(self)
            }
        }
    )*};
}

/// Id of the only row of a table.
pub(crate) const ONLY: &[u8] = &[0];

stored! {
    Profile in PROFILE, id |_| ONLY.to_vec(), active |_| true;
    OwnRight in OWN_RIGHT, id |it| it.key().0.to_vec(), active |it| it.used != LicenceUse::Used;
    StoredKeyList in KEY_LIST, id |it| it.list.record.epoch.to_be_bytes().to_vec(), active |_| true;
    StoredRevocations in REVOCATIONS, id |_| ONLY.to_vec(), active |_| true;
    Evidence in EVIDENCE, id |it| zeni_crypto::sha256(&[&zeni_message::encode(it)]).0.to_vec(), active |_| true;
    Withdrawal in WITHDRAWAL, id |it| it.order.to_vec(), active |it| it.state == WithdrawalState::Ordered;
    Request in REQUEST, id |it| it.request.content_id().0.to_vec(), active |it| !matches!(
        it.state,
        RequestState::Redeemed | RequestState::Credited | RequestState::Lost(_)
    );
    SealedOrder in SEALED_ORDER, id |it| it.order.record.of.request.0.to_vec(), active |it| it.is_open();
    Holding in HOLDING, id |it| it.node.0.to_vec(), active |it| it.phase != HoldingPhase::Gone;
    OwnChallenge in CHALLENGE, id |it| it.answer.0.to_vec(), active |it| it.state == ChallengeState::Open;
    OwnPayment in PAYMENT, id |it| it.answer.0.to_vec(), active |it| matches!(it.state, PaymentState::Endorsing(_));
    OwnDeposit in DEPOSIT, id |it| it.id.to_vec(), active |it| !matches!(
        it.phase,
        DepositPhase::Done(_) | DepositPhase::Refused(_)
    );
    Renewal in RENEWAL, id |it| it.node.0.to_vec(), active |it| matches!(
        it.phase,
        RenewalPhase::Moving(_) | RenewalPhase::Closing { .. }
    );
    Line in HISTORY, id |it| it.event.0.to_vec(), active |_| true;
}
