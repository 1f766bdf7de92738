//! psk_secret.json: pre-shared keys chained into one secret (RFC 9420 §8.4).

use alloc::sync::Arc;

use cenacle_crypto::{SecretBytes, Suite};
use cenacle_mls::{
    schedule::psk_secret,
    wire::{PreSharedKeyId, Psk},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{Check, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// Any number of external PSKs and what comes of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct PskSecretChain {
    pub(crate) cipher_suite: u16,
    pub(crate) psks: Vec<ExternalPsk>,
    pub(crate) psk_secret: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ExternalPsk {
    pub(crate) psk_id: Hex,
    pub(crate) psk: Hex,
    pub(crate) psk_nonce: Hex,
}

impl SuiteVector for PskSecretChain {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let named = |given: &ExternalPsk| {
            let id =
                PreSharedKeyId { psk: Psk::External((*given.psk_id).into()), psk_nonce: (*given.psk_nonce).into() };
            (id, SecretBytes::from(&*given.psk))
        };
        let psks: Vec<_> = self.psks.iter().map(named).collect();
        same_bytes("psk_secret", psk_secret(&**suite, &psks)?.0.expose(), &self.psk_secret)
    }
}
