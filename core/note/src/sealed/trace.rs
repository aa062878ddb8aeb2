//! From the evidence against a sealed key to the request, and from there to the order that somebody signed (HC-F5.4, F5.5).

use std::string::String;

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Record, Signed, Time, limits::PROOF_DOCUMENT_BYTES_MAX};

use super::{CONTENT_LEN, Envelope, IssuerMadeKeys, KeyMaker, SealedContent, WithdrawalOrder, account_key_digest};
use crate::{
    OverspendingProof, Right,
    keylist::{KeyListRecord, Roots, Way},
    messages::bank::IdentifyRefusal,
    proof::{Convicted, Held},
};

/// What the evidence against a sealed key is about.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What was held and signed away.
    pub convicted: Convicted,
    /// Identity of the note.
    pub note: Digest,
    /// What was sealed.
    pub content: SealedContent,
    /// Digest of the request E_I, made again from the content: nobody has to believe which it was (HC-O2).
    pub request: Digest,
}

impl Evidence {
    /// Checks a proof and a content by themselves; nothing is looked up (HC-F5.4, HC-P16, HC-V31). `lists` gives the key list of an
    /// epoch.
    ///
    /// # Errors
    /// [`IdentifyRefusal`] in the order of its variants.
    pub fn check<'a>(
        proof: &OverspendingProof,
        content: &[u8; CONTENT_LEN],
        roots: &Roots,
        lists: impl Fn(u32) -> Option<&'a KeyListRecord>,
        issuer_made: IssuerMadeKeys,
    ) -> Result<Evidence, IdentifyRefusal> {
        let convicted = proof.verify(roots).map_err(|_| IdentifyRefusal::NoProof)?;
        let key = convicted.key();
        let (Right::Unlicensed(_), Held::Note(note)) = (&proof.right, &proof.held) else {
            return Err(IdentifyRefusal::NotSealed);
        };
        let content = SealedContent::from_bytes(content).map_err(|_| IdentifyRefusal::OtherNote)?;
        let its_own = match content.holder {
            KeyMaker::User(holder) => holder == key,
            KeyMaker::Issuer => true,
        };
        let fits = [Way::Sealed, Way::SealedHidden].into_iter().any(|way| content.note(way, &key) == note.record);
        if !its_own || !fits {
            return Err(IdentifyRefusal::OtherNote);
        }
        let sealing = lists(content.epoch).and_then(|list| list.sealing.as_ref());
        let envelope = sealing.and_then(|key| Envelope::new(roots.network, key).ok());
        let envelope = envelope.ok_or(IdentifyRefusal::UnknownEpoch)?;
        if content.holder == KeyMaker::Issuer && issuer_made == IssuerMadeKeys::Refused {
            return Err(IdentifyRefusal::KeyMaker);
        }
        let request = Envelope::digest(&envelope.seal(&content));
        Ok(Evidence { convicted, note: note.identity(roots.network), content, request })
    }
}

/// A bank's case against a customer: the proof against his key, the content that leads from the key to a request, and his signed
/// order of that request. Whoever has the key list can check it (HC-P15, HC-D18, HC-D19).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Identified {
    /// Proof against the sealed key.
    #[n(0)]
    pub proof: OverspendingProof,
    /// (X, K, N_U, TM) as it was sealed.
    #[n(1)]
    pub content: minicbor::bytes::ByteArray<CONTENT_LEN>,
    /// The customer's order, which names the account.
    #[n(2)]
    pub order: Signed<WithdrawalOrder>,
    /// The account key that signed it.
    #[n(3)]
    pub account_key: PublicKey,
    /// The customer's certificate chain from his enrolment, PEM: it names the account and
    /// [`account_key_digest`] of the key.
    #[n(4)]
    pub certificate: String,
}

impl Record for Identified {
    const KIND: &'static str = "zeni/identified";
    /// Whatever proof the bank was asked with, it can show.
    const MAX: usize = PROOF_DOCUMENT_BYTES_MAX;
}

/// Why a case shows nothing, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifiedFault {
    /// The evidence leads to no request.
    #[error("the evidence leads to no request: {0}")]
    Evidence(IdentifyRefusal),
    /// The order is of another request, or of another amount than was sealed.
    #[error("the order is of another request than the evidence leads to")]
    OtherRequest,
    /// The order is not signed by the account key.
    #[error("the order is not signed by the account key")]
    NotSigned,
    /// The certificate was not the account's when the order was signed.
    #[error("the certificate is not that of the account in the order")]
    Certificate,
    /// The certificate names another key.
    #[error("the account key is not the one that the customer's certificate names")]
    OtherKey,
}

/// What a customer's certificate says, once it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Short name of the bank.
    pub bank: String,
    /// The account.
    pub account: String,
    /// [`account_key_digest`] of the key of his orders.
    pub account_key: Digest,
}

impl Identified {
    /// Checks the whole way from the note to the account in the order. That the key is the account's is for
    /// [`Identified::check_account_key`].
    ///
    /// # Errors
    /// [`IdentifiedFault`].
    pub fn verify<'a>(
        &self,
        roots: &Roots,
        lists: impl Fn(u32) -> Option<&'a KeyListRecord>,
        issuer_made: IssuerMadeKeys,
    ) -> Result<Evidence, IdentifiedFault> {
        let evidence = Evidence::check(&self.proof, &self.content, roots, lists, issuer_made);
        let evidence = evidence.map_err(IdentifiedFault::Evidence)?;
        if self.order.record.of != evidence.content.ordered(evidence.request) {
            return Err(IdentifiedFault::OtherRequest);
        }
        self.order.verify(roots.network, &self.account_key).map_err(|_| IdentifiedFault::NotSigned)?;
        Ok(evidence)
    }

    /// Checks that the account key is the one with which the customer enrolled. `certified` verifies a certificate chain in PEM, as
    /// it was good at a time, against the network's root.
    ///
    /// # Errors
    /// [`IdentifiedFault::Certificate`] and [`IdentifiedFault::OtherKey`].
    pub fn check_account_key(
        &self,
        certified: impl Fn(&str, Time) -> Option<Certified>,
    ) -> Result<(), IdentifiedFault> {
        let order = &self.order.record;
        let named = certified(&self.certificate, order.time);
        let named = named.filter(|it| it.bank == order.bank && it.account == order.account);
        let named = named.ok_or(IdentifiedFault::Certificate)?;
        match named.account_key == account_key_digest(&self.account_key) {
            true => Ok(()),
            false => Err(IdentifiedFault::OtherKey),
        }
    }
}

#[cfg(test)]
mod tests;
