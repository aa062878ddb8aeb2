//! A card without std: the crates that a card runs, linked with this panic handler and this allocator alone.
//!
//! If std creeps into one of them, its panic handler meets the one here and the build fails (E0152). [`zeni_card_check`]
//! takes a card through one life in APDUs, and what it held into another one, so that a C program can run it;
//! [`zeni_card_ram`] and [`zeni_card_memory`] tell what the applet had in use for it; [`zeni_card_process`] is what a card's
//! firmware calls, for its size.
#![no_std]

extern crate alloc;

mod heap;
mod memory;

use alloc::vec::Vec;
use core::{
    cell::UnsafeCell,
    slice,
    sync::atomic::{AtomicUsize, Ordering},
};

use memory::FixedMemory;
use zeni_card::{
    ApduCard, Applet, Card, CardError, Identity, KeyPolicy, Life, LinkFault, Pin, Statement, Transmit, Zeroizing,
};
use zeni_crypto::{Digest, Entropy, PublicKey, SecretKey, sha256, tagged};
use zeni_message::{Network, Signed, Time};
use zeni_money::{Amount, Currency};
use zeni_note::{
    Chain, Challenge, ClosingPurpose, Hop, Licence, LoadTicket, Note, RevocationFilter, Right, chain::Endorsement,
    closing::ToAccount, licence::Keeper, operator::FILTER_BYTES_MAX, request::Possession,
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

/// A reader that counts what the applet in it has on the heap, its host's buffers apart.
struct Reader {
    applet: Applet<FixedMemory>,
    /// Bytes between two commands.
    resting: usize,
}

/// What a card does, apart by what it takes on the heap.
#[derive(Clone, Copy)]
enum Stage {
    /// From personalisation to a payment, loads, statements, a closing.
    Payments,
    /// The longest filter, after another one.
    Filter,
    /// A hand-in of [`LEAVES`].
    HandIn,
    /// EXPORT of a move.
    Export,
    /// IMPORT of it into another card.
    Import,
}

const STAGES: usize = Stage::Import as usize + 1;

/// The stage that is being gone through.
static STAGE: AtomicUsize = AtomicUsize::new(0);
/// The most bytes that the applet had on the heap at once, by stage.
static RAM: [AtomicUsize; STAGES] = [const { AtomicUsize::new(0) }; STAGES];

fn begin(stage: Stage) {
    STAGE.store(stage as usize, Ordering::SeqCst);
}

impl Reader {
    fn insert(memory: FixedMemory) -> Reader {
        let before = HEAP.live();
        let applet = Applet::new(memory, Zeroizing::new([7; 32]), Counter(0));
        Reader { applet, resting: HEAP.live() - before }
    }
}

impl Transmit for Reader {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        let before = HEAP.live();
        HEAP.mark();
        let reply = self.applet.process(command);
        let most = self.resting + HEAP.peak() - before;
        RAM[STAGE.load(Ordering::SeqCst)].fetch_max(most, Ordering::SeqCst);
        let reply = reply.to_vec();
        self.resting = self.resting + HEAP.live() - reply.capacity() - before;
        Ok(reply)
    }
}

/// Takes a card from its personalisation to its retirement. 0 if all went well, 1 for a refusal of the card, else the
/// number of the expectation that failed.
#[unsafe(no_mangle)]
pub extern "C" fn zeni_card_check() -> u32 {
    match check() {
        Ok(()) => 0,
        Err(Trouble::Refused) => 1,
        Err(Trouble::Expected(step)) => step,
    }
}

/// Bytes of heap that the applet had in use at once, at most, in a stage of [`zeni_card_check`]; 0 for one that there is not.
#[unsafe(no_mangle)]
pub extern "C" fn zeni_card_ram(stage: u32) -> u32 {
    let most = usize::try_from(stage).ok().and_then(|stage| RAM.get(stage));
    most.map_or(0, |most| told(most.load(Ordering::SeqCst)))
}

