//! The back end in one SQLite file: write-ahead log, every answer after a sync to the disk, one writing thread with
//! group commit, a few connections for reading. Its directory must be one that only the server may enter: the file
//! holds the Authentication Service's private key.

mod accounts;
mod groups;
mod log;
mod packages;
mod queue;
mod schema;
mod writer;

use alloc::boxed::Box;
use core::time::Duration;
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

use cenacle_crypto::Rng;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use self::writer::Writer;
use super::{
    AppendOutcome, BindOutcome, CommitOutcome, CreateOutcome, DeviceBindings, DeviceRecord, GroupInfoOutcome,
    NewCommit, NewDevice, NewGroup, NewKeyPackage, NewMessage, NewQueueItem, PublishOutcome, ReadLimit, ReadOutcome,
    RegisterOutcome, Storage, StorageError, StoredBinding, StoredKeyPackage,
};
use crate::wire::{AccountName, ContentHash, DeviceId, GroupId, Head, Lineage, Queue, SuiteNumber, SuiteStock};

/// Connections for reading. More do not help where the disk or few cores are the limit.
const READERS: usize = 4;

/// Prepared statements each connection keeps: all there are.
const STATEMENTS: usize = 96;

/// How long to wait for a lock of another process, such as a backup.
const BUSY: Duration = Duration::from_secs(5);

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(Box::new(error))
    }
}

/// The back end in one SQLite file.
#[derive(Debug)]
pub struct SqliteStorage {
    lineage: Lineage,
    writer: Writer,
    readers: Vec<Mutex<Connection>>,
}

