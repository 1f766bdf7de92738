//! Losing a conversation, and coming back to it by an external commit that takes the place of one's former self
//! (RFC 9420 §12.4.3.2).
//!
//! ```text
//!                       ┌── another commit won: described anew ◀──┐
//!                       ▼                                         │
//! lost ── asked ──▶ described ──▶ commit ── stored ──▶ posted ──▶ log ──▶ old state erased, new one in its place
//! ```
//! Until the commit is in the log, everything is as it was. From where it is stored it is finished after a crash at any
//! point, because the service answers the same bytes in the same way.

use alloc::collections::{BTreeMap, BTreeSet};

use cenacle_codec::Encode;
use cenacle_mls::{
    Misuse, Need,
    delta::{Delta, PersistError, RowKey, Store, Table, Unreleased},
    group::{Client as MlsClient, ExternalJoin, Group, PendingJoin, PublicGroup},
    wire::{Epoch, GroupInfo, MlsMessage, MlsMessageBody},
};
use cenacle_service::wire::{AccountName, GroupInfoAnswer, PostCommit, ProblemKind};
use cenacle_store::MemoryStore;
use tokio::time::sleep;

use super::{
    Engine, Me, description, inputs, now_seconds,
    passing::Passed,
    room::{Room, Waiting, doubt_row, indexed_row, row},
    view::{self, Point, View},
};
use crate::{
    ConversationId, Error, Event, Loss, MemberId, Recovery,
    api::pause,
    returning::{Roster, check_newcomers, roster},
    state::{self, Conversation, Intent, IntentKind, OutboxHeader, OutboxKind, Participation, Returning},
};

/// How often to make the commit anew before letting the caller know.
const MAX_ATTEMPTS: u32 = 12;

/// How many epochs have to pass before a device comes back by itself once more. Two that have the same state take each other's
/// place: every return is the other's loss, at its next epoch.
const CALM_EPOCHS: u64 = 64;

/// What outlives the old state, once the rows that say so are stored.
#[derive(Debug)]
pub(super) struct Kept {
    record: Conversation,
    outbox: BTreeMap<u64, Waiting>,
    /// Intents that came true with it.
    ended: Vec<u64>,
    delivered: Vec<Event>,
    /// Where its log goes on.
    point: Point,
}

fn returning_row(id: &ConversationId) -> RowKey {
    RowKey::of_group(state::RETURNING, &id.to_group_id())
}

fn recovered_row(id: &ConversationId) -> RowKey {
    RowKey::of_group(state::RECOVERED, &id.to_group_id())
}

impl Engine {
    /// Whether an external commit of this conversation was stored and not finished.
    pub(super) fn is_returning(&self, id: &ConversationId) -> Result<bool, Error> {
        let commit = RowKey::of_group(Table::PENDING_JOIN, &id.to_group_id());
        Ok(self.store.row(&returning_row(id))?.is_some() && self.store.row(&commit)?.is_some())
    }

    /// Notes that a conversation is lost, and tells it.
    pub(super) fn lose(&mut self, id: &ConversationId, loss: Loss) -> Result<(), Error> {
        if self.room(id)?.loss.as_ref() == Some(&loss) {
            return Ok(());
        }
        if loss == Loss::OldState {
            // Key packages that were made since the copy are at the server, and nobody has their private keys.
            self.want_withdrawal()?;
        }
        let lasting = match loss {
            Loss::OldState => Some(Participation::Outdated),
            Loss::Forked { .. } => Some(Participation::Forked),
            Loss::Diverged { .. } | Loss::Gap { .. } => None,
        };
        let room = self.room(id)?;
        if let Some(participation) = lasting.filter(|_| room.record.participation == Participation::Member) {
            let record = Conversation { participation, ..room.record.clone() };
            self.write_record(id, record)?;
        }
        self.room_mut(id)?.loss = Some(loss.clone());
        self.tell(Event::Lost { conversation: id.clone(), loss });
        Ok(())
    }

