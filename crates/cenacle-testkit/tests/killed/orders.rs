//! What people are asked to do and what they answer, as they say it over a pipe: JSON, one object a line, messages in
//! hexadecimal.

use serde::{Deserialize, Serialize};

/// Bytes in hexadecimal.
pub(crate) type Hex = String;

/// An order with the randomness to carry it out, which is never the same twice.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) seed: u64,
    pub(crate) order: Order,
}

/// What somebody can be asked to do. What is to be sent is kept in a slot of the outbox until its echo comes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    Create,
    KeyPackage(Slot),
    /// Join by a Welcome.
    Join(Hex),
    /// Make an external commit from a GroupInfo, in place of one's earlier self if there is one.
    Enter(Hex),
    /// The external commit was accepted.
    Entered,
    /// The stored external commit.
    Entering,
    /// The external commit was not accepted.
    Abandon,
    Say(Slot, String),
    /// Say something that is kept nowhere.
    Whisper(String),
    /// The same, having read a few rows of the group only.
    Murmur(String),
    ProposeUpdate(Slot),
    ProposeRemove(Slot, u32),
    Commit(Slot, Content),
    Discard,
    /// Set all waiting proposals aside.
    SetAside,
    Hear(Hex),
    /// What is in a slot of the outbox.
    Outbox(Slot),
    /// Found the group anew after a ReInit, with the owners of these key packages.
    Found(Slot, Vec<Hex>),
    GroupInfo,
    /// Erase what is left of the group.
    Forget,
    /// Close the store and open it again.
    Reopen,
    Status,
    History,
}

/// A place in the outbox.
pub(crate) type Slot = u32;

/// What a commit does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) add: Option<Hex>,
    pub(crate) remove: Option<u32>,
    pub(crate) psk: bool,
    pub(crate) path: bool,
    pub(crate) reinit: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    /// There is none.
    Nothing,
    Bytes(Hex),
    Commit {
        commit: Hex,
        welcome: Option<Hex>,
    },
    Heard(Heard),
    Refused(String),
    Status(Option<Status>),
    History(Vec<String>),
}

/// What a message was.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Heard {
    Text { sender: u32, epoch: u64, generation: u32, text: String },
    Proposal,
    Commit,
    Removed,
    Own,
}

/// How somebody sees the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) leaf: u32,
    pub(crate) active: bool,
    pub(crate) pending: bool,
    pub(crate) shared: Shared,
}

/// What all members share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shared {
    pub(crate) epoch: u64,
    pub(crate) authenticator: Hex,
    pub(crate) tree_hash: Hex,
}
