//! The structures of RFC 9420 as plain data: all fields public and under the RFC's names, every code point a number, every
//! choice with a variant `Raw` for bytes that are none of it.
#![allow(missing_docs, reason = "the fields are the RFC's, under its names")]
#![allow(clippy::large_enum_variant, reason = "values are few")]

mod content;
mod group;
mod leaf;
mod proposal;

pub use content::{
    Auth, Commit, Content, FramedContent, HpkeCiphertext, PrivateMessage, PublicMessage, Sender, SenderData,
    UpdatePath, UpdatePathNode,
};
pub use group::{
    EncryptedGroupSecrets, ExternalPub, ExternalSender, GroupContext, GroupInfo, GroupSecrets, Node, ParentNode,
    RequiredCapabilities, Welcome,
};
pub use leaf::{Capabilities, Credential, Extension, KeyPackage, LeafNode, Lifetime, Source};
pub use proposal::{PreSharedKeyId, Proposal, ProposalOrRef, Psk, ReInit};

use super::pen::Wire as _;

/// `wire_format` of each kind of message, and `extension_type`, `proposal_type` and others by name.
pub mod code {
    pub const MLS10: u16 = 1;
    pub const PUBLIC_MESSAGE: u16 = 1;
    pub const PRIVATE_MESSAGE: u16 = 2;
    pub const WELCOME: u16 = 3;
    pub const GROUP_INFO: u16 = 4;
    pub const KEY_PACKAGE: u16 = 5;
    pub const APPLICATION: u8 = 1;
    pub const PROPOSAL: u8 = 2;
    pub const COMMIT: u8 = 3;
    pub const APPLICATION_ID: u16 = 1;
    pub const RATCHET_TREE: u16 = 2;
    pub const REQUIRED_CAPABILITIES: u16 = 3;
    pub const EXTERNAL_PUB: u16 = 4;
    pub const EXTERNAL_SENDERS: u16 = 5;
    pub const USAGE_APPLICATION: u8 = 1;
    pub const USAGE_REINIT: u8 = 2;
    pub const USAGE_BRANCH: u8 = 3;
}

/// `MLSMessage`: version, wire format, body.
#[must_use]
pub fn mls_message(wire_format: u16, body: &[u8]) -> Vec<u8> {
    [&code::MLS10.bytes()[..], &wire_format.bytes(), body].concat()
}

/// The wire format and body of an `MLSMessage`.
#[must_use]
pub fn unwrap_message(bytes: &[u8]) -> (u16, &[u8]) {
    let mut scan = super::pen::Scan(bytes);
    assert_eq!(scan.read::<u16>(), code::MLS10);
    (scan.read(), scan.0)
}
