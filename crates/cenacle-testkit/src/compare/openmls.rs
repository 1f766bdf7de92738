//! [`Player`] over OpenMLS with any provider that keeps its state in OpenMLS's memory storage, everything else as it comes.

use cenacle_cli::bench::BenchError;
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, KeyPackage, LeafNodeIndex, MlsGroup, MlsGroupCreateConfig,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent, ProtocolMessage, ProtocolVersion, StagedWelcome,
    tls_codec::Deserialize as _,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::{MemoryStorage, OpenMlsRustCrypto};

use super::{
    other,
    player::{Player, Settings},
};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// Cryptography for OpenMLS.
pub(crate) trait Provider: OpenMlsProvider<StorageProvider = MemoryStorage> + Sized {
    const NAME: &'static str;
    fn open() -> Result<Self, BenchError>;
}

impl Provider for OpenMlsRustCrypto {
    const NAME: &'static str = "openmls";
    fn open() -> Result<Self, BenchError> {
        Ok(Self::default())
    }
}

impl Provider for openmls_libcrux_crypto::Provider {
    const NAME: &'static str = "openmls-libcrux";
    fn open() -> Result<Self, BenchError> {
        Self::new().map_err(other)
    }
}

/// A client of OpenMLS.
pub(crate) struct OpenMls<P> {
    provider: P,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    settings: Settings,
    group: Option<MlsGroup>,
}

impl<P: Provider> OpenMls<P> {
    fn group(&mut self) -> Result<(&mut MlsGroup, &P, &SignatureKeyPair), BenchError> {
        let group = self.group.as_mut().ok_or_else(|| other("in no group"))?;
        Ok((group, &self.provider, &self.signer))
    }

    fn join_config(&self) -> MlsGroupJoinConfig {
        MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(self.settings.tree_in_welcome)
            .max_past_epochs(self.settings.past_epochs)
            .build()
    }

    fn check_key_package(&self, message: &[u8]) -> Result<KeyPackage, BenchError> {
        let MlsMessageBodyIn::KeyPackage(package) = decode(message)? else { return Err(other("no key package")) };
        package.validate(self.provider.crypto(), ProtocolVersion::Mls10).map_err(other)
    }

    /// Commits and applies the commit.
    fn commit(
        &mut self,
        adds: Vec<KeyPackage>,
        removed: Option<LeafNodeIndex>,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), BenchError> {
        let (group, provider, signer) = self.group()?;
        let builder = group
            .commit_builder()
            .force_self_update(adds.is_empty())
            .propose_adds(adds)
            .propose_removals(removed)
            .load_psks(provider.storage())
            .map_err(other)?
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .map_err(other)?;
        let (commit, welcome, _) = builder.stage_commit(provider).map_err(other)?.into_messages();
        let sent = (encode(&commit)?, welcome.as_ref().map(encode).transpose()?);
        group.merge_pending_commit(provider).map_err(other)?;
        Ok(sent)
    }
}

fn encode(message: &MlsMessageOut) -> Result<Vec<u8>, BenchError> {
    message.to_bytes().map_err(other)
}

fn decode(message: &[u8]) -> Result<MlsMessageBodyIn, BenchError> {
    Ok(MlsMessageIn::tls_deserialize_exact(message).map_err(other)?.extract())
}

impl<P: Provider> Player for OpenMls<P> {
    const NAME: &'static str = P::NAME;

