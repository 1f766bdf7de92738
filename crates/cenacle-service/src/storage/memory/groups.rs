//! Groups, their logs and the Welcome queues, in memory.

use alloc::collections::BTreeMap;

use super::accounts::Accounts;
use crate::{
    storage::{
        AppendOutcome, CommitConflict, CommitOutcome, CreateOutcome, GroupInfoOutcome, MessageKind, NewCommit,
        NewGroup, NewMessage, NewQueueItem, ReadLimit, ReadOutcome, StoredGroupInfo, types::ReadCounter,
    },
    wire::{Base64Url, ContentHash, DeviceId, GroupId, Head, JoinPolicy, LogRecord, Queue, QueueItem, RecordKind},
};

#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<GroupId, Group>,
    queues: BTreeMap<DeviceId, Vec<QueueItem>>,
}

#[derive(Debug)]
struct Group {
    policy: JoinPolicy,
    creator: DeviceId,
    epoch: u64,
    /// Record `n` stands at place `n - 1`.
    records: Vec<LogRecord>,
    numbers: BTreeMap<ContentHash, u64>,
    /// The winner of each epoch that is over.
    winners: BTreeMap<u64, (ContentHash, u64)>,
    participants: BTreeMap<DeviceId, Span>,
    info: Option<StoredGroupInfo>,
}

/// What a participant may read: from its coming to its removal.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    until: Option<u64>,
}

impl Group {
    fn head(&self) -> u64 {
        self.records.len() as u64
    }

    fn takes_part(&self, device: &DeviceId) -> bool {
        self.participants.get(device).is_some_and(|span| span.until.is_none())
    }

    /// The number of the record with this hash, if `device` takes part or may read it.
    fn known(&self, hash: &ContentHash, device: &DeviceId) -> Option<u64> {
        let seq = *self.numbers.get(hash)?;
        let span = self.participants.get(device)?;
        span.until.is_none_or(|until| (span.from..=until).contains(&seq)).then_some(seq)
    }

    /// The last record `device` may read, and the epoch there.
    fn readable(&self, device: &DeviceId) -> Option<(Span, u64, u64)> {
        let span = *self.participants.get(device)?;
        let Some(until) = span.until else {
            return Some((span, self.head(), self.epoch));
        };
        // The last record of a removed device is the commit that removed it.
        let record = self.records.iter().find(|record| record.seq == until)?;
        Some((span, until, record.epoch + 1))
    }

    fn push(&mut self, kind: RecordKind, epoch: u64, hash: ContentHash, message: Vec<u8>, received_at: u64) -> u64 {
        let seq = self.head() + 1;
        self.records.push(LogRecord { seq, kind, epoch, received_at, message: message.into() });
        self.numbers.insert(hash, seq);
        seq
    }

    /// Why a commit cannot be appended.
    fn refuse(&self, commit: &NewCommit, accounts: &Accounts) -> Option<CommitOutcome> {
        if let Some(seq) = self.known(&commit.hash, &commit.poster) {
            return Some(CommitOutcome::Duplicate { seq });
        }
        let may_enter = commit.external && self.policy == JoinPolicy::Open;
        if !self.takes_part(&commit.poster) && !may_enter {
            return Some(CommitOutcome::NotParticipant);
        }
        if commit.epoch > self.epoch {
            return Some(CommitOutcome::Future { epoch: self.epoch });
        }
        if let Some((winner_hash, winner_seq)) = self.winners.get(&commit.epoch).copied() {
            let (epoch, head) = (self.epoch, self.head());
            return Some(CommitOutcome::Conflict(CommitConflict { epoch, head, winner_hash, winner_seq }));
        }
        let unknown: Vec<DeviceId> =
            commit.added.iter().copied().filter(|device| accounts.device(*device).is_none()).collect();
        if !unknown.is_empty() {
            return Some(CommitOutcome::DeviceUnknown(unknown));
        }
        (!commit.removed.iter().all(|device| self.takes_part(device))).then_some(CommitOutcome::RemovesStranger)
    }

    fn join(&mut self, device: DeviceId, seq: u64) {
        if !self.takes_part(&device) {
            self.participants.insert(device, Span { from: seq, until: None });
        }
    }
}

impl Groups {
    pub(super) fn create(&mut self, new: NewGroup) -> CreateOutcome {
        if let Some(group) = self.groups.get(&new.group) {
            let same = group.creator == new.creator && group.numbers.get(&new.hash) == Some(&1);
            return if same { CreateOutcome::Duplicate } else { CreateOutcome::Exists };
        }
        let tree = new.ratchet_tree;
        let info =
            new.group_info.map(|group_info| StoredGroupInfo { epoch: 0, seq: 1, group_info, ratchet_tree: tree });
        let mut group = Group {
            policy: new.policy,
            creator: new.creator,
            epoch: 0,
            records: Vec::new(),
            numbers: BTreeMap::new(),
            winners: BTreeMap::new(),
            participants: BTreeMap::from([(new.creator, Span { from: 1, until: None })]),
            info,
        };
        group.push(RecordKind::Created, 0, new.hash, Vec::new(), new.now_seconds);
        self.groups.insert(new.group, group);
        CreateOutcome::Created
    }

