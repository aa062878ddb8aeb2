//! The proof of overspending: what one key held and what it signed away, and nothing more (DESIGN §5, RN-D17).

use alloc::{collections::BTreeSet, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Network, Record, Signed, limits::MESSAGE_BYTES_MAX};
use zeni_money::Amount;

use crate::{
    Note, Opening, Right,
    chain::Endorsement,
    closing::{ClosingRecord, HandIn, MerklePath, taking_identity},
    keylist::Roots,
    merkle,
};

/// What the overspender held.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum Held {
    /// A note.
    #[n(0)]
    Note(#[n(0)] Signed<Note>),
    /// An endorsement to him.
    #[n(1)]
    Endorsement {
        /// The endorsement; its giver's signature is no part of the proof: the children name it by its content.
        #[n(0)]
        endorsement: Endorsement,
        /// Shows that the endorsement's payee is the licensed key.
        #[n(1)]
        opening: Opening,
    },
}

/// One thing that he signed away.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum Child {
    /// A payment.
    #[n(0)]
    Endorsement {
        /// What he signed.
        #[n(0)]
        endorsement: Endorsement,
        /// His signature.
        #[n(1)]
        signature: Signature,
        /// Which equation the signature satisfies.
        #[n(2)]
        equation: Equation,
    },
    /// A closing.
    #[n(1)]
    Closing {
        /// What he signed.
        #[n(0)]
        closing: ClosingRecord,
        /// His signature.
        #[n(1)]
        signature: Signature,
        /// Which equation the signature satisfies.
        #[n(2)]
        equation: Equation,
    },
    /// A leaf among his takings.
    #[n(2)]
    Taking {
        /// The hand-in with his signature.
        #[n(0)]
        hand_in: Signed<HandIn>,
        /// Place of the leaf.
        #[n(1)]
        index: u32,
        /// From the leaf to the root.
        #[n(2)]
        path: MerklePath,
        /// Which equation the signature satisfies.
        #[n(3)]
        equation: Equation,
    },
}

/// Which verification equation a signature satisfies (DESIGN §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Equation {
    /// RFC 8032 strict: independent tools agree.
    #[n(0)]
    Strict,
    /// ZIP 215 only: the issuer's batch accepted it, most tools refuse it.
    #[n(1)]
    Zip215,
}

/// That one key signed away more than it held: a licensed one, or one that was sealed to the issuer for the note.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct OverspendingProof {
    /// What it held.
    #[n(0)]
    pub held: Held,
    /// The smallest set of children that exceeds it.
    #[n(1)]
    pub children: Vec<Child>,
    /// The key's right: says which door opens the name, the authority's or that of the note's bank.
    #[n(2)]
    pub right: Right,
}

impl Record for OverspendingProof {
    const KIND: &'static str = "zeni/overspending";
    /// What a message carries.
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Why a proof proves nothing (RN-X38), in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The licence is not the authority's.
    #[error("the licence is not signed by this network's authority")]
    Licence,
    /// A key without a licence is shown with something else than a note that was made out to it when it was sealed.
    #[error("a key without a licence holds nothing but the note it was sealed for")]
    Unlicensed,
    /// The note or endorsement was not this key's.
    #[error("what was held was not held by the licensed key")]
    OtherHolder,
    /// The note is not the issuer's.
    #[error("the issuer's signature on the note is false")]
    Note,
    /// A child is not of what was held.
    #[error("signature {child} is about something else")]
    OtherParent {
        /// Which child.
        child: usize,
    },
    /// A child is not signed by the licensed key.
    #[error("signature {child} is not the licensed key's")]
    Signature {
        /// Which child.
        child: usize,
    },
    /// A child stands twice, or two closings, which say the same thing twice.
    #[error("signature {child} repeats another: a repetition proves nothing")]
    Repeated {
        /// Which child.
        child: usize,
    },
    /// The amounts do not exceed what was held.
    #[error("{signed} signed away of {held} held is no overspending", signed = .signed.minor(), held = .held.minor())]
    NotExceeded {
        /// Signed away.
        signed: Amount,
        /// Held.
        held: Amount,
    },
    /// The amounts overflow, which no honest signer can cause.
    #[error("the amounts add up to more than can be")]
    Overflow,
}

/// A proof that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convicted {
    key: PublicKey,
    held: Amount,
    signed: Amount,
}

impl Convicted {
    /// The key that overspent.
    pub fn key(&self) -> PublicKey {
        self.key
    }
    /// What it held.
    pub fn held(&self) -> Amount {
        self.held
    }
    /// What it signed away.
    pub fn signed(&self) -> Amount {
        self.signed
    }
}

