//! What all ways into a group end with: a [`NewGroup`], which takes the place of another or of none once it is stored.

use alloc::{collections::BTreeMap, sync::Arc};

use super::{
    Client, Group, PublicGroup,
    external::pending_row,
    load::read_header,
    past::PastEpochs,
    proposals::ProposalCache,
    rows::{erase_group, write_new_group},
    state::{EpochState, Revision},
};
use crate::{
    Error, Misuse, Need,
    delta::{Delta, PersistError, RowKey, Store},
    schedule::EpochSecrets,
    secret_tree::SecretTree,
    tree::TreePrivate,
    wire::{Epoch, LeafIndex, ResumptionPskUsage},
};

/// A group that is ready to be taken into use, once it is stored.
#[must_use = "the group exists only once it is stored"]
#[derive(Debug)]
pub struct NewGroup {
    delta: Delta,
    group: Group,
    /// In which way it continues another.
    continues: Option<ResumptionPskUsage>,
    /// The epoch in which a group of the same identifier was re-initialised to this one.
    replaces: Option<Epoch>,
    /// Whether this client made the epoch itself, by an external commit: no key of it was ever used.
    fresh: bool,
    /// The row of the one-time key package that it uses up.
    uses: Option<RowKey>,
}

impl NewGroup {
    pub(crate) fn new(
        client: &Client,
        public: PublicGroup,
        secrets: EpochSecrets,
        private: TreePrivate,
        secret_tree: SecretTree,
    ) -> Result<Self, Error> {
        let resumption_psk = Arc::new(secrets.resumption_psk.duplicate());
        let state = EpochState { public, secrets, private };
        Self::of(Group {
            client: Arc::new(client.clone()),
            revision: Revision::default(),
            awaited: None,
            active: true,
            resumption_psks: BTreeMap::from([(state.public.epoch(), resumption_psk)]),
            state: Arc::new(state),
            secret_tree,
            proposals: ProposalCache::default(),
            pending: None,
            past: PastEpochs::default(),
            pathless_welcome: None,
        })
    }

    /// A group at the beginning of an epoch, that no store has yet.
    pub(crate) fn of(group: Group) -> Result<Self, Error> {
        let mut delta = Delta::new();
        write_new_group(&group.state, &group.secret_tree, &mut delta)?;
        delta.delete(pending_row(group.group_id()));
        Ok(Self { delta, group, continues: None, replaces: None, fresh: false, uses: None })
    }

    /// The group as one whose present epoch this client made.
    pub(crate) const fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// The group as one that uses up the one-time key package of this row.
    pub(crate) fn using(mut self, key_package: RowKey) -> Self {
        self.delta.delete(key_package.clone());
        self.uses = Some(key_package);
        self
    }

    pub(crate) const fn group(&self) -> &Group {
        &self.group
    }

    pub(crate) fn into_group(self) -> Group {
        self.group
    }

    /// The group as one that continues `origin` in this way, perhaps under the same identifier.
    pub(crate) fn continuing(mut self, continues: Option<ResumptionPskUsage>, origin: Option<&Group>) -> Self {
        let succeeds =
            |old: &&Group| continues == Some(ResumptionPskUsage::Reinit) && old.group_id() == self.group.group_id();
        self.replaces = origin.filter(succeeds).map(Group::epoch);
        self.continues = continues;
        self
    }

    /// In which way it continues the group of [`Inputs::with_origin`](super::Inputs::with_origin): `Reinit` or `Branch` (RFC 9420 §11.2, §11.3), `None` if
    /// it continues none. Whoever waits for a group's successor, or for a branch, looks here: any group may be joined.
    #[must_use]
    pub const fn continues(&self) -> Option<ResumptionPskUsage> {
        self.continues
    }

    /// The public half, to be looked at before the group is accepted.
    #[must_use]
    pub fn public(&self) -> &PublicGroup {
        self.group.public()
    }