    pub(super) fn append_commit(&mut self, commit: NewCommit, accounts: &Accounts) -> CommitOutcome {
        let Some(group) = self.groups.get_mut(&commit.group) else {
            return CommitOutcome::GroupUnknown;
        };
        if let Some(refusal) = group.refuse(&commit, accounts) {
            return refusal;
        }
        let epoch = commit.epoch + 1;
        let seq = group.push(RecordKind::Commit, commit.epoch, commit.hash, commit.message, commit.now_seconds);
        group.epoch = epoch;
        group.winners.insert(commit.epoch, (commit.hash, seq));
        group.join(commit.poster, seq);
        commit.added.iter().for_each(|device| group.join(*device, seq));
        for device in &commit.removed {
            if let Some(span) = group.participants.get_mut(device) {
                span.until = Some(seq);
            }
        }
        let tree = commit.ratchet_tree;
        group.info =
            commit.group_info.map(|group_info| StoredGroupInfo { epoch, seq, group_info, ratchet_tree: tree.clone() });
        for welcome in commit.welcomes {
            for device in welcome.recipients {
                let (id, content) = (welcome.id, welcome.content.clone());
                let (group, ratchet_tree) = (commit.group.clone(), tree.clone());
                self.queue_put(NewQueueItem { device, id, group, epoch, commit_seq: seq, content, ratchet_tree });
            }
        }
        CommitOutcome::Accepted { seq }
    }

    pub(super) fn append(&mut self, message: NewMessage) -> AppendOutcome {
        let Some(group) = self.groups.get_mut(&message.group) else {
            return AppendOutcome::GroupUnknown;
        };
        if let Some(seq) = group.known(&message.hash, &message.poster) {
            return AppendOutcome::Duplicate { seq };
        }
        let (epoch, oldest) = (group.epoch, group.epoch.saturating_sub(message.window_epochs));
        if !group.takes_part(&message.poster) {
            return AppendOutcome::NotParticipant;
        }
        if message.epoch > epoch {
            return AppendOutcome::Future { epoch };
        }
        if message.epoch < oldest {
            return AppendOutcome::Stale { epoch, oldest };
        }
        let kind = match message.kind {
            MessageKind::Proposal => RecordKind::Proposal,
            MessageKind::Application => RecordKind::Application,
        };
        let seq = group.push(kind, message.epoch, message.hash, message.message, message.now_seconds);
        AppendOutcome::Appended { seq, epoch }
    }

    pub(super) fn read(&self, group: &GroupId, reader: DeviceId, from: u64, limit: ReadLimit) -> ReadOutcome {
        let Some(group) = self.groups.get(group) else {
            return ReadOutcome::GroupUnknown;
        };
        let Some((span, head, epoch)) = group.readable(&reader) else {
            return ReadOutcome::NotParticipant;
        };
        let wanted = from.max(span.from)..=head;
        let mut counter = ReadCounter::new(limit);
        let readable = group.records.iter().filter(|record| wanted.contains(&record.seq));
        let records = readable.take_while(|record| counter.admit(record.message.len())).cloned().collect();
        ReadOutcome::Records { records, head, epoch }
    }

    pub(super) fn head(&self, group_id: &GroupId, reader: DeviceId) -> Option<Head> {
        let (_, seq, epoch) = self.groups.get(group_id)?.readable(&reader)?;
        Some(Head { group_id: group_id.clone(), epoch, seq })
    }

    pub(super) fn group_info(&self, group: &GroupId, reader: DeviceId) -> GroupInfoOutcome {
        let Some(group) = self.groups.get(group) else {
            return GroupInfoOutcome::GroupUnknown;
        };
        if !group.takes_part(&reader) && group.policy == JoinPolicy::Closed {
            return GroupInfoOutcome::NotParticipant;
        }
        match &group.info {
            Some(info) => GroupInfoOutcome::Current(info.clone()),
            None => GroupInfoOutcome::Missing { epoch: group.epoch },
        }
    }

    pub(super) fn queue_put(&mut self, item: NewQueueItem) {
        let queue = self.queues.entry(item.device).or_default();
        if queue.iter().any(|waiting| waiting.id == item.id) {
            return;
        }
        queue.push(QueueItem {
            id: item.id,
            group_id: item.group,
            epoch: item.epoch,
            commit_seq: item.commit_seq,
            welcome: item.content.into(),
            ratchet_tree: item.ratchet_tree.map(Into::into),
        });
    }

    pub(super) fn queue_read(&self, device: DeviceId, limit: ReadLimit) -> Queue {
        let waiting = self.queues.get(&device).map(Vec::as_slice).unwrap_or_default();
        let mut counter = ReadCounter::new(limit);
        let bytes = |item: &QueueItem| item.welcome.len() + item.ratchet_tree.as_ref().map_or(0, Base64Url::len);
        let items: Vec<QueueItem> = waiting.iter().take_while(|item| counter.admit(bytes(item))).cloned().collect();
        Queue { more: items.len() < waiting.len(), items }
    }

    pub(super) fn queue_ack(&mut self, device: DeviceId, ids: &[ContentHash]) -> u64 {
        let Some(queue) = self.queues.get_mut(&device) else {
            return 0;
        };
        let before = queue.len();
        queue.retain(|item| !ids.contains(&item.id));
        (before - queue.len()) as u64
    }
}
