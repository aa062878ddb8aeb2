//! A card in a reader that can be unplugged, and the world around it.

use alloc::{sync::Arc, vec::Vec};
use core::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeni_crypto::{Digest, PublicKey, SeededEntropy, Signature, sha256};
use zeni_message::{Record, Signed, encode, sig_structure};
use zeni_note::{
    Chain, Challenge,
    chain::Endorsement,
    closing::ToAccount,
    testing::{World, amount},
};
use zeroize::Zeroizing;

use crate::{
    ApduCard, Applet, Card, CardError, Element, HoldingState, Identity, LinkFault, Transmit,
    apdu::{Apdu, Part, REPLY_BYTES_MAX, instruction::Instruction},
    element::testing::{
        TestMemory, identity,
        money::{note_to, paid, ticket},
        operator, pin, puk, transport_pin,
    },
};

const MASTER: [u8; 32] = [0x4d; 32];

/// Which half of an exchange a pulled card loses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// The command never arrived.
    Command,
    /// It was carried out, nobody knows.
    Reply,
}

/// What the reader counts and when it loses the card.
#[derive(Default)]
pub(super) struct Wire {
    /// Headers of the commands that were sent.
    pub(super) sent: Vec<[u8; 4]>,
    /// The exchange, counted from now, at which the card is pulled.
    pub(super) pull: Option<(usize, Lost)>,
    /// Short commands alone.
    pub(super) short: bool,
}

/// A reader. Its card loses its session when it is pulled or its memory loses power.
pub(super) struct Reader {
    memory: TestMemory,
    applet: Applet<TestMemory>,
    wire: Arc<Mutex<Wire>>,
    seed: u64,
    down: bool,
}

impl Reader {
    fn new(memory: &TestMemory, seed: u64) -> Reader {
        Reader { memory: memory.clone(), applet: applet(memory, seed), wire: Arc::default(), seed, down: false }
    }

    fn lose<T>(&mut self) -> Result<T, LinkFault> {
        self.down = true;
        Err(LinkFault { reason: "the card was pulled".into() })
    }
}

impl Transmit for Reader {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        let pulled = {
            let mut wire = lock(&self.wire);
            wire.sent.extend(command.first_chunk());
            match wire.pull.take() {
                Some((0, lost)) => Some(lost),
                Some((left, lost)) => {
                    wire.pull = Some((left - 1, lost));
                    None
                }
                None => None,
            }
        };
        if matches!(pulled, Some(Lost::Command)) || self.memory.is_off() {
            return self.lose();
        }
        if core::mem::take(&mut self.down) {
            self.applet = applet(&self.memory, self.seed);
        }
        let reply = self.applet.process(command).to_vec();
        if pulled.is_some() || self.memory.is_off() { self.lose() } else { Ok(reply) }
    }

    fn command_bytes_max(&self) -> usize {
        if lock(&self.wire).short { crate::apdu::SHORT_COMMAND_MAX } else { crate::apdu::COMMAND_BYTES_MAX }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The applet over `memory`, with nothing in its session.
pub(super) fn applet(memory: &TestMemory, seed: u64) -> Applet<TestMemory> {
    Applet::new(memory.clone(), Zeroizing::new(MASTER), SeededEntropy::from_number(seed))
}

/// What the memory says, asked without a command and without a PIN.
pub(super) fn inside(memory: &TestMemory) -> Element<TestMemory> {
    Element::new(memory.clone(), Zeroizing::new(MASTER), SeededEntropy::from_number(99))
}

/// A card in a reader, in a world.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) memory: TestMemory,
    pub(super) card: ApduCard<Reader>,
    pub(super) wire: Arc<Mutex<Wire>>,
}

/// A holding on a card.
#[derive(Clone)]
pub(super) struct Money {
    pub(super) chain: Chain,
    pub(super) node: Digest,
    pub(super) key: PublicKey,
}

impl Desk {
    /// An operational card.
    pub(super) fn new() -> Desk {
        Desk::of(&identity(World::new("w").roots))
    }

