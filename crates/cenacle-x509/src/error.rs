//! What can be wrong with what the application configures. Chains that members present are not errors but verdicts.

use core::fmt;

/// Why something cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A chain without any certificate.
    NoCertificate,
    /// More certificates than [`MAX_CERTIFICATES`](crate::limits::MAX_CERTIFICATES).
    TooManyCertificates,
    /// More bytes than [`MAX_CHAIN_BYTES`](crate::limits::MAX_CHAIN_BYTES).
    ChainTooLong,
    /// The certificate at this place is not DER of an X.509 version 3 certificate.
    Certificate(usize),
    /// The root at this place is not a certificate.
    Root(usize),
    /// The revocation list at this place is not one, or of a kind that is not supported (delta, indirect, version 1).
    RevocationList(usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("a chain has at least one certificate"),
            Self::TooManyCertificates => f.write_str("more certificates than others would accept"),
            Self::ChainTooLong => f.write_str("longer certificates than others would accept"),
            Self::Certificate(index) => write!(f, "certificate {index} of the chain is malformed"),
            Self::Root(index) => write!(f, "root {index} is no certificate"),
            Self::RevocationList(index) => write!(f, "revocation list {index} is malformed or not supported"),
        }
    }
}

impl core::error::Error for Error {}
