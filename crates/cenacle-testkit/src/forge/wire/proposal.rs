//! Proposals and names of pre-shared keys (RFC 9420 §8.4, §12.1).

use super::{Extension, KeyPackage, LeafNode};
use crate::forge::pen::{Pen, Scan, Wire, wire_structs};

wire_structs! {
    PreSharedKeyId {
        psk: Psk,
        psk_nonce: Vec<u8>,
    }

    ReInit {
        group_id: Vec<u8>,
        version: u16,
        cipher_suite: u16,
        extensions: Vec<Extension>,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Psk {
    External(Vec<u8>),
    Resumption {
        usage: u8,
        psk_group_id: Vec<u8>,
        psk_epoch: u64,
    },
    /// `psktype` and what follows, as they are.
    Raw(Vec<u8>),
}

impl Default for Psk {
    fn default() -> Self {
        Self::External(Vec::new())
    }
}

impl Wire for Psk {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "PreSharedKeyID.psktype";
        match self {
            Self::External(psk_id) => pen.field(TYPE, &1u8).field("PreSharedKeyID.psk_id", psk_id),
            Self::Resumption { usage, psk_group_id, psk_epoch } => pen
                .field(TYPE, &2u8)
                .field("PreSharedKeyID.usage", usage)
                .field("PreSharedKeyID.psk_group_id", psk_group_id)
                .field("PreSharedKeyID.psk_epoch", psk_epoch),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u8 => Self::External(from.read()),
            2 => Self::Resumption { usage: from.read(), psk_group_id: from.read(), psk_epoch: from.read() },
            other => panic!("a psktype of {other}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    Add(Box<KeyPackage>),
    Update(Box<LeafNode>),
    Remove(u32),
    PreSharedKey(PreSharedKeyId),
    ReInit(ReInit),
    ExternalInit(Vec<u8>),
    GroupContextExtensions(Vec<Extension>),
    /// Any type, with its content as `opaque<V>`.
    Custom(u16, Vec<u8>),
    /// Type and content, as they are.
    Raw(Vec<u8>),
}

impl Default for Proposal {
    fn default() -> Self {
        Self::Remove(0)
    }
}

impl Proposal {
    #[must_use]
    pub fn add(key_package: &KeyPackage) -> Self {
        Self::Add(Box::new(key_package.clone()))
    }

    #[must_use]
    pub fn update(leaf_node: LeafNode) -> Self {
        Self::Update(Box::new(leaf_node))
    }
}

impl Wire for Proposal {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "Proposal.proposal_type";
        match self {
            Self::Add(key_package) => pen.field(TYPE, &1u16).field("Add.key_package", key_package),
            Self::Update(leaf_node) => pen.field(TYPE, &2u16).field("Update.leaf_node", leaf_node),
            Self::Remove(removed) => pen.field(TYPE, &3u16).field("Remove.removed", removed),
            Self::PreSharedKey(psk) => pen.field(TYPE, &4u16).field("PreSharedKey.psk", psk),
            Self::ReInit(reinit) => pen.field(TYPE, &5u16).field("ReInit", reinit),
            Self::ExternalInit(kem_output) => pen.field(TYPE, &6u16).field("ExternalInit.kem_output", kem_output),
            Self::GroupContextExtensions(list) => {
                pen.field(TYPE, &7u16).field("GroupContextExtensions.extensions", list)
            }
            Self::Custom(kind, content) => pen.field(TYPE, kind).field("Proposal.content", content),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u16 => Self::Add(from.read()),
            2 => Self::Update(from.read()),
            3 => Self::Remove(from.read()),
            4 => Self::PreSharedKey(from.read()),
            5 => Self::ReInit(from.read()),
            6 => Self::ExternalInit(from.read()),
            7 => Self::GroupContextExtensions(from.read()),
            kind => Self::Custom(kind, from.read()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalOrRef {
    Proposal(Proposal),
    Reference(Vec<u8>),
    /// Type and what follows, as they are.
    Raw(Vec<u8>),
}

impl From<Proposal> for ProposalOrRef {
    fn from(proposal: Proposal) -> Self {
        Self::Proposal(proposal)
    }
}

impl Wire for ProposalOrRef {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "ProposalOrRef.type";
        match self {
            Self::Proposal(proposal) => pen.field(TYPE, &1u8).field("ProposalOrRef.proposal", proposal),
            Self::Reference(reference) => pen.field(TYPE, &2u8).field("ProposalOrRef.reference", reference),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u8 => Self::Proposal(from.read()),
            2 => Self::Reference(from.read()),
            other => panic!("a ProposalOrRefType of {other}"),
        }
    }
}
