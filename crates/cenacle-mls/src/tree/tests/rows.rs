//! Trees that went through a store.

use alloc::{collections::BTreeMap, sync::Arc, vec, vec::Vec};

use super::{super::*, World};
use crate::{error::Error, limits::MAX_TREE_LEVEL, wire::*};

type Store = BTreeMap<NodeIndex, Vec<u8>>;

fn changes(tree: &RatchetTree, old: Option<&RatchetTree>) -> Vec<(NodeIndex, Option<Vec<u8>>)> {
    let mut rows = Vec::new();
    let mut visit = |node, value: Option<Arc<[u8]>>| {
        rows.push((node, value.map(|value| value.to_vec())));
        Ok(())
    };
    tree.changes_since(old, &mut visit).unwrap();
    rows
}

fn apply(store: &mut Store, rows: &[(NodeIndex, Option<Vec<u8>>)]) {
    for (node, value) in rows {
        match value {
            Some(value) => drop(store.insert(*node, value.clone())),
            None => assert!(store.remove(node).is_some(), "only what was there vanishes"),
        }
    }
}

fn read(store: &Store, level: u8) -> Result<RatchetTree, Error> {
    RatchetTree::from_rows(level, store.iter().map(|(node, value)| Ok((*node, value.clone().into()))), &*super::suite())
}

fn same(read: &RatchetTree, tree: &RatchetTree) {
    let suite = super::suite();
    assert_eq!(read.to_wire(), tree.to_wire());
    assert_eq!(read.tree_hash(), tree.tree_hash());
    for node in (0..math::node_count(tree.leaf_width())).map(NodeIndex) {
        assert_eq!(read.node_tree_hash(node, &*suite), tree.node_tree_hash(node, &*suite));
        assert!(tree.encryption_key(node).is_none_or(|key| read.roster().has_encryption_key(&key, &*suite)));
    }
    assert_eq!(read.roster().member_count(), tree.roster().member_count());
    assert_eq!(read.roster().check(), Ok(()));
}

#[test]
fn differences_add_up_to_the_tree() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        let mut store = Store::new();
        apply(&mut store, &changes(&world.tree, None));
        for _ in 0..12 {
            let before = world.tree.clone();
            world.step();
            let rows = changes(&world.tree, Some(&before));
            assert!(rows.is_sorted_by(|left, right| left.0 < right.0));
            apply(&mut store, &rows);
            let filled = |node: &u32| world.tree.encryption_key(NodeIndex(*node)).is_some();
            assert_eq!(store.len(), (0..math::node_count(world.tree.leaf_width())).filter(filled).count());
            let follower = read(&store, world.tree.level()).unwrap();
            same(&follower, &world.tree);
            // A tree read back goes on like the one that was written.
            let sender = world.any_member();
            let draft = |tree: &RatchetTree| {
                let mut edit = tree.edit(&*world.suite);
                edit.remove(sender).unwrap();
                edit.seal().map(|tree| *tree.tree_hash())
            };
            assert_eq!(draft(&follower), draft(&world.tree));
        }
        assert_eq!(changes(&world.tree, Some(&world.tree.clone())), vec![]);
    }
}

/// Whatever is not refused at once has another tree hash, which whoever reads compares with the context's.
#[test]
fn damage_is_noticed() {
    let world = World::lively(20, 10);
    let mut store = Store::new();
    apply(&mut store, &changes(&world.tree, None));
    let level = world.tree.level();
    let noticed = |store: &Store, level| match read(store, level) {
        Err(Error::Corrupt(_)) => true,
        Err(error) => panic!("{error}"),
        Ok(tree) => tree.tree_hash() != world.tree.tree_hash(),
    };
    assert!(!noticed(&store, level));
    for node in store.keys() {
        let mut store = store.clone();
        store.remove(node);
        assert!(noticed(&store, level), "{node:?} missing");
    }
    for (node, value) in &store {
        for place in [0, value.len() / 2, value.len() - 1] {
            let mut other = store.clone();
            other.get_mut(node).unwrap()[place] ^= 1;
            assert!(noticed(&other, level), "{node:?} changed at {place}");
        }
        let mut cut = store.clone();
        cut.insert(*node, value[..value.len() - 1].to_vec());
        assert!(noticed(&cut, level), "{node:?} cut short");
        let mut longer = store.clone();
        longer.get_mut(node).unwrap().push(0);
        assert!(noticed(&longer, level), "{node:?} with something behind");
    }
    let parent = (0..).map(NodeIndex).find(|node| world.tree.parent(*node).is_some()).unwrap();
    for (place, other) in [(NodeIndex(1), NodeIndex(0)), (NodeIndex(0), parent)] {
        let mut swapped = store.clone();
        swapped.insert(place, store[&other].clone());
        assert!(noticed(&swapped, level), "a node of the other kind at {place:?}");
    }
    for wrong in [level - 1, level + 1, MAX_TREE_LEVEL + 1, u8::MAX] {
        assert!(noticed(&store, wrong), "level {wrong}");
    }
    let rows =
        |order: &[u32]| order.iter().map(|i| Ok((NodeIndex(*i), store[&NodeIndex(*i)].clone().into()))).collect();
    let some: Vec<u32> = store.keys().map(|node| node.0).take(3).collect();
    let unordered: Vec<_> = rows(&[some[1], some[0], some[2]]);
    assert!(matches!(RatchetTree::from_rows(level, unordered, &*world.suite), Err(Error::Corrupt(_))));
    let failing = RatchetTree::from_rows(0, [Err(Error::Corrupt("the medium"))], &*world.suite);
    assert_eq!(failing.unwrap_err(), Error::Corrupt("the medium"));
}

#[test]
fn a_tree_that_shrinks_forgets_who_left() {
    let mut world = World::new(22);
    world.commit(LeafIndex(0), &super::Changes { adds: 8, ..super::Changes::default() });
    let before = world.tree.clone();
    let removes = (4..9).map(LeafIndex).collect();
    world.commit(LeafIndex(0), &super::Changes { removes, ..super::Changes::default() });
    let rows = changes(&world.tree, Some(&before));
    let gone = rows.iter().filter(|(_, value)| value.is_none());
    // Five leaves, and the keys that the commit before put above 8 and at the root of sixteen.
    assert!(gone.clone().all(|(node, _)| before.encryption_key(*node).is_some()));
    assert!(gone.clone().filter(|(node, _)| node.leaf().is_some()).map(|(node, _)| node.0 / 2).eq(4..9));
    let left = before.leaf(LeafIndex(8)).unwrap().signature_key;
    assert!(before.roster().has_signature_key(&left, &*world.suite));
    assert!(!world.tree.roster().has_signature_key(&left, &*world.suite));
}
