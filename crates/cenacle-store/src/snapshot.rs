//! All rows of a store at one moment, to be compared with another moment's: for tests of atomicity.

use alloc::collections::BTreeMap;
use core::fmt;

use cenacle_mls::delta::{RowKey, RowValue};

/// A copy of all rows. Two are equal when they have the same keys with the same bytes. It prints keys and lengths only.
#[derive(Default)]
pub struct Snapshot(pub(crate) BTreeMap<RowKey, RowValue>);

impl Snapshot {
    /// Number of rows.
    #[must_use]
    pub fn len_rows(&self) -> usize {
        self.0.len()
    }

    /// Bytes of all keys and values; a table's number counts as one.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.iter().map(|(key, value)| 1 + key.key.len() + value.expose().len()).sum()
    }

    /// The rows, ascending by table and key.
    pub fn rows(&self) -> impl Iterator<Item = (&RowKey, &RowValue)> {
        self.0.iter()
    }
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|((key, value), (other_key, other_value))| key == other_key && value.ct_eq(other_value))
    }
}

impl Eq for Snapshot {}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(key, value)| (key, value.expose().len()))).finish()
    }
}
