//! Trees that went through a store.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::{super::*, World};
use crate::{error::Error, limits::MAX_TREE_LEVEL, wire::*};

type Store = BTreeMap<NodeIndex, Vec<u8>>;

fn apply(store: &mut Store, rows: &[TreeRow]) {
    for (node, value) in rows {
        match value {
            Some(value) => drop(store.insert(*node, value.clone())),
            None => assert!(store.remove(node).is_some(), "only what was there vanishes"),
        }
    }
}

fn read(store: &Store, level: u8) -> Result<RatchetTree, Error> {
    RatchetTree::from_rows(level, store.iter().rev().map(|(node, value)| Ok((*node, value.clone()))))
}

fn same(read: &RatchetTree, tree: &RatchetTree) {
    assert_eq!(read.to_wire(), tree.to_wire());
    for node in (0..math::node_count(tree.leaf_width())).map(NodeIndex) {
        assert_eq!(read.node_tree_hash(node), tree.node_tree_hash(node));
        let key = tree.encryption_key(node);
        assert_eq!(key.and_then(|key| read.roster().node_by_encryption_key(key)), key.map(|_| node));
    }
    assert_eq!(read.roster().member_count(), tree.roster().member_count());
    assert_eq!(read.roster().check(), Ok(()));
}

#[test]
fn differences_add_up_to_the_tree() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        let mut store = Store::new();
        apply(&mut store, &world.tree.changes_since(None).unwrap());
        let mut follower = read(&store, 0).unwrap();
        for _ in 0..12 {
            let before = world.tree.clone();
            world.step();
            let rows = world.tree.changes_since(Some(&before)).unwrap();
            assert!(rows.is_sorted_by(|left, right| left.0 < right.0));
            apply(&mut store, &rows);
            assert_eq!(store.len(), usize::try_from(math::node_count(world.tree.leaf_width())).unwrap());
            follower = follower.with_rows(world.tree.level(), rows).unwrap();
            same(&follower, &world.tree);
            same(&read(&store, world.tree.level()).unwrap(), &world.tree);
            // A tree read back goes on like the one that was written.
            let sender = world.any_member();
            let draft = |tree: &RatchetTree| {
                let mut edit = tree.edit(&*world.suite);
                edit.remove(sender).unwrap();
                edit.seal().map(|tree| *tree.tree_hash())
            };
            assert_eq!(draft(&follower), draft(&world.tree));
        }
        assert_eq!(world.tree.changes_since(Some(&world.tree.clone())).unwrap(), vec![]);
    }
}

#[test]
fn damage_is_noticed() {
    let world = World::lively(20, 10);
    let mut store = Store::new();
    apply(&mut store, &world.tree.changes_since(None).unwrap());
    let level = world.tree.level();
    let corrupt = |store: &Store, level| matches!(read(store, level), Err(Error::Corrupt(_)));
    assert!(!corrupt(&store, level));
    for node in store.keys() {
        let mut store = store.clone();
        store.remove(node);
        assert!(corrupt(&store, level), "{node:?} missing");
    }
    for (node, value) in &store {
        let mut cut = store.clone();
        cut.insert(*node, value[..value.len() - 1].to_vec());
        assert!(corrupt(&cut, level), "{node:?} cut short");
        let mut unhashed = store.clone();
        unhashed.insert(*node, vec![0, 0]);
        assert!(corrupt(&unhashed, level), "{node:?} without a hash");
    }
    let mut swapped = store.clone();
    swapped.insert(NodeIndex(1), store[&NodeIndex(0)].clone());
    assert!(corrupt(&swapped, level), "a leaf in a parent's place");
    let mut swapped = store.clone();
    let parent = (0..).map(NodeIndex).find(|node| world.tree.parent(*node).is_some()).unwrap();
    swapped.insert(NodeIndex(0), store[&parent].clone());
    assert!(corrupt(&swapped, level), "a parent in a leaf's place");
    for wrong in [level - 1, level + 1, MAX_TREE_LEVEL, MAX_TREE_LEVEL + 1, u8::MAX] {
        assert!(corrupt(&store, wrong), "level {wrong}");
    }
    let failing = RatchetTree::from_rows(0, [Err(Error::Corrupt("the medium"))]);
    assert_eq!(failing.unwrap_err(), Error::Corrupt("the medium"));
}

#[test]
fn a_changed_leaf_needs_its_path() {
    let mut world = World::lively(21, 10);
    let before = world.tree.clone();
    world.commit(LeafIndex(*world.members.keys().map(|leaf| &leaf.0).next().unwrap()), &super::Changes::default());
    let rows = world.tree.changes_since(Some(&before)).unwrap();
    let above = rows.iter().position(|(node, _)| node.level() > 0).unwrap();
    let mut gap = rows.clone();
    gap.remove(above);
    assert!(matches!(before.with_rows(world.tree.level(), gap), Err(Error::Corrupt(_))));
    same(&before.with_rows(world.tree.level(), rows).unwrap(), &world.tree);
}

#[test]
fn a_tree_that_shrinks_forgets_who_left() {
    let mut world = World::new(22);
    world.commit(LeafIndex(0), &super::Changes { adds: 8, ..super::Changes::default() });
    let before = world.tree.clone();
    let removes = (4..9).map(LeafIndex).collect();
    world.commit(LeafIndex(0), &super::Changes { removes, ..super::Changes::default() });
    let rows = world.tree.changes_since(Some(&before)).unwrap();
    assert_eq!(rows.iter().filter(|(_, value)| value.is_none()).count(), 31 - 7);
    let after = before.with_rows(world.tree.level(), rows).unwrap();
    same(&after, &world.tree);
    for node in (0..31).map(NodeIndex) {
        let Some(key) = before.encryption_key(node) else { continue };
        let still = world.tree.roster().node_by_encryption_key(key);
        assert_eq!(after.roster().node_by_encryption_key(key), still);
    }
    let left = &before.leaf(LeafIndex(8)).unwrap().signature_key;
    assert!(!after.roster().has_signature_key(left));
}
