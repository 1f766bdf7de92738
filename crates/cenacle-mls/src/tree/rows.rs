//! A tree in a store: one row for each node, holding its tree hash and what it carries. A new version is written as the
//! rows in which it differs from the old one, found by comparing pointers; the hashes read back are trusted.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::{Decode, DecodeError, Reader, Writer};
use cenacle_crypto::Digest;

use super::{
    NodeIndex, RatchetTree, Roster, math,
    nodes::Nodes,
    subtree::{Body, NodeRef, Subtree},
};
use crate::{error::Error, limits::MAX_TREE_LEVEL, wire::Node};

/// A node's position with its row's new value, or `None` where the row vanishes.
pub type TreeRow = (NodeIndex, Option<Vec<u8>>);

impl RatchetTree {
    /// The rows that make this tree out of `old`, or out of nothing, in ascending order.
    ///
    /// # Errors
    /// When a node is too long to encode.
    pub fn changes_since(&self, old: Option<&Self>) -> Result<Vec<TreeRow>, Error> {
        let mut rows = Vec::new();
        collect(&self.nodes.root, self.nodes.head(), old, &mut rows)?;
        let [kept, before] = [Some(self), old].map(|tree| tree.map_or(0, |tree| math::node_count(tree.leaf_width())));
        rows.extend((kept..before).map(|node| (NodeIndex(node), None)));
        Ok(rows)
    }

    /// Reads a stored tree with its root at `level`. The rows may come in any order.
    ///
    /// # Errors
    /// `Corrupt` when a row is missing, malformed or outside the tree; whatever reading one failed with.
    pub fn from_rows(
        level: u8,
        rows: impl IntoIterator<Item = Result<(NodeIndex, Vec<u8>), Error>>,
    ) -> Result<Self, Error> {
        let rows = rows.into_iter().map(|row| row.map(|(node, value)| (node, Some(value))));
        Loader::load(None, level, rows.collect::<Result<_, _>>()?)
    }

    /// This tree with rows replaced, as [`RatchetTree::changes_since`] gave them, its root then at `level`.
    ///
    /// # Errors
    /// As [`RatchetTree::from_rows`].
    pub fn with_rows(&self, level: u8, rows: Vec<TreeRow>) -> Result<Self, Error> {
        Loader::load(Some(self), level, rows)
    }
}

/// Adds the rows of all that `old` does not share.
fn collect(
    subtree: &Arc<Subtree>,
    head: NodeIndex,
    old: Option<&RatchetTree>,
    rows: &mut Vec<TreeRow>,
) -> Result<(), Error> {
    if old.and_then(|old| old.nodes.subtree(head)).is_some_and(|before| Arc::ptr_eq(before, subtree)) {
        return Ok(());
    }
    let mut row = Writer::with_capacity(512);
    row.put(subtree.hash()).put(&subtree.node());
    let mut value = row.finish()?;
    value.shrink_to_fit();
    let row = (head, Some(value));
    let Body::Inner { left, right, .. } = subtree.body() else {
        rows.push(row);
        return Ok(());
    };
    let (left_head, right_head) = head.children();
    collect(left, left_head, old, rows)?;
    rows.push(row);
    collect(right, right_head, old, rows)
}

/// A row's value.
struct Row {
    hash: Digest,
    node: Option<Node>,
}

impl Decode for Row {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { hash: Decode::decode(from)?, node: Decode::decode(from)? })
    }
}

/// Builds a tree from rows over an older version.
struct Loader<'a> {
    old: Option<&'a RatchetTree>,
    roster: Roster,
}

impl<'a> Loader<'a> {
    fn load(old: Option<&'a RatchetTree>, level: u8, mut rows: Vec<TreeRow>) -> Result<RatchetTree, Error> {
        if level > MAX_TREE_LEVEL {
            return Err(Error::Corrupt("level of the tree"));
        }
        let width = 1 << level;
        rows.sort_unstable_by_key(|(node, _)| *node);
        let inside = rows.partition_point(|(node, _)| node.0 < math::node_count(width));
        if rows.drain(inside..).any(|(_, value)| value.is_some()) {
            return Err(Error::Corrupt("tree row outside the tree"));
        }
        let mut loader = Self { old, roster: old.map_or_else(Roster::new, |old| old.roster.clone()) };
        loader.forget_beyond(width);
        let root = loader.read(math::root(width), &rows)?;
        Ok(RatchetTree { nodes: Nodes { root, level }, roster: loader.roster })
    }

    /// Takes the members right of `width` leaves, and the roots above, off the roster.
    fn forget_beyond(&mut self, width: u32) {
        let Some(old) = self.old.filter(|old| old.leaf_width() > width) else { return };
        let (first_kept, last) = (math::node_count(width), NodeIndex(math::node_count(old.leaf_width())));
        let mut gone = Vec::new();
        old.nodes.root.in_order(old.nodes.head(), last, &mut |head, subtree| {
            gone.extend(subtree.node().filter(|_| head.0 >= first_kept).map(|node| (head, node)));
        });
        for (head, node) in gone {
            if let Some(index) = head.leaf() {
                self.roster.change_leaf(index, node.leaf(), None);
            } else {
                self.roster.change_parent(head, node.parent(), None);
            }
        }
    }

    /// The subtree at `head` from its `rows` (ascending), or the old one where there are none.
    fn read(&mut self, head: NodeIndex, rows: &[TreeRow]) -> Result<Arc<Subtree>, Error> {
        const MISSING: Error = Error::Corrupt("tree row missing");
        const MALFORMED: Error = Error::Corrupt("tree row malformed");
        let old = self.old.and_then(|old| old.nodes.subtree(head));
        if rows.is_empty() {
            return old.cloned().ok_or(MISSING);
        }
        let (left_rows, rest) = rows.split_at(rows.partition_point(|(node, _)| *node < head));
        let Some(((node, Some(value)), right_rows)) = rest.split_first() else { return Err(MISSING) };
        // Whatever changes below changes the hash here: a change without a row of this node is a gap.
        if *node != head {
            return Err(MISSING);
        }
        let Row { hash, node } = Row::from_bytes(value).map_err(|_| MALFORMED)?;
        if hash.is_empty() {
            return Err(MALFORMED);
        }
        let before = old.and_then(|old| old.node());
        let subtree = if let Some(index) = head.leaf() {
            let leaf = match node {
                None => None,
                Some(Node::Leaf(leaf)) => Some(Arc::new(leaf)),
                Some(Node::Parent(_)) => return Err(MALFORMED),
            };
            self.roster.change_leaf(index, before.and_then(NodeRef::leaf), leaf.as_ref());
            Subtree::leaf(leaf)
        } else {
            let parent = match node {
                None => None,
                Some(Node::Parent(parent)) => Some(Arc::new(parent)),
                Some(Node::Leaf(_)) => return Err(MALFORMED),
            };
            self.roster.change_parent(head, before.and_then(NodeRef::parent), parent.as_ref());
            let (left_head, right_head) = head.children();
            let left = self.read(left_head, left_rows)?;
            Subtree::inner(parent, left, self.read(right_head, right_rows)?)
        };
        Ok(Arc::new(subtree.with_hash(hash)))
    }
}
