//! Sequences of commands to a card in software.

use std::collections::{BTreeMap, BTreeSet};

use zeni_card::{
    Card, CardError, Element, Zeroizing,
    element::testing::{Cut, TestMemory},
};
use zeni_crypto::{Digest, PublicKey, SeededEntropy, sha256};
use zeni_message::{Record, Signed, decode, encode, identity, limits::DOCUMENT_BYTES_MAX, sig_structure};
use zeni_money::Amount;
use zeni_note::{
    Chain, Challenge, ClosingPurpose, Hop, LoadTicket, Nonce,
    chain::Endorsement,
    testing::{DAY, START, amount, key, nonce},
};

use super::samples::{WORLD, edited, renewal};

/// Commands, valid and wild, with power cuts among them: no counter rises without a verified load, nothing is held that was
/// not loaded, and no signatures are worth more than the counter fell by. Each four bytes are one command. Returns how many
/// the card carried out.
pub fn card(data: &[u8]) -> usize {
    let mut outside = Outside::new();
    data.chunks_exact(4).take(STEPS_MAX).filter(|step| outside.step(step)).count()
}

/// The control: the same, but the memory forgets the last command, as that of a card must not. The law must see it.
pub fn forgetful_card(data: &[u8]) {
    let mut outside = Outside::new();
    let mut before = outside.memory.dump();
    for step in data.chunks_exact(4).take(STEPS_MAX) {
        before = outside.memory.dump();
        outside.step(step);
    }
    outside.memory.tamper(|memory| *memory = before);
    outside.check();
}

/// Enough to fill a card, spend it and try again.
const STEPS_MAX: usize = 64;
const MASTER: [u8; 32] = [0x4d; 32];

/// A holding that was sent to the card, rightly.
struct Money {
    chain: Chain,
    node: Digest,
    value: Amount,
    key: PublicKey,
    ticket: Option<Signed<LoadTicket>>,
}

/// The world outside: what it sent in, and every signature it got.
struct Outside {
    memory: TestMemory,
    card: Element<TestMemory>,
    keys: [PublicKey; 2],
    money: Vec<Money>,
    /// Per node: what its endorsements are worth, each counted once.
    endorsed: BTreeMap<Digest, BTreeMap<Digest, Amount>>,
    /// Per node: what a closing took; of all closings one is paid.
    closed: BTreeMap<Digest, Amount>,
    /// Per node: the counter as it was last seen.
    remaining: BTreeMap<Digest, Amount>,
    insertions: u64,
}

fn insert(memory: &TestMemory, seed: u64) -> Element<TestMemory> {
    Element::new(memory.clone(), Zeroizing::new(MASTER), SeededEntropy::from_number(seed))
}

impl Outside {
    fn new() -> Outside {
        let memory = TestMemory::new();
        let mut card = insert(&memory, 0);
        card.make_ready(WORLD.roots).expect("the memory is blank");
        let keys = [(); 2].map(|()| card.generate_key().expect("the card is new"));
        Outside {
            memory,
            card,
            keys,
            money: Vec::new(),
            endorsed: BTreeMap::new(),
            closed: BTreeMap::new(),
            remaining: BTreeMap::new(),
            insertions: 0,
        }
    }

    fn insert_again(&mut self) {
        self.insertions += 1;
        self.memory.power_on();
        self.card = insert(&self.memory, self.insertions);
    }

    /// Whether the card carried out the command, whose effect is checked in any case.
    fn step(&mut self, step: &[u8]) -> bool {
        let done = self.run(step[0], step[1], u16::from_be_bytes([step[2], step[3]])).is_ok();
        if self.memory.is_off() {
            self.insert_again();
        }
        self.check();
        done
    }

    fn run(&mut self, command: u8, which: u8, value: u16) -> Result<(), CardError> {
        let key = self.keys[usize::from(which) % 2];
        match command % 12 {
            0 => self.note(key, amount(1 + u64::from(value) % 1_000)),
            1 => self.payment(key, 1 + u64::from(value) % 1_000, true),
            2 => self.payment(key, 1 + u64::from(value) % 1_000, false),
            3 => self.load_again(which, &[]),
            4 => self.load_again(which, &[command, which, value.to_be_bytes()[0], value.to_be_bytes()[1]]),
            5 => self.false_ticket(key, value),
            6 => self.endorse(which, amount(u64::from(value) % 1_000), command).and_then(|()| self.confirm()),
            // the payment stays open
            7 => self.endorse(which, amount(u64::from(value) % 1_000), command),
            8 if value.is_multiple_of(2) => self.confirm(),
            8 => self.endorse_nothing(value),
            9 => self.close(which, value),
            10 => self.hand_in(which, value),
            _ if value.is_multiple_of(3) => self.card.life().map(|_| self.insert_again()),
            _ => {
                let cut = if value.is_multiple_of(2) { Cut::BeforeCommit } else { Cut::AfterCommit };
                self.memory.cut(u64::from(which % 2), cut);
                Ok(())
            }
        }
    }

