//! Why a service call gave no answer: because the request was refused, which the client is told in full, or because
//! the server failed, which the client is only told about.

use alloc::boxed::Box;
use core::{error, fmt};

use cenacle_crypto::CryptoError;

use crate::{
    storage::StorageError,
    wire::{Malformed, NameFault, Problem, ProblemKind},
};

/// Why a service call gave no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The request was refused: send the problem to the client.
    Refused(Box<Problem>),
    /// The storage failed: write it to the log, and tell the client that the server failed.
    Storage(StorageError),
    /// The cryptography failed, other than by refusing what a client sent: as for the storage.
    Crypto(CryptoError),
    /// The provider does not have suite 1, which the services need for themselves.
    NoServiceSuite,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => problem.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::Crypto(error) => error.fmt(f),
            Self::NoServiceSuite => f.write_str("the cryptography provider does not have cipher suite 1"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Refused(_) | Self::NoServiceSuite => None,
            Self::Storage(error) => Some(error),
            Self::Crypto(error) => Some(error),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<ProblemKind> for Error {
    fn from(kind: ProblemKind) -> Self {
        Problem::new(kind).into()
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<NameFault> for Error {
    fn from(fault: NameFault) -> Self {
        Problem::from(fault).into()
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Problem::from(malformed).into()
    }
}

impl From<Error> for Problem {
    /// What the client is told. A failure of the server says nothing about its inside.
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(problem) => *problem,
            Error::Storage(StorageError::Closed) => Self::new(ProblemKind::Unavailable),
            Error::Storage(_) | Error::Crypto(_) | Error::NoServiceSuite => Self::new(ProblemKind::Internal),
        }
    }
}
