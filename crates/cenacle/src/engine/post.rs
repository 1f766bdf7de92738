//! Posting what waits in the outbox, and what a refusal leads to. What was posted goes on waiting for its echo in the log.

use alloc::sync::Arc;

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::Digest;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    delta::{Delta, RowKey},
    wire::{Epoch, MlsMessage},
};
use cenacle_service::wire::{
    Accepted, CreateGroup, JoinPolicy, Lineage, PostCommit, PostMessage, Problem, ProblemKind, WelcomeFor,
};

use super::{
    Engine, description,
    room::{Body, Waiting, indexed_row, row},
};
use crate::{
    ConversationId, Error, Event,
    state::{self, Conversation, OutboxHeader, Participation},
};

/// What to do about a refusal.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    /// The log has the commit that won: pull.
    Pull,
    /// Encrypt the message for the present epoch.
    SayAgain,
    /// Nothing will help: withdraw it.
    Withdraw,
    /// It is not about this message: let the caller know.
    Report,
}

fn first_description_row(id: &ConversationId) -> RowKey {
    RowKey::of_group(state::FIRST_DESCRIPTION, &id.to_group_id())
}

/// The row of an own message that the server refused, by the hash of its encoding: it may have taken it all the same.
pub(super) fn refused_row(id: &ConversationId, hash: Digest) -> RowKey {
    RowKey::of_group(state::REFUSED, &id.to_group_id()).and(&hash)
}

fn remedy(problem: &Problem) -> Remedy {
    #[expect(clippy::wildcard_enum_match_arm, reason = "of all others the status says enough")]
    match problem.kind {
        // Whoever is out learns from the log how it came about.
        ProblemKind::EpochConflict { .. } | ProblemKind::NotAMember { .. } => Remedy::Pull,
        ProblemKind::EpochStale { .. } => Remedy::SayAgain,
        _ if matches!(problem.status, 400 | 404 | 413 | 422) => Remedy::Withdraw,
        _ => Remedy::Report,
    }
}

impl Engine {
    /// Tells the server of a conversation that was created here.
    pub(super) async fn post_creation(&mut self, id: &ConversationId) -> Result<(), Error> {
        let description = self.first_description(id)?;
        let body = CreateGroup {
            group_id: id.0.clone(),
            policy: JoinPolicy::Closed,
            group_info_sealed: description.is_some(),
            group_info: description.map(Into::into),
            ratchet_tree: None,
        };
        let accepted = self.api.create(&body).await?;
        self.check_lineage(accepted.lineage)?;
        let record = Conversation { participation: Participation::Member, ..self.room(id)?.record.clone() };
        let mut delta = Delta::new();
        state::put(&mut delta, row(id), &record)?;
        delta.delete(first_description_row(id));
        self.write(&delta)?;
        self.room_mut(id)?.record = record;
        self.subscribe();
        Ok(())
    }

    /// The sealed description of a new conversation: stored when it is made, since the service knows a creation that it was
    /// told of before by its bytes.
    fn first_description(&mut self, id: &ConversationId) -> Result<Option<Vec<u8>>, Error> {
        let key = first_description_row(id);
        if let Some(sealed) = state::find::<Opaque>(&self.store, &key, "description")? {
            return Ok(Some(sealed.into_vec()));
        }
        let group = &self.room(id)?.group;
        let Some(sealed) = self.seal_description(id, group.epoch().0, &group.group_info(true, true)?)? else {
            return Ok(None);
        };
        let mut delta = Delta::new();
        state::put(&mut delta, key, &Opaque::from(sealed.clone()))?;
        self.write(&delta)?;
        Ok(Some(sealed))
    }

    /// Seals a description of the conversation's group in `epoch`, for members to come back by.
    pub(super) fn seal_description(
        &self,
        id: &ConversationId,
        epoch: u64,
        description: &MlsMessage,
    ) -> Result<Option<Vec<u8>>, Error> {
        let (suite, group) = (self.me()?.mls.suite(), self.room(id)?.group.public());
        description::seal(suite, group, Epoch(epoch), description, &mut SystemRng)
    }

