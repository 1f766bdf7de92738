//! What one client brings to all its groups of one cipher suite: the primitives, its signature key and credential, what
//! it supports, and its settings.

use alloc::{sync::Arc, vec};

use cenacle_crypto::{Signer, Suite};

use crate::{
    limits::Limits,
    protect::Padding,
    wire::{Capabilities, Credential, Extensions, ProtocolVersion},
};

/// How a client frames its proposals and commits. Both kinds are always accepted from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Handshake {
    /// In the clear inside the transport: the Delivery Service can follow the group.
    Public,
    /// Encrypted: the Delivery Service sees group, epoch and kind only.
    #[default]
    Private,
}

/// What an application may choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Bounds.
    pub limits: Limits,
    /// Padding of private messages.
    pub padding: Padding,
    /// Framing of own proposals and commits.
    pub handshake: Handshake,
}

/// A client, as far as the protocol knows it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) suite: Arc<dyn Suite>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) credential: Credential,
    pub(crate) capabilities: Capabilities,
    pub(crate) leaf_extensions: Extensions,
    pub(crate) settings: Settings,
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
        }
    }

    /// The client with other capabilities.
    #[must_use]
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
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
}
