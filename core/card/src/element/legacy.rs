//! Software cards from before cards had numbers, PINs and operators: their memory becomes one of today's.

use alloc::{collections::BTreeMap, vec::Vec};

use zeni_crypto::{Digest, Entropy};
use zeni_message::{Network, Time};
use zeroize::Zeroizing;

use super::{
    Element, fault,
    memory::{Memory, MemoryFault, Pair, Write},
    pin::Pin,
    record::{self, CARD, CardRecord, Writes},
};
use crate::{CardError, Identity, Life};

/// The card itself, as it was recorded.
#[derive(minicbor::Encode, minicbor::Decode)]
struct OldCard {
    #[n(0)]
    network: Network,
    #[n(1)]
    life: OldLife,
    #[n(2)]
    floor: Time,
    #[n(3)]
    restored: Option<Digest>,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
enum OldLife {
    #[n(0)]
    Operational,
    #[n(1)]
    Retired,
}

/// The memory of an operational card with this identity, PIN and PUK, that holds what `pairs`, the memory of a card of an
/// earlier version, held under the same master key. A card that was retired is retired.
///
/// # Errors
/// [`CardError::Memory`] when the memory is none of such a card, or one of another network.
pub fn upgrade(
    pairs: Vec<Pair>,
    master: &Zeroizing<[u8; 32]>,
    identity: &Identity,
    pin: &Pin,
    puk: &Pin,
    entropy: impl Entropy + Send + 'static,
) -> Result<Vec<Pair>, CardError> {
    let mut pairs: BTreeMap<Vec<u8>, Vec<u8>> = pairs.into_iter().collect();
    let place = record::place(CARD, &[]);
    let old = pairs.remove(&place).ok_or_else(|| fault("it is no card's memory"))?;
    let old: OldCard = record::open(&place, &old)?;
    if old.network != identity.network {
        return Err(fault("it holds the card of another network"));
    }
    let mut element = Element::new(Pairs(BTreeMap::new()), master.clone(), entropy);
    element.personalise(identity, pin, puk)?;
    element.change_pin(pin, pin)?;
    let card = element.card()?;
    let life = match old.life {
        OldLife::Operational => Life::Operational,
        OldLife::Retired => Life::Retired,
    };
    let mut writes = Writes::default();
    writes.put(CARD, &[], &CardRecord { life, floor: old.floor, restored: old.restored, ..card });
    element.commit(writes)?;
    pairs.extend(element.into_memory().0);
    Ok(pairs.into_iter().collect())
}

/// A memory that lasts as long as the upgrade.
struct Pairs(BTreeMap<Vec<u8>, Vec<u8>>);

impl Memory for Pairs {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        Ok(self.0.get(key).cloned())
    }

    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault> {
        let pairs = self.0.iter().filter(|(key, _)| key.starts_with(prefix) && key[..] > *after);
        Ok(pairs.take(max).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        for (key, value) in writes {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
