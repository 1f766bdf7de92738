//! What is counted, and how a step is measured.

use alloc::{collections::BTreeMap, sync::Arc};
use core::sync::atomic::{AtomicU64, Ordering};
use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One thing that is counted. "Bytes" are what goes in, except where the name says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Hashes,
    HashedBytes,
    Macs,
    Extracts,
    ExtractedBytes,
    Expands,
    ExpandedBytes,
    Seals,
    SealedBytes,
    Opens,
    OpenedBytes,
    KeyPairs,
    KeyChecks,
    Encapsulations,
    Decapsulations,
    Signatures,
    SignedBytes,
    Verifications,
    VerifiedBytes,
    /// Rows written or erased, and bytes of their keys and values.
    Changes,
    DeltaBytes,
    /// Rows read, and bytes of their keys and values.
    RowsRead,
    ReadBytes,
    /// Bytes of the message.
    SentBytes,
    /// Calls for memory, growing what there is among them.
    Allocations,
    AllocatedBytes,
}

impl Figure {
    pub(crate) const ALL: [Self; 26] = [
        Self::Hashes,
        Self::HashedBytes,
        Self::Macs,
        Self::Extracts,
        Self::ExtractedBytes,
        Self::Expands,
        Self::ExpandedBytes,
        Self::Seals,
        Self::SealedBytes,
        Self::Opens,
        Self::OpenedBytes,
        Self::KeyPairs,
        Self::KeyChecks,
        Self::Encapsulations,
        Self::Decapsulations,
        Self::Signatures,
        Self::SignedBytes,
        Self::Verifications,
        Self::VerifiedBytes,
        Self::Changes,
        Self::DeltaBytes,
        Self::RowsRead,
        Self::ReadBytes,
        Self::SentBytes,
        Self::Allocations,
        Self::AllocatedBytes,
    ];
}

/// One number for each figure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(BTreeMap<Figure, u64>);

impl Figures {
    pub(crate) fn of(&self, figure: Figure) -> u64 {
        self.0.get(&figure).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, figure: Figure, count: u64) {
        *self.0.entry(figure).or_default() += count;
    }

    /// What a step needs that was taken several times: the most of what is counted, and of memory the mean, as it depends
    /// on random keys when a bucket of the index of keys is divided.
    pub(crate) fn of_all(times: &[Self]) -> Self {
        let sum_up = |figure: Figure| {
            let counts = times.iter().map(|time| time.of(figure));
            if matches!(figure, Figure::Allocations | Figure::AllocatedBytes) {
                counts.sum::<u64>().div_ceil(wide(times.len()))
            } else {
                counts.max().unwrap_or_default()
            }
        };
        Self(Figure::ALL.map(|figure| (figure, sum_up(figure))).into())
    }
}

/// Counts what one member does, its suite, signer and store alike. Under the two figures of memory it counts what is
/// asked for aside.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<BTreeMap<Figure, AtomicU64>>);

impl Meter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Figure::ALL.map(|figure| (figure, AtomicU64::new(0))).into()))
    }

    pub(crate) fn count(&self, figure: Figure, count: usize) {
        if let Some(counter) = self.0.get(&figure) {
            counter.fetch_add(wide(count), Ordering::Relaxed);
        }
    }

    /// What `step` does and needs.
    pub(crate) fn measure<T>(&self, step: impl FnOnce() -> T) -> (T, Figures) {
        let before = self.counts();
        let (value, memory) = memory(step);
        let mut figures = self.counts();
        for (figure, count) in &mut figures.0 {
            *count -= before.of(*figure);
        }
        for (figure, count) in memory {
            let aside = figures.of(figure);
            figures.0.insert(figure, wide(count) - aside);
        }
        (value, figures)
    }

    /// Does what is no part of the step that is measured: its memory does not count.
    pub(crate) fn aside<T>(&self, other: impl FnOnce() -> T) -> T {
        let (value, memory) = memory(other);
        memory.into_iter().for_each(|(figure, count)| self.count(figure, count));
        value
    }

    fn counts(&self) -> Figures {
        Figures(self.0.iter().map(|(figure, counter)| (*figure, counter.load(Ordering::Relaxed))).collect())
    }
}

/// Of the whole process: nothing else may run beside.
fn memory<T>(step: impl FnOnce() -> T) -> (T, [(Figure, usize); 2]) {
    let region = Region::new(HEAP);
    let value = step();
    let Stats { allocations, reallocations, bytes_allocated, .. } = region.change();
    (value, [(Figure::Allocations, allocations + reallocations), (Figure::AllocatedBytes, bytes_allocated)])
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
