//! A group as rows: what each step writes, and nothing more. A commit rewrites the changed path, a message one ratchet.

use alloc::sync::Arc;

use cenacle_codec::codec_struct;
use cenacle_crypto::{Digest, HpkeSecretKey, Secret, SecretBytes, Suite};

use super::{Group, PublicGroup, past::PastEpoch, proposals::CachedProposal, state::EpochState, transition::NextEpoch};
use crate::{
    Error,
    delta::{Delta, RowKey, RowValue, Table},
    secret_tree::{SecretTree, SecretTreeRows},
    tree::{Leaf, RatchetTree, TreeRow},
    wire::{Epoch, GroupContext, GroupId, LeafIndex, ProposalRef, ReInit},
};

/// Layout of the rows. A file with another number was written by another release.
pub(crate) const FORMAT: u16 = 4;

codec_struct! {
    /// The group's public header: enough to know the group without its tree.
    #[derive(Debug)]
    pub(crate) struct Header {
        pub(crate) public: PublicRow,
        /// 1 while one's own member is in the group.
        pub(crate) active: u8,
        pub(crate) own_leaf: LeafIndex,
    }

    /// The public half of a group but for the nodes of its tree.
    #[derive(Debug)]
    pub(crate) struct PublicRow {
        /// The layout's number: see [`FORMAT`].
        pub(crate) format: u16,
        pub(crate) context: GroupContext,
        pub(crate) interim_transcript_hash: Digest,
        pub(crate) confirmation_tag: Digest,
        /// Width of the tree: 2^level leaves.
        pub(crate) level: u8,
        pub(crate) reinit: Option<ReInit>,
    }

    /// What late messages of a past epoch need besides its secret tree and changed leaves.
    #[derive(Debug)]
    pub(crate) struct PastRow {
        pub(crate) context: GroupContext,
        pub(crate) sender_data_secret: Secret,
        pub(crate) own_leaf: LeafIndex,
        pub(crate) level: u8,
    }
}

/// Tables whose rows belong to one group.
pub(crate) const GROUP_TABLES: [Table; 14] = [
    Table::GROUP,
    Table::TREE_NODE,
    Table::TREE_PRIVATE,
    Table::EPOCH,
    Table::SECRET_TREE,
    Table::RATCHET,
    Table::SKIPPED_KEY,
    Table::PROPOSAL,
    Table::UPDATE_KEY,
    Table::PENDING_COMMIT,
    Table::RESUMPTION_PSK,
    Table::PAST_LEAF,
    Table::PAST_EPOCH,
    Table::PATHLESS_WELCOME,
];

fn header(state: &EpochState, active: bool) -> Header {
    let own_leaf = state.private.own_leaf();
    Header { public: PublicRow::of(&state.public), active: u8::from(active), own_leaf }
}

/// Refuses rows of another layout, before any other part of them is looked at.
pub(crate) fn check_format(row: &SecretBytes) -> Result<(), Error> {
    if row.expose().starts_with(&FORMAT.to_be_bytes()) {
        Ok(())
    } else {
        Err(Error::Corrupt("group rows of another format"))
    }
}

impl PublicRow {
    pub(crate) fn of(public: &PublicGroup) -> Self {
        Self {
            format: FORMAT,
            context: (*public.context).clone(),
            interim_transcript_hash: public.interim_transcript_hash,
            confirmation_tag: public.confirmation_tag,
            level: public.tree.level(),
            reinit: public.reinit().cloned(),
        }
    }

    /// The public half with the nodes of its tree, ascending.
    pub(crate) fn read(
        self,
        nodes: impl IntoIterator<Item = Result<TreeRow, Error>>,
        suite: &dyn Suite,
    ) -> Result<PublicGroup, Error> {
        let tree = RatchetTree::from_rows(self.level, nodes, suite)?;
        if *tree.tree_hash() != self.context.tree_hash {
            return Err(Error::Corrupt("tree of another hash"));
        }
        Ok(self.with_tree(tree))
    }

    /// The public half with a tree that is believed.
    pub(crate) fn with_tree(self, tree: RatchetTree) -> PublicGroup {
        PublicGroup {
            tree,
            context: Arc::new(self.context),
            interim_transcript_hash: self.interim_transcript_hash,
            confirmation_tag: self.confirmation_tag,
            reinit: self.reinit.map(Arc::new),
        }
    }
}

/// Erases every row of a group.
pub(crate) fn erase_group(group_id: &GroupId, delta: &mut Delta) {
    for table in GROUP_TABLES {
        delta.delete_prefix(RowKey::of_group(table, group_id));
    }
}

