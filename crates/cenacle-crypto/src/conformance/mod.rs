//! What every provider must pass (RFC 9420 §5.1): known answers from the standards, round trips, and refusal of
//! everything that is broken in one bit or one length. [`check`] tests one suite, [`compare`] two providers against
//! each other. Both panic at the first thing that is wrong, so they belong in tests; [`SeededRng`] is the generator
//! such tests use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that other crates call: a failure is a panic"
)]

mod aead;
mod compare;
mod eddsa;
mod hpke;
mod kdf;
mod kem;
mod rng;
mod signature;
mod vectors;

use alloc::vec::Vec;

use crate::{CryptoError, Rng, Secret, Suite};

pub use compare::compare;
pub use rng::SeededRng;

/// Tests everything a suite supplies, and HPKE over it. The suite may be one of RFC 9420 or an application's own, made of
/// the same KEMs, hashes, AEADs and signature schemes.
pub fn check(suite: &dyn Suite) {
    kdf::check(suite);
    aead::check(suite);
    kem::check(suite);
    signature::check(suite);
    hpke::check(suite);
}

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::from_slice(bytes).unwrap()
}

/// Every copy of `bytes` with one bit flipped.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut copy = bytes.to_vec();
        copy[bit / 8] ^= 1 << (bit % 8);
        copy
    })
}

/// `bytes` without their last, with one more, and nothing at all.
fn wrong_lengths(bytes: &[u8]) -> [Vec<u8>; 3] {
    [bytes[..bytes.len() - 1].to_vec(), [bytes, &[1]].concat(), Vec::new()]
}

/// Gives out fixed bytes once and then fails: the randomness of test vectors, and of broken machines.
struct FixedRng<'a>(&'a [u8]);

impl Rng for FixedRng<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        let (taken, rest) = self.0.split_at_checked(out.len()).ok_or(CryptoError::NoRandomness)?;
        out.copy_from_slice(taken);
        self.0 = rest;
        Ok(())
    }
}
