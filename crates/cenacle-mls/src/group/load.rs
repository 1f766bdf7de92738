//! A group read back from its rows. What was in memory when the process stopped is there again, except that one's own
//! ratchets stand where their reservations end.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};

use cenacle_codec::Decode;
use cenacle_crypto::{HpkeSecretKey, Secret, SecretBytes, Suite};

use super::{
    Client, Group, PublicGroup,
    external::pending_row,
    past::{PastEpoch, PastEpochs},
    pending::{PendingCommit, PendingRecord},
    proposals::{CachedProposal, ProposalCache},
    rows::{Header, PastLeaves, PastRow, PublicRow, check_format, erase_group},
    state::{EpochState, Revision},
    transition::NextEpoch,
};
use crate::{
    Error, Misuse,
    delta::{Change, Delta, PersistError, RowKey, Store, Table},
    limits::MAX_TREE_LEVEL,
    schedule::EpochSecrets,
    secret_tree::{SecretTree, SecretTreeRows, StoredSecretTree},
    tree::{Leaf, NodeIndex, TreePrivate},
    wire::{Epoch, GroupId, LeafIndex, ProposalRef},
};

const CORRUPT: Error = Error::Corrupt("group");

/// A store as it would be after some changes more.
pub(crate) struct View<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) changes: &'a [Change],
    pub(crate) group_id: &'a GroupId,
}

