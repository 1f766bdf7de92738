//! Framing, commits and update paths (RFC 9420 §6, §7.6, §12.4).

use super::{LeafNode, Proposal, ProposalOrRef, code};
use crate::forge::pen::{Pen, Scan, Wire, wire_structs};

wire_structs! {
    HpkeCiphertext {
        kem_output: Vec<u8>,
        ciphertext: Vec<u8>,
    }

    UpdatePathNode {
        encryption_key: Vec<u8>,
        encrypted_path_secret: Vec<HpkeCiphertext>,
    }

    UpdatePath {
        leaf_node: LeafNode,
        nodes: Vec<UpdatePathNode>,
    }

    Commit {
        proposals: Vec<ProposalOrRef>,
        path: Option<UpdatePath>,
    }

    FramedContent {
        group_id: Vec<u8>,
        epoch: u64,
        sender: Sender,
        authenticated_data: Vec<u8>,
        content: Content,
    }

    PrivateMessage {
        group_id: Vec<u8>,
        epoch: u64,
        content_type: u8,
        authenticated_data: Vec<u8>,
        encrypted_sender_data: Vec<u8>,
        ciphertext: Vec<u8>,
    }

    SenderData {
        leaf_index: u32,
        generation: u32,
        reuse_guard: [u8; 4],
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    Member(u32),
    External(u32),
    NewMemberProposal,
    NewMemberCommit,
    /// `sender_type` and what follows, as they are.
    Raw(Vec<u8>),
}

impl Default for Sender {
    fn default() -> Self {
        Self::Member(0)
    }
}

impl Wire for Sender {
    fn write(&self, pen: &mut Pen) {
        const TYPE: &str = "Sender.sender_type";
        match self {
            Self::Member(leaf_index) => pen.field(TYPE, &1u8).field("Sender.leaf_index", leaf_index),
            Self::External(sender_index) => pen.field(TYPE, &2u8).field("Sender.sender_index", sender_index),
            Self::NewMemberProposal => pen.field(TYPE, &3u8),
            Self::NewMemberCommit => pen.field(TYPE, &4u8),
            Self::Raw(bytes) => pen.raw(bytes),
        };
    }

    fn read(from: &mut Scan<'_>) -> Self {
        match from.read() {
            1u8 => Self::Member(from.read()),
            2 => Self::External(from.read()),
            3 => Self::NewMemberProposal,
            4 => Self::NewMemberCommit,
            other => panic!("a sender_type of {other}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Application(Vec<u8>),
    Proposal(Proposal),
    Commit(Commit),
    /// A `content_type` and a body, as it is.
    Raw(u8, Vec<u8>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Application(Vec::new())
    }
}

impl Content {
    #[must_use]
    pub const fn content_type(&self) -> u8 {
        match self {
            Self::Application(_) => code::APPLICATION,
            Self::Proposal(_) => code::PROPOSAL,
            Self::Commit(_) => code::COMMIT,
            Self::Raw(kind, _) => *kind,
        }
    }

    /// What follows the content type.
    pub fn write_body(&self, pen: &mut Pen) {
        match self {
            Self::Application(data) => pen.field("FramedContent.application_data", data),
            Self::Proposal(proposal) => pen.field("FramedContent.proposal", proposal),
            Self::Commit(commit) => pen.field("FramedContent.commit", commit),
            Self::Raw(_, body) => pen.raw(body),
        };
    }

    /// Reads what follows the content type.
    pub fn read_body(content_type: u8, from: &mut Scan<'_>) -> Self {
        match content_type {
            code::APPLICATION => Self::Application(from.read()),
            code::PROPOSAL => Self::Proposal(from.read()),
            code::COMMIT => Self::Commit(from.read()),
            other => panic!("a content_type of {other}"),
        }
    }
}

impl Wire for Content {
    fn write(&self, pen: &mut Pen) {
        pen.field("FramedContent.content_type", &self.content_type());
        self.write_body(pen);
    }

    fn read(from: &mut Scan<'_>) -> Self {
        let content_type = from.read();
        Self::read_body(content_type, from)
    }
}

/// `FramedContentAuthData`. Whether there is a tag is for the writer to say, whatever the content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    pub signature: Vec<u8>,
    pub confirmation_tag: Option<Vec<u8>>,
}

impl Auth {
    /// Reads what goes with a content of this type.
    pub fn read_for(content_type: u8, from: &mut Scan<'_>) -> Self {
        let signature = from.read();
        Self { signature, confirmation_tag: (content_type == code::COMMIT).then(|| from.read()) }
    }

    /// Its encoding.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.signature.bytes();
        if let Some(tag) = &self.confirmation_tag {
            bytes.extend(tag.bytes());
        }
        bytes
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicMessage {
    pub content: FramedContent,
    pub auth: Auth,
    pub membership_tag: Option<Vec<u8>>,
}

impl PublicMessage {
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut from = Scan(bytes);
        let content: FramedContent = from.read();
        let auth = Auth::read_for(content.content.content_type(), &mut from);
        let membership_tag = matches!(content.sender, Sender::Member(_)).then(|| from.read());
        assert!(from.0.is_empty(), "bytes are left over");
        Self { content, auth, membership_tag }
    }
}
