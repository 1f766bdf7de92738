//! For tests of whoever must survive the failure of a store: one that fails when it is told to, and one who is told of every
//! write of a state file, to end the process there.

use core::fmt;
use std::sync::OnceLock;

use cenacle_crypto::SecretBytes;
use cenacle_mls::delta::{Delta, RowKey, Store};

/// A store that refuses some writes and passes everything else on to another store. Writes are counted from 1.
#[derive(Debug)]
pub struct FailingStore<S> {
    inner: S,
    applied: u64,
    first: u64,
    last: u64,
}

/// Why a [`FailingStore`] failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// It was told to fail at this write.
    Injected {
        /// Which write, counted from 1.
        write: u64,
    },
    /// The store behind it failed.
    Store(E),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Injected { write } => write!(f, "write {write} fails as ordered"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Failure<E> {}

impl<S> FailingStore<S> {
    /// Refuses only the `n`-th write: a full disk that is given room again.
    pub const fn at(n: u64, inner: S) -> Self {
        Self { inner, applied: 0, first: n, last: n }
    }

    /// Refuses the `n`-th write and all after it: a disk that is gone.
    pub const fn from(n: u64, inner: S) -> Self {
        Self { inner, applied: 0, first: n, last: u64::MAX }
    }

    /// Writes that were asked for so far, refused ones included; empty deltas are not counted.
    pub const fn writes(&self) -> u64 {
        self.applied
    }

    /// The store behind it, as it would be found after a crash.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The store behind it.
    pub const fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Store> Store for FailingStore<S> {
    type Error = Failure<S::Error>;

    fn apply(&mut self, delta: &Delta) -> Result<(), Self::Error> {
        if delta.is_empty() {
            return Ok(());
        }
        self.applied = self.applied.saturating_add(1);
        if (self.first..=self.last).contains(&self.applied) {
            return Err(Failure::Injected { write: self.applied });
        }
        self.inner.apply(delta).map_err(Failure::Store)
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Self::Error> {
        self.inner.row(key).map_err(Failure::Store)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Self::Error> {
        self.inner.rows(prefix).map_err(Failure::Store)
    }
}

/// One who is told of every write of every [`SqliteStore`](crate::SqliteStore) of this process, and may hold it up. Empty
/// deltas are no writes.
pub trait Witness: Send + Sync {
    /// This is about to be written.
    fn before(&self, delta: &Delta);

    /// It is written, and whoever asked for it does not know yet.
    fn after(&self);
}

static WITNESS: OnceLock<Box<dyn Witness>> = OnceLock::new();

/// Has `witness` told of every write from now on. The first to be named stays the only one.
pub fn watch(witness: impl Witness + 'static) {
    // A second one is dropped.
    drop(WITNESS.set(Box::new(witness)));
}

/// Where the store tells of its writes.
pub(crate) mod witness {
    use super::{Delta, WITNESS};

    pub(crate) fn before(delta: &Delta) {
        if let Some(witness) = WITNESS.get() {
            witness.before(delta);
        }
    }

    pub(crate) fn after() {
        if let Some(witness) = WITNESS.get() {
            witness.after();
        }
    }
}
