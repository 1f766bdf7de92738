//! Opening a state file: created private, locked for one process, checked to be ours, and brought to the present
//! format by forward-only migrations. A file of another program or of a newer version is left as it is.

use core::time::Duration;
use std::{fs::OpenOptions, path::Path};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::StoreError;

/// "CNCL": marks the file as ours (SQLite's `application_id`).
const APPLICATION_ID: i32 = 0x434e_434c;

/// How long to wait for a process that is about to close the file.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);

/// What leads from format `n` to format `n + 1`. Written once, never changed: files of every release keep opening.
const MIGRATIONS: &[&str] =
    &["CREATE TABLE rows (tab INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (tab, key))
     WITHOUT ROWID, STRICT"];

/// Creates the file readable by its owner alone, and takes others' rights from one that exists. SQLite gives the
/// write-ahead log the same permissions.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    permissions::private(&mut options);
    permissions::restrict(&options.open(path)?)?;
    Ok(())
}

/// Connects to an existing file.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

/// Locks, checks and migrates the database.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    check(connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Spilled rows must not become temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A delta that a loss of power cut short is not in the state, but much of it may be in the log, where the next one would
    // be written over it. If that is cut short, too, what is left of both could make the first one whole: it must be gone.
    cut_log(connection)?;
    migrate(connection)
}

/// Writes the log into the database and cuts it to nothing.
pub(super) fn cut_log(connection: &Connection) -> Result<(), StoreError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(StoreError::InUse) } else { Ok(()) }
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// Refuses, before anything is written, a file that is not ours or too new.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let id = number(connection, "application_id")?;
    let version = number(connection, "user_version")?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = id == 0 && version == 0 && objects == 0;
    if !fresh && id != i64::from(APPLICATION_ID) {
        return Err(StoreError::NotAStore);
    }
    let (found, known) = (u32::try_from(version), u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX));
    match found {
        Ok(found) if found <= known => Ok(()),
        Ok(found) => Err(StoreError::Newer { found, known }),
        Err(_) => Err(StoreError::Corrupt),
    }
}

/// Applies the migrations that are missing, all in one transaction that also takes the exclusive lock.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = usize::try_from(number(&transaction, "user_version")?).map_err(|_| StoreError::Corrupt)?;
    if version < MIGRATIONS.len() {
        for migration in MIGRATIONS.iter().skip(version) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(transaction.commit()?)
}

#[cfg(unix)]
mod permissions {
    use std::{
        fs::{File, OpenOptions, Permissions},
        io,
        os::unix::fs::{OpenOptionsExt, PermissionsExt},
    };

    const OWNER_ONLY: u32 = 0o600;

    pub(super) fn private(options: &mut OpenOptions) {
        options.mode(OWNER_ONLY);
    }

    pub(super) fn restrict(file: &File) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))
    }
}

#[cfg(not(unix))]
mod permissions {
    use std::{
        fs::{File, OpenOptions},
        io,
    };

    pub(super) fn private(_: &mut OpenOptions) {}

    pub(super) fn restrict(_: &File) -> io::Result<()> {
        Ok(())
    }
}
