//! The values of the application's rows.

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer, codec_struct};
use cenacle_crypto::{CipherSuite, SignaturePublicKey, SignatureSecretKey};
use cenacle_mls::wire::MlsMessage;
use cenacle_service::wire::{AccountName, DeviceId, DeviceToken, Lineage};

use crate::{
    event::Change,
    identity::{MemberId, Text},
};

/// Who we are. Written before the server is asked, completed when it has answered.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: AccountName,
    pub(crate) cipher_suite: CipherSuite,
    pub(crate) signature_key: SignatureSecretKey,
    /// The Authentication Service's key, pinned when we registered.
    pub(crate) as_key: SignaturePublicKey,
    /// The server's token; none before it has answered.
    pub(crate) token: Option<DeviceToken>,
    /// The server's history as first met.
    pub(crate) lineage: Option<Lineage>,
}

impl Encode for Account {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.name).put(&self.cipher_suite).put(&self.signature_key).put(&self.as_key);
        out.put(&self.token.as_ref().map(DeviceToken::expose)).put(&self.lineage.as_ref().map(|lineage| lineage.0));
    }
}

impl Decode for Account {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            name: Decode::decode(from)?,
            cipher_suite: Decode::decode(from)?,
            signature_key: Decode::decode(from)?,
            as_key: Decode::decode(from)?,
            token: Option::<[u8; DeviceToken::BYTES]>::decode(from)?.map(DeviceToken::from),
            lineage: Option::decode(from)?.map(Lineage),
        })
    }
}

/// Defines a closed set of kinds, written as one byte.
macro_rules! kinds {
    ($($(#[$meta:meta])* enum $name:ident { $($(#[$vmeta:meta])* $value:ident = $number:literal),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$vmeta])* $value),* }

        impl Encode for $name {
            fn encode(&self, out: &mut Writer) {
                let number: u8 = match self { $(Self::$value => $number),* };
                out.put(&number);
            }
        }

        impl Decode for $name {
            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let before = from.clone();
                match u8::decode(from)? {
                    $($number => Ok(Self::$value),)*
                    _ => Err(before.error(DecodeErrorKind::UnknownVariant(stringify!($name)))),
                }
            }
        }
    )*};
}
kinds! {
    /// Whether this device is in a conversation.
    enum Participation {
        /// Made here, not yet told to the server.
        Creating = 1,
        /// A member.
        Member = 2,
        /// Removed; the history stays.
        Removed = 3,
        /// A member whose state is an old copy: nothing of it is used any more, also after a restart.
        Outdated = 4,
        /// A member whose epoch turned out to be another than that of the others: nothing is said into it, also after a restart.
        Forked = 5,
    }

    /// What is wanted of the membership.
    enum IntentKind {
        /// The account's devices are to be members.
        Add = 1,
        /// None of the account's devices is to be a member.
        Remove = 2,
        /// The own keys are to be fresh.
        Rotate = 3,
    }

    /// What waits to be posted.
    enum OutboxKind {
        /// A commit with its Welcome.
        Commit = 1,
        /// Application data.
        Message = 2,
        /// Application data that is not encrypted yet: what it says is in the history.
        Unsaid = 3,
    }
}

codec_struct! {
    /// A conversation.
    #[derive(Clone, Debug)]
    pub(crate) struct Conversation {
        pub(crate) title: Text,
        pub(crate) participation: Participation,
        /// The number of the next record to read.
        pub(crate) cursor: u64,
        /// The next free index in history, outbox and intents.
        pub(crate) next_index: u64,
    }

    /// Something that was said.
    #[derive(Clone, Debug)]
    pub(crate) struct HistoryEntry {
        /// The number of its record; none before it was seen in the log.
        pub(crate) seq: Option<u64>,
        pub(crate) epoch: u64,
        pub(crate) from: MemberId,
        /// When the server took it, in seconds since the Unix epoch.
        pub(crate) received_at: Option<u64>,
        /// An encoded `Payload`.
        pub(crate) payload: Opaque,
    }

    /// A key package taken for an invitation, kept so that a commit made anew does not need another.
    #[derive(Clone, Debug)]
    pub(crate) struct Taken {
        pub(crate) device: DeviceId,
        /// An MLSMessage.
        pub(crate) key_package: Opaque,
    }

    /// Something wanted of the membership.
    #[derive(Clone, Debug)]
    pub(crate) struct Intent {
        pub(crate) kind: IntentKind,
        /// Whom it is about; oneself for a rotation.
        pub(crate) name: AccountName,
        pub(crate) taken: Vec<Taken>,
    }

    /// What goes with an own external commit until it is accepted.
    #[derive(Debug)]
    pub(crate) struct Returning {
        /// Accounts that are in the conversation and were not before, and that its user wants to be in it with.
        pub(crate) newcomers: Vec<AccountName>,
        /// The group as the commit makes it, for whoever has to come back next: a GroupInfo.
        pub(crate) description: MlsMessage,
    }

    /// An own key package to be published.
    #[derive(Debug)]
    pub(crate) struct Offer {
        /// 1 if it may be handed out again and again.
        pub(crate) last_resort: u8,
        pub(crate) message: MlsMessage,
    }

    /// Withdrawing all own key packages.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Withdrawal {
        /// 1 if it is wanted.
        pub(crate) wanted: u8,
        /// When it was done last, in seconds since the Unix epoch.
        pub(crate) at: u64,
    }

    /// What stands before the bytes to be posted.
    #[derive(Clone, Debug)]
    pub(crate) struct OutboxHeader {
        pub(crate) kind: OutboxKind,
        /// The epoch it was made in; 0 for what is not encrypted yet.
        pub(crate) epoch: u64,
        /// The history entry of a message; 0 for a commit.
        pub(crate) history: u64,
        /// Devices a commit adds.
        pub(crate) added: Vec<DeviceId>,
        /// Devices a commit removes.
        pub(crate) removed: Vec<DeviceId>,
        /// Indices of the intents a commit fulfils.
        pub(crate) intents: Vec<u64>,
    }
}

impl Intent {
    /// What the application is told it is.
    pub(crate) fn change(&self) -> Change {
        match self.kind {
            IntentKind::Add => Change::Add(self.name.clone()),
            IntentKind::Remove => Change::Remove(self.name.clone()),
            IntentKind::Rotate => Change::Rotate,
        }
    }
}
