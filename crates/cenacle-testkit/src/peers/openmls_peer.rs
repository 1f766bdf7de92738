//! [`Peer`] over OpenMLS with its RustCrypto provider and in-memory storage.
//! What it needs to meet others: a wire format policy that is pure in the format of the group (external commits are
//! exempt), capabilities that name [`TEST_EXTENSION`], past epochs kept, for it keeps none by default, and more than
//! five skipped message keys of a sender.

mod client;

use openmls::grease::random_grease_value;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialWithKey, Extension, ExtensionType, Extensions,
    ExternalSendersExtension, GroupContext, KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider as _,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal,
    ProcessedMessageContent, Proposal, ProtocolMessage, ProtocolVersion, RatchetTreeIn, RequiredCapabilitiesExtension,
    SenderRatchetConfiguration, UnknownExtension, WireFormatPolicy,
};
use openmls::schedule::psk::{ExternalPsk, PreSharedKeyId, Psk, ResumptionPsk, ResumptionPskUsage};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

use super::{
    Action, CommitOut, EXTERNAL_SENDERS, Options, Peer, PeerError, PeerResult, REQUIRED_CAPABILITIES, RawExtension,
    Received, Succession, TEST_EXTENSION,
};

const NAME: &str = "OpenMLS";

/// Epochs whose messages can still be read after they ended.
const PAST_EPOCHS: usize = 3;

/// Resumption PSKs to keep, those of the past epochs for certain among them.
const RESUMPTION_PSKS: usize = PAST_EPOCHS + 2;

/// Skipped message keys to keep, and generations to go forward for one message. By default it keeps five keys: what a
/// restarted Cenacle client sends is further ahead than that of what it sent before.
const SKIPPED_KEYS: u32 = 128;
const FORWARD_GENERATIONS: u32 = 1000;

struct OpenMlsPeer {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    suite: Ciphersuite,
    options: Options,
    /// The type of the extension that means nothing in its key packages (RFC 9420 §13.5); its leaves have none.
    grease: u16,
    group: Option<MlsGroup>,
}

/// A client of OpenMLS with this name as its basic credential.
///
/// # Errors
///
/// [`PeerError`] if OpenMLS does not know the suite.
pub fn openmls_peer(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    let suite = Ciphersuite::try_from(suite).map_err(refuse("take the cipher suite"))?;
    let signer = SignatureKeyPair::new(suite.signature_algorithm()).map_err(refuse("make a signature key"))?;
    let credential = CredentialWithKey {
        credential: BasicCredential::new(name.as_bytes().to_vec()).into(),
        signature_key: signer.public().into(),
    };
    let provider = OpenMlsRustCrypto::default();
    let grease = random_grease_value(provider.rand());
    Ok(Box::new(OpenMlsPeer { provider, signer, credential, suite, options, grease, group: None }))
}

/// Turns an error of OpenMLS into a [`PeerError`].
fn refuse<E: core::fmt::Debug>(operation: &'static str) -> impl FnOnce(E) -> PeerError {
    move |error| PeerError::new(NAME, operation, &error)
}

fn unexpected(operation: &'static str) -> PeerError {
    PeerError::new(NAME, operation, &"another kind of message")
}

fn encode(message: &MlsMessageOut) -> PeerResult<Vec<u8>> {
    message.to_bytes().map_err(refuse("encode a message"))
}

fn decode(message: &[u8]) -> PeerResult<MlsMessageBodyIn> {
    Ok(MlsMessageIn::tls_deserialize_exact(message).map_err(refuse("decode a message"))?.extract())
}

fn decode_tree(tree: &[u8]) -> PeerResult<RatchetTreeIn> {
    RatchetTreeIn::tls_deserialize_exact(tree).map_err(refuse("decode a ratchet tree"))
}

