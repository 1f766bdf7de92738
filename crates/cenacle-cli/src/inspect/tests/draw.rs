//! Drawings.

use std::sync::Arc;

use cenacle_codec::Opaque;
use cenacle_crypto::{CryptoProvider, Digest, HpkePublicKey, Signature, SignaturePublicKey, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_mls::{
    tree::RatchetTree,
    wire::{
        Capabilities, Credential, Extensions, LeafIndex, LeafNode, LeafNodeSource, Node, ParentNode, WireTree,
    },
};

use crate::inspect::{MAX_DRAWN_LEAVES, draw::draw_wire_tree, draw_tree};

fn suite() -> Arc<dyn Suite> {
    AwsLcProvider.suite(cenacle_crypto::CipherSuite(1)).unwrap()
}

fn key(name: u8) -> HpkePublicKey {
    HpkePublicKey(vec![name; 32].into())
}

fn leaf(name: u8) -> Node {
    Node::Leaf(LeafNode {
        encryption_key: key(name),
        signature_key: SignaturePublicKey(vec![name; 32].into()),
        credential: Credential::Basic(format!("member {name}").into_bytes().into()),
        capabilities: Capabilities::default(),
        source: LeafNodeSource::Update,
        extensions: Extensions::default(),
        signature: Signature(Opaque::EMPTY),
    })
}

fn parent(name: u8, unmerged: &[u32]) -> Node {
    let unmerged_leaves = unmerged.iter().copied().map(LeafIndex).collect();
    Node::Parent(ParentNode { encryption_key: key(name), parent_hash: Digest::EMPTY, unmerged_leaves })
}

fn tree(nodes: impl IntoIterator<Item = Option<Node>>) -> WireTree {
    WireTree(nodes.into_iter().map(|node| node.map(Box::new)).collect())
}

fn four() -> WireTree {
    tree([Some(leaf(0xa0)), Some(parent(0xb0, &[1])), Some(leaf(0xa1)), Some(parent(0xc0, &[])), None, None, Some(leaf(0xa3))])
}

fn drawn(wire: WireTree, names: impl Fn(LeafIndex) -> String) -> String {
    draw_tree(&RatchetTree::from_wire(wire, &*suite()).unwrap(), names)
}

#[test]
fn a_small_tree_is_drawn_node_by_node() {
    let names = |leaf: LeafIndex| ["Alice", "Bob", "", "Dora"].map(str::to_owned)[usize::try_from(leaf.0).unwrap()].clone();
    let expected = "
             ●c0c0
        ╭──────┴──────╮
     ●b0b0+1          _
";
    let picture = drawn(four(), names);
    assert_eq!(picture, expected, "\n{picture}");
}
