//! Being added: a Welcome from the queue becomes a conversation, stored before the queue is told to forget it. One that leads
//! back to a lost conversation waits until coming back is wanted, as any other way back does.

use alloc::collections::BTreeSet;

use cenacle_codec::Decode;
use cenacle_mls::{
    Need,
    delta::RowKey,
    group::{Client as MlsClient, NewGroup, OwnKeyPackage},
    wire::{MlsMessage, MlsMessageBody, Welcome, WireTree},
};
use cenacle_service::wire::{AccountName, KeyPackageKind, QueueItem};

use super::{
    Engine, description, inputs, now_seconds,
    room::{Room, row, title_of},
    view::{self, View},
};
use crate::{
    ConversationId, Error, Event, Recovery,
    identity::Text,
    returning::{check_newcomers, roster},
    state::{self, Conversation, Participation},
};

impl Engine {
    /// Takes everything from the queue.
    pub(super) async fn pull_queue(&mut self) -> Result<(), Error> {
        loop {
            let queue = self.api.queue().await?;
            let is_empty = queue.items.is_empty();
            let mut done = Vec::new();
            let mut joined = Vec::new();
            let mut failure = None;
            for item in queue.items {
                let id = ConversationId(item.group_id.clone());
                match self.join(&id, &item, None).await {
                    Ok(is_new) => joined.extend(is_new.then_some(id)),
                    Err(Error::Mls(cenacle_mls::Error::Missing(Need::KeyPackage))) => self.miss(&id)?,
                    // What is wrong with it will not get better: it must not stop what comes behind it.
                    Err(error @ (Error::Mls(_) | Error::NotUnderstood)) => {
                        self.tell(Event::SyncFailed { conversation: Some(id), reason: error.into() });
                    }
                    // This one waits for a better moment, and does not hold up the others.
                    Err(error) => {
                        failure.get_or_insert(error);
                        continue;
                    }
                }
                done.push(item.id);
            }
            if !done.is_empty() {
                self.api.acknowledge(done).await?;
            }
            for id in joined {
                self.pump(&id).await?;
            }
            match failure {
                Some(error) => return Err(error),
                None if !queue.more => return Ok(()),
                // It says that there is more, and gives nothing.
                None if is_empty => return Err(Error::NotUnderstood),
                None => self.turn_page()?,
            }
        }
    }

    /// Comes back by a Welcome that has waited for a person to ask for it, to be with the `newcomers` as well. Says whether there
    /// was one.
    pub(super) async fn come_back_by_welcome(
        &mut self,
        id: &ConversationId,
        newcomers: &BTreeSet<AccountName>,
    ) -> Result<bool, Error> {
        let mut outcome = Ok(false);
        for item in self.api.queue().await?.items.into_iter().filter(|item| item.group_id == id.0) {
            outcome = self.join(id, &item, Some(newcomers)).await;
            let is_missed = matches!(outcome, Err(Error::Mls(cenacle_mls::Error::Missing(Need::KeyPackage))));
            if is_missed {
                self.miss(id)?;
            }
            if outcome.is_ok() || is_missed {
                self.api.acknowledge(vec![item.id]).await?;
            }
            if matches!(outcome, Ok(true)) {
                break;
            }
        }
        outcome
    }

    /// A Welcome that nobody can open: tells it, and has other key packages offered than this one.
    fn miss(&mut self, id: &ConversationId) -> Result<(), Error> {
        self.want_withdrawal()?;
        self.tell(Event::InvitationLost { conversation: id.clone() });
        Ok(())
    }

    /// Joins by one Welcome, and says whether the conversation is new or found again. `newcomers` are those whom a person who
    /// asks to come back wants to be with.
    async fn join(
        &mut self,
        id: &ConversationId,
        item: &QueueItem,
        newcomers: Option<&BTreeSet<AccountName>>,
    ) -> Result<bool, Error> {
        let is_in = |engine: &Self| MlsClient::is_in_group(&engine.store, &id.to_group_id());
        let loss = if is_in(self)? { self.loss_before(id, item.epoch).await? } else { None };
        let welcome = welcome_of(item.welcome.as_slice()).ok_or(Error::NotUnderstood)?;
        let own = OwnKeyPackage::find(&self.store, &welcome)?;
        if is_in(self)? && loss.is_none() {
            // A Welcome to where we are is an old one.
            return own.map_or(Ok(()), |own| self.discard(own)).map(|()| false);
        }
        let is_lost = loss.is_some();
        if let Some(error) = loss.filter(|_| newcomers.is_none())
            && (self.config.recovery == Recovery::Ask || self.room(id)?.needs_asking)
        {
            return Err(error);
        }
        let own = own.ok_or(Error::Mls(cenacle_mls::Error::Missing(Need::KeyPackage)))?;
        let tree = item.ratchet_tree.as_ref().map(|tree| WireTree::from_bytes(tree.as_slice())).transpose()?;
        let new = self.open_welcome(&welcome, &own, tree.as_ref()).await?;
        if new.public().group_id() != &id.to_group_id() || new.public().epoch().0 != item.epoch {
            return Err(Error::NotUnderstood);
        }
        if is_lost {
            self.enter_anew(id, new, item.commit_seq, newcomers).await?;
        } else {
            let (title, epoch) = (title_of(new.public()), item.epoch);
            self.enter_first(id, new, &title, item.commit_seq)?;
            self.tell(Event::Joined { conversation: id.clone(), title: title.0, epoch });
        }
        if own.is_last_resort() {
            self.offer(KeyPackageKind::LastResort)?;
        }
        Ok(true)
    }

