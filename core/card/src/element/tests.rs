//! A world with an issuer, an authority and other people, and cards in it.

mod attack;
mod cut;
mod law;
mod load;
mod named;
mod operator;
mod pass;
mod sealed;
mod state;

use alloc::{collections::BTreeMap, format, string::ToString, vec, vec::Vec};

use zeni_crypto::{SeededEntropy, sha256};
use zeni_message::{encode, identity};
use zeni_note::{
    ClosingPurpose, Hop, Licence, Note, Opening,
    chain::Endorsement,
    closing::ClosingRecord,
    licence::Keeper,
    testing::{DAY, START, World, amount, jpy, key, nonce},
};

use super::{
    record::{CLOSED, Closed, ENDORSED, Endorsed, HAND_INS, HOLDINGS, PINS, open},
    testing::TestMemory,
    *,
};
use crate::HoldingState;

pub(super) const MASTER: [u8; 32] = [0x4d; 32];

/// A card in a world, and its memory.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) memory: TestMemory,
    pub(super) card: Element<TestMemory>,
}

/// A holding on a card: its chain, its node, its key.
#[derive(Clone, Debug)]
pub(super) struct Money {
    pub(super) chain: Chain,
    pub(super) node: Digest,
    pub(super) key: PublicKey,
}

/// A card over `memory` as it is.
pub(super) fn insert(_: &World, memory: &TestMemory, seed: u64) -> Element<TestMemory> {
    Element::new(memory.clone(), Zeroizing::new(MASTER), SeededEntropy::from_number(seed))
}

pub(super) fn account(deposit: &str) -> ToAccount {
    World::new("w").account("aoba", "A-1001", deposit)
}

pub(super) fn renewal(world: &World) -> ClosingPurpose {
    ClosingPurpose::Renewal { nonce: nonce("renewal"), licence: world.licence(key("fresh").public()) }
}

