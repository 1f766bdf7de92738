//! Nodes of the ratchet tree as they travel (RFC 9420 §7.1, §7.6, §12.4.3.3).

use alloc::vec::Vec;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, Opaque, Reader, Writer, codec_struct};
use cenacle_crypto::{Digest, HpkeCiphertext, HpkePublicKey};

use super::{LeafIndex, LeafNode};

codec_struct! {
    /// An intermediate node (RFC 9420 §7.1).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ParentNode {
        /// The subtree's shared public key.
        pub encryption_key: HpkePublicKey,
        /// Binds the node to the one above it, empty at the root.
        pub parent_hash: Digest,
        /// Leaves below that do not hold the node's private key, ascending.
        pub unmerged_leaves: Vec<LeafIndex>,
    }

    /// One step of an update path (RFC 9420 §7.6).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct UpdatePathNode {
        /// The node's new public key.
        pub encryption_key: HpkePublicKey,
        /// The node's path secret, once for each node in the resolution of the copath child.
        pub encrypted_path_secret: Vec<HpkeCiphertext>,
    }

    /// A committer's new leaf and the new keys above it (RFC 9420 §7.6).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct UpdatePath {
        /// The new leaf, source `commit`.
        pub leaf_node: LeafNode,
        /// The filtered direct path, from the leaf to the root.
        pub nodes: Vec<UpdatePathNode>,
    }
}

/// A node of either kind (RFC 9420 §7.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A member's leaf.
    Leaf(LeafNode),
    /// An intermediate node.
    Parent(ParentNode),
}

impl Encode for Node {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Leaf(leaf) => out.put(&1u8).put(leaf),
            Self::Parent(parent) => out.put(&2u8).put(parent),
        };
    }
}

impl Decode for Node {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => LeafNode::decode(from).map(Self::Leaf),
            2 => ParentNode::decode(from).map(Self::Parent),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("NodeType"))),
        }
    }
}

/// A tree as the `ratchet_tree` extension carries it (RFC 9420 §12.4.3.3): nodes in array order, blank ones absent,
/// ending with one that is not blank. Kept encoded. Not yet believed: the tree layer checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireTree(Opaque);

impl WireTree {
    /// A tree of these nodes, whether it makes sense or not.
    ///
    /// # Errors
    /// When one of them is too long to encode.
    pub fn new<'a>(nodes: impl IntoIterator<Item = &'a Option<Node>>) -> Result<Self, EncodeError> {
        let mut content = Writer::new();
        nodes.into_iter().for_each(|node| node.encode(&mut content));
        Ok(Self(content.finish()?.into()))
    }

    /// The nodes, decoded one by one: a blank takes a byte here and hundreds as a value.
    pub fn nodes(&self) -> impl Iterator<Item = Option<Node>> {
        let mut from = Reader::new(&self.0);
        core::iter::from_fn(move || Option::decode(&mut from).ok())
    }

    /// The nodes' encodings, one behind the other.
    pub(crate) fn content(&self) -> &[u8] {
        &self.0
    }
}

impl Encode for WireTree {
    fn encode(&self, out: &mut Writer) {
        self.0.encode(out);
    }
}

impl Decode for WireTree {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = from.vector(|content| {
            let bytes = content.rest();
            while !content.is_empty() {
                Option::<Node>::decode(content)?;
            }
            Ok(bytes)
        })?;
        from.allocate(bytes.len())?;
        Ok(Self(bytes.into()))
    }
}
