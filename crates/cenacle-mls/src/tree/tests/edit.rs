//! Changing a tree (RFC 9420 §7.7, §12.1.1 to §12.1.3): what is shared, where leaves go, and what is refused.

use alloc::vec;

use cenacle_crypto::HpkePublicKey;

use super::{super::*, Changes, LIFETIME, World, new_leaf};
use crate::{
    error::{Error, Rule},
    wire::*,
};

#[test]
fn one_leaf_costs_its_path() {
    let mut world = World::new(1);
    let suite = super::suite();
    let mut edit = world.tree.edit(&*suite);
    let (leaf, _, _) = new_leaf(&*suite, &mut world.rng, LIFETIME, LeafIndex(0));
    for index in 1..4096u32 {
        let mut leaf = leaf.clone();
        leaf.encryption_key.0 = index.to_be_bytes().as_slice().into();
        leaf.signature_key.0 = index.to_be_bytes().as_slice().into();
        assert_eq!(edit.add(&leaf).unwrap(), LeafIndex(index));
    }
    let tree = edit.seal().unwrap();
    assert_eq!((tree.leaf_width(), tree.level()), (4096, 12));

    let mut edit = tree.edit(&*suite);
    edit.update(LeafIndex(1234), &leaf).unwrap();
    let after = edit.seal().unwrap();
    // The parents above are blank before and after.
    let mut rows = 0;
    let mut visit = |_, _| {
        rows += 1;
        Ok(())
    };
    after.changes_since(Some(&tree), &mut visit).unwrap();
    assert_eq!(rows, 1);
    assert!(tree.same_as(&tree.clone()));
    assert!(!tree.same_as(&after));

    // A change and back is a change, but gives the same hash.
    let mut edit = after.edit(&*suite);
    edit.update(LeafIndex(1234), &tree.leaf(LeafIndex(1234)).unwrap()).unwrap();
    assert_eq!(edit.seal().unwrap().tree_hash(), tree.tree_hash());
}

#[test]
fn an_untouched_edit_is_the_same_tree() {
    let world = World::lively(2, 6);
    assert!(world.tree.edit(&*world.suite).seal().unwrap().same_as(&world.tree));
}

#[test]
fn added_leaves_take_the_leftmost_blank() {
    let mut world = World::new(3);
    world.change(&Changes { adds: 7, ..Changes::default() });
    world.commit(LeafIndex(0), &Changes { removes: vec![LeafIndex(5), LeafIndex(2)], ..Changes::default() });
    let mut edit = world.tree.edit(&*world.suite);
    assert_eq!(edit.reserve().unwrap(), LeafIndex(2));
    for expected in [2, 5, 8] {
        let (leaf, _, _) = new_leaf(&*world.suite, &mut world.rng, LIFETIME, LeafIndex(0));
        assert_eq!(edit.add(&leaf).unwrap(), LeafIndex(expected));
    }
    assert_eq!(edit.leaf_width(), 16);
    assert_eq!(edit.reserve().unwrap(), LeafIndex(9));
    assert_eq!(edit.roster().member_count(), 9);
    // Leaves added below keys that exist are unmerged there.
    let root = edit.seal().unwrap();
    assert_eq!(root.parent(NodeIndex(7)).unwrap().unmerged_leaves, [LeafIndex(2), LeafIndex(5)]);
}

#[test]
fn a_reserved_leaf_that_stays_blank_leaves_no_trace() {
    let mut world = World::new(4);
    world.change(&Changes { adds: 3, ..Changes::default() });
    let mut edit = world.tree.edit(&*world.suite);
    assert_eq!(edit.reserve().unwrap(), LeafIndex(4));
    assert_eq!(edit.leaf_width(), 8);
    let sealed = edit.seal().unwrap();
    assert_eq!((sealed.leaf_width(), sealed.tree_hash()), (4, world.tree.tree_hash()));
}

#[test]
fn blank_leaves_are_not_changed() {
    let mut world = World::new(5);
    world.change(&Changes { adds: 2, ..Changes::default() });
    let (leaf, _, _) = new_leaf(&*world.suite, &mut world.rng, LeafNodeSource::Update, LeafIndex(0));
    let mut edit = world.tree.edit(&*world.suite);
    for blank in [3, 4, u32::MAX] {
        assert_eq!(edit.remove(LeafIndex(blank)), Err(Error::Invalid(Rule::RemovedIsMember)));
        assert_eq!(edit.update(LeafIndex(blank), &leaf), Err(Error::Invalid(Rule::SenderIsMember)));
        assert!(edit.leaf(LeafIndex(blank)).is_none());
    }
    assert!(edit.seal().unwrap().same_as(&world.tree));
}

#[test]
fn an_update_replaces_the_key() {
    let world = World::new(6);
    let mut edit = world.tree.edit(&*world.suite);
    let same = world.tree.leaf(LeafIndex(0)).unwrap();
    assert_eq!(edit.update(LeafIndex(0), &same), Err(Error::Invalid(Rule::LeafKeyReplaced)));
}

#[test]
fn the_last_member_cannot_go() {
    let world = World::new(7);
    let mut edit = world.tree.edit(&*world.suite);
    edit.remove(LeafIndex(0)).unwrap();
    assert_eq!(edit.seal().unwrap_err(), Error::Invalid(Rule::TreeEndsNonBlank));
}

