//! What each operation promises, by example, for every back end.

use std::sync::Barrier;

use cenacle_service::{
    storage::{
        AppendOutcome, BindOutcome, CommitConflict, CommitOutcome, CreateOutcome, GroupInfoOutcome, NewCommit,
        NewQueueItem, PublishOutcome, ReadLimit, ReadOutcome, RegisterOutcome, Storage, StoredGroupInfo,
    },
    wire::{Head, JoinPolicy, KeyPackageKind, Queue, RecordKind, SuiteStock},
};

use crate::support::{
    ALL, NOW, SUITE, adding, binding, commit, device, group, hash, memory, message, new_device, new_group, package,
    read, register,
};

macro_rules! every_back_end {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $name() { super::$name(&*super::memory().storage); })*
        }
        #[cfg(feature = "sqlite")]
        mod in_sqlite {
            $(#[test] fn $name() { super::$name(&*crate::support::sqlite().storage); })*
        }
    };
}
every_back_end!(
    a_secret_is_stored_once,
    accounts_have_one_first_device,
    keys_are_bound_to_one_device,
    a_group_is_created_once,
    one_commit_wins_an_epoch,
    concurrent_commits_have_one_winner,
    a_commit_is_all_or_nothing,
    messages_have_a_window,
    the_removed_read_up_to_their_removal,
    who_is_added_again_reads_again,
    open_groups_take_external_commits,
    reading_has_limits,
    queues_are_acknowledged,
    key_packages_are_taken_once,
    key_packages_are_withdrawn,
    concurrent_takers_never_share,
    stock_has_a_limit,
    blobs_are_kept,
);

fn a_secret_is_stored_once(storage: &dyn Storage) {
    assert_eq!(storage.secret("key", b"first").unwrap(), b"first");
    assert_eq!(storage.secret("key", b"second").unwrap(), b"first");
    assert_eq!(storage.secret("other", b"second").unwrap(), b"second");
    storage.probe().unwrap();
}

fn accounts_have_one_first_device(storage: &dyn Storage) {
    let unknown = storage.register_device(new_device("alice", 1, false)).unwrap();
    assert_eq!(unknown, RegisterOutcome::AccountUnknown);
    assert_eq!(storage.register_device(new_device("alice", 1, true)).unwrap(), RegisterOutcome::Registered);
    assert_eq!(storage.register_device(new_device("alice", 2, true)).unwrap(), RegisterOutcome::NameTaken);
    assert_eq!(storage.register_device(new_device("alice", 2, false)).unwrap(), RegisterOutcome::Registered);
    let devices = storage.devices(&"alice".parse().unwrap()).unwrap().unwrap();
    assert_eq!(devices.iter().map(|device| device.device_id).collect::<Vec<_>>(), [device(1), device(2)]);
    assert_eq!(devices[1].bindings, [binding(2, 2)]);
    assert_eq!(storage.devices(&"bob".parse().unwrap()).unwrap(), None);
    assert_eq!(storage.device(device(3)).unwrap(), None);
    assert_eq!(storage.device(device(2)).unwrap().unwrap().token_hash, hash(2));
    assert!(storage.replace_token(device(2), hash(22)).unwrap());
    assert!(!storage.replace_token(device(3), hash(22)).unwrap());
    assert_eq!(storage.device(device(2)).unwrap().unwrap().token_hash, hash(22));
}

fn keys_are_bound_to_one_device(storage: &dyn Storage) {
    register(storage, 2);
    let mut thief = new_device("carol", 3, true);
    thief.bindings = vec![binding(3, 1)];
    assert_eq!(storage.register_device(thief).unwrap(), RegisterOutcome::KeyTaken(0));
    assert_eq!(storage.devices(&"carol".parse().unwrap()).unwrap(), None, "nothing of a refused registration stays");
    assert_eq!(storage.bind(device(2), vec![binding(2, 1)]).unwrap(), BindOutcome::KeyTaken(0));
    assert_eq!(storage.bind(device(2), vec![binding(2, 9)]).unwrap(), BindOutcome::OtherKeyBound(0));
    assert_eq!(storage.bind(device(9), vec![binding(9, 9)]).unwrap(), BindOutcome::DeviceUnknown);
    assert_eq!(storage.bind(device(2), vec![binding(2, 2)]).unwrap(), BindOutcome::Bound);
    assert_eq!(storage.device_of_key(SUITE, &[2]).unwrap(), Some(device(2)));
    assert_eq!(storage.device_of_key(SUITE, &[9]).unwrap(), None);
}

