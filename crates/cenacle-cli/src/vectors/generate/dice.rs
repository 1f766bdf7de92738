//! What chance decides in generated vectors, fixed by a seed: SHA-256 in counter mode. Whoever knows the seed knows every
//! key, which is the point of a test vector; nothing else may use this.

use cenacle_crypto::{CipherSuite, CryptoError, Digest, Rng, Secret};
use sha2::{Digest as _, Sha256};

/// The same bytes on every machine for the same seed, file, suite and position.
pub(crate) struct Dice {
    key: [u8; 32],
    blocks: u64,
    block: [u8; 32],
    used: usize,
}

impl Dice {
    /// A generator of its own for each vector, so that none depends on which others are made, or in which order.
    pub(super) fn new(seed: u64, file: &str, cipher_suite: Option<CipherSuite>, index: usize) -> Self {
        let mut key = Sha256::new();
        key.update(b"cenacle vectors 1\0");
        key.update(seed.to_be_bytes());
        key.update(cipher_suite.map_or(0, |suite| suite.0).to_be_bytes());
        key.update(u64::try_from(index).unwrap_or(u64::MAX).to_be_bytes());
        key.update(file);
        Self { key: key.finalize().into(), blocks: 0, block: [0; 32], used: 32 }
    }

    fn next_byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            let mut block = Sha256::new();
            block.update(self.key);
            block.update(self.blocks.to_be_bytes());
            self.block = block.finalize().into();
            self.blocks = self.blocks.wrapping_add(1);
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        u64::from_be_bytes(core::array::from_fn(|_| self.next_byte()))
    }

    /// Any number of 32 bits.
    pub(super) fn number32(&mut self) -> u32 {
        u32::from_be_bytes(core::array::from_fn(|_| self.next_byte()))
    }

    /// A number under `bound`; 0 where there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.number().checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items, or `None` where there are none.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Random bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        core::iter::repeat_with(|| self.next_byte()).take(length).collect()
    }

    /// A random secret; never longer than one may be.
    pub(super) fn secret(&mut self, length: usize) -> Secret {
        Secret::filled(length, |out| self.fill(out)).unwrap_or_else(|_| Secret::zero(length))
    }

    /// What stands where a hash or MAC should.
    pub(super) fn digest(&mut self, length: usize) -> Digest {
        Digest::from_slice(&self.bytes(length)).unwrap_or_default()
    }
}

impl Rng for Dice {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.fill_with(|| self.next_byte());
        Ok(())
    }
}
