//! One record of a log: opened, judged, stored together with the cursor behind it, then told. A record that does not
//! belong there is skipped; a commit that breaks the protocol cannot be, since the server has moved on by it.

use alloc::sync::Arc;

use cenacle_codec::Decode;
use cenacle_mls::{
    Need, Refusal,
    delta::{Delta, RowKey},
    group::{Received, Transition},
    wire::{MlsMessage, MlsMessageBody},
};
use cenacle_service::wire::{LogRecord, RecordKind};

use super::{
    Engine, inputs,
    news::news,
    now_seconds,
    post::refused_row,
    room::{Room, doubt_row, indexed_row, row},
    view::{self, Point},
};
use crate::{
    Content, ConversationId, Delivery, Error, Event, MemberId, MessageId, Suspicion,
    event::Message,
    payload::Payload,
    state::{self, Conversation, HistoryEntry, IntentKind, Participation},
};

/// The number of the record that is a conversation's creation.
const FIRST: u64 = 1;

/// What merging a record will do beside the group's own step.
#[derive(Debug, Default)]
struct Effects {
    delta: Delta,
    record: Option<Conversation>,
    /// Own messages and commits that wait no more.
    settled: Vec<u64>,
    /// Intents that came true, or that nobody can fulfil any more.
    ended: Vec<u64>,
    /// Whether its sender has read another log.
    is_disputed: bool,
    events: Vec<Event>,
}

impl Engine {
    /// Takes one record of a conversation's log.
    pub(super) async fn receive(&mut self, id: &ConversationId, record: LogRecord) -> Result<(), Error> {
        if record.kind == RecordKind::Created && record.seq == FIRST {
            return self.skip(id, &record, None, Delta::new());
        }
        let message = match MlsMessage::from_bytes(record.message.as_slice()) {
            Ok(message) => message,
            Err(error) if record.kind == RecordKind::Commit => {
                return Err(Error::Diverged { seq: record.seq, error: error.into() });
            }
            Err(error) => return self.refuse(id, &record, error.into()),
        };
        let transition = match self.stage(id, &message).await {
            Ok(transition) => transition,
            Err(Error::Mls(cenacle_mls::Error::OldState)) if record.kind == RecordKind::Commit => {
                return Err(Error::StateLost);
            }
            // One of an epoch that is over leads nowhere: it is an old record once more.
            Err(Error::Mls(error))
                if record.kind == RecordKind::Commit && !matches!(error, cenacle_mls::Error::Stale(_)) =>
            {
                return Err(Error::Diverged { seq: record.seq, error });
            }
            Err(Error::Mls(error)) => match self.suspicion(id, &message, &error)? {
                Some(suspicion) => return self.suspect(id, &record, suspicion),
                None => return self.refuse(id, &record, error.into()),
            },
            Err(error) => return Err(error),
        };
        self.take(id, &record, &message, transition)
    }

    /// Opens and judges a message, fetching the verdicts on credentials that it takes.
    async fn stage(&mut self, id: &ConversationId, message: &MlsMessage) -> Result<Transition<Received>, Error> {
        loop {
            let room = self.room(id)?;
            let opened = room.group.open(message)?;
            let policy = self.bindings.at(self.me()?.account.cipher_suite, now_seconds());
            let staged = room.group.stage(opened, &inputs(&policy));
            match staged {
                Err(cenacle_mls::Error::Missing(Need::CredentialVerdicts(claims))) => self.learn_all(&claims).await?,
                other => return Ok(other?),
            }
        }
    }

