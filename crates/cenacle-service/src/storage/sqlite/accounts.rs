//! Accounts, devices and their keys, in SQLite.

use cenacle_codec::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    storage::{BindOutcome, DeviceBindings, DeviceRecord, NewDevice, RegisterOutcome, StorageError, StoredBinding},
    wire::{AccountName, ContentHash, DeviceId, SignedBinding, SuiteNumber},
};

pub(super) fn register(connection: &Connection, new: &NewDevice) -> Result<RegisterOutcome, StorageError> {
    let account = match (account(connection, &new.name)?, new.first) {
        (Some(_), true) => return Ok(RegisterOutcome::NameTaken),
        (None, false) => return Ok(RegisterOutcome::AccountUnknown),
        (account, _) => account,
    };
    for (index, binding) in new.bindings.iter().enumerate() {
        if device_of_key(connection, binding.suite, &binding.signature_key)?.is_some() {
            return Ok(RegisterOutcome::KeyTaken(index));
        }
    }
    let account = match account {
        Some(account) => account,
        None => connection
            .prepare_cached("INSERT INTO account (name, created_at) VALUES (?1, ?2)")?
            .insert(params![new.name.as_str(), new.now_seconds])?,
    };
    connection
        .prepare_cached("INSERT INTO device (device, account, token_hash, created_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![new.device_id.0, account, new.token_hash.0, new.now_seconds])?;
    store(connection, new.device_id, &new.bindings)?;
    Ok(RegisterOutcome::Registered)
}

fn account(connection: &Connection, name: &AccountName) -> Result<Option<i64>, StorageError> {
    let mut find = connection.prepare_cached("SELECT id FROM account WHERE name = ?1")?;
    Ok(find.query_row(params![name.as_str()], |row| row.get(0)).optional()?)
}

fn store(connection: &Connection, device: DeviceId, bindings: &[StoredBinding]) -> Result<(), StorageError> {
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO binding (device, suite, signature_key, signed) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for binding in bindings {
        let signed = binding.signed.to_bytes().map_err(|_| StorageError::Corrupt("a binding"))?;
        put.execute(params![device.0, binding.suite.0, binding.signature_key, signed])?;
    }
    Ok(())
}

pub(super) fn bind(
    connection: &Connection,
    device: DeviceId,
    new: &[StoredBinding],
) -> Result<BindOutcome, StorageError> {
    if token_hash(connection, device)?.is_none() {
        return Ok(BindOutcome::DeviceUnknown);
    }
    let bound = bindings(connection, device)?;
    for (index, new) in new.iter().enumerate() {
        let owner = device_of_key(connection, new.suite, &new.signature_key)?;
        if owner.is_some_and(|owner| owner != device) {
            return Ok(BindOutcome::KeyTaken(index));
        }
        if bound.iter().any(|old| old.suite == new.suite && old.signature_key != new.signature_key) {
            return Ok(BindOutcome::OtherKeyBound(index));
        }
    }
    store(connection, device, new)?;
    Ok(BindOutcome::Bound)
}

pub(super) fn replace_token(
    connection: &Connection,
    device: DeviceId,
    token_hash: ContentHash,
) -> Result<bool, StorageError> {
    let mut put = connection.prepare_cached("UPDATE device SET token_hash = ?2 WHERE device = ?1")?;
    Ok(put.execute(params![device.0, token_hash.0])? > 0)
}

fn token_hash(connection: &Connection, device: DeviceId) -> Result<Option<ContentHash>, StorageError> {
    let mut find = connection.prepare_cached("SELECT token_hash FROM device WHERE device = ?1")?;
    Ok(find.query_row(params![device.0], |row| row.get(0).map(ContentHash)).optional()?)
}

/// Whether a device is registered.
pub(super) fn exists(connection: &Connection, device: DeviceId) -> Result<bool, StorageError> {
    Ok(token_hash(connection, device)?.is_some())
}

pub(super) fn device(connection: &Connection, device: DeviceId) -> Result<Option<DeviceRecord>, StorageError> {
    let mut find = connection.prepare_cached(
        "SELECT account.name, token_hash FROM device JOIN account ON account.id = device.account WHERE device = ?1",
    )?;
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1).map(ContentHash)?));
    let Some((name, token_hash)) = find.query_row(params![device.0], read).optional()? else {
        return Ok(None);
    };
    let name = name.parse().map_err(|_| StorageError::Corrupt("an account name"))?;
    Ok(Some(DeviceRecord { name, token_hash, bindings: bindings(connection, device)? }))
}

fn bindings(connection: &Connection, device: DeviceId) -> Result<Vec<StoredBinding>, StorageError> {
    let mut find = connection
        .prepare_cached("SELECT suite, signature_key, signed FROM binding WHERE device = ?1 ORDER BY suite")?;
    let mut rows = find.query(params![device.0])?;
    let mut bindings = Vec::new();
    while let Some(row) = rows.next()? {
        let signed: Vec<u8> = row.get(2)?;
        let signed = SignedBinding::from_bytes(&signed).map_err(|_| StorageError::Corrupt("a binding"))?;
        bindings.push(StoredBinding { suite: SuiteNumber(row.get(0)?), signature_key: row.get(1)?, signed });
    }
    Ok(bindings)
}

pub(super) fn device_of_key(
    connection: &Connection,
    suite: SuiteNumber,
    signature_key: &[u8],
) -> Result<Option<DeviceId>, StorageError> {
    let mut find = connection.prepare_cached("SELECT device FROM binding WHERE suite = ?1 AND signature_key = ?2")?;
    Ok(find.query_row(params![suite.0, signature_key], |row| row.get(0).map(DeviceId)).optional()?)
}

pub(super) fn devices(
    connection: &Connection,
    name: &AccountName,
) -> Result<Option<Vec<DeviceBindings>>, StorageError> {
    let Some(account) = account(connection, name)? else {
        return Ok(None);
    };
    let mut find = connection.prepare_cached("SELECT device FROM device WHERE account = ?1 ORDER BY id")?;
    let ids = find.query_map(params![account], |row| row.get(0).map(DeviceId))?.collect::<Result<Vec<_>, _>>()?;
    let devices =
        ids.into_iter().map(|device_id| Ok(DeviceBindings { device_id, bindings: bindings(connection, device_id)? }));
    devices.collect::<Result<_, StorageError>>().map(Some)
}
