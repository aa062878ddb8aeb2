use alloc::{collections::VecDeque, string::ToString, sync::Arc, vec, vec::Vec};
use std::sync::Mutex;

use zeni_crypto::{SeededEntropy, sha256};
use zeni_note::testing::{World, amount};
use zeroize::Zeroizing;

use super::{
    backup::{EXPORT_MAX, ExportBounds},
    *,
};
use crate::{
    Applet, BackupKind, Card, PIN_TRIES, PUK_TRIES, RestoreFault,
    apdu::SHORT_COMMAND_MAX,
    element::{
        backup::BACKUP_BYTES_MAX,
        testing::{TestCard, TestMemory, card, identity, pin, puk, transport_pin},
    },
};

type Reply = Result<Vec<u8>, LinkFault>;

/// A link that tells what it was given beforehand, and keeps what was sent.
#[derive(Clone, Default)]
struct Told {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Told {
    fn then(self, reply: &[u8]) -> Told {
        self.replies.lock().unwrap().push_back(Ok(reply.to_vec()));
        self
    }

    fn fault(self) -> Told {
        self.replies.lock().unwrap().push_back(Err(LinkFault { reason: "unplugged".to_string() }));
        self
    }

    /// SELECT of an operational card that takes so many bytes, its PIN shown.
    fn ready(self, taken: u32) -> Told {
        let taken = taken.to_be_bytes();
        self.then(&[&[1, 7, 1][..], &taken, &[3, 10, 0x90, 0]].concat()).then(&[0x90, 0])
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.lock().unwrap().clone()
    }
}

impl Transmit for Told {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        self.sent.lock().unwrap().push(command.to_vec());
        self.replies.lock().unwrap().pop_front().expect("the driver asks more than it should")
    }
}

fn over(link: &Told) -> ApduCard<Told> {
    ApduCard::new(link.clone(), Some(pin()))
}

/// A card in this process that anybody can reset.
#[derive(Clone)]
struct Shared(Arc<Mutex<Applet<TestMemory>>>, Arc<Mutex<usize>>);

impl Shared {
    fn ready() -> Shared {
        let memory = TestMemory::new();
        let entropy = || SeededEntropy::from_number(1);
        drop(card(&memory, World::new("w").roots, entropy()).unwrap());
        let applet = Applet::new(memory, Zeroizing::new([0x4d; 32]), entropy());
        Shared(Arc::new(Mutex::new(applet)), Arc::default())
    }

    fn exchanges(&self) -> usize {
        core::mem::take(&mut *self.1.lock().unwrap())
    }
}

impl Transmit for Shared {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        *self.1.lock().unwrap() += 1;
        Ok(self.0.lock().unwrap().process(command).to_vec())
    }

    fn command_bytes_max(&self) -> usize {
        SHORT_COMMAND_MAX
    }
}

/// SELECT and VERIFY once for a session; whoever resets the card in between is noticed, and the command is repeated.
#[test]
fn a_session() {
    let shared = Shared::ready();
    let mut card = ApduCard::new(shared.clone(), Some(pin()));
    let key = card.generate_key().unwrap();
    assert_eq!(shared.exchanges(), 3, "SELECT, VERIFY, GENERATE KEY");
    card.open_load(&key).unwrap();
    assert_eq!(shared.exchanges(), 1);
    shared.0.lock().unwrap().reset();
    assert_eq!(card.open_load(&key).map(drop), Ok(()));
    assert!(shared.exchanges() <= 5, "the command, its reason, SELECT, VERIFY, the command");
    // selected by somebody else, its PIN not shown
    let mut other = ApduCard::new(shared.clone(), None);
    assert_eq!(other.life(), Ok(Life::Operational));
    shared.exchanges();
    assert_eq!(card.holdings(), Ok(vec![]));
    assert_eq!(other.holdings(), Ok(vec![]), "the PIN that one host shows opens the card to whoever has the reader");
    shared.0.lock().unwrap().reset();
    assert_eq!(other.holdings(), Err(CardError::PinMissing));
    shared.0.lock().unwrap().reset();
    assert_eq!(other.life(), Ok(Life::Operational));
}

