use std::vec::Vec;

use zeni_crypto::{Digest, PublicKey, SeededEntropy};
use zeni_message::Network;
use zeni_money::Amount;
use zeroize::Zeroizing;

use super::*;
use crate::{Card, KeyPolicy};

/// The memory of a card that a program of that time wrote.
const CARD_FILE: &str = include_str!("card.txt");

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn old() -> (Zeroizing<[u8; 32]>, Vec<Pair>) {
    let mut lines = CARD_FILE.lines().filter(|line| !line.starts_with('#'));
    let master = Zeroizing::new(bytes(lines.next().unwrap()).try_into().unwrap());
    let pairs = lines.map(|line| line.split_once(' ').unwrap()).map(|(place, value)| (bytes(place), bytes(value)));
    (master, pairs.collect())
}

/// The identity that goes with a memory: the network stands in the card's own record.
fn identity(pairs: &[Pair]) -> Identity {
    let (_, card) = pairs.iter().find(|(place, _)| *place == [CARD]).unwrap();
    let old: OldCard = record::open(&[CARD], card).unwrap();
    let key = PublicKey([9; 32]);
    let (issuer, authority, operator) = (key, key, key);
    Identity { network: old.network, issuer, authority, operator, currency: None, keys: KeyPolicy::Leave }
}

fn pin(digits: &str) -> Pin {
    Pin::from_digits(digits.as_bytes()).unwrap()
}

fn upgraded(pairs: Vec<Pair>, identity: &Identity) -> Result<Element<Pairs>, CardError> {
    let (master, _) = old();
    let entropy = SeededEntropy::new([1; 32]);
    let pairs = upgrade(pairs, &master, identity, &pin("2468"), &pin("13572468"), entropy)?;
    let memory = Pairs(pairs.into_iter().collect());
    Ok(Element::new(memory, master, SeededEntropy::new([2; 32])))
}

/// What the card of an earlier version held and signed, the card of today holds and gives again.
#[test]
fn a_card_of_an_earlier_version_goes_on() {
    let (_, pairs) = old();
    let identity = identity(&pairs);
    let mut card = upgraded(pairs.clone(), &identity).unwrap();
    assert_eq!(card.life().unwrap(), Life::Operational);
    card.verify_pin(&pin("2468")).unwrap();
    let holdings = card.holdings().unwrap();
    assert_eq!(holdings.iter().map(|it| it.remaining.minor()).collect::<Vec<_>>(), [700]);
    let endorsed = &pairs.iter().find(|(place, _)| place[0] == b'e').unwrap().0;
    let (node, answer) = endorsed[1..].split_at(32);
    let (node, answer) = (Digest::from_slice(node).unwrap(), Digest::from_slice(answer).unwrap());
    let (amount, signature) = card.endorsed(&node, &answer).unwrap().unwrap();
    assert_eq!(amount, Amount::from_minor(300).unwrap());
    assert_eq!(card.endorse(&node, amount, &answer).unwrap(), signature, "the same bytes again");
    let keys = pairs.iter().filter(|(place, _)| place[0] == b'k').count();
    assert!(keys > 0);
    for (place, _) in pairs.iter().filter(|(place, _)| place[0] == b'k') {
        let key = PublicKey::from_slice(&place[1..]).unwrap();
        card.open_load(&key).unwrap();
    }
    assert_eq!(card.identity().unwrap().0, identity);
}

#[test]
fn a_retired_card_stays_retired() {
    let (_, mut pairs) = old();
    let identity = identity(&pairs);
    let (place, value) = pairs.iter_mut().find(|(place, _)| *place == [CARD]).unwrap();
    let card: OldCard = record::open(place, value).unwrap();
    let mut writes = Writes::default();
    writes.put(CARD, &[], &OldCard { life: OldLife::Retired, floor: Time(77), ..card });
    *value = writes.0.pop().unwrap().1.unwrap();
    let mut card = upgraded(pairs, &identity).unwrap();
    assert_eq!((card.life().unwrap(), card.time_floor().unwrap()), (Life::Retired, Time(77)));
}

#[test]
fn another_network_or_no_card_is_refused() {
    let (_, pairs) = old();
    let identity = identity(&pairs);
    let other = Identity { network: Network(Digest([1; 32])), ..identity.clone() };
    assert!(matches!(upgraded(pairs.clone(), &other), Err(CardError::Memory(_))));
    let without = pairs.iter().filter(|(place, _)| *place != [CARD]).cloned().collect();
    assert!(matches!(upgraded(without, &identity), Err(CardError::Memory(_))));
    let again = upgraded(pairs, &identity).unwrap().into_memory().0.into_iter().collect();
    assert!(matches!(upgraded(again, &identity), Err(CardError::Memory(_))), "a card of today is none of then");
}
