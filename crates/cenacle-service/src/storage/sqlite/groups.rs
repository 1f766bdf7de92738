//! Writing groups in SQLite: creation, commits with compare-and-swap on the epoch, messages. Each function is one
//! operation of the writing thread; it decides everything first and writes only then.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    accounts,
    log::{self, GroupRow, Span, number_of},
    queue,
};
use crate::{
    storage::{
        AppendOutcome, CommitConflict, CommitOutcome, CreateOutcome, MessageKind, NewCommit, NewGroup, NewMessage,
        StorageError,
    },
    wire::{ContentHash, DeviceId, JoinPolicy, RecordKind},
};

pub(super) fn create(connection: &Connection, new: &NewGroup) -> Result<CreateOutcome, StorageError> {
    if let Some(group) = log::group(connection, &new.group)? {
        let same = group.creator == new.creator && number(connection, group.id, new.hash)? == Some(1);
        return Ok(if same { CreateOutcome::Duplicate } else { CreateOutcome::Exists });
    }
    let id = connection
        .prepare_cached(
            "INSERT INTO mls_group (group_id, policy, creator, epoch, head, info_seq) VALUES (?1, ?2, ?3, 0, 1, 1)",
        )?
        .insert(params![new.group.as_slice(), new.policy == JoinPolicy::Open, new.creator.0])?;
    join(connection, id, new.creator, 1)?;
    let record = Record { seq: 1, kind: RecordKind::Created, epoch: 0, hash: new.hash, message: &[] };
    push(connection, id, record, new.now_seconds)?;
    let tree = payload(connection, new.ratchet_tree.as_deref())?;
    let info = payload(connection, new.group_info.as_deref())?;
    set_info(connection, id, 1, info, tree)?;
    Ok(CreateOutcome::Created)
}

#[derive(Clone, Copy)]
struct Record<'a> {
    seq: u64,
    kind: RecordKind,
    epoch: u64,
    hash: ContentHash,
    message: &'a [u8],
}

fn push(connection: &Connection, group: i64, record: Record<'_>, now_seconds: u64) -> Result<(), StorageError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO log (grp, seq, kind, epoch, received_at, hash, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let Record { seq, kind, epoch, hash, message } = record;
    put.execute(params![group, seq, number_of(kind), epoch, now_seconds, hash.0, message])?;
    Ok(())
}

fn number(connection: &Connection, group: i64, hash: ContentHash) -> Result<Option<u64>, StorageError> {
    let mut find = connection.prepare_cached("SELECT seq FROM log WHERE grp = ?1 AND hash = ?2")?;
    Ok(find.query_row(params![group, hash.0], |row| row.get(0)).optional()?)
}

/// The number of the record with this hash, if who has this span takes part or may read it.
fn known(
    connection: &Connection,
    group: i64,
    hash: ContentHash,
    span: Option<Span>,
) -> Result<Option<u64>, StorageError> {
    let Some(span) = span else {
        return Ok(None);
    };
    let seq = number(connection, group, hash)?;
    Ok(seq.filter(|seq| span.until.is_none_or(|until| (span.from..=until).contains(seq))))
}

fn join(connection: &Connection, group: i64, device: DeviceId, seq: u64) -> Result<(), StorageError> {
    // Who takes part already keeps its span; who was removed gets a new one.
    connection
        .prepare_cached(
            "INSERT INTO participant (grp, device, from_seq) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET from_seq = ?3, until_seq = NULL WHERE until_seq IS NOT NULL",
        )?
        .execute(params![group, device.0, seq])?;
    Ok(())
}

fn payload(connection: &Connection, content: Option<&[u8]>) -> Result<Option<i64>, StorageError> {
    content.map(|content| queue::new_payload(connection, content)).transpose()
}

/// Puts the GroupInfo and tree of a new epoch in the place of the old ones. A tree without a GroupInfo is not kept.
fn set_info(
    connection: &Connection,
    group: i64,
    seq: u64,
    info: Option<i64>,
    tree: Option<i64>,
) -> Result<(), StorageError> {
    let shown = tree.filter(|_| info.is_some());
    for payload in [info, shown].into_iter().flatten() {
        queue::hold(connection, payload)?;
    }
    connection
        .prepare_cached("UPDATE mls_group SET info_seq = ?2, info = ?3, tree = ?4 WHERE id = ?1")?
        .execute(params![group, seq, info, shown])?;
    tree.map_or(Ok(()), |tree| queue::forget_unheld(connection, tree))
}