    fn which(&self, which: u8) -> Option<&Money> {
        self.money.get(usize::from(which).checked_rem(self.money.len())?)
    }

    fn note_to(&self, holder: PublicKey, face: Amount) -> Chain {
        let mut chain = WORLD.note(&key("anyone"), face.minor(), &format!("note {}", self.money.len()));
        chain.note.record.holder = holder;
        chain.note = Signed::sign(WORLD.network(), chain.note.record, &WORLD.issuer);
        chain.holder = WORLD.licence(holder).into();
        chain
    }

    fn note(&mut self, key: PublicKey, face: Amount) -> Result<(), CardError> {
        let slot = self.card.open_load(&key)?;
        let chain = self.note_to(key, face);
        let ticket = ticket(&chain, slot);
        // it is in the world whether or not the card gets it
        let node = chain.note.identity(WORLD.network());
        self.money.push(Money { chain: chain.clone(), node, value: face, key, ticket: Some(ticket.clone()) });
        self.card.load_note(&chain, &ticket).map(|_| ())
    }

    /// Somebody else's money, in answer to a challenge that the card signed or never saw.
    fn payment(&mut self, key: PublicKey, value: u64, asked: bool) -> Result<(), CardError> {
        let challenge = self.challenge(key, value);
        if asked {
            self.card.sign_challenge(&challenge)?;
        }
        let payer = zeni_note::testing::key("payer");
        let note = WORLD.note(&payer, 1_000, &format!("payer's note {}", self.money.len()));
        let answer = WORLD.answer(&note, &payer, value, &challenge);
        let opening = challenge.opening(WORLD.network());
        let hop = Hop { opening, amount: answer.amount, signature: answer.signature, payee: challenge.right };
        let chain = note.extended(hop);
        if !asked {
            assert!(self.card.load_payment(&chain).is_err(), "a payment was loaded that the card never asked for");
            return Ok(());
        }
        let node = WORLD.leaf(&chain);
        self.money.push(Money { chain: chain.clone(), node, value: amount(value), key, ticket: None });
        self.card.load_payment(&chain).map(|_| ())
    }

    fn challenge(&self, payee: PublicKey, total: u64) -> Challenge {
        let seed = format!("challenge {}", self.money.len());
        let made = WORLD.challenge(&key("anyone"), total, &seed, START.plus(DAY));
        Challenge { payee, right: WORLD.licence(payee).into(), ..made }
    }

    /// Money that was sent before, as it was or altered.
    fn load_again(&mut self, which: u8, edits: &[u8]) -> Result<(), CardError> {
        let Some(money) = self.which(which) else { return Ok(()) };
        let Ok(chain) = decode::<Chain>(&edited(encode(&money.chain), edits), DOCUMENT_BYTES_MAX) else {
            return Ok(());
        };
        let node = money.node;
        let status = match &money.ticket {
            Some(ticket) => self.card.load_note(&chain, &ticket.clone())?,
            None => self.card.load_payment(&chain)?,
        };
        assert_eq!(status.node, node, "something else was loaded");
        Ok(())
    }

    /// A note for a slot that the card did not open, or with a leave that is not the issuer's.
    fn false_ticket(&mut self, key: PublicKey, value: u16) -> Result<(), CardError> {
        let slot = self.card.open_load(&key)?;
        let chain = self.note_to(key, amount(1_000_000 + u64::from(value)));
        let mut ticket = ticket(&chain, slot);
        match value % 3 {
            0 => ticket.record.nonce = nonce("no slot of this card"),
            1 => ticket = Signed::sign(WORLD.network(), ticket.record, &WORLD.authority),
            _ => ticket.record.note = sha256(&[b"another note"]),
        }
        assert!(self.card.load_note(&chain, &ticket).is_err(), "a note was loaded without leave");
        Ok(())
    }

