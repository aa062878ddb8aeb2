//! The driver: [`Card`](crate::Card) over APDUs.
//!
//! It selects the applet and shows the PIN when it first speaks to the card and after each fault of the link, and leaves the
//! repetition to its caller: every command is safe to repeat. What the link carries at once is the link's to tell
//! ([`Transmit::command_bytes_max`]); longer commands are chained, longer replies fetched.

mod backup;
mod card;
mod in_process;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use zeni_message::{Wire, decode, encode};
use zeni_note::Nonce;
use zeroize::Zeroizing;

use crate::{
    CardError, Identity, Life, Pin,
    apdu::{
        AID, Apdu, COMMAND_BYTES_MAX, EXTENDED, EXTENDED_FRAMING, NOT_TOLD, Part, REPLY_BYTES_MAX, SHORT_DATA_MAX,
        SHORT_REPLY_MAX, instruction::Instruction, knows_number, refusal::Refusal, word::StatusWord,
    },
};

pub use in_process::InProcess;

/// What carries commands to a card and replies back.
pub trait Transmit: Send {
    /// Sends one command; the reply ends with its status word.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault>;

    /// Bytes of the longest command that goes through. At least
    /// [`SHORT_COMMAND_MAX`](crate::apdu::SHORT_COMMAND_MAX); less than an extended command takes means short commands alone.
    fn command_bytes_max(&self) -> usize {
        COMMAND_BYTES_MAX + EXTENDED_FRAMING
    }
}

impl<T: Transmit + ?Sized> Transmit for Box<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        (**self).transmit(command)
    }

    fn command_bytes_max(&self) -> usize {
        (**self).command_bytes_max()
    }
}

/// No reply came. Whether the command was carried out is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LinkFault {
    /// What went wrong, for the person at the machine.
    pub reason: String,
}

impl From<LinkFault> for CardError {
    fn from(fault: LinkFault) -> CardError {
        CardError::Link(fault.reason)
    }
}

/// What a card tells anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Information {
    /// Version of its command set.
    pub version: u8,
    /// Where it is in its life.
    pub life: Life,
    /// Whether it takes extended lengths.
    pub extended: bool,
    /// Bytes of command data that it assembles.
    pub command_bytes_max: usize,
    /// How often the PIN may still be wrong.
    pub pin_tries: u8,
    /// How often the PUK may still be wrong; told in a locked card and to who showed the PIN.
    pub puk_tries: Option<u8>,
}

/// A card behind a link.
pub struct ApduCard<T> {
    link: T,
    /// The PIN to be shown; none once it was wrong, so that no try is wasted.
    pin: Option<Pin>,
    /// What SELECT told; none until the applet was selected on this link.
    selected: Option<Information>,
    /// Whether the card took the PIN since.
    verified: bool,
}

/// Shows no PIN.
impl<T> fmt::Debug for ApduCard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApduCard(…)")
    }
}

impl<T: Transmit> ApduCard<T> {
    /// The card at the other end of `link`. Sends nothing yet. Without a PIN it does only what a card does for anyone.
    pub fn new(link: T, pin: Option<Pin>) -> ApduCard<T> {
        ApduCard { link, pin, selected: None, verified: false }
    }

    /// What the card tells anyone.
    pub fn information(&mut self) -> Result<Information, CardError> {
        let told = self.exchange(Instruction::GetStatus, 0, 0, &[])?;
        parse_information(&told)
    }

    /// Makes a blank card the card of a network; tells its number. The same again changes nothing until its owner has
    /// chosen a PIN.
    pub fn personalise(&mut self, identity: &Identity, transport: &Pin, puk: &Pin) -> Result<Nonce, CardError> {
        let mut data = pair(transport, puk, true);
        data.extend_from_slice(&encode(identity));
        let told = self.exchange(Instruction::Personalise, 0, 0, &data)?;
        let number: [u8; 16] = fixed(&told)?;
        Ok(number.into())
    }

    /// Whose card this is and its number. Whoever works with it checks that it is a card of his network.
    pub fn identity(&mut self) -> Result<(Identity, Nonce), CardError> {
        let told = self.status(2, &[])?;
        value(&told)
    }

    /// Whether the card knows this number, shown for `fresh`, a nonce drawn for this question; asks for no PIN and tells the
    /// number to nobody.
    pub fn is(&mut self, number: &Nonce, fresh: &Nonce) -> Result<bool, CardError> {
        self.select()?;
        let told = self.exchange(Instruction::GetStatus, 12, 0, &fresh[..])?;
        Ok(knows_number(number, fresh, &told))
    }

    /// Shows another PIN from now on.
    ///
    /// # Errors
    /// [`CardError::Life`] from a card that has no owner's PIN yet, which it does not check.
    pub fn verify(&mut self, pin: &Pin) -> Result<(), CardError> {
        self.pin = Some(pin.clone());
        self.verified = false;
        self.twice(Self::check_pin).map_err(Fault::into_card_error)
    }