fn decode_extensions(extensions: &[RawExtension]) -> PeerResult<Extensions<GroupContext>> {
    let decode = |(kind, data): &RawExtension| match *kind {
        REQUIRED_CAPABILITIES => RequiredCapabilitiesExtension::tls_deserialize_exact(data)
            .map(Extension::RequiredCapabilities)
            .map_err(refuse("decode required capabilities")),
        EXTERNAL_SENDERS => ExternalSendersExtension::tls_deserialize_exact(data)
            .map(Extension::ExternalSenders)
            .map_err(refuse("decode external senders")),
        unknown => Ok(Extension::Unknown(unknown, UnknownExtension(data.clone()))),
    };
    let decoded = extensions.iter().map(decode).collect::<PeerResult<Vec<_>>>()?;
    Extensions::from_vec(decoded).map_err(refuse("take group context extensions"))
}

fn psk_proposal(id: PreSharedKeyId) -> Proposal {
    Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)))
}

impl OpenMlsPeer {
    fn group(&self) -> PeerResult<&MlsGroup> {
        self.group.as_ref().ok_or_else(|| PeerError::new(NAME, "act in a group", &"not in any"))
    }

    /// The group together with what nearly every call on it needs.
    fn parts(&mut self) -> PeerResult<(&mut MlsGroup, &OpenMlsRustCrypto, &SignatureKeyPair)> {
        let group = self.group.as_mut().ok_or_else(|| PeerError::new(NAME, "act in a group", &"not in any"))?;
        Ok((group, &self.provider, &self.signer))
    }

    fn capabilities(&self) -> Capabilities {
        let extensions = vec![ExtensionType::Unknown(TEST_EXTENSION), ExtensionType::Grease(self.grease)];
        Capabilities::builder().extensions(extensions).build().with_grease(self.provider.rand())
    }

    fn wire_format(&self) -> WireFormatPolicy {
        if self.options.encrypt_handshakes {
            PURE_CIPHERTEXT_WIRE_FORMAT_POLICY
        } else {
            PURE_PLAINTEXT_WIRE_FORMAT_POLICY
        }
    }

    fn join_config(&self) -> MlsGroupJoinConfig {
        MlsGroupJoinConfig::builder()
            .wire_format_policy(self.wire_format())
            .use_ratchet_tree_extension(self.options.tree_in_welcome)
            .max_past_epochs(PAST_EPOCHS)
            .number_of_resumption_psks(RESUMPTION_PSKS)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(SKIPPED_KEYS, FORWARD_GENERATIONS))
            .build()
    }

    fn check_key_package(&self, message: &[u8]) -> PeerResult<KeyPackage> {
        let MlsMessageBodyIn::KeyPackage(key_package) = decode(message)? else {
            return Err(unexpected("take a key package"));
        };
        key_package.validate(self.provider.crypto(), ProtocolVersion::Mls10).map_err(refuse("take a key package"))
    }

    fn make_key_package(&self) -> PeerResult<KeyPackage> {
        let grease = Extension::Unknown(self.grease, UnknownExtension(b"nothing".to_vec()));
        let grease = self.options.grease_extensions.then_some(grease).into_iter().collect();
        let extensions = Extensions::from_vec(grease).map_err(refuse("take a key package extension"))?;
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(self.capabilities())
            .key_package_extensions(extensions)
            .build(self.suite, &self.provider, &self.signer, self.credential.clone())
            .map_err(refuse("make a key package"))?;
        Ok(bundle.key_package().clone())
    }

    fn psk_id(&self, id: &[u8]) -> PeerResult<PreSharedKeyId> {
        self.fresh_psk_id(Psk::External(ExternalPsk::new(id.to_vec())))
    }

    fn resumption_psk_id(&self, epoch: u64) -> PeerResult<PreSharedKeyId> {
        let group_id = self.group()?.group_id().clone();
        self.fresh_psk_id(Psk::Resumption(ResumptionPsk::new(ResumptionPskUsage::Application, group_id, epoch.into())))
    }

    /// A PSK id with a fresh nonce.
    fn fresh_psk_id(&self, psk: Psk) -> PeerResult<PreSharedKeyId> {
        PreSharedKeyId::new(self.suite, self.provider.rand(), psk).map_err(refuse("draw a PSK nonce"))
    }
}

impl Succession for OpenMlsPeer {}

impl Peer for OpenMlsPeer {
    fn options(&self) -> Options {
        self.options
    }

    fn propose_add(&mut self, key_package: &[u8]) -> PeerResult<Vec<u8>> {
        let key_package = self.check_key_package(key_package)?;
        let (group, provider, signer) = self.parts()?;
        let (message, _) =
            group.propose_add_member(provider, signer, &key_package).map_err(refuse("propose an Add"))?;
        encode(&message)
    }

