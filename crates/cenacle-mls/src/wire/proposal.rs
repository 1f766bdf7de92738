//! Proposals (RFC 9420 §12.1).

use alloc::boxed::Box;

use cenacle_codec::{Decode, DecodeError, Encode, Opaque, Reader, Writer, codec_struct, open_enum};
use cenacle_crypto::CipherSuite;

use super::{Extensions, GroupId, KeyPackage, LeafIndex, LeafNode, PreSharedKeyId, ProtocolVersion};

open_enum! {
    /// The kind of a proposal (RFC 9420 §17.4).
    pub enum ProposalType: u16 {
        /// Add a client.
        ADD = 1,
        /// Replace the sender's leaf.
        UPDATE = 2,
        /// Remove a member.
        REMOVE = 3,
        /// Fold in a pre-shared key.
        PSK = 4,
        /// Replace the group by a new one.
        REINIT = 5,
        /// Join by an external commit.
        EXTERNAL_INIT = 6,
        /// Replace the group's extensions.
        GROUP_CONTEXT_EXTENSIONS = 7,
    }
}

impl ProposalType {
    /// Whether RFC 9420 §7.2 calls it a default type, which every client supports and none may list.
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self.0, 1..=7)
    }
}

codec_struct! {
    /// Add a client (RFC 9420 §12.1.1).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Add {
        /// The client's offer.
        pub key_package: Box<KeyPackage>,
    }

    /// Replace the sender's leaf (RFC 9420 §12.1.2).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Update {
        /// The new leaf, source `update`.
        pub leaf_node: Box<LeafNode>,
    }

    /// Remove a member (RFC 9420 §12.1.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Remove {
        /// Whose leaf is blanked.
        pub removed: LeafIndex,
    }

    /// Fold in a pre-shared key (RFC 9420 §12.1.4).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PreSharedKey {
        /// Which key.
        pub psk: PreSharedKeyId,
    }

    /// Replace the group by a new one (RFC 9420 §12.1.5).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ReInit {
        /// The new group's identifier.
        pub group_id: GroupId,
        /// Its version.
        pub version: ProtocolVersion,
        /// Its suite.
        pub cipher_suite: CipherSuite,
        /// Its GroupContext extensions.
        pub extensions: Extensions,
    }

    /// Join by an external commit (RFC 9420 §12.1.6).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ExternalInit {
        /// Encapsulates the init secret to the group's external key.
        pub kem_output: Opaque,
    }

    /// Replace the group's extensions (RFC 9420 §12.1.7).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct GroupContextExtensions {
        /// The whole new list.
        pub extensions: Extensions,
    }
}

/// A change someone wants (RFC 9420 §12.1). A type this version does not know is taken to hold one `opaque<V>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// Add a client.
    Add(Add),
    /// Replace the sender's leaf.
    Update(Update),
    /// Remove a member.
    Remove(Remove),
    /// Fold in a pre-shared key.
    PreSharedKey(PreSharedKey),
    /// Replace the group by a new one.
    ReInit(ReInit),
    /// Join by an external commit.
    ExternalInit(ExternalInit),
    /// Replace the group's extensions.
    GroupContextExtensions(GroupContextExtensions),
    /// Any other type, with its content untouched.
    Custom(ProposalType, Opaque),
}

impl Proposal {
    /// The code point on the wire.
    #[must_use]
    pub const fn proposal_type(&self) -> ProposalType {
        match self {
            Self::Add(_) => ProposalType::ADD,
            Self::Update(_) => ProposalType::UPDATE,
            Self::Remove(_) => ProposalType::REMOVE,
            Self::PreSharedKey(_) => ProposalType::PSK,
            Self::ReInit(_) => ProposalType::REINIT,
            Self::ExternalInit(_) => ProposalType::EXTERNAL_INIT,
            Self::GroupContextExtensions(_) => ProposalType::GROUP_CONTEXT_EXTENSIONS,
            Self::Custom(kind, _) => *kind,
        }
    }
}

impl Encode for Proposal {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.proposal_type());
        match self {
            Self::Add(body) => out.put(body),
            Self::Update(body) => out.put(body),
            Self::Remove(body) => out.put(body),
            Self::PreSharedKey(body) => out.put(body),
            Self::ReInit(body) => out.put(body),
            Self::ExternalInit(body) => out.put(body),
            Self::GroupContextExtensions(body) => out.put(body),
            Self::Custom(_, body) => out.put(body),
        };
    }
}

impl Decode for Proposal {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match ProposalType::decode(from)? {
            ProposalType::ADD => Self::Add(Decode::decode(from)?),
            ProposalType::UPDATE => Self::Update(Decode::decode(from)?),
            ProposalType::REMOVE => Self::Remove(Decode::decode(from)?),
            ProposalType::PSK => Self::PreSharedKey(Decode::decode(from)?),
            ProposalType::REINIT => Self::ReInit(Decode::decode(from)?),
            ProposalType::EXTERNAL_INIT => Self::ExternalInit(Decode::decode(from)?),
            ProposalType::GROUP_CONTEXT_EXTENSIONS => Self::GroupContextExtensions(Decode::decode(from)?),
            kind => Self::Custom(kind, Decode::decode(from)?),
        })
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        match ProposalType::decode(from)? {
            ProposalType::ADD => Add::skip(from),
            ProposalType::UPDATE => Update::skip(from),
            ProposalType::REMOVE => Remove::skip(from),
            ProposalType::PSK => PreSharedKey::skip(from),
            ProposalType::REINIT => ReInit::skip(from),
            ProposalType::EXTERNAL_INIT => ExternalInit::skip(from),
            ProposalType::GROUP_CONTEXT_EXTENSIONS => GroupContextExtensions::skip(from),
            _ => Opaque::skip(from),
        }
    }
}
