//! Requests under seal: what a wallet seals to the issuer and sends through its bank (HC-F2, HC-F6).
//!
//! ```text
//! wallet ── E_I(X,K,N_U,TM), signed order ──► bank ── {X, E_I, S_B(X,E_I)} ──► issuer
//! wallet ◄──────── E_K(S_I) ──────────────── bank ◄────────── E_K(S_I) ─────────┘
//! ```
//! The bank knows who and cannot open; the issuer knows which note and not who. `E_I` joins the two: its coins come from its
//! content, so that who is shown the content can seal again and compare (HC-O2).

use alloc::string::String;

use zeni_crypto::{Digest, PublicKey, tagged};
use zeni_message::{Record, Time};
use zeni_money::{Amount, Currency};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Nonce, Serial};

/// Bytes of the content that is sealed: the same for every request, so that lengths tell nothing (HC-O25).
pub const CONTENT_LEN: usize = 117;
/// Bytes of the reply before it is enciphered: two signatures and room for a secret key (HC-O25).
pub const REPLY_LEN: usize = 160;

/// The customer's order for one note, signed by his account key, never by the note's (HC-D5, HC-O3): the bank identifies nobody
/// without it (HC-V9, HC-V10).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct WithdrawalOrder {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// The customer's account.
    #[n(1)]
    pub account: String,
    /// Id that the wallet chose.
    #[n(2)]
    pub order: Nonce,
    /// When it was signed.
    #[n(3)]
    pub time: Time,
    /// What is ordered.
    #[n(4)]
    pub of: Ordered,
}

impl Record for WithdrawalOrder {
    const KIND: &'static str = "zeni/withdrawal-order";
    const MAX: usize = 512;
}

/// The digest by which certificates name the key of a customer's orders: he signs it at enrolment, so that his bank's word is not all
/// that binds it to him (HC-O3).
pub fn account_key_digest(key: &PublicKey) -> Digest {
    tagged("zeni/account-key", &[&key.0])
}

/// Which note a request under seal is for: what bank and issuer both see of it (X, and E_I by its digest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Ordered {
    /// Series.
    #[n(0)]
    pub series: u32,
    /// Epoch of the key list.
    #[n(1)]
    pub epoch: u32,
    /// Currency.
    #[n(2)]
    pub currency: Currency,
    /// X: face value.
    #[n(3)]
    pub face: Amount,
    /// SHA-256 of the sealed request E_I.
    #[n(4)]
    pub request: Digest,
}

/// S_B(X, E_I): the bank's word that it took the face value from one of its accounts; no U in it (HC-D6).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct IssuanceOrder {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// What is ordered.
    #[n(1)]
    pub of: Ordered,
    /// The bank's word that it names its customer by this request also if the issuer made the key; without it the issuer makes
    /// none (HC-F6, HC-O6).
    #[n(2)]
    pub issuer_made: Option<IssuerMadeKeys>,
}

impl IssuanceOrder {
    /// A bank's order under its policy on keys that the issuer makes.
    pub fn new(bank: String, of: Ordered, issuer_made: IssuerMadeKeys) -> IssuanceOrder {
        let issuer_made = Some(issuer_made).filter(|policy| *policy == IssuerMadeKeys::Accepted);
        IssuanceOrder { bank, of, issuer_made }
    }

    /// Whether the bank names its customer by a key that the issuer made.
    pub fn issuer_made(&self) -> IssuerMadeKeys {
        self.issuer_made.unwrap_or(IssuerMadeKeys::Refused)
    }
}

/// Whether a bank accepts contents that name no key, because the issuer was to make it (HC-F6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum IssuerMadeKeys {
    /// They show nothing: such a content fits any key of the issuer's own choice, so that it could name whom it likes (HC-O6).
    #[n(0)]
    Refused,
    /// They are taken, and the issuer is believed.
    #[n(1)]
    Accepted,
}

impl Record for IssuanceOrder {
    const KIND: &'static str = "zeni/issuance-order";
    const MAX: usize = 512;
}

/// Who makes the key pair of the note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMaker {
    /// The user, who seals its public half N_U (HC-F2).
    User(PublicKey),
    /// The issuer, who therefore knows SS_U and could sign in the user's place: an option that is off by default (HC-F6, HC-O6).
    Issuer,
}

