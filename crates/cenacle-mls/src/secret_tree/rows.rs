//! The secret tree as rows: one for each undivided secret, ratchet and skipped key, so that a message writes O(1) bytes
//! and an erased secret is an erased row (RFC 9420 §9.2).

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::Decode;
use cenacle_crypto::{Secret, SecretBytes, Suite};

use super::{
    MessageKey, RatchetKind, SecretTree, SecretTreeChange,
    ratchet::{Head, Ratchet},
    tree::RatchetId,
};
use crate::{
    Error,
    delta::{Delta, RowKey, Table},
    tree::NodeIndex,
    wire::{Epoch, GroupId, LeafIndex},
};

const CORRUPT: Error = Error::Corrupt("secret tree");

/// Names the rows of one epoch's secret tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SecretTreeRows<'a> {
    pub(crate) group_id: &'a GroupId,
    pub(crate) epoch: Epoch,
}

/// All rows of one epoch's secret tree, by table.
#[derive(Debug, Default)]
pub(crate) struct StoredSecretTree {
    pub(crate) nodes: Vec<(RowKey, SecretBytes)>,
    pub(crate) ratchets: Vec<(RowKey, SecretBytes)>,
    pub(crate) skipped: Vec<(RowKey, SecretBytes)>,
}

impl SecretTreeRows<'_> {
    pub(crate) fn prefix(&self, table: Table) -> RowKey {
        RowKey::of_epoch(table, self.group_id, self.epoch)
    }

    pub(crate) fn node(&self, node: NodeIndex) -> RowKey {
        self.prefix(Table::SECRET_TREE).and(&node.0)
    }

    fn ratchet(&self, (leaf, kind): RatchetId) -> RowKey {
        self.prefix(Table::RATCHET).and(&leaf).and(&kind)
    }

    fn skipped(&self, (leaf, kind): RatchetId, generation: u32) -> RowKey {
        self.prefix(Table::SKIPPED_KEY).and(&leaf).and(&kind).and(&generation)
    }

    /// Writes a whole tree, as it stands when an epoch begins.
    pub(crate) fn write_new(&self, tree: &SecretTree, delta: &mut Delta) -> Result<(), Error> {
        for (node, secret) in &tree.nodes {
            delta.put_encoded(self.node(*node), secret)?;
        }
        Ok(())
    }

    /// Writes a whole tree as it stands now.
    pub(crate) fn write_all(&self, suite: &dyn Suite, tree: &SecretTree, delta: &mut Delta) -> Result<(), Error> {
        self.write_new(tree, delta)?;
        for (id, ratchet) in &tree.ratchets {
            delta.put_encoded(self.ratchet(*id), &ratchet.stored_head(suite)?)?;
            for (generation, key) in &ratchet.skipped {
                delta.put_encoded(self.skipped(*id, *generation), key)?;
            }
        }
        Ok(())
    }

    /// Writes what the use of a key changes.
    pub(crate) fn write_change(&self, change: &SecretTreeChange, delta: &mut Delta) -> Result<(), Error> {
        for node in &change.divided {
            delta.delete(self.node(*node));
        }
        for (node, secret) in &change.parts {
            delta.put_encoded(self.node(*node), secret)?;
        }
        let (used_id, used) = &change.used;
        for (id, ratchet) in &change.begun {
            if id != used_id || used.store.is_none() {
                delta.put_encoded(self.ratchet(*id), &ratchet.head)?;
            }
        }
        if let Some(head) = &used.store {
            delta.put_encoded(self.ratchet(*used_id), head)?;
        }
        for (generation, key) in &used.keep {
            delta.put_encoded(self.skipped(*used_id, *generation), key)?;
        }
        for generation in &used.forget {
            delta.delete(self.skipped(*used_id, *generation));
        }
        Ok(())
    }

    /// Erases the tree when its epoch is no longer kept.
    pub(crate) fn erase(&self, delta: &mut Delta) {
        for table in [Table::SECRET_TREE, Table::RATCHET, Table::SKIPPED_KEY] {
            delta.delete_prefix(self.prefix(table));
        }
    }

    /// Reads a tree back. One's own ratchets stand where their reservations end.
    pub(crate) fn load(&self, root: NodeIndex, stored: StoredSecretTree) -> Result<SecretTree, Error> {
        let mut tree = SecretTree::unread(root);
        for (key, value) in stored.nodes {
            let node = self.position::<u32>(&key)?;
            tree.nodes.insert(NodeIndex(node), Arc::new(decode::<Secret>(&value)?));
        }
        for (key, value) in stored.ratchets {
            let id = self.position::<(LeafIndex, RatchetKind)>(&key)?;
            tree.ratchets.insert(id, Ratchet::new(decode::<Head>(&value)?));
        }
        for (key, value) in stored.skipped {
            let ((leaf, kind), generation) = self.position::<((LeafIndex, RatchetKind), u32)>(&key)?;
            let ratchet = tree.ratchets.get_mut(&(leaf, kind)).ok_or(CORRUPT)?;
            ratchet.skipped.insert(generation, Arc::new(decode::<MessageKey>(&value)?));
        }
        Ok(tree)
    }

    /// What follows group and epoch in a key.
    fn position<T: Decode>(&self, key: &RowKey) -> Result<T, Error> {
        let prefix = self.prefix(key.table);
        let rest = key.key.strip_prefix(prefix.key.as_slice()).ok_or(CORRUPT)?;
        T::from_own_bytes(rest).map_err(|_| CORRUPT)
    }
}

fn decode<T: Decode>(value: &SecretBytes) -> Result<T, Error> {
    T::from_own_bytes(value.expose()).map_err(|_| CORRUPT)
}
