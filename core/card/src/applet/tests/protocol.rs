//! Lengths, chains of commands, long replies, wild headers.

use alloc::{vec, vec::Vec};

use proptest::prelude::*;
use zeni_crypto::{Entropy, SeededEntropy, sha256};
use zeni_note::testing::World;
use zeroize::Zeroizing;

use super::super::*;
use crate::{
    apdu::{AID, EXTENDED_FRAMING},
    element::testing::{TestMemory, pin},
};

/// An operational card with its PIN shown.
fn ready() -> Applet<TestMemory> {
    let mut applet = Applet::new(TestMemory::new(), Zeroizing::new([1; 32]), SeededEntropy::from_number(1));
    applet.element.make_ready(World::new("w").roots).unwrap();
    assert_eq!(send(&mut applet, &[&[0, 0xa4, 4, 0, 7], &AID[..], &[0]].concat()).1, 0x9000);
    assert_eq!(send(&mut applet, &[&[0, 0x20, 0, 1, 4], pin().digits()].concat()).1, 0x9000);
    applet
}

/// Data and word of the reply.
fn send(applet: &mut Applet<TestMemory>, command: &[u8]) -> (Vec<u8>, u16) {
    let (data, word) = applet.process(command).split_last_chunk().unwrap();
    (data.to_vec(), u16::from_be_bytes(*word))
}

fn extended(header: [u8; 4], data: &[u8], le: Option<u16>) -> Vec<u8> {
    let mut command = header.to_vec();
    command.push(0);
    if !data.is_empty() {
        command.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        command.extend_from_slice(data);
    }
    command.extend_from_slice(&le.map_or(Vec::new(), |le| le.to_be_bytes().to_vec()));
    command
}

const KEY: [u8; 4] = [0x80, 0x12, 0, 0];

/// A reply longer than Le waits for GET RESPONSE, in parts of any length, and whatever comes in between forgets it.
#[test]
fn long_replies() {
    let mut applet = ready();
    let (whole, word) = send(&mut applet, &[0x80, 0x12, 0, 0, 0]);
    assert_eq!((whole.len(), word), (32, 0x9000));
    // no Le at all: everything waits
    assert_eq!(send(&mut applet, &KEY), (vec![], 0x6120));
    let mut fetched = Vec::new();
    for (le, word) in [(10, 0x6116), (21, 0x6101), (40, 0x9000)] {
        let (part, told) = send(&mut applet, &[0, 0xc0, 0, 0, le]);
        assert_eq!(told, word);
        fetched.extend(part);
    }
    assert_eq!(fetched.len(), 32);
    let last = zeni_crypto::PublicKey::from_slice(&fetched).unwrap();
    assert!(last.check().is_ok(), "the parts are the key");
    assert_eq!(send(&mut applet, &[0, 0xc0, 0, 0, 0]), (vec![], 0x6985), "nothing is left");
    for between in [&[0x80, 0x2a, 0, 0, 0][..], &[0x80, 0xfe, 0, 0], &[0, 0xc0, 0, 1, 0], &[0, 0xc0, 0, 0], &[0x80]] {
        assert_eq!(send(&mut applet, &KEY).1, 0x6120);
        send(&mut applet, between);
        assert_eq!(send(&mut applet, &[0, 0xc0, 0, 0, 0]).1, 0x6985, "{between:02x?}");
    }
    assert_eq!(send(&mut applet, &KEY).1, 0x6120);
    applet.reset();
    assert_eq!(send(&mut applet, &[0, 0xc0, 0, 0, 0]).1, 0x6985);
}

/// A reply of more than 256 bytes waits with 6100.
#[test]
fn replies_of_many_parts() {
    let mut applet = ready();
    for _ in 0..24 {
        send(&mut applet, &KEY);
    }
    let (mut told, mut word) = send(&mut applet, &[0x80, 0x30, 2, 0, 0]);
    assert_eq!((told.len(), word), (256, 0x6100));
    while word != 0x9000 {
        let (part, next) = send(&mut applet, &[0, 0xc0, 0, 0, 0]);
        told.extend(part);
        word = next;
    }
    let (whole, word) = send(&mut applet, &extended([0x80, 0x30, 2, 0], &[], Some(0)));
    assert_eq!(word, 0x9000);
    assert_eq!(told, whole);
}

