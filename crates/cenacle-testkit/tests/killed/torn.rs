//! The power fails: of every write of a whole story, every sector that it touches is missing, zero, garbage, the last that
//! arrived, or followed by some that did, in the log, and then in the database that the log is moved into. Whatever is found
//! opens as the state before the write or after it, and the write can be done again.

use alloc::collections::BTreeMap;

use cenacle_mls::{
    delta::{Delta, RowKey, Store as _, Table},
    group::Handshake,
};
use cenacle_store::{Snapshot, SqliteStore};
use cenacle_testkit::{
    killed::{Changing, Files, Stage, Tear, directory},
    world::{Dice, long_run, seeds},
};

use crate::recorded;

/// One write.
struct Write {
    stages: Vec<Stage>,
    delta: Delta,
    rows_before: Snapshot,
    rows_after: Snapshot,
}

impl Write {
    fn new((before, delta, after): (Files, Delta, Files)) -> Self {
        let (rows_before, rows_after) = (before.rows().unwrap(), after.rows().unwrap());
        Self { stages: before.stages(&after), delta, rows_before, rows_after }
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
    let (mut torn, mut gone) = (BTreeMap::<_, usize>::new(), 0);
    let record = recorded(name, Handshake::Private);
    let writes = record.len();
    for (number, write) in record.into_iter().map(Write::new).enumerate() {
        for stage in &write.stages {
            let what = |tear| format!("{name}, write {number}, {:?}, {tear:?}", stage.file);
            for tear in tears(stage.positions()).filter(|_| dice.chance(percent)) {
                let is_there = write.recover(&stage.torn(tear), &what(tear));
                *torn.entry(stage.file).or_default() += 1;
                gone += usize::from(!is_there);
                assert!(is_there || stage.file <= Changing::Log, "{}: it was in the log", what(tear));
            }
            let is_there = write.recover(&stage.to, "whole");
            assert!(is_there || stage.file < Changing::Log, "{number}: it is not in the log");
        }
    }
    println!("{name}, seed {seed}: {writes} writes; torn: {torn:?}; the write is gone in {gone}");
    assert!(writes > 20 && gone > writes && torn[&Changing::Database] > writes);
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
    let row = |key: u8, value: &[u8]| {
        let mut delta = Delta::new();
        delta.put(RowKey::new(Table(200), [key]), value.to_vec());
        delta
    };
    let directory = directory();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    // Neighbours, whose sectors are the same whatever is written beside them.
    for key in 1..4 {
        store.apply(&row(key, &[key; 800])).unwrap();
    }
    store.apply(&row(0, b"first")).unwrap();
    let before = Files::read(&path);
    store.apply(&row(0, b"other")).unwrap();
    let lost = Files::read(&path);
    drop(store);
    let log = |before: &Files, after: &Files| {
        before.stages(after).into_iter().find(|stage| stage.file == Changing::Log).unwrap()
    };
    let mut tried = 0;
    for at in log(&before, &lost).positions() {
        log(&before, &lost).torn(Tear::Hole(at)).write(&path);
        let mut store = SqliteStore::open(&path).unwrap();
        if store.snapshot().unwrap() != before.rows().unwrap() {
            // A sector of zeros is not missed.
            continue;
        }
        tried += 1;
        let between = Files::read(&path);
        store.apply(&row(0, b"third")).unwrap();
        let after = Files::read(&path);
        drop(store);
        let found = log(&between, &after).torn(Tear::Only(at));
        assert!(found.rows().unwrap() == before.rows().unwrap(), "something came back at {at}");
    }
    assert!(tried > 2, "{tried} sectors only");
}