fn a_group_is_created_once(storage: &dyn Storage) {
    let new = || new_group(1, 1, JoinPolicy::Closed);
    assert_eq!(storage.create_group(new()).unwrap(), CreateOutcome::Created);
    assert_eq!(storage.create_group(new()).unwrap(), CreateOutcome::Duplicate);
    let mut other = new();
    other.hash = hash(1);
    assert_eq!(storage.create_group(other).unwrap(), CreateOutcome::Exists);
    assert_eq!(storage.create_group(new_group(1, 2, JoinPolicy::Closed)).unwrap(), CreateOutcome::Exists);
    let records = read(storage, 1, 1).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].seq, records[0].epoch, records[0].kind), (1, 0, RecordKind::Created));
    assert_eq!(read(storage, 1, 2), None);
    assert_eq!(read(storage, 2, 1), None);
}

fn one_commit_wins_an_epoch(storage: &dyn Storage) {
    register(storage, 2);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    let winner = adding(commit(1, 1, 0, 10), &[2]);
    assert_eq!(storage.append_commit(winner.clone()).unwrap(), CommitOutcome::Accepted { seq: 2 });
    let conflict = CommitConflict { epoch: 1, head: 2, winner_hash: hash(10), winner_seq: 2 };
    assert_eq!(storage.append_commit(commit(1, 2, 0, 11)).unwrap(), CommitOutcome::Conflict(conflict));
    assert_eq!(storage.append_commit(winner.clone()).unwrap(), CommitOutcome::Duplicate { seq: 2 });
    assert_eq!(storage.append_commit(commit(1, 1, 2, 12)).unwrap(), CommitOutcome::Future { epoch: 1 });
    assert_eq!(storage.append_commit(commit(1, 3, 1, 12)).unwrap(), CommitOutcome::NotParticipant);
    assert_eq!(storage.append_commit(commit(9, 1, 1, 12)).unwrap(), CommitOutcome::GroupUnknown);
    assert_eq!(storage.append_commit(commit(1, 2, 1, 12)).unwrap(), CommitOutcome::Accepted { seq: 3 });
    assert_eq!(storage.append_commit(winner).unwrap(), CommitOutcome::Duplicate { seq: 2 }, "also when epochs later");
    let conflict = CommitConflict { epoch: 2, head: 3, winner_hash: hash(10), winner_seq: 2 };
    assert_eq!(storage.append_commit(commit(1, 2, 0, 11)).unwrap(), CommitOutcome::Conflict(conflict));
}

