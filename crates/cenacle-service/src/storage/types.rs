//! What goes into a [`Storage`](super::Storage) and what comes out: one structure for each operation that needs one,
//! one outcome for each that can end in several ways.

use alloc::boxed::Box;
use core::{error::Error, fmt};

use crate::wire::{
    AccountName, ContentHash, DeviceId, GroupId, JoinPolicy, KeyPackageKind, LogRecord, SignedBinding, SuiteNumber,
};

/// A device to be registered.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its account.
    pub name: AccountName,
    /// Whether the account is to be made with it.
    pub first: bool,
    /// Its identifier.
    pub device_id: DeviceId,
    /// SHA-256 of its token.
    pub token_hash: ContentHash,
    /// Its keys.
    pub bindings: Vec<StoredBinding>,
    /// The time, in seconds since the Unix epoch.
    pub now_seconds: u64,
}

/// A key bound to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBinding {
    /// The cipher suite.
    pub suite: SuiteNumber,
    /// The public key.
    pub signature_key: Vec<u8>,
    /// The Authentication Service's statement.
    pub signed: SignedBinding,
}

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its account.
    pub name: AccountName,
    /// SHA-256 of its token.
    pub token_hash: ContentHash,
    /// Its keys, in ascending order of the suites.
    pub bindings: Vec<StoredBinding>,
}

/// A device of an account, with its keys in ascending order of the suites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceBindings {
    /// The device.
    pub device_id: DeviceId,
    /// Its keys.
    pub bindings: Vec<StoredBinding>,
}

/// How a registration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterOutcome {
    /// The device is registered.
    Registered,
    /// The account was to be made and exists.
    NameTaken,
    /// The account was not to be made and does not exist.
    AccountUnknown,
    /// The key of the binding at this place is bound already.
    KeyTaken(usize),
}

/// How binding more keys ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindOutcome {
    /// They are bound.
    Bound,
    /// There is no such device.
    DeviceUnknown,
    /// The device has another key for the cipher suite of the binding at this place.
    OtherKeyBound(usize),
    /// The key of the binding at this place is another device's.
    KeyTaken(usize),
}

/// A key package to be published.
#[derive(Debug, Clone)]
pub struct NewKeyPackage {
    /// How often it may be taken.
    pub kind: KeyPackageKind,
    /// Its cipher suite.
    pub suite: SuiteNumber,
    /// SHA-256 of the content.
    pub hash: ContentHash,
    /// The encoded MLSMessage.
    pub content: Vec<u8>,
    /// Last second of its lifetime, in seconds since the Unix epoch.
    pub not_after: u64,
}

/// How publishing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishOutcome {
    /// All are published.
    Published,
    /// The key package at this place is over the stock limit; none is published.
    StockFull(usize),
}

/// A key package that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKeyPackage {
    /// Whether it may be taken again.
    pub kind: KeyPackageKind,
    /// The encoded MLSMessage.
    pub content: Vec<u8>,
}

/// A group to be created.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// The group.
    pub group: GroupId,
    /// Who may come in.
    pub policy: JoinPolicy,
    /// Its first participant.
    pub creator: DeviceId,
    /// SHA-256 over all that was posted.
    pub hash: ContentHash,
    /// The GroupInfo of epoch 0.
    pub group_info: Option<Vec<u8>>,
    /// The tree of epoch 0.
    pub ratchet_tree: Option<Vec<u8>>,
    /// The time, in seconds since the Unix epoch.
    pub now_seconds: u64,
}

/// How a creation ended. The record's number is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The group exists now.
    Created,
    /// It was created by the same device with the same content.
    Duplicate,
    /// It exists otherwise.
    Exists,
}

/// A commit with all that becomes true with it.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// The group.
    pub group: GroupId,
    /// Who posts it.
    pub poster: DeviceId,
    /// Whether it is an external commit, by which a stranger may come into an open group.
    pub external: bool,
    /// The epoch it was made in.
    pub epoch: u64,
    /// SHA-256 of the message.
    pub hash: ContentHash,
    /// The encoded MLSMessage.
    pub message: Vec<u8>,
    /// Invitations.
    pub welcomes: Vec<NewWelcome>,
    /// The GroupInfo of the new epoch.
    pub group_info: Option<Vec<u8>>,
    /// The tree of the new epoch.
    pub ratchet_tree: Option<Vec<u8>>,
    /// New participants.
    pub added: Vec<DeviceId>,
    /// Participants no more.
    pub removed: Vec<DeviceId>,
    /// The time, in seconds since the Unix epoch.
    pub now_seconds: u64,
}

/// An invitation that comes with a commit.
#[derive(Debug, Clone)]
pub struct NewWelcome {
    /// SHA-256 of the content: the id in the queues.
    pub id: ContentHash,
    /// Whose queues it goes to.
    pub recipients: Vec<DeviceId>,
    /// The encoded MLSMessage.
    pub content: Vec<u8>,
}

/// How a commit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It won its epoch.
    Accepted {
        /// The record's number.
        seq: u64,
    },
    /// It had won before.
    Duplicate {
        /// The record's number.
        seq: u64,
    },
    /// Another had won.
    Conflict(CommitConflict),
    /// Its epoch has not begun.
    Future {
        /// The group's epoch.
        epoch: u64,
    },
    /// There is no such group.
    GroupUnknown,
    /// The poster has no part in it.
    NotParticipant,
    /// Devices to be added do not exist.
    DeviceUnknown(Vec<DeviceId>),
    /// A device to be removed has no part in it.
    RemovesStranger,
}

