//! The durable memory under a software card.

use alloc::{boxed::Box, string::String, vec::Vec};

/// One change of the memory: a key, and the value it gets or `None` to remove it.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A memory operation failed. Whether an interrupted commit happened is unknown until the next read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct MemoryFault {
    /// What went wrong, for the person at the machine.
    pub reason: String,
    /// Whether there is no room, now or later.
    pub full: bool,
}

impl MemoryFault {
    /// A fault that may be gone later.
    pub fn new(reason: impl Into<String>) -> MemoryFault {
        MemoryFault { reason: reason.into(), full: false }
    }
}

/// A durable map from byte strings to byte strings that belongs to one card alone.
///
/// The card keeps nothing in working memory from one command to the next, so an operation that fails needs no repair.
pub trait Memory: Send {
    /// The value of `key`.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault>;

    /// The first `max` pairs whose key begins with `prefix` and lies after `after`, in ascending order of keys. An empty `after`
    /// lies before all.
    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault>;

    /// All pairs whose key begins with `prefix`, for tables of which the card bounds the length.
    fn scan(&mut self, prefix: &[u8]) -> Result<Vec<Pair>, MemoryFault> {
        self.scan_after(prefix, &[], usize::MAX)
    }

    /// Makes all `writes`, in order, or none of them; durable when it returns `Ok`.
    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault>;
}

impl<M: Memory + ?Sized> Memory for Box<M> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        (**self).get(key)
    }

    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault> {
        (**self).scan_after(prefix, after, max)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        (**self).commit(writes)
    }
}
