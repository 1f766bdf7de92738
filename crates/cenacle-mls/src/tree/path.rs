//! Update paths (RFC 9420 §7.4-§7.6, §7.9, §12.4.1, §12.4.2): fresh keys from a committer's leaf to the root, as made
//! by the sender and as merged by everyone else. Reading the path's secrets is the business of [`TreePrivate`].

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::Encode;
use cenacle_crypto::{
    Digest, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes, Suite,
    labeled::{EncryptContext, derive_secret},
};

use super::{Leaf, NodeIndex, PathStep, RatchetTree, TreeEdit, TreePrivate, hash, node::Parent, subtree::Stop};
use crate::{
    error::{Error, Misuse, Rule},
    wide,
    wire::{GroupContext, LeafIndex, LeafNode, LeafNodeSource, UpdatePath, UpdatePathNode},
};

/// So many path secrets are encrypted on one thread.
const SEAL_GRAIN: usize = 32;

/// What path secrets are encrypted under (RFC 9420 §7.6): the provisional GroupContext, hashed once for all recipients.
///
/// # Errors
/// When the context is too long to encode.
pub fn path_context(suite: &dyn Suite, provisional: &GroupContext) -> Result<EncryptContext, Error> {
    Ok(EncryptContext::new(suite, "UpdatePathNode", &provisional.to_bytes()?)?)
}

/// The key pair of a node from its path secret (RFC 9420 §7.4).
pub(super) fn node_key_pair(suite: &dyn Suite, path_secret: &Secret) -> Result<(HpkeSecretKey, HpkePublicKey), Error> {
    let node_secret = derive_secret(suite, path_secret, "node")?;
    Ok(suite.kem_derive_key_pair(node_secret.expose())?)
}

/// `path_secret[n + 1]` from `path_secret[n]` (RFC 9420 §7.4).
pub(super) fn next_path_secret(suite: &dyn Suite, path_secret: &Secret) -> Result<Secret, Error> {
    Ok(derive_secret(suite, path_secret, "path")?)
}

/// The secret half of an update path that was put into a tree and is not yet encrypted.
#[derive(Debug)]
pub struct PathDraft {
    own: LeafIndex,
    leaf_key: HpkeSecretKey,
    steps: Vec<DraftStep>,
    commit_secret: Secret,
}

#[derive(Debug)]
struct DraftStep {
    step: PathStep,
    path_secret: Secret,
    secret_key: HpkeSecretKey,
}

