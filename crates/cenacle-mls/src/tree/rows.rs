//! A tree in a store: one row for each node that is not blank, holding its encoding. A new version is written as the rows
//! in which it differs from the old one, found by comparing pointers. Hashes are not stored: a tree is believed once its
//! tree hash, computed from what was read, is the one that the group's context states.

use alloc::sync::Arc;
use core::iter::Peekable;

use cenacle_codec::{Decode, Reader};
use cenacle_crypto::{Digest, SecretBytes, Suite};

use super::{
    Leaf, NodeIndex, RatchetTree, Roster,
    node::Parent,
    nodes::Nodes,
    subtree::{NodeRef, Stop, Subtree},
};
use crate::{error::Error, limits::MAX_TREE_LEVEL, wire::LeafIndex};

/// A node's position with its row's value.
pub type TreeRow = (NodeIndex, SecretBytes);

const MALFORMED: Error = Error::Corrupt("tree row");

impl RatchetTree {
    /// Visits the rows that make this tree out of `old`, or out of nothing, in ascending order: `None` where a row
    /// vanishes.
    ///
    /// # Errors
    /// When a node is too long to encode; whatever `visit` fails with.
    pub fn changes_since(
        &self,
        old: Option<&Self>,
        visit: &mut dyn FnMut(NodeIndex, Option<Arc<[u8]>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let level = self.level().max(old.map_or(0, Self::level));
        let was = old.map_or(Subtree::Blank, |old| old.nodes.widened(level));
        compare(NodeIndex::root_of_level(level), &was, &self.nodes.widened(level), visit)
    }

    /// Reads a stored tree with its root at `level` from its rows in ascending order.
    ///
    /// # Errors
    /// `Corrupt` when a row is malformed or outside the tree; whatever reading one failed with.
    pub fn from_rows(
        level: u8,
        rows: impl IntoIterator<Item = Result<TreeRow, Error>>,
        suite: &dyn Suite,
    ) -> Result<Self, Error> {
        if level > MAX_TREE_LEVEL {
            return Err(Error::Corrupt("level of the tree"));
        }
        let mut loader = Loader { rows: rows.into_iter().peekable(), roster: Roster::new(), suite };
        let root = loader.read(NodeIndex::root_of_level(level))?;
        match loader.rows.next() {
            None => Self::sealed(Nodes { root, level }, loader.roster, suite),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Err(Error::Corrupt("tree row outside the tree")),
        }
    }

    /// A tree of which nothing was read but its hash. It is for looking up leaves that are put into it, and nothing else:
    /// it has no roster, and is never edited.
    pub(crate) fn unread(level: u8, tree_hash: Digest) -> Self {
        let level = level.min(MAX_TREE_LEVEL);
        let nodes = Nodes { root: Subtree::blank(level.into()), level };
        Self { nodes, roster: Roster::new(), tree_hash }
    }

    /// Puts a leaf that was read into an unread tree.
    ///
    /// # Errors
    /// `Corrupt` when it stands outside.
    pub(crate) fn put_leaf(&mut self, index: LeafIndex, leaf: Leaf) -> Result<(), Error> {
        if index.0 >= self.leaf_width() {
            return Err(Error::Corrupt("tree row outside the tree"));
        }
        let mut leaf = Some(leaf);
        self.nodes.walk(index, &mut |stop| {
            if let Stop::Leaf(slot) = stop {
                *slot = leaf.take();
            }
            Ok(())
        })
    }
}

/// Visits what differs at or below `head`.
fn compare(
    head: NodeIndex,
    old: &Subtree,
    new: &Subtree,
    visit: &mut dyn FnMut(NodeIndex, Option<Arc<[u8]>>) -> Result<(), Error>,
) -> Result<(), Error> {
    if old.same(new) {
        return Ok(());
    }
    let (left_head, right_head) = head.children();
    let [(old_left, old_right), (new_left, new_right)] = [old.halves(), new.halves()];
    if head.level() > 0 {
        compare(left_head, old_left, new_left, visit)?;
    }
    match (old.node(), new.node()) {
        (Some(NodeRef::Parent(old)), Some(NodeRef::Parent(new))) if old.same(new) => {}
        (_, Some(NodeRef::Parent(parent))) => visit(head, Some(parent.row()?))?,
        (_, Some(NodeRef::Leaf(leaf))) => visit(head, Some(leaf.shared_bytes()))?,
        (Some(_), None) => visit(head, None)?,
        (None, None) => {}
    }
    if head.level() > 0 {
        compare(right_head, old_right, new_right, visit)?;
    }
    Ok(())
}

/// Builds a tree from its rows.
struct Loader<'a, I: Iterator> {
    rows: Peekable<I>,
    roster: Roster,
    suite: &'a dyn Suite,
}

impl<I: Iterator<Item = Result<TreeRow, Error>>> Loader<'_, I> {
    fn read(&mut self, head: NodeIndex) -> Result<Subtree, Error> {
        let last = *head.node_span().end();
        match self.rows.peek() {
            Some(Ok((node, _))) if node.0 <= last => {}
            Some(Err(error)) => return Err(error.clone()),
            Some(Ok(_)) | None => return Ok(Subtree::blank(head.level())),
        }
        let Some(index) = head.leaf() else {
            let (left_head, right_head) = head.children();
            let left = self.read(left_head)?;
            let node = self.row(head)?;
            let node = node.map(|value| Parent::from_own_bytes(value.expose()).map_err(|_| MALFORMED)).transpose()?;
            self.roster.change_parent(self.suite, head, None, node.as_ref());
            return Ok(Subtree::inner(head.level(), node, left, self.read(right_head)?));
        };
        // A row of a node further left was out of order.
        let value = self.row(head)?.ok_or(MALFORMED)?;
        let mut from = Reader::of_own(value.expose());
        let (leaf, node) = Leaf::read(&mut from).map_err(|_| MALFORMED)?;
        from.finish().map_err(|_| MALFORMED)?;
        self.roster.change_leaf(self.suite, index, None, Some(&node));
        Ok(Subtree::leaf(Some(leaf)))
    }

    /// The value of a node's row, if it is the next.
    fn row(&mut self, node: NodeIndex) -> Result<Option<SecretBytes>, Error> {
        let next = self.rows.next_if(|row| row.as_ref().map_or(true, |(found, _)| *found == node));
        Ok(next.transpose()?.map(|(_, value)| value))
    }
}
