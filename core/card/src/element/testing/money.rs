//! Money made out to the keys of a card, by a world in which everybody else's keys lie open.

use alloc::{format, vec::Vec};

use zeni_crypto::{PublicKey, SecretKey};
use zeni_message::Signed;
use zeni_note::{
    Chain, Challenge, Hop, LoadTicket, Nonce, Opening,
    chain::Endorsement,
    testing::{DAY, START, World, amount, key},
};

/// A note of `face` to `holder`, who has a licence.
pub fn note_to(world: &World, holder: PublicKey, face: u64, serial: &str) -> Chain {
    let mut chain = world.note(&key("anyone"), face, serial);
    chain.note.record.holder = holder;
    chain.note = Signed::sign(world.network(), chain.note.record, &world.issuer);
    Chain { holder: world.licence(holder).into(), ..chain }
}

/// The issuer's leave to load the note of `chain` into a slot.
pub fn ticket(world: &World, chain: &Chain, slot: Nonce) -> Signed<LoadTicket> {
    let ticket = LoadTicket { note: chain.note.identity(world.network()), nonce: slot };
    Signed::sign(world.network(), ticket, &world.issuer)
}

/// What `payee` asks, not yet signed.
pub fn challenge_to(world: &World, payee: PublicKey, total: u64, seed: &str) -> Challenge {
    let made = world.challenge(&key("anyone"), total, seed, START.plus(DAY));
    Challenge { payee, right: world.licence(payee).into(), ..made }
}

/// `chain` with `value` passed on by `payer`, who need not be its holder, in answer to `opening`.
pub fn pass(world: &World, chain: &Chain, payer: &SecretKey, value: u64, opening: Opening, payee: PublicKey) -> Chain {
    let answer = opening.answer_for(&payee);
    let endorsement = Endorsement { parent: world.leaf(chain), amount: amount(value), answer };
    let signature = Signed::sign(world.network(), endorsement, payer).signature;
    chain.extended(Hop { opening, amount: amount(value), signature, payee: world.licence(payee).into() })
}

/// A chain of so many endorsements, at least one, the last of which answers `challenge` with all it asks.
pub fn paid(world: &World, challenge: &Challenge, links: usize, serial: &str) -> Chain {
    let value = challenge.total.minor();
    let holders: Vec<SecretKey> = (0..links).map(|place| key(&format!("{serial} holder {place}"))).collect();
    let first = holders.first().expect("a payment is an endorsement");
    let mut chain = world.note(first, value, serial);
    for (place, pair) in holders.windows(2).enumerate() {
        let [payer, payee] = pair else { break };
        let opening = challenge_to(world, payee.public(), value, &format!("{serial} {place}")).opening(world.network());
        chain = pass(world, &chain, payer, value, opening, payee.public());
    }
    let last = holders.last().expect("a payment is an endorsement");
    pass(world, &chain, last, value, challenge.opening(world.network()), challenge.payee)
}
