//! What one client brings to all its groups of one cipher suite: the primitives, its signature key and credential, what
//! it supports, and its settings.

use alloc::{sync::Arc, vec};

use cenacle_crypto::{Signer, Suite};

use super::Settings;
use crate::wire::{Capabilities, Credential, Extensions, ExternalSender, LeafNode, ProtocolVersion};

/// A client, as far as the protocol knows it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) suite: Arc<dyn Suite>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) credential: Credential,
    pub(crate) capabilities: Capabilities,
    pub(crate) leaf_extensions: Extensions,
    pub(crate) settings: Settings,
    pub(crate) successor: Option<Arc<Self>>,
}

impl Client {
    /// A client with this key and credential, which supports MLS 1.0, the suite, and its own credential's type.
    #[must_use]
    pub fn new(suite: Arc<dyn Suite>, signer: Arc<dyn Signer>, credential: Credential) -> Self {
        let capabilities = Capabilities {
            versions: vec![ProtocolVersion::MLS10],
            cipher_suites: vec![suite.cipher_suite()],
            credentials: vec![credential.credential_type()],
            ..Capabilities::default()
        };
        Self {
            suite,
            signer,
            credential,
            capabilities,
            leaf_extensions: Extensions::default(),
            settings: Settings::default(),
            successor: None,
        }
    }

    /// The client with other capabilities: what it really supports. Values of GREASE are left out: nobody supports them, and
    /// the settings say where they are sent.
    #[must_use]
    pub fn with_capabilities(self, mut capabilities: Capabilities) -> Self {
        // RFC 9420 §13.5: "representations of a client's own capabilities MUST NOT contain GREASE values."
        capabilities.extensions.retain(|value| !value.is_grease());
        capabilities.proposals.retain(|value| !value.is_grease());
        capabilities.credentials.retain(|value| !value.is_grease());
        Self { capabilities, ..self }
    }

    /// The client with extensions in its leaf nodes, whose types must be among the capabilities.
    #[must_use]
    pub fn with_leaf_extensions(self, leaf_extensions: Extensions) -> Self {
        Self { leaf_extensions, ..self }
    }

    /// The client with other settings.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// The client as it is about to present another credential, signature key or capabilities: the leaves it makes for
    /// groups it is in are `successor`'s from now on, and once one is committed, the group is the successor's. Until then both
    /// load it.
    #[must_use]
    pub fn with_successor(self, successor: Self) -> Self {
        Self { successor: Some(Arc::new(successor)), ..self }
    }

    /// The primitives.
    #[must_use]
    pub fn suite(&self) -> &dyn Suite {
        &*self.suite
    }

    /// Who this client says it is.
    #[must_use]
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// What it supports.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// This client as a group's list of external senders names it (RFC 9420 §12.1.8.1).
    #[must_use]
    pub fn external_sender(&self) -> ExternalSender {
        ExternalSender { signature_key: self.signer.public_key().clone(), credential: self.credential.clone() }
    }

    /// Who makes the next leaf.
    pub(crate) fn next(&self) -> &Self {
        self.successor.as_deref().unwrap_or(self)
    }

    /// Whether this leaf is the client's.
    pub(crate) fn has(&self, leaf: &LeafNode) -> bool {
        leaf.signature_key == *self.signer.public_key()
    }

    /// Which of the client and its successor has this leaf.
    pub(crate) fn behind(&self, leaf: &LeafNode) -> Option<&Self> {
        let successor = || self.successor.as_deref().filter(|client| client.has(leaf));
        Some(self).filter(|client| client.has(leaf)).or_else(successor)
    }
}
