//! The state file as its owner meets it: reopened, locked, refused when it is not ours or has lost its keys, private,
//! brought forward from earlier formats.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

extern crate alloc;

mod common;

use std::{env, fs, path::Path, process::Command};

use cenacle_mls::delta::{Delta, RowValue, Store, Table};
use cenacle_scan::Wanted;
use cenacle_store::{
    SqliteStore, StoreError,
    testing::{FailingStore, Failure},
};
use common::{Step, copy_state, delta, files, key, keys_in_file, put};
use rusqlite::Connection;
use tempfile::tempdir;

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

const CHILD_FILE: &str = "CENACLE_STORE_LOCKED_FILE";

/// Not a test by itself: another process that finds the file locked.
#[test]
#[ignore = "started by the test that holds the lock"]
fn child_that_finds_the_file_locked() {
    let path = env::var_os(CHILD_FILE).unwrap();
    assert!(matches!(SqliteStore::open(path), Err(StoreError::InUse)));
}

#[test]
fn an_attempt_to_open_it_twice_leaves_it_locked_for_other_processes() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let _store = SqliteStore::open(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::InUse)));
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_that_finds_the_file_locked", "--ignored"])
        .env(CHILD_FILE, &path)
        .status()
        .unwrap();
    assert!(status.success());
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
    let connection = Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE rows (tab INTEGER)").unwrap();
    drop(connection);
    let before = fs::read(&other).unwrap();
    assert!(matches!(SqliteStore::open(&other), Err(StoreError::NotAStore)));
    assert_eq!(fs::read(&other).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside them");
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    SqliteStore::open(&path).unwrap().close().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    match SqliteStore::open(&path) {
        Err(StoreError::Newer { found: 99, known: 3 }) => {}
        other => panic!("expected a refusal of format 99, got {other:?}"),
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
    assert_eq!(seen, 3, "the database, its write-ahead log and its keys");
    let mut listed: Vec<_> = files(&path).collect();
    let mut there: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    listed.sort();
    there.sort();
    assert_eq!(listed, there);
}

#[test]
fn an_empty_delta_does_not_touch_the_disk() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let log = || fs::metadata(directory.path().join("state.db-wal")).unwrap().len();
    let before = log();
    store.apply(&delta(&[])).unwrap();
    assert_eq!(log(), before);
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

#[test]
fn without_its_keys_a_state_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one")])).unwrap();
    let images = tempdir().unwrap();
    let image = copy_state(&path, images.path());
    let keys = images.path().join("state.db-keys");
    let before = fs::read(&keys).unwrap();
    let other = images.path().join("other.db");
    let _other = SqliteStore::open(&other).unwrap();
    fs::copy(images.path().join("other.db-keys"), &keys).unwrap();
    assert!(matches!(SqliteStore::open(&image), Err(StoreError::KeysDoNotFit)), "another's keys");
    fs::remove_file(&keys).unwrap();
    assert!(matches!(SqliteStore::open(&image), Err(StoreError::KeysDoNotFit)), "no keys");
    fs::write(&keys, &before[..16]).unwrap();
    assert!(matches!(SqliteStore::open(&image), Err(StoreError::KeysDoNotFit)), "half a header");
    fs::write(&keys, before).unwrap();
    assert_eq!(SqliteStore::open(&image).unwrap().row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
}

#[test]
fn a_closed_state_is_one_file_and_can_be_put_in_place_of_any_other() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"old")])).unwrap();
    store.close().unwrap();
    let closed = fs::read(&path).unwrap();
    let sizes: Vec<u64> = files(&path).map(|file| fs::metadata(file).unwrap().len()).collect();
    assert_eq!(sizes, [u64::try_from(closed.len()).unwrap(), 0], "no log, and no keys beside it");

    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"new"), put(1, b"b", b"new")])).unwrap();
    // What is there after a crash, its log and its keys among it.
    let images = tempdir().unwrap();
    let image = copy_state(&path, images.path());
    assert_eq!(files(&image).count(), 3);
    for place in [image, images.path().join("elsewhere.db")] {
        fs::write(&place, &closed).unwrap();
        let store = SqliteStore::open(&place).unwrap();
        assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"old");
        assert!(store.row(&key(1, b"b")).unwrap().is_none());
    }
}

