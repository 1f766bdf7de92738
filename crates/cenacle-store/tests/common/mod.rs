//! What every test of the store needs: short ways to write a key, a delta and what is expected of them.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "helpers of tests, and not every test needs all")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use cenacle_mls::delta::{Delta, RowKey, Store, Table};
use cenacle_store::SqliteStore;
use proptest::{collection::vec, prelude::*};
use rusqlite::{Connection, OptionalExtension};
use tempfile::tempdir;

/// One change, as a test writes it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Put(u8, Vec<u8>, Vec<u8>),
    Delete(u8, Vec<u8>),
    DeletePrefix(u8, Vec<u8>),
}

pub(crate) fn key(table: u8, key: &[u8]) -> RowKey {
    RowKey::new(Table(table), key)
}

pub(crate) fn delta(steps: &[Step]) -> Delta {
    let mut delta = Delta::new();
    for step in steps {
        match step {
            Step::Put(table, bytes, value) => delta.put(key(*table, bytes), value.clone()),
            Step::Delete(table, bytes) => delta.delete(key(*table, bytes)),
            Step::DeletePrefix(table, bytes) => delta.delete_prefix(key(*table, bytes)),
        }
    }
    delta
}

pub(crate) fn put(table: u8, key: &[u8], value: &[u8]) -> Step {
    Step::Put(table, key.to_vec(), value.to_vec())
}

/// All rows below a prefix, with keys and values as plain bytes.
pub(crate) fn list<S: Store<Error: core::fmt::Debug>>(store: &S, table: u8, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = store.rows(&key(table, prefix)).unwrap();
    rows.into_iter()
        .map(|(row, value)| {
            assert_eq!(row.table, Table(table));
            (row.key, value.expose().to_vec())
        })
        .collect()
}

/// Keys that often share prefixes and often end in the bytes where a range's end is hard to find.
pub(crate) fn keys() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(vec![0, 1, 0x7f, 0xfe, 0xff]), 0..4)
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1u8..3, keys(), vec(any::<u8>(), 0..40)).prop_map(|(table, key, value)| Step::Put(table, key, value)),
        2 => (1u8..3, keys()).prop_map(|(table, key)| Step::Delete(table, key)),
        1 => (1u8..3, keys()).prop_map(|(table, key)| Step::DeletePrefix(table, key)),
    ];
    vec(step, 0..8)
}

/// The keys of rows in the key file of the state at `path`, that of the mark left out.
pub(crate) fn keys_in_file(path: &Path) -> Vec<[u8; 32]> {
    let bytes = fs::read(format!("{}-keys", path.display())).unwrap();
    let slots = bytes.as_chunks::<32>().0.iter().zip(0u32..).skip(1);
    let mark = mark(path);
    slots.filter(|(key, slot)| **key != [0; 32] && Some(*slot) != mark).map(|(key, _)| *key).collect()
}

/// The slot of the mark, by which the store knows which keys belong to which rows.
fn mark(path: &Path) -> Option<u32> {
    let images = tempdir().unwrap();
    let connection = Connection::open(copy_state(path, images.path())).unwrap();
    let slot = connection.query_row("SELECT slot FROM rows WHERE tab = -1", [], |row| row.get(0));
    slot.optional().unwrap()
}

/// The files of the state at `path` that are there.
pub(crate) fn files(path: &Path) -> impl Iterator<Item = PathBuf> {
    let name = path.display().to_string();
    SqliteStore::SUFFIXES
        .iter()
        .map(move |suffix| PathBuf::from(format!("{name}{suffix}")))
        .filter(|file| file.exists())
}

/// Copies all files of a state into an empty folder, as they are now; gives the path of the copy.
pub(crate) fn copy_state(path: &Path, folder: &Path) -> PathBuf {
    for file in files(path) {
        fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
    folder.join(path.file_name().unwrap())
}
