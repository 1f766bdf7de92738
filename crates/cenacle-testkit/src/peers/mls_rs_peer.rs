//! [`Peer`] over mls-rs with its AWS-LC provider and in-memory storage.
//! What it needs to meet others: key packages that live no longer than others accept (its default is a year), custom
//! rules to force a path for one commit only, the index of the own old leaf for a resync, and nothing stored of a group
//! when the client comes back to it.

mod client;
mod succession;

extern crate alloc;

use alloc::sync::Arc;
use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use mls_rs::client_builder::{MlsConfig, PaddingMode};
use mls_rs::crypto::{SignaturePublicKey, SignatureSecretKey};
use mls_rs::extension::ExtensionType;
use mls_rs::group::proposal::ProposalType;
use mls_rs::group::{CommitEffect, ExportedTree, GroupContext, ReceivedMessage, ReinitClient, Roster};
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rs_codec::MlsEncode as _;
use mls_rs::mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle};
use mls_rs::psk::ExternalPskId;
use mls_rs::storage_provider::in_memory::{InMemoryGroupStateStorage, InMemoryPreSharedKeyStorage};
use mls_rs::{
    CipherSuite, CipherSuiteProvider as _, Client, CryptoProvider as _, Extension, ExtensionList, Group, MlsMessage,
    MlsRules, ProtocolVersion,
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    Action, CommitOut, Options, Peer, PeerError, PeerResult, RawExtension, Received, Successor, TEST_EXTENSION,
};

const NAME: &str = "mls-rs";

/// Values that mean nothing (RFC 9420 §13.5), of an extension and of a proposal.
const GREASE_EXTENSION: u16 = 0x3A3A;
const GREASE_PROPOSAL: u16 = 0x5A5A;

/// OpenMLS advises at most 84 days and an hour between `not_before` and `not_after`.
const LIFETIME: Duration = Duration::from_secs(84 * 24 * 60 * 60);

/// The rules of a client: fixed framing, and a switch that forces a path while one commit is built.
#[derive(Clone)]
struct Rules {
    options: Options,
    force_path: Arc<AtomicBool>,
}

impl MlsRules for Rules {
    type Error = Infallible;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        _: CommitSource,
        _: &Roster<'_>,
        _: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Infallible> {
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, Infallible> {
        Ok(CommitOptions::new()
            .with_path_required(self.force_path.load(Ordering::Relaxed))
            .with_ratchet_tree_extension(self.options.tree_in_welcome)
            .with_allow_external_commit(true))
    }

    fn encryption_options(&self, _: &Roster<'_>, _: &GroupContext) -> Result<EncryptionOptions, Infallible> {
        Ok(EncryptionOptions::new(self.options.encrypt_handshakes, PaddingMode::StepFunction))
    }
}

struct MlsRsPeer<C: MlsConfig> {
    name: Vec<u8>,
    suite: CipherSuite,
    secret: SignatureSecretKey,
    identity: SigningIdentity,
    client: Client<C>,
    psks: InMemoryPreSharedKeyStorage,
    groups: InMemoryGroupStateStorage,
    rules: Rules,
    group: Option<Group<C>>,
    /// The group that `group` is a branch of.
    parent: Option<Group<C>>,
    /// The suite of the group that `group` was re-initialised to.
    successor_suite: Option<CipherSuite>,
    /// The client for the group that `group` was re-initialised to; it has taken the place of that.
    successor: Option<ReinitClient<C>>,
}

/// A client of mls-rs with this name as its basic credential.
///
/// # Errors
///
/// [`PeerError`] if mls-rs does not know the suite.
pub fn mls_rs_peer(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    let suite = CipherSuite::from(suite);
    let crypto = AwsLcCryptoProvider::new();
    let name = name.as_bytes().to_vec();
    let (secret, identity) = signing_identity(&name, suite)?;
    let rules = Rules { options, force_path: Arc::new(AtomicBool::new(false)) };
    let psks = InMemoryPreSharedKeyStorage::default();
    let groups = InMemoryGroupStateStorage::new();
    let client = Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .mls_rules(rules.clone())
        .psk_store(psks.clone())
        .group_state_storage(groups.clone())
        .extension_types([TEST_EXTENSION, GREASE_EXTENSION].map(ExtensionType::new))
        .custom_proposal_type(ProposalType::new(GREASE_PROPOSAL))
        .key_package_lifetime(LIFETIME)
        .signing_identity(identity.clone(), secret.clone(), suite)
        .build();
    Ok(Box::new(MlsRsPeer {
        name,
        suite,
        secret,
        identity,
        client,
        psks,
        groups,
        rules,
        group: None,
        parent: None,
        successor_suite: None,
        successor: None,
    }))
}

fn signing_identity(name: &[u8], suite: CipherSuite) -> PeerResult<(SignatureSecretKey, SigningIdentity)> {
    let provider = AwsLcCryptoProvider::new()
        .cipher_suite_provider(suite)
        .ok_or_else(|| PeerError::new(NAME, "take the cipher suite", &suite))?;
    let (secret, public): (SignatureSecretKey, SignaturePublicKey) =
        provider.signature_key_generate().map_err(refuse("make a signature key"))?;
    let credential = BasicCredential::new(name.to_vec()).into_credential();
    Ok((secret, SigningIdentity::new(credential, public)))
}

/// Turns an error of mls-rs into a [`PeerError`].
fn refuse<E: core::fmt::Debug>(operation: &'static str) -> impl FnOnce(E) -> PeerError {
    move |error| PeerError::new(NAME, operation, &error)
}

fn encode(message: &MlsMessage) -> PeerResult<Vec<u8>> {
    message.to_bytes().map_err(refuse("encode a message"))
}

fn decode(message: &[u8]) -> PeerResult<MlsMessage> {
    MlsMessage::from_bytes(message).map_err(refuse("decode a message"))
}

fn decode_tree(tree: &[u8]) -> PeerResult<ExportedTree<'static>> {
    Ok(ExportedTree::from_bytes(tree).map_err(refuse("decode a ratchet tree"))?.into_owned())
}

