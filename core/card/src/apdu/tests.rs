use alloc::{vec, vec::Vec};

use zeni_crypto::sha256;
use zeni_message::Time;
use zeni_money::Amount;
use zeni_note::{
    ChainFault,
    testing::{jpy, yen},
};

use super::{refusal::Refusal, *};
use crate::{CardError, Life, Limit, RestoreFault};

fn parsed(bytes: &[u8]) -> Result<(usize, usize), StatusWord> {
    Apdu::parse(bytes).map(|apdu| (apdu.data.len(), apdu.expected))
}

/// ISO 7816-4, 5.1: the seven cases of lengths, and what is none of them.
#[test]
fn lengths() {
    let header = [0x80, 0x12, 0, 0];
    let with = |body: &[u8]| [&header[..], body].concat();
    let extended = |len: usize, le: &[u8]| {
        let lc = u16::try_from(len).unwrap().to_be_bytes();
        with(&[&[0, lc[0], lc[1]], &vec![7; len][..], le].concat())
    };
    let sound: [(Vec<u8>, (usize, usize)); 12] = [
        (with(&[]), (0, 0)),
        (with(&[0x10]), (0, 16)),
        (with(&[0]), (0, 256)),
        (with(&[2, 7, 7]), (2, 0)),
        (with(&[2, 7, 7, 9]), (2, 9)),
        (with(&[2, 7, 7, 0]), (2, 256)),
        (with(&[0, 1, 0]), (0, 256)),
        (with(&[0, 0, 0]), (0, 65_536)),
        (extended(1, &[]), (1, 0)),
        (extended(300, &[]), (300, 0)),
        (extended(300, &[0, 0]), (300, 65_536)),
        (extended(65_535, &[0xff, 0xff]), (65_535, 65_535)),
    ];
    for (bytes, lengths) in &sound {
        assert_eq!(parsed(bytes), Ok(*lengths), "{:02x?}", &bytes[..bytes.len().min(12)]);
    }
    let wrong = [
        vec![],
        vec![0x80],
        header[..3].to_vec(),
        with(&[3, 7, 7]),
        with(&[1, 7, 7, 7]),
        with(&[0, 7]),
        with(&[0, 0, 0, 7]),
        with(&[0, 0, 2, 7]),
        with(&[0, 0, 1, 7, 7]),
        with(&[0, 0, 1, 7, 7, 7, 7]),
    ];
    for bytes in &wrong {
        assert_eq!(parsed(bytes), Err(StatusWord::WrongLength), "{bytes:02x?}");
    }
}

/// ISO 7816-4, 5.4.1: the classes that there are, and what each of the others asks for in vain.
#[test]
fn classes() {
    for class in 0..=u8::MAX {
        let word = Apdu::parse(&[class, 0xa4, 4, 0]).map(|apdu| (apdu.class, apdu.part));
        let expected = match class {
            0x00 => Ok((Class::Interindustry, Part::Last)),
            0x10 => Ok((Class::Interindustry, Part::More)),
            0x80 => Ok((Class::Zeni, Part::Last)),
            0x90 => Ok((Class::Zeni, Part::More)),
            0x01..=0x03 | 0x11..=0x13 | 0x81..=0x83 | 0x91..=0x93 | 0x40..=0x7f => Err(StatusWord::NoLogicalChannels),
            0x04..=0x1f | 0x84..=0x9f => Err(StatusWord::NoSecureMessaging),
            _ => Err(StatusWord::UnknownClass),
        };
        assert_eq!(word, expected, "{class:02x}");
    }
}

/// What is written is read again, in the shortest form that tells its lengths.
#[test]
fn written_and_read() {
    let data = vec![5; 700];
    for class in [Class::Interindustry, Class::Zeni] {
        for part in [Part::Last, Part::More] {
            for len in [0, 1, 255, 256, 700] {
                for expected in [0, 1, 255, 256, 257, 65_536] {
                    let apdu = Apdu { class, part, instruction: 0x20, p1: 1, p2: 2, data: &data[..len], expected };
                    let bytes = apdu.to_bytes();
                    assert_eq!(Apdu::parse(&bytes), Ok(apdu));
                    let short = len <= SHORT_DATA_MAX && expected <= SHORT_REPLY_MAX;
                    assert!(!short || bytes.len() <= SHORT_COMMAND_MAX);
                    assert!(bytes.len() <= len + EXTENDED_FRAMING);
                }
            }
        }
    }
}

/// Each word is one code, and each code at most one word.
#[test]
fn words() {
    let known: Vec<u16> = (0..=u16::MAX).filter(|code| StatusWord::from_code(*code).is_some()).collect();
    for code in &known {
        assert_eq!(StatusWord::from_code(*code).map(StatusWord::code), Some(*code), "{code:04x}");
    }
    // 17 fixed, 256 of 61xx, 16 of 63Cx
    assert_eq!(known.len(), 17 + 256 + 16);
    assert_eq!(StatusWord::Tries(200).code(), 0x63cf);
}

