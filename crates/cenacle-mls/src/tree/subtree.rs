//! Shared nodes. A subtree is a value behind an `Arc`; whoever changes one leaf copies the nodes above it and shares
//! the rest. Each that is neither a leaf nor a small blank keeps its tree hash, absent until it is sealed, and two counts
//! that make every search O(log n).

use alloc::{boxed::Box, sync::Arc};

use cenacle_codec::{Encode, Writer};
use cenacle_crypto::{Digest, Suite};

use super::{
    Leaf, NodeIndex, hash,
    node::{ARC_BYTES, Parent},
};
use crate::{error::Error, wide, wire::LeafIndex};

/// A node with all below it. Its position is not stored: whoever walks knows it.
#[derive(Clone)]
pub(super) enum Subtree {
    /// Nothing but blanks, of so low a level that their hash is computed when it is asked for.
    Blank,
    /// A member.
    Leaf(Leaf),
    /// Two halves under a node that may be blank.
    Inner(Arc<Inner>),
}

/// The root of a subtree that is not a leaf.
#[derive(Clone)]
pub(super) struct Inner {
    hash: Hash,
    members: u32,
    resolved: u32,
    pub(super) node: Option<Parent>,
    pub(super) left: Subtree,
    pub(super) right: Subtree,
}

/// Blank subtrees up to this level are not stored.
const BLANK_LEVEL: u32 = 4;

/// From so many members on, the halves are hashed side by side.
const WIDE: u32 = 4_096;

/// A cached tree hash: one of 32 bytes in place, a longer one on the heap.
#[derive(Clone)]
enum Hash {
    Absent,
    Short([u8; 32]),
    Long(Box<Digest>),
}

impl From<Digest> for Hash {
    fn from(digest: Digest) -> Self {
        <[u8; 32]>::try_from(digest.as_slice()).map_or_else(|_| Self::Long(Box::new(digest)), Self::Short)
    }
}

/// A node that is not blank, as it travels: its encoding is [`Node`](crate::wire::Node)'s.
#[derive(Clone, Copy)]
pub(super) enum NodeRef<'a> {
    Leaf(&'a Leaf),
    Parent(&'a Parent),
}

impl Encode for NodeRef<'_> {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Leaf(leaf) => out.put(&1u8).put(*leaf),
            Self::Parent(parent) => out.put(&2u8).put(*parent),
        };
    }
}

/// A stop on a walk from the root to a leaf, where the node may be changed.
pub(super) enum Stop<'a> {
    Parent { index: NodeIndex, node: &'a mut Option<Parent>, copath_index: NodeIndex, copath_child: &'a mut Subtree },
    Leaf(&'a mut Option<Leaf>),
}

impl Inner {
    fn new(node: Option<Parent>, left: Subtree, right: Subtree) -> Self {
        let mut inner = Self { hash: Hash::Absent, members: 0, resolved: 0, node, left, right };
        inner.recount();
        inner
    }

    fn recount(&mut self) {
        self.members = self.left.members().saturating_add(self.right.members());
        self.resolved = match &self.node {
            // RFC 9420 §4.1.1: "The resolution of a non-blank node comprises the node itself, followed by its list of
            // unmerged leaves, if any."
            Some(node) => u32::try_from(node.unmerged_leaves.len()).unwrap_or(u32::MAX).saturating_add(1),
            None => self.left.resolved().saturating_add(self.right.resolved()),
        };
    }
}

impl Subtree {
    /// What the head of this subtree takes in memory, if it was allocated for it.
    pub(super) fn head_bytes(&self) -> usize {
        match self {
            // What holds a leaf's bytes is counted where they are read.
            Self::Blank | Self::Leaf(_) => 0,
            Self::Inner(_) => size_of::<Inner>() + ARC_BYTES,
        }
    }

    pub(super) fn leaf(leaf: Option<Leaf>) -> Self {
        leaf.map_or(Self::Blank, Self::Leaf)
    }

    /// A subtree of 2^`level` leaves.
    pub(super) fn inner(level: u32, node: Option<Parent>, left: Self, right: Self) -> Self {
        match (&node, &left, &right) {
            (None, Self::Blank, Self::Blank) if level <= BLANK_LEVEL => Self::Blank,
            _ => Self::Inner(Arc::new(Inner::new(node, left, right))),
        }
    }

    /// A subtree of 2^`level` leaves without any node. Its halves are the same value until a hash tells them apart.
    pub(super) fn blank(level: u32) -> Self {
        (BLANK_LEVEL..level).fold(Self::Blank, |half, below| Self::inner(below + 1, None, half.clone(), half))
    }

    /// How many leaves below are not blank.
    pub(super) fn members(&self) -> u32 {
        match self {
            Self::Blank => 0,
            Self::Leaf(_) => 1,
            Self::Inner(inner) => inner.members,
        }
    }

    /// How many nodes the resolution has (RFC 9420 §4.1.1).
    pub(super) fn resolved(&self) -> u32 {
        match self {
            Self::Blank => 0,
            Self::Leaf(_) => 1,
            Self::Inner(inner) => inner.resolved,
        }
    }