/// Writes the rows of an epoch that differ from those of the one before, or all of them.
fn write_state(
    old: Option<&EpochState>,
    new: &EpochState,
    secret_tree: &SecretTree,
    delta: &mut Delta,
) -> Result<(), Error> {
    let group_id = new.public.group_id();
    delta.put_encoded(RowKey::of_group(Table::GROUP, group_id), &header(new, true))?;
    write_tree(Table::TREE_NODE, old.map(|old| &old.public), &new.public, delta)?;
    write_private(old, new, delta)?;
    delta.put_encoded(RowKey::of_group(Table::EPOCH, group_id), &new.secrets)?;
    SecretTreeRows { group_id, epoch: new.public.epoch() }.write_new(secret_tree, delta)?;
    let key = RowKey::of_epoch(Table::RESUMPTION_PSK, group_id, new.public.epoch());
    delta.put_encoded(key, &new.secrets.resumption_psk)
}

/// Writes the nodes that changed and erases those that went.
pub(crate) fn write_tree(
    table: Table,
    old: Option<&PublicGroup>,
    new: &PublicGroup,
    delta: &mut Delta,
) -> Result<(), Error> {
    // Many rows at once: their keys take no more room than they must.
    let prefix = RowKey::of_group(table, new.group_id());
    let row = |node: u32| RowKey::new(table, [&*prefix.key, &node.to_be_bytes()].concat());
    if old.is_none() {
        delta.reserve(new.tree.member_count());
    }
    new.tree.changes_since(old.map(|old| &old.tree), &mut |node, value| {
        match value {
            Some(value) => delta.put(row(node.0), RowValue::Shared(value)),
            None => delta.delete(row(node.0)),
        }
        Ok(())
    })
}

/// Writes the private keys that came and erases those that went.
fn write_private(old: Option<&EpochState>, new: &EpochState, delta: &mut Delta) -> Result<(), Error> {
    let row = |node| RowKey::of_group(Table::TREE_PRIVATE, new.public.group_id()).and(&node);
    for (node, key) in new.private.keys() {
        let before = old.and_then(|old| old.private.key(node));
        if !before.is_some_and(|before| Arc::ptr_eq(before, key)) {
            delta.put_encoded(row(node.0), key)?;
        }
    }
    for (node, _) in old.into_iter().flat_map(|old| old.private.keys()) {
        if new.private.key(node).is_none() {
            delta.delete(row(node.0));
        }
    }
    Ok(())
}

/// Writes a group that is new to this client.
pub(crate) fn write_new_group(state: &EpochState, secret_tree: &SecretTree, delta: &mut Delta) -> Result<(), Error> {
    write_state(None, state, secret_tree, delta)
}

