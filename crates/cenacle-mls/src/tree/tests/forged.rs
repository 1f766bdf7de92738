//! Trees that nobody should believe (RFC 9420 §7.9.2, §12.4.3.1), each made from an honest one by one change.

use alloc::{vec, vec::Vec};

use cenacle_crypto::{CipherSuite, CryptoProvider, Digest, Signature};
use cenacle_crypto_rustcrypto::RustCryptoProvider;

use super::{
    super::{nodes::Nodes, subtree::Subtree, *},
    Changes, World, check, group_id,
};
use crate::{
    error::{Error, Rule, What},
    limits::MAX_TREE_LEVEL,
    wire::*,
};

type Wire = Vec<Option<Node>>;

fn wire(tree: &RatchetTree) -> Wire {
    tree.to_wire().unwrap().nodes().collect()
}

fn read(wire: &Wire, suite: &dyn cenacle_crypto::Suite) -> Result<RatchetTree, Error> {
    RatchetTree::from_wire(&WireTree::new(wire).unwrap(), suite)
}

fn parent(wire: &mut Wire, index: usize) -> &mut ParentNode {
    match wire[index].as_mut() {
        Some(Node::Parent(parent)) => parent,
        other => panic!("no parent at {index}: {other:?}"),
    }
}

fn leaf(wire: &mut Wire, index: usize) -> &mut LeafNode {
    match wire[2 * index].as_mut() {
        Some(Node::Leaf(leaf)) => leaf,
        other => panic!("no leaf at {index}: {other:?}"),
    }
}

/// What a joiner says to the tree of `world` after `change`.
fn joined(world: &World, change: impl FnOnce(&mut Wire)) -> Result<(), Error> {
    let mut wire = wire(&world.tree);
    change(&mut wire);
    let tree = read(&wire, &*world.suite)?;
    tree.validate(&check(&*world.suite, &group_id()))
}

/// Seven members, parents on the way from leaves 0, 2 and 4, leaf 7 and 8 unmerged, the parent of 12 and 13 blank.
///
/// The tree in array order: leaves at even positions, parents 1, 3, 5, 7, 9, 11 set, 13 and 15 blank.
fn world() -> World {
    let mut world = World::new(1);
    world.change(&Changes { adds: 6, ..Changes::default() });
    for leaf in [0, 2, 4] {
        world.commit(LeafIndex(leaf), &Changes::default());
    }
    world.change(&Changes { adds: 2, ..Changes::default() });
    let set = |node| world.tree.parent(NodeIndex(node)).is_some();
    assert_eq!((0..17).filter(|node| set(*node)).collect::<Vec<_>>(), [1, 3, 5, 7, 9, 11]);
    assert_eq!(world.tree.parent(NodeIndex(7)).unwrap().unmerged_leaves, [LeafIndex(7)]);
    world
}

fn refused(world: &World, rule: Rule, change: impl FnOnce(&mut Wire)) {
    assert_eq!(joined(world, change), Err(Error::Invalid(rule)));
}

#[test]
fn the_honest_tree_is_believed() {
    assert_eq!(joined(&world(), |_| ()), Ok(()));
}

#[test]
fn the_array_is_well_formed() {
    let world = world();
    refused(&world, Rule::TreeWellFormed, Vec::clear);
    refused(&world, Rule::TreeWellFormed, |wire| wire.push(None));
    refused(&world, Rule::TreeWellFormed, |wire| {
        let node = wire[1].clone();
        wire.push(node);
    });
    refused(&world, Rule::TreeEndsNonBlank, |wire| wire.extend([None, None]));
    refused(&world, Rule::TreeWellFormed, |wire| wire.swap(0, 1));
    refused(&world, Rule::TreeWellFormed, |wire| wire[13] = wire[12].clone());
    refused(&world, Rule::TreeWellFormed, |wire| wire[12] = wire[11].clone());
    let mut largest = Nodes { root: Subtree::blank(MAX_TREE_LEVEL.into()), level: MAX_TREE_LEVEL };
    assert_eq!(largest.extend(), Err(Error::Invalid(Rule::TreeSizeBounded)));
}

