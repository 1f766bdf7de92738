//! What ratchet trees take in memory that somebody made to be expensive, at their height while they are built and validated:
//! at most 16 bytes for each byte of the encoding and 64 KiB besides.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use cenacle_codec::{Decode as _, Encode as _, MEMORY_BESIDES, MEMORY_FACTOR, Opaque};
use cenacle_crypto::{CipherSuite, CryptoProvider as _, Digest, HpkePublicKey, Signature, SignaturePublicKey};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_mls::{
    tree::{LeafCheck, RatchetTree},
    wire::*,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

type Nodes = Vec<Option<Node>>;

/// A leaf of keys that no other leaf has, as long as they are wanted.
fn leaf(number: u32, key_bytes: usize) -> Node {
    let key = |kind: u8| {
        let mut key = [&number.to_be_bytes()[..], &[kind; 64]].concat();
        key.rotate_left(1);
        key.truncate(key_bytes);
        Opaque::from(key)
    };
    Node::Leaf(LeafNode {
        encryption_key: HpkePublicKey(key(1)),
        signature_key: SignaturePublicKey(key(2)),
        credential: Credential::Basic(Opaque::EMPTY),
        capabilities: Capabilities::default(),
        source: LeafNodeSource::Update,
        extensions: Extensions::default(),
        signature: Signature(Opaque::EMPTY),
    })
}

fn parent(number: u32, key_bytes: usize, unmerged: Vec<LeafIndex>) -> Node {
    let Node::Leaf(leaf) = leaf(number | 1 << 23, key_bytes) else { panic!() };
    Node::Parent(ParentNode {
        encryption_key: leaf.encryption_key,
        parent_hash: Digest::EMPTY,
        unmerged_leaves: unmerged,
    })
}

/// A tree of 2^level leaves, its nodes as told; without what is blank at its end.
fn tree(level: u32, node: &dyn Fn(u32) -> Option<Node>) -> Nodes {
    let mut nodes: Nodes = (0..(2 << level) - 1).map(node).collect();
    while matches!(nodes.last(), Some(None)) {
        nodes.pop();
    }
    nodes
}

fn is_leaf(node: u32) -> bool {
    node.is_multiple_of(2)
}

/// The lists of a parent that say that all leaves below it are unmerged.
fn all_below(node: u32) -> Vec<LeafIndex> {
    let reach = 1 << node.trailing_ones();
    let (first, last) = ((node + 1 - reach) / 2, (node + reach) / 2);
    (first..last).map(LeafIndex).collect()
}

/// Trees that take much for their length, by name.
fn expensive() -> Vec<(String, Nodes)> {
    let mut made: Vec<(String, Nodes)> = Vec::new();
    for key_bytes in [0, 1, 3, 32] {
        for every in [0, 1, 2, 3, 4, 5, 8] {
            let sparse = |node| (is_leaf(node) && (node / 2) % (1 << every) == 0).then(|| leaf(node, key_bytes));
            made.push((format!("a leaf of {key_bytes} bytes on every 2^{every}"), tree(12, &sparse)));
        }
        let full = |node| Some(if is_leaf(node) { leaf(node, key_bytes) } else { parent(node, key_bytes, Vec::new()) });
        made.push((format!("nothing blank, {key_bytes} bytes"), tree(11, &full)));
        let unmerged =
            |node| Some(if is_leaf(node) { leaf(node, key_bytes) } else { parent(node, key_bytes, all_below(node)) });
        made.push((format!("all unmerged, {key_bytes} bytes"), tree(9, &unmerged)));
    }
    let last = |node| (node == (2 << 18) - 2).then(|| leaf(node, 32));
    made.push(("blank but for the last leaf".into(), tree(18, &last)));
    let corners = |node| (node == 0 || node == (2 << 18) - 2).then(|| leaf(node, 32));
    made.push(("blank but for first and last leaf".into(), tree(18, &corners)));
    let mut capable = |lists: [usize; 3], leaves: u32| {
        let node = |node: u32| {
            let Node::Leaf(mut leaf) = leaf(node, 32) else { panic!() };
            let types = |count: usize, first: u32| {
                (0..count).map(move |n| u16::try_from((usize::try_from(first).unwrap() + 7 * n) % 65_536).unwrap())
            };
            leaf.capabilities.extensions = types(lists[0], node).map(ExtensionType).collect();
            leaf.capabilities.proposals = types(lists[1], node).map(ProposalType).collect();
            leaf.capabilities.credentials = types(lists[2], node).map(CredentialType).collect();
            is_leaf(node).then_some(Node::Leaf(leaf))
        };
        let level = leaves.ilog2();
        made.push((format!("{leaves} leaves with lists of {lists:?}"), tree(level, &node)));
    };
    capable([65_536, 65_536, 65_536], 1);
    capable([9_000, 0, 0], 8);
    capable([0, 40, 40], 256);
    capable([1, 1, 1], 2_048);
    made
}

/// Builds and validates a tree; gives the most memory that took at any time, and whether it could be built.
fn peak(bytes: &[u8]) -> (usize, bool) {
    let suite = AwsLcProvider.suite(CipherSuite(1)).unwrap();
    let group_id = GroupId::from(&b"group"[..]);
    let check = LeafCheck { group_id: Some(&group_id), ..LeafCheck::alone(&*suite, Some(1_000), u64::MAX) };
    let wire = WireTree::from_bytes(bytes).unwrap();
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let tree = RatchetTree::from_wire(&wire, &*suite);
    if let Ok(tree) = &tree {
        drop(tree.validate(&check));
        drop(tree.verify_parent_hashes(&*suite));
    }
    (HEAP.peak_usage() - before, tree.is_ok())
}

#[test]
fn no_tree_takes_more_than_sixteen_times_its_encoding() {
    let (mut built, mut refused) = (0, 0);
    for (what, nodes) in expensive() {
        let bytes = WireTree::new(&nodes).unwrap().to_bytes().unwrap();
        drop(nodes);
        let (peak, ok) = peak(&bytes);
        #[expect(clippy::cast_precision_loss, reason = "to be printed")]
        let factor = peak as f64 / bytes.len() as f64;
        println!("{factor:>5.1} times {:>7} bytes, {}: {what}", bytes.len(), if ok { "built" } else { "refused" });
        assert!(peak <= MEMORY_FACTOR * bytes.len() + MEMORY_BESIDES, "{what} of {} bytes takes {peak}", bytes.len());
        if ok { built += 1 } else { refused += 1 }
    }
    assert!(built > 10, "{built} were built");
    assert!(refused > 0, "none was refused: they are not expensive enough to show anything");
}
