//! Tree, update path and hashes (RFC 9420 §7.4-§7.9, §12.4.3.3).

mod array;
mod hashes;
mod path;
mod shape;
mod unmerged;

use crate::common::*;

/// So many members more, whom nobody but the forge plays: Alice adds them and has all their keys. Their leaves.
fn puppets(trial: &mut Trial, count: u64) -> Vec<u32> {
    let mut packages = Vec::new();
    for number in 0..count {
        let mut puppet = Insider::nobody(&trial.alice.suite, &format!("puppet {number}"), 1000 + number);
        packages.push(puppet.key_package());
        trial.alice.learn(&puppet);
    }
    let forged = trial.alice.make(Plan::commit().with(packages.iter().map(Proposal::add)));
    trial.passes(&forged);
    let leaf = |package: &KeyPackage| trial.alice.tree.find(&package.leaf_node.signature_key).unwrap();
    packages.iter().map(leaf).collect()
}

/// A puppet commits a path.
fn renews(trial: &mut Trial, puppet: u32) {
    let mut puppet = trial.alice.playing(puppet);
    puppet.dice = trial.alice.dice.split();
    let forged = puppet.make(Plan::commit());
    trial.passes(&forged);
}

/// Sets the parent hashes of these nodes, lowest first, from what stands in the tree, each with its child on the copath;
/// and that of Alice's leaf, which is signed again. What the topmost states is left as it is.
fn chain(alice: &Insider, tree: &mut Tree, nodes: &[(u32, u32)]) {
    let mut above: Option<Vec<u8>> = None;
    for (node, copath) in nodes.iter().rev() {
        if let Some(parent_hash) = above {
            tree.parent_mut(*node).parent_hash = parent_hash;
        }
        above = Some(tree.parent_hash(&*alice.suite, *node, *copath));
    }
    let leaf = tree.leaf_mut(alice.leaf);
    leaf.source = Source::Commit { parent_hash: above.unwrap_or_default() };
    alice.sign_leaf(leaf, Some((&alice.context.group_id, alice.leaf)));
}

/// The tree of an honest member.
fn tree_of(trial: &Trial, name: &str) -> Tree {
    Tree::from_extension(&trial.world.at(name).group().public().tree().to_bytes().unwrap())
}
