//! Rows in one SQLite file: one table, one durable transaction for each delta, one process at a time.
//!
//! What is promised about erasure (RFC 9420 §9.2). An erased row is overwritten in the database file with its delta
//! (`secure_delete`). Two places may still hold it: the write-ahead log, and copies that the database left behind when
//! it moved rows between its pages. The log is cut to nothing when the store is closed and after every
//! [`SqliteStore::CUT_LOG_EVERY_DELTAS`] deltas; both are gone after [`SqliteStore::erase_now`]. What the medium, the
//! file system or a swapped-out page keeps beyond that is out of reach.

mod open;

use core::fmt;
use std::path::Path;

use cenacle_crypto::SecretBytes;
use cenacle_mls::delta::{Change, Delta, RowKey, Store, Table};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

#[cfg(feature = "testing")]
use crate::testing::witness;
use crate::{Snapshot, StoreError};

/// A state file. It is locked while it is open, and readable by its owner alone.
///
/// ```
/// use cenacle_mls::delta::{Delta, RowKey, Store, Table};
/// use cenacle_store::SqliteStore;
///
/// let mut store = SqliteStore::open_in_memory()?;
/// let key = RowKey::new(Table(200), *b"greeting");
/// let mut delta = Delta::new();
/// delta.put(key.clone(), b"hello".to_vec());
/// store.apply(&delta)?;
/// assert_eq!(store.row(&key)?.map(|value| value.expose().to_vec()), Some(b"hello".to_vec()));
/// # Ok::<(), cenacle_store::StoreError>(())
/// ```
pub struct SqliteStore {
    connection: Connection,
    deltas_in_log: u32,
}

impl SqliteStore {
    /// After so many deltas the write-ahead log is cut, so that what was erased does not linger there for long.
    pub const CUT_LOG_EVERY_DELTAS: u32 = 256;

    /// Opens the state file at `path`, creating it or bringing it to the present format if need be.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NotAStore`], [`StoreError::Newer`], or what the medium says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        open::create_private(path.as_ref())?;
        Self::with(open::connect(path.as_ref())?)
    }

    /// A new store that is gone when it is dropped.
    ///
    /// # Errors
    /// When the database cannot be set up.
    pub fn open_in_memory() -> Result<Self, StoreError> {
        Self::with(Connection::open_in_memory()?)
    }

    fn with(mut connection: Connection) -> Result<Self, StoreError> {
        open::prepare(&mut connection)?;
        Ok(Self { connection, deltas_in_log: 0 })
    }

    /// Makes sure now that nothing erased so far is left in the files: rewrites the database and cuts the log.
    /// It takes time and, for a while, space in proportion to the whole state.
    ///
    /// # Errors
    /// When the medium fails; what is stored stays as it is.
    pub fn erase_now(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("VACUUM")?;
        self.cut_log()
    }

    fn cut_log(&mut self) -> Result<(), StoreError> {
        open::cut_log(&self.connection)?;
        self.deltas_in_log = 0;
        Ok(())
    }

    /// Closes the file, which also cuts and removes the write-ahead log. Dropping the store does the same in silence.
    ///
    /// # Errors
    /// When the medium fails; every applied delta is stored all the same.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.cut_log()?;
        self.connection.close().map_err(|(_, error)| error.into())
    }

    /// A copy of all rows.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT tab, key, value FROM rows")?;
        let rows = statement.query_map([], |row| {
            let key = RowKey::new(Table(row.get(0)?), row.get_ref(1)?.as_blob()?);
            Ok((key, row.get_ref(2)?.as_blob()?.into()))
        })?;
        Ok(Snapshot(rows.collect::<Result<_, _>>()?))
    }

    fn write(&mut self, delta: &Delta) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in delta.changes() {
            match change {
                Change::Put(key, value) => transaction
                    .prepare_cached("INSERT OR REPLACE INTO rows (tab, key, value) VALUES (?1, ?2, ?3)")?
                    .execute(params![key.table.0, key.key, value.expose()])?,
                Change::Delete(key) => transaction
                    .prepare_cached("DELETE FROM rows WHERE tab = ?1 AND key = ?2")?
                    .execute(params![key.table.0, key.key])?,
                Change::DeletePrefix(RowKey { table, key }) => match prefix_end(key) {
                    Some(end) => transaction
                        .prepare_cached("DELETE FROM rows WHERE tab = ?1 AND key >= ?2 AND key < ?3")?
                        .execute(params![table.0, key, end])?,
                    None => transaction
                        .prepare_cached("DELETE FROM rows WHERE tab = ?1 AND key >= ?2")?
                        .execute(params![table.0, key])?,
                },
            };
        }
        transaction.commit()
    }
}

impl Store for SqliteStore {
    type Error = StoreError;

    fn apply(&mut self, delta: &Delta) -> Result<(), StoreError> {
        if delta.is_empty() {
            return Ok(());
        }
        witness::before(delta);
        self.write(delta)?;
        self.deltas_in_log = self.deltas_in_log.saturating_add(1);
        // The delta is stored, so a failure to cut the log must not look like a failure to store: the count goes on,
        // and the next delta tries again.
        if self.deltas_in_log >= Self::CUT_LOG_EVERY_DELTAS {
            self.cut_log().unwrap_or_default();
        }
        witness::after();
        Ok(())
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM rows WHERE tab = ?1 AND key = ?2")?;
        let value =
            statement.query_row(params![key.table.0, key.key], |row| Ok(SecretBytes::from(row.get_ref(0)?.as_blob()?)));
        Ok(value.optional()?)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            let key = RowKey::new(prefix.table, row.get_ref(0)?.as_blob()?);
            Ok((key, SecretBytes::from(row.get_ref(1)?.as_blob()?)))
        };
        let RowKey { table, key } = prefix;
        let rows: Result<Vec<_>, _> = match prefix_end(key) {
            Some(end) => self
                .connection
                .prepare_cached("SELECT key, value FROM rows WHERE tab = ?1 AND key >= ?2 AND key < ?3 ORDER BY key")?
                .query_map(params![table.0, key, end], read)?
                .collect(),
            None => self
                .connection
                .prepare_cached("SELECT key, value FROM rows WHERE tab = ?1 AND key >= ?2 ORDER BY key")?
                .query_map(params![table.0, key], read)?
                .collect(),
        };
        Ok(rows?)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.connection.path()).finish_non_exhaustive()
    }
}

/// The least key that is greater than every key beginning with `prefix`, or `None` if no key is.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// Outside of tests nobody is told of writes.
#[cfg(not(feature = "testing"))]
mod witness {
    use super::Delta;

    pub(super) const fn before(_: &Delta) {}
    pub(super) const fn after() {}
}

#[cfg(test)]
mod tests;
