//! What happens, as an application is told: messages, members coming and going, what could not be done.

use alloc::sync::Arc;
use core::fmt;

use cenacle_mls::wire::GroupId as MlsGroupId;
use cenacle_service::wire::{AccountName, GroupId, Malformed};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{Content, Error, Loss, MemberId, MessageId, Suspicion};

/// Names a conversation: its group's identifier. As text it is base64url.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub(crate) GroupId);

impl ConversationId {
    /// The group's identifier in the protocol.
    #[must_use]
    pub fn to_group_id(&self) -> MlsGroupId {
        MlsGroupId::from(self.0.as_slice())
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::str::FromStr for ConversationId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse().map(Self)
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It waits to be seen in the conversation's log, and goes out by itself.
    Waiting,
    /// It is in the log.
    Delivered,
    /// It is given up: the server refused it, or this device was removed before it was said. See [`Event::NotDelivered`]. If it
    /// turns up in the log all the same, it is delivered.
    NotDelivered,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its identifier, chosen by its sender.
    pub id: MessageId,
    /// Who sent it; authenticated.
    pub from: MemberId,
    /// Whether this device sent it.
    pub mine: bool,
    /// What it says.
    pub content: Content,
    /// The epoch it was encrypted in.
    pub epoch: u64,
    /// Its place in the conversation's log; none if it is not delivered.
    pub seq: Option<u64>,
    /// When the server took it, in seconds since the Unix epoch; none if it is not delivered.
    pub received_at: Option<u64>,
    /// Whether it is delivered, and if not, whether it still may be.
    pub delivery: Delivery,
}

/// A change of the membership that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// To add all devices of an account.
    Add(AccountName),
    /// To remove all devices of an account.
    Remove(AccountName),
    /// To renew the own keys.
    Rotate,
}

/// Something that happened. Each comes once it is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Someone added this device to a conversation.
    Joined {
        /// The conversation.
        conversation: ConversationId,
        /// Its title.
        title: String,
        /// The epoch from which on this device can read it.
        epoch: u64,
    },
    /// Someone added this device to a conversation by a key package whose private keys it does not have: its state is an old
    /// copy, or the key package was used before. It cannot join; all key packages that the server has of it are withdrawn, and new
    /// ones published. Whoever invited it has to remove and to invite it again.
    InvitationLost {
        /// The conversation, which this device does not know.
        conversation: ConversationId,
    },
    /// Someone else said something.
    Message {
        /// The conversation.
        conversation: ConversationId,
        /// What.
        message: Message,
    },
    /// Someone else sent a file; [`crate::Conversation::download`] fetches it.
    FileReceived {
        /// The conversation.
        conversation: ConversationId,
        /// The message, whose content is the file's description.
        message: Message,
    },
    /// An own message reached its place in the log.
    Delivered {
        /// The conversation.
        conversation: ConversationId,
        /// Which message.
        id: MessageId,
        /// Its place in the log.
        seq: u64,
    },
    /// An own message will not reach the conversation, as far as this device can tell.
    NotDelivered {
        /// The conversation.
        conversation: ConversationId,
        /// Which message.
        id: MessageId,
        /// Why.
        reason: Arc<Error>,
    },
    /// Devices came or went. What several asked for and one commit did is told once for each who asked.
    MembersChanged {
        /// The conversation.
        conversation: ConversationId,
        /// Who came.
        added: Vec<MemberId>,
        /// Who went.
        removed: Vec<MemberId>,
        /// Who asked for it, which need not be who committed it.
        by: Option<MemberId>,
    },
    /// The conversation's keys changed.
    EpochChanged {
        /// The conversation.
        conversation: ConversationId,
        /// The epoch that has begun.
        epoch: u64,
    },
    /// This device was removed. The history stays.
    Removed {
        /// The conversation.
        conversation: ConversationId,
        /// Who asked for it, which need not be who committed it.
        by: Option<MemberId>,
    },
    /// This device can neither read the conversation on nor say anything in it, until it comes back: see
    /// [`crate::Conversation::rejoin`] and [`crate::Config::recovery`].
    Lost {
        /// The conversation.
        conversation: ConversationId,
        /// Why.
        loss: Loss,
    },
    /// This device has come back to a conversation. What it had said and nobody had seen is said now. A device that has another
    /// key than before is among those who came and those who went: it may be somebody else's.
    Rejoined {
        /// The conversation.
        conversation: ConversationId,
        /// The epoch from which on this device can read it.
        epoch: u64,
        /// Who is in it now and was not before.
        added: Vec<MemberId>,
        /// Who was in it before and is not now.
        removed: Vec<MemberId>,
        /// How many messages were passed over unread.
        unread: u64,
    },
    /// Another device has come back to a conversation: it had lost its state, or was shown another log. Its keys are new.
    MemberRejoined {
        /// The conversation.
        conversation: ConversationId,
        /// Who.
        member: MemberId,
    },
    /// It looks as if the server showed somebody another conversation than this device: compare
    /// [`crate::Conversation::safety_code`]s.
    ForkSuspected {
        /// The conversation.
        conversation: ConversationId,
        /// The number of the record that shows it.
        seq: u64,
        /// What it shows.
        suspicion: Suspicion,
    },
    /// A change that was asked for cannot come true and is not tried any more.
    Dropped {
        /// The conversation.
        conversation: ConversationId,
        /// What was asked for.
        change: Change,
        /// Why it cannot.
        reason: Arc<Error>,
    },
    /// A record of the log was refused and skipped: it was not from a member, or not well made.
    Rejected {
        /// The conversation.
        conversation: ConversationId,
        /// The record's number.
        seq: u64,
        /// What is wrong with it.
        reason: Arc<Error>,
    },
    /// Synchronising in the background failed; it is tried again.
    SyncFailed {
        /// Which conversation, if it was one.
        conversation: Option<ConversationId>,
        /// Why.
        reason: Arc<Error>,
    },
    /// The listener was too slow and missed so many events: the histories have what they told.
    Missed {
        /// How many.
        count: u64,
    },
}

/// Events, in their order. Several listeners hear the same.
#[derive(Debug)]
pub struct Events(pub(crate) broadcast::Receiver<Event>);

impl Events {
    /// The next event, or `None` when the client is closed. Dropping the future loses none.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(Event::Missed { count }),
            Err(RecvError::Closed) => None,
        }
    }
}
