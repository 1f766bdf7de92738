//! What a commit means to people: who came, who went, and who wanted that.

use alloc::collections::BTreeMap;

use cenacle_mls::{
    group::{CommitSummary, Received},
    wire::{Credential, LeafIndex, Sender},
};

use super::room::Room;
use crate::{ConversationId, Event, MemberId};

/// What a commit brought, seen from after it.
pub(super) fn news(id: &ConversationId, room: &Room, received: &Received) -> Vec<Event> {
    let conversation = id.clone();
    if let Received::Removed(summary) = received {
        let by = Askers::of(room, summary).member(summary.remover(room.group.own_leaf()));
        return vec![Event::Removed { conversation, by }];
    }
    let (Received::Commit(summary) | Received::OwnCommit(summary)) = received else { return Vec::new() };
    let mut news = Vec::new();
    if summary.external != 0 {
        let member = room.member_at(summary.committer);
        news.extend(member.map(|member| Event::MemberRejoined { conversation: conversation.clone(), member }));
    } else {
        news.extend(changes(id, room, summary));
    }
    news.push(Event::EpochChanged { conversation, epoch: summary.epoch.0 });
    news
}

/// Who came and who went, told apart by who asked for it.
fn changes(id: &ConversationId, room: &Room, summary: &CommitSummary) -> impl Iterator<Item = Event> {
    let askers = Askers::of(room, summary);
    let mut changes: BTreeMap<Option<MemberId>, (Vec<MemberId>, Vec<MemberId>)> = BTreeMap::new();
    for leaf in &summary.added {
        let by = askers.member(summary.adder(*leaf));
        changes.entry(by).or_default().0.extend(room.member_at(*leaf));
    }
    for (leaf, credential) in &summary.removed {
        let by = askers.member(summary.remover(*leaf));
        changes.entry(by).or_default().1.extend(MemberId::from_credential(credential));
    }
    changes.into_iter().map(move |(by, (added, removed))| {
        let conversation = id.clone();
        Event::MembersChanged { conversation, added, removed, by }
    })
}

/// Who may have wanted something that a commit did: whoever commits what another proposed has only passed it on. They may be
/// gone by that commit itself.
struct Askers<'a> {
    room: &'a Room,
    gone: BTreeMap<LeafIndex, &'a Credential>,
}

impl<'a> Askers<'a> {
    fn of(room: &'a Room, summary: &'a CommitSummary) -> Self {
        Self { room, gone: summary.removed.iter().map(|(leaf, credential)| (*leaf, credential)).collect() }
    }

    fn member(&self, by: Sender) -> Option<MemberId> {
        let Sender::Member(leaf) = by else { return None };
        match self.gone.get(&leaf) {
            Some(credential) => MemberId::from_credential(credential),
            None => self.room.member_at(leaf),
        }
    }
}
