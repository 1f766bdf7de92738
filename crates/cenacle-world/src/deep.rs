//! The deep look: everything that can be seen of a client, to find out whether a refusal left a trace, and whether what is in
//! memory is what is stored.

use alloc::collections::BTreeMap;

use cenacle_codec::Encode as _;
use cenacle_mls::{
    Error,
    delta::{RowKey, Store as _, Table},
    group::Group,
};
use cenacle_store::{MemoryStore, Snapshot};

/// All that can be seen of a client with its group: every stored row, the group in memory as rows, and what its accessors tell.
#[derive(PartialEq, Eq, Debug)]
pub struct Visible {
    stored: Snapshot,
    memory: Option<Snapshot>,
    told: Option<Vec<Vec<u8>>>,
}

impl Visible {
    /// What can be seen now.
    ///
    /// # Errors
    /// When the group cannot be written as rows.
    pub fn of(stored: Snapshot, group: Option<&Group>) -> Result<Self, Error> {
        Ok(Self { stored, memory: group.map(memory_rows).transpose()?, told: group.map(told).transpose()? })
    }
}

/// The rows in which a group in memory and the one that is stored differ, in words; `None` where they are the same.
///
/// # Errors
/// When the group cannot be written as rows.
pub fn unlike(group: &Group, stored: &Snapshot) -> Result<Option<String>, Error> {
    let memory = memory_rows(group)?;
    let (memory, stored) = (group_rows(&memory), group_rows(stored));
    if memory == stored {
        return Ok(None);
    }
    let name = |(key, value): (&&RowKey, &&[u8])| format!("{:?} {:02x?} {:02x?}", key.table, key.key, value);
    let only = |of: &BTreeMap<&RowKey, &[u8]>, other: &BTreeMap<&RowKey, &[u8]>| {
        let differs = of.iter().filter(|(key, value)| other.get(*key) != Some(value));
        differs.map(name).collect::<Vec<_>>().join("\n  ")
    };
    let (in_memory, on_disk) = (only(&memory, &stored), only(&stored, &memory));
    Ok(Some(format!("in memory:\n  {in_memory}\n stored:\n  {on_disk}")))
}

/// The rows of the one group in a store.
fn group_rows(rows: &Snapshot) -> BTreeMap<&RowKey, &[u8]> {
    let of_group = |key: &RowKey| !matches!(key.table, Table::KEY_PACKAGE | Table::PENDING_JOIN);
    rows.rows().filter(|(key, _)| of_group(key)).map(|(key, value)| (key, value.expose())).collect()
}

fn memory_rows(group: &Group) -> Result<Snapshot, Error> {
    let mut store = MemoryStore::default();
    store.apply(&group.snapshot_rows()?).unwrap_or_else(|never| match never {});
    Ok(store.snapshot())
}

fn told(group: &Group) -> Result<Vec<Vec<u8>>, Error> {
    let mut told = vec![
        group.epoch().to_bytes()?,
        group.public().context().to_bytes()?,
        group.public().tree().to_bytes()?,
        group.public().confirmation_tag().to_vec(),
        group.epoch_authenticator().expose().to_vec(),
        vec![u8::from(group.is_active()), u8::from(group.has_pending_commit())],
        group.pending_commit().map(|message| message.to_bytes()).transpose()?.unwrap_or_default(),
    ];
    for (reference, ..) in group.proposals() {
        told.push(reference.to_bytes()?);
    }
    if group.is_active() {
        told.push(group.export_secret("visible", b"", 32)?.expose().to_vec());
    }
    Ok(told)
}