/// A command in parts is the command: whatever the parts, the reply is that of the whole.
#[test]
fn chained_commands() {
    let leaves: Vec<_> = (0..40u8).map(|leaf| sha256(&[&[leaf]])).collect();
    let data = zeni_message::encode(&(&World::new("w").account("aoba", "A-1", "d"), &leaves));
    let mut applet = ready();
    let whole = send(&mut applet, &extended([0x80, 0x28, 0, 0], &data, Some(0)));
    assert_eq!(whole.1, 0x6a88, "read, and the card holds no such money");
    for size in [1, 7, 255] {
        let parts: Vec<&[u8]> = data.chunks(size).collect();
        for (place, part) in parts.iter().enumerate() {
            let last = place + 1 == parts.len();
            let class = if last { 0x80 } else { 0x90 };
            let len = u8::try_from(part.len()).unwrap();
            let reply = send(&mut applet, &[&[class, 0x28, 0, 0, len], *part].concat());
            assert_eq!(reply, if last { whole.clone() } else { (vec![], 0x9000) }, "part {place} of {size} bytes");
        }
    }
}

/// A chain is broken off, and forgotten, by any other command, by a refused one too.
#[test]
fn broken_chains() {
    let node = [7u8; 32];
    // SIGN ENDORSEMENT of 72 bytes in two halves
    let first = [&[0x90, 0x22, 0, 0, 36][..], &node, &[0; 4]].concat();
    let last = [&[0x80, 0x22, 0, 0, 36][..], &[0, 0, 0, 5], &node].concat();
    let mut applet = ready();
    assert_eq!(send(&mut applet, &first).1, 0x9000);
    assert_eq!(send(&mut applet, &last).1, 0x6a88, "whole: the card holds no such money");
    let others: [&[u8]; 7] = [
        &[0x80, 0x2a, 0, 0, 0],
        &[0x80, 0x22, 0, 1, 1, 7],
        &[0x90, 0x22, 1, 0, 1, 7],
        &[0x90, 0x24, 0, 0, 1, 7],
        &[0x80, 0xfe, 0, 0],
        &[0, 0xc0, 0, 0, 0],
        &[0x80, 0x22, 0],
    ];
    for between in others {
        assert_eq!(send(&mut applet, &first).1, 0x9000);
        send(&mut applet, between);
        assert_eq!(send(&mut applet, &last).1, 0x6700, "alone it is too short: {between:02x?}");
    }
    assert_eq!(send(&mut applet, &first).1, 0x9000);
    applet.reset();
    assert_eq!(send(&mut applet, &last).1, 0x6985);
    let mut applet = ready();
    assert_eq!(send(&mut applet, &[0x10, 0xa4, 4, 0, 1, 7]).1, 0x6884, "commands of ISO 7816-4 are short");
    assert_eq!(send(&mut applet, &[0x10, 0xc0, 0, 0]).1, 0x6884);
}

/// What is longer than the buffer is refused whole, and nothing of it stays.
#[test]
fn oversized() {
    let mut applet = ready();
    let full = vec![0u8; COMMAND_BYTES_MAX];
    assert_eq!(send(&mut applet, &extended([0x80, 0x28, 0, 0], &full, None)).1, 0x6a80, "read, and no hand-in");
    let over = vec![0u8; COMMAND_BYTES_MAX + 1];
    assert_eq!(send(&mut applet, &extended([0x80, 0x28, 0, 0], &over, None)).1, 0x6700);
    assert_eq!(send(&mut applet, &extended([0x90, 0x28, 0, 0], &full, None)).1, 0x9000);
    assert_eq!(send(&mut applet, &[0x90, 0x28, 0, 0, 1, 7]).1, 0x6700, "one byte more");
    assert_eq!(send(&mut applet, &[0x80, 0x28, 0, 0, 1, 7]).1, 0x6a80, "the chain is forgotten");
    let room = applet.session.assembled.bytes().len();
    assert_eq!(room, 0);
    for command in [vec![0x80; 70_000], extended([0x80, 0x28, 0, 0], &[0; 65_535], Some(9))] {
        assert_eq!(send(&mut applet, &command).1, 0x6700);
    }
}

