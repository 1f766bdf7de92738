//! A conversation as the engine holds it: the group, how far its log was read, what waits to be said and what is wanted.

use alloc::collections::BTreeMap;

use cenacle_codec::{Decode, DecodeError, Encode, Reader};
use cenacle_crypto::Rng;
use cenacle_mls::{
    delta::{Delta, RowKey, Store as _},
    group::{CommitBundle, Group, PublicGroup, Transition},
    wire::{Extension, ExtensionType, Extensions, LeafIndex, LeafNode, MlsMessage},
};
use cenacle_service::wire::AccountName;

use super::{
    Engine, description,
    passing::Passing,
    view::{self, View},
};
use crate::{
    ConversationId, Error, Loss, MemberId,
    identity::Text,
    state::{self, Conversation, Intent, OutboxHeader, OutboxKind, Participation},
};

/// The conversation's title, in the group's context: only members see it.
pub(super) const TITLE: ExtensionType = ExtensionType(0xf0ce);

/// Something that waits to be seen in the log.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) header: OutboxHeader,
    /// What is posted; nothing before it is encrypted.
    pub(super) body: Option<Body>,
    /// Whether the server has taken it, as far as this process knows.
    pub(super) posted: bool,
}

/// What is posted.
#[derive(Debug)]
pub(super) enum Body {
    Commit(Box<CommitBundle>),
    Message(Box<MlsMessage>),
}

impl From<CommitBundle> for Body {
    fn from(bundle: CommitBundle) -> Self {
        Self::Commit(bundle.into())
    }
}

impl From<MlsMessage> for Body {
    fn from(message: MlsMessage) -> Self {
        Self::Message(message.into())
    }
}

impl Waiting {
    /// What waits to be encrypted.
    pub(super) const fn unsaid(header: OutboxHeader) -> Self {
        Self { header, body: None, posted: false }
    }

    /// The message whose echo ends the waiting.
    pub(super) fn message(&self) -> Option<&MlsMessage> {
        self.body.as_ref().map(|body| match body {
            Body::Commit(bundle) => &bundle.commit,
            Body::Message(message) => &**message,
        })
    }

    pub(super) const fn is_unsaid(&self) -> bool {
        self.body.is_none()
    }

    pub(super) fn is_commit(&self) -> bool {
        self.header.kind == OutboxKind::Commit
    }
}

impl Decode for Waiting {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = OutboxHeader::decode(from)?;
        let body = match header.kind {
            OutboxKind::Commit => Some(CommitBundle::decode(from)?.into()),
            OutboxKind::Message => Some(MlsMessage::decode(from)?.into()),
            OutboxKind::Unsaid => None,
        };
        Ok(Self { header, body, posted: false })
    }
}

/// Reads what waits and writes it anew, for tests: it is written in two parts, by [`Engine`] and by the transition.
#[cfg(feature = "testing")]
pub(crate) fn recode_waiting(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let Waiting { header, body, .. } = Waiting::from_bytes(bytes)?;
    let mut out = cenacle_codec::Writer::new();
    match &body {
        Some(Body::Commit(bundle)) => out.put(&header).put(bundle),
        Some(Body::Message(message)) => out.put(&header).put(message),
        None => out.put(&header),
    };
    Ok(out.into_bytes())
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) group: Group,
    pub(super) record: Conversation,
    pub(super) outbox: BTreeMap<u64, Waiting>,
    pub(super) intents: BTreeMap<u64, Intent>,
    /// Whether the log was read to its end since the state came from disk. Before, nothing may be encrypted: if the file is
    /// an old copy, the log has own messages it knows nothing of, and their keys must not be used again.
    pub(super) is_current: bool,
    /// What was seen of the log.
    pub(super) view: View,
    /// Whether something was seen that does not belong to the epoch, and that was not looked into.
    pub(super) has_doubts: bool,
    /// Why nothing goes on here; none if it does.
    pub(super) loss: Option<Loss>,
    /// Whether an external commit is on its way.
    pub(super) is_returning: bool,
    /// Whether coming back needs a person's word.
    pub(super) needs_asking: bool,
    /// How far the log was gone through on the way back, when it was others' turn.
    pub(super) passing: Option<Passing>,
}

impl Room {
    /// A conversation that has just been made on this device.
    pub(super) const fn new(group: Group, record: Conversation, view: View) -> Self {
        Self {
            group,
            record,
            outbox: BTreeMap::new(),
            intents: BTreeMap::new(),
            is_current: true,
            view,
            has_doubts: false,
            loss: None,
            is_returning: false,
            needs_asking: false,
            passing: None,
        }
    }

    /// Whether its log is worth listening to.
    pub(super) fn is_listening(&self) -> bool {
        self.record.participation == Participation::Member
    }

    /// Whether nothing has shown that the state must not be used any more.
    pub(super) fn check_kept(&self) -> Result<(), Error> {
        self.loss.clone().filter(Loss::is_final).map_or(Ok(()), |loss| Err(loss.into()))
    }

    pub(super) fn check_member(&self) -> Result<(), Error> {
        if self.record.participation == Participation::Removed { Err(Error::NotMember) } else { Ok(()) }
    }

    /// Whether anything is left to be done.
    pub(super) fn is_busy(&self) -> bool {
        self.record.participation == Participation::Creating
            || self.loss.is_some()
            || self.is_returning
            || !self.outbox.is_empty()
            || !self.intents.is_empty()
    }

