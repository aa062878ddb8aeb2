//! Messages and the parties they are addressed to.

use crate::{Refusal, Wire};

/// A party of the system, as certificates and the message table name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Registration authority (RN-R1).
    Authority,
    /// Financial institution with customers (RN-R3).
    Bank,
    /// Issuer of notes (RN-R2).
    Issuer,
    /// A payee who mostly deposits (RN-R6).
    Shop,
    /// A person with a wallet (RN-R4, R5).
    Wallet,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [Role::Authority, Role::Bank, Role::Issuer, Role::Shop, Role::Wallet];

    /// The word used in certificates, paths and documents.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Authority => "authority",
            Role::Bank => "bank",
            Role::Issuer => "issuer",
            Role::Shop => "shop",
            Role::Wallet => "wallet",
        }
    }

    /// The role of a word.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// A party that serves messages.
pub trait Party: Send + Sync + 'static {
    /// Which role this is.
    const ROLE: Role;
}

/// The registration authority as addressee.
#[derive(Debug)]
pub enum Authority {}
/// A bank as addressee.
#[derive(Debug)]
pub enum Bank {}
/// The issuer as addressee.
#[derive(Debug)]
pub enum Issuer {}

impl Party for Authority {
    const ROLE: Role = Role::Authority;
}
impl Party for Bank {
    const ROLE: Role = Role::Bank;
}
impl Party for Issuer {
    const ROLE: Role = Role::Issuer;
}

/// What the carrier must know of the sender before a handler sees a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing: the connection carries no client certificate, and a handler learns none.
    Anonymous,
    /// A client certificate of one of the roles in [`Message::FROM`].
    Certificate,
}

/// A request to one party and what comes back.
pub trait Message: Wire + Send + Sync + 'static {
    /// Who serves it.
    type To: Party;
    /// The answer when it is done.
    type Reply: Wire + Send + 'static;
    /// The reasons for which it may be refused; a refused message changes nothing.
    type Refusal: Refusal;
    /// Who may send it.
    const FROM: &'static [Role];
    /// What the carrier must know of the sender.
    const AUTH: Auth;
    /// Path on the wire, unique for the addressee, e.g. `/v1/redeem`.
    const PATH: &'static str;
    /// Bytes of the longest acceptable body.
    const MAX: usize;
    /// Bytes of the longest acceptable reply.
    const REPLY_MAX: usize = crate::limits::MESSAGE_BYTES_MAX;
}
