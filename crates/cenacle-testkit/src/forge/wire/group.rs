//! Nodes of the tree, the group's context and what invites into it (RFC 9420 §7.1, §8.1, §12.4.3), and the extensions that
//! are more than bytes.

use super::{Credential, Extension, HpkeCiphertext, LeafNode, PreSharedKeyId, code};
use crate::forge::pen::{Pen, Scan, Wire, unsigned, wire_structs};

wire_structs! {
    ParentNode {
        encryption_key: Vec<u8>,
        parent_hash: Vec<u8>,
        unmerged_leaves: Vec<u32>,
    }

    GroupContext {
        version: u16,
        cipher_suite: u16,
        group_id: Vec<u8>,
        epoch: u64,
        tree_hash: Vec<u8>,
        confirmed_transcript_hash: Vec<u8>,
        extensions: Vec<Extension>,
    }

    GroupInfo {
        group_context: GroupContext,
        extensions: Vec<Extension>,
        confirmation_tag: Vec<u8>,
        signer: u32,
        signature: Vec<u8>,
    }

    GroupSecrets {
        joiner_secret: Vec<u8>,
        path_secret: Option<Vec<u8>>,
        psks: Vec<PreSharedKeyId>,
    }

    EncryptedGroupSecrets {
        new_member: Vec<u8>,
        encrypted_group_secrets: HpkeCiphertext,
    }

    Welcome {
        cipher_suite: u16,
        secrets: Vec<EncryptedGroupSecrets>,
        encrypted_group_info: Vec<u8>,
    }

    RequiredCapabilities {
        extension_types: Vec<u16>,
        proposal_types: Vec<u16>,
        credential_types: Vec<u16>,
    }

    ExternalSender {
        signature_key: Vec<u8>,
        credential: Credential,
    }

    ExternalPub {
        external_pub: Vec<u8>,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Leaf(LeafNode),
    Parent(ParentNode),
    /// `node_type` and what follows, as they are.
    Raw(Vec<u8>),
}

impl Wire for Node {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "Node.node_type";
        match self {
            Self::Leaf(leaf) => pen.field(TYPE, &1u8).field("Node.leaf_node", leaf),
            Self::Parent(parent) => pen.field(TYPE, &2u8).field("Node.parent_node", parent),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u8 => Self::Leaf(from.read()),
            2 => Self::Parent(from.read()),
            other => panic!("a node_type of {other}"),
        }
    }
}

impl GroupInfo {
    /// GroupInfoTBS.
    #[must_use]
    pub fn tbs(&self) -> Vec<u8> {
        unsigned(self, &self.signature)
    }

    /// The GroupInfo in an `MLSMessage`.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        super::mls_message(code::GROUP_INFO, &self.bytes())
    }

    /// Its extension of this type, to be changed.
    ///
    /// # Panics
    /// If it has none.
    pub fn extension(&mut self, extension_type: u16) -> &mut Extension {
        self.extensions.iter_mut().find(|extension| extension.extension_type == extension_type).expect("the extension")
    }
}

impl RequiredCapabilities {
    /// It as an extension.
    #[must_use]
    pub fn extension(&self) -> Extension {
        Extension::new(code::REQUIRED_CAPABILITIES, self.bytes())
    }
}

impl ExternalSender {
    /// Several as an extension.
    #[must_use]
    pub fn extension(senders: &[Self]) -> Extension {
        Extension::new(code::EXTERNAL_SENDERS, senders.to_vec().bytes())
    }
}
