//! What a wallet does with its card in one go, counted.

use zeni_card::{
    ApduCard, Applet, Card, CardError, InProcess, Life,
    element::testing::{
        TestMemory, identity,
        money::{challenge_to, note_to, paid, ticket},
        pin, puk,
        tally::{Counter, Lengths, Tally, Traffic},
        transport_pin,
    },
};
use zeni_crypto::{Digest, PublicKey, SharedEntropy, sha256};
use zeni_message::limits::BATCH_ITEMS_MAX;
use zeni_note::testing::{World, amount, jpy};
use zeroize::Zeroizing;

use crate::BenchError;

/// The payment that must fit a tap.
pub(super) const ONE_HOLDING: &str = "payment of 1 holding";

/// Leaves of the hand-in that is measured.
const LEAVES: usize = 64;

const _: () = assert!(LEAVES <= BATCH_ITEMS_MAX);

type Link = Tally<InProcess<TestMemory>>;

/// A card with money on it.
pub(super) struct Bench {
    world: World,
    memory: TestMemory,
    lengths: Lengths,
    made: usize,
}

/// The applet over `memory`.
pub(super) fn applet(memory: &TestMemory) -> Applet<TestMemory> {
    Applet::new(memory.clone(), Zeroizing::new([0x4d; 32]), SharedEntropy::seeded([9; 32]))
}

impl Bench {
    pub(super) fn new(lengths: Lengths) -> Result<Bench, CardError> {
        let (world, memory) = (World::new("bench card"), TestMemory::new());
        let mut card = ApduCard::new(InProcess(applet(&memory)), Some(pin()));
        card.personalise(&identity(world.roots), &transport_pin(), &puk())?;
        card.change_pin(&transport_pin(), &pin())?;
        assert_eq!(card.life()?, Life::Operational);
        Ok(Bench { world, memory, lengths, made: 0 })
    }

    /// Every flow and what passed in it.
    pub(super) fn flows(&mut self) -> Result<Vec<(String, Traffic)>, BenchError> {
        let mut flows = vec![
            (ONE_HOLDING.to_string(), self.payment(1)?),
            ("payment of 2 holdings".to_string(), self.payment(2)?),
            ("payment of 4 holdings".to_string(), self.payment(4)?),
        ];
        for links in [1, 5, 16] {
            flows.push((format!("load of a payment, chain of {links}"), self.load(links)?));
        }
        flows.push(("request for a payment".to_string(), self.request()?));
        flows.push(("load of a note withdrawn".to_string(), self.withdrawal()?));
        flows.push((format!("hand-in of {LEAVES}"), self.hand_in()?));
        Ok(flows)
    }

    /// A card that was just put to the reader.
    fn tap(&self) -> (ApduCard<Link>, Counter) {
        let link = Tally::new(InProcess(applet(&self.memory)), self.lengths);
        let counter = link.counter();
        (ApduCard::new(link, Some(pin())), counter)
    }

    fn number(&mut self) -> String {
        self.made += 1;
        self.made.to_string()
    }

    /// A note on the card, outside any count.
    fn note(&mut self, key: &PublicKey, face: u64) -> Result<Digest, CardError> {
        let serial = self.number();
        let (mut card, _) = self.tap();
        let slot = card.open_load(key)?;
        let chain = note_to(&self.world, *key, face, &serial);
        Ok(card.load_note(&chain, &ticket(&self.world, &chain, slot))?.node)
    }

    fn key(&self) -> Result<PublicKey, CardError> {
        self.tap().0.generate_key()
    }

    /// What the wallet asks before it plans a payment, the endorsements, the confirmation.
    fn payment(&mut self, holdings: usize) -> Result<Traffic, CardError> {
        let key = self.key()?;
        let nodes = (0..holdings).map(|_| self.note(&key, 100)).collect::<Result<Vec<_>, _>>()?;
        let answer = sha256(&[b"bench answer", self.number().as_bytes()]);
        let (mut card, counter) = self.tap();
        card.open_payment()?;
        card.operator()?;
        card.limits(jpy())?;
        card.holdings()?;
        for node in &nodes {
            card.endorse(node, amount(100), &answer)?;
        }
        card.confirm(&answer)?;
        Ok(counter.take())
    }

    /// A payment that the card asked for before.
    fn load(&mut self, links: usize) -> Result<Traffic, CardError> {
        let serial = self.number();
        let challenge = challenge_to(&self.world, self.key()?, 100, &serial);
        self.tap().0.sign_challenge(&challenge)?;
        let chain = paid(&self.world, &challenge, links, &serial);
        let (mut card, counter) = self.tap();
        let loaded = card.load_payment(&chain)?;
        let traffic = counter.take();
        self.spend(&loaded.node)?;
        Ok(traffic)
    }

    fn request(&mut self) -> Result<Traffic, CardError> {
        let serial = self.number();
        let (mut card, counter) = self.tap();
        let key = card.generate_key()?;
        card.sign_challenge(&challenge_to(&self.world, key, 100, &serial))?;
        Ok(counter.take())
    }

    fn withdrawal(&mut self) -> Result<Traffic, CardError> {
        let (key, serial) = (self.key()?, self.number());
        let (mut card, counter) = self.tap();
        let slot = card.open_load(&key)?;
        let chain = note_to(&self.world, key, 100, &serial);
        let loaded = card.load_note(&chain, &ticket(&self.world, &chain, slot))?;
        let traffic = counter.take();
        self.spend(&loaded.node)?;
        Ok(traffic)
    }

    fn hand_in(&mut self) -> Result<Traffic, CardError> {
        let key = self.key()?;
        let leaves = (0..LEAVES).map(|_| self.note(&key, 10)).collect::<Result<Vec<_>, _>>()?;
        let to = self.world.account("aoba", "S-1", "bench");
        let (mut card, counter) = self.tap();
        card.hand_in(&to, &leaves)?;
        Ok(counter.take())
    }

    /// Takes a holding off the card, so that each payment finds the same money on it.
    fn spend(&mut self, node: &Digest) -> Result<(), CardError> {
        let answer = sha256(&[b"bench spent", self.number().as_bytes()]);
        let (mut card, _) = self.tap();
        card.endorse(node, amount(100), &answer)?;
        card.confirm(&answer)
    }
}
