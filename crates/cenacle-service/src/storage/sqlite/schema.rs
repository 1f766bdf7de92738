//! The schema and its migrations, counted by `PRAGMA user_version`. Migrations only go forward, and each runs in one
//! transaction with its new version number; a file of a newer version is refused.

use cenacle_crypto::Rng;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::{storage::StorageError, wire::Lineage};

/// Step `n` leads from version `n` to `n + 1`. Steps that were released never change.
const MIGRATIONS: &[&str] = &[VERSION_1];

/// - `log` is only ever appended to; its indexes hold the promises: dense numbers, one record for each content, one
///   commit (kind 1) for each epoch.
/// - `payload` keeps what several rows share (a Welcome for many devices, a tree), counted by `holders`. No foreign key
///   points there: deleting one would search all tables that could.
/// - `key_package.content` becomes NULL when a normal one is given out: the hash stays until it expires.
const VERSION_1: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) STRICT;
CREATE TABLE device (
    id INTEGER PRIMARY KEY, device BLOB NOT NULL UNIQUE, account INTEGER NOT NULL REFERENCES account,
    token_hash BLOB NOT NULL, created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX device_account ON device (account);
CREATE TABLE binding (
    device BLOB NOT NULL REFERENCES device (device), suite INTEGER NOT NULL, signature_key BLOB NOT NULL,
    signed BLOB NOT NULL, PRIMARY KEY (device, suite)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX binding_key ON binding (suite, signature_key);
CREATE TABLE key_package (
    id INTEGER PRIMARY KEY, device BLOB NOT NULL, suite INTEGER NOT NULL, kind INTEGER NOT NULL, hash BLOB NOT NULL,
    not_after INTEGER NOT NULL, content BLOB
) STRICT;
CREATE UNIQUE INDEX key_package_hash ON key_package (device, hash);
CREATE INDEX key_package_stock ON key_package (device, suite, kind, id) WHERE content IS NOT NULL;
CREATE TABLE payload (id INTEGER PRIMARY KEY, holders INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
CREATE TABLE mls_group (
    id INTEGER PRIMARY KEY, group_id BLOB NOT NULL UNIQUE, policy INTEGER NOT NULL, creator BLOB NOT NULL,
    epoch INTEGER NOT NULL, head INTEGER NOT NULL, info_seq INTEGER NOT NULL,
    info INTEGER, tree INTEGER
) STRICT;
CREATE TABLE log (
    id INTEGER PRIMARY KEY, grp INTEGER NOT NULL REFERENCES mls_group, seq INTEGER NOT NULL, kind INTEGER NOT NULL,
    epoch INTEGER NOT NULL, received_at INTEGER NOT NULL, hash BLOB NOT NULL, message BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_number ON log (grp, seq);
CREATE UNIQUE INDEX log_content ON log (grp, hash);
CREATE UNIQUE INDEX log_winner ON log (grp, epoch) WHERE kind = 1;
CREATE TABLE participant (
    grp INTEGER NOT NULL REFERENCES mls_group, device BLOB NOT NULL, from_seq INTEGER NOT NULL, until_seq INTEGER,
    PRIMARY KEY (grp, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE queue (
    id INTEGER PRIMARY KEY, device BLOB NOT NULL, item BLOB NOT NULL, group_id BLOB NOT NULL, epoch INTEGER NOT NULL,
    commit_seq INTEGER NOT NULL, welcome INTEGER NOT NULL, tree INTEGER
) STRICT;
CREATE UNIQUE INDEX queue_item ON queue (device, item);
CREATE TABLE blob (hash BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT;
";

/// Brings the file to this version's schema and gives its lineage, which is made with the file.
pub(super) fn migrate(connection: &mut Connection, rng: &mut dyn Rng) -> Result<Lineage, StorageError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Some(steps) = MIGRATIONS.get(found..) else {
        return Err(StorageError::NewerSchema { found: found as u64, known: MIGRATIONS.len() as u64 });
    };
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    let lineage = lineage(&transaction, rng)?;
    transaction.commit()?;
    Ok(lineage)
}

fn lineage(connection: &Connection, rng: &mut dyn Rng) -> Result<Lineage, StorageError> {
    let stored: Option<[u8; 16]> =
        connection.query_row("SELECT value FROM meta WHERE name = 'lineage'", [], |row| row.get(0)).optional()?;
    if let Some(lineage) = stored {
        return Ok(Lineage(lineage));
    }
    let mut fresh = [0; 16];
    rng.fill(&mut fresh).map_err(|_| StorageError::NoRandomness)?;
    connection.execute("INSERT INTO meta (name, value) VALUES ('lineage', ?1)", params![fresh])?;
    Ok(Lineage(fresh))
}
