//! What a ledger wants to know of a suite.

use cenacle_crypto::Suite;

use super::{Entry, Ledger};
use crate::tapped::{Call, Tap};

/// So many bytes of a nonce may differ by nothing but the reuse guard.
const GUARDED_BYTES: usize = 4;

/// Half of a hash: enough that no two of any number of entries are ever equal by chance.
fn digest(suite: &dyn Suite, parts: &[&[u8]]) -> u128 {
    u128::from_be_bytes(*suite.hash(parts).first_chunk().expect("no hash is shorter"))
}

impl Tap for Ledger {
    fn call(&self, suite: &dyn Suite, call: Call<'_>) {
        if let Call::Seal { key, nonce, .. } = call {
            let unguarded = nonce.expose().get(GUARDED_BYTES..).unwrap_or_default();
            self.enter(Entry::Seal(digest(suite, &[key.expose(), unguarded])));
        }
        if let Call::Encapsulate { kem_output: Some(kem_output) } = call {
            self.enter(Entry::Encapsulation(digest(suite, &[kem_output])));
        }
    }
}
