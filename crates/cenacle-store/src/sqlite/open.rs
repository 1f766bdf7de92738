//! Opening a state file: created private, locked for one process, checked to be ours, and brought to the present
//! format by forward-only migrations. A file of another program or of a newer version is left as it is.

use core::time::Duration;
use std::{fs::OpenOptions, io, path::Path};

use cenacle_crypto::{Depth, Secret, SecretBytes, swept};
use cenacle_mls::delta::{RowKey, Table};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    keys::{self, Keys, Medium},
    mark,
    seal::seal,
};
use crate::StoreError;

/// "CNCL": marks the file as ours (SQLite's `application_id`).
pub(super) const APPLICATION_ID: i32 = 0x434e_434c;

/// How long to wait for a process that is about to close the file.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);

/// What leads from format `n` to format `n + 1`. Written once, never changed: files of every release keep opening.
pub(super) const MIGRATIONS: &[&str] = &[
    "CREATE TABLE rows (tab INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (tab, key))
     WITHOUT ROWID, STRICT",
    // A value is sealed under the key in its slot of the key file, or stands there as it is where there is no slot.
    "ALTER TABLE rows ADD COLUMN slot INTEGER;
     CREATE TABLE key_file (id BLOB NOT NULL) STRICT",
    // What the rows were before they were sealed is gone from the file.
    "",
];

/// The first format whose rows are sealed, and the first that has no trace of others.
pub(super) const SEALED: u32 = 2;
const SWEPT: u32 = 3;

/// The tables of which everything is public (RFC 9420 §7.8): what earlier formats have of them is not sealed.
const PUBLIC: [Table; 2] = [Table::TREE_NODE, Table::OBSERVED_NODE];

/// Creates the file readable by its owner alone, and takes others' rights from one that exists. SQLite gives the
/// write-ahead log the same permissions.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    permissions::private(&mut options);
    match options.open(path) {
        Ok(_) => Ok(()),
        // It is not opened here: closing it would release the locks of another store of this process.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(permissions::restrict(path)?),
        Err(error) => Err(error.into()),
    }
}

/// Connects to an existing file.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

/// Locks, checks and migrates the database, and gives its keys, which are in `medium`.
pub(super) fn prepare(connection: &mut Connection, medium: Medium) -> Result<Keys, StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    check(connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Spilled rows must not become temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A delta that a loss of power cut short is not in the state, but much of it may be in the log, where the next one would
    // be written over it. If that is cut short, too, what is left of both could make the first one whole: it must be gone.
    cut_log(connection)?;
    let keys = migrate(connection, medium)?;
    if format(connection)? < SWEPT {
        connection.execute_batch("VACUUM")?;
        cut_log(connection)?;
        connection.pragma_update(None, "user_version", SWEPT)?;
    }
    Ok(keys)
}

/// Writes the log into the database and cuts it to nothing.
pub(super) fn cut_log(connection: &Connection) -> Result<(), StoreError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(StoreError::InUse) } else { Ok(()) }
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// The format of the file, or an error where there can be none of that number.
fn format(connection: &Connection) -> Result<u32, StoreError> {
    u32::try_from(number(connection, "user_version")?).map_err(|_| StoreError::Corrupt)
}

/// Refuses, before anything is written, a file that is not ours or too new.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let id = number(connection, "application_id")?;
    let found = format(connection);
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = id == 0 && matches!(found, Ok(0)) && objects == 0;
    if !fresh && id != i64::from(APPLICATION_ID) {
        return Err(StoreError::NotAStore);
    }
    let (found, known) = (found?, u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX));
    if found <= known { Ok(()) } else { Err(StoreError::Newer { found, known }) }
}

/// Applies the migrations that are missing, all in one transaction that also takes the exclusive lock, and gives the keys.
fn migrate(connection: &mut Connection, medium: Medium) -> Result<Keys, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = format(&transaction)?;
    if found >= SEALED {
        transaction.commit()?;
        return open_keys(connection, medium);
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(migration)?;
    }
    let mut id = keys::Id::default();
    getrandom::fill(&mut id).map_err(|error| io::Error::other(error.to_string()))?;
    let mut keys = Keys::create(medium, id)?;
    transaction.execute("INSERT INTO key_file (id) VALUES (?1)", [id])?;
    let drawn = swept(Depth::KiB8, || seal_all(&transaction, &mut keys))?;
    // A file that had rows has traces of them.
    transaction.pragma_update(None, "user_version", if found == 0 { SWEPT } else { SEALED })?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()?;
    keys.settle(&drawn, Vec::new());
    keys.begun()?;
    Ok(keys)
}

/// The keys of a database that has some. None is erased before it is known that they are of the same moment as its rows.
fn open_keys(connection: &Connection, medium: Medium) -> Result<Keys, StoreError> {
    let id = connection.query_row("SELECT id FROM key_file", [], |row| row.get(0)).optional()?;
    let mut keys = Keys::open(medium, id.ok_or(StoreError::Corrupt)?)?;
    let is_marked = mark::check(connection, &keys)?;
    keys.erase_unnamed(|| {
        let mut statement = connection.prepare("SELECT slot FROM rows WHERE slot IS NOT NULL")?;
        let named = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
        Ok(named)
    })?;
    if !is_marked {
        let drawn = keys.draw(1)?;
        drawn.iter().try_for_each(|drawn| mark::put(connection, drawn))?;
        keys.settle(&drawn, Vec::new());
    }
    Ok(keys)
}

/// Seals the rows of earlier formats, and marks the file.
fn seal_all(transaction: &Transaction<'_>, keys: &mut Keys) -> Result<Vec<(keys::Slot, Secret)>, StoreError> {
    let mut plain = Vec::new();
    let mut statement = transaction.prepare("SELECT tab, key, value FROM rows")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = RowKey::new(Table(row.get(0)?), row.get_ref(1)?.as_blob().map_err(|_| StoreError::Corrupt)?);
        let value = row.get_ref(2)?.as_blob().map_err(|_| StoreError::Corrupt)?;
        if !PUBLIC.contains(&name.table) {
            plain.push((name, SecretBytes::from(value)));
        }
    }
    let drawn = keys.draw(plain.len().saturating_add(1))?;
    let mut unused = drawn.iter();
    unused.next().map_or(Ok(()), |drawn| mark::put(transaction, drawn))?;
    for ((slot, key), (name, value)) in unused.zip(&plain) {
        let sealed = seal(key, name, value.expose())?;
        transaction
            .prepare_cached("UPDATE rows SET slot = ?1, value = ?2 WHERE tab = ?3 AND key = ?4")?
            .execute(params![slot, sealed, name.table.0, name.key])?;
    }
    Ok(drawn)
}

#[cfg(unix)]
pub(super) mod permissions {
    use std::{
        fs::{self, File, OpenOptions, Permissions},
        io,
        os::unix::fs::{OpenOptionsExt, PermissionsExt},
        path::Path,
    };

    const OWNER_ONLY: u32 = 0o600;

    pub(in crate::sqlite) fn private(options: &mut OpenOptions) {
        options.mode(OWNER_ONLY);
    }

    pub(in crate::sqlite) fn restrict(path: &Path) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))
    }

    /// Makes the name of a new file as durable as its content.
    pub(in crate::sqlite) fn sync_folder_of(path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(not(unix))]
pub(super) mod permissions {
    use std::{fs::OpenOptions, io, path::Path};

    pub(in crate::sqlite) fn private(_: &mut OpenOptions) {}

    pub(in crate::sqlite) fn restrict(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(in crate::sqlite) fn sync_folder_of(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
