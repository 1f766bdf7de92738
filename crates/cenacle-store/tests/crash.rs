//! Death at any moment: the write-ahead log cut in the middle of a delta, and a process killed while it writes. Whatever is
//! left reopens as exactly one of the states between deltas, and no older one than the last that was confirmed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cenacle_mls::delta::Store;
use cenacle_store::{MemoryStore, Snapshot, SqliteStore};
use common::{Step, copy_state, delta, put};
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

fn key_file(path: &Path) -> PathBuf {
    format!("{}-keys", path.display()).into()
}

/// Reopens a copy of a state whose write-ahead log is cut at `length` bytes.
fn reopen_cut(path: &Path, length: u64) -> Snapshot {
    let copies = tempdir().unwrap();
    let copy = copy_state(path, copies.path());
    File::options().write(true).open(copies.path().join("state.db-wal")).unwrap().set_len(length).unwrap();
    let store = SqliteStore::open(&copy).unwrap();
    store.snapshot().unwrap()
}

/// A process dies while it writes the log: the keys for what it writes are there, and so are those of what it replaces.
#[test]
fn a_log_cut_in_the_middle_of_a_delta_gives_the_state_before() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let log = directory.path().join("state.db-wal");
    let mut store = SqliteStore::open(&path).unwrap();
    for n in 0..8 {
        let (old_keys, before) = (fs::read(key_file(&path)).unwrap(), fs::metadata(&log).unwrap().len());
        store.apply(&delta(&nth(n))).unwrap();
        let after = fs::metadata(&log).unwrap().len();
        let images = tempdir().unwrap();
        let image = copy_state(&path, images.path());
        // The keys as they were before the old ones were erased.
        let mut keys = fs::read(key_file(&image)).unwrap();
        for (slot, old) in keys.as_chunks_mut::<32>().0.iter_mut().zip(old_keys.as_chunks::<32>().0).skip(1) {
            if *slot == [0; 32] {
                *slot = *old;
            }
        }
        fs::write(key_file(&image), keys).unwrap();
        let within = (before..after).step_by(509).chain([before + 1, after - 1]);
        for length in within {
            assert!(reopen_cut(&image, length) == state(n), "delta {n}: log cut at {length} of {after} bytes");
        }
        assert!(reopen_cut(&image, after) == state(n + 1), "delta {n}");
    }
}

#[test]
fn a_copy_made_between_writes_is_the_state_of_that_moment() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    for n in 0..20 {
        store.apply(&delta(&nth(n))).unwrap();
        let copies = tempdir().unwrap();
        let reopened = SqliteStore::open(copy_state(&path, copies.path())).unwrap();
        assert_eq!(reopened.snapshot().unwrap(), state(n + 1));
    }
}

const CHILD_FILE: &str = "CENACLE_STORE_CRASH_FILE";

/// Not a test by itself: the process that [`a_killed_process_loses_nothing_confirmed`] kills.
#[test]
#[ignore = "started by the test that kills it"]
fn child_that_writes_until_it_is_killed() {
    let path = env::var_os(CHILD_FILE).unwrap();
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
            .args(["--exact", "child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
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
