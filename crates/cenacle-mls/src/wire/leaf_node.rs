//! Leaf nodes (RFC 9420 §7.2): a member's keys, credential and capabilities, signed.

use alloc::vec::Vec;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, codec_struct};
use cenacle_crypto::{CipherSuite, Digest, HpkePublicKey, Signature, SignaturePublicKey};

use super::{Credential, CredentialType, ExtensionType, Extensions, GroupId, LeafIndex, ProposalType, ProtocolVersion};

codec_struct! {
    /// What a client supports (RFC 9420 §7.2). Default extension and proposal types are implied, never listed.
    #[derive(Clone, Debug, PartialEq, Eq, Default)]
    pub struct Capabilities {
        /// Protocol versions.
        pub versions: Vec<ProtocolVersion>,
        /// Cipher suites.
        pub cipher_suites: Vec<CipherSuite>,
        /// Extension types beyond the default ones.
        pub extensions: Vec<ExtensionType>,
        /// Proposal types beyond the default ones.
        pub proposals: Vec<ProposalType>,
        /// Credential types.
        pub credentials: Vec<CredentialType>,
    }

    /// When a KeyPackage's leaf is valid, in seconds since the Unix epoch (RFC 9420 §7.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lifetime {
        /// First second of validity.
        pub not_before: u64,
        /// Last second of validity.
        pub not_after: u64,
    }
}

impl Capabilities {
    /// Whether an extension of this type is understood: default, or listed.
    #[must_use]
    pub fn supports_extension(&self, extension_type: ExtensionType) -> bool {
        extension_type.is_default() || self.extensions.contains(&extension_type)
    }

    /// Whether a proposal of this type is understood: default, or listed.
    #[must_use]
    pub fn supports_proposal(&self, proposal_type: ProposalType) -> bool {
        proposal_type.is_default() || self.proposals.contains(&proposal_type)
    }

    /// Whether a credential of this type is understood.
    #[must_use]
    pub fn supports_credential(&self, credential_type: CredentialType) -> bool {
        self.credentials.contains(&credential_type)
    }
}

impl Lifetime {
    /// Whether `now_seconds` lies inside.
    #[must_use]
    pub const fn contains(&self, now_seconds: u64) -> bool {
        self.not_before <= now_seconds && now_seconds <= self.not_after
    }
}

/// How a leaf came to be (RFC 9420 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafNodeSource {
    /// In a KeyPackage, for a while.
    KeyPackage(Lifetime),
    /// In an Update proposal.
    Update,
    /// In the path of a Commit, bound to the path above it.
    Commit {
        /// Hash of the lowest parent on the committer's filtered direct path, empty if there is none.
        parent_hash: Digest,
    },
}

impl Encode for LeafNodeSource {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::KeyPackage(lifetime) => out.put(&1u8).put(lifetime),
            Self::Update => out.put(&2u8),
            Self::Commit { parent_hash } => out.put(&3u8).put(parent_hash),
        };
    }
}

impl Decode for LeafNodeSource {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => Lifetime::decode(from).map(Self::KeyPackage),
            2 => Ok(Self::Update),
            3 => Ok(Self::Commit { parent_hash: Digest::decode(from)? }),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("LeafNodeSource"))),
        }
    }
}

codec_struct! {
    /// A member's leaf (RFC 9420 §7.2).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct LeafNode {
        /// The key path secrets for this leaf are encrypted to.
        pub encryption_key: HpkePublicKey,
        /// The key this member's messages verify under.
        pub signature_key: SignaturePublicKey,
        /// Who it is.
        pub credential: Credential,
        /// What it supports.
        pub capabilities: Capabilities,
        /// How the leaf came to be.
        pub source: LeafNodeSource,
        /// Further properties of the leaf.
        pub extensions: Extensions,
        /// Over [`LeafNodeTbs`], label `LeafNodeTBS`.
        pub signature: Signature,
    }
}

/// What a leaf's signature covers (RFC 9420 §7.2): the leaf without it, and where it stands if it stands anywhere.
#[derive(Debug)]
pub struct LeafNodeTbs<'a> {
    /// The leaf; its signature is not looked at.
    pub leaf: &'a LeafNode,
    /// Group and position; bound only for sources `update` and `commit`.
    pub position: Option<(&'a GroupId, LeafIndex)>,
}

impl Encode for LeafNodeTbs<'_> {
    fn encode(&self, out: &mut Writer) {
        let leaf = self.leaf;
        out.put(&leaf.encryption_key).put(&leaf.signature_key).put(&leaf.credential).put(&leaf.capabilities);
        out.put(&leaf.source).put(&leaf.extensions);
        match (&leaf.source, self.position) {
            (LeafNodeSource::Update | LeafNodeSource::Commit { .. }, Some((group_id, leaf_index))) => {
                out.put(group_id).put(&leaf_index);
            }
            (LeafNodeSource::KeyPackage(_), _) | (_, None) => {}
        }
    }
}
