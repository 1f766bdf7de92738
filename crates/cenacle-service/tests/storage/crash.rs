//! What the SQLite back end keeps when its process ends at a bad moment, and which files it refuses.

use std::{path::Path, process::Command};

use cenacle_service::{
    storage::{CommitOutcome, NewCommit, SqliteStorage, Storage, StorageError},
    wire::JoinPolicy,
};

use crate::support::{ALL, Counter, adding, commit, device, message, new_group, read, register};

/// Tells the child which file to write to.
const FILE: &str = "CENACLE_CRASH_FILE";

fn open(path: &Path) -> SqliteStorage {
    SqliteStorage::open(path, &mut Counter::default()).unwrap()
}

#[test]
fn a_file_is_the_same_when_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.sqlite");
    let first = open(&path);
    let lineage = first.lineage();
    register(&first, 2);
    first.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    first.append_commit(adding(commit(1, 1, 0, 1), &[2])).unwrap();
    first.append(message(1, 2, 1, 2)).unwrap();
    first.secret("key", b"secret").unwrap();
    let log = read(&first, 1, 1);
    drop(first);

    let mut rng = Counter::default();
    let again = SqliteStorage::open(&path, &mut rng).unwrap();
    assert_eq!(again.lineage(), lineage);
    assert_eq!(read(&again, 1, 1), log);
    assert_eq!(again.queue_read(device(2), ALL).unwrap().items.len(), 1);
    assert_eq!(again.secret("key", b"other").unwrap(), b"secret");
    let repeated = adding(commit(1, 1, 0, 1), &[2]);
    assert_eq!(again.append_commit(repeated).unwrap(), CommitOutcome::Duplicate { seq: 2 });
    assert_eq!(again.append_commit(commit(1, 2, 1, 3)).unwrap(), CommitOutcome::Accepted { seq: 4 });
}

/// Runs in a process of its own, started by the test below, and dies without any clean-up.
#[test]
#[ignore = "started by what_was_answered_survives_a_dead_process"]
fn child_that_dies() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let storage = open(Path::new(&path));
    for epoch in 0..20u64 {
        storage.append_commit(commit(1, 1, epoch, epoch as u32 + 100)).unwrap();
        // Answered: from here on it must never be lost.
        println!("answered {epoch}");
    }
    let unanswered = NewCommit { removed: vec![device(2)], ..commit(1, 1, 20, 200) };
    std::thread::scope(|scope| {
        scope.spawn(|| storage.append_commit(unanswered));
        std::process::abort();
    });
}

#[test]
fn what_was_answered_survives_a_dead_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.sqlite");
    let storage = open(&path);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    drop(storage);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_dies", "--ignored", "--nocapture"])
        .env(FILE, &path)
        .output()
        .unwrap();
    assert!(!child.status.success(), "the child was to die");
    let said = String::from_utf8_lossy(&child.stdout);
    assert_eq!(said.matches("answered ").count(), 20, "{said}");

    let again = open(&path);
    let records = read(&again, 1, 1).unwrap();
    assert!(records.len() >= 21, "the creation and what was answered: {}", records.len());
    assert!(records.iter().zip(1..).all(|(record, seq)| record.seq == seq));
    let next = records.len() as u64 - 1;
    assert!(matches!(again.append_commit(commit(1, 1, next, 900)).unwrap(), CommitOutcome::Accepted { .. }));
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.sqlite");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = SqliteStorage::open(&path, &mut Counter::default()).unwrap_err();
    assert!(matches!(refused, StorageError::NewerSchema { found: 99, known: 1 }), "{refused}");
}

#[test]
fn a_restored_copy_can_be_told_from_a_new_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = Counter::default();
    let one = SqliteStorage::open(&directory.path().join("one.sqlite"), &mut rng).unwrap();
    let two = SqliteStorage::open(&directory.path().join("two.sqlite"), &mut rng).unwrap();
    assert_ne!(one.lineage(), two.lineage());
}
