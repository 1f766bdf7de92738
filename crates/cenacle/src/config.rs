//! What an application chooses when it opens a client.

use alloc::sync::Arc;
use core::time::Duration;
use std::path::PathBuf;

use cenacle_crypto::{CipherSuite, CryptoProvider, SignaturePublicKey};
use cenacle_crypto_awslc::AwsLcProvider;

use crate::{Recovery, transport::Transport};

/// Settings of a client. All but the server have defaults.
#[derive(Debug, Clone)]
#[must_use = "a configuration is for `Client::open`"]
pub struct Config {
    pub(crate) server: String,
    pub(crate) data: Option<PathBuf>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) provider: Arc<dyn CryptoProvider>,
    pub(crate) cipher_suite: CipherSuite,
    pub(crate) as_key: Option<SignaturePublicKey>,
    pub(crate) poll_interval: Duration,
    pub(crate) retries: u32,
    pub(crate) recovery: Recovery,
}

impl Config {
    /// A client of the server at this address, such as `http://127.0.0.1:8443`, that keeps its state in memory.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            data: None,
            transport: None,
            provider: Arc::new(AwsLcProvider),
            cipher_suite: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
            as_key: None,
            poll_interval: Duration::from_secs(20),
            retries: 3,
            recovery: Recovery::default(),
        }
    }

    /// Keeps the state in this file, which is created if need be and locked while the client is open. Two more are beside it then,
    /// and after a crash; they belong together (`cenacle_store::SqliteStore::SUFFIXES`). A closed state is one file.
    pub fn data(self, path: impl Into<PathBuf>) -> Self {
        Self { data: Some(path.into()), ..self }
    }

    /// Reaches the server by other means than HTTP.
    pub fn transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// Uses another cryptographic library.
    pub fn provider(self, provider: Arc<dyn CryptoProvider>) -> Self {
        Self { provider, ..self }
    }

    /// Registers and creates conversations with another cipher suite than suite 1. It is fixed at registration.
    pub fn cipher_suite(self, cipher_suite: CipherSuite) -> Self {
        Self { cipher_suite, ..self }
    }

    /// Accepts this Authentication Service alone. Without it, the key the server shows at registration is pinned.
    pub fn authentication_key(self, key: SignaturePublicKey) -> Self {
        Self { as_key: Some(key), ..self }
    }

    /// How often to ask the server even without a hint. Hints make it rarely needed; 20 seconds by default.
    pub fn poll_interval(self, interval: Duration) -> Self {
        Self { poll_interval: interval, ..self }
    }

    /// How often to repeat a request that was not answered before giving up for now; 3 by default.
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// What to do about a conversation that this device has lost: by default, to tell and to wait for
    /// [`crate::Conversation::rejoin`].
    pub fn recovery(self, recovery: Recovery) -> Self {
        Self { recovery, ..self }
    }
}
