//! What is hashed of the tree (RFC 9420 §7.8, §7.9): tree hashes of single nodes, parent hashes, and the tree hash a
//! subtree had before leaves joined it. When they are computed is the callers' business.

use cenacle_codec::Writer;
use cenacle_crypto::{Digest, HpkePublicKey, Suite};

use super::{
    NodeIndex,
    subtree::{Body, Subtree},
};
use crate::{
    error::Error,
    wire::{LeafIndex, LeafNode, ParentNode},
};

/// TreeHashInput of a leaf (RFC 9420 §7.8), hashed.
pub(super) fn leaf_hash(suite: &dyn Suite, index: LeafIndex, leaf: Option<&LeafNode>) -> Result<Digest, Error> {
    let mut input = Writer::with_capacity(if leaf.is_some() { 512 } else { 8 });
    input.put(&1u8).put(&index).put(&leaf);
    Ok(suite.hash(&[&input.finish()?]))
}

/// TreeHashInput of a parent (RFC 9420 §7.8), hashed.
pub(super) fn inner_hash(
    suite: &dyn Suite,
    node: Option<&ParentNode>,
    left: &Digest,
    right: &Digest,
) -> Result<Digest, Error> {
    let mut input = Writer::with_capacity(256);
    input.put(&2u8).put(&node).put(left).put(right);
    Ok(suite.hash(&[&input.finish()?]))
}

/// ParentHashInput (RFC 9420 §7.9), hashed.
pub(super) fn parent_hash(
    suite: &dyn Suite,
    encryption_key: &HpkePublicKey,
    parent_hash: &Digest,
    original_sibling_tree_hash: &Digest,
) -> Result<Digest, Error> {
    let mut input = Writer::with_capacity(256);
    input.put(encryption_key).put(parent_hash).put(original_sibling_tree_hash);
    Ok(suite.hash(&[&input.finish()?]))
}

/// The tree hash of a sealed subtree without the `unmerged` leaves, which are ascending and all below it. Subtrees
/// none of them stands in keep their hash.
pub(super) fn original_tree_hash(
    suite: &dyn Suite,
    subtree: &Subtree,
    head: NodeIndex,
    unmerged: &[LeafIndex],
) -> Result<Digest, Error> {
    // RFC 9420 §7.9: "For each leaf L in P.unmerged_leaves, blank L and remove it from the unmerged_leaves sets of all
    // parent nodes."
    if unmerged.is_empty() {
        return Ok(*subtree.hash());
    }
    match subtree.body() {
        Body::Leaf(_) => leaf_hash(suite, head.leaf().unwrap_or(LeafIndex(0)), None),
        Body::Inner { node, left, right } => {
            let (left_head, right_head) = head.children();
            let (on_left, on_right) = split(unmerged, head);
            let left = original_tree_hash(suite, left, left_head, on_left)?;
            let right = original_tree_hash(suite, right, right_head, on_right)?;
            let node = node.as_deref().map(|node| {
                let mut node = node.clone();
                node.unmerged_leaves.retain(|leaf| unmerged.binary_search(leaf).is_err());
                node
            });
            inner_hash(suite, node.as_ref(), &left, &right)
        }
    }
}

/// Splits ascending `leaves` into those left and those right of `head`.
pub(super) fn split(leaves: &[LeafIndex], head: NodeIndex) -> (&[LeafIndex], &[LeafIndex]) {
    leaves.split_at(leaves.partition_point(|leaf| leaf.node_index() < head))
}
