//! What bytes can be taken for, and how a choice is made among the structures when none is given.

use cenacle_codec::{Decode, DecodeError};
use cenacle_mls::wire::{
    AuthenticatedContent, Commit, GroupContext, GroupInfo, GroupSecrets, KeyPackage, LeafNode, MlsMessage,
    PrivateMessage, Proposal, PublicMessage, UpdatePath, Welcome, WireTree,
};
use clap::ValueEnum;

use super::{value::Value, wire::Show};

/// A structure that bytes can be decoded as, bare unless it is [`Shape::Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Shape {
    /// MLSMessage: anything in its envelope
    Message,
    /// KeyPackage
    KeyPackage,
    /// GroupInfo
    GroupInfo,
    /// Welcome
    Welcome,
    /// Content of the ratchet_tree extension
    RatchetTree,
    /// GroupContext
    GroupContext,
    /// AuthenticatedContent
    AuthenticatedContent,
    /// PublicMessage
    PublicMessage,
    /// PrivateMessage
    PrivateMessage,
    /// LeafNode
    LeafNode,
    /// UpdatePath
    UpdatePath,
    /// GroupSecrets, as decrypted from a Welcome
    GroupSecrets,
    /// Commit
    Commit,
    /// Proposal
    Proposal,
}

impl Shape {
    /// All of them. Those that leave the least to chance come first.
    pub const ALL: &'static [Self] = &[
        Self::Message,
        Self::KeyPackage,
        Self::GroupInfo,
        Self::Welcome,
        Self::RatchetTree,
        Self::GroupContext,
        Self::AuthenticatedContent,
        Self::PublicMessage,
        Self::PrivateMessage,
        Self::LeafNode,
        Self::UpdatePath,
        Self::GroupSecrets,
        Self::Commit,
        Self::Proposal,
    ];

    /// Its name in RFC 9420.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "MLSMessage",
            Self::KeyPackage => "KeyPackage",
            Self::GroupInfo => "GroupInfo",
            Self::Welcome => "Welcome",
            Self::RatchetTree => "ratchet_tree",
            Self::GroupContext => "GroupContext",
            Self::AuthenticatedContent => "AuthenticatedContent",
            Self::PublicMessage => "PublicMessage",
            Self::PrivateMessage => "PrivateMessage",
            Self::LeafNode => "LeafNode",
            Self::UpdatePath => "UpdatePath",
            Self::GroupSecrets => "GroupSecrets",
            Self::Commit => "Commit",
            Self::Proposal => "Proposal",
        }
    }

    /// Decodes all of `bytes` as this structure.
    ///
    /// # Errors
    /// Where and why they are none.
    pub fn decode(self, bytes: &[u8]) -> Result<Value, DecodeError> {
        let content = match self {
            Self::Message => whole::<MlsMessage>(bytes),
            Self::KeyPackage => whole::<KeyPackage>(bytes),
            Self::GroupInfo => whole::<GroupInfo>(bytes),
            Self::Welcome => whole::<Welcome>(bytes),
            Self::RatchetTree => whole::<WireTree>(bytes),
            Self::GroupContext => whole::<GroupContext>(bytes),
            Self::AuthenticatedContent => whole::<AuthenticatedContent>(bytes),
            Self::PublicMessage => whole::<PublicMessage>(bytes),
            Self::PrivateMessage => whole::<PrivateMessage>(bytes),
            Self::LeafNode => whole::<LeafNode>(bytes),
            Self::UpdatePath => whole::<UpdatePath>(bytes),
            Self::GroupSecrets => whole::<GroupSecrets>(bytes),
            Self::Commit => whole::<Commit>(bytes),
            Self::Proposal => whole::<Proposal>(bytes),
        }?;
        Ok(Value::new(self.name(), content))
    }
}

fn whole<T: Decode + Show>(bytes: &[u8]) -> Result<super::Content, DecodeError> {
    T::from_bytes(bytes).map(|value| value.show())
}

/// What bytes were taken for.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// As which structure they were decoded.
    pub shape: Shape,
    /// What is in it.
    pub value: Value,
    /// As which other structures they could be decoded, if none was asked for.
    pub others: Vec<Shape>,
}

/// Why bytes could not be decoded as anything that was tried.
#[derive(Clone, Debug)]
pub struct NotDecodable {
    /// The attempt that came furthest.
    pub shape: Shape,
    /// Where it ended, and why.
    pub error: DecodeError,
    /// How many structures were tried.
    pub tried: usize,
}

/// Decodes `bytes` as `shape`, or as the first that fits.
///
/// # Errors
/// When they are not canonical bytes of any structure that was tried.
pub fn inspect(bytes: &[u8], shape: Option<Shape>) -> Result<Inspected, NotDecodable> {
    let candidates = shape.as_slice();
    let candidates = if candidates.is_empty() { Shape::ALL } else { candidates };
    let mut fitting: Vec<(Shape, Value)> = Vec::new();
    let mut furthest = NotDecodable {
        shape: Shape::Message,
        error: DecodeError { offset: 0, kind: cenacle_codec::DecodeErrorKind::UnexpectedEnd },
        tried: candidates.len(),
    };
    for (attempt, candidate) in candidates.iter().enumerate() {
        match candidate.decode(bytes) {
            Ok(value) => fitting.push((*candidate, value)),
            Err(error) if attempt == 0 || error.offset > furthest.error.offset => {
                (furthest.shape, furthest.error) = (*candidate, error);
            }
            Err(_) => {}
        }
    }
    let mut fitting = fitting.into_iter();
    let (shape, value) = fitting.next().ok_or(furthest)?;
    Ok(Inspected { shape, value, others: fitting.map(|(other, _)| other).collect() })
}