/// The process dies between two writes of closing or of opening.
#[test]
fn keys_survive_a_folding_or_unfolding_that_does_not_come_to_its_end() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one"), put(1, b"b", &[7; 5000])])).unwrap();
    store.apply(&delta(&[Step::Delete(1, b"b".to_vec()), put(1, b"c", b"two")])).unwrap();
    let rows = store.snapshot().unwrap();
    store.close().unwrap();
    let closed = fs::read(&path).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let (pages, keys) = (fs::read(&path).unwrap(), fs::read(directory.path().join("state.db-keys")).unwrap());
    drop(store);
    assert_eq!(closed.len(), pages.len() + keys.len() + 16);

    let end = closed.len();
    let without_footer = |keys_erased: usize| {
        let mut bytes = closed[..end - 16].to_vec();
        bytes[pages.len()..][..keys_erased].fill(0);
        [bytes, vec![0; 16]].concat()
    };
    for (what, database, keys) in [
        ("folded in part", closed[..pages.len() + 40].to_vec(), keys.clone()),
        ("folded without a footer", closed[..end - 16].to_vec(), keys.clone()),
        ("folded with half a footer", closed[..end - 8].to_vec(), keys.clone()),
        ("folded, the key file still there", closed.clone(), keys.clone()),
        ("folded, the key file erased in part", closed.clone(), [&[0; 40], &keys[40..]].concat()),
        ("folded, the key file erased", closed.clone(), vec![0; keys.len()]),
        ("unfolded in part", closed.clone(), keys[..40].to_vec()),
        ("unfolded, the footer erased", without_footer(0), keys.clone()),
        ("unfolded, the keys erased in part", without_footer(40), keys.clone()),
        ("unfolded, the keys erased", without_footer(keys.len()), keys.clone()),
        ("unfolded", pages.clone(), keys.clone()),
    ] {
        let images = tempdir().unwrap();
        let image = images.path().join("state.db");
        fs::write(&image, database).unwrap();
        fs::write(images.path().join("state.db-keys"), keys).unwrap();
        let store = SqliteStore::open(&image).unwrap();
        assert!(store.snapshot().unwrap() == rows, "{what}");
        assert_eq!(fs::read(&image).unwrap(), pages, "{what}: keys are left in the database");
        store.close().unwrap();
        assert!(SqliteStore::open(&image).unwrap().snapshot().unwrap() == rows, "{what}, closed");
    }
}

/// What a process that dies between two writes leaves behind: keys that no row names, fresh ones and erased ones.
#[test]
fn keys_of_no_row_are_erased_when_the_file_is_opened() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&delta(&[put(1, b"a", b"one"), put(1, b"b", b"two")])).unwrap();
    let before = keys_in_file(&path);
    store.apply(&delta(&[Step::Delete(1, b"a".to_vec())])).unwrap();
    let after = keys_in_file(&path);
    assert_eq!((before.len(), after.len()), (2, 1));

    let copies = tempdir().unwrap();
    let copy = copy_state(&path, copies.path());
    let keys = copies.path().join("state.db-keys");
    let erased = before.iter().find(|key| !after.contains(key)).unwrap();
    let mut bytes = fs::read(&keys).unwrap();
    bytes.extend_from_slice(erased);
    bytes.extend_from_slice(&[7; 20]);
    fs::write(&keys, bytes).unwrap();
    let store = SqliteStore::open(&copy).unwrap();
    assert_eq!(keys_in_file(&copy), after);
    assert_eq!(store.row(&key(1, b"b")).unwrap().unwrap().expose(), b"two");
}

