use alloc::vec::Vec;

use zeni_crypto::SeededEntropy;
use zeni_note::testing::World;
use zeroize::Zeroizing;

use super::*;
use crate::{
    Card, Identity,
    element::testing::{Cut, TestMemory, identity, pin, puk, transport_pin},
};

fn card(memory: &TestMemory) -> Element<TestMemory> {
    Element::new(memory.clone(), Zeroizing::new([1; 32]), SeededEntropy::from_number(1))
}

fn ready() -> (TestMemory, Element<TestMemory>) {
    let memory = TestMemory::new();
    let mut card = card(&memory);
    card.make_ready(World::new("w").roots).unwrap();
    (memory, card)
}

fn wrong() -> Pin {
    Pin::from_digits(b"9999").unwrap()
}

/// Digits in ASCII, as many as a PIN has, and nothing else.
#[test]
fn forms() {
    for digits in [&b"0000"[..], b"123456789012"] {
        assert_eq!(Pin::from_digits(digits).unwrap().digits(), digits);
    }
    for other in [&b""[..], b"123", b"1234567890123", b"12a4", b"12 4", &[1, 2, 3, 4], "１２３４".as_bytes()] {
        assert!(Pin::from_digits(other).is_none(), "{other:?}");
    }
    assert_eq!(alloc::format!("{:?}", pin()), "Pin(…)");
}

/// A right PIN restores its tries, a wrong one takes one, the last one locks, and only the PUK unlocks.
#[test]
fn counters() {
    let (_, mut card) = ready();
    assert_eq!(card.tries(), Ok(Tries { pin: PIN_TRIES, puk: PUK_TRIES }));
    assert_eq!(card.verify_pin(&wrong()), Err(CardError::Pin { tries: 2 }));
    assert_eq!(card.verify_pin(&wrong()), Err(CardError::Pin { tries: 1 }));
    assert_eq!(card.verify_pin(&pin()), Ok(()));
    assert_eq!(card.tries().unwrap().pin, PIN_TRIES);
    assert_eq!(card.change_pin(&wrong(), &pin()), Err(CardError::Pin { tries: 2 }), "CHANGE counts as well");
    assert_eq!(card.verify_pin(&wrong()), Err(CardError::Pin { tries: 1 }));
    assert_eq!(card.verify_pin(&wrong()), Err(CardError::Locked));
    assert_eq!(card.verify_pin(&pin()), Err(CardError::Locked), "the right one comes too late");
    assert_eq!(card.life(), Ok(Life::Locked));
    assert_eq!(card.unblock(&wrong(), &pin()), Err(CardError::Pin { tries: PUK_TRIES - 1 }));
    let new = Pin::from_digits(b"24680").unwrap();
    assert_eq!(card.unblock(&puk(), &new), Ok(()));
    assert_eq!(card.tries(), Ok(Tries { pin: PIN_TRIES, puk: PUK_TRIES }));
    assert_eq!(card.life(), Ok(Life::Operational));
    assert_eq!(card.verify_pin(&pin()), Err(CardError::Pin { tries: 2 }), "the old PIN is none any more");
    assert_eq!(card.verify_pin(&new), Ok(()));
}

/// Wrong PUKs run out too, and then nothing unlocks the card.
#[test]
fn puk_runs_out() {
    let (_, mut card) = ready();
    for left in (1..PUK_TRIES).rev() {
        assert_eq!(card.unblock(&wrong(), &pin()), Err(CardError::Pin { tries: left }));
    }
    assert_eq!(card.unblock(&wrong(), &pin()), Err(CardError::Locked));
    assert_eq!(card.unblock(&puk(), &pin()), Err(CardError::Locked));
    assert_eq!(card.verify_pin(&pin()), Ok(()), "the PIN is another secret");
}

/// A thief who cuts the power as soon as the card has compared, or before, has no more tries than the card gives. The
/// control: an element that counts after the comparison would leave the counter as it was.
#[test]
fn cutting_the_power_gives_no_tries() {
    let (memory, _) = ready();
    for (guess, left) in [b"0001", b"0002", b"0003"].iter().zip([2, 1, 0]) {
        // what the comparison of a wrong PIN writes afterwards is nothing, so the cut comes after the count
        memory.cut(0, Cut::AfterCommit);
        assert!(card(&memory).verify_pin(&Pin::from_digits(*guess).unwrap()).is_err());
        memory.power_on();
        assert_eq!(card(&memory).tries().unwrap().pin, left);
    }
    assert_eq!(card(&memory).verify_pin(&pin()), Err(CardError::Locked));
    let (memory, _) = ready();
    memory.cut(0, Cut::BeforeCommit);
    assert!(matches!(card(&memory).verify_pin(&pin()), Err(CardError::Memory(_))), "no answer without its count");
    memory.power_on();
    assert_eq!(card(&memory).tries().unwrap().pin, PIN_TRIES);
}

/// The transport PIN makes nobody owner: only its change does, and a second identity is refused.
#[test]
fn lives() {
    let memory = TestMemory::new();
    let mut card = card(&memory);
    let identity = identity(World::new("w").roots);
    assert_eq!(card.verify_pin(&pin()), Err(CardError::Life { life: Life::Manufactured }));
    let number = card.personalise(&identity, &transport_pin(), &puk()).unwrap();
    assert_eq!(card.personalise(&identity, &pin(), &pin()), Ok(number), "the same again");
    let other = Identity { currency: Some(zeni_note::testing::jpy()), ..identity.clone() };
    let refused = Err(CardError::Life { life: Life::Personalised });
    assert_eq!(card.personalise(&other, &transport_pin(), &puk()), refused);
    assert_eq!(card.verify_pin(&transport_pin()), Ok(()), "the PINs are those of the first time");
    assert_eq!(card.generate_key(), Err(CardError::Life { life: Life::Personalised }));
    card.change_pin(&transport_pin(), &pin()).unwrap();
    assert_eq!(card.life(), Ok(Life::Operational));
    assert_eq!(card.personalise(&identity, &transport_pin(), &puk()), Err(CardError::Life { life: Life::Operational }));
    assert_eq!(card.identity(), Ok((identity, number)));
}

/// RN-F1.1: neither PIN nor PUK lies in the memory, and two cards with the same PIN do not show it.
#[test]
fn stored_under_the_master_key() {
    let (memory, _) = ready();
    let holds = |bytes: &[u8], digits: &[u8]| bytes.windows(digits.len()).any(|window| window == digits);
    let values: Vec<Vec<u8>> = memory.dump().into_values().collect();
    assert!(!values.iter().any(|value| holds(value, pin().digits()) || holds(value, puk().digits())));
    let stored = |master: u8, seed: u64| {
        let memory = TestMemory::new();
        let mut card = Element::new(memory.clone(), Zeroizing::new([master; 32]), SeededEntropy::from_number(seed));
        card.make_ready(World::new("w").roots).unwrap();
        memory.dump()[&super::super::record::place(PINS, &[])].clone()
    };
    assert_eq!(stored(1, 1), stored(1, 1));
    assert_ne!(stored(1, 1), stored(1, 2), "another salt");
    assert_ne!(stored(1, 1), stored(2, 1), "another master key");
}
