//! tree-operations.json: what proposals do to a ratchet tree (RFC 9420 §12.1.1 to §12.1.3).

use alloc::sync::Arc;

use cenacle_codec::Encode as _;
use cenacle_crypto::Suite;
use cenacle_mls::{
    tree::RatchetTree,
    wire::{LeafIndex, Proposal, WireTree},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// A tree before and after one proposal.
#[derive(Serialize, Deserialize)]
pub(crate) struct TreeOperation {
    pub(crate) cipher_suite: u16,
    pub(crate) tree_before: Hex,
    pub(crate) proposal: Hex,
    pub(crate) proposal_sender: u32,
    pub(crate) tree_hash_before: Hex,
    pub(crate) tree_after: Hex,
    pub(crate) tree_hash_after: Hex,
}

impl SuiteVector for TreeOperation {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        let wire = round_trip::<WireTree>("tree_before", &self.tree_before)?;
        let before = RatchetTree::from_wire(&wire, suite).at("tree_before")?;
        same_bytes("tree_before: encoded again", &before.to_bytes()?, &self.tree_before)?;
        same_bytes("tree_hash_before", before.tree_hash(), &self.tree_hash_before)?;
        let proposal = round_trip::<Proposal>("proposal", &self.proposal)?;
        let after = apply(&before, proposal, LeafIndex(self.proposal_sender), suite).at("proposal")?;
        same_bytes("tree_after", &after.to_bytes()?, &self.tree_after)?;
        same_bytes("tree_hash_after", after.tree_hash(), &self.tree_hash_after)
    }
}

fn apply(
    before: &RatchetTree,
    proposal: Proposal,
    sender: LeafIndex,
    suite: &dyn Suite,
) -> Result<RatchetTree, Failure> {
    let mut edit = before.edit(suite);
    match proposal {
        Proposal::Add(add) => {
            edit.add(&add.key_package.leaf_node)?;
        }
        Proposal::Update(update) => edit.update(sender, &update.leaf_node)?,
        Proposal::Remove(remove) => edit.remove(remove.removed)?,
        Proposal::PreSharedKey(_)
        | Proposal::ReInit(_)
        | Proposal::ExternalInit(_)
        | Proposal::GroupContextExtensions(_)
        | Proposal::Custom(..) => return Err(Failure::unreadable(&"not a proposal that changes a tree")),
    }
    Ok(edit.seal()?)
}
