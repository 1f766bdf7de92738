//! What is hashed of the tree (RFC 9420 §7.8, §7.9): tree hashes of single nodes, parent hashes, and the tree hash a
//! subtree had before leaves joined it. When they are computed is the callers' business.

use cenacle_codec::Writer;
use cenacle_crypto::{Digest, HpkePublicKey, Suite};

use super::{Leaf, NodeIndex, node::Parent, subtree::Subtree};
use crate::{error::Error, wire::LeafIndex};

/// TreeHashInput of a leaf (RFC 9420 §7.8), hashed.
pub(super) fn leaf_hash(suite: &dyn Suite, index: LeafIndex, leaf: Option<&Leaf>) -> Result<Digest, Error> {
    let mut input = Writer::with_capacity(if leaf.is_some() { 512 } else { 8 });
    input.put(&1u8).put(&index).put(&leaf);
    Ok(suite.hash(&[&input.finish()?]))
}

/// TreeHashInput of a parent (RFC 9420 §7.8), hashed.
pub(super) fn inner_hash(
    suite: &dyn Suite,
    node: Option<&Parent>,
    left: &Digest,
    right: &Digest,
) -> Result<Digest, Error> {
    let mut input = Writer::with_capacity(256);
    input.put(&2u8).put(&node).put(left).put(right);
    Ok(suite.hash(&[&input.finish()?]))
}

/// The tree hash of a subtree without any node.
pub(super) fn blank_hash(suite: &dyn Suite, head: NodeIndex) -> Result<Digest, Error> {
    if let Some(index) = head.leaf() {
        return leaf_hash(suite, index, None);
    }
    let (left, right) = head.children();
    inner_hash(suite, None, &blank_hash(suite, left)?, &blank_hash(suite, right)?)
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
        return subtree.hash(head, suite);
    }
    let Subtree::Inner(inner) = subtree else { return blank_hash(suite, head) };
    let (left_head, right_head) = head.children();
    let (on_left, on_right) = split(unmerged, head);
    let left = original_tree_hash(suite, &inner.left, left_head, on_left)?;
    let right = original_tree_hash(suite, &inner.right, right_head, on_right)?;
    let node = inner.node.as_ref().map(|node| node.without(unmerged));
    inner_hash(suite, node.as_ref(), &left, &right)
}

/// Splits ascending `leaves` into those left and those right of `head`.
pub(super) fn split(leaves: &[LeafIndex], head: NodeIndex) -> (&[LeafIndex], &[LeafIndex]) {
    leaves.split_at(leaves.partition_point(|leaf| leaf.node_index() < head))
}
