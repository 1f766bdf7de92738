//! The tree of secrets (RFC 9420 §9). Only undivided secrets are kept: dividing one erases it (§9.2).

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use cenacle_crypto::{Secret, Suite, labeled::expand_with_label};

use super::{
    MessageKey, RatchetKind,
    ratchet::{Head, Ratchet, RatchetChange},
};
use crate::{
    Error, Rule,
    limits::Limits,
    schedule::EncryptionSecret,
    tree::NodeIndex,
    wire::{Generation, LeafIndex},
};

/// One ratchet of one sender.
pub(crate) type RatchetId = (LeafIndex, RatchetKind);

/// An epoch's secret tree with the ratchets that grew out of it.
#[derive(Clone, Debug)]
pub struct SecretTree {
    pub(super) root: NodeIndex,
    pub(super) nodes: BTreeMap<NodeIndex, Arc<Secret>>,
    pub(super) ratchets: BTreeMap<RatchetId, Ratchet>,
}

/// What the use of one key would change.
#[derive(Debug)]
#[must_use = "a key that was used must be erased"]
pub struct SecretTreeChange {
    /// Divided secrets, to be erased.
    pub(super) divided: Vec<NodeIndex>,
    /// Their undivided parts.
    pub(super) parts: Vec<(NodeIndex, Arc<Secret>)>,
    /// Ratchets that begin.
    pub(super) begun: Vec<(RatchetId, Ratchet)>,
    /// The ratchet that is used, and how.
    pub(super) used: (RatchetId, RatchetChange),
}

impl SecretTree {
    /// The tree of a new epoch, for a ratchet tree with this root.
    #[must_use]
    pub fn new(root: NodeIndex, encryption_secret: EncryptionSecret) -> Self {
        Self { root, nodes: BTreeMap::from([(root, Arc::new(encryption_secret.0))]), ratchets: BTreeMap::new() }
    }

    /// A tree of which nothing was read yet.
    pub(crate) const fn unread(root: NodeIndex) -> Self {
        Self { root, nodes: BTreeMap::new(), ratchets: BTreeMap::new() }
    }

    /// Whether no key comes of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.ratchets.is_empty()
    }

    /// Takes in what was read of the same epoch's tree.
    pub(crate) fn absorb(&mut self, read: Self) {
        self.nodes.extend(read.nodes);
        self.ratchets.extend(read.ratchets);
    }

    /// The key of the message that `leaf` sent as its `generation`th of this kind, and what using it would change.
    ///
    /// # Errors
    /// `KeyGone` when it was used or dropped, `TooFarAhead` beyond the limits, `Invalid(SenderIsMember)` for a leaf
    /// outside the tree.
    pub fn key_for(
        &self,
        suite: &dyn Suite,
        leaf: LeafIndex,
        kind: RatchetKind,
        generation: Generation,
        limits: &Limits,
    ) -> Result<(Arc<MessageKey>, SecretTreeChange), Error> {
        self.with_ratchet(suite, (leaf, kind), |ratchet| ratchet.key_for(suite, generation, limits))
    }

    /// The key of one's own next message, its generation, and what using it would change.
    ///
    /// # Errors
    /// `Misuse(RatchetExhausted)` when all generations are used.
    pub fn next_own(
        &self,
        suite: &dyn Suite,
        own: LeafIndex,
        kind: RatchetKind,
        limits: &Limits,
    ) -> Result<(Generation, Arc<MessageKey>, SecretTreeChange), Error> {
        let ((generation, key), change) = self.with_ratchet(suite, (own, kind), |ratchet| {
            let (generation, key, change) = ratchet.next_own(suite, limits.reserved_generations)?;
            Ok(((generation, key), change))
        })?;
        Ok((generation, key, change))
    }

    /// Runs `f` on the ratchet, beginning it if need be.
    fn with_ratchet<T>(
        &self,
        suite: &dyn Suite,
        id: RatchetId,
        f: impl FnOnce(&Ratchet) -> Result<(T, RatchetChange), Error>,
    ) -> Result<(T, SecretTreeChange), Error> {
        if let Some(ratchet) = self.ratchets.get(&id) {
            let (value, used) = f(ratchet)?;
            let change =
                SecretTreeChange { divided: Vec::new(), parts: Vec::new(), begun: Vec::new(), used: (id, used) };
            return Ok((value, change));
        }
        let (divided, parts, leaf_secret) = self.divide_down_to(suite, id.0)?;
        let mut begun = Vec::with_capacity(2);
        for kind in [RatchetKind::Handshake, RatchetKind::Application] {
            begun.push(((id.0, kind), Ratchet::new(Head::first(suite, &leaf_secret, kind)?)));
        }
        let ratchet = begun.iter().find(|(begun_id, _)| *begun_id == id).ok_or(Rule::SenderIsMember)?;
        let (value, used) = f(&ratchet.1)?;
        Ok((value, SecretTreeChange { divided, parts, begun, used: (id, used) }))
    }

    /// Divides secrets from the nearest undivided one above `leaf` down to it.
    #[expect(clippy::type_complexity, reason = "three lists of one step, used once")]
    fn divide_down_to(
        &self,
        suite: &dyn Suite,
        leaf: LeafIndex,
    ) -> Result<(Vec<NodeIndex>, Vec<(NodeIndex, Arc<Secret>)>, Arc<Secret>), Error> {
        let target = leaf.node_index();
        let mut node = self.root;
        // A node is on the way while it stands above the leaf; only one of them can hold a secret.
        let mut secret = loop {
            if let Some(secret) = self.nodes.get(&node) {
                break Arc::clone(secret);
            }
            node = node.child_towards(target).ok_or(Rule::SenderIsMember)?;
        };
        let divided = alloc::vec![node];
        let mut parts = Vec::new();
        while let Some(next) = node.child_towards(target) {
            let divide = |child: NodeIndex| {
                let side: &[u8] = if child < node { b"left" } else { b"right" };
                expand_with_label(suite, &secret, "tree", side, suite.hash_length()).map(Arc::new)
            };
            let sibling = next.sibling_under(node);
            parts.push((sibling, divide(sibling)?));
            secret = divide(next)?;
            node = next;
        }
        if node == target { Ok((divided, parts, secret)) } else { Err(Rule::SenderIsMember.into()) }
    }

    /// The root it was made for.
    pub(crate) const fn root(&self) -> NodeIndex {
        self.root
    }

    /// Erases everything: no key comes of this tree again.
    pub fn erase(&mut self) {
        self.nodes.clear();
        self.ratchets.clear();
    }

    /// Makes a change real: erases what was used.
    pub fn apply(&mut self, change: SecretTreeChange) {
        for node in change.divided {
            self.nodes.remove(&node);
        }
        self.nodes.extend(change.parts);
        self.ratchets.extend(change.begun);
        let (id, used) = change.used;
        if let Some(ratchet) = self.ratchets.get_mut(&id) {
            ratchet.apply(used);
        }
    }
}
