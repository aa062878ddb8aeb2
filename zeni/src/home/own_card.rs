//! The card of a home: made when somebody joins, opened for every command, moved out of the database of earlier versions.
//!
//! ```text
//! soft:   file ─► key file                                        a card without a key file is made anew
//! reader: key file with PUK and transport PIN ─► PERSONALISE ─► number into the key file ─► owner's PIN ─► joined, PUK told
//! ```
//! Each arrow may be cut; joining again goes on from what key file and card say.

use anyhow::Context;
use zeni_card::{CardError, KeyPolicy, Pin, element::legacy::upgrade};
use zeni_card_host::FileMemory;
use zeni_crypto::OsEntropy;
use zeni_note::{Nonce, licence::Keeper};

use super::{CARD_FILE, CardKeys, CardName, CardSecrets, Home, ReaderCard, SoftKeys, check_there, database};
use crate::{
    card::{self, AnyCard, Made, Search, pin},
    keys::{Secret32, SecretText},
    output::Failure,
    wallet::explain,
};

impl Home {
    /// The card, with its PIN.
    pub(crate) async fn card(&self) -> Result<AnyCard, Failure> {
        let mut card = self.bare_card().await?;
        card.verify(&self.pin()?).map_err(explain)?;
        Ok(card)
    }

    /// The card, for what it does without a PIN.
    pub(crate) async fn bare_card(&self) -> Result<AnyCard, Failure> {
        match self.keys()? {
            CardKeys::Soft(keys) => card::open_soft(&self.dir.join(CARD_FILE), keys),
            CardKeys::Pcsc(card) => {
                let number = card.number()?.ok_or_else(interrupted)?;
                Search::by(&self.options, self.name(), Some(number), self.wait_s).find().await
            }
        }
    }

    /// Its PIN: kept in the home, or asked for.
    pub(crate) fn pin(&self) -> Result<Pin, Failure> {
        match self.keys()? {
            CardKeys::Soft(SoftKeys { pin: Some(kept), .. }) => pin::digits(kept.expose()),
            _ => pin::ask(pin::Asked::Pin, self.options.pin_file.as_deref(), self.name()),
        }
    }

    /// The PUK of a software card, or of one in a reader whose owner was not told it yet.
    pub(crate) fn kept_puk(&self) -> Result<Option<Pin>, Failure> {
        match self.keys()? {
            CardKeys::Soft(keys) => Ok(Some(pin::digits(keys.puk.expose())?)),
            CardKeys::Pcsc(_) => self.puk_to_tell().map(pin::digits).transpose(),
        }
    }

    /// The owner sets a PIN of his own. Beside a kept one it is noted before the card takes it: after a cut nobody else could tell
    /// which of the two the card has, and trying the wrong one again and again would lock it.
    pub(crate) fn owner_sets_pin(&mut self, new: &Pin) -> Result<(), Failure> {
        if let CardSecrets::Card(CardKeys::Soft(keys @ SoftKeys { pin: Some(_), .. })) = &mut self.secrets.card {
            let digits = std::str::from_utf8(new.digits()).context("a PIN is digits")?;
            keys.next = Some(SecretText::new(digits));
            self.finish()?;
        }
        Ok(())
    }

    /// He has set it: none is kept any more.
    pub(crate) fn owner_has_pin(&mut self) -> Result<(), Failure> {
        if let CardSecrets::Card(CardKeys::Soft(keys)) = &mut self.secrets.card {
            (keys.pin, keys.next) = (None, None);
            self.finish()?;
        }
        Ok(())
    }

    /// Finds out which PIN a software card has after its change was cut off. One of the two is right, which gives the try back that the
    /// other takes.
    fn settle_pin(&mut self) -> Result<(), Failure> {
        let CardSecrets::Card(CardKeys::Soft(keys)) = &mut self.secrets.card else { return Ok(()) };
        let (Some(kept), Some(next)) = (&keys.pin, &keys.next) else { return Ok(()) };
        let (kept, next) = (pin::digits(kept.expose())?, pin::digits(next.expose())?);
        let mut card = card::open_soft(&self.dir.join(CARD_FILE), keys)?;
        match card.verify(&kept) {
            Ok(()) => keys.next = None,
            // unblocking it sets a PIN anew
            Err(CardError::Locked) => return Ok(()),
            Err(CardError::Pin { .. }) => match card.verify(&next) {
                // if it was neither, its owner alone can know it
                Ok(()) | Err(CardError::Pin { .. } | CardError::Locked) => (keys.pin, keys.next) = (None, None),
                Err(error) => return Err(explain(error)),
            },
            Err(error) => return Err(explain(error)),
        }
        self.finish()
    }

    /// Whether the card's keys never leave it.
    pub(crate) fn keys_stay(&self) -> bool {
        matches!(self.secrets.card, CardSecrets::Card(CardKeys::Pcsc(_)))
    }

