//! A memory in the computer's own, with power cuts.

use alloc::{collections::BTreeMap, string::ToString, sync::Arc, vec::Vec};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::memory::{Memory, MemoryFault, Pair, Write};

/// When the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before the commit: nothing of it happened.
    BeforeCommit,
    /// After the commit, before its caller learns of it.
    AfterCommit,
}

#[derive(Default)]
struct Inner {
    map: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: u64,
    cut: Option<(u64, Cut)>,
    off: bool,
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

    /// Cuts the power at the commit that comes after `later` others.
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

    fn scan(&mut self, prefix: &[u8]) -> Result<Vec<Pair>, MemoryFault> {
        let inner = self.powered()?;
        let from = inner.map.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        let mut inner = self.powered()?;
        let now = inner.cut.filter(|(at, _)| *at == inner.commits).map(|(_, cut)| cut);
        inner.commits += 1;
        if now != Some(Cut::BeforeCommit) {
            for (key, value) in writes {
                match value {
                    Some(value) => inner.map.insert(key.clone(), value.clone()),
                    None => inner.map.remove(key),
                };
            }
        }
        inner.off = now.is_some();
        if inner.off { Err(power_cut()) } else { Ok(()) }
    }
}

fn power_cut() -> MemoryFault {
    MemoryFault { reason: "the power was cut".to_string() }
}
