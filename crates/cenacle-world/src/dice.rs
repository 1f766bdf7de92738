//! What chance decides, fixed by a seed.

use cenacle_crypto::{Rng as _, conformance::SeededRng};

/// A seeded generator with the questions that random runs ask.
#[derive(Clone, Debug)]
pub struct Dice(SeededRng);

impl Dice {
    /// The dice of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// A number under `bound`, or 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let drawn = self.0.next_u64();
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        drawn.checked_rem(bound).and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
    }

    /// A number of milliseconds under `bound`.
    pub fn millis(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// True once in `cases`.
    pub fn once_in(&mut self, cases: usize) -> bool {
        self.below(cases) == 0
    }

    /// One of the items, or `None` where there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        match self.0.fill(&mut bytes) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }

    /// A generator of its own for one operation.
    pub fn fork(&mut self) -> SeededRng {
        SeededRng::new(self.0.next_u64())
    }
}
