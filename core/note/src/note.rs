//! Notes (電子マネー) as the issuer makes them.

use zeni_crypto::{Digest, PublicKey};
use zeni_message::Record;
use zeni_money::{Amount, Currency};

use crate::{Nonce, keylist::Way, spec};

/// The issuer's random 128-bit management number of a note (電子マネー管理番号, RN-O27).
pub type Serial = minicbor::bytes::ByteArray<16>;

/// What the issuer signs: number, amount and key, and where the terms stand (RN-D9). No bank in it.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Note {
    /// Management number.
    #[n(0)]
    pub serial: Serial,
    /// Series whose terms hold; a published entry for all its notes alike.
    #[n(1)]
    pub series: u32,
    /// Epoch whose terms hold.
    #[n(2)]
    pub epoch: u32,
    /// Currency of the face value.
    #[n(3)]
    pub currency: Currency,
    /// Face value, at least one minor unit.
    #[n(4)]
    pub face: Amount,
    /// Key of the first holder, or `g` of face value and key in series that hide it (HC-V2, HC-V3).
    #[n(5)]
    pub holder: PublicKey,
    /// How it was issued: a licensed key, or one that was sealed to the issuer for this note (HC-F2), so that its bank can name
    /// the holder. That of the series; a renewed note is always registered.
    #[n(6)]
    pub way: Way,
}

impl Note {
    /// Whether the note says that `key` holds it, in the one form of its way: else a key could be shown that nobody sealed.
    pub fn is_made_out_to(&self, key: &PublicKey) -> bool {
        match self.way {
            Way::Registered | Way::Sealed => self.holder == *key,
            Way::SealedHidden => self.holder == spec::g(self.face, key),
        }
    }
}

impl Record for Note {
    const KIND: &'static str = "zeni/note";
    const MAX: usize = 128;
}

/// The issuer's leave to load one note into one open slot of one card, once (DESIGN §5).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct LoadTicket {
    /// Identity of the note.
    #[n(0)]
    pub note: Digest,
    /// The nonce with which the card opened the slot.
    #[n(1)]
    pub nonce: Nonce,
}

impl Record for LoadTicket {
    const KIND: &'static str = "zeni/load";
    const MAX: usize = 64;
}
