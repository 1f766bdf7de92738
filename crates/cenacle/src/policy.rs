//! What may be wanted in a conversation, and what a commit may lead to (RFC 9420 §12.1.8, §12.4): members come, go and renew
//! their keys, and a device takes the place of its own former self (§12.4.3.2). Nothing else that MLS knows is ever made here,
//! so that whoever makes it wants something else than a conversation. All members decide alike: what one refuses, all do.

use cenacle_crypto::SignaturePublicKey;
use cenacle_mls::{
    Refusal,
    group::{CommitSummary, GroupPolicy, PublicGroup},
    wire::{Credential, LeafIndex, Proposal, Sender},
};

/// The conversations' access control.
#[derive(Debug)]
pub(crate) struct ConversationPolicy;

impl GroupPolicy for ConversationPolicy {
    /// Members commit whatever waits, unasked: what one of them must not be able to bring about alone has to be refused here.
    fn admits(&self, _group: &PublicGroup, sender: &Sender, proposal: &Proposal) -> Result<(), Refusal> {
        match sender {
            Sender::Member(_) => of_member(proposal),
            Sender::NewMemberCommit => of_returning(proposal),
            Sender::External(_) | Sender::NewMemberProposal => Err("nobody outside wants anything in here".into()),
        }
    }

    /// The signature key must be the one the device had: the Authentication Service vouches for names, but cannot give a
    /// member's place to another key.
    fn admits_commit(&self, group: &PublicGroup, next: &PublicGroup, does: &CommitSummary) -> Result<(), Refusal> {
        // A proposal that has been waiting is not asked about again, and may be older than this policy.
        if next.extensions() != group.extensions() {
            return Err(KEEPS_EXTENSIONS.into());
        }
        if does.reinit.is_some() {
            return Err(GOES_ON.into());
        }
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

/// External senders could be listed there, who need not be members; and the key of the descriptions could be taken out.
const KEEPS_EXTENSIONS: &str = "a conversation keeps the extensions it was begun with";
/// A ReInit ends the group for good, and nobody here would begin the next one.
const GOES_ON: &str = "a conversation is not ended for another group";
const NOT_MADE: &str = "nothing like this is made in conversations";

/// What a member may want.
fn of_member(proposal: &Proposal) -> Result<(), Refusal> {
    match proposal {
        Proposal::Add(_) | Proposal::Update(_) | Proposal::Remove(_) => Ok(()),
        Proposal::GroupContextExtensions(_) => Err(KEEPS_EXTENSIONS.into()),
        Proposal::ReInit(_) => Err(GOES_ON.into()),
        Proposal::PreSharedKey(_) | Proposal::ExternalInit(_) | Proposal::Custom(..) => Err(NOT_MADE.into()),
    }
}

/// What an external commit may hold.
fn of_returning(proposal: &Proposal) -> Result<(), Refusal> {
    match proposal {
        Proposal::ExternalInit(_) | Proposal::Remove(_) => Ok(()),
        Proposal::Add(_)
        | Proposal::Update(_)
        | Proposal::PreSharedKey(_)
        | Proposal::ReInit(_)
        | Proposal::GroupContextExtensions(_)
        | Proposal::Custom(..) => Err(NOT_MADE.into()),
    }
}

fn identity(group: &PublicGroup, leaf: LeafIndex) -> Option<(Credential, SignaturePublicKey)> {
    let leaf = group.tree().leaf(leaf)?;
    Some((leaf.credential, leaf.signature_key))
}
