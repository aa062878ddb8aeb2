//! Documents: what travels as a file, a pipe or QR codes, and what anyone can check about one.
//!
//! The text form is armour with a label; the binary form is its content. Signed records are COSE_Sign1 documents, all
//! others canonical CBOR.

use zeni_crypto::armor::{self, ArmorError};
use zeni_message::{
    Malformed, Network, Record, Signed, Wire, decode, encode,
    limits::{DOCUMENT_BYTES_MAX, PROOF_DOCUMENT_BYTES_MAX},
};
use zeni_note::{
    Challenge, HandIn, KeyList, Licence, NameCertificate, Note, OverspendingProof, Payment, RevocationList,
    keylist::TwoKeyLists,
    sealed::{Identified, IssuanceOrder, WithdrawalOrder},
};

use crate::{Evidence, Explain};

pub use inspect::{Finding, Inspection};

mod inspect;

/// Something that travels by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one is read at a time")]
pub enum Document {
    /// A request for payment.
    Challenge(Signed<Challenge>),
    /// An answer to one.
    Payment(Payment),
    /// A note.
    Note(Signed<Note>),
    /// A licence.
    Licence(Signed<Licence>),
    /// A name bound to a key.
    NameCertificate(Signed<NameCertificate>),
    /// A revocation list.
    Revocations(Signed<RevocationList>),
    /// A key list.
    KeyList(KeyList),
    /// Proof that issuer and authority signed two key lists for one epoch.
    TwoKeyLists(TwoKeyLists),
    /// Proof of overspending, as the issuer exports it.
    OverspendingProof(Signed<OverspendingProof>),
    /// One signature over a shop's takings.
    HandIn(Signed<HandIn>),
    /// A wallet's backup, encrypted; only its owner can read it.
    EncryptedBackup(Vec<u8>),
    /// A customer's order of a note under seal (HC-D5).
    WithdrawalOrder(Signed<WithdrawalOrder>),
    /// A bank's word to the issuer and the customer's receipt (HC-D6).
    IssuanceOrder(Signed<IssuanceOrder>),
    /// A bank's case: which order stands behind an overspent note (HC-D19).
    Identified(Signed<Identified>),
}