/// A wrong PIN is sent once, whatever is asked of the card afterwards.
#[test]
fn a_wrong_pin_wastes_one_try() {
    let shared = Shared::ready();
    let mut card = ApduCard::new(shared.clone(), Pin::from_digits(b"0000"));
    assert_eq!(card.holdings(), Err(CardError::Pin { tries: PIN_TRIES - 1 }));
    for _ in 0..5 {
        assert_eq!(card.holdings(), Err(CardError::PinMissing));
    }
    assert_eq!(card.information().unwrap().pin_tries, PIN_TRIES - 1);
    assert_eq!(card.verify(&pin()), Ok(()));
    assert_eq!(card.holdings(), Ok(vec![]));
    assert_eq!(card.information().unwrap().pin_tries, PIN_TRIES);
}

/// docs/card.md: how many PUKs were wrong tells no stranger one card from another; its owner and who needs the PUK are told.
#[test]
fn the_tries_of_the_puk_are_the_owners() {
    let shared = Shared::ready();
    let mut stranger = ApduCard::new(shared.clone(), None);
    let fresh = stranger.information().unwrap();
    let wrong = Pin::from_digits(b"99999999").unwrap();
    assert_eq!(stranger.unblock(&wrong, &pin()), Err(CardError::Pin { tries: PUK_TRIES - 1 }));
    assert_eq!((stranger.information(), fresh.puk_tries), (Ok(fresh), None));
    let mut owner = ApduCard::new(shared.clone(), Some(pin()));
    owner.verify(&pin()).unwrap();
    assert_eq!(owner.information().unwrap().puk_tries, Some(PUK_TRIES - 1), "control");
    shared.0.lock().unwrap().reset();
    let mut stranger = ApduCard::new(shared.clone(), None);
    for _ in 0..PIN_TRIES {
        assert!(stranger.verify(&Pin::from_digits(b"0000").unwrap()).is_err());
    }
    assert_eq!(stranger.information().unwrap().puk_tries, Some(PUK_TRIES - 1), "locked");
}

/// What a card does for anyone needs no PIN, in every state of its life.
#[test]
fn without_a_pin() {
    let memory = TestMemory::new();
    let applet = || Applet::new(memory.clone(), Zeroizing::new([1; 32]), SeededEntropy::from_number(1));
    let mut card = ApduCard::new(InProcess(applet()), None);
    assert_eq!(card.life(), Ok(Life::Manufactured));
    let identity = identity(World::new("w").roots);
    let number = card.personalise(&identity, &transport_pin(), &puk()).unwrap();
    assert_eq!(card.personalise(&identity, &transport_pin(), &puk()), Ok(number));
    assert_eq!(card.generate_key(), Err(CardError::Life { life: Life::Personalised }));
    card.change_pin(&transport_pin(), &pin()).unwrap();
    assert!(card.generate_key().is_ok(), "the PIN just chosen is the one that is shown");
    assert_eq!(card.identity(), Ok((identity, number)));
    let mut stranger = ApduCard::new(InProcess(applet()), None);
    assert_eq!(stranger.generate_key(), Err(CardError::PinMissing));
    for tries in [2, 1] {
        assert_eq!(stranger.verify(&puk()), Err(CardError::Pin { tries }));
    }
    assert_eq!(stranger.verify(&puk()), Err(CardError::Locked));
    assert_eq!((stranger.life(), card.life()), (Ok(Life::Locked), Ok(Life::Locked)));
    assert_eq!(card.generate_key(), Err(CardError::Locked));
    assert_eq!(stranger.unblock(&puk(), &transport_pin()), Ok(()));
    assert!(stranger.generate_key().is_ok());
}

/// After a fault of the link the next command begins a session anew; a reply without a word is a fault.
#[test]
fn faults() {
    let key = [7; 32];
    let reply = [&key[..], &[0x90, 0]].concat();
    let link = Told::default().ready(9_000).fault().ready(9_000).then(&reply).then(&[0x90]).ready(9_000).then(&reply);
    let mut card = over(&link);
    assert_eq!(card.generate_key(), Err(CardError::Link("unplugged".to_string())));
    assert_eq!(card.generate_key().unwrap().0, key);
    assert_eq!(card.generate_key(), Err(CardError::Link("a reply without a status word".to_string())));
    assert_eq!(card.generate_key().unwrap().0, key);
    assert_eq!(link.sent().len(), 10);
}

