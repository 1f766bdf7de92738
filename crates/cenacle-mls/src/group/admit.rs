//! Whether a proposal that arrives may wait for a commit (RFC 9420 §12.1). Judged is what stands or falls with the proposal
//! alone; what depends on the rest of a commit is judged with the commit.

use alloc::sync::Arc;

use super::{
    Group, Inputs, Occasion, PublicGroup, Transition,
    apply::check_extensions,
    list::{check_psk, check_reinit},
    proposals::{CachedProposal, ProposalCache},
    public::Judge,
    transition::{StateChange, StateEvent},
};
use crate::{
    Error, Misuse, Need, Rule,
    delta::Delta,
    tree::{LeafCheck, LeafPlace},
    wire::{LeafIndex, LeafNode, Proposal, ProposalRef, ProposalType, Sender},
};

impl PublicGroup {
    /// Refuses what no commit could carry, and what its sender may not want.
    pub(crate) fn check_proposal(&self, cached: &CachedProposal, judge: Judge<'_>) -> Result<(), Error> {
        let inputs = judge.inputs;
        if matches!(cached.sender, Sender::External(_)) {
            check_open_to_external(cached.proposal.proposal_type(), inputs)?;
        }
        inputs.check_admitted(self, cached.sender, &cached.proposal)?;
        match &cached.proposal {
            Proposal::Add(add) => {
                add.key_package.check(&self.leaf_check_alone(judge))?;
                inputs.check_leaf(Occasion::Add, self.group_id(), &add.key_package.leaf_node, None)
            }
            Proposal::Update(update) => match cached.sender {
                Sender::Member(leaf) => self.check_update(&update.leaf_node, leaf, judge),
                Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => {
                    Err(Rule::UpdateByMember.into())
                }
            },
            Proposal::Remove(remove) => {
                self.tree.leaf(remove.removed).ok_or(Rule::RemovedIsMember)?;
                Ok(())
            }
            Proposal::PreSharedKey(psk) => Ok(check_psk(&psk.psk, judge.suite)?),
            Proposal::GroupContextExtensions(change) => check_extensions(&change.extensions, self.group_id(), inputs),
            Proposal::ReInit(reinit) => Ok(check_reinit(reinit, self)?),
            Proposal::ExternalInit(_) => Err(Rule::ExternalInitOnce.into()),
            Proposal::Custom(..) => Ok(()),
        }
    }

    /// An Update on its own: a valid leaf there, with a new key, believed.
    fn check_update(&self, leaf_node: &LeafNode, leaf: LeafIndex, judge: Judge<'_>) -> Result<(), Error> {
        let old = self.tree.leaf(leaf).ok_or(Rule::SenderIsMember)?;
        self.leaf_check_alone(judge).check(leaf_node, LeafPlace::Update(leaf))?;
        if leaf_node.encryption_key == old.encryption_key {
            return Err(Rule::LeafKeyReplaced.into());
        }
        judge.inputs.check_leaf(Occasion::Update, self.group_id(), leaf_node, Some(&old))
    }

    /// Without what the group requires, which the same commit may change.
    fn leaf_check_alone<'a>(&'a self, judge: Judge<'a>) -> LeafCheck<'a> {
        let now_seconds = judge.inputs.on_receipt(judge.settings).now_seconds;
        LeafCheck { now_seconds, ..judge.leaf_check(self.group_id(), None) }
    }
}

/// RFC 9420 §12.1.8: "Messages from external senders containing proposal types other than the above MUST be rejected as
/// malformed." Which of the types beyond RFC 9420 are open to them the application knows.
pub(crate) fn check_open_to_external(kind: ProposalType, inputs: &Inputs<'_>) -> Result<(), Rule> {
    let open = match kind {
        ProposalType::UPDATE | ProposalType::EXTERNAL_INIT => false,
        _ => kind.is_default() || inputs.policy.custom_proposal(kind).external,
    };
    if open { Ok(()) } else { Err(Rule::ExternalSenderProposes) }
}

impl ProposalCache {
    /// Room for a proposal: each member has an eighth of the limit, and so have all outsiders together. One's own are counted
    /// as everyone else counts them, so that nobody commits what the others had no room for.
    pub(crate) fn check_room(&self, sender: Sender, limit: usize) -> Result<(), Error> {
        let alike = |other: &Sender| match sender {
            Sender::Member(_) => *other == sender,
            Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => {
                !matches!(other, Sender::Member(_))
            }
        };
        let same = self.entries.iter().filter(|entry| alike(&entry.sender)).count();
        if self.entries.len() >= limit || same >= (limit / 8).max(1) {
            return Err(Misuse::TooManyProposals.into());
        }
        Ok(())
    }
}

impl Group {
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
