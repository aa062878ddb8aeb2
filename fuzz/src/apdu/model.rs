//! What the host knows of a card without asking it: what it sent, and every signature it got.

use std::collections::BTreeMap;

use zeni_card::{
    Card, CardError, Element, HoldingState, Life, PIN_TRIES, PUK_TRIES, Zeroizing, apdu::instruction::Instruction,
    element::testing::TestMemory,
};
use zeni_crypto::{Digest, PublicKey, SeededEntropy};
use zeni_message::{decode, limits::DOCUMENT_BYTES_MAX, sig_structure};
use zeni_money::Amount;
use zeni_note::{ClosingPurpose, chain::Endorsement, closing::ToAccount};

use super::super::samples::WORLD;

pub(super) const MASTER: [u8; 32] = [0x4d; 32];

/// A command that reached the card whole.
pub(super) struct Sent {
    pub(super) instruction: Option<Instruction>,
    pub(super) p1: u8,
    pub(super) p2: u8,
    pub(super) data: Vec<u8>,
}

/// A holding that was sent to the card, rightly.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) key: PublicKey,
    pub(super) value: Amount,
}

/// What must hold of a card.
pub(super) struct Model {
    memory: TestMemory,
    /// All that may ever be on the card.
    pub(super) known: BTreeMap<Digest, Known>,
    /// Per node: what its endorsements are worth, each counted once.
    endorsed: BTreeMap<Digest, BTreeMap<(Amount, Digest), Amount>>,
    /// Per node: what a closing took; of all closings one is paid.
    closed: BTreeMap<Digest, Amount>,
    remaining: BTreeMap<Digest, Amount>,
    life: Life,
    tries: [u8; 2],
    frozen: bool,
    /// The PIN was shown since the session began.
    shown: bool,
    /// What may be the PIN or the PUK: of a command that got no reply both the old and the new.
    pins: Vec<Vec<u8>>,
    puks: Vec<Vec<u8>>,
    before: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// How a command ended, as far as the host learns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Carried out.
    Done,
    /// Refused.
    Refused,
    /// No reply, or not all of it.
    Unknown,
}

impl Model {
    pub(super) fn new(memory: &TestMemory) -> Model {
        let mut model = Model {
            memory: memory.clone(),
            known: BTreeMap::new(),
            endorsed: BTreeMap::new(),
            closed: BTreeMap::new(),
            remaining: BTreeMap::new(),
            life: Life::Manufactured,
            tries: [PIN_TRIES, PUK_TRIES],
            frozen: false,
            shown: false,
            pins: Vec::new(),
            puks: Vec::new(),
            before: memory.dump(),
        };
        model.life = model.inside().life().expect("the power is on");
        model
    }

    /// What the memory says, asked without a command.
    pub(super) fn inside(&self) -> Element<TestMemory> {
        Element::new(self.memory.clone(), Zeroizing::new(MASTER), SeededEntropy::from_number(1))
    }

    /// The session ended.
    pub(super) fn forget_session(&mut self) {
        self.shown = false;
    }

    /// The memory is as it should be; some of a reply is still to come.
    pub(super) fn settled(&mut self) {
        self.before = self.memory.dump();
    }

    /// A command ended so, with this reply.
    pub(super) fn heard(&mut self, sent: &Sent, outcome: Outcome, reply: &[u8]) {
        let right = self.shows_pin(sent);
        if outcome != Outcome::Refused {
            self.new_pins(sent, outcome);
        }
        match (outcome, sent.instruction) {
            (Outcome::Done, Some(instruction)) => self.done(instruction, sent, reply, right),
            (_, Some(Instruction::Select)) => self.shown = false,
            (_, Some(Instruction::Verify | Instruction::ChangePin | Instruction::Unblock)) => {
                // a wrong one ends what the right one began
                self.shown &= self.inside().tries().is_ok_and(|it| it.pin == PIN_TRIES);
            }
            _ => {}
        }
        self.check(sent, outcome, right);
    }

