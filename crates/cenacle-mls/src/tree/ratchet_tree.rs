//! The ratchet tree of an epoch (RFC 9420 §4, §7): a value whose versions share all nodes that did not change, always
//! with every tree hash present. It comes from a first leaf, from the wire (§12.4.3.3), from stored rows or from a
//! sealed [`TreeEdit`]; it is never changed in place.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};
use core::{fmt, ops::Range};

use cenacle_codec::{Encode, Writer};
use cenacle_crypto::{Digest, HpkePublicKey, Suite};

use super::{
    Members, NodeIndex, PathStep, Roster, TreeEdit, math,
    nodes::Nodes,
    subtree::{NodeRef, Subtree},
};
use crate::{
    error::{Error, Rule},
    limits::MAX_TREE_LEVEL,
    wire::{LeafIndex, LeafNode, Node, ParentNode, WireTree},
};

/// The public tree of one epoch. Its clone costs nothing; a changed version shares all but the changed paths with it.
/// Its encoding is that of the `ratchet_tree` extension's content.
#[derive(Clone)]
pub struct RatchetTree {
    pub(super) nodes: Nodes,
    pub(super) roster: Roster,
}

impl RatchetTree {
    /// The tree of a group with one member.
    ///
    /// # Errors
    /// When the leaf is too long to encode.
    pub fn new(leaf: impl Into<Arc<LeafNode>>, suite: &dyn Suite) -> Result<Self, Error> {
        let nodes = Nodes { root: Subtree::blank(0), level: 0 };
        let mut edit = TreeEdit { suite, nodes, roster: Roster::new() };
        edit.add(leaf)?;
        edit.seal()
    }

    /// Takes a received tree apart, extends it to a full one and computes all hashes (RFC 9420 §12.4.3.3). Only its
    /// structure is checked: see [`RatchetTree::validate`] for the rest.
    ///
    /// # Errors
    /// `TreeWellFormed`, `TreeEndsNonBlank`, `TreeSizeBounded`; `ParentHashValid` for a parent above blank leaves
    /// alone.
    pub fn from_wire(wire: WireTree, suite: &dyn Suite) -> Result<Self, Error> {
        let WireTree(wire) = wire;
        if wire.len() % 2 == 0 {
            return Err(Rule::TreeWellFormed.into());
        }
        // RFC 9420 §12.4.3.3: "The receiver MUST check that the last node in ratchet_tree is non-blank, and then extend
        // the tree to the right until it has a length of the form 2^(d+1) - 1"
        if wire.last().is_none_or(Option::is_none) {
            return Err(Rule::TreeEndsNonBlank.into());
        }
        let level = (0..=MAX_TREE_LEVEL).find(|level| wire.len() < 2 << level).ok_or(Rule::TreeSizeBounded)?;
        let mut roster = Roster::new();
        let head = math::root(1 << level);
        let mut nodes = Nodes { root: build(head, &mut wire.into_iter(), &mut roster)?, level };
        nodes.seal(suite)?;
        Ok(Self { nodes, roster })
    }

    /// The tree as it travels, trailing blanks left out. To encode it, [`Encode`] on the tree itself is cheaper.
    #[must_use]
    pub fn to_wire(&self) -> WireTree {
        let mut wire = Vec::new();
        self.each_sent(&mut |node| {
            wire.push(node.map(|node| match node {
                NodeRef::Leaf(leaf) => Box::new(Node::Leaf(LeafNode::clone(leaf))),
                NodeRef::Parent(parent) => Box::new(Node::Parent(ParentNode::clone(parent))),
            }));
        });
        WireTree(wire)
    }

