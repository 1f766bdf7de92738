//! Ratchets and the tree they grow from (RFC 9420 §9, §9.1, §9.2, §15.3): looking changes nothing, use erases, memory
//! and work are bounded.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloc::{sync::Arc, vec::Vec};

use cenacle_crypto::{CipherSuite, CryptoProvider, Secret, Suite};
use cenacle_crypto_rustcrypto::RustCryptoProvider;

use super::*;
use crate::{
    Error,
    delta::{Change, Delta, RowKey, Table},
    limits::Limits,
    schedule::EncryptionSecret,
    tree::NodeIndex,
    wire::{Epoch, Generation, GroupId, LeafIndex},
};

const KIND: RatchetKind = RatchetKind::Application;
const LEAF: LeafIndex = LeafIndex(5);

fn suite() -> Arc<dyn Suite> {
    RustCryptoProvider.suite(CipherSuite(1)).unwrap()
}

/// The secret tree of a group of eight.
fn tree() -> SecretTree {
    SecretTree::new(NodeIndex::root_of_level(3), EncryptionSecret(Secret::zero(32)))
}

fn limits(forward: u32, skipped: u32) -> Limits {
    Limits { forward_generations: forward, skipped_keys: skipped, ..Limits::default() }
}

fn take(tree: &mut SecretTree, generation: u32, limits: &Limits) -> Result<Arc<MessageKey>, Error> {
    let (key, change) = tree.key_for(&*suite(), LEAF, KIND, Generation(generation), limits)?;
    tree.apply(change);
    Ok(key)
}

#[test]
fn looking_changes_nothing_and_use_consumes() {
    let mut tree = tree();
    let limits = Limits::default();
    let look = |tree: &SecretTree| tree.key_for(&*suite(), LEAF, KIND, Generation(3), &limits).unwrap().0;
    let first = look(&tree);
    assert!(first.key.ct_eq(&look(&tree).key));
    assert!(first.key.ct_eq(&take(&mut tree, 3, &limits).unwrap().key));
    assert_eq!(take(&mut tree, 3, &limits).unwrap_err(), Error::KeyGone(Generation(3)));
    for generation in 0..3 {
        assert!(take(&mut tree, generation, &limits).is_ok());
        assert!(take(&mut tree, generation, &limits).is_err());
    }
}

#[test]
fn dividing_erases_what_was_divided() {
    let mut tree = tree();
    take(&mut tree, 0, &Limits::default()).unwrap();
    // Root, its right half and leaf 5's parent are gone; their other halves and the leaf's sibling remain.
    let kept: Vec<u32> = tree.nodes.keys().map(|node| node.0).collect();
    assert_eq!(kept, [3, 8, 13]);
    assert_eq!(tree.ratchets.len(), 2);
}

#[test]
fn work_and_memory_are_bounded() {
    let mut tree = tree();
    let limits = limits(10, 4);
    assert_eq!(take(&mut tree, 11, &limits).unwrap_err(), Error::TooFarAhead(Generation(11)));
    assert!(take(&mut tree, 10, &limits).is_ok());
    // Of the ten skipped keys the four youngest are kept.
    for generation in 0..6 {
        assert_eq!(take(&mut tree, generation, &limits).unwrap_err(), Error::KeyGone(Generation(generation)));
    }
    assert!(take(&mut tree, 20, &limits).is_ok());
    assert!(take(&mut tree, 9, &limits).is_err());
    for generation in 16..20 {
        assert!(take(&mut tree, generation, &limits).is_ok());
    }
}

#[test]
fn a_leaf_outside_the_tree_has_no_keys() {
    let outside = tree().key_for(&*suite(), LeafIndex(8), KIND, Generation(0), &Limits::default());
    assert!(matches!(outside, Err(Error::Invalid(_))));
}

/// Rows as a store would hold them.
#[derive(Default)]
struct Rows(alloc::collections::BTreeMap<RowKey, cenacle_crypto::SecretBytes>);