    /// Stores a step with all that goes with it, takes it into use, and tells of it.
    fn take(
        &mut self,
        id: &ConversationId,
        record: &LogRecord,
        message: &MlsMessage,
        mut transition: Transition<Received>,
    ) -> Result<(), Error> {
        let mut effects = self.effects(id, record, message, transition.preview())?;
        let conversation = match effects.record.take() {
            Some(conversation) => conversation,
            None => self.room(id)?.record.clone(),
        };
        let conversation = Conversation { cursor: record.seq.saturating_add(1), ..conversation };
        state::put(&mut effects.delta, row(id), &conversation)?;
        let point = match transition.preview_public() {
            Some(next) => Some(view::begun(&*self.base, record.seq, next.context())),
            None => self.next_point(id, record)?,
        };
        if let Some(point) = &point {
            state::put(&mut effects.delta, view::row(id), point)?;
        }
        transition.delta_mut().append(core::mem::take(&mut effects.delta));
        let room = self.rooms.get_mut(id).ok_or(Error::UnknownConversation)?;
        let received = room.group.merge(transition, &mut self.store)?;
        room.record = conversation;
        room.view.advance(&*self.base, &room.group, point);
        if effects.is_disputed {
            room.view.dispute();
        }
        effects.settled.iter().for_each(|index| drop(room.outbox.remove(index)));
        let ended = effects.ended.iter().filter_map(|index| Some((*index, room.intents.remove(index)?)));
        let ended: Vec<_> = ended.collect();
        effects.events.extend(news(id, room, &received));
        effects.events.into_iter().for_each(|event| self.tell(event));
        if matches!(received, Received::Removed(_)) {
            let reason = Arc::new(Error::NotMember);
            for (index, intent) in ended {
                self.give_up(id, index, intent.change(), Arc::clone(&reason));
            }
            self.subscribe();
        }
        Ok(())
    }

    /// What goes with a step.
    fn effects(
        &self,
        id: &ConversationId,
        record: &LogRecord,
        message: &MlsMessage,
        received: &Received,
    ) -> Result<Effects, Error> {
        let room = self.room(id)?;
        let mut effects = Effects::default();
        #[expect(clippy::wildcard_enum_match_arm, reason = "what else may come has no effects of its own")]
        match received {
            Received::Application(received) => self.hear(id, room, record, received, &mut effects)?,
            Received::OwnMessage(_) => self.settle(id, room, record, message, &mut effects)?,
            Received::Commit(summary) => {
                if room.view.contradicts(record.seq, &summary.authenticated_data) {
                    effects.events.extend(room.member_at(summary.committer).map(|by| other_log(id, record, by)));
                }
                move_on(id, room, false, &mut effects);
            }
            Received::OwnCommit(_) => move_on(id, room, true, &mut effects),
            // Nobody but this device takes its own place: what it knows now is older than that.
            Received::Removed(summary) if summary.external != 0 => return Err(Error::StateLost),
            Received::Removed(_) => self.leave(id, room, &mut effects)?,
            _ => {}
        }
        Ok(effects)
    }

    /// The point behind a record that begins no epoch.
    fn next_point(&self, id: &ConversationId, record: &LogRecord) -> Result<Option<Point>, Error> {
        let room = self.room(id)?;
        if record.seq == FIRST {
            return Ok(Some(view::begun(&*self.base, record.seq, room.group.public().context())));
        }
        Ok(room.view.last().map(|point| point.after(&*self.base, record.seq, record.message.as_slice())))
    }

    /// Moves the cursor behind a record that changes nothing, and tells why.
    fn skip(
        &mut self,
        id: &ConversationId,
        record: &LogRecord,
        told: Option<Event>,
        mut delta: Delta,
    ) -> Result<(), Error> {
        let point = self.next_point(id, record)?;
        let conversation = Conversation { cursor: record.seq.saturating_add(1), ..self.room(id)?.record.clone() };
        state::put(&mut delta, row(id), &conversation)?;
        if let Some(point) = &point {
            state::put(&mut delta, view::row(id), point)?;
        }
        self.write(&delta)?;
        let room = self.rooms.get_mut(id).ok_or(Error::UnknownConversation)?;
        room.record = conversation;
        room.view.advance(&*self.base, &room.group, point);
        if let Some(event) = told {
            self.tell(event);
        }
        Ok(())
    }