/// Whatever a card answers, the driver neither panics nor takes it for something else, nor asks for ever.
#[test]
fn strange_cards() {
    let strange = |word| Err(CardError::Strange { word });
    let ask = |replies: &[&[u8]]| {
        let link = replies.iter().fold(Told::default().ready(9_000), |link, reply| link.then(reply));
        over(&link).generate_key().map(|key| key.0)
    };
    assert_eq!(ask(&[&[0x90, 0]]), strange(0x9000), "no key");
    assert_eq!(ask(&[&[&[7; 33][..], &[0x90, 0]].concat()]), strange(0x9000), "more than a key");
    assert_eq!(ask(&[&[0x12, 0x34]]), strange(0x1234), "no word of ISO 7816-4");
    assert_eq!(ask(&[&[0x61, 0x10], &[0x61, 0x10]]), strange(0x6110), "a rest that never comes");
    assert_eq!(ask(&[&[0x69, 0x88]]), strange(0x6988));
    assert_eq!(ask(&[&[0x6a, 0x80], &[0x6d, 0]]), strange(0x6a80), "a reason that it does not tell");
    assert_eq!(ask(&[&[0x6a, 0x80], &[1, 2, 3, 0x90, 0]]), strange(0x6a80), "or not as it should");
    let endless = Told::default().ready(9_000);
    let part: Vec<u8> = [&[7; 256][..], &[0x61, 0]].concat();
    let endless = (0..40).fold(endless, |link, _| link.then(&part));
    assert_eq!(over(&endless).generate_key(), Err(CardError::Strange { word: 0x6100 }), "a reply without end");
    let long = [&[7; REPLY_BYTES_MAX + 1][..], &[0x90, 0]].concat();
    assert_eq!(ask(&[&long]), strange(0x9000), "longer than any reply");
    for information in [&[][..], &[1, 2, 1, 0, 0, 0, 9, 3, 10], &[1, 7, 1, 0, 0, 0, 9, 3], &[0; 40]] {
        let link = Told::default().then(&[information, &[0x90, 0]].concat());
        assert_eq!(over(&link).life(), Err(CardError::Strange { word: 0x9000 }));
    }
    assert_eq!(over(&Told::default().then(&[0x6a, 0x82])).life(), Err(CardError::Strange { word: 0x6a82 }));
}

/// A part of an export of a copy without keys, of another card or version where these are not 0 and 1, with a record so long.
fn part(after: &[u8], network: u8, version: u16, record: usize) -> Vec<u8> {
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(2).unwrap().array(6).unwrap().u16(version).unwrap().u8(0).unwrap();
    e.bytes(&[network; 32]).unwrap().u64(0).unwrap().array(0).unwrap();
    e.array(1).unwrap().array(2).unwrap().bytes(b"ka").unwrap().bytes(&vec![0; record]).unwrap();
    e.bytes(after).unwrap();
    [&e.into_writer()[..], &[0x90, 0]].concat()
}

/// Whether an export of these parts is one, and how often the card was asked.
fn exported(parts: &[Vec<u8>], most: &ExportBounds) -> (Result<usize, CardError>, usize) {
    let link = parts.iter().fold(Told::default().ready(9_000), |link, part| link.then(part));
    let exported = over(&link).exported(BackupKind::Copy, most).map(|backup| backup.to_bytes().len());
    (exported, link.sent().len() - 2)
}

/// What a card says that the driver cannot use.
const STRANGE: Result<usize, CardError> = Err(CardError::Strange { word: 0x9000 });

/// EXPORT of a card that goes round in circles: places that alternate, go back, or stand in no table.
#[test]
fn exports_in_circles() {
    let asked = |places: &[&[u8]]| {
        let parts: Vec<_> = places.iter().map(|place| part(place, 0, 1, 5)).collect();
        exported(&parts, &EXPORT_MAX)
    };
    assert_eq!(asked(&[b"kb", b"ka"]), (STRANGE, 2), "two places in turn");
    assert_eq!(asked(&[b"ka", b"kb", b"kc", b"ka"]), (STRANGE, 4), "three");
    assert_eq!(asked(&[b"ka", b"ka"]), (STRANGE, 2), "the same");
    assert_eq!(asked(&[b"na", b"ka"]), (STRANGE, 2), "a table that was told");
    assert_eq!(asked(&[b"za"]), (STRANGE, 1), "no table of an export");
    let (told, times) = asked(&[b"ka", b"kb", b"qa", b"na", b""]);
    assert!(told.is_ok() && times == 5, "control: in the order of tables and places: {told:?}");
}