    /// Comes back without being asked, if that is wanted and has not turned out to need a person.
    pub(super) async fn rejoin_by_itself(&mut self, id: &ConversationId) -> Result<bool, Error> {
        if self.config.recovery == Recovery::Ask || self.room(id)?.needs_asking {
            return Ok(false);
        }
        if !self.note_recovery(id)? {
            self.room_mut(id)?.needs_asking = true;
            return Ok(false);
        }
        let outcome = self.rejoin(id, BTreeSet::new()).await;
        self.room_mut(id)?.needs_asking = matches!(outcome, Err(Error::Newcomers(_)));
        outcome.map(|()| true)
    }

    /// Notes that this state is given up without a person's word, unless another was a few epochs ago.
    fn note_recovery(&mut self, id: &ConversationId) -> Result<bool, Error> {
        let (key, lost) = (recovered_row(id), self.room(id)?.group.epoch().0);
        match state::find::<u64>(&self.store, &key, "recovery")? {
            // It is this one that was not given up yet.
            Some(before) if before == lost => Ok(true),
            Some(before) if (before..before.saturating_add(CALM_EPOCHS)).contains(&lost) => Ok(false),
            Some(_) | None => {
                let mut delta = Delta::new();
                state::put(&mut delta, key, &lost)?;
                self.write(&delta)?;
                Ok(true)
            }
        }
    }

    /// Comes back, as a person asks for it: `again` if it was others' turn before it was done.
    ///
    /// # Errors
    /// `Behind` when it is others' turn.
    pub(crate) async fn come_back(
        &mut self,
        id: &ConversationId,
        newcomers: &[String],
        again: bool,
    ) -> Result<(), Error> {
        let newcomers: Result<_, _> = newcomers.iter().map(|name| name.parse()).collect();
        let newcomers = newcomers?;
        let room = self.room(id)?;
        room.check_member()?;
        let is_begun = again && (room.is_returning || room.loss.is_none());
        if !is_begun && room.record.participation != Participation::Creating {
            // A Welcome leaves less unread, and may be the only way.
            match self.come_back_by_welcome(id, &newcomers).await {
                Ok(true) => {}
                Err(Error::Behind) => return Err(Error::Behind),
                invited => match (self.rejoin(id, newcomers).await, invited) {
                    (Err(Error::NoWayBack), Err(error @ Error::Newcomers(_))) => return Err(error),
                    (rejoined, _) => rejoined?,
                },
            }
        }
        match self.pump(id).await {
            // It is back, and reads on by itself.
            Err(Error::Behind) if !self.room(id)?.is_returning => Ok(()),
            pumped => pumped,
        }
    }

    /// Takes the place of the former self, in whose state nothing happens any more.
    pub(super) async fn rejoin(
        &mut self,
        id: &ConversationId,
        mut newcomers: BTreeSet<AccountName>,
    ) -> Result<(), Error> {
        for attempt in 0..MAX_ATTEMPTS {
            if !self.room(id)?.is_returning {
                self.begin_return(id, &newcomers).await?;
            }
            match self.finish_return(id).await? {
                None => return Ok(()),
                Some(wanted) => newcomers.extend(wanted),
            }
            sleep(pause(attempt)).await;
        }
        Err(Error::Contended)
    }

    /// Makes the external commit and stores it, to be posted from there.
    async fn begin_return(&mut self, id: &ConversationId, newcomers: &BTreeSet<AccountName>) -> Result<(), Error> {
        let answer = self.api.group_info(&id.0).await.map_err(refusal)?;
        let info = self.described(id, &answer)?.ok_or(Error::NoWayBack)?;
        // An old epoch's keys may be in the hands of whoever was removed since.
        if answer.epoch < self.room(id)?.group.epoch().0 {
            return Err(Error::ServerChanged);
        }
        let mut pending = self.external_commit(id, &info, newcomers).await?;
        let header = state::header(&newcomers.iter().cloned().collect::<Vec<_>>())?;
        pending.store_group_info_as(returning_row(id), &header)?;
        pending.persist(&mut self.store)?;
        self.room_mut(id)?.is_returning = true;
        Ok(())
    }

