//! Nodes of the ratchet tree as they travel (RFC 9420 §7.1, §7.6, §12.4.3.3).

use alloc::{boxed::Box, vec::Vec};

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, codec_newtype, codec_struct};
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

codec_newtype! {
    /// A tree as the `ratchet_tree` extension carries it (RFC 9420 §12.4.3.3): nodes in array order, blank ones absent,
    /// ending with one that is not blank. Not yet believed: the tree layer checks it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct WireTree(pub Vec<Option<Box<Node>>>);
}
