//! Virtual time: what happens when, in an order that only the seed decides.

use alloc::collections::BTreeMap;

/// Milliseconds since the beginning of the run.
pub(crate) type Millis = u64;

/// What is to happen, ordered by time, and by when it was planned where the time is the same.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    now: Millis,
    planned: u64,
    items: BTreeMap<(Millis, u64), T>,
}

impl<T> Agenda<T> {
    pub(crate) const fn new() -> Self {
        Self { now: 0, planned: 0, items: BTreeMap::new() }
    }

    /// The present.
    pub(crate) const fn now(&self) -> Millis {
        self.now
    }

    /// Plans something.
    pub(crate) fn after(&mut self, delay: Millis, item: T) {
        self.planned = self.planned.saturating_add(1);
        self.items.insert((self.now.saturating_add(delay), self.planned), item);
    }

    /// The next thing to happen; time moves on to it.
    pub(crate) fn next(&mut self) -> Option<T> {
        let ((when, _), item) = self.items.pop_first()?;
        self.now = when;
        Some(item)
    }

    /// Gives up everything planned that `keep` does not keep.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.items.retain(|_, item| keep(item));
    }
}