/// Bytes of the memory that were in use, at most, in [`zeni_card_check`].
#[unsafe(no_mangle)]
pub extern "C" fn zeni_card_memory() -> u32 {
    told(memory::used())
}

fn told(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The applet of a firmware, blank at first.
static CARD: Slot = Slot(UnsafeCell::new(None));

struct Slot(UnsafeCell<Option<Applet<FixedMemory>>>);

// SAFETY: a card has one thread, and [`zeni_card_process`] asks for it
unsafe impl Sync for Slot {}

/// Carries out a command and copies its reply; tells the length of the reply, 0 if there is no room for it.
///
/// # Safety
/// Both buffers are as long as told, and no two calls overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zeni_card_process(command: *const u8, len: usize, reply: *mut u8, room: usize) -> usize {
    // SAFETY: as the caller promises
    let (slot, command, reply) = unsafe {
        let (command, reply) = (slice::from_raw_parts(command, len), slice::from_raw_parts_mut(reply, room));
        (&mut *CARD.0.get(), command, reply)
    };
    if slot.is_none() {
        *slot = FixedMemory::take().map(|memory| Applet::new(memory, Zeroizing::new([7; 32]), Counter(0)));
    }
    let Some(applet) = slot else { return 0 };
    let told = applet.process(command);
    let len = reply.get_mut(..told.len()).map_or(0, |room| {
        room.copy_from_slice(told);
        told.len()
    });
    // it may hold keys
    applet.fetched();
    len
}

fn check() -> Result<(), Trouble> {
    let [issuer, authority, operator] =
        [&b"issuer"[..], b"authority", b"operator"].map(|seed| SecretKey::from_seed(sha256(&[seed]).0));
    let network = Network(sha256(&[b"network"]));
    let memory = FixedMemory::take().ok_or(Trouble::Expected(2))?;
    let mut card = ApduCard::new(Reader::insert(memory), None);
    let [transport, puk, pin] = [&b"000000"[..], b"31415926", b"2580"].map(Pin::from_digits);
    let (Some(transport), Some(puk), Some(pin)) = (transport, puk, pin) else { return Err(Trouble::Expected(3)) };
    let identity = Identity {
        network,
        issuer: issuer.public(),
        authority: authority.public(),
        operator: operator.public(),
        currency: None,
        keys: KeyPolicy::Leave,
    };
    card.personalise(&identity, &transport, &puk)?;
    card.change_pin(&transport, &pin)?;
    let key = card.generate_key()?;
    expect(4, key.check().is_ok())?;

    let chain = note(network, key, &issuer, &authority, 1).ok_or(Trouble::Expected(5))?;
    let ticket = LoadTicket { note: chain.note.identity(network), nonce: card.open_load(&key)? };
    let loaded = card.load_note(&chain, &Signed::sign(network, ticket, &issuer))?;
    expect(6, loaded.remaining == chain.note.record.face)?;

    let (amount, answer) = (Amount::from_minor(300).ok_or(Trouble::Expected(7))?, sha256(&[b"answer"]));
    let signature = card.endorse(&loaded.node, amount, &answer)?;
    expect(8, card.endorse(&loaded.node, amount, &answer)? == signature)?;
    expect(9, card.endorsed(&loaded.node, &answer)? == Some((amount, signature)))?;
    card.confirm(&answer)?;

    let possession = Possession { content: answer, nonce: [1; 32].into() };
    let signature = card.sign_statement(&key, &Statement::Possession(&possession))?;
    expect(10, Signed { record: possession, signature }.verify(network, &key).is_ok())?;

    receive(&mut card, network, key, &issuer, &authority)?;

    let (rest, _) = card.close(&loaded.node, &ClosingPurpose::Refund(account()))?;
    expect(11, rest.minor() == 700 && card.holdings()?.len() == 1)?;

    begin(Stage::Filter);
    for number in 1..=2 {
        card.take_filter(&Signed::sign(network, filter(number), &operator))?;
    }
    expect(12, !card.names(&key)?)?;
    begin(Stage::Payments);
    let shop = card.generate_key()?;
    let mut leaves = Vec::new();
    for serial in 0..LEAVES {
        let chain = note(network, shop, &issuer, &authority, 100 + serial).ok_or(Trouble::Expected(13))?;
        let ticket = LoadTicket { note: chain.note.identity(network), nonce: card.open_load(&shop)? };
        leaves.push(card.load_note(&chain, &Signed::sign(network, ticket, &issuer))?.node);
    }
    begin(Stage::HandIn);
    let to = account();
    expect(14, card.hand_in(&to, &leaves)?.record.count == u32::from(LEAVES))?;

    begin(Stage::Export);
    let backup = card.export_move()?;
    expect(15, card.life()? == Life::Retired)?;
    begin(Stage::Import);
    let memory = card.into_link().applet.into_memory().wiped();
    let mut card = ApduCard::new(Reader::insert(memory), None);
    card.personalise(&identity, &transport, &puk)?;
    card.change_pin(&transport, &pin)?;
    card.restore(&backup).map_err(|_| Trouble::Expected(16))?;
    expect(17, card.holdings()?.len() == 1 && card.hand_in(&to, &leaves).is_ok())
}

