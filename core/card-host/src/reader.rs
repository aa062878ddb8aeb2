//! Cards in PC/SC readers.
//!
//! A card is connected to for one program alone, and reset when the connection ends: what another program left selected or
//! verified is worth nothing here, and the other way round. Where a card was pulled or reset, the command under way fails with
//! a [`LinkFault`] that says so, and the next one connects anew to the card that is then in the same reader.

mod capacity;

use std::{ffi::CString, fmt, time::Duration};

use pcsc::{
    Card, Context, Disposition, Error, MAX_BUFFER_SIZE_EXTENDED, Protocols, ReaderState, Scope, ShareMode, State,
};
use thiserror::Error as ThisError;
use zeni_card::{
    LinkFault, Transmit,
    apdu::{SHORT_COMMAND_MAX, ask_number, knows_number},
};
use zeni_crypto::{Entropy, OsEntropy};

/// What ISO 7816-4 calls success.
const DONE: [u8; 2] = [0x90, 0x00];

/// Why there is no card to speak to, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum ReaderError {
    /// The PC/SC service does not answer.
    #[error("the system's smart card service does not run: start it ('systemctl start pcscd') and try again")]
    NoService,
    /// No reader is attached.
    #[error("no card reader is attached: attach one and try again")]
    NoReader,
    /// Readers are attached, but none of that name.
    #[error("there is no card reader '{wanted}'; attached are: {}", quoted(.present))]
    UnknownReader {
        /// What was asked for.
        wanted: String,
        /// Names of the readers that are attached.
        present: Vec<String>,
    },
    /// The readers are empty.
    #[error("there is no card in {}: insert the card and try again", quoted(.readers))]
    NoCard {
        /// Names of the readers.
        readers: Vec<String>,
    },
    /// Another program has the card.
    #[error("another program uses the card in {}: try again when it has ended", quoted(.readers))]
    InUse {
        /// Names of the readers.
        readers: Vec<String>,
    },
    /// Cards without this applet.
    #[error("the card in {} is no Zeni card: insert the right one and try again", quoted(.readers))]
    NotZeni {
        /// Names of the readers.
        readers: Vec<String>,
    },
    /// Anything else the system said.
    #[error("the smart card service failed: {reason}")]
    Service {
        /// Its words.
        reason: String,
    },
}

impl ReaderError {
    /// Stable word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            ReaderError::NoService => "no_card_service",
            ReaderError::NoReader => "no_reader",
            ReaderError::UnknownReader { .. } => "unknown_reader",
            ReaderError::NoCard { .. } => "no_card",
            ReaderError::InUse { .. } => "card_in_use",
            ReaderError::NotZeni { .. } => "not_a_zeni_card",
            ReaderError::Service { .. } => "card_service",
        }
    }

    /// Whether the same again can help once a hand has been lent.
    pub fn heals(&self) -> bool {
        !matches!(self, ReaderError::UnknownReader { .. } | ReaderError::NotZeni { .. })
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// A reader as the service sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its name.
    pub name: String,
    /// Whether there is a card in it.
    pub card: bool,
    /// How often a card was put in or pulled out, as far as the service counts.
    pub changes: u32,
}

/// The readers that are attached.
///
/// # Errors
/// [`ReaderError::NoService`], [`ReaderError::NoReader`], [`ReaderError::Service`].
pub fn readers() -> Result<Vec<Reader>, ReaderError> {
    let context = context()?;
    let names = attached(&context)?;
    let mut states: Vec<ReaderState> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
    context.get_status_change(Duration::ZERO, &mut states).map_err(service)?;
    let reader = |state: &ReaderState| Reader {
        name: state.name().to_string_lossy().into_owned(),
        card: state.event_state().contains(State::PRESENT),
        changes: state.event_count(),
    };
    Ok(states.iter().map(reader).collect())
}

/// A line to the card in one reader, open to this program alone.
pub struct PcscLink {
    reader: CString,
    select: Vec<u8>,
    /// The number that the card is to know after each connection.
    number: Option<[u8; 16]>,
    context: Context,
    command_bytes_max: usize,
    /// `None` after a fault: the next command connects anew.
    card: Option<Card>,
}

impl fmt::Debug for PcscLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcscLink").field("reader", &self.reader).field("connected", &self.card.is_some()).finish()
    }
}

impl PcscLink {
    /// Lines to all cards that answer `select` with success: in the reader `wanted` (its name, or what stands in no other
    /// reader's name), or in any reader.
    ///
    /// # Errors
    /// When there is none, the [`ReaderError`] that tells most: a card in use before a wrong card before no card.
    pub fn all(wanted: Option<&str>, select: &[u8]) -> Result<Vec<PcscLink>, ReaderError> {
        let mut looked_into = Vec::new();
        for reader in chosen(attached(&context()?)?, wanted)? {
            let name = reader.to_string_lossy().into_owned();
            let (select, context) = (select.to_vec(), context()?);
            let mut link =
                PcscLink { reader, select, number: None, context, command_bytes_max: SHORT_COMMAND_MAX, card: None };
            looked_into.push((name, link.connect().map(|()| link)));
        }
        right_ones(looked_into)
    }

    /// The reader's name.
    pub fn reader(&self) -> String {
        self.reader.to_string_lossy().into_owned()
    }

    /// The card is to know this number (GET STATUS 0C), asked with a fresh nonce after each connection.
    pub fn known_by(&mut self, number: [u8; 16]) {
        self.number = Some(number);
    }

