//! What one member knows of the tree (RFC 9420 §4.2): the private keys of its leaf and of the nodes above it. Here path
//! secrets are decrypted (§7.5) and taken from a Welcome (§12.4.3.1); every key derived is compared with the tree's.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{CryptoError, HpkeSecretKey, Secret, Suite, labeled::EncryptContext};

use super::{
    NodeIndex, RatchetTree,
    path::{next_path_secret, node_key_pair},
};
use crate::{
    error::{Error, Misuse, Rule, What},
    wire::{LeafIndex, UpdatePath},
};

/// The private keys of one member. Its clone shares them; they erase themselves with their last holder.
#[derive(Clone, Debug)]
pub struct TreePrivate {
    leaf: LeafIndex,
    keys: BTreeMap<NodeIndex, Arc<HpkeSecretKey>>,
}

impl TreePrivate {
    /// The member at `leaf`, which knows its own key only.
    #[must_use]
    pub fn new(leaf: LeafIndex, key: impl Into<Arc<HpkeSecretKey>>) -> Self {
        Self::without_keys(leaf).with_leaf_key(key)
    }

    /// The member at `leaf`, knowing nothing.
    #[must_use]
    pub const fn without_keys(leaf: LeafIndex) -> Self {
        Self { leaf, keys: BTreeMap::new() }
    }

    /// The member at `leaf` with the keys of its own node and of nodes above it.
    #[must_use]
    pub fn from_keys(leaf: LeafIndex, keys: impl IntoIterator<Item = (NodeIndex, Arc<HpkeSecretKey>)>) -> Self {
        Self { leaf, keys: keys.into_iter().collect() }
    }

    /// The member's own leaf.
    #[must_use]
    pub const fn own_leaf(&self) -> LeafIndex {
        self.leaf
    }

    /// The private key of the own leaf.
    #[must_use]
    pub fn leaf_key(&self) -> Option<&Arc<HpkeSecretKey>> {
        self.key(self.leaf.node_index())
    }

    /// The private key of a node, if it is known.
    #[must_use]
    pub fn key(&self, node: NodeIndex) -> Option<&Arc<HpkeSecretKey>> {
        self.keys.get(&node)
    }

    /// All keys, in the order of their nodes.
    pub fn keys(&self) -> impl Iterator<Item = (NodeIndex, &Arc<HpkeSecretKey>)> {
        self.keys.iter().map(|(node, key)| (*node, key))
    }

    /// With another key for the own leaf, once an Update is committed.
    #[must_use]
    pub fn with_leaf_key(&self, key: impl Into<Arc<HpkeSecretKey>>) -> Self {
        let mut new = self.clone();
        new.keys.insert(self.leaf.node_index(), key.into());
        new
    }

    /// Without the keys of nodes that are blank in `tree` or outside it.
    #[must_use]
    pub fn pruned(&self, tree: &RatchetTree) -> Self {
        let mut new = self.clone();
        new.keys.retain(|node, _| tree.nodes.is_filled(*node));
        new
    }

    /// With the keys that a Welcome's path secret gives (RFC 9420 §12.4.3.1). `lowest` is the lowest node above both
    /// the own leaf and the committer's.
    ///
    /// # Errors
    /// `SecretLength`; `PathKeysDerive` if a derived key is not the tree's.
    pub fn with_path_secret(
        &self,
        tree: &RatchetTree,
        lowest: NodeIndex,
        path_secret: Secret,
        suite: &dyn Suite,
    ) -> Result<Self, Error> {
        let mut new = self.clone();
        new.climb(tree, lowest, path_secret, suite)?;
        Ok(new)
    }