fn extension_list(extensions: &[RawExtension]) -> ExtensionList {
    extensions.iter().map(|(kind, data)| Extension::new(ExtensionType::new(*kind), data.clone())).collect()
}

/// Leaf index and identity of every member; an identity that is not basic is left empty.
fn members_of(roster: &Roster<'_>) -> Vec<(u32, Vec<u8>)> {
    let identity = |identity: &SigningIdentity| {
        identity.credential.as_basic().map(|basic| basic.identifier().to_vec()).unwrap_or_default()
    };
    roster.members_iter().map(|member| (member.index(), identity(member.signing_identity()))).collect()
}

impl<C: MlsConfig> MlsRsPeer<C> {
    fn group(&self) -> PeerResult<&Group<C>> {
        self.group.as_ref().ok_or_else(|| PeerError::new(NAME, "act in a group", &"not in any"))
    }

    fn group_mut(&mut self) -> PeerResult<&mut Group<C>> {
        self.group.as_mut().ok_or_else(|| PeerError::new(NAME, "act in a group", &"not in any"))
    }

    /// The extensions of its leaves and key packages.
    fn extensions(&self) -> ExtensionList {
        let grease = Extension::new(ExtensionType::new(GREASE_EXTENSION), b"nothing".to_vec());
        self.rules.options.grease_extensions.then_some(grease).into_iter().collect()
    }

    /// Remembers what a re-initialised group asks of its successor.
    fn note(&mut self, effect: &CommitEffect) {
        if let CommitEffect::ReInit(reinit) = effect {
            self.successor_suite = Some(reinit.proposal.new_cipher_suite());
        }
    }

    /// Drops the group and all that was stored of it. A stored epoch of a group that the client was removed from
    /// would forbid it to come back, for stored epochs must follow on each other.
    fn forget(&mut self) {
        self.group = None;
        for id in self.groups.stored_groups() {
            self.groups.delete_group(&id);
        }
    }
}

impl<C: MlsConfig> Peer for MlsRsPeer<C> {
    fn options(&self) -> Options {
        self.rules.options
    }

    fn propose_add(&mut self, key_package: &[u8]) -> PeerResult<Vec<u8>> {
        let key_package = decode(key_package)?;
        let proposal = self.group_mut()?.propose_add(key_package, Vec::new()).map_err(refuse("propose an Add"))?;
        encode(&proposal)
    }

    fn propose_update(&mut self) -> PeerResult<Vec<u8>> {
        encode(&self.group_mut()?.propose_update(Vec::new()).map_err(refuse("propose an Update"))?)
    }

    fn propose_remove(&mut self, leaf: u32) -> PeerResult<Vec<u8>> {
        encode(&self.group_mut()?.propose_remove(leaf, Vec::new()).map_err(refuse("propose a Remove"))?)
    }

    fn propose_psk(&mut self, id: &[u8]) -> PeerResult<Vec<u8>> {
        let id = ExternalPskId::new(id.to_vec());
        encode(&self.group_mut()?.propose_external_psk(id, Vec::new()).map_err(refuse("propose a PSK"))?)
    }

    fn propose_resumption_psk(&mut self, epoch: u64) -> PeerResult<Vec<u8>> {
        let proposal = self.group_mut()?.propose_resumption_psk(epoch, Vec::new());
        encode(&proposal.map_err(refuse("propose a resumption PSK"))?)
    }

    fn propose_group_context_extensions(&mut self, extensions: &[RawExtension]) -> PeerResult<Vec<u8>> {
        let proposal = self
            .group_mut()?
            .propose_group_context_extensions(extension_list(extensions), Vec::new())
            .map_err(refuse("propose group context extensions"))?;
        encode(&proposal)
    }