    /// Connects and looks whether it is a card with this applet, and the same as before.
    fn connect(&mut self) -> Result<(), Refused> {
        if self.context.is_valid().is_err() {
            // the service was started anew
            self.context = Context::establish(Scope::User)?;
        }
        let mut card = self.context.connect(&self.reader, ShareMode::Exclusive, Protocols::ANY)?;
        let mut buffer = [0; MAX_BUFFER_SIZE_EXTENDED];
        let reply = match card.transmit(&self.select, &mut buffer) {
            // as a card does that was powered up a moment ago
            Err(Error::ResetCard) => {
                card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::ResetCard)?;
                card.transmit(&self.select, &mut buffer)?
            }
            reply => reply?,
        };
        if reply.len() < DONE.len() {
            // as from a card that was pulled meanwhile
            return Err(Error::CommDataLost.into());
        }
        if !reply.ends_with(&DONE) {
            return Err(Refused::NotZeni);
        }
        if let Some(number) = &self.number {
            let mut fresh = [0; 16];
            OsEntropy.fill(&mut fresh);
            let reply = card.transmit(&ask_number(&fresh), &mut buffer)?;
            let told = reply.strip_suffix(&DONE).unwrap_or_default();
            if !knows_number(number, &fresh, told) {
                return Err(Refused::NotZeni);
            }
        }
        self.command_bytes_max = capacity::command_bytes_max(&card);
        self.card = Some(card);
        Ok(())
    }
}

impl Transmit for PcscLink {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        if self.card.is_none() {
            self.connect().map_err(|refused| self.fault(&refused))?;
        }
        let card = self.card.as_ref().expect("connected above");
        let mut reply = vec![0; MAX_BUFFER_SIZE_EXTENDED];
        match card.transmit(command, &mut reply).map(<[u8]>::len) {
            Ok(len) => {
                reply.truncate(len);
                Ok(reply)
            }
            Err(error) => {
                self.card = None;
                Err(self.fault(&error.into()))
            }
        }
    }

    fn command_bytes_max(&self) -> usize {
        self.command_bytes_max
    }
}

/// Why a reader has no card for us.
enum Refused {
    NotZeni,
    Service(Error),
}

impl PcscLink {
    fn fault(&self, refused: &Refused) -> LinkFault {
        let reader = self.reader();
        let reason = match refused {
            Refused::NotZeni => {
                format!("the card in '{reader}' is another one now: insert the right one and try again")
            }
            Refused::Service(Error::RemovedCard | Error::NoSmartcard | Error::UnpoweredCard) => {
                format!("the card was pulled out of '{reader}': insert it and try again")
            }
            Refused::Service(Error::ResetCard) => format!("the card in '{reader}' was reset: try again"),
            Refused::Service(Error::SharingViolation) => {
                format!("another program uses the card in '{reader}': try again when it has ended")
            }
            Refused::Service(error) => format!("reader '{reader}': {error}"),
        };
        LinkFault { reason }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Service(error)
    }
}

fn context() -> Result<Context, ReaderError> {
    Context::establish(Scope::User).map_err(service)
}

fn attached(context: &Context) -> Result<Vec<CString>, ReaderError> {
    let readers = context.list_readers_owned().map_err(service)?;
    if readers.is_empty() { Err(ReaderError::NoReader) } else { Ok(readers) }
}

fn service(error: Error) -> ReaderError {
    match error {
        Error::NoService | Error::ServiceStopped => ReaderError::NoService,
        Error::NoReadersAvailable => ReaderError::NoReader,
        other => ReaderError::Service { reason: other.to_string() },
    }
}

/// What answered in readers of these names: whatever is in one of them hides no card in another.
fn right_ones<L>(looked_into: Vec<(String, Result<L, Refused>)>) -> Result<Vec<L>, ReaderError> {
    let (mut links, mut empty, mut in_use, mut foreign) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, connected) in looked_into {
        match connected {
            Ok(link) => links.push(link),
            Err(Refused::NotZeni) => foreign.push(name),
            Err(Refused::Service(Error::SharingViolation)) => in_use.push(name),
            Err(Refused::Service(_)) => empty.push(name),
        }
    }
    match (links.is_empty(), in_use.is_empty(), foreign.is_empty()) {
        (false, ..) => Ok(links),
        (_, false, _) => Err(ReaderError::InUse { readers: in_use }),
        (_, _, false) => Err(ReaderError::NotZeni { readers: foreign }),
        _ => Err(ReaderError::NoCard { readers: empty }),
    }
}

/// The readers to look into: the one of that very name, or those whose name contains it.
fn chosen(present: Vec<CString>, wanted: Option<&str>) -> Result<Vec<CString>, ReaderError> {
    let Some(wanted) = wanted else { return Ok(present) };
    let name = |reader: &CString| reader.to_string_lossy().into_owned();
    if let Some(reader) = present.iter().find(|reader| name(reader) == wanted) {
        return Ok(vec![reader.clone()]);
    }
    let (matching, others): (Vec<_>, Vec<_>) = present.into_iter().partition(|reader| name(reader).contains(wanted));
    if matching.is_empty() || wanted.is_empty() {
        let present = others.iter().chain(&matching).map(name).collect();
        return Err(ReaderError::UnknownReader { wanted: wanted.to_owned(), present });
    }
    Ok(matching)
}

#[cfg(test)]
mod tests;
