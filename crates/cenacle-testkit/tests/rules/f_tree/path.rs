//! Update paths (RFC 9420 §7.4-§7.6, §12.4.2).

use core::cell::RefCell;

use super::{super::common::*, chain, tree_of};

/// A group of Alice, Bob at leaf 1 and Carol at leaf 4, whose node 3 is not blank although nobody is below its right child:
/// no commit makes such a tree, but nothing forbids it. Bob and Carol join it.
fn half_empty(seed: u64) -> Trial {
    let mut trial = Trial::new(seed);
    let packages = ["bob", "carol"].map(|name| trial.key_package(name));
    let mut founder = trial.alice.founds(b"another group");
    let keys = [1, 3, 7].map(|node| (node, founder.fresh_key()));
    let alice = founder.clone();
    let plan = Plan::commit().without_path().with(packages.each_ref().map(Proposal::add));
    let twin = founder.make(plan.tree(|tree| {
        tree.0.resize(15, None);
        tree.0.swap(4, 8);
        for (node, key) in &keys {
            let unmerged_leaves = if *node == 7 { vec![1, 4] } else { vec![1] };
            let parent = ParentNode { encryption_key: key.clone(), parent_hash: Vec::new(), unmerged_leaves };
            tree.set(*node, Some(Node::Parent(parent)));
        }
        chain(&alice, tree, &[(1, 2), (3, 5), (7, 11)]);
    }));
    trial.moves(&["bob", "carol"], &twin);
    assert!(tree_of(&trial, "bob").parent(3).is_some());
    trial
}

/// §7.5: A commit blanks the whole direct path, not only the nodes that get new keys.
#[test]
fn r137_node_outside_the_filtered_path() {
    let mut trial = half_empty(137);
    let left = trial.alice.tree.node(3).cloned();
    let bad = trial.alice.make(Plan::commit().merged(|tree| tree.set(3, left.clone())));
    trial.refuses(&bad, What::PathSecret);
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
    assert_eq!(tree_of(&trial, "bob").parent(3), None);
    // The library's own commit, of which the forge has the same tree hash.
    let mut trial = half_empty(1137);
    trial.commit("bob", |commit| commit.with_path());
    assert_eq!(tree_of(&trial, "carol").parent(3), None);
    assert!(tree_of(&trial, "carol").parent(1).is_some());
}

/// §7.5: Nobody is unmerged at the nodes of a path.
#[test]
fn r138_unmerged_leaves_after_a_path() {
    let mut trial = Trial::new(138);
    let unmerged =
        |trial: &Trial, node| tree_of(trial, "bob").parent(node).map(|parent| parent.unmerged_leaves.clone());
    for (name, leaf) in [("erin", 4), ("frank", 5)] {
        let package = trial.newcomer(name);
        let twin = trial.alice.make(Plan::commit().without_path().with([Proposal::add(&package)]));
        trial.passes(&twin);
        trial.enters(name, twin.welcome(), None);
        assert_eq!(unmerged(&trial, 7), (leaf == 5).then(|| vec![5]));
        let bad = Plan::commit().merged(|tree| tree.parent_mut(7).unmerged_leaves.push(leaf));
        let bad = trial.alice.make(bad);
        trial.refuses(&bad, What::PathSecret);
        let twin = trial.alice.make(Plan::commit());
        trial.passes(&twin);
        assert_eq!(unmerged(&trial, 7), Some(Vec::new()));
    }
    trial.goes_on();
}

