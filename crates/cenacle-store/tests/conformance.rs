//! One suite that every store passes: the contract of `Store` rule by rule, and random deltas against a model.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

extern crate alloc;

mod common;

use alloc::collections::BTreeMap;

use cenacle_mls::delta::Store;
use cenacle_store::{MemoryStore, SqliteStore};
use common::{Step, delta, key, keys, list, put, steps};
use proptest::{collection::vec, prelude::*};

type Model = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn apply_to_model(model: &mut Model, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Put(table, key, value) => drop(model.insert((*table, key.clone()), value.clone())),
            Step::Delete(table, key) => drop(model.remove(&(*table, key.clone()))),
            Step::DeletePrefix(table, prefix) => {
                model.retain(|(of, key), _| of != table || !key.starts_with(prefix));
            }
        }
    }
}

fn list_model(model: &Model, table: u8, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let below = model.iter().filter(|((of, key), _)| *of == table && key.starts_with(prefix));
    below.map(|((_, key), value)| (key.clone(), value.clone())).collect()
}

fn reads_what_was_written<S: Store<Error: core::fmt::Debug>>(mut store: S) {
    store.apply(&delta(&[put(1, b"a", b"one"), put(2, b"a", b"two"), put(1, b"", b"")])).unwrap();
    assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"one");
    assert_eq!(store.row(&key(2, b"a")).unwrap().unwrap().expose(), b"two");
    assert_eq!(store.row(&key(1, b"")).unwrap().unwrap().expose(), b"");
    assert!(store.row(&key(3, b"a")).unwrap().is_none());
    assert!(store.row(&key(1, b"b")).unwrap().is_none());
}

fn the_last_change_of_a_row_counts<S: Store<Error: core::fmt::Debug>>(mut store: S) {
    store.apply(&delta(&[put(1, b"a", b"one"), put(1, b"a", b"two")])).unwrap();
    assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"two");
    store.apply(&delta(&[Step::Delete(1, b"a".to_vec()), put(1, b"a", b"three")])).unwrap();
    assert_eq!(store.row(&key(1, b"a")).unwrap().unwrap().expose(), b"three");
    store.apply(&delta(&[put(1, b"a", b"four"), Step::DeletePrefix(1, b"a".to_vec())])).unwrap();
    assert!(store.row(&key(1, b"a")).unwrap().is_none());
    store.apply(&delta(&[Step::Delete(1, b"a".to_vec())])).unwrap();
}

fn prefixes_select_exactly_what_begins_with_them<S: Store<Error: core::fmt::Debug>>(mut store: S) {
    let all: [&[u8]; 7] = [b"", &[0xfe], &[0xff], &[0xff, 0], &[0xff, 0xff], &[0xff, 0xff, 0xff], &[1, 0xff]];
    for table in [1, 2] {
        let rows: Vec<Step> = all.iter().map(|key| put(table, key, &[table])).collect();
        store.apply(&delta(&rows)).unwrap();
    }
    let keys = |store: &S, prefix: &[u8]| list(store, 1, prefix).into_iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(keys(&store, &[0xff]), [&[0xff][..], &[0xff, 0], &[0xff, 0xff], &[0xff, 0xff, 0xff]]);
    assert_eq!(keys(&store, &[0xff, 0xff]), [&[0xff, 0xff][..], &[0xff, 0xff, 0xff]]);
    assert_eq!(keys(&store, &[1]), [&[1, 0xff][..]]);
    assert_eq!(keys(&store, &[]).len(), all.len());

    store.apply(&delta(&[Step::DeletePrefix(1, vec![0xff, 0xff])])).unwrap();
    assert_eq!(keys(&store, &[]), [&[][..], &[1, 0xff], &[0xfe], &[0xff], &[0xff, 0]]);
    store.apply(&delta(&[Step::DeletePrefix(1, vec![])])).unwrap();
    assert!(keys(&store, &[]).is_empty());
    assert_eq!(list(&store, 2, &[]).len(), all.len());
}

fn behaves_as_the_model<S: Store<Error: core::fmt::Debug>>(
    mut store: S,
    deltas: &[Vec<Step>],
    prefixes: &[Vec<u8>],
) -> Result<(), TestCaseError> {
    let mut model = Model::new();
    for steps in deltas {
        apply_to_model(&mut model, steps);
        store.apply(&delta(steps)).unwrap();
    }
    for prefix in prefixes.iter().chain([&Vec::new()]) {
        for table in [1, 2] {
            prop_assert_eq!(list(&store, table, prefix), list_model(&model, table, prefix));
            let value = store.row(&key(table, prefix)).unwrap().map(|value| value.expose().to_vec());
            prop_assert_eq!(value.as_ref(), model.get(&(table, prefix.clone())));
        }
    }
    Ok(())
}

macro_rules! conformance {
    ($($name:ident: $new:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn reads_what_was_written() {
                super::reads_what_was_written($new);
            }

            #[test]
            fn the_last_change_of_a_row_counts() {
                super::the_last_change_of_a_row_counts($new);
            }

            #[test]
            fn prefixes_select_exactly_what_begins_with_them() {
                super::prefixes_select_exactly_what_begins_with_them($new);
            }

            proptest! {
                #[test]
                fn behaves_as_the_model(deltas in vec(steps(), 0..12), prefixes in vec(keys(), 0..6)) {
                    super::behaves_as_the_model($new, &deltas, &prefixes)?;
                }
            }
        }
    )*};
}
conformance! {
    memory: MemoryStore::default();
    sqlite: SqliteStore::open_in_memory().unwrap();
}

proptest! {
    #[test]
    fn both_stores_hold_the_same_rows(deltas in vec(steps(), 0..12)) {
        let (mut memory, mut sqlite) = (MemoryStore::default(), SqliteStore::open_in_memory().unwrap());
        for steps in &deltas {
            memory.apply(&delta(steps)).unwrap();
            sqlite.apply(&delta(steps)).unwrap();
        }
        let snapshot = sqlite.snapshot().unwrap();
        prop_assert_eq!(&memory.snapshot(), &snapshot);
        prop_assert_eq!(memory.len_rows(), snapshot.len_rows());
        prop_assert_eq!(memory.size_bytes(), snapshot.size_bytes());
    }
}

#[test]
fn snapshots_differ_by_one_byte_of_a_value() {
    let (mut one, mut other) = (MemoryStore::default(), MemoryStore::default());
    one.apply(&delta(&[put(1, b"a", b"x")])).unwrap();
    other.apply(&delta(&[put(1, b"a", b"y")])).unwrap();
    assert_ne!(one.snapshot(), other.snapshot());
    assert_ne!(one.snapshot(), MemoryStore::default().snapshot());
    assert!(!format!("{:?}", one.snapshot()).contains("120"), "a snapshot does not print values");
}
