//! Tools for tests of this crate and of the roles: PostgreSQL databases, temporary directories, a
//! minimal executor, and the suite that every kind of store passes.

mod conformance;
mod postgres;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::{Options, Schema, Store, prepare_all};

pub use conformance::{SCHEMA, conformance};
pub use postgres::{PgDatabase, postgres};

/// An empty store with the schema on each engine: SQLite in memory, and PostgreSQL where it is
/// installed.
///
/// # Panics
/// When one does not open.
#[must_use]
pub fn engines(schema: &Schema) -> Vec<Store> {
    let mut stores = vec![Store::open_memory(schema).expect("the schema fits SQLite")];
    stores.extend(postgres().map(|database| database.open(schema, Options::default())));
    stores
}

/// Lets each engine prepare every statement of a role.
///
/// # Panics
/// With the first statement that an engine does not take.
pub fn check_statements(schema: &Schema, statements: &[&'static str]) {
    for store in engines(schema) {
        if let Err(error) = prepare_all(&store, statements) {
            unreachable!("{:?}: {error}", store.engine());
        }
    }
}

/// A new directory that is removed with its contents when this is dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes one under the system's directory for temporary files.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("zeni-store-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return TempDir(path),
                // left behind by a killed process of the same number
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => unreachable!("no temporary directory: {error}"),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for TempDir {
    fn default() -> TempDir {
        TempDir::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // what cannot be removed is left to the system
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Runs a future to its end on this thread, parking in between.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests;
