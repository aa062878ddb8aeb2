//! A memory of fixed size, as a card has it: two banks, of which one is written while the other holds.

use alloc::{string::ToString, vec::Vec};
use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, Ordering},
};

use zeni_card::{
    Memory, MemoryFault,
    element::memory::{Pair, Write},
};

/// Records.
const CELLS: usize = 48;
/// Bytes of the longest key.
const KEY_BYTES: usize = 65;
/// Bytes of the longest value.
const VALUE_BYTES: usize = 512;

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

type Bank = [Option<Cell>; CELLS];

/// Where a card has its flash.
struct Flash(UnsafeCell<[Bank; 2]>);

// SAFETY: reached through the one FixedMemory that there is
unsafe impl Sync for Flash {}

static FLASH: Flash = Flash(UnsafeCell::new([[None; CELLS]; 2]));
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The memory: the only handle to the flash.
pub struct FixedMemory {
    banks: &'static mut [Bank; 2],
    current: usize,
}

impl FixedMemory {
    /// The flash, blank, once.
    pub fn take() -> Option<FixedMemory> {
        if TAKEN.swap(true, Ordering::SeqCst) {
            return None;
        }
        // SAFETY: the swap lets exactly one caller through
        Some(FixedMemory { banks: unsafe { &mut *FLASH.0.get() }, current: 0 })
    }

    fn bank(&self) -> &Bank {
        &self.banks[self.current]
    }
}

fn write(bank: &mut Bank, key: &[u8], value: Option<&[u8]>) -> Option<()> {
    let same = |cell: &Option<Cell>| cell.as_ref().is_some_and(|cell| cell.key() == key);
    let at = bank.iter().position(same);
    let Some(value) = value else {
        if let Some(at) = at {
            bank[at] = None;
        }
        return Some(());
    };
    let at = at.or_else(|| bank.iter().position(Option::is_none))?;
    bank[at] = Some(Cell::of(key, value)?);
    Some(())
}

impl Memory for FixedMemory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        let found = self.bank().iter().flatten().find(|cell| cell.key() == key);
        Ok(found.map(|cell| cell.value().to_vec()))
    }

    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault> {
        let found = self.bank().iter().flatten().filter(|cell| cell.key().starts_with(prefix) && cell.key() > after);
        let mut first: Vec<&Cell> = Vec::new();
        for cell in found {
            let at = first.partition_point(|it| it.key() < cell.key());
            if at < max {
                first.truncate(max - 1);
                first.insert(at, cell);
            }
        }
        Ok(first.into_iter().map(|cell| (cell.key().to_vec(), cell.value().to_vec())).collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        let (one, other) = self.banks.split_at_mut(1);
        let (holds, next) = match self.current {
            0 => (&one[0], &mut other[0]),
            _ => (&other[0], &mut one[0]),
        };
        next.copy_from_slice(holds);
        for (key, value) in writes {
            write(next, key, value.as_deref())
                .ok_or_else(|| MemoryFault { reason: "the memory is full".to_string(), full: true })?;
        }
        self.current = 1 - self.current;
        Ok(())
    }
}