    fn refuse(&mut self, id: &ConversationId, record: &LogRecord, reason: Error) -> Result<(), Error> {
        let event = Event::Rejected { conversation: id.clone(), seq: record.seq, reason: reason.into() };
        self.skip(id, record, Some(event), Delta::new())
    }

    /// What a message that does not open gives reason to suspect.
    fn suspicion(
        &self,
        id: &ConversationId,
        message: &MlsMessage,
        error: &cenacle_mls::Error,
    ) -> Result<Option<Suspicion>, Error> {
        let (MlsMessageBody::PrivateMessage(private), Some(epoch)) = (&message.body, message.epoch()) else {
            return Ok(None);
        };
        let has_other_keys = self.room(id)?.view.has_other_keys(epoch.0, &private.authenticated_data);
        Ok(has_other_keys.then(|| Suspicion::OtherKeys { epoch: epoch.0, error: error.clone() }))
    }

    /// Skips a message that is for other keys. Whether this device is in the right epoch is looked into when the log is read.
    fn suspect(&mut self, id: &ConversationId, record: &LogRecord, suspicion: Suspicion) -> Result<(), Error> {
        let event = Event::ForkSuspected { conversation: id.clone(), seq: record.seq, suspicion };
        let mut rows = Delta::new();
        rows.put(doubt_row(id), Vec::new());
        self.skip(id, record, Some(event), rows)?;
        self.room_mut(id)?.has_doubts = true;
        Ok(())
    }

    /// Someone else's message: into the history, once.
    fn hear(
        &self,
        id: &ConversationId,
        room: &Room,
        record: &LogRecord,
        received: &cenacle_mls::group::ApplicationMessage,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let (Ok(payload), Some(from)) =
            (Payload::from_bytes(received.data.expose()), MemberId::from_credential(&received.credential))
        else {
            let reason = Error::Corrupt("message of a member").into();
            effects.events.push(Event::Rejected { conversation: id.clone(), seq: record.seq, reason });
            return Ok(());
        };
        if room.view.contradicts(record.seq, &received.authenticated_data) {
            effects.is_disputed = true;
            effects.events.push(other_log(id, record, from.clone()));
        }
        let seen = seen_row(id, &from, payload.id);
        if let Some(known) = state::find::<u64>(&self.store, &seen, "seen")? {
            // Whoever came back says again what may not have arrived; but nothing else under the same name.
            let entry: Option<HistoryEntry> =
                state::find(&self.store, &indexed_row(state::HISTORY, id, known), "history")?;
            if entry.is_some_and(|entry| *entry.payload != *received.data.expose()) {
                let reason = Refusal("a member says two things under one identifier".into());
                let reason = Error::Mls(cenacle_mls::Error::Refused(reason)).into();
                effects.events.push(Event::Rejected { conversation: id.clone(), seq: record.seq, reason });
            }
            return Ok(());
        }
        let (index, next) = room.take_index();
        let entry = HistoryEntry {
            seq: Some(record.seq),
            epoch: received.epoch.0,
            from: from.clone(),
            received_at: Some(record.received_at),
            payload: received.data.expose().into(),
        };
        state::put(&mut effects.delta, seen, &index)?;
        state::put(&mut effects.delta, indexed_row(state::HISTORY, id, index), &entry)?;
        effects.record = Some(next);
        let message = Message {
            id: payload.id,
            from,
            mine: false,
            content: payload.content,
            epoch: entry.epoch,
            seq: entry.seq,
            received_at: entry.received_at,
            delivery: Delivery::Delivered,
        };
        let conversation = id.clone();
        effects.events.push(match message.content {
            Content::File(_) => Event::FileReceived { conversation, message },
            Content::Text(_) | Content::Unknown => Event::Message { conversation, message },
        });
        Ok(())
    }