impl<S: Store> View<'_, S> {
    pub(crate) fn key(&self, table: Table) -> RowKey {
        RowKey::of_group(table, self.group_id)
    }

    /// The rows under a prefix, ascending by key.
    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, PersistError<S::Error>> {
        let stored = self.store.rows(prefix).map_err(PersistError::Store)?;
        if self.changes.is_empty() {
            return Ok(stored);
        }
        let mut rows: BTreeMap<_, _> = stored.into_iter().map(|(key, value)| (key.key, value)).collect();
        for change in self.changes {
            match change {
                Change::Put(key, value) if key.table == prefix.table && key.key.starts_with(&prefix.key) => {
                    rows.insert(key.key.clone(), value.duplicate());
                }
                Change::Delete(key) if key.table == prefix.table => {
                    rows.remove(&key.key);
                }
                Change::DeletePrefix(key) if key.table == prefix.table => {
                    rows.retain(|row, _| !row.starts_with(&key.key));
                }
                Change::Put(..) | Change::Delete(_) | Change::DeletePrefix(_) => {}
            }
        }
        Ok(rows.into_iter().map(|(key, value)| (RowKey::new(prefix.table, key), value)).collect())
    }

    /// The one row under a key that no other key begins with.
    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, PersistError<S::Error>> {
        if self.changes.is_empty() {
            return self.store.row(key).map_err(PersistError::Store);
        }
        Ok(self.rows(key)?.into_iter().find(|(found, _)| found == key).map(|(_, value)| value))
    }

    /// All rows under a prefix, with the positions that follow it.
    pub(crate) fn positions<P: Decode>(
        &self,
        prefix: &RowKey,
    ) -> Result<Vec<(P, SecretBytes)>, PersistError<S::Error>> {
        let decode = |(key, value): (RowKey, SecretBytes)| {
            let rest = key.key.strip_prefix(prefix.key.as_slice()).ok_or(CORRUPT)?;
            Ok((P::from_own_bytes(rest).map_err(|_| CORRUPT)?, value))
        };
        self.rows(prefix)?.into_iter().map(decode).collect()
    }

    pub(crate) fn required<T: Decode>(&self, key: &RowKey) -> Result<T, PersistError<S::Error>> {
        Ok(decode(&self.row(key)?.ok_or(CORRUPT)?)?)
    }

    /// A public half whose nodes are in `table`.
    pub(crate) fn public(
        &self,
        table: Table,
        row: PublicRow,
        suite: &dyn Suite,
    ) -> Result<PublicGroup, PersistError<S::Error>> {
        let nodes = self.positions::<NodeIndex>(&self.key(table))?;
        Ok(row.read(nodes.into_iter().map(Ok), suite)?)
    }

    fn state(&self, header: Header, suite: &dyn Suite) -> Result<EpochState, PersistError<S::Error>> {
        let mut keys = Vec::new();
        for (node, value) in self.positions::<u32>(&self.key(Table::TREE_PRIVATE))? {
            keys.push((NodeIndex(node), Arc::new(decode::<HpkeSecretKey>(&value)?)));
        }
        Ok(EpochState {
            public: self.public(Table::TREE_NODE, header.public, suite)?,
            secrets: match header.active {
                0 => EpochSecrets::erased(),
                _ => self.required(&self.key(Table::EPOCH))?,
            },
            private: TreePrivate::from_keys(header.own_leaf, keys),
        })
    }

    fn secret_tree(&self, epoch: Epoch, root: NodeIndex) -> Result<SecretTree, PersistError<S::Error>> {
        let rows = SecretTreeRows { group_id: self.group_id, epoch };
        let table = |table| self.rows(&rows.prefix(table));
        let stored = StoredSecretTree {
            nodes: table(Table::SECRET_TREE)?,
            ratchets: table(Table::RATCHET)?,
            skipped: table(Table::SKIPPED_KEY)?,
        };
        Ok(rows.load(root, stored)?)
    }

    fn past_leaves(&self, epoch: Epoch) -> Result<PastLeaves, PersistError<S::Error>> {
        let mut leaves = PastLeaves::new();
        let prefix = RowKey::of_epoch(Table::PAST_LEAF, self.group_id, epoch);
        for (leaf, value) in self.positions::<LeafIndex>(&prefix)? {
            leaves.insert(leaf, decode::<Option<Leaf>>(&value)?);
        }
        Ok(leaves)
    }

    /// The past epochs without their leaves and secret trees.
    pub(crate) fn past_headers(&self) -> Result<PastEpochs, PersistError<S::Error>> {
        let mut past = VecDeque::new();
        for (epoch, value) in self.positions::<Epoch>(&self.key(Table::PAST_EPOCH))? {
            let row = decode::<PastRow>(&value)?;
            let belongs = row.context.group_id == *self.group_id && row.context.epoch == epoch;
            if !belongs || row.level > MAX_TREE_LEVEL {
                return Err(CORRUPT.into());
            }
            past.push_front(PastEpoch {
                context: Arc::new(row.context),
                sender_data_secret: Arc::new(row.sender_data_secret),
                secret_tree: SecretTree::unread(NodeIndex::root_of_level(row.level)),
                own_leaf: row.own_leaf,
                replaced: Arc::default(),
            });
        }
        Ok(PastEpochs(past))
    }

    fn past(&self) -> Result<PastEpochs, PersistError<S::Error>> {
        let mut past = self.past_headers()?;
        for past in &mut past.0 {
            let (epoch, root) = (past.context.epoch, past.secret_tree.root());
            past.secret_tree = self.secret_tree(epoch, root)?;
            past.replaced = Arc::new(self.past_leaves(epoch)?);
        }
        Ok(past)
    }

    /// What a secret tree has of one sender.
    pub(crate) fn sender_secrets(
        &self,
        epoch: Epoch,
        root: NodeIndex,
        leaf: LeafIndex,
    ) -> Result<SecretTree, PersistError<S::Error>> {
        let rows = SecretTreeRows { group_id: self.group_id, epoch };
        let of_sender = |table| self.rows(&rows.prefix(table).and(&leaf));
        let (ratchets, skipped) = (of_sender(Table::RATCHET)?, of_sender(Table::SKIPPED_KEY)?);
        let mut nodes = Vec::new();
        // A sender without ratchets has them yet to grow from the one undivided secret above it.
        let mut above = Some(root).filter(|_| ratchets.is_empty());
        while let Some(node) = above {
            nodes.extend(self.rows(&rows.node(node))?);
            above = node.child_towards(leaf.node_index()).filter(|_| nodes.is_empty());
        }
        Ok(rows.load(root, StoredSecretTree { nodes, ratchets, skipped })?)
    }

    fn resumption_psks(&self) -> Result<BTreeMap<Epoch, Arc<Secret>>, PersistError<S::Error>> {
        let rows = self.positions::<Epoch>(&self.key(Table::RESUMPTION_PSK))?.into_iter();
        Ok(rows.map(|(epoch, value)| Ok((epoch, Arc::new(decode(&value)?)))).collect::<Result<_, Error>>()?)
    }

    pub(crate) fn cached(&self, table: Table) -> Result<Vec<Arc<CachedProposal>>, PersistError<S::Error>> {
        let read = |(position, value): (u32, SecretBytes)| {
            let cached = decode::<CachedProposal>(&value)?;
            if cached.position == position { Ok(Arc::new(cached)) } else { Err(CORRUPT) }
        };
        Ok(self.positions(&self.key(table))?.into_iter().map(read).collect::<Result<_, Error>>()?)
    }

    fn proposals(&self) -> Result<ProposalCache, PersistError<S::Error>> {
        let mut cache = ProposalCache { entries: self.cached(Table::PROPOSAL)?, ..ProposalCache::default() };
        for (reference, value) in self.positions::<ProposalRef>(&self.key(Table::UPDATE_KEY))? {
            cache.update_keys.push((reference, Arc::new(decode(&value)?)));
        }
        Ok(cache)
    }
}

pub(crate) fn decode<T: Decode>(value: &SecretBytes) -> Result<T, Error> {
    T::from_own_bytes(value.expose()).map_err(|_| CORRUPT)
}

