//! tree-validation.json: all a joiner checks on a tree (RFC 9420 §4.1.1, §7.3, §7.8, §7.9.2).

use alloc::sync::Arc;

use cenacle_codec::Encode as _;
use cenacle_crypto::{Digest, Suite};
use cenacle_mls::{
    limits::Limits,
    tree::{LeafCheck, NodeIndex, RatchetTree, math},
    wire::{GroupId, WireTree},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, round_trip, same, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// A tree with what is to be known of each node.
#[derive(Serialize, Deserialize)]
pub(crate) struct TreeValidation {
    pub(crate) cipher_suite: u16,
    pub(crate) tree: Hex,
    pub(crate) group_id: Hex,
    pub(crate) resolutions: Vec<Vec<u32>>,
    pub(crate) tree_hashes: Vec<Hex>,
}

impl SuiteVector for TreeValidation {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        let wire = round_trip::<WireTree>("tree", &self.tree)?;
        let tree = RatchetTree::from_wire(&wire, suite).at("tree")?;
        same_bytes("tree: encoded again", &tree.to_bytes()?, &self.tree)?;
        let nodes = usize::try_from(math::node_count(tree.leaf_width())).unwrap_or(usize::MAX);
        same("resolutions: count", nodes, self.resolutions.len())?;
        for (node, expected) in (0..).zip(&self.resolutions) {
            let found: Vec<u32> = tree.resolution(NodeIndex(node)).into_iter().map(|node| node.0).collect();
            same(format_args!("resolutions[{node}]"), &found, expected)?;
        }
        same("tree_hashes: count", nodes, self.tree_hashes.len())?;
        for (node, expected) in (0..).zip(&self.tree_hashes) {
            let found = tree.node_tree_hash(NodeIndex(node), suite)?.unwrap_or(Digest::EMPTY);
            same_bytes(format_args!("tree_hashes[{node}]"), &found, expected)?;
        }
        tree.verify_parent_hashes(suite).at("parent hashes")?;
        let group_id = GroupId::from(&*self.group_id);
        let check = LeafCheck {
            group_id: Some(&group_id),
            ..LeafCheck::alone(suite, None, Limits::default().lifetime_seconds)
        };
        tree.verify_leaf_signatures(&check, 0..tree.leaf_width()).at("leaf signatures")
    }
}
