//! Sealing and opening requests, and their replies under K.

use std::vec::Vec;

use zeni_crypto::{
    Digest, PublicKey, SecretKey, Signature,
    seal::{self, InvalidSealKey, SealKeyPair, SealPublicKey},
    sha256,
};
use zeni_message::{Network, Signed};
use zeroize::Zeroizing;

use crate::{
    LoadTicket, Note,
    keylist::{SealingKey, Way},
    messages::issuer::Issued,
    sealed::{CONTENT_LEN, KeyMaker, REPLY_LEN, SealedContent},
    spec,
};

const INFO: &[u8] = b"zeni/sealed-request";

/// E_I and D_I for one network and one epoch's sealing key.
#[derive(Clone, Debug)]
pub struct Envelope {
    network: Network,
    key: SealPublicKey,
}

/// Why a sealed request is not taken, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedFault {
    /// It does not open with this key (HC-X4).
    #[error("the request does not open with the issuer's key")]
    Sealed,
    /// What is inside is malformed (HC-X4).
    #[error("the content of the request is malformed")]
    Content,
    /// It was not sealed with the coins that its content gives, so that nobody could check it later (HC-O2).
    #[error("the request was not sealed with the coins of its content")]
    Coins,
}

impl Envelope {
    /// For the sealing key of a key list.
    ///
    /// # Errors
    /// Bytes that are no X-Wing key.
    pub fn new(network: Network, key: &SealingKey) -> Result<Envelope, InvalidSealKey> {
        Ok(Envelope { network, key: SealPublicKey::from_bytes(&key[..])? })
    }

    /// E_I: the content sealed with the coins of HC-O2; the same content gives the same bytes.
    pub fn seal(&self, content: &SealedContent) -> Vec<u8> {
        let bytes = Zeroizing::new(content.to_bytes());
        self.key.seal_with_coins_of(&content.k, INFO, &self.network.0.0, &bytes[..])
    }

    /// Digest by which a sealed request is looked up.
    pub fn digest(sealed: &[u8]) -> Digest {
        sha256(&[sealed])
    }

    /// D_I: opens a request and checks that whoever learns the content can seal it again.
    ///
    /// # Errors
    /// [`SealedFault`].
    pub fn open(&self, pair: &SealKeyPair, sealed: &[u8]) -> Result<SealedContent, SealedFault> {
        let bytes = pair.open(INFO, &self.network.0.0, sealed).map_err(|_| SealedFault::Sealed)?;
        let content = SealedContent::from_bytes(&bytes).map_err(|_| SealedFault::Content)?;
        if self.seal(&content) != sealed {
            return Err(SealedFault::Coins);
        }
        Ok(content)
    }

    /// Bytes of every sealed request.
    pub const LEN: usize = seal::OVERHEAD_LEN + CONTENT_LEN;
}

/// What the issuer answers under K: the two signatures, and the key where the issuer made it (HC-D9, HC-O6).
pub struct Reply {
    /// S_I over the note.
    pub note: Signature,
    /// The issuer's signature over the load ticket.
    pub ticket: Signature,
    /// SS_U, where the issuer made it.
    pub key: Option<Zeroizing<[u8; 32]>>,
}

/// Bytes of an enciphered reply.
pub const SEALED_REPLY_LEN: usize = REPLY_LEN + 16;

impl Reply {
    /// E_K: enciphered under the K of the request `request`; the same reply gives the same bytes.
    pub fn encipher(&self, k: &[u8; 32], request: &Digest) -> [u8; SEALED_REPLY_LEN] {
        let mut plain = Zeroizing::new([0; REPLY_LEN]);
        plain[..64].copy_from_slice(&self.note.0);
        plain[64..128].copy_from_slice(&self.ticket.0);
        if let Some(key) = &self.key {
            plain[128..].copy_from_slice(&key[..]);
        }
        let sealed = seal::seal_reply(k, &request.0, &plain[..]);
        sealed.try_into().expect("a cipher adds its tag of 16 bytes")
    }

    /// D_K: opens the answer to one's own request (HC-F2.18). Nothing where it was enciphered under another K, for another
    /// request, or altered on the way.
    pub fn decipher(k: &[u8; 32], request: &Digest, bytes: &[u8]) -> Option<Reply> {
        let plain = seal::open_reply(k, &request.0, bytes)?;
        let plain: &[u8; REPLY_LEN] = plain[..].try_into().ok()?;
        let part = |from: usize| plain[from..from + 64].try_into().map(Signature).ok();
        let key = Zeroizing::new(<[u8; 32]>::try_from(&plain[128..]).ok()?);
        Some(Reply { note: part(0)?, ticket: part(64)?, key: (*key != [0; 32]).then_some(key) })
    }
}

impl SealedContent {
    /// The note that answers this request in a series of that way, to the key that the user or the issuer made.
    pub fn note(&self, way: Way, holder: &PublicKey) -> Note {
        Note {
            serial: self.serial(holder),
            series: self.series,
            epoch: self.epoch,
            currency: self.currency,
            face: self.face,
            holder: if way == Way::SealedHidden { spec::g(self.face, holder) } else { *holder },
            way,
        }
    }

    /// The note and the ticket of a reply to this request; their signatures are for the caller to check.
    /// Nothing if the reply holds no key where the issuer was to make it, or one where it was not.
    pub fn issued(&self, network: Network, way: Way, reply: &Reply) -> Option<(PublicKey, Issued)> {
        let holder = match (self.holder, &reply.key) {
            (KeyMaker::User(key), None) => key,
            (KeyMaker::Issuer, Some(secret)) => SecretKey::from_seed(**secret).public(),
            _ => return None,
        };
        let note = self.note(way, &holder);
        let ticket = LoadTicket { note: zeni_message::identity(network, &note), nonce: self.slot };
        let note = Signed { record: note, signature: reply.note };
        Some((holder, Issued { note, ticket: Signed { record: ticket, signature: reply.ticket } }))
    }
}