/// P1 and P2 that mean nothing are refused before anything else is looked at, whatever the instruction.
#[test]
fn wild_parameters() {
    let known = |instruction: Instruction, p1: u8, p2: u8| match instruction {
        Instruction::Select => p1 == 4 && (p2 == 0 || p2 == 0x0c),
        Instruction::Verify | Instruction::ChangePin | Instruction::Unblock => (p1, p2) == (0, 1),
        Instruction::GetPublicKey => true,
        Instruction::SignStatement => p1 <= 3 && p2 == 0,
        Instruction::OpenLoad | Instruction::Contact => p1 <= 1 && p2 == 0,
        Instruction::Import => p1 <= 1 && p2 == 0 || (p1, p2) == (0, 1),
        Instruction::Load => p1 <= 4 && p2 == 0 || (p1, p2) == (0, 1),
        Instruction::GetStatus => p1 <= 12 && p2 == 0,
        Instruction::SetLimits | Instruction::Export => p1 <= 2 && p2 == 0,
        _ => (p1, p2) == (0, 0),
    };
    let mut applet = ready();
    for instruction in Instruction::ALL {
        let (class, code) = instruction.codes();
        let class = if class == Class::Zeni { 0x80 } else { 0 };
        for p1 in 0..=u8::MAX {
            for p2 in [0, 1, 2, 4, 0x0c, 0x80, 0xff] {
                // a byte that no instruction reads
                let word = send(&mut applet, &[class, code, p1, p2, 1, 0xff]).1;
                assert_eq!(
                    word == 0x6a86,
                    !known(*instruction, p1, p2),
                    "{instruction:?} {p1:02x} {p2:02x}: {word:04x}"
                );
                if *instruction == Instruction::Select {
                    applet = ready();
                }
            }
        }
    }
}

/// Data of every length but the right one: 6700 or 6A80, and never a panic.
#[test]
fn wrong_lengths() {
    let mut applet = ready();
    let lengths = [
        (Instruction::GenerateKey, 0, &[0][..]),
        (Instruction::OpenLoad, 0, &[32]),
        (Instruction::OpenLoad, 1, &[0]),
        (Instruction::AdoptKey, 0, &[48]),
        (Instruction::Load, 3, &[0]),
        (Instruction::Load, 4, &[0]),
        (Instruction::SignEndorsement, 0, &[72]),
        (Instruction::Confirm, 0, &[32]),
        (Instruction::GetStatus, 0, &[0]),
        (Instruction::GetStatus, 3, &[32]),
        (Instruction::GetStatus, 4, &[0, 32]),
        (Instruction::GetStatus, 5, &[64]),
        (Instruction::GetStatus, 10, &[3]),
        (Instruction::GetStatus, 11, &[32]),
        (Instruction::Contact, 0, &[0]),
        (Instruction::Import, 1, &[32]),
    ];
    for (instruction, p1, right) in lengths {
        let (_, code) = instruction.codes();
        for len in 0..=100usize {
            let word = send(&mut applet, &extended([0x80, code, p1, 0], &vec![0x41; len], Some(0))).1;
            assert_eq!(word == 0x6700, !right.contains(&len), "{instruction:?} {p1} of {len} bytes: {word:04x}");
        }
    }
    let records =
        [(Instruction::SignChallenge, 0), (Instruction::HandIn, 0), (Instruction::Load, 0), (Instruction::Load, 1)];
    for (instruction, p1) in records {
        let (_, code) = instruction.codes();
        for len in 0..=100usize {
            let word = send(&mut applet, &extended([0x80, code, p1, 0], &vec![0x41; len], Some(0))).1;
            assert_eq!(word, 0x6a80, "{instruction:?} {p1} of {len} bytes");
        }
    }
}

/// Each instruction has one class, and there are no others.
#[test]
fn unknown_instructions() {
    let mut applet = ready();
    for code in 0..=u8::MAX {
        for (byte, class) in [(0x00, Class::Interindustry), (0x80, Class::Zeni)] {
            let word = send(&mut applet, &[byte, code, 0xfe, 0xfe, 1, 0]).1;
            assert_eq!(word == 0x6d00, Instruction::find(class, code).is_err(), "{byte:02x} {code:02x}");
        }
    }
    for class in [0x20, 0xa0, 0xc0, 0xff] {
        assert_eq!(send(&mut applet, &[class, 0x12, 0, 0]).1, 0x6e00, "{class:02x}");
    }
    for class in [0x01, 0x83, 0x40, 0x7f] {
        assert_eq!(send(&mut applet, &[class, 0x12, 0, 0]).1, 0x6881, "{class:02x}");
    }
    for class in [0x04, 0x0c, 0x88] {
        assert_eq!(send(&mut applet, &[class, 0x12, 0, 0]).1, 0x6882, "{class:02x}");
    }
}

