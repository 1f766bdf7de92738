//! What a member is asked within an epoch, besides proposing: descriptions, secrets, application data, keys to keep.

use cenacle_mls::group::Group;

use super::Interop;
use crate::{
    actor::encode,
    failure::{Failure, Kind},
    proto,
    table::{Slot, lock},
};

/// A GroupInfo that lets others join from outside, and the tree if it is not in there.
fn describe(group: &Group, external_tree: bool) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let info = encode(&group.group_info(!external_tree, true)?)?;
    let tree = if external_tree { encode(group.public().tree())? } else { Vec::new() };
    Ok((info, tree))
}

impl Interop {
    pub(crate) fn group_info(&self, request: &proto::GroupInfoRequest) -> Result<proto::GroupInfoResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let (group_info, ratchet_tree) = describe(&lock(&state)?.group, request.external_tree)?;
        Ok(proto::GroupInfoResponse { group_info, ratchet_tree })
    }

    pub(crate) fn state_auth(&self, request: &proto::StateAuthRequest) -> Result<proto::StateAuthResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let state_auth_secret = lock(&state)?.epoch_authenticator();
        Ok(proto::StateAuthResponse { state_auth_secret })
    }

    pub(crate) fn export(&self, request: &proto::ExportRequest) -> Result<proto::ExportResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let length = usize::try_from(request.key_length).map_err(|_| Failure::Field("key_length", "too long"))?;
        let secret = lock(&state)?.group.export_secret(&request.label, &request.context, length)?;
        Ok(proto::ExportResponse { exported_secret: secret.expose().to_vec() })
    }

    pub(crate) fn protect(&self, request: &proto::ProtectRequest) -> Result<proto::ProtectResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let ciphertext = lock(&state)?.protect(&request.authenticated_data, &request.plaintext)?;
        Ok(proto::ProtectResponse { ciphertext })
    }

    pub(crate) fn unprotect(&self, request: &proto::UnprotectRequest) -> Result<proto::UnprotectResponse, Failure> {
        let state = self.table.state(request.state_id)?;
        let (authenticated_data, plaintext) = lock(&state)?.unprotect(&request.ciphertext)?;
        Ok(proto::UnprotectResponse { authenticated_data, plaintext })
    }

    pub(crate) fn store_psk(&self, request: &proto::StorePskRequest) -> Result<proto::StorePskResponse, Failure> {
        let id = request.state_or_transaction_id;
        match self.table.find(id)? {
            Some(Slot::State(state)) => lock(&state)?.psks.insert(&request.psk_id, &request.psk_secret),
            Some(Slot::Transaction(transaction)) => {
                lock(&transaction)?.psks.insert(&request.psk_id, &request.psk_secret);
            }
            Some(Slot::Signer(_) | Slot::Successor(_)) | None => return Err(Failure::Unknown(Kind::State, id)),
        }
        Ok(proto::StorePskResponse {})
    }
}
