//! A memory of fixed size, as a card has it.

use alloc::{string::ToString, vec::Vec};

use zeni_card::{
    Memory, MemoryFault,
    element::memory::{Pair, Write},
};

/// Records.
const CELLS: usize = 32;
/// Bytes of the longest key.
const KEY_BYTES: usize = 65;
/// Bytes of the longest value.
const VALUE_BYTES: usize = 160;

#[derive(Clone, Copy)]
struct Cell {
    key: [u8; KEY_BYTES],
    key_len: usize,
    value: [u8; VALUE_BYTES],
    value_len: usize,
}

impl Cell {
    fn of(key: &[u8], value: &[u8]) -> Option<Cell> {
        let mut cell =
            Cell { key: [0; KEY_BYTES], key_len: key.len(), value: [0; VALUE_BYTES], value_len: value.len() };
        cell.key.get_mut(..key.len())?.copy_from_slice(key);
        cell.value.get_mut(..value.len())?.copy_from_slice(value);
        Some(cell)
    }

    fn key(&self) -> &[u8] {
        &self.key[..self.key_len]
    }

    fn value(&self) -> &[u8] {
        &self.value[..self.value_len]
    }
}

/// The memory.
#[derive(Clone, Copy)]
pub struct FixedMemory {
    cells: [Option<Cell>; CELLS],
}

impl FixedMemory {
    /// Blank.
    pub fn new() -> FixedMemory {
        FixedMemory { cells: [None; CELLS] }
    }

    fn write(&mut self, key: &[u8], value: Option<&[u8]>) -> Option<()> {
        let same = |cell: &Option<Cell>| cell.as_ref().is_some_and(|cell| cell.key() == key);
        let at = self.cells.iter().position(same);
        let Some(value) = value else {
            if let Some(at) = at {
                self.cells[at] = None;
            }
            return Some(());
        };
        let at = at.or_else(|| self.cells.iter().position(Option::is_none))?;
        self.cells[at] = Some(Cell::of(key, value)?);
        Some(())
    }
}

impl Memory for FixedMemory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        let found = self.cells.iter().flatten().find(|cell| cell.key() == key);
        Ok(found.map(|cell| cell.value().to_vec()))
    }

    fn scan(&mut self, prefix: &[u8]) -> Result<Vec<Pair>, MemoryFault> {
        let found = self.cells.iter().flatten().filter(|cell| cell.key().starts_with(prefix));
        let mut pairs: Vec<_> = found.map(|cell| (cell.key().to_vec(), cell.value().to_vec())).collect();
        pairs.sort_unstable();
        Ok(pairs)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        let mut next = *self;
        for (key, value) in writes {
            next.write(key, value.as_deref())
                .ok_or_else(|| MemoryFault { reason: "the memory is full".to_string() })?;
        }
        *self = next;
        Ok(())
    }
}
