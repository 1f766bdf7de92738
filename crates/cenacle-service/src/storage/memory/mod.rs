//! The back end in memory: for tests, demonstrations and as the plain statement of what a back end does. One lock
//! around plain maps makes every operation atomic; nothing survives the process.

mod accounts;
mod groups;
mod packages;

use alloc::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cenacle_crypto::Rng;

use self::{accounts::Accounts, groups::Groups, packages::Packages};
use super::{
    AppendOutcome, BindOutcome, CommitOutcome, CreateOutcome, DeviceBindings, DeviceRecord, GroupInfoOutcome,
    NewCommit, NewDevice, NewGroup, NewKeyPackage, NewMessage, NewQueueItem, PublishOutcome, ReadLimit, ReadOutcome,
    RegisterOutcome, Storage, StorageError, StoredBinding, StoredKeyPackage,
};
use crate::wire::{AccountName, ContentHash, DeviceId, GroupId, Head, Lineage, Queue, SuiteNumber, SuiteStock};

/// The back end in memory.
#[derive(Debug)]
pub struct MemoryStorage {
    lineage: Lineage,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    secrets: BTreeMap<&'static str, Vec<u8>>,
    blobs: BTreeMap<ContentHash, Vec<u8>>,
    accounts: Accounts,
    packages: Packages,
    groups: Groups,
}

impl MemoryStorage {
    /// An empty storage with a fresh lineage.
    ///
    /// # Errors
    /// [`StorageError::NoRandomness`].
    pub fn new(rng: &mut dyn Rng) -> Result<Self, StorageError> {
        let mut lineage = [0; 16];
        rng.fill(&mut lineage).map_err(|_| StorageError::NoRandomness)?;
        Ok(Self { lineage: Lineage(lineage), state: Mutex::default() })
    }

    /// A panic elsewhere cannot have left a half-made change: every change is checked before the first write.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn lineage(&self) -> Lineage {
        self.lineage
    }

    fn probe(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn secret(&self, name: &'static str, fresh: &[u8]) -> Result<Vec<u8>, StorageError> {
        Ok(self.state().secrets.entry(name).or_insert_with(|| fresh.to_vec()).clone())
    }

    fn register_device(&self, device: NewDevice) -> Result<RegisterOutcome, StorageError> {
        Ok(self.state().accounts.register(device))
    }

    fn replace_token(&self, device: DeviceId, token_hash: ContentHash) -> Result<bool, StorageError> {
        Ok(self.state().accounts.replace_token(device, token_hash))
    }

    fn bind(&self, device: DeviceId, bindings: Vec<StoredBinding>) -> Result<BindOutcome, StorageError> {
        Ok(self.state().accounts.bind(device, bindings))
    }

    fn device(&self, device: DeviceId) -> Result<Option<DeviceRecord>, StorageError> {
        Ok(self.state().accounts.device(device).cloned())
    }

    fn device_of_key(&self, suite: SuiteNumber, signature_key: &[u8]) -> Result<Option<DeviceId>, StorageError> {
        Ok(self.state().accounts.device_of_key(suite, signature_key))
    }

    fn devices(&self, name: &AccountName) -> Result<Option<Vec<DeviceBindings>>, StorageError> {
        Ok(self.state().accounts.devices(name))
    }

    fn publish_key_packages(
        &self,
        device: DeviceId,
        packages: Vec<NewKeyPackage>,
        stock_limit: u64,
        now_seconds: u64,
    ) -> Result<PublishOutcome, StorageError> {
        Ok(self.state().packages.publish(device, packages, stock_limit, now_seconds))
    }

    fn withdraw_key_packages(&self, device: DeviceId) -> Result<(), StorageError> {
        self.state().packages.withdraw(device);
        Ok(())
    }

    fn take_key_packages(
        &self,
        devices: Vec<DeviceId>,
        suite: SuiteNumber,
        now_seconds: u64,
    ) -> Result<Vec<(DeviceId, Option<StoredKeyPackage>)>, StorageError> {
        let mut state = self.state();
        Ok(devices.into_iter().map(|device| (device, state.packages.take(device, suite, now_seconds))).collect())
    }

    fn count_key_packages(&self, device: DeviceId, now_seconds: u64) -> Result<Vec<SuiteStock>, StorageError> {
        Ok(self.state().packages.count(device, now_seconds))
    }

    fn create_group(&self, group: NewGroup) -> Result<CreateOutcome, StorageError> {
        Ok(self.state().groups.create(group))
    }

    fn append_commit(&self, commit: NewCommit) -> Result<CommitOutcome, StorageError> {
        let State { groups, accounts, .. } = &mut *self.state();
        Ok(groups.append_commit(commit, accounts))
    }

    fn append(&self, message: NewMessage) -> Result<AppendOutcome, StorageError> {
        Ok(self.state().groups.append(message))
    }

    fn read(
        &self,
        group: &GroupId,
        reader: DeviceId,
        from: u64,
        limit: ReadLimit,
    ) -> Result<ReadOutcome, StorageError> {
        Ok(self.state().groups.read(group, reader, from, limit))
    }

    fn heads(&self, reader: DeviceId, groups: &[GroupId]) -> Result<Vec<Head>, StorageError> {
        let state = self.state();
        Ok(groups.iter().filter_map(|group| state.groups.head(group, reader)).collect())
    }

    fn group_info(&self, group: &GroupId, reader: DeviceId) -> Result<GroupInfoOutcome, StorageError> {
        Ok(self.state().groups.group_info(group, reader))
    }

    fn queue_put(&self, item: NewQueueItem) -> Result<(), StorageError> {
        self.state().groups.queue_put(item);
        Ok(())
    }

    fn queue_read(&self, device: DeviceId, limit: ReadLimit) -> Result<Queue, StorageError> {
        Ok(self.state().groups.queue_read(device, limit))
    }

    fn queue_ack(&self, device: DeviceId, ids: Vec<ContentHash>) -> Result<u64, StorageError> {
        Ok(self.state().groups.queue_ack(device, &ids))
    }

    fn put_blob(&self, hash: ContentHash, content: Vec<u8>) -> Result<(), StorageError> {
        self.state().blobs.insert(hash, content);
        Ok(())
    }

    fn blob(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.state().blobs.get(&hash).cloned())
    }
}