#[test]
fn unmerged_leaves_ascend_and_agree() {
    let world = world();
    for list in [vec![7, 6], vec![7, 7], vec![6, 7, 6]] {
        refused(&world, Rule::UnmergedLeavesAscend, |wire| {
            parent(wire, 7).unmerged_leaves = list.into_iter().map(LeafIndex).collect();
        });
    }
    // Not below, not a member, not in the tree at all.
    for list in [vec![7, 8], vec![7, 9], vec![7, u32::MAX]] {
        refused(&world, Rule::UnmergedLeavesConsistent, |wire| {
            parent(wire, 7).unmerged_leaves = list.into_iter().map(LeafIndex).collect();
        });
    }
    refused(&world, Rule::UnmergedLeavesConsistent, |wire| wire[14] = None);
    // Listed above, but not between.
    refused(&world, Rule::UnmergedLeavesConsistent, |wire| parent(wire, 11).unmerged_leaves.clear());
    // Listed between, but not above: the chain from there does not hold.
    refused(&world, Rule::ParentHashValid, |wire| parent(wire, 7).unmerged_leaves.clear());
}

#[test]
fn an_added_leaf_is_listed_in_order() {
    let world = world();
    let mut wire = wire(&world.tree);
    let leaf = leaf(&mut wire, 6).clone();
    wire[12] = None;
    let mut edit = read(&wire, &*world.suite).unwrap().edit(&*world.suite);
    assert_eq!(edit.add(&leaf), Ok(LeafIndex(6)));
    let tree = edit.seal().unwrap();
    for node in [7, 11] {
        assert_eq!(tree.parent(NodeIndex(node)).unwrap().unmerged_leaves, [LeafIndex(6), LeafIndex(7)]);
    }
}

#[test]
fn every_parent_is_chained_to_a_leaf() {
    let world = world();
    for index in [1, 3, 5, 7, 9, 11] {
        let key = || world.suite.kem_derive_key_pair(&[7; 32]).unwrap().1;
        refused(&world, Rule::ParentHashValid, |wire| parent(wire, index).encryption_key = key());
        refused(&world, Rule::ParentHashValid, |wire| {
            let forged = parent(wire, index);
            (forged.encryption_key, forged.parent_hash) = (key(), Digest::EMPTY);
        });
        refused(&world, Rule::ParentHashValid, |wire| {
            let hash = world.suite.hash(&[b"anything"]);
            parent(wire, index).parent_hash = hash;
        });
    }
    // A parent that no commit made, over members and over nobody.
    let made_up = |unmerged_leaves| {
        let encryption_key = world.suite.kem_derive_key_pair(&[8; 32]).unwrap().1;
        Some(Node::Parent(ParentNode { encryption_key, parent_hash: Digest::EMPTY, unmerged_leaves }))
    };
    refused(&world, Rule::ParentHashValid, |wire| wire[13] = made_up(vec![LeafIndex(7)]));
    refused(&world, Rule::ParentHashValid, |wire| wire[15] = made_up(vec![]));
    let mut few = World::new(2);
    few.change(&Changes { adds: 4, ..Changes::default() });
    few.commit(LeafIndex(4), &Changes { removes: vec![LeafIndex(2), LeafIndex(3)], ..Changes::default() });
    let mut wire = wire(&few.tree);
    assert!(read(&wire, &*few.suite).is_ok());
    wire[5] = made_up(vec![]);
    assert_eq!(read(&wire, &*few.suite).err(), Some(Error::Invalid(Rule::ParentHashValid)));
}

