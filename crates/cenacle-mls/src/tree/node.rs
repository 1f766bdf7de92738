//! Nodes as a tree keeps them: as their encodings, shared by all versions of the tree. That is a third of what the
//! decoded values would take, and what is hashed, sent and stored is there already. Whatever is read out is decoded anew.

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use cenacle_codec::{Decode, DecodeError, Encode, Reader, Writer};
use cenacle_crypto::{Digest, HpkePublicKey, SignaturePublicKey};

use crate::{
    error::Error,
    wire::{Credential, LeafIndex, LeafNode, ParentNode},
};

/// A member's leaf: the encoding of a [`LeafNode`], made by [`Leaf::new`] or [`Leaf::read`] and by nothing else. Cheap to
/// clone; equal if the encodings are.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf(Arc<[u8]>);

impl Leaf {
    /// Takes in a leaf.
    ///
    /// # Errors
    /// When it is too long to encode.
    pub fn new(node: &LeafNode) -> Result<Self, Error> {
        Ok(Self(Arc::from(node.to_bytes()?)))
    }

    /// Reads a leaf, which is given decoded as well.
    ///
    /// # Errors
    /// When the bytes are not a leaf's encoding.
    pub fn read(from: &mut Reader<'_>) -> Result<(Self, LeafNode), DecodeError> {
        let (bytes, node) = slice(from)?;
        from.allocate(bytes.len() + ARC_BYTES)?;
        Ok((Self(Arc::from(bytes)), node))
    }

    /// The leaf, decoded. Never `None`: nothing but a leaf's encoding is taken in.
    #[must_use]
    pub fn node(&self) -> Option<LeafNode> {
        LeafNode::from_own_bytes(&self.0).ok()
    }

    /// The key path secrets are encrypted to.
    #[must_use]
    pub fn encryption_key(&self) -> HpkePublicKey {
        HpkePublicKey(first_opaque(&mut Reader::of_own(&self.0)).into())
    }

    /// The key this member's messages verify under.
    #[must_use]
    pub fn signature_key(&self) -> SignaturePublicKey {
        let mut from = Reader::of_own(&self.0);
        first_opaque(&mut from);
        SignaturePublicKey(first_opaque(&mut from).into())
    }

    /// Who it is. Never `None`, as [`Leaf::node`].
    #[must_use]
    pub fn credential(&self) -> Option<Credential> {
        let mut from = Reader::of_own(&self.0);
        first_opaque(&mut from);
        first_opaque(&mut from);
        Credential::decode(&mut from).ok()
    }

    /// The encoding, shared.
    pub(super) fn shared_bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.0)
    }

    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Encode for Leaf {
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.0);
    }
}

impl Decode for Leaf {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::read(from).map(|(leaf, _)| leaf)
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node().fmt(f)
    }
}

/// A parent that is not blank: the encoding of a [`ParentNode`] but for its list, which every Add makes longer. The list
/// ascends: joining checks it, and a stored tree must have its tree hash.
#[derive(Clone)]
pub(super) struct Parent {
    fixed: Arc<[u8]>,
    pub(super) unmerged_leaves: Vec<LeafIndex>,
}

impl Parent {
    pub(super) fn new(encryption_key: &HpkePublicKey, parent_hash: &Digest) -> Result<Self, Error> {
        let mut fixed = Writer::with_capacity(128);
        fixed.put(encryption_key).put(parent_hash);
        Ok(Self { fixed: Arc::from(fixed.finish()?), unmerged_leaves: Vec::new() })
    }

    pub(super) fn encryption_key(&self) -> HpkePublicKey {
        HpkePublicKey(self.key_bytes().into())
    }

    pub(super) fn key_bytes(&self) -> &[u8] {
        first_opaque(&mut Reader::of_own(&self.fixed))
    }

    pub(super) fn parent_hash(&self) -> Digest {
        let mut from = Reader::of_own(&self.fixed);
        first_opaque(&mut from);
        Digest::decode(&mut from).unwrap_or_default()
    }

    /// The same node without some of its unmerged leaves (ascending).
    pub(super) fn without(&self, leaves: &[LeafIndex]) -> Self {
        let mut node = self.clone();
        node.unmerged_leaves.retain(|leaf| leaves.binary_search(leaf).is_err());
        node
    }

    pub(super) fn node(&self) -> ParentNode {
        ParentNode {
            encryption_key: self.encryption_key(),
            parent_hash: self.parent_hash(),
            unmerged_leaves: self.unmerged_leaves.clone(),
        }
    }

    /// The encoding, in no more memory than it takes.
    pub(super) fn row(&self) -> Result<Arc<[u8]>, Error> {
        Ok(Arc::from(self.to_bytes()?))
    }

    /// Whether nothing has changed since `other`, as far as can be told without comparing keys.
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fixed, &other.fixed) && self.unmerged_leaves == other.unmerged_leaves
    }
}

impl Encode for Parent {
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.fixed).put(&self.unmerged_leaves);
    }
}

impl Decode for Parent {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (fixed, _) = slice::<(HpkePublicKey, Digest)>(from)?;
        from.allocate(fixed.len() + ARC_BYTES)?;
        Ok(Self { fixed: Arc::from(fixed), unmerged_leaves: Decode::decode(from)? })
    }
}

/// What is allocated with whatever is shared: two counters.
pub(super) const ARC_BYTES: usize = 2 * size_of::<usize>();

/// Reads a value and gives its encoding with it.
fn slice<'a, T: Decode>(from: &mut Reader<'a>) -> Result<(&'a [u8], T), DecodeError> {
    let (before, start) = (from.rest(), from.offset());
    let value = T::decode(from)?;
    Ok((before.get(..from.offset().saturating_sub(start)).unwrap_or_default(), value))
}

/// The field that comes first. What is kept was decoded once: it cannot be missing.
fn first_opaque<'a>(from: &mut Reader<'a>) -> &'a [u8] {
    from.opaque().unwrap_or_default()
}
