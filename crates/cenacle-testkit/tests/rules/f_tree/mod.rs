//! Tree, update path and hashes (RFC 9420 §7.4-§7.9, §12.4.3.3).

use crate::common::*;

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

/// §7.5: The parent hash in the committer's leaf is the one of the path.
#[test]
fn r135_parent_hash_of_the_leaf() {
    let mut trial = Trial::new(135);
    for parent_hash in [Vec::new(), vec![7; 32]] {
        let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.source = Source::commit(&parent_hash)));
        trial.refuses(&bad, Rule::ParentHashValid);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
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
