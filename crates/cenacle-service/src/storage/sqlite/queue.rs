//! Devices' queues and the payloads that several rows share, in SQLite. A Welcome for a thousand devices is stored
//! once; the last device to acknowledge it takes it away.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    storage::{NewQueueItem, ReadLimit, StorageError, types::ReadCounter},
    wire::{ContentHash, DeviceId, GroupId, Queue, QueueItem},
};

/// Stores content that nobody holds yet.
pub(super) fn new_payload(connection: &Connection, content: &[u8]) -> Result<i64, StorageError> {
    let mut put = connection.prepare_cached("INSERT INTO payload (holders, content) VALUES (0, ?1)")?;
    Ok(put.insert(params![content])?)
}

/// Counts one more holder.
pub(super) fn hold(connection: &Connection, payload: i64) -> Result<(), StorageError> {
    connection.prepare_cached("UPDATE payload SET holders = holders + 1 WHERE id = ?1")?.execute(params![payload])?;
    Ok(())
}

/// Counts one holder less. The row that named the payload must not name it any more.
pub(super) fn release(connection: &Connection, payload: Option<i64>) -> Result<(), StorageError> {
    let Some(payload) = payload else {
        return Ok(());
    };
    connection.prepare_cached("UPDATE payload SET holders = holders - 1 WHERE id = ?1")?.execute(params![payload])?;
    forget_unheld(connection, payload)
}

/// Takes a payload away if nobody holds it.
pub(super) fn forget_unheld(connection: &Connection, payload: i64) -> Result<(), StorageError> {
    connection.prepare_cached("DELETE FROM payload WHERE id = ?1 AND holders = 0")?.execute(params![payload])?;
    Ok(())
}

/// An item whose content is stored already.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) device: DeviceId,
    pub(super) id: ContentHash,
    pub(super) group: &'a GroupId,
    pub(super) epoch: u64,
    pub(super) commit_seq: u64,
    pub(super) welcome: i64,
    pub(super) tree: Option<i64>,
}

pub(super) fn insert(connection: &Connection, entry: Entry<'_>) -> Result<(), StorageError> {
    let mut put = connection.prepare_cached(
        "INSERT OR IGNORE INTO queue (device, item, group_id, epoch, commit_seq, welcome, tree)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let Entry { device, id, group, epoch, commit_seq, welcome, tree } = entry;
    if put.execute(params![device.0, id.0, group.as_slice(), epoch, commit_seq, welcome, tree])? > 0 {
        hold(connection, welcome)?;
        tree.map_or(Ok(()), |tree| hold(connection, tree))?;
    }
    Ok(())
}

pub(super) fn put(connection: &Connection, item: &NewQueueItem) -> Result<(), StorageError> {
    let welcome = new_payload(connection, &item.content)?;
    let tree = item.ratchet_tree.as_deref().map(|tree| new_payload(connection, tree)).transpose()?;
    let (device, id, group) = (item.device, item.id, &item.group);
    let (epoch, commit_seq) = (item.epoch, item.commit_seq);
    insert(connection, Entry { device, id, group, epoch, commit_seq, welcome, tree })?;
    forget_unheld(connection, welcome)?;
    tree.map_or(Ok(()), |tree| forget_unheld(connection, tree))
}

pub(super) fn read(connection: &Connection, device: DeviceId, limit: ReadLimit) -> Result<Queue, StorageError> {
    let mut find = connection.prepare_cached(
        "SELECT item, group_id, epoch, commit_seq, welcome.content, tree.content
         FROM queue JOIN payload AS welcome ON welcome.id = queue.welcome
         LEFT JOIN payload AS tree ON tree.id = queue.tree
         WHERE device = ?1 ORDER BY queue.id",
    )?;
    let mut counter = ReadCounter::new(limit);
    let mut rows = find.query(params![device.0])?;
    let mut items: Vec<QueueItem> = Vec::new();
    while let Some(row) = rows.next()? {
        let (welcome, tree): (Vec<u8>, Option<Vec<u8>>) = (row.get(4)?, row.get(5)?);
        if !counter.admit(welcome.len() + tree.as_ref().map_or(0, Vec::len)) {
            return Ok(Queue { items, more: true });
        }
        let group_id: Vec<u8> = row.get(1)?;
        items.push(QueueItem {
            id: ContentHash(row.get(0)?),
            group_id: GroupId::from_slice(&group_id).ok_or(StorageError::Corrupt("a group id"))?,
            epoch: row.get(2)?,
            commit_seq: row.get(3)?,
            welcome: welcome.into(),
            ratchet_tree: tree.map(Into::into),
        });
    }
    Ok(Queue { items, more: false })
}

pub(super) fn acknowledge(connection: &Connection, device: DeviceId, ids: &[ContentHash]) -> Result<u64, StorageError> {
    let mut take =
        connection.prepare_cached("DELETE FROM queue WHERE device = ?1 AND item = ?2 RETURNING welcome, tree")?;
    let mut removed = 0;
    for id in ids {
        let held: Option<(i64, Option<i64>)> =
            take.query_row(params![device.0, id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((welcome, tree)) = held {
            release(connection, Some(welcome))?;
            release(connection, tree)?;
            removed += 1;
        }
    }
    Ok(removed)
}
