//! The card as readers see it: commands of ISO 7816-4 in, status words out.
//!
//! ```text
//! bytes ─► Apdu ─► parts assembled ─► Command ─► life, PIN ─► one function per instruction ─► Element
//! ```
//!
//! [`Applet`] keeps two kinds of state apart: what is durable lies in the [`Memory`] under its
//! [`Element`], what a reset forgets is its session: whether the PIN was shown, the command being assembled,
//! the reply being fetched, the last refusal. Buffers are allocated once; what is longer is refused.

mod buffer;
mod command;
mod guard;
mod serve;

use alloc::vec::Vec;
use core::fmt;

use zeni_crypto::Entropy;
use zeroize::Zeroizing;

use crate::{
    Element, Memory,
    apdu::{
        Apdu, COMMAND_BYTES_MAX, Class, Part, REPLY_BYTES_MAX, instruction::Instruction, refusal::Refusal,
        word::StatusWord,
    },
};
use buffer::Buffer;
use command::Command;

/// A card that speaks APDUs.
pub struct Applet<M> {
    element: Element<M>,
    session: Session,
}

/// What a reset forgets.
struct Session {
    /// Whether the applet was selected.
    selected: bool,
    /// Whether the PIN was shown.
    verified: bool,
    /// Header of the command whose parts are being assembled.
    chained: Option<Header>,
    /// Its data so far.
    assembled: Buffer,
    /// Data of the last reply.
    reply: Buffer,
    /// How much of it was told.
    told: usize,
    /// What answers the last command: a part of the reply and the status word.
    answer: Zeroizing<Vec<u8>>,
    /// The last command that was not carried out.
    refusal: Refusal,
}

/// What the parts of one command have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Header {
    instruction: Instruction,
    p1: u8,
    p2: u8,
}

/// Shows neither keys nor counters.
impl<M> fmt::Debug for Applet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Applet(…)")
    }
}

impl<M: Memory> Applet<M> {
    /// The applet over what `memory` holds, its secret keys under `master`. A blank memory is a manufactured card.
    pub fn new(memory: M, master: Zeroizing<[u8; 32]>, entropy: impl Entropy + Send + 'static) -> Applet<M> {
        Applet { element: Element::new(memory, master, entropy), session: Session::new() }
    }

    /// Power off and on, or another application chosen: the session is forgotten.
    pub fn reset(&mut self) {
        self.session.forget();
    }

    /// Carries out one command; the reply ends with its status word. Never panics, whatever the bytes.
    pub fn process(&mut self, command: &[u8]) -> &[u8] {
        let (word, expected) = match Apdu::parse(command) {
            Ok(apdu) => (self.receive(&apdu), apdu.expected),
            Err(word) => {
                self.session.drop_open();
                (word, 0)
            }
        };
        self.session.answer(word, expected)
    }

    /// Wipes the reply that [`Applet::process`] told: whoever carries it calls this once he has it, as it may hold keys.
    pub fn fetched(&mut self) {
        self.session.wipe_answer();
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.element.into_memory()
    }

    fn receive(&mut self, apdu: &Apdu<'_>) -> StatusWord {
        if (apdu.class, apdu.instruction) == Instruction::GetResponse.codes() {
            return self.session.continued(apdu);
        }
        if (apdu.class, apdu.instruction) == Instruction::Select.codes() {
            self.session.forget();
        }
        let mut assembled = core::mem::take(&mut self.session.assembled);
        let word = match self.session.assemble(apdu, &mut assembled) {
            Ok(Assembled::Part) => StatusWord::Done,
            Ok(Assembled::Whole(header)) => self.carry_out(header, assembled.bytes()),
            Ok(Assembled::Single(header)) => self.carry_out(header, apdu.data),
            Err(word) => {
                self.session.drop_open();
                word
            }
        };
        if self.session.chained.is_none() {
            assembled.clear();
        }
        self.session.assembled = assembled;
        word
    }

    fn carry_out(&mut self, header: Header, data: &[u8]) -> StatusWord {
        self.session.reply.clear();
        self.session.told = 0;
        let result = self.execute(header, data);
        match result {
            Ok(()) => StatusWord::Done,
            Err(refusal) => {
                self.session.reply.clear();
                self.session.refusal = refusal;
                refusal.word
            }
        }
    }

