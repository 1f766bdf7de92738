//! Bringing a conversation to rest: post what waits, pull what came, commit what is wanted, until nothing is left to do.
//!
//! ```text
//!          ┌──────────────────────── another commit won: made anew ◀─┐
//!          ▼                                                         │
//! intent ──▶ commit ── stored with ──▶ outbox ── posted ──▶ log ── pulled ──▶ own echo: merged, intent done
//! ```
//! There is one way into a new epoch, for own commits and others': the log, in its order.

use alloc::collections::BTreeSet;
use core::cmp::Ordering;

use cenacle_mls::delta::Delta;
use cenacle_service::wire::{GroupId, ProblemKind};
use tokio::time::sleep;

use super::{Engine, room::indexed_row};
use crate::{
    ConversationId, Error, Event, Loss,
    api::pause,
    state::{self, Conversation, IntentKind, Participation},
};

/// How often to make a commit anew before letting the caller know.
const MAX_ATTEMPTS: u32 = 12;

impl Engine {
    /// Does all there is to do for a conversation.
    ///
    /// # Errors
    /// `Offline` and what else keeps it from coming to rest; what was wanted stays wanted.
    pub(super) async fn pump(&mut self, id: &ConversationId) -> Result<(), Error> {
        for attempt in 0..MAX_ATTEMPTS {
            if self.room(id)?.record.participation == Participation::Creating {
                self.post_creation(id).await?;
            }
            self.catch_up(id).await?;
            let is_contended = self.post_waiting(id).await?;
            self.pull(id).await?;
            let room = self.room(id)?;
            if room.record.participation == Participation::Removed {
                return Ok(());
            }
            if !self.room(id)?.group.has_pending_commit() {
                self.commit_what_is_wanted(id).await?;
            }
            if !self.room(id)?.is_busy() {
                return Ok(());
            }
            // The members whose commits collided must not collide again.
            if is_contended {
                sleep(pause(attempt)).await;
            }
        }
        Err(Error::Contended)
    }

    /// Reads the log once before anything is posted, so that an old copy of the state is noticed.
    pub(super) async fn catch_up(&mut self, id: &ConversationId) -> Result<(), Error> {
        let room = self.room(id)?;
        if !room.is_current || room.loss.is_some() || room.is_returning {
            self.pull(id).await?;
            self.room_mut(id)?.is_current = true;
        }
        Ok(())
    }

    /// Reads the log on from where it was left. If the conversation turns out to be lost, this is told, and it is rejoined if
    /// that is to happen by itself.
    pub(super) async fn pull(&mut self, id: &ConversationId) -> Result<(), Error> {
        let mut has_rejoined = false;
        loop {
            let error = match self.read_on(id).await {
                Ok(()) => {
                    self.room_mut(id)?.loss = None;
                    return Ok(());
                }
                Err(error) => error,
            };
            let Some(loss) = Loss::of(&error) else { return Err(error) };
            self.lose(id, loss)?;
            if has_rejoined || !self.rejoin_by_itself(id).await? {
                return Err(error);
            }
            has_rejoined = true;
        }
    }

    async fn read_on(&mut self, id: &ConversationId) -> Result<(), Error> {
        if self.room(id)?.is_returning {
            self.rejoin(id, BTreeSet::new()).await?;
        }
        self.room(id)?.check_kept()?;
        self.read_log(id).await?;
        if self.room(id)?.has_doubts { self.compare(id).await } else { Ok(()) }
    }

    async fn read_log(&mut self, id: &ConversationId) -> Result<(), Error> {
        loop {
            let from = self.room(id)?.record.cursor;
            let log = match self.api.log(&id.0, from).await {
                Ok(log) => log,
                // Removed, and the record that says so was read: nothing more is for us.
                Err(Error::Refused(problem)) if matches!(problem.kind, ProblemKind::NotAMember { .. }) => {
                    return Err(Error::NotMember);
                }
                Err(error) => return Err(error),
            };
            self.check_lineage(log.lineage)?;
            // What was there is gone.
            if log.head.saturating_add(1) < from {
                return Err(Error::ServerChanged);
            }
            for record in log.records {
                match record.seq.cmp(&self.room(id)?.record.cursor) {
                    Ordering::Less => {}
                    Ordering::Equal => {
                        let received = self.receive(id, record).await;
                        if matches!(received, Err(Error::StateLost)) {
                            self.room_mut(id)?.is_current = false;
                        }
                        received?;
                    }
                    // A log has no gaps: whoever leaves records out is not to be followed past them.
                    Ordering::Greater => {
                        return Err(Error::Gap { expected: self.room(id)?.record.cursor, found: record.seq });
                    }
                }
            }
            let Conversation { cursor, participation, .. } = self.room(id)?.record;
            if cursor > log.head || participation == Participation::Removed {
                return Ok(());
            }
            // It says that there is more, and gives nothing.
            if cursor == from {
                return Err(Error::Gap { expected: cursor, found: log.head.saturating_add(1) });
            }
            self.turn_page()?;
        }
    }

