//! Index arithmetic against a tree built by hand.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Range;

use super::super::math::{NodeIndex, node_count, root};
use crate::wire::LeafIndex;

/// What is known of a node from building the tree of Appendix C recursively.
#[derive(Default)]
struct Known {
    level: u32,
    parent: Option<u32>,
    children: Option<(u32, u32)>,
    leaves: Range<u32>,
}

fn build(first: u32, level: u32, parent: Option<u32>, known: &mut BTreeMap<u32, Known>) -> u32 {
    let head = first + (1 << level) - 1;
    let children = (level > 0).then(|| {
        let left = build(first, level - 1, Some(head), known);
        (left, build(head + 1, level - 1, Some(head), known))
    });
    known.insert(head, Known { level, parent, children, leaves: first / 2..first / 2 + (1 << level) });
    head
}

#[test]
fn relations_are_those_of_the_tree() {
    for level in 0..7 {
        let leaves = 1 << level;
        let mut known = BTreeMap::new();
        assert_eq!(build(0, level, None, &mut known), root(leaves).0);
        assert_eq!(known.len(), usize::try_from(node_count(leaves)).unwrap());
        for (index, expected) in &known {
            let node = NodeIndex(*index);
            assert_eq!(node.level(), expected.level);
            assert_eq!(node.parent(leaves).map(|node| node.0), expected.parent);
            assert_eq!(node.left().zip(node.right()).map(|(left, right)| (left.0, right.0)), expected.children);
            assert_eq!(node.leaf_span(), expected.leaves);
            assert_eq!(node.leaf(), (expected.level == 0).then(|| LeafIndex(index / 2)));

            let ancestors = |from: u32| core::iter::successors(Some(from), |node| known[node].parent);
            assert!(node.direct_path(leaves).map(|node| node.0).eq(ancestors(*index).skip(1)));
            let siblings: Vec<_> = ancestors(*index)
                .filter_map(|node| {
                    let (left, right) = known[&known[&node].parent?].children?;
                    Some(NodeIndex(if node == left { right } else { left }))
                })
                .collect();
            assert_eq!(node.sibling(leaves), siblings.first().copied());
            assert_eq!(node.copath(leaves).collect::<Vec<_>>(), siblings);
            for other in known.keys() {
                let common = ancestors(*index).find(|node| ancestors(*other).any(|above| above == *node));
                assert_eq!(Some(node.common_ancestor(NodeIndex(*other)).0), common);
                assert_eq!(node.contains(NodeIndex(*other)), common == Some(*index));
                let towards = ancestors(*other).find(|below| known[below].parent == Some(*index));
                assert_eq!(node.child_towards(NodeIndex(*other)).map(|node| node.0), towards);
            }
        }
    }
}

#[test]
fn outside_the_tree_there_is_nothing() {
    for (node, leaves) in [(7, 4), (8, 4), (u32::MAX, 1 << 24), (u32::MAX - 1, 1 << 24), (1, 0), (0, 0)] {
        assert_eq!(NodeIndex(node).parent(leaves), None);
        assert_eq!(NodeIndex(node).sibling(leaves), None);
        assert_eq!(NodeIndex(node).copath(leaves).count(), 0);
    }
    assert_eq!(LeafIndex(u32::MAX).node_index(), NodeIndex(u32::MAX - 1));
    assert_eq!(LeafIndex(1 << 31).node_index().leaf(), Some(LeafIndex(u32::MAX >> 1)));
    assert_eq!(NodeIndex(u32::MAX).common_ancestor(NodeIndex(0)), NodeIndex(u32::MAX));
    assert_eq!(NodeIndex::root_of_level(3), root(8));
}
