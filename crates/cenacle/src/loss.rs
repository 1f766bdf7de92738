//! How a device can lose a conversation, what to do about it, and what looks as if the server did not tell all members the
//! same.

use core::fmt;

use crate::{Error, MemberId};

/// Why a device can neither read a conversation on nor say anything in it, until it has come back: see
/// [`crate::Conversation::rejoin`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The log holds something by this device that the state file knows nothing of. The file is an older copy, whose keys may
    /// have been used since and are not used any more; or somebody else has this device's signature key and took its place.
    OldState,
    /// The log holds a commit that breaks the protocol, or one from an epoch that this device is not in.
    Diverged {
        /// The number of the commit's record.
        seq: u64,
        /// What is wrong with it.
        error: cenacle_mls::Error,
    },
    /// The server leaves out records that this device has not read. It does so rightly if the device was removed and invited
    /// again.
    Gap {
        /// The number of the next record to read.
        expected: u64,
        /// The number of the first that the server gives.
        found: u64,
    },
    /// What lies at the server as the members' description of this epoch is sound, and not of the epoch this device is in.
    Forked {
        /// The epoch's number.
        epoch: u64,
    },
}

impl Loss {
    /// The loss that an error tells of, if it does.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others lose nothing")]
        match error {
            Error::StateLost => Some(Self::OldState),
            Error::Diverged { seq, error } => Some(Self::Diverged { seq: *seq, error: error.clone() }),
            Error::Gap { expected, found } => Some(Self::Gap { expected: *expected, found: *found }),
            Error::Forked { epoch } => Some(Self::Forked { epoch: *epoch }),
            _ => None,
        }
    }

    /// Whether nothing that the server may give to read makes up for it.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::OldState | Self::Forked { .. })
    }
}

impl From<Loss> for Error {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::OldState => Self::StateLost,
            Loss::Diverged { seq, error } => Self::Diverged { seq, error },
            Loss::Gap { expected, found } => Self::Gap { expected, found },
            Loss::Forked { epoch } => Self::Forked { epoch },
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Error::from(self.clone()).fmt(f)
    }
}

/// What a client does about a conversation that it has lost. It tells of the loss in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Recovery {
    /// Nothing before it is asked to: coming back trusts the server to describe the conversation as it is now, which a server
    /// that caused the loss may not do.
    #[default]
    Ask,
    /// It comes back at once, and tells so, if nobody is in the conversation who was not before. Otherwise it waits to be asked.
    /// So it does at a second loss within a few epochs, persisted: another device may have the same state, and each would take
    /// the other's place for ever.
    Automatic,
}

/// A sign that the server shows this device another conversation than somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suspicion {
    /// A message does not decrypt, and what stands beside it in the clear names other keys for its epoch. Its sender may be
    /// in another group by now, or somebody posts garbage.
    OtherKeys {
        /// The epoch's number.
        epoch: u64,
        /// Why it does not decrypt.
        error: cenacle_mls::Error,
    },
    /// A member whose message or commit decrypts has read another log: records are missing, or stand otherwise, there or here.
    /// Of messages it is told once in an epoch.
    OtherLog {
        /// Who says so.
        member: MemberId,
    },
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKeys { epoch, error } => {
                write!(f, "a message of epoch {epoch} is for other keys than this device's ({error})")
            }
            Self::OtherLog { member } => write!(f, "{member} has read other records than this device"),
        }
    }
}
