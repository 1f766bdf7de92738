//! Random sequences of operations. Each back end keeps the promises of the contract, judged only by what it answers.

use alloc::collections::{BTreeMap, BTreeSet};

use cenacle_service::{
    storage::{AppendOutcome, CommitOutcome, NewCommit, ReadOutcome, Storage},
    wire::{ContentHash, JoinPolicy, KeyPackageKind, RecordKind},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{ALL, NOW, SUITE, adding, commit, device, group, memory, message, new_group, package, register};

pub(crate) const DEVICES: u8 = 5;

/// An operation on group 1 or on key packages. Epochs are relative to what the poster may believe.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Commit { poster: u8, behind: u64, content: u32, added: BTreeSet<u8>, removed: BTreeSet<u8>, external: bool },
    Message { poster: u8, behind: u64, content: u32 },
    Publish { device: u8, content: u32, last_resort: bool },
    Take { device: u8 },
    Withdraw { device: u8 },
    Acknowledge { device: u8, some: usize },
}

pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let a_device = || 1..=DEVICES;
    let some_devices = || proptest::collection::btree_set(1..=DEVICES + 1, 0..3);
    let commit = (a_device(), 0..3u64, 100..130u32, some_devices(), some_devices(), any::<bool>()).prop_map(
        |(poster, behind, content, added, removed, external)| {
            let removed = removed.difference(&added).copied().collect();
            Operation::Commit { poster, behind, content, added, removed, external }
        },
    );
    let message = (a_device(), 0..5u64, 200..230u32).prop_map(|(poster, behind, content)| Operation::Message {
        poster,
        behind,
        content,
    });
    let publish = (a_device(), 300..320u32, any::<bool>())
        .prop_map(|(device, content, last_resort)| Operation::Publish { device, content, last_resort });
    let take = a_device().prop_map(|device| Operation::Take { device });
    let withdraw = a_device().prop_map(|device| Operation::Withdraw { device });
    let acknowledge = (a_device(), 0..4usize).prop_map(|(device, some)| Operation::Acknowledge { device, some });
    vec(prop_oneof![4 => commit, 4 => message, 1 => publish, 2 => take, 1 => withdraw, 1 => acknowledge], 1..60)
}

/// The epoch a poster names that is `behind` of the next one; 0 behind is one that has not begun.
fn named(epoch: u64, behind: u64) -> u64 {
    (epoch + 1).saturating_sub(behind)
}

/// A hash names one message, and a message names one epoch: the same content in another epoch is another.
fn unique(content: u32, named: u64) -> u32 {
    content + 1000 * named as u32
}

/// Carries the operation out and tells the answer as text, for comparing back ends.
pub(crate) fn answer(storage: &dyn Storage, epoch: u64, operation: &Operation) -> String {
    match operation.clone() {
        Operation::Commit { poster, behind, content, added, removed, external } => {
            let added: Vec<u8> = added.into_iter().collect();
            let named = named(epoch, behind);
            let base = commit(1, poster, named, unique(content, named));
            let group_info = (content % 2 == 0).then(|| content.to_be_bytes().to_vec());
            let removed = removed.into_iter().map(device).collect();
            let new = NewCommit { external, removed, group_info, ..adding(base, &added) };
            format!("{:?}", storage.append_commit(new).unwrap())
        }
        Operation::Message { poster, behind, content } => {
            let named = named(epoch, behind);
            format!("{:?}", storage.append(message(1, poster, named, unique(content, named))).unwrap())
        }
        Operation::Publish { device: n, content, last_resort } => {
            let kind = if last_resort { KeyPackageKind::LastResort } else { KeyPackageKind::Normal };
            let packages = vec![package(content, kind, NOW)];
            format!("{:?}", storage.publish_key_packages(device(n), packages, 3, NOW).unwrap())
        }
        Operation::Take { device: n } => {
            format!("{:?}", storage.take_key_packages(vec![device(n)], SUITE, NOW).unwrap())
        }
        Operation::Withdraw { device: n } => format!("{:?}", storage.withdraw_key_packages(device(n)).unwrap()),
        Operation::Acknowledge { device: n, some } => {
            let ids = storage.queue_read(device(n), ALL).unwrap().items.iter().take(some).map(|item| item.id).collect();
            format!("{:?}", storage.queue_ack(device(n), ids).unwrap())
        }
    }
}

/// The creator's view may end, so the epoch is the largest that anybody sees.
pub(crate) fn epoch(storage: &dyn Storage) -> u64 {
    let heads = (1..=DEVICES).flat_map(|n| storage.heads(device(n), &[group(1)]).unwrap());
    heads.map(|head| head.epoch).max().unwrap()
}

