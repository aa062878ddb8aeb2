//! Chains: a note and the endorsements that brought it to its present holder (支払履歴情報, RN-D13).

mod place;

use alloc::{vec, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Record, Signed};
use zeni_money::{Amount, Currency};

use crate::{
    Note, Opening, Right,
    keylist::{Roots, SeriesTerms, Terms},
};
use place::{fits, licence_check};

pub use place::Place;

/// What a holder's key signs to pass an amount on (RN-D12, RN-O11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Endorsement {
    /// Identity of the note or endorsement by which the signer holds.
    #[n(0)]
    pub parent: Digest,
    /// Amount passed on, at least one minor unit.
    #[n(1)]
    pub amount: Amount,
    /// `e` of the payee's challenge.
    #[n(2)]
    pub answer: Digest,
}

impl Record for Endorsement {
    const KIND: &'static str = "zeni/endorsement";
    const MAX: usize = 128;
}

/// One endorsement as a chain carries it: parent and `e` follow from the rest.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Hop {
    /// What is shown of the challenge.
    #[n(0)]
    pub opening: Opening,
    /// Amount passed on.
    #[n(1)]
    pub amount: Amount,
    /// Signature of the holder before.
    #[n(2)]
    pub signature: Signature,
    /// Right of the payee, who holds from here.
    #[n(3)]
    pub payee: Right,
}

/// A note and its endorsements up to one holder.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Chain {
    /// The note.
    #[n(0)]
    pub note: Signed<Note>,
    /// Right of its first holder.
    #[n(1)]
    pub holder: Right,
    /// Endorsements, oldest first, at most [`ENDORSEMENTS_IN_CHAIN_MAX`](zeni_message::limits::ENDORSEMENTS_IN_CHAIN_MAX) less one for the closing.
    #[n(2)]
    pub hops: Vec<Hop>,
}

/// Why a chain is not well formed (RN-F4.3, RN-X2…X4, X20), in the order of the checks of one link; of several links the
/// oldest tells first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// More endorsements than any chain may have (RN-X34).
    #[error("the chain has {hops} endorsements, more than any may have")]
    TooLong {
        /// Endorsements found.
        hops: usize,
    },
    /// Terms of the note are not at hand: the key list of its epoch is missing.
    #[error("no terms at hand for series {series} of epoch {epoch}: connect once to fetch the key list")]
    UnknownTerms {
        /// Series.
        series: u32,
        /// Epoch.
        epoch: u32,
    },
    /// The note's currency is not that of its series.
    #[error("the note is in {found}, its series is not", found = .found.code())]
    Currency {
        /// Currency of the note.
        found: Currency,
    },
    /// The note was not made out to the key of the first holder (RN-X2).
    #[error("the first holder's key is not the one in the note")]
    OtherHolder,
    /// A holder has no right to what it passed on: who shows no licence may pass on only a note that was made out to its sealed
    /// key, and such a note is shown without a licence (DESIGN §5 "Right to hold").
    #[error("holder {hop} of the chain has no right to pass this money on")]
    Unlicensed {
        /// 0 is the first holder.
        hop: usize,
    },
    /// An amount is zero or more than its giver held (RN-X4, X20).
    #[error("endorsement {hop} passes on more than was held, or nothing")]
    Amount {
        /// Place of the endorsement, 0 is the oldest.
        hop: usize,
    },
    /// The issuer's signature is false (RN-X3).
    #[error("the issuer's signature on the note is false")]
    Note,
    /// A licence is not the authority's (RN-X1).
    #[error("licence {hop} of the chain is not signed by the authority")]
    Licence {
        /// 0 is the first holder's.
        hop: usize,
    },
    /// A licence had ended when its holder signed.
    #[error("licence {hop} of the chain had ended")]
    LicenceEnded {
        /// 0 is the first holder's.
        hop: usize,
    },
    /// An endorsement is not signed by the holder before it (RN-X2, X4).
    #[error("endorsement {hop} is not signed by the holder before it")]
    Endorsement {
        /// 0 is the oldest.
        hop: usize,
    },
}

/// One holder's place in a chain: where money sits and how much came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Node {
    /// Identity of the note or endorsement.
    #[n(0)]
    pub identity: Digest,
    /// Amount that came in.
    #[n(1)]
    pub value: Amount,
    /// Key that holds it.
    #[n(2)]
    pub holder: PublicKey,
}

