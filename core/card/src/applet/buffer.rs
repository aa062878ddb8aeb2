//! A buffer that is allocated once, never grows, and is wiped when it is cleared.

use alloc::vec::Vec;

use zeroize::Zeroizing;

/// More bytes than the buffer has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Bytes up to a length.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    max: usize,
}

impl Buffer {
    /// With room for `max` bytes.
    pub(super) fn new(max: usize) -> Buffer {
        Buffer { bytes: Zeroizing::new(Vec::with_capacity(max)), max }
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends all, or nothing.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if self.bytes.len() + bytes.len() > self.max {
            return Err(Full);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes that are allocated.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// Wipes what it holds; the room stays.
    pub(super) fn clear(&mut self) {
        self.bytes.iter_mut().for_each(|byte| *byte = 0);
        self.bytes.clear();
    }
}