/// Adds a member after `change` and seals.
fn seal_with(world: &mut World, change: impl FnOnce(&mut LeafNode, &RatchetTree)) -> Result<RatchetTree, Error> {
    let (mut leaf, _, _) = new_leaf(&*world.suite, &mut world.rng, LIFETIME, LeafIndex(0));
    change(&mut leaf, &world.tree);
    let mut edit = world.tree.edit(&*world.suite);
    edit.add(&leaf).unwrap();
    edit.seal()
}

#[test]
fn keys_are_unique_among_all_nodes() {
    let mut world = World::new(8);
    world.change(&Changes { adds: 3, ..Changes::default() });
    world.commit(LeafIndex(1), &Changes::default());
    assert!(seal_with(&mut world, |_, _| ()).is_ok());
    let unique = |rule| Some(Error::Invalid(rule));
    let refused = seal_with(&mut world, |leaf, tree| {
        leaf.encryption_key = tree.leaf(LeafIndex(2)).unwrap().encryption_key;
    });
    assert_eq!(refused.err(), unique(Rule::EncryptionKeyUnique));
    let refused = seal_with(&mut world, |leaf, tree| {
        leaf.encryption_key = tree.parent(NodeIndex(3)).unwrap().encryption_key;
    });
    assert_eq!(refused.err(), unique(Rule::EncryptionKeyUnique));
    let refused = seal_with(&mut world, |leaf, tree| {
        leaf.signature_key = tree.leaf(LeafIndex(2)).unwrap().signature_key;
    });
    assert_eq!(refused.err(), unique(Rule::SignatureKeyUnique));
}

#[test]
fn keys_may_change_hands_within_an_edit() {
    let mut world = World::new(9);
    world.change(&Changes { adds: 3, ..Changes::default() });
    let tree = &world.tree;
    let [one, two] = [1, 2].map(|index| tree.leaf(LeafIndex(index)).unwrap());
    let suite = super::suite();
    let mut edit = tree.edit(&*suite);
    edit.update(LeafIndex(1), &two).unwrap();
    assert_eq!(edit.roster().check(), Err(Error::Invalid(Rule::EncryptionKeyUnique)));
    assert_eq!(edit.roster().member_by_signature_key(&two.signature_key, &*suite), None);
    assert!(edit.roster().has_signature_key(&two.signature_key, &*suite));
    edit.update(LeafIndex(2), &one).unwrap();
    let swapped = edit.seal().unwrap();
    assert_eq!(swapped.roster().member_by_signature_key(&one.signature_key, &*suite), Some(LeafIndex(2)));
    assert!(swapped.roster().has_encryption_key(&two.encryption_key, &*suite));
}

#[test]
fn credential_types_are_supported_by_all() {
    let custom = CredentialType(0xf001);
    let mut world = World::new(10);
    world.change(&Changes { adds: 2, ..Changes::default() });
    let refused = seal_with(&mut world, |leaf, _| {
        leaf.credential = Credential::Custom(custom, b"".into());
        leaf.capabilities.credentials.push(custom);
    });
    assert_eq!(refused.err(), Some(Error::Invalid(Rule::CredentialSupportedByAll)));
    let refused = seal_with(&mut world, |leaf, _| leaf.capabilities.credentials.clear());
    assert_eq!(refused.err(), Some(Error::Invalid(Rule::CredentialSupportedByAll)));

    // The joint effect counts: all members may come to support it in one edit.
    let mut edit = world.tree.edit(&*world.suite);
    for index in 0..3 {
        let (mut leaf, _, _) = new_leaf(&*world.suite, &mut world.rng, LIFETIME, LeafIndex(index));
        leaf.capabilities.credentials.push(custom);
        if index == 2 {
            leaf.credential = Credential::Custom(custom, b"".into());
        }
        edit.update(LeafIndex(index), &leaf).unwrap();
    }
    let tree = edit.seal().unwrap();
    let required = RequiredCapabilities { credential_types: vec![custom], ..RequiredCapabilities::default() };
    assert!(tree.roster().meets(&required) && !world.tree.roster().meets(&required));
    let required = RequiredCapabilities { extension_types: vec![ExtensionType(1)], ..RequiredCapabilities::default() };
    assert!(tree.roster().meets(&required), "default types are supported without being listed");
    let required = RequiredCapabilities { proposal_types: vec![ProposalType(99)], ..RequiredCapabilities::default() };
    assert!(!tree.roster().meets(&required));
}

#[test]
fn a_member_who_changes_its_kind_of_credential_is_counted_anew() {
    let suite = super::suite();
    let leaf = super::model::random_leaf(&mut World::new(1).rng);
    let with = |credential| LeafNode { credential, ..leaf.clone() };
    let tree = RatchetTree::new(&with(Credential::Basic(b"".into())), &*suite).unwrap();
    let mut edit = tree.edit(&*suite);
    let mut other = with(Credential::X509(vec![]));
    other.encryption_key = HpkePublicKey(b"another key".into());
    edit.update(LeafIndex(0), &other).unwrap();
    let changed = edit.seal().unwrap();
    for (tree, present, absent) in
        [(tree, CredentialType::BASIC, CredentialType::X509), (changed, CredentialType::X509, CredentialType::BASIC)]
    {
        assert!(tree.roster().credentials_are_among(&[present]) && !tree.roster().credentials_are_among(&[absent]));
    }
}