    fn execute(&mut self, header: Header, data: &[u8]) -> Result<(), Refusal> {
        if !self.session.selected && header.instruction != Instruction::Select {
            return Err(StatusWord::Conditions.into());
        }
        let command = Command::parse(header.instruction, header.p1, header.p2, data)?;
        self.admit(&command)?;
        self.serve(command)
    }
}

/// What an incoming command completes.
enum Assembled {
    /// Nothing yet: other parts follow.
    Part,
    /// The last part came; the data lies in the buffer.
    Whole(Header),
    /// A command in one piece.
    Single(Header),
}

impl Session {
    fn new() -> Session {
        Session {
            selected: false,
            verified: false,
            chained: None,
            assembled: Buffer::new(COMMAND_BYTES_MAX),
            reply: Buffer::new(REPLY_BYTES_MAX),
            told: 0,
            answer: Zeroizing::new(Vec::with_capacity(REPLY_BYTES_MAX + 2)),
            refusal: Refusal::NONE,
        }
    }

    fn forget(&mut self) {
        self.drop_open();
        self.wipe_answer();
        self.selected = false;
        self.verified = false;
        self.refusal = Refusal::NONE;
    }

    /// Wipes what was told last; the room stays.
    fn wipe_answer(&mut self) {
        self.answer.iter_mut().for_each(|byte| *byte = 0);
        self.answer.clear();
    }

    /// Forgets a command of which parts are missing and a reply of which parts were not fetched.
    fn drop_open(&mut self) {
        self.chained = None;
        self.assembled.clear();
        self.reply.clear();
        self.told = 0;
    }

    fn assemble(&mut self, apdu: &Apdu<'_>, assembled: &mut Buffer) -> Result<Assembled, StatusWord> {
        let open = self.chained.take();
        let instruction = Instruction::find(apdu.class, apdu.instruction)?;
        let header = Header { instruction, p1: apdu.p1, p2: apdu.p2 };
        let continues = open == Some(header);
        if !continues {
            assembled.clear();
            if apdu.part == Part::Last {
                return if apdu.data.len() <= COMMAND_BYTES_MAX {
                    Ok(Assembled::Single(header))
                } else {
                    Err(StatusWord::WrongLength)
                };
            }
            if apdu.class == Class::Interindustry {
                return Err(StatusWord::NoChaining);
            }
            self.reply.clear();
            self.told = 0;
        }
        assembled.push(apdu.data).map_err(|_| StatusWord::WrongLength)?;
        if apdu.part == Part::Last {
            return Ok(Assembled::Whole(header));
        }
        self.chained = Some(header);
        Ok(Assembled::Part)
    }

    /// GET RESPONSE.
    fn continued(&mut self, apdu: &Apdu<'_>) -> StatusWord {
        self.chained = None;
        self.assembled.clear();
        let refused = if apdu.part == Part::More {
            StatusWord::NoChaining
        } else if (apdu.p1, apdu.p2) != (0, 0) {
            StatusWord::WrongParameters
        } else if !apdu.data.is_empty() || apdu.expected == 0 {
            StatusWord::WrongLength
        } else if self.told == self.reply.bytes().len() {
            StatusWord::Conditions
        } else {
            return StatusWord::Done;
        };
        self.reply.clear();
        self.told = 0;
        refused
    }

    /// The next part of the reply, if the command was carried out, and the status word.
    fn answer(&mut self, word: StatusWord, expected: usize) -> &[u8] {
        self.wipe_answer();
        let mut word = word;
        if word == StatusWord::Done {
            let rest = self.reply.bytes().get(self.told..).unwrap_or_default();
            let part = &rest[..rest.len().min(expected)];
            self.answer.extend_from_slice(part);
            let left = rest.len() - part.len();
            self.told += part.len();
            if left > 0 {
                word = StatusWord::More(u8::try_from(left).unwrap_or(0));
            } else {
                self.reply.clear();
                self.told = 0;
            }
        }
        self.answer.extend_from_slice(&word.code().to_be_bytes());
        &self.answer
    }
}

#[cfg(test)]
mod tests;