/// A file of the first format, with rows and with traces of rows that are gone.
fn first_format(path: &Path, secrets: &[[u8; 32]]) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE rows (tab INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (tab, key))
             WITHOUT ROWID, STRICT;
             PRAGMA user_version = 1; PRAGMA application_id = 0x434e434c; PRAGMA secure_delete = OFF",
        )
        .unwrap();
    for (n, secret) in secrets.iter().enumerate() {
        let row = rusqlite::params![5, [u8::try_from(n).unwrap()], secret.repeat(20)];
        connection.execute("INSERT INTO rows VALUES (?1, ?2, ?3)", row).unwrap();
    }
    connection.execute("INSERT INTO rows VALUES (2, x'07', ?1)", [b"a node of the tree"]).unwrap();
    connection.execute("DELETE FROM rows WHERE tab = 5 AND key >= x'0a'", []).unwrap();
}

fn traces(directory: &Path, secrets: &[[u8; 32]]) -> usize {
    let mut wanted = Wanted::default();
    for secret in secrets {
        wanted.add(secret);
    }
    wanted.find_in_files(directory).unwrap().len()
}

fn some_secrets() -> Vec<[u8; 32]> {
    (0..40u8)
        .map(|n| core::array::from_fn(|at| u8::try_from(at).unwrap().wrapping_mul(151) ^ n.wrapping_mul(31)))
        .collect()
}

#[test]
fn rows_of_the_first_format_are_sealed_and_leave_no_trace() {
    let directory = tempdir().unwrap();
    let (path, secrets) = (directory.path().join("state.db"), some_secrets());
    first_format(&path, &secrets);
    assert!(traces(directory.path(), &secrets[20..]) > 0, "there is something to be swept");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(traces(directory.path(), &secrets), 0);
    assert_eq!(keys_in_file(&path).len(), 10, "a node of the tree is public");
    for n in 0..10u8 {
        let value = store.row(&key(5, &[n])).unwrap().unwrap();
        assert_eq!(value.expose(), secrets[usize::from(n)].repeat(20));
    }
    assert_eq!(store.row(&key(2, &[7])).unwrap().unwrap().expose(), b"a node of the tree");
    assert_eq!(store.snapshot().unwrap().len_rows(), 11);
    let before = store.snapshot().unwrap();
    store.close().unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().snapshot().unwrap(), before);
}

#[test]
fn a_file_that_was_not_swept_is_swept() {
    let directory = tempdir().unwrap();
    let (path, secrets) = (directory.path().join("state.db"), some_secrets());
    let _store = SqliteStore::open(&path).unwrap();
    let images = tempdir().unwrap();
    let image = copy_state(&path, images.path());
    let connection = Connection::open(&image).unwrap();
    connection.execute_batch("PRAGMA user_version = 2; PRAGMA secure_delete = OFF").unwrap();
    for secret in &secrets {
        connection.execute("INSERT INTO rows VALUES (5, ?1, ?2, NULL)", [secret.to_vec(), secret.repeat(90)]).unwrap();
    }
    connection.execute("DELETE FROM rows", []).unwrap();
    drop(connection);
    assert!(traces(images.path(), &secrets) > 0);
    SqliteStore::open(&image).unwrap().close().unwrap();
    assert_eq!(traces(images.path(), &secrets), 0);
}

#[test]
fn public_values_are_stored_as_they_are() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let mut changes = Delta::new();
    changes.put(key(Table::TREE_NODE.0, b"1"), RowValue::Shared((*b"public").into()));
    store.apply(&changes).unwrap();
    assert_eq!(keys_in_file(&path).len(), 0);
    assert_eq!(store.row(&key(Table::TREE_NODE.0, b"1")).unwrap().unwrap().expose(), b"public");
    // A row may become secret, and public again.
    store.apply(&delta(&[put(Table::TREE_NODE.0, b"1", b"secret")])).unwrap();
    assert_eq!(keys_in_file(&path).len(), 1);
    store.apply(&changes).unwrap();
    assert_eq!(keys_in_file(&path).len(), 0);
    assert_eq!(store.row(&key(Table::TREE_NODE.0, b"1")).unwrap().unwrap().expose(), b"public");
}