pub(super) fn answer(seed: &str) -> Digest {
    sha256(&[b"answer", seed.as_bytes()])
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk::blank("w", 1)
    }

    /// A personalised card without keys.
    pub(super) fn blank(world: &str, seed: u64) -> Desk {
        let (world, memory) = (World::new(world), TestMemory::new());
        let mut card = insert(&world, &memory, seed);
        card.make_ready(world.roots).unwrap();
        Desk { world, memory, card }
    }

    /// A card with this identity.
    pub(super) fn of(identity: &Identity) -> Desk {
        let (world, memory) = (World::new("w"), TestMemory::new());
        let mut card = insert(&world, &memory, 1);
        card.personalise(identity, &testing::transport_pin(), &testing::puk()).unwrap();
        card.change_pin(&testing::transport_pin(), &testing::pin()).unwrap();
        Desk { world, memory, card }
    }

    /// Another card over a copy of the memory: the attacker's.
    pub(super) fn copied(&self) -> Desk {
        let memory = self.memory.copied();
        Desk { world: World::new("w"), card: insert(&self.world, &memory, 77), memory }
    }

    /// Power off and on.
    pub(super) fn reinsert(&mut self, seed: u64) {
        self.memory.power_on();
        self.card = insert(&self.world, &self.memory, seed);
    }

    pub(super) fn note_to(&self, holder: PublicKey, face: u64, serial: &str) -> Chain {
        let note = Note {
            serial: nonce(serial),
            series: 1,
            epoch: 1,
            currency: jpy(),
            face: amount(face),
            holder,
            way: zeni_note::keylist::Way::Registered,
        };
        let note = Signed::sign(self.world.network(), note, &self.world.issuer);
        Chain { note, holder: self.world.licence(holder).into(), hops: Vec::new() }
    }

    pub(super) fn ticket(&self, chain: &Chain, nonce: Nonce) -> Signed<LoadTicket> {
        let ticket = LoadTicket { note: chain.note.identity(self.world.network()), nonce };
        Signed::sign(self.world.network(), ticket, &self.world.issuer)
    }

    /// A note of `face` on the card, for a fresh key.
    pub(super) fn note(&mut self, face: u64, serial: &str) -> Money {
        let key = self.card.generate_key().unwrap();
        self.note_for(key, face, serial)
    }

    pub(super) fn note_for(&mut self, key: PublicKey, face: u64, serial: &str) -> Money {
        let chain = self.note_to(key, face, serial);
        let slot = self.card.open_load(&key).unwrap();
        let status = self.card.load_note(&chain, &self.ticket(&chain, slot)).unwrap();
        Money { chain, node: status.node, key }
    }

    /// A challenge whose payee is `payee`, not yet signed.
    pub(super) fn challenge(&self, payee: PublicKey, total: u64, seed: &str) -> Challenge {
        let made = self.world.challenge(&key("anyone"), total, seed, START.plus(DAY));
        Challenge { payee, right: self.world.licence(payee).into(), ..made }
    }

    /// `chain` with `value` passed on by `payer`, in answer to `opening`.
    pub(super) fn pass(
        &self,
        chain: &Chain,
        payer: &SecretKey,
        value: u64,
        opening: Opening,
        payee: PublicKey,
    ) -> Chain {
        let endorsement =
            Endorsement { parent: self.world.leaf(chain), amount: amount(value), answer: opening.answer_for(&payee) };
        let signature = Signed::sign(self.world.network(), endorsement, payer).signature;
        chain.extended(Hop { opening, amount: amount(value), signature, payee: self.world.licence(payee).into() })
    }

    /// A chain in which somebody else answers `challenge` with `value` of a note of his.
    pub(super) fn paid(&self, challenge: &Challenge, value: u64, serial: &str) -> Chain {
        let payer = key("payer");
        let note = self.world.note(&payer, 1_000, serial);
        self.pass(&note, &payer, value, challenge.opening(self.world.network()), challenge.payee)
    }

    /// Passes on, and confirms the payment.
    pub(super) fn endorse(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Result<Signature, CardError> {
        let signature = self.card.endorse(node, amount, answer)?;
        self.card.confirm(answer)?;
        Ok(signature)
    }

    /// What the card passes on of `money` to `payee`, as a chain.
    pub(super) fn give(&mut self, money: &Money, value: u64, payee: PublicKey, seed: &str) -> Chain {
        let opening = self.challenge(payee, value, seed).opening(self.world.network());
        let signature = self.endorse(&money.node, amount(value), &opening.answer_for(&payee)).unwrap();
        let hop = Hop { opening, amount: amount(value), signature, payee: self.world.licence(payee).into() };
        money.chain.extended(hop)
    }

    pub(super) fn status(&mut self, node: &Digest) -> (u64, u64, HoldingState) {
        let status = self.card.holding(node).unwrap().unwrap();
        (status.value.minor(), status.remaining.minor(), status.state)
    }

    pub(super) fn signed_by(&self, key: &PublicKey, record: &impl Record, signature: &Signature) -> bool {
        key.verify(&sig_structure(self.world.network(), record), signature).is_ok()
    }
}

/// Per node: value and, as the memory has it, endorsed, closed and remaining.
pub(super) fn books(memory: &TestMemory) -> BTreeMap<Digest, [u64; 4]> {
    let dump = memory.dump();
    let table = |table: u8| dump.iter().filter(move |(place, _)| place[0] == table);
    let node = |place: &[u8]| Digest::from_slice(&place[1..33]).unwrap();
    let mut books = BTreeMap::new();
    let mut handed_in = Vec::new();
    for (place, value) in table(HOLDINGS) {
        let holding: Holding = open(place, value).unwrap();
        books.insert(node(place), [holding.value.minor(), 0, 0, holding.remaining.minor()]);
        if holding.state == HoldingState::Closed && !dump.contains_key(&record::place(CLOSED, &[&place[1..]])) {
            handed_in.push((node(place), holding.value.minor()));
        }
    }
    for (place, value) in table(ENDORSED) {
        let endorsed: Endorsed = open(place, value).unwrap();
        books.get_mut(&node(place)).unwrap()[1] += endorsed.amount.minor();
    }
    for (place, value) in table(CLOSED) {
        let closed: Closed = open(place, value).unwrap();
        books.get_mut(&node(place)).unwrap()[2] += closed.amount.minor();
    }
    for (node, value) in handed_in {
        assert!(table(HAND_INS).next().is_some(), "closed by nothing");
        books.get_mut(&node).unwrap()[2] += value;
    }
    books
}

/// Σ endorsed + closed + remaining = value, for each node.
pub(super) fn assert_conserved(memory: &TestMemory) {
    for (node, [value, endorsed, closed, remaining]) in books(memory) {
        assert_eq!(endorsed + closed + remaining, value, "node {node}");
    }
}
