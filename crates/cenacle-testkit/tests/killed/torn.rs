//! The power fails: of every write of a whole story, every sector that it touches is missing, zero, garbage, the last that
//! arrived, or followed by some that did, in the log, and then in the database that the log is moved into. Whatever is found
//! opens as the state before the write or after it, and the write can be done again.

use cenacle_mls::{
    delta::{Delta, RowKey, Store as _, Table},
    group::Handshake,
};
use cenacle_store::{Snapshot, SqliteStore};
use cenacle_testkit::{
    killed::{Files, Tear, directory},
    world::{Dice, long_run},
};

use crate::{recorded, seeds};

/// One write: the files before it, when it is in the log, and when the log is in the database.
struct Write {
    before: Files,
    logged: Files,
    closed: Files,
    delta: Delta,
    rows_before: Snapshot,
    rows_after: Snapshot,
}

impl Write {
    fn new((before, delta, after): (Files, Delta, Files)) -> Self {
        let logged = before.logged(&delta, &after);
        let (rows_before, rows_after) = (before.rows().unwrap(), after.rows().unwrap());
        Self { closed: logged.closed(), before, logged, delta, rows_before, rows_after }
    }

    /// Files in which the write may be found: the log on its way.
    fn torn_logs(&self) -> impl Iterator<Item = (Tear, Files)> {
        let positions = self.before.changed(&self.logged, Files::LOG);
        tears(positions).map(|tear| (tear, self.before.torn(&self.logged, Files::LOG, tear)))
    }

    /// Files in which the write must be found: all of it is in the log, the database is on its way.
    fn torn_databases(&self) -> impl Iterator<Item = (Tear, Files)> {
        let positions = self.logged.changed(&self.closed, Files::DATABASE);
        tears(positions).map(|tear| (tear, self.logged.torn(&self.closed, Files::DATABASE, tear)))
    }

    /// Opens what is left, and does the write again if it is gone. Whether it was there.
    fn recover(&self, files: &Files, what: &str) -> bool {
        let recovered = files.open(|store| {
            let found = store.snapshot().unwrap();
            let is_there = found == self.rows_after;
            assert!(is_there || found == self.rows_before, "{what}: neither before nor after");
            if !is_there {
                store.apply(&self.delta).unwrap();
                assert!(store.snapshot().unwrap() == self.rows_after, "{what}: not to be done again");
            }
            is_there
        });
        recovered.unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

/// All ways to tear at these positions.
fn tears(positions: Vec<usize>) -> impl Iterator<Item = Tear> {
    positions.into_iter().flat_map(|at| Tear::all(at, u64::try_from(at).unwrap()))
}

/// Tears every write of the story, at `percent` of all places.
fn tear_everything(name: &'static str, seed: u64, percent: usize) {
    let mut dice = Dice::new(seed);
    let (mut logs, mut gone, mut databases) = (0, 0, 0);
    let record = recorded(name, Handshake::Private);
    let writes = record.len();
    for (number, write) in record.into_iter().map(Write::new).enumerate() {
        assert!(write.recover(&write.logged, "whole") && write.recover(&write.closed, "closed"));
        for (tear, files) in write.torn_logs().filter(|_| dice.chance(percent)) {
            let is_there = write.recover(&files, &format!("{name}, write {number}, log, {tear:?}"));
            (logs, gone) = (logs + 1, gone + usize::from(!is_there));
        }
        for (tear, files) in write.torn_databases().filter(|_| dice.chance(percent)) {
            let is_there = write.recover(&files, &format!("{name}, write {number}, database, {tear:?}"));
            assert!(is_there, "{name}, write {number}, database, {tear:?}: it was in the log");
            databases += 1;
        }
    }
    println!(
        "{name}, seed {seed}: {writes} writes; {logs} torn logs, without the write in {gone}; {databases} torn databases"
    );
    assert!(writes > 20 && gone > writes && databases > writes);
}

#[test]
fn every_write_is_torn() {
    for seed in seeds(1) {
        for name in ["alice", "bob"] {
            tear_everything(name, seed, if long_run() { 100 } else { 10 });
        }
    }
}

/// Power fails twice: a write is lost for one sector, and of the next, which is written where it was, only that sector arrives.
/// What was lost must not come back, since the process went on without it.
#[test]
fn a_lost_write_does_not_come_back() {
    let key = RowKey::new(Table(200), *b"key");
    // They begin in different ways, and most of their sectors are the same.
    let write = |value: &[u8]| {
        let mut delta = Delta::new();
        delta.put(key.clone(), [value, &b"filler".repeat(150)].concat());
        delta
    };
    let directory = directory();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.apply(&write(b"first")).unwrap();
    let before = Files::read(&path);
    store.apply(&write(b"other")).unwrap();
    let lost = Files::read(&path);
    drop(store);
    let mut tried = 0;
    for at in before.changed(&lost, Files::LOG) {
        before.torn(&lost, Files::LOG, Tear::Hole(at)).write(&path);
        let mut store = SqliteStore::open(&path).unwrap();
        if store.snapshot().unwrap() != before.rows().unwrap() {
            // A sector of zeros is not missed.
            continue;
        }
        tried += 1;
        let between = Files::read(&path);
        store.apply(&write(b"third")).unwrap();
        let after = Files::read(&path);
        drop(store);
        let found = between.torn(&after, Files::LOG, Tear::Only(at));
        assert!(found.rows().unwrap() == before.rows().unwrap(), "something came back at {at}");
    }
    assert!(tried > 2, "{tried} sectors only");
}
