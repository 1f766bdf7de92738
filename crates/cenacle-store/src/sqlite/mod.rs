//! Rows in one SQLite file: one table, one durable transaction for each delta, one process at a time.
//!
//! What is promised about erasure (RFC 9420 §9.2). A database leaves copies of what it stores: in its log, in the gaps of
//! pages whose rows it moved, in buffers of its own. So it never sees a secret value: each is sealed under a key of its own,
//! and the keys are in a file beside it, at `<path>-keys`, in slots that are overwritten in place. When `apply` returns, the
//! keys of all rows that the delta erased or replaced are gone from that file, and with them everything that any copy of
//! those rows could tell. They are gone from the medium with the next delta that writes secrets or when the store is closed, and
//! after a loss of power when it is next opened. What a medium that does not write in place, the file system or a swapped-out page keeps beyond
//! that is out of reach.
//!
//! A store that was closed is one file: the keys are folded into the end of it, and the key file is empty.
//!
//! Values that the state shares ([`RowValue::Shared`]) are public, and are stored as they are.

mod folded;
mod keys;
mod mark;
mod open;
mod seal;

use core::fmt;
use std::path::Path;

use cenacle_crypto::{Depth, Secret, SecretBytes, swept};
use cenacle_mls::delta::{Change, Delta, RowKey, RowValue, Store, Table};
use rusqlite::{Connection, Row, ToSql, Transaction, TransactionBehavior, params};

use self::keys::{Keys, Medium, Slot};
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
    /// Closed after the database, into which they are folded.
    keys: Keys,
}

impl SqliteStore {
    /// What the names of the files that a state consists of have behind its path: the database, its keys, its log. A closed state
    /// is all in the first; while it is open, and after a crash, they belong together.
    pub const SUFFIXES: [&str; 3] = ["", folded::KEYS, folded::LOG];

    /// Opens the state file at `path`, creating it or bringing it to the present format if need be.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NotAStore`], [`StoreError::Newer`], [`StoreError::KeysDoNotFit`], or what the medium
    /// says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        open::create_private(path)?;
        let medium = Medium::of(Some(path))?;
        let store = Self::with(open::connect(path)?, medium);
        if matches!(store, Err(StoreError::NotAStore)) {
            folded::forget(path);
        }
        store
    }

    /// A new store that is gone when it is dropped.
    ///
    /// # Errors
    /// When the database cannot be set up.
    pub fn open_in_memory() -> Result<Self, StoreError> {
        Self::with(Connection::open_in_memory()?, Medium::of(None)?)
    }

    fn with(mut connection: Connection, medium: Medium) -> Result<Self, StoreError> {
        let keys = open::prepare(&mut connection, medium)?.opened();
        Ok(Self { connection, keys })
    }

    /// Closes the state, which is one file from then on. Dropping the store does the same in silence.
    ///
    /// # Errors
    /// When the medium fails; every applied delta is stored all the same.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { connection, mut keys } = self;
        let cut = open::cut_log(&connection);
        let closed = connection.close().map_err(|(_, error)| error);
        let folded = keys.close();
        cut?;
        closed?;
        Ok(folded?)
    }

    /// A copy of all rows.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        swept(Depth::KiB8, || self.read_all())
    }

    fn read_all(&self) -> Result<Snapshot, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT tab, key, slot, value FROM rows WHERE tab >= 0")?;
        let mut rows = statement.query([])?;
        let mut snapshot = Snapshot::default();
        while let Some(row) = rows.next()? {
            let name = RowKey::new(Table(row.get(0)?), blob(row, 1)?);
            let value = self.value(&name, row.get(2)?, blob(row, 3)?)?;
            snapshot.0.insert(name, value.into());
        }
        Ok(snapshot)
    }

    /// A row's value as it was put.
    fn value(&self, name: &RowKey, slot: Option<Slot>, stored: &[u8]) -> Result<SecretBytes, StoreError> {
        match slot {
            Some(slot) => seal::open(&self.keys.read(slot)?, name, stored),
            None => Ok(stored.into()),
        }
    }

    /// Writes a delta in one transaction, a new mark and its secret values under the keys that were drawn for them. Gives the
    /// slots of the rows that are gone.
    fn write(&mut self, delta: &Delta, drawn: &[(Slot, Secret)]) -> Result<Vec<Slot>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut drawn, mut gone) = (drawn.iter(), Vec::new());
        if let Some(drawn) = drawn.next() {
            erase(&transaction, ERASE_ONE, params![mark::TABLE, mark::KEY], &mut gone)?;
            mark::put(&transaction, drawn)?;
        }
        for change in delta.changes() {
            match change {
                Change::Put(name, value) => {
                    erase(&transaction, ERASE_ONE, params![name.table.0, name.key], &mut gone)?;
                    let mut insert = transaction
                        .prepare_cached("INSERT INTO rows (tab, key, slot, value) VALUES (?1, ?2, ?3, ?4)")?;
                    match value {
                        RowValue::Shared(value) => {
                            insert.execute(params![name.table.0, name.key, None::<Slot>, &**value])?
                        }
                        RowValue::Secret(value) => {
                            let (slot, key) = drawn.next().ok_or(StoreError::KeysDoNotFit)?;
                            let sealed = seal::seal(key, name, value.expose())?;
                            insert.execute(params![name.table.0, name.key, slot, sealed])?
                        }
                    };
                }
                Change::Delete(RowKey { table, key }) => {
                    erase(&transaction, ERASE_ONE, params![table.0, key], &mut gone)?;
                }
                Change::DeletePrefix(RowKey { table, key }) => match prefix_end(key) {
                    Some(end) => erase(&transaction, ERASE_BETWEEN, params![table.0, key, end], &mut gone)?,
                    None => erase(&transaction, ERASE_FROM, params![table.0, key], &mut gone)?,
                },
            }
        }
        transaction.commit()?;
        Ok(gone)
    }
}

