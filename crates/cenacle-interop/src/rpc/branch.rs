//! From a group to a smaller one beside it (RFC 9420 §11.3). The parent goes on.

use super::{
    Interop,
    reinit::{FoundingWish, join_from},
};
use crate::{
    actor::{PskShelf, framing, lifetime},
    failure::Failure,
    proto,
    table::lock,
    wish::read_extensions,
};

impl Interop {
    pub(crate) fn create_branch(
        &self,
        request: &proto::CreateBranchRequest,
    ) -> Result<proto::CreateSubgroupResponse, Failure> {
        let parent = self.table.state(request.state_id)?;
        let parent = lock(&parent)?;
        let extensions = read_extensions(&request.extensions)?;
        let group_id = request.group_id.as_slice().into();
        let founding = parent.client.branch(&parent.group, group_id, extensions, lifetime())?;
        let mut psks = PskShelf::default();
        psks.copy_from(&parent.psks);
        let wish = FoundingWish {
            key_packages: &request.key_packages,
            force_path: request.force_path,
            external_tree: request.external_tree,
        };
        self.found(&parent.client, psks, founding, wish)
    }

    pub(crate) fn handle_branch(
        &self,
        request: &proto::HandleBranchRequest,
    ) -> Result<proto::HandleBranchResponse, Failure> {
        let parent = self.table.state(request.state_id)?;
        let transaction = self.table.transaction(request.transaction_id)?;
        let state = {
            let parent = lock(&parent)?;
            let offer = lock(&transaction)?;
            let client = framing(&offer.client, parent.client.settings().handshake);
            join_from(&parent, &offer, &client, &request.welcome, &request.ratchet_tree)?
        };
        let epoch_authenticator = state.epoch_authenticator();
        let state_id = self.table.insert(state)?;
        self.table.remove(request.transaction_id)?;
        Ok(proto::HandleBranchResponse { state_id, epoch_authenticator })
    }
}