    fn new(name: &str, settings: Settings) -> Result<Self, BenchError> {
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).map_err(other)?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name.as_bytes().to_vec()).into(),
            signature_key: signer.public().into(),
        };
        Ok(Self { provider: P::open()?, signer, credential, settings, group: None })
    }

    fn key_package(&mut self) -> Result<Vec<u8>, BenchError> {
        let bundle =
            KeyPackage::builder().build(SUITE, &self.provider, &self.signer, self.credential.clone()).map_err(other)?;
        encode(&MlsMessageOut::from(bundle.key_package().clone()))
    }

    fn found(&mut self) -> Result<(), BenchError> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(self.settings.tree_in_welcome)
            .max_past_epochs(self.settings.past_epochs)
            .build();
        let group = MlsGroup::new(&self.provider, &self.signer, &config, self.credential.clone()).map_err(other)?;
        self.group = Some(group);
        Ok(())
    }

    fn join(&mut self, welcome: &[u8]) -> Result<(), BenchError> {
        let MlsMessageBodyIn::Welcome(welcome) = decode(welcome)? else { return Err(other("no Welcome")) };
        let staged = StagedWelcome::new_from_welcome(&self.provider, &self.join_config(), welcome, None);
        self.group = Some(staged.map_err(other)?.into_group(&self.provider).map_err(other)?);
        Ok(())
    }

    fn enter(&mut self, group_info: &[u8]) -> Result<Vec<u8>, BenchError> {
        let MlsMessageBodyIn::GroupInfo(info) = decode(group_info)? else { return Err(other("no GroupInfo")) };
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_config(self.join_config())
            .build_group(&self.provider, info, self.credential.clone())
            .map_err(other)?
            .load_psks(self.provider.storage())
            .map_err(other)?
            .build(self.provider.rand(), self.provider.crypto(), &self.signer, |_| true)
            .map_err(other)?
            .finalize(&self.provider)
            .map_err(other)?;
        self.group = Some(group);
        encode(bundle.commit())
    }

    fn group_info(&mut self) -> Result<Vec<u8>, BenchError> {
        let (group, provider, signer) = self.group()?;
        encode(&group.export_group_info(provider.crypto(), signer, true).map_err(other)?)
    }

    fn renew(&mut self) -> Result<Vec<u8>, BenchError> {
        Ok(self.commit(Vec::new(), None)?.0)
    }

    fn add(&mut self, key_packages: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<u8>), BenchError> {
        let adds = key_packages.iter().map(|message| self.check_key_package(message)).collect::<Result<_, _>>()?;
        let (commit, welcome) = self.commit(adds, None)?;
        Ok((commit, welcome.ok_or_else(|| other("no Welcome"))?))
    }

    fn remove(&mut self, leaf: u32) -> Result<Vec<u8>, BenchError> {
        Ok(self.commit(Vec::new(), Some(LeafNodeIndex::new(leaf)))?.0)
    }

    fn receive(&mut self, message: &[u8]) -> Result<(), BenchError> {
        let message: ProtocolMessage = match decode(message)? {
            MlsMessageBodyIn::PublicMessage(message) => message.into(),
            MlsMessageBodyIn::PrivateMessage(message) => message.into(),
            MlsMessageBodyIn::Welcome(_) | MlsMessageBodyIn::GroupInfo(_) | MlsMessageBodyIn::KeyPackage(_) => {
                return Err(other("not for a member"));
            }
        };
        let (group, provider, _) = self.group()?;
        let processed = group.process_message(provider, message).map_err(other)?;
        if let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() {
            group.merge_staged_commit(provider, *staged).map_err(other)?;
        }
        Ok(())
    }

    fn say(&mut self, data: &[u8]) -> Result<Vec<u8>, BenchError> {
        let (group, provider, signer) = self.group()?;
        encode(&group.create_message(provider, signer, data).map_err(other)?)
    }

    fn load(&mut self) -> Result<(), BenchError> {
        let (group, provider, _) = self.group()?;
        let loaded = MlsGroup::load(provider.storage(), group.group_id()).map_err(other)?;
        *group = loaded.ok_or_else(|| other("no group saved"))?;
        Ok(())
    }

    fn unload(&mut self) {
        self.group = None;
    }

    fn state_bytes(&self) -> Result<usize, BenchError> {
        let values = self.provider.storage().values.read().map_err(other)?;
        Ok(values.iter().map(|(key, value)| key.len() + value.len()).sum())
    }
}