/// §7.6: A path has no more nodes than the filtered direct path.
#[test]
fn r139_path_too_long() {
    let mut trial = Trial::new(139);
    let stranger = trial.alice.fresh_key();
    let more: [Spoil<'_, UpdatePath>; 4] = [
        &|path| path.nodes.extend(path.nodes.last().cloned()),
        &|path| path.nodes.insert(0, path.nodes[0].clone()),
        &|path| path.nodes.push(UpdatePathNode { encryption_key: stranger.clone(), encrypted_path_secret: Vec::new() }),
        &|path| path.nodes = path.nodes.iter().cycle().take(64).cloned().collect(),
    ];
    for more in more {
        let bad = trial.alice.make(Plan::commit().path(more));
        trial.refuses(&bad, Rule::PathLengthFits);
        let bad = trial.alice.outsider("mallory").make(Plan::external_commit().path(more));
        trial.refuses(&bad, Rule::PathLengthFits);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §7.6: A path has no fewer nodes than the filtered direct path.
#[test]
fn r140_path_too_short() {
    let mut trial = Trial::new(140);
    for length in [0, 1] {
        let bad = trial.alice.make(Plan::commit().path(|path| path.nodes.truncate(length)));
        trial.refuses(&bad, Rule::PathLengthFits);
    }
    let bad = trial.alice.outsider("mallory").make(Plan::external_commit().path(|path| path.nodes.clear()));
    trial.refuses(&bad, Rule::PathLengthFits);
    // All that follows fits a tree whose root is the old one.
    let (old, suite) = (trial.alice.tree.clone(), trial.alice.suite.clone());
    let bent = RefCell::new(old.clone());
    let bad = Plan::commit().path_keys(|keys| {
        keys.truncate(1);
        let encryption_key = keys[0].public_key.clone();
        let parent_hash = old.parent_hash(&*suite, 3, 5);
        let parent = ParentNode { encryption_key, parent_hash, unmerged_leaves: Vec::new() };
        bent.borrow_mut().set(1, Some(Node::Parent(parent)));
    });
    let bad = bad.leaf(|leaf| leaf.source = Source::commit(&bent.borrow().parent_hash(&*suite, 1, 2)));
    let bad = trial.alice.make(bad.merged(|tree| {
        let leaf = tree.node(0).cloned();
        tree.clone_from(&bent.borrow());
        tree.set(0, leaf);
    }));
    trial.refuses(&bad, Rule::PathLengthFits);
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §7.6: Each node of a path has one ciphertext for each node of its resolution.
#[test]
fn r141_count_of_ciphertexts() {
    let mut trial = Trial::new(141);
    for node in [0, 1] {
        let spoil: [Spoil<'_, Vec<HpkeCiphertext>>; 4] = [
            &|list| list.push(list[0].clone()),
            &|list| list.insert(0, list[0].clone()),
            &|list| drop(list.pop()),
            &|list| *list = vec![list[0].clone(); 4],
        ];
        for spoil in spoil {
            // Of those, Bob reads only the first node's.
            let bad = Plan::commit().path(|path| spoil(&mut path.nodes[node].encrypted_path_secret));
            let bad = trial.alice.make(bad);
            trial.refuses(&bad, Rule::PathCiphertextsFit);
        }
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §7.6: A path is not encrypted to those whom its commit adds.
#[test]
fn r142_ciphertext_for_a_new_member() {
    let mut trial = Trial::new(142);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let bad = trial.alice.make(Plan { excluded: Some(Vec::new()), ..plan() });
    trial.refuses(&bad, Rule::PathCiphertextsFit);
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §7.5: The keys derived from a path secret are those of the path, on every level.
#[test]
fn r143_path_key_of_another_secret() {
    let mut trial = Trial::new(143);
    let stranger = trial.alice.fresh_key();
    for level in [0, 1] {
        let bad = trial.alice.make(Plan::commit().path_keys(|keys| keys[level].public_key.clone_from(&stranger)));
        trial.refuses(&bad, Rule::PathKeysDerive);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §7.5: A path secret opens with the key of the node that it is for.
#[test]
fn r144_path_secret_that_does_not_open() {
    let mut trial = Trial::new(144);
    let spoil: [Spoil<'_, UpdatePath>; 6] = [
        &|path| path.nodes[0].encrypted_path_secret[0].ciphertext[0] ^= 1,
        &|path| path.nodes[0].encrypted_path_secret[0].ciphertext[40] ^= 0x80,
        &|path| path.nodes[0].encrypted_path_secret[0].ciphertext.truncate(15),
        &|path| path.nodes[0].encrypted_path_secret[0].kem_output[1] ^= 1,
        &|path| path.nodes[0].encrypted_path_secret[0].kem_output.clear(),
        &|path| path.nodes[0].encrypted_path_secret = path.nodes[1].encrypted_path_secret.clone(),
    ];
    for spoil in spoil {
        let bad = trial.alice.make(Plan::commit().path(spoil));
        trial.refuses(&bad, What::PathSecret);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §7.5: Path secrets are encrypted under the provisional context: the new tree, the old transcript.
#[test]
fn r145_path_secret_under_another_context() {
    let mut trial = Trial::new(145);
    let old = trial.alice.context.clone();
    let extensions = vec![Extension::new(0xF00D, *b"new")];
    let plan = || Plan::commit().with([Proposal::GroupContextExtensions(extensions.clone())]);
    let following = trial.alice.clone().make(plan()).next().insider.context.clone();
    assert_ne!(following.confirmed_transcript_hash, old.confirmed_transcript_hash);
    let spoil: [Spoil<'_, GroupContext>; 6] = [
        &|context| context.clone_from(&old),
        &|context| context.epoch = old.epoch,
        &|context| context.tree_hash.clone_from(&old.tree_hash),
        &|context| context.extensions.clone_from(&old.extensions),
        &|context| context.confirmed_transcript_hash.clone_from(&following.confirmed_transcript_hash),
        &|context| context.group_id.push(0),
    ];
    for spoil in spoil {
        let bad = trial.alice.make(plan().provisional(spoil));
        trial.refuses(&bad, What::PathSecret);
    }
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// §7.5: The leaf of a path is held to what leaves are held to.
#[test]
fn r146_leaf_of_a_path() {
    let mut trial = Trial::new(146);
    let required = RequiredCapabilities { extension_types: vec![0xF00D], ..RequiredCapabilities::default() };
    trial.set_extensions(vec![required.extension()]);
    let carol = trial.alice.tree.leaf(2).unwrap().encryption_key.clone();
    let twice = || vec![Extension::new(0xF00D, *b"one"), Extension::new(0xF00D, *b"two")];
    let spoil: [(Spoil<'_, LeafNode>, Rule); 11] = [
        (&|leaf| leaf.source = Source::Update, Rule::LeafSourceFits),
        (&|leaf| leaf.capabilities.versions.clear(), Rule::VersionListed),
        (&|leaf| leaf.capabilities.cipher_suites.clear(), Rule::CipherSuiteListed),
        (&|leaf| leaf.capabilities.proposals.push(1), Rule::CapabilitiesOmitDefaults),
        (&|leaf| leaf.extensions = twice(), Rule::ExtensionTypesUnique),
        (&|leaf| leaf.extensions = vec![Extension::new(0xF0AA, *b"")], Rule::LeafExtensionsListed),
        (&|leaf| leaf.extensions = vec![Extension::new(code::EXTERNAL_PUB, *b"\0")], Rule::ExtensionInPlace),
        (&|leaf| leaf.capabilities.credentials.clear(), Rule::LeafCredentialListed),
        (&|leaf| leaf.capabilities.extensions.clear(), Rule::RequiredCapabilitiesMet),
        (&|leaf| leaf.encryption_key.truncate(31), Rule::PublicKeyWellFormed),
        (&|leaf| leaf.encryption_key.clone_from(&carol), Rule::EncryptionKeyUnique),
    ];
    for (spoil, rule) in spoil {
        for private in [false, true] {
            let bad = trial.alice.make(Plan::commit().leaf(spoil).framed(private));
            trial.refuses(&bad, rule);
        }
        let bad = trial.alice.outsider("mallory").make(Plan::external_commit().leaf(spoil));
        trial.refuses(&bad, rule);
    }
    for plan in [Plan::commit(), Plan::external_commit()] {
        let mut sender = if plan.sender.is_some() { trial.alice.outsider("mallory") } else { trial.alice.clone() };
        let bad = sender.make(plan.signed_leaf(|leaf| leaf.signature[3] ^= 1));
        trial.refuses(&bad, What::LeafSignature);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
    let twin = trial.alice.outsider("mallory").make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §12.4.2: A path brings the committer's leaf another key than it has, also when it comes back from outside.
#[test]
fn r147_path_with_the_same_leaf_key() {
    let mut trial = Trial::new(147);
    let keys = [0, 3].map(|leaf| trial.alice.tree.leaf(leaf).unwrap().encryption_key.clone());
    let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.encryption_key.clone_from(&keys[0])));
    trial.refuses(&bad, Rule::LeafKeyReplaced);
    let mut mallory = trial.alice.outsider("mallory");
    let plan = || Plan::external_commit().with([Proposal::Remove(3)]);
    let bad = mallory.make(plan().leaf(|leaf| leaf.encryption_key.clone_from(&keys[1])));
    trial.refuses(&bad, Rule::LeafKeyReplaced);
    let twin = mallory.make(plan());
    trial.accepts(&twin);
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// Alice's path, and one from outside, with a key in it that some node of the old tree has.
#[track_caller]
fn refused_with_the_key_of(trial: &mut Trial, node: u32) {
    let key = trial.alice.tree.encryption_key(node).unwrap().to_vec();
    for level in [0, 1] {
        let bad = trial.alice.make(Plan::commit().path_keys(|keys| keys[level].public_key.clone_from(&key)));
        trial.refuses(&bad, Rule::EncryptionKeyUnique);
    }
    let bad = Plan::external_commit().path_keys(|keys| keys[0].public_key.clone_from(&key));
    let bad = trial.alice.outsider("mallory").make(bad);
    trial.refuses(&bad, Rule::EncryptionKeyUnique);
}

/// §12.4.2: No key of a path is that of a leaf.
#[test]
fn r148_path_with_the_key_of_a_leaf() {
    let mut trial = Trial::new(148);
    // Alice's own, which the path replaces, is one of them.
    for leaf in 0..4 {
        refused_with_the_key_of(&mut trial, 2 * leaf);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §12.4.2: No key of a path is that of a parent, also where the path replaces it.
#[test]
fn r149_path_with_the_key_of_a_parent() {
    let mut trial = Trial::new(149);
    for node in [1, 3, 5] {
        refused_with_the_key_of(&mut trial, node);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §12.4.2: No two keys of a path are the same, nor is one that of its leaf.
#[test]
fn r150_path_with_a_key_twice() {
    let mut trial = Trial::new(150);
    let bad = trial.alice.make(Plan::commit().path_keys(|keys| keys[1].public_key = keys[0].public_key.clone()));
    trial.refuses(&bad, Rule::EncryptionKeyUnique);
    for level in [0, 1] {
        let key = RefCell::new(Vec::new());
        let bad = Plan::commit().path_keys(|keys| key.borrow_mut().clone_from(&keys[level].public_key));
        let bad = trial.alice.make(bad.leaf(|leaf| leaf.encryption_key.clone_from(&key.borrow())));
        trial.refuses(&bad, Rule::EncryptionKeyUnique);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}