impl TreeEdit<'_> {
    /// Gives fresh keys to the leaf `own` and its filtered direct path (RFC 9420 §7.5). `make_leaf` gets the leaf's new
    /// encryption key and its parent hash, and returns the signed leaf.
    ///
    /// # Errors
    /// `SenderIsMember` if `own` is outside the tree; whatever the randomness, the provider or `make_leaf` fail with.
    pub fn draft_path(
        &mut self,
        own: LeafIndex,
        make_leaf: &mut dyn FnMut(HpkePublicKey, Digest) -> Result<LeafNode, Error>,
        rng: &mut dyn Rng,
    ) -> Result<PathDraft, Error> {
        let suite = self.suite;
        let leaf_ikm = SecretBytes::filled(suite.kem_secret_key_length(), |out| rng.fill(out))?;
        let (leaf_key, leaf_public) = suite.kem_derive_key_pair(leaf_ikm.expose())?;

        // RFC 9420 §7.4: "path_secret[0] is sampled at random"
        let mut path_secret = Secret::filled(suite.hash_length(), |out| rng.fill(out))?;
        let (mut steps, mut keys) = (Vec::new(), Vec::new());
        for step in self.filtered_direct_path(own) {
            let (secret_key, public_key) = node_key_pair(suite, &path_secret)?;
            let next = next_path_secret(suite, &path_secret)?;
            steps.push(DraftStep { step, path_secret, secret_key });
            keys.push(public_key);
            path_secret = next;
        }
        let path: Vec<_> = steps.iter().map(|draft| draft.step).zip(&keys).collect();
        let parent_hash = self.set_path(own, &path)?;
        self.set_path_leaf(own, &make_leaf(leaf_public, parent_hash)?)?;
        // RFC 9420 §12.4.1: "Define commit_secret as the value path_secret[n+1] derived from the last path secret
        // value"
        Ok(PathDraft { own, leaf_key, steps, commit_secret: path_secret })
    }

    /// Merges a received path into the tree (RFC 9420 §7.5, §12.4.2). `new_leaves` (ascending) were added by the same
    /// commit. The leaf itself is checked elsewhere.
    ///
    /// # Errors
    /// `SenderIsMember` if `sender` is outside the tree, `LeafKeyReplaced`, `EncryptionKeyUnique`, `PathLengthFits`,
    /// `PathCiphertextsFit`, `ParentHashValid`.
    pub fn apply_path(&mut self, sender: LeafIndex, path: &UpdatePath, new_leaves: &[LeafIndex]) -> Result<(), Error> {
        // RFC 9420 §12.4.2: "Verify that the encryption_key value in the LeafNode is different from the committer's
        // current leaf node."
        let leaf_key = &path.leaf_node.encryption_key;
        if self.nodes.leaf(sender).is_some_and(|current| current.encryption_key() == *leaf_key) {
            return Err(Rule::LeafKeyReplaced.into());
        }
        // RFC 9420 §12.4.2: "Verify that none of the public keys in the UpdatePath appear in any node of the new
        // ratchet tree." Those the path itself overwrites count. The parents' keys are looked at as they are put there.
        if self.roster.has_encryption_key(leaf_key, self.suite) {
            return Err(Rule::EncryptionKeyUnique.into());
        }
        let steps = self.filtered_direct_path(sender);
        if steps.len() != path.nodes.len() {
            return Err(Rule::PathLengthFits.into());
        }
        // RFC 9420 §7.6: "The length of the encrypted_path_secret vector MUST be equal to the length of the resolution
        // of the copath node (excluding new leaf nodes)"
        let mut nodes = steps.iter().zip(&path.nodes);
        if nodes.any(|(step, node)| {
            node.encrypted_path_secret.len() != self.nodes.recipients(step.copath_child, new_leaves)
        }) {
            return Err(Rule::PathCiphertextsFit.into());
        }
        let keys = path.nodes.iter().map(|node| &node.encryption_key);
        let parent_hash = self.set_path(sender, &steps.into_iter().zip(keys).collect::<Vec<_>>())?;
        // RFC 9420 §7.5: "verify that the parent_hash field of the leaf node matches the parent hash for the first node
        // in its filtered direct path"
        match &path.leaf_node.source {
            LeafNodeSource::Commit { parent_hash: stated } if *stated == parent_hash => {}
            LeafNodeSource::Commit { .. } => return Err(Rule::ParentHashValid.into()),
            LeafNodeSource::KeyPackage(_) | LeafNodeSource::Update => return Err(Rule::LeafSourceFits.into()),
        }
        self.set_path_leaf(sender, &path.leaf_node)
    }

    /// Blanks the direct path of `leaf`, puts fresh keys on the filtered one (`path`, from the lowest node up), and gives
    /// the parent hash for the leaf.
    fn set_path(&mut self, leaf: LeafIndex, path: &[(PathStep, &HpkePublicKey)]) -> Result<Digest, Error> {
        if leaf.0 >= self.leaf_width() {
            return Err(Rule::SenderIsMember.into());
        }
        // While the keys that they replace are still there.
        if !path.iter().all(|(step, key)| self.roster.adds_fresh_key(self.suite, step.node, key)) {
            return Err(Rule::EncryptionKeyUnique.into());
        }
        let (mut parent_hash, mut keys) = (Digest::EMPTY, path.iter().rev());
        let Self { suite, nodes, roster } = self;
        // RFC 9420 §7.5: "these hashes are computed from root to leaf, so that each hash incorporates all the non-blank
        // nodes above it. The root node always has a zero-length hash for its parent hash."
        nodes.walk(leaf, &mut |stop| {
            let Stop::Parent { index, node, copath_index, copath_child } = stop else { return Ok(()) };
            roster.change_parent(*suite, index, node.take().as_ref(), None);
            if copath_child.resolved() > 0 {
                let (_, encryption_key) = keys.next().ok_or(Rule::PathLengthFits)?;
                copath_child.seal(copath_index, *suite)?;
                let sibling = copath_child.hash(copath_index, *suite)?;
                *node = Some(Parent::new(encryption_key, &parent_hash)?);
                parent_hash = hash::parent_hash(*suite, encryption_key, &parent_hash, &sibling)?;
            }
            Ok(())
        })?;
        Ok(parent_hash)
    }

    fn set_path_leaf(&mut self, index: LeafIndex, leaf: &LeafNode) -> Result<(), Error> {
        let encoded = Leaf::new(leaf)?;
        let Self { suite, nodes, roster } = self;
        nodes.walk(index, &mut |stop| {
            if let Stop::Leaf(slot) = stop {
                roster.change_leaf(*suite, index, slot.as_ref().and_then(Leaf::node).as_ref(), Some(leaf));
                *slot = Some(encoded.clone());
            }
            Ok(())
        })
    }
}

