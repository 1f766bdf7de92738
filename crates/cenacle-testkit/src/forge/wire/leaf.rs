//! Leaves and key packages (RFC 9420 §7.2, §10).

use super::code;
use crate::forge::pen::{Pen, Scan, Wire, unsigned, wire_structs};

wire_structs! {
    Capabilities {
        versions: Vec<u16>,
        cipher_suites: Vec<u16>,
        extensions: Vec<u16>,
        proposals: Vec<u16>,
        credentials: Vec<u16>,
    }

    Lifetime {
        not_before: u64,
        not_after: u64,
    }

    Extension {
        extension_type: u16,
        extension_data: Vec<u8>,
    }

    LeafNode {
        encryption_key: Vec<u8>,
        signature_key: Vec<u8>,
        credential: Credential,
        capabilities: Capabilities,
        source: Source,
        extensions: Vec<Extension>,
        signature: Vec<u8>,
    }

    KeyPackage {
        version: u16,
        cipher_suite: u16,
        init_key: Vec<u8>,
        leaf_node: LeafNode,
        extensions: Vec<Extension>,
        signature: Vec<u8>,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Basic(Vec<u8>),
    X509(Vec<Vec<u8>>),
    /// Any type, with its content as `opaque<V>`.
    Custom(u16, Vec<u8>),
    /// Type and content, as they are.
    Raw(Vec<u8>),
}

impl Default for Credential {
    fn default() -> Self {
        Self::Basic(Vec::new())
    }
}

impl Wire for Credential {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "Credential.credential_type";
        match self {
            Self::Basic(identity) => pen.field(TYPE, &1u16).field("Credential.identity", identity),
            Self::X509(certificates) => pen.field(TYPE, &2u16).field("Credential.certificates", certificates),
            Self::Custom(kind, content) => pen.field(TYPE, kind).field("Credential.content", content),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u16 => Self::Basic(from.read()),
            2 => Self::X509(from.read()),
            kind => Self::Custom(kind, from.read()),
        }
    }
}

/// `leaf_node_source` with what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    KeyPackage(Lifetime),
    Update,
    Commit {
        parent_hash: Vec<u8>,
    },
    /// Source and what follows, as they are.
    Raw(Vec<u8>),
}

impl Default for Source {
    fn default() -> Self {
        Self::KeyPackage(Lifetime::default())
    }
}

impl Source {
    /// The source of a leaf in a commit.
    #[must_use]
    pub fn commit(parent_hash: &[u8]) -> Self {
        Self::Commit { parent_hash: parent_hash.to_vec() }
    }
}

impl Wire for Source {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "LeafNode.leaf_node_source";
        match self {
            Self::KeyPackage(lifetime) => pen.field(TYPE, &1u8).field("LeafNode.lifetime", lifetime),
            Self::Update => pen.field(TYPE, &2u8),
            Self::Commit { parent_hash } => pen.field(TYPE, &3u8).field("LeafNode.parent_hash", parent_hash),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u8 => Self::KeyPackage(from.read()),
            2 => Self::Update,
            3 => Self::Commit { parent_hash: from.read() },
            other => panic!("a leaf_node_source of {other}"),
        }
    }
}

impl Extension {
    #[must_use]
    pub fn new(extension_type: u16, extension_data: impl Into<Vec<u8>>) -> Self {
        Self { extension_type, extension_data: extension_data.into() }
    }
}

impl LeafNode {
    /// LeafNodeTBS: `position` is the group and leaf index that follow if the leaf is not a key package's.
    #[must_use]
    pub fn tbs(&self, position: Option<(&[u8], u32)>) -> Vec<u8> {
        let mut bytes = unsigned(self, &self.signature);
        let positioned = !matches!(self.source, Source::KeyPackage(_));
        if let Some((group_id, leaf_index)) = position.filter(|_| positioned) {
            bytes.extend(group_id.to_vec().bytes());
            bytes.extend(leaf_index.bytes());
        }
        bytes
    }

    /// The parent hash a commit's leaf states, empty for others.
    #[must_use]
    pub fn parent_hash(&self) -> &[u8] {
        if let Source::Commit { parent_hash } = &self.source { parent_hash } else { &[] }
    }
}

impl KeyPackage {
    /// KeyPackageTBS.
    #[must_use]
    pub fn tbs(&self) -> Vec<u8> {
        unsigned(self, &self.signature)
    }

    /// The key package in an `MLSMessage`.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        super::mls_message(code::KEY_PACKAGE, &self.bytes())
    }
}
