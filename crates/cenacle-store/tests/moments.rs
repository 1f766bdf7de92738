//! A database and keys of different moments: put together by a person, they are refused and nothing is erased, so that the
//! right ones open afterwards; left by a crash, what no row has any more is erased.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

extern crate alloc;

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use cenacle_mls::delta::Store;
use cenacle_store::{SqliteStore, StoreError};
use common::{Step, copy_state, delta, key, keys_in_file, put};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

fn keys_of(path: &Path) -> PathBuf {
    format!("{}-keys", path.display()).into()
}

/// A folder for images, and the image there of the state at `path` as a crash would leave it, its log written into it.
fn crashed(path: &Path) -> (TempDir, PathBuf) {
    let images = tempdir().unwrap();
    let image = copy_state(path, images.path());
    let connection = Connection::open(&image).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    (images, image)
}

fn refused(path: &Path) -> bool {
    matches!(SqliteStore::open(path), Err(StoreError::KeysDoNotFit))
}

#[test]
fn a_database_and_keys_of_different_moments_are_refused_and_lose_nothing() {
    let later: [(&str, &[&[Step]]); 5] = [
        ("a row more", &[&[put(1, b"c", b"three")]]),
        ("a row replaced", &[&[put(1, b"a", b"new")]]),
        ("a row replaced, another gone", &[&[put(1, b"a", b"new")], &[Step::Delete(1, b"b".to_vec())]]),
        ("rows of several deltas", &[&[put(1, b"c", b"three")], &[put(1, b"d", b"four")], &[put(1, b"e", b"five")]]),
        ("all rows gone", &[&[put(1, b"c", b"three")], &[Step::DeletePrefix(1, Vec::new())]]),
    ];
    for (what, deltas) in later {
        let directory = tempdir().unwrap();
        let path = directory.path().join("state.db");
        let mut store = SqliteStore::open(&path).unwrap();
        store.apply(&delta(&[put(1, b"a", b"one"), put(1, b"b", b"two")])).unwrap();
        let (_old_images, old) = crashed(&path);
        let old_rows = store.snapshot().unwrap();
        for steps in deltas {
            store.apply(&delta(steps)).unwrap();
        }
        let (_new_images, new) = crashed(&path);
        let new_rows = store.snapshot().unwrap();
        for (older, database, keys, rows) in [(true, &old, &new, &new_rows), (false, &new, &old, &old_rows)] {
            let images = tempdir().unwrap();
            let image = images.path().join("state.db");
            fs::copy(database, &image).unwrap();
            fs::copy(keys_of(keys), keys_of(&image)).unwrap();
            assert!(refused(&image), "{what}, the database older: {older}");
            assert_eq!(fs::read(keys_of(&image)).unwrap(), fs::read(keys_of(keys)).unwrap(), "{what}: keys are lost");
            fs::copy(keys, &image).unwrap();
            let store = SqliteStore::open(&image).unwrap();
            assert!(store.snapshot().unwrap() == *rows, "{what}, with the right database");
        }
    }
}

#[test]
fn an_image_of_a_new_state_does_not_take_later_keys() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let (_images, new) = crashed(&path);
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    fs::copy(keys_of(&path), keys_of(&new)).unwrap();
    assert!(refused(&new));
    assert_eq!(fs::read(keys_of(&path)).unwrap(), fs::read(keys_of(&new)).unwrap());
}

/// What is erased is gone, whatever images there are: no key of the file opens it.
#[test]
fn keys_tell_an_old_image_of_the_database_nothing_of_what_was_erased_since() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"erased"), put(1, b"b", b"kept")])).unwrap();
    let before = keys_in_file(&path);
    store.apply(&delta(&[put(1, b"a", b"new")])).unwrap();
    let after = keys_in_file(&path);
    assert_eq!((before.len(), after.len()), (2, 2));
    assert_eq!(before.iter().filter(|key| after.contains(key)).count(), 1, "that of the row that was kept");
}