impl PathDraft {
    /// Encrypts the path secrets to the members of the sealed `tree` that has the path, but not to `new_leaves`
    /// (ascending), whom the Welcome tells (RFC 9420 §7.5, §7.6). `context` is that of [`path_context`].
    ///
    /// # Errors
    /// `Misuse` if `tree` is not the one that was drafted; randomness and provider.
    pub fn encrypt(
        &self,
        tree: &RatchetTree,
        new_leaves: &[LeafIndex],
        context: &EncryptContext,
        suite: &dyn Suite,
        rng: &mut dyn Rng,
    ) -> Result<UpdatePath, Error> {
        // RFC 9420 §7.5: "Any new member (from an Add proposal) added in the same Commit MUST be excluded from this
        // resolution."
        let is_new = |node: &NodeIndex| node.leaf().is_some_and(|leaf| new_leaves.binary_search(&leaf).is_ok());
        let mut recipients = Vec::new();
        for DraftStep { step, path_secret, .. } in &self.steps {
            let resolution = tree.resolution(step.copath_child);
            recipients.extend(resolution.into_iter().filter(|node| !is_new(node)).map(|node| (node, path_secret)));
        }
        let randomness = (suite.kem_secret_key_length(), rng);
        let encrypt = |(recipient, path_secret): &(NodeIndex, &Secret), rng: &mut dyn Rng| {
            let key = tree.encryption_key(*recipient).ok_or(Misuse::WrongGroup)?;
            Ok::<_, Error>(context.encrypt(suite, &key, path_secret.expose(), rng)?)
        };
        let mut ciphertexts = wide::map_randomly(&recipients, SEAL_GRAIN, randomness, &encrypt)?.into_iter();
        let mut nodes = Vec::with_capacity(self.steps.len());
        for DraftStep { step, .. } in &self.steps {
            let count = tree.nodes.recipients(step.copath_child, new_leaves);
            let encrypted_path_secret = ciphertexts.by_ref().take(count).collect();
            let encryption_key = tree.encryption_key(step.node).ok_or(Misuse::WrongGroup)?;
            nodes.push(UpdatePathNode { encryption_key, encrypted_path_secret });
        }
        let leaf_node = tree.leaf(self.own).ok_or(Misuse::WrongGroup)?;
        Ok(UpdatePath { leaf_node, nodes })
    }

    /// The path secret that a member added by the same commit gets (RFC 9420 §12.4.3.1): that of the lowest node above
    /// both. `None` for the committer itself and outside the tree.
    #[must_use]
    pub fn path_secret_for(&self, new_leaf: LeafIndex) -> Option<&Secret> {
        let node = self.own.node_index().common_ancestor(new_leaf.node_index());
        self.steps.iter().find(|draft| draft.step.node == node).map(|draft| &draft.path_secret)
    }

    /// What the committer knows in the new epoch, and the commit secret. All its old keys are replaced or blank.
    #[must_use]
    pub fn into_private(self) -> (TreePrivate, Secret) {
        let above = self.steps.into_iter().map(|draft| (draft.step.node, Arc::new(draft.secret_key)));
        (TreePrivate::from_keys(self.own, above).with_leaf_key(self.leaf_key), self.commit_secret)
    }
}