/// EXPORT of a card that goes on and on, each place after the one before: parts without end are bounded in number and in all.
#[test]
fn exports_without_end() {
    let endless = |number: u8| part(&[b'k', number], 0, 1, 100);
    let parts: Vec<_> = (1..=20).map(endless).chain([part(b"", 0, 1, 100)]).collect();
    let in_all = parts.iter().map(|part| part.len() - 2).sum::<usize>();
    let bounds = |parts, bytes| ExportBounds { parts, bytes };
    assert_eq!(exported(&parts, &bounds(7, usize::MAX)), (STRANGE, 8), "parts");
    let (told, times) = exported(&parts, &bounds(usize::MAX, 1_000));
    assert_eq!((told, times), (STRANGE, 1_000 / (parts[0].len() - 2) + 1), "bytes");
    assert_eq!(exported(&parts, &bounds(parts.len(), in_all - 1)), (STRANGE, 21), "the last part counts as well");
    let (told, times) = exported(&parts, &bounds(parts.len(), in_all));
    assert!(told.is_ok() && times == 21, "control: {told:?}");
    // the longest backup comes through
    const { assert!(EXPORT_MAX.parts * REPLY_BYTES_MAX >= BACKUP_BYTES_MAX) };
}

/// Parts that are longer than a reply can be, cut, of another card, of another version, or followed by something.
#[test]
fn exports_that_are_none() {
    let last = |network, version, record| part(b"", network, version, record);
    let (told, _) = exported(&[part(b"ka", 0, 1, 5), last(0, 1, REPLY_BYTES_MAX - 200)], &EXPORT_MAX);
    assert!(told.is_ok(), "control: {told:?}");
    assert_eq!(exported(&[last(0, 1, 2 * REPLY_BYTES_MAX)], &EXPORT_MAX).0, STRANGE, "too long");
    assert_eq!(exported(&[part(b"ka", 0, 1, 5), last(9, 1, 5)], &EXPORT_MAX).0, STRANGE, "of another network");
    assert_eq!(exported(&[last(0, 2, 5)], &EXPORT_MAX).0, STRANGE, "of a later program");
    let mut cut = last(0, 1, 5);
    cut.remove(20);
    assert_eq!(exported(&[cut], &EXPORT_MAX).0, STRANGE, "cut");
    let mut more = last(0, 1, 5);
    more.insert(more.len() - 2, 0);
    assert_eq!(exported(&[more], &EXPORT_MAX).0, STRANGE, "followed by something");
}

/// A PIN that was not checked is not said to be right.
#[test]
fn a_pin_that_no_card_checked() {
    let applet = Applet::new(TestMemory::new(), Zeroizing::new([1; 32]), SeededEntropy::from_number(1));
    let mut card = ApduCard::new(InProcess(applet), None);
    assert_eq!(card.verify(&pin()), Err(CardError::Life { life: Life::Manufactured }));
    card.personalise(&identity(World::new("w").roots), &transport_pin(), &puk()).unwrap();
    assert_eq!(card.verify(&pin()), Err(CardError::Life { life: Life::Personalised }));
    card.change_pin(&transport_pin(), &pin()).unwrap();
    assert_eq!(card.verify(&pin()), Ok(()), "control");
}

/// Another application on the card: the applet is selected again, once.
#[test]
fn another_application() {
    let key = [&[7; 32][..], &[0x90, 0]].concat();
    let link = Told::default().ready(9_000).then(&[0x6d, 0]).ready(9_000).then(&key);
    assert!(over(&link).generate_key().is_ok());
    let link = Told::default().ready(9_000).then(&[0x6d, 0]).ready(9_000).then(&[0x6d, 0]);
    assert_eq!(over(&link).generate_key(), Err(CardError::Strange { word: 0x6d00 }), "a card without the instruction");
}

