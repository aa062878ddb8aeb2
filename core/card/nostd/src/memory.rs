//! A memory of fixed size, as a card has it: two banks, of which one is written while the other holds.

use alloc::{string::ToString, vec::Vec};
use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use zeni_card::{
    Memory, MemoryFault,
    element::memory::{Pair, Write},
};

/// Bytes of a bank.
const BANK_BYTES: usize = 64 * 1_024;
/// Bytes before each record: length of its key (1) and of its value (2).
const HEAD_BYTES: usize = 3;

/// Records one after the other, each once.
#[derive(Clone, Copy)]
struct Bank {
    len: usize,
    bytes: [u8; BANK_BYTES],
}

impl Bank {
    const BLANK: Bank = Bank { len: 0, bytes: [0; BANK_BYTES] };

    /// Where each record begins, its key and its value.
    fn records(&self) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = at;
            let (&[key_len, high, low], rest) = self.bytes.get(start..self.len)?.split_first_chunk::<HEAD_BYTES>()?;
            let (key, rest) = rest.split_at_checked(usize::from(key_len))?;
            let value = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
            at += HEAD_BYTES + key.len() + value.len();
            Some((start, key, value))
        })
    }

    fn remove(&mut self, wanted: &[u8]) {
        let found = self.records().find(|(_, key, _)| *key == wanted);
        let Some((start, end)) = found.map(|(start, key, value)| (start, start + HEAD_BYTES + key.len() + value.len()))
        else {
            return;
        };
        self.bytes.copy_within(end..self.len, start);
        self.len -= end - start;
    }

    /// None where there is no room.
    fn append(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let [high, low] = u16::try_from(value.len()).ok()?.to_be_bytes();
        let head = [u8::try_from(key.len()).ok()?, high, low];
        for part in [&head[..], key, value] {
            let end = self.len + part.len();
            self.bytes.get_mut(self.len..end)?.copy_from_slice(part);
            self.len = end;
        }
        Some(())
    }
}

/// Where a card has its flash.
struct Flash(UnsafeCell<[Bank; 2]>);

// SAFETY: reached through the one FixedMemory that there is
unsafe impl Sync for Flash {}

static FLASH: Flash = Flash(UnsafeCell::new([Bank::BLANK; 2]));
static TAKEN: AtomicBool = AtomicBool::new(false);
static USED: AtomicUsize = AtomicUsize::new(0);

/// The most bytes of a bank that were in use.
pub fn used() -> usize {
    USED.load(Ordering::SeqCst)
}

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

    /// The flash of another card, blank.
    pub fn wiped(self) -> FixedMemory {
        self.banks.fill(Bank::BLANK);
        self
    }

    fn bank(&self) -> &Bank {
        &self.banks[self.current]
    }
}

impl Memory for FixedMemory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        Ok(self.bank().records().find(|(_, found, _)| *found == key).map(|(_, _, value)| value.to_vec()))
    }

    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault> {
        let found = self.bank().records().filter(|(_, key, _)| key.starts_with(prefix) && *key > after);
        let mut first: Vec<(&[u8], &[u8])> = Vec::new();
        for (_, key, value) in found {
            let at = first.partition_point(|it| it.0 < key);
            if at < max {
                first.truncate(max - 1);
                first.insert(at, (key, value));
            }
        }
        Ok(first.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        let (one, other) = self.banks.split_at_mut(1);
        let (holds, next) = match self.current {
            0 => (&one[0], &mut other[0]),
            _ => (&other[0], &mut one[0]),
        };
        next.clone_from(holds);
        for (key, value) in writes {
            next.remove(key);
            if let Some(value) = value {
                next.append(key, value)
                    .ok_or_else(|| MemoryFault { reason: "the memory is full".to_string(), full: true })?;
            }
        }
        USED.fetch_max(next.len, Ordering::SeqCst);
        self.current = 1 - self.current;
        Ok(())
    }
}