    /// What a joiner must have been given (RFC 9420 §12.4.3.1): the key of every node above its leaf that is not blank and does
    /// not list the leaf as unmerged. Others encrypt to these nodes, and whoever lacks a key falls out of the group then.
    ///
    /// # Errors
    /// `PathKeysDerive`.
    pub fn check_complete(&self, tree: &RatchetTree) -> Result<(), Rule> {
        let known = |node: NodeIndex| match tree.nodes.parent(node) {
            Some(parent) => parent.unmerged_leaves.contains(&self.leaf) || self.keys.contains_key(&node),
            None => true,
        };
        let mut above = self.leaf.node_index().direct_path(tree.leaf_width());
        if above.all(known) { Ok(()) } else { Err(Rule::PathKeysDerive) }
    }

    /// Decrypts the path secret meant for this member from a path that was merged into the sealed `tree`, and derives
    /// the keys above and the commit secret (RFC 9420 §7.5). `new_leaves` (ascending) are as for
    /// [`TreeEdit::apply_path`](super::TreeEdit::apply_path); `context` is that of
    /// [`path_context`](super::path_context).
    ///
    /// # Errors
    /// `Unverified(PathSecret)`, `SecretLength`, `PathKeysDerive`; `SenderIsNotSelf` for a path of one's own;
    /// `Misuse(NotMember)` for a new leaf, or if no key of one's own is among the recipients'.
    pub fn decrypt_path(
        &self,
        tree: &RatchetTree,
        sender: LeafIndex,
        path: &UpdatePath,
        new_leaves: &[LeafIndex],
        context: &EncryptContext,
        suite: &dyn Suite,
    ) -> Result<(Self, Secret), Error> {
        if new_leaves.binary_search(&self.leaf).is_ok() {
            return Err(Misuse::NotMember.into());
        }
        let common = self.leaf.node_index().common_ancestor(sender.node_index());
        let steps = tree.filtered_direct_path(sender);
        let mut steps = steps.iter().zip(&path.nodes);
        let (step, node) = steps.find(|(step, _)| step.node == common).ok_or(Rule::SenderIsNotSelf)?;
        let (recipient, place) = tree
            .nodes
            .recipient(step.copath_child, self.leaf, new_leaves, &|node| self.keys.contains_key(&node))
            .ok_or(Misuse::NotMember)?;
        let key = self.key(recipient).ok_or(Misuse::NotMember)?;
        let ciphertext = node.encrypted_path_secret.get(place).ok_or(Rule::PathCiphertextsFit)?;
        let opened = context.decrypt(suite, key, ciphertext).map_err(|error| {
            let own_fault = matches!(error, CryptoError::BadSecretKey | CryptoError::Internal);
            if own_fault { error.into() } else { Error::from(What::PathSecret) }
        })?;
        let path_secret = Secret::from_slice(opened.expose()).ok_or(Rule::SecretLength)?;
        let mut new = self.pruned(tree);
        let commit_secret = new.climb(tree, common, path_secret, suite)?;
        Ok((new, commit_secret))
    }

    /// Derives the keys of `lowest` and of every node above it that is not blank; gives the secret after the last.
    fn climb(
        &mut self,
        tree: &RatchetTree,
        lowest: NodeIndex,
        mut path_secret: Secret,
        suite: &dyn Suite,
    ) -> Result<Secret, Error> {
        if path_secret.expose().len() != suite.hash_length() {
            return Err(Rule::SecretLength.into());
        }
        // A commit sets its whole filtered direct path and blanks the rest: what is not blank above is the path.
        let above = lowest.direct_path(tree.leaf_width());
        for node in core::iter::once(lowest).chain(above.filter(|node| tree.nodes.is_filled(*node))) {
            let (secret_key, public_key) = node_key_pair(suite, &path_secret)?;
            // RFC 9420 §7.5: "Verify that the derived public keys are the same as the corresponding public keys sent in
            // the UpdatePath."
            if tree.encryption_key(node).as_ref() != Some(&public_key) {
                return Err(Rule::PathKeysDerive.into());
            }
            self.keys.insert(node, Arc::new(secret_key));
            path_secret = next_path_secret(suite, &path_secret)?;
        }
        Ok(path_secret)
    }
}
