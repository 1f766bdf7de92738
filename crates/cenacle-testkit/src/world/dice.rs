//! What chance decides in a test, fixed by a seed or by a script.

use alloc::collections::VecDeque;

use cenacle_crypto::{Rng as _, conformance::SeededRng};

/// A seeded generator with the questions tests ask.
#[derive(Clone, Debug)]
pub struct Dice {
    rng: SeededRng,
    /// What is thrown first.
    script: VecDeque<u8>,
}

impl Dice {
    /// The dice of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { rng: SeededRng::new(seed), script: VecDeque::new() }
    }

    /// Dice whose numbers come from these bytes as long as there are any.
    #[must_use]
    pub fn scripted(script: &[u8]) -> Self {
        Self { rng: SeededRng::new(0), script: script.iter().copied().collect() }
    }

    /// How many bytes of the script are left.
    #[must_use]
    pub fn script_left(&self) -> usize {
        self.script.len()
    }

    /// A number under `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Of a script one byte decides among few, as fuzzers like it, and two among many.
        let number = match (self.script.pop_front(), bound) {
            (Some(byte), ..=256) => u64::from(byte),
            (Some(byte), _) => {
                u64::from_be_bytes([0, 0, 0, 0, 0, 0, byte, self.script.pop_front().unwrap_or_default()])
            }
            (None, _) => self.rng.next_u64(),
        };
        usize::try_from(number % u64::try_from(bound).unwrap()).unwrap()
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items, or `None` where there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.below(items.len())]) }
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.rng.fill(&mut bytes).unwrap();
        bytes
    }

    /// A generator of its own for one operation.
    pub fn fork(&mut self) -> SeededRng {
        SeededRng::new(self.rng.next_u64())
    }

    /// Dice of their own for one operation.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self { rng: self.fork(), script: VecDeque::new() }
    }
}
