//! The services' logic: what a request must be before the storage decides about it, and what the answer is. No
//! clock, no randomness of its own, no network: the time and an [`Rng`] are arguments, hints go into a [`NoticeSink`].
//! Calls block as long as the storage does.

mod accounts;
mod groups;
mod key_packages;
mod messages;
mod rate;

use alloc::{boxed::Box, sync::Arc};
use core::fmt;

use cenacle_crypto::{CipherSuite, CryptoProvider, Rng, SecretBytes, SignatureSecretKey, Signer, Suite};
use subtle::ConstantTimeEq;

use self::rate::{Caller, RateLimiter};
use crate::{
    Error,
    storage::{DeviceRecord, Storage},
    wire::{
        AccountName, ApiVersion, AsKey, Base64Url, BlobStored, Consistency, ContentHash, DeviceId, DeviceToken,
        HandshakeMode, Head, Limits, Problem, ProblemKind, Retention, ServerInfo, SuiteNumber,
    },
};

/// The suite whose hash and signatures the services themselves use.
const SERVICE_SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// Under which name the storage keeps the Authentication Service's private key.
const AS_KEY: &str = "as-signature-key";

/// What an operator may choose. The default is generous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Sizes and counts that are refused beyond.
    pub limits: Limits,
    /// What is kept for how long.
    pub retention: Retention,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        const DAY_SECONDS: u64 = 24 * 60 * 60;
        Self {
            limits: Limits {
                message_bytes: 4 * MIB,
                // Commit, Welcome, GroupInfo and tree at their largest, as base64url.
                body_bytes: 24 * MIB,
                blob_bytes: 16 * MIB,
                log_records: 1000,
                log_bytes: 8 * MIB,
                heads: 4096,
                key_packages: 500,
                key_package_lifetime_seconds: 100 * DAY_SECONDS,
                burst_requests: 2000,
                requests_per_second: 200,
            },
            retention: Retention { past_epochs: 5, binding_seconds: 365 * DAY_SECONDS },
        }
    }
}

/// Something happened that devices may want to pull for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A group's log grew.
    Head {
        /// Where it is now.
        head: Head,
        /// Devices that may not be told of later records.
        removed: Vec<DeviceId>,
    },
    /// Something came into a device's queue.
    Queue {
        /// The device.
        device: DeviceId,
    },
}

/// Takes notices, after what they tell of is stored. Must not block; may lose them.
pub trait NoticeSink: fmt::Debug + Send + Sync {
    /// Takes one.
    fn notice(&self, notice: Notice);
}

/// Loses all notices.
impl NoticeSink for () {
    fn notice(&self, _: Notice) {}
}

/// A device that proved who it is. Only [`Service::authenticate`] makes one.
#[derive(Debug, Clone)]
pub struct Bearer {
    device_id: DeviceId,
    record: DeviceRecord,
}

impl Bearer {
    /// The device.
    #[must_use]
    pub const fn device_id(&self) -> DeviceId {
        self.device_id
    }

    /// Its account.
    #[must_use]
    pub const fn name(&self) -> &AccountName {
        &self.record.name
    }
}

/// The Delivery Service and the Authentication Service over one storage.
#[derive(Debug)]
pub struct Service {
    storage: Arc<dyn Storage>,
    provider: Arc<dyn CryptoProvider>,
    suite: Arc<dyn Suite>,
    as_signer: Box<dyn Signer>,
    notices: Arc<dyn NoticeSink>,
    config: ServiceConfig,
    rates: RateLimiter,
}

impl Service {
    /// Puts the services over `storage`. The Authentication Service's key is made and stored if there is none.
    ///
    /// # Errors
    /// [`Error::NoServiceSuite`], and what storage and cryptography say.
    pub fn new(
        storage: Arc<dyn Storage>,
        provider: Arc<dyn CryptoProvider>,
        notices: Arc<dyn NoticeSink>,
        config: ServiceConfig,
        rng: &mut dyn Rng,
    ) -> Result<Self, Error> {
        let suite = provider.suite(SERVICE_SUITE).ok_or(Error::NoServiceSuite)?;
        let (fresh, _) = suite.signature_key_pair(rng)?;
        let stored = SecretBytes::from(storage.secret(AS_KEY, fresh.0.expose())?);
        let as_signer = suite.signer(&SignatureSecretKey(stored))?;
        let rates = RateLimiter::new(config.limits.burst_requests, config.limits.requests_per_second);
        Ok(Self { storage, provider, suite, as_signer, notices, config, rates })
    }