    /// The kind of card, as `--card` names it.
    pub(crate) fn card_kind(&self) -> &'static str {
        self.secrets.card_kind()
    }

    /// The name by which a card in a reader is asked for.
    pub(crate) fn card_name(&self) -> Result<Option<String>, Failure> {
        Ok(self.card_number()?.as_ref().map(card::name))
    }

    /// Where the keys live, as licences tell.
    pub(super) fn keeper(&self) -> Keeper {
        if self.keys_stay() { Keeper::Card } else { Keeper::Software }
    }

    fn keys(&self) -> Result<&CardKeys, Failure> {
        match &self.secrets.card {
            CardSecrets::Card(keys) => Ok(keys),
            CardSecrets::Database(_) => Err(interrupted()),
        }
    }

    /// Whether the card serves to join with `bank`, as the wallet's own or as that further one.
    pub(super) fn card_is_for(&self, bank: &str, further: Option<&CardName>) -> bool {
        let is_for_bank = self.secrets.bank.as_deref() == Some(bank);
        matches!(self.secrets.card, CardSecrets::Card(_)) && is_for_bank && self.secrets.further.as_ref() == further
    }

    /// Looks after the card before anybody uses it: the kind that was asked for, a file that is there, no database left.
    pub(super) async fn check_card(&mut self) -> Result<(), Failure> {
        self.secrets.check_kind(self.options.card.as_ref())?;
        if self.card_kind() == "soft" {
            self.leave_database().await?;
        }
        if let CardSecrets::Card(CardKeys::Soft(_)) = &self.secrets.card {
            check_there(&self.dir.join(CARD_FILE))?;
        }
        self.settle_pin()
    }

    /// Moves the card of an earlier version from its database into a file. Cut anywhere, the next opening goes on: the key
    /// file gets PIN and PUK first, the file then appears whole, the database goes last.
    async fn leave_database(&mut self) -> Result<(), Failure> {
        let file = self.dir.join(CARD_FILE);
        if let CardSecrets::Database(master) = &self.secrets.card {
            check_there(&self.dir.join(database::CARD_DB))?;
            // with a card that nobody joined with, joining begins anew
            let Some(profile) = self.profile().await? else { return Ok(()) };
            let keys = SoftKeys::of(Secret32::new(*master.bytes()?));
            self.secrets.bank = Some(profile.bank);
            self.secrets.card = CardSecrets::Card(CardKeys::Soft(keys));
            self.finish()?;
        }
        if !database::is_there(&self.dir) {
            return Ok(());
        }
        if let (CardSecrets::Card(CardKeys::Soft(keys)), false) = (&self.secrets.card, file.exists()) {
            let bank = self.secrets.bank.as_deref().context("the key file names no bank")?;
            let identity = card::identity(&self.network, bank, self.currency()?, KeyPolicy::Leave)?;
            let (master, puk) = (keys.master.bytes()?, pin::digits(keys.puk.expose())?);
            let pin = keys.pin.as_ref().context("the key file has no PIN")?;
            let pairs = database::pairs(&self.dir)?;
            let pairs =
                upgrade(pairs, &master, &identity, &pin::digits(pin.expose())?, &puk, OsEntropy).map_err(explain)?;
            FileMemory::create_with(&file, &master, OsEntropy, pairs).map_err(card::file_failure)?;
        }
        // two memories of one card could spend its money twice
        Ok(database::remove(&self.dir, database::CARD_DB)?)
    }

    /// Makes the file of a software card; of a card in a reader nothing is made yet.
    pub(crate) fn make_card(&self, bank: &str) -> Result<(), Failure> {
        match self.keys()? {
            CardKeys::Soft(keys) => {
                let identity = card::identity(&self.network, bank, self.currency()?, KeyPolicy::Leave)?;
                card::make_soft(&self.dir.join(CARD_FILE), keys, &identity)
            }
            CardKeys::Pcsc(_) => Ok(()),
        }
    }

    /// Personalises a card in a reader and sets its owner's PIN, or finishes that.
    pub(super) async fn finish_card(&mut self) -> Result<(), Failure> {
        let CardSecrets::Card(CardKeys::Pcsc(ReaderCard { number, begun: Some(begun) })) = &self.secrets.card else {
            return Ok(());
        };
        let bank = self.secrets.bank.as_deref().context("the key file names no bank")?;
        let identity = card::identity(&self.network, bank, self.currency()?, KeyPolicy::Stay)?;
        let known = number.is_some();
        // a blank card and one under its transport PIN have no owner yet, so no number is asked for
        let search = Search::by(&self.options, self.name(), self.card_number()?, self.wait_s);
        let mut card = search.find().await?;
        let made = card::made(&mut card)?;
        if made == Made::Owned {
            return if known { Ok(()) } else { Err(card::taken()) };
        }
        let transport = pin::digits(begun.transport.expose())?;
        let new = pin::ask(pin::Asked::FirstPin, self.options.pin_file.as_deref(), self.name())?;
        let number = card::personalise(&mut card, &identity, begun)?;
        self.store_number(Some(&number))?;
        match card.change_pin(&transport, &new) {
            Err(CardError::Pin { .. } | CardError::Locked) => {
                // another home was about to make it its own
                self.store_number(None)?;
                Err(card::taken())
            }
            changed => changed.map_err(explain),
        }
    }

    fn card_number(&self) -> Result<Option<Nonce>, Failure> {
        match self.keys()? {
            CardKeys::Soft(_) => Ok(None),
            CardKeys::Pcsc(card) => Ok(card.number()?),
        }
    }

    fn store_number(&mut self, number: Option<&Nonce>) -> Result<(), Failure> {
        if let CardSecrets::Card(CardKeys::Pcsc(card)) = &mut self.secrets.card {
            card.set_number(number);
        }
        self.finish()
    }

    /// The PUK of a card in a reader, to be told once, and by nobody else.
    pub(crate) fn puk_to_tell(&self) -> Option<&str> {
        match &self.secrets.card {
            CardSecrets::Card(CardKeys::Pcsc(ReaderCard { begun: Some(begun), .. })) => Some(begun.puk.expose()),
            _ => None,
        }
    }

    /// It was told: it is kept nowhere any more.
    pub(crate) fn puk_was_told(&mut self) -> Result<(), Failure> {
        if let CardSecrets::Card(CardKeys::Pcsc(card @ ReaderCard { begun: Some(_), .. })) = &mut self.secrets.card {
            card.begun = None;
            self.finish()?;
        }
        Ok(())
    }
}

fn interrupted() -> Failure {
    Failure::refused("not_joined", "joining was interrupted: join again")
}
