//! A step of the group as a value: what would be stored, what would change, what would come out (see the chapter's
//! diagram). Nothing is real before [`Group::merge`].

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_codec::{Encode, Writer};
use cenacle_crypto::HpkeSecretKey;

use super::{
    Client, Group,
    past::PastEpoch,
    pending::PendingCommit,
    proposals::{CachedProposal, ProposalCache},
    state::{EpochState, Revision},
};
use crate::{
    Error, Misuse,
    delta::{Delta, PersistError, RowKey, Store, Unreleased, Written},
    secret_tree::{SecretTree, SecretTreeChange},
    tree::Leaf,
    wire::{Epoch, LeafIndex, ProposalRef},
};

/// A prepared step of a group. It fits the state it was made from and no other.
#[must_use = "nothing happens before the transition is merged"]
#[derive(Debug)]
pub struct Transition<T> {
    pub(crate) base: Revision,
    pub(crate) step: Unreleased<(StateChange, T)>,
}

/// The other half of a [`Transition`] whose delta was handed out to be written.
#[must_use = "nothing happens before the transition is merged"]
#[derive(Debug)]
pub struct AwaitingMerge<T> {
    base: Revision,
    step: crate::delta::AwaitingWrite<(StateChange, T)>,
}

/// What a step does to the group in memory.
#[derive(Debug, Default)]
pub(crate) struct StateChange {
    /// A message key was used, in this epoch's secret tree.
    pub(crate) used: Option<(Epoch, SecretTreeChange)>,
    /// What else happens.
    pub(crate) event: StateEvent,
}

#[derive(Debug, Default)]
pub(crate) enum StateEvent {
    #[default]
    None,
    /// A proposal waits, perhaps an own Update with its key.
    Proposal(Arc<CachedProposal>, Option<(ProposalRef, Arc<HpkeSecretKey>)>),
    /// An own commit waits for its echo. Perhaps it has a Welcome and no path.
    Pending(Arc<PendingCommit>, bool),
    /// A waiting proposal is set aside.
    SetAside(Arc<CachedProposal>),
    /// The own commit is given up.
    Discard,
    /// A new epoch begins.
    Epoch(NextEpoch),
    /// One's own member is out.
    Removed,
}

/// A new epoch, ready to be taken into use.
#[derive(Clone, Debug)]
pub(crate) struct NextEpoch {
    pub(crate) state: Arc<EpochState>,
    pub(crate) secret_tree: SecretTree,
    /// The leaves that changed, as they were.
    pub(crate) replaced: Arc<BTreeMap<LeafIndex, Option<Leaf>>>,
    /// For how many past epochs its rows were made.
    pub(crate) past_epochs: u32,
}

impl NextEpoch {
    /// Whether this client, or its successor, has the own leaf of that epoch.
    pub(crate) fn is_of(&self, client: &Client) -> bool {
        let own = self.state.public.tree.leaf(self.state.private.own_leaf());
        own.is_some_and(|leaf| client.behind(&leaf).is_some())
    }
}

impl<T> Transition<T> {
    pub(crate) const fn new(base: Revision, delta: Delta, change: StateChange, output: T) -> Self {
        Self { base, step: Unreleased::new(delta, (change, output)) }
    }

    /// What will be stored.
    pub const fn delta(&self) -> &Delta {
        self.step.delta()
    }

    /// What will be stored, so that the application can add rows of its own to the same batch.
    pub const fn delta_mut(&mut self) -> &mut Delta {
        self.step.delta_mut()
    }

    /// Writes, in the same batch, a row made of `header` and an encoding of what is to be released: an outbox. What is lost
    /// between the store and the network is found there after a restart.
    ///
    /// # Errors
    /// When the output is too long to encode.
    pub fn store_output_as(&mut self, key: RowKey, header: &[u8]) -> Result<(), Error>
    where
        T: Encode,
    {
        let mut row = Writer::new();
        row.bytes(header).put(&self.step.value().1);
        let row = row.finish()?;
        self.step.delta_mut().put(key, row);
        Ok(())
    }

    pub(crate) const fn output(&self) -> &T {
        &self.step.value().1
    }

    /// The change and output without a store: for what is not a group to anyone yet.
    pub(crate) fn into_parts(self) -> (StateChange, T) {
        self.step.into_value()
    }
}

impl Group {
    /// Stores the transition's delta, then takes it into use and releases its output.
    ///
    /// # Errors
    /// `State(Misuse(Outdated))` when the group has moved on since the transition was made; `Store` when the medium failed.
    /// Either way nothing has changed.
    pub fn merge<T, S: Store>(
        &mut self,
        transition: Transition<T>,
        store: &mut S,
    ) -> Result<T, PersistError<S::Error>> {
        self.check_base(&transition.base)?;
        let (change, output) = transition.step.persist(store).map_err(PersistError::Store)?;
        self.take(change);
        Ok(output)
    }