#[test]
fn nobody_is_locked_out() {
    // Without the parents between, leaves 1 to 3 neither know the root's key nor are they listed as unmerged.
    let mut world = World::new(3);
    world.change(&Changes { adds: 3, ..Changes::default() });
    world.commit(LeafIndex(0), &Changes::default());
    assert_eq!(joined(&world, |_| ()), Ok(()));
    refused(&world, Rule::ParentHashValid, |wire| wire[1] = None);
    // Nor if either claims the chain for itself, with the right hash.
    for claims in [0, 1] {
        refused(&world, Rule::ParentHashValid, |wire| {
            let parent_hash = parent(wire, 1).parent_hash;
            wire[1] = None;
            leaf(wire, claims).source = LeafNodeSource::Commit { parent_hash };
        });
    }
}

#[test]
fn the_roots_parent_hash_is_empty() {
    let mut world = World::new(4);
    world.commit(LeafIndex(0), &Changes { adds: 1, ..Changes::default() });
    assert_eq!(joined(&world, |_| ()), Ok(()));
    // Bound to the leaf as it should be, were the root allowed to have a parent.
    let above = world.suite.hash(&[b"above"]);
    let root = world.tree.parent(NodeIndex(1)).unwrap();
    let sibling = world.tree.node_tree_hash(NodeIndex(2), &*world.suite).unwrap().unwrap();
    let bound = hash::parent_hash(&*world.suite, &root.encryption_key, &above, &sibling).unwrap();
    refused(&world, Rule::ParentHashValid, |wire| {
        parent(wire, 1).parent_hash = above;
        leaf(wire, 0).source = LeafNodeSource::Commit { parent_hash: bound };
    });
}

#[test]
fn keys_are_unique_and_well_formed() {
    let world = world();
    refused(&world, Rule::EncryptionKeyUnique, |wire| {
        leaf(wire, 6).encryption_key = leaf(wire, 5).encryption_key.clone();
    });
    refused(&world, Rule::EncryptionKeyUnique, |wire| {
        leaf(wire, 6).encryption_key = parent(wire, 1).encryption_key.clone();
    });
    refused(&world, Rule::EncryptionKeyUnique, |wire| {
        parent(wire, 9).encryption_key = parent(wire, 1).encryption_key.clone();
    });
    refused(&world, Rule::SignatureKeyUnique, |wire| {
        leaf(wire, 6).signature_key = leaf(wire, 5).signature_key.clone();
    });
    refused(&world, Rule::PublicKeyWellFormed, |wire| parent(wire, 9).encryption_key.0 = b"short".into());
    refused(&world, Rule::CredentialSupportedByAll, |wire| leaf(wire, 6).capabilities.credentials.clear());
    refused(&world, Rule::VersionListed, |wire| leaf(wire, 6).capabilities.versions.clear());
}

#[test]
fn every_leaf_is_signed() {
    let world = world();
    let unverified = Err(Error::Unverified(What::LeafSignature));
    for index in [4, 7, 8] {
        // These are in no parent hash, so that nothing else is wrong.
        let forge = |wire: &mut Wire| leaf(wire, index).signature = Signature([1; 64].as_slice().into());
        assert_eq!(joined(&world, forge), unverified);
    }
    for index in 0..9 {
        let tree = {
            let mut wire = wire(&world.tree);
            leaf(&mut wire, index).signature = Signature(b"".into());
            read(&wire, &*world.suite).unwrap()
        };
        let group_id = group_id();
        let check = check(&*world.suite, &group_id);
        let at = u32::try_from(index).unwrap();
        assert_eq!(tree.verify_leaf_signatures(&check, at..at + 1), unverified);
        assert_eq!(tree.verify_leaf_signatures(&check, 0..at), Ok(()));
        assert_eq!(tree.verify_leaf_signatures(&check, at + 1..16), Ok(()));
    }
}

#[test]
fn a_tree_of_another_suite_is_refused() {
    let world = world();
    let other = RustCryptoProvider.suite(CipherSuite(2)).unwrap();
    let tree = read(&wire(&world.tree), &*other).unwrap();
    let refused = tree.validate(&check(&*other, &group_id()));
    assert_eq!(refused, Err(Error::Invalid(Rule::CipherSuiteListed)));
}