    /// An operational card of another identity.
    pub(super) fn of(identity: &Identity) -> Desk {
        let mut desk = Desk::blank();
        desk.card.personalise(identity, &transport_pin(), &puk()).unwrap();
        desk.card.change_pin(&transport_pin(), &pin()).unwrap();
        desk
    }

    /// Pays and confirms.
    pub(super) fn pay(&mut self, money: &Money, minor: u64, to: &str) -> Result<Signature, CardError> {
        let signature = self.card.endorse(&money.node, amount(minor), &answer(to))?;
        self.card.confirm(&answer(to))?;
        Ok(signature)
    }

    /// A payment of so many links, asked for and received.
    pub(super) fn loads(&mut self, challenge: &Challenge, links: usize, serial: &str) -> (Chain, Money) {
        self.card.sign_challenge(challenge).unwrap();
        let chain = paid(&self.world, challenge, links, serial);
        let node = self.card.load_payment(&chain).unwrap().node;
        (chain.clone(), Money { chain, node, key: challenge.payee })
    }

    /// An order of the operator.
    pub(super) fn signed<T: Record>(&self, record: T) -> Signed<T> {
        Signed::sign(self.world.network(), record, &operator())
    }

    /// Whether `key` signed it.
    pub(super) fn holds(&self, key: &PublicKey, endorsement: &Endorsement, signature: &Signature) -> bool {
        key.verify(&sig_structure(self.world.network(), endorsement), signature).is_ok()
    }

    /// A card as it was manufactured.
    pub(super) fn blank() -> Desk {
        Desk::over(TestMemory::new(), 1)
    }

    /// The card of a memory in another reader, a session of its own.
    pub(super) fn over(memory: TestMemory, seed: u64) -> Desk {
        let reader = Reader::new(&memory, seed);
        let wire = reader.wire.clone();
        Desk { world: World::new("w"), memory, card: ApduCard::new(reader, Some(pin())), wire }
    }

    /// A card with the same in its memory.
    pub(super) fn copied(&self, seed: u64) -> Desk {
        Desk::over(self.memory.copied(), seed)
    }

    /// The PIN is shown.
    pub(super) fn warm(&mut self) {
        self.card.identity().unwrap();
    }

    /// A note of `face` on the card, for a fresh key.
    pub(super) fn note(&mut self, face: u64, serial: &str) -> Money {
        let key = self.card.generate_key().unwrap();
        let chain = note_to(&self.world, key, face, serial);
        let slot = self.card.open_load(&key).unwrap();
        let node = self.card.load_note(&chain, &ticket(&self.world, &chain, slot)).unwrap().node;
        Money { chain, node, key }
    }

    /// Value, what is left, what a closing took, state: none for what was never loaded.
    pub(super) fn status(&self, node: &Digest) -> Option<([u64; 3], HoldingState)> {
        let it = inside(&self.memory).holding(node).unwrap()?;
        Some(([it.value, it.remaining, it.closed].map(|amount| amount.minor()), it.state))
    }
}

pub(super) fn account(deposit: &str) -> ToAccount {
    World::new("w").account("aoba", "A-1001", deposit)
}

pub(super) fn answer(seed: &str) -> Digest {
    sha256(&[b"answer", seed.as_bytes()])
}

/// One command, of extended length.
pub(super) fn command(instruction: Instruction, p1: u8, p2: u8, data: &[u8]) -> Vec<u8> {
    let (class, instruction) = instruction.codes();
    Apdu { class, part: Part::Last, instruction, p1, p2, data, expected: REPLY_BYTES_MAX }.to_bytes()
}

/// The commands that load a payment.
pub(super) fn load_commands(chain: &Chain) -> Vec<Vec<u8>> {
    let load = |step, data: &[u8]| command(Instruction::Load, step, 0, data);
    let links = chain.hops.iter().map(|hop| load(1, &encode(hop)));
    iter::once(load(0, &encode(&(&chain.note, &chain.holder)))).chain(links).chain([load(3, &[])]).collect()
}
