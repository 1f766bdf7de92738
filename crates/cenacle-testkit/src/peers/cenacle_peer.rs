//! [`Peer`] over Cenacle's own core, with its AWS-LC provider and a store in memory.
//! After every few operations the group is dropped and read back from its rows, so that whatever the others see is also
//! what a restarted client would have sent. An external join goes the same two ways: straight on, or by its stored record.

mod client;
mod succession;

extern crate alloc;

use alloc::sync::Arc;
use std::time::SystemTime;

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{CipherSuite, Suite};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::Error;
use cenacle_mls::group::{
    AcceptAll, Client as CoreClient, Grease, Group, Handshake, Inputs, Psks, PublicGroup, Received as CoreReceived,
    Settings, Transition,
};
use cenacle_mls::wire::{
    Capabilities, Credential, Epoch, Extension, ExtensionType, Extensions, GroupId, KeyPackage, LeafIndex, Lifetime,
    MlsMessage, MlsMessageBody, ProtocolVersion, Psk, ReInit, ResumptionPskUsage,
};
use cenacle_store::MemoryStore;

use crate::ledger::Ledger;

use super::{
    Action, CommitOut, Options, Peer, PeerError, PeerResult, RawExtension, Received, Successor, TEST_EXTENSION,
};

const NAME: &str = "Cenacle";

/// The group is reloaded after every so many operations: not a divisor of the usual rounds, so that it happens between
/// any two steps sooner or later.
const RELOAD_EVERY: u32 = 3;

/// Validity of key packages, in seconds, and how far back it begins for the sake of others' coarse clocks.
const LIFETIME_SECONDS: u64 = 80 * 24 * 60 * 60;
const LIFETIME_BEGAN_SECONDS: u64 = 60 * 60;

struct CenaclePeer {
    name: String,
    client: CoreClient,
    store: MemoryStore,
    psks: Psks,
    options: Options,
    group: Option<Group>,
    /// The group that `group` is a branch of.
    parent: Option<Group>,
    /// The client for the group that `group` was re-initialised to.
    successor: Option<CoreClient>,
    operations: u32,
}

/// A client of Cenacle with this name as its basic credential.
///
/// # Errors
///
/// [`PeerError`] if the provider does not supply the suite.
pub fn cenacle_peer(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    let client = core_client(name, suite, options)?;
    let (store, psks) = (MemoryStore::default(), Psks::default());
    let (group, parent, successor) = (None, None, None);
    Ok(Box::new(CenaclePeer {
        name: name.into(),
        client,
        store,
        psks,
        options,
        group,
        parent,
        successor,
        operations: 0,
    }))
}

fn core_client(name: &str, suite: u16, options: Options) -> PeerResult<CoreClient> {
    // Whoever it talks to, no nonce may leave twice under one key.
    let provider = Ledger::default().watch_provider(Arc::new(AwsLcProvider));
    let suite: Arc<dyn Suite> = provider
        .suite(CipherSuite(suite))
        .ok_or_else(|| PeerError::new(NAME, "take the cipher suite", &CipherSuite(suite)))?;
    let (secret, _) = suite.signature_key_pair(&mut SystemRng).map_err(refuse("make a signature key"))?;
    let signer = Arc::from(suite.signer(&secret).map_err(refuse("take a signature key"))?);
    let client = CoreClient::new(suite, signer, Credential::Basic(name.as_bytes().into()));
    // All suites, so that a group can be re-initialised to them.
    let capabilities = Capabilities {
        cipher_suites: provider.cipher_suites().to_vec(),
        extensions: vec![ExtensionType(TEST_EXTENSION)],
        ..client.capabilities().clone()
    };
    let grease = if options.grease_extensions { Grease::Extensions } else { Grease::Capabilities };
    let handshake = if options.encrypt_handshakes { Handshake::Private } else { Handshake::Public };
    Ok(client.with_capabilities(capabilities).with_settings(Settings { handshake, grease, ..Settings::default() }))
}

/// Turns an error of Cenacle into a [`PeerError`].
fn refuse<E: core::fmt::Debug>(operation: &'static str) -> impl FnOnce(E) -> PeerError {
    move |error| PeerError::new(NAME, operation, &error)
}

fn unexpected(operation: &'static str) -> PeerError {
    PeerError::new(NAME, operation, &"another kind of message")
}

fn not_in_any() -> PeerError {
    PeerError::new(NAME, "act in a group", &"not in any")
}

pub(super) fn encode<T: Encode>(value: &T) -> PeerResult<Vec<u8>> {
    value.to_bytes().map_err(refuse("encode"))
}

pub(super) fn decode<T: Decode>(bytes: &[u8]) -> PeerResult<T> {
    T::from_bytes(bytes).map_err(refuse("decode"))
}

fn decode_key_package(message: &[u8]) -> PeerResult<KeyPackage> {
    let MlsMessageBody::KeyPackage(key_package) = decode::<MlsMessage>(message)?.body else {
        return Err(unexpected("take a key package"));
    };
    Ok(key_package)
}