    fn endorse(&mut self, which: u8, value: Amount, to: u8) -> Result<(), CardError> {
        let Some(&Money { node, key, .. }) = self.which(which) else { return Ok(()) };
        let answer = sha256(&[b"answer", &[to, which / 64]]);
        let signature = self.card.endorse(&node, value, &answer)?;
        let endorsement = Endorsement { parent: node, amount: value, answer };
        assert!(key.verify(&sig_structure(WORLD.network(), &endorsement), &signature).is_ok());
        self.endorsed.entry(node).or_default().insert(id(&endorsement), value);
        Ok(())
    }

    /// Ends the open payment, if there is one.
    fn confirm(&mut self) -> Result<(), CardError> {
        let open = self.card.open_payment()?;
        open.map_or(Ok(()), |open| self.card.confirm(&open.answer))
    }

    fn endorse_nothing(&mut self, value: u16) -> Result<(), CardError> {
        let node = sha256(&[b"nowhere", &value.to_be_bytes()]);
        let signed = self.card.endorse(&node, amount(1), &sha256(&[b"answer"]));
        assert!(signed.is_err(), "money was passed on that is not there");
        Ok(())
    }

    fn close(&mut self, which: u8, value: u16) -> Result<(), CardError> {
        let Some(&Money { node, key, .. }) = self.which(which) else { return Ok(()) };
        let to = WORLD.account("aoba", "A-1", if value.is_multiple_of(2) { "one" } else { "other" });
        let purpose = match value % 4 {
            0 => ClosingPurpose::Deposit(to),
            1 => renewal(),
            2 => ClosingPurpose::Refund(to),
            _ => ClosingPurpose::BackupRefund(to),
        };
        let (closed, signature) = self.card.close(&node, &purpose)?;
        assert!(key.verify(&purpose.message(WORLD.network(), node, closed), &signature).is_ok());
        self.took(node, closed);
        Ok(())
    }

    fn hand_in(&mut self, one: u8, other: u16) -> Result<(), CardError> {
        let other = other.to_be_bytes()[1];
        let leaves: BTreeMap<Digest, Amount> =
            [one, other].iter().filter_map(|which| self.which(*which)).map(|money| (money.node, money.value)).collect();
        let nodes: Vec<Digest> = leaves.keys().copied().collect();
        let signed = self.card.hand_in(&WORLD.account("aoba", "A-1", "takings"), &nodes)?;
        assert!(self.keys.iter().any(|key| signed.verify(WORLD.network(), key).is_ok()));
        leaves.into_iter().for_each(|(node, value)| self.took(node, value));
        Ok(())
    }

    fn took(&mut self, node: Digest, closed: Amount) {
        let before = self.closed.insert(node, closed);
        assert!(before.is_none_or(|before| before == closed), "two closings took different amounts");
    }

    fn check(&mut self) {
        let known: BTreeSet<Digest> = self.money.iter().map(|money| money.node).collect();
        let holdings = self.card.holdings().expect("the power is on");
        assert!(holdings.iter().all(|holding| known.contains(&holding.node)), "money from nowhere");
        for money in &self.money {
            let Some(status) = self.card.holding(&money.node).expect("the power is on") else { continue };
            assert_eq!((status.key, status.value), (money.key, money.value));
            let was = self.remaining.insert(money.node, status.remaining).unwrap_or(money.value);
            assert!(status.remaining <= was, "a counter rose");
            let endorsed = self.endorsed.get(&money.node).into_iter().flat_map(BTreeMap::values).copied();
            let signed = Amount::sum(endorsed.chain(self.closed.get(&money.node).copied())).expect("they are few");
            let fell = status.value.checked_sub(status.remaining).expect("no more is left than came in");
            assert!(signed <= fell, "signed more than the counter fell by");
        }
        assert!(self.remaining.keys().len() <= known.len());
        let signed = self.endorsed.keys().chain(self.closed.keys());
        assert!(signed.into_iter().all(|node| self.remaining.contains_key(node)), "signed for what is not there");
    }
}

fn ticket(chain: &Chain, slot: Nonce) -> Signed<LoadTicket> {
    let ticket = LoadTicket { note: chain.note.identity(WORLD.network()), nonce: slot };
    Signed::sign(WORLD.network(), ticket, &WORLD.issuer)
}

fn id(record: &impl Record) -> Digest {
    identity(WORLD.network(), record)
}
