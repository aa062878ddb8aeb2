//! Payments: the chains whose last endorsements answer one challenge.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use zeni_crypto::{Digest, Signature};
use zeni_message::{Network, Time, limits::HOLDINGS_IN_PAYMENT_MAX};
use zeni_money::Amount;

use crate::{
    Chain, ChainFault, Challenge, Hop, RevocationList,
    chain::Endorsement,
    keylist::{Roots, Terms},
};

/// One holding's part in a payment (RN-D14): what the payer shows and signs.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Answer {
    /// The chain up to the payer.
    #[n(0)]
    pub chain: Chain,
    /// Amount passed on from it.
    #[n(1)]
    pub amount: Amount,
    /// The payer key's signature over the [`Endorsement`].
    #[n(2)]
    pub signature: Signature,
}

/// What a payer hands over: the answers to one challenge, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Payment {
    /// The network, so that another's payment is told apart from a damaged one.
    #[n(0)]
    pub network: Network,
    /// `e` of the challenge.
    #[n(1)]
    pub answer: Digest,
    /// At most [`HOLDINGS_IN_PAYMENT_MAX`].
    #[n(2)]
    pub answers: Vec<Answer>,
}

/// Why a payment is refused (RN-F4.2…F4.6), in the order of the checks. A refusal changes nothing on either side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentFault {
    /// Made for another network.
    #[error("this payment belongs to another network")]
    OtherNetwork,
    /// Answers no challenge of this holder (RN-X21).
    #[error("this payment answers no request of this wallet")]
    UnknownChallenge,
    /// No holding, or more than one payment may have.
    #[error("a payment has 1 to {max} holdings, this one has {found}")]
    Holdings {
        /// Found.
        found: usize,
        /// Allowed.
        max: usize,
    },
    /// A chain is in another currency than was asked (RN-X20).
    #[error("holding {holding} is in another currency")]
    Currency {
        /// Which answer.
        holding: usize,
    },
    /// A chain is not well formed.
    #[error("holding {holding}: {fault}")]
    Chain {
        /// Which answer.
        holding: usize,
        /// What is wrong.
        fault: ChainFault,
    },
    /// The note's validity has ended.
    #[error("holding {holding} is of a note that is no longer valid")]
    Expired {
        /// Which answer.
        holding: usize,
    },
    /// A series that the payee did not accept.
    #[error("holding {holding} is of series {series}, which was not accepted")]
    Series {
        /// Which answer.
        holding: usize,
        /// Its series.
        series: u32,
    },
    /// The payer has no licence and is not the first holder of the note: a key that was sealed for one note, or a shop's, holds
    /// nothing that it could pass on (DESIGN §5 "Right to hold").
    #[error("holding {holding}: the payer has no licence and may not pass this money on")]
    Unlicensed {
        /// Which answer.
        holding: usize,
    },
    /// The payer's licence is revoked (RN-X32).
    #[error("holding {holding}: the payer's licence is revoked")]
    Revoked {
        /// Which answer.
        holding: usize,
    },
    /// The payer's licence has ended (RN-X32).
    #[error("holding {holding}: the payer's licence has ended")]
    LicenceEnded {
        /// Which answer.
        holding: usize,
    },
    /// The chain is at its cap (RN-X34).
    #[error("holding {holding} has passed through {hops} hands, no more are allowed: have it renewed or deposit it")]
    Cap {
        /// Which answer.
        holding: usize,
        /// Endorsements in its chain.
        hops: usize,
    },
    /// The amount is zero or more than the payer held (RN-X20).
    #[error("holding {holding} passes on more than it holds, or nothing")]
    Amount {
        /// Which answer.
        holding: usize,
    },
    /// The payer's signature is false (RN-F4.6).
    #[error("holding {holding}: the payer's signature is false")]
    Signature {
        /// Which answer.
        holding: usize,
    },
    /// Together the holdings pass on more of one note or endorsement than its holder had: an overspending in plain sight.
    #[error(
        "holding {holding} shares money with another of the same payment, and together they pass on more than there was"
    )]
    Overspent {
        /// Which answer.
        holding: usize,
    },
    /// Two answers from one holding: a payer answers one challenge from it once.
    #[error("holding {holding} repeats another of the same payment")]
    Repeated {
        /// Which answer.
        holding: usize,
    },
    /// The amounts overflow.
    #[error("the amounts add up to more than can be")]
    Overflow,
    /// The revocation list is stale and the amount above the limit for that (RN-X33).
    #[error("the revocation list is older than {age_s} s: connect to fetch a new one, or accept at most {limit} minor units", limit = .limit.minor())]
    StaleList {
        /// Age of the list.
        age_s: u64,
        /// What may be accepted with it.
        limit: Amount,
    },
}

/// What the payee knows when he checks a payment.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a, T: ?Sized> {
    /// Keys of the network.
    pub roots: &'a Roots,
    /// Key lists at hand.
    pub terms: &'a T,
    /// The latest revocation list at hand.
    pub revocations: &'a RevocationList,
    /// The payee's time.
    pub now: Time,
}

/// A holding that a payment brought, checked.
#[derive(Clone, Debug)]
pub struct Received {
    /// The chain with the payment's endorsement at its end.
    pub chain: Chain,
    /// Identity of that endorsement.
    pub identity: Digest,
    /// Identity of what the payer held; a payer answers one challenge from it once.
    pub parent: Digest,
    /// What it brought.
    pub amount: Amount,
    /// Last time to pay it on; once it has passed, the holding can only be deposited.
    pub valid_until: Time,
    /// Payments between persons that may still follow.
    pub hops_left: usize,
}

