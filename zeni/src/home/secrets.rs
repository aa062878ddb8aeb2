//! What a home keeps under its passphrase.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use zeni_crypto::SharedEntropy;
use zeni_money::Currency;
use zeni_note::Nonce;

use crate::{
    card::pin,
    cli::CardArg,
    keys::{Secret32, SecretText},
    output::Failure,
};

/// What the card is called that a wallet joined with.
pub(crate) const OWN_CARD: &str = "own";
/// Longest name of a further card.
const NAME_LETTERS_MAX: usize = 16;

/// The secrets of a home.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HomeSecrets {
    /// The card that keys and counters are on.
    pub(crate) card: CardSecrets,
    /// The bank whose card it is; homes of earlier versions learn it from the wallet's profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bank: Option<String>,
    /// The authority's secret for the person; none where nobody is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<SecretText>,
    /// Key of the connections to the bank, PKCS#8 PEM.
    pub(crate) tls_key: SecretText,
    /// Of a further card of a wallet: its name and its only currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) further: Option<CardName>,
    /// The further cards of a wallet, each a home of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) cards: Vec<CardName>,
}

/// A further card of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardName {
    /// The name by which it is asked for.
    pub(crate) name: String,
    /// Code of its only currency.
    pub(super) currency: String,
}

impl CardName {
    /// A name as it was typed.
    pub(crate) fn new(name: &str, currency: &str) -> Result<CardName, Failure> {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !plain || !(1..=NAME_LETTERS_MAX).contains(&name.len()) || name == OWN_CARD {
            let text =
                format!("a card's name has 1 to {NAME_LETTERS_MAX} small letters and digits, and is not '{OWN_CARD}'");
            return Err(Failure::Usage(text));
        }
        if Currency::from_code(currency).is_none_or(|currency| !currency.is_listed()) {
            return Err(Failure::Usage(format!("'{currency}' is no currency: name it like USD")));
        }
        Ok(CardName { name: name.into(), currency: currency.into() })
    }

    /// Its currency.
    pub(crate) fn currency(&self) -> Result<Currency> {
        Currency::from_code(&self.currency).context("a currency in the key file is not three capital letters")
    }
}

impl HomeSecrets {
    /// The kind of card, as `--card` names it.
    pub(crate) fn card_kind(&self) -> &'static str {
        match &self.card {
            CardSecrets::Card(CardKeys::Pcsc(_)) => "pcsc",
            CardSecrets::Card(CardKeys::Soft(_)) | CardSecrets::Database(_) => "soft",
        }
    }

    /// Refuses a kind of card that is not this one.
    pub(crate) fn check_kind(&self, asked: Option<&CardArg>) -> Result<(), Failure> {
        let kind = self.card_kind();
        let asked = asked.map(|asked| match asked {
            CardArg::Soft => "soft",
            CardArg::Pcsc(_) => "pcsc",
        });
        if asked.is_some_and(|asked| asked != kind) {
            let text =
                format!("this wallet's card is of the kind '{kind}': leave --card (or ZENI_CARD) away, or say so");
            return Err(Failure::Usage(text));
        }
        Ok(())
    }

    /// Those of a wallet restored from a backup: a software card is made anew, one in a reader stays.
    pub(crate) fn restored(self, bank: &str) -> HomeSecrets {
        let card = match self.card {
            CardSecrets::Card(CardKeys::Pcsc(card)) => CardKeys::Pcsc(card),
            CardSecrets::Card(CardKeys::Soft(_)) | CardSecrets::Database(_) => CardKeys::Soft(SoftKeys::draw()),
        };
        HomeSecrets { card: CardSecrets::Card(card), bank: Some(bank.to_owned()), cards: Vec::new(), ..self }
    }
}

/// What opens a home's card.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum CardSecrets {
    /// Written before cards had PINs: the master key of a software card in a database. Opening the home replaces it.
    Database(Secret32),
    /// A card that speaks in commands.
    Card(CardKeys),
}

/// What opens a card.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum CardKeys {
    /// A software card in a file of the home.
    Soft(SoftKeys),
    /// A card in a reader.
    Pcsc(ReaderCard),
}

/// What opens a software card.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoftKeys {
    /// Encrypts the file and the keys in it.
    pub(crate) master: Secret32,
    /// Its PIN; none once its owner has set one of his own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pin: Option<SecretText>,
    /// The PIN that its owner is setting: there from before the card has it until the key file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<SecretText>,
    /// Its PUK.
    pub(crate) puk: SecretText,
}

impl SoftKeys {
    /// Those of a card that is to be made.
    pub(crate) fn draw() -> SoftKeys {
        SoftKeys::of(Secret32::new(SharedEntropy::os().bytes()))
    }

    /// A PIN and a PUK for a card that is there under this master key.
    pub(super) fn of(master: Secret32) -> SoftKeys {
        let drawn = || SecretText::new(&pin::drawn());
        SoftKeys { master, pin: Some(drawn()), next: None, puk: drawn() }
    }
}

/// A card in a reader that belongs to this home.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReaderCard {
    /// Number of the card, hexadecimal; none until it is personalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
    /// There until joining is done: what a personalisation that was cut off goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begun: Option<Begun>,
}

impl ReaderCard {
    /// The number.
    pub(crate) fn number(&self) -> Result<Option<Nonce>> {
        let Some(hex) = &self.number else { return Ok(None) };
        let damaged = "the number of the card in the key file is not 32 hexadecimal digits";
        let number = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32).context(damaged)?;
        Ok(Some(number.to_be_bytes().into()))
    }

    /// Sets or forgets the number.
    pub(super) fn set_number(&mut self, number: Option<&Nonce>) {
        self.number = number.map(|number| zeni_crypto::hex(&number[..]));
    }
}

/// What was drawn for a card before it was personalised.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begun {
    /// PIN between personalisation and the owner's first.
    pub(crate) transport: SecretText,
    /// PUK, told to the owner when he has joined and kept nowhere after that.
    pub(crate) puk: SecretText,
}

impl Begun {
    /// New ones.
    pub(crate) fn draw() -> Begun {
        let drawn = || SecretText::new(&pin::drawn());
        Begun { transport: drawn(), puk: drawn() }
    }
}