    /// One's own leaf in it.
    #[must_use]
    pub fn own_leaf(&self) -> LeafIndex {
        self.group.own_leaf()
    }

    /// What will be stored.
    #[must_use]
    pub const fn delta(&self) -> &Delta {
        &self.delta
    }

    /// What will be stored, so that the application can add rows of its own to the same batch.
    pub const fn delta_mut(&mut self) -> &mut Delta {
        &mut self.delta
    }

    /// Stores the group and takes it into use.
    ///
    /// # Errors
    /// `State(Misuse(GroupExists))` when one's own member is in a group of this identifier already: RFC 9420 §12.4.3.1
    /// demands identifiers to be unique. The one exception is a group that was re-initialised to this one: it ends here, and
    /// a value of it that is still held must not be merged into any more. [`NewGroup::accept_in_place_of`] takes it.
    /// `State(Stale)` when this client was in a later epoch before. `State(Missing(KeyPackage))` when the key package was used
    /// for another group since. `Store` when the medium failed. Either way nothing has changed.
    pub fn accept<S: Store>(self, store: &mut S) -> Result<Group, PersistError<S::Error>> {
        match read_header(store, self.group.group_id())? {
            Some(header) if header.public.reinit.is_some() && self.replaces == Some(header.public.context.epoch) => {
                self.store_over(store)
            }
            Some(header) if header.active != 0 => Err(Error::from(Misuse::GroupExists).into()),
            // An old Welcome would bring back keys that were used.
            Some(header) if !self.fresh && header.public.context.epoch >= self.group.epoch() => {
                Err(Error::Stale(self.group.epoch()).into())
            }
            Some(_) => self.store_over(store),
            None => self.store(Delta::new(), store),
        }
    }

    /// As [`NewGroup::accept`], in place of `old`, which is over: what a resync needs, and a group that `old` was
    /// re-initialised to under its own identifier. `old` is gone even if this fails; it can be loaded again.
    ///
    /// # Errors
    /// `State(Misuse(WrongGroup))` when `old` is another group, `State(Stale)` when it, or what is stored, was in a later
    /// epoch, `State(Missing(KeyPackage))` as for [`NewGroup::accept`]; `Store` when the medium failed.
    #[expect(clippy::needless_pass_by_value, reason = "the old group must not be used again")]
    pub fn accept_in_place_of<S: Store>(self, old: Group, store: &mut S) -> Result<Group, PersistError<S::Error>> {
        if old.group_id() != self.group.group_id() {
            return Err(Error::from(Misuse::WrongGroup).into());
        }
        let stored = read_header(store, self.group.group_id())?.map(|header| header.public.context.epoch);
        let latest = stored.map_or(old.epoch(), |stored| stored.max(old.epoch()));
        let succeeds = old.reinit().is_some() && self.replaces == Some(latest);
        if !succeeds && !self.fresh && latest >= self.group.epoch() {
            return Err(Error::Stale(self.group.epoch()).into());
        }
        self.store_over(store)
    }

    /// RFC 9420 §16.8: a key package is used once, unless it is one of last resort.
    fn check_unused<S: Store>(&self, store: &S) -> Result<(), PersistError<S::Error>> {
        let Some(row) = &self.uses else { return Ok(()) };
        let kept = store.row(row).map_err(PersistError::Store)?;
        kept.map(drop).ok_or_else(|| Error::Missing(Need::KeyPackage).into())
    }

    fn store_over<S: Store>(self, store: &mut S) -> Result<Group, PersistError<S::Error>> {
        let mut delta = Delta::new();
        erase_group(self.group.group_id(), &mut delta);
        self.store(delta, store)
    }

    fn store<S: Store>(self, mut delta: Delta, store: &mut S) -> Result<Group, PersistError<S::Error>> {
        self.check_unused(store)?;
        delta.append(self.delta);
        store.apply(&delta).map_err(PersistError::Store)?;
        Ok(self.group)
    }
}
