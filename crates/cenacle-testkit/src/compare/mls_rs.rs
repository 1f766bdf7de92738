//! [`Player`] over mls-rs with its AWS-LC provider and in-memory storage, everything else as it comes.

use core::{convert::Infallible, time::Duration};

use cenacle_cli::bench::BenchError;
use mls_rs::{
    CipherSuite, CipherSuiteProvider as _, Client, CryptoProvider as _, ExtensionList, Group, GroupStateStorage as _,
    MlsMessage, MlsRules,
    client_builder::{
        BaseConfig, PaddingMode, WithCryptoProvider, WithGroupStateStorage, WithIdentityProvider, WithMlsRules,
    },
    group::{GroupContext, Roster},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle},
    storage_provider::in_memory::InMemoryGroupStateStorage,
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    other,
    player::{Player, Settings},
};

/// Cenacle takes no key package that claims to live longer than 84 days.
const LIFETIME: Duration = Duration::from_secs(80 * 24 * 3_600);

/// Handshakes are encrypted; the tree is in Welcomes or not.
#[derive(Clone)]
pub(crate) struct Rules {
    tree_in_welcome: bool,
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
        Ok(CommitOptions::new().with_ratchet_tree_extension(self.tree_in_welcome))
    }

    fn encryption_options(&self, _: &Roster<'_>, _: &GroupContext) -> Result<EncryptionOptions, Infallible> {
        Ok(EncryptionOptions::new(true, PaddingMode::StepFunction))
    }
}

type Config = WithGroupStateStorage<
    InMemoryGroupStateStorage,
    WithMlsRules<
        Rules,
        WithCryptoProvider<AwsLcCryptoProvider, WithIdentityProvider<BasicIdentityProvider, BaseConfig>>,
    >,
>;

/// A client of mls-rs.
pub(crate) struct MlsRs {
    client: Client<Config>,
    storage: InMemoryGroupStateStorage,
    group: Option<Group<Config>>,
}

impl MlsRs {
    fn group(&mut self) -> Result<&mut Group<Config>, BenchError> {
        self.group.as_mut().ok_or_else(|| other("in no group"))
    }

    /// Applies the pending commit and saves the group.
    fn apply(&mut self) -> Result<(), BenchError> {
        let group = self.group()?;
        group.apply_pending_commit().map_err(other)?;
        group.write_to_storage().map_err(other)
    }

    fn keep(&mut self, mut group: Group<Config>) -> Result<(), BenchError> {
        group.write_to_storage().map_err(other)?;
        self.group = Some(group);
        Ok(())
    }
}

fn encode(message: &MlsMessage) -> Result<Vec<u8>, BenchError> {
    message.to_bytes().map_err(other)
}

fn decode(message: &[u8]) -> Result<MlsMessage, BenchError> {
    MlsMessage::from_bytes(message).map_err(other)
}

impl Player for MlsRs {
    #[cfg(not(feature = "bench-rayon"))]
    const NAME: &'static str = "mls-rs";
    #[cfg(feature = "bench-rayon")]
    const NAME: &'static str = "mls-rs-rayon";

    fn new(name: &str, settings: Settings) -> Result<Self, BenchError> {
        let suite = CipherSuite::CURVE25519_AES128;
        let provider = AwsLcCryptoProvider::new();
        let primitives = provider.cipher_suite_provider(suite).ok_or_else(|| other("no suite 1"))?;
        let (secret, public) = primitives.signature_key_generate().map_err(other)?;
        let identity = SigningIdentity::new(BasicCredential::new(name.as_bytes().to_vec()).into_credential(), public);
        let storage = InMemoryGroupStateStorage::new();
        let client = Client::builder()
            .identity_provider(BasicIdentityProvider)
            .crypto_provider(provider)
            .mls_rules(Rules { tree_in_welcome: settings.tree_in_welcome })
            .group_state_storage(storage.clone())
            .key_package_lifetime(LIFETIME)
            .signing_identity(identity, secret, suite)
            .build();
        Ok(Self { client, storage, group: None })
    }

    fn key_package(&mut self) -> Result<Vec<u8>, BenchError> {
        let none = ExtensionList::new();
        encode(&self.client.generate_key_package_message(none.clone(), none, None).map_err(other)?)
    }

    fn found(&mut self) -> Result<(), BenchError> {
        let none = ExtensionList::new();
        let group = self.client.create_group(none.clone(), none, None).map_err(other)?;
        self.keep(group)
    }

    fn join(&mut self, welcome: &[u8]) -> Result<(), BenchError> {
        let (group, _) = self.client.join_group(None, &decode(welcome)?, None).map_err(other)?;
        self.keep(group)
    }

    fn enter(&mut self, group_info: &[u8]) -> Result<Vec<u8>, BenchError> {
        let builder = self.client.external_commit_builder().map_err(other)?;
        let (group, commit) = builder.build(decode(group_info)?).map_err(other)?;
        self.keep(group)?;
        encode(&commit)
    }

    fn group_info(&mut self) -> Result<Vec<u8>, BenchError> {
        encode(&self.group()?.group_info_message_allowing_ext_commit(true).map_err(other)?)
    }

    fn renew(&mut self) -> Result<Vec<u8>, BenchError> {
        let output = self.group()?.commit_builder().build().map_err(other)?;
        let commit = encode(&output.commit_message)?;
        self.apply()?;
        Ok(commit)
    }

    fn add(&mut self, key_packages: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<u8>), BenchError> {
        let mut builder = self.group()?.commit_builder();
        for key_package in key_packages {
            builder = builder.add_member(decode(key_package)?).map_err(other)?;
        }
        let output = builder.build().map_err(other)?;
        let welcome = output.welcome_messages.first().ok_or_else(|| other("no Welcome"))?;
        let sent = (encode(&output.commit_message)?, encode(welcome)?);
        self.apply()?;
        Ok(sent)
    }

    fn remove(&mut self, leaf: u32) -> Result<Vec<u8>, BenchError> {
        let builder = self.group()?.commit_builder().remove_member(leaf).map_err(other)?;
        let commit = encode(&builder.build().map_err(other)?.commit_message)?;
        self.apply()?;
        Ok(commit)
    }

    fn receive(&mut self, message: &[u8]) -> Result<(), BenchError> {
        let group = self.group()?;
        group.process_incoming_message(decode(message)?).map_err(other)?;
        group.write_to_storage().map_err(other)
    }

    fn say(&mut self, data: &[u8]) -> Result<Vec<u8>, BenchError> {
        let group = self.group()?;
        let message = group.encrypt_application_message(data, Vec::new()).map_err(other)?;
        group.write_to_storage().map_err(other)?;
        encode(&message)
    }

    fn load(&mut self) -> Result<(), BenchError> {
        let id = self.group()?.group_id().to_vec();
        self.group = Some(self.client.load_group(&id).map_err(other)?);
        Ok(())
    }

    fn unload(&mut self) {
        self.group = None;
    }

    fn state_bytes(&self) -> Result<usize, BenchError> {
        let mut bytes = 0;
        for id in self.storage.stored_groups() {
            bytes += self.storage.state(&id).map_err(other)?.map_or(0, |state| state.len());
            let last = self.storage.max_epoch_id(&id).map_err(other)?;
            for epoch in last.map_or(0..0, |last| last.saturating_sub(16)..last.saturating_add(1)) {
                bytes += self.storage.epoch(&id, epoch).map_err(other)?.map_or(0, |epoch| epoch.len());
            }
        }
        Ok(bytes)
    }
}
