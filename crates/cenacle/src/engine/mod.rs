//! The one place where a client's state changes: it owns the store and the groups, and does one thing at a time on a
//! thread of its own, so that cryptography and disk never block the application's tasks.
//!
//! Every step follows one rule: what it changes and what it is going to say are stored in one batch, and only then it is
//! said. After a crash the same bytes are said again, which the server answers as before.

mod account;
mod description;
mod join;
mod key_packages;
mod membership;
mod news;
mod nudges;
mod passing;
mod post;
mod pump;
mod queries;
mod receive;
mod rejoin;
mod room;
mod run;
mod send;
mod turn;
mod view;

use alloc::{collections::BTreeMap, sync::Arc};
use std::time::{SystemTime, UNIX_EPOCH};

use cenacle_crypto::{CipherSuite, Suite};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    delta::{Delta, RowKey, Store},
    group::{Client as MlsClient, Inputs},
};
use cenacle_service::wire::Lineage;
use cenacle_store::SqliteStore;
use tokio::sync::{broadcast, watch};

use crate::{
    Config, ConversationId, Error, Event, MemberId,
    api::Api,
    bindings::{Bindings, Judge},
    event::Change,
    policy::ConversationPolicy,
    state::{self, Account},
    transport::HttpTransport,
};

use room::Room;

#[cfg(feature = "testing")]
pub(crate) use room::recode_waiting;
pub(crate) use run::{Handle, start};

/// Who we are, once we are registered.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) id: MemberId,
    pub(crate) account: Account,
    pub(crate) mls: MlsClient,
}

/// A change that was given up, kept for whoever waits for it.
#[derive(Debug)]
struct Dropped {
    conversation: ConversationId,
    intent: u64,
    reason: Arc<Error>,
}

/// A client's state and how it reaches the world.
#[derive(Debug)]
pub(crate) struct Engine {
    config: Config,
    store: SqliteStore,
    api: Api,
    /// Suite 1: its hash names blobs, its signatures are the Authentication Service's.
    base: Arc<dyn Suite>,
    me: Option<Me>,
    rooms: BTreeMap<ConversationId, Room>,
    bindings: Bindings,
    dropped: Vec<Dropped>,
    turn: turn::Turn,
    events: broadcast::Sender<Event>,
    /// Groups whose hints are wanted; none before we are registered.
    subscription: watch::Sender<Option<run::Subscription>>,
    rng: SystemRng,
}

impl Engine {
    fn open(
        config: Config,
        events: broadcast::Sender<Event>,
        subscription: watch::Sender<Option<run::Subscription>>,
    ) -> Result<Self, Error> {
        let transport = match &config.transport {
            Some(transport) => Arc::clone(transport),
            None => Arc::new(HttpTransport::new(&config.server)?),
        };
        let store = match &config.data {
            Some(path) => SqliteStore::open(path)?,
            None => SqliteStore::open_in_memory()?,
        };
        let base = config.provider.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519);
        let api = Api::new(transport, config.retries);
        let mut engine = Self {
            base: base.ok_or(Error::UnsupportedCipherSuite)?,
            config,
            store,
            api,
            me: None,
            rooms: BTreeMap::new(),
            bindings: Bindings::default(),
            dropped: Vec::new(),
            turn: turn::Turn::default(),
            events,
            subscription,
            rng: SystemRng,
        };
        engine.load_account()?;
        engine.load_rooms()?;
        engine.subscribe();
        Ok(engine)
    }

    fn me(&self) -> Result<&Me, Error> {
        self.me.as_ref().ok_or(Error::NotRegistered)
    }

    fn room(&self, id: &ConversationId) -> Result<&Room, Error> {
        self.rooms.get(id).ok_or(Error::UnknownConversation)
    }

    fn room_mut(&mut self, id: &ConversationId) -> Result<&mut Room, Error> {
        self.rooms.get_mut(id).ok_or(Error::UnknownConversation)
    }

    /// Tells whoever listens.
    fn tell(&self, event: Event) {
        // Nobody may be listening; the histories have it all the same.
        drop(self.events.send(event));
    }

    /// Says which groups' hints are wanted now.
    fn subscribe(&self) {
        let subscription = self.api.pass.clone().map(|pass| {
            let groups =
                self.rooms.iter().filter(|(_, room)| room.is_listening()).map(|(id, _)| id.0.clone()).collect();
            run::Subscription { pass, groups }
        });
        self.subscription.send_if_modified(|present| {
            let changed = *present != subscription;
            *present = subscription;
            changed
        });
    }

    /// Writes rows that go with no step of a group.
    fn write(&mut self, delta: &Delta) -> Result<(), Error> {
        if delta.is_empty() { Ok(()) } else { Ok(self.store.apply(delta)?) }
    }

    /// Notes that a change cannot come true; its row is erased by the caller's batch.
    fn give_up(&mut self, conversation: &ConversationId, intent: u64, change: Change, reason: Arc<Error>) {
        self.tell(Event::Dropped { conversation: conversation.clone(), change, reason: Arc::clone(&reason) });
        self.dropped.push(Dropped { conversation: conversation.clone(), intent, reason });
    }

    /// Remembers the server's history, or refuses another one than before.
    fn check_lineage(&mut self, lineage: Lineage) -> Result<(), Error> {
        let me = self.me.as_mut().ok_or(Error::NotRegistered)?;
        match me.account.lineage {
            Some(known) if known == lineage => Ok(()),
            Some(_) => Err(Error::ServerChanged),
            None => {
                me.account.lineage = Some(lineage);
                let mut delta = Delta::new();
                state::put(&mut delta, account_row(), &me.account)?;
                Ok(self.store.apply(&delta)?)
            }
        }
    }
}

fn account_row() -> RowKey {
    RowKey::new(state::ACCOUNT, Vec::new())
}

/// What the protocol is told of the world, at this moment.
fn inputs<'a>(policy: &'a Judge<'a>) -> Inputs<'a> {
    Inputs::new(policy).with_policy(&ConversationPolicy).at(now_seconds())
}

/// Seconds since the Unix epoch; 0 on a machine whose clock stands before it.
fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests;
