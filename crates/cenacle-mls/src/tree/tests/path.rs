//! Paths that work, and paths broken in one place each (RFC 9420 §7.4 to §7.6).

use alloc::{sync::Arc, vec, vec::Vec};

use cenacle_crypto::{
    CryptoError, Digest, HpkePublicKey, Rng, Secret, Suite, conformance::SeededRng, labeled::EncryptContext,
};

use super::{
    super::{node::Parent, nodes::Nodes, subtree::Subtree, *},
    Changes, LIFETIME, World, leaf, new_leaf, sign, suite,
};
use crate::{
    error::{Error, Misuse, Rule, What},
    wire::*,
};

#[test]
fn all_members_agree_through_many_changes() {
    for seed in 100..108 {
        World::lively(seed, 14);
    }
}

#[test]
fn a_lone_member_has_an_empty_path() {
    let mut world = World::new(1);
    let before = world.tree.clone();
    world.commit(LeafIndex(0), &Changes::default());
    let leaf = world.tree.leaf(LeafIndex(0)).unwrap();
    assert_eq!(leaf.source, LeafNodeSource::Commit { parent_hash: Digest::EMPTY });
    assert_ne!(before.tree_hash(), world.tree.tree_hash());
}

#[test]
fn an_external_committer_takes_the_leftmost_blank() {
    for adds in [0, 2, 3, 6] {
        let mut world = World::new(2);
        world.commit(LeafIndex(0), &Changes { adds, ..Changes::default() });
        let suite = Arc::clone(&world.suite);
        let (_, _, signer) = new_leaf(&*suite, &mut world.rng, LIFETIME, LeafIndex(0));
        let mut edit = world.tree.edit(&*suite);
        let own = edit.reserve().unwrap();
        let mut received = edit.clone();
        let mut make_leaf = |key, parent_hash| {
            let mut leaf = leaf(key, &*signer, LeafNodeSource::Commit { parent_hash });
            sign(&*signer, &mut leaf, own);
            Ok(leaf)
        };
        let draft = edit.draft_path(own, &mut make_leaf, &mut world.rng).unwrap();
        let sent = edit.seal().unwrap();
        let context = world.context(&sent);
        let path = draft.encrypt(&sent, &[], &context, &*suite, &mut world.rng).unwrap();
        received.apply_path(own, &path, &[]).unwrap();
        world.tree = received.seal().unwrap();
        assert_eq!(world.tree.tree_hash(), sent.tree_hash());
        let (private, commit_secret) = draft.into_private();
        for member in world.members.values_mut() {
            let (private, secret) =
                member.private.decrypt_path(&world.tree, own, &path, &[], &context, &*suite).unwrap();
            assert!(secret.ct_eq(&commit_secret));
            member.private = private;
        }
        world.members.insert(own, super::Member { private, signer });
        world.compare();
    }
}

#[test]
fn the_hash_of_a_sibling_is_the_original_one() {
    // RFC 9420 §7.9's example: F joins without a path, below W and Y that are set, with a blank between.
    let mut world = World::new(9);
    world.change(&Changes { adds: 6, ..Changes::default() });
    let [a, f, g] = [LeafIndex(0), LeafIndex(5), LeafIndex(6)];
    world.commit(g, &Changes { removes: vec![f], ..Changes::default() });
    world.commit(a, &Changes::default());
    world.change(&Changes { adds: 1, ..Changes::default() });
    for node in [7, 11] {
        assert_eq!(world.tree.parent(NodeIndex(node)).unwrap().unmerged_leaves, [f]);
    }
    assert!(world.tree.parent(NodeIndex(9)).is_none());
}

