//! Leaf nodes (RFC 9420 §7.2, §7.3).

use crate::common::*;

/// §7.3: An Update brings another encryption key than the one it replaces.
#[test]
fn r112_update_with_the_same_key() {
    let mut trial = Trial::new(112);
    let old = trial.alice.template.encryption_key.clone();
    let leaf = trial.alice.leaf_node(|leaf| leaf.encryption_key = old.clone());
    let bad = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.refuses(&bad, Rule::LeafKeyReplaced);
    let leaf = trial.alice.leaf_node(|_| ());
    let twin = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.accepts(&twin);
}
