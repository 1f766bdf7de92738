//! Worlds of Cenacle clients, each with a store of its own, over a network that tests control.
//! [`World`] delivers everything at once and in order; [`storm`] mixes random operations over a service that loses,
//! repeats and reorders. After every step what a client holds in memory is what its store holds, and a refused message has
//! changed neither.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "support of tests, which fail by panicking"
)]

mod dice;
mod disk;
mod person;
mod scene;
pub mod storm;

pub use dice::Dice;
pub use disk::{Crash, Disk, DiskError, Medium};
pub use person::{Person, StepError, Visible, refusal};
pub use scene::{Provider, World, inputs};

use core::ops::Range;
use std::env;

use cenacle_mls::wire::{ExtensionType, Lifetime};

/// The present of every world, in seconds since the Unix epoch.
pub const NOW_SECONDS: u64 = 1_000;

/// How long every key package is valid.
pub const LIFETIME: Lifetime = Lifetime { not_before: 0, not_after: 1_000_000 };

/// An extension type of the private range that every client supports.
pub const TEST_EXTENSION: ExtensionType = ExtensionType(0xF00D);

/// Whether `CENACLE_LONG` asks for a long run.
#[must_use]
pub fn long_run() -> bool {
    env::var_os("CENACLE_LONG").is_some_and(|value| value != "0")
}

/// Seeds of what is random: one, or so many in a long run; or the one that `CENACLE_SEED` names.
///
/// # Panics
/// When it names something else.
#[must_use]
pub fn seeds(long: u64) -> Range<u64> {
    seeds_of(1..if long_run() { long + 1 } else { 2 })
}

/// These seeds, or the one that `CENACLE_SEED` names.
///
/// # Panics
/// When it names something else.
#[must_use]
pub fn seeds_of(usual: Range<u64>) -> Range<u64> {
    let one = env::var("CENACLE_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    one.map_or(usual, |seed| seed..seed + 1)
}
