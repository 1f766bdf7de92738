//! What the demo and its people's processes say to each other: JSON, one object a line. The demo asks over standard
//! input, the process answers over standard output and tells of itself what nobody asked for.

use alloc::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::script::Point;

/// A question, numbered by the one who asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) ask: Ask,
}

/// What a person can be asked to do. There is one conversation. Whoever is killed before they answer is asked once more: what
/// was done is not done again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Begin the conversation.
    Begin {
        title: String,
    },
    Invite(String),
    Remove(String),
    /// Renew one's keys, unless the public key of one's leaf is another than this one already.
    Rotate(String),
    /// How many messages of one's own there are, those that wait among them.
    Count,
    /// Say something after so many messages of one's own.
    Say {
        text: String,
        after: usize,
    },
    /// Send a file after so many messages of one's own.
    SendFile {
        path: PathBuf,
        after: usize,
    },
    /// Whether to have a network.
    Network(bool),
    Status,
    /// The ratchet tree, drawn.
    Draw,
    /// Fetch a file that was sent, and write it.
    Save {
        name: String,
        to: PathBuf,
    },
    /// Stop in the middle of the next commit.
    Hold(Point),
    /// Go on.
    Release,
    /// Whatever the server gives out of the group's log.
    Records {
        group: String,
    },
    /// Copy one's state file.
    Copy {
        to: PathBuf,
    },
    /// Say something with a state that may be an old copy.
    GoOn,
    /// Come back to the conversation, unless the public key of one's leaf is another than this one already.
    Rejoin(String),
    /// Try to open ciphertexts with a copy.
    Pry {
        copy: StateCopy,
        records: Vec<Record>,
    },
}

impl Ask {
    /// What it asks to do, in words.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Begin { .. } => "begin the conversation",
            Self::Invite(_) => "invite",
            Self::Remove(_) => "remove",
            Self::Rotate(_) => "rotate",
            Self::Count | Self::Say { .. } => "say something",
            Self::SendFile { .. } => "send a file",
            Self::Network(true) => "come back",
            Self::Network(false) => "go offline",
            Self::Status => "say how things stand",
            Self::Draw => "draw the tree",
            Self::Save { .. } => "save a file",
            Self::Hold(_) | Self::Release => "wait in the middle of a commit",
            Self::Records { .. } => "ask for the server's records",
            Self::Copy { .. } => "copy the state",
            Self::GoOn => "go on with a copy",
            Self::Rejoin(_) => "rejoin",
            Self::Pry { .. } => "open ciphertexts",
        }
    }
}

/// What a process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tell {
    /// It is registered.
    Ready,
    /// It stopped in the middle of a commit.
    Held(Point),
    /// What became of a request.
    Answer { id: u64, answer: Result<Reply, String> },
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Done,
    Count(usize),
    Status(Status),
    Picture(String),
    Records(Vec<Record>),
    Copied(StateCopy),
    Lost(Lost),
    Pried(Vec<Pried>),
}

/// How someone sees the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    /// None before they are in.
    pub(super) group: Option<String>,
    /// None unless they are a member.
    pub(super) view: Option<View>,
    /// What they have of the log, in its order.
    pub(super) history: Vec<Heard>,
}

/// How a member sees the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    pub(super) epoch: u64,
    /// Hexadecimal.
    pub(super) authenticator: String,
    /// The members' names with the public keys of their leaves, in hexadecimal.
    pub(super) members: BTreeMap<String, String>,
}

/// A message of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub(super) from: String,
    pub(super) seq: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Text(String),
    File { name: String, bytes: u64 },
    Unknown,
}

/// A record of the group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) epoch: u64,
    /// An MLSMessage, in hexadecimal.
    pub(super) message: String,
}

/// A copy of a state file, and what it takes to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateCopy {
    pub(super) path: PathBuf,
    /// The epoch it is in.
    pub(super) epoch: u64,
    /// The owner's public signature key, in hexadecimal.
    pub(super) signature_key: String,
}

/// How somebody fared with an old copy of their state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lost {
    /// Whether they noticed that it is one.
    pub(super) is_old: bool,
    /// How many messages and commits they posted with it.
    pub(super) said: usize,
}

/// What came of trying to open one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pried {
    pub(super) seq: u64,
    /// None if it opened; else why not.
    pub(super) refusal: Option<String>,
    /// The same, with the record's epoch replaced by the copy's.
    pub(super) relabelled_refusal: Option<String>,
    /// Whether it is the owner's own message.
    pub(super) is_own: bool,
}
