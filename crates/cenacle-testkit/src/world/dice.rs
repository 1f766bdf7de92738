//! What chance decides in a test, fixed by a seed.

use cenacle_crypto::{Rng as _, conformance::SeededRng};

/// A seeded generator with the questions tests ask.
#[derive(Clone, Debug)]
pub struct Dice(SeededRng);

impl Dice {
    /// The dice of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// A number under `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(bound).unwrap()).unwrap()
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
        self.0.fill(&mut bytes).unwrap();
        bytes
    }

    /// A generator of its own for one operation.
    pub fn fork(&mut self) -> SeededRng {
        SeededRng::new(self.0.next_u64())
    }

    /// Dice of their own for one operation.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.fork())
    }
}
