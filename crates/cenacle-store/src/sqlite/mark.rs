//! The mark: a row of the store's own, with nothing in it, that every transaction with fresh keys replaces like any other. So it
//! opens only where database and keys are of the same moment: an older database has a mark whose key was erased since, older
//! keys have none for it. Keys that no row names are erased at opening only if it does.
//!
//! A transaction without fresh keys leaves it: what it could part is one key file with keys of rows that are gone, to be erased
//! with either database, and one without.

use cenacle_crypto::Secret;
use cenacle_mls::delta::{RowKey, Table};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    keys::{Keys, Slot},
    seal,
};
use crate::StoreError;

/// Where the mark is: no table of the state has this number.
pub(super) const TABLE: i64 = -1;
pub(super) const KEY: [u8; 0] = [];

/// What the mark is bound to. No key but its own seals under this name.
const fn name() -> RowKey {
    RowKey { table: Table(u8::MAX), key: Vec::new() }
}

/// Puts the mark where there is none, under this key.
pub(super) fn put(connection: &Connection, (slot, key): &(Slot, Secret)) -> Result<(), StoreError> {
    let sealed = seal::seal(key, &name(), &[])?;
    let mut insert = connection.prepare_cached("INSERT INTO rows (tab, key, slot, value) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![TABLE, KEY, slot, sealed])?;
    Ok(())
}

/// Whether there is a mark, which the first versions of the format had not. One that does not open is an error.
pub(super) fn check(connection: &Connection, keys: &Keys) -> Result<bool, StoreError> {
    let mark = connection
        .query_row("SELECT slot, value FROM rows WHERE tab = ?1 AND key = ?2", params![TABLE, KEY], |row| {
            Ok((row.get::<_, Slot>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let Some((slot, sealed)) = mark else { return Ok(false) };
    seal::open(&keys.read(slot)?, &name(), &sealed).map(|_| true)
}