#[test]
fn recipients_are_found_without_listing_them() {
    let member = |index| {
        let (leaf, ..) = new_leaf(&*suite(), &mut SeededRng::new(index), LIFETIME, LeafIndex(0));
        Subtree::leaf(Some(Leaf::new(&leaf).unwrap()))
    };
    let parent = |unmerged: &[u32]| {
        let mut parent = Parent::new(&HpkePublicKey(b"".into()), &Digest::EMPTY).unwrap();
        parent.unmerged_leaves = unmerged.iter().copied().map(LeafIndex).collect();
        Some(parent)
    };
    let pair = |node, first| Subtree::inner(1, node, member(first), member(first + 1));
    let left = Subtree::inner(2, None, pair(None, 0), pair(parent(&[]), 2));
    let right = Subtree::inner(2, parent(&[5, 6, 7]), pair(parent(&[5]), 4), pair(parent(&[6, 7]), 6));
    let nodes = Nodes { root: Subtree::inner(3, None, left, right), level: 3 };

    let new = [1, 5, 6].map(LeafIndex);
    let all: Vec<_> = nodes.resolution(NodeIndex(7)).into_iter().map(|node| node.0).collect();
    assert_eq!(all, [0, 2, 5, 11, 10, 12, 14]);
    let told = [0, 5, 11, 14];
    assert_eq!(nodes.recipients(NodeIndex(7), &new), told.len());
    for (leaf, knows, node) in [(0, 0, 0), (2, 5, 5), (3, 5, 5), (4, 11, 11), (7, 14, 14)] {
        let found = nodes.recipient(NodeIndex(7), LeafIndex(leaf), &new, &|node| node.0 == knows);
        let place = told.iter().position(|told| *told == node);
        assert_eq!(found, Some(NodeIndex(node)).zip(place), "leaf {leaf}");
        assert_eq!(nodes.recipient(NodeIndex(7), LeafIndex(leaf), &new, &|_| false), None);
    }
}

/// A path as sent, with all that its receivers have.
struct Sent<'a> {
    sender: LeafIndex,
    received: TreeEdit<'a>,
    path: UpdatePath,
    added: Vec<LeafIndex>,
    context: EncryptContext,
    sealed: RatchetTree,
    draft: PathDraft,
}

/// A group of seven with all parents set, and a commit by leaf 2 that adds two members.
fn sent(suite: &dyn Suite, seed: u64) -> (World, Sent<'_>) {
    let mut world = World::new(seed);
    world.change(&Changes { adds: 6, ..Changes::default() });
    for leaf in [0, 2, 4, 6] {
        world.commit(LeafIndex(leaf), &Changes::default());
    }
    let (mut edit, added) = world.propose(suite, &Changes { adds: 2, ..Changes::default() });
    let received = edit.clone();
    let sender = LeafIndex(2);
    let draft = world.draft(&mut edit, sender).unwrap();
    let sealed = edit.seal().unwrap();
    let context = world.context(&sealed);
    let path = draft.encrypt(&sealed, &added, &context, suite, &mut world.rng).unwrap();
    (world, Sent { sender, received, path, added, context, sealed, draft })
}

impl Sent<'_> {
    /// What merging gives after `change`, which must not touch the sender's own copy.
    fn merge(&self, change: impl FnOnce(&mut UpdatePath)) -> Result<RatchetTree, Error> {
        let mut path = self.path.clone();
        change(&mut path);
        let mut edit = self.received.clone();
        edit.apply_path(self.sender, &path, &self.added)?;
        edit.seal()
    }

    fn decrypt(&self, world: &World, tree: &RatchetTree, path: &UpdatePath, by: LeafIndex) -> Result<Secret, Error> {
        let private = &world.members[&by].private;
        let opened = private.decrypt_path(tree, self.sender, path, &self.added, &self.context, &*world.suite);
        opened.map(|(_, secret)| secret)
    }
}

