//! The Delivery Service (RFC 9750 §5, RFC 9420 §14): groups, commits with one winner for each epoch, messages, the
//! log, queues.

use cenacle_codec::Writer;

use super::{Bearer, Notice, Service, check_size, messages};
use crate::{
    Error,
    storage::{
        AppendOutcome, CommitOutcome, CreateOutcome, GroupInfoOutcome, MessageKind, NewCommit, NewGroup, NewMessage,
        NewWelcome, ReadLimit, ReadOutcome,
    },
    wire::{
        Accepted, AckQueue, Acknowledged, AskHeads, Base64Url, ContentHash, CreateGroup, GroupId, GroupInfoAnswer,
        Head, Heads, JoinPolicy, Log, MessageFault, PostCommit, PostMessage, Posted, Problem, ProblemKind, Queue,
    },
};

fn commit_invalid(reason: MessageFault) -> Error {
    ProblemKind::CommitInvalid { reason }.into()
}

fn message_invalid(reason: MessageFault) -> Error {
    ProblemKind::MessageInvalid { reason }.into()
}

impl Service {
    fn check_sizes<'a>(&self, parts: impl IntoIterator<Item = &'a Base64Url>) -> Result<(), Error> {
        parts.into_iter().try_for_each(|part| check_size(part.len() as u64, self.config.limits.message_bytes))
    }

    /// Starts a group's log; the bearer becomes its first participant.
    ///
    /// # Errors
    /// `group-exists`, `message-invalid`, `payload-too-large`.
    pub fn create_group(&self, bearer: &Bearer, request: CreateGroup, now_seconds: u64) -> Result<Accepted, Error> {
        self.check_sizes(request.group_info.iter().chain(&request.ratchet_tree))?;
        let hash = self.hash_of_creation(&request)?;
        let CreateGroup { group_id: group, policy, group_info, group_info_sealed, ratchet_tree } = request;
        if let Some(info) = group_info.as_ref().filter(|_| !group_info_sealed) {
            messages::check_group_info(info.as_slice(), &group, 0).map_err(message_invalid)?;
        }
        let new = NewGroup {
            group: group.clone(),
            policy,
            creator: bearer.device_id,
            hash,
            group_info: group_info.map(Base64Url::into_vec),
            ratchet_tree: ratchet_tree.map(Base64Url::into_vec),
            now_seconds,
        };
        match self.storage.create_group(new)? {
            CreateOutcome::Created | CreateOutcome::Duplicate => Ok(self.accepted(1, 0)),
            CreateOutcome::Exists => Err(ProblemKind::GroupExists { group }.into()),
        }
    }

    /// The hash of all that was posted, in an encoding that cannot be read in two ways.
    fn hash_of_creation(&self, request: &CreateGroup) -> Result<ContentHash, Error> {
        let mut out = Writer::new();
        out.opaque(b"CenacleCreateGroup").opaque(request.group_id.as_slice());
        out.put(&u8::from(request.policy == JoinPolicy::Open));
        for part in [&request.group_info, &request.ratchet_tree] {
            out.put(&u8::from(part.is_some()));
            out.opaque(part.as_ref().map(Base64Url::as_slice).unwrap_or_default());
        }
        let bytes = out.finish().map_err(|_| message_invalid(MessageFault::NotDecodable))?;
        Ok(self.hash(&bytes))
    }

    fn accepted(&self, seq: u64, epoch: u64) -> Accepted {
        Accepted { lineage: self.storage.lineage(), seq, epoch }
    }

    /// Appends a commit, if it is the first of its epoch.
    ///
    /// # Errors
    /// `epoch-conflict`, `epoch-future`, `commit-invalid`, `device-unknown`, `not-a-member`, `group-unknown`,
    /// `payload-too-large`.
    pub fn post_commit(
        &self,
        bearer: &Bearer,
        group: GroupId,
        post: PostCommit,
        now_seconds: u64,
    ) -> Result<Accepted, Error> {
        let beside = post.group_info.iter().chain(&post.ratchet_tree);
        let welcomes = post.welcomes.iter().map(|welcome| &welcome.welcome);
        self.check_sizes([&post.commit].into_iter().chain(welcomes).chain(beside))?;
        let external = messages::check_commit(&group, &post, bearer.device_id).map_err(commit_invalid)?;
        let epoch = post.epoch + 1;
        let removed = post.removed.clone();
        let commit = self.to_commit(bearer, group.clone(), post, external, now_seconds);
        let invited: Vec<_> = commit.welcomes.iter().flat_map(|welcome| welcome.recipients.clone()).collect();
        let problem = match self.storage.append_commit(commit)? {
            CommitOutcome::Accepted { seq } => {
                self.notices.notice(Notice::Head { head: Head { group_id: group, epoch, seq }, removed });
                invited.into_iter().for_each(|device| self.notices.notice(Notice::Queue { device }));
                return Ok(self.accepted(seq, epoch));
            }
            CommitOutcome::Duplicate { seq } => return Ok(self.accepted(seq, epoch)),
            CommitOutcome::Conflict(conflict) => ProblemKind::EpochConflict {
                group,
                current_epoch: conflict.epoch,
                head_seq: conflict.head,
                winning_commit_hash: conflict.winner_hash,
                winning_commit_seq: conflict.winner_seq,
            },
            CommitOutcome::Future { epoch } => ProblemKind::EpochFuture { group, current_epoch: epoch },
            CommitOutcome::GroupUnknown => ProblemKind::GroupUnknown { group },
            CommitOutcome::NotParticipant => ProblemKind::NotAMember { group },
            CommitOutcome::DeviceUnknown(devices) => ProblemKind::DeviceUnknown { devices },
            CommitOutcome::RemovesStranger => ProblemKind::CommitInvalid { reason: MessageFault::RemovesStranger },
        };
        Err(problem.into())
    }

    fn to_commit(
        &self,
        bearer: &Bearer,
        group: GroupId,
        post: PostCommit,
        external: bool,
        now_seconds: u64,
    ) -> NewCommit {
        let welcomes = post.welcomes.into_iter().map(|welcome| NewWelcome {
            id: self.hash(welcome.welcome.as_slice()),
            recipients: welcome.recipients,
            content: welcome.welcome.into_vec(),
        });
        NewCommit {
            group,
            poster: bearer.device_id,
            external,
            epoch: post.epoch,
            hash: self.hash(post.commit.as_slice()),
            welcomes: welcomes.collect(),
            message: post.commit.into_vec(),
            group_info: post.group_info.map(Base64Url::into_vec),
            ratchet_tree: post.ratchet_tree.map(Base64Url::into_vec),
            added: post.added,
            removed: post.removed,
            now_seconds,
        }
    }

    /// Appends a proposal of the current epoch, or application data of it or of the few epochs before.
    ///
    /// # Errors
    /// `epoch-stale`, `epoch-future`, `message-invalid`, `not-a-member`, `group-unknown`, `payload-too-large`.
    pub fn post_message(
        &self,
        bearer: &Bearer,
        group: GroupId,
        post: PostMessage,
        now_seconds: u64,
    ) -> Result<Posted, Error> {
        self.check_sizes([&post.message])?;
        let kind = messages::check_message(&group, &post).map_err(message_invalid)?;
        let window_epochs = match kind {
            // A proposal can only be committed in its own epoch.
            MessageKind::Proposal => 0,
            MessageKind::Application => self.config.retention.past_epochs,
        };
        let message = NewMessage {
            group: group.clone(),
            poster: bearer.device_id,
            kind,
            epoch: post.epoch,
            window_epochs,
            hash: self.hash(post.message.as_slice()),
            message: post.message.into_vec(),
            now_seconds,
        };
        let lineage = self.storage.lineage();
        let problem = match self.storage.append(message)? {
            AppendOutcome::Appended { seq, epoch } => {
                let head = Head { group_id: group, epoch, seq };
                self.notices.notice(Notice::Head { head, removed: Vec::new() });
                return Ok(Posted { lineage, seq });
            }
            AppendOutcome::Duplicate { seq } => return Ok(Posted { lineage, seq }),
            AppendOutcome::Stale { epoch, oldest } => {
                ProblemKind::EpochStale { group, current_epoch: epoch, oldest_epoch: oldest }
            }
            AppendOutcome::Future { epoch } => ProblemKind::EpochFuture { group, current_epoch: epoch },
            AppendOutcome::GroupUnknown => ProblemKind::GroupUnknown { group },
            AppendOutcome::NotParticipant => ProblemKind::NotAMember { group },
        };
        Err(problem.into())
    }

    /// Records numbered `from` and up, at most `limit`.
    ///
    /// # Errors
    /// `not-a-member`, `group-unknown`.
    pub fn log(&self, bearer: &Bearer, group: GroupId, from: u64, limit: Option<u64>) -> Result<Log, Error> {
        let most = self.config.limits.log_records;
        let limit = ReadLimit { records: limit.unwrap_or(most).min(most), bytes: self.config.limits.log_bytes };
        match self.storage.read(&group, bearer.device_id, from, limit)? {
            ReadOutcome::Records { records, head, epoch } => {
                Ok(Log { lineage: self.storage.lineage(), records, head, epoch })
            }
            ReadOutcome::GroupUnknown => Err(ProblemKind::GroupUnknown { group }.into()),
            ReadOutcome::NotParticipant => Err(ProblemKind::NotAMember { group }.into()),
        }
    }

    /// The GroupInfo of the group's current epoch.
    ///
    /// # Errors
    /// `group-info-missing`, `not-a-member`, `group-unknown`.
    pub fn group_info(&self, bearer: &Bearer, group: GroupId) -> Result<GroupInfoAnswer, Error> {
        match self.storage.group_info(&group, bearer.device_id)? {
            GroupInfoOutcome::Current(info) => Ok(GroupInfoAnswer {
                epoch: info.epoch,
                seq: info.seq,
                group_info: info.group_info.into(),
                ratchet_tree: info.ratchet_tree.map(Into::into),
            }),
            GroupInfoOutcome::Missing { epoch } => {
                Err(ProblemKind::GroupInfoMissing { group, current_epoch: epoch }.into())
            }
            GroupInfoOutcome::GroupUnknown => Err(ProblemKind::GroupUnknown { group }.into()),
            GroupInfoOutcome::NotParticipant => Err(ProblemKind::NotAMember { group }.into()),
        }
    }

    /// How far groups are, for a device that comes back.
    ///
    /// # Errors
    /// `request-invalid` when more groups are asked for than the limit.
    pub fn heads(&self, bearer: &Bearer, request: &AskHeads) -> Result<Heads, Error> {
        let (asked, limit) = (request.groups.len() as u64, self.config.limits.heads);
        if asked > limit {
            let detail = format!("{asked} groups, the limit is {limit}");
            return Err(Problem::new(ProblemKind::RequestInvalid).with_detail(detail).into());
        }
        let heads = self.storage.heads(bearer.device_id, &request.groups)?;
        Ok(Heads { lineage: self.storage.lineage(), heads })
    }

    /// The bearer's oldest queue items, at most `limit`.
    ///
    /// # Errors
    /// What the storage says.
    pub fn queue(&self, bearer: &Bearer, limit: Option<u64>) -> Result<Queue, Error> {
        let most = self.config.limits.log_records;
        let limit = ReadLimit { records: limit.unwrap_or(most).min(most), bytes: self.config.limits.log_bytes };
        Ok(self.storage.queue_read(bearer.device_id, limit)?)
    }

    /// Forgets items of the bearer's queue.
    ///
    /// # Errors
    /// What the storage says.
    pub fn acknowledge(&self, bearer: &Bearer, request: AckQueue) -> Result<Acknowledged, Error> {
        Ok(Acknowledged { removed: self.storage.queue_ack(bearer.device_id, request.ids)? })
    }
}
