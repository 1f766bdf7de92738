//! Ways into a group: creating one, offering a key package and joining by a Welcome, joining from outside.

use cenacle_crypto::Suite;
use cenacle_mls::{
    group::{Client, ExternalJoin},
    tree::RatchetTree,
    wire::{Extensions, GroupInfo, LeafIndex, MlsMessage, MlsMessageBody, Psk, WireTree},
};
use cenacle_store::MemoryStore;

use super::Interop;
use crate::{
    actor::{
        PskShelf, Transaction, decode, decode_given, decode_welcome, encode, find_member, framing, handshake, inputs,
        lifetime,
    },
    failure::Failure,
    proto,
    state::State,
    suites::SystemRandomness,
};

pub(super) fn decode_group_info(bytes: &[u8]) -> Result<GroupInfo, Failure> {
    match decode::<MlsMessage>("group_info", bytes)?.body {
        MlsMessageBody::GroupInfo(info) => Ok(info),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::KeyPackage(_)
        | MlsMessageBody::Welcome(_) => Err(Failure::Field("group_info", "not a GroupInfo")),
    }
}

/// The leaf of a former self, in the tree that belongs to a GroupInfo.
fn former_leaf(
    identity: &[u8],
    info: &GroupInfo,
    tree: Option<&WireTree>,
    suite: &dyn Suite,
) -> Result<LeafIndex, Failure> {
    let carried = info.extensions.find(cenacle_mls::wire::ExtensionType::RATCHET_TREE);
    let carried = carried.map(|bytes| decode("group_info", bytes)).transpose()?;
    let tree = carried.or_else(|| tree.cloned()).ok_or(Failure::Field("ratchet_tree", "not given"))?;
    let tree = RatchetTree::from_wire(&tree, suite)?;
    find_member(identity, tree.members()).ok_or_else(|| Failure::NoMember(identity.to_vec()))
}

impl Interop {
    pub(crate) fn create_group(
        &self,
        request: &proto::CreateGroupRequest,
    ) -> Result<proto::CreateGroupResponse, Failure> {
        let suite = self.workshop.suites.numbered(request.cipher_suite)?;
        let handshake = handshake(request.encrypt_handshake);
        let (client, _) = self.workshop.client(suite, &request.identity, handshake)?;
        let psks = PskShelf::default();
        let new = client.create_group(
            request.group_id.as_slice().into(),
            Extensions::default(),
            lifetime(),
            &inputs(&psks.psks()),
            &mut SystemRandomness,
        )?;
        let state_id = self.table.insert(State::new(client, psks, new, MemoryStore::default())?)?;
        Ok(proto::CreateGroupResponse { state_id })
    }

    pub(crate) fn create_key_package(
        &self,
        request: &proto::CreateKeyPackageRequest,
    ) -> Result<proto::CreateKeyPackageResponse, Failure> {
        let suite = self.workshop.suites.numbered(request.cipher_suite)?;
        let (client, signature_key) = self.workshop.client(suite, &request.identity, handshake(false))?;
        let (transaction, offer) = Transaction::new(client)?;
        Ok(proto::CreateKeyPackageResponse {
            transaction_id: self.table.insert(transaction)?,
            key_package: encode(&offer.key_package)?,
            init_priv: offer.init_priv,
            encryption_priv: offer.encryption_priv,
            signature_priv: signature_key.0.expose().to_vec(),
        })
    }

    pub(crate) fn join_group(&self, request: &proto::JoinGroupRequest) -> Result<proto::JoinGroupResponse, Failure> {
        self.table.use_up(request.transaction_id, |offer| {
            let welcome = decode_welcome(&request.welcome)?;
            let own = offer.named_by(&welcome)?;
            let tree = decode_given("ratchet_tree", &request.ratchet_tree)?;
            let client = framing(&offer.client, handshake(request.encrypt_handshake));
            let new = client.join(&welcome, &own, tree, &inputs(&offer.psks.psks()))?;
            let mut psks = PskShelf::default();
            psks.copy_from(&offer.psks);
            let state = State::new(client, psks, new, offer.rows())?;
            let epoch_authenticator = state.epoch_authenticator();
            Ok(proto::JoinGroupResponse { state_id: self.table.insert(state)?, epoch_authenticator })
        })
    }

    pub(crate) fn external_join(
        &self,
        request: &proto::ExternalJoinRequest,
    ) -> Result<proto::ExternalJoinResponse, Failure> {
        let info = decode_group_info(&request.group_info)?;
        let tree: Option<WireTree> = decode_given("ratchet_tree", &request.ratchet_tree)?;
        let suite = self.workshop.suites.suite(info.group_context.cipher_suite)?;
        let replaces = match request.remove_prior {
            true => Some(former_leaf(&request.identity, &info, tree.as_ref(), &*suite)?),
            false => None,
        };
        let handshake = handshake(request.encrypt_handshake);
        let (client, _) = self.workshop.client(suite, &request.identity, handshake)?;
        let mut psks = PskShelf::default();
        for psk in &request.psks {
            psks.insert(&psk.psk_id, &psk.psk_secret);
        }
        let named = request.psks.iter().map(|psk| Psk::External(psk.psk_id.as_slice().into())).collect();
        let how = ExternalJoin { tree, replaces, psks: named };
        self.join_from_outside(client, psks, &info, how)
    }

    fn join_from_outside(
        &self,
        client: Client,
        psks: PskShelf,
        info: &GroupInfo,
        how: ExternalJoin,
    ) -> Result<proto::ExternalJoinResponse, Failure> {
        let mut store = MemoryStore::default();
        let join = client.join_external(info, how, &inputs(&psks.psks()), &mut SystemRandomness)?;
        let join = join.persist(&mut store).unwrap_or_else(|never| match never {});
        let commit = encode(join.commit())?;
        // The runner hands the commit to all members at once: it counts as accepted.
        let group = join.accepted().accept(&mut store)?;
        let state = State::stored(client, psks, group, store);
        let epoch_authenticator = state.epoch_authenticator();
        Ok(proto::ExternalJoinResponse { state_id: self.table.insert(state)?, commit, epoch_authenticator })
    }
}