    /// The description of the group that the service gives, if it is one by the group's members.
    fn described(&self, id: &ConversationId, answer: &GroupInfoAnswer) -> Result<Option<GroupInfo>, Error> {
        let public = self.room(id)?.group.public();
        let (suite, sealed) = (self.me()?.mls.suite(), answer.group_info.as_slice());
        let info = description::open(suite, public, Epoch(answer.epoch), sealed)?;
        Ok(info.filter(|info| info.group_context.extensions.find(description::KEY) == description::key(public)))
    }

    async fn external_commit(
        &mut self,
        id: &ConversationId,
        info: &GroupInfo,
        newcomers: &BTreeSet<AccountName>,
    ) -> Result<Unreleased<PendingJoin>, Error> {
        loop {
            let (me, room) = (self.me.as_ref().ok_or(Error::NotRegistered)?, self.room(id)?);
            let policy = self.bindings.at(me.account.cipher_suite, now_seconds());
            let inputs = inputs(&policy);
            let known = roster(room.group.public());
            let commit = check_description(me, info, &inputs, &known, newcomers).and_then(|replaces| {
                let how = ExternalJoin { replaces: Some(replaces), ..ExternalJoin::default() };
                Ok(me.mls.join_external(info, how, &inputs, &mut cenacle_crypto_awslc::SystemRng)?)
            });
            match commit {
                Err(Error::Mls(cenacle_mls::Error::Missing(Need::CredentialVerdicts(claims)))) => {
                    self.learn_all(&claims).await?;
                }
                other => return other,
            }
        }
    }

    /// Posts the stored commit and takes its epoch into use. If another won, it is forgotten, and the result is with whom it
    /// was to be.
    async fn finish_return(&mut self, id: &ConversationId) -> Result<Option<Vec<AccountName>>, Error> {
        let commit = PendingJoin::recover(&self.store, &id.to_group_id())?;
        let returning: Option<Returning> = state::find(&self.store, &returning_row(id), "return")?;
        let Some(((commit, rows), Returning { newcomers, description })) = commit.zip(returning) else {
            // Nothing says any more that it is wanted.
            self.give_up_return(id)?;
            return Ok(None);
        };
        let epoch = commit.epoch().ok_or(Error::Corrupt("return"))?;
        let sealed = self.seal_description(id, epoch.0.saturating_add(1), &description)?;
        let body = PostCommit {
            epoch: epoch.0,
            commit: commit.to_bytes()?.into(),
            welcomes: Vec::new(),
            group_info_sealed: sealed.is_some(),
            group_info: sealed.map(Into::into),
            ratchet_tree: None,
            added: Vec::new(),
            removed: Vec::new(),
        };
        let problem = match self.post_commit(id, body).await {
            Ok(accepted) => {
                self.check_lineage(accepted.lineage)?;
                let taken = self.take_place(id, &commit, &description, rows, accepted.seq).await;
                // This device was removed after it, and invited again: where it led to is out of reach. Or what was stored with it
                // is not the state that it leads to.
                if matches!(taken, Err(Error::Gap { .. } | Error::Mls(_) | Error::Corrupt(_))) {
                    self.give_up_return(id)?;
                }
                return taken.map(|()| None);
            }
            Err(Error::Refused(problem)) => problem,
            Err(error) => return Err(error),
        };
        if matches!(problem.status, 400 | 403 | 404 | 409 | 413 | 422) {
            self.give_up_return(id)?;
        }
        if matches!(problem.kind, ProblemKind::EpochConflict { .. }) {
            return Ok(Some(newcomers));
        }
        Err(refusal(Error::Refused(problem)))
    }

    /// Forgets the stored commit, which was not accepted.
    fn give_up_return(&mut self, id: &ConversationId) -> Result<(), Error> {
        let mut delta = Delta::new();
        delta.delete(RowKey::of_group(Table::PENDING_JOIN, &id.to_group_id()));
        delta.delete(returning_row(id));
        self.write(&delta)?;
        self.room_mut(id)?.is_returning = false;
        Ok(())
    }

