//! Proposals from outside the group (RFC 9420 §12.1.8): of a client that wants to be added, and of senders that the group lists.

use cenacle_mls::{
    group::{Client, PublicGroup},
    wire::{GroupInfo, WireTree},
};

use super::{Interop, joining::decode_group_info};
use crate::{
    actor::{PskShelf, Signer, Transaction, decode_given, decode_key_package, encode, handshake, inputs},
    failure::Failure,
    proto,
    wish::Wish,
};

/// A group that somebody outside is told of.
fn read_group(client: &Client, info: &GroupInfo, tree: Option<WireTree>) -> Result<PublicGroup, Failure> {
    let no_psks = PskShelf::default().psks();
    Ok(PublicGroup::from_group_info(info, tree, client.suite(), client.settings(), &inputs(&no_psks))?)
}

impl Interop {
    pub(crate) fn new_member_add_proposal(
        &self,
        request: &proto::NewMemberAddProposalRequest,
    ) -> Result<proto::NewMemberAddProposalResponse, Failure> {
        let info = decode_group_info(&request.group_info)?;
        let suite = self.workshop.suites.suite(info.group_context.cipher_suite)?;
        let (client, signature_key) = self.workshop.client(suite, &request.identity, handshake(false))?;
        let group = read_group(&client, &info, None)?;
        let (transaction, offer) = Transaction::new(client.clone())?;
        let key_package = decode_key_package("key_package", &encode(&offer.key_package)?)?;
        let no_psks = PskShelf::default().psks();
        let proposal = encode(&client.propose_joining(&group, key_package, &inputs(&no_psks))?)?;
        Ok(proto::NewMemberAddProposalResponse {
            transaction_id: self.table.insert(transaction)?,
            proposal,
            init_priv: offer.init_priv,
            encryption_priv: offer.encryption_priv,
            signature_priv: signature_key.0.expose().to_vec(),
        })
    }

    pub(crate) fn create_external_signer(
        &self,
        request: &proto::CreateExternalSignerRequest,
    ) -> Result<proto::CreateExternalSignerResponse, Failure> {
        let suite = self.workshop.suites.numbered(request.cipher_suite)?;
        let (client, _) = self.workshop.client(suite, &request.identity, handshake(false))?;
        let external_sender = encode(&client.external_sender())?;
        Ok(proto::CreateExternalSignerResponse { signer_id: self.table.insert(Signer { client })?, external_sender })
    }

    /// The request's `signer_index` says nothing: runners leave it unset, and the group knows the signer by its key.
    pub(crate) fn external_signer_proposal(
        &self,
        request: &proto::ExternalSignerProposalRequest,
    ) -> Result<proto::ProposalResponse, Failure> {
        let signer = self.table.signer(request.signer_id)?;
        let info = decode_group_info(&request.group_info)?;
        let tree = decode_given("ratchet_tree", &request.ratchet_tree)?;
        let client = &signer.client;
        let group = read_group(client, &info, tree)?;
        let wanted = request.description.as_ref().ok_or(Failure::Field("description", "not given"))?;
        let proposal = Wish::read(wanted, &group)?.proposal(client.suite())?;
        let no_psks = PskShelf::default().psks();
        let proposal = client.propose_externally(&group, proposal, &inputs(&no_psks))?;
        Ok(proto::ProposalResponse { proposal: encode(&proposal)? })
    }
}