fn extension_list(raw: &[RawExtension]) -> Extensions {
    let extension = |(kind, data): &RawExtension| Extension {
        extension_type: ExtensionType(*kind),
        extension_data: data.as_slice().into(),
    };
    Extensions(raw.iter().map(extension).collect())
}

fn external(id: &[u8]) -> Psk {
    Psk::External(id.into())
}

fn resumption(group_id: &GroupId, epoch: u64) -> Psk {
    let (usage, psk_group_id) = (ResumptionPskUsage::Application, group_id.clone());
    Psk::Resumption { usage, psk_group_id, psk_epoch: Epoch(epoch) }
}

fn reinit(successor: &Successor) -> ReInit {
    ReInit {
        group_id: successor.group_id.as_slice().into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(successor.suite),
        extensions: extension_list(&successor.extensions),
    }
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn inputs(psks: &Psks) -> Inputs<'_> {
    Inputs::new(&AcceptAll).with_policy(&AcceptAll).at(now_seconds()).with_psks(psks)
}

fn lifetime() -> Lifetime {
    let not_before = now_seconds().saturating_sub(LIFETIME_BEGAN_SECONDS);
    Lifetime { not_before, not_after: not_before.saturating_add(LIFETIME_SECONDS) }
}

impl CenaclePeer {
    fn group(&self) -> PeerResult<&Group> {
        self.group.as_ref().ok_or_else(not_in_any)
    }

    /// Prepares a step of the group, stores it and takes it into use.
    fn act<T>(
        &mut self,
        operation: &'static str,
        prepare: impl FnOnce(&Group, &Inputs<'_>) -> Result<Transition<T>, Error>,
    ) -> PeerResult<T> {
        let group = self.group.as_mut().ok_or_else(not_in_any)?;
        let transition = prepare(group, &inputs(&self.psks)).map_err(refuse(operation))?;
        let output = group.merge(transition, &mut self.store).map_err(refuse(operation))?;
        if self.restarts() {
            self.reload()?;
        }
        Ok(output)
    }

    /// As [`CenaclePeer::act`], for what gives a message.
    fn send_out(
        &mut self,
        operation: &'static str,
        prepare: impl FnOnce(&Group) -> Result<Transition<MlsMessage>, Error>,
    ) -> PeerResult<Vec<u8>> {
        encode(&self.act(operation, |group, _| prepare(group))?)
    }

    /// Keeps what proves, should the client be removed and come back, that it was in this epoch (RFC 9420 §8.6).
    fn keep_resumption_psk(&mut self) {
        let Some(group) = &self.group else { return };
        if let Some(secret) = group.resumption_psk(group.epoch()) {
            self.psks.insert_resumption(group.group_id().clone(), group.epoch(), secret.expose());
        }
    }

    /// Counts an operation and tells whether the client restarts after it.
    fn restarts(&mut self) -> bool {
        self.operations = self.operations.wrapping_add(1);
        self.operations.is_multiple_of(RELOAD_EVERY)
    }

    /// Reads the group back from its rows, unless this client is out of it: then nothing of it is left there.
    fn reload(&mut self) -> PeerResult<()> {
        let Some(group) = self.group.take_if(|group| group.is_active()) else { return Ok(()) };
        self.group = self.client.load_group(&self.store, group.group_id()).map_err(refuse("reload the group"))?;
        self.group.as_ref().map(drop).ok_or_else(not_in_any)
    }
}

impl Peer for CenaclePeer {
    fn options(&self) -> Options {
        self.options
    }

    fn propose_add(&mut self, key_package: &[u8]) -> PeerResult<Vec<u8>> {
        let key_package = decode_key_package(key_package)?;
        encode(&self.act("propose an Add", |group, inputs| group.propose_add(key_package, inputs, &mut SystemRng))?)
    }

    fn propose_update(&mut self) -> PeerResult<Vec<u8>> {
        self.send_out("propose an Update", |group| group.propose_update(&mut SystemRng))
    }

    fn propose_remove(&mut self, leaf: u32) -> PeerResult<Vec<u8>> {
        self.send_out("propose a Remove", |group| group.propose_remove(LeafIndex(leaf), &mut SystemRng))
    }

    fn propose_psk(&mut self, id: &[u8]) -> PeerResult<Vec<u8>> {
        self.send_out("propose a PSK", |group| group.propose_psk(external(id), &mut SystemRng))
    }

    fn propose_resumption_psk(&mut self, epoch: u64) -> PeerResult<Vec<u8>> {
        self.send_out("propose a resumption PSK", |group| {
            group.propose_psk(resumption(group.group_id(), epoch), &mut SystemRng)
        })
    }

    fn propose_group_context_extensions(&mut self, extensions: &[RawExtension]) -> PeerResult<Vec<u8>> {
        let extensions = extension_list(extensions);
        self.send_out("propose group context extensions", |group| group.propose_extensions(extensions, &mut SystemRng))
    }