    /// The limits, for whoever reads requests.
    #[must_use]
    pub const fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// Finds out who sends a request, and counts the request against its rate.
    ///
    /// # Errors
    /// `unauthorized`, `rate-limited`.
    pub fn authenticate(&self, token: &DeviceToken, now_seconds: u64) -> Result<Bearer, Error> {
        let device_id = token.device_id();
        let record = self.storage.device(device_id)?.ok_or(ProblemKind::Unauthorized)?;
        if !bool::from(self.token_hash(token).0.ct_eq(&record.token_hash.0)) {
            return Err(ProblemKind::Unauthorized.into());
        }
        self.count_request(Caller::Device(device_id), now_seconds)?;
        Ok(Bearer { device_id, record })
    }

    fn count_request(&self, caller: Caller, now_seconds: u64) -> Result<(), Error> {
        let spent = self.rates.spend(caller, now_seconds);
        spent.map_err(|retry_after_seconds| ProblemKind::RateLimited { retry_after_seconds }.into())
    }

    fn token_hash(&self, token: &DeviceToken) -> ContentHash {
        self.hash(token.expose())
    }

    fn hash(&self, content: &[u8]) -> ContentHash {
        ContentHash::of(&*self.suite, content)
    }

    /// The Authentication Service's public key.
    #[must_use]
    pub fn as_key(&self) -> AsKey {
        let signature_key = Base64Url::from(self.as_signer.public_key().0.as_slice());
        AsKey { cipher_suite: SERVICE_SUITE.into(), signature_key }
    }

    /// What the server says about itself.
    #[must_use]
    pub fn info(&self) -> ServerInfo {
        ServerInfo {
            api_versions: vec![ApiVersion::V1],
            cipher_suites: self.provider.cipher_suites().iter().copied().map(SuiteNumber::from).collect(),
            consistency: Consistency::Strong,
            handshake_modes: vec![HandshakeMode::Public, HandshakeMode::Private],
            limits: self.config.limits,
            retention: self.config.retention,
            authentication_service: self.as_key(),
            lineage: self.storage.lineage(),
        }
    }

    /// Whether the storage can be written.
    ///
    /// # Errors
    /// What the storage says.
    pub fn ready(&self) -> Result<(), Error> {
        Ok(self.storage.probe()?)
    }

    /// Keeps content under its hash.
    ///
    /// # Errors
    /// `payload-too-large`, `blob-mismatch`.
    pub fn put_blob(&self, _: &Bearer, expected: ContentHash, content: Vec<u8>) -> Result<BlobStored, Error> {
        let bytes = content.len() as u64;
        check_size(bytes, self.config.limits.blob_bytes)?;
        let actual = self.hash(&content);
        if actual != expected {
            return Err(ProblemKind::BlobMismatch { expected, actual }.into());
        }
        self.storage.put_blob(actual, content)?;
        Ok(BlobStored { hash: actual, bytes })
    }

    /// The content of a hash.
    ///
    /// # Errors
    /// `blob-unknown`.
    pub fn blob(&self, _: &Bearer, hash: ContentHash) -> Result<Vec<u8>, Error> {
        self.storage.blob(hash)?.ok_or_else(|| ProblemKind::BlobUnknown { hash }.into())
    }
}

fn check_size(bytes: u64, limit_bytes: u64) -> Result<(), Error> {
    if bytes <= limit_bytes {
        return Ok(());
    }
    let problem = Problem::new(ProblemKind::PayloadTooLarge { limit_bytes });
    Err(problem.with_detail(format!("{bytes} bytes, the limit is {limit_bytes}")).into())
}
