//! Every state of a card's life against every instruction.

use alloc::{format, vec, vec::Vec};

use zeni_crypto::SeededEntropy;
use zeni_message::{Signed, Time, encode};
use zeni_note::{
    ClosingPurpose, LicenceRequest,
    operator::{Clearance, ContactTicket, RevocationFilter},
    request::{Possession, RequestClaim},
    sealed::{Ordered, WithdrawalOrder},
    testing::{START, World, amount, jpy, key, nonce},
};
use zeroize::Zeroizing;

use super::super::*;
use crate::{
    Card, Life,
    apdu::{AID, word::StatusWord},
    element::testing::{
        TestMemory, identity,
        money::{challenge_to, note_to, ticket},
        operator, pin, puk, transport_pin,
    },
};

/// What a state of life does with an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Not at all.
    No,
    /// For anyone.
    Yes,
    /// For who showed the PIN.
    Pin,
}

use Does::{No, Pin as Shown, Yes};

/// A row of the table: instruction, P1, and what each state does with it, in the order of a life.
struct Row(&'static str, Instruction, u8, [Does; 5]);

#[rustfmt::skip]
const TABLE: [Row; 46] = [
    //                                                       manuf. perso. oper.  locked retired
    Row("select",             Instruction::Select,          4, [Yes,   Yes,   Yes,   Yes,   Yes]),
    Row("verify",             Instruction::Verify,          0, [No,    No,    Yes,   No,    Yes]),
    Row("change PIN",         Instruction::ChangePin,       0, [No,    Yes,   Yes,   No,    No]),
    Row("unblock",            Instruction::Unblock,         0, [No,    No,    Yes,   Yes,   Yes]),
    Row("personalise",        Instruction::Personalise,     0, [Yes,   Yes,   No,    No,    No]),
    Row("generate key",       Instruction::GenerateKey,     0, [No,    No,    Shown, No,    No]),
    Row("get public key",     Instruction::GetPublicKey,    0, [No,    No,    Shown, No,    No]),
    Row("licence request",    Instruction::SignStatement,   0, [No,    No,    Shown, No,    No]),
    Row("possession",         Instruction::SignStatement,   1, [No,    No,    Shown, No,    No]),
    Row("request claim",      Instruction::SignStatement,   2, [No,    No,    Shown, No,    No]),
    Row("withdrawal order",   Instruction::SignStatement,   3, [No,    No,    Shown, No,    No]),
    Row("sign challenge",     Instruction::SignChallenge,   0, [No,    No,    Shown, No,    No]),
    Row("open load",          Instruction::OpenLoad,        0, [No,    No,    Shown, No,    No]),
    Row("open blank",         Instruction::OpenLoad,        1, [No,    No,    Shown, No,    No]),
    Row("adopt key",          Instruction::AdoptKey,        0, [No,    No,    Shown, No,    No]),
    Row("load begin",         Instruction::Load,            0, [No,    No,    Shown, No,    No]),
    Row("load link",          Instruction::Load,            1, [No,    No,    Shown, No,    No]),
    Row("load note",          Instruction::Load,            2, [No,    No,    Shown, No,    No]),
    Row("load payment",       Instruction::Load,            3, [No,    No,    Shown, No,    No]),
    Row("sign endorsement",   Instruction::SignEndorsement, 0, [No,    No,    Shown, No,    No]),
    Row("confirm",            Instruction::Confirm,         0, [No,    No,    Shown, No,    No]),
    Row("close",              Instruction::Close,           0, [No,    No,    Shown, No,    No]),
    Row("hand in",            Instruction::HandIn,          0, [No,    No,    Shown, No,    No]),
    Row("status card",        Instruction::GetStatus,       0, [Yes,   Yes,   Yes,   Yes,   Yes]),
    Row("status refusal",     Instruction::GetStatus,       1, [Yes,   Yes,   Yes,   Yes,   Yes]),
    Row("status identity",    Instruction::GetStatus,       2, [No,    No,    Shown, No,    Shown]),
    Row("status holding",     Instruction::GetStatus,       3, [No,    No,    Shown, No,    Shown]),
    Row("status holdings",    Instruction::GetStatus,       4, [No,    No,    Shown, No,    Shown]),
    Row("status endorsed",    Instruction::GetStatus,       5, [No,    No,    Shown, No,    Shown]),
    Row("status time",        Instruction::GetStatus,       6, [No,    No,    Shown, No,    Shown]),
    Row("status load",        Instruction::GetStatus,       7, [No,    No,    Shown, No,    Shown]),
    Row("status payment",     Instruction::GetStatus,       8, [No,    No,    Shown, No,    Shown]),
    Row("status operator",    Instruction::GetStatus,       9, [No,    No,    Shown, No,    Shown]),
    Row("status limits",      Instruction::GetStatus,      10, [No,    No,    Shown, No,    Shown]),
    Row("status names",       Instruction::GetStatus,      11, [No,    No,    Shown, No,    Shown]),
    Row("status number",      Instruction::GetStatus,      12, [Yes,   Yes,   Yes,   Yes,   Yes]),
    Row("contact",            Instruction::Contact,         0, [No,    No,    Shown, No,    No]),
    Row("contact ticket",     Instruction::Contact,         1, [No,    No,    Shown, No,    No]),
    Row("rules",              Instruction::SetLimits,       0, [No,    No,    Shown, No,    No]),
    Row("filter",             Instruction::SetLimits,       1, [No,    No,    Shown, No,    No]),
    Row("clearance",          Instruction::SetLimits,       2, [No,    No,    Shown, No,    No]),
    Row("export refund",      Instruction::Export,          0, [No,    No,    Shown, No,    No]),
    Row("export move",        Instruction::Export,          1, [No,    No,    Shown, No,    Shown]),
    Row("export copy",        Instruction::Export,          2, [No,    No,    Shown, No,    No]),
    Row("import part",        Instruction::Import,          0, [No,    No,    Shown, No,    No]),
    Row("import end",         Instruction::Import,          1, [No,    No,    Shown, No,    No]),
];

/// Data that the instruction can read.
fn data(instruction: Instruction, p1: u8) -> Vec<u8> {
    let (world, holder, digest) = (World::new("w"), key("someone").public(), [7u8; 32]);
    let to = world.account("aoba", "A-1001", "d");
    let network = world.network();
    match (instruction, p1) {
        (Instruction::Select, _) => AID.to_vec(),
        (Instruction::Verify, _) => pin().digits().to_vec(),
        (Instruction::ChangePin, _) => [&[6][..], transport_pin().digits(), pin().digits()].concat(),
        (Instruction::Unblock, _) => [&[8][..], puk().digits(), pin().digits()].concat(),
        (Instruction::Personalise, _) => {
            let identity = encode(&identity(world.roots));
            [&[6][..], transport_pin().digits(), &[8], puk().digits(), &identity].concat()
        }
        (Instruction::SignStatement, 0) => {
            let (person, key_list) = (zeni_crypto::Digest(digest), zeni_crypto::Digest(digest));
            statement(&encode(&LicenceRequest { key: holder, person, epoch: 1, key_list }))
        }
        (Instruction::SignStatement, 1) => {
            statement(&encode(&Possession { content: zeni_crypto::Digest(digest), nonce: digest.into() }))
        }
        (Instruction::SignStatement, 2) => {
            let (request, account) = (zeni_crypto::Digest(digest), zeni_crypto::Digest(digest));
            statement(&encode(&RequestClaim { request, bank: "aoba".into(), account, id: nonce("id") }))
        }
        (Instruction::SignStatement, _) => {
            let request = zeni_crypto::Digest(digest);
            let of = Ordered { series: 1, epoch: 1, currency: jpy(), face: amount(5), request };
            let (bank, account) = ("aoba".into(), "A-1001".into());
            statement(&encode(&WithdrawalOrder { bank, account, order: nonce("o"), time: START, of }))
        }
        (Instruction::SignChallenge, _) => encode(&challenge_to(&world, holder, 5, "c")),
        (Instruction::OpenLoad, 0) => holder.0.to_vec(),
        (Instruction::AdoptKey, _) => vec![7; 48],
        (Instruction::Load, 0) => {
            let chain = note_to(&world, holder, 5, "n");
            encode(&(&chain.note, &chain.holder))
        }
        (Instruction::Load, 1) => {
            let paid = world.pay(&world.note(&key("a"), 5, "n"), &key("a"), &key("b"), 5, "r");
            encode(&paid.hops[0])
        }
        (Instruction::Load, 2) => encode(&ticket(&world, &note_to(&world, holder, 5, "n"), nonce("slot"))),
        (Instruction::SignEndorsement, _) => [&digest[..], &5u64.to_be_bytes(), &digest].concat(),
        (Instruction::Confirm, _) => digest.to_vec(),
        (Instruction::Close, _) => [&digest[..], &encode(&ClosingPurpose::Deposit(to))].concat(),
        (Instruction::HandIn, _) => encode(&(&to, &[zeni_crypto::Digest(digest)][..])),
        (Instruction::GetStatus, 3 | 11) => digest.to_vec(),
        (Instruction::GetStatus, 5) => vec![7; 64],
        (Instruction::GetStatus, 12) => vec![7; 16],
        (Instruction::GetStatus, 10) => b"JPY".to_vec(),
        (Instruction::Contact, 1) => {
            let (card, nonce, token) = (nonce("card"), nonce("nonce"), nonce("token"));
            let ticket = ContactTicket { card, nonce, token, time: START, frozen: false, rules: Vec::new() };
            encode(&Signed::sign(network, ticket, &operator()))
        }
        (Instruction::SetLimits, 0) => encode(&Signed::sign(network, zeni_note::testing::rules(1), &operator())),
        (Instruction::SetLimits, 1) => {
            encode(&Signed::sign(network, RevocationFilter::of(1, Time(1), &[]), &operator()))
        }
        (Instruction::SetLimits, 2) => {
            encode(&Signed::sign(network, Clearance { filter: 0, keys: Vec::new() }, &operator()))
        }
        (Instruction::Export, 0) => [&digest[..], &encode(&to)].concat(),
        (Instruction::Import, 0) => {
            let backup = at(Life::Operational).element.export().unwrap().to_bytes();
            [&digest[..], &backup].concat()
        }
        (Instruction::Import, 1) => digest.to_vec(),
        _ => Vec::new(),
    }
}

fn statement(record: &[u8]) -> Vec<u8> {
    [&key("someone").public().0[..], record].concat()
}

/// An applet in a state of its life.
fn at(life: Life) -> Applet<TestMemory> {
    let mut applet = Applet::new(TestMemory::new(), Zeroizing::new([1; 32]), SeededEntropy::from_number(1));
    let roots = World::new("w").roots;
    match life {
        Life::Manufactured => {}
        Life::Personalised => {
            applet.element.personalise(&identity(roots), &transport_pin(), &puk()).map(drop).unwrap();
        }
        Life::Operational => applet.element.make_ready(roots).unwrap(),
        Life::Locked => {
            applet.element.make_ready(roots).unwrap();
            while applet.element.verify_pin(&puk()) != Err(crate::CardError::Locked) {}
        }
        Life::Retired => {
            applet.element.make_ready(roots).unwrap();
            applet.element.retire().unwrap();
        }
    }
    assert_eq!(applet.element.life(), Ok(life));
    applet
}

fn ask(applet: &mut Applet<TestMemory>, instruction: Instruction, p1: u8, data: &[u8]) -> StatusWord {
    let (class, code) = instruction.codes();
    let p2 = u8::from(matches!(instruction, Instruction::Verify | Instruction::ChangePin | Instruction::Unblock));
    let expected = REPLY_BYTES_MAX;
    let apdu = Apdu { class, part: Part::Last, instruction: code, p1, p2, data, expected };
    let reply = applet.process(&apdu.to_bytes());
    let (_, word) = reply.split_last_chunk().unwrap();
    StatusWord::from_code(u16::from_be_bytes(*word)).unwrap()
}

/// What became of a command: whether the state of the card let it through.
fn outcome(life: Life, row: &Row, verified: bool) -> Does {
    let Row(_, instruction, p1, _) = *row;
    let mut applet = at(life);
    assert_eq!(ask(&mut applet, Instruction::Select, 4, &AID), StatusWord::Done);
    applet.session.verified = verified;
    let before = applet.session.refusal;
    let word = ask(&mut applet, instruction, p1, &data(instruction, p1));
    let reason = if applet.session.refusal == before { 0 } else { applet.session.refusal.reason };
    match (word, reason) {
        (StatusWord::PinMissing, 0x04) => Shown,
        (StatusWord::Conditions, 0x01 | 0x03) | (StatusWord::Blocked, 0x02) => No,
        (StatusWord::WrongData | StatusWord::WrongLength | StatusWord::WrongParameters, 0) => {
            panic!("{}: the sample is not what the instruction reads: {word:?}", row.0)
        }
        _ => Yes,
    }
}

/// Docs/card.md "Life": what each state does, without the PIN and with it.
#[test]
fn every_state_and_every_instruction() {
    for row in &TABLE {
        for (life, expected) in Life::ALL.into_iter().zip(row.3) {
            let what = format!("{} in a card that is {life:?}", row.0);
            assert_eq!(outcome(life, row, false), expected, "{what}");
            let with_pin = if expected == Shown { Yes } else { expected };
            assert_eq!(outcome(life, row, true), with_pin, "{what}, the PIN shown");
        }
    }
}

/// No instruction is missing in the table.
#[test]
fn the_table_is_whole() {
    for instruction in Instruction::ALL {
        let rows = TABLE.iter().filter(|row| row.1 == *instruction).count();
        assert!(rows > 0 || *instruction == Instruction::GetResponse, "{instruction:?}");
    }
}

/// A refused command leaves the memory as it was, in every state.
#[test]
fn refusals_change_nothing() {
    for row in &TABLE {
        for (life, expected) in Life::ALL.into_iter().zip(row.3) {
            if expected == Yes {
                continue;
            }
            let mut applet = at(life);
            ask(&mut applet, Instruction::Select, 4, &AID);
            let Row(name, instruction, p1, _) = *row;
            let word = ask(&mut applet, instruction, p1, &data(instruction, p1));
            assert_ne!(word, StatusWord::Done, "{name}");
            let after = applet.into_memory().dump();
            assert_eq!(after, at(life).into_memory().dump(), "{name} in a card that is {life:?}");
        }
    }
}

/// Before it is selected the applet does nothing; SELECT of another application leaves it unselected.
#[test]
fn unselected() {
    for row in &TABLE[1..] {
        let Row(name, instruction, p1, _) = *row;
        let mut applet = at(Life::Operational);
        applet.session.verified = true;
        let data = data(instruction, p1);
        assert_eq!(ask(&mut applet, instruction, p1, &data), StatusWord::Conditions, "{name}");
        assert_eq!(ask(&mut applet, Instruction::Select, 4, &AID), StatusWord::Done);
        assert!(!applet.session.verified, "SELECT forgets the PIN");
        assert_eq!(ask(&mut applet, Instruction::Select, 4, &AID[..6]), StatusWord::UnknownApplication);
        assert_eq!(ask(&mut applet, instruction, p1, &data), StatusWord::Conditions, "{name}");
    }
}
