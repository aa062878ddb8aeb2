use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::Entropy;

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).expect("AWS-LC's generator does not fail; it aborts the process");
    }
}

/// ChaCha20 run from a seed: the same seed gives the same bytes. For tests and deterministic runs.
pub struct SeededEntropy(ChaCha20Rng);

impl SeededEntropy {
    /// The stream of that seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> SeededEntropy {
        SeededEntropy(ChaCha20Rng::from_seed(seed))
    }

    /// The stream of a small number, for tests that need many.
    #[must_use]
    pub fn from_number(number: u64) -> SeededEntropy {
        SeededEntropy::new(crate::tagged("zeni/seeded-entropy", &[&number.to_be_bytes()]).0)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy(…)")
    }
}

/// One source that many hold; draws are served one after the other.
#[derive(Clone)]
pub struct SharedEntropy(Arc<Mutex<dyn Entropy + Send>>);

impl SharedEntropy {
    /// Shares that source.
    pub fn new(source: impl Entropy + Send + 'static) -> SharedEntropy {
        SharedEntropy(Arc::new(Mutex::new(source)))
    }

    /// The operating system's randomness.
    #[must_use]
    pub fn os() -> SharedEntropy {
        SharedEntropy::new(OsEntropy)
    }

    /// The stream of that seed, shared.
    #[must_use]
    pub fn seeded(seed: [u8; 32]) -> SharedEntropy {
        SharedEntropy::new(SeededEntropy::new(seed))
    }

    /// `N` bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.draw(&mut bytes);
        bytes
    }

    fn draw(&self, out: &mut [u8]) {
        // a source that panicked in another thread has no half-made state that a later draw reads
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(out);
    }
}

impl Entropy for SharedEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        self.draw(out);
    }
}

impl fmt::Debug for SharedEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedEntropy(…)")
    }
}
