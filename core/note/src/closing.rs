//! Closings: the last signature over a holding, to a bank, to the issuer, or over many holdings at once.
//!
//! A closing takes its whole leaf; only a refund takes the rest of a node. Closings have a record kind of their own, so
//! that no payee can take one for a payment and a verifier of a proof counts the closings of a node once.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, Signature, tagged};
use zeni_message::{Network, Record, Signed, Time, encode};
use zeni_money::Amount;

use crate::{Licence, Nonce};

/// What the holder's key signs to close a holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ClosingRecord {
    /// Identity of the node that is closed: the note, or the endorsement to this holder.
    #[n(0)]
    pub parent: Digest,
    /// Amount: the whole value of the node, or in a refund its rest.
    #[n(1)]
    pub amount: Amount,
    /// Digest of the purpose.
    #[n(2)]
    pub purpose: Digest,
}

impl Record for ClosingRecord {
    const KIND: &'static str = "zeni/closing";
    const MAX: usize = 128;
}

/// What a holding is closed for: the answer to a challenge of a bank or of the issuer.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum ClosingPurpose {
    /// Deposit to an account (RN-O14).
    #[n(0)]
    Deposit(#[n(0)] ToAccount),
    /// Renewal at the issuer for a fresh key, when a chain is at its cap (RN-X34).
    #[n(1)]
    Renewal {
        /// The issuer's nonce.
        #[n(0)]
        nonce: Nonce,
        /// Licence of the key that will hold the renewed note.
        #[n(1)]
        licence: Signed<Licence>,
    },
    /// "Not endorsed: rest r of node d": refund to an account after validity and dispute term (RN-X31, DESIGN §5).
    #[n(2)]
    Refund(#[n(0)] ToAccount),
    /// "At most r of node d, as a backup knew it": a refund of what is left then. A backup does not know what was passed on
    /// after it, so this accuses nobody: it is signed as a [`BackupRefund`], which is no child in any proof.
    #[n(3)]
    BackupRefund(#[n(0)] ToAccount),
}

/// What the holder's key signs for a refund out of a backup. A record kind of its own: nobody can show it as a closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct BackupRefund {
    /// Identity of the node.
    #[n(0)]
    pub parent: Digest,
    /// At most this much.
    #[n(1)]
    pub amount: Amount,
    /// Digest of the purpose.
    #[n(2)]
    pub purpose: Digest,
}

impl Record for BackupRefund {
    const KIND: &'static str = "zeni/backup-refund";
    const MAX: usize = 128;
}

/// The account that a closing names.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ToAccount {
    /// TIME of the bank's challenge.
    #[n(0)]
    pub time: Time,
    /// Short name of the bank.
    #[n(1)]
    pub bank: String,
    /// The account, readable by its bank alone ([`crate::spec::deposit_account`]).
    #[n(2)]
    pub account: Digest,
    /// Id that the depositor chose for the deposit.
    #[n(3)]
    pub deposit: Nonce,
    /// The bank's nonce.
    #[n(4)]
    pub nonce: Nonce,
}

impl ClosingPurpose {
    /// The account it names, if it names one.
    pub fn account(&self) -> Option<&ToAccount> {
        match self {
            ClosingPurpose::Deposit(to) | ClosingPurpose::Refund(to) | ClosingPurpose::BackupRefund(to) => Some(to),
            ClosingPurpose::Renewal { .. } => None,
        }
    }

    /// Whether it asks for a rest, which is paid after the dispute term, and not for a whole leaf.
    pub fn is_refund(&self) -> bool {
        matches!(self, ClosingPurpose::Refund(_) | ClosingPurpose::BackupRefund(_))
    }

    /// The bytes that the holder's key signs to close `amount` of the node `parent` for this purpose.
    pub fn message(&self, network: Network, parent: Digest, amount: Amount) -> Vec<u8> {
        let purpose = self.digest(network);
        match self {
            ClosingPurpose::BackupRefund(_) => {
                zeni_message::sig_structure(network, &BackupRefund { parent, amount, purpose })
            }
            _ => zeni_message::sig_structure(network, &ClosingRecord { parent, amount, purpose }),
        }
    }

    /// The digest that the closing signs.
    pub fn digest(&self, network: Network) -> Digest {
        tagged("zeni/closing-purpose", &[&network.0.0, &encode(self)])
    }
}

/// One signature of a shop's key over all its takings (DESIGN §5): a child of each leaf's whole value.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct HandIn {
    /// The account.
    #[n(0)]
    pub to: ToAccount,
    /// Number of leaves.
    #[n(1)]
    pub count: u32,
    /// Merkle root of the leaves' identities, in order.
    #[n(2)]
    pub root: Digest,
}

impl Record for HandIn {
    const KIND: &'static str = "zeni/hand-in";
    const MAX: usize = 512;
}

/// A closing as it travels with its chain.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub enum Closing {
    /// Closed by its own signature.
    #[n(0)]
    Single {
        /// Amount closed.
        #[n(0)]
        amount: Amount,
        /// For what.
        #[n(1)]
        purpose: ClosingPurpose,
        /// The holder key's signature over the [`ClosingRecord`].
        #[n(2)]
        signature: Signature,
    },
    /// One of the takings under a hand-in of the same batch.
    #[n(1)]
    Taking {
        /// Place of the hand-in in the batch.
        #[n(0)]
        hand_in: u32,
        /// Place of the leaf under its root.
        #[n(1)]
        index: u32,
    },
}

/// Identity of one leaf's closing under a hand-in.
pub fn taking_identity(hand_in: &Digest, leaf: &Digest) -> Digest {
    tagged("zeni/taking", &[&hand_in.0, &leaf.0])
}

/// The most bytes that a proof of place under a hand-in can take.
pub type MerklePath = Vec<Digest>;

#[cfg(test)]
mod tests;