    /// An own message in its place: it waits no more.
    fn settle(
        &self,
        id: &ConversationId,
        room: &Room,
        record: &LogRecord,
        message: &MlsMessage,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let found = room.outbox.iter().find(|(_, waiting)| waiting.message() == Some(message));
        let Some((index, waiting)) = found else {
            // What does not wait the server refused and took all the same; or it is an echo that came again, or somebody's
            // claim; or an old copy of the state had its key reserved.
            let refused = refused_row(id, self.base.hash(&[record.message.as_slice()]));
            if let Some(history) = state::find::<u64>(&self.store, &refused, "refused")? {
                effects.delta.delete(refused);
                effects.events.extend(self.deliver(id, history, record.seq, record.received_at, &mut effects.delta)?);
            }
            return Ok(());
        };
        effects.settled.push(*index);
        effects.delta.delete(indexed_row(state::OUTBOX, id, *index));
        let (history, rows) = (waiting.header.history, &mut effects.delta);
        effects.events.extend(self.deliver(id, history, record.seq, record.received_at, rows)?);
        Ok(())
    }

    /// This device is out: nothing waits and nothing is wanted any more.
    fn leave(&self, id: &ConversationId, room: &Room, effects: &mut Effects) -> Result<(), Error> {
        effects.record = Some(Conversation { participation: Participation::Removed, ..room.record.clone() });
        effects.settled.extend(room.outbox.keys());
        effects.ended.extend(room.intents.keys());
        for table in [state::OUTBOX, state::INTENT, state::DOUBT] {
            effects.delta.delete_prefix(RowKey::of_group(table, &id.to_group_id()));
        }
        let reason = Arc::new(Error::NotMember);
        for waiting in room.outbox.values().filter(|waiting| !waiting.is_commit()) {
            let Some(message) = self.message(id, waiting.header.history)? else { continue };
            let (conversation, reason) = (id.clone(), Arc::clone(&reason));
            effects.events.push(Event::NotDelivered { conversation, id: message.id, reason });
        }
        Ok(())
    }

    /// Notes where in the log an own message of the history is.
    pub(super) fn deliver(
        &self,
        id: &ConversationId,
        history: u64,
        seq: u64,
        received_at: u64,
        rows: &mut Delta,
    ) -> Result<Option<Event>, Error> {
        let key = indexed_row(state::HISTORY, id, history);
        let Some(entry) = state::find::<HistoryEntry>(&self.store, &key, "history")? else { return Ok(None) };
        let entry = HistoryEntry { seq: Some(seq), received_at: Some(received_at), ..entry };
        state::put(rows, key, &entry)?;
        let said = Payload::from_bytes(&entry.payload)?.id;
        Ok(Some(Event::Delivered { conversation: id.clone(), id: said, seq }))
    }
}

/// A new epoch: an own commit of the old one waits no more, whether it won or lost. If it won, the rotations it was made
/// for are done; whether members came and went is seen in the new epoch.
fn move_on(id: &ConversationId, room: &Room, is_own: bool, effects: &mut Effects) {
    for (index, waiting) in room.outbox.iter().filter(|(_, waiting)| waiting.is_commit()) {
        effects.settled.push(*index);
        effects.delta.delete(indexed_row(state::OUTBOX, id, *index));
        let is_rotation =
            |intent: &&u64| room.intents.get(intent).is_some_and(|intent| intent.kind == IntentKind::Rotate);
        for intent in waiting.header.intents.iter().filter(is_rotation).filter(|_| is_own) {
            effects.ended.push(*intent);
            effects.delta.delete(indexed_row(state::INTENT, id, *intent));
        }
    }
}

/// The row of a message that was seen. Its identifier is its sender's choice, so it counts for that one alone.
pub(super) fn seen_row(id: &ConversationId, from: &MemberId, message: MessageId) -> RowKey {
    RowKey::of_group(state::SEEN, &id.to_group_id()).and(from).and(&message.0)
}

fn other_log(id: &ConversationId, record: &LogRecord, member: MemberId) -> Event {
    Event::ForkSuspected { conversation: id.clone(), seq: record.seq, suspicion: Suspicion::OtherLog { member } }
}
