//! Who the holder is, his licences, and the lists he goes by.

use zeni_crypto::PublicKey;
use zeni_message::Signed;
use zeni_money::Currency;
use zeni_note::{
    Challenge, KeyList, NameCertificate, Nonce, RevocationList, Right,
    keylist::{TwoKeyLists, Way},
};
use zeni_store::Store;

use crate::{Trouble, record::ONLY, table};

/// How much two pieces of money of one person show of each other (RN-P6, P7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Privacy {
    /// f-1: one long-lived licence; nobody learns its name, but all its money can be seen to be one person's.
    #[n(0)]
    Untraceable,
    /// f-2: a fresh licence for every note and every receipt, from a stock drawn ahead.
    #[n(1)]
    Unlinkable,
}

/// What kind of holder this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Kind {
    /// A person.
    #[n(0)]
    Wallet,
    /// A shop: one long-lived key with a name certificate, takings handed in under one signature.
    #[n(1)]
    Shop,
}

/// How money is withdrawn and issued, and so who can name its first holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Via {
    /// Blindly signed requests, redeemed without the bank, to keys that the authority can name (RN-F2, F3).
    #[n(0)]
    Registered,
    /// Through the bank under seal, to keys that the bank can name with the issuer's evidence (HC-F2).
    #[n(1)]
    Sealed,
}

impl From<Way> for Via {
    fn from(way: Way) -> Via {
        if way.is_sealed() { Via::Sealed } else { Via::Registered }
    }
}

/// Who the holder is.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Profile {
    /// Short name of the bank.
    #[n(0)]
    pub bank: String,
    /// The account there.
    #[n(1)]
    pub account: String,
    /// Salt of the account's digest in closings.
    #[n(2)]
    pub account_salt: Nonce,
    /// Name in the authority's file; where nobody is registered the one that the bank certified for a shop, or the account.
    #[n(3)]
    pub name: String,
    /// Privacy regime.
    #[n(4)]
    pub privacy: Privacy,
    /// Person or shop.
    #[n(5)]
    pub kind: Kind,
    /// The long-lived key: of an untraceable wallet and of a shop.
    #[n(6)]
    pub main: Option<PublicKey>,
    /// PEM chain of the certificate for connections to the bank.
    #[n(7)]
    pub certificates: String,
    /// Key that signs withdrawal orders, and nothing about notes (HC-O3).
    #[n(8)]
    pub account_key: PublicKey,
    /// Whether the authority licenses this holder's keys; without that it withdraws under seal and what it receives can only be
    /// deposited (DESIGN §5 "Right to hold").
    #[n(9)]
    pub registered: bool,
}

impl Profile {
    /// The profile in a database with the tables of [`crate::SCHEMA`]; none before anybody has joined.
    pub async fn stored(store: &Store) -> Result<Option<Profile>, Trouble> {
        table::get(store, ONLY).await
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum LicenceUse {
    /// The long-lived one.
    #[n(0)]
    Main,
    /// Not used yet.
    #[n(1)]
    Stock,
    /// Bound to one note, receipt or deposit.
    #[n(2)]
    Used,
}

/// One of the card's keys with its right to hold: licensed, or terminal in a wallet without licences.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OwnRight {
    #[n(0)]
    pub(crate) right: Right,
    #[n(1)]
    pub(crate) certificate: Option<Signed<NameCertificate>>,
    #[n(2)]
    pub(crate) used: LicenceUse,
    /// Epoch in which it was drawn.
    #[n(3)]
    pub(crate) epoch: Option<u32>,
}

impl OwnRight {
    pub(crate) fn key(&self) -> PublicKey {
        self.right.key()
    }

    /// The same key as the long-lived one.
    pub(crate) fn into_main(self) -> OwnRight {
        OwnRight { used: LicenceUse::Main, ..self }
    }

    /// The same key, bound to something.
    pub(crate) fn spent(mut self) -> OwnRight {
        if self.used == LicenceUse::Stock {
            self.used = LicenceUse::Used;
        }
        self
    }

    /// The same key, back in stock: whatever it was bound to never left this wallet.
    pub(crate) fn unspent(mut self) -> OwnRight {
        if self.used == LicenceUse::Used {
            self.used = LicenceUse::Stock;
        }
        self
    }
}

/// Why the card's operator, the bank, does not take the card: its refusal of the last contact that it answered, or the card's of its
/// word.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, minicbor::Encode, minicbor::Decode)]
pub struct CardRefused {
    /// Stable word, e.g. `too_many_cards`.
    #[n(0)]
    pub code: String,
    /// The same in words, with what to do.
    #[n(1)]
    pub reason: String,
}

/// What the card's operator said at the last contact that it answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct OperatorWord {
    /// Currency of the account; none before the first ticket.
    #[n(0)]
    pub(crate) currency: Option<Currency>,
    /// Why there was no ticket; none where there was one.
    #[n(1)]
    pub(crate) refused: Option<CardRefused>,
}

/// A key list as a row.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct StoredKeyList {
    #[n(0)]
    pub(crate) list: KeyList,
}

/// The revocation list as a row.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct StoredRevocations {
    #[n(0)]
    pub(crate) list: Signed<RevocationList>,
}

/// Something that shows that keys are not the same for all (RN-X9).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[expect(clippy::large_enum_variant, reason = "one is read at a time; a box would only move the same bytes")]
pub enum Evidence {
    /// Proof against issuer and authority: withdrawals stop.
    #[n(0)]
    TwoKeyLists(#[n(0)] TwoKeyLists),
    /// A payee named another key list for an epoch whose list is at hand: a sign, no proof.
    #[n(1)]
    ForeignChallenge(#[n(0)] Signed<Challenge>),
}
