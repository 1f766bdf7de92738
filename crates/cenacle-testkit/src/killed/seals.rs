//! Tells the test of the key of every encryption, before the ciphertext is anybody's.

use cenacle_crypto::Suite;

use super::pipe::tell;
use crate::tapped::{Call, Tap};

/// To be put behind a suite, or a provider of suites.
#[derive(Clone, Copy, Debug)]
pub struct Telling;

impl Tap for Telling {
    fn call(&self, _suite: &dyn Suite, call: Call<'_>) {
        if let Call::Seal { key, .. } = call {
            tell(format_args!("seal {}", hex::encode(key.expose())));
        }
    }
}
