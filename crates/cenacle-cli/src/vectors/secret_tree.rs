//! secret-tree.json: message keys of every leaf, and the keys of sender data (RFC 9420 §9, §6.3.2).

use alloc::sync::Arc;

use cenacle_crypto::Suite;
use cenacle_mls::{
    limits::Limits,
    protect::private::sender_data_key,
    schedule::EncryptionSecret,
    secret_tree::{RatchetKind, SecretTree},
    tree::math,
    wire::{Generation, LeafIndex},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, refused, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// One epoch's secret tree.
#[derive(Serialize, Deserialize)]
pub(crate) struct SecretTreeVector {
    pub(crate) cipher_suite: u16,
    pub(crate) sender_data: SenderDataVector,
    pub(crate) encryption_secret: Hex,
    pub(crate) leaves: Vec<Vec<GenerationVector>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SenderDataVector {
    pub(crate) sender_data_secret: Hex,
    pub(crate) ciphertext: Hex,
    pub(crate) key: Hex,
    pub(crate) nonce: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct GenerationVector {
    pub(crate) generation: u32,
    pub(crate) handshake_key: Hex,
    pub(crate) handshake_nonce: Hex,
    pub(crate) application_key: Hex,
    pub(crate) application_nonce: Hex,
}

impl SuiteVector for SecretTreeVector {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        self.sender_data.verify(suite).at("sender_data")?;
        let width = u32::try_from(self.leaves.len()).map_err(|error| Failure::unreadable(&error)).at("leaves")?;
        let secret = EncryptionSecret(self.encryption_secret.secret().at("encryption_secret")?);
        let mut tree = SecretTree::new(math::root(width), secret);
        for (leaf, generations) in (0..).map(LeafIndex).zip(&self.leaves) {
            for expected in generations {
                expected.verify(suite, &mut tree, leaf).at(format_args!("leaf {leaf}"))?;
            }
        }
        Ok(())
    }
}

impl SenderDataVector {
    fn verify(&self, suite: &dyn Suite) -> Check {
        let secret = self.sender_data_secret.secret().at("sender_data_secret")?;
        let (key, nonce) = sender_data_key(suite, &secret, &self.ciphertext)?;
        same_bytes("key", key.expose(), &self.key)?;
        same_bytes("nonce", nonce.expose(), &self.nonce)
    }
}

impl GenerationVector {
    /// Takes both keys out of the tree; afterwards they must be gone.
    fn verify(&self, suite: &dyn Suite, tree: &mut SecretTree, leaf: LeafIndex) -> Check {
        let generation = Generation(self.generation);
        let both = [
            ("handshake", RatchetKind::Handshake, &self.handshake_key, &self.handshake_nonce),
            ("application", RatchetKind::Application, &self.application_key, &self.application_nonce),
        ];
        for (name, kind, key, nonce) in both {
            let place = format!("{name} generation {}", self.generation);
            let (found, change) = tree.key_for(suite, leaf, kind, generation, &Limits::default()).at(&place)?;
            same_bytes(format_args!("{place}: key"), found.key.expose(), key)?;
            same_bytes(format_args!("{place}: nonce"), found.nonce.expose(), nonce)?;
            tree.apply(change);
            let again = tree.key_for(suite, leaf, kind, generation, &Limits::default());
            refused(format_args!("{place}: second use"), &again)?;
        }
        Ok(())
    }
}
