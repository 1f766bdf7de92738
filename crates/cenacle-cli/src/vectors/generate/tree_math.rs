//! tree-math.json: trees of every size that is a power of two, numbered by walking through them.

use super::{super::tree_math::TreeMath, Size};

pub(super) fn count(size: Size) -> usize {
    size.of(5, 10)
}

pub(super) fn make(index: usize) -> TreeMath {
    let n_leaves = u32::try_from(index).ok().and_then(|level| 1u32.checked_shl(level)).unwrap_or(1);
    let mut walk = Walk::default();
    let root = walk.tree(n_leaves);
    for (node, parent) in walk.parent.iter().enumerate() {
        let other_child = parent.and_then(|parent| {
            let parent = usize::try_from(parent).ok()?;
            let children = [walk.left.get(parent).copied()??, walk.right.get(parent).copied()??];
            children.into_iter().find(|child| usize::try_from(*child) != Ok(node))
        });
        walk.sibling.push(other_child);
    }
    let Walk { next: n_nodes, left, right, parent, sibling } = walk;
    TreeMath { n_leaves, n_nodes, root, left, right, parent, sibling }
}

/// Numbers nodes from left to right. The verifying side computes the same from the bits of the numbers.
#[derive(Default)]
struct Walk {
    next: u32,
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    parent: Vec<Option<u32>>,
    sibling: Vec<Option<u32>>,
}

impl Walk {
    /// Walks through a tree and gives its root.
    fn tree(&mut self, leaves: u32) -> u32 {
        if leaves <= 1 {
            return self.node(None);
        }
        let left = self.tree(leaves / 2);
        let root = self.node(Some(left));
        let right = self.tree(leaves / 2);
        set(&mut self.right, root, right);
        set(&mut self.parent, left, root);
        set(&mut self.parent, right, root);
        root
    }

    fn node(&mut self, left: Option<u32>) -> u32 {
        self.left.push(left);
        self.right.push(None);
        self.parent.push(None);
        self.next += 1;
        self.next - 1
    }
}

fn set(nodes: &mut [Option<u32>], node: u32, value: u32) {
    if let Some(slot) = usize::try_from(node).ok().and_then(|node| nodes.get_mut(node)) {
        *slot = Some(value);
    }
}
