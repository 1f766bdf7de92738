//! tree-validation.json: trees with their resolutions and hashes.

use cenacle_codec::Encode as _;
use cenacle_mls::tree::{NodeIndex, math};

use super::{
    super::{check::Failure, hex_field::Hex, tree_validation::TreeValidation},
    Case, Size,
    grove::Grove,
    tree_shapes::{self, SMALL_VALIDATION, VALIDATION},
};

pub(super) fn count(size: Size) -> usize {
    size.of(SMALL_VALIDATION, VALIDATION).len()
}

pub(super) fn make(case: &mut Case) -> Result<TreeValidation, Failure> {
    let shape = tree_shapes::of(case.size, SMALL_VALIDATION, VALIDATION, case.index);
    let Grove { group_id, tree, .. } = Grove::grow(case, shape)?;
    let nodes = || (0..math::node_count(tree.leaf_width())).map(NodeIndex);
    let resolution = |node| tree.resolution(node).into_iter().map(|node| node.0).collect();
    let suite = &*case.suite;
    let tree_hash = |node| {
        let hash = tree.node_tree_hash(node, suite)?;
        Ok::<_, cenacle_mls::Error>(hash.map_or(Hex::from(&[][..]), |hash| hash.as_slice().into()))
    };
    Ok(TreeValidation {
        cipher_suite: case.cipher_suite(),
        tree: tree.to_bytes()?.into(),
        group_id: group_id.as_slice().into(),
        resolutions: nodes().map(resolution).collect(),
        tree_hashes: nodes().map(tree_hash).collect::<Result<_, _>>()?,
    })
}