impl Group {
    pub(crate) fn secret_tree_rows(&self, epoch: Epoch) -> SecretTreeRows<'_> {
        SecretTreeRows { group_id: self.group_id(), epoch }
    }

    pub(crate) fn row(&self, table: Table) -> RowKey {
        RowKey::of_group(table, self.group_id())
    }

    pub(crate) fn write_proposal(&self, cached: &CachedProposal, delta: &mut Delta) -> Result<(), Error> {
        delta.put_encoded(self.proposal_row(cached), cached)
    }

    pub(crate) fn proposal_row(&self, cached: &CachedProposal) -> RowKey {
        self.row(Table::PROPOSAL).and(&cached.position)
    }

    pub(crate) fn write_update_key(
        &self,
        reference: &ProposalRef,
        key: &HpkeSecretKey,
        delta: &mut Delta,
    ) -> Result<(), Error> {
        delta.put_encoded(self.row(Table::UPDATE_KEY).and(reference), key)
    }

    pub(crate) fn write_pathless_welcome(&self, epoch: Epoch, delta: &mut Delta) -> Result<(), Error> {
        delta.put_encoded(self.row(Table::PATHLESS_WELCOME), &epoch)
    }

    /// Erases all secrets and what serves them; the public half stays, with a header that says the member is out.
    pub(crate) fn write_removed(&self, delta: &mut Delta) -> Result<(), Error> {
        for table in GROUP_TABLES.into_iter().filter(|table| !matches!(*table, Table::GROUP | Table::TREE_NODE)) {
            delta.delete_prefix(self.row(table));
        }
        delta.put_encoded(self.row(Table::GROUP), &header(&self.state.without_secrets(), false))
    }

    /// Writes the change to the next epoch: O(log n) rows, and the present epoch among the past ones.
    pub(crate) fn write_epoch_change(&self, next: &NextEpoch, delta: &mut Delta) -> Result<(), Error> {
        write_state(Some(&self.state), &next.state, &next.secret_tree, delta)?;
        if self.retained_epochs() > 0 {
            self.write_past(next, delta)?;
        }
        self.erase_over_limits(delta);
        // Not only where there are some now: a pending commit's change is made real when more may have come.
        delta.delete_prefix(self.row(Table::PROPOSAL));
        delta.delete_prefix(self.row(Table::UPDATE_KEY));
        if self.has_pending_commit() {
            delta.delete(self.pending_row());
        }
        Ok(())
    }

    /// Erases what the limits do not keep beyond the present epoch, once that is over. Limits may have become narrower since a
    /// pending commit's change was written.
    pub(crate) fn erase_over_limits(&self, delta: &mut Delta) {
        let past = self.past.0.iter().map(|past| past.context.epoch);
        core::iter::once(self.epoch())
            .chain(past)
            .skip(self.retained_epochs())
            .for_each(|over| self.erase_past(over, delta));
        let over = (self.resumption_psks.len() + 1).saturating_sub(self.kept_resumption_psks());
        for oldest in self.resumption_psks.keys().take(over) {
            delta.delete(RowKey::of_epoch(Table::RESUMPTION_PSK, self.group_id(), *oldest));
        }
    }

    /// How many past epochs are kept.
    fn retained_epochs(&self) -> usize {
        usize::try_from(self.client.settings.limits.past_epochs).unwrap_or(usize::MAX)
    }

    /// How many resumption PSKs are kept, the present epoch's among them.
    pub(crate) fn kept_resumption_psks(&self) -> usize {
        usize::try_from(self.client.settings.limits.resumption_psks).unwrap_or(usize::MAX).max(1)
    }

    fn write_past(&self, next: &NextEpoch, delta: &mut Delta) -> Result<(), Error> {
        let public = self.public();
        let past = PastRow {
            context: (*public.context).clone(),
            sender_data_secret: self.state.secrets.sender_data_secret.duplicate(),
            own_leaf: self.own_leaf(),
            level: public.tree.level(),
        };
        delta.put_encoded(self.past_row(Table::PAST_EPOCH, public.epoch()), &past)?;
        for (leaf, before) in &*next.replaced {
            delta.put_encoded(self.past_row(Table::PAST_LEAF, public.epoch()).and(leaf), before)?;
        }
        Ok(())
    }

    fn erase_past(&self, epoch: Epoch, delta: &mut Delta) {
        delta.delete(self.past_row(Table::PAST_EPOCH, epoch));
        delta.delete_prefix(self.past_row(Table::PAST_LEAF, epoch));
        self.secret_tree_rows(epoch).erase(delta);
    }

    /// The whole group as rows, which are the ones a store holds after the last transition: to compare the two, or to
    /// move the group to another store. One's own ratchets stand where their reservations end, so a copy never uses a key
    /// that this group may have used; but only one of the two may go on.
    ///
    /// # Errors
    /// When a part is too long to encode, or the provider fails.
    pub fn snapshot_rows(&self) -> Result<Delta, Error> {
        let mut delta = Delta::new();
        if !self.active {
            delta.put_encoded(self.row(Table::GROUP), &header(&self.state, false))?;
            write_tree(Table::TREE_NODE, None, self.public(), &mut delta)?;
            return Ok(delta);
        }
        write_state(None, &self.state, &self.secret_tree, &mut delta)?;
        self.secret_tree_rows(self.epoch()).write_all(self.client.suite(), &self.secret_tree, &mut delta)?;
        for (epoch, psk) in &self.resumption_psks {
            delta.put_encoded(self.past_row(Table::RESUMPTION_PSK, *epoch), &**psk)?;
        }
        for past in &self.past.0 {
            self.write_past_epoch(past, &mut delta)?;
        }
        for cached in &self.proposals.entries {
            self.write_proposal(cached, &mut delta)?;
        }
        for (reference, key) in &self.proposals.update_keys {
            self.write_update_key(reference, key, &mut delta)?;
        }
        if let Some(pending) = &self.pending {
            self.write_pending(&pending.record, &mut delta)?;
        }
        if let Some(epoch) = self.pathless_welcome {
            self.write_pathless_welcome(epoch, &mut delta)?;
        }
        Ok(delta)
    }

    fn write_past_epoch(&self, past: &PastEpoch, delta: &mut Delta) -> Result<(), Error> {
        let epoch = past.context.epoch;
        let row = PastRow {
            context: (*past.context).clone(),
            sender_data_secret: past.sender_data_secret.duplicate(),
            own_leaf: past.own_leaf,
            level: u8::try_from(past.secret_tree.root().level()).unwrap_or(u8::MAX),
        };
        delta.put_encoded(self.past_row(Table::PAST_EPOCH, epoch), &row)?;
        for (leaf, before) in &*past.replaced {
            delta.put_encoded(self.past_row(Table::PAST_LEAF, epoch).and(leaf), before)?;
        }
        self.secret_tree_rows(epoch).write_all(self.client.suite(), &past.secret_tree, delta)
    }

    fn past_row(&self, table: Table, epoch: Epoch) -> RowKey {
        RowKey::of_epoch(table, self.group_id(), epoch)
    }
}

/// The leaves of a past epoch as they were.
pub(crate) type PastLeaves = alloc::collections::BTreeMap<LeafIndex, Option<Leaf>>;
