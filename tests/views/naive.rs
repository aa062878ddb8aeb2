//! A wallet that does what ours does not: the controls of the searches.

use zeni_crypto::{SharedEntropy, blind::RsaPublicKey};
use zeni_message::{Bank, Issuer, Signed, peer::Peer};
use zeni_note::{
    IssuanceRequest, Nonce,
    messages::{
        bank::{BlindedItem, Withdraw},
        issuer::{GetNonce, Redeem},
    },
    request::{Possession, blind_message},
    testing::{amount, nonce},
};
use zeni_store::testing::block_on;

use crate::world::{Person, Place, Rogue, World};

/// What a naive wallet gives away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Takes the order's id for the card's slot too.
    ReusesNonce,
    /// Redeems over a connection with the certificate of its account.
    ShowsCertificate,
}

/// Withdraws and redeems one note by hand.
pub(crate) fn withdraw(world: &World, person: &Person, flaw: Flaw) {
    let rogue = Rogue::of(world, person);
    let lists = block_on(person.open().key_lists()).unwrap();
    let entries = &lists[0].record.entries;
    let entry = entries.iter().find(|entry| entry.bank == person.bank && entry.face == amount(100)).unwrap();
    let key = RsaPublicKey::from_modulus(*entry.modulus).unwrap();
    let mut entropy = SharedEntropy::seeded([77; 32]);
    let blinding = key.blind(&blind_message(&entry.digest(), &rogue.secret.public()), &mut entropy).unwrap();
    let order: Nonce = entropy.bytes::<16>().into();
    let item = BlindedItem { entry: entry.digest(), blinded: (*blinding.blinded()).into() };
    let bank = Peer::<Bank>::new(person.lines().bank);
    let signed = block_on(bank.send(&Withdraw { order, items: vec![item] })).unwrap();
    let signature = blinding.finalize(&key, &signed.signatures[0]).unwrap();
    world.settle();
    let request = IssuanceRequest {
        key: rogue.secret.public(),
        entry: entry.digest(),
        randomizer: signature.randomizer.into(),
        signature: signature.signature.into(),
    };
    let caller = (flaw == Flaw::ShowsCertificate).then(|| person.caller());
    let issuer = Peer::<Issuer>::new(world.net.line(Place::IssuerPublic, caller));
    let server = block_on(issuer.send(&GetNonce {})).unwrap();
    let possession = Possession { content: request.content_id(), nonce: server };
    let possession = Signed::sign(world.roots.network, possession, &rogue.secret).signature;
    let slot = if flaw == Flaw::ReusesNonce { order } else { nonce("naive slot") };
    let licence = rogue.licence.clone();
    block_on(issuer.send(&Redeem { request, licence, slot, nonce: server, possession })).unwrap();
}
