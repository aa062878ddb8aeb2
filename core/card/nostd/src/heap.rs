//! An allocator over a fixed piece of memory that gives back only what was taken last, and counts what a better one would
//! have in use.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Bytes that the check may take in all.
const HEAP_BYTES: usize = 16 * 1_024 * 1_024;

#[repr(align(16))]
struct Arena(UnsafeCell<[u8; HEAP_BYTES]>);

// SAFETY: the arena is reached through pointers that `alloc` hands out once each
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; HEAP_BYTES]));

/// The allocator.
pub struct Bump {
    used: AtomicUsize,
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl Bump {
    /// With the whole arena free.
    pub const fn new() -> Bump {
        Bump { used: AtomicUsize::new(0), live: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// Bytes in use.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    /// The most bytes in use at once since [`Bump::mark`].
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }

    /// Counts the most from here.
    pub fn mark(&self) {
        self.peak.store(self.live(), Ordering::SeqCst);
    }
}

// SAFETY: `alloc` hands out disjoint, aligned pieces of the arena, as the atomic update takes each range once
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = ARENA.0.get().cast::<u8>();
        let place = |used: usize| (base as usize + used).next_multiple_of(layout.align()) - base as usize;
        let taken = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| {
            place(used).checked_add(layout.size()).filter(|end| *end <= HEAP_BYTES)
        });
        match taken {
            Ok(used) => {
                let live = self.live.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
                self.peak.fetch_max(live, Ordering::SeqCst);
                // SAFETY: the range was found to lie within the arena
                unsafe { base.add(place(used)) }
            }
            Err(_) => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.live.fetch_sub(layout.size(), Ordering::SeqCst);
        let start = pointer as usize - ARENA.0.get() as usize;
        let end = start + layout.size();
        // only the last piece comes back; the others stay taken
        let _ = self.used.compare_exchange(end, start, Ordering::SeqCst, Ordering::SeqCst);
    }
}