/// Where a group is, and who won the epoch of a commit that lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitConflict {
    /// The group's epoch.
    pub epoch: u64,
    /// Its last record.
    pub head: u64,
    /// The winner's hash.
    pub winner_hash: ContentHash,
    /// The winner's number.
    pub winner_seq: u64,
}

/// What a message that is not a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A proposal.
    Proposal,
    /// Application data.
    Application,
}

/// A message that is not a commit.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The group.
    pub group: GroupId,
    /// Who posts it.
    pub poster: DeviceId,
    /// What it is.
    pub kind: MessageKind,
    /// The epoch it was made in.
    pub epoch: u64,
    /// How many epochs before the current one it may be of.
    pub window_epochs: u64,
    /// SHA-256 of the message.
    pub hash: ContentHash,
    /// The encoded MLSMessage.
    pub message: Vec<u8>,
    /// The time, in seconds since the Unix epoch.
    pub now_seconds: u64,
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOutcome {
    /// It is in the log.
    Appended {
        /// The record's number.
        seq: u64,
        /// The group's epoch.
        epoch: u64,
    },
    /// It was in the log.
    Duplicate {
        /// The record's number.
        seq: u64,
    },
    /// Its epoch is over for too long.
    Stale {
        /// The group's epoch.
        epoch: u64,
        /// The oldest epoch inside the window.
        oldest: u64,
    },
    /// Its epoch has not begun.
    Future {
        /// The group's epoch.
        epoch: u64,
    },
    /// There is no such group.
    GroupUnknown,
    /// The poster has no part in it.
    NotParticipant,
}

/// How much one read may give. The first item is given whatever its size.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimit {
    /// Records or queue items.
    pub records: u64,
    /// Bytes of messages and trees in them.
    pub bytes: u64,
}

/// Counts what a read gives.
#[derive(Debug)]
pub(super) struct ReadCounter {
    left: ReadLimit,
    empty: bool,
}

impl ReadCounter {
    pub(super) const fn new(limit: ReadLimit) -> Self {
        Self { left: limit, empty: true }
    }

    /// Whether an item of this size is still given.
    pub(super) fn admit(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let fits = self.left.records > 0 && bytes <= self.left.bytes;
        let admitted = fits || self.empty;
        self.left.records = self.left.records.saturating_sub(1);
        self.left.bytes = self.left.bytes.saturating_sub(bytes);
        self.empty = false;
        admitted
    }
}

/// How a read ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The records.
    Records {
        /// In order.
        records: Vec<LogRecord>,
        /// The last number the reader may read.
        head: u64,
        /// The group's epoch there.
        epoch: u64,
    },
    /// There is no such group.
    GroupUnknown,
    /// The reader never had a part in it.
    NotParticipant,
}

/// How asking for the GroupInfo ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupInfoOutcome {
    /// There is one.
    Current(StoredGroupInfo),
    /// The last commit came without.
    Missing {
        /// The group's epoch.
        epoch: u64,
    },
    /// There is no such group.
    GroupUnknown,
    /// The group is closed and the reader has no part in it.
    NotParticipant,
}

/// The GroupInfo of a group's current epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroupInfo {
    /// The epoch.
    pub epoch: u64,
    /// The record that led to it.
    pub seq: u64,
    /// The encoded MLSMessage.
    pub group_info: Vec<u8>,
    /// The tree, if it was posted beside.
    pub ratchet_tree: Option<Vec<u8>>,
}

/// An item for a device's queue.
#[derive(Debug, Clone)]
pub struct NewQueueItem {
    /// Whose queue.
    pub device: DeviceId,
    /// Names it in the queue.
    pub id: ContentHash,
    /// The group it is about.
    pub group: GroupId,
    /// The epoch it leads to.
    pub epoch: u64,
    /// The commit it came with.
    pub commit_seq: u64,
    /// The encoded MLSMessage.
    pub content: Vec<u8>,
    /// The tree, if it travels beside.
    pub ratchet_tree: Option<Vec<u8>>,
}

/// Why a back end failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StorageError {
    /// The back end was shut down.
    Closed,
    /// What is stored was written by a newer version of the schema.
    NewerSchema {
        /// Found.
        found: u64,
        /// The newest this version knows.
        known: u64,
    },
    /// What is stored under this name is not what this version wrote there.
    Corrupt(&'static str),
    /// The source of randomness failed.
    NoRandomness,
    /// The engine failed for a reason of its own.
    Engine(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the storage is closed"),
            Self::NewerSchema { found, known } => {
                write!(f, "the storage has schema {found}, this version knows {known}: use a newer version")
            }
            Self::Corrupt(what) => write!(f, "the storage is damaged: {what}"),
            Self::NoRandomness => f.write_str("the source of randomness failed"),
            Self::Engine(error) => write!(f, "the storage engine failed: {error}"),
        }
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Engine(error) => Some(&**error),
            Self::Closed | Self::NewerSchema { .. } | Self::Corrupt(_) | Self::NoRandomness => None,
        }
    }
}
