//! Challenges (チャレンジ情報): the payee's question that an endorsement answers.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, tagged};
use zeni_message::{Network, Record, Signed, Time, encode};
use zeni_money::{Amount, Currency};

use crate::{
    KeyList, NameCertificate, Nonce, Right,
    keylist::{KeyListRecord, Roots},
    spec,
};

/// A payee's request for payment, signed by the key that will hold the money (RN-D11, RN-F4.4).
///
/// `W` commits to all of it but [`time`](Challenge::time); `e = f(TIME, W)`.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Challenge {
    /// TIME: when it was made.
    #[n(0)]
    pub time: Time,
    /// Key that will hold the money.
    #[n(1)]
    pub payee: PublicKey,
    /// Salt of the key's commitment.
    #[n(2)]
    pub key_salt: Nonce,
    /// What the payee calls itself; worth something only with a certificate.
    #[n(3)]
    pub name: String,
    /// Salt of the name's commitment.
    #[n(4)]
    pub name_salt: Nonce,
    /// Makes the challenge unique.
    #[n(5)]
    pub nonce: Nonce,
    /// Currency asked.
    #[n(6)]
    pub currency: Currency,
    /// Total asked, at least one minor unit.
    #[n(7)]
    pub total: Amount,
    /// Last time to sign.
    #[n(8)]
    pub sign_until: Time,
    /// What it is for, shown to the payer.
    #[n(9)]
    pub memo: String,
    /// Series accepted; none means all that the key list of the epoch names.
    #[n(10)]
    pub series: Vec<u32>,
    /// Epoch of the payee's key list.
    #[n(11)]
    pub epoch: u32,
    /// Identity of the payee's key list.
    #[n(12)]
    pub key_list: Digest,
    /// Right of the payee's key. A payee without a licence is terminal: what it takes can only be deposited.
    #[n(13)]
    pub right: Right,
    /// Binds the name to the payee's key, where there is one.
    #[n(14)]
    pub certificate: Option<Signed<NameCertificate>>,
}

impl Record for Challenge {
    const KIND: &'static str = "zeni/challenge";
    const MAX: usize = 4_096;
}

/// What a chain shows of the challenge that an endorsement answered: enough to check the payee's key, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Opening {
    /// TIME of the challenge.
    #[n(0)]
    pub time: Time,
    /// Salt of the payee's commitment.
    #[n(1)]
    pub salt: Nonce,
    /// Digest of all else that the challenge says.
    #[n(2)]
    pub rest: Digest,
}

impl Opening {
    /// `e` if the payee is `key`.
    pub fn answer_for(&self, key: &PublicKey) -> Digest {
        let payee = spec::payee_commitment(&self.salt, key);
        spec::f(self.time, &spec::w(&payee, &self.rest))
    }
}

impl Challenge {
    /// Digest of all but TIME and the payee's key.
    pub fn rest(&self, network: Network) -> Digest {
        let name = spec::name_commitment(&self.name_salt, &self.name);
        let order = tagged("zeni/order", &[self.memo.as_bytes()]);
        let terms = (
            &name,
            &self.nonce,
            &self.currency,
            &self.total,
            &self.sign_until,
            &order,
            &self.series,
            &self.epoch,
            &self.key_list,
        );
        tagged("zeni/challenge-rest", &[&network.0.0, &encode(&terms)])
    }

    /// What the chain will show of this challenge.
    pub fn opening(&self, network: Network) -> Opening {
        Opening { time: self.time, salt: self.key_salt, rest: self.rest(network) }
    }

    /// The value `e` that endorsements answer.
    pub fn answer(&self, network: Network) -> Digest {
        self.opening(network).answer_for(&self.payee)
    }
}

/// Who vouches for the name in a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The authority, which registers the payee.
    Authority,
    /// The bank of this short name, where the payee has an account and no licence.
    Bank(String),
}

impl Challenge {
    /// Who certified the payee's name for its key: the authority, or for a payee without a licence a bank of the key lists at hand.
    /// Nobody where the certificate is missing, has ended at `now`, or is for another key or name (RN-X42).
    pub fn named_by(&self, roots: &Roots, lists: &[KeyList], now: Time) -> Option<NamedBy> {
        let certificate = self.certificate.as_ref()?;
        let named = &certificate.record;
        if named.key != self.payee || named.name != self.name || now > named.until {
            return None;
        }
        if certificate.verify(roots.network, &roots.authority).is_ok() {
            return Some(NamedBy::Authority);
        }
        let entries = lists.iter().map(|list| &list.record).flat_map(|list: &KeyListRecord| &list.sealed);
        let mut entries = entries.filter(|_| self.right.licence().is_none());
        let bank = entries.find(|entry| certificate.verify(roots.network, &entry.key).is_ok())?;
        Some(NamedBy::Bank(bank.bank.clone()))
    }
}

/// The opening of an endorsement that gives `parent` back to the key that signed it.
///
/// Derived from the endorsement that is given back, so that no request is needed and each can be given back into one slot
/// only.
pub fn give_back_opening(time: Time, parent: &Digest) -> Opening {
    let salt = tagged("zeni/give-back-salt", &[&parent.0]);
    let mut short = [0u8; 16];
    short.copy_from_slice(&salt.0[..16]);
    Opening { time, salt: short.into(), rest: tagged("zeni/give-back", &[&parent.0]) }
}

/// Whether a memo or a name can be shown to a person as it is: no control characters, no line separators, and nothing that
/// turns the direction of writing (RN-X42).
pub fn is_plain(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_control() || is_invisible(letter))
}

/// Marks, overrides and isolates of direction; line and paragraph separators; the joiners that only hide.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