const ERASE_ONE: &str = "DELETE FROM rows WHERE tab = ?1 AND key = ?2 RETURNING slot";
const ERASE_BETWEEN: &str = "DELETE FROM rows WHERE tab = ?1 AND key >= ?2 AND key < ?3 RETURNING slot";
const ERASE_FROM: &str = "DELETE FROM rows WHERE tab = ?1 AND key >= ?2 RETURNING slot";

/// Erases rows, and names the slots of their keys.
fn erase(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: &[&dyn ToSql],
    gone: &mut Vec<Slot>,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(sql)?;
    let mut slots = statement.query(parameters)?;
    while let Some(row) = slots.next()? {
        gone.extend(row.get::<_, Option<Slot>>(0)?);
    }
    Ok(())
}

fn blob<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    row.get_ref(column)?.as_blob().map_err(|_| StoreError::Corrupt)
}

impl Store for SqliteStore {
    type Error = StoreError;

    fn apply(&mut self, delta: &Delta) -> Result<(), StoreError> {
        if delta.is_empty() {
            return Ok(());
        }
        witness::before(delta);
        let secret = |change: &&Change| matches!(change, Change::Put(_, RowValue::Secret(_)));
        let secrets = delta.changes().iter().filter(secret).count();
        let drawn = self.keys.draw(if secrets > 0 { secrets.saturating_add(1) } else { 0 })?;
        let gone = swept(Depth::KiB8, || self.write(delta, &drawn))?;
        self.keys.settle(&drawn, gone);
        // The delta is stored, so a failure to erase must not look like a failure to store: the next delta tries again, and
        // so does whoever opens the file next.
        self.keys.erase_gone().unwrap_or_default();
        witness::after();
        Ok(())
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, StoreError> {
        swept(Depth::KiB8, || self.read_row(key))
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, StoreError> {
        swept(Depth::KiB8, || self.read_rows(prefix))
    }
}

impl SqliteStore {
    fn read_row(&self, key: &RowKey) -> Result<Option<SecretBytes>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT slot, value FROM rows WHERE tab = ?1 AND key = ?2")?;
        let mut rows = statement.query(params![key.table.0, key.key])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        self.value(key, row.get(0)?, blob(row, 1)?).map(Some)
    }

    fn read_rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, StoreError> {
        let RowKey { table, key } = prefix;
        let end = prefix_end(key);
        let mut statement = self.connection.prepare_cached(match end {
            Some(_) => "SELECT key, slot, value FROM rows WHERE tab = ?1 AND key >= ?2 AND key < ?3 ORDER BY key",
            None => "SELECT key, slot, value FROM rows WHERE tab = ?1 AND key >= ?2 ORDER BY key",
        })?;
        let mut rows = match &end {
            Some(end) => statement.query(params![table.0, key, end])?,
            None => statement.query(params![table.0, key])?,
        };
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let name = RowKey::new(*table, blob(row, 0)?);
            let value = self.value(&name, row.get(1)?, blob(row, 2)?)?;
            found.push((name, value));
        }
        Ok(found)
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
