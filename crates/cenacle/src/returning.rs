//! Who may come into a conversation from outside, by an external commit (RFC 9420 §12.4.3.2): a device that takes the place
//! of its own former self, and nobody else. All members decide alike, so what one refuses, all do.

use cenacle_crypto::SignaturePublicKey;
use cenacle_mls::{
    Refusal,
    group::{CommitSummary, GroupPolicy, PublicGroup},
    wire::{Credential, LeafIndex},
};

/// The conversations' access control.
#[derive(Debug)]
pub(crate) struct OnlyReturning;

impl GroupPolicy for OnlyReturning {
    /// The signature key must be the one the device had: the Authentication Service vouches for names, but cannot give a
    /// member's place to another key.
    fn admits_commit(&self, group: &PublicGroup, next: &PublicGroup, does: &CommitSummary) -> Result<(), Refusal> {
        if does.external == 0 {
            return Ok(());
        }
        let [(former, _)] = does.removed.as_slice() else {
            return Err("only who was in it comes in from outside".into());
        };
        match (identity(group, *former), identity(next, does.committer)) {
            (Some(former), Some(present)) if former == present => Ok(()),
            _ => Err("who comes back takes no place but its own".into()),
        }
    }
}

fn identity(group: &PublicGroup, leaf: LeafIndex) -> Option<(Credential, SignaturePublicKey)> {
    let leaf = group.tree().leaf(leaf)?;
    Some((leaf.credential, leaf.signature_key))
}