/// A payment that was checked whole.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The holdings it brings.
    pub received: Vec<Received>,
    /// Their sum.
    pub total: Amount,
}

impl Payment {
    /// Checks the payment against the payee's own `challenge`, offline, in the order of [`PaymentFault`].
    ///
    /// Whether the challenge is still open, and whether the total is the one asked, is the caller's to see: a valid
    /// endorsement to one's own key is kept in any case (DESIGN §5).
    pub fn check<T: Terms + ?Sized>(
        &self,
        challenge: &Challenge,
        known: &Knowledge<'_, T>,
    ) -> Result<Checked, PaymentFault> {
        let network = known.roots.network;
        if self.network != network {
            return Err(PaymentFault::OtherNetwork);
        }
        if self.answer != challenge.answer(network) {
            return Err(PaymentFault::UnknownChallenge);
        }
        let found = self.answers.len();
        if found == 0 || found > HOLDINGS_IN_PAYMENT_MAX {
            return Err(PaymentFault::Holdings { found, max: HOLDINGS_IN_PAYMENT_MAX });
        }
        let mut received: Vec<Received> = Vec::with_capacity(found);
        for (holding, answer) in self.answers.iter().enumerate() {
            let one = answer.check(holding, challenge, &challenge.opening(network), known)?;
            if received.iter().any(|other| other.parent == one.parent) {
                return Err(PaymentFault::Repeated { holding });
            }
            received.push(one);
        }
        if let Some(holding) = overspent(received.iter().map(|one| &one.chain), known.roots) {
            return Err(PaymentFault::Overspent { holding });
        }
        let total = Amount::sum(received.iter().map(|one| one.amount)).ok_or(PaymentFault::Overflow)?;
        let fresh = known.now.since(known.revocations.time);
        for answer in &self.answers {
            let note = &answer.chain.note.record;
            let Some(terms) = known.terms.terms(note.series, note.epoch) else { continue };
            if fresh > u64::from(terms.list_fresh_s) && total > terms.stale_limit {
                return Err(PaymentFault::StaleList { age_s: fresh, limit: terms.stale_limit });
            }
        }
        Ok(Checked { received, total })
    }
}

/// The first of `chains` with which a node passes on more than its holder had, if any: distinct children of a shared node
/// add up (RN-F4.3, X20). The chains are well formed.
pub fn overspent<'a>(chains: impl Iterator<Item = &'a Chain>, roots: &Roots) -> Option<usize> {
    // node → what its known children pass on; child → seen before
    let mut passed_on: BTreeMap<Digest, Amount> = BTreeMap::new();
    let mut seen: BTreeSet<Digest> = BTreeSet::new();
    for (index, chain) in chains.enumerate() {
        let nodes = chain.walk(roots).ok()?.nodes;
        for pair in nodes.windows(2) {
            let (parent, child) = (&pair[0], &pair[1]);
            if !seen.insert(child.identity) {
                continue;
            }
            let sum = passed_on.entry(parent.identity).or_insert(Amount::ZERO);
            match sum.checked_add(child.value) {
                Some(more) if more <= parent.value => *sum = more,
                _ => return Some(index),
            }
        }
    }
    None
}

impl Answer {
    fn check<T: Terms + ?Sized>(
        &self,
        holding: usize,
        challenge: &Challenge,
        opening: &crate::Opening,
        known: &Knowledge<'_, T>,
    ) -> Result<Received, PaymentFault> {
        let note = &self.chain.note.record;
        if note.currency != challenge.currency {
            return Err(PaymentFault::Currency { holding });
        }
        let checked =
            self.chain.verify(known.roots, known.terms).map_err(|fault| PaymentFault::Chain { holding, fault })?;
        let terms = checked.terms();
        // what was signed in time and comes late is still good for a deposit (DESIGN §5)
        if known.now > terms.deposit_until || challenge.time > terms.valid_until {
            return Err(PaymentFault::Expired { holding });
        }
        if !challenge.series.is_empty() && !challenge.series.contains(&note.series) {
            return Err(PaymentFault::Series { holding, series: note.series });
        }
        let payer = checked.leaf();
        let hops = self.chain.hops.len();
        if hops > 0 && self.chain.right().licence().is_none() {
            return Err(PaymentFault::Unlicensed { holding });
        }
        if known.revocations.revokes(&payer.holder) {
            return Err(PaymentFault::Revoked { holding });
        }
        // judged by the payee's own time in the challenge, as every later reader of the chain judges it
        if self.chain.right().had_ended(challenge.time) {
            return Err(PaymentFault::LicenceEnded { holding });
        }
        let left = usize::from(terms.payments_max).checked_sub(hops + 1).ok_or(PaymentFault::Cap { holding, hops })?;
        let hops_left = if challenge.right.licence().is_some() { left } else { 0 };
        if self.amount.is_zero() || self.amount > payer.value {
            return Err(PaymentFault::Amount { holding });
        }
        let endorsement =
            Endorsement { parent: payer.identity, amount: self.amount, answer: opening.answer_for(&challenge.payee) };
        let message = zeni_message::sig_structure(known.roots.network, &endorsement);
        payer.holder.verify(&message, &self.signature).map_err(|_| PaymentFault::Signature { holding })?;
        let hop =
            Hop { opening: *opening, amount: self.amount, signature: self.signature, payee: challenge.right.clone() };
        Ok(Received {
            identity: zeni_crypto::sha256(&[&message]),
            parent: payer.identity,
            chain: self.chain.extended(hop),
            amount: self.amount,
            valid_until: terms.valid_until,
            hops_left,
        })
    }
}

#[cfg(test)]
mod tests;