pub(super) fn append_commit(connection: &Connection, commit: &NewCommit) -> Result<CommitOutcome, StorageError> {
    let Some(group) = log::group(connection, &commit.group)? else {
        return Ok(CommitOutcome::GroupUnknown);
    };
    if let Some(refusal) = refuse(connection, &group, commit)? {
        return Ok(refusal);
    }
    let (seq, epoch) = (group.head + 1, commit.epoch + 1);
    let record =
        Record { seq, kind: RecordKind::Commit, epoch: commit.epoch, hash: commit.hash, message: &commit.message };
    push(connection, group.id, record, commit.now_seconds)?;
    connection
        .prepare_cached("UPDATE mls_group SET epoch = ?2, head = ?3 WHERE id = ?1")?
        .execute(params![group.id, epoch, seq])?;
    join(connection, group.id, commit.poster, seq)?;
    for device in &commit.added {
        join(connection, group.id, *device, seq)?;
    }
    for device in &commit.removed {
        connection
            .prepare_cached("UPDATE participant SET until_seq = ?3 WHERE grp = ?1 AND device = ?2")?
            .execute(params![group.id, device.0, seq])?;
    }
    let tree = payload(connection, commit.ratchet_tree.as_deref())?;
    invite(connection, commit, epoch, seq, tree)?;
    let info = payload(connection, commit.group_info.as_deref())?;
    set_info(connection, group.id, seq, info, tree)?;
    queue::release(connection, group.info)?;
    queue::release(connection, group.tree)?;
    Ok(CommitOutcome::Accepted { seq })
}

fn invite(
    connection: &Connection,
    commit: &NewCommit,
    epoch: u64,
    commit_seq: u64,
    tree: Option<i64>,
) -> Result<(), StorageError> {
    for item in &commit.welcomes {
        let welcome = queue::new_payload(connection, &item.content)?;
        for device in item.recipients.iter().copied() {
            let (id, group) = (item.id, &commit.group);
            queue::insert(connection, queue::Entry { device, id, group, epoch, commit_seq, welcome, tree })?;
        }
        queue::forget_unheld(connection, welcome)?;
    }
    Ok(())
}

/// Why a commit cannot be appended.
fn refuse(
    connection: &Connection,
    group: &GroupRow,
    commit: &NewCommit,
) -> Result<Option<CommitOutcome>, StorageError> {
    let span = log::span(connection, group.id, commit.poster)?;
    if let Some(seq) = known(connection, group.id, commit.hash, span)? {
        return Ok(Some(CommitOutcome::Duplicate { seq }));
    }
    let takes_part = span.is_some_and(|span| span.until.is_none());
    let may_enter = commit.external && group.policy == JoinPolicy::Open;
    if !takes_part && !may_enter {
        return Ok(Some(CommitOutcome::NotParticipant));
    }
    if commit.epoch > group.epoch {
        return Ok(Some(CommitOutcome::Future { epoch: group.epoch }));
    }
    if commit.epoch < group.epoch {
        return conflict(connection, group, commit.epoch).map(CommitOutcome::Conflict).map(Some);
    }
    let mut unknown = Vec::new();
    for device in &commit.added {
        if !accounts::exists(connection, *device)? {
            unknown.push(*device);
        }
    }
    if !unknown.is_empty() {
        return Ok(Some(CommitOutcome::DeviceUnknown(unknown)));
    }
    for device in &commit.removed {
        if log::span(connection, group.id, *device)?.is_none_or(|span| span.until.is_some()) {
            return Ok(Some(CommitOutcome::RemovesStranger));
        }
    }
    Ok(None)
}

fn conflict(connection: &Connection, group: &GroupRow, epoch: u64) -> Result<CommitConflict, StorageError> {
    let mut find = connection.prepare_cached("SELECT hash, seq FROM log WHERE grp = ?1 AND epoch = ?2 AND kind = 1")?;
    let read = |row: &Row<'_>| Ok((ContentHash(row.get(0)?), row.get(1)?));
    let (winner_hash, winner_seq) = find.query_row(params![group.id, epoch], read)?;
    Ok(CommitConflict { epoch: group.epoch, head: group.head, winner_hash, winner_seq })
}

pub(super) fn append(connection: &Connection, message: &NewMessage) -> Result<AppendOutcome, StorageError> {
    let Some(group) = log::group(connection, &message.group)? else {
        return Ok(AppendOutcome::GroupUnknown);
    };
    let span = log::span(connection, group.id, message.poster)?;
    if let Some(seq) = known(connection, group.id, message.hash, span)? {
        return Ok(AppendOutcome::Duplicate { seq });
    }
    let (epoch, oldest) = (group.epoch, group.epoch.saturating_sub(message.window_epochs));
    if span.is_none_or(|span| span.until.is_some()) {
        return Ok(AppendOutcome::NotParticipant);
    }
    if message.epoch > epoch {
        return Ok(AppendOutcome::Future { epoch });
    }
    if message.epoch < oldest {
        return Ok(AppendOutcome::Stale { epoch, oldest });
    }
    let kind = match message.kind {
        MessageKind::Proposal => RecordKind::Proposal,
        MessageKind::Application => RecordKind::Application,
    };
    let seq = group.head + 1;
    let record = Record { seq, kind, epoch: message.epoch, hash: message.hash, message: &message.message };
    push(connection, group.id, record, message.now_seconds)?;
    connection.prepare_cached("UPDATE mls_group SET head = ?2 WHERE id = ?1")?.execute(params![group.id, seq])?;
    Ok(AppendOutcome::Appended { seq, epoch })
}