    /// Hands out a transition's delta for a store with another interface; [`Group::merge_written`] follows. No other transition
    /// is merged before that, so that no two of one state are ever written.
    ///
    /// # Errors
    /// `Misuse(Outdated)` when the group has moved on since the transition was made.
    pub fn split<T>(&mut self, transition: Transition<T>) -> Result<(Delta, AwaitingMerge<T>), Error> {
        self.check_base(&transition.base)?;
        let (delta, step) = transition.step.split();
        let base = Revision::default();
        self.awaited = Some(base.clone());
        Ok((delta, AwaitingMerge { base, step }))
    }

    /// Takes a transition into use whose delta was written. Until then nothing else is merged: where the delta could not be
    /// written, or nobody knows whether it was, the group has to be loaded again from its store.
    ///
    /// # Errors
    /// `Misuse(Outdated)` when the proof is of another delta, or this was split from another group.
    pub fn merge_written<T>(&mut self, awaiting: AwaitingMerge<T>, written: &Written) -> Result<T, Error> {
        if self.awaited.as_ref() != Some(&awaiting.base) {
            return Err(Misuse::Outdated.into());
        }
        let (change, output) = awaiting.step.release(written)?;
        self.awaited = None;
        self.take(change);
        Ok(output)
    }

    fn check_base(&self, base: &Revision) -> Result<(), Error> {
        if *base == self.revision && self.awaited.is_none() { Ok(()) } else { Err(Misuse::Outdated.into()) }
    }

    /// The one place where a group changes. Cannot fail.
    fn take(&mut self, change: StateChange) {
        self.revision = Revision::default();
        if let Some((epoch, used)) = change.used {
            if epoch == self.epoch() {
                self.secret_tree.apply(used);
            } else if let Some(past) = self.past.find_mut(epoch) {
                past.secret_tree.apply(used);
            }
        }
        match change.event {
            StateEvent::None => {}
            StateEvent::Proposal(proposal, update_key) => {
                self.proposals.entries.push(proposal);
                self.proposals.update_keys.extend(update_key);
            }
            StateEvent::Pending(pending, pathless_welcome) => {
                self.pending = Some(pending);
                self.pathless_welcome = if pathless_welcome { Some(self.epoch()) } else { self.pathless_welcome };
            }
            StateEvent::SetAside(cached) => self.proposals.replace(&cached),
            StateEvent::Discard => self.pending = None,
            StateEvent::Epoch(next) => self.begin(next),
            StateEvent::Removed => self.leave(),
        }
    }

    /// Takes one's own first commit into use in a group that is being founded: nothing of the time before it is kept.
    pub(crate) fn found(&mut self, first: &PendingCommit) {
        self.take(StateChange { used: None, event: StateEvent::Epoch(first.next.clone()) });
        self.past.0.clear();
        let present = self.epoch();
        self.resumption_psks.retain(|epoch, _| *epoch == present);
    }

    fn begin(&mut self, next: NextEpoch) {
        let over = core::mem::replace(&mut self.state, next.state);
        let own = self.own_leaf();
        let replaced = over.public.tree.shared_leaf(own) != self.public().tree.shared_leaf(own);
        let secret_tree = core::mem::replace(&mut self.secret_tree, next.secret_tree);
        self.past.0.push_front(PastEpoch {
            context: Arc::clone(&over.public.context),
            sender_data_secret: Arc::new(over.secrets.sender_data_secret.duplicate()),
            secret_tree,
            own_leaf: over.private.own_leaf(),
            replaced: next.replaced,
        });
        // The limit may have become wider since the rows of a pending commit were made: they have no more than this.
        let kept = self.client.settings.limits.past_epochs.min(next.past_epochs);
        self.past.0.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        let resumption_psk = Arc::new(self.state.secrets.resumption_psk.duplicate());
        self.resumption_psks.insert(self.state.public.epoch(), resumption_psk);
        while self.resumption_psks.len() > self.kept_resumption_psks() {
            self.resumption_psks.pop_first();
        }
        self.proposals = ProposalCache::default();
        self.pending = None;
        if let Some(successor) = self.client.successor.as_ref().filter(|_| replaced)
            && self.member(own).is_some_and(|leaf| successor.has(&leaf))
        {
            self.client = Arc::clone(successor);
        }
    }

    /// RFC 9420 §12.4.2: one who is removed "SHOULD promptly delete its group state and secret tree".
    fn leave(&mut self) {
        self.active = false;
        self.state = Arc::new(self.state.without_secrets());
        self.secret_tree.erase();
        self.past.0.clear();
        self.resumption_psks.clear();
        self.proposals = ProposalCache::default();
        self.pending = None;
    }
}
