//! Rows in memory, gone with the process: for tests, and for members that live no longer than it.

use core::convert::Infallible;

use cenacle_crypto::SecretBytes;
use cenacle_mls::delta::{Change, Delta, RowKey, RowValue, Store};

use crate::Snapshot;

/// A store in memory. It never fails, and erased values are overwritten. Public values are shared with the state.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Snapshot,
}

impl MemoryStore {
    /// A copy of all rows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.rows.rows().map(|(key, value)| (key.clone(), value.shared())).collect())
    }

    /// Number of rows.
    #[must_use]
    pub fn len_rows(&self) -> usize {
        self.rows.len_rows()
    }

    /// Bytes of all keys and values; a table's number counts as one.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.rows.size_bytes()
    }

    fn range<'a>(&'a self, prefix: &'a RowKey) -> impl Iterator<Item = (&'a RowKey, &'a RowValue)> {
        let below = |key: &RowKey| key.table == prefix.table && key.key.starts_with(&prefix.key);
        self.rows.0.range(prefix..).take_while(move |(key, _)| below(key))
    }
}

impl From<Snapshot> for MemoryStore {
    fn from(rows: Snapshot) -> Self {
        Self { rows }
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn apply(&mut self, delta: &Delta) -> Result<(), Infallible> {
        for change in delta.changes() {
            match change {
                Change::Put(key, value) => drop(self.rows.0.insert(key.clone(), value.shared())),
                Change::Delete(key) => drop(self.rows.0.remove(key)),
                Change::DeletePrefix(prefix) => {
                    let keys: Vec<RowKey> = self.range(prefix).map(|(key, _)| key.clone()).collect();
                    for key in keys {
                        self.rows.0.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Infallible> {
        Ok(self.rows.0.get(key).map(RowValue::duplicate))
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Infallible> {
        Ok(self.range(prefix).map(|(key, value)| (key.clone(), value.duplicate())).collect())
    }
}
