//! Saying something: encrypted, put into the history and the outbox in one batch, then posted. Without a connection it
//! waits in the outbox, and before the log was read it waits there unencrypted: the state may be an old copy, and its keys may
//! have been used.

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::Rng;
use cenacle_mls::{Misuse, delta::Delta};

use super::{
    Engine,
    receive::seen_row,
    room::{Waiting, indexed_row, row},
};
use crate::{
    Content, ConversationId, Delivery, Error, MessageId, attachment,
    payload::{FileInfo, Payload},
    state::{self, HistoryEntry, OutboxHeader, OutboxKind, Participation},
};

impl Engine {
    /// Says something to a conversation.
    pub(crate) async fn send(&mut self, id: &ConversationId, content: Content) -> Result<MessageId, Error> {
        self.room(id)?.check_member()?;
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes)?;
        let payload = Payload { id: MessageId(bytes), content };
        if self.room(id)?.record.participation != Participation::Creating {
            match self.catch_up(id).await {
                Ok(()) | Err(Error::Offline(_) | Error::Behind) => {}
                Err(error) => return Err(error),
            }
        }
        let (history, mut record) = self.room(id)?.take_index();
        let entry = HistoryEntry {
            seq: None,
            epoch: self.room(id)?.group.epoch().0,
            from: self.me()?.id.clone(),
            received_at: None,
            payload: payload.to_bytes()?.into(),
        };
        let outbox = record.next_index;
        record.next_index = outbox.saturating_add(1);
        let mut delta = Delta::new();
        state::put(&mut delta, row(id), &record)?;
        state::put(&mut delta, seen_row(id, &entry.from, payload.id), &history)?;
        if self.room(id)?.can_speak() {
            self.say(id, outbox, history, &entry, delta)?;
        } else {
            self.leave_unsaid(id, outbox, history, &entry, delta)?;
        }
        self.room_mut(id)?.record = record;
        match self.pump(id).await {
            Ok(()) | Err(Error::Offline(_) | Error::Contended | Error::Behind) => Ok(payload.id),
            Err(error) => Err(error),
        }
    }

    /// Puts a history entry into the outbox as it is, with whatever else is to be stored in the same batch.
    fn leave_unsaid(
        &mut self,
        id: &ConversationId,
        outbox: u64,
        history: u64,
        entry: &HistoryEntry,
        mut rows: Delta,
    ) -> Result<(), Error> {
        let header = OutboxHeader { kind: OutboxKind::Unsaid, ..message_header(0, history) };
        state::put(&mut rows, indexed_row(state::HISTORY, id, history), entry)?;
        state::put(&mut rows, indexed_row(state::OUTBOX, id, outbox), &header)?;
        self.write(&rows)?;
        self.room_mut(id)?.outbox.insert(outbox, Waiting::unsaid(header));
        Ok(())
    }

    /// Encrypts a history entry into the outbox, with whatever else is to be stored in the same batch.
    fn say(
        &mut self,
        id: &ConversationId,
        outbox: u64,
        history: u64,
        entry: &HistoryEntry,
        rows: Delta,
    ) -> Result<(), Error> {
        let room = self.rooms.get(id).ok_or(Error::UnknownConversation)?;
        let evidence = room.view.evidence().to_bytes()?;
        let mut transition = room.group.protect(&entry.payload, &evidence, &mut self.rng)?;
        let header = message_header(entry.epoch, history);
        state::put(transition.delta_mut(), indexed_row(state::HISTORY, id, history), entry)?;
        transition.delta_mut().append(rows);
        self.put_into_outbox(id, outbox, header, transition)
    }

    /// Encrypts a waiting message for the present epoch: for the first time, or because the server takes none for the one it
    /// was made in.
    pub(super) fn say_again(&mut self, id: &ConversationId, outbox: u64) -> Result<(), Error> {
        let Some(waiting) = self.room(id)?.outbox.get(&outbox) else { return Ok(()) };
        let history = waiting.header.history;
        let key = indexed_row(state::HISTORY, id, history);
        let entry: HistoryEntry = state::find(&self.store, &key, "history")?.ok_or(Error::Corrupt("history"))?;
        let entry = HistoryEntry { epoch: self.room(id)?.group.epoch().0, ..entry };
        match self.say(id, outbox, history, &entry, Delta::new()) {
            // The proposals are committed first; then it is its turn again.
            Err(Error::Mls(cenacle_mls::Error::Misuse(Misuse::ProposalsPending))) => Ok(()),
            other => other,
        }
    }

    /// Encrypts and uploads a file, and says where it is.
    pub(crate) async fn send_file(
        &mut self,
        id: &ConversationId,
        name: &str,
        content: &[u8],
    ) -> Result<MessageId, Error> {
        self.room(id)?.check_member()?;
        let me = self.me.as_ref().ok_or(Error::NotRegistered)?;
        let (blob, file) = attachment::seal(me.mls.suite(), &*self.base, &mut self.rng, name, content)?;
        self.api.put_blob(file.blob, blob).await?;
        self.send(id, Content::File(file)).await
    }

    /// Fetches, checks and decrypts a file.
    pub(crate) async fn download(&self, file: &FileInfo) -> Result<Vec<u8>, Error> {
        let suite = self.config.provider.suite(file.cipher_suite);
        let suite = suite.ok_or(attachment::FileFault::UnknownCipherSuite)?;
        let blob = self.api.blob(file.blob).await?;
        Ok(attachment::open(&*suite, &*self.base, file, &blob)?)
    }

    /// The message of a history entry.
    pub(super) fn message(&self, id: &ConversationId, history: u64) -> Result<Option<crate::Message>, Error> {
        let key = indexed_row(state::HISTORY, id, history);
        let entry = state::find::<HistoryEntry>(&self.store, &key, "history")?;
        entry.map(|entry| self.to_message(id, history, entry)).transpose()
    }

    pub(super) fn to_message(
        &self,
        conversation: &ConversationId,
        history: u64,
        entry: HistoryEntry,
    ) -> Result<crate::Message, Error> {
        let Payload { id, content } = Payload::from_bytes(&entry.payload)?;
        let mut waiting = self.room(conversation)?.outbox.values().filter(|waiting| !waiting.is_commit());
        let delivery = if entry.seq.is_some() {
            Delivery::Delivered
        } else if waiting.any(|waiting| waiting.header.history == history) {
            Delivery::Waiting
        } else {
            Delivery::NotDelivered
        };
        let mine = self.me.as_ref().is_some_and(|me| me.id == entry.from);
        let HistoryEntry { seq, epoch, from, received_at, .. } = entry;
        Ok(crate::Message { id, from, mine, content, epoch, seq, received_at, delivery })
    }
}

/// What stands before a message.
const fn message_header(epoch: u64, history: u64) -> OutboxHeader {
    OutboxHeader {
        kind: OutboxKind::Message,
        epoch,
        history,
        added: Vec::new(),
        removed: Vec::new(),
        intents: Vec::new(),
    }
}
