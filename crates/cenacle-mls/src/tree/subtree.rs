//! Shared nodes. A subtree is a value behind an `Arc`; whoever changes one leaf copies the nodes above it and shares
//! the rest. Each keeps its tree hash, empty until it is sealed, and two counts that make every search O(log n).

use alloc::sync::Arc;

use cenacle_codec::{Encode, Writer};
use cenacle_crypto::{Digest, Suite};

use super::{NodeIndex, hash};
use crate::{
    error::Error,
    wire::{LeafIndex, LeafNode, ParentNode},
};

/// A node with all below it. Its position is not stored: whoever walks knows it.
#[derive(Clone)]
pub(super) struct Subtree {
    hash: Digest,
    members: u32,
    resolved: u32,
    body: Body,
}

/// The node itself, `None` where it is blank.
#[derive(Clone)]
pub(super) enum Body {
    Leaf(Option<Arc<LeafNode>>),
    Inner { node: Option<Arc<ParentNode>>, left: Arc<Subtree>, right: Arc<Subtree> },
}

/// A node that is not blank, as it travels and is stored: its encoding is [`Node`](crate::wire::Node)'s.
#[derive(Clone, Copy)]
pub(super) enum NodeRef<'a> {
    Leaf(&'a Arc<LeafNode>),
    Parent(&'a Arc<ParentNode>),
}

impl<'a> NodeRef<'a> {
    pub(super) const fn leaf(self) -> Option<&'a Arc<LeafNode>> {
        match self {
            Self::Leaf(leaf) => Some(leaf),
            Self::Parent(_) => None,
        }
    }

    pub(super) const fn parent(self) -> Option<&'a Arc<ParentNode>> {
        match self {
            Self::Parent(parent) => Some(parent),
            Self::Leaf(_) => None,
        }
    }
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
    Parent {
        index: NodeIndex,
        node: &'a mut Option<Arc<ParentNode>>,
        copath_index: NodeIndex,
        copath_child: &'a mut Arc<Subtree>,
    },
    Leaf(&'a mut Option<Arc<LeafNode>>),
}

impl Subtree {
    pub(super) fn leaf(leaf: Option<Arc<LeafNode>>) -> Self {
        Self::new(Body::Leaf(leaf))
    }

    pub(super) fn inner(node: Option<Arc<ParentNode>>, left: Arc<Self>, right: Arc<Self>) -> Self {
        Self::new(Body::Inner { node, left, right })
    }

    /// A subtree without any node. Its halves are the same value until a change or a hash tells them apart.
    pub(super) fn blank(level: u8) -> Arc<Self> {
        let leaf = Arc::new(Self::leaf(None));
        (0..level).fold(leaf, |half, _| Arc::new(Self::inner(None, half.clone(), half)))
    }

    fn new(body: Body) -> Self {
        let mut subtree = Self { hash: Digest::EMPTY, members: 0, resolved: 0, body };
        subtree.recount();
        subtree
    }

    /// The tree hash (RFC 9420 §7.8), empty if it is not sealed.
    pub(super) const fn hash(&self) -> &Digest {
        &self.hash
    }

    /// How many leaves below are not blank.
    pub(super) const fn members(&self) -> u32 {
        self.members
    }

    /// How many nodes the resolution has (RFC 9420 §4.1.1).
    pub(super) const fn resolved(&self) -> u32 {
        self.resolved
    }

    pub(super) const fn body(&self) -> &Body {
        &self.body
    }