impl Child {
    /// Whether this is a closing in either form.
    pub fn is_closing(&self) -> bool {
        !matches!(self, Child::Endorsement { .. })
    }

    /// Identity in the tree under the node `parent`.
    pub fn identity(&self, network: Network, parent: &Digest) -> Digest {
        match self {
            Child::Endorsement { endorsement, .. } => zeni_message::identity(network, endorsement),
            Child::Closing { closing, .. } => zeni_message::identity(network, closing),
            Child::Taking { hand_in, .. } => taking_identity(&hand_in.identity(network), parent),
        }
    }

    fn amount(&self, held: Amount) -> Amount {
        match self {
            Child::Endorsement { endorsement, .. } => endorsement.amount,
            Child::Closing { closing, .. } => closing.amount,
            Child::Taking { .. } => held,
        }
    }

    fn is_of(&self, parent: &Digest) -> bool {
        match self {
            Child::Endorsement { endorsement, .. } => endorsement.parent == *parent,
            Child::Closing { closing, .. } => closing.parent == *parent,
            Child::Taking { hand_in, index, path, .. } => {
                merkle::contains(&hand_in.record.root, parent, *index, hand_in.record.count, path)
            }
        }
    }

    fn is_signed_by(&self, network: Network, key: &PublicKey) -> bool {
        let (message, signature, equation) = match self {
            Child::Endorsement { endorsement, signature, equation } => {
                (zeni_message::sig_structure(network, endorsement), signature, equation)
            }
            Child::Closing { closing, signature, equation } => {
                (zeni_message::sig_structure(network, closing), signature, equation)
            }
            Child::Taking { hand_in, equation, .. } => {
                (zeni_message::sig_structure(network, &hand_in.record), &hand_in.signature, equation)
            }
        };
        match equation {
            Equation::Strict => key.verify(&message, signature).is_ok(),
            #[cfg(feature = "std")]
            Equation::Zip215 => zeni_crypto::batch::verify_single(*key, signature, &message).is_ok(),
            #[cfg(not(feature = "std"))]
            Equation::Zip215 => false,
        }
    }
}

impl OverspendingProof {
    /// Identity and value of what was held, if it was held by the key of the right.
    fn held(&self, roots: &Roots) -> Result<(Digest, Amount), ProofFault> {
        let key = self.right.key();
        match &self.held {
            Held::Note(note) => {
                if !note.record.is_made_out_to(&key) {
                    return Err(ProofFault::OtherHolder);
                }
                let note = note.verify(roots.network, &roots.issuer).map_err(|_| ProofFault::Note)?;
                Ok((note.identity(), note.record().face))
            }
            Held::Endorsement { endorsement, opening } => {
                if opening.answer_for(&key) != endorsement.answer {
                    return Err(ProofFault::OtherHolder);
                }
                Ok((zeni_message::identity(roots.network, endorsement), endorsement.amount))
            }
        }
    }

    /// Checks the proof by itself, as whoever can open the name does before it looks anything up (RN-O16, RN-P19, HC-F5.4).
    pub fn verify(&self, roots: &Roots) -> Result<Convicted, ProofFault> {
        match (&self.right, &self.held) {
            (Right::Licensed(licence), _) => {
                licence.verify(roots.network, &roots.authority).map_err(|_| ProofFault::Licence)?;
            }
            (Right::Unlicensed(_), Held::Note(note)) if note.record.way.is_sealed() => {}
            (Right::Unlicensed(_), _) => return Err(ProofFault::Unlicensed),
        }
        let key = self.right.key();
        let (parent, held) = self.held(roots)?;
        let mut seen = BTreeSet::new();
        let mut closings = 0;
        for (child, it) in self.children.iter().enumerate() {
            if !it.is_of(&parent) {
                return Err(ProofFault::OtherParent { child });
            }
            if !it.is_signed_by(roots.network, &key) {
                return Err(ProofFault::Signature { child });
            }
            closings += usize::from(it.is_closing());
            let identity = it.identity(roots.network, &parent);
            if !seen.insert(identity.0) || (it.is_closing() && closings > 1) {
                return Err(ProofFault::Repeated { child });
            }
        }
        let signed = Amount::sum(self.children.iter().map(|child| child.amount(held))).ok_or(ProofFault::Overflow)?;
        if signed <= held {
            return Err(ProofFault::NotExceeded { signed, held });
        }
        Ok(Convicted { key, held, signed })
    }
}

#[cfg(test)]
mod tests;
