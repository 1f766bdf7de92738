//! The ratchet tree of an epoch (RFC 9420 §4, §7): a value whose versions share all nodes that did not change, always
//! with its tree hash. It comes from a first leaf, from the wire (§12.4.3.3), from stored rows or from a
//! sealed [`TreeEdit`]; it is never changed in place.

use alloc::vec::Vec;
use core::{fmt, ops::Range};

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer};
use cenacle_crypto::{Digest, HpkePublicKey, Suite};

use super::{
    Leaf, Leaves, NodeIndex, PathStep, Roster, TreeEdit, hash,
    keys::KeyUses,
    math,
    node::Parent,
    nodes::Nodes,
    subtree::{NodeRef, Subtree},
};
use crate::{
    error::{Error, Rule},
    limits::MAX_TREE_LEVEL,
    wire::{LeafIndex, LeafNode, ParentNode, WireTree},
};

/// The public tree of one epoch. Its clone costs nothing; a changed version shares all but the changed paths with it.
/// Its encoding is that of the `ratchet_tree` extension's content.
#[derive(Clone)]
pub struct RatchetTree {
    pub(super) nodes: Nodes,
    pub(super) roster: Roster,
    pub(super) tree_hash: Digest,
}

impl RatchetTree {
    /// The tree of a group with one member.
    ///
    /// # Errors
    /// When the leaf is too long to encode.
    pub fn new(leaf: &LeafNode, suite: &dyn Suite) -> Result<Self, Error> {
        let nodes = Nodes { root: Subtree::Blank, level: 0 };
        let mut edit = TreeEdit { suite, nodes, roster: Roster::new() };
        edit.add(leaf)?;
        edit.seal()
    }

    /// Takes a received tree apart, extends it to a full one and computes all hashes (RFC 9420 §12.4.3.3). Only its
    /// structure is checked: see [`RatchetTree::validate`] for the rest.
    ///
    /// # Errors
    /// `Decode`, `TreeWellFormed`, `TreeEndsNonBlank`, `TreeSizeBounded`; `ParentHashValid` for a parent above blank
    /// leaves alone.
    pub fn from_wire(wire: &WireTree, suite: &dyn Suite) -> Result<Self, Error> {
        Self::from_content(wire.content(), suite)
    }

    /// As [`RatchetTree::from_wire`], from what stands behind the length of the `ratchet_tree` extension's vector.
    pub(crate) fn from_content(content: &[u8], suite: &dyn Suite) -> Result<Self, Error> {
        if content.is_empty() {
            return Err(Rule::TreeWellFormed.into());
        }
        let mut builder = Builder { rest: Reader::new(content), ends_blank: true, suite, roster: Roster::new() };
        // RFC 9420 §12.4.3.3: "extend the tree to the right until it has a length of the form 2^(d+1) - 1"
        let (mut root, mut level) = (builder.subtree(NodeIndex(0))?, 0);
        while !builder.rest.is_empty() {
            if level >= MAX_TREE_LEVEL {
                return Err(Rule::TreeSizeBounded.into());
            }
            level += 1;
            root = builder.inner(NodeIndex::root_of_level(level), root)?;
        }
        // "The receiver MUST check that the last node in ratchet_tree is non-blank"
        if builder.ends_blank {
            return Err(Rule::TreeEndsNonBlank.into());
        }
        Self::sealed(Nodes { root, level }, builder.roster, suite)
    }

    /// Computes the hashes that are missing.
    pub(super) fn sealed(mut nodes: Nodes, roster: Roster, suite: &dyn Suite) -> Result<Self, Error> {
        nodes.seal(suite)?;
        let tree_hash = nodes.root.hash(nodes.head(), suite)?;
        Ok(Self { nodes, roster, tree_hash })
    }

    /// The tree as it travels, trailing blanks left out. To encode it, [`Encode`] on the tree itself is cheaper.
    ///
    /// # Errors
    /// When it is too long to encode.
    pub fn to_wire(&self) -> Result<WireTree, Error> {
        Ok(WireTree::from_bytes(&self.to_bytes()?)?)
    }