    /// The node at the head, or `None` if it is blank.
    pub(super) fn node(&self) -> Option<NodeRef<'_>> {
        match self {
            Self::Blank => None,
            Self::Leaf(leaf) => Some(NodeRef::Leaf(leaf)),
            Self::Inner(inner) => inner.node.as_ref().map(NodeRef::Parent),
        }
    }

    /// What stands left and right below the head.
    pub(super) fn halves(&self) -> (&Self, &Self) {
        static BLANK: Subtree = Subtree::Blank;
        if let Self::Inner(inner) = self { (&inner.left, &inner.right) } else { (&BLANK, &BLANK) }
    }

    /// Whether both are the very same value, which is known without looking below.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blank, Self::Blank) => true,
            (Self::Leaf(one), Self::Leaf(other)) => one.ptr_eq(other),
            (Self::Inner(one), Self::Inner(other)) => Arc::ptr_eq(one, other),
            (Self::Blank | Self::Leaf(_) | Self::Inner(_), _) => false,
        }
    }

    /// The subtree at `node` in a tree whose root, at `head`, this is; `None` where all is blank.
    pub(super) fn find(&self, head: NodeIndex, node: NodeIndex) -> Option<&Self> {
        let (mut at, mut head) = (self, head);
        while node != head {
            let Self::Inner(inner) = at else { return None };
            let (left_head, right_head) = head.children();
            (at, head) = if node < head { (&inner.left, left_head) } else { (&inner.right, right_head) };
        }
        Some(at)
    }

    /// Walks down to `leaf`, making each node on the way its own and forgetting its hash.
    pub(super) fn walk(
        &mut self,
        head: NodeIndex,
        leaf: NodeIndex,
        visit: &mut dyn FnMut(Stop<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if head.level() == 0 {
            let mut slot = if let Self::Leaf(leaf) = self { Some(leaf.clone()) } else { None };
            visit(Stop::Leaf(&mut slot))?;
            *self = Self::leaf(slot);
            return Ok(());
        }
        if !matches!(self, Self::Inner(_)) {
            *self = Self::Inner(Arc::new(Inner::new(None, Self::Blank, Self::Blank)));
        }
        let Self::Inner(this) = self else { return Ok(()) };
        let Inner { hash, node, left, right, .. } = Arc::make_mut(this);
        *hash = Hash::Absent;
        let (left_head, right_head) = head.children();
        let (child, child_head, copath_child, copath_index) =
            if leaf < head { (left, left_head, right, right_head) } else { (right, right_head, left, left_head) };
        visit(Stop::Parent { index: head, node, copath_index, copath_child })?;
        child.walk(child_head, leaf, visit)?;
        let this = Arc::make_mut(this);
        this.recount();
        if head.level() <= BLANK_LEVEL
            && let (None, Self::Blank, Self::Blank) = (&this.node, &this.left, &this.right)
        {
            *self = Self::Blank;
        }
        Ok(())
    }

    /// Computes the hashes that are missing.
    pub(super) fn seal(&mut self, head: NodeIndex, suite: &dyn Suite) -> Result<(), Error> {
        let Self::Inner(this) = self else { return Ok(()) };
        if !matches!(this.hash, Hash::Absent) {
            return Ok(());
        }
        let Inner { hash, node, left, right, members, .. } = Arc::make_mut(this);
        let (left_head, right_head) = head.children();
        wide::both(*members >= WIDE, || left.seal(left_head, suite), || right.seal(right_head, suite))?;
        let (left, right) = (left.hash(left_head, suite)?, right.hash(right_head, suite)?);
        *hash = hash::inner_hash(suite, node.as_ref(), &left, &right)?.into();
        Ok(())
    }

    /// The tree hash (RFC 9420 §7.8). Of what is sealed it is at hand, except for leaves and small blanks.
    pub(super) fn hash(&self, head: NodeIndex, suite: &dyn Suite) -> Result<Digest, Error> {
        match self {
            Self::Blank => hash::blank_hash(suite, head),
            Self::Leaf(leaf) => hash::leaf_hash(suite, head.leaf().unwrap_or(LeafIndex(0)), Some(leaf)),
            Self::Inner(inner) => match &inner.hash {
                Hash::Short(hash) => Ok(Digest::from_slice(hash).unwrap_or_default()),
                Hash::Long(hash) => Ok(**hash),
                Hash::Absent => {
                    let (left_head, right_head) = head.children();
                    let (left, right) = (inner.left.hash(left_head, suite)?, inner.right.hash(right_head, suite)?);
                    hash::inner_hash(suite, inner.node.as_ref(), &left, &right)
                }
            },
        }
    }

    /// Visits this subtree's nodes in the order of the array form, up to `last`.
    pub(super) fn in_order<'a>(
        &'a self,
        head: NodeIndex,
        last: NodeIndex,
        visit: &mut dyn FnMut(NodeIndex, Option<NodeRef<'a>>),
    ) {
        let Self::Inner(inner) = self else {
            let nodes = head.node_span();
            return (*nodes.start()..=last.0.min(*nodes.end())).for_each(|node| visit(NodeIndex(node), self.node()));
        };
        let (left_head, right_head) = head.children();
        inner.left.in_order(left_head, last, visit);
        if head < last {
            visit(head, self.node());
            inner.right.in_order(right_head, last, visit);
        }
    }

    /// Visits the resolution in its order (RFC 9420 §4.1.1).
    pub(super) fn resolve(&self, head: NodeIndex, visit: &mut dyn FnMut(NodeIndex)) {
        match self {
            Self::Blank => {}
            Self::Leaf(_) => visit(head),
            Self::Inner(inner) => match &inner.node {
                Some(node) => {
                    visit(head);
                    node.unmerged_leaves.iter().for_each(|leaf| visit(leaf.node_index()));
                }
                None => {
                    let (left_head, right_head) = head.children();
                    inner.left.resolve(left_head, visit);
                    inner.right.resolve(right_head, visit);
                }
            },
        }
    }
}