    /// Replaces the PIN. After a fault of the link [`ApduCard::verify`] tells which of the two holds.
    pub fn change_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), CardError> {
        self.exchange(Instruction::ChangePin, 0, 1, &pair(old, new, false))?;
        self.pin = Some(new.clone());
        self.verified = true;
        Ok(())
    }

    /// Sets a new PIN by the PUK.
    pub fn unblock(&mut self, puk: &Pin, new: &Pin) -> Result<(), CardError> {
        self.exchange(Instruction::Unblock, 0, 1, &pair(puk, new, false))?;
        self.pin = Some(new.clone());
        self.verified = false;
        Ok(())
    }

    /// The link, the card left as it is.
    pub fn into_link(self) -> T {
        self.link
    }

    /// Bytes of command data that the card assembles.
    fn taken(&mut self) -> Result<usize, CardError> {
        self.select()?;
        Ok(self.selected.map_or(0, |card| card.command_bytes_max))
    }

    /// A command that asks for the PIN.
    fn working(&mut self, instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Result<Vec<u8>, CardError> {
        self.command(instruction, p1, p2, data).map_err(Fault::into_card_error)
    }

    /// GET STATUS of what asks for the PIN.
    fn status(&mut self, what: u8, data: &[u8]) -> Result<Vec<u8>, CardError> {
        self.working(Instruction::GetStatus, what, 0, data)
    }

    /// The same, none where the card knows nothing of it.
    fn find(&mut self, what: u8, data: &[u8]) -> Result<Option<Vec<u8>>, CardError> {
        match self.command(Instruction::GetStatus, what, 0, data) {
            Ok(told) => Ok(Some(told)),
            Err(Fault::Card(Refusal { word: StatusWord::UnknownReference, reason: 0, .. })) => Ok(None),
            Err(fault) => Err(fault.into_card_error()),
        }
    }

    fn command(&mut self, instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Result<Vec<u8>, Fault> {
        self.twice(|card| {
            card.show_pin()?;
            card.send(instruction, p1, p2, data)
        })
    }

    /// A command for which no PIN is shown.
    fn exchange(&mut self, instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Result<Vec<u8>, CardError> {
        self.twice(|card| card.send(instruction, p1, p2, data)).map_err(Fault::into_card_error)
    }

    /// Selects the applet and does `what`; once more if somebody else reset the card, or chose another application on it, in
    /// between.
    fn twice<R>(&mut self, what: impl Fn(&mut Self) -> Result<R, Fault>) -> Result<R, Fault> {
        self.select()?;
        match what(self) {
            Err(Fault::Card(refusal)) if self.lost(refusal) => {
                self.selected = None;
                self.select()?;
                what(self)
            }
            result => result,
        }
    }

    /// Whether a refusal says that the card is not in the session in which it was left.
    fn lost(&self, refusal: Refusal) -> bool {
        match refusal.word {
            StatusWord::PinMissing => self.verified,
            StatusWord::UnknownInstruction | StatusWord::UnknownClass => true,
            StatusWord::Conditions => refusal.reason == 0,
            _ => false,
        }
    }

    fn select(&mut self) -> Result<(), CardError> {
        if self.selected.is_some() {
            return Ok(());
        }
        self.verified = false;
        let select = self.parts(Instruction::Select, 4, 0, &AID);
        let told = match self.carry(&select)? {
            (StatusWord::Done, told) => told,
            (word, _) => return Err(Refusal::from(word).card_error()),
        };
        self.selected = Some(parse_information(&told)?);
        Ok(())
    }

    fn show_pin(&mut self) -> Result<(), Fault> {
        if self.verified {
            return Ok(());
        }
        match self.check_pin() {
            // a card that has no owner's PIN yet says so itself to what follows
            Err(Fault::Card(refusal)) if matches!(refusal.card_error(), CardError::Life { .. }) => Ok(()),
            result => result,
        }
    }

    /// VERIFY, if there is a PIN.
    fn check_pin(&mut self) -> Result<(), Fault> {
        let Some(pin) = self.pin.clone() else { return Ok(()) };
        let sent = self.send(Instruction::Verify, 0, 1, pin.digits());
        match &sent {
            Ok(_) => self.verified = true,
            Err(Fault::Card(refusal)) if matches!(refusal.card_error(), CardError::Pin { .. } | CardError::Locked) => {
                self.pin = None;
            }
            Err(_) => {}
        }
        sent.map(drop)
    }

    /// Sends a command to the selected applet, and asks for the reason if it was refused.
    fn send(&mut self, instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let parts = self.parts(instruction, p1, p2, data);
        let (word, told) = self.carry(&parts)?;
        match word {
            StatusWord::Done => Ok(told),
            StatusWord::WrongLength | StatusWord::WrongParameters | StatusWord::UnknownInstruction => {
                Err(Fault::Card(word.into()))
            }
            // there is no such thing on the card: this word has no other reason here
            StatusWord::UnknownReference if instruction == Instruction::GetStatus => Err(Fault::Card(word.into())),
            word => {
                let why = self.parts(Instruction::GetStatus, 1, 0, &[]);
                let (answered, told) = self.carry(&why)?;
                let refusal = Refusal::from_parts(word, &told).filter(|_| answered == StatusWord::Done);
                Err(Fault::Card(refusal.unwrap_or(word.into())))
            }
        }
    }

    /// The commands that carry one instruction.
    fn parts(&self, instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
        let (class, code) = instruction.codes();
        let extended = self.selected.is_some_and(|card| card.extended);
        let taken = self.selected.map_or(SHORT_DATA_MAX, |card| card.command_bytes_max);
        let room = self.link.command_bytes_max().saturating_sub(EXTENDED_FRAMING).min(taken);
        let (piece, expected) = if extended && room > SHORT_DATA_MAX {
            (room.min(COMMAND_BYTES_MAX), REPLY_BYTES_MAX)
        } else {
            (SHORT_DATA_MAX, SHORT_REPLY_MAX)
        };
        let pieces = data.len().div_ceil(piece).max(1);
        let command = |index: usize| {
            let data = &data[index * piece..data.len().min((index + 1) * piece)];
            let part = if index + 1 < pieces { Part::More } else { Part::Last };
            // one piece of a short chain asks for no reply
            let expected = if part == Part::More { 0 } else { expected };
            Zeroizing::new(Apdu { class, part, instruction: code, p1, p2, data, expected }.to_bytes())
        };
        (0..pieces).map(command).collect()
    }

    /// Carries the parts of a command to the card and the whole reply back.
    fn carry(&mut self, parts: &[Zeroizing<Vec<u8>>]) -> Result<(StatusWord, Vec<u8>), CardError> {
        // as large as it gets from the start: a buffer that moves would leave keys behind
        let mut reply = Vec::with_capacity(REPLY_BYTES_MAX);
        let mut word = StatusWord::Done;
        for part in parts {
            word = self.transmit(part, &mut reply)?;
            if word != StatusWord::Done && !matches!(word, StatusWord::More(_)) {
                return Ok((word, reply));
            }
        }
        while let StatusWord::More(rest) = word {
            let expected = if rest == 0 { SHORT_REPLY_MAX } else { usize::from(rest) };
            let (class, instruction) = Instruction::GetResponse.codes();
            let next = Apdu { class, part: Part::Last, instruction, p1: 0, p2: 0, data: &[], expected }.to_bytes();
            let before = reply.len();
            word = self.transmit(&next, &mut reply)?;
            if reply.len() == before {
                return Err(CardError::Strange { word: word.code() });
            }
        }
        Ok((word, reply))
    }

    /// One exchange; a fault leaves the card to be selected anew.
    fn transmit(&mut self, command: &[u8], reply: &mut Vec<u8>) -> Result<StatusWord, CardError> {
        let answer = Zeroizing::new(self.link.transmit(command).inspect_err(|_| self.selected = None)?);
        let Some((data, word)) = answer.split_last_chunk() else {
            self.selected = None;
            return Err(CardError::Link(String::from("a reply without a status word")));
        };
        let word = u16::from_be_bytes(*word);
        if reply.len() + data.len() > REPLY_BYTES_MAX {
            return Err(CardError::Strange { word });
        }
        reply.extend_from_slice(data);
        StatusWord::from_code(word).ok_or(CardError::Strange { word })
    }
}

/// Why there is no reply.
enum Fault {
    /// The card said no.
    Card(Refusal),
    /// Anything else.
    Other(CardError),
}

impl Fault {
    fn into_card_error(self) -> CardError {
        match self {
            Fault::Card(refusal) => refusal.card_error(),
            Fault::Other(error) => error,
        }
    }
}

impl From<CardError> for Fault {
    fn from(error: CardError) -> Fault {
        Fault::Other(error)
    }
}

/// Two PINs, each but perhaps the second after its length.
fn pair(first: &Pin, second: &Pin, both: bool) -> Zeroizing<Vec<u8>> {
    let len = |pin: &Pin| u8::try_from(pin.digits().len()).expect("a PIN is short");
    let mut data = Zeroizing::new(Vec::with_capacity(PERSONALISE_ROOM));
    data.push(len(first));
    data.extend_from_slice(first.digits());
    if both {
        data.push(len(second));
    }
    data.extend_from_slice(second.digits());
    data
}

/// Bytes that PERSONALISE stays within, so that no PIN is left behind by a buffer that grows.
const PERSONALISE_ROOM: usize = 512;

fn parse_information(told: &[u8]) -> Result<Information, CardError> {
    let &[version, life, flags, a, b, c, d, pin, puk] = told else { return Err(strange()) };
    let command_bytes_max = usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| strange())?;
    let life = Life::from_code(life).ok_or_else(strange)?;
    let extended = flags & EXTENDED != 0;
    Ok(Information {
        version,
        life,
        extended,
        command_bytes_max,
        pin_tries: pin,
        puk_tries: (puk != NOT_TOLD).then_some(puk),
    })
}

fn strange() -> CardError {
    CardError::Strange { word: StatusWord::Done.code() }
}

fn fixed<const N: usize>(told: &[u8]) -> Result<[u8; N], CardError> {
    told.try_into().map_err(|_| strange())
}

fn value<T: Wire>(told: &[u8]) -> Result<T, CardError> {
    decode(told, REPLY_BYTES_MAX).map_err(|_| strange())
}

#[cfg(test)]
mod tests;
