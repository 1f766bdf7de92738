//! Groups: creation, commits, messages, the log, Welcome queues, heads and hints.
//!
//! A group's log is totally ordered: its records are numbered 1, 2, 3… without gaps, and the first commit for an
//! epoch is the only one. Record 1 is the creation at epoch 0.

use serde::{Deserialize, Serialize};

use super::{Base64Url, ContentHash, DeviceId, GroupId, Lineage};

/// Who may come in without being added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinPolicy {
    /// Any registered device that knows the group's id may read its GroupInfo and post an external commit.
    Open,
    /// Only devices that a participant's commit adds.
    Closed,
}

/// Body of `POST /v1/groups`. The poster becomes the group's first participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGroup {
    /// The group's id. Random, as RFC 9420 §11 suggests: whoever posts it first has it.
    pub group_id: GroupId,
    /// Who may come in without being added.
    pub policy: JoinPolicy,
    /// The GroupInfo of epoch 0, for external joiners: an MLSMessage, unless it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_info: Option<Base64Url>,
    /// Whether the GroupInfo is sealed: encrypted by the members for each other. Then the service cannot read it, and keeps
    /// and hands it out untouched.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub group_info_sealed: bool,
    /// The ratchet tree of epoch 0, if the GroupInfo does not hold it: kept and handed out untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratchet_tree: Option<Base64Url>,
}

/// Body of `POST /v1/groups/{gid}/commits`: a commit with all that has to become true together with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostCommit {
    /// The epoch the commit was made in: the one its message names. It leads to the next.
    pub epoch: u64,
    /// An MLSMessage holding the commit, public or private.
    pub commit: Base64Url,
    /// Invitations, delivered only if this commit wins its epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub welcomes: Vec<WelcomeFor>,
    /// The GroupInfo of the new epoch: an MLSMessage, unless it is sealed. Without it the group has none until the next
    /// commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_info: Option<Base64Url>,
    /// Whether the GroupInfo is sealed: see [`CreateGroup::group_info_sealed`].
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub group_info_sealed: bool,
    /// The ratchet tree of the new epoch, if neither GroupInfo nor Welcome hold it: kept and handed out untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratchet_tree: Option<Base64Url>,
    /// Devices the commit adds. They become participants, and may read the log from this commit on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<DeviceId>,
    /// Devices the commit removes. They may read the log up to this commit and nothing after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<DeviceId>,
}

/// A Welcome and who it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WelcomeFor {
    /// The devices to deliver it to; each must be among the added.
    pub recipients: Vec<DeviceId>,
    /// An MLSMessage holding the Welcome.
    pub welcome: Base64Url,
}

/// Answer to `POST /v1/groups` and `POST /v1/groups/{gid}/commits`. Posting the same bytes again gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The server's history this is part of.
    pub lineage: Lineage,
    /// The record's number in the group's log.
    pub seq: u64,
    /// The epoch the group is in by this record: 0 for a creation, the commit's epoch + 1 for a commit.
    pub epoch: u64,
}

/// Body of `POST /v1/groups/{gid}/messages`: a proposal or application data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostMessage {
    /// The epoch the message names.
    pub epoch: u64,
    /// An MLSMessage holding a PublicMessage or PrivateMessage that is not a commit.
    pub message: Base64Url,
}

/// Answer to `POST /v1/groups/{gid}/messages`. Posting the same bytes again gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The server's history this is part of.
    pub lineage: Lineage,
    /// The record's number in the group's log.
    pub seq: u64,
}

/// What a log record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// The group's creation: record 1, epoch 0, without a message.
    Created,
    /// The one commit of its epoch.
    Commit,
    /// A proposal.
    Proposal,
    /// Application data.
    Application,
}

/// A record of a group's log. It does not say who posted it: members learn that from the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Its number, from 1.
    pub seq: u64,
    /// What it is.
    pub kind: RecordKind,
    /// The epoch its message names.
    pub epoch: u64,
    /// When the server took it, in seconds since the Unix epoch.
    pub received_at: u64,
    /// The MLSMessage as it was posted; empty for the creation.
    pub message: Base64Url,
}

