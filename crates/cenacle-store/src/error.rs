//! Why a state file cannot be used, sorted by what its owner should do about it.

use core::fmt;
use std::io;

use rusqlite::ErrorCode;

/// Why the store failed. Nothing was stored when one is returned.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process or another part of this one has the file open: end it, or use a file of your own.
    InUse,
    /// The file is something else than a Cenacle state file: choose another path.
    NotAStore,
    /// A newer version of this program wrote the file: update the program. Older ones cannot read it.
    Newer {
        /// The version of the file's format.
        found: u32,
        /// The newest version that is understood here.
        known: u32,
    },
    /// The medium is full: make room and try again.
    Full,
    /// The file is damaged: restore a backup. Do not go on with it, since keys might be used twice.
    Corrupt,
    /// The file with the keys, which lies beside the state file, is missing or of another moment: restore both from one
    /// backup.
    KeysDoNotFit,
    /// The file cannot be created, opened or written.
    Io(io::Error),
    /// Any other refusal by the database.
    Database(rusqlite::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("the state file is in use by another process: end it, or use another file"),
            Self::NotAStore => f.write_str("the file is not a Cenacle state file: choose another path"),
            Self::Newer { found, known } => write!(
                f,
                "the state file has format {found}, this program knows formats up to {known}: update the program"
            ),
            Self::Full => f.write_str("no space is left for the state file: make room and try again"),
            Self::Corrupt => f.write_str("the state file is damaged: restore a backup"),
            Self::KeysDoNotFit => f.write_str(
                "the file with the keys of the state file (-keys) is missing or of another moment: restore both from one backup",
            ),
            Self::Io(error) => write!(f, "the state file cannot be used: {error}"),
            Self::Database(error) => write!(f, "the database refused: {error}"),
        }
    }
}

impl core::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Database(error) => Some(error),
            Self::InUse | Self::NotAStore | Self::Newer { .. } | Self::Full | Self::Corrupt | Self::KeysDoNotFit => {
                None
            }
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt,
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Database(error),
        }
    }
}