    fn commit(&mut self, by_value: &[Action]) -> PeerResult<CommitOut> {
        let mut adds = Vec::new();
        for action in by_value {
            if let Action::Add(key_package) = action {
                adds.push(decode_key_package(key_package)?);
            }
        }
        let apart = !self.options.tree_in_welcome;
        let bundle = self.act("commit", |group, inputs| {
            let mut builder = adds.into_iter().fold(group.commit().with_group_info(), |commit, add| commit.add(add));
            if apart {
                builder = builder.without_tree();
            }
            let builder = by_value.iter().fold(builder, |commit, action| match action {
                Action::Add(_) => commit,
                Action::Remove(leaf) => commit.remove(LeafIndex(*leaf)),
                Action::Path => commit.with_path(),
                Action::GroupContextExtensions(raw) => commit.extensions(extension_list(raw)),
                Action::Psk(id) => commit.psk(external(id)),
                Action::ResumptionPsk(epoch) => commit.psk(resumption(group.group_id(), *epoch)),
                Action::ReInit(successor) => commit.reinit(reinit(successor)),
            });
            builder.build(inputs, &mut SystemRng)
        })?;
        let next = self.group()?.pending_public().ok_or_else(not_in_any)?;
        let tree = |next: &PublicGroup| encode(next.tree());
        Ok(CommitOut {
            commit: encode(&bundle.commit)?,
            welcome: bundle.welcome.as_ref().map(encode).transpose()?,
            group_info: bundle.group_info.as_ref().map(encode).transpose()?,
            ratchet_tree: apart.then(|| tree(next)).transpose()?,
        })
    }

    fn confirm(&mut self) -> PeerResult<()> {
        let echo = self.group()?.pending_commit();
        let echo = encode(echo.ok_or_else(|| PeerError::new(NAME, "confirm", &"no commit is pending"))?)?;
        let echo = decode(&echo)?;
        let received = self.act("apply its commit", |group, inputs| group.stage(group.open(&echo)?, inputs))?;
        let CoreReceived::OwnCommit(_) = received else { return Err(unexpected("confirm")) };
        Ok(())
    }

    fn discard(&mut self) -> PeerResult<()> {
        self.act("discard its commit", |group, _| group.discard_pending())
    }

    fn receive(&mut self, message: &[u8]) -> PeerResult<Received> {
        self.keep_resumption_psk();
        let message = decode(message)?;
        match self.act("receive", |group, inputs| group.stage(group.open(&message)?, inputs))? {
            CoreReceived::Application(message) => Ok(Received::Application {
                data: message.data.expose().to_vec(),
                authenticated_data: message.authenticated_data,
            }),
            CoreReceived::Proposal { .. } => Ok(Received::Proposal),
            CoreReceived::Commit(_) => Ok(Received::Commit),
            CoreReceived::Removed(_) => Ok(Received::Removed),
            CoreReceived::OwnCommit(_) | CoreReceived::OwnMessage(_) | _ => Err(unexpected("receive")),
        }
    }

    fn send(&mut self, data: &[u8], authenticated_data: &[u8]) -> PeerResult<Vec<u8>> {
        self.send_out("send", |group| group.protect(data, authenticated_data, &mut SystemRng))
    }

    fn epoch(&self) -> PeerResult<u64> {
        Ok(self.group()?.epoch().0)
    }

    fn group_context(&self) -> PeerResult<Vec<u8>> {
        encode(self.group()?.public().context())
    }

    fn epoch_authenticator(&self) -> PeerResult<Vec<u8>> {
        Ok(self.group()?.epoch_authenticator().expose().to_vec())
    }

    fn own_leaf(&self) -> PeerResult<u32> {
        Ok(self.group()?.own_leaf().0)
    }

    fn members(&self) -> PeerResult<Vec<(u32, Vec<u8>)>> {
        let identity = |credential: &Credential| match credential {
            Credential::Basic(identity) => identity.to_vec(),
            Credential::X509(_) | Credential::Custom(..) => Vec::new(),
        };
        Ok(self.group()?.members().map(|(leaf, node)| (leaf.0, identity(&node.credential))).collect())
    }

    fn export_secret(&self, label: &str, context: &[u8], length: usize) -> PeerResult<Vec<u8>> {
        let secret = self.group()?.export_secret(label, context, length).map_err(refuse("export a secret"))?;
        Ok(secret.expose().to_vec())
    }

    fn ratchet_tree(&self) -> PeerResult<Vec<u8>> {
        encode(self.group()?.public().tree())
    }

    /// Carries GREASE even where the leaves do not.
    fn group_info(&mut self) -> PeerResult<Vec<u8>> {
        let with_tree = self.options.tree_in_welcome;
        let settings = Settings { grease: Grease::Extensions, ..*self.client.settings() };
        let greased = self.client.clone().with_settings(settings);
        let loaded = greased.load_group(&self.store, self.group()?.group_id()).map_err(refuse("reload the group"))?;
        let group = loaded.ok_or_else(not_in_any)?;
        encode(&group.group_info(with_tree, true).map_err(refuse("give a GroupInfo"))?)
    }
}
