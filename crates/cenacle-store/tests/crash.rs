//! Death at any moment: the write-ahead log cut at every length, and a process killed while it writes. Whatever is
//! left reopens as exactly one of the states between deltas, and no older one than the last that was confirmed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use cenacle_mls::delta::Store;
use cenacle_store::{MemoryStore, Snapshot, SqliteStore};
use common::{Step, delta, put};
use tempfile::tempdir;

/// The `n`-th of an endless series of deltas, each changing several rows of several sizes.
fn nth(n: u32) -> Vec<Step> {
    let value = n.to_be_bytes().repeat(1 + n as usize % 700);
    let mut steps = vec![
        put(1, b"counter", &n.to_be_bytes()),
        put(2, &(n % 5).to_be_bytes(), &value),
        put(3, &[n.to_be_bytes(), value[..4].try_into().unwrap()].concat(), &value),
        Step::Delete(2, ((n + 3) % 5).to_be_bytes().to_vec()),
    ];
    if n % 4 == 3 {
        steps.push(Step::DeletePrefix(3, (n - 2).to_be_bytes().to_vec()));
    }
    steps
}

/// The rows after the first `count` deltas.
fn state(count: u32) -> Snapshot {
    let mut store = MemoryStore::default();
    for n in 0..count {
        store.apply(&delta(&nth(n))).unwrap();
    }
    store.snapshot()
}

/// Reopens a database beside a write-ahead log cut at `length` bytes.
fn reopen_cut(directory: &Path, database: &[u8], log: &[u8], length: usize) -> Snapshot {
    let path = directory.join("copy.db");
    fs::write(&path, database).unwrap();
    fs::write(directory.join("copy.db-wal"), &log[..length]).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    store.snapshot().unwrap()
}

#[test]
fn a_log_cut_anywhere_gives_one_of_the_states() {
    let directory = tempdir().unwrap();
    let (database, log) = (directory.path().join("state.db"), directory.path().join("state.db-wal"));
    let mut store = SqliteStore::open(&database).unwrap();
    store.erase_now().unwrap();
    let mut lengths = vec![0];
    for n in 0..8 {
        store.apply(&delta(&nth(n))).unwrap();
        lengths.push(usize::try_from(fs::metadata(&log).unwrap().len()).unwrap());
    }
    let (database, log) = (fs::read(database).unwrap(), fs::read(log).unwrap());
    let states: Vec<Snapshot> = (0..=8).map(state).collect();
    let around = lengths.iter().flat_map(|length| [length.saturating_sub(1), *length, length + 1]);
    let every = (0..log.len()).step_by(509).chain(around).filter(|length| *length <= log.len());
    for length in every {
        let complete = lengths.iter().filter(|end| **end <= length).count() - 1;
        let copies = tempdir().unwrap();
        let reopened = reopen_cut(copies.path(), &database, &log, length);
        assert_eq!(reopened, states[complete], "log cut at {length} bytes of {}", log.len());
    }
}

#[test]
fn a_copy_made_between_writes_is_the_state_of_that_moment() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    for n in 0..20 {
        store.apply(&delta(&nth(n))).unwrap();
        if n % 7 == 6 {
            store.erase_now().unwrap();
        }
        let copies = tempdir().unwrap();
        let log = fs::read(directory.path().join("state.db-wal")).unwrap();
        let reopened = reopen_cut(copies.path(), &fs::read(&path).unwrap(), &log, log.len());
        assert_eq!(reopened, state(n + 1));
    }
}

const CHILD_FILE: &str = "CENACLE_STORE_CRASH_FILE";

/// Not a test by itself: the process that [`a_killed_process_loses_nothing_confirmed`] kills.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = env::var_os(CHILD_FILE) else { return };
    let mut store = SqliteStore::open(path).unwrap();
    for n in 0.. {
        store.apply(&delta(&nth(n))).unwrap();
        println!("applied {}", n + 1);
    }
}

#[test]
fn a_killed_process_loses_nothing_confirmed() {
    for confirmed_before_kill in [1, 2, 7, 40, 260] {
        let directory = tempdir().unwrap();
        let path = directory.path().join("state.db");
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD_FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let confirmed = |line: String| line.split("applied ").nth(1).and_then(|n| n.parse::<u32>().ok());
        let mut last = lines.by_ref().filter_map(confirmed).find(|n| *n >= confirmed_before_kill).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What the child said between the decision and its death was confirmed as well.
        last = lines.filter_map(confirmed).last().unwrap_or(last);

        let reopened = SqliteStore::open(&path).unwrap().snapshot().unwrap();
        let candidates = [state(last), state(last + 1)];
        assert!(candidates.contains(&reopened), "killed after delta {last}: neither its state nor the next one");
    }
}
