//! A group without its tree. Application messages need the epoch's secrets and one leaf, so that the first can be sent and
//! read while the tree, which grows with the group, is still in the store.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cenacle_crypto::Rng;

use super::{
    AwaitingMerge, Client, Group, Opened, Received, Transition,
    load::{View, decode, read_header},
    proposals::ProposalCache,
    rows::Header,
    state::{EpochState, Revision},
};
use crate::{
    Error, Misuse,
    delta::{Delta, PersistError, RowKey, Store, Table, Written},
    secret_tree::SecretTree,
    tree::{Leaf, RatchetTree, TreePrivate},
    wire::{ContentType, Epoch, GroupContext, GroupId, LeafIndex, LeafNode, MlsMessage, MlsMessageBody},
};

const CORRUPT: Error = Error::Corrupt("group");

/// A member's group of which the tree was not read. It sends and receives application data; what a message needs of its
/// sender is read when it comes. For everything else there is [`PartialGroup::complete`].
#[derive(Debug)]
pub struct PartialGroup {
    /// Its tree has no leaves but those of the senders that were read, and no keys: nothing but messages may see it.
    group: Group,
    /// Of whom everything was read, in which epoch.
    read: BTreeSet<(Epoch, LeafIndex)>,
}

impl Client {
    /// Reads of a group what application messages need: a few rows, however many members there are.
    ///
    /// Hold a group once: this and another value of the same group would use the same message keys.
    ///
    /// ```
    /// # use cenacle_mls::{Error, Misuse, delta::{PersistError, Store}, group::*, wire::*};
    /// # fn read<S: Store>(client: &Client, store: &mut S, id: &GroupId, message: &MlsMessage) -> Result<Option<Received>, PersistError<S::Error>> {
    /// let Some(mut group) = client.open_group(store, id)? else { return Ok(None) };
    /// match group.open(message, store) {
    ///     Ok(opened) => {
    ///         let transition = group.stage(opened)?;
    ///         group.merge(transition, store).map(Some)
    ///     }
    ///     // A proposal or commit: the same message once more, to the whole group.
    ///     Err(PersistError::State(Error::Misuse(Misuse::TreeNotRead))) => {
    ///         let mut group = group.complete(client, store)?;
    ///         let transition = group.stage(group.open(message)?, &Inputs::new(&AcceptAll))?;
    ///         group.merge(transition, store).map(Some)
    ///     }
    ///     Err(error) => Err(error),
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::load_group`]; `State(Misuse(NotMember))` when this client was removed from the group. That a waiting commit
    /// is another client's shows when the rest is read.
    pub fn open_group<S: Store>(
        &self,
        store: &S,
        group_id: &GroupId,
    ) -> Result<Option<PartialGroup>, PersistError<S::Error>> {
        let Some(header) = read_header(store, group_id)? else { return Ok(None) };
        if header.active == 0 {
            return Err(Error::from(Misuse::NotMember).into());
        }
        if header.public.context.cipher_suite != self.suite.cipher_suite() {
            return Err(Error::from(Misuse::WrongKey).into());
        }
        let view = View { store, changes: &[], group_id };
        let own_leaf = header.own_leaf;
        let own: LeafNode = view.required(&view.key(Table::TREE_NODE).and(&own_leaf.node_index()))?;
        let client = self.behind(&own).ok_or(Error::from(Misuse::WrongKey))?;
        let mut partial = PartialGroup { group: client.without_tree(&view, header)?, read: BTreeSet::new() };
        let epoch = partial.epoch();
        if partial.read_sender(epoch, own_leaf, store)? { Ok(Some(partial)) } else { Err(CORRUPT.into()) }
    }

    fn without_tree<S: Store>(&self, view: &View<'_, S>, header: Header) -> Result<Group, PersistError<S::Error>> {
        let secrets = view.required(&view.key(Table::EPOCH))?;
        let Header { public, own_leaf, .. } = header;
        let tree = RatchetTree::unread(public.level, public.context.tree_hash);
        let public = public.with_tree(tree);
        let secret_tree = SecretTree::unread(public.tree.root());
        Ok(Group {
            client: Arc::new(self.clone()),
            revision: Revision::default(),
            awaited: None,
            active: true,
            secret_tree,
            pending: None,
            proposals: ProposalCache { entries: view.cached(Table::PROPOSAL)?, ..ProposalCache::default() },
            past: view.past_headers()?,
            resumption_psks: BTreeMap::new(),
            pathless_welcome: None,
            state: Arc::new(EpochState { public, secrets, private: TreePrivate::without_keys(own_leaf) }),
        })
    }
}

impl PartialGroup {
    /// The context of the epoch.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        self.group.public().context()
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.group.epoch()
    }

    /// One's own leaf.
    #[must_use]
    pub fn own_leaf(&self) -> LeafIndex {
        self.group.own_leaf()
    }

    /// As [`Group::protect`].
    ///
    /// # Errors
    /// As there; on `Misuse(ProposalsPending)` complete the group and commit.
    pub fn protect(
        &self,
        data: &[u8],
        authenticated_data: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Transition<MlsMessage>, Error> {
        self.group.protect(data, authenticated_data, rng)
    }

    /// As [`Group::open`], for application data. What is needed of its sender is read from the store, if it was not yet.
    ///
    /// # Errors
    /// `State(Misuse(TreeNotRead))` for proposals and commits, and when the sender is not in the store; otherwise as there, and `Store` when the medium fails.
    pub fn open<S: Store>(&mut self, message: &MlsMessage, store: &S) -> Result<Opened, PersistError<S::Error>> {
        if let MlsMessageBody::PrivateMessage(inner) = &message.body {
            if inner.content_type != ContentType::Application {
                return Err(Error::from(Misuse::TreeNotRead).into());
            }
            let sender = self.group.sender_of(inner)?;
            // Where something is missing, the whole group can tell a liar from a store that lost rows.
            if !self.read_sender(inner.epoch, sender, store)? {
                return Err(Error::from(Misuse::TreeNotRead).into());
            }
        } else if matches!(message.body, MlsMessageBody::PublicMessage(_)) {
            return Err(Error::from(Misuse::TreeNotRead).into());
        }
        Ok(self.group.open(message)?)
    }

    /// As [`Group::stage`]. Application data asks no policy and needs no inputs, and nothing else can be opened here.
    ///
    /// # Errors
    /// As there.
    pub fn stage(&self, opened: Opened) -> Result<Transition<Received>, Error> {
        self.group.stage(opened, &super::Inputs::new(&super::AcceptAll))
    }

    /// As [`Group::merge`].
    ///
    /// # Errors
    /// As there.
    pub fn merge<T, S: Store>(
        &mut self,
        transition: Transition<T>,
        store: &mut S,
    ) -> Result<T, PersistError<S::Error>> {
        self.group.merge(transition, store)
    }

    /// As [`Group::split`].
    ///
    /// # Errors
    /// As there.
    pub fn split<T>(&mut self, transition: Transition<T>) -> Result<(Delta, AwaitingMerge<T>), Error> {
        self.group.split(transition)
    }

    /// As [`Group::merge_written`].
    ///
    /// # Errors
    /// As there.
    pub fn merge_written<T>(&mut self, awaiting: AwaitingMerge<T>, written: &Written) -> Result<T, Error> {
        self.group.merge_written(awaiting, written)
    }

    /// Reads the rest. `client` is as for [`Client::load_group`]: this value knows only the one behind its leaf.
    ///
    /// # Errors
    /// As [`Client::load_group`], `State(Corrupt)` when the group is not in the store. This value is gone then; open it anew.
    pub fn complete<S: Store>(self, client: &Client, store: &S) -> Result<Group, PersistError<S::Error>> {
        // The store has all that was merged, and this value is gone: no key is used twice.
        Ok(client.load_group(store, self.group.group_id())?.ok_or(CORRUPT)?)
    }

    /// Reads a member's leaf and secrets as they were in an epoch, unless that was done. Gives whether there are any; a leaf
    /// outside the tree is left to [`Group::open`] to refuse.
    fn read_sender<S: Store>(
        &mut self,
        epoch: Epoch,
        leaf: LeafIndex,
        store: &S,
    ) -> Result<bool, PersistError<S::Error>> {
        let tree = self.group.public().tree.root();
        let root = self.group.past.find(epoch).map_or(tree, |past| past.secret_tree.root());
        if self.read.contains(&(epoch, leaf)) || !root.contains(leaf.node_index()) {
            return Ok(true);
        }
        let group_id = self.group.group_id().clone();
        let view = View { store, changes: &[], group_id: &group_id };
        let secrets = view.sender_secrets(epoch, root, leaf)?;
        for past in &mut self.group.past.0 {
            let row = RowKey::of_epoch(Table::PAST_LEAF, &group_id, past.context.epoch).and(&leaf);
            if let Some(value) = store.row(&row).map_err(PersistError::Store)? {
                let before = decode::<Option<Leaf>>(&value)?;
                Arc::make_mut(&mut past.replaced).insert(leaf, before);
            }
        }
        let row = view.key(Table::TREE_NODE).and(&leaf.node_index().0);
        if let Some(value) = store.row(&row).map_err(PersistError::Store)? {
            // No transition of a partial group begins an epoch, and nothing else keeps the state.
            let state = Arc::get_mut(&mut self.group.state).ok_or(CORRUPT)?;
            state.public.tree.put_leaf(leaf, decode(&value)?)?;
        }
        if secrets.is_empty() || self.group.past.leaf(epoch, leaf, &self.group.public().tree).is_none() {
            return Ok(false);
        }
        match self.group.past.find_mut(epoch) {
            Some(past) => past.secret_tree.absorb(secrets),
            None => self.group.secret_tree.absorb(secrets),
        }
        self.read.insert((epoch, leaf));
        Ok(true)
    }
}
