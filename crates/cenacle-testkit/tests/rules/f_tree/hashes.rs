//! Tree hashes and parent hashes (RFC 9420 §7.8, §7.9), and keys of parents.

use cenacle_crypto::Suite;

use cenacle_testkit::forge::{crypto::hash, tree::children};

use super::{super::common::*, chain, puppets, renews, tree_of};

/// §12.4.3.1: A parent's key is no other node's.
#[test]
fn r128_parent_with_the_key_of_another_node() {
    let mut trial = Trial::new(128);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    // A parent outside the path, leaves inside and outside of its half, and Erin's own.
    let mut keys = [5, 2, 6].map(|node| trial.alice.tree.encryption_key(node).unwrap().to_vec()).to_vec();
    keys.push(erin.leaf_node.encryption_key.clone());
    for key in keys {
        for level in [0, 1] {
            let bad = trial.alice.make(plan().path_keys(|keys| keys[level].public_key.clone_from(&key)));
            trial.refuses_welcome("erin", bad.welcome(), Rule::EncryptionKeyUnique);
            trial.refuses_group_info("erin", &bad.next().group_info, Rule::EncryptionKeyUnique);
        }
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// How a tree hash may be computed wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    None,
    LeafType,
    ParentType,
    NoLeafIndex,
    NodeIndex,
    NoFlag,
    BlankLeavesAreNothing,
    BlankParentsAreNothing,
    RightFirst,
    NoLengths,
}

/// A tree hash as RFC 9420 §7.8 has it, but for a slip.
fn tree_hash(suite: &dyn Suite, tree: &Tree, node: u32, slip: Slip) -> Vec<u8> {
    let is = |other: Slip| slip == other;
    let body = match tree.node(node) {
        Some(Node::Leaf(leaf)) => Some(leaf.bytes()),
        Some(Node::Parent(parent)) => Some(parent.bytes()),
        Some(Node::Raw(_)) | None => None,
    };
    let flag: &[u8] = if is(Slip::NoFlag) { &[] } else { &[u8::from(body.is_some())] };
    let optional = [flag, &body.clone().unwrap_or_default()].concat();
    let input = if node.is_multiple_of(2) {
        let node_type = if is(Slip::LeafType) { 0 } else { 1 };
        let index = if is(Slip::NodeIndex) { node } else { node / 2 }.bytes();
        let index = if is(Slip::NoLeafIndex) { Vec::new() } else { index };
        match body {
            None if is(Slip::BlankLeavesAreNothing) => return Vec::new(),
            _ => [&[node_type], &index[..], &optional].concat(),
        }
    } else {
        let node_type = if is(Slip::ParentType) { 1 } else { 2 };
        let (left, right) = children(node);
        let mut halves = [left, right].map(|child| tree_hash(suite, tree, child, slip));
        if is(Slip::RightFirst) {
            halves.reverse();
        }
        let halves = if is(Slip::NoLengths) { halves.concat() } else { halves.map(|half| half.bytes()).concat() };
        match body {
            None if is(Slip::BlankParentsAreNothing) => halves,
            _ => [&[node_type], &optional[..], &halves].concat(),
        }
    };
    hash(suite, &input)
}

/// §7.8: A tree hash covers type, place, presence and content of every node, left before right.
#[test]
fn r129_tree_hash() {
    let mut trial = Trial::new(129);
    let erin = trial.newcomer("erin");
    let suite = trial.alice.suite.clone();
    // With blank leaves and a blank parent in the right half.
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let tree = trial.alice.clone().make(plan()).next().insider.tree.clone();
    let context = |slip| {
        let hash = tree_hash(&*suite, &tree, tree.root(), slip);
        move |context: &mut GroupContext| context.tree_hash.clone_from(&hash)
    };
    for slip in [
        Slip::LeafType,
        Slip::ParentType,
        Slip::NoLeafIndex,
        Slip::NodeIndex,
        Slip::NoFlag,
        Slip::BlankLeavesAreNothing,
        Slip::BlankParentsAreNothing,
        Slip::RightFirst,
        Slip::NoLengths,
    ] {
        // The same dice, and so the same tree.
        let bad = trial.alice.clone().make(plan().context(context(slip)));
        assert_eq!(bad.next().insider.tree, tree, "{slip:?}");
        trial.refuses(&bad, What::ConfirmationTag);
        trial.refuses_welcome("erin", bad.welcome(), Rule::TreeHashMatches);
    }
    let twin = trial.alice.make(plan());
    assert_eq!(twin.next().insider.context.tree_hash, tree_hash(&*suite, &twin.next().insider.tree, 7, Slip::None));
    trial.joins("erin", &twin);
}

/// §7.9: A parent hash takes the sibling as it was before its unmerged leaves came, in all lists, also under blank nodes.
#[test]
fn r130_original_sibling() {
    let mut trial = Trial::new(130);
    // Leaves 8, 9 and 10 under node 19, whose parent 23 stays blank; then Alice commits.
    let added = puppets(&mut trial, 7);
    renews(&mut trial, added[4]);
    renews(&mut trial, 0);
    // Frank at leaf 11 is unmerged at 19 and at the root, 15, and so is Grace at leaf 12 at the root.
    let (frank, grace) = (trial.newcomer("frank"), trial.newcomer("grace"));
    let plan = || Plan::commit().without_path().with([&frank, &grace].map(Proposal::add));
    let twin = trial.alice.make(plan());
    let tree = &twin.next().insider.tree;
    assert_eq!([19, 15].map(|node| tree.parent(node).unwrap().unmerged_leaves.clone()), [vec![11], vec![11, 12]]);
    assert_eq!(tree.parent(23), None);
    // The sibling as it is; with only the leaves taken away; with only the list; with only one of the leaves.
    let slips: [Spoil<'_, Tree>; 4] = [
        &|_| (),
        &|tree| [22, 24].map(|leaf| tree.set(leaf, None)).into_iter().collect(),
        &|tree| tree.parent_mut(19).unmerged_leaves.clear(),
        &|tree| tree.set(24, None),
    ];
    let alice = trial.alice.clone();
    for slip in slips {
        let bad = trial.alice.make(plan().merged(|tree| {
            let mut sibling = tree.clone();
            slip(&mut sibling);
            sibling.parent_mut(15).unmerged_leaves.clear();
            tree.parent_mut(7).parent_hash = sibling.parent_hash(&*alice.suite, 15, 23);
            chain(&alice, tree, &[(1, 2), (3, 5), (7, 11)]);
        }));
        trial.refuses_welcome("grace", bad.welcome(), Rule::ParentHashValid);
    }
    trial.joins("grace", &twin);
}

/// §7.9: The root has no parent hash.
#[test]
fn r131_parent_hash_of_the_root() {
    let mut trial = Trial::new(131);
    let erin = trial.newcomer("erin");
    let alice = trial.alice.clone();
    let plan = |parent_hash: Vec<u8>| {
        let alice = alice.clone();
        Plan::commit().with([Proposal::add(&erin)]).merged(move |tree| {
            tree.parent_mut(7).parent_hash.clone_from(&parent_hash);
            chain(&alice, tree, &[(1, 2), (3, 5), (7, 11)]);
        })
    };
    for parent_hash in [vec![0], vec![0; 32], vec![7; 32]] {
        let bad = trial.alice.make(plan(parent_hash));
        trial.refuses_welcome("erin", bad.welcome(), Rule::ParentHashValid);
        trial.refuses_group_info("erin", &bad.next().group_info, Rule::ParentHashValid);
    }
    let twin = trial.alice.make(plan(Vec::new()));
    trial.joins("erin", &twin);
}

/// §7.9.2: Every parent is bound by a parent hash below it.
#[test]
fn r132_parent_that_nobody_vouches_for() {
    let mut trial = Trial::new(132);
    let erin = trial.newcomer("erin");
    let stranger = trial.alice.fresh_key();
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    // Outside Alice's path, which covers it as her sibling.
    let bad = trial.alice.make(plan().tree(|tree| tree.parent_mut(5).encryption_key.clone_from(&stranger)));
    trial.refuses_welcome("erin", bad.welcome(), Rule::ParentHashValid);
    // Below a root that is blank; node 3 was the root, and has no parent hash itself.
    assert!(trial.alice.tree.parent(3).unwrap().parent_hash.is_empty());
    for node in [1, 3, 5] {
        let bad = plan().without_path().tree(|tree| tree.parent_mut(node).encryption_key.clone_from(&stranger));
        let bad = trial.alice.make(bad);
        assert_eq!(bad.next().insider.tree.parent(7), None);
        trial.refuses_welcome("erin", bad.welcome(), Rule::ParentHashValid);
        trial.refuses_group_info("erin", &bad.next().group_info, Rule::ParentHashValid);
    }
    let twin = trial.alice.make(plan().without_path());
    trial.joins("erin", &twin);
}

/// §7.5: The parent hash in the committer's leaf is the one of the path.
#[test]
fn r135_parent_hash_of_the_leaf() {
    let mut trial = Trial::new(135);
    let (old, other) = ([0, 3].map(|leaf| trial.alice.tree.leaf(leaf).unwrap().parent_hash().to_vec())).into();
    let another_path = trial.alice.make(Plan::commit()).next().insider.template.parent_hash().to_vec();
    for parent_hash in [Vec::new(), vec![7; 32], old, other, another_path] {
        let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.source = Source::commit(&parent_hash)));
        trial.refuses(&bad, Rule::ParentHashValid);
        let bad = Plan::external_commit().leaf(|leaf| leaf.source = Source::commit(&parent_hash));
        let bad = trial.alice.outsider("mallory").make(bad);
        trial.refuses(&bad, Rule::ParentHashValid);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §7.5: A leaf without parents has no parent hash.
#[test]
fn r136_parent_hash_without_a_path() {
    let mut trial = Trial::new(136);
    let dave = Insider::take(&trial.world, "dave");
    trial.alice.learn(&dave);
    let states = |leaf: &mut LeafNode| leaf.source = Source::commit(&[7; 32]);
    // Alice remains alone, in a tree of one leaf; Dave in one of four.
    let alone = || Plan::commit().with([1, 2, 3].map(Proposal::Remove));
    let bad = trial.alice.make(alone().leaf(states));
    trial.refuses(&bad, Rule::ParentHashValid);
    let mut dave = trial.alice.playing(3);
    let bad = dave.make(Plan::commit().with([0, 1, 2].map(Proposal::Remove)).leaf(states));
    assert_eq!(bad.next().insider.tree.width(), 4);
    trial.refuses(&bad, Rule::ParentHashValid);
    let twin = trial.alice.make(alone());
    trial.passes(&twin);
    assert!(!trial.world.at("bob").is_member());
    let erin = trial.newcomer("erin");
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.alice = twin.next().insider.clone();
    trial.enters("erin", twin.welcome(), None);
    trial.agree();
    trial.goes_on();
    assert_eq!(tree_of(&trial, "erin").members(), [0, 1]);
}
