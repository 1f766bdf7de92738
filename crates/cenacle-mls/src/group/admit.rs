//! Whether a proposal that arrives may wait for a commit (RFC 9420 §12.1). Judged is what stands or falls with the proposal
//! alone; what depends on the rest of a commit is judged with the commit.

use alloc::sync::Arc;

use super::{
    Group, Inputs, Occasion, Transition,
    apply::check_extensions,
    list::check_psk,
    proposals::CachedProposal,
    public::leaf_check,
    transition::{StateChange, StateEvent},
};
use crate::{
    Error, Misuse, Need, Rule,
    delta::Delta,
    tree::{LeafCheck, LeafPlace},
    wire::{LeafIndex, LeafNode, Proposal, ProposalRef, Sender},
};

impl Group {
    /// Refuses what no commit could carry, and what its sender may not want.
    pub(crate) fn check_proposal(&self, cached: &CachedProposal, inputs: &Inputs<'_>) -> Result<(), Error> {
        inputs.check_admitted(self.public(), cached.sender, &cached.proposal)?;
        self.check_room(&cached.sender)?;
        match &cached.proposal {
            Proposal::Add(add) => {
                add.key_package.check(&self.leaf_check_alone())?;
                inputs.check_leaf(Occasion::Add, self.group_id(), &add.key_package.leaf_node, None)
            }
            Proposal::Update(update) => match cached.sender {
                Sender::Member(leaf) => self.check_update(&update.leaf_node, leaf, inputs),
                Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => {
                    Err(Rule::UpdateByMember.into())
                }
            },
            Proposal::Remove(remove) => {
                self.member(remove.removed).ok_or(Rule::RemovedIsMember)?;
                Ok(())
            }
            Proposal::PreSharedKey(psk) => Ok(check_psk(&psk.psk, self.client.suite())?),
            Proposal::GroupContextExtensions(change) => check_extensions(&change.extensions, self.group_id(), inputs),
            Proposal::ReInit(_) => Ok(()),
            Proposal::ExternalInit(_) => Err(Rule::ExternalInitOnce.into()),
            Proposal::Custom(..) => Ok(()),
        }
    }

    /// Room for the sender's proposal: outsiders have an eighth of it among them.
    fn check_room(&self, sender: &Sender) -> Result<(), Error> {
        let limit = self.client.settings.limits.pending_proposals;
        let outside = |sender: &Sender| !matches!(sender, Sender::Member(_));
        let waiting = &self.proposals.entries;
        let outsiders = waiting.iter().filter(|entry| outside(&entry.sender)).count();
        if waiting.len() >= limit || (outside(sender) && outsiders >= limit / 8) {
            return Err(Misuse::TooManyProposals.into());
        }
        Ok(())
    }

    /// An Update on its own: a valid leaf there, with a new key, believed.
    fn check_update(&self, leaf_node: &LeafNode, leaf: LeafIndex, inputs: &Inputs<'_>) -> Result<(), Error> {
        let old = self.member(leaf).ok_or(Rule::SenderIsMember)?;
        self.leaf_check_alone().check(leaf_node, LeafPlace::Update(leaf))?;
        if leaf_node.encryption_key == old.encryption_key {
            return Err(Rule::LeafKeyReplaced.into());
        }
        inputs.check_leaf(Occasion::Update, self.group_id(), leaf_node, Some(old))
    }

    /// Without what the group requires, which the same commit may change, and without the clock, which the committer has.
    fn leaf_check_alone(&self) -> LeafCheck<'_> {
        let limits = &self.client.settings.limits;
        leaf_check(self.client.suite(), Some(self.group_id()), None, None, limits.lifetime_seconds)
    }

    /// Sets a waiting proposal aside: it is not committed here and does not hold back application data. It is still known,
    /// since another member may commit it.
    ///
    /// # Errors
    /// `Misuse(NothingPending)` when no such proposal waits.
    pub fn set_aside(&self, reference: &ProposalRef) -> Result<Transition<()>, Error> {
        let cached = self.proposals.find(reference).ok_or(Misuse::NothingPending)?;
        let cached = CachedProposal { set_aside: 1, ..cached.clone() };
        let mut delta = Delta::new();
        self.write_proposal(&cached, &mut delta)?;
        let change = StateChange { used: None, event: StateEvent::SetAside(Arc::new(cached)) };
        Ok(Transition::new(self.revision.clone(), delta, change, ()))
    }
}

/// Whether an error says what to fetch, rather than what is wrong.
pub(crate) fn is_unknown_credential(error: &Error) -> bool {
    matches!(error, Error::Missing(Need::CredentialVerdicts(_)))
}
