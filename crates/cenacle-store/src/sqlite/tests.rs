//! Where a range of keys ends, and what becomes of the keys of a delta that failed.

use std::fs;

use tempfile::tempdir;

use super::*;

#[test]
fn a_prefix_ends_before_the_next_key_that_does_not_begin_with_it() {
    assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
    assert_eq!(prefix_end(&[1, 0xff, 0xff]), Some(vec![2]));
    assert_eq!(prefix_end(&[0]), Some(vec![1]));
}

#[test]
fn the_empty_prefix_and_a_prefix_of_ones_have_no_end() {
    assert_eq!(prefix_end(b""), None);
    assert_eq!(prefix_end(&[0xff, 0xff]), None);
}

/// How many keys the key file has, and how many slots for them.
fn keys_and_slots(path: &Path) -> (usize, usize) {
    let bytes = fs::read(path.with_extension("db-keys")).unwrap();
    let slots = bytes.as_chunks::<32>().0.iter().skip(1);
    (slots.clone().filter(|slot| **slot != [0; 32]).count(), slots.count())
}

#[test]
fn keys_of_a_delta_that_failed_stay_until_it_is_known_not_to_be_stored() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let row = |n: u8, size: usize| {
        let mut delta = Delta::new();
        delta.put(RowKey::new(Table(200), [n]), vec![n; size]);
        delta
    };
    store.apply(&row(1, 10)).unwrap();
    // As full as a disk can be.
    store.connection.execute_batch("PRAGMA max_page_count = 5").unwrap();
    assert!(matches!(store.apply(&row(2, 100_000)), Err(StoreError::Full)));
    assert_eq!(keys_and_slots(&path), (4, 4), "a row, the mark, and new ones for the next");
    assert!(store.row(&RowKey::new(Table(200), [2])).unwrap().is_none());
    store.apply(&row(3, 10)).unwrap();
    assert_eq!(keys_and_slots(&path), (3, 6));
    store.apply(&row(4, 10)).unwrap();
    assert_eq!(keys_and_slots(&path), (4, 6));
    assert!(store.apply(&row(2, 100_000)).is_err());
    assert_eq!(keys_and_slots(&path), (6, 6));
    drop(store);
    assert_eq!(keys_and_slots(&path), (0, 0));
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(keys_and_slots(&path), (4, 6));
    assert_eq!(store.row(&RowKey::new(Table(200), [4])).unwrap().unwrap().expose(), [4; 10]);
}
