//! Messages broken in every small way, and the siege that shows it does no harm.
//! [`damages`] lists what chance or malice can make of one message; [`besiege`] delivers all of it before the genuine one
//! and compares, after each, every row of the store and the group in memory with what they were.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "support of tests, which fail by panicking"
)]

mod ecdsa;
mod edits;
mod siege;
mod splices;
mod spoiler;

pub use ecdsa::{ecdsa_malformed, ecdsa_twin};
pub use edits::{claims, edits};
pub use siege::{Delivery, Siege, besiege};
pub use splices::splices;
pub use spoiler::Spoiler;

use crate::world::Dice;

/// One broken message.
#[derive(Clone, Debug)]
pub struct Damage {
    /// What was done to it.
    pub what: String,
    /// What is left.
    pub bytes: Vec<u8>,
}

impl Damage {
    /// These bytes, described.
    #[must_use]
    pub fn new(what: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { what: what.into(), bytes }
    }
}

/// How many bits of one message are flipped at most, and how many truncations are made.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Flips; a message of no more bits has all of them flipped.
    pub flips: usize,
    /// Truncations.
    pub truncations: usize,
}

impl Budget {
    /// Everything, whatever it takes.
    pub const ALL: Self = Self { flips: usize::MAX, truncations: usize::MAX };
    /// Enough to hit every field a few times.
    pub const SAMPLE: Self = Self { flips: 600, truncations: 60 };
}

/// All flips, truncations and additions within the budget, sampled evenly with a random start where they are too many.
pub fn damages<'a>(bytes: &'a [u8], budget: Budget, dice: &mut Dice) -> impl Iterator<Item = Damage> + use<'a> {
    let flips = sample(bytes.len() * 8, budget.flips, dice).map(|bit| {
        let mut copy = bytes.to_vec();
        copy[bit / 8] ^= 0x80 >> (bit % 8);
        Damage::new(format!("bit {bit} of {}", bytes.len() * 8), copy)
    });
    let cut =
        |length: usize| Damage::new(format!("cut to {length} of {} bytes", bytes.len()), bytes[..length].to_vec());
    let truncations = sample(bytes.len(), budget.truncations, dice).map(cut);
    let tails = [vec![0], vec![0xff], vec![0; 32], dice.bytes(3), bytes.to_vec()];
    let added = tails.into_iter().map(move |tail| {
        let what = format!("{} bytes appended", tail.len());
        Damage::new(what, [bytes, &tail].concat())
    });
    flips.chain(truncations).chain(added)
}

/// `budget` of the numbers below `count`, or all of them.
fn sample(count: usize, budget: usize, dice: &mut Dice) -> impl Iterator<Item = usize> + use<> {
    let stride = count.div_ceil(budget.max(1)).max(1);
    // An odd stride visits every position within bytes in turn.
    let stride = if stride == 1 { 1 } else { stride | 1 };
    (dice.below(stride)..count).step_by(stride)
}
