//! The back ends answer alike: whatever one says to a random sequence of operations, the other says too.

use cenacle_service::{storage::Storage, wire::JoinPolicy};
use proptest::prelude::*;

use crate::{
    properties::{DEVICES, answer, epoch, operations},
    support::{ALL, NOW, adding, commit, device, group, memory, new_group, register, sqlite},
};

/// Everything that can be asked.
fn everything(storage: &dyn Storage) -> String {
    let of_device = |n: u8| {
        let log = storage.read(&group(1), device(n), 0, ALL).unwrap();
        let heads = storage.heads(device(n), &[group(1)]).unwrap();
        let info = storage.group_info(&group(1), device(n)).unwrap();
        let queue = storage.queue_read(device(n), ALL).unwrap();
        let stock = storage.count_key_packages(device(n), NOW).unwrap();
        format!("{n}: {log:?}\n{heads:?}\n{info:?}\n{queue:?}\n{stock:?}\n")
    };
    (1..=DEVICES).map(of_device).collect()
}

fn started(storage: &dyn Storage, open: bool) {
    register(storage, DEVICES);
    let policy = if open { JoinPolicy::Open } else { JoinPolicy::Closed };
    storage.create_group(new_group(1, 1, policy)).unwrap();
    storage.append_commit(adding(commit(1, 1, 0, 1), &[2, 3])).unwrap();
}

proptest! {
    // Every operation waits for the disk.
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn both_back_ends_answer_alike(open: bool, operations in operations()) {
        let (plain, sqlite) = (memory(), sqlite());
        started(&*plain.storage, open);
        started(&*sqlite.storage, open);
        for operation in &operations {
            let now = epoch(&*plain.storage);
            prop_assert_eq!(answer(&*plain.storage, now, operation), answer(&*sqlite.storage, now, operation));
        }
        prop_assert_eq!(everything(&*plain.storage), everything(&*sqlite.storage));
    }
}
