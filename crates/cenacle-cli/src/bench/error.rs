//! Why a measurement ended early.

use std::io;

use cenacle_mls::delta::PersistError;

/// Why nothing could be measured.
#[derive(Debug)]
pub enum BenchError {
    /// The output is gone.
    Print(io::Error),
    /// Something failed that never should.
    Other(String),
}

impl BenchError {
    /// Something failed that never should.
    pub fn other(error: impl core::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<io::Error> for BenchError {
    fn from(error: io::Error) -> Self {
        Self::Print(error)
    }
}

impl From<cenacle_mls::Error> for BenchError {
    fn from(error: cenacle_mls::Error) -> Self {
        Self::other(error)
    }
}

impl From<cenacle_codec::EncodeError> for BenchError {
    fn from(error: cenacle_codec::EncodeError) -> Self {
        Self::other(error)
    }
}

impl From<cenacle_codec::DecodeError> for BenchError {
    fn from(error: cenacle_codec::DecodeError) -> Self {
        Self::other(error)
    }
}

impl From<cenacle_crypto::CryptoError> for BenchError {
    fn from(error: cenacle_crypto::CryptoError) -> Self {
        Self::other(error)
    }
}

impl<E: core::fmt::Display> From<PersistError<E>> for BenchError {
    fn from(error: PersistError<E>) -> Self {
        Self::other(error)
    }
}

impl core::fmt::Display for BenchError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Print(error) => error.fmt(f),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl core::error::Error for BenchError {}

/// Another structure came out than was put in.
pub(crate) fn unexpected() -> BenchError {
    BenchError::other("a message of another kind than was made")
}
