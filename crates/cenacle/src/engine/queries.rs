//! What can be asked without changing a conversation.

use cenacle_mls::{delta::RowKey, tree::RatchetTree, wire::LeafIndex};

use super::Engine;
use crate::{
    ConversationId, Error, Loss, MemberId, Message,
    state::{self, HistoryEntry, Participation},
};

impl Engine {
    pub(crate) fn id(&self) -> Option<MemberId> {
        self.me.as_ref().map(|me| me.id.clone())
    }

    pub(crate) fn conversations(&self) -> Vec<ConversationId> {
        self.rooms.keys().cloned().collect()
    }

    pub(crate) fn title(&self, id: &ConversationId) -> Result<String, Error> {
        Ok(self.room(id)?.record.title.0.clone())
    }

    pub(crate) fn is_member(&self, id: &ConversationId) -> Result<bool, Error> {
        Ok(self.room(id)?.record.participation != Participation::Removed)
    }

    pub(crate) fn epoch(&self, id: &ConversationId) -> Result<u64, Error> {
        Ok(self.room(id)?.group.epoch().0)
    }

    pub(crate) fn members(&self, id: &ConversationId) -> Result<Vec<(LeafIndex, MemberId)>, Error> {
        let room = self.room(id)?;
        room.check_member()?;
        Ok(room.members().collect())
    }

    pub(crate) fn tree(&self, id: &ConversationId) -> Result<RatchetTree, Error> {
        let room = self.room(id)?;
        room.check_member()?;
        Ok(room.group.public().tree().clone())
    }

    pub(crate) fn epoch_authenticator(&self, id: &ConversationId) -> Result<Vec<u8>, Error> {
        let room = self.room(id)?;
        room.check_member()?;
        Ok(room.group.epoch_authenticator().expose().to_vec())
    }

    /// Five digits of every five bytes of a hash over the epoch's authenticator.
    pub(crate) fn safety_code(&self, id: &ConversationId) -> Result<String, Error> {
        let room = self.room(id)?;
        room.check_member()?;
        if let Some(loss) = room.loss.clone() {
            return Err(loss.into());
        }
        let authenticator = room.group.epoch_authenticator().expose();
        let hash = self.base.hash(&[b"Cenacle safety code", authenticator, room.group.group_id().as_slice()]);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)) % 100_000;
        let groups: Vec<String> = hash.chunks_exact(5).map(|bytes| format!("{:05}", number(bytes))).collect();
        Ok(groups.join(" "))
    }

    pub(crate) fn loss(&self, id: &ConversationId) -> Result<Option<Loss>, Error> {
        Ok(self.room(id)?.loss.clone())
    }

    /// All messages in the order of the log; those that are not there come last.
    pub(crate) fn history(&self, id: &ConversationId) -> Result<Vec<Message>, Error> {
        self.room(id)?;
        let prefix = RowKey::of_group(state::HISTORY, &id.to_group_id());
        let entries = state::list::<HistoryEntry>(&self.store, &prefix, "history")?;
        let mut messages: Vec<Message> = entries
            .into_iter()
            .map(|(key, entry)| self.to_message(id, state::index(&key)?, entry))
            .collect::<Result<_, _>>()?;
        messages.sort_by_key(|message| message.seq.unwrap_or(u64::MAX));
        Ok(messages)
    }
}