    /// Posts what waits, in its order, and says whether another commit won meanwhile.
    pub(super) async fn post_waiting(&mut self, id: &ConversationId) -> Result<bool, Error> {
        let indices: Vec<u64> = self.room(id)?.outbox.keys().copied().collect();
        let mut is_contended = false;
        for index in indices {
            if self.room(id)?.outbox.get(&index).is_some_and(Waiting::is_unsaid) {
                self.say_again(id, index)?;
            }
            let waiting = self.room(id)?.outbox.get(&index).filter(|waiting| !waiting.posted);
            let Some((header, body)) = waiting.and_then(|waiting| Some((&waiting.header, waiting.body.as_ref()?)))
            else {
                continue;
            };
            let problem = match self.post(id, header, body).await {
                Ok(lineage) => {
                    self.check_lineage(lineage)?;
                    if let Some(waiting) = self.room_mut(id)?.outbox.get_mut(&index) {
                        waiting.posted = true;
                    }
                    continue;
                }
                Err(Error::Refused(problem)) => problem,
                Err(error) => return Err(error),
            };
            match remedy(&problem) {
                Remedy::Pull => is_contended = true,
                Remedy::SayAgain => {
                    self.pull(id).await?;
                    self.say_again(id, index)?;
                    is_contended = true;
                }
                Remedy::Withdraw => self.withdraw(id, index, Error::Refused(problem))?,
                Remedy::Report if matches!(problem.kind, ProblemKind::EpochFuture { .. }) => {
                    return Err(Error::ServerChanged);
                }
                Remedy::Report => return Err(Error::Refused(problem)),
            }
        }
        Ok(is_contended)
    }

    async fn post(&self, id: &ConversationId, header: &OutboxHeader, body: &Body) -> Result<Lineage, Error> {
        let epoch = header.epoch;
        match body {
            Body::Commit(bundle) => {
                let added = header.added.clone();
                let welcome = bundle.welcome.as_ref().map(Encode::to_bytes).transpose()?;
                let welcome = welcome.map(|welcome| WelcomeFor { recipients: added.clone(), welcome: welcome.into() });
                let description = match &bundle.group_info {
                    Some(description) => self.seal_description(id, epoch.saturating_add(1), description)?,
                    None => None,
                };
                let body = PostCommit {
                    epoch,
                    commit: bundle.commit.to_bytes()?.into(),
                    welcomes: welcome.into_iter().collect(),
                    group_info_sealed: description.is_some(),
                    group_info: description.map(Into::into),
                    ratchet_tree: None,
                    added,
                    removed: header.removed.clone(),
                };
                self.post_commit(id, body).await.map(|accepted| accepted.lineage)
            }
            Body::Message(message) => {
                let body = PostMessage { epoch, message: message.to_bytes()?.into() };
                self.api.message(&id.0, &body).await.map(|posted| posted.lineage)
            }
        }
    }

    /// Posts a commit; without its description if that is more than the service takes.
    pub(super) async fn post_commit(&self, id: &ConversationId, mut body: PostCommit) -> Result<Accepted, Error> {
        match self.api.commit(&id.0, &body).await {
            Err(Error::Refused(problem))
                if body.group_info.is_some() && matches!(problem.kind, ProblemKind::PayloadTooLarge { .. }) =>
            {
                body.group_info = None;
                self.api.commit(&id.0, &body).await
            }
            other => other,
        }
    }

    /// Gives up something that the server will never take, and with a commit what it was to bring about. Written first, then
    /// forgotten: if that fails, it waits on.
    fn withdraw(&mut self, id: &ConversationId, index: u64, reason: Error) -> Result<(), Error> {
        let reason = Arc::new(reason);
        let Some(waiting) = self.room(id)?.outbox.get(&index) else { return Ok(()) };
        let row = indexed_row(state::OUTBOX, id, index);
        if !waiting.is_commit() {
            let history = waiting.header.history;
            let message = self.message(id, history)?;
            let mut delta = Delta::new();
            delta.delete(row);
            if let Some(said) = waiting.message() {
                state::put(&mut delta, refused_row(id, self.base.hash(&[&said.to_bytes()?])), &history)?;
            }
            self.write(&delta)?;
            drop(self.room_mut(id)?.outbox.remove(&index));
            if let Some(message) = message {
                self.tell(Event::NotDelivered { conversation: id.clone(), id: message.id, reason });
            }
            return Ok(());
        }
        let intents = waiting.header.intents.clone();
        let room = self.rooms.get_mut(id).ok_or(Error::UnknownConversation)?;
        let mut transition = room.group.discard_pending()?;
        let delta = transition.delta_mut();
        delta.delete(row);
        for intent in &intents {
            delta.delete(indexed_row(state::INTENT, id, *intent));
        }
        room.group.merge(transition, &mut self.store)?;
        drop(room.outbox.remove(&index));
        let given_up = intents.into_iter().filter_map(|index| Some((index, room.intents.remove(&index)?)));
        let given_up: Vec<_> = given_up.collect();
        for (index, intent) in given_up {
            self.give_up(id, index, intent.change(), Arc::clone(&reason));
        }
        Ok(())
    }
}
