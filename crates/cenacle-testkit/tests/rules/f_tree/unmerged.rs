//! Lists of unmerged leaves in the tree of a group that is joined (RFC 9420 §7.1, §12.4.3.1).

use super::{super::common::*, chain, puppets, renews};

/// §7.1: Unmerged leaves are listed in ascending order, each once.
#[test]
fn r124_unmerged_leaves_out_of_order() {
    let mut trial = Trial::new(124);
    // Alice adds Erin and Frank, who are unmerged at the root until somebody commits a path; Grace joins such a tree.
    let (erin, frank) = (trial.newcomer("erin"), trial.newcomer("frank"));
    let add = |package| [Proposal::add(package)];
    let first = trial.alice.make(Plan::commit().with(add(&erin)));
    trial.joins("erin", &first);
    let grace = trial.newcomer("grace");
    let both = || Plan::commit().without_path().with([Proposal::add(&frank), Proposal::add(&grace)]);
    let root = trial.alice.tree.root();
    for list in [vec![6, 5], vec![5, 5, 6]] {
        let bad = both().merged(|tree| tree.parent_mut(root).unmerged_leaves.clone_from(&list));
        let bad = trial.alice.make(bad);
        trial.refuses_welcome("grace", bad.welcome(), Rule::UnmergedLeavesAscend);
    }
    let twin = trial.alice.make(both());
    assert_eq!(twin.next().insider.tree.parent(root).unwrap().unmerged_leaves, [5, 6]);
    trial.joins("grace", &twin);
}

/// Seven members, all merged: leaves 0 to 6, with parents 9, 11 and 7 above leaf 4; and Grace, who joins without a path and
/// is unmerged at 11 and 7, with the blank node 13 above her alone.
fn seven(seed: u64) -> (Trial, KeyPackage) {
    let mut trial = Trial::new(seed);
    let added = puppets(&mut trial, 3);
    renews(&mut trial, added[0]);
    let grace = trial.newcomer("grace");
    (trial, grace)
}

/// Grace refuses the tree when lists are changed in this way.
#[track_caller]
fn refused(trial: &mut Trial, grace: &KeyPackage, spoil: Spoil<'_, Tree>) {
    let bad = trial.alice.make(Plan::commit().without_path().with([Proposal::add(grace)]).merged(spoil));
    trial.refuses_welcome("grace", bad.welcome(), Rule::UnmergedLeavesConsistent);
    trial.refuses_group_info("grace", &bad.next().group_info, Rule::UnmergedLeavesConsistent);
}

#[track_caller]
fn accepted(trial: &mut Trial, grace: &KeyPackage) {
    let twin = trial.alice.make(Plan::commit().without_path().with([Proposal::add(grace)]));
    let tree = &twin.next().insider.tree;
    assert_eq!([7, 11].map(|node| tree.parent(node).unwrap().unmerged_leaves.clone()), [[7], [7]]);
    assert_eq!(tree.parent(13), None);
    trial.joins("grace", &twin);
}

/// §12.4.3.1: Leaves that are listed as unmerged are members.
#[test]
fn r125_unmerged_leaf_is_blank() {
    let mut trial = Trial::new(125);
    // Leaf 6 is blank when Erin, at leaf 4, and Frank, at leaf 5, have joined.
    let (erin, frank) = (trial.newcomer("erin"), trial.newcomer("frank"));
    let first = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &first);
    let plan = || Plan::commit().without_path().with([Proposal::add(&frank)]);
    for list in [vec![5, 6], vec![5, 6, 7], vec![5, 7]] {
        let bad = trial.alice.make(plan().merged(|tree| tree.parent_mut(7).unmerged_leaves.clone_from(&list)));
        trial.refuses_welcome("frank", bad.welcome(), Rule::UnmergedLeavesConsistent);
        trial.refuses_group_info("frank", &bad.next().group_info, Rule::UnmergedLeavesConsistent);
    }
    let twin = trial.alice.make(plan());
    trial.joins("frank", &twin);
}

/// §12.4.3.1: Leaves that are listed as unmerged are below the node.
#[test]
fn r126_unmerged_leaf_is_elsewhere() {
    let (mut trial, grace) = seven(126);
    for (node, leaf) in [(1, 7), (11, 3), (7, 8), (7, 0x7FFF_FFFF), (7, 0xFFFF_FFFF), (11, 0xFFFF_FFFF)] {
        refused(&mut trial, &grace, &|tree| {
            let list = &mut tree.parent_mut(node).unmerged_leaves;
            list.push(leaf);
            list.sort_unstable();
        });
    }
    accepted(&mut trial, &grace);
}

/// §12.4.3.1: A leaf that is unmerged at a node is so at all nodes between, too.
#[test]
fn r127_unmerged_leaf_is_missing_between() {
    let (mut trial, grace) = seven(127);
    refused(&mut trial, &grace, &|tree| tree.parent_mut(11).unmerged_leaves.clear());
    accepted(&mut trial, &grace);
}

/// §7.9.2: Who is in the resolution below a parent was merged there, or is listed as unmerged.
#[test]
fn r133_member_that_is_neither_merged_nor_unmerged() {
    let mut trial = Trial::new(133);
    let erin = trial.newcomer("erin");
    let alice = trial.alice.clone();
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    // A path of Alice's that leaves out node 1: below node 3, and so below the root, Bob is unmerged.
    let bend = |tree: &mut Tree, lists: [&[u32]; 2]| {
        tree.set(1, None);
        for (node, list) in [3, 7].into_iter().zip(lists) {
            tree.parent_mut(node).unmerged_leaves = list.to_vec();
        }
        chain(&alice, tree, &[(3, 5), (7, 11)]);
    };
    for lists in [[&[][..], &[]], [&[1], &[]]] {
        let bad = trial.alice.make(plan().merged(|tree| bend(tree, lists)));
        trial.refuses_welcome("erin", bad.welcome(), Rule::ParentHashValid);
    }
    let twin = trial.alice.make(plan().merged(|tree| bend(tree, [&[1], &[1]])));
    assert!(trial.read_welcome("erin", twin.welcome(), None).is_ok());
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}
