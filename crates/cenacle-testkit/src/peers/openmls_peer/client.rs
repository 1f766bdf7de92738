//! What a client of OpenMLS does outside of groups.

use openmls::messages::external_proposals::{ExternalProposal, JoinProposal};
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{
    ExternalSender, GroupId, LeafNodeIndex, LeafNodeParameters, MlsGroup, MlsGroupCreateConfig, MlsMessageBodyIn,
    MlsMessageOut, OpenMlsProvider as _, PreSharedKeyProposal, RatchetTreeIn, SenderExtensionIndex,
    SenderRatchetConfiguration, StagedWelcome,
};
use openmls_rust_crypto::{MemoryStorage, OpenMlsRustCrypto};

use super::super::{Action, Client, Entry, Invitation, PeerError, PeerResult, View};
use super::{
    FORWARD_GENERATIONS, NAME, OpenMlsPeer, PAST_EPOCHS, RESUMPTION_PSKS, SKIPPED_KEYS, decode, decode_extensions,
    decode_tree, encode, refuse, unexpected,
};

fn read_view(view: &View) -> PeerResult<(VerifiableGroupInfo, Option<RatchetTreeIn>)> {
    let MlsMessageBodyIn::GroupInfo(group_info) = decode(&view.group_info)? else {
        return Err(unexpected("read a GroupInfo"));
    };
    Ok((group_info, view.ratchet_tree.as_deref().map(decode_tree).transpose()?))
}

impl OpenMlsPeer {
    fn as_external_sender(&self) -> ExternalSender {
        ExternalSender::new(self.credential.signature_key.clone(), self.credential.credential.clone())
    }
}

impl Client for OpenMlsPeer {
    fn implementation(&self) -> &'static str {
        NAME
    }

    fn key_package(&mut self) -> PeerResult<Vec<u8>> {
        encode(&MlsMessageOut::from(self.make_key_package()?))
    }

    fn add_psk(&mut self, id: &[u8], secret: &[u8]) -> PeerResult<()> {
        self.psk_id(id)?.store(&self.provider, secret).map_err(refuse("store a PSK"))
    }

    fn create_group(&mut self, group_id: &[u8]) -> PeerResult<()> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(self.suite)
            .capabilities(self.capabilities())
            .wire_format_policy(self.wire_format())
            .use_ratchet_tree_extension(self.options.tree_in_welcome)
            .max_past_epochs(PAST_EPOCHS)
            .number_of_resumption_psks(RESUMPTION_PSKS)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(SKIPPED_KEYS, FORWARD_GENERATIONS))
            .build();
        let id = GroupId::from_slice(group_id);
        let group = MlsGroup::new_with_group_id(&self.provider, &self.signer, &config, id, self.credential.clone())
            .map_err(refuse("create a group"))?;
        self.group = Some(group);
        Ok(())
    }

    fn join(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let MlsMessageBodyIn::Welcome(welcome) = decode(&invitation.welcome)? else {
            return Err(unexpected("join"));
        };
        // A member that was removed and comes back still has the old group of this id in its storage.
        let mut builder = StagedWelcome::build_from_welcome(&self.provider, &self.join_config(), welcome)
            .map_err(refuse("open a Welcome"))?
            .replace_old_group();
        if let Some(tree) = &invitation.ratchet_tree {
            builder = builder.with_ratchet_tree(decode_tree(tree)?);
        }
        let staged = builder.build().map_err(refuse("check a Welcome"))?;
        self.group = Some(staged.into_group(&self.provider).map_err(refuse("join"))?);
        Ok(())
    }

    /// OpenMLS removes an old leaf of the same signature key by itself, so a resync need not be told.
    fn external_join(&mut self, view: &View, entry: Entry<'_>) -> PeerResult<Vec<u8>> {
        let (group_info, tree) = read_view(view)?;
        let mut builder = MlsGroup::external_commit_builder().with_config(self.join_config());
        if let Some(tree) = tree {
            builder = builder.with_ratchet_tree(tree);
        }
        let leaf = LeafNodeParameters::builder().with_capabilities(self.capabilities()).build();
        let psk = entry.psk.map(|id| self.psk_id(id)).transpose()?;
        let (group, bundle) = builder
            .build_group(&self.provider, group_info, self.credential.clone())
            .map_err(refuse("check a GroupInfo"))?
            .leaf_node_parameters(leaf)
            .add_psk_proposals(psk.map(PreSharedKeyProposal::new))
            .load_psks(self.provider.storage())
            .map_err(refuse("load PSKs"))?
            .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)
            .map_err(refuse("build an external commit"))?
            .finalize(&self.provider)
            .map_err(refuse("apply an external commit"))?;
        self.group = Some(group);
        encode(bundle.commit())
    }

    fn propose_join(&mut self, view: &View) -> PeerResult<Vec<u8>> {
        let (group_info, _) = read_view(view)?;
        let context = group_info.group_context();
        let key_package = self.make_key_package()?;
        let proposal =
            JoinProposal::new::<MemoryStorage>(key_package, context.group_id().clone(), context.epoch(), &self.signer)
                .map_err(refuse("propose to be added"))?;
        encode(&proposal)
    }

    fn external_sender(&self) -> PeerResult<Vec<u8>> {
        self.as_external_sender().tls_serialize_detached().map_err(refuse("encode an external sender"))
    }

    fn propose_externally(&mut self, view: &View, what: &Action) -> PeerResult<Vec<u8>> {
        const OPERATION: &str = "propose from outside";
        let (group_info, _) = read_view(view)?;
        let context = group_info.group_context();
        let own = self.as_external_sender();
        let index =
            context.extensions().external_senders().and_then(|list| list.iter().position(|entry| *entry == own));
        let index = index.and_then(|index| u32::try_from(index).ok());
        let index = index.ok_or_else(|| PeerError::new(NAME, OPERATION, &"not an external sender"))?;
        let (id, epoch, index) = (context.group_id().clone(), context.epoch(), SenderExtensionIndex::new(index));
        let signer = &self.signer;
        let proposal =
            match what {
                Action::Add(key_package) => {
                    let key_package = self.check_key_package(key_package)?;
                    ExternalProposal::new_add::<OpenMlsRustCrypto>(key_package, id, epoch, signer, index)
                        .map_err(refuse(OPERATION))?
                }
                Action::Remove(leaf) => {
                    let leaf = LeafNodeIndex::new(*leaf);
                    ExternalProposal::new_remove::<OpenMlsRustCrypto>(leaf, id, epoch, signer, index)
                        .map_err(refuse(OPERATION))?
                }
                Action::GroupContextExtensions(raw) => ExternalProposal::new_group_context_extensions::<
                    OpenMlsRustCrypto,
                >(
                    decode_extensions(raw)?, id, epoch, signer, index
                )
                .map_err(refuse(OPERATION))?,
                Action::Psk(_) | Action::ResumptionPsk(_) | Action::ReInit(_) | Action::Path => {
                    return Err(PeerError::new(NAME, OPERATION, &"not offered"));
                }
            };
        encode(&proposal)
    }
}
