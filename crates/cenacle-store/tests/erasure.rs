//! Rows of all sizes are written in random places, overwritten and erased in all three ways (RFC 9420 §9.2). After every
//! delta no file has a secret value, nor the key of one that is gone, in the database, in pages that it freed or moved rows
//! out of, or in its log; and copies of the files reopen to the same rows. `CENACLE_SEED` runs one seed, `CENACLE_LONG=1`
//! runs more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests fail by panicking")]

extern crate alloc;

mod common;

use alloc::collections::{BTreeMap, BTreeSet};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

use cenacle_mls::delta::{Delta, RowKey, RowValue, Store};
use cenacle_scan::Wanted;
use cenacle_store::{MemoryStore, SqliteStore};
use common::{copy_state, files, key, keys_in_file};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use tempfile::tempdir;

/// So many rows there may be.
const ROWS: u16 = 300;
/// Sizes of values, in bytes.
const SIZES: [usize; 7] = [16, 32, 33, 120, 333, 900, 5000];

/// A state file with a model of it.
struct Trial {
    path: PathBuf,
    store: SqliteStore,
    rows: MemoryStore,
    /// The keys of the key file after the last delta.
    keys: BTreeSet<[u8; 32]>,
    /// Secret values that were ever put, and keys that are gone.
    wanted: Wanted,
    rng: StdRng,
}

impl Trial {
    fn new(folder: &Path, seed: u64) -> Self {
        let path = folder.join("state.db");
        Self {
            store: SqliteStore::open(&path).unwrap(),
            path,
            rows: MemoryStore::default(),
            keys: BTreeSet::new(),
            wanted: Wanted::default(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    fn name(&mut self) -> RowKey {
        key(self.rng.random_range(1..4), &self.rng.random_range(0..ROWS).to_be_bytes())
    }

    fn delta(&mut self) -> Delta {
        let mut delta = Delta::new();
        for _ in 0..self.rng.random_range(1..20) {
            let name = self.name();
            match self.rng.random_range(0..20) {
                0..10 => {
                    let mut value = vec![0; SIZES[self.rng.random_range(0..SIZES.len())]];
                    self.rng.fill_bytes(&mut value);
                    // The beginning of a value is enough to recognise it.
                    self.wanted.add(&value[..value.len().min(64)]);
                    delta.put(name, value);
                }
                10..12 => delta.put(name, RowValue::Shared(vec![7; 200].into())),
                12..18 => delta.delete(name),
                18 => delta.delete_prefix(name),
                // Sixteen rows or so.
                _ => delta.delete_prefix(key(name.table.0, &name.key[..1])),
            }
        }
        delta
    }

    fn step(&mut self) {
        let delta = self.delta();
        self.store.apply(&delta).unwrap();
        self.rows.apply(&delta).unwrap_or_else(|never| match never {});
        self.check();
    }

    /// The files have exactly the keys of the secret rows, and nothing of what is gone.
    fn check(&mut self) {
        let keys = keys_in_file(&self.path);
        let secret = |(_, value): &(&RowKey, &RowValue)| matches!(value, RowValue::Secret(_));
        assert_eq!(keys.len(), self.rows.snapshot().rows().filter(secret).count());
        let keys: BTreeSet<_> = keys.into_iter().collect();
        for gone in self.keys.difference(&keys) {
            self.wanted.add(gone);
        }
        self.keys = keys;
        for file in files(&self.path) {
            let hits = self.wanted.find(&fs::read(&file).unwrap());
            assert!(hits.is_empty(), "{}: {hits:?}", file.display());
        }
    }

    /// The process ends, in order or not, and begins again.
    fn reopen(&mut self) {
        let folder = tempdir().unwrap();
        let image = copy_state(&self.path, folder.path());
        assert!(SqliteStore::open(image).unwrap().snapshot().unwrap() == self.rows.snapshot(), "after a crash");
        let closed = SqliteStore::open_in_memory().unwrap();
        core::mem::replace(&mut self.store, closed).close().unwrap();
        self.store = SqliteStore::open(&self.path).unwrap();
        assert!(self.store.snapshot().unwrap() == self.rows.snapshot(), "after closing");
        self.check();
    }
}

#[test]
fn nothing_that_was_erased_is_in_the_files() {
    let long = env::var_os("CENACLE_LONG").is_some_and(|value| value != "0");
    let (seeds, deltas) = if long { (10, 2_000) } else { (2, 150) };
    let one = env::var("CENACLE_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    for seed in one.map_or(0..seeds, |seed| seed..seed + 1) {
        let folder = tempdir().unwrap();
        let mut trial = Trial::new(folder.path(), seed);
        println!("seed {seed}");
        for n in 1..=deltas {
            trial.step();
            if n % 50 == 0 {
                trial.reopen();
            }
        }
        println!("{} values and keys looked for after each of {deltas} deltas", trial.wanted.len());
    }
}

#[test]
fn a_row_on_its_own_is_gone_when_its_delta_was_applied() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let steps: BTreeMap<&str, fn(&mut Delta)> = BTreeMap::from([
        ("put", (|delta| delta.put(key(1, b"row"), vec![7; 50])) as fn(&mut Delta)),
        ("put public", |delta| delta.put(key(1, b"row"), RowValue::Shared(vec![7; 50].into()))),
        ("delete", |delta| delta.delete(key(1, b"row"))),
        ("delete prefix", |delta| delta.delete_prefix(key(1, b"r"))),
        ("delete table", |delta| delta.delete_prefix(key(1, b""))),
    ]);
    for (name, step) in steps {
        store.apply(&common::delta(&[common::put(1, b"row", b"sixteen bytes or so")])).unwrap();
        let before = keys_in_file(&path);
        let mut delta = Delta::new();
        step(&mut delta);
        store.apply(&delta).unwrap();
        let mut wanted = Wanted::default();
        for key in &before {
            wanted.add(key);
        }
        assert_eq!((before.len(), wanted.find_in_files(folder.path()).unwrap()), (1, Vec::new()), "{name}");
    }
}
