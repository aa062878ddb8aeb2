//! Chains link by link: the one code that follows them, whether they are there as a whole or come one endorsement at a time.

use zeni_crypto::{Digest, sha256};
use zeni_message::{Signed, Time, limits::ENDORSEMENTS_IN_CHAIN_MAX, sig_structure};
use zeni_money::Currency;

use super::{ChainFault, Endorsement, Hop, Node, SignatureCheck, Subject};
use crate::{Note, Right, keylist::Roots};

/// Where a chain stands after some of its endorsements: all that its next one is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Place {
    /// Identity of the note.
    #[n(0)]
    pub note: Digest,
    /// Its currency.
    #[n(1)]
    pub currency: Currency,
    /// Endorsements so far.
    #[n(2)]
    pub links: usize,
    /// The holder's place.
    #[n(3)]
    pub node: Node,
    /// By what right he passes it on.
    #[n(4)]
    right: Passing,
}

/// By what right a holder passes money on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
enum Passing {
    /// A licence, until its end.
    #[n(0)]
    Licensed(#[n(0)] Time),
    /// The note was made out to his sealed key, which may pass on that note.
    #[n(1)]
    Sealed,
    /// None: nothing follows but a closing.
    #[n(2)]
    Terminal,
}

impl Place {
    /// A note in the hand of its first holder; what is left to check is the issuer's signature and that of the licence.
    pub fn start(note: &Signed<Note>, holder: &Right, roots: &Roots) -> Result<(Place, SignatureCheck), ChainFault> {
        let (record, first) = (&note.record, holder.key());
        if !record.is_made_out_to(&first) {
            return Err(ChainFault::OtherHolder);
        }
        if record.way.is_sealed() == holder.licence().is_some() {
            return Err(ChainFault::Unlicensed { hop: 0 });
        }
        if record.face.is_zero() {
            return Err(ChainFault::Amount { hop: 0 });
        }
        let message = sig_structure(roots.network, record);
        let node = Node { identity: sha256(&[&message]), value: record.face, holder: first };
        let right = Passing::of(holder, Passing::Sealed);
        let place = Place { note: node.identity, currency: record.currency, links: 0, node, right };
        let check = SignatureCheck { subject: Subject::Note, key: roots.issuer, message, signature: note.signature };
        Ok((place, check))
    }

    /// The chain with one more endorsement; what is left to check is its signature, that of the payee's licence, and whether
    /// the licence of the holder before [had ended](Place::ended_at).
    pub fn link(&self, hop: &Hop, roots: &Roots) -> Result<(Place, SignatureCheck), ChainFault> {
        fits(self.links + 1)?;
        if self.right == Passing::Terminal {
            return Err(ChainFault::Unlicensed { hop: self.links });
        }
        if hop.amount.is_zero() || hop.amount > self.node.value {
            return Err(ChainFault::Amount { hop: self.links });
        }
        let payee = hop.payee.key();
        let answer = hop.opening.answer_for(&payee);
        let message =
            sig_structure(roots.network, &Endorsement { parent: self.node.identity, amount: hop.amount, answer });
        let node = Node { identity: sha256(&[&message]), value: hop.amount, holder: payee };
        let right = Passing::of(&hop.payee, Passing::Terminal);
        let check = SignatureCheck {
            subject: Subject::Endorsement(self.links),
            key: self.node.holder,
            message,
            signature: hop.signature,
        };
        Ok((Place { links: self.links + 1, node, right, ..*self }, check))
    }

    /// Whether the holder has a licence and it had ended at `time`.
    pub fn ended_at(&self, time: Time) -> bool {
        matches!(self.right, Passing::Licensed(until) if time > until)
    }

    /// As [`Place::start`], with every signature checked.
    pub fn start_verified(note: &Signed<Note>, holder: &Right, roots: &Roots) -> Result<Place, ChainFault> {
        let (place, check) = Place::start(note, holder, roots)?;
        licence_check(0, holder, roots).map_or(Ok(()), |licence| licence.verify())?;
        check.verify()?;
        Ok(place)
    }

    /// As [`Place::link`], with every signature checked, and that the licence of the holder before had not ended.
    pub fn link_verified(&self, hop: &Hop, roots: &Roots) -> Result<Place, ChainFault> {
        let (place, check) = self.link(hop, roots)?;
        licence_check(place.links, &hop.payee, roots).map_or(Ok(()), |licence| licence.verify())?;
        check.verify()?;
        if self.ended_at(hop.opening.time) {
            return Err(ChainFault::LicenceEnded { hop: self.links });
        }
        Ok(place)
    }
}

impl Passing {
    fn of(right: &Right, unlicensed: Passing) -> Passing {
        right.licence().map_or(unlicensed, |licence| Passing::Licensed(licence.record.until))
    }
}

impl SignatureCheck {
    /// Checks the signature by the strict equation (RN-F4.2).
    ///
    /// # Errors
    /// What it says of the chain if it is false.
    pub fn verify(&self) -> Result<(), ChainFault> {
        self.key.verify(&self.message, &self.signature).map_err(|_| match self.subject {
            Subject::Note => ChainFault::Note,
            Subject::Licence(hop) => ChainFault::Licence { hop },
            Subject::Endorsement(hop) => ChainFault::Endorsement { hop },
        })
    }
}

/// Whether a chain may have so many endorsements, one being left for its closing (RN-X34).
pub(super) fn fits(hops: usize) -> Result<(), ChainFault> {
    if hops < ENDORSEMENTS_IN_CHAIN_MAX { Ok(()) } else { Err(ChainFault::TooLong { hops }) }
}

/// The signature on the licence of holder `index`, if he has one.
pub(super) fn licence_check(index: usize, right: &Right, roots: &Roots) -> Option<SignatureCheck> {
    let licence = right.licence()?;
    Some(SignatureCheck {
        subject: Subject::Licence(index),
        key: roots.authority,
        message: sig_structure(roots.network, &licence.record),
        signature: licence.signature,
    })
}
