//! A new version of a tree in the making (RFC 9420 §7.7, §12.1.1-12.1.3): changes copy the paths they touch, hashes are
//! computed once at the end. Update paths are in the file beside this one.

use alloc::vec::Vec;

use cenacle_crypto::Suite;

use super::{Leaf, NodeIndex, PathStep, RatchetTree, Roster, nodes::Nodes, subtree::Stop};
use crate::{
    error::{Error, Rule},
    wire::{LeafIndex, LeafNode},
};

/// A tree that may be changed and is then sealed. An operation that is refused leaves it as it was, except those on
/// update paths, after whose refusal it is to be dropped.
#[derive(Clone)]
pub struct TreeEdit<'a> {
    pub(super) suite: &'a dyn Suite,
    pub(super) nodes: Nodes,
    pub(super) roster: Roster,
}

impl TreeEdit<'_> {
    /// Adds a member at the leftmost blank leaf (RFC 9420 §12.1.1).
    ///
    /// # Errors
    /// `TreeSizeBounded` when the tree is as large as it may get; when the leaf is too long to encode.
    pub fn add(&mut self, leaf: &LeafNode) -> Result<LeafIndex, Error> {
        let (encoded, index) = (Leaf::new(leaf)?, self.reserve()?);
        let Self { suite, nodes, roster } = self;
        nodes.walk(index, &mut |stop| {
            match stop {
                // RFC 9420 §12.1.1: "For each non-blank intermediate node along the path from the leaf L to the root,
                // add L's leaf index to the unmerged_leaves list for the node."
                Stop::Parent { node: Some(node), .. } => {
                    let unmerged = &mut node.unmerged_leaves;
                    let place = unmerged.partition_point(|other| *other < index);
                    unmerged.insert(place, index);
                }
                Stop::Parent { node: None, .. } => {}
                Stop::Leaf(slot) => {
                    roster.change_leaf(*suite, index, None, Some(leaf));
                    *slot = Some(encoded.clone());
                }
            }
            Ok(())
        })?;
        Ok(index)
    }

    /// The leftmost blank leaf, which an external committer takes (RFC 9420 §12.4.3.2). Doubles the tree only if it is
    /// full.
    ///
    /// # Errors
    /// `TreeSizeBounded` when the tree is as large as it may get.
    pub fn reserve(&mut self) -> Result<LeafIndex, Error> {
        // RFC 9420 §12.1.1: "If no empty leaf exists, the tree is extended to the right."
        if self.nodes.leftmost_blank().is_none() {
            self.nodes.extend()?;
        }
        self.nodes.leftmost_blank().ok_or_else(|| Rule::TreeSizeBounded.into())
    }

    /// Replaces a member's leaf and blanks the nodes above it (RFC 9420 §12.1.2).
    ///
    /// # Errors
    /// `SenderIsMember` if the leaf is blank; `LeafKeyReplaced` if its encryption key stays; when it is too long to
    /// encode.
    pub fn update(&mut self, index: LeafIndex, leaf: &LeafNode) -> Result<(), Error> {
        // RFC 9420 §7.3: "encryption_key represents a different public key than the encryption_key in the leaf node
        // being replaced by the Update proposal"
        if self.nodes.leaf(index).ok_or(Rule::SenderIsMember)?.encryption_key() == leaf.encryption_key {
            return Err(Rule::LeafKeyReplaced.into());
        }
        self.blank_path(index, Some(leaf))
    }

    /// Removes a member, blanks the nodes above it, and halves the tree as long as its right half is blank
    /// (RFC 9420 §12.1.3).
    ///
    /// # Errors
    /// `RemovedIsMember` if the leaf is blank.
    pub fn remove(&mut self, index: LeafIndex) -> Result<(), Error> {
        // RFC 9420 §12.1.3: "A Remove proposal is invalid if the removed field does not identify a non-blank leaf
        // node."
        self.nodes.leaf(index).ok_or(Rule::RemovedIsMember)?;
        self.blank_path(index, None)?;
        self.truncate();
        Ok(())
    }

    fn truncate(&mut self) {
        let Self { suite, nodes, roster } = self;
        nodes.truncate(&mut |index, node| roster.change_parent(*suite, index, Some(node), None));
    }

    fn blank_path(&mut self, index: LeafIndex, leaf: Option<&LeafNode>) -> Result<(), Error> {
        let encoded = leaf.map(Leaf::new).transpose()?;
        let Self { suite, nodes, roster } = self;
        nodes.walk(index, &mut |stop| {
            match stop {
                Stop::Parent { index, node, .. } => roster.change_parent(*suite, index, node.take().as_ref(), None),
                Stop::Leaf(slot) => {
                    roster.change_leaf(*suite, index, slot.as_ref().and_then(Leaf::node).as_ref(), leaf);
                    slot.clone_from(&encoded);
                }
            }
            Ok(())
        })
    }

    /// Computes the missing hashes and checks the rules over all members, on the joint effect of all changes.
    ///
    /// # Errors
    /// Rules of [`Roster::check`]; `TreeEndsNonBlank` if no member is left.
    pub fn seal(mut self) -> Result<RatchetTree, Error> {
        if self.roster.member_count() == 0 {
            return Err(Rule::TreeEndsNonBlank.into());
        }
        self.roster.check()?;
        self.truncate();
        RatchetTree::sealed(self.nodes, self.roster, self.suite)
    }

    /// The leaf at `index`, or `None` if it is blank or outside the tree.
    #[must_use]
    pub fn leaf(&self, index: LeafIndex) -> Option<LeafNode> {
        self.nodes.leaf(index)?.node()
    }

    /// How many leaves there are, blank ones included: a power of two.
    #[must_use]
    pub const fn leaf_width(&self) -> u32 {
        self.nodes.leaves()
    }

    /// The filtered direct path of a leaf, from the lowest node up (RFC 9420 §4.1.2).
    #[must_use]
    pub fn filtered_direct_path(&self, leaf: LeafIndex) -> Vec<PathStep> {
        self.nodes.filtered_direct_path(leaf)
    }

    /// The resolution of a node (RFC 9420 §4.1.1), empty outside the tree.
    #[must_use]
    pub fn resolution(&self, node: NodeIndex) -> Vec<NodeIndex> {
        self.nodes.resolution(node)
    }

    /// The members taken together, as changed so far.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }
}

impl core::fmt::Debug for TreeEdit<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TreeEdit")
            .field("leaf_width", &self.leaf_width())
            .field("members", &self.roster.member_count())
            .finish_non_exhaustive()
    }
}
