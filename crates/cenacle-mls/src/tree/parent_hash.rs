//! What binds the parents of a received tree to its members (RFC 9420 §7.9.2, §12.4.3.1): lists of unmerged leaves that
//! agree with each other, and parent hashes that chain every parent node to one leaf. Signatures are checked elsewhere.

use cenacle_crypto::{Digest, Suite};

use super::{
    NodeIndex, RatchetTree, hash,
    node::Parent,
    nodes::within,
    subtree::{NodeRef, Subtree},
};
use crate::{
    error::{Error, Rule},
    wire::{LeafIndex, LeafNodeSource},
};

/// A parent node with its two children.
pub(super) struct Family<'a> {
    pub(super) node: &'a Parent,
    head: NodeIndex,
    left: &'a Subtree,
    right: &'a Subtree,
}

impl RatchetTree {
    /// Checks every list of unmerged leaves, and that each parent node is bound by its parent hash to exactly one node
    /// below it. Needed on joining only: a commit's path is checked when it is merged.
    ///
    /// # Errors
    /// `UnmergedLeavesAscend`, `UnmergedLeavesConsistent`, `ParentHashValid`.
    pub fn verify_parent_hashes(&self, suite: &dyn Suite) -> Result<(), Error> {
        let (root, head) = (&self.nodes.root, self.nodes.head());
        // Parent hashes are computed on the word of the lists, so these come first.
        each_family(root, head, &mut |family| family.check_unmerged())?;
        // RFC 9420 §7.5: "The root node always has a zero-length hash for its parent hash."
        if self.nodes.parent(head).is_some_and(|node| !node.parent_hash().is_empty()) {
            return Err(Rule::ParentHashValid.into());
        }
        each_family(root, head, &mut |family| family.check_parent_hash(suite))
    }
}

/// Visits every parent that is not blank.
pub(super) fn each_family(
    subtree: &Subtree,
    head: NodeIndex,
    visit: &mut dyn FnMut(&Family<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let Subtree::Inner(inner) = subtree else { return Ok(()) };
    if subtree.members() == 0 {
        return Ok(());
    }
    if let Some(node) = &inner.node {
        visit(&Family { node, head, left: &inner.left, right: &inner.right })?;
    }
    let (left_head, right_head) = head.children();
    each_family(&inner.left, left_head, visit)?;
    each_family(&inner.right, right_head, visit)
}

impl Family<'_> {
    fn check_unmerged(&self) -> Result<(), Error> {
        let unmerged = &self.node.unmerged_leaves;
        // RFC 9420 §7.1: "The entries in the unmerged_leaves vector MUST be sorted in increasing order."
        if !unmerged.is_sorted_by(|left, right| left < right) {
            return Err(Rule::UnmergedLeavesAscend.into());
        }
        // RFC 9420 §12.4.3.1: "Verify that the entry represents a non-blank leaf node that is a descendant of the
        // parent node."
        let below = within(unmerged, self.head.leaf_span()).len() == unmerged.len();
        let (left, right) = hash::split(unmerged, self.head);
        let (left_head, right_head) = self.head.children();
        if below && lists(self.left, left_head, left) && lists(self.right, right_head, right) {
            Ok(())
        } else {
            Err(Rule::UnmergedLeavesConsistent.into())
        }
    }

    fn check_parent_hash(&self, suite: &dyn Suite) -> Result<(), Error> {
        let (on_left, on_right) = hash::split(&self.node.unmerged_leaves, self.head);
        let (left_head, right_head) = self.head.children();
        let (left, right) = ((self.left, left_head, on_left), (self.right, right_head, on_right));
        let mut chains = 0;
        for ((child, child_head, on_child), (sibling, sibling_head, on_sibling)) in [(left, right), (right, left)] {
            // RFC 9420 §7.9.2: "D is in the resolution of C, and the intersection of P's unmerged_leaves with the
            // subtree under C is equal to the resolution of C with D removed."
            let Some(stated) = merged_node(child, child_head, on_child).and_then(stated_parent_hash) else { continue };
            // RFC 9420 §7.9.2: "The parent_hash field of D is equal to the parent hash of P with copath child S."
            let sibling_hash = hash::original_tree_hash(suite, sibling, sibling_head, on_sibling)?;
            let (key, above) = (self.node.encryption_key(), self.node.parent_hash());
            chains += u8::from(stated == hash::parent_hash(suite, &key, &above, &sibling_hash)?);
        }
        // RFC 9420 §7.9.2: "all non-blank parent nodes are covered by exactly one such chain"
        if chains == 1 { Ok(()) } else { Err(Rule::ParentHashValid.into()) }
    }
}