    /// Whether something can be encrypted now. RFC 9420 §12.4: waiting proposals are committed before application data is sent.
    pub(super) fn can_speak(&self) -> bool {
        self.is_current && self.loss.is_none() && !self.is_returning && self.group.proposals().next().is_none()
    }

    /// A conversation's record with its next index taken.
    pub(super) fn take_index(&self) -> (u64, Conversation) {
        let index = self.record.next_index;
        (index, Conversation { next_index: index.saturating_add(1), ..self.record.clone() })
    }

    /// The members who are devices of `name`.
    pub(super) fn devices_of(&self, name: &AccountName) -> Vec<(LeafIndex, MemberId)> {
        self.members().filter(|(_, member)| member.name == *name).collect()
    }

    /// The members with their identities, which were checked when they came.
    pub(super) fn members(&self) -> impl Iterator<Item = (LeafIndex, MemberId)> {
        self.group.members().filter_map(|(leaf, node)| Some((leaf, member_of(&node)?)))
    }

    /// Who is at a leaf.
    pub(super) fn member_at(&self, leaf: LeafIndex) -> Option<MemberId> {
        member_of(&self.group.member(leaf)?)
    }
}

pub(super) fn member_of(leaf: &LeafNode) -> Option<MemberId> {
    MemberId::from_credential(&leaf.credential)
}

/// The title in a group's context.
pub(super) fn title_of(group: &PublicGroup) -> Text {
    let title = group.extensions().find(TITLE).map(Text::from_bytes);
    title.and_then(Result::ok).unwrap_or_default()
}

/// The extensions of a new conversation's context: its title, and the key of its descriptions.
pub(super) fn extensions(title: &Text, rng: &mut dyn Rng) -> Result<Extensions, Error> {
    let title = Extension { extension_type: TITLE, extension_data: title.to_bytes()?.into() };
    Ok(Extensions(vec![title, description::fresh_key(rng)?]))
}

/// The row of a conversation.
pub(super) fn row(id: &ConversationId) -> RowKey {
    RowKey::of_group(state::CONVERSATION, &id.to_group_id())
}

/// The row that says that something was seen and not looked into.
pub(super) fn doubt_row(id: &ConversationId) -> RowKey {
    RowKey::of_group(state::DOUBT, &id.to_group_id())
}

/// A conversation's row in a table whose keys end with an index.
pub(super) fn indexed_row(table: cenacle_mls::delta::Table, id: &ConversationId, index: u64) -> RowKey {
    RowKey::of_group(table, &id.to_group_id()).and(&index)
}

impl Engine {
    /// Reads all conversations back from the store.
    pub(super) fn load_rooms(&mut self) -> Result<(), Error> {
        if self.me.is_none() {
            return Ok(());
        }
        let prefix = RowKey::new(state::CONVERSATION, Vec::new());
        for (key, record) in state::list::<Conversation>(&self.store, &prefix, "conversation")? {
            let group_id = cenacle_mls::wire::GroupId::from_bytes(&key)?;
            let id = cenacle_service::wire::GroupId::from_slice(group_id.as_slice());
            self.load_room(ConversationId(id.ok_or(Error::Corrupt("conversation"))?), record)?;
        }
        Ok(())
    }

    /// Reads a conversation back from the store.
    pub(super) fn load_room(&mut self, id: ConversationId, record: Conversation) -> Result<(), Error> {
        let group_id = id.to_group_id();
        let group = self.me()?.mls.load_group(&self.store, &group_id)?.ok_or(Error::Corrupt("group"))?;
        let point = state::find(&self.store, &view::row(&id), "log")?;
        let view = View::new(&*self.base, &group, point);
        let is_returning = self.is_returning(&id)?;
        let has_doubts = self.store.row(&doubt_row(&id))?.is_some();
        let loss = match record.participation {
            Participation::Outdated => Some(Loss::OldState),
            Participation::Forked => Some(Loss::Forked { epoch: group.epoch().0 }),
            Participation::Creating | Participation::Member | Participation::Removed => None,
        };
        let new = Room::new(group, record, view);
        let mut room = Room { is_current: false, is_returning, has_doubts, loss, ..new };
        let table = |table| RowKey::of_group(table, &group_id);
        for (rest, waiting) in state::list::<Waiting>(&self.store, &table(state::OUTBOX), "outbox")? {
            room.outbox.insert(state::index(&rest)?, waiting);
        }
        for (rest, intent) in state::list::<Intent>(&self.store, &table(state::INTENT), "intent")? {
            room.intents.insert(state::index(&rest)?, intent);
        }
        self.rooms.insert(id, room);
        Ok(())
    }

    /// Takes a step whose output is to be posted, and puts the output into the outbox in the same batch.
    pub(super) fn put_into_outbox<T: Encode + Into<Body>>(
        &mut self,
        id: &ConversationId,
        index: u64,
        header: OutboxHeader,
        mut transition: Transition<T>,
    ) -> Result<(), Error> {
        let row = indexed_row(state::OUTBOX, id, index);
        let room = self.rooms.get_mut(id).ok_or(Error::UnknownConversation)?;
        transition.store_output_as(row, &state::header(&header)?)?;
        let body = room.group.merge(transition, &mut self.store)?.into();
        room.outbox.insert(index, Waiting { header, body: Some(body), posted: false });
        Ok(())
    }

    /// Writes a conversation's record alone.
    pub(super) fn write_record(&mut self, id: &ConversationId, record: Conversation) -> Result<(), Error> {
        let mut delta = Delta::new();
        state::put(&mut delta, row(id), &record)?;
        self.write(&delta)?;
        self.room_mut(id)?.record = record;
        Ok(())
    }
}
