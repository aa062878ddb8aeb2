//! A memory in the computer's own, with power cuts, and cards in it.

pub mod money;
pub mod tally;

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeni_crypto::{Entropy, SecretKey, sha256};
use zeni_note::keylist::Roots;
use zeroize::Zeroizing;

use super::{
    Element,
    memory::{Memory, MemoryFault, Pair, Write},
};
use crate::{ApduCard, Applet, Card, CardError, Identity, InProcess, KeyPolicy, Life, Pin};

/// What befalls a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The power fails before it: nothing of it happened.
    BeforeCommit,
    /// The power fails after it, before its caller learns of it.
    AfterCommit,
    /// It fails, this once, and nothing of it happened.
    Fault,
    /// There is no room for it, this once, and nothing of it happened.
    Full,
}

#[derive(Default)]
struct Inner {
    map: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: u64,
    cut: Option<(u64, Cut)>,
    off: bool,
    scanned: usize,
}

/// A memory for tests. Clones are handles to the same memory, so that it outlives the card above it.
#[derive(Clone, Default)]
pub struct TestMemory(Arc<Mutex<Inner>>);

impl TestMemory {
    /// A blank memory.
    pub fn new() -> TestMemory {
        TestMemory::default()
    }

    /// A memory of its own with the same content: a copied card.
    #[must_use]
    pub fn copied(&self) -> TestMemory {
        let map = self.inner().map.clone();
        TestMemory(Arc::new(Mutex::new(Inner { map, ..Inner::default() })))
    }

    /// Cuts the power, or fails, at the commit that comes after `later` others.
    pub fn cut(&self, later: u64, cut: Cut) {
        let mut inner = self.inner();
        inner.cut = Some((inner.commits + later, cut));
    }

    /// Power is back and stays.
    pub fn power_on(&self) {
        let mut inner = self.inner();
        inner.off = false;
        inner.cut = None;
    }

    /// Whether the power was cut.
    pub fn is_off(&self) -> bool {
        self.inner().off
    }

    /// Commits that were asked for since the beginning, those that failed included.
    pub fn commits(&self) -> u64 {
        self.inner().commits
    }

    /// Bytes of the largest part of a table that was read at once since this was last asked.
    pub fn scanned(&self) -> usize {
        core::mem::take(&mut self.inner().scanned)
    }

    /// All that is stored.
    pub fn dump(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.inner().map.clone()
    }

    /// Changes what is stored behind the card's back.
    pub fn tamper(&self, change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) {
        change(&mut self.inner().map);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn powered(&self) -> Result<MutexGuard<'_, Inner>, MemoryFault> {
        let inner = self.inner();
        if inner.off { Err(power_cut()) } else { Ok(inner) }
    }
}

impl Memory for TestMemory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        Ok(self.powered()?.map.get(key).cloned())
    }

    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault> {
        let mut inner = self.powered()?;
        let from = inner.map.range(prefix.max(after).to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        let from = from.filter(|(key, _)| key[..] > *after).take(max);
        let pairs: Vec<Pair> = from.map(|(key, value)| (key.clone(), value.clone())).collect();
        let bytes = pairs.iter().map(|(key, value)| key.len() + value.len() + size_of::<Pair>()).sum();
        inner.scanned = inner.scanned.max(bytes);
        Ok(pairs)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        let mut inner = self.powered()?;
        let now = inner.cut.filter(|(at, _)| *at == inner.commits).map(|(_, cut)| cut);
        inner.commits += 1;
        if matches!(now, None | Some(Cut::AfterCommit)) {
            for (key, value) in writes {
                match value {
                    Some(value) => inner.map.insert(key.clone(), value.clone()),
                    None => inner.map.remove(key),
                };
            }
        }
        inner.off = matches!(now, Some(Cut::BeforeCommit | Cut::AfterCommit));
        match now {
            None => Ok(()),
            Some(Cut::BeforeCommit | Cut::AfterCommit) => Err(power_cut()),
            Some(Cut::Fault) => Err(MemoryFault::new("a write failed")),
            Some(Cut::Full) => Err(MemoryFault { full: true, ..MemoryFault::new("there is no room") }),
        }
    }
}

fn power_cut() -> MemoryFault {
    MemoryFault::new("the power was cut")
}

/// The master key of test cards.
const MASTER: [u8; 32] = [0x4d; 32];

/// Who signs the orders of test cards.
pub fn operator() -> SecretKey {
    SecretKey::from_seed(sha256(&[b"zeni test operator"]).0)
}

/// A card of the network in any currency, whose keys may leave it.
pub fn identity(roots: Roots) -> Identity {
    let Roots { network, issuer, authority } = roots;
    Identity { network, issuer, authority, operator: operator().public(), currency: None, keys: KeyPolicy::Leave }
}

/// The owner's PIN of test cards.
pub fn pin() -> Pin {
    digits(b"2580")
}

/// Their transport PIN.
pub fn transport_pin() -> Pin {
    digits(b"000000")
}

/// Their PUK.
pub fn puk() -> Pin {
    digits(b"31415926")
}

fn digits(digits: &[u8]) -> Pin {
    Pin::from_digits(digits).expect("as many digits as a PIN has")
}

impl<M: Memory> Element<M> {
    /// Makes a blank card operational, as its issuer and its owner do.
    ///
    /// # Errors
    /// As [`Element::personalise`] and [`Element::change_pin`].
    pub fn make_ready(&mut self, roots: Roots) -> Result<(), CardError> {
        if self.life()? == Life::Manufactured {
            self.personalise(&identity(roots), &transport_pin(), &puk())?;
        }
        match self.life()? {
            Life::Personalised => self.change_pin(&transport_pin(), &pin()),
            _ => Ok(()),
        }
    }
}

/// A card for tests: the applet in this process, behind its driver.
pub type TestCard = ApduCard<InProcess<TestMemory>>;

/// The applet of test cards over `memory`.
pub fn applet(memory: &TestMemory, entropy: impl Entropy + Send + 'static) -> Applet<TestMemory> {
    Applet::new(memory.clone(), Zeroizing::new(MASTER), entropy)
}

/// The card in `memory`, made operational if it is blank.
///
/// # Errors
/// Those of the memory.
pub fn card(memory: &TestMemory, roots: Roots, entropy: impl Entropy + Send + 'static) -> Result<TestCard, CardError> {
    card_of(memory, &identity(roots), entropy)
}

/// The same with an identity of its own.
///
/// # Errors
/// Those of the memory.
pub fn card_of(
    memory: &TestMemory,
    identity: &Identity,
    entropy: impl Entropy + Send + 'static,
) -> Result<TestCard, CardError> {
    let mut card = ApduCard::new(InProcess(applet(memory, entropy)), Some(pin()));
    if card.life()? == Life::Manufactured {
        card.personalise(identity, &transport_pin(), &puk())?;
    }
    if card.life()? == Life::Personalised {
        card.change_pin(&transport_pin(), &pin())?;
    }
    Ok(card)
}