#[test]
fn broken_paths_are_not_merged() {
    let suite = suite();
    let (world, sent) = sent(&*suite, 3);
    let refused = |rule: Rule, change: &dyn Fn(&mut UpdatePath)| {
        assert_eq!(sent.merge(change).err(), Some(Error::Invalid(rule)));
    };
    assert_eq!(sent.merge(|_| ()).unwrap().tree_hash(), sent.sealed.tree_hash());

    refused(Rule::PathLengthFits, &|path| drop(path.nodes.pop()));
    refused(Rule::PathLengthFits, &|path| {
        path.nodes.push(UpdatePathNode { encryption_key: HpkePublicKey(b"new".into()), encrypted_path_secret: vec![] });
    });
    for place in 0..sent.path.nodes.len() {
        if !sent.path.nodes[place].encrypted_path_secret.is_empty() {
            refused(Rule::PathCiphertextsFit, &|path| drop(path.nodes[place].encrypted_path_secret.pop()));
        }
        let extra = || sent.path.nodes[0].encrypted_path_secret[0].clone();
        refused(Rule::PathCiphertextsFit, &|path| path.nodes[place].encrypted_path_secret.push(extra()));
        // Any other key gives another parent hash.
        refused(Rule::ParentHashValid, &|path| path.nodes[place].encryption_key.0 = b"new".into());
    }
    let commit = |parent_hash| LeafNodeSource::Commit { parent_hash };
    refused(Rule::ParentHashValid, &|path| path.leaf_node.source = commit(Digest::EMPTY));
    refused(Rule::ParentHashValid, &|path| path.leaf_node.source = commit(*world.tree.tree_hash()));
    refused(Rule::LeafSourceFits, &|path| path.leaf_node.source = LeafNodeSource::Update);
    refused(Rule::LeafKeyReplaced, &|path| {
        path.leaf_node.encryption_key = world.tree.leaf(sent.sender).unwrap().encryption_key;
    });
    // Keys of another member, of a parent elsewhere, and of a parent that the path itself overwrites.
    for taken in [NodeIndex(0), NodeIndex(9), NodeIndex(5)] {
        let key = || world.tree.encryption_key(taken).unwrap();
        refused(Rule::EncryptionKeyUnique, &|path| path.leaf_node.encryption_key = key());
        refused(Rule::EncryptionKeyUnique, &|path| path.nodes[1].encryption_key = key());
    }
    // A key twice in the path itself shows when all else fits: the leaf's key does not enter its parent hash.
    refused(Rule::EncryptionKeyUnique, &|path| {
        path.leaf_node.encryption_key = path.nodes[0].encryption_key.clone();
    });
    let mut edit = sent.received.clone();
    assert_eq!(
        edit.apply_path(LeafIndex(16), &UpdatePath { nodes: vec![], ..sent.path.clone() }, &[]),
        Err(Error::Invalid(Rule::SenderIsMember))
    );
}

#[test]
fn new_members_get_no_ciphertext() {
    let suite = suite();
    let (world, sent) = sent(&*suite, 4);
    assert_eq!(sent.added, [LeafIndex(7), LeafIndex(8)]);
    // From leaf 2 up: leaf 3; the parent of 0 and 1; the parent of 4 to 7; and nobody old beyond.
    let counts: Vec<_> = sent.path.nodes.iter().map(|node| node.encrypted_path_secret.len()).collect();
    assert_eq!(counts, [1, 1, 1, 0]);
    let tree = sent.merge(|_| ()).unwrap();
    assert_eq!(
        sent.decrypt(&world, &tree, &sent.path, LeafIndex(7)).err(),
        Some(Error::Misuse(Misuse::NotMember)),
        "a new member is told by its Welcome"
    );
    assert!(sent.draft.path_secret_for(LeafIndex(7)).is_some());
    assert!(sent.draft.path_secret_for(sent.sender).is_none());
    assert!(sent.draft.path_secret_for(LeafIndex(99)).is_none());
}

