//! Proposals of a member on their own. Each waits in its proposer's state too, and comes back in the list of a commit.

use super::Interop;
use crate::{
    actor::decode,
    failure::Failure,
    proto,
    state::State,
    table::lock,
    wish::{Wish, read_extensions, read_reinit},
};

impl Interop {
    fn propose(
        &self,
        state_id: u32,
        wish: impl FnOnce(&State) -> Result<Wish, Failure>,
    ) -> Result<proto::ProposalResponse, Failure> {
        let state = self.table.state(state_id)?;
        let mut state = lock(&state)?;
        let wish = wish(&state)?;
        Ok(proto::ProposalResponse { proposal: state.propose(&wish)? })
    }

    pub(crate) fn add_proposal(&self, request: &proto::AddProposalRequest) -> Result<proto::ProposalResponse, Failure> {
        self.propose(request.state_id, |_| Wish::add(&request.key_package))
    }

    pub(crate) fn update_proposal(
        &self,
        request: &proto::UpdateProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        self.propose(request.state_id, |_| Ok(Wish::Update))
    }

    pub(crate) fn remove_proposal(
        &self,
        request: &proto::RemoveProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        self.propose(request.state_id, |state| Wish::remove(&request.removed_id, state.group.public()))
    }

    pub(crate) fn external_psk_proposal(
        &self,
        request: &proto::ExternalPskProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        self.propose(request.state_id, |_| Ok(Wish::external(&request.psk_id)))
    }

    pub(crate) fn resumption_psk_proposal(
        &self,
        request: &proto::ResumptionPskProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        self.propose(request.state_id, |state| Ok(Wish::resumption(request.epoch_id, state.group.public())))
    }

    pub(crate) fn group_context_extensions_proposal(
        &self,
        request: &proto::GroupContextExtensionsProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        self.propose(request.state_id, |_| read_extensions(&request.extensions).map(Wish::Extensions))
    }

    pub(crate) fn re_init_proposal(
        &self,
        request: &proto::ReInitProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        let proto::ReInitProposalRequest { state_id, cipher_suite, group_id, extensions } = request;
        self.propose(*state_id, |_| read_reinit(*cipher_suite, group_id, extensions).map(Wish::ReInit))
    }

    /// The group's extensions with one more external sender.
    pub(crate) fn add_external_signer(
        &self,
        request: &proto::AddExternalSignerRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        let sender = decode("external_sender", &request.external_sender)?;
        self.propose(request.state_id, |state| state.extensions_with_sender(sender).map(Wish::Extensions))
    }
}
