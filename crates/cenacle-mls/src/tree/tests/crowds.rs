//! Trees of which large parts come and go at once, so that blank subtrees are made, shared, hashed and dropped; each
//! compared with the model, read back from its rows or from the wire, and changed further.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use cenacle_crypto::{Digest, Suite, conformance::SeededRng};

use super::{
    super::{subtree::Subtree, *},
    model::{Model, compare, random_leaf, set_parents},
    suite,
};
use crate::{error::Error, wire::*};

type Rows = BTreeMap<NodeIndex, Vec<u8>>;

fn read(rows: &Rows, level: u8, suite: &dyn Suite) -> RatchetTree {
    RatchetTree::from_rows(level, rows.iter().map(|(node, value)| Ok((*node, value.clone().into()))), suite).unwrap()
}

fn apply(rows: &mut Rows, tree: &RatchetTree, old: Option<&RatchetTree>) {
    let mut visit = |node, value: Option<alloc::sync::Arc<[u8]>>| {
        match value {
            Some(value) => drop(rows.insert(node, value.to_vec())),
            None => assert!(rows.remove(&node).is_some(), "only what was there vanishes"),
        }
        Ok(())
    };
    tree.changes_since(old, &mut visit).unwrap();
}

/// Lets many come or go, in the tree and in its model.
fn crowd(edit: &mut TreeEdit<'_>, model: &mut Model, rng: &mut SeededRng, first: bool) {
    let members: Vec<_> =
        (0..model.leaves()).map(LeafIndex).filter(|leaf| model.at(leaf.node_index()).is_some()).collect();
    let bound = 1u32 << (rng.next_u64() % 7);
    let (going, coming): (Vec<LeafIndex>, u64) = match if first { 0 } else { rng.next_u64() % 5 } {
        0 => (vec![], 1 + rng.next_u64() % 60),
        1 => (members.iter().copied().filter(|leaf| leaf.0 >= bound && leaf.0 > 0).collect(), 0),
        2 => (members.iter().copied().filter(|leaf| leaf.0 < bound).collect(), 1),
        3 => (members.clone(), 1 + rng.next_u64() % 40),
        _ => (members.iter().copied().filter(|_| rng.next_u64().is_multiple_of(4)).collect(), 1),
    };
    // Somebody must stay, or come.
    let stays = coming == 0 && going.len() == members.len();
    for leaf in going.into_iter().skip(usize::from(stays)) {
        edit.remove(leaf).unwrap();
        model.replace(leaf, None);
        model.truncate();
    }
    for _ in 0..coming {
        let leaf = random_leaf(rng);
        assert_eq!(edit.add(&leaf).unwrap(), model.add(leaf));
    }
}

#[test]
fn crowds_come_and_go_as_in_the_model() {
    let suite = suite();
    for seed in 0..10 {
        let mut rng = SeededRng::new(seed);
        let first = random_leaf(&mut rng);
        let mut tree = RatchetTree::new(&first, &*suite).unwrap();
        let mut model = Model { nodes: vec![Some(Node::Leaf(first))] };
        let (mut rows, mut stored) = (Rows::new(), None);
        for round in 0..12 {
            let mut edit = tree.edit(&*suite);
            crowd(&mut edit, &mut model, &mut rng, round == 0);
            tree = edit.seal().unwrap();
            model.truncate();
            let members: Vec<_> = tree.members().map(|(index, _)| index).collect();
            let sender = members[usize::try_from(rng.next_u64()).unwrap() % members.len()];
            tree = set_parents(&tree, &mut model, sender, &mut rng, &*suite);
            compare(&model, &tree, &*suite);
            apply(&mut rows, &tree, stored.as_ref());
            let again = read(&rows, tree.level(), &*suite);
            assert_eq!(again.tree_hash(), tree.tree_hash());
            assert_eq!(tree.verify_parent_hashes(&*suite), Ok(()));
            match rng.next_u64() % 3 {
                0 => tree = again,
                1 => tree = RatchetTree::from_wire(&tree.to_wire().unwrap(), &*suite).unwrap(),
                _ => {}
            }
            stored = Some(tree.clone());
        }
    }
}

fn stored_subtrees(subtree: &Subtree) -> usize {
    match subtree {
        Subtree::Blank | Subtree::Leaf(_) => 0,
        Subtree::Inner(inner) => 1 + stored_subtrees(&inner.left) + stored_subtrees(&inner.right),
    }
}

/// Two members at the ends of 2^12 leaves: 8 KB of blanks on the wire.
#[test]
fn blanks_of_the_wire_take_no_memory() {
    let (suite, mut rng) = (suite(), SeededRng::new(1));
    let mut nodes = vec![None; (2 << 12) - 1];
    for end in [0, nodes.len() - 1] {
        nodes[end] = Some(Node::Leaf(random_leaf(&mut rng)));
    }
    let tree = RatchetTree::from_wire(&WireTree::new(&nodes).unwrap(), &*suite).unwrap();
    let mut rows = Rows::new();
    apply(&mut rows, &tree, None);
    assert_eq!(rows.len(), 2);
    let again = read(&rows, tree.level(), &*suite);
    assert_eq!(again.tree_hash(), tree.tree_hash());
    // Of 4,095 parents those above sixteen leaves, and the two paths.
    let stored = stored_subtrees(&tree.nodes.root);
    assert_eq!(stored, stored_subtrees(&again.nodes.root));
    assert!(stored < 300, "{stored}");
}

#[test]
fn nothing_is_put_outside_an_unread_tree() {
    let mut tree = RatchetTree::unread(1, Digest::EMPTY);
    let leaf = Leaf::new(&random_leaf(&mut SeededRng::new(1))).unwrap();
    assert!(matches!(tree.put_leaf(LeafIndex(2), leaf.clone()), Err(Error::Corrupt(_))));
    assert_eq!(tree.put_leaf(LeafIndex(1), leaf.clone()), Ok(()));
    assert_eq!((tree.shared_leaf(LeafIndex(0)), tree.shared_leaf(LeafIndex(1))), (None, Some(&leaf)));
}
