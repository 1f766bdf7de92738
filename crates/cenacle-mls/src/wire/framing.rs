//! Framing (RFC 9420 §6): content, who sent it, and how it is authenticated, in the clear or encrypted.

use core::fmt;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer, codec_struct};
use cenacle_crypto::{Digest, Signature};

use super::{Commit, Epoch, Generation, GroupContext, GroupId, LeafIndex, Proposal, ProtocolVersion, WireFormat};

/// The kind of a framed content (RFC 9420 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// The application's own data.
    Application,
    /// A change someone wants.
    Proposal,
    /// The start of a new epoch.
    Commit,
}

impl Encode for ContentType {
    fn encode(&self, out: &mut Writer) {
        out.put(match self {
            Self::Application => &1u8,
            Self::Proposal => &2u8,
            Self::Commit => &3u8,
        });
    }
}

impl Decode for ContentType {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => Ok(Self::Application),
            2 => Ok(Self::Proposal),
            3 => Ok(Self::Commit),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("ContentType"))),
        }
    }
}

/// Who sent a content (RFC 9420 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// A member, by its leaf.
    Member(LeafIndex),
    /// An external sender, by its place in `external_senders`.
    External(u32),
    /// A client that proposes its own addition.
    NewMemberProposal,
    /// A client that joins by an external commit.
    NewMemberCommit,
}

impl Encode for Sender {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Member(leaf_index) => out.put(&1u8).put(leaf_index),
            Self::External(sender_index) => out.put(&2u8).put(sender_index),
            Self::NewMemberProposal => out.put(&3u8),
            Self::NewMemberCommit => out.put(&4u8),
        };
    }
}

impl Decode for Sender {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => LeafIndex::decode(from).map(Self::Member),
            2 => u32::decode(from).map(Self::External),
            3 => Ok(Self::NewMemberProposal),
            4 => Ok(Self::NewMemberCommit),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("SenderType"))),
        }
    }
}

/// What is said (RFC 9420 §6). Application data is not printed.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "contents are handled one at a time and by reference")]
pub enum Content {
    /// The application's own data.
    Application(Opaque),
    /// A change someone wants.
    Proposal(Proposal),
    /// The start of a new epoch.
    Commit(Commit),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(data) => write!(f, "Application({} bytes)", data.len()),
            Self::Proposal(proposal) => proposal.fmt(f),
            Self::Commit(commit) => commit.fmt(f),
        }
    }
}

impl Content {
    /// Which of the three it is.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        match self {
            Self::Application(_) => ContentType::Application,
            Self::Proposal(_) => ContentType::Proposal,
            Self::Commit(_) => ContentType::Commit,
        }
    }

    /// Bytes of application data; handshakes are small.
    pub(crate) fn data_length(&self) -> usize {
        if let Self::Application(data) = self { data.len() } else { 0 }
    }

    fn encode_body(&self, out: &mut Writer) {
        match self {
            Self::Application(data) => out.put(data),
            Self::Proposal(proposal) => out.put(proposal),
            Self::Commit(commit) => out.put(commit),
        };
    }

    fn decode_body(content_type: ContentType, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match content_type {
            ContentType::Application => Opaque::decode(from).map(Self::Application),
            ContentType::Proposal => Proposal::decode(from).map(Self::Proposal),
            ContentType::Commit => Commit::decode(from).map(Self::Commit),
        }
    }
}

impl Encode for Content {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.content_type());
        self.encode_body(out);
    }
}

impl Decode for Content {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let content_type = ContentType::decode(from)?;
        Self::decode_body(content_type, from)
    }
}

codec_struct! {
    /// A content with its place and sender (RFC 9420 §6).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FramedContent {
        /// The group.
        pub group_id: GroupId,
        /// The epoch it was made in.
        pub epoch: Epoch,
        /// Who sent it.
        pub sender: Sender,
        /// The application's own data, authenticated but never encrypted.
        pub authenticated_data: Opaque,
        /// What is said.
        pub content: Content,
    }
}

/// What authenticates a content (RFC 9420 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramedContentAuthData {
    /// Over [`FramedContentTbs`], label `FramedContentTBS`.
    pub signature: Signature,
    /// Present for commits only: proves the committer computed the same new epoch.
    pub confirmation_tag: Option<Digest>,
}

impl FramedContentAuthData {
    fn decode_for(content_type: ContentType, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let signature = Decode::decode(from)?;
        let confirmation_tag = match content_type {
            ContentType::Commit => Some(Digest::decode(from)?),
            ContentType::Application | ContentType::Proposal => None,
        };
        Ok(Self { signature, confirmation_tag })
    }
}

impl Encode for FramedContentAuthData {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.signature);
        if let Some(tag) = &self.confirmation_tag {
            out.put(tag);
        }
    }
}

/// A content with its authentication, whichever way it travelled (RFC 9420 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatedContent {
    /// How it travelled; the signature covers it.
    pub wire_format: WireFormat,
    /// The content.
    pub content: FramedContent,
    /// What authenticates it.
    pub auth: FramedContentAuthData,
}