    /// Brings everything to rest: Welcomes, conversations with news or something left to do, key packages, the binding.
    ///
    /// # Errors
    /// `Behind` when there is more to read than one turn is long; otherwise the first of what keeps anything from it.
    pub(crate) async fn sync(&mut self) -> Result<(), Error> {
        self.me()?;
        self.bindings.forget_unknown();
        let mut first_error = self.pull_queue().await;
        if matches!(first_error, Err(Error::Offline(_))) {
            return first_error;
        }
        let asked: Vec<GroupId> =
            self.rooms.iter().filter(|(_, room)| room.is_listening()).map(|(id, _)| id.0.clone()).collect();
        let heads = if asked.is_empty() {
            Vec::new()
        } else {
            let heads = self.api.heads(asked).await?;
            self.check_lineage(heads.lineage)?;
            heads.heads
        };
        // A log that has become shorter is news, too.
        let has_news = |id: &ConversationId, cursor: u64| {
            heads.iter().any(|head| head.group_id == id.0 && head.seq.saturating_add(1) != cursor)
        };
        let restless = self.rooms.iter().filter(|(id, room)| {
            room.record.participation != Participation::Removed
                && (room.is_busy() || room.has_doubts || has_news(id, room.record.cursor))
        });
        let restless: Vec<ConversationId> = restless.map(|(id, _)| id.clone()).collect();
        for id in restless {
            if let Err(error) = self.pump(&id).await {
                if matches!(error, Error::Offline(_)) {
                    return Err(error);
                }
                first_error = first_error.and(Err(error));
            }
        }
        let replenished = self.replenish().await;
        if matches!(replenished, Err(Error::Offline(_))) {
            return replenished;
        }
        self.renew_binding().await?;
        // Whatever else is wrong shows again when there is nothing left to read.
        if self.turn.is_behind { Err(Error::Behind) } else { first_error.and(replenished) }
    }

    /// As [`Engine::sync`], for the background: failures are told as events, being offline is not one.
    pub(super) async fn sync_quietly(&mut self) {
        if self.me.is_some() {
            let outcome = self.sync().await;
            self.tell_failure(None, outcome);
        }
    }

    pub(super) async fn follow_hint(&mut self, id: &ConversationId, seq: u64) {
        if self.rooms.get(id).is_some_and(|room| room.is_listening() && room.record.cursor <= seq) {
            let outcome = self.pump(id).await;
            self.tell_failure(Some(id.clone()), outcome);
        }
    }

    pub(super) async fn follow_queue_hint(&mut self) {
        let outcome = match self.pull_queue().await {
            Ok(()) => self.replenish().await,
            Err(error) => Err(error),
        };
        self.tell_failure(None, outcome);
    }

    fn tell_failure(&self, conversation: Option<ConversationId>, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) | Err(Error::Offline(_) | Error::NotMember | Error::Contended | Error::Behind) => {}
            // That was told when it was found.
            Err(error) if Loss::of(&error).is_some() => {}
            Err(error) => self.tell(Event::SyncFailed { conversation, reason: error.into() }),
        }
    }

    /// What became of an intent: nothing if it is done, or why it was given up.
    fn outcome(&mut self, id: &ConversationId, intent: u64) -> Result<(), Error> {
        let position = self.dropped.iter().position(|dropped| dropped.conversation == *id && dropped.intent == intent);
        let reason = position.map(|position| self.dropped.swap_remove(position).reason);
        let awaited = &self.turn.awaited;
        self.dropped.retain(|dropped| awaited.contains(&(dropped.conversation.clone(), dropped.intent)));
        match reason {
            Some(reason) => Err(Error::GivenUp(reason)),
            None => Ok(()),
        }
    }

    /// Sees to an intent. Gives it back if it is others' turn first.
    pub(crate) async fn bring_about(&mut self, id: &ConversationId, intent: u64) -> Result<Option<u64>, Error> {
        let pumped = self.pump(id).await;
        if matches!(pumped, Err(Error::Behind)) {
            self.turn.awaited.insert((id.clone(), intent));
            return Ok(Some(intent));
        }
        self.turn.awaited.remove(&(id.clone(), intent));
        pumped?;
        self.outcome(id, intent).map(|()| None)
    }

    /// Records what is wanted, and sees to it as [`Engine::bring_about`] does.
    pub(crate) async fn want(
        &mut self,
        id: &ConversationId,
        kind: IntentKind,
        name: Option<&str>,
    ) -> Result<Option<u64>, Error> {
        let name = match name {
            Some(name) => name.parse()?,
            None => self.me()?.id.name.clone(),
        };
        let room = self.room(id)?;
        room.check_member()?;
        if kind == IntentKind::Remove && room.devices_of(&name).is_empty() {
            return Err(Error::NotInConversation(name));
        }
        let (index, record) = room.take_index();
        let intent = state::Intent { kind, name, taken: Vec::new() };
        let mut delta = Delta::new();
        state::put(&mut delta, super::room::row(id), &record)?;
        state::put(&mut delta, indexed_row(state::INTENT, id, index), &intent)?;
        self.write(&delta)?;
        let room = self.room_mut(id)?;
        room.record = record;
        room.intents.insert(index, intent);
        self.bring_about(id, index).await
    }
}