/// What a signature in a chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The note.
    Note,
    /// The licence of holder `n`, 0 is the first.
    Licence(usize),
    /// Endorsement `n`, 0 is the oldest.
    Endorsement(usize),
}

/// A signature that a chain rests on, to be checked one by one or in a batch.
#[derive(Clone, Debug)]
pub struct SignatureCheck {
    /// What it is about.
    pub subject: Subject,
    /// By whom it must be.
    pub key: PublicKey,
    /// The signed bytes (a Sig_structure).
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

/// A chain whose form is right, with the signatures it rests on still unchecked.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Holders in order, the first is the note's.
    pub nodes: Vec<Node>,
    /// Note and endorsement signatures, oldest first.
    pub checks: Vec<SignatureCheck>,
    /// The first holder whose licence had ended when he passed the money on, if any.
    pub ended: Option<usize>,
}

impl Chain {
    /// Follows the chain from the note to its holder: identities, amounts, keys. Checks no signature.
    pub fn walk(&self, roots: &Roots) -> Result<Walk, ChainFault> {
        fits(self.hops.len())?;
        let (mut place, check) = Place::start(&self.note, &self.holder, roots)?;
        let mut walk = Walk { nodes: vec![place.node], checks: vec![check], ended: None };
        for hop in &self.hops {
            if place.ended_at(hop.opening.time) {
                walk.ended.get_or_insert(place.links);
            }
            let check;
            (place, check) = place.link(hop, roots)?;
            walk.nodes.push(place.node);
            walk.checks.push(check);
        }
        Ok(walk)
    }

    /// The rights of all holders in order.
    pub fn rights(&self) -> impl Iterator<Item = &Right> {
        core::iter::once(&self.holder).chain(self.hops.iter().map(|hop| &hop.payee))
    }

    /// The right of the present holder.
    pub fn right(&self) -> &Right {
        self.hops.last().map_or(&self.holder, |hop| &hop.payee)
    }

    /// The licence signatures as checks for a batch.
    pub fn licence_checks<'a>(&'a self, roots: &'a Roots) -> impl Iterator<Item = SignatureCheck> + 'a {
        self.rights().enumerate().filter_map(move |(index, right)| licence_check(index, right, roots))
    }

    /// Checks everything that can be checked offline, each signature by the strict equation (RN-F4.2, F4.3).
    ///
    /// Says nothing of the note's validity at a given time, nor of revocation: see [`VerifiedChain::terms`] and
    /// [`crate::RevocationList`].
    pub fn verify(&self, roots: &Roots, terms: &(impl Terms + ?Sized)) -> Result<VerifiedChain, ChainFault> {
        let note = &self.note.record;
        let terms = terms
            .terms(note.series, note.epoch)
            .ok_or(ChainFault::UnknownTerms { series: note.series, epoch: note.epoch })?;
        if terms.currency != note.currency {
            return Err(ChainFault::Currency { found: note.currency });
        }
        Ok(VerifiedChain { nodes: self.verify_form(roots)?, terms: terms.clone() })
    }

    /// Checks form and signatures without the terms, as a card does that keeps no key lists.
    pub fn verify_form(&self, roots: &Roots) -> Result<Vec<Node>, ChainFault> {
        fits(self.hops.len())?;
        let mut place = Place::start_verified(&self.note, &self.holder, roots)?;
        let mut nodes = vec![place.node];
        for hop in &self.hops {
            place = place.link_verified(hop, roots)?;
            nodes.push(place.node);
        }
        Ok(nodes)
    }

    /// The chain with one more endorsement.
    #[must_use]
    pub fn extended(&self, hop: Hop) -> Chain {
        let mut longer = self.clone();
        longer.hops.push(hop);
        longer
    }

    /// Currency of the note.
    pub fn currency(&self) -> Currency {
        self.note.record.currency
    }
}

/// A chain that was checked; can only be made by [`Chain::verify`].
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    nodes: Vec<Node>,
    terms: SeriesTerms,
}

impl VerifiedChain {
    /// Holders in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The present holder's place.
    pub fn leaf(&self) -> &Node {
        self.nodes.last().expect("a walk begins with the note's node")
    }

    /// Terms of the note.
    pub fn terms(&self) -> &SeriesTerms {
        &self.terms
    }
}

#[cfg(test)]
mod tests;
