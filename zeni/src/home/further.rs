//! The further cards of a wallet: each a home of its own in `cards/<name>`, for one currency, under the wallet's passphrase.
//!
//! ```text
//! card add ─► home in cards/<name> ─► joined ─► name and currency into the wallet's key file
//! ```
//! Each arrow may be cut; adding the same card again goes on.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use zeni_message::route::Clock;
use zeni_money::Currency;
use zeni_store::Store;
use zeroize::Zeroizing;

use super::{CardName, Home, NewHome};
use crate::{
    cli::{CardOptions, HomeArgs},
    output::Failure,
};

/// Where the homes of further cards are.
const CARDS: &str = "cards";

/// A further card, not opened.
pub(crate) struct Further {
    /// What it is called, and for which currency.
    pub(crate) card: CardName,
    args: HomeArgs,
    /// The network file of the wallet.
    network: PathBuf,
    passphrase: Zeroizing<String>,
    clock: Arc<dyn Clock>,
}

impl Further {
    /// Opens its home.
    pub(crate) async fn open(&self) -> Result<Home, Failure> {
        Home::open_under(&self.args, Some(&self.passphrase), self.clock.clone()).await
    }

    /// Its records, to be looked into: without its card, and while others use it. None where they are missing.
    pub(crate) fn records(&self) -> Result<Option<Store>, Failure> {
        match super::check_there(&self.args.home.join(super::WALLET_DB)) {
            Ok(()) => super::records(&self.args.home).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Makes its home, or opens one in which joining was interrupted.
    pub(crate) async fn create(&self, bank: &str, identity: Option<&str>) -> Result<Home, Failure> {
        let (further, passphrase) = (Some(&self.card), Some(&self.passphrase));
        let new = NewHome { network: &self.network, bank, identity, further, passphrase };
        let home = Home::create(&self.args, new, self.clock.clone()).await?;
        if home.secrets.further.as_ref() != Some(&self.card) {
            let text = format!("{} holds another card: name this one otherwise", self.args.home.display());
            return Err(Failure::Usage(text));
        }
        Ok(home)
    }

    /// Uses the card as the command line names it.
    pub(crate) fn with_options(mut self, options: CardOptions) -> Further {
        self.args.card = options;
        self
    }
}

impl Home {
    /// The further cards.
    pub(crate) fn further(&self) -> Vec<Further> {
        self.secrets.cards.iter().map(|card| self.further_as(card.clone())).collect()
    }

    /// A further card that need not be there yet.
    pub(crate) fn further_as(&self, card: CardName) -> Further {
        let options = CardOptions { card: None, pin_file: None };
        let home = self.dir.join(CARDS).join(&card.name);
        let args = HomeArgs { home, passphrase_file: None, wait: self.wait_s, card: options };
        let (network, passphrase) = (self.dir.join("network.toml"), self.passphrase.clone());
        Further { card, args, network, passphrase, clock: self.clock.clone() }
    }

    /// Whether there is room for a further card of this name and currency.
    pub(crate) fn check_further(&self, card: &CardName) -> Result<(), Failure> {
        if self.secrets.further.is_some() {
            return Err(Failure::Usage(format!("{} is a further card itself: name the wallet", self.dir.display())));
        }
        let clash = |other: &&CardName| *other != card && (other.name == card.name || other.currency == card.currency);
        match self.secrets.cards.iter().find(clash) {
            Some(other) => Err(Failure::Usage(format!("the card '{}' is for {} already", other.name, other.currency))),
            None => Ok(()),
        }
    }

    /// Takes a further card in that somebody has joined with.
    pub(crate) fn add_further(&mut self, card: CardName) -> Result<(), Failure> {
        if !self.secrets.cards.contains(&card) {
            self.secrets.cards.push(card);
            self.finish()?;
        }
        Ok(())
    }

    /// The name of a further card.
    pub(crate) fn name(&self) -> Option<&str> {
        self.secrets.further.as_ref().map(|card| card.name.as_str())
    }

    /// The only currency of the card; none for any.
    pub(crate) fn currency(&self) -> Result<Option<Currency>> {
        self.secrets.further.as_ref().map(CardName::currency).transpose()
    }
}