fn concurrent_commits_have_one_winner(storage: &dyn Storage) {
    const RIVALS: u8 = 8;
    register(storage, RIVALS);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    let others: Vec<u8> = (2..=RIVALS).collect();
    storage.append_commit(adding(commit(1, 1, 0, 1), &others)).unwrap();
    for epoch in 1..=10u32 {
        let start = Barrier::new(usize::from(RIVALS));
        let post = |rival: u8| {
            start.wait();
            let content = epoch * 100 + u32::from(rival);
            storage.append_commit(commit(1, rival, u64::from(epoch), content)).unwrap()
        };
        let outcomes: Vec<CommitOutcome> = std::thread::scope(|scope| {
            let post = &post;
            let threads: Vec<_> = (1..=RIVALS).map(|rival| scope.spawn(move || post(rival))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let seq = u64::from(epoch) + 2;
        let winners: Vec<usize> =
            (0..outcomes.len()).filter(|n| outcomes[*n] == CommitOutcome::Accepted { seq }).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let winner_hash = hash(epoch * 100 + winners[0] as u32 + 1);
        let lost = CommitConflict { epoch: u64::from(epoch) + 1, head: seq, winner_hash, winner_seq: seq };
        let losers = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Conflict(lost)).count();
        assert_eq!(losers, usize::from(RIVALS) - 1, "every loser is told the winner: {outcomes:?}");
    }
}

fn a_commit_is_all_or_nothing(storage: &dyn Storage) {
    register(storage, 3);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    let stranger = NewCommit { removed: vec![device(3)], ..adding(commit(1, 1, 0, 1), &[2]) };
    assert_eq!(storage.append_commit(stranger).unwrap(), CommitOutcome::RemovesStranger);
    let ghost = adding(commit(1, 1, 0, 1), &[2, 9]);
    assert_eq!(storage.append_commit(ghost).unwrap(), CommitOutcome::DeviceUnknown(vec![device(9)]));
    assert_eq!(storage.queue_read(device(2), ALL).unwrap().items, []);
    assert_eq!(read(storage, 1, 2), None);
    assert_eq!(read(storage, 1, 1).unwrap().len(), 1);
    let info = StoredGroupInfo { epoch: 0, seq: 1, group_info: b"info 0".to_vec(), ratchet_tree: None };
    assert_eq!(storage.group_info(&group(1), device(1)).unwrap(), GroupInfoOutcome::Current(info));

    let (group_info, ratchet_tree) = (Some(b"info 1".to_vec()), Some(b"tree 1".to_vec()));
    let whole = NewCommit { group_info, ratchet_tree, ..adding(commit(1, 1, 0, 1), &[2, 3]) };
    assert_eq!(storage.append_commit(whole).unwrap(), CommitOutcome::Accepted { seq: 2 });
    let tree = Some(b"tree 1".to_vec());
    let info = StoredGroupInfo { epoch: 1, seq: 2, group_info: b"info 1".to_vec(), ratchet_tree: tree };
    assert_eq!(storage.group_info(&group(1), device(2)).unwrap(), GroupInfoOutcome::Current(info));

    storage.append_commit(commit(1, 2, 1, 2)).unwrap();
    let missing = GroupInfoOutcome::Missing { epoch: 2 };
    assert_eq!(storage.group_info(&group(1), device(2)).unwrap(), missing, "an old GroupInfo is never shown");
    // RFC 9420 §14: of a commit that lost nobody is welcomed.
    let lost = adding(commit(1, 2, 0, 9), &[3]);
    assert!(matches!(storage.append_commit(lost).unwrap(), CommitOutcome::Conflict(_)));
    for recipient in [2, 3] {
        let queue = storage.queue_read(device(recipient), ALL).unwrap();
        let [item] = &queue.items[..] else { panic!("{queue:?}") };
        assert_eq!((item.group_id.clone(), item.epoch, item.commit_seq), (group(1), 1, 2));
        assert_eq!(item.ratchet_tree.as_ref().unwrap().as_slice(), b"tree 1", "the tree of its own epoch");
    }
}

fn messages_have_a_window(storage: &dyn Storage) {
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    assert_eq!(storage.append(message(1, 1, 0, 1)).unwrap(), AppendOutcome::Appended { seq: 2, epoch: 0 });
    assert_eq!(storage.append(message(1, 1, 0, 1)).unwrap(), AppendOutcome::Duplicate { seq: 2 });
    assert_eq!(storage.append(message(1, 1, 1, 2)).unwrap(), AppendOutcome::Future { epoch: 0 });
    assert_eq!(storage.append(message(1, 2, 0, 2)).unwrap(), AppendOutcome::NotParticipant);
    assert_eq!(storage.append(message(2, 1, 0, 2)).unwrap(), AppendOutcome::GroupUnknown);
    for epoch in 0..3 {
        storage.append_commit(commit(1, 1, epoch, 10 + epoch as u32)).unwrap();
    }
    assert_eq!(storage.append(message(1, 1, 1, 3)).unwrap(), AppendOutcome::Appended { seq: 6, epoch: 3 });
    assert_eq!(storage.append(message(1, 1, 0, 4)).unwrap(), AppendOutcome::Stale { epoch: 3, oldest: 1 });
    assert_eq!(storage.append(message(1, 1, 0, 1)).unwrap(), AppendOutcome::Duplicate { seq: 2 }, "however old");
}

fn the_removed_read_up_to_their_removal(storage: &dyn Storage) {
    register(storage, 2);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    storage.append(message(1, 1, 0, 1)).unwrap();
    storage.append_commit(adding(commit(1, 1, 0, 2), &[2])).unwrap();
    storage.append(message(1, 2, 1, 3)).unwrap();
    let removal = NewCommit { removed: vec![device(2)], ..commit(1, 1, 1, 4) };
    storage.append_commit(removal).unwrap();
    storage.append(message(1, 1, 2, 5)).unwrap();
    storage.append_commit(commit(1, 1, 2, 6)).unwrap();

    let numbers: Vec<u64> = read(storage, 1, 2).unwrap().iter().map(|record| record.seq).collect();
    assert_eq!(numbers, [3, 4, 5], "from its own addition to its own removal");
    let ReadOutcome::Records { head, epoch, records } = storage.read(&group(1), device(2), 6, ALL).unwrap() else {
        panic!("a removed device may still read what it may")
    };
    assert_eq!((head, epoch, records.len()), (5, 2, 0));
    let heads = storage.heads(device(2), &[group(9), group(1)]).unwrap();
    assert_eq!(heads, [Head { group_id: group(1), epoch: 2, seq: 5 }]);
    assert_eq!(storage.heads(device(1), &[group(1)]).unwrap()[0].seq, 7);
    assert_eq!(storage.append(message(1, 2, 2, 7)).unwrap(), AppendOutcome::NotParticipant);
    assert_eq!(storage.append(message(1, 2, 1, 3)).unwrap(), AppendOutcome::Duplicate { seq: 4 });
    assert_eq!(storage.append_commit(commit(1, 2, 3, 8)).unwrap(), CommitOutcome::NotParticipant);
    assert_eq!(storage.group_info(&group(1), device(2)).unwrap(), GroupInfoOutcome::NotParticipant);
}

fn who_is_added_again_reads_again(storage: &dyn Storage) {
    register(storage, 2);
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    storage.append_commit(adding(commit(1, 1, 0, 1), &[2])).unwrap();
    storage.append(message(1, 2, 1, 2)).unwrap();
    storage.append_commit(NewCommit { removed: vec![device(2)], ..commit(1, 1, 1, 3) }).unwrap();
    storage.append(message(1, 1, 2, 4)).unwrap();
    storage.append_commit(adding(commit(1, 1, 2, 5), &[2])).unwrap();
    let numbers: Vec<u64> = read(storage, 1, 2).unwrap().iter().map(|record| record.seq).collect();
    assert_eq!(numbers, [6], "what was said in its absence stays hidden");
    assert_eq!(storage.append(message(1, 2, 1, 2)).unwrap(), AppendOutcome::Duplicate { seq: 3 });
    assert_eq!(storage.append(message(1, 2, 3, 6)).unwrap(), AppendOutcome::Appended { seq: 7, epoch: 3 });
}

fn open_groups_take_external_commits(storage: &dyn Storage) {
    register(storage, 3);
    storage.create_group(new_group(1, 1, JoinPolicy::Open)).unwrap();
    storage.create_group(new_group(2, 1, JoinPolicy::Closed)).unwrap();
    let external = |n, poster, content| NewCommit { external: true, ..commit(n, poster, 0, content) };
    assert!(matches!(storage.group_info(&group(1), device(2)).unwrap(), GroupInfoOutcome::Current(_)));
    assert_eq!(storage.group_info(&group(2), device(2)).unwrap(), GroupInfoOutcome::NotParticipant);
    assert_eq!(storage.append_commit(commit(1, 2, 0, 1)).unwrap(), CommitOutcome::NotParticipant);
    assert_eq!(storage.append_commit(external(2, 2, 1)).unwrap(), CommitOutcome::NotParticipant);
    assert_eq!(storage.append_commit(external(1, 2, 1)).unwrap(), CommitOutcome::Accepted { seq: 2 });
    assert_eq!(storage.append_commit(external(1, 2, 1)).unwrap(), CommitOutcome::Duplicate { seq: 2 });
    assert!(matches!(storage.append_commit(external(1, 3, 2)).unwrap(), CommitOutcome::Conflict(_)));
    assert_eq!(read(storage, 1, 2).unwrap().len(), 1, "from its own commit on");
    assert_eq!(read(storage, 1, 3), None, "a conflict does not let anybody in");
    assert_eq!(storage.append(message(1, 2, 1, 3)).unwrap(), AppendOutcome::Appended { seq: 3, epoch: 1 });
}

fn reading_has_limits(storage: &dyn Storage) {
    storage.create_group(new_group(1, 1, JoinPolicy::Closed)).unwrap();
    for content in 1..=9 {
        storage.append(message(1, 1, 0, content)).unwrap();
    }
    let numbers = |from, records, bytes| match storage.read(&group(1), device(1), from, ReadLimit { records, bytes }) {
        Ok(ReadOutcome::Records { records, head: 10, epoch: 0 }) => records.iter().map(|r| r.seq).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(numbers(0, 2, 1000), [1, 2]);
    assert_eq!(numbers(4, 3, 1000), [4, 5, 6]);
    assert_eq!(numbers(4, 100, 8), [4, 5], "four bytes each");
    assert_eq!(numbers(4, 100, 1), [4], "one is always given");
    assert_eq!(numbers(4, 0, 0), [4]);
    assert_eq!(numbers(9, 100, 1000), [9, 10]);
    assert_eq!(numbers(11, 100, 1000), [0; 0]);
    assert_eq!(numbers(u64::MAX, 100, 1000), [0; 0]);
}

fn queues_are_acknowledged(storage: &dyn Storage) {
    let item = |n: u8, id: u32| NewQueueItem {
        device: device(n),
        id: hash(id),
        group: group(1),
        epoch: 1,
        commit_seq: 2,
        content: id.to_be_bytes().to_vec(),
        ratchet_tree: (id == 2).then(|| b"tree".to_vec()),
    };
    for (n, id) in [(1, 1), (1, 2), (1, 1), (1, 3), (2, 1)] {
        storage.queue_put(item(n, id)).unwrap();
    }
    let ids = |queue: &Queue| queue.items.iter().map(|item| item.id).collect::<Vec<_>>();
    let queue = storage.queue_read(device(1), ReadLimit { records: 2, bytes: 1000 }).unwrap();
    assert_eq!((ids(&queue), queue.more), (vec![hash(1), hash(2)], true), "in order, an id once");
    assert_eq!(queue.items[1].ratchet_tree.as_ref().unwrap().as_slice(), b"tree");
    let queue = storage.queue_read(device(1), ReadLimit { records: 9, bytes: 5 }).unwrap();
    assert_eq!((ids(&queue), queue.more), (vec![hash(1)], true));
    assert_eq!(storage.queue_ack(device(1), vec![hash(1), hash(9), hash(2)]).unwrap(), 2);
    assert_eq!(storage.queue_ack(device(1), vec![hash(1)]).unwrap(), 0);
    let queue = storage.queue_read(device(1), ALL).unwrap();
    assert_eq!((ids(&queue), queue.more), (vec![hash(3)], false));
    assert_eq!(ids(&storage.queue_read(device(2), ALL).unwrap()), [hash(1)], "another's queue is another's");
}

fn key_packages_are_taken_once(storage: &dyn Storage) {
    use KeyPackageKind::{LastResort, Normal};
    let taken = |now| {
        let mut taken = storage.take_key_packages(vec![device(1)], SUITE, now).unwrap();
        taken.pop().unwrap().1.map(|package| (package.kind, package.content[3]))
    };
    let publish = |packages, now| storage.publish_key_packages(device(1), packages, 100, now).unwrap();
    assert_eq!(taken(NOW), None);
    let offered = vec![
        package(1, LastResort, NOW + 100),
        package(2, Normal, NOW + 10),
        package(3, Normal, NOW + 100),
        package(4, Normal, NOW + 100),
    ];
    assert_eq!(publish(offered.clone(), NOW), PublishOutcome::Published);
    assert_eq!(publish(offered.clone(), NOW), PublishOutcome::Published);
    let stock = |normal| vec![SuiteStock { cipher_suite: SUITE, normal, last_resort: true }];
    assert_eq!(storage.count_key_packages(device(1), NOW).unwrap(), stock(3));
    assert_eq!(storage.count_key_packages(device(1), NOW + 11).unwrap(), stock(2));
    assert_eq!(taken(NOW), Some((Normal, 2)), "the oldest first");
    assert_eq!(taken(NOW), Some((Normal, 3)));
    assert_eq!(publish(offered, NOW), PublishOutcome::Published);
    assert_eq!(taken(NOW), Some((Normal, 4)), "publishing again brings nothing back");
    assert_eq!(taken(NOW), Some((LastResort, 1)));
    assert_eq!(taken(NOW), Some((LastResort, 1)), "the last resort stays");
    publish(vec![package(5, LastResort, NOW + 200)], NOW);
    assert_eq!(taken(NOW), Some((LastResort, 5)), "a new last resort replaces the old");
    assert_eq!(taken(NOW + 201), None, "until it expires");
    assert_eq!(storage.count_key_packages(device(1), NOW + 201).unwrap(), []);
}

fn key_packages_are_withdrawn(storage: &dyn Storage) {
    use KeyPackageKind::{LastResort, Normal};
    let take = |n| storage.take_key_packages(vec![device(n)], SUITE, NOW).unwrap().pop().unwrap().1;
    storage.withdraw_key_packages(device(1)).unwrap();
    let offered = vec![package(1, LastResort, NOW), package(2, Normal, NOW), package(3, Normal, NOW)];
    for n in [1, 2] {
        storage.publish_key_packages(device(n), offered.clone(), 2, NOW).unwrap();
    }
    storage.withdraw_key_packages(device(1)).unwrap();
    assert_eq!((storage.count_key_packages(device(1), NOW).unwrap(), take(1)), (Vec::new(), None));
    storage.publish_key_packages(device(1), offered, 2, NOW).unwrap();
    assert_eq!(take(1), None, "publishing again brings nothing back");
    assert_eq!(storage.count_key_packages(device(2), NOW).unwrap()[0].normal, 2, "another's are another's");
    let new = vec![package(4, LastResort, NOW), package(5, Normal, NOW), package(6, Normal, NOW)];
    assert_eq!(storage.publish_key_packages(device(1), new, 2, NOW).unwrap(), PublishOutcome::Published);
    assert_eq!(take(1).unwrap().content[3], 5, "there is room for new ones");
}

fn concurrent_takers_never_share(storage: &dyn Storage) {
    const STOCK: u32 = 60;
    let offered = (0..STOCK).map(|content| package(content, KeyPackageKind::Normal, NOW)).collect();
    storage.publish_key_packages(device(1), offered, 1000, NOW).unwrap();
    let take = || {
        let mine = core::iter::from_fn(|| storage.take_key_packages(vec![device(1)], SUITE, NOW).unwrap().pop()?.1);
        // A back end that never runs out must fail, not run for ever.
        let mine = mine.take(STOCK as usize + 1);
        mine.map(|package| package.content).collect::<Vec<_>>()
    };
    let mut all: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..6).map(|_| scope.spawn(take)).collect();
        takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
    });
    assert_eq!(all.len(), STOCK as usize);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), STOCK as usize, "each was handed out once");
}

fn stock_has_a_limit(storage: &dyn Storage) {
    use KeyPackageKind::Normal;
    let publish = |contents: &[u32]| {
        let packages = contents.iter().map(|content| package(*content, Normal, NOW)).collect();
        storage.publish_key_packages(device(1), packages, 3, NOW).unwrap()
    };
    assert_eq!(publish(&[1, 1, 2]), PublishOutcome::Published);
    assert_eq!(publish(&[1, 3, 4]), PublishOutcome::StockFull(2));
    assert_eq!(storage.count_key_packages(device(1), NOW).unwrap()[0].normal, 2, "all or none");
    assert_eq!(publish(&[1, 3]), PublishOutcome::Published);
}

fn blobs_are_kept(storage: &dyn Storage) {
    assert_eq!(storage.blob(hash(1)).unwrap(), None);
    storage.put_blob(hash(1), b"content".to_vec()).unwrap();
    storage.put_blob(hash(1), b"content".to_vec()).unwrap();
    assert_eq!(storage.blob(hash(1)).unwrap().unwrap(), b"content");
}
