//! The small numbers and names that all structures share.

use core::fmt;

use cenacle_codec::{Opaque, codec_newtype, open_enum};
use cenacle_crypto::Digest;

open_enum! {
    /// Protocol version (RFC 9420 §6).
    pub enum ProtocolVersion: u16 {
        /// MLS 1.0.
        MLS10 = 1,
    }

    /// What an MLSMessage holds (RFC 9420 §6, §17.2).
    pub enum WireFormat: u16 {
        /// A signed message in the clear.
        PUBLIC_MESSAGE = 1,
        /// A signed and encrypted message.
        PRIVATE_MESSAGE = 2,
        /// An invitation.
        WELCOME = 3,
        /// A signed description of a group.
        GROUP_INFO = 4,
        /// A client's offer to be added.
        KEY_PACKAGE = 5,
    }
}

/// Whether a code point is reserved for GREASE (RFC 9420 §13.5): 0x0A0A, 0x1A1A, … 0xEAEA. It means nothing, whoever lists
/// it.
pub(crate) const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && high & 0x0f == 0x0a && high != 0xfa
}

macro_rules! code_points {
    ($($name:ty),*) => {$(
        impl $name {
            /// Whether it is reserved for GREASE (RFC 9420 §13.5).
            #[must_use]
            pub const fn is_grease(self) -> bool {
                is_grease(self.0)
            }
        }
    )*};
}

code_points!(super::ExtensionType, super::ProposalType, super::CredentialType);

codec_newtype! {
    /// A group's identifier (RFC 9420 §8.1).
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct GroupId(pub Opaque);

    /// A group's epoch, counted from 0 at creation (RFC 9420 §8.1).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub struct Epoch(pub u64);

    /// A position in a sender's ratchet, counted from 0 (RFC 9420 §9.1).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub struct Generation(pub u32);

    /// A leaf's index among the leaves, counted from 0 (RFC 9420 §4.1.1). Not a node index.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct LeafIndex(pub u32);

    /// The hash that names a KeyPackage (RFC 9420 §5.2).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub struct KeyPackageRef(pub Digest);

    /// The hash that names a proposal (RFC 9420 §5.2).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub struct ProposalRef(pub Digest);
}

impl Epoch {
    /// The epoch after this one, or `None` after the last that can be counted.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaf {}", self.0)
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl GroupId {
    /// The identifier's bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for GroupId {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}