/// Answer to `GET /v1/groups/{gid}/log?from=SEQ&limit=N`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The server's history these records are part of.
    pub lineage: Lineage,
    /// Records numbered `from` and up, in order, as many as asked for and as fit one answer. They start later than
    /// `from` if the reader joined later.
    pub records: Vec<LogRecord>,
    /// The last number the reader may read now; 0 if none. Pull on from the last record's number + 1 until there.
    pub head: u64,
    /// The epoch of the group at `head`.
    pub epoch: u64,
}

/// Answer to `GET /v1/groups/{gid}/group-info`: always that of the current epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfoAnswer {
    /// The group's current epoch.
    pub epoch: u64,
    /// The record that led to it. An external joiner reads on from the number of its own commit.
    pub seq: u64,
    /// The GroupInfo as it was posted: an MLSMessage, or sealed.
    pub group_info: Base64Url,
    /// The ratchet tree, if it was posted beside the GroupInfo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratchet_tree: Option<Base64Url>,
}

/// Answer to `GET /v1/queue?limit=N`: the bearer's oldest items that are not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Oldest first.
    pub items: Vec<QueueItem>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// A Welcome waiting for a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueItem {
    /// Names the item, for acknowledging it.
    pub id: ContentHash,
    /// The group it leads to.
    pub group_id: GroupId,
    /// The epoch it leads to.
    pub epoch: u64,
    /// The number of the commit that it came with. The state after joining is the one after this record: pull the
    /// log from `commit_seq + 1`.
    pub commit_seq: u64,
    /// An MLSMessage holding the Welcome.
    pub welcome: Base64Url,
    /// The ratchet tree of that epoch, if it was posted beside the Welcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratchet_tree: Option<Base64Url>,
}

/// Body of `POST /v1/queue/ack`. Acknowledge when the joined group is safely stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckQueue {
    /// Items to forget. Unknown ones are ignored.
    pub ids: Vec<ContentHash>,
}

/// Answer to `POST /v1/queue/ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// How many items were forgotten by this request.
    pub removed: u64,
}

/// Body of `POST /v1/heads`, the first request after reconnecting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskHeads {
    /// The groups of interest.
    pub groups: Vec<GroupId>,
}

/// Answer to `POST /v1/heads`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// The server's history: if it is not the one remembered, cursors are worth nothing.
    pub lineage: Lineage,
    /// In the order asked for. Groups the bearer never took part in, or that do not exist, are left out.
    pub heads: Vec<Head>,
}

/// How far a group is, as far as the reader may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The group.
    pub group_id: GroupId,
    /// Its epoch.
    pub epoch: u64,
    /// The number of its last record.
    pub seq: u64,
}

/// Answer to `PUT /v1/blobs/{hash}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobStored {
    /// The content's hash.
    pub hash: ContentHash,
    /// How many bytes.
    pub bytes: u64,
}

/// What a client sends over the WebSocket `GET /v1/hints`, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HintRequest {
    /// Replaces the groups of interest. Answered with [`Hint::Subscribed`].
    Subscribe {
        /// The groups of interest.
        groups: Vec<GroupId>,
    },
}

/// What the server sends over the WebSocket `GET /v1/hints`, as JSON text. A hint carries no message: it says "pull".
/// Hints may be lost; heads and cursors tell the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hint {
    /// The subscription holds from now on; these are the heads at this moment.
    Subscribed {
        /// The server's history.
        lineage: Lineage,
        /// Heads of the groups the bearer takes part in.
        heads: Vec<Head>,
    },
    /// A group's log grew.
    Head {
        /// Where it is now.
        #[serde(flatten)]
        head: Head,
    },
    /// Something came into the bearer's queue.
    Queue,
    /// Nothing happened for a while.
    Heartbeat,
    /// The server closes the connection. Connect again, ask for heads, pull.
    GoAway {
        /// Why.
        reason: GoAway,
    },
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GoAway {
    /// It shuts down.
    Shutdown,
    /// The client read too slowly and missed hints.
    TooSlow,
    /// The client sent something that is not a request.
    NotUnderstood,
}