    /// Why a conversation that this device has a state of cannot be read on, if it turns out to be lost in an epoch before the
    /// one it is invited to: it was removed and invited again without having read that.
    async fn loss_before(&mut self, id: &ConversationId, epoch: u64) -> Result<Option<Error>, Error> {
        if self.room(id)?.record.participation == Participation::Creating {
            return Ok(None);
        }
        let read = self.pull(id).await;
        let room = self.room(id)?;
        match read {
            Err(error) if room.loss.is_some() => Ok(Some(error).filter(|_| room.group.epoch().0 < epoch)),
            read => read.map(|()| None),
        }
    }

    fn discard(&mut self, own: OwnKeyPackage) -> Result<(), Error> {
        let discarded = own.discard(self.me()?.mls.suite())?;
        Ok(discarded.persist(&mut self.store)?)
    }

    fn enter_first(&mut self, id: &ConversationId, mut new: NewGroup, title: &Text, seq: u64) -> Result<(), Error> {
        let record = Conversation {
            title: title.clone(),
            participation: Participation::Member,
            cursor: seq.saturating_add(1),
            next_index: self.rooms.get(id).map_or(1, |room| room.record.next_index),
        };
        let point = view::begun(&*self.base, seq, new.public().context());
        let delta = new.delta_mut();
        state::put(delta, row(id), &record)?;
        state::put(delta, view::row(id), &point)?;
        for table in [state::OUTBOX, state::INTENT, state::DOUBT, state::REFUSED] {
            delta.delete_prefix(RowKey::of_group(table, &id.to_group_id()));
        }
        let group = new.accept(&mut self.store)?;
        let view = View::new(&*self.base, &group, Some(point));
        // A Welcome may be read a second time, by a file older than the first.
        self.rooms.insert(id.clone(), Room { is_current: false, ..Room::new(group, record, view) });
        self.subscribe();
        Ok(())
    }

    /// Enters in place of the lost state. Whoever has ever been a member of the conversation has the key of its descriptions,
    /// and nobody else. Who is a member of the new one and was not of the old must be named, as for any other way back.
    async fn enter_anew(
        &mut self,
        id: &ConversationId,
        mut new: NewGroup,
        seq: u64,
        newcomers: Option<&BTreeSet<AccountName>>,
    ) -> Result<(), Error> {
        let (key, room) = (description::key(new.public()), self.room(id)?);
        let before = roster(room.group.public());
        if key.is_none() || key != description::key(room.group.public()) {
            return Err(Error::NotUnderstood);
        }
        let checked = check_newcomers(&before, new.public(), newcomers.unwrap_or(&BTreeSet::new()));
        self.room_mut(id)?.needs_asking |= checked.is_err();
        checked?;
        let passed = self.pass(id, seq).await?;
        let point = view::begun(&*self.base, seq, new.public().context());
        let kept = self.keep(id, point, &passed, new.delta_mut())?;
        let Room { group, record, intents, .. } = self.rooms.remove(id).ok_or(Error::UnknownConversation)?;
        match new.accept_in_place_of(group, &mut self.store) {
            Ok(group) => {
                self.enter(id, group, intents, kept);
                self.tell_return(id, &before, passed.unread)
            }
            Err(error) => {
                self.load_room(id.clone(), record)?;
                Err(error.into())
            }
        }
    }

    async fn open_welcome(
        &mut self,
        welcome: &Welcome,
        own: &OwnKeyPackage,
        tree: Option<&WireTree>,
    ) -> Result<NewGroup, Error> {
        loop {
            let me = self.me()?;
            let policy = self.bindings.at(me.account.cipher_suite, now_seconds());
            let joined = me.mls.join(welcome, own, tree.cloned(), &inputs(&policy));
            match joined {
                Err(cenacle_mls::Error::Missing(Need::CredentialVerdicts(claims))) => self.learn_all(&claims).await?,
                other => return Ok(other?),
            }
        }
    }

    /// Creates a conversation of one, and tells the server when it can be reached.
    pub(crate) async fn create(&mut self, title: &str) -> Result<ConversationId, Error> {
        let me = self.me.as_ref().ok_or(Error::NotRegistered)?;
        let mut bytes = [0; 16];
        cenacle_crypto::Rng::fill(&mut self.rng, &mut bytes)?;
        let group_id = cenacle_service::wire::GroupId::from_slice(&bytes);
        let id = ConversationId(group_id.ok_or(Error::Corrupt("group id"))?);
        let title = Text(title.into());
        let policy = self.bindings.at(me.account.cipher_suite, now_seconds());
        let mut new = me.mls.create_group(
            id.to_group_id(),
            super::room::extensions(&title, &mut self.rng)?,
            super::key_packages::lifetime(),
            &inputs(&policy),
            &mut self.rng,
        )?;
        let record = Conversation { title, participation: Participation::Creating, cursor: 1, next_index: 1 };
        state::put(new.delta_mut(), row(&id), &record)?;
        let group = new.accept(&mut self.store)?;
        let view = View::new(&*self.base, &group, None);
        self.rooms.insert(id.clone(), Room::new(group, record, view));
        match self.pump(&id).await {
            Ok(()) | Err(Error::Offline(_) | Error::Behind) => Ok(id),
            Err(error) => Err(error),
        }
    }
}

fn welcome_of(message: &[u8]) -> Option<Welcome> {
    match MlsMessage::from_bytes(message).ok()?.body {
        MlsMessageBody::Welcome(welcome) => Some(welcome),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::GroupInfo(_)
        | MlsMessageBody::KeyPackage(_) => None,
    }
}