/// What is sealed: (X, K, N_U, TM) with the series, and the nonce of the card's slot for the note.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedContent {
    /// Series.
    pub series: u32,
    /// Epoch of the key list whose sealing key was used.
    pub epoch: u32,
    /// Currency.
    pub currency: Currency,
    /// X: face value.
    pub face: Amount,
    /// K: key of the reply, fresh in each request.
    pub k: [u8; 32],
    /// N_U, or nothing where the issuer makes it.
    pub holder: KeyMaker,
    /// TM: makes requests with the same X and N_U differ (HC-V7); zero where each key serves one request (HC-V8).
    pub tm: Nonce,
    /// Nonce of the card's open slot.
    pub slot: Nonce,
}

/// K is wiped.
impl Drop for SealedContent {
    fn drop(&mut self) {
        self.k.zeroize();
    }
}

impl ZeroizeOnDrop for SealedContent {}

/// A content that is none: of another length, version or range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content of a sealed request is malformed")]
pub struct MalformedContent;

/// K is not shown.
impl core::fmt::Debug for SealedContent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SealedContent")
            .field("series", &self.series)
            .field("epoch", &self.epoch)
            .field("currency", &self.currency)
            .field("face", &self.face)
            .finish_non_exhaustive()
    }
}

impl SealedContent {
    /// The bytes that are sealed, for the caller to wipe: version ‖ maker ‖ series ‖ epoch ‖ currency ‖ X ‖ K ‖ N_U ‖ TM ‖ slot.
    pub fn to_bytes(&self) -> [u8; CONTENT_LEN] {
        let (maker, key) = match self.holder {
            KeyMaker::User(key) => (0u8, key.0),
            KeyMaker::Issuer => (1, [0; 32]),
        };
        let mut bytes = [0; CONTENT_LEN];
        let mut rest = &mut bytes[..];
        let parts: [&[u8]; 10] = [
            &[VERSION],
            &[maker],
            &self.series.to_be_bytes(),
            &self.epoch.to_be_bytes(),
            self.currency.code().as_bytes(),
            &self.face.minor().to_be_bytes(),
            &self.k,
            &key,
            &self.tm[..],
            &self.slot[..],
        ];
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        bytes
    }

    /// Reads what [`SealedContent::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<SealedContent, MalformedContent> {
        let mut reader = Reader(bytes);
        let version = reader.take::<1>()?[0];
        let maker = reader.take::<1>()?[0];
        let (series, epoch) = (u32::from_be_bytes(reader.take()?), u32::from_be_bytes(reader.take()?));
        let code = reader.take::<3>()?;
        let currency = core::str::from_utf8(&code).ok().and_then(Currency::from_code).ok_or(MalformedContent)?;
        let face = Amount::from_minor(u64::from_be_bytes(reader.take()?)).ok_or(MalformedContent)?;
        let k = reader.take()?;
        let key = reader.take::<32>()?;
        let (tm, slot) = (reader.take::<16>()?.into(), reader.take::<16>()?.into());
        let holder = match maker {
            0 => KeyMaker::User(PublicKey(key)),
            _ => KeyMaker::Issuer,
        };
        let content = SealedContent { series, epoch, currency, face, k, holder, tm, slot };
        // what is not written the one way it can be is nothing
        if version != VERSION || Zeroizing::new(content.to_bytes())[..] != *bytes {
            Err(MalformedContent)
        } else {
            Ok(content)
        }
    }

    /// The number n of the note that answers this request to `holder`: from X, N_U and TM, so that a second note of the same
    /// stands out (HC-D8, HC-O16). It serves as serial.
    pub fn serial(&self, holder: &PublicKey) -> Serial {
        let parts: [&[u8]; 6] = [
            &self.series.to_be_bytes(),
            &self.epoch.to_be_bytes(),
            self.currency.code().as_bytes(),
            &self.face.minor().to_be_bytes(),
            &holder.0,
            &self.tm[..],
        ];
        let digest = tagged("zeni/n", &parts);
        let mut serial = [0; 16];
        serial.copy_from_slice(&digest.0[..16]);
        serial.into()
    }

    /// What bank and issuer see of it when it is sealed as `request`.
    pub fn ordered(&self, request: Digest) -> Ordered {
        Ordered { series: self.series, epoch: self.epoch, currency: self.currency, face: self.face, request }
    }
}

const VERSION: u8 = 1;

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], MalformedContent> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(MalformedContent)?;
        self.0 = tail;
        Ok(*head)
    }
}

#[cfg(feature = "std")]
pub use envelope::{Envelope, Reply, SEALED_REPLY_LEN, SealedFault};

#[cfg(feature = "std")]
pub use trace::{Certified, Evidence, Identified, IdentifiedFault};

#[cfg(feature = "std")]
mod envelope;
#[cfg(feature = "std")]
mod trace;

#[cfg(test)]
mod tests;