/// What a group of promises says about a history of operations, kept without knowing how a back end works.
#[derive(Default)]
struct Witness {
    /// Commits that won, by the epoch they named.
    winners: BTreeMap<u64, u64>,
    /// Numbers that were given, and to which content.
    numbers: BTreeMap<u64, ContentHash>,
    /// Key packages that were handed out as normal ones.
    taken: BTreeSet<(u8, Vec<u8>)>,
}

impl Witness {
    fn commit(&mut self, storage: &dyn Storage, new: NewCommit) {
        let (named, hash) = (new.epoch, new.hash);
        match storage.append_commit(new).unwrap() {
            CommitOutcome::Accepted { seq } => {
                assert_eq!(self.winners.insert(named, seq), None, "an epoch was won twice");
                assert_eq!(self.numbers.insert(seq, hash), None, "a number was given twice");
            }
            CommitOutcome::Duplicate { seq } => assert_eq!(self.numbers[&seq], hash, "the same bytes, the same answer"),
            CommitOutcome::Conflict(conflict) => {
                assert_eq!(self.winners[&named], conflict.winner_seq);
                assert_eq!(self.numbers[&conflict.winner_seq], conflict.winner_hash);
            }
            CommitOutcome::Future { epoch } => assert!(named > epoch),
            CommitOutcome::GroupUnknown
            | CommitOutcome::NotParticipant
            | CommitOutcome::DeviceUnknown(_)
            | CommitOutcome::RemovesStranger => {}
        }
    }

    fn message(&mut self, storage: &dyn Storage, new: cenacle_service::storage::NewMessage) {
        let hash = new.hash;
        match storage.append(new).unwrap() {
            AppendOutcome::Appended { seq, .. } => {
                assert_eq!(self.numbers.insert(seq, hash), None, "a number was given twice");
            }
            AppendOutcome::Duplicate { seq } => assert_eq!(self.numbers[&seq], hash),
            AppendOutcome::Stale { .. }
            | AppendOutcome::Future { .. }
            | AppendOutcome::GroupUnknown
            | AppendOutcome::NotParticipant => {}
        }
    }

    fn operate(&mut self, storage: &dyn Storage, operation: &Operation) {
        let now = epoch(storage);
        match operation.clone() {
            Operation::Commit { poster, behind, content, added, external, .. } => {
                let added: Vec<u8> = added.into_iter().collect();
                let named = named(now, behind);
                let new = adding(commit(1, poster, named, unique(content, named)), &added);
                self.commit(storage, NewCommit { external, ..new });
            }
            Operation::Message { poster, behind, content } => {
                let named = named(now, behind);
                self.message(storage, message(1, poster, named, unique(content, named)));
            }
            Operation::Take { device: n } => {
                let taken = storage.take_key_packages(vec![device(n)], SUITE, NOW).unwrap();
                let normal = taken.into_iter().filter_map(|(_, package)| package);
                for package in normal.filter(|package| package.kind == KeyPackageKind::Normal) {
                    assert!(self.taken.insert((n, package.content)), "a key package was handed out twice");
                }
            }
            Operation::Publish { .. } | Operation::Withdraw { .. } | Operation::Acknowledge { .. } => {
                answer(storage, now, operation);
            }
        }
    }

    /// The log is dense, its commits are the winners, and it holds what was accepted.
    fn check_log(&self, storage: &dyn Storage) {
        // Nobody is removed here, so the creator reads everything.
        let ReadOutcome::Records { records, head, epoch } = storage.read(&group(1), device(1), 1, ALL).unwrap() else {
            panic!("the creator takes part")
        };
        let numbers: Vec<u64> = records.iter().map(|record| record.seq).collect();
        assert_eq!(numbers, (1..=head).collect::<Vec<_>>());
        let commits: BTreeMap<u64, u64> = records
            .iter()
            .filter(|record| record.kind == RecordKind::Commit)
            .map(|record| (record.epoch, record.seq))
            .collect();
        assert_eq!(commits, self.winners);
        assert_eq!(commits.keys().copied().collect::<Vec<_>>(), (0..epoch).collect::<Vec<_>>());
        assert_eq!(self.numbers.len() as u64, head - 1, "all but the creation were posted");
    }
}

fn keeps_its_promises(storage: &dyn Storage, open: bool, operations: &[Operation]) {
    register(storage, DEVICES);
    let policy = if open { JoinPolicy::Open } else { JoinPolicy::Closed };
    storage.create_group(new_group(1, 1, policy)).unwrap();
    let mut witness = Witness::default();
    for operation in operations {
        witness.operate(storage, operation);
    }
    witness.check_log(storage);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn memory_keeps_its_promises(open: bool, operations in operations()) {
        keeps_its_promises(&*memory().storage, open, &operations);
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    // Every operation waits for the disk.
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_keeps_its_promises(open: bool, operations in operations()) {
        keeps_its_promises(&*crate::support::sqlite().storage, open, &operations);
    }
}