/// A memory that fails is told as 6581, and the session goes on.
#[test]
fn failing_memory() {
    let memory = TestMemory::new();
    let mut applet = Applet::new(memory.clone(), Zeroizing::new([1; 32]), SeededEntropy::from_number(1));
    applet.element.make_ready(World::new("w").roots).unwrap();
    send(&mut applet, &[&[0, 0xa4, 4, 0, 7], &AID[..], &[0]].concat());
    send(&mut applet, &[&[0, 0x20, 0, 1, 4], pin().digits()].concat());
    memory.cut(0, crate::element::testing::Cut::BeforeCommit);
    assert_eq!(send(&mut applet, &[0x80, 0x12, 0, 0, 0]), (vec![], 0x6581));
    memory.power_on();
    assert_eq!(send(&mut applet, &[0x80, 0x2a, 1, 0, 0]).0[0], 0x60, "the reason of the last refusal");
    assert_eq!(send(&mut applet, &[0x80, 0x12, 0, 0, 0]).1, 0x9000);
}

/// GET STATUS refusal tells the last reason, as often as it is asked, until another refusal or a reset.
#[test]
fn the_reason_stays() {
    let mut applet = ready();
    let why = |applet: &mut Applet<TestMemory>| send(applet, &[0x80, 0x2a, 1, 0, 0]).0;
    assert_eq!(why(&mut applet), vec![0; 33]);
    assert_eq!(send(&mut applet, &[&[0x80, 0x24, 0, 0, 32][..], &[7; 32]].concat()).1, 0x9000);
    let unknown = [&[0x80, 0x22, 0, 0, 72][..], &[0; 72]].concat();
    assert_eq!(send(&mut applet, &unknown).1, 0x6a88);
    assert_eq!(why(&mut applet)[0], 0x20);
    assert_eq!(why(&mut applet)[0], 0x20);
    assert_eq!(send(&mut applet, &[0x80, 0x12, 0, 0, 0]).1, 0x9000);
    assert_eq!(why(&mut applet)[0], 0x20, "what went well does not change it");
    applet.reset();
    send(&mut applet, &[&[0, 0xa4, 4, 0, 7], &AID[..], &[0]].concat());
    assert_eq!(why(&mut applet), vec![0; 33]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the bytes: no panic, and a reply that ends with a word of ISO 7816-4.
    #[test]
    fn wild_bytes(commands in proptest::collection::vec(
        (0u8..4, any::<u8>(), 0u8..5, 0u8..2, proptest::collection::vec(any::<u8>(), 0..90)), 1..20,
    )) {
        let mut applet = ready();
        for (class, code, p1, p2, body) in commands {
            let class = [0x00, 0x80, 0x90, 0x10][usize::from(class)];
            let all = Instruction::ALL;
            let code = all.get(usize::from(code) % (all.len() + 2)).map_or(code, |it| it.codes().1);
            let reply = applet.process(&[&[class, code, p1, p2], &body[..]].concat()).to_vec();
            prop_assert!(reply.len() <= REPLY_BYTES_MAX + 2);
            let (_, word) = reply.split_last_chunk().unwrap();
            prop_assert!(StatusWord::from_code(u16::from_be_bytes(*word)).is_some());
        }
    }
}

/// The buffers are those of the beginning, whatever went through them.
#[test]
fn fixed_buffers() {
    let mut applet = ready();
    let mut entropy = SeededEntropy::from_number(9);
    for _ in 0..200 {
        let mut bytes = vec![0; 600];
        entropy.fill(&mut bytes);
        bytes[0] = [0x80, 0x90, 0x00][usize::from(bytes[0] % 3)];
        bytes[1] = Instruction::ALL[usize::from(bytes[1]) % Instruction::ALL.len()].codes().1;
        bytes[4] = 0;
        applet.process(&bytes);
    }
    assert!(applet.session.assembled.room() == COMMAND_BYTES_MAX && applet.session.reply.room() == REPLY_BYTES_MAX);
    assert!(applet.session.answer.capacity() <= REPLY_BYTES_MAX + EXTENDED_FRAMING);
}
