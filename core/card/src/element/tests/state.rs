//! Statements, secrets, the memory beneath.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use zeni_note::{
    LicenceRequest,
    request::{Possession, RequestClaim},
};

use super::*;
use crate::CardError::{LoadedBefore, UnknownKey};

fn licence_request(key: PublicKey) -> LicenceRequest {
    LicenceRequest { key, person: answer("person"), epoch: 1, key_list: answer("list") }
}

fn claim() -> RequestClaim {
    RequestClaim { request: answer("request"), bank: "aoba".to_string(), account: answer("account"), id: nonce("id") }
}

/// RN-O9: each statement verifies as what it is and as nothing else that a key signs: no endorsement, closing, hand-in
/// or challenge comes out of a statement, whatever its content.
#[test]
fn statements_move_no_money() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let request = licence_request(key);
    // chosen so that the bytes resemble an endorsement as far as they can
    let possession = Possession { content: answer("parent"), nonce: answer("answer").0.into() };
    let claim = claim();
    let signatures = [
        desk.card.sign_statement(&key, &Statement::LicenceRequest(&request)).unwrap(),
        desk.card.sign_statement(&key, &Statement::Possession(&possession)).unwrap(),
        desk.card.sign_statement(&key, &Statement::RequestClaim(&claim)).unwrap(),
    ];
    let truths = signatures.map(|signature| {
        [
            desk.signed_by(&key, &request, &signature),
            desk.signed_by(&key, &possession, &signature),
            desk.signed_by(&key, &claim, &signature),
        ]
    });
    assert_eq!(truths, [[true, false, false], [false, true, false], [false, false, true]]);
    let (parent, answered) = (answer("parent"), answer("answer"));
    let closing = ClosingRecord { parent, amount: amount(1), purpose: answered };
    let endorsement = Endorsement { parent, amount: amount(1), answer: answered };
    let handed_in = HandIn { to: account("d"), count: 1, root: parent };
    let challenge = desk.challenge(key, 1, "c");
    let licence = Licence { key, until: START, keeper: Keeper::Software };
    for signature in &signatures {
        assert!(!desk.signed_by(&key, &endorsement, signature));
        assert!(!desk.signed_by(&key, &closing, signature));
        assert!(!desk.signed_by(&key, &handed_in, signature));
        assert!(!desk.signed_by(&key, &challenge, signature));
        assert!(!desk.signed_by(&key, &licence, signature));
        assert!(!desk.signed_by(&key, &LoadTicket { note: parent, nonce: nonce("n") }, signature));
    }
    assert!(desk.memory.dump().keys().all(|place| [CARD, PINS, KEYS].contains(&place[0])), "nothing was opened");
}

/// The kinds of all records that a holder's key signs differ: this is what keeps statements and money apart.
#[test]
fn kinds_differ() {
    let kinds = [
        LicenceRequest::KIND,
        Possession::KIND,
        RequestClaim::KIND,
        Endorsement::KIND,
        ClosingRecord::KIND,
        zeni_note::closing::BackupRefund::KIND,
        HandIn::KIND,
        Challenge::KIND,
    ];
    for (index, kind) in kinds.iter().enumerate() {
        assert!(!kinds[..index].contains(kind), "{kind} stands twice");
    }
}

/// Keys sign for themselves only.
#[test]
fn whose_statement() {
    let mut desk = Desk::new();
    let (mine, other) = (desk.card.generate_key().unwrap(), key("other").public());
    assert_ne!(mine, desk.card.generate_key().unwrap());
    let request = licence_request(other);
    assert_eq!(desk.card.sign_statement(&mine, &Statement::LicenceRequest(&request)), Err(UnknownKey));
    assert_eq!(desk.card.sign_statement(&other, &Statement::LicenceRequest(&request)), Err(UnknownKey));
    assert_eq!(desk.card.sign_statement(&other, &Statement::RequestClaim(&claim())), Err(UnknownKey));
    desk.card.retire().unwrap();
    let request = licence_request(mine);
    assert_eq!(desk.card.sign_statement(&mine, &Statement::LicenceRequest(&request)), Err(CardError::Retired));
}

/// RN-X14: a request is claimed back only while the note for the key's open slot was not loaded.
#[test]
fn claims() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    assert!(desk.card.sign_statement(&key, &Statement::RequestClaim(&claim())).is_ok());
    let chain = desk.note_to(key, 100, "1");
    desk.card.load_note(&chain, &desk.ticket(&chain, slot)).unwrap();
    assert_eq!(desk.card.sign_statement(&key, &Statement::RequestClaim(&claim())), Err(LoadedBefore));
    desk.card.open_load(&key).unwrap();
    assert!(desk.card.sign_statement(&key, &Statement::RequestClaim(&claim())).is_ok(), "the slot of another request");
}

/// RN-F1.1, RN-P1: no secret key lies in the memory in the clear, nor is one ever shown.
#[test]
fn secrets_stay() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let seed = desk.card.secret(&money.key).unwrap().dangerous_seed();
    let holds = |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    assert!(!desk.memory.dump().values().any(|value| holds(value, &seed[..])));
    let backup = desk.card.export().unwrap();
    assert!(holds(&backup.to_bytes(), &seed[..]), "the search finds it where it is");
    let hex = zeni_crypto::hex(&seed[..]);
    let shown = format!("{:?} {backup:?}", desk.card);
    assert_eq!(shown, format!("Element(…) Backup(Copy of network {:?})", desk.world.network().0));
    assert!(!shown.contains(&hex[..8]) && !shown.contains("4d4d") && !shown.contains("77, 77"));
}