    /// The node at the head, or `None` if it is blank.
    pub(super) fn node(&self) -> Option<NodeRef<'_>> {
        match &self.body {
            Body::Leaf(leaf) => leaf.as_ref().map(NodeRef::Leaf),
            Body::Inner { node, .. } => node.as_ref().map(NodeRef::Parent),
        }
    }

    /// Takes over a hash that was computed before, from a store.
    pub(super) fn with_hash(mut self, hash: Digest) -> Self {
        self.hash = hash;
        self
    }

    /// The subtree at `node` in a tree whose root, at `head`, this is.
    pub(super) fn find(self: &Arc<Self>, head: NodeIndex, node: NodeIndex) -> Option<&Arc<Self>> {
        let (mut at, mut head) = (self, head);
        while node != head {
            let Body::Inner { left, right, .. } = &at.body else { return None };
            let (left_head, right_head) = head.children();
            (at, head) = if node < head { (left, left_head) } else { (right, right_head) };
        }
        Some(at)
    }

    /// Walks down to `leaf`, making each node on the way its own and forgetting its hash.
    pub(super) fn walk(
        this: &mut Arc<Self>,
        head: NodeIndex,
        leaf: NodeIndex,
        visit: &mut dyn FnMut(Stop<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let this = Arc::make_mut(this);
        this.hash = Digest::EMPTY;
        match &mut this.body {
            Body::Leaf(slot) => visit(Stop::Leaf(slot))?,
            Body::Inner { node, left, right } => {
                let (left_head, right_head) = head.children();
                let (child, child_head, copath_child, copath_index) = if leaf < head {
                    (left, left_head, right, right_head)
                } else {
                    (right, right_head, left, left_head)
                };
                visit(Stop::Parent { index: head, node, copath_index, copath_child })?;
                Self::walk(child, child_head, leaf, visit)?;
            }
        }
        this.recount();
        Ok(())
    }

    fn recount(&mut self) {
        (self.members, self.resolved) = match &self.body {
            Body::Leaf(leaf) => (leaf.is_some().into(), leaf.is_some().into()),
            Body::Inner { node, left, right } => {
                let resolved = match node {
                    // RFC 9420 §4.1.1: "The resolution of a non-blank node comprises the node itself, followed by its
                    // list of unmerged leaves, if any."
                    Some(node) => u32::try_from(node.unmerged_leaves.len()).unwrap_or(u32::MAX).saturating_add(1),
                    None => left.resolved.saturating_add(right.resolved),
                };
                (left.members.saturating_add(right.members), resolved)
            }
        };
    }

    /// Computes the hashes that are missing.
    pub(super) fn seal(this: &mut Arc<Self>, head: NodeIndex, suite: &dyn Suite) -> Result<(), Error> {
        if !this.hash.is_empty() {
            return Ok(());
        }
        let this = Arc::make_mut(this);
        this.hash = match &mut this.body {
            Body::Leaf(leaf) => hash::leaf_hash(suite, head.leaf().unwrap_or(LeafIndex(0)), leaf.as_deref())?,
            Body::Inner { node, left, right } => {
                let (left_head, right_head) = head.children();
                Self::seal(left, left_head, suite)?;
                Self::seal(right, right_head, suite)?;
                hash::inner_hash(suite, node.as_deref(), &left.hash, &right.hash)?
            }
        };
        Ok(())
    }

    /// Visits this subtree's nodes in the order of the array form, up to `last`.
    pub(super) fn in_order<'a>(&'a self, head: NodeIndex, last: NodeIndex, visit: &mut dyn FnMut(NodeIndex, &'a Self)) {
        let Body::Inner { left, right, .. } = &self.body else { return visit(head, self) };
        let (left_head, right_head) = head.children();
        left.in_order(left_head, last, visit);
        if head < last {
            visit(head, self);
            right.in_order(right_head, last, visit);
        }
    }

    /// Visits the resolution in its order (RFC 9420 §4.1.1).
    pub(super) fn resolve(&self, head: NodeIndex, visit: &mut dyn FnMut(NodeIndex)) {
        if self.resolved == 0 {
            return;
        }
        match &self.body {
            Body::Leaf(_) => visit(head),
            Body::Inner { node: Some(node), .. } => {
                visit(head);
                node.unmerged_leaves.iter().for_each(|leaf| visit(leaf.node_index()));
            }
            Body::Inner { node: None, left, right } => {
                let (left_head, right_head) = head.children();
                left.resolve(left_head, visit);
                right.resolve(right_head, visit);
            }
        }
    }
}
