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
}

/// A durable map from byte strings to byte strings that belongs to one card alone.
///
/// The card keeps nothing in working memory from one command to the next, so an operation that fails needs no repair.
pub trait Memory: Send {
    /// The value of `key`.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault>;

    /// All pairs whose key begins with `prefix`, in ascending order of keys.
    fn scan(&mut self, prefix: &[u8]) -> Result<Vec<Pair>, MemoryFault>;

    /// Makes all `writes`, in order, or none of them; durable when it returns `Ok`.
    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault>;
}

impl<M: Memory + ?Sized> Memory for Box<M> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        (**self).get(key)
    }

    fn scan(&mut self, prefix: &[u8]) -> Result<Vec<Pair>, MemoryFault> {
        (**self).scan(prefix)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        (**self).commit(writes)
    }
}
