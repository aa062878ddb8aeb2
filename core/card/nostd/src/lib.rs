//! A software card without std: the crates that a card runs, linked with this panic handler and this allocator alone.
//!
//! If std creeps into one of them, its panic handler meets the one here and the build fails (E0152). [`zeni_card_check`]
//! runs a card through one life, so that the linker needs the code and a C program can run it.
#![no_std]

extern crate alloc;

mod heap;
mod memory;

use alloc::vec::Vec;

use memory::FixedMemory;
use zeni_card::{Card, CardError, Life, Element, Statement, Zeroizing};
use zeni_crypto::{Digest, Entropy, PublicKey, SecretKey, sha256, tagged};
use zeni_message::{Network, Signed, Time};
use zeni_money::{Amount, Currency};
use zeni_note::{
    Chain, ClosingPurpose, Licence, LoadTicket, Note, closing::ToAccount, keylist::Roots, licence::Keeper,
    request::Possession,
};

#[global_allocator]
static HEAP: heap::Bump = heap::Bump::new();

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Named by the precompiled `alloc`, never called: a panic stops here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Bytes from a counter: for this check only, it foretells every key.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let digest = tagged("zeni/nostd-check", &[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&digest.0[..chunk.len()]);
        }
    }
}

/// What went wrong.
enum Trouble {
    Refused,
    Expected(u32),
}

impl From<CardError> for Trouble {
    fn from(_: CardError) -> Trouble {
        Trouble::Refused
    }
}

/// Runs a card from its first key to its retirement. 0 if all went well, 1 for a refusal of the card, else the number of
/// the expectation that failed.
#[unsafe(no_mangle)]
pub extern "C" fn zeni_card_check() -> u32 {
    match check() {
        Ok(()) => 0,
        Err(Trouble::Refused) => 1,
        Err(Trouble::Expected(step)) => step,
    }
}

fn check() -> Result<(), Trouble> {
    let issuer = SecretKey::from_seed(sha256(&[b"issuer"]).0);
    let authority = SecretKey::from_seed(sha256(&[b"authority"]).0);
    let network = Network(sha256(&[b"network"]));
    let roots = Roots { network, issuer: issuer.public(), authority: authority.public() };
    let mut card = Element::new(FixedMemory::new(), Zeroizing::new([7; 32]), roots, Counter(0));
    card.personalise()?;
    let key = card.generate_key()?;
    expect(2, key.check().is_ok())?;

    let chain = chain(network, key, &issuer, &authority).ok_or(Trouble::Expected(3))?;
    let ticket = LoadTicket { note: chain.note.identity(network), nonce: card.open_load(&key)? };
    let loaded = card.load_note(&chain, &Signed::sign(network, ticket, &issuer))?;
    expect(4, loaded.remaining == chain.note.record.face)?;

    let (amount, answer) = (Amount::from_minor(300).ok_or(Trouble::Expected(5))?, sha256(&[b"answer"]));
    let signature = card.endorse(&loaded.node, amount, &answer)?;
    expect(6, card.endorse(&loaded.node, amount, &answer)? == signature)?;
    expect(7, card.endorsed(&loaded.node, &answer)? == Some((amount, signature)))?;

    let possession = Possession { content: answer, nonce: [1; 32].into() };
    let signature = card.sign_statement(&key, &Statement::Possession(&possession))?;
    expect(8, Signed { record: possession, signature }.verify(network, &key).is_ok())?;

    let (rest, _) = card.close(&loaded.node, &ClosingPurpose::Refund(account()))?;
    expect(9, rest.minor() == 700 && card.holdings()?.is_empty())?;
    let backup = card.export_move()?;
    expect(10, !backup.to_bytes().is_empty() && card.life()? == Life::Retired)
}

fn expect(step: u32, holds: bool) -> Result<(), Trouble> {
    if holds { Ok(()) } else { Err(Trouble::Expected(step)) }
}

fn chain(network: Network, holder: PublicKey, issuer: &SecretKey, authority: &SecretKey) -> Option<Chain> {
    let note = Note {
        serial: [1; 16].into(),
        series: 1,
        epoch: 1,
        currency: Currency::from_code("JPY")?,
        face: Amount::from_minor(1_000)?,
        holder,
        way: zeni_note::keylist::Way::Registered,
    };
    let licence = Licence { key: holder, until: Time(u64::MAX), keeper: Keeper::Card };
    Some(Chain {
        note: Signed::sign(network, note, issuer),
        holder: Signed::sign(network, licence, authority).into(),
        hops: Vec::new(),
    })
}

fn account() -> ToAccount {
    ToAccount {
        time: Time(1),
        bank: "aoba".into(),
        account: Digest([2; 32]),
        deposit: [3; 16].into(),
        nonce: [4; 16].into(),
    }
}