    fn each_sent(&self, visit: &mut dyn FnMut(Option<NodeRef<'_>>)) {
        // RFC 9420 §12.4.3.3: "the sender MUST NOT include blank nodes after the last non-blank node"
        if let Some(last) = self.nodes.rightmost_member() {
            self.nodes.root.in_order(self.nodes.head(), last.node_index(), &mut |_, subtree| visit(subtree.node()));
        }
    }

    /// Starts a new version. `suite` must be the group's.
    #[must_use]
    pub fn edit<'a>(&self, suite: &'a dyn Suite) -> TreeEdit<'a> {
        TreeEdit { suite, nodes: self.nodes.clone(), roster: self.roster.clone() }
    }

    /// The leaf at `index`, or `None` if it is blank or outside the tree.
    #[must_use]
    pub fn leaf(&self, index: LeafIndex) -> Option<&LeafNode> {
        self.shared_leaf(index).map(|leaf| &**leaf)
    }

    /// As [`RatchetTree::leaf`], to keep without copying.
    #[must_use]
    pub fn shared_leaf(&self, index: LeafIndex) -> Option<&Arc<LeafNode>> {
        self.nodes.leaf(index)
    }

    /// The parent node at `node`, or `None` if it is blank, a leaf or outside the tree.
    #[must_use]
    pub fn parent(&self, node: NodeIndex) -> Option<&ParentNode> {
        self.nodes.parent(node).map(|parent| &**parent)
    }

    /// The public key of a node of either kind, or `None` if it is blank or outside the tree.
    #[must_use]
    pub fn encryption_key(&self, node: NodeIndex) -> Option<&HpkePublicKey> {
        self.nodes.encryption_key(node)
    }

    /// The members from left to right.
    #[must_use]
    pub fn members(&self) -> Members<'_> {
        self.members_within(0..self.leaf_width())
    }

    /// The members at leaf indices in `span`, from left to right.
    #[must_use]
    pub fn members_within(&self, span: Range<u32>) -> Members<'_> {
        Members::new(&self.nodes, span)
    }

    /// How many members there are.
    #[must_use]
    pub const fn member_count(&self) -> u32 {
        self.roster.member_count()
    }

    /// How many leaves there are, blank ones included: a power of two.
    #[must_use]
    pub const fn leaf_width(&self) -> u32 {
        self.nodes.leaves()
    }

    /// The level of the root: the width is 2 to this power.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.nodes.level
    }

    /// The root's position.
    #[must_use]
    pub const fn root(&self) -> NodeIndex {
        self.nodes.head()
    }

    /// The tree hash of the root (RFC 9420 §7.8).
    #[must_use]
    pub fn tree_hash(&self) -> &Digest {
        self.nodes.root.hash()
    }

    /// The tree hash of a node, blank or not, or `None` outside the tree.
    #[must_use]
    pub fn node_tree_hash(&self, node: NodeIndex) -> Option<&Digest> {
        self.nodes.subtree(node).map(|subtree| subtree.hash())
    }

    /// The resolution of a node (RFC 9420 §4.1.1), empty outside the tree.
    #[must_use]
    pub fn resolution(&self, node: NodeIndex) -> Vec<NodeIndex> {
        self.nodes.resolution(node)
    }

    /// The filtered direct path of a leaf, from the lowest node up (RFC 9420 §4.1.2).
    #[must_use]
    pub fn filtered_direct_path(&self, leaf: LeafIndex) -> Vec<PathStep> {
        self.nodes.filtered_direct_path(leaf)
    }

    /// The members taken together.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Whether both are the very same version, which is known without looking at any node.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.nodes.root, &other.nodes.root)
    }
}

/// Reads the subtree at `head` off the front of `rest`, where all that is missing is blank.
fn build(
    head: NodeIndex,
    rest: &mut vec::IntoIter<Option<Box<Node>>>,
    roster: &mut Roster,
) -> Result<Arc<Subtree>, Error> {
    if let Some(index) = head.leaf() {
        let leaf = match rest.next().flatten().map(|node| *node) {
            None => None,
            Some(Node::Leaf(leaf)) => Some(Arc::new(leaf)),
            Some(Node::Parent(_)) => return Err(Rule::TreeWellFormed.into()),
        };
        roster.change_leaf(index, None, leaf.as_ref());
        return Ok(Arc::new(Subtree::leaf(leaf)));
    }
    let (left_head, right_head) = head.children();
    let left = build(left_head, rest, roster)?;
    let node = match rest.next().flatten().map(|node| *node) {
        None => None,
        Some(Node::Parent(parent)) => Some(Arc::new(parent)),
        Some(Node::Leaf(_)) => return Err(Rule::TreeWellFormed.into()),
    };
    roster.change_parent(head, None, node.as_ref());
    let right = build(right_head, rest, roster)?;
    if node.is_some() && left.members() == 0 && right.members() == 0 {
        return Err(Rule::ParentHashValid.into());
    }
    Ok(Arc::new(Subtree::inner(node, left, right)))
}

impl Encode for RatchetTree {
    fn encode(&self, out: &mut Writer) {
        out.vector(|out| self.each_sent(&mut |node| node.encode(out)));
    }
}

impl fmt::Debug for RatchetTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RatchetTree")
            .field("leaf_width", &self.leaf_width())
            .field("members", &self.member_count())
            .field("tree_hash", self.tree_hash())
            .finish_non_exhaustive()
    }
}
