//! From a group to a smaller one beside it (RFC 9420 §11.3). The parent goes on.

use cenacle_mls::wire::ResumptionPskUsage;

use super::{
    Interop,
    reinit::{FoundingWish, Way, join_from},
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
        let parent = lock(&parent)?;
        self.table.use_up(request.transaction_id, |offer| {
            let client = framing(&offer.client, parent.client.settings().handshake);
            let way = Way { usage: ResumptionPskUsage::Branch, wanted: "a branch of this one" };
            let state = join_from(&parent, offer, &client, way, (&request.welcome, &request.ratchet_tree))?;
            let epoch_authenticator = state.epoch_authenticator();
            Ok(proto::HandleBranchResponse { state_id: self.table.insert(state)?, epoch_authenticator })
        })
    }
}