    fn each_sent(&self, visit: &mut dyn FnMut(Option<NodeRef<'_>>)) {
        // RFC 9420 §12.4.3.3: "the sender MUST NOT include blank nodes after the last non-blank node"
        if let Some(last) = self.nodes.rightmost_member() {
            self.nodes.root.in_order(self.nodes.head(), last.node_index(), &mut |_, node| visit(node));
        }
    }

    /// Starts a new version. `suite` must be the group's.
    #[must_use]
    pub fn edit<'a>(&self, suite: &'a dyn Suite) -> TreeEdit<'a> {
        TreeEdit { suite, nodes: self.nodes.clone(), roster: self.roster.clone() }
    }

    /// The leaf at `index`, or `None` if it is blank or outside the tree.
    #[must_use]
    pub fn leaf(&self, index: LeafIndex) -> Option<LeafNode> {
        self.shared_leaf(index)?.node()
    }

    /// As [`RatchetTree::leaf`], without decoding it.
    #[must_use]
    pub fn shared_leaf(&self, index: LeafIndex) -> Option<&Leaf> {
        self.nodes.leaf(index)
    }

    /// The parent node at `node`, or `None` if it is blank, a leaf or outside the tree.
    #[must_use]
    pub fn parent(&self, node: NodeIndex) -> Option<ParentNode> {
        self.nodes.parent(node).map(Parent::node)
    }

    /// The public key of a node of either kind, or `None` if it is blank or outside the tree.
    #[must_use]
    pub fn encryption_key(&self, node: NodeIndex) -> Option<HpkePublicKey> {
        self.nodes.encryption_key(node)
    }

    /// The members from left to right.
    pub fn members(&self) -> impl Iterator<Item = (LeafIndex, LeafNode)> {
        self.leaves_within(0..self.leaf_width()).filter_map(|(index, leaf)| Some((index, leaf.node()?)))
    }

    /// The members' leaves at indices in `span`, from left to right, without decoding them.
    #[must_use]
    pub fn leaves_within(&self, span: Range<u32>) -> Leaves<'_> {
        Leaves::new(&self.nodes, span)
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
    pub const fn tree_hash(&self) -> &Digest {
        &self.tree_hash
    }

    /// The tree hash of a node, blank or not, or `None` outside the tree. `suite` must be the group's.
    ///
    /// # Errors
    /// When a node is too long to encode.
    pub fn node_tree_hash(&self, node: NodeIndex, suite: &dyn Suite) -> Result<Option<Digest>, Error> {
        if node.0 >= math::node_count(self.leaf_width()) {
            return Ok(None);
        }
        match self.nodes.subtree(node) {
            Some(subtree) => subtree.hash(node, suite).map(Some),
            None => hash::blank_hash(suite, node).map(Some),
        }
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
        self.nodes.root.same(&other.nodes.root)
    }
}

/// Takes nodes in array order off the front of `rest`, where all that is missing is blank.
struct Builder<'a> {
    rest: Reader<'a>,
    /// Whether the node read last was blank.
    ends_blank: bool,
    suite: &'a dyn Suite,
    roster: Roster,
}

impl Builder<'_> {
    fn subtree(&mut self, head: NodeIndex) -> Result<Subtree, Error> {
        if self.rest.is_empty() && head.level() > 0 {
            return Ok(Subtree::blank(head.level()));
        }
        if let Some(index) = head.leaf() {
            let leaf = self.node(1, Leaf::read)?;
            if let Some((_, node)) = &leaf {
                self.rest.allocate(2 * KeyUses::KEY_BYTES)?;
                self.roster.change_leaf(self.suite, index, None, Some(node));
            }
            return Ok(Subtree::leaf(leaf.map(|(leaf, _)| leaf)));
        }
        let (left_head, _) = head.children();
        let left = self.subtree(left_head)?;
        self.inner(head, left)
    }

    /// The subtree at `head` whose left half was read already.
    fn inner(&mut self, head: NodeIndex, left: Subtree) -> Result<Subtree, Error> {
        let more = !self.rest.is_empty();
        let node = self.node(2, Parent::decode)?;
        // A tree's last node is a leaf.
        if more && self.rest.is_empty() {
            return Err(Rule::TreeWellFormed.into());
        }
        self.roster.change_parent(self.suite, head, None, node.as_ref());
        let (_, right_head) = head.children();
        let right = self.subtree(right_head)?;
        if node.is_some() && left.members() == 0 && right.members() == 0 {
            return Err(Rule::ParentHashValid.into());
        }
        let key_bytes = if node.is_some() { KeyUses::KEY_BYTES } else { 0 };
        let inner = Subtree::inner(head.level(), node, left, right);
        self.rest.allocate(inner.head_bytes() + key_bytes)?;
        Ok(inner)
    }

    /// The next node, which must be of this NodeType if it is not blank (RFC 9420 §7.8).
    fn node<T>(
        &mut self,
        node_type: u8,
        read: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let before = self.rest.clone();
        let found = Option::<u8>::decode(&mut self.rest)?;
        self.ends_blank = found.is_none();
        match found {
            None => Ok(None),
            Some(found) if found == node_type => Ok(Some(read(&mut self.rest)?)),
            Some(1 | 2) => Err(Rule::TreeWellFormed.into()),
            Some(_) => Err(before.error(DecodeErrorKind::UnknownVariant("NodeType")).into()),
        }
    }
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