/// Two seals of one key differ: the nonce is fresh. Another master key, a moved or an altered record opens nothing.
#[test]
fn sealed_keys() {
    let mut desk = Desk::new();
    let (one, other) = (desk.card.generate_key().unwrap(), desk.card.generate_key().unwrap());
    let secret = desk.card.secret(&one).unwrap();
    assert_eq!(secret.public(), one);
    let mut entropy = SeededEntropy::from_number(5);
    let seals = [0, 1].map(|_| keys::seal(&MASTER, &secret, Origin::Own, &mut entropy));
    assert_ne!(seals[0].nonce, seals[1].nonce);
    assert_ne!(seals[0].sealed, seals[1].sealed);
    assert_eq!(keys::unseal(&MASTER, &one, &seals[1]).unwrap().public(), one);
    assert!(keys::unseal(&[0; 32], &one, &seals[0]).is_err());
    assert!(keys::unseal(&MASTER, &other, &seals[0]).is_err());
    let mut altered = seals[0].clone();
    altered.sealed[3] ^= 1;
    assert!(keys::unseal(&MASTER, &one, &altered).is_err());
    // whoever has the master key still cannot pass one key's seed off as another's
    let seed = secret.dangerous_seed();
    let passed_off = ChaCha20Poly1305::new(&MASTER.into())
        .encrypt(&[0; 12].into(), Payload { msg: &seed[..], aad: &other.0 })
        .unwrap();
    let sealed = <[u8; 48]>::try_from(passed_off).unwrap().into();
    let passed_off = KeyRecord { nonce: [0; 12].into(), sealed, origin: Origin::Own };
    assert!(keys::unseal(&MASTER, &other, &passed_off).is_err());
    let request = licence_request(one);
    desk.card.master = Zeroizing::new([1; 32]);
    let refused = desk.card.sign_statement(&one, &Statement::LicenceRequest(&request));
    let reason = "a key cannot be decrypted: another master key, or altered".to_string();
    assert_eq!(refused, Err(CardError::Memory(reason)));
}

/// A blank memory, another network's card, damaged records and records of another version are told apart.
#[test]
fn memory() {
    let world = World::new("w");
    let memory = TestMemory::new();
    let mut card = insert(&world, &memory, 1);
    let message = |text: &str| CardError::Memory(text.to_string());
    assert_eq!(card.life(), Ok(Life::Manufactured));
    assert_eq!(card.generate_key(), Err(CardError::Life { life: Life::Manufactured }));
    assert!(card.holdings().is_err() && card.holding(&answer("x")).is_err() && card.time_floor().is_err());
    assert!(card.endorsed(&answer("x"), &answer("y")).is_err());
    card.make_ready(world.roots).unwrap();
    let first = memory.dump();
    let key = card.generate_key().unwrap();
    assert_eq!(memory.dump().len(), first.len() + 1);
    let version = |map: &mut BTreeMap<Vec<u8>, Vec<u8>>| map.get_mut(&vec![CARD]).unwrap()[1] = 2;
    memory.tamper(version);
    assert_eq!(card.life(), Err(message("a record of table 'i' is of another version")));
    memory.tamper(|map| map.get_mut(&vec![CARD]).unwrap().push(0));
    assert_eq!(card.life(), Err(message("a record of table 'i' is damaged")));
    memory.tamper(|map| *map = first);
    memory.tamper(|map| drop(map.insert(record::place(LEFT, &[&[1; 31]]), Vec::new())));
    assert_eq!(card.holdings(), Err(message("its index of holdings is damaged")));
    memory.tamper(|map| drop(map.remove(&record::place(LEFT, &[&[1; 31]]))));
    memory.tamper(|map| drop(map.insert(record::place(LEFT, &[&[1; 32]]), Vec::new())));
    assert_eq!(card.holdings(), Err(message("its index of holdings is damaged")));
    assert_eq!(insert(&world, &memory, 1).sign_challenge(&Desk::new().challenge(key, 1, "c")), Err(UnknownKey));
    let dump = memory.dump();
    assert_eq!(card.into_memory().dump(), dump);
}

/// RN-V15: A boxed memory is the memory in the box.
#[test]
fn boxed_memory() {
    let desk = Desk::new();
    let memory: Box<dyn Memory> = Box::new(desk.memory.clone());
    let entropy = SeededEntropy::from_number(3);
    let mut boxed = Element::new(memory, Zeroizing::new(MASTER), entropy);
    let key = boxed.generate_key().unwrap();
    let chain = desk.note_to(key, 100, "1");
    let ticket = desk.ticket(&chain, boxed.open_load(&key).unwrap());
    boxed.load_note(&chain, &ticket).unwrap();
    assert_eq!(boxed.holdings().unwrap()[0].remaining, amount(100));
    assert_eq!(books(&desk.memory).len(), 1);
}