#[test]
fn broken_secrets_are_noticed() {
    let suite = suite();
    let (mut world, sent) = sent(&*suite, 5);
    let tree = sent.merge(|_| ()).unwrap();
    let unverified = Some(Error::Unverified(What::PathSecret));
    for (by, node) in [(0, 1), (1, 1), (3, 0), (4, 2), (6, 2)] {
        assert!(sent.decrypt(&world, &tree, &sent.path, LeafIndex(by)).is_ok());
        let mut path = sent.path.clone();
        let ciphertext = &mut path.nodes[node].encrypted_path_secret[0];
        let mut bytes = ciphertext.ciphertext.to_vec();
        bytes[0] ^= 1;
        ciphertext.ciphertext = bytes.into();
        assert_eq!(sent.decrypt(&world, &tree, &path, LeafIndex(by)).err(), unverified);
        for junk in [b"".as_slice(), &[0; 32], &[9; 15]] {
            path.nodes[node].encrypted_path_secret[0].ciphertext = junk.into();
            assert_eq!(sent.decrypt(&world, &tree, &path, LeafIndex(by)).err(), unverified);
        }
        path = sent.path.clone();
        path.nodes[node].encrypted_path_secret[0].kem_output = b"short".into();
        assert_eq!(sent.decrypt(&world, &tree, &path, LeafIndex(by)).err(), unverified);
        path.nodes[node].encrypted_path_secret.clear();
        let refused = sent.decrypt(&world, &tree, &path, LeafIndex(by)).err();
        assert_eq!(refused, Some(Error::Invalid(Rule::PathCiphertextsFit)));
    }
    let own = sent.decrypt(&world, &tree, &sent.path, sent.sender).err();
    assert_eq!(own, Some(Error::Invalid(Rule::SenderIsNotSelf)));

    // Sealed to the right key, under the right context, but the secret of another path: the keys are not the tree's.
    let mut edit = sent.received.clone();
    world.draft(&mut edit, sent.sender).unwrap();
    let other = edit.seal().unwrap();
    let refused = sent.decrypt(&world, &other, &sent.path, LeafIndex(0)).err();
    assert_eq!(refused, Some(Error::Invalid(Rule::PathKeysDerive)));
    // A secret of the wrong length.
    let mut path = sent.path.clone();
    let key = tree.encryption_key(NodeIndex(1)).unwrap();
    path.nodes[1].encrypted_path_secret[0] =
        sent.context.encrypt(&*world.suite, &key, &[7; 31], &mut world.rng).unwrap();
    assert_eq!(sent.decrypt(&world, &tree, &path, LeafIndex(0)).err(), Some(Error::Invalid(Rule::SecretLength)));
}

#[test]
fn a_welcomes_path_secret_must_give_the_trees_keys() {
    let suite = suite();
    let (world, sent) = sent(&*suite, 6);
    let joiner = &world.members[&LeafIndex(8)].private;
    let lowest = NodeIndex(15);
    let secret = || sent.draft.path_secret_for(LeafIndex(8)).unwrap().duplicate();
    let join = |lowest, secret| joiner.with_path_secret(&sent.sealed, lowest, secret, &*world.suite).map(drop);
    assert_eq!(join(lowest, secret()), Ok(()));
    let derive = Err(Error::Invalid(Rule::PathKeysDerive));
    assert_eq!(join(NodeIndex(23), secret()), derive, "a blank node");
    assert_eq!(join(NodeIndex(7), secret()), derive, "another node");
    assert_eq!(join(lowest, Secret::zero(32)), derive);
    assert_eq!(join(lowest, Secret::zero(33)), Err(Error::Invalid(Rule::SecretLength)));
    assert_eq!(join(lowest, Secret::zero(0)), Err(Error::Invalid(Rule::SecretLength)));
}

#[test]
fn old_keys_are_forgotten() {
    let mut world = World::new(7);
    world.commit(LeafIndex(0), &Changes { adds: 3, ..Changes::default() });
    let old = world.members[&LeafIndex(1)].private.clone();
    assert_eq!(old.keys().map(|(node, _)| node).collect::<Vec<_>>(), [NodeIndex(1), NodeIndex(2), NodeIndex(3)]);
    world.commit(LeafIndex(0), &Changes { removes: vec![LeafIndex(2), LeafIndex(3)], ..Changes::default() });
    let new = &world.members[&LeafIndex(1)].private;
    assert_eq!(new.keys().map(|(node, _)| node).collect::<Vec<_>>(), [NodeIndex(1), NodeIndex(2)]);
    assert!(Arc::ptr_eq(new.leaf_key().unwrap(), old.leaf_key().unwrap()));
    assert!(!Arc::ptr_eq(new.key(NodeIndex(1)).unwrap(), old.key(NodeIndex(1)).unwrap()));
}

#[test]
fn no_randomness_no_path() {
    struct Dry;
    impl Rng for Dry {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), CryptoError> {
            Err(CryptoError::NoRandomness)
        }
    }
    let world = World::new(8);
    let mut edit = world.tree.edit(&*world.suite);
    let refused = edit.draft_path(LeafIndex(0), &mut |_, _| Err(Error::Misuse(Misuse::WrongKey)), &mut Dry);
    assert_eq!(refused.err(), Some(Error::Provider(CryptoError::NoRandomness)));
    assert!(edit.seal().unwrap().same_as(&world.tree));
}
