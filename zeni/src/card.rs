//! The card of a home: made, found, opened.
//!
//! Wallets always speak to a card in commands, whether it is an applet in this process over a file of the home or a card in a
//! reader. A card in a reader is known by its number, which it confirms to whoever names it; a PIN is shown to no other card.

mod care;
pub(crate) mod file;
pub(crate) mod pin;
#[cfg_attr(not(feature = "pcsc"), path = "card/no_reader.rs")]
mod reader;

use std::{path::Path, time::Duration};

use anyhow::Context;
use zeni_card::{ApduCard, Applet, CardError, Identity, InProcess, KeyPolicy, Life, Transmit};
use zeni_card_host::{FileError, FileMemory};
use zeni_crypto::OsEntropy;
use zeni_money::Currency;
use zeni_note::Nonce;

use crate::{
    cli::{CardArg, CardOptions},
    home::{Begun, SoftKeys},
    network::{NetworkFile, public_key},
    output::Failure,
    wallet::explain,
};
pub(crate) use care::care;

/// A card, wherever it is.
pub(crate) type AnyCard = ApduCard<Box<dyn Transmit>>;

/// How often readers are looked into while a card is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The home's own card and its place, as people are told.
pub(crate) fn name(number: &Nonce) -> String {
    let hex = zeni_crypto::hex(&number[..4]).to_uppercase();
    format!("{}-{}", &hex[..4], &hex[4..])
}

/// What a card of a network is told when it is personalised.
pub(crate) fn identity(
    network: &NetworkFile,
    bank: &str,
    currency: Option<Currency>,
    keys: KeyPolicy,
) -> Result<Identity, Failure> {
    let roots = network.roots()?;
    let operator = public_key(&network.bank(bank)?.key)?;
    let (issuer, authority) = (roots.issuer, roots.authority);
    Ok(Identity { network: roots.network, issuer, authority, operator, currency, keys })
}

/// Makes the file of a software card, with its PIN set.
pub(crate) fn make_soft(path: &Path, keys: &SoftKeys, identity: &Identity) -> Result<(), Failure> {
    let master = keys.master.bytes()?;
    let memory = FileMemory::create(path, &master, OsEntropy).map_err(file_failure)?;
    let mut card = ApduCard::new(InProcess(Applet::new(memory, master, OsEntropy)), None);
    let transport = pin::digits(&pin::drawn())?;
    card.personalise(identity, &transport, &pin::digits(keys.puk.expose())?).map_err(explain)?;
    let pin = pin::digits(keys.pin.as_ref().context("the key file has no PIN")?.expose())?;
    card.change_pin(&transport, &pin).map_err(explain)
}

/// The software card in a file.
pub(crate) fn open_soft(path: &Path, keys: &SoftKeys) -> Result<AnyCard, Failure> {
    let master = keys.master.bytes()?;
    let memory = FileMemory::open(path, &master, OsEntropy).map_err(file_failure)?;
    let link: Box<dyn Transmit> = Box::new(InProcess(Applet::new(memory, master, OsEntropy)));
    Ok(ApduCard::new(link, None))
}

/// Why a card's file does not serve.
pub(crate) fn file_failure(error: FileError) -> Failure {
    match error {
        FileError::InUse { .. } | FileError::Replaced { .. } => Failure::try_again("card_in_use", error),
        FileError::Io { .. } => Failure::try_again("card_memory", error),
        FileError::TooLarge { .. } | FileError::Linked { .. } => Failure::refused("card_memory", error),
        FileError::Exists { .. } => Failure::Usage(error.to_string()),
        FileError::Missing { .. }
        | FileError::Foreign { .. }
        | FileError::Version { .. }
        | FileError::Length { .. }
        | FileError::Sealed { .. } => Failure::refused("damaged", error),
    }
}

/// Where a card in a reader is looked for.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    /// The reader, whole or in part; none for any.
    pub(crate) reader: Option<&'a str>,
    /// The name by which a wallet with several cards asks for it.
    pub(crate) called: Option<&'a str>,
    /// The number of the card; none for a blank one.
    pub(crate) number: Option<Nonce>,
    /// How long it is waited for, seconds.
    pub(crate) wait_s: u64,
}

impl<'a> Search<'a> {
    /// In the reader that the command line names.
    pub(crate) fn by(
        options: &'a CardOptions,
        called: Option<&'a str>,
        number: Option<Nonce>,
        wait_s: u64,
    ) -> Search<'a> {
        let reader = match &options.card {
            Some(CardArg::Pcsc(reader)) => reader.as_deref(),
            _ => None,
        };
        Search { reader, called, number, wait_s }
    }

    /// What is to be inserted, as people are told.
    pub(crate) fn wanted(&self) -> String {
        let number = self.number.as_ref().map(name);
        match (self.called, number) {
            (Some(called), Some(number)) => format!("the card '{called}' ({number})"),
            (Some(called), None) => format!("a blank card for '{called}'"),
            (None, Some(number)) => format!("the card {number}"),
            (None, None) => "a card".to_owned(),
        }
    }

    /// The card, without a PIN.
    pub(crate) async fn find(&self) -> Result<AnyCard, Failure> {
        let tries = self.wait_s.saturating_mul(1_000) / u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(1);
        let mut left = tries;
        loop {
            match reader::look(self) {
                Err(Failure::TryAgain { text, .. }) if left > 0 => {
                    if left == tries {
                        eprintln!("zeni: {text}");
                    }
                    left -= 1;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                found => return found,
            }
        }
    }
}

/// Where the personalisation of a card in a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// It is blank.
    Blank,
    /// It has the transport PIN.
    Transport,
    /// It has its owner's PIN.
    Owned,
}

/// Where the personalisation of `card` stands.
///
/// # Errors
/// Refused when it is too late for one.
pub(crate) fn made(card: &mut AnyCard) -> Result<Made, Failure> {
    match card.information().map_err(explain)?.life {
        Life::Manufactured => Ok(Made::Blank),
        Life::Personalised => Ok(Made::Transport),
        Life::Operational | Life::Locked => Ok(Made::Owned),
        Life::Retired => Err(explain(CardError::Retired)),
    }
}

/// A card that somebody has is not made over.
pub(crate) fn taken() -> Failure {
    let text = "this card belongs to a wallet already: use a blank one, or restore that wallet's backup with it";
    Failure::refused("card_taken", text)
}

/// Makes a blank card the card of a network, under its transport PIN; tells its number. The same again after a cut.
pub(crate) fn personalise(card: &mut AnyCard, identity: &Identity, begun: &Begun) -> Result<Nonce, Failure> {
    let (transport, puk) = (pin::digits(begun.transport.expose())?, pin::digits(begun.puk.expose())?);
    card.personalise(identity, &transport, &puk).map_err(|error| match error {
        CardError::Life { .. } | CardError::Locked => taken(),
        error => explain(error),
    })
}
