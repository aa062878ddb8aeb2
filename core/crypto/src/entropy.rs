use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

#[cfg(feature = "std")]
mod sources;

#[cfg(feature = "std")]
pub use sources::{OsEntropy, SeededEntropy, SharedEntropy};

/// A source of unpredictable bytes. Whoever needs randomness takes one as an argument.
pub trait Entropy {
    /// Fills the whole buffer.
    fn fill(&mut self, out: &mut [u8]);
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

/// An [`Entropy`] as the generator that libraries on `rand_core` 0.10 ask for.
pub struct EntropyRng<'a>(pub &'a mut dyn Entropy);

impl EntropyRng<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl TryRng for EntropyRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for EntropyRng<'_> {}

#[cfg(test)]
mod tests;
