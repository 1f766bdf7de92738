//! Reading groups in SQLite: who may read what, the log, heads, the current GroupInfo.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    storage::{GroupInfoOutcome, ReadLimit, ReadOutcome, StorageError, StoredGroupInfo, types::ReadCounter},
    wire::{DeviceId, GroupId, Head, JoinPolicy, LogRecord, RecordKind},
};

/// A group's row.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupRow {
    pub(super) id: i64,
    pub(super) policy: JoinPolicy,
    pub(super) creator: DeviceId,
    pub(super) epoch: u64,
    pub(super) head: u64,
    info_seq: u64,
    pub(super) info: Option<i64>,
    pub(super) tree: Option<i64>,
}

/// What a participant may read: from its coming to its removal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) until: Option<u64>,
}

pub(super) fn group(connection: &Connection, group: &GroupId) -> Result<Option<GroupRow>, StorageError> {
    let mut find = connection.prepare_cached(
        "SELECT id, policy, creator, epoch, head, info_seq, info, tree FROM mls_group WHERE group_id = ?1",
    )?;
    let read = |row: &Row<'_>| {
        let policy = if row.get(1)? { JoinPolicy::Open } else { JoinPolicy::Closed };
        Ok(GroupRow {
            id: row.get(0)?,
            policy,
            creator: DeviceId(row.get(2)?),
            epoch: row.get(3)?,
            head: row.get(4)?,
            info_seq: row.get(5)?,
            info: row.get(6)?,
            tree: row.get(7)?,
        })
    };
    Ok(find.query_row(params![group.as_slice()], read).optional()?)
}

pub(super) fn span(connection: &Connection, group: i64, device: DeviceId) -> Result<Option<Span>, StorageError> {
    let mut find =
        connection.prepare_cached("SELECT from_seq, until_seq FROM participant WHERE grp = ?1 AND device = ?2")?;
    let read = |row: &Row<'_>| Ok(Span { from: row.get(0)?, until: row.get(1)? });
    Ok(find.query_row(params![group, device.0], read).optional()?)
}

/// What `device` may read, up to which record, and the epoch there.
fn readable(
    connection: &Connection,
    group: &GroupRow,
    device: DeviceId,
) -> Result<Option<(Span, u64, u64)>, StorageError> {
    let Some(span) = span(connection, group.id, device)? else {
        return Ok(None);
    };
    let Some(until) = span.until else {
        return Ok(Some((span, group.head, group.epoch)));
    };
    // The last record of a removed device is the commit that removed it.
    let mut find = connection.prepare_cached("SELECT epoch + 1 FROM log WHERE grp = ?1 AND seq = ?2")?;
    let epoch = find.query_row(params![group.id, until], |row| row.get(0))?;
    Ok(Some((span, until, epoch)))
}

pub(super) fn read(
    connection: &Connection,
    group_id: &GroupId,
    reader: DeviceId,
    from: u64,
    limit: ReadLimit,
) -> Result<ReadOutcome, StorageError> {
    let Some(group) = group(connection, group_id)? else {
        return Ok(ReadOutcome::GroupUnknown);
    };
    let Some((span, head, epoch)) = readable(connection, &group, reader)? else {
        return Ok(ReadOutcome::NotParticipant);
    };
    let mut find = connection.prepare_cached(
        "SELECT seq, kind, epoch, received_at, message FROM log WHERE grp = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
    )?;
    // A number that no record can have must not fail to be a number of the engine's.
    let from = from.max(span.from).min(head.saturating_add(1));
    let mut rows = find.query(params![group.id, from, head])?;
    let mut counter = ReadCounter::new(limit);
    let mut records: Vec<LogRecord> = Vec::new();
    while let Some(row) = rows.next()? {
        let message: Vec<u8> = row.get(4)?;
        if !counter.admit(message.len()) {
            break;
        }
        records.push(LogRecord {
            seq: row.get(0)?,
            kind: kind_of(row.get(1)?)?,
            epoch: row.get(2)?,
            received_at: row.get(3)?,
            message: message.into(),
        });
    }
    Ok(ReadOutcome::Records { records, head, epoch })
}

/// The number of a kind in the column `log.kind`. The schema's index of winners knows that of a commit.
pub(super) const fn number_of(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Created => 0,
        RecordKind::Commit => 1,
        RecordKind::Proposal => 2,
        RecordKind::Application => 3,
    }
}

const fn kind_of(number: u8) -> Result<RecordKind, StorageError> {
    match number {
        0 => Ok(RecordKind::Created),
        1 => Ok(RecordKind::Commit),
        2 => Ok(RecordKind::Proposal),
        3 => Ok(RecordKind::Application),
        _ => Err(StorageError::Corrupt("the kind of a record")),
    }
}

pub(super) fn head(
    connection: &Connection,
    group_id: &GroupId,
    reader: DeviceId,
) -> Result<Option<Head>, StorageError> {
    let Some(group) = group(connection, group_id)? else {
        return Ok(None);
    };
    let readable = readable(connection, &group, reader)?;
    Ok(readable.map(|(_, seq, epoch)| Head { group_id: group_id.clone(), epoch, seq }))
}

pub(super) fn group_info(
    connection: &Connection,
    group_id: &GroupId,
    reader: DeviceId,
) -> Result<GroupInfoOutcome, StorageError> {
    let Some(group) = group(connection, group_id)? else {
        return Ok(GroupInfoOutcome::GroupUnknown);
    };
    let takes_part = span(connection, group.id, reader)?.is_some_and(|span| span.until.is_none());
    if !takes_part && group.policy == JoinPolicy::Closed {
        return Ok(GroupInfoOutcome::NotParticipant);
    }
    let Some(info) = group.info else {
        return Ok(GroupInfoOutcome::Missing { epoch: group.epoch });
    };
    let mut find = connection.prepare_cached("SELECT content FROM payload WHERE id = ?1")?;
    let group_info = find.query_row(params![info], |row| row.get(0))?;
    let ratchet_tree = match group.tree {
        Some(tree) => Some(find.query_row(params![tree], |row| row.get(0))?),
        None => None,
    };
    Ok(GroupInfoOutcome::Current(StoredGroupInfo { epoch: group.epoch, seq: group.info_seq, group_info, ratchet_tree }))
}
