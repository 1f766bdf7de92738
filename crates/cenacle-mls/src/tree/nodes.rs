//! A whole tree of shared nodes and the questions asked of it (RFC 9420 §4.1): what a node holds, resolutions, filtered
//! direct paths. Sealed or not makes no difference here; nor does it know any rule about members.

use alloc::vec::Vec;
use core::ops::Range;

use cenacle_crypto::{HpkePublicKey, Suite};

use super::{
    Leaf, NodeIndex, math,
    node::Parent,
    subtree::{NodeRef, Stop, Subtree},
};
use crate::{
    error::{Error, Rule},
    limits::MAX_TREE_LEVEL,
    wire::LeafIndex,
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
    pub(super) root: Subtree,
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

    /// The subtree at `node`; `None` outside the tree and, perhaps, where all is blank.
    pub(super) fn subtree(&self, node: NodeIndex) -> Option<&Subtree> {
        self.root.find(self.head(), node)
    }

    pub(super) fn leaf(&self, index: LeafIndex) -> Option<&Leaf> {
        match self.subtree(index.node_index())?.node()? {
            NodeRef::Leaf(leaf) => Some(leaf),
            NodeRef::Parent(_) => None,
        }
    }

    pub(super) fn parent(&self, node: NodeIndex) -> Option<&Parent> {
        match self.subtree(node)?.node()? {
            NodeRef::Parent(parent) => Some(parent),
            NodeRef::Leaf(_) => None,
        }
    }

    pub(super) fn encryption_key(&self, node: NodeIndex) -> Option<HpkePublicKey> {
        match self.subtree(node)?.node()? {
            NodeRef::Leaf(leaf) => Some(leaf.encryption_key()),
            NodeRef::Parent(parent) => Some(parent.encryption_key()),
        }
    }

    /// Whether a node is neither blank nor outside the tree.
    pub(super) fn is_filled(&self, node: NodeIndex) -> bool {
        self.subtree(node).is_some_and(|subtree| subtree.node().is_some())
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
        while let Subtree::Inner(inner) = at {
            let (left, right, (left_head, right_head)) = (&inner.left, &inner.right, node.children());
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
        while let Subtree::Inner(inner) = at
            && inner.node.is_none()
        {
            let (left_head, right_head) = head.children();
            if leaf.node_index() < head {
                (at, head) = (&inner.left, left_head);
            } else {
                before = before.saturating_add(inner.left.resolved());
                (at, head) = (&inner.right, right_head);
            }
        }
        let new_before = within(new_leaves, first..head.leaf_span().start).len();
        let place = usize::try_from(before).ok()?.checked_sub(new_before)?;
        if holds(head) {
            return Some((head, place));
        }
        let Some(NodeRef::Parent(parent)) = at.node() else { return None };
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
        while let Subtree::Inner(inner) = at {
            let (left_head, right_head) = head.children();
            let full = 1 << left_head.level();
            (at, head) =
                if inner.left.members() < full { (&inner.left, left_head) } else { (&inner.right, right_head) };
        }
        Some(LeafIndex(head.leaf_span().start))
    }

    /// The rightmost leaf that is not blank.
    pub(super) fn rightmost_member(&self) -> Option<LeafIndex> {
        let (mut at, mut head) = (&self.root, self.head());
        while let Subtree::Inner(inner) = at {
            let (left_head, right_head) = head.children();
            (at, head) = if inner.right.members() == 0 { (&inner.left, left_head) } else { (&inner.right, right_head) };
        }
        head.leaf().filter(|_| at.members() > 0)
    }

    /// The same nodes under a root at `level` or higher.
    pub(super) fn widened(&self, level: u8) -> Subtree {
        (self.level..level)
            .fold(self.root.clone(), |left, below| Subtree::inner(u32::from(below) + 1, None, left, Subtree::Blank))
    }

    /// Doubles the width.
    pub(super) fn extend(&mut self) -> Result<(), Error> {
        if self.level >= MAX_TREE_LEVEL {
            return Err(Rule::TreeSizeBounded.into());
        }
        // RFC 9420 §7.7: "a new blank root node is added, whose left subtree is the existing tree and right subtree is
        // a new all-blank subtree."
        let level = u32::from(self.level);
        self.root = Subtree::inner(level + 1, None, self.root.clone(), Subtree::blank(level));
        self.level += 1;
        Ok(())
    }

    /// Halves the width as long as the right half has no member. Gives the discarded roots' nodes to `discard`.
    pub(super) fn truncate(&mut self, discard: &mut dyn FnMut(NodeIndex, &Parent)) {
        // RFC 9420 §12.1.3: "Truncate the tree by removing the right subtree until there is at least one non-blank leaf
        // node in the right subtree."
        while let Subtree::Inner(inner) = &self.root
            && inner.right.members() == 0
        {
            if let Some(node) = &inner.node {
                discard(self.head(), node);
            }
            self.root = inner.left.clone();
            self.level = self.level.saturating_sub(1);
        }
    }

    pub(super) fn walk(
        &mut self,
        leaf: LeafIndex,
        visit: &mut dyn FnMut(Stop<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let head = self.head();
        self.root.walk(head, leaf.node_index(), visit)
    }

    pub(super) fn seal(&mut self, suite: &dyn Suite) -> Result<(), Error> {
        let head = self.head();
        self.root.seal(head, suite)
    }
}

/// The leaves of a tree that are not blank, from left to right; blank subtrees cost nothing.
#[derive(Clone)]
pub struct Leaves<'a> {
    waiting: Vec<(NodeIndex, &'a Subtree)>,
    span: Range<u32>,
}

impl<'a> Leaves<'a> {
    pub(super) fn new(nodes: &'a Nodes, span: Range<u32>) -> Self {
        Self { waiting: Vec::from([(nodes.head(), &nodes.root)]), span }
    }
}

impl<'a> Iterator for Leaves<'a> {
    type Item = (LeafIndex, &'a Leaf);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((head, subtree)) = self.waiting.pop() {
            let leaves = head.leaf_span();
            if leaves.end <= self.span.start || self.span.end <= leaves.start {
                continue;
            }
            match subtree {
                Subtree::Blank => {}
                Subtree::Leaf(leaf) => return Some((LeafIndex(leaves.start), leaf)),
                Subtree::Inner(inner) => {
                    let (left_head, right_head) = head.children();
                    self.waiting.extend([(right_head, &inner.right), (left_head, &inner.left)]);
                }
            }
        }
        None
    }
}

impl core::fmt::Debug for Leaves<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Leaves").field("span", &self.span).finish_non_exhaustive()
    }
}

/// The part of ascending `leaves` that lies in `span`.
pub(super) fn within(leaves: &[LeafIndex], span: Range<u32>) -> &[LeafIndex] {
    let [start, end] = [span.start, span.end].map(|bound| leaves.partition_point(|leaf| leaf.0 < bound));
    leaves.get(start..end).unwrap_or_default()
}