    /// The commit is in the log: its epoch takes the place of the old state, in one batch with what outlives that.
    async fn take_place(
        &mut self,
        id: &ConversationId,
        commit: &MlsMessage,
        description: &MlsMessage,
        mut rows: Delta,
        seq: u64,
    ) -> Result<(), Error> {
        let passed = self.pass(id, seq).await?;
        if passed.last != commit.to_bytes()? {
            return Err(Error::ServerChanged);
        }
        let MlsMessageBody::GroupInfo(info) = &description.body else { return Err(Error::Corrupt("return")) };
        let point = view::begun(&*self.base, seq, &info.group_context);
        let kept = self.keep(id, point, &passed, &mut rows)?;
        let group = load_from(&self.me()?.mls, &rows, id)?;
        self.write(&rows)?;
        // From here on the old state is not to be met again, and nothing fails any more.
        let old = self.rooms.remove(id).ok_or(Error::UnknownConversation)?;
        let before = roster(old.group.public());
        self.enter(id, group, old.intents, kept);
        self.tell_return(id, &before, passed.unread)
    }

    /// Tells that this device is back, and with whom.
    pub(super) fn tell_return(&self, id: &ConversationId, before: &Roster, unread: u64) -> Result<(), Error> {
        let group = self.room(id)?.group.public();
        let after = roster(group);
        let only_in = |one: &Roster, other: &Roster| -> Vec<MemberId> {
            one.difference(other).map(|(member, _)| member.clone()).collect()
        };
        self.tell(Event::Rejoined {
            conversation: id.clone(),
            epoch: group.epoch().0,
            added: only_in(&after, before),
            removed: only_in(before, &after),
            unread,
        });
        Ok(())
    }

    /// What outlives a state that is given up, with the rows for it: history and intents, and those messages in the outbox
    /// that nobody has seen. Their ciphertexts do not.
    pub(super) fn keep(
        &self,
        id: &ConversationId,
        point: Point,
        passed: &Passed,
        rows: &mut Delta,
    ) -> Result<Kept, Error> {
        let room = self.room(id)?;
        let cursor = point.seq.saturating_add(1);
        let record = Conversation { participation: Participation::Member, cursor, ..room.record.clone() };
        state::put(rows, row(id), &record)?;
        state::put(rows, view::row(id), &point)?;
        rows.delete(returning_row(id));
        rows.delete(doubt_row(id));
        let (mut outbox, mut delivered) = (BTreeMap::new(), Vec::new());
        for (index, waiting) in &room.outbox {
            let key = indexed_row(state::OUTBOX, id, *index);
            if let Some((seq, received_at)) = passed.said.get(index) {
                delivered.extend(self.deliver(id, waiting.header.history, *seq, *received_at, rows)?);
            } else if !waiting.is_commit() {
                let header = OutboxHeader { kind: OutboxKind::Unsaid, epoch: 0, ..waiting.header.clone() };
                state::put(rows, key, &header)?;
                outbox.insert(*index, Waiting::unsaid(header));
                continue;
            }
            rows.delete(key);
        }
        // Whoever comes back has new keys.
        let rotations = room.intents.iter().filter(|(_, intent)| intent.kind == IntentKind::Rotate);
        let ended: Vec<u64> = rotations.map(|(index, _)| *index).collect();
        ended.iter().for_each(|index| rows.delete(indexed_row(state::INTENT, id, *index)));
        Ok(Kept { record, outbox, ended, delivered, point })
    }

    /// Takes a stored group into use in place of the one there was. Its log is read before anything is said: it may be that
    /// this file is an old copy, too.
    pub(super) fn enter(&mut self, id: &ConversationId, group: Group, mut intents: BTreeMap<u64, Intent>, kept: Kept) {
        let Kept { record, outbox, ended, delivered, point } = kept;
        ended.iter().for_each(|index| drop(intents.remove(index)));
        let view = View::new(&*self.base, &group, Some(point));
        let room = Room { outbox, intents, is_current: false, ..Room::new(group, record, view) };
        self.rooms.insert(id.clone(), room);
        delivered.into_iter().for_each(|event| self.tell(event));
        self.subscribe();
    }

