//! The outermost structure (RFC 9420 §6): everything that travels is one of these.

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer};

use super::{
    ContentType, Epoch, GroupId, GroupInfo, KeyPackage, PrivateMessage, ProtocolVersion, PublicMessage, Welcome,
    WireFormat,
};

/// A message of MLS 1.0 (RFC 9420 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlsMessage {
    /// Always [`ProtocolVersion::MLS10`]; others are refused, since nobody can know their shape.
    pub version: ProtocolVersion,
    /// What it holds.
    pub body: MlsMessageBody,
}

/// What an [`MlsMessage`] holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MlsMessageBody {
    /// A signed message in the clear.
    PublicMessage(PublicMessage),
    /// A signed and encrypted message.
    PrivateMessage(PrivateMessage),
    /// An invitation.
    Welcome(Welcome),
    /// A signed description of a group.
    GroupInfo(GroupInfo),
    /// A client's offer to be added.
    KeyPackage(KeyPackage),
}

impl MlsMessage {
    /// The group it belongs to, where the message says so in the clear.
    #[must_use]
    pub const fn group_id(&self) -> Option<&GroupId> {
        match &self.body {
            MlsMessageBody::PublicMessage(message) => Some(&message.content.group_id),
            MlsMessageBody::PrivateMessage(message) => Some(&message.group_id),
            MlsMessageBody::GroupInfo(info) => Some(&info.group_context.group_id),
            MlsMessageBody::Welcome(_) | MlsMessageBody::KeyPackage(_) => None,
        }
    }

    /// The epoch it belongs to, where the message says so in the clear.
    #[must_use]
    pub const fn epoch(&self) -> Option<Epoch> {
        match &self.body {
            MlsMessageBody::PublicMessage(message) => Some(message.content.epoch),
            MlsMessageBody::PrivateMessage(message) => Some(message.epoch),
            MlsMessageBody::GroupInfo(info) => Some(info.group_context.epoch),
            MlsMessageBody::Welcome(_) | MlsMessageBody::KeyPackage(_) => None,
        }
    }

    /// Whether it is a proposal, a commit or application data, if it is any of them.
    #[must_use]
    pub const fn content_type(&self) -> Option<ContentType> {
        match &self.body {
            MlsMessageBody::PublicMessage(message) => Some(message.content.content.content_type()),
            MlsMessageBody::PrivateMessage(message) => Some(message.content_type),
            MlsMessageBody::GroupInfo(_) | MlsMessageBody::Welcome(_) | MlsMessageBody::KeyPackage(_) => None,
        }
    }

    /// Which of the five it is.
    #[must_use]
    pub const fn wire_format(&self) -> WireFormat {
        match self.body {
            MlsMessageBody::PublicMessage(_) => WireFormat::PUBLIC_MESSAGE,
            MlsMessageBody::PrivateMessage(_) => WireFormat::PRIVATE_MESSAGE,
            MlsMessageBody::Welcome(_) => WireFormat::WELCOME,
            MlsMessageBody::GroupInfo(_) => WireFormat::GROUP_INFO,
            MlsMessageBody::KeyPackage(_) => WireFormat::KEY_PACKAGE,
        }
    }
}

macro_rules! wraps {
    ($($body:ident),*) => {$(
        impl From<$body> for MlsMessage {
            fn from(body: $body) -> Self {
                Self { version: ProtocolVersion::MLS10, body: MlsMessageBody::$body(body) }
            }
        }
    )*};
}
wraps!(PublicMessage, PrivateMessage, Welcome, GroupInfo, KeyPackage);

impl Encode for MlsMessage {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.version).put(&self.wire_format());
        match &self.body {
            MlsMessageBody::PublicMessage(body) => out.put(body),
            MlsMessageBody::PrivateMessage(body) => out.put(body),
            MlsMessageBody::Welcome(body) => out.put(body),
            MlsMessageBody::GroupInfo(body) => out.put(body),
            MlsMessageBody::KeyPackage(body) => out.put(body),
        };
    }
}

impl Decode for MlsMessage {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        let version = ProtocolVersion::decode(from)?;
        if version != ProtocolVersion::MLS10 {
            return Err(before.error(DecodeErrorKind::UnknownVariant("ProtocolVersion")));
        }
        let before = from.clone();
        let body = match WireFormat::decode(from)? {
            WireFormat::PUBLIC_MESSAGE => MlsMessageBody::PublicMessage(Decode::decode(from)?),
            WireFormat::PRIVATE_MESSAGE => MlsMessageBody::PrivateMessage(Decode::decode(from)?),
            WireFormat::WELCOME => MlsMessageBody::Welcome(Decode::decode(from)?),
            WireFormat::GROUP_INFO => MlsMessageBody::GroupInfo(Decode::decode(from)?),
            WireFormat::KEY_PACKAGE => MlsMessageBody::KeyPackage(Decode::decode(from)?),
            _ => return Err(before.error(DecodeErrorKind::UnknownVariant("WireFormat"))),
        };
        Ok(Self { version, body })
    }
}
