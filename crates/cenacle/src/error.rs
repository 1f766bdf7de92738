//! What can go wrong, sorted by what to do next; every message ends by saying it.

use alloc::sync::Arc;
use core::fmt;
use std::{io, path::PathBuf};

use cenacle_codec::{DecodeError, EncodeError};
use cenacle_crypto::CryptoError;
use cenacle_mls::delta::PersistError;
use cenacle_service::wire::{AccountName, NameFault, Problem};
use cenacle_store::StoreError;

use crate::{FileFault, MemberId, transport::TransportError};

/// Why a call did not do what it was asked. What was queued before the failure stays queued and is tried again.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The state file has no account yet: call [`crate::Client::register`].
    NotRegistered,
    /// The state file has an account already: use it, or open another file.
    AlreadyRegistered(AccountName),
    /// The text cannot be a name: choose another.
    Name(NameFault),
    /// The name is someone else's: choose another.
    NameTaken(AccountName),
    /// Nobody has this name: check the spelling.
    UnknownAccount(AccountName),
    /// None of the account's devices has a key package left: try again after one of them was online.
    NoKeyPackage(AccountName),
    /// There is no such conversation on this device.
    UnknownConversation,
    /// This device takes no part in the conversation any more: ask a member to be invited again.
    NotMember,
    /// The account has no device in the conversation.
    NotInConversation(AccountName),
    /// The server could not be reached: what is queued goes out by itself when it can.
    Offline(TransportError),
    /// The server refuses; the problem says why.
    Refused(Box<Problem>),
    /// The server's answer is not one of its API, or contradicts itself: check the address, or update.
    NotUnderstood,
    /// The server's answer is longer than any of its API: check the address.
    AnswerTooLarge,
    /// The server's history is another than the one remembered, perhaps an old backup: ask its operator before going on.
    ServerChanged,
    /// The state belongs to another server than the configured one, whose Authentication Service shows another key than the
    /// one pinned at registration. The device's token was not sent: give the address of the server it belongs to, or open
    /// another file.
    OtherServer,
    /// The server's Authentication Service has another key than the configured one: ask its operator before going on.
    AuthenticationKeyChanged,
    /// Other members' commits kept winning: what was asked stays queued and is tried again at the next sync.
    Contended,
    /// The server has more to tell than is read at one go. Calls go on by themselves when others have had their turn, so that
    /// none of this version's ends so.
    Behind,
    /// The server's log holds a commit that breaks the protocol, or one from an epoch that this device is not in: it cannot
    /// follow the conversation any further. [`crate::Conversation::rejoin`] is the way back, once a member has committed
    /// something valid.
    Diverged {
        /// The number of the commit's record.
        seq: u64,
        /// What is wrong with it.
        error: cenacle_mls::Error,
    },
    /// The server's log holds something by this device that the state file knows nothing of: it is an older copy, and
    /// going on with it would use keys twice. [`crate::Conversation::rejoin`] is the way back.
    StateLost,
    /// The server leaves out records of the log that this device has not read: it was removed and invited again, or the server
    /// withholds them. [`crate::Conversation::rejoin`] is the way back.
    Gap {
        /// The number of the next record to read.
        expected: u64,
        /// The number of the first that the server gives.
        found: u64,
    },
    /// The members' description of this epoch at the server is not of the epoch that this device is in: the server has shown
    /// different commits to different members. [`crate::Conversation::rejoin`] is the way back.
    Forked {
        /// The epoch's number.
        epoch: u64,
    },
    /// Nothing lies at the server by which this device could come back: wait until a member has changed something, or ask to
    /// be removed and invited again.
    NoWayBack,
    /// The conversation has members it did not have when this device was in it last, or some whose keys are others: if they may
    /// read what is said from now on, come back with their names.
    Newcomers(Vec<AccountName>),
    /// The Authentication Service does not say that a key is this device's: do not invite it, and ask its owner.
    Untrusted(MemberId),
    /// A change that was asked for cannot come true, for this reason, and is not tried any more.
    GivenUp(Arc<Self>),
    /// A plain address of another machine: only loopback goes without TLS.
    InsecureServer,
    /// An address with TLS, which this version does not speak: have a proxy or tunnel on this machine lead to the server.
    NoTls,
    /// The address of the server is not a URL.
    BadServerUrl,
    /// The provider does not supply the cipher suite: choose another in the configuration.
    UnsupportedCipherSuite,
    /// A downloaded file is not the one that was sent.
    File(FileFault),
    /// The protocol refuses.
    Mls(cenacle_mls::Error),
    /// The state file failed: nothing was changed.
    Store(StoreError),
    /// A file or directory of the application could not be read or written.
    Io {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// The system does not let the client run.
    System(io::Error),
    /// A row of the state file is not what this version writes: restore a backup.
    Corrupt(&'static str),
    /// The client was closed: open it again.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegistered => f.write_str("no account yet: register first"),
            Self::AlreadyRegistered(name) => write!(f, "this state file belongs to {name}: use it, or open another"),
            Self::Name(fault) => write!(f, "{fault}: choose another name"),
            Self::NameTaken(name) => write!(f, "the name {name} is taken: choose another"),
            Self::UnknownAccount(name) => write!(f, "nobody is called {name}: check the spelling"),
            Self::NoKeyPackage(name) => {
                write!(f, "{name} cannot be invited before one of their devices was online: try again later")
            }
            Self::UnknownConversation => f.write_str("there is no such conversation on this device"),
            Self::NotMember => f.write_str("this device is not in the conversation any more: ask to be invited again"),
            Self::NotInConversation(name) => write!(f, "{name} is not in the conversation"),
            Self::Offline(error) => {
                write!(f, "the server cannot be reached ({error}): what is queued goes out when it can")
            }
            Self::Refused(problem) => write!(f, "the server refuses: {problem}"),
            Self::NotUnderstood => f.write_str("the server's answer makes no sense: check its address, or update"),
            Self::AnswerTooLarge => f.write_str("the server's answer is longer than any should be: check its address"),
            Self::ServerChanged => {
                f.write_str("the server's history has changed, perhaps to an old backup: ask its operator")
            }
            Self::OtherServer => f.write_str(
                "this state belongs to another server, which signs identities with another key: give the address of that \
                 one, or use another state",
            ),
            Self::AuthenticationKeyChanged => {
                f.write_str("the server signs identities with another key than the configured one: ask its operator")
            }
            Self::Contended => f.write_str("other members' changes kept coming first: it is tried again by itself"),
            Self::Behind => f.write_str("the server has much to tell: it is read on by itself, and then this is done"),
            Self::Diverged { seq, error } => write!(
                f,
                "record {seq} of the conversation is not valid ({error}): it cannot be followed further without rejoining it"
            ),
            Self::StateLost => f.write_str(
                "this device's state is an old copy, older than what it has sent: nothing is sent with it before it has                  rejoined the conversation",
            ),
            Self::Gap { expected, found } => write!(
                f,
                "the server leaves out the conversation's records from {expected} to {}: rejoin it, or ask its operator",
                found.saturating_sub(1)
            ),
            Self::Forked { epoch } => write!(
                f,
                "other members are in another epoch {epoch} than this device: compare safety codes, and rejoin the \
                 conversation"
            ),
            Self::NoWayBack => f.write_str(
                "the server has nothing by which to rejoin the conversation: wait until a member changes something, or ask \
                 to be removed and invited again",
            ),
            Self::Newcomers(names) => {
                let names: Vec<_> = names.iter().map(AccountName::as_str).collect();
                let names = names.join(" ");
                write!(f, "{names} came into the conversation meanwhile: rejoin it with their names if they may read on")
            }
            Self::Untrusted(member) => {
                write!(f, "nobody vouches that the key offered is that of {member}: ask its owner")
            }
            Self::GivenUp(reason) => write!(f, "it cannot be done: {reason}"),
            Self::InsecureServer => f.write_str("plain http is for this machine only: use a loopback address"),
            Self::NoTls => f.write_str(
                "this version speaks plain http to loopback addresses only, not https: have a proxy or tunnel on this \
                 machine lead to the server, and give the http address of that",
            ),
            Self::BadServerUrl => {
                f.write_str("the server's address is not an http URL: http://127.0.0.1:8443 would be one")
            }
            Self::UnsupportedCipherSuite => f.write_str("the cipher suite is not supported: choose another"),
            Self::File(fault) => fault.fmt(f),
            Self::Mls(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Io { path, error } => write!(f, "{} cannot be used: {error}", path.display()),
            Self::System(error) => write!(f, "the client cannot be started: {error}"),
            Self::Corrupt(what) => write!(f, "the state file is damaged ({what}): restore a backup"),
            Self::Closed => f.write_str("the client was closed: open it again"),
        }
    }
}

impl core::error::Error for Error {}

macro_rules! from {
    ($($source:ty => $variant:ident;)*) => {$(
        impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
from! {
    NameFault => Name;
    TransportError => Offline;
    FileFault => File;
    StoreError => Store;
    io::Error => System;
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem.into())
    }
}

impl From<cenacle_mls::Error> for Error {
    fn from(error: cenacle_mls::Error) -> Self {
        if error == cenacle_mls::Error::OldState { Self::StateLost } else { Self::Mls(error) }
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Mls(error.into())
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::Mls(error.into())
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Mls(error.into())
    }
}

impl From<PersistError<StoreError>> for Error {
    fn from(error: PersistError<StoreError>) -> Self {
        match error {
            PersistError::State(error) => Self::Mls(error),
            PersistError::Store(error) => Self::Store(error),
        }
    }
}
