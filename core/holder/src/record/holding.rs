//! Money in hand.

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Signed, Time};
use zeni_money::{Amount, Currency};
use zeni_note::{Chain, LoadTicket, SeriesTerms, keylist::Terms};

use super::Via;

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
    /// When it came, by the wallet's clock.
    #[n(5)]
    pub(crate) arrived: Time,
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
        self.chain.hops.is_empty() && self.chain.note.record.way.is_sealed()
    }

    /// Whether it came back to the key that ordered its note under seal: closed, it would tell the bank which note the customer
    /// ordered, and it can be passed to no other key (HC-P1).
    pub(crate) fn would_reveal(&self) -> bool {
        self.is_terminal() && self.chain.note.record.way.is_sealed() && self.key() == self.chain.holder.key()
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
        Via::from(way.unwrap_or(note.way))
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
