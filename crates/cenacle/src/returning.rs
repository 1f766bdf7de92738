//! Who may come into a conversation from outside, by an external commit (RFC 9420 §12.4.3.2): a device that takes the place
//! of its own former self, and nobody else. All members decide alike, so what one refuses, all do. And with whom that device
//! lets itself in: with those it knows, by their keys.

use alloc::collections::BTreeSet;

use cenacle_crypto::SignaturePublicKey;
use cenacle_mls::{
    Refusal,
    group::{CommitSummary, GroupPolicy, PublicGroup},
    wire::{Credential, LeafIndex},
};
use cenacle_service::wire::AccountName;

use crate::{Error, MemberId};

/// Who is in a group, and with which key. A device never changes its key: the same name with another key is somebody else,
/// whatever the Authentication Service says.
pub(crate) type Roster = BTreeSet<(MemberId, SignaturePublicKey)>;

/// A group's members.
pub(crate) fn roster(group: &PublicGroup) -> Roster {
    let member = |leaf: &cenacle_mls::wire::LeafNode| {
        Some((MemberId::from_credential(&leaf.credential)?, leaf.signature_key.clone()))
    };
    group.members().filter_map(|(_, leaf)| member(&leaf)).collect()
}

/// Refuses to be with members who are not among the `known`, unless their accounts are `named`.
pub(crate) fn check_newcomers(known: &Roster, group: &PublicGroup, named: &BTreeSet<AccountName>) -> Result<(), Error> {
    let present = roster(group);
    let newcomers: BTreeSet<&AccountName> =
        present.difference(known).map(|(member, _)| &member.name).filter(|name| !named.contains(*name)).collect();
    if newcomers.is_empty() { Ok(()) } else { Err(Error::Newcomers(newcomers.into_iter().cloned().collect())) }
}

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
