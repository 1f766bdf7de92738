//! Where nodes stand (RFC 9420 §4.1, Appendix C): a full tree's nodes are numbered from left to right, leaves at even
//! positions, so that all relations are arithmetic. Indices do not change when the tree grows or shrinks at its right
//! edge.
//!
//! Wherever a number of `leaves` is asked for it is the tree's width, a power of two.

use core::{
    fmt, iter,
    ops::{Range, RangeInclusive},
};

use cenacle_codec::codec_newtype;

use crate::wire::LeafIndex;

codec_newtype! {
    /// A node's position in the array form of the tree, counted from 0 (RFC 9420 Appendix C). Not a leaf index.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct NodeIndex(pub u32);
}

/// The root of a tree of `leaves`.
#[must_use]
pub const fn root(leaves: u32) -> NodeIndex {
    NodeIndex(leaves.saturating_sub(1))
}

/// How many nodes a tree of `leaves` has.
#[must_use]
pub const fn node_count(leaves: u32) -> u32 {
    leaves.saturating_mul(2).saturating_sub(1)
}

impl NodeIndex {
    /// The root of a tree of 2^`level` leaves.
    #[must_use]
    pub const fn root_of_level(level: u8) -> Self {
        root(1u32.wrapping_shl(level as u32))
    }

    /// Height above the leaves, which are at level 0.
    #[must_use]
    pub const fn level(self) -> u32 {
        self.0.trailing_ones()
    }

    /// The leaf this node is, or `None` for a parent.
    #[must_use]
    pub const fn leaf(self) -> Option<LeafIndex> {
        if self.0 & 1 == 0 { Some(LeafIndex(self.0 >> 1)) } else { None }
    }

    /// The left child, or `None` for a leaf.
    #[must_use]
    pub const fn left(self) -> Option<Self> {
        match self.level() {
            0 => None,
            level => Some(Self(self.0 ^ 1 << (level - 1))),
        }
    }

    /// The right child, or `None` for a leaf.
    #[must_use]
    pub const fn right(self) -> Option<Self> {
        match self.level() {
            0 => None,
            level => Some(Self(self.0 ^ 3u32.wrapping_shl(level - 1))),
        }
    }

    /// Both children; a leaf stands for its own.
    pub(super) fn children(self) -> (Self, Self) {
        (self.left().unwrap_or(self), self.right().unwrap_or(self))
    }

    /// The child that is `target` or above it, or `None` where nothing below is.
    #[must_use]
    pub fn child_towards(self, target: Self) -> Option<Self> {
        let child = if target < self { self.left() } else { self.right() };
        child.filter(|child| child.contains(target))
    }

    /// The child of `parent` that this one is not.
    #[must_use]
    pub fn sibling_under(self, parent: Self) -> Self {
        let (left, right) = parent.children();
        if self < parent { right } else { left }
    }

    /// The parent in a tree of `leaves`, or `None` for the root and outside the tree.
    #[must_use]
    pub const fn parent(self, leaves: u32) -> Option<Self> {
        if self.0 == root(leaves).0 || self.0 >= node_count(leaves) {
            return None;
        }
        let bit = 1u32.wrapping_shl(self.level());
        Some(Self((self.0 | bit) & !bit.wrapping_shl(1)))
    }

    /// The other child of the parent in a tree of `leaves`, or `None` for the root and outside the tree.
    #[must_use]
    pub fn sibling(self, leaves: u32) -> Option<Self> {
        self.parent(leaves).map(|parent| self.sibling_under(parent))
    }

    /// The nodes above this one, from the lowest to the root.
    pub fn direct_path(self, leaves: u32) -> impl Iterator<Item = Self> {
        iter::successors(self.parent(leaves), move |node| node.parent(leaves))
    }

    /// The sibling of this node and those of the nodes above it, from the lowest up.
    pub fn copath(self, leaves: u32) -> impl Iterator<Item = Self> {
        iter::once(self).chain(self.direct_path(leaves)).filter_map(move |node| node.sibling(leaves))
    }

    /// The lowest node whose subtree holds both, possibly one of the two.
    #[must_use]
    pub const fn common_ancestor(self, other: Self) -> Self {
        let mut level = if self.level() > other.level() { self.level() } else { other.level() };
        while self.above(level).0 != other.above(level).0 {
            level += 1;
        }
        self.above(level)
    }

    /// Whether `node` is this node or below it.
    #[must_use]
    pub const fn contains(self, node: Self) -> bool {
        node.level() <= self.level() && node.above(self.level()).0 == self.0
    }

    /// The indices of the leaves at or below this node.
    #[must_use]
    pub fn leaf_span(self) -> Range<u32> {
        let nodes = self.node_span();
        nodes.start() / 2..(nodes.end() / 2).saturating_add(1)
    }

    /// The nodes at or below this one.
    pub(super) fn node_span(self) -> RangeInclusive<u32> {
        let half = 1u32.checked_shl(self.level()).unwrap_or(u32::MAX) - 1;
        self.0.saturating_sub(half)..=self.0.saturating_add(half)
    }

    /// The node at `level` that has this one at or below it: the position's block with all lower bits set.
    const fn above(self, level: u32) -> Self {
        match 1u32.checked_shl(level) {
            Some(bit) => Self((self.0 | (bit - 1)) & !bit),
            None => Self(u32::MAX),
        }
    }
}

impl LeafIndex {
    /// The leaf's node. A leaf whose node no index can name gets one outside every tree.
    #[must_use]
    pub const fn node_index(self) -> NodeIndex {
        NodeIndex(if self.0 >> 31 == 0 { self.0 << 1 } else { u32::MAX - 1 })
    }
}

impl From<LeafIndex> for NodeIndex {
    fn from(leaf: LeafIndex) -> Self {
        leaf.node_index()
    }
}

impl fmt::Debug for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

impl fmt::Display for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