#[test]
fn without_its_database_a_key_file_is_kept() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    let (images, image) = crashed(&path);
    let away = images.path().join("away.db");
    fs::rename(&image, &away).unwrap();
    assert!(refused(&image), "a new state would take the place of the keys");
    fs::rename(&away, &image).unwrap();
    assert_eq!(SqliteStore::open(&image).unwrap().row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
}

/// Where a header says how far the file is, and that its database may not know it yet.
const STATUS: usize = 9;
const BEGUN: u8 = 2;

#[test]
fn a_creation_cut_short_before_or_after_the_first_transaction_is_no_obstacle() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let _store = SqliteStore::open(&path).unwrap();
    for is_known in [true, false] {
        let (images, image) = crashed(&path);
        let mut keys = fs::read(keys_of(&image)).unwrap();
        keys[STATUS] = BEGUN;
        keys.extend([7; 32]);
        fs::write(keys_of(&image), keys).unwrap();
        if !is_known {
            fs::remove_file(&image).unwrap();
        }
        let mut store = SqliteStore::open(&image).unwrap();
        store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
        let keys = fs::read(keys_of(&image)).unwrap();
        assert!(keys[STATUS] != BEGUN && !keys.windows(32).any(|key| key == [7; 32]));
        drop(store);
        assert_eq!(SqliteStore::open(&image).unwrap().row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
        drop(images);
    }
}

/// The power fails while the status is written: it may be anything.
#[test]
fn a_garbled_status_is_that_of_a_file_in_use() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    for status in [1, 3, 0x80, 0xff] {
        let (_images, image) = crashed(&path);
        let mut keys = fs::read(keys_of(&image)).unwrap();
        keys[STATUS] = status;
        keys.extend([7; 32]);
        fs::write(keys_of(&image), keys).unwrap();
        let store = SqliteStore::open(&image).unwrap();
        assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
        assert_eq!(keys_in_file(&image).len(), 1);
    }
}

/// The process dies, or the power fails, after the first transaction since the file was opened and before a key was erased.
#[test]
fn keys_that_the_first_delta_was_to_erase_are_erased_after_a_crash() {
    for steps in [[Step::Delete(1, b"a".to_vec())], [Step::DeletePrefix(1, b"a".to_vec())]] {
        let directory = tempdir().unwrap();
        let path = directory.path().join("state.db");
        let mut store = SqliteStore::open(&path).unwrap();
        store.apply(&delta(&[put(1, b"a", b"one"), put(1, b"b", b"two")])).unwrap();
        store.close().unwrap();
        let mut store = SqliteStore::open(&path).unwrap();
        let before = (fs::read(keys_of(&path)).unwrap(), keys_in_file(&path));
        store.apply(&delta(&steps)).unwrap();
        let after = keys_in_file(&path);
        assert_eq!((before.1.len(), after.len()), (2, 1));

        let (_images, image) = crashed(&path);
        let mut keys = fs::read(keys_of(&image)).unwrap();
        keys[32..].copy_from_slice(&before.0[32..]);
        fs::write(keys_of(&image), keys).unwrap();
        let store = SqliteStore::open(&image).unwrap();
        assert_eq!(keys_in_file(&image), after);
        assert!(store.row(&key(1, b"a")).unwrap().is_none());
        assert_eq!(store.row(&key(1, b"b")).unwrap().unwrap().expose(), b"two");
    }
}

/// Files that were written before there were marks.
#[test]
fn a_file_without_a_mark_is_marked_when_it_is_opened() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    let (_images, image) = crashed(&path);
    let connection = Connection::open(&image).unwrap();
    assert_eq!(connection.execute("DELETE FROM rows WHERE tab = -1", []).unwrap(), 1);
    drop(connection);
    let mut store = SqliteStore::open(&image).unwrap();
    assert_eq!((keys_in_file(&image).len(), store.snapshot().unwrap().len_rows()), (1, 1));
    let (_old_images, old) = crashed(&image);
    store.apply(&delta(&[put(1, b"b", b"two")])).unwrap();
    fs::copy(keys_of(&image), keys_of(&old)).unwrap();
    assert!(refused(&old));
}
