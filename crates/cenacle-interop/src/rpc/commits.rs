//! From one epoch to the next: making a commit, having it accepted, receiving another's.

use super::Interop;
use crate::{
    failure::Failure,
    proto,
    state::{CommitOut, CommitWish},
    table::lock,
    wish::Wish,
};

impl Interop {
    pub(crate) fn commit(&self, request: &proto::CommitRequest) -> Result<proto::CommitResponse, Failure> {
        self.make_commit(request, false)
    }

    /// A commit that re-initialises the group, or none.
    pub(crate) fn re_init_commit(&self, request: &proto::CommitRequest) -> Result<proto::CommitResponse, Failure> {
        self.make_commit(request, true)
    }

    fn make_commit(&self, request: &proto::CommitRequest, reinit: bool) -> Result<proto::CommitResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let mut state = lock(&state)?;
        let public = state.group.public();
        let by_value = request.by_value.iter().map(|wanted| Wish::read(wanted, public)).collect::<Result<_, _>>()?;
        let CommitOut { commit, welcome, ratchet_tree } = state.commit(CommitWish {
            by_reference: &request.by_reference,
            by_value,
            force_path: request.force_path,
            external_tree: request.external_tree,
            reinit,
        })?;
        Ok(proto::CommitResponse { commit, welcome, ratchet_tree })
    }

    pub(crate) fn handle_pending_commit(
        &self,
        request: &proto::HandlePendingCommitRequest,
    ) -> Result<proto::HandleCommitResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let mut state = lock(&state)?;
        state.confirm()?;
        let epoch_authenticator = state.epoch_authenticator();
        Ok(proto::HandleCommitResponse { state_id: request.state_id, epoch_authenticator })
    }

    /// A member that the commit removes gets an empty authenticator: it has no part in the new epoch.
    pub(crate) fn handle_commit(
        &self,
        request: &proto::HandleCommitRequest,
    ) -> Result<proto::HandleCommitResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let mut state = lock(&state)?;
        state.receive(&request.proposal, &request.commit)?;
        let epoch_authenticator = state.epoch_authenticator();
        Ok(proto::HandleCommitResponse { state_id: request.state_id, epoch_authenticator })
    }
}
