//! Names of parties and of certificate authorities, as SAN URIs carry them.

use std::{fmt, str::FromStr};

use zeni_message::Role;

/// Characters of the longest network, bank or account name.
pub const NAME_CHARS_MAX: usize = 64;

const SCHEME: &str = "urn:zeni:";
const ROOT_WORD: &str = "root";
const CUSTOMERS_WORD: &str = "customers";
const ACCOUNT_KEY_WORD: &str = "account-key";

/// Why text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It does not begin with `urn:zeni:` or has too few parts.
    #[error("'{text}' is not of the form urn:zeni:<network>:<role>:<name>")]
    Form {
        /// What was read.
        text: String,
    },
    /// The role is none of the known words.
    #[error("'{word}' is not a role")]
    Role {
        /// What was read.
        word: String,
    },
    /// A part is empty or longer than [`NAME_CHARS_MAX`].
    #[error("'{part}' must have 1 to {NAME_CHARS_MAX} characters")]
    Length {
        /// What was read.
        part: String,
    },
    /// A part holds a character outside its set.
    #[error("'{part}' holds a character that is not allowed")]
    Character {
        /// What was read.
        part: String,
    },
    /// The name of a wallet or shop is not `<bank>/<account>`.
    #[error("'{name}' is not of the form <bank>/<account>")]
    Customer {
        /// What was read.
        name: String,
    },
}

/// A party of one network: `urn:zeni:<network>:<role>:<name>`.
///
/// Network and the names of institutions are 1 to [`NAME_CHARS_MAX`] of `a-z 0-9 -`. A wallet or shop is named
/// `<bank>/<account>`; an account is 1 to [`NAME_CHARS_MAX`] of `a-z A-Z 0-9 - _ .`. Parsing and printing are exact
/// inverses: there is one text per name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyName {
    network: String,
    role: Role,
    name: String,
}

impl PartyName {
    /// A name from its parts, if each is within its set.
    pub fn new(network: &str, role: Role, name: &str) -> Result<Self, NameError> {
        short_name(network)?;
        if is_customer(role) {
            let (bank, account) = name.split_once('/').ok_or_else(|| NameError::Customer { name: name.into() })?;
            short_name(bank)?;
            account_name(account)?;
        } else {
            short_name(name)?;
        }
        Ok(PartyName { network: network.into(), role, name: name.into() })
    }

    /// The network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// An institution's short name, or `<bank>/<account>` of a customer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bank and account of a customer; nothing for an institution.
    pub fn customer(&self) -> Option<(&str, &str)> {
        self.name.split_once('/')
    }
}

impl fmt::Display for PartyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}:{}", self.network, self.role.word(), self.name)
    }
}

impl FromStr for PartyName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let form = || NameError::Form { text: text.into() };
        let (network, rest) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once(':')).ok_or_else(form)?;
        let (role, name) = rest.split_once(':').ok_or_else(form)?;
        let role = Role::from_word(role).ok_or_else(|| NameError::Role { word: role.into() })?;
        PartyName::new(network, role, name)
    }
}

/// The key that signs a customer's orders, as certificates and requests for them name it: `urn:zeni:<network>:account-key:<digest>`.
///
/// The digest is in lower-case hexadecimal; what it is of, the messages define. No party name reads as one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKeyName {
    network: String,
    digest: [u8; 32],
}

impl AccountKeyName {
    /// The name of a key whose digest this is.
    pub fn new(network: &str, digest: [u8; 32]) -> Result<Self, NameError> {
        short_name(network)?;
        Ok(AccountKeyName { network: network.into(), digest })
    }

    /// The network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Digest of the key.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl fmt::Display for AccountKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{ACCOUNT_KEY_WORD}:", self.network)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for AccountKeyName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let form = || NameError::Form { text: text.into() };
        let (network, rest) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once(':')).ok_or_else(form)?;
        let hex = rest.strip_prefix(ACCOUNT_KEY_WORD).and_then(|rest| rest.strip_prefix(':')).ok_or_else(form)?;
        let mut digest = [0; 32];
        if hex.len() != 2 * digest.len() {
            return Err(form());
        }
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| form())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| form())?;
        }
        let name = AccountKeyName::new(network, digest)?;
        // signs and capitals read as numbers too
        if name.to_string() == text { Ok(name) } else { Err(form()) }
    }
}

/// A certificate authority: `urn:zeni:<network>:root` or `urn:zeni:<network>:customers:<bank>`.
///
/// No party name reads as one of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CaName {
    /// Certifies institutions and the authorities for customers.
    Root {
        /// Name of the network.
        network: String,
    },
    /// Certifies wallets and shops of one bank.
    Customers {
        /// Name of the network.
        network: String,
        /// Short name of the bank.
        bank: String,
    },
}

impl CaName {
    /// The root of `network`.
    pub fn root(network: &str) -> Result<Self, NameError> {
        short_name(network)?;
        Ok(CaName::Root { network: network.into() })
    }

    /// The authority for the customers of `bank`.
    pub fn customers(network: &str, bank: &str) -> Result<Self, NameError> {
        short_name(network)?;
        short_name(bank)?;
        Ok(CaName::Customers { network: network.into(), bank: bank.into() })
    }

    /// The network.
    pub fn network(&self) -> &str {
        match self {
            CaName::Root { network } | CaName::Customers { network, .. } => network,
        }
    }

    /// Whether a certificate from this authority may name `party`: an institution only from the root, a customer only
    /// from the authority of its bank.
    pub fn may_certify(&self, party: &PartyName) -> bool {
        match (self, party.customer()) {
            (CaName::Root { network }, None) => network == party.network(),
            (CaName::Customers { network, bank }, Some((of, _))) => network == party.network() && bank == of,
            _ => false,
        }
    }
}

impl fmt::Display for CaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaName::Root { network } => write!(f, "{SCHEME}{network}:{ROOT_WORD}"),
            CaName::Customers { network, bank } => {
                write!(f, "{SCHEME}{network}:{CUSTOMERS_WORD}:{bank}")
            }
        }
    }
}

impl FromStr for CaName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let form = || NameError::Form { text: text.into() };
        let (network, rest) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once(':')).ok_or_else(form)?;
        match rest.split_once(':') {
            None if rest == ROOT_WORD => CaName::root(network),
            Some((CUSTOMERS_WORD, bank)) => CaName::customers(network, bank),
            _ => Err(form()),
        }
    }
}

fn is_customer(role: Role) -> bool {
    match role {
        Role::Authority | Role::Bank | Role::Issuer => false,
        Role::Shop | Role::Wallet => true,
    }
}

fn short_name(part: &str) -> Result<(), NameError> {
    checked(part, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn account_name(part: &str) -> Result<(), NameError> {
    checked(part, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn checked(part: &str, allowed: impl Fn(char) -> bool) -> Result<(), NameError> {
    if part.is_empty() || part.len() > NAME_CHARS_MAX {
        return Err(NameError::Length { part: part.into() });
    }
    if !part.chars().all(allowed) {
        return Err(NameError::Character { part: part.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
