//! Key packages, in SQLite. Taking one is an update in the writing thread's transaction, so no two takers get the
//! same; the spent row keeps its hash until it expires, so that publishing it again does not bring it back.

use alloc::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    storage::{NewKeyPackage, PublishOutcome, StorageError, StoredKeyPackage},
    wire::{DeviceId, KeyPackageKind, SuiteNumber, SuiteStock},
};

const NORMAL: u8 = 0;
const LAST_RESORT: u8 = 1;

pub(super) fn publish(
    connection: &Connection,
    device: DeviceId,
    packages: &[NewKeyPackage],
    stock_limit: u64,
    now_seconds: u64,
) -> Result<PublishOutcome, StorageError> {
    if let Some(index) = over_limit(connection, device, packages, stock_limit, now_seconds)? {
        return Ok(PublishOutcome::StockFull(index));
    }
    connection
        .prepare_cached("DELETE FROM key_package WHERE device = ?1 AND not_after < ?2")?
        .execute(params![device.0, now_seconds])?;
    for package in packages {
        let mut put = connection.prepare_cached(
            "INSERT OR IGNORE INTO key_package (device, suite, kind, hash, not_after, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let kind = match package.kind {
            KeyPackageKind::Normal => NORMAL,
            KeyPackageKind::LastResort => LAST_RESORT,
        };
        let suite = package.suite.0;
        let new = put.execute(params![device.0, suite, kind, package.hash.0, package.not_after, package.content])? > 0;
        if new && kind == LAST_RESORT {
            connection
                .prepare_cached(
                    "UPDATE key_package SET content = NULL
                     WHERE device = ?1 AND suite = ?2 AND kind = ?3 AND content IS NOT NULL AND hash <> ?4",
                )?
                .execute(params![device.0, suite, LAST_RESORT, package.hash.0])?;
        }
    }
    Ok(PublishOutcome::Published)
}

/// The first key package that would be over the stock limit, told before anything is changed.
fn over_limit(
    connection: &Connection,
    device: DeviceId,
    packages: &[NewKeyPackage],
    stock_limit: u64,
    now_seconds: u64,
) -> Result<Option<usize>, StorageError> {
    let mut stock: BTreeMap<SuiteNumber, u64> = BTreeMap::new();
    for suite in count(connection, device, now_seconds)? {
        stock.insert(suite.cipher_suite, suite.normal);
    }
    let mut known =
        connection.prepare_cached("SELECT 1 FROM key_package WHERE device = ?1 AND hash = ?2 AND not_after >= ?3")?;
    for (index, package) in packages.iter().enumerate() {
        let repeated = packages.iter().take(index).any(|earlier| earlier.hash == package.hash);
        if repeated || known.exists(params![device.0, package.hash.0, now_seconds])? {
            continue;
        }
        if package.kind == KeyPackageKind::Normal {
            let normal = stock.entry(package.suite).or_default();
            if *normal >= stock_limit {
                return Ok(Some(index));
            }
            *normal += 1;
        }
    }
    Ok(None)
}

pub(super) fn withdraw(connection: &Connection, device: DeviceId) -> Result<(), StorageError> {
    connection
        .prepare_cached("UPDATE key_package SET content = NULL WHERE device = ?1 AND content IS NOT NULL")?
        .execute(params![device.0])?;
    Ok(())
}

pub(super) fn take(
    connection: &Connection,
    device: DeviceId,
    suite: SuiteNumber,
    now_seconds: u64,
) -> Result<Option<StoredKeyPackage>, StorageError> {
    let mut find = connection.prepare_cached(
        "SELECT id, kind, content FROM key_package
         WHERE device = ?1 AND suite = ?2 AND content IS NOT NULL AND not_after >= ?3 ORDER BY kind, id LIMIT 1",
    )?;
    let found: Option<(i64, u8, Vec<u8>)> = find
        .query_row(params![device.0, suite.0, now_seconds], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((id, kind, content)) = found else {
        return Ok(None);
    };
    if kind == LAST_RESORT {
        return Ok(Some(StoredKeyPackage { kind: KeyPackageKind::LastResort, content }));
    }
    connection.prepare_cached("UPDATE key_package SET content = NULL WHERE id = ?1")?.execute(params![id])?;
    Ok(Some(StoredKeyPackage { kind: KeyPackageKind::Normal, content }))
}

pub(super) fn count(
    connection: &Connection,
    device: DeviceId,
    now_seconds: u64,
) -> Result<Vec<SuiteStock>, StorageError> {
    let mut find = connection.prepare_cached(
        "SELECT suite, sum(kind = 0), sum(kind = 1) > 0 FROM key_package
         WHERE device = ?1 AND content IS NOT NULL AND not_after >= ?2 GROUP BY suite ORDER BY suite",
    )?;
    let rows = find.query_map(params![device.0, now_seconds], |row| {
        Ok(SuiteStock { cipher_suite: SuiteNumber(row.get(0)?), normal: row.get(1)?, last_resort: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