/// A filter as long as any, which names nobody.
fn filter(number: u64) -> RevocationFilter {
    RevocationFilter { bits: alloc::vec![0; FILTER_BYTES_MAX].into(), ..RevocationFilter::of(number, Time(1), &[]) }
}

/// A payment of sixteen endorsements.
fn receive(
    card: &mut ApduCard<Reader>,
    network: Network,
    key: PublicKey,
    issuer: &SecretKey,
    authority: &SecretKey,
) -> Result<(), Trouble> {
    let holder = |place: u8| SecretKey::from_seed(sha256(&[b"holder", &[place]]).0);
    let licence = |key: PublicKey| {
        let licence = Licence { key, until: Time(u64::MAX), keeper: Keeper::Card };
        Right::from(Signed::sign(network, licence, authority))
    };
    let mut paid = note(network, holder(0).public(), issuer, authority, 2).ok_or(Trouble::Expected(20))?;
    let value = paid.note.record.face;
    let mut node = paid.note.identity(network);
    for place in 1..=LINKS {
        let payee = if place == LINKS { key } else { holder(place).public() };
        let challenge = Challenge {
            time: Time(1),
            payee,
            key_salt: [5; 16].into(),
            name: "payee".into(),
            name_salt: [6; 16].into(),
            nonce: [place; 16].into(),
            currency: paid.currency(),
            total: value,
            sign_until: Time(u64::MAX),
            memo: "tea".into(),
            series: Vec::new(),
            epoch: 1,
            key_list: sha256(&[b"list"]),
            right: licence(payee),
            certificate: None,
        };
        if place == LINKS {
            card.sign_challenge(&challenge)?;
        }
        let endorsement = Endorsement { parent: node, amount: value, answer: challenge.answer(network) };
        let signed = Signed::sign(network, endorsement, &holder(place - 1));
        node = signed.identity(network);
        let opening = challenge.opening(network);
        paid.hops.push(Hop { opening, amount: value, signature: signed.signature, payee: challenge.right });
    }
    expect(21, card.load_payment(&paid)?.node == node)
}

/// Endorsements between persons in the longest chain.
const LINKS: u8 = 16;
/// Leaves of the hand-in.
const LEAVES: u8 = 64;

fn expect(step: u32, holds: bool) -> Result<(), Trouble> {
    if holds { Ok(()) } else { Err(Trouble::Expected(step)) }
}

/// A note in the hand of its first holder.
fn note(network: Network, holder: PublicKey, issuer: &SecretKey, authority: &SecretKey, serial: u8) -> Option<Chain> {
    let note = Note {
        serial: [serial; 16].into(),
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