    fn commit(&mut self, by_value: &[Action]) -> PeerResult<CommitOut> {
        // Read by the rules while the commit is built; received commits are not judged by it.
        self.rules.force_path.store(by_value.contains(&Action::Path), Ordering::Relaxed);
        let mut builder = self.group_mut()?.commit_builder();
        for action in by_value {
            builder = match action {
                Action::Add(key_package) => builder.add_member(decode(key_package)?),
                Action::Remove(leaf) => builder.remove_member(*leaf),
                Action::GroupContextExtensions(raw) => builder.set_group_context_ext(extension_list(raw)),
                Action::Psk(id) => builder.add_external_psk(ExternalPskId::new(id.clone())),
                Action::ResumptionPsk(epoch) => builder.add_resumption_psk(*epoch),
                Action::ReInit(Successor { group_id, suite, extensions }) => builder.reinit(
                    Some(group_id.clone()),
                    ProtocolVersion::MLS_10,
                    CipherSuite::from(*suite),
                    extension_list(extensions),
                ),
                Action::Path => Ok(builder),
            }
            .map_err(refuse("commit an action"))?;
        }
        let output = builder.build().map_err(refuse("commit"))?;
        Ok(CommitOut {
            commit: encode(&output.commit_message)?,
            welcome: output.welcome_messages.first().map(encode).transpose()?,
            group_info: output.external_commit_group_info.as_ref().map(encode).transpose()?,
            ratchet_tree: output
                .ratchet_tree
                .map(|tree| tree.to_bytes())
                .transpose()
                .map_err(refuse("encode a ratchet tree"))?,
        })
    }

    fn confirm(&mut self) -> PeerResult<()> {
        let group = self.group_mut()?;
        let commit = group.apply_pending_commit().map_err(refuse("apply its commit"))?;
        // What ends an epoch is kept in memory until it is written; writing also drops what is too old.
        group.write_to_storage().map_err(refuse("store the group"))?;
        self.note(&commit.effect);
        Ok(())
    }

    fn discard(&mut self) -> PeerResult<()> {
        self.group_mut()?.clear_pending_commit();
        Ok(())
    }

    fn receive(&mut self, message: &[u8]) -> PeerResult<Received> {
        let message = decode(message)?;
        let group = self.group_mut()?;
        match group.process_incoming_message(message).map_err(refuse("receive"))? {
            ReceivedMessage::ApplicationMessage(message) => Ok(Received::Application {
                data: message.data().to_vec(),
                authenticated_data: message.authenticated_data.clone(),
            }),
            ReceivedMessage::Proposal(_) => Ok(Received::Proposal),
            ReceivedMessage::Commit(commit) => {
                group.write_to_storage().map_err(refuse("store the group"))?;
                self.note(&commit.effect);
                match commit.effect {
                    CommitEffect::Removed { .. } => Ok(Received::Removed),
                    CommitEffect::NewEpoch(_) | CommitEffect::ReInit(_) => Ok(Received::Commit),
                }
            }
            other @ (ReceivedMessage::GroupInfo(_) | ReceivedMessage::Welcome | ReceivedMessage::KeyPackage(_)) => {
                Err(PeerError::new(NAME, "receive", &other))
            }
        }
    }

    fn send(&mut self, data: &[u8], authenticated_data: &[u8]) -> PeerResult<Vec<u8>> {
        let group = self.group_mut()?;
        encode(&group.encrypt_application_message(data, authenticated_data.to_vec()).map_err(refuse("send"))?)
    }

    fn epoch(&self) -> PeerResult<u64> {
        Ok(self.group()?.current_epoch())
    }

    fn group_context(&self) -> PeerResult<Vec<u8>> {
        self.group()?.context().mls_encode_to_vec().map_err(refuse("encode the group context"))
    }

    fn epoch_authenticator(&self) -> PeerResult<Vec<u8>> {
        let secret = self.group()?.epoch_authenticator().map_err(refuse("give the epoch authenticator"))?;
        Ok(secret.as_bytes().to_vec())
    }

    fn own_leaf(&self) -> PeerResult<u32> {
        Ok(self.group()?.current_member_index())
    }

    fn members(&self) -> PeerResult<Vec<(u32, Vec<u8>)>> {
        Ok(members_of(&self.group()?.roster()))
    }

    fn export_secret(&self, label: &str, context: &[u8], length: usize) -> PeerResult<Vec<u8>> {
        let secret =
            self.group()?.export_secret(label.as_bytes(), context, length).map_err(refuse("export a secret"))?;
        Ok(secret.as_bytes().to_vec())
    }

    fn ratchet_tree(&self) -> PeerResult<Vec<u8>> {
        self.group()?.export_tree().to_bytes().map_err(refuse("encode a ratchet tree"))
    }

    fn group_info(&mut self) -> PeerResult<Vec<u8>> {
        let with_tree = self.rules.options.tree_in_welcome;
        let group_info =
            self.group()?.group_info_message_allowing_ext_commit(with_tree).map_err(refuse("give a GroupInfo"))?;
        encode(&group_info)
    }
}
