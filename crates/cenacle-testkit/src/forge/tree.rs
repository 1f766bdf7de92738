//! The ratchet tree as an array (RFC 9420 §4, §7, Appendix C): every node in its place, every hash computed anew whenever
//! it is asked for, and nothing checked. What the library never does to a tree can be done to this one.

use cenacle_crypto::Suite;

use super::{
    crypto::hash,
    pen::{Pen, Scan, Wire},
    wire::{LeafNode, Node, ParentNode},
};

/// All nodes of a full tree, leaves at even places. Fields of a node are changed in place; `None` is blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub Vec<Option<Node>>);

/// Height of a node above the leaves.
#[must_use]
pub const fn level(node: u32) -> u32 {
    node.trailing_ones()
}

/// The children of a parent.
#[must_use]
pub fn children(node: u32) -> (u32, u32) {
    let below = level(node).checked_sub(1).expect("a parent");
    (node ^ (1 << below), node ^ (3 << below))
}

/// The place of a leaf.
#[must_use]
pub const fn leaf_node(leaf: u32) -> u32 {
    leaf * 2
}

/// Whether `below` is `node` or under it.
#[must_use]
pub fn contains(node: u32, below: u32) -> bool {
    let half = (1 << level(node)) - 1;
    (node - half..=node + half).contains(&below)
}

fn at(node: u32) -> usize {
    usize::try_from(node).unwrap()
}

impl Tree {
    /// A tree of one leaf.
    #[must_use]
    pub fn new(leaf: LeafNode) -> Self {
        Self(vec![Some(Node::Leaf(leaf))])
    }

    /// Leaves there is room for.
    #[must_use]
    pub fn width(&self) -> u32 {
        u32::try_from(self.0.len().div_ceil(2)).unwrap()
    }

    /// The root's place.
    #[must_use]
    pub fn root(&self) -> u32 {
        self.width() - 1
    }

    /// A node, `None` if it is blank or outside.
    #[must_use]
    pub fn node(&self, node: u32) -> Option<&Node> {
        self.0.get(at(node))?.as_ref()
    }

    /// A leaf, by its leaf index.
    #[must_use]
    pub fn leaf(&self, leaf: u32) -> Option<&LeafNode> {
        if let Some(Node::Leaf(leaf)) = self.node(leaf.checked_mul(2)?) { Some(leaf) } else { None }
    }

    /// A leaf that must be there, to be changed. Its signature is the caller's business.
    pub fn leaf_mut(&mut self, leaf: u32) -> &mut LeafNode {
        let Some(Node::Leaf(leaf)) = &mut self.0[at(leaf_node(leaf))] else { panic!("leaf {leaf} is blank") };
        leaf
    }

    /// A parent, by its place.
    #[must_use]
    pub fn parent(&self, node: u32) -> Option<&ParentNode> {
        if let Some(Node::Parent(parent)) = self.node(node) { Some(parent) } else { None }
    }

    /// A parent that must be there, to be changed.
    pub fn parent_mut(&mut self, node: u32) -> &mut ParentNode {
        let Some(Node::Parent(parent)) = &mut self.0[at(node)] else { panic!("node {node} is blank") };
        parent
    }

    /// Puts a node in its place, or blanks it.
    pub fn set(&mut self, node: u32, value: Option<Node>) {
        self.0[at(node)] = value;
    }

