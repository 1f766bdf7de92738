//! A generator whose output is fixed by its seed: SHA-256 over seed and block number. For tests only, since whoever
//! knows the seed knows every key.

use sha2::{Digest as _, Sha256};

use crate::{CryptoError, Rng};

/// The same bytes for the same seed on every machine, however they are asked for.
#[derive(Debug, Clone)]
pub struct SeededRng {
    seed: u64,
    blocks: u64,
    block: [u8; 32],
    used: usize,
}

impl SeededRng {
    /// Starts the sequence of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, blocks: 0, block: [0; 32], used: 32 }
    }

    /// The next eight bytes as a number.
    pub fn next_u64(&mut self) -> u64 {
        u64::from_be_bytes(core::array::from_fn(|_| self.next_byte()))
    }

    fn next_byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_be_bytes());
            hash.update(self.blocks.to_be_bytes());
            self.block = hash.finalize().into();
            self.blocks += 1;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}

impl Rng for SeededRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.fill_with(|| self.next_byte());
        Ok(())
    }
}