/// Why bytes are not a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// Longer than any document.
    #[error("{len} bytes are more than a document of at most {max} bytes takes")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Nothing at all.
    #[error("the document is empty")]
    Empty,
    /// The text was cut or altered.
    #[error("not a readable document: {0}")]
    Armour(#[from] ArmorError),
    /// A label that no document has.
    #[error("{label} is no kind of document that this program knows")]
    UnknownLabel {
        /// The label.
        label: String,
    },
    /// The content does not fit the label.
    #[error("the document was cut or altered: {0}")]
    Content(#[from] ContentFault),
    /// Binary content of no known kind.
    #[error("this is no document of any known kind, or it was cut or altered")]
    Unknown,
    /// Another kind of document than the command takes.
    #[error("this is a {found}, a {expected} is needed here")]
    OtherKind {
        /// What it is.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
}

/// Why content is not what its label says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// Not canonical CBOR of the kind.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Not a signed document of the kind.
    #[error(transparent)]
    Signed(#[from] zeni_message::DocumentError),
}

impl Explain for DocumentFault {
    fn code(&self) -> &'static str {
        match self {
            DocumentFault::TooLong { .. } | DocumentFault::Armour(ArmorError::TooLarge { .. }) => "too_long",
            DocumentFault::Empty => "empty",
            DocumentFault::Armour(_) | DocumentFault::Content(_) => "damaged_document",
            DocumentFault::UnknownLabel { .. } | DocumentFault::Unknown => "unknown_document",
            DocumentFault::OtherKind { .. } => "other_document",
        }
    }

    fn retry(&self) -> zeni_message::Retry {
        zeni_message::Retry::AfterRepair
    }
}

const LABELS: [&str; 14] = [
    "PAYMENT REQUEST",
    "PAYMENT",
    "NOTE",
    "LICENCE",
    "NAME CERTIFICATE",
    "REVOCATION LIST",
    "KEY LIST",
    "TWO KEY LISTS",
    "OVERSPENDING PROOF",
    "HAND IN",
    "ENCRYPTED BACKUP",
    "WITHDRAWAL ORDER",
    "ISSUANCE ORDER",
    "IDENTIFICATION",
];

/// How armour begins.
const ARMOUR_BEGIN: &[u8] = b"-----BEGIN ZENI ";

impl From<Evidence> for Document {
    fn from(evidence: Evidence) -> Document {
        match evidence {
            Evidence::TwoKeyLists(proof) => Document::TwoKeyLists(proof),
            Evidence::ForeignChallenge(challenge) => Document::Challenge(challenge),
        }
    }
}

impl Document {
    /// The armour's label.
    pub fn label(&self) -> &'static str {
        let place = match self {
            Document::Challenge(_) => 0,
            Document::Payment(_) => 1,
            Document::Note(_) => 2,
            Document::Licence(_) => 3,
            Document::NameCertificate(_) => 4,
            Document::Revocations(_) => 5,
            Document::KeyList(_) => 6,
            Document::TwoKeyLists(_) => 7,
            Document::OverspendingProof(_) => 8,
            Document::HandIn(_) => 9,
            Document::EncryptedBackup(_) => 10,
            Document::WithdrawalOrder(_) => 11,
            Document::IssuanceOrder(_) => 12,
            Document::Identified(_) => 13,
        };
        LABELS[place]
    }

    /// The binary form.
    pub fn to_bytes(&self, network: Network) -> Vec<u8> {
        match self {
            Document::Challenge(it) => it.to_document(network),
            Document::Payment(it) => encode(it),
            Document::Note(it) => it.to_document(network),
            Document::Licence(it) => it.to_document(network),
            Document::NameCertificate(it) => it.to_document(network),
            Document::Revocations(it) => it.to_document(network),
            Document::KeyList(it) => encode(it),
            Document::TwoKeyLists(it) => encode(it),
            Document::OverspendingProof(it) => it.to_document(network),
            Document::HandIn(it) => it.to_document(network),
            Document::EncryptedBackup(it) => it.clone(),
            Document::WithdrawalOrder(it) => it.to_document(network),
            Document::IssuanceOrder(it) => it.to_document(network),
            Document::Identified(it) => it.to_document(network),
        }
    }

    /// The text form.
    pub fn to_text(&self, network: Network) -> String {
        armor::encode(self.label(), &self.to_bytes(network))
    }

    /// Reads a document in text or binary form. Signatures are not checked.
    pub fn parse(input: &[u8]) -> Result<Document, DocumentFault> {
        Self::parse_within(input, PROOF_DOCUMENT_BYTES_MAX)
    }

    fn parse_within(input: &[u8], max: usize) -> Result<Document, DocumentFault> {
        // the text of the longest content: base64 and its line ends
        if input.len() > 2 * max {
            return Err(DocumentFault::TooLong { len: input.len(), max });
        }
        let trimmed = input.trim_ascii();
        if trimmed.is_empty() {
            return Err(DocumentFault::Empty);
        }
        if !trimmed.starts_with(ARMOUR_BEGIN) {
            return Self::of_bytes(input, max);
        }
        let text = core::str::from_utf8(trimmed).map_err(|_| DocumentFault::Armour(ArmorError::Base64))?;
        let armored = armor::decode(text, max)?;
        let (len, max) = (armored.bytes.len(), longest(&armored.label));
        match len > max {
            true => Err(DocumentFault::TooLong { len, max }),
            false => Self::of_label(&armored.label, &armored.bytes),
        }
    }

    /// The request for payment in `input`.
    pub fn parse_challenge(input: &[u8]) -> Result<Signed<Challenge>, DocumentFault> {
        match Document::parse_within(input, DOCUMENT_BYTES_MAX)? {
            Document::Challenge(challenge) => Ok(challenge),
            other => Err(DocumentFault::OtherKind { found: other.label(), expected: LABELS[0] }),
        }
    }

    /// The payment in `input`.
    pub fn parse_payment(input: &[u8]) -> Result<Payment, DocumentFault> {
        match Document::parse_within(input, DOCUMENT_BYTES_MAX)? {
            Document::Payment(payment) => Ok(payment),
            other => Err(DocumentFault::OtherKind { found: other.label(), expected: LABELS[1] }),
        }
    }

    fn of_label(label: &str, bytes: &[u8]) -> Result<Document, DocumentFault> {
        let content = match LABELS.iter().position(|known| *known == label) {
            Some(0) => signed(bytes).map(Document::Challenge),
            Some(1) => plain(bytes).map(Document::Payment),
            Some(2) => signed(bytes).map(Document::Note),
            Some(3) => signed(bytes).map(Document::Licence),
            Some(4) => signed(bytes).map(Document::NameCertificate),
            Some(5) => signed(bytes).map(Document::Revocations),
            Some(6) => plain(bytes).map(Document::KeyList),
            Some(7) => plain(bytes).map(Document::TwoKeyLists),
            Some(8) => signed(bytes).map(Document::OverspendingProof),
            Some(9) => signed(bytes).map(Document::HandIn),
            Some(10) => Ok(Document::EncryptedBackup(bytes.to_vec())),
            Some(11) => signed(bytes).map(Document::WithdrawalOrder),
            Some(12) => signed(bytes).map(Document::IssuanceOrder),
            Some(13) => signed(bytes).map(Document::Identified),
            _ => return Err(DocumentFault::UnknownLabel { label: label.into() }),
        };
        Ok(content?)
    }

    /// Binary content says what it is by its content type, or by being the only kind that it decodes as.
    fn of_bytes(bytes: &[u8], max: usize) -> Result<Document, DocumentFault> {
        if bytes.len() > max {
            return Err(DocumentFault::TooLong { len: bytes.len(), max });
        }
        let len = bytes.len();
        let unread = match len > DOCUMENT_BYTES_MAX {
            true => DocumentFault::TooLong { len, max: DOCUMENT_BYTES_MAX },
            false => DocumentFault::Unknown,
        };
        let readable = LABELS.iter().filter(|label| **label != LABELS[10] && len <= longest(label));
        readable.into_iter().find_map(|label| Self::of_label(label, bytes).ok()).ok_or(unread)
    }
}

/// Bytes of the longest document of a kind: proofs of overspending may take many signatures.
fn longest(label: &str) -> usize {
    match [LABELS[8], LABELS[13]].contains(&label) {
        true => PROOF_DOCUMENT_BYTES_MAX,
        false => DOCUMENT_BYTES_MAX,
    }
}

fn signed<T: Record>(bytes: &[u8]) -> Result<Signed<T>, ContentFault> {
    Signed::from_document(bytes).map_err(ContentFault::Signed)
}

fn plain<T: Wire>(bytes: &[u8]) -> Result<T, ContentFault> {
    Ok(decode(bytes, DOCUMENT_BYTES_MAX)?)
}