    /// Leaf indices of all members.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        (0..self.width()).filter(|leaf| self.leaf(*leaf).is_some()).collect()
    }

    /// Places of all parents that are not blank.
    #[must_use]
    pub fn parents(&self) -> Vec<u32> {
        (0..self.width() * 2 - 1).filter(|node| self.parent(*node).is_some()).collect()
    }

    /// The leaf with this signature key.
    #[must_use]
    pub fn find(&self, signature_key: &[u8]) -> Option<u32> {
        self.members().into_iter().find(|leaf| self.leaf(*leaf).unwrap().signature_key == signature_key)
    }

    /// The key path secrets are encrypted to.
    #[must_use]
    pub fn encryption_key(&self, node: u32) -> Option<&[u8]> {
        match self.node(node)? {
            Node::Leaf(leaf) => Some(&leaf.encryption_key),
            Node::Parent(parent) => Some(&parent.encryption_key),
            Node::Raw(_) => None,
        }
    }

    /// From the root down to a node's parent, reversed: the lowest first.
    #[must_use]
    pub fn direct_path(&self, node: u32) -> Vec<u32> {
        let (mut path, mut above) = (Vec::new(), self.root());
        while above != node {
            path.insert(0, above);
            let (left, right) = children(above);
            above = if node < above { left } else { right };
        }
        path
    }

    /// The child of `parent` that `below` is not under.
    #[must_use]
    pub fn copath_child(parent: u32, below: u32) -> u32 {
        let (left, right) = children(parent);
        if below < parent { right } else { left }
    }

    /// Resolution (RFC 9420 §4.1.1).
    #[must_use]
    pub fn resolution(&self, node: u32) -> Vec<u32> {
        match self.node(node) {
            Some(Node::Parent(parent)) => {
                core::iter::once(node).chain(parent.unmerged_leaves.iter().map(|leaf| leaf_node(*leaf))).collect()
            }
            Some(Node::Leaf(_) | Node::Raw(_)) => vec![node],
            None if level(node) == 0 => Vec::new(),
            None => {
                let (left, right) = children(node);
                [self.resolution(left), self.resolution(right)].concat()
            }
        }
    }

    /// The filtered direct path of a leaf, each node with its child on the copath.
    #[must_use]
    pub fn filtered_direct_path(&self, leaf: u32) -> Vec<(u32, u32)> {
        let below = leaf_node(leaf);
        let steps = self.direct_path(below).into_iter().map(|node| (node, Self::copath_child(node, below)));
        steps.filter(|(_, copath)| !self.resolution(*copath).is_empty()).collect()
    }

    /// Adds a leaf (RFC 9420 §7.7); its leaf index.
    pub fn add(&mut self, leaf: LeafNode) -> u32 {
        let index = self.leftmost_blank();
        if index == self.width() {
            let nodes = self.0.len() * 2 + 1;
            self.0.resize(nodes, None);
        }
        self.set(leaf_node(index), Some(Node::Leaf(leaf)));
        for node in self.direct_path(leaf_node(index)) {
            if let Some(Node::Parent(parent)) = &mut self.0[at(node)] {
                parent.unmerged_leaves.push(index);
                parent.unmerged_leaves.sort_unstable();
            }
        }
        index
    }

    /// Where the next leaf goes: the tree's width if it is full.
    #[must_use]
    pub fn leftmost_blank(&self) -> u32 {
        (0..self.width()).find(|leaf| self.leaf(*leaf).is_none()).unwrap_or_else(|| self.width())
    }

    /// Replaces a leaf and blanks what is above it (RFC 9420 §12.1.2).
    pub fn update(&mut self, leaf: u32, value: LeafNode) {
        self.set(leaf_node(leaf), Some(Node::Leaf(value)));
        self.blank_path(leaf);
    }

    /// Blanks a leaf and what is above it, and gives up the right half while it is empty (RFC 9420 §12.1.3).
    pub fn remove(&mut self, leaf: u32) {
        self.set(leaf_node(leaf), None);
        self.blank_path(leaf);
        self.truncate();
    }

    /// Gives up the right half while it has no members.
    pub fn truncate(&mut self) {
        while self.width() > 1 && self.members().iter().all(|leaf| *leaf < self.width() / 2) {
            self.0.truncate(self.0.len() / 2);
        }
    }

    /// Blanks the direct path of a leaf.
    pub fn blank_path(&mut self, leaf: u32) {
        for node in self.direct_path(leaf_node(leaf)) {
            self.set(node, None);
        }
    }

    /// The tree's hash (RFC 9420 §7.8).
    #[must_use]
    pub fn tree_hash(&self, suite: &dyn Suite) -> Vec<u8> {
        self.subtree_hash(suite, self.root(), &[])
    }

    /// The hash of a subtree, as it was without some leaves (RFC 9420 §7.8, §7.9).
    #[must_use]
    pub fn subtree_hash(&self, suite: &dyn Suite, node: u32, without: &[u32]) -> Vec<u8> {
        let mut pen = Pen::default();
        if level(node) == 0 {
            let leaf = self.node(node).filter(|_| !without.contains(&(node / 2)));
            pen.raw(&[1]).raw(&(node / 2).bytes()).raw(&body(leaf));
        } else {
            let original = self.node(node).cloned().map(|mut original| {
                if let Node::Parent(parent) = &mut original {
                    parent.unmerged_leaves.retain(|leaf| !without.contains(leaf));
                }
                original
            });
            let (left, right) = children(node);
            pen.raw(&[2]).raw(&body(original.as_ref()));
            pen.raw(&self.subtree_hash(suite, left, without).bytes());
            pen.raw(&self.subtree_hash(suite, right, without).bytes());
        }
        hash(suite, &pen.into_bytes())
    }

    /// The parent hash of `parent` towards the child whose sibling is `copath` (RFC 9420 §7.9).
    #[must_use]
    pub fn parent_hash(&self, suite: &dyn Suite, parent: u32, copath: u32) -> Vec<u8> {
        let node = self.parent(parent).expect("a parent that is not blank");
        let sibling = self.subtree_hash(suite, copath, &node.unmerged_leaves);
        hash(suite, &[node.encryption_key.bytes(), node.parent_hash.bytes(), sibling.bytes()].concat())
    }

    /// The parent hash that a node states, empty where it states none.
    #[must_use]
    pub fn stated_parent_hash(&self, node: u32) -> &[u8] {
        match self.node(node) {
            Some(Node::Leaf(leaf)) => leaf.parent_hash(),
            Some(Node::Parent(parent)) => &parent.parent_hash,
            Some(Node::Raw(_)) | None => &[],
        }
    }

    /// Puts keys on the filtered direct path of a leaf, blanks the rest of its direct path, and sets parent hashes from
    /// the root down (RFC 9420 §7.5). Gives the parent hash for the leaf.
    pub fn set_path(&mut self, suite: &dyn Suite, leaf: u32, keys: &[Vec<u8>]) -> Vec<u8> {
        let steps = self.filtered_direct_path(leaf);
        self.blank_path(leaf);
        let mut parent_hash = Vec::new();
        for ((node, copath), key) in steps.iter().zip(keys).rev() {
            let parent = ParentNode { encryption_key: key.clone(), parent_hash, unmerged_leaves: Vec::new() };
            self.set(*node, Some(Node::Parent(parent)));
            parent_hash = self.parent_hash(suite, *node, *copath);
        }
        parent_hash
    }

    /// The nodes as a Welcome's `ratchet_tree` has them: without blanks at the end.
    #[must_use]
    pub fn nodes(&self) -> Vec<Option<Node>> {
        let last = self.0.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.0[..last].to_vec()
    }

    /// The content of a `ratchet_tree` extension.
    #[must_use]
    pub fn extension_data(&self) -> Vec<u8> {
        self.nodes().bytes()
    }

    /// The tree of a `ratchet_tree` extension.
    #[must_use]
    pub fn from_extension(data: &[u8]) -> Self {
        Self::from_nodes(Vec::parse(data))
    }

    /// A tree of nodes in their order, with blanks at the end to make it full.
    #[must_use]
    pub fn from_nodes(mut nodes: Vec<Option<Node>>) -> Self {
        let width = nodes.len().div_ceil(2).next_power_of_two();
        nodes.resize(width * 2 - 1, None);
        Self(nodes)
    }
}

/// An optional node without its type.
fn body(node: Option<&Node>) -> Vec<u8> {
    match node {
        None => vec![0],
        Some(Node::Leaf(leaf)) => [vec![1], leaf.bytes()].concat(),
        Some(Node::Parent(parent)) => [vec![1], parent.bytes()].concat(),
        Some(Node::Raw(bytes)) => [&[1], bytes.get(1..).unwrap_or_default()].concat(),
    }
}

impl Wire for Tree {
    fn write(&self, pen: &mut Pen) {
        pen.field("ratchet_tree", &self.nodes());
    }

    fn read(from: &mut Scan<'_>) -> Self {
        Self::from_nodes(from.read())
    }
}