    fn done(&mut self, instruction: Instruction, sent: &Sent, reply: &[u8], right: bool) {
        assert!(self.shown || !asks_for_pin(instruction, sent.p1), "{instruction:?} without the PIN");
        match instruction {
            Instruction::Select => self.shown = false,
            Instruction::Verify if sent.data.is_empty() => assert!(self.shown, "a PIN was never shown"),
            Instruction::Verify | Instruction::ChangePin => {
                assert!(right, "a wrong PIN was taken");
                self.shown = true;
            }
            Instruction::Unblock => {
                assert!(right, "a wrong PUK was taken");
                self.shown = false;
            }
            Instruction::SignEndorsement => self.endorsed(sent, reply),
            Instruction::Close => self.closed(sent, reply),
            Instruction::HandIn => self.handed_in(sent),
            _ => {}
        }
    }

    /// Whether a command for PINs has the right one in its place.
    fn shows_pin(&self, sent: &Sent) -> bool {
        let first = |secrets: &[Vec<u8>]| counted(&sent.data).is_some_and(|(first, _)| secrets.contains(&first));
        match sent.instruction {
            Some(Instruction::Verify) => self.pins.contains(&sent.data),
            Some(Instruction::ChangePin) => first(&self.pins),
            Some(Instruction::Unblock) => first(&self.puks),
            _ => false,
        }
    }

    /// The PINs after a command that was, or may have been, carried out.
    fn new_pins(&mut self, sent: &Sent, outcome: Outcome) {
        let Some((first, rest)) = counted(&sent.data) else { return };
        let certain = outcome == Outcome::Done;
        match sent.instruction {
            Some(Instruction::Personalise) if self.life == Life::Manufactured => {
                let Some((puk, _)) = counted(&rest) else { return };
                take(&mut self.pins, first, certain);
                take(&mut self.puks, puk, certain);
            }
            Some(Instruction::ChangePin) if certain || self.pins.contains(&first) => {
                take(&mut self.pins, rest, certain);
            }
            Some(Instruction::Unblock) if certain || self.puks.contains(&first) => {
                take(&mut self.pins, rest, certain);
            }
            _ => {}
        }
    }

    fn endorsed(&mut self, sent: &Sent, reply: &[u8]) {
        let (node, rest) = sent.data.split_first_chunk::<32>().expect("it was carried out");
        let (minor, answer) = rest.split_first_chunk::<8>().expect("it was carried out");
        let (parent, answer) = (Digest(*node), Digest(answer.try_into().expect("it was carried out")));
        let amount = Amount::from_minor(u64::from_be_bytes(*minor)).expect("it was carried out");
        let known = self.known.get(&parent).expect("money was passed on that is not there");
        let signature = reply.try_into().map(zeni_crypto::Signature).expect("a signature");
        let endorsement = Endorsement { parent, amount, answer };
        assert!(known.key.verify(&sig_structure(WORLD.network(), &endorsement), &signature).is_ok());
        self.endorsed.entry(parent).or_default().insert((amount, answer), amount);
    }

    fn closed(&mut self, sent: &Sent, reply: &[u8]) {
        let (node, purpose) = sent.data.split_first_chunk::<32>().expect("it was carried out");
        let purpose: ClosingPurpose = decode(purpose, DOCUMENT_BYTES_MAX).expect("it was carried out");
        let (minor, signature) = reply.split_first_chunk::<8>().expect("amount and signature");
        let amount = Amount::from_minor(u64::from_be_bytes(*minor)).expect("an amount");
        let known = self.known.get(&Digest(*node)).expect("money was closed that is not there");
        let signature = signature.try_into().map(zeni_crypto::Signature).expect("a signature");
        let message = purpose.message(WORLD.network(), Digest(*node), amount);
        assert!(known.key.verify(&message, &signature).is_ok());
        self.took(Digest(*node), amount);
    }

    fn handed_in(&mut self, sent: &Sent) {
        let (_, leaves): (ToAccount, Vec<Digest>) = decode(&sent.data, DOCUMENT_BYTES_MAX).expect("it was carried out");
        for leaf in leaves {
            let value = self.known.get(&leaf).expect("money was handed in that is not there").value;
            self.took(leaf, value);
        }
    }

