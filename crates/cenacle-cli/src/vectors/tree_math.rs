//! tree-math.json: the relations of nodes in full trees (RFC 9420 Appendix C).

use cenacle_mls::tree::{NodeIndex, math};
use serde::{Deserialize, Serialize};

use super::{
    check::{Check, same},
    vector_file::PlainVector,
};

/// One tree size.
#[derive(Serialize, Deserialize)]
pub(crate) struct TreeMath {
    pub(crate) n_leaves: u32,
    pub(crate) n_nodes: u32,
    pub(crate) root: u32,
    pub(crate) left: Vec<Option<u32>>,
    pub(crate) right: Vec<Option<u32>>,
    pub(crate) parent: Vec<Option<u32>>,
    pub(crate) sibling: Vec<Option<u32>>,
}

impl PlainVector for TreeMath {
    fn verify(&self) -> Check {
        let leaves = self.n_leaves;
        same("n_nodes", math::node_count(leaves), self.n_nodes)?;
        same("root", math::root(leaves).0, self.root)?;
        let relation = |name: &str, expected: &[Option<u32>], of: &dyn Fn(NodeIndex) -> Option<NodeIndex>| {
            let found: Vec<_> = (0..self.n_nodes).map(|node| of(NodeIndex(node)).map(|node| node.0)).collect();
            same(format_args!("{name}: count"), found.len(), expected.len())?;
            let mut nodes = found.into_iter().zip(expected).enumerate();
            nodes.try_for_each(|(node, (found, expected))| same(format_args!("{name}[{node}]"), found, *expected))
        };
        relation("left", &self.left, &NodeIndex::left)?;
        relation("right", &self.right, &NodeIndex::right)?;
        relation("parent", &self.parent, &|node| node.parent(leaves))?;
        relation("sibling", &self.sibling, &|node| node.sibling(leaves))
    }
}
