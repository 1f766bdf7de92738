//! Randomness from the operating system, for programs; the protocol itself draws from whatever [`Rng`] it is handed.

use cenacle_crypto::{CryptoError, Rng};

/// The operating system's random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(out).map_err(|_| CryptoError::NoRandomness)
    }
}
