//! Processor time of the applet by command.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use zeni_card::{
    ApduCard, Applet, Card, CardError, LinkFault, Transmit,
    element::testing::{
        TestMemory, identity,
        money::{challenge_to, note_to, paid, ticket},
        pin, puk, transport_pin,
    },
};
use zeni_crypto::sha256;
use zeni_note::{
    ClosingPurpose,
    testing::{World, amount},
};

use super::flows::applet;
use crate::measure::{Rounds, processor};

/// INS and P1 of the commands that are told, and their names.
const TOLD: [(u8, u8, &str); 13] = [
    (0x20, 0x00, "VERIFY"),
    (0x12, 0x00, "GENERATE KEY"),
    (0x18, 0x00, "SIGN CHALLENGE"),
    (0x1a, 0x00, "OPEN LOAD"),
    (0x20, 0x80, "LOAD, begin"),
    (0x20, 0x81, "LOAD, an endorsement"),
    (0x20, 0x82, "LOAD, end with a ticket"),
    (0x20, 0x83, "LOAD, end"),
    (0x22, 0x00, "SIGN ENDORSEMENT"),
    (0x24, 0x00, "CONFIRM"),
    (0x26, 0x00, "CLOSE"),
    (0x28, 0x00, "HAND IN of 64"),
    (0x2a, 0x03, "GET STATUS of a holding"),
];

/// Endorsements of each chain that is loaded.
const LINKS: usize = 5;
/// Leaves of each hand-in.
const LEAVES: usize = 64;

type Times = Arc<Mutex<BTreeMap<(u8, u8), Rounds>>>;

/// Takes the time of each command in the applet.
struct Clocked {
    applet: Applet<TestMemory>,
    times: Times,
}

impl Transmit for Clocked {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        let (time, reply) = processor(|| self.applet.process(command).to_vec());
        if let Some([class, instruction, p1, _]) = command.first_chunk() {
            // LOAD and VERIFY share a number in different classes: the class is told in P1
            let p1 = if (*class, *instruction) == (0x80, 0x20) { class | p1 } else { *p1 };
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.entry((*instruction, p1)).or_default().add_time(time, 1);
        }
        Ok(reply)
    }
}

/// Each command and its times over so many rounds.
pub(super) fn commands(rounds: usize) -> Result<Vec<(&'static str, Rounds)>, CardError> {
    let (world, memory, times) = (World::new("bench card"), TestMemory::new(), Times::default());
    let clocked = Clocked { applet: applet(&memory), times: times.clone() };
    let mut card = ApduCard::new(clocked, Some(pin()));
    card.personalise(&identity(world.roots), &transport_pin(), &puk())?;
    card.change_pin(&transport_pin(), &pin())?;
    for round in 0..rounds {
        one_round(&mut card, &world, &round.to_string())?;
    }
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    let told = |(instruction, p1, name)| times.get(&(instruction, p1)).map(|rounds| (name, rounds.clone()));
    Ok(TOLD.into_iter().filter_map(told).collect())
}

fn one_round(card: &mut ApduCard<Clocked>, world: &World, round: &str) -> Result<(), CardError> {
    card.verify(&pin())?;
    let key = card.generate_key()?;
    let challenge = challenge_to(world, key, 100, round);
    card.sign_challenge(&challenge)?;
    let received = card.load_payment(&paid(world, &challenge, LINKS, round))?.node;
    let mut withdrawn = Vec::with_capacity(LEAVES + 1);
    for place in 0..=LEAVES {
        let slot = card.open_load(&key)?;
        let chain = note_to(world, key, 100, &format!("{round} {place}"));
        withdrawn.push(card.load_note(&chain, &ticket(world, &chain, slot))?.node);
    }
    let answer = sha256(&[b"bench answer", round.as_bytes()]);
    card.endorse(&received, amount(100), &answer)?;
    card.confirm(&answer)?;
    card.holding(&received)?;
    let to = world.account("aoba", "S-1", round);
    card.close(&withdrawn[LEAVES], &ClosingPurpose::Deposit(to.clone()))?;
    card.hand_in(&to, &withdrawn[..LEAVES]).map(drop)
}
