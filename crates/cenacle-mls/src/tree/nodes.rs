//! A whole tree of shared nodes and the questions asked of it (RFC 9420 §4.1): what a node holds, resolutions, filtered
//! direct paths. Sealed or not makes no difference here; nor does it know any rule about members.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Range;

use cenacle_crypto::{HpkePublicKey, Suite};

use super::{
    NodeIndex, math,
    subtree::{Body, Stop, Subtree},
};
use crate::{
    error::{Error, Rule},
    limits::MAX_TREE_LEVEL,
    wire::{LeafIndex, LeafNode, ParentNode},
};

/// One node of a filtered direct path (RFC 9420 §4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The node.
    pub node: NodeIndex,
    /// Its child that is not on the path: whose resolution the node's path secret is encrypted to.
    pub copath_child: NodeIndex,
}

/// A full tree of 2^`level` leaves.
#[derive(Clone)]
pub(super) struct Nodes {
    pub(super) root: Arc<Subtree>,
    pub(super) level: u8,
}

impl Nodes {
    /// Width of the tree, blank leaves included.
    pub(super) const fn leaves(&self) -> u32 {
        1 << self.level
    }

    pub(super) const fn head(&self) -> NodeIndex {
        math::root(self.leaves())
    }

    pub(super) fn subtree(&self, node: NodeIndex) -> Option<&Arc<Subtree>> {
        self.root.find(self.head(), node)
    }

    pub(super) fn leaf(&self, index: LeafIndex) -> Option<&Arc<LeafNode>> {
        match self.subtree(index.node_index())?.body() {
            Body::Leaf(leaf) => leaf.as_ref(),
            Body::Inner { .. } => None,
        }
    }

    pub(super) fn parent(&self, node: NodeIndex) -> Option<&Arc<ParentNode>> {
        match self.subtree(node)?.body() {
            Body::Inner { node, .. } => node.as_ref(),
            Body::Leaf(_) => None,
        }
    }

    pub(super) fn encryption_key(&self, node: NodeIndex) -> Option<&HpkePublicKey> {
        match self.subtree(node)?.body() {
            Body::Leaf(leaf) => Some(&leaf.as_ref()?.encryption_key),
            Body::Inner { node, .. } => Some(&node.as_ref()?.encryption_key),
        }
    }

    pub(super) fn resolution(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let mut resolution = Vec::new();
        if let Some(subtree) = self.subtree(node) {
            subtree.resolve(node, &mut |node| resolution.push(node));
        }
        resolution
    }

    pub(super) fn filtered_direct_path(&self, leaf: LeafIndex) -> Vec<PathStep> {
        let target = leaf.node_index();
        let (mut at, mut node, mut steps) = (&self.root, self.head(), Vec::new());
        while let Body::Inner { left, right, .. } = at.body() {
            let (left_head, right_head) = node.children();
            let (child, child_head, other, copath_child) =
                if target < node { (left, left_head, right, right_head) } else { (right, right_head, left, left_head) };
            // RFC 9420 §4.1.2: "with any node removed whose child on the copath of L has an empty resolution"
            if other.resolved() > 0 {
                steps.push(PathStep { node, copath_child });
            }
            (at, node) = (child, child_head);
        }
        steps.reverse();
        if leaf.0 < self.leaves() { steps } else { Vec::new() }
    }

    /// How many path secrets are encrypted to the resolution of `node`, where `new_leaves` (ascending) get none.
    pub(super) fn recipients(&self, node: NodeIndex, new_leaves: &[LeafIndex]) -> usize {
        // Each new leaf is in the resolution exactly once: every parent above it lists it as unmerged.
        let resolved = self.subtree(node).map_or(0, |subtree| subtree.resolved());
        let resolved = usize::try_from(resolved).unwrap_or(usize::MAX);
        resolved.saturating_sub(within(new_leaves, node.leaf_span()).len())
    }

    /// Where `leaf` finds its ciphertext among those for the resolution of `node` without `new_leaves` (ascending): the
    /// node of the resolution that `leaf` is or is below and `holds` the key of, and its place.
    pub(super) fn recipient(
        &self,
        node: NodeIndex,
        leaf: LeafIndex,
        new_leaves: &[LeafIndex],
        holds: &dyn Fn(NodeIndex) -> bool,
    ) -> Option<(NodeIndex, usize)> {
        let (mut at, mut head, mut before) = (self.subtree(node)?, node, 0u32);
        let first = node.leaf_span().start;
        while let Body::Inner { node: None, left, right } = at.body() {
            let (left_head, right_head) = head.children();
            if leaf.node_index() < head {
                (at, head) = (left, left_head);
            } else {
                before = before.saturating_add(left.resolved());
                (at, head) = (right, right_head);
            }
        }
        let new_before = within(new_leaves, first..head.leaf_span().start).len();
        let place = usize::try_from(before).ok()?.checked_sub(new_before)?;
        if holds(head) {
            return Some((head, place));
        }
        let Body::Inner { node: Some(parent), .. } = at.body() else { return None };
        let unmerged = parent.unmerged_leaves.binary_search(&leaf).ok()?;
        let new_before = within(new_leaves, head.leaf_span().start..leaf.0).len();
        let own = leaf.node_index();
        holds(own).then_some((own, place.checked_add(1)?.checked_add(unmerged)?.checked_sub(new_before)?))
    }