/// A group's header, or `None` where there is no such group.
pub(crate) fn read_header<S: Store>(store: &S, group_id: &GroupId) -> Result<Option<Header>, PersistError<S::Error>> {
    let row = store.row(&RowKey::of_group(Table::GROUP, group_id)).map_err(PersistError::Store)?;
    let Some(row) = row else { return Ok(None) };
    check_format(&row)?;
    Ok(Some(header_of(group_id, &row)?))
}

/// A header that is the group's whose row it stands in.
fn header_of(group_id: &GroupId, row: &SecretBytes) -> Result<Header, Error> {
    let header = decode::<Header>(row)?;
    if header.public.context.group_id == *group_id && header.active <= 1 { Ok(header) } else { Err(CORRUPT) }
}

impl Client {
    /// Reads a group back. Of one that this client was removed from only the public half is left, as it was last.
    ///
    /// Hold a group once: two values of the same group would use the same message keys.
    ///
    /// # Errors
    /// `Store` when the medium fails, `State(Corrupt)` when rows are damaged, `State(Misuse(WrongKey))` when the group was
    /// joined with another signature key or suite.
    pub fn load_group<S: Store>(&self, store: &S, group_id: &GroupId) -> Result<Option<Group>, PersistError<S::Error>> {
        let Some(header) = read_header(store, group_id)? else { return Ok(None) };
        let active = header.active != 0;
        let view = View { store, changes: &[], group_id };
        if header.public.context.cipher_suite != self.suite.cipher_suite() {
            return Err(Error::from(Misuse::WrongKey).into());
        }
        let state = view.state(header, self.suite())?;
        let own = state.public.tree.leaf(state.private.own_leaf()).ok_or(CORRUPT)?;
        let client = Arc::new(self.behind(&own).ok_or(Error::from(Misuse::WrongKey))?.clone());
        let resumption_psks = view.resumption_psks()?;
        // The present epoch's stands among its other secrets, too.
        let present = resumption_psks.get(&state.public.epoch());
        if active && !present.is_some_and(|psk| psk.ct_eq(&state.secrets.resumption_psk)) {
            return Err(CORRUPT.into());
        }
        let pending = load_pending(&view, state.public.epoch(), self.suite())?;
        if pending.as_ref().is_some_and(|pending| !pending.next.is_of(self)) {
            return Err(Error::from(Misuse::WrongKey).into());
        }
        Ok(Some(Group {
            client,
            revision: Revision::default(),
            awaited: None,
            active,
            secret_tree: view.secret_tree(state.public.epoch(), state.public.tree.root())?,
            pending,
            state: Arc::new(state),
            proposals: view.proposals()?,
            past: view.past()?,
            resumption_psks,
            pathless_welcome: view.row(&view.key(Table::PATHLESS_WELCOME))?.as_ref().map(decode).transpose()?,
        }))
    }

    /// Erases what is left of a group in a store. With it goes the knowledge that it was ever joined: a Welcome for a key
    /// package of last resort that was used before would then be taken again, and its keys with it.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn forget_group<S: Store>(store: &mut S, group_id: &GroupId) -> Result<(), S::Error> {
        let mut delta = Delta::new();
        erase_group(group_id, &mut delta);
        delta.delete(pending_row(group_id));
        store.apply(&delta)
    }

    /// The groups in a store, those this client was removed from among them.
    ///
    /// # Errors
    /// `Store` when the medium fails, `State(Corrupt)` when rows are damaged.
    pub fn stored_groups<S: Store>(store: &S) -> Result<Vec<GroupId>, PersistError<S::Error>> {
        let rows = store.rows(&RowKey::new(Table::GROUP, Vec::new())).map_err(PersistError::Store)?;
        let ids = rows.into_iter().map(|(key, _)| GroupId::from_bytes(&key.key).map_err(|_| CORRUPT));
        Ok(ids.collect::<Result<_, Error>>()?)
    }
}

/// A pending commit with the epoch it will begin, read from the rows as they will then be.
fn load_pending<S: Store>(
    view: &View<'_, S>,
    present: Epoch,
    suite: &dyn Suite,
) -> Result<Option<Arc<PendingCommit>>, PersistError<S::Error>> {
    let Some(row) = view.row(&view.key(Table::PENDING_COMMIT))? else { return Ok(None) };
    let record = decode::<PendingRecord>(&row)?;
    let after = View { changes: &record.changes, ..*view };
    let header = header_of(view.group_id, &after.row(&after.key(Table::GROUP))?.ok_or(CORRUPT)?)?;
    let state = after.state(header, suite)?;
    let next = NextEpoch {
        secret_tree: after.secret_tree(state.public.epoch(), state.public.tree.root())?,
        state: Arc::new(state),
        replaced: Arc::new(after.past_leaves(present)?),
        past_epochs: record.past_epochs,
    };
    Ok(Some(Arc::new(PendingCommit { record, next })))
}
