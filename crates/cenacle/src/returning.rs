//! With whom a device that comes back to a conversation lets itself in: with those it knows, by their keys.

use alloc::collections::BTreeSet;

use cenacle_crypto::SignaturePublicKey;
use cenacle_mls::group::PublicGroup;
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
