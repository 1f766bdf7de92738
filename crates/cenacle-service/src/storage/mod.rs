//! The storage contract: the few operations the services need, each of them atomic. A back end decides order and
//! access inside the operation, so that no two requests can both be told that they won; the services' logic only
//! checks what bytes say. [`MemoryStorage`] and the SQLite back end pass one conformance suite.
//!
//! Rules every back end keeps:
//! - a group's records are numbered from 1 without gaps, and an epoch has one commit;
//! - the commit, its Welcomes, GroupInfo, tree and changes of participants are one record: all of it or nothing;
//! - the same content hash in the same group is the same record, and is answered with its number (a hash names one
//!   message, and with it one epoch);
//! - a normal key package is given out at most once, whatever happens in between;
//! - an operation that returns has reached the disk, if there is one.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod types;

use core::fmt;

pub use memory::MemoryStorage;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStorage;
pub use types::{
    AppendOutcome, BindOutcome, CommitConflict, CommitOutcome, CreateOutcome, DeviceBindings, DeviceRecord,
    GroupInfoOutcome, MessageKind, NewCommit, NewDevice, NewGroup, NewKeyPackage, NewMessage, NewQueueItem, NewWelcome,
    PublishOutcome, ReadLimit, ReadOutcome, RegisterOutcome, StorageError, StoredBinding, StoredGroupInfo,
    StoredKeyPackage,
};

use crate::wire::{AccountName, ContentHash, DeviceId, GroupId, Head, Lineage, Queue, SuiteNumber, SuiteStock};

/// What the services keep. Calls may block; all of them may come from many threads at once.
///
/// # Errors
/// Every operation fails with a [`StorageError`] when the back end does. Whether a failed operation took effect is
/// then unknown, and asking again is safe.
#[expect(clippy::missing_errors_doc, reason = "said once, for the whole trait")]
pub trait Storage: fmt::Debug + Send + Sync {
    /// Names this history: random, made with the storage.
    fn lineage(&self) -> Lineage;

    /// Makes sure that the storage can be written.
    fn probe(&self) -> Result<(), StorageError>;

    /// The server's own secret of this name: the one stored, or `fresh`, which is stored if there was none.
    fn secret(&self, name: &'static str, fresh: &[u8]) -> Result<Vec<u8>, StorageError>;

    /// Registers a device, with its account if it is the first.
    fn register_device(&self, device: NewDevice) -> Result<RegisterOutcome, StorageError>;

    /// Gives a device a new token; whether there is such a device.
    fn replace_token(&self, device: DeviceId, token_hash: ContentHash) -> Result<bool, StorageError>;

    /// Stores bindings of a device, replacing those of the same key.
    fn bind(&self, device: DeviceId, bindings: Vec<StoredBinding>) -> Result<BindOutcome, StorageError>;

    /// A device.
    fn device(&self, device: DeviceId) -> Result<Option<DeviceRecord>, StorageError>;

    /// Whose key this is.
    fn device_of_key(&self, suite: SuiteNumber, signature_key: &[u8]) -> Result<Option<DeviceId>, StorageError>;

    /// The devices of an account in the order of registration, or `None` if there is no such account.
    fn devices(&self, name: &AccountName) -> Result<Option<Vec<DeviceBindings>>, StorageError>;

    /// Publishes key packages of a device: all or none. One that was published before is left as it is.
    fn publish_key_packages(
        &self,
        device: DeviceId,
        packages: Vec<NewKeyPackage>,
        stock_limit: u64,
        now_seconds: u64,
    ) -> Result<PublishOutcome, StorageError>;

    /// Withdraws all key packages of a device. None of them is handed out any more, nor when it is published again.
    fn withdraw_key_packages(&self, device: DeviceId) -> Result<(), StorageError>;

    /// Takes a valid key package of each device: the oldest normal one, else the last resort.
    fn take_key_packages(
        &self,
        devices: Vec<DeviceId>,
        suite: SuiteNumber,
        now_seconds: u64,
    ) -> Result<Vec<(DeviceId, Option<StoredKeyPackage>)>, StorageError>;

    /// What can still be taken of a device, in ascending order of the suites.
    fn count_key_packages(&self, device: DeviceId, now_seconds: u64) -> Result<Vec<SuiteStock>, StorageError>;

    /// Starts a group's log.
    fn create_group(&self, group: NewGroup) -> Result<CreateOutcome, StorageError>;

    /// Appends a commit if it is of the group's epoch, with all that came with it.
    fn append_commit(&self, commit: NewCommit) -> Result<CommitOutcome, StorageError>;

    /// Appends a message that is not a commit, if its epoch is inside the window.
    fn append(&self, message: NewMessage) -> Result<AppendOutcome, StorageError>;

    /// Records numbered `from` and up, as far as `reader` may read them.
    fn read(&self, group: &GroupId, reader: DeviceId, from: u64, limit: ReadLimit)
    -> Result<ReadOutcome, StorageError>;

    /// How far groups are, as far as `reader` may read; in the order asked for, without those it has no part in.
    fn heads(&self, reader: DeviceId, groups: &[GroupId]) -> Result<Vec<Head>, StorageError>;

    /// The GroupInfo of the current epoch.
    fn group_info(&self, group: &GroupId, reader: DeviceId) -> Result<GroupInfoOutcome, StorageError>;

    /// Puts an item into a device's queue, unless one of the same id waits there.
    fn queue_put(&self, item: NewQueueItem) -> Result<(), StorageError>;

    /// The oldest waiting items of a device.
    fn queue_read(&self, device: DeviceId, limit: ReadLimit) -> Result<Queue, StorageError>;

    /// Forgets items of a device's queue; how many there were.
    fn queue_ack(&self, device: DeviceId, ids: Vec<ContentHash>) -> Result<u64, StorageError>;

    /// Keeps content under its hash.
    fn put_blob(&self, hash: ContentHash, content: Vec<u8>) -> Result<(), StorageError>;

    /// The content of a hash.
    fn blob(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, StorageError>;
}
