//! Every structure of RFC 9420 as it stands on the wire, with its codec (§6, §7.1, §7.2, §8, §10, §12, §13).
//!
//! Decoding checks only what needs nothing but the bytes. Code points are open: unknown values are carried
//! through. Nothing here knows a group, a key or a rule.

mod commit;
mod credential;
mod extension;
mod framing;
mod group_info;
mod key_package;
mod leaf_node;
mod message;
mod node;
mod proposal;
mod psk;
mod types;

pub use commit::{Commit, ProposalOrRef};
pub use credential::{Credential, CredentialType};
pub use extension::{Extension, ExtensionType, Extensions, ExternalPub, ExternalSender, RequiredCapabilities};
pub use framing::{
    AuthenticatedContent, Content, ContentType, FramedContent, FramedContentAuthData, FramedContentTbs,
    PrivateContentAad, PrivateMessage, PrivateMessageContent, PublicMessage, Sender, SenderData, SenderDataAad,
};
pub use group_info::{
    EncryptedGroupSecrets, GroupContext, GroupInfo, GroupInfoTbs, GroupSecrets, PathSecretEntry, Welcome,
};
pub use key_package::{KeyPackage, KeyPackageTbs};
pub use leaf_node::{Capabilities, LeafNode, LeafNodeSource, LeafNodeTbs, Lifetime};
pub use message::{MlsMessage, MlsMessageBody};
pub use node::{Node, ParentNode, UpdatePath, UpdatePathNode, WireTree};
pub use proposal::{
    Add, ExternalInit, GroupContextExtensions, PreSharedKey, Proposal, ProposalType, ReInit, Remove, Update,
};
pub use psk::{PreSharedKeyId, Psk, PskLabel, ResumptionPskUsage};
pub use types::{Epoch, Generation, GroupId, KeyPackageRef, LeafIndex, ProposalRef, ProtocolVersion, WireFormat};

#[cfg(test)]
mod tests;
