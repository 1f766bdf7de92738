//! tree-operations.json: an Add at the right edge and one into a blank, an Update, a Remove in the middle and one that
//! halves the tree.

use alloc::{boxed::Box, sync::Arc};

use cenacle_codec::Encode as _;
use cenacle_mls::wire::{Add, LeafIndex, LeafNodeSource, Proposal, Remove, Update};

use super::{
    super::{check::Failure, tree_operations::TreeOperation},
    Case, Size,
    grove::Grove,
    person::{Person, key_pair},
    tree_shapes::{Shape, Step},
};

pub(super) fn count(_: Size) -> usize {
    5
}

pub(super) fn make(case: &mut Case) -> Result<TreeOperation, Failure> {
    let shape = shape(case.size, case.index);
    let grove = Grove::grow(case, &shape)?;
    let suite = Arc::clone(&case.suite);
    let mut edit = grove.tree.edit(&*suite);
    let (sender, proposal) = match case.index {
        0 | 1 => {
            let key_package = Person::new(&suite, &mut case.dice)?.offer(&mut case.dice)?.key_package;
            edit.add(&key_package.leaf_node)?;
            (LeafIndex(0), Proposal::Add(Add { key_package: Box::new(key_package) }))
        }
        2 => {
            let sender = LeafIndex(1);
            let (_, key) = key_pair(&*suite, &mut case.dice)?;
            let person = &grove.member(sender)?.person;
            let leaf = person.leaf(key, LeafNodeSource::Update, Some((&grove.group_id, sender)))?;
            edit.update(sender, &leaf)?;
            (sender, Proposal::Update(Update { leaf_node: Box::new(leaf) }))
        }
        index => {
            let removed = LeafIndex(if index == 3 { 1 } else { shape.members - 1 });
            edit.remove(removed)?;
            (LeafIndex(0), Proposal::Remove(Remove { removed }))
        }
    };
    let after = edit.seal()?;
    Ok(TreeOperation {
        cipher_suite: case.cipher_suite(),
        tree_before: grove.tree.to_bytes()?.into(),
        proposal: proposal.to_bytes()?.into(),
        proposal_sender: sender.0,
        tree_hash_before: grove.tree.tree_hash().as_slice().into(),
        tree_after: after.to_bytes()?.into(),
        tree_hash_after: after.tree_hash().as_slice().into(),
    })
}

/// The tree before: full where something is added at its edge, with a blank where one is filled.
fn shape(size: Size, index: usize) -> Shape {
    let (small, full, then): (_, _, &[Step]) = match index {
        0 => (2, 8, &[]),
        1 => (3, 8, &[Step::Commit { by: 0, remove: &[1], add: 0 }]),
        4 => (3, 9, &[]),
        _ => (3, 8, &[]),
    };
    Shape { members: size.of(small, full), then }
}