/// Instructions differ, and none has the INS of a status word or of another class's instruction.
#[test]
fn instructions() {
    use instruction::Instruction;
    let codes: Vec<_> = Instruction::ALL.iter().map(|it| it.codes()).collect();
    for (place, (class, code)) in codes.iter().enumerate() {
        assert!(!codes[..place].contains(&(*class, *code)));
        // ISO 7816-3: INS 6x and 9x are invalid
        assert!(!matches!(code >> 4, 6 | 9), "{code:02x}");
        assert_eq!(Instruction::find(*class, *code), Ok(Instruction::ALL[place]));
    }
    let known = (0..=u8::MAX).filter(|code| Instruction::find(Class::Zeni, *code).is_ok()).count();
    let iso = (0..=u8::MAX).filter(|code| Instruction::find(Class::Interindustry, *code).is_ok()).count();
    assert_eq!(known + iso, codes.len());
}

fn errors() -> Vec<CardError> {
    let amount = Amount::from_minor(1_234_567).unwrap();
    let mut errors = vec![
        CardError::Retired,
        CardError::Locked,
        CardError::PinMissing,
        CardError::Pin { tries: 2 },
        CardError::PinForm,
        CardError::Unsupported,
        CardError::HalfRestored,
        CardError::UnknownKey,
        CardError::HoldsMoney,
        CardError::NoSlot,
        CardError::LoadedBefore,
        CardError::Currency { found: jpy() },
        CardError::Ticket,
        CardError::Revoked { hop: 7 },
        CardError::NoLoad,
        CardError::UnknownHolding,
        CardError::Restored,
        CardError::Closed,
        CardError::OtherAmount { signed: amount },
        CardError::Insufficient { remaining: Amount::MAX },
        CardError::NotWhole,
        CardError::HandIn { max: 1_024 },
        CardError::Parts { max: 64 },
        CardError::ResumeFirst { answer: sha256(&[b"answer"]) },
        CardError::Frozen,
        CardError::Operator,
        CardError::Older { held: 7, found: u64::MAX },
        CardError::RulesFirst { number: 9 },
        CardError::Limit(Limit::Ended { until: Time(5) }),
        CardError::Limit(Limit::Payment { most: yen(5) }),
        CardError::Limit(Limit::Payments { most: u32::MAX }),
        CardError::Limit(Limit::Day { left: yen(0) }),
        CardError::Limit(Limit::Total { left: yen(7) }),
        CardError::Limit(Limit::NoContact),
        CardError::Memory("it does not tell why".into()),
        CardError::Full,
    ];
    errors.extend(Life::ALL.map(|life| CardError::Life { life }));
    let faults = [
        ChainFault::TooLong { hops: 18 },
        ChainFault::UnknownTerms { series: u32::MAX, epoch: 3 },
        ChainFault::Currency { found: jpy() },
        ChainFault::OtherHolder,
        ChainFault::Unlicensed { hop: 1 },
        ChainFault::Amount { hop: 2 },
        ChainFault::Note,
        ChainFault::Licence { hop: 3 },
        ChainFault::LicenceEnded { hop: 4 },
        ChainFault::Endorsement { hop: 16 },
    ];
    errors.extend(faults.map(CardError::Chain));
    errors
}

/// Every refusal is told by a word of ISO 7816-4 and a reason, and the driver knows it again.
#[test]
fn reasons() {
    let told = |refusal: Refusal| {
        let word = StatusWord::from_code(refusal.word.code()).unwrap();
        Refusal::from_parts(word, &refusal.to_bytes()).unwrap()
    };
    let errors = errors();
    let mut reasons = Vec::new();
    for error in &errors {
        let refusal = Refusal::from(error.clone());
        assert_ne!(refusal.word, StatusWord::Done);
        assert_eq!(told(refusal).card_error(), *error);
        assert_eq!(told(refusal).restore_fault(), RestoreFault::Card(error.clone()));
        reasons.push(refusal.reason);
    }
    let faults =
        [RestoreFault::OtherNetwork, RestoreFault::NotEmpty, RestoreFault::Parts, RestoreFault::Damaged { index: 77 }];
    let of_restoring = faults.len();
    for fault in faults {
        let refusal = Refusal::from(fault.clone());
        assert_eq!(told(refusal).restore_fault(), fault);
        assert_eq!(told(refusal).card_error(), CardError::Strange { word: refusal.word.code() });
        reasons.push(refusal.reason);
    }
    reasons.sort_unstable();
    let of_life = Life::ALL.len() - 1;
    reasons.dedup();
    assert_eq!(reasons.len(), errors.len() + of_restoring - of_life, "a reason stands for two refusals");
    assert!(Refusal::from_parts(StatusWord::Conditions, &[1; 9]).is_none(), "not as long as a reason is");
}

/// A reason or a value that no card tells is strange, and no panic.
#[test]
fn strange_reasons() {
    for reason in 0..=u8::MAX {
        for detail in [[0; 32], [0xff; 32]] {
            let refusal = Refusal { word: StatusWord::Conditions, reason, detail };
            let error = refusal.card_error();
            if let CardError::Strange { word } = error {
                assert_eq!(word, 0x6985);
            }
            let _ = refusal.restore_fault();
        }
    }
}