    fn took(&mut self, node: Digest, amount: Amount) {
        let before = self.closed.insert(node, amount);
        assert!(before.is_none_or(|before| before == amount), "two closings took different amounts");
    }

    /// The laws, after a command.
    pub(super) fn check(&mut self, sent: &Sent, outcome: Outcome, right: bool) {
        let after = self.memory.dump();
        let pins =
            matches!(sent.instruction, Some(Instruction::Verify | Instruction::ChangePin | Instruction::Unblock));
        // an end that is refused makes the card blank again
        let forgets = sent.instruction == Some(Instruction::Import);
        assert!(outcome != Outcome::Refused || pins || forgets || after == self.before, "a refusal changed something");
        self.before = after;
        self.check_life(sent);
        self.check_tries(right);
        self.check_money();
    }

    fn check_life(&mut self, sent: &Sent) {
        let life = self.inside().life().expect("the power is on");
        let unblocked = self.life == Life::Locked && matches!(life, Life::Operational | Life::Personalised);
        let forward = life >= self.life || unblocked && sent.instruction == Some(Instruction::Unblock);
        assert!(forward, "life went back from {:?} to {life:?}", self.life);
        self.life = life;
    }

    fn check_tries(&mut self, right: bool) {
        let tries = self.inside().tries().expect("the power is on");
        let now = [tries.pin, tries.puk];
        for (now, was) in now.iter().zip(self.tries) {
            assert!(*now <= was || right, "a guess was given back");
        }
        self.tries = now;
    }

    fn check_money(&mut self) {
        let mut inside = self.inside();
        // what came of an image that has not ended can be signed with by nobody, and is forgotten if it was altered
        if self.life == Life::Manufactured || inside.confirm(&Digest([0; 32])) == Err(CardError::HalfRestored) {
            return;
        }
        let frozen = inside.operator().expect("the power is on").frozen;
        assert!(frozen || !self.frozen, "a frozen card thawed");
        self.frozen = frozen;
        let holdings = inside.holdings().expect("the power is on");
        assert!(holdings.iter().all(|holding| self.known.contains_key(&holding.node)), "money from nowhere");
        for (node, known) in &self.known {
            let Some(status) = inside.holding(node).expect("the power is on") else {
                assert!(!self.remaining.contains_key(node), "money was forgotten");
                continue;
            };
            assert_eq!((status.key, status.value), (known.key, known.value));
            let was = self.remaining.insert(*node, status.remaining).unwrap_or(known.value);
            assert!(status.remaining <= was, "a counter rose");
            let endorsed = self.endorsed.get(node).into_iter().flat_map(BTreeMap::values).copied();
            let signed = Amount::sum(endorsed.chain(self.closed.get(node).copied())).expect("they are few");
            let fell = status.value.checked_sub(status.remaining).expect("no more is left than came in");
            assert!(signed <= fell, "signed more than the counter fell by");
            assert!(!status.closed.is_zero() || status.state != HoldingState::Closed, "closed of nothing");
        }
        let signed = self.endorsed.keys().chain(self.closed.keys());
        assert!(signed.into_iter().all(|node| self.remaining.contains_key(node)), "signed for what is not there");
    }
}

/// Whether a command is for those alone who showed the PIN.
fn asks_for_pin(instruction: Instruction, p1: u8) -> bool {
    match instruction {
        Instruction::Select
        | Instruction::Verify
        | Instruction::ChangePin
        | Instruction::Unblock
        | Instruction::GetResponse
        | Instruction::Personalise => false,
        Instruction::GetStatus => !matches!(p1, 0 | 1 | 12),
        _ => true,
    }
}

/// A field after its length of one byte, and what follows.
fn counted(data: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (len, rest) = data.split_first()?;
    let (first, rest) = rest.split_at_checked(usize::from(*len))?;
    Some((first.to_vec(), rest.to_vec()))
}

/// A secret is another one now, or may be.
fn take(secrets: &mut Vec<Vec<u8>>, secret: Vec<u8>, certain: bool) {
    if certain {
        secrets.clear();
    }
    secrets.push(secret);
}