impl SqliteStorage {
    /// Opens the file at `path`, makes it if there is none, and brings it to this version's schema.
    ///
    /// # Errors
    /// [`StorageError::NewerSchema`], [`StorageError::NoRandomness`], and what the engine says.
    pub fn open(path: &Path, rng: &mut dyn Rng) -> Result<Self, StorageError> {
        create_private(path).map_err(|_| StorageError::Corrupt("the file cannot be made or read"))?;
        let mut writing = Connection::open(path)?;
        prepare(&writing)?;
        // `journal_mode` answers with the mode it chose, so it is a query.
        let mode: String = writing.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(StorageError::Corrupt("the file cannot have a write-ahead log"));
        }
        writing.pragma_update(None, "synchronous", "FULL")?;
        writing.pragma_update(None, "foreign_keys", true)?;
        let lineage = schema::migrate(&mut writing, rng)?;
        let readers = (0..READERS).map(|_| reader(path)).collect::<Result<_, _>>()?;
        Ok(Self { lineage, writer: Writer::start(writing)?, readers })
    }

    /// A free connection for reading, or the first one as soon as it is free.
    fn reader(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        for reader in &self.readers {
            match reader.try_lock() {
                Ok(free) => return Ok(free),
                Err(TryLockError::Poisoned(free)) => return Ok(free.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let first = self.readers.first().ok_or(StorageError::Closed)?;
        Ok(first.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `query` on one state of the file.
    fn read_with<T>(&self, query: impl FnOnce(&Connection) -> Result<T, StorageError>) -> Result<T, StorageError> {
        let reader = self.reader()?;
        // Rolled back when dropped: there is nothing to keep.
        let snapshot = reader.unchecked_transaction()?;
        query(&snapshot)
    }
}

fn prepare(connection: &Connection) -> Result<(), StorageError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn reader(path: &Path) -> Result<Mutex<Connection>, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(Mutex::new(connection))
}

impl Storage for SqliteStorage {
    fn lineage(&self) -> Lineage {
        self.lineage
    }

    fn probe(&self) -> Result<(), StorageError> {
        self.writer.write(|connection| {
            let sql = "INSERT INTO meta (name, value) VALUES ('probe', x'') ON CONFLICT DO UPDATE SET value = x''";
            connection.prepare_cached(sql)?.execute([])?;
            Ok(())
        })
    }

    fn secret(&self, name: &'static str, fresh: &[u8]) -> Result<Vec<u8>, StorageError> {
        let (fresh, name) = (fresh.to_vec(), format!("secret {name}"));
        self.writer.write(move |connection| {
            connection.execute("INSERT OR IGNORE INTO meta (name, value) VALUES (?1, ?2)", params![name, fresh])?;
            Ok(connection.query_row("SELECT value FROM meta WHERE name = ?1", params![name], |row| row.get(0))?)
        })
    }

    fn register_device(&self, device: NewDevice) -> Result<RegisterOutcome, StorageError> {
        self.writer.write(move |connection| accounts::register(connection, &device))
    }

    fn replace_token(&self, device: DeviceId, token_hash: ContentHash) -> Result<bool, StorageError> {
        self.writer.write(move |connection| accounts::replace_token(connection, device, token_hash))
    }

    fn bind(&self, device: DeviceId, bindings: Vec<StoredBinding>) -> Result<BindOutcome, StorageError> {
        self.writer.write(move |connection| accounts::bind(connection, device, &bindings))
    }

    fn device(&self, device: DeviceId) -> Result<Option<DeviceRecord>, StorageError> {
        self.read_with(|connection| accounts::device(connection, device))
    }

    fn device_of_key(&self, suite: SuiteNumber, signature_key: &[u8]) -> Result<Option<DeviceId>, StorageError> {
        self.read_with(|connection| accounts::device_of_key(connection, suite, signature_key))
    }

    fn devices(&self, name: &AccountName) -> Result<Option<Vec<DeviceBindings>>, StorageError> {
        self.read_with(|connection| accounts::devices(connection, name))
    }

    fn publish_key_packages(
        &self,
        device: DeviceId,
        packages: Vec<NewKeyPackage>,
        stock_limit: u64,
        now_seconds: u64,
    ) -> Result<PublishOutcome, StorageError> {
        self.writer.write(move |connection| packages::publish(connection, device, &packages, stock_limit, now_seconds))
    }

    fn withdraw_key_packages(&self, device: DeviceId) -> Result<(), StorageError> {
        self.writer.write(move |connection| packages::withdraw(connection, device))
    }

    fn take_key_packages(
        &self,
        devices: Vec<DeviceId>,
        suite: SuiteNumber,
        now_seconds: u64,
    ) -> Result<Vec<(DeviceId, Option<StoredKeyPackage>)>, StorageError> {
        self.writer.write(move |connection| {
            devices
                .into_iter()
                .map(|device| Ok((device, packages::take(connection, device, suite, now_seconds)?)))
                .collect()
        })
    }

    fn count_key_packages(&self, device: DeviceId, now_seconds: u64) -> Result<Vec<SuiteStock>, StorageError> {
        self.read_with(|connection| packages::count(connection, device, now_seconds))
    }

    fn create_group(&self, group: NewGroup) -> Result<CreateOutcome, StorageError> {
        self.writer.write(move |connection| groups::create(connection, &group))
    }

    fn append_commit(&self, commit: NewCommit) -> Result<CommitOutcome, StorageError> {
        self.writer.write(move |connection| groups::append_commit(connection, &commit))
    }

    fn append(&self, message: NewMessage) -> Result<AppendOutcome, StorageError> {
        self.writer.write(move |connection| groups::append(connection, &message))
    }

    fn read(
        &self,
        group: &GroupId,
        reader: DeviceId,
        from: u64,
        limit: ReadLimit,
    ) -> Result<ReadOutcome, StorageError> {
        self.read_with(|connection| log::read(connection, group, reader, from, limit))
    }

    fn heads(&self, reader: DeviceId, groups: &[GroupId]) -> Result<Vec<Head>, StorageError> {
        self.read_with(|connection| {
            groups.iter().filter_map(|group| log::head(connection, group, reader).transpose()).collect()
        })
    }

    fn group_info(&self, group: &GroupId, reader: DeviceId) -> Result<GroupInfoOutcome, StorageError> {
        self.read_with(|connection| log::group_info(connection, group, reader))
    }

    fn queue_put(&self, item: NewQueueItem) -> Result<(), StorageError> {
        self.writer.write(move |connection| queue::put(connection, &item))
    }

    fn queue_read(&self, device: DeviceId, limit: ReadLimit) -> Result<Queue, StorageError> {
        self.read_with(|connection| queue::read(connection, device, limit))
    }

    fn queue_ack(&self, device: DeviceId, ids: Vec<ContentHash>) -> Result<u64, StorageError> {
        self.writer.write(move |connection| queue::acknowledge(connection, device, &ids))
    }

    fn put_blob(&self, hash: ContentHash, content: Vec<u8>) -> Result<(), StorageError> {
        self.writer.write(move |connection| {
            let sql = "INSERT OR IGNORE INTO blob (hash, content) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![hash.0, content])?;
            Ok(())
        })
    }

    fn blob(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, StorageError> {
        self.read_with(|connection| {
            let mut find = connection.prepare_cached("SELECT content FROM blob WHERE hash = ?1")?;
            Ok(find.query_row(params![hash.0], |row| row.get(0)).optional()?)
        })
    }
}

/// Makes the file if there is none, and lets nobody but its owner read it: it holds the key that signs bindings.
#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

/// The file is left to the engine: it must lie where nobody else can read.
#[cfg(not(unix))]
fn create_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}
