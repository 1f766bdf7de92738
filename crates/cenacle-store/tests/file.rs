//! The state file as its owner meets it: reopened, locked, refused when it is not ours, private, and rid of what was
//! erased.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

extern crate alloc;

mod common;

use alloc::collections::{BTreeMap, BTreeSet};
use std::{fs, path::Path};

use cenacle_mls::delta::Store;
use cenacle_store::{
    SqliteStore, StoreError,
    testing::{FailingStore, Failure},
};
use common::{Step, delta, key, put};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::tempdir;

/// Everything that the store leaves on disk.
fn files(directory: &Path) -> Vec<u8> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| fs::read(path).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// A value that can be recognised by any twenty of its bytes.
fn marker(n: u32, length: usize) -> Vec<u8> {
    (0u32..).flat_map(|_| [b"mark", &n.to_be_bytes()[..]].concat()).take(length).collect()
}

#[test]
fn rows_survive_reopening() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one"), put(2, &[0xff], b"two")])).unwrap();
    let before = store.snapshot().unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.snapshot().unwrap(), before);
    store.close().unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().snapshot().unwrap(), before);
}

#[test]
fn a_file_is_used_by_one_at_a_time() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::InUse)));
    drop(store);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let directory = tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    fs::write(&text, "not a database at all, but long enough to be taken for one by somebody careless".repeat(9))
        .unwrap();
    let before = fs::read(&text).unwrap();
    assert!(matches!(SqliteStore::open(&text), Err(StoreError::NotAStore)));
    assert_eq!(fs::read(&text).unwrap(), before);

    let other = directory.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE rows (tab INTEGER)").unwrap();
    drop(connection);
    let before = fs::read(&other).unwrap();
    assert!(matches!(SqliteStore::open(&other), Err(StoreError::NotAStore)));
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    SqliteStore::open(&path).unwrap().close().unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    match SqliteStore::open(&path) {
        Err(StoreError::Newer { found: 99, known: 2 }) => {}
        other => panic!("expected a refusal of format 99, got {other:?}"),
    }
}

#[test]
fn a_file_of_the_first_format_is_brought_to_the_present_one() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE rows (tab INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (tab, key))
             WITHOUT ROWID, STRICT;
             INSERT INTO rows VALUES (1, x'61', x'6f6e65'), (2, x'ff', x'');
             PRAGMA user_version = 1;
             PRAGMA application_id = 0x434e434c;",
        )
        .unwrap();
    drop(connection);
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
    store.apply(&delta(&[put(1, b"b", b"two")])).unwrap();
    store.close().unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().snapshot().unwrap().len_rows(), 3);
}

#[test]
fn a_changed_row_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"row of one", &marker(1, 100)), put(1, b"row of two", &marker(2, 100))])).unwrap();
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    let first = whole.windows(100).position(|window| window == marker(1, 100)).unwrap();
    for at in [first - 1, first, first + 99] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&path, damaged).unwrap();
        let store = SqliteStore::open(&path).unwrap();
        // Of its key the last byte was changed, or else its value.
        let found = store.rows(&key(1, b"row of")).map(drop);
        assert!(matches!(found, Err(StoreError::Corrupt)), "byte {at}: {found:?}");
        assert!(matches!(store.snapshot(), Err(StoreError::Corrupt)));
        assert_eq!(store.row(&key(1, b"row of two")).unwrap().unwrap().expose(), marker(2, 100));
    }
}

#[cfg(unix)]
#[test]
fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(directory.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 2, "the database and its write-ahead log");
}

#[test]
fn an_empty_delta_does_not_touch_the_disk() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.erase_now().unwrap();
    store.apply(&delta(&[])).unwrap();
    assert_eq!(fs::metadata(directory.path().join("state.db-wal")).unwrap().len(), 0);
}

/// Every marker of which a piece is still somewhere on disk.
fn found(directory: &Path) -> BTreeSet<u32> {
    let bytes = files(directory);
    let marks = bytes.windows(12).filter(|window| window.starts_with(b"mark") && window.ends_with(b"mark"));
    marks.map(|window| u32::from_be_bytes(window[4..8].try_into().unwrap())).collect()
}

/// Rows of many sizes are written in random places, so that the database moves others about, and overwritten and erased
/// in all three ways; then exactly the values that the rows have now are on disk.
fn erased_values_are_gone(seed: u64) {
    let directory = tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path().join("state.db")).unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut live = BTreeMap::new();
    for batch in 0..150u32 {
        let mut steps = Vec::new();
        for n in 0..12 {
            let (row, value) = (rng.random_range(0..400u16), batch * 12 + n);
            let length = [16, 33, 120, 333, 900, 3000][rng.random_range(0..6)];
            let erase = rng.random_range(0..8);
            let bytes = row.to_be_bytes();
            steps.push(match erase {
                0..4 => put(1, &bytes, &marker(value, length)),
                4..7 => Step::Delete(1, bytes.to_vec()),
                _ => Step::DeletePrefix(1, bytes.to_vec()),
            });
            live.remove(&row);
            live.extend((erase < 4).then_some((row, value)));
        }
        store.apply(&delta(&steps)).unwrap();
        if batch % 30 == 29 {
            store.erase_now().unwrap();
            assert_eq!(found(directory.path()), live.values().copied().collect(), "seed {seed}, batch {batch}");
        }
    }
}

// RFC 9420 §9.2.
#[test]
fn erased_values_are_not_in_the_files() {
    (0..6).for_each(erased_values_are_gone);
}

#[test]
fn the_log_is_cut_after_some_deltas_and_on_closing() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"secret", &marker(7, 64))])).unwrap();
    store.apply(&delta(&[Step::Delete(1, b"secret".to_vec())])).unwrap();
    assert!(contains(&files(directory.path()), &marker(7, 16)), "the log still has it");
    for n in 2..SqliteStore::CUT_LOG_EVERY_DELTAS {
        store.apply(&delta(&[put(1, b"other", &n.to_be_bytes())])).unwrap();
    }
    assert!(!contains(&files(directory.path()), &marker(7, 16)));

    store.apply(&delta(&[put(1, b"secret", &marker(8, 64))])).unwrap();
    store.apply(&delta(&[Step::Delete(1, b"secret".to_vec())])).unwrap();
    drop(store);
    assert!(!contains(&files(directory.path()), &marker(8, 16)));
}

#[test]
fn a_failing_store_fails_when_told_and_writes_nothing_then() {
    let mut store = FailingStore::at(2, SqliteStore::open_in_memory().unwrap());
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    store.apply(&delta(&[])).unwrap();
    let refused = store.apply(&delta(&[put(1, b"a", b"two")]));
    assert!(matches!(refused, Err(Failure::Injected { write: 2 })));
    assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
    store.apply(&delta(&[put(1, b"a", b"three")])).unwrap();
    assert_eq!((store.writes(), store.inner().snapshot().unwrap().len_rows()), (3, 1));

    let mut store = FailingStore::from(1, store.into_inner());
    assert!(store.apply(&delta(&[put(1, b"a", b"four")])).is_err());
    assert!(store.apply(&delta(&[put(1, b"a", b"four")])).is_err());
    assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"three");
}