    fn propose_update(&mut self) -> PeerResult<Vec<u8>> {
        let (group, provider, signer) = self.parts()?;
        let (message, _) = group
            .propose_self_update(provider, signer, LeafNodeParameters::default())
            .map_err(refuse("propose an Update"))?;
        encode(&message)
    }

    fn propose_remove(&mut self, leaf: u32) -> PeerResult<Vec<u8>> {
        let (group, provider, signer) = self.parts()?;
        let (message, _) = group
            .propose_remove_member(provider, signer, LeafNodeIndex::new(leaf))
            .map_err(refuse("propose a Remove"))?;
        encode(&message)
    }

    fn propose_psk(&mut self, id: &[u8]) -> PeerResult<Vec<u8>> {
        let id = self.psk_id(id)?;
        let (group, provider, signer) = self.parts()?;
        let (message, _) = group.propose_pre_shared_key(provider, signer, id).map_err(refuse("propose a PSK"))?;
        encode(&message)
    }

    fn propose_resumption_psk(&mut self, epoch: u64) -> PeerResult<Vec<u8>> {
        let id = self.resumption_psk_id(epoch)?;
        let (group, provider, signer) = self.parts()?;
        let proposal = group.propose_pre_shared_key(provider, signer, id);
        encode(&proposal.map_err(refuse("propose a resumption PSK"))?.0)
    }

    fn propose_group_context_extensions(&mut self, extensions: &[RawExtension]) -> PeerResult<Vec<u8>> {
        let extensions = decode_extensions(extensions)?;
        let (group, provider, signer) = self.parts()?;
        let (message, _) = group
            .propose_group_context_extensions(provider, extensions, signer)
            .map_err(refuse("propose group context extensions"))?;
        encode(&message)
    }

    fn commit(&mut self, by_value: &[Action]) -> PeerResult<CommitOut> {
        let mut adds = Vec::new();
        let mut removals = Vec::new();
        let mut psks = Vec::new();
        let mut extensions = None;
        for action in by_value {
            match action {
                Action::Add(key_package) => adds.push(self.check_key_package(key_package)?),
                Action::Remove(leaf) => removals.push(LeafNodeIndex::new(*leaf)),
                Action::Psk(id) => psks.push(self.psk_id(id)?),
                Action::ResumptionPsk(epoch) => psks.push(self.resumption_psk_id(*epoch)?),
                Action::GroupContextExtensions(raw) => extensions = Some(decode_extensions(raw)?),
                Action::Path => {}
                Action::ReInit(_) => return Err(self.not_offered("re-initialise")),
            }
        }
        let apart = !self.options.tree_in_welcome;
        let (group, provider, signer) = self.parts()?;
        let mut builder = group
            .commit_builder()
            .force_self_update(by_value.contains(&Action::Path))
            .propose_adds(adds)
            .propose_removals(removals)
            .add_proposals(psks.into_iter().map(psk_proposal));
        if let Some(extensions) = extensions {
            builder = builder
                .propose_group_context_extensions(extensions)
                .map_err(refuse("commit group context extensions"))?;
        }
        let bundle = builder
            .load_psks(provider.storage())
            .map_err(refuse("load PSKs"))?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .map_err(refuse("build a commit"))?
            .stage_commit(provider)
            .map_err(refuse("stage a commit"))?;
        let (commit, welcome, group_info) = bundle.into_messages();
        let mut ratchet_tree = None;
        if let (true, Some(staged)) = (apart, group.pending_commit()) {
            let tree = staged
                .export_ratchet_tree(provider.crypto(), group.export_ratchet_tree())
                .map_err(refuse("export the next tree"))?;
            ratchet_tree =
                tree.map(|tree| tree.tls_serialize_detached()).transpose().map_err(refuse("encode a ratchet tree"))?;
        }
        Ok(CommitOut {
            commit: encode(&commit)?,
            welcome: welcome.as_ref().map(encode).transpose()?,
            group_info: group_info.as_ref().map(encode).transpose()?,
            ratchet_tree,
        })
    }

