//! The passive-client files: a member that only listens, joined by a Welcome, follows a group of other implementations
//! through its epochs (RFC 9420 §12). Everything goes through the same doors as in an application.

use alloc::sync::Arc;

use cenacle_crypto::Suite;
use cenacle_mls::{
    group::{AcceptAll, Client, Group, Inputs, OwnKeyPackage, Psks, Received, Settings},
    wire::{KeyPackage, MlsMessage, WireTree},
};
use cenacle_store::MemoryStore;
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
    welcome::{read_key_package, read_welcome},
};

/// One group, from the join on.
#[derive(Serialize, Deserialize)]
pub(crate) struct PassiveClient {
    pub(crate) cipher_suite: u16,
    pub(crate) external_psks: Vec<ExternalPsk>,
    pub(crate) key_package: Hex,
    pub(crate) signature_priv: Hex,
    pub(crate) encryption_priv: Hex,
    pub(crate) init_priv: Hex,
    pub(crate) welcome: Hex,
    pub(crate) ratchet_tree: Option<Hex>,
    pub(crate) initial_epoch_authenticator: Hex,
    pub(crate) epochs: Vec<EpochVector>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ExternalPsk {
    pub(crate) psk_id: Hex,
    pub(crate) psk: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EpochVector {
    pub(crate) proposals: Vec<Hex>,
    pub(crate) commit: Hex,
    pub(crate) epoch_authenticator: Hex,
}

impl SuiteVector for PassiveClient {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let mut psks = Psks::default();
        for given in &self.external_psks {
            psks.insert_external(&*given.psk_id, &*given.psk);
        }
        let inputs = Inputs::new(&AcceptAll).with_psks(&psks);
        let mut store = MemoryStore::default();
        let mut group = self.join(suite, &inputs, &mut store).at("join")?;
        let authenticator = group.epoch_authenticator().expose();
        same_bytes("initial_epoch_authenticator", authenticator, &self.initial_epoch_authenticator)?;
        for (index, epoch) in self.epochs.iter().enumerate() {
            epoch.follow(&mut group, &inputs, &mut store).at(format_args!("epoch {index}"))?;
        }
        Ok(())
    }
}

impl PassiveClient {
    fn join(&self, suite: &Arc<dyn Suite>, inputs: &Inputs<'_>, store: &mut MemoryStore) -> Result<Group, Failure> {
        let key_package = read_key_package(&self.key_package)?;
        let (client, own) = self.client(key_package, suite)?;
        let welcome = read_welcome(&self.welcome)?;
        let read_tree = |bytes: &Hex| round_trip::<WireTree>("ratchet_tree", bytes);
        let tree = self.ratchet_tree.as_ref().map(read_tree).transpose()?;
        let group = client.join(&welcome, &own, tree, inputs)?;
        group.accept(store).map_err(|error| Failure::refused(&error))
    }

    /// The client that the key package is of, whose private keys must fit it.
    fn client(&self, key_package: KeyPackage, suite: &Arc<dyn Suite>) -> Result<(Client, OwnKeyPackage), Failure> {
        let leaf = &key_package.leaf_node;
        let (init_key, leaf_key) = (self.init_priv.hpke_secret_key(), self.encryption_priv.hpke_secret_key());
        let public = suite.kem_public_key(&init_key).at("init_priv")?;
        same_bytes("public key of init_priv", &public.0, &key_package.init_key.0)?;
        let public = suite.kem_public_key(&leaf_key).at("encryption_priv")?;
        same_bytes("public key of encryption_priv", &public.0, &leaf.encryption_key.0)?;
        let signer = suite.signer(&self.signature_priv.signature_secret_key()).at("signature_priv")?;
        same_bytes("public key of signature_priv", &signer.public_key().0, &leaf.signature_key.0)?;
        let client = Client::new(Arc::clone(suite), Arc::from(signer), leaf.credential.clone())
            .with_capabilities(leaf.capabilities.clone())
            .with_leaf_extensions(leaf.extensions.clone())
            .with_settings(settings());
        // Kept: the vector has no row of it, which a join by a one-time key package asks for.
        Ok((client, OwnKeyPackage::new(key_package, init_key, leaf_key, true)))
    }
}

/// The vectors' key packages are valid for years, some for ever.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.limits.lifetime_seconds = u64::MAX;
    settings
}

impl EpochVector {
    fn follow(&self, group: &mut Group, inputs: &Inputs<'_>, store: &mut MemoryStore) -> Check {
        for (index, proposal) in self.proposals.iter().enumerate() {
            let received = receive(proposal, group, inputs, store).at(format_args!("proposals[{index}]"))?;
            if !matches!(received, Received::Proposal { .. }) {
                return Err(Failure::unreadable(&"another message")).at(format_args!("proposals[{index}]"));
            }
        }
        let received = receive(&self.commit, group, inputs, store).at("commit")?;
        if !matches!(received, Received::Commit(_)) {
            return Err(Failure::unreadable(&"another message")).at("commit");
        }
        same_bytes("epoch_authenticator", group.epoch_authenticator().expose(), &self.epoch_authenticator)
    }
}

fn receive(bytes: &[u8], group: &mut Group, inputs: &Inputs<'_>, store: &mut MemoryStore) -> Result<Received, Failure> {
    let message = round_trip::<MlsMessage>("message", bytes)?;
    let opened = group.open(&message).at("open")?;
    let transition = group.stage(opened, inputs).at("stage")?;
    group.merge(transition, store).map_err(|error| Failure::refused(&error)).at("merge")
}
