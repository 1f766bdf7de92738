//! A client's store that can be told to crash: by refusing a write, or by writing and never answering.

use core::fmt;

use cenacle_crypto::SecretBytes;
use cenacle_mls::delta::{Delta, RowKey, Store};
use cenacle_store::{MemoryStore, Snapshot, SqliteStore, StoreError, testing::FailingStore};

/// Where rows are kept.
#[derive(Debug)]
pub enum Medium {
    /// In memory.
    Memory(MemoryStore),
    /// In a database.
    Sqlite(SqliteStore),
}

/// At which write a [`Disk`] crashes, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// This write does not happen.
    Before(u64),
    /// This write happens, but whoever asked for it is not told.
    After(u64),
}

/// A store over a medium, with a crash to come perhaps.
#[derive(Debug)]
pub struct Disk {
    rows: FailingStore<Medium>,
    silent_at: u64,
}

/// Why a [`Disk`] failed.
#[derive(Debug)]
pub enum DiskError {
    /// It crashed as ordered.
    Crashed,
    /// The medium failed, which no test orders.
    Medium(StoreError),
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashed => f.write_str("crashed as ordered"),
            Self::Medium(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DiskError {}

impl Default for Disk {
    fn default() -> Self {
        Self::new(Medium::Memory(MemoryStore::default()))
    }
}

impl Disk {
    /// A disk that does not crash.
    #[must_use]
    pub const fn new(medium: Medium) -> Self {
        Self { rows: FailingStore::at(0, medium), silent_at: 0 }
    }

    /// A disk with a copy of `rows`.
    #[must_use]
    pub fn restored(rows: &Snapshot) -> Self {
        let mut delta = Delta::new();
        for (key, value) in rows.rows() {
            delta.put(key.clone(), value.duplicate());
        }
        let mut disk = Self::default();
        disk.apply(&delta).expect("memory does not fail");
        disk
    }

    /// The same rows on a disk that will crash. Writes are counted anew.
    #[must_use]
    pub fn crashing(self, crash: Crash) -> Self {
        let medium = self.rows.into_inner();
        match crash {
            Crash::Before(write) => Self { rows: FailingStore::at(write, medium), silent_at: 0 },
            Crash::After(write) => Self { rows: FailingStore::at(0, medium), silent_at: write },
        }
    }

    /// The same rows after a restart, with no further crash.
    #[must_use]
    pub fn restarted(self) -> Self {
        Self::new(self.rows.into_inner())
    }

    /// Writes that were asked for since the disk was made or restarted; empty deltas are not counted.
    #[must_use]
    pub const fn writes(&self) -> u64 {
        self.rows.writes()
    }

    /// A copy of all rows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        match self.rows.inner() {
            Medium::Memory(store) => store.snapshot(),
            Medium::Sqlite(store) => store.snapshot().expect("the database can be read"),
        }
    }
}

impl Store for Medium {
    type Error = StoreError;

    fn apply(&mut self, delta: &Delta) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.apply(delta).map_err(|never| match never {}),
            Self::Sqlite(store) => store.apply(delta),
        }
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, StoreError> {
        match self {
            Self::Memory(store) => store.row(key).map_err(|never| match never {}),
            Self::Sqlite(store) => store.row(key),
        }
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, StoreError> {
        match self {
            Self::Memory(store) => store.rows(prefix).map_err(|never| match never {}),
            Self::Sqlite(store) => store.rows(prefix),
        }
    }
}

impl Store for Disk {
    type Error = DiskError;

    fn apply(&mut self, delta: &Delta) -> Result<(), DiskError> {
        self.rows.apply(delta).map_err(failure)?;
        if !delta.is_empty() && self.rows.writes() == self.silent_at { Err(DiskError::Crashed) } else { Ok(()) }
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, DiskError> {
        self.rows.row(key).map_err(failure)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, DiskError> {
        self.rows.rows(prefix).map_err(failure)
    }
}

fn failure(error: cenacle_store::testing::Failure<StoreError>) -> DiskError {
    match error {
        cenacle_store::testing::Failure::Injected { .. } => DiskError::Crashed,
        cenacle_store::testing::Failure::Store(error) => DiskError::Medium(error),
    }
}