    fn confirm(&mut self) -> PeerResult<()> {
        let (group, provider, _) = self.parts()?;
        group.merge_pending_commit(provider).map_err(refuse("apply its commit"))
    }

    fn discard(&mut self) -> PeerResult<()> {
        let (group, provider, _) = self.parts()?;
        group.clear_pending_commit(provider.storage()).map_err(refuse("discard its commit"))
    }

    fn receive(&mut self, message: &[u8]) -> PeerResult<Received> {
        let message: ProtocolMessage = match decode(message)? {
            MlsMessageBodyIn::PublicMessage(message) => message.into(),
            MlsMessageBodyIn::PrivateMessage(message) => message.into(),
            MlsMessageBodyIn::Welcome(_) | MlsMessageBodyIn::GroupInfo(_) | MlsMessageBodyIn::KeyPackage(_) => {
                return Err(unexpected("receive"));
            }
        };
        let (group, provider, _) = self.parts()?;
        let processed = group.process_message(provider, message).map_err(refuse("receive"))?;
        let authenticated_data = processed.aad().to_vec();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                Ok(Received::Application { data: message.into_bytes(), authenticated_data })
            }
            ProcessedMessageContent::ProposalMessage(proposal)
            | ProcessedMessageContent::ExternalJoinProposalMessage(proposal) => {
                group.store_pending_proposal(provider.storage(), *proposal).map_err(refuse("store a proposal"))?;
                Ok(Received::Proposal)
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                let removed = staged.self_removed();
                group.merge_staged_commit(provider, *staged).map_err(refuse("apply a commit"))?;
                Ok(if removed { Received::Removed } else { Received::Commit })
            }
            ProcessedMessageContent::OwnPendingCommit | ProcessedMessageContent::OwnPrivateMessage => {
                Err(unexpected("receive"))
            }
        }
    }

    fn send(&mut self, data: &[u8], authenticated_data: &[u8]) -> PeerResult<Vec<u8>> {
        let (group, provider, signer) = self.parts()?;
        group.set_aad(authenticated_data.to_vec());
        encode(&group.create_message(provider, signer, data).map_err(refuse("send"))?)
    }

    fn epoch(&self) -> PeerResult<u64> {
        Ok(self.group()?.epoch().as_u64())
    }

    fn group_context(&self) -> PeerResult<Vec<u8>> {
        let group_info = self
            .group()?
            .export_group_info(self.provider.crypto(), &self.signer, false)
            .map_err(refuse("give a GroupInfo"))?;
        let MlsMessageBodyIn::GroupInfo(group_info) = decode(&encode(&group_info)?)? else {
            return Err(unexpected("give a GroupInfo"));
        };
        group_info.group_context().tls_serialize_detached().map_err(refuse("encode the group context"))
    }

    fn epoch_authenticator(&self) -> PeerResult<Vec<u8>> {
        Ok(self.group()?.epoch_authenticator().as_slice().to_vec())
    }

    fn own_leaf(&self) -> PeerResult<u32> {
        Ok(self.group()?.own_leaf_index().u32())
    }

    fn members(&self) -> PeerResult<Vec<(u32, Vec<u8>)>> {
        let member = |member: openmls::prelude::Member| {
            let credential = BasicCredential::try_from(member.credential).map_err(refuse("read a credential"))?;
            Ok((member.index.u32(), credential.identity().to_vec()))
        };
        self.group()?.members().map(member).collect()
    }

    fn export_secret(&self, label: &str, context: &[u8], length: usize) -> PeerResult<Vec<u8>> {
        self.group()?.export_secret(self.provider.crypto(), label, context, length).map_err(refuse("export a secret"))
    }

    fn ratchet_tree(&self) -> PeerResult<Vec<u8>> {
        self.group()?.export_ratchet_tree().tls_serialize_detached().map_err(refuse("encode a ratchet tree"))
    }

    fn group_info(&mut self) -> PeerResult<Vec<u8>> {
        let with_tree = self.options.tree_in_welcome;
        let (group, provider, signer) = self.parts()?;
        let group_info =
            group.export_group_info(provider.crypto(), signer, with_tree).map_err(refuse("give a GroupInfo"))?;
        encode(&group_info)
    }
}