impl Rows {
    fn apply(&mut self, delta: &Delta) {
        for change in delta.changes() {
            match change {
                Change::Put(key, value) => drop(self.0.insert(key.clone(), value.duplicate())),
                Change::Delete(key) => drop(self.0.remove(key)),
                Change::DeletePrefix(prefix) => {
                    self.0.retain(|key, _| key.table != prefix.table || !key.key.starts_with(&prefix.key));
                }
            }
        }
    }

    fn load(&self, rows: &SecretTreeRows<'_>) -> SecretTree {
        let table = |table| {
            let of = self.0.iter().filter(|(key, _)| key.table == table);
            of.map(|(key, value)| (key.clone(), value.duplicate())).collect()
        };
        let stored = StoredSecretTree {
            nodes: table(Table::SECRET_TREE),
            ratchets: table(Table::RATCHET),
            skipped: table(Table::SKIPPED_KEY),
        };
        rows.load(NodeIndex::root_of_level(3), stored).unwrap()
    }
}

#[test]
fn rows_follow_every_change() {
    let group_id = GroupId::from(&b"group"[..]);
    let rows = SecretTreeRows { group_id: &group_id, epoch: Epoch(7) };
    let limits = limits(100, 5);
    let mut tree = tree();
    let mut stored = Rows::default();
    let mut delta = Delta::new();
    rows.write_new(&tree, &mut delta).unwrap();
    stored.apply(&delta);
    for (leaf, generation) in [(5, 2), (5, 0), (1, 9), (5, 12), (1, 8), (0, 0), (5, 11)] {
        let (_, change) = tree.key_for(&*suite(), LeafIndex(leaf), KIND, Generation(generation), &limits).unwrap();
        let mut delta = Delta::new();
        rows.write_change(&change, &mut delta).unwrap();
        stored.apply(&delta);
        tree.apply(change);
        let loaded = stored.load(&rows);
        assert!(loaded.nodes.keys().eq(tree.nodes.keys()));
        for (id, ratchet) in &tree.ratchets {
            let same = loaded.ratchets.get(id).unwrap();
            assert_eq!(same.head.generation, ratchet.head.generation);
            assert!(same.head.secret.ct_eq(&ratchet.head.secret));
            assert!(same.skipped.keys().eq(ratchet.skipped.keys()));
        }
    }
    let mut delta = Delta::new();
    rows.erase(&mut delta);
    stored.apply(&delta);
    assert!(stored.0.is_empty());
}

#[test]
fn own_generations_are_reserved_before_use() {
    let group_id = GroupId::from(&b"group"[..]);
    let rows = SecretTreeRows { group_id: &group_id, epoch: Epoch(0) };
    let limits = Limits { reserved_generations: 8, ..Limits::default() };
    let mut tree = tree();
    let mut stored = Rows::default();
    let mut writes = 0;
    for sent in 0..20 {
        let (generation, _, change) = tree.next_own(&*suite(), LEAF, KIND, &limits).unwrap();
        assert_eq!(generation, Generation(sent));
        let mut delta = Delta::new();
        rows.write_change(&change, &mut delta).unwrap();
        writes += usize::from(!delta.is_empty());
        stored.apply(&delta);
        tree.apply(change);
        // Whenever the process ends, the stored ratchet stands beyond every generation that was used.
        let (next, _, _) = stored.load(&rows).next_own(&*suite(), LEAF, KIND, &limits).unwrap();
        assert!(next > generation, "{next:?} after {generation:?}");
    }
    assert_eq!(writes, 3);
}

#[test]
fn the_last_generation_is_the_last() {
    let limits = Limits { forward_generations: u32::MAX, ..Limits::default() };
    let head = super::ratchet::Head { generation: u32::MAX, secret: Secret::zero(32) };
    let ratchet = super::ratchet::Ratchet::new(head);
    assert!(ratchet.next_own(&*suite(), 8).is_err());
    assert!(ratchet.key_for(&*suite(), Generation(u32::MAX), &limits).is_err());
}
