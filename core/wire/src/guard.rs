//! The check that no call leaves the process from inside a store transaction.

use std::sync::OnceLock;

static GUARD: OnceLock<fn()> = OnceLock::new();

/// Sets what runs, on the caller's thread, before each call that leaves the process; it panics inside a store transaction.
/// The first one set stays; the binary sets it at start.
pub fn set_transaction_guard(guard: fn()) {
    let _first_stays = GUARD.set(guard);
}

pub(crate) fn check() {
    if let Some(guard) = GUARD.get() {
        guard();
    }
}
