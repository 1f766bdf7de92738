//! The tree as it is sent: an array of nodes (RFC 9420 §7.8, §12.4.3.3).

use super::{super::common::*, puppets, tree_of};

fn carrying(data: &[u8]) -> impl FnMut(&mut GroupInfo) {
    |info| info.extension(code::RATCHET_TREE).extension_data = data.to_vec()
}

/// Who joins refuses a tree: in a Welcome, in a GroupInfo, and apart from either.
#[track_caller]
fn refused(trial: &mut Trial, data: &[u8], expected: impl Into<Error>) {
    let expected = expected.into();
    let erin = trial.key_package("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let bad = trial.alice.make(plan().group_info(carrying(data)));
    trial.refuses_welcome("erin", bad.welcome(), expected.clone());
    trial.refuses_group_info("erin", &bad.next().group_info, expected.clone());
    let bad = trial.alice.make(plan().without_tree());
    trial.refuses_welcome_with("erin", bad.welcome(), Some(data), expected.clone());
    trial.refuses_group_info_with("erin", &bad.next().group_info, Some(data), expected);
}

/// Erin joins by a tree in the Welcome, Frank by one apart.
#[track_caller]
fn accepted(trial: &mut Trial) {
    let package = trial.key_package("erin");
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&package)]));
    trial.joins("erin", &twin);
    let package = trial.newcomer("frank");
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&package)]).without_tree());
    let tree = twin.next().tree.clone();
    trial.joins_with("frank", &twin, Some(&tree));
}

/// The nodes of the tree that Erin would join by.
fn nodes(trial: &mut Trial) -> Vec<Option<Node>> {
    let erin = trial.newcomer("erin");
    let forged = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    Vec::parse(&forged.next().tree)
}

/// §12.4.3.3: The last node of a tree that is sent is not blank.
#[test]
fn r118_blanks_at_the_end() {
    let mut trial = Trial::new(118);
    let mut nodes = nodes(&mut trial);
    for (blanks, rule) in
        [(1, Rule::TreeWellFormed), (2, Rule::TreeEndsNonBlank), (3, Rule::TreeWellFormed), (6, Rule::TreeEndsNonBlank)]
    {
        let mut bad = nodes.clone();
        bad.resize(nodes.len() + blanks, None);
        refused(&mut trial, &bad.bytes(), rule);
    }
    nodes.pop();
    nodes.push(None);
    refused(&mut trial, &nodes.bytes(), Rule::TreeEndsNonBlank);
    accepted(&mut trial);
}

/// §12.4.3.3: A tree has an odd number of nodes.
#[test]
fn r119_even_number_of_nodes() {
    let mut trial = Trial::new(119);
    let nodes = nodes(&mut trial);
    let parent = nodes.iter().flatten().find(|node| matches!(node, Node::Parent(_))).cloned();
    let longer = [nodes.clone(), vec![parent]].concat();
    refused(&mut trial, &longer.bytes(), Rule::TreeWellFormed);
    // The root is the last: the right half is cut off.
    refused(&mut trial, &nodes[..8].to_vec().bytes(), Rule::TreeWellFormed);
    accepted(&mut trial);
}

/// §12.4.3.3: A tree has nodes.
#[test]
fn r120_no_nodes() {
    let mut trial = Trial::new(120);
    trial.world.enter("erin");
    refused(&mut trial, &[0], Rule::TreeWellFormed);
    accepted(&mut trial);
}

/// §12.4.3.3: Leaves stand at even places of a tree, parents at odd ones.
#[test]
fn r121_nodes_of_the_other_type() {
    let mut trial = Trial::new(121);
    let nodes = nodes(&mut trial);
    let (leaf, parent) = (nodes[2].clone(), nodes[3].clone());
    for (place, node) in [(0, &parent), (8, &parent), (1, &leaf), (7, &leaf)] {
        let mut bad = nodes.clone();
        bad[place].clone_from(node);
        refused(&mut trial, &bad.bytes(), Rule::TreeWellFormed);
    }
    accepted(&mut trial);
}

/// §12.4.3.3: Whoever sends a tree leaves out the blanks at its end.
#[test]
fn r122_blanks_are_left_out() {
    let mut trial = Trial::new(122);
    let erin = trial.newcomer("erin");
    let added = puppets(&mut trial, 4);
    assert_eq!(added, [4, 5, 6, 7]);
    // Blanks at the end of the right half, then no right half, then a blank last leaf of what is left.
    for (gone, length) in [(&[6, 7][..], 11), (&[4, 5], 7), (&[3], 5)] {
        let mut removes = gone.iter().map(|leaf| cenacle_mls::wire::LeafIndex(*leaf));
        trial.commit("bob", |commit| removes.by_ref().fold(commit, |commit, leaf| commit.remove(leaf)));
        let bob = trial.world.at("bob").group();
        let info = bob.group_info(true, true).unwrap().to_bytes().unwrap();
        let mut info = GroupInfo::parse(&info[4..]);
        for sent in [bob.public().tree().to_bytes().unwrap(), info.extension(code::RATCHET_TREE).extension_data.clone()]
        {
            let nodes = Vec::<Option<Node>>::parse(&sent);
            assert_eq!(nodes.len(), length);
            assert!(nodes[length - 1].is_some());
        }
    }
    // Had they been sent, nobody could join.
    let mut sent = tree_of(&trial, "bob").nodes();
    sent.extend([None, None]);
    let bad = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]).group_info(carrying(&sent.bytes())));
    trial.refuses_welcome("erin", bad.welcome(), Rule::TreeEndsNonBlank);
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
}

/// §12.4.3.3: The tree's hash is the GroupContext's, wherever the tree comes from.
#[test]
fn r123_tree_of_another_hash() {
    let mut trial = Trial::new(123);
    let mut tree = Tree::from_nodes(nodes(&mut trial));
    // Carol's leaf, changed and signed again.
    let carol = Insider::take(&trial.world, "carol");
    tree.leaf_mut(2).encryption_key = trial.alice.fresh_key();
    carol.sign_leaf(tree.leaf_mut(2), Some((&carol.context.group_id, 2)));
    refused(&mut trial, &tree.nodes().bytes(), Rule::TreeHashMatches);
    // As it was an epoch ago.
    let old = trial.alice.tree.extension_data();
    refused(&mut trial, &old, Rule::TreeHashMatches);
    accepted(&mut trial);
}
