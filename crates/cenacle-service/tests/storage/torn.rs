//! The power fails while the SQLite back end writes: every sector of the log and of the database in turn is missing, garbage
//! or out of order. What is found is the state before the write or after it, and asking again gives the answer that was due.

use std::path::Path;

use cenacle_service::{
    storage::{AppendOutcome, CommitOutcome, SqliteStorage, Storage},
    wire::JoinPolicy,
};
use cenacle_testkit::{
    killed::{Changing, Files, Tear, directory},
    world::{Dice, long_run},
};

use crate::support::{ALL, Counter, adding, commit, device, message, new_group, read, register};

fn open(path: &Path) -> SqliteStorage {
    SqliteStorage::open(path, &mut Counter::default()).unwrap()
}

/// Asks for a write; whether it was not there.
fn write(storage: &SqliteStorage, number: u32) -> bool {
    let epoch = u64::from(number / 2);
    if number % 2 == 1 {
        let outcome = storage.append(message(1, 1, epoch + 1, number + 100)).unwrap();
        assert!(matches!(outcome, AppendOutcome::Appended { .. } | AppendOutcome::Duplicate { .. }), "{outcome:?}");
        return matches!(outcome, AppendOutcome::Appended { .. });
    }
    let post = commit(1, 1, epoch, number + 100);
    let outcome = storage.append_commit(if number == 4 { adding(post, &[2]) } else { post }).unwrap();
    assert!(matches!(outcome, CommitOutcome::Accepted { .. } | CommitOutcome::Duplicate { .. }), "{outcome:?}");
    matches!(outcome, CommitOutcome::Accepted { .. })
}

/// All that a reader sees.
fn state(storage: &SqliteStorage) -> String {
    format!("{:?} {:?}", read(storage, 1, 1), storage.queue_read(device(2), ALL).unwrap())
}

#[test]
fn every_write_is_torn() {
    const WRITES: u32 = 10;
    let directory = directory();
    let path = directory.path().join("service.sqlite");
    let storage = open(&path);
    register(&storage, 2);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    let (mut dice, mut torn, mut gone) = (Dice::new(1), 0, 0);
    for number in 0..WRITES {
        let (before, was) = (Files::read(&path), state(&storage));
        assert!(write(&storage, number));
        let (after, is) = (Files::read(&path), state(&storage));
        for stage in before.stages(&after) {
            let tears = stage.positions().into_iter().flat_map(|at| Tear::all(at, 1));
            for tear in tears.filter(|_| long_run() || dice.chance(8)) {
                let what = format!("write {number}, {:?}, {tear:?}", stage.file);
                let (is_there, _) = stage.torn(tear).copied(|path| {
                    let storage = open(path);
                    let found = state(&storage);
                    assert!(found == is || found == was, "{what}: neither before nor after");
                    assert_eq!(write(&storage, number), found == was, "{what}: asked again");
                    assert_eq!(state(&storage), is, "{what}: asked again");
                    found == is
                });
                assert!(is_there || stage.file == Changing::Log, "{what}: it was in the log");
                (torn, gone) = (torn + 1, gone + usize::from(!is_there));
            }
        }
    }
    println!("{WRITES} writes, torn in {torn} ways, gone in {gone}");
    assert!(torn > 100 && gone > 50);
}
