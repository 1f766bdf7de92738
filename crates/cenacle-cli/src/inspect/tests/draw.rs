//! Drawings.

use alloc::sync::Arc;

use cenacle_codec::Opaque;
use cenacle_crypto::{CryptoProvider, Digest, HpkePublicKey, Signature, SignaturePublicKey, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_mls::{
    tree::RatchetTree,
    wire::{Capabilities, Credential, Extensions, LeafIndex, LeafNode, LeafNodeSource, Node, ParentNode, WireTree},
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
    WireTree::new(&nodes.into_iter().collect::<Vec<_>>()).unwrap()
}

fn four() -> WireTree {
    tree([
        Some(leaf(0xa0)),
        Some(parent(0xb0, &[1])),
        Some(leaf(0xa1)),
        Some(parent(0xc0, &[])),
        None,
        None,
        Some(leaf(0xa3)),
    ])
}

fn drawn(wire: &WireTree, names: impl Fn(LeafIndex) -> String) -> String {
    draw_tree(&RatchetTree::from_wire(wire, &*suite()).unwrap(), names)
}

/// Begins with a line break, so that the picture keeps its shape here.
const FOUR: &str = "
              ●c0c0
        ╭───────┴───────╮
     ●b0b0+1            _
    ╭───┴───╮       ╭───┴───╮
  ●a0a0   ●a1a1     _     ●a3a3
  Alice    Bob            Dora
    0       1       2       3
";

#[test]
fn a_small_tree_is_drawn_node_by_node() {
    let names = ["Alice", "Bob", "", "Dora"];
    let picture = drawn(&four(), |leaf| names.get(usize::try_from(leaf.0).unwrap()).copied().unwrap().to_owned());
    assert_eq!(format!("\n{picture}"), FOUR);
}

#[test]
fn one_member_is_a_tree() {
    assert_eq!(drawn(&tree([Some(leaf(0xa0))]), |_| "Alice".to_owned()), "  ●a0a0\n  Alice\n    0\n");
}

#[test]
fn long_names_are_cut_and_control_characters_dropped() {
    let picture = drawn(&four(), |leaf| format!("a very\n long name of {leaf}"));
    assert!(picture.contains("a very long name o…"), "{picture}");
    assert!(picture.lines().all(|line| line.chars().count() <= 128));
}

#[test]
fn names_make_room_for_themselves() {
    let picture = drawn(&four(), |leaf| format!("member {leaf}"));
    assert!(picture.contains("member 0  member 1"), "{picture}");
}

#[test]
fn a_received_tree_is_drawn_with_its_credentials() {
    let picture = draw_wire_tree(&four());
    assert!(picture.contains("member 160") && picture.contains("●b0b0+1"), "{picture}");
}

#[test]
fn nonsense_is_drawn_too() {
    assert_eq!(draw_wire_tree(&tree([])), "    _\n    0\n");
    let picture = draw_wire_tree(&tree([Some(parent(1, &[])), Some(leaf(2)), None, None]));
    assert!(picture.contains("●0101") && picture.contains("●0202"), "{picture}");
}

/// A tree of so many members without parents.
fn flat(members: u32) -> WireTree {
    let nodes = (0..2 * members - 1).map(|node| (node % 2 == 0).then(|| leaf(u8::try_from(node / 2).unwrap())));
    tree(nodes)
}

#[test]
fn the_widest_drawing_fits_a_wide_terminal() {
    let picture = drawn(&flat(MAX_DRAWN_LEAVES), |leaf| format!("somebody {leaf}"));
    assert!(picture.lines().all(|line| line.chars().count() <= 128), "{picture}");
    assert_eq!(picture.matches('●').count(), 16);
}

#[test]
fn a_larger_tree_is_drawn_level_by_level() {
    let picture = drawn(&flat(MAX_DRAWN_LEAVES + 1), |_| String::new());
    let expected = "\
level 5        0 of 1      keyed  _
level 4        0 of 2      keyed  __
level 3        0 of 4      keyed  ____
level 2        0 of 8      keyed  ________
level 1        0 of 16     keyed  ________________
leaves        17 of 32     keyed  ●●●●●●●●●●●●●●●●●_______________
";
    assert_eq!(picture, expected, "\n{picture}");
}

#[test]
fn a_large_tree_is_counted() {
    let picture = drawn(&flat(200), |_| String::new());
    assert!(picture.ends_with("leaves       200 of 256    keyed\n"), "{picture}");
}