/// Whether each of `leaves` (ascending, below `head`) is a member and listed by the topmost nodes that are not blank;
/// what stands below those they answer for themselves.
///
/// RFC 9420 §12.4.3.1: "Verify that every non-blank intermediate node between the leaf node and the parent node also
/// has an entry for the leaf node in its unmerged_leaves."
fn lists(subtree: &Subtree, head: NodeIndex, leaves: &[LeafIndex]) -> bool {
    if leaves.is_empty() {
        return true;
    }
    match subtree {
        Subtree::Blank => false,
        Subtree::Leaf(_) => true,
        Subtree::Inner(inner) => match &inner.node {
            Some(node) => leaves.iter().all(|leaf| node.unmerged_leaves.binary_search(leaf).is_ok()),
            None => {
                let (left_head, right_head) = head.children();
                let (on_left, on_right) = hash::split(leaves, head);
                lists(&inner.left, left_head, on_left) && lists(&inner.right, right_head, on_right)
            }
        },
    }
}

/// The one node of the resolution that is not among `unmerged`, if these are all others of it. There is no need to list
/// the resolution: the search ends at the second such node.
fn merged_node<'a>(subtree: &'a Subtree, head: NodeIndex, unmerged: &[LeafIndex]) -> Option<NodeRef<'a>> {
    let mut sieve = Sieve { unmerged, merged: None };
    let passed = sieve.pass(subtree, head) && sieve.unmerged.is_empty();
    sieve.merged.filter(|_| passed)
}

/// Goes over a resolution from left to right.
struct Sieve<'a, 'b> {
    /// The unmerged leaves not met yet, ascending.
    unmerged: &'b [LeafIndex],
    /// The node that is not one of them.
    merged: Option<NodeRef<'a>>,
}

impl<'a> Sieve<'a, '_> {
    /// Takes in the resolution of `subtree`; `false` as soon as a second node is not unmerged.
    fn pass(&mut self, subtree: &'a Subtree, head: NodeIndex) -> bool {
        match subtree {
            _ if subtree.resolved() == 0 => true,
            Subtree::Blank => true,
            Subtree::Leaf(_) => head.leaf().is_some_and(|leaf| self.is_next(leaf)) || self.is_merged(subtree),
            Subtree::Inner(inner) => match &inner.node {
                Some(node) => self.is_merged(subtree) && node.unmerged_leaves.iter().all(|leaf| self.is_next(*leaf)),
                None => {
                    let (left_head, right_head) = head.children();
                    self.pass(&inner.left, left_head) && self.pass(&inner.right, right_head)
                }
            },
        }
    }

    fn is_next(&mut self, leaf: LeafIndex) -> bool {
        match self.unmerged.split_first() {
            Some((next, rest)) if *next == leaf => {
                self.unmerged = rest;
                true
            }
            _ => false,
        }
    }

    fn is_merged(&mut self, subtree: &'a Subtree) -> bool {
        self.merged.is_none() && {
            self.merged = subtree.node();
            true
        }
    }
}

fn stated_parent_hash(node: NodeRef<'_>) -> Option<Digest> {
    match node {
        NodeRef::Parent(parent) => Some(parent.parent_hash()),
        NodeRef::Leaf(leaf) => match leaf.node()?.source {
            LeafNodeSource::Commit { parent_hash } => Some(parent_hash),
            LeafNodeSource::KeyPackage(_) | LeafNodeSource::Update => None,
        },
    }
}
