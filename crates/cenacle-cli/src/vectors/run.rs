//! Verifies the vectors of one file with one provider, on all cores.

use core::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use std::{thread, time::Instant};

use cenacle_crypto::{CipherSuite, CryptoProvider};

use super::{Failure, Vector, Verdict};

/// What verifying some vectors came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) skipped: usize,
    /// By ascending index.
    pub(crate) failures: Vec<FailedVector>,
    pub(crate) elapsed: Duration,
}

/// A vector that does not hold.
#[derive(Debug)]
pub(crate) struct FailedVector {
    /// Its position in the file, counted from 0.
    pub(crate) index: usize,
    pub(crate) cipher_suite: Option<CipherSuite>,
    pub(crate) failure: Failure,
}

/// Verifies `vectors`, which stand at those positions in their file, and calls `on_each` after every one.
pub(crate) fn run(vectors: &[(usize, Vector)], provider: &dyn CryptoProvider, on_each: &(dyn Fn() + Sync)) -> Tally {
    let start = Instant::now();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tally = Tally::default();
        while let Some((index, vector)) = vectors.get(next.fetch_add(1, Ordering::Relaxed)) {
            match vector.verify(provider) {
                Verdict::Passed => tally.passed += 1,
                Verdict::Skipped => tally.skipped += 1,
                Verdict::Failed(failure) => {
                    let cipher_suite = vector.cipher_suite();
                    tally.failures.push(FailedVector { index: *index, cipher_suite, failure });
                }
            }
            on_each();
        }
        tally
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(vectors.len());
    let mut total = Tally::default();
    thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
        total.add(work());
        for other in others {
            match other.join() {
                Ok(tally) => total.add(tally),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    total.failures.sort_by_key(|failed| failed.index);
    total.elapsed = start.elapsed();
    total
}

impl Tally {
    /// Adds what another came to; the time is counted by whoever waits.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }
}