    /// Compares this device's epoch with the members' description of it, when something gave reason to doubt.
    pub(super) async fn compare(&mut self, id: &ConversationId) -> Result<(), Error> {
        let answer = match self.api.group_info(&id.0).await {
            Ok(answer) => answer,
            Err(Error::Refused(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let room = self.room(id)?;
        let epoch = room.group.epoch().0;
        // There was a commit since the log was read, or there were commits in the log that there are no more.
        if answer.epoch != epoch {
            return if answer.epoch > epoch { Ok(()) } else { Err(Error::ServerChanged) };
        }
        let is_same = |room: &Room, info: &GroupInfo| info.group_context == *room.group.public().context();
        match self.described(id, &answer)? {
            Some(info) if is_same(room, &info) => self.doubt_no_more(id),
            Some(info) if self.is_sound(&info).await? => Err(Error::Forked { epoch }),
            // It says nothing: the doubt stays.
            Some(_) | None => Ok(()),
        }
    }

    fn doubt_no_more(&mut self, id: &ConversationId) -> Result<(), Error> {
        let mut delta = Delta::new();
        delta.delete(doubt_row(id));
        self.write(&delta)?;
        self.room_mut(id)?.has_doubts = false;
        Ok(())
    }

    /// Whether a description is signed by one who is in its tree, and the tree is whole.
    async fn is_sound(&mut self, info: &GroupInfo) -> Result<bool, Error> {
        loop {
            let me = self.me()?;
            let policy = self.bindings.at(me.account.cipher_suite, now_seconds());
            let settings = me.mls.settings();
            match PublicGroup::from_group_info(info, None, me.mls.suite(), settings, &inputs(&policy)) {
                Err(cenacle_mls::Error::Missing(Need::CredentialVerdicts(claims))) => self.learn_all(&claims).await?,
                outcome => return Ok(outcome.is_ok()),
            }
        }
    }
}

/// The group that these rows make. Read before they are written over those of the old state: whatever is wrong with them, there
/// is a state to go on from.
fn load_from(mls: &MlsClient, rows: &Delta, id: &ConversationId) -> Result<Group, Error> {
    let mut store = MemoryStore::default();
    store.apply(rows).unwrap_or_else(|never| match never {});
    let group = mls.load_group(&store, &id.to_group_id()).map_err(|error| match error {
        PersistError::State(error) => Error::from(error),
        PersistError::Store(never) => match never {},
    });
    group?.ok_or(Error::Corrupt("group"))
}

/// Checks a description and finds the place of the former self in it.
fn check_description(
    me: &Me,
    info: &GroupInfo,
    inputs: &cenacle_mls::group::Inputs<'_>,
    known: &Roster,
    newcomers: &BTreeSet<AccountName>,
) -> Result<cenacle_mls::wire::LeafIndex, Error> {
    let public = PublicGroup::from_group_info(info, None, me.mls.suite(), me.mls.settings(), inputs)?;
    check_newcomers(known, &public, newcomers)?;
    let is_out = |error: &cenacle_mls::Error| *error == Misuse::NotMember.into();
    Group::former_leaf(&me.mls, &public).map_err(|error| if is_out(&error) { Error::NotMember } else { error.into() })
}

/// A refusal as what it means for one who wants to come back.
pub(super) fn refusal(error: Error) -> Error {
    let Error::Refused(problem) = error else { return error };
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others say enough by themselves")]
    match problem.kind {
        ProblemKind::NotAMember { .. } => Error::NotMember,
        ProblemKind::GroupInfoMissing { .. } => Error::NoWayBack,
        ProblemKind::EpochFuture { .. } => Error::ServerChanged,
        _ => Error::Refused(problem),
    }
}
