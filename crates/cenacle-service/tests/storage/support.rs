//! Storages to test, and short ways to make what they take.

use cenacle_codec::Decode;
use cenacle_crypto::{CryptoError, Rng};
use cenacle_service::{
    storage::{
        MemoryStorage, MessageKind, NewCommit, NewDevice, NewGroup, NewKeyPackage, NewMessage, NewWelcome, ReadLimit,
        ReadOutcome, RegisterOutcome, Storage, StoredBinding,
    },
    wire::{ContentHash, DeviceId, GroupId, JoinPolicy, KeyPackageKind, LogRecord, SignedBinding, SuiteNumber},
};

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const SUITE: SuiteNumber = SuiteNumber(1);
pub(crate) const ALL: ReadLimit = ReadLimit { records: 1_000_000, bytes: 1 << 40 };

/// Counts, which is random enough where nothing is secret.
#[derive(Debug, Default)]
pub(crate) struct Counter(u8);

impl Rng for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0 = self.0.wrapping_add(1);
        out.fill(self.0);
        Ok(())
    }
}

/// A storage with whatever has to live as long.
pub(crate) struct Fixture {
    pub(crate) storage: Box<dyn Storage>,
    _directory: Option<tempfile::TempDir>,
}

pub(crate) fn memory() -> Fixture {
    let storage = MemoryStorage::new(&mut Counter::default()).unwrap();
    Fixture { storage: Box::new(storage), _directory: None }
}

#[cfg(feature = "sqlite")]
pub(crate) fn sqlite() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.sqlite");
    let storage = cenacle_service::storage::SqliteStorage::open(&path, &mut Counter::default()).unwrap();
    Fixture { storage: Box::new(storage), _directory: Some(directory) }
}

pub(crate) fn device(n: u8) -> DeviceId {
    DeviceId([n; 16])
}

pub(crate) fn group(n: u8) -> GroupId {
    GroupId::from_slice(&[n; 8]).unwrap()
}

/// Stands for a hash: what is special about it is only that it is different.
pub(crate) fn hash(n: u32) -> ContentHash {
    let mut hash = [7; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    ContentHash(hash)
}

/// A statement that nobody verifies here: name "a", everything else 0.
pub(crate) fn binding(device: u8, key: u8) -> StoredBinding {
    let mut bytes = vec![1, b'a'];
    bytes.extend_from_slice(&[device; 16]);
    bytes.extend_from_slice(&[1, key, 0, 1]);
    bytes.extend_from_slice(&[0; 17]);
    StoredBinding { suite: SUITE, signature_key: vec![key], signed: SignedBinding::from_bytes(&bytes).unwrap() }
}

pub(crate) fn new_device(name: &str, n: u8, first: bool) -> NewDevice {
    NewDevice {
        name: name.parse().unwrap(),
        first,
        device_id: device(n),
        token_hash: hash(u32::from(n)),
        bindings: vec![binding(n, n)],
        now_seconds: NOW,
    }
}

/// Registers devices 1 to `count`, each with an account of its own.
pub(crate) fn register(storage: &dyn Storage, count: u8) {
    for n in 1..=count {
        let outcome = storage.register_device(new_device(&format!("user{n}"), n, true)).unwrap();
        assert_eq!(outcome, RegisterOutcome::Registered);
    }
}

pub(crate) fn new_group(n: u8, creator: u8, policy: JoinPolicy) -> NewGroup {
    NewGroup {
        group: group(n),
        policy,
        creator: device(creator),
        hash: hash(0),
        group_info: Some(b"info 0".to_vec()),
        ratchet_tree: None,
        now_seconds: NOW,
    }
}

pub(crate) fn commit(n: u8, poster: u8, epoch: u64, content: u32) -> NewCommit {
    NewCommit {
        group: group(n),
        poster: device(poster),
        external: false,
        epoch,
        hash: hash(content),
        message: content.to_be_bytes().to_vec(),
        welcomes: Vec::new(),
        group_info: None,
        ratchet_tree: None,
        added: Vec::new(),
        removed: Vec::new(),
        now_seconds: NOW,
    }
}

/// A commit that adds devices and invites them.
pub(crate) fn adding(commit: NewCommit, added: &[u8]) -> NewCommit {
    let added: Vec<DeviceId> = added.iter().copied().map(device).collect();
    let welcome = NewWelcome {
        id: ContentHash(commit.hash.0.map(|byte| !byte)),
        recipients: added.clone(),
        content: [b"welcome".as_slice(), &commit.message].concat(),
    };
    NewCommit { added, welcomes: vec![welcome], ..commit }
}

pub(crate) fn message(n: u8, poster: u8, epoch: u64, content: u32) -> NewMessage {
    NewMessage {
        group: group(n),
        poster: device(poster),
        kind: MessageKind::Application,
        epoch,
        window_epochs: 2,
        hash: hash(content),
        message: content.to_be_bytes().to_vec(),
        now_seconds: NOW,
    }
}

pub(crate) fn package(content: u32, kind: KeyPackageKind, not_after: u64) -> NewKeyPackage {
    NewKeyPackage { kind, suite: SUITE, hash: hash(content), content: content.to_be_bytes().to_vec(), not_after }
}

/// All that `reader` may read.
pub(crate) fn read(storage: &dyn Storage, n: u8, reader: u8) -> Option<Vec<LogRecord>> {
    match storage.read(&group(n), device(reader), 1, ALL).unwrap() {
        ReadOutcome::Records { records, .. } => Some(records),
        ReadOutcome::GroupUnknown | ReadOutcome::NotParticipant => None,
    }
}