    /// The leftmost blank leaf, or `None` when the tree is full.
    pub(super) fn leftmost_blank(&self) -> Option<LeafIndex> {
        let (mut at, mut head) = (&self.root, self.head());
        if at.members() >= self.leaves() {
            return None;
        }
        while let Body::Inner { left, right, .. } = at.body() {
            let (left_head, right_head) = head.children();
            let full = 1 << left_head.level();
            (at, head) = if left.members() < full { (left, left_head) } else { (right, right_head) };
        }
        head.leaf()
    }

    /// The rightmost leaf that is not blank.
    pub(super) fn rightmost_member(&self) -> Option<LeafIndex> {
        let (mut at, mut head) = (&self.root, self.head());
        while let Body::Inner { left, right, .. } = at.body() {
            let (left_head, right_head) = head.children();
            (at, head) = if right.members() == 0 { (left, left_head) } else { (right, right_head) };
        }
        head.leaf().filter(|_| at.members() > 0)
    }

    /// Doubles the width.
    pub(super) fn extend(&mut self) -> Result<(), Error> {
        if self.level >= MAX_TREE_LEVEL {
            return Err(Rule::TreeSizeBounded.into());
        }
        // RFC 9420 §7.7: "a new blank root node is added, whose left subtree is the existing tree and right subtree is
        // a new all-blank subtree."
        self.root = Arc::new(Subtree::inner(None, self.root.clone(), Subtree::blank(self.level)));
        self.level += 1;
        Ok(())
    }

    /// Halves the width as long as the right half has no member. Gives the discarded roots' nodes to `discard`.
    pub(super) fn truncate(&mut self, discard: &mut dyn FnMut(NodeIndex, &Arc<ParentNode>)) {
        // RFC 9420 §12.1.3: "Truncate the tree by removing the right subtree until there is at least one non-blank leaf
        // node in the right subtree."
        while let Body::Inner { node, left, right } = self.root.body()
            && right.members() == 0
        {
            if let Some(node) = node {
                discard(self.head(), node);
            }
            self.root = left.clone();
            self.level = self.level.saturating_sub(1);
        }
    }

    pub(super) fn walk(
        &mut self,
        leaf: LeafIndex,
        visit: &mut dyn FnMut(Stop<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let head = self.head();
        Subtree::walk(&mut self.root, head, leaf.node_index(), visit)
    }

    pub(super) fn seal(&mut self, suite: &dyn Suite) -> Result<(), Error> {
        let head = self.head();
        Subtree::seal(&mut self.root, head, suite)
    }
}

/// The members of a tree from left to right; blank subtrees cost nothing.
#[derive(Clone)]
pub struct Members<'a> {
    waiting: Vec<(NodeIndex, &'a Subtree)>,
    span: Range<u32>,
}

impl<'a> Members<'a> {
    pub(super) fn new(nodes: &'a Nodes, span: Range<u32>) -> Self {
        Self { waiting: Vec::from([(nodes.head(), &*nodes.root)]), span }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (LeafIndex, &'a LeafNode);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((head, subtree)) = self.waiting.pop() {
            let leaves = head.leaf_span();
            if subtree.members() == 0 || leaves.end <= self.span.start || self.span.end <= leaves.start {
                continue;
            }
            match subtree.body() {
                Body::Leaf(leaf) => return head.leaf().zip(leaf.as_deref()),
                Body::Inner { left, right, .. } => {
                    let (left_head, right_head) = head.children();
                    self.waiting.extend([(right_head, &**right), (left_head, &**left)]);
                }
            }
        }
        None
    }
}

impl core::fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Members").field("span", &self.span).finish_non_exhaustive()
    }
}

/// The part of ascending `leaves` that lies in `span`.
pub(super) fn within(leaves: &[LeafIndex], span: Range<u32>) -> &[LeafIndex] {
    let [start, end] = [span.start, span.end].map(|bound| leaves.partition_point(|leaf| leaf.0 < bound));
    leaves.get(start..end).unwrap_or_default()
}