/// A command is cut to what link and card take, in parts of the same header; a hand-in that the card cannot take says how
/// many leaves it could.
#[test]
fn parts() {
    let to = World::new("w").account("aoba", "A-1", "d");
    let leaves: Vec<_> = (0..100u8).map(|leaf| sha256(&[&[leaf]])).collect();
    let link = Told::default().ready(1_000);
    let refused = over(&link).hand_in(&to, &leaves);
    let Err(CardError::HandIn { max }) = refused else { panic!("{refused:?}") };
    assert!((20..30).contains(&max), "{max}");
    assert_eq!(link.sent().len(), 1, "nothing but SELECT");
    let link = Told::default().ready(1_000).then(&[0x6a, 0x80]).then(&[0x90, 0]);
    assert!(over(&link).hand_in(&to, &leaves[..max]).is_err());
    assert!(link.sent().iter().all(|command| command.len() <= 1_000 + EXTENDED_FRAMING));
    let shared = Shared::ready();
    let mut short = ApduCard::new(shared.clone(), Some(pin()));
    let long = short.hand_in(&to, &leaves);
    assert_eq!(long, Err(CardError::UnknownHolding), "read whole through parts of 255 bytes");
    assert!(shared.exchanges() > 13);
}

/// Holdings come in parts in order; a card that goes round in circles is not asked for ever.
#[test]
fn many_holdings() {
    let (world, memory) = (World::new("w"), TestMemory::new());
    let mut card: TestCard = card(&memory, world.roots, SeededEntropy::from_number(1)).unwrap();
    for serial in 0..40 {
        let key = card.generate_key().unwrap();
        let chain = crate::element::testing::money::note_to(&world, key, 5, &alloc::format!("{serial}"));
        let slot = card.open_load(&key).unwrap();
        card.load_note(&chain, &crate::element::testing::money::ticket(&world, &chain, slot)).unwrap();
    }
    let holdings = card.holdings().unwrap();
    assert_eq!(holdings.len(), 40);
    assert!(holdings.iter().all(|holding| holding.remaining == amount(5)));
    let same = [&encode(&vec![holdings[0]])[..], &[0x90, 0]].concat();
    let two =
        |first: usize, second: usize| [&encode(&vec![holdings[first], holdings[second]])[..], &[0x90, 0]].concat();
    // round in circles of one, two and three parts, and back within a part
    for parts in [
        vec![same.clone(), same],
        vec![two(0, 1), two(2, 3), two(0, 1)],
        vec![two(0, 1), two(2, 3), two(4, 5), two(0, 1)],
        vec![two(1, 0)],
        vec![two(0, 2), two(1, 3)],
    ] {
        let link = parts.iter().fold(Told::default().ready(9_000), |link, part| link.then(part));
        assert_eq!(over(&link).holdings(), Err(CardError::Strange { word: 0x9000 }));
    }
}

/// A backup goes through the commands of any card, whole: what one tells, another takes over, through short commands as well.
#[test]
fn backups() {
    let (world, memory) = (World::new("w"), TestMemory::new());
    let mut old: TestCard = card(&memory, world.roots, SeededEntropy::from_number(1)).unwrap();
    let keys: Vec<_> = (0..150).map(|_| old.generate_key().unwrap()).collect();
    let copy = old.export().unwrap();
    let element = crate::Element::new(memory.clone(), Zeroizing::new([0x4d; 32]), SeededEntropy::from_number(9));
    let mut inside = element;
    assert_eq!(inside.export().unwrap().to_bytes(), copy.to_bytes(), "the parts are the whole");
    assert!(copy.parts(500).len() > 10 && copy.parts(usize::MAX).len() == 1);
    let moved = old.export_move().unwrap();
    assert_eq!(old.export_move().unwrap().to_bytes(), moved.to_bytes());
    let shared = Shared::ready();
    let mut new = ApduCard::new(shared, Some(pin()));
    new.restore(&moved).unwrap();
    new.restore(&moved).unwrap();
    assert_eq!(new.restore(&copy), Err(RestoreFault::NotEmpty));
    let possession = zeni_note::request::Possession { content: sha256(&[b"c"]), nonce: [1; 32].into() };
    for key in &keys {
        assert!(new.sign_statement(key, &crate::Statement::Possession(&possession)).is_ok());
    }
    let mut elsewhere: TestCard =
        card(&TestMemory::new(), World::new("x").roots, SeededEntropy::from_number(2)).unwrap();
    assert_eq!(elsewhere.restore(&moved), Err(RestoreFault::OtherNetwork));
}
