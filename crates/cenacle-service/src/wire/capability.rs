//! What a server says about itself at `/.well-known/mls-ds`: the parameters RFC 9750 §7 asks a deployment to fix.

use serde::{Deserialize, Serialize};

use super::{AsKey, Lineage, SuiteNumber};

/// Answer to `GET /.well-known/mls-ds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The API's versions, as they stand in the path.
    pub api_versions: Vec<ApiVersion>,
    /// Cipher suites the services accept, in ascending order.
    pub cipher_suites: Vec<SuiteNumber>,
    /// Whether all members see one history (RFC 9750 §5.2).
    pub consistency: Consistency,
    /// Which handshake messages are taken.
    pub handshake_modes: Vec<HandshakeMode>,
    /// Sizes and counts that are refused beyond.
    pub limits: Limits,
    /// What is kept for how long.
    pub retention: Retention,
    /// The Authentication Service's key.
    pub authentication_service: AsKey,
    /// The server's history.
    pub lineage: Lineage,
}

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApiVersion {
    /// `/v1`.
    V1,
    /// One this version does not know.
    #[serde(other)]
    Unknown,
}

/// How commits of one epoch are arbitrated (RFC 9750 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Consistency {
    /// The server takes one commit for each epoch (RFC 9750 §5.2.1).
    Strong,
    /// Another way, which this version does not know.
    #[serde(other)]
    Unknown,
}

/// How handshake messages travel (RFC 9750 §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandshakeMode {
    /// As PublicMessage.
    Public,
    /// As PrivateMessage.
    Private,
    /// Another way, which this version does not know.
    #[serde(other)]
    Unknown,
}

/// Sizes in bytes and counts that a server refuses beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest MLSMessage, ratchet tree or GroupInfo.
    pub message_bytes: u64,
    /// The largest JSON body; base64url makes a message a third larger, and a commit carries several.
    pub body_bytes: u64,
    /// The largest blob.
    pub blob_bytes: u64,
    /// The most records or queue items in one answer.
    pub log_records: u64,
    /// The most message bytes in one answer; a single record or item is always given.
    pub log_bytes: u64,
    /// The most groups in one request for heads or hints.
    pub heads: u64,
    /// The most normal key packages in stock for a device and cipher suite.
    pub key_packages: u64,
    /// The longest lifetime of a key package, in seconds (RFC 9420 §7.2).
    pub key_package_lifetime_seconds: u64,
    /// The most requests a device may send at once.
    pub burst_requests: u64,
    /// Requests a device may send each second in the long run.
    pub requests_per_second: u64,
}

/// What is kept for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Application messages are taken for the current epoch and this many before it.
    pub past_epochs: u64,
    /// How long a binding holds, in seconds. Renew it before.
    pub binding_seconds: u64,
}