impl Encode for AuthenticatedContent {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.wire_format).put(&self.content).put(&self.auth);
    }
}

impl Decode for AuthenticatedContent {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let wire_format = Decode::decode(from)?;
        let content = FramedContent::decode(from)?;
        let auth = FramedContentAuthData::decode_for(content.content.content_type(), from)?;
        Ok(Self { wire_format, content, auth })
    }
}

/// What a content's signature covers (RFC 9420 §6.1).
#[derive(Debug)]
pub struct FramedContentTbs<'a> {
    /// How the content travels.
    pub wire_format: WireFormat,
    /// The content.
    pub content: &'a FramedContent,
    /// The epoch it is signed in; bound only for members and external committers.
    pub context: &'a GroupContext,
}

impl Encode for FramedContentTbs<'_> {
    fn encode(&self, out: &mut Writer) {
        out.put(&ProtocolVersion::MLS10).put(&self.wire_format).put(self.content);
        match self.content.sender {
            Sender::Member(_) | Sender::NewMemberCommit => {
                out.put(self.context);
            }
            Sender::External(_) | Sender::NewMemberProposal => {}
        }
    }
}

/// A signed message in the clear (RFC 9420 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicMessage {
    /// The content.
    pub content: FramedContent,
    /// What authenticates it.
    pub auth: FramedContentAuthData,
    /// Present for members only: proves the sender is one.
    pub membership_tag: Option<Digest>,
}

impl Encode for PublicMessage {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.content).put(&self.auth);
        if let Some(tag) = &self.membership_tag {
            out.put(tag);
        }
    }
}

impl Decode for PublicMessage {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let content = FramedContent::decode(from)?;
        let auth = FramedContentAuthData::decode_for(content.content.content_type(), from)?;
        let membership_tag = match content.sender {
            Sender::Member(_) => Some(Digest::decode(from)?),
            Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => None,
        };
        Ok(Self { content, auth, membership_tag })
    }
}

codec_struct! {
    /// A signed and encrypted message (RFC 9420 §6.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PrivateMessage {
        /// The group.
        pub group_id: GroupId,
        /// The epoch it was made in.
        pub epoch: Epoch,
        /// What kind of content is inside.
        pub content_type: ContentType,
        /// The application's own data, authenticated but never encrypted.
        pub authenticated_data: Opaque,
        /// [`SenderData`], encrypted.
        pub encrypted_sender_data: Opaque,
        /// [`PrivateMessageContent`], encrypted.
        pub ciphertext: Opaque,
    }

    /// Who sent a private message and under which key (RFC 9420 §6.3.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SenderData {
        /// The sender's leaf.
        pub leaf_index: LeafIndex,
        /// The position in its ratchet.
        pub generation: Generation,
        /// Mixed into the nonce against reuse.
        pub reuse_guard: [u8; 4],
    }
}

/// What is encrypted in a private message (RFC 9420 §6.3.1), followed by zero bytes as padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateMessageContent {
    /// What is said.
    pub content: Content,
    /// What authenticates it.
    pub auth: FramedContentAuthData,
}

impl PrivateMessageContent {
    /// The plaintext, padded with zeros to a multiple of `padding_multiple_bytes` (0 or 1: no padding).
    pub(crate) fn encode_padded(
        content: &Content,
        auth: &FramedContentAuthData,
        multiple_bytes: usize,
        out: &mut Writer,
    ) {
        content.encode_body(out);
        out.put(auth);
        let length = out.as_bytes().len();
        for _ in length..length.next_multiple_of(multiple_bytes.max(1)) {
            out.put(&0u8);
        }
    }

    /// Reads a plaintext to its end; whatever follows the content must be zero.
    pub(crate) fn decode_padded(content_type: ContentType, plaintext: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::new(plaintext);
        let content = Content::decode_body(content_type, &mut from)?;
        let auth = FramedContentAuthData::decode_for(content_type, &mut from)?;
        // RFC 9420 §6.3.1: "A receiver MUST verify that there are no non-zero bytes in the padding field". All are looked at,
        // wherever the first of them stands.
        if from.rest().iter().fold(0, |seen, byte| seen | byte) != 0 {
            return Err(from.error(DecodeErrorKind::Forbidden("padding")));
        }
        Ok(Self { content, auth })
    }
}

/// Associated data of a private message's content (RFC 9420 §6.3.1).
#[derive(Debug)]
pub struct PrivateContentAad<'a>(pub &'a PrivateMessage);

impl Encode for PrivateContentAad<'_> {
    fn encode(&self, out: &mut Writer) {
        let Self(message) = self;
        out.put(&message.group_id).put(&message.epoch).put(&message.content_type).put(&message.authenticated_data);
    }
}

/// Associated data of a private message's sender data (RFC 9420 §6.3.2).
#[derive(Debug)]
pub struct SenderDataAad<'a>(pub &'a PrivateMessage);

impl Encode for SenderDataAad<'_> {
    fn encode(&self, out: &mut Writer) {
        let Self(message) = self;
        out.put(&message.group_id).put(&message.epoch).put(&message.content_type);
    }
}
